# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge what gpu_info found; see plugins/modules/gpu_verdict.yml."""

from __future__ import annotations

import time

from ansible.plugins.action import ActionBase
from ansible_collections.airgap.ferry.plugins.plugin_utils.verdict import judge

_OPTIONS = {
    "found": {"type": "dict", "required": True},
    "accelerator": {"type": "str", "choices": ["none", "cuda"], "required": True},
    "gpu_count": {"type": "int", "default": 1},
    "level": {"type": "int", "required": True},
}


class ActionModule(ActionBase):
    """The thin part: options in, verdicts out."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Run on the controller alone."""
        started = time.monotonic()
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(_OPTIONS)
        verdicts = judge(options["found"], options["accelerator"], options["gpu_count"], options["level"])
        bad = [verdict for verdict in verdicts if not verdict["ok"]]
        seconds = round(time.monotonic() - started, 3)
        result.update(
            changed=False, verdicts=verdicts, event={"stage": "verify", "seconds": seconds, "verdicts": verdicts}
        )
        if bad:
            result.update(
                failed=True,
                code=bad[0]["code"],
                msg="%s: %s" % (bad[0]["code"], " Also: ".join(verdict["message"] for verdict in bad)),
            )
        else:
            result["msg"] = "; ".join(verdict["message"] for verdict in verdicts)
        return result
