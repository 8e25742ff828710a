# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what host_info found, and the profiles proposed from it; see plugins/modules/survey_report.py."""

from __future__ import annotations

import json
import os

from ansible.plugins.action import ActionBase
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import files
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError, from_os_error
from ansible_collections.airgap.ferry.plugins.plugin_utils import survey

_OPTIONS = {
    "file": {"type": "path", "required": True},
    "hosts": {"type": "dict", "required": True},
    "unreached": {"type": "list", "elements": "str", "default": []},
    "anonymous": {"type": "bool", "default": False},
}
_SUFFIX = ".json"


class ActionModule(ActionBase):
    """The thin part: facts in, two files out. It gives no event: it changes a paper on the controller and none of the hosts."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Run on the controller alone."""
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(_OPTIONS)
        try:
            result.update(self._write(options))
        except OSError as error:
            error = from_os_error(error, "writing the survey")
            result.update(failed=True, msg=str(error), code=error.code)
        except FerryError as error:
            result.update(failed=True, msg=str(error), code=error.code)
        return result

    def _write(self, options):
        found = (options["hosts"], options["unreached"], options["anonymous"])
        path = os.path.abspath(options["file"])
        beside = path[: -len(_SUFFIX)] + ".yml"
        if not path.endswith(_SUFFIX):
            raise FerryError(
                "FERRY-SURVEY-001",
                "ferry_survey_file: expected a name that ends in %s, found %s; the proposal is written beside it, as .yml."
                % (_SUFFIX, path),
            )
        new, written, proposed = survey.paper(*found), _read(path), _read(beside)
        old = survey.loads(written) if written else None
        if (written and old is None) or (proposed and not proposed.startswith(survey.HEAD.encode("ascii"))):
            raise FerryError(
                "FERRY-SURVEY-001",
                "%s: expected an earlier survey or no file, found something else; move it away, or set ferry_survey_file to another."
                % (beside if old or not written else path),
            )
        wanted = {
            path: survey.dumps(survey.settled(new, old) if old else new),
            beside: survey.proposal_yaml(*found).encode("utf-8"),
        }
        changes = [(name, before, wanted[name]) for name, before in ((path, written), (beside, proposed))]
        changes = [change for change in changes if change[1] != change[2]]
        if changes and not self._task.check_mode:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            for name, _before, after in changes:
                files.write_durably(name, after)
        result = {"changed": bool(changes), "file": path, "proposal_file": beside, "proposal": new["proposal"]}
        if self._task.diff:
            result["diff"] = [
                {"before_header": name, "after_header": name, "before": _shown(before), "after": _shown(after)}
                for name, before, after in changes
            ]
        return result


def _read(path):
    """The file's bytes; None where there is none."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def _shown(data):
    """For a person: canonical JSON is one line."""
    text = (data or b"").decode("utf-8")
    return json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n" if text.startswith("{") else text
