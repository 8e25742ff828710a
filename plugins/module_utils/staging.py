# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the staging modules share: their common options, and the third-party tools beside the interpreter that runs them."""

from __future__ import annotations

import importlib.util
import os
import sys

from .resolve import index

LOCK_OPTIONS = {
    "name": {"type": "str", "required": True},
    "workdir": {"type": "path", "required": True},
    "profiles": {"type": "dict", "required": True},
    "kit": {"type": "dict"},
    "requirements": {"type": "list", "elements": "str", "default": []},
    "constraints": {"type": "list", "elements": "str", "default": []},
    "index_url": {"type": "str"},
    "mirror": {"type": "str", "choices": sorted(index.MIRRORS)},
    "refresh": {"type": "bool", "default": False},
    "prefer": {"type": "str", "choices": ["newest", "previous"], "default": "newest"},
    "as_of": {"type": "str"},
    "crosscheck_index_url": {"type": "str"},
    "approvals": {
        "type": "dict",
        "options": {
            "files": {"type": "list", "elements": "path", "required": True},
            "enforce": {"type": "bool", "default": True},
        },
    },
}

SIGNING_OPTIONS = {
    "backend": {"type": "str", "choices": ["gpg", "ssh"], "default": "gpg"},
    "key": {"type": "str", "required": True, "no_log": False},
    "home": {"type": "path"},
    "passphrase_file": {"type": "path", "no_log": False},
    "passphrase": {"type": "str", "no_log": True},
}

_LIBRARIES = ("cyclonedx", "license_expression", "packaging", "pip", "pypi_attestations", "tomllib", "uv")


class Tools:
    """uv and pip of the running interpreter's environment, and the environment variables that give both the one index."""

    def __init__(self, index_url, mirror):
        self.uv = [os.path.join(os.path.dirname(sys.executable), "uv")]
        self.pip = [sys.executable, "-m", "pip"]
        self.environment = index.environment(sys.executable, index_url, mirror)


def hide_credentials(module):
    """Keep an address with a user, password or query out of all that Ansible says: told to be verbose it repeats a module's arguments."""
    for name in ("index_url", "crosscheck_index_url"):
        address = module.params.get(name)
        if address and ("@" in address or "?" in address):
            module.no_log_values.add(address)


def require_libraries(module):
    """Leave with FERRY-TOOL-001 where the interpreter is not that of a tools environment."""
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        module.fail_json(
            code="FERRY-TOOL-001",
            msg="FERRY-TOOL-001: %s has no %s; run this module with the interpreter that airgap.ferry.staging_tools returns."
            % (sys.executable, ", ".join(missing)),
        )
