# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring this collection to the staging host, as one archive; see plugins/modules/kit_archive.py."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ansible.plugins.action import ActionBase

from ..module_utils.errors import FerryError, from_os_error
from ..plugin_utils import collection_archive

_ROOT = Path(__file__).resolve().parents[2]


class ActionModule(ActionBase):
    """Packed here, where the collection lies, and copied by Ansible's own copy, which tells the truth about what changes."""

    TRANSFERS_FILES = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        # str and no path: a tilde is the staging host's to resolve.
        _validation, options = self.validate_argument_spec({"dest": {"type": "str", "required": True}})
        try:
            with tempfile.TemporaryDirectory() as folder:
                packed = os.path.join(folder, os.path.basename(options["dest"]))
                with open(packed, "wb") as stream:
                    stream.write(collection_archive.pack(str(_ROOT)))
                # With a slash at its end, so that the folder is made where it is missing.
                result.update(
                    self._copy(packed, os.path.dirname(options["dest"]) + "/", task_vars), dest=options["dest"]
                )
        except OSError as error:
            failure = from_os_error(error, "packing the collection")
            result.update(failed=True, msg=str(failure), code=failure.code)
        except FerryError as failure:
            result.update(failed=True, msg=str(failure), code=failure.code)
        return result

    def _copy(self, packed, dest, task_vars):
        task = self._task.copy()
        task.args = {"src": packed, "dest": dest, "mode": "0644"}
        copy = self._shared_loader_obj.action_loader.get(
            "ansible.builtin.copy",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return copy.run(task_vars=task_vars)
