# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip_offline with the options in ``argv[1]`` (JSON), as a host runs it: what is killed. Never returns."""

from __future__ import annotations

import json
import pathlib
import sys

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / ".ansible" / "collections"))

from ansible.module_utils import basic
from ansible_collections.airgap.ferry.plugins.modules import pip_offline


def run(options):
    """Leave through the module's own exit."""
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode()
    basic._ANSIBLE_PROFILE = "legacy"  # asked for from ansible-core 2.19 on
    pip_offline.main()


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
