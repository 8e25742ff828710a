#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the tools environment of a staging host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: staging_tools
short_description: Make the environment of third-party tools that a staging host needs
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Makes a virtual environment with exactly the hash-pinned O(requirements) (uv, pip and packaging), once.
  - Its folder carries the digest of the requirements and of the Python, so another pin makes another environment.
  - The index, proxy and CA come from pip's own configuration of the user, unless O(index_url) is given.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: partial
    details: The environment is a cache and is made in check mode too, because resolving in check mode needs it.
  diff_mode:
    support: none
  platform:
    support: full
    platforms: posix
options:
  path:
    description: Folder under which the environment is made.
    type: path
    required: true
  requirements:
    description: Text of a requirements file with a hash for every wheel.
    type: str
    required: true
  index_url:
    description: Index to use instead of the one in pip's configuration. Exclusive with O(mirror).
    type: str
  mirror:
    description: A well-known public mirror by name.
    type: str
    choices: [tuna, aliyun, ustc]
requirements:
  - Python 3.11 or newer with venv and ensurepip (Debian, package python3-venv)
"""

EXAMPLES = r"""
- name: Make the tools environment
  airgap.ferry.staging_tools:
    path: /srv/ferry/tools
    requirements: "{{ lookup('ansible.builtin.file', 'tools.txt') }}"
  register: __ferry_tools
"""

RETURN = r"""
python:
  description: Path of the environment's Python, to be the interpreter of the staging modules.
  type: str
  returned: success
  sample: /srv/ferry/tools/0f1e2d3c4b5a/bin/python
event:
  description: What the change record keeps of this task.
  type: dict
  returned: always
code:
  description: The stable code of the error, as in docs/codes.md.
  type: str
  returned: failure
"""

import hashlib
import os
import shutil
import subprocess
import sys

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.ferry.plugins.module_utils import mutex, running, staging
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError, disk_full, says_disk_full
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index

_MARKER = "complete"
_OLDEST_PYTHON = (3, 11)


def make(params):
    """The result of the module; see RETURN."""
    if sys.version_info < _OLDEST_PYTHON:
        raise FerryError(
            "FERRY-TOOL-001",
            "%s is Python %s, expected 3.11 or newer; set ferry_staging_python."
            % (sys.executable, sys.version.split()[0]),
        )
    digest = hashlib.sha256(
        ("%s\n%s\n%s" % (sys.version, sys.base_prefix, params["requirements"])).encode("utf-8")
    ).hexdigest()
    with mutex.only_run(params["path"]):
        folder = os.path.join(params["path"], digest[:12])
        python = os.path.join(folder, "bin", "python")
        if os.path.exists(os.path.join(folder, _MARKER)):
            return {"changed": False, "python": python}
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _make(folder, python, params)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return {"changed": True, "python": python}


def _make(folder, python, params):
    _call(
        folder,
        [sys.executable, "-m", "venv", folder],
        "install the package with venv and ensurepip (Debian, python3-venv)",
    )
    listing = os.path.join(folder, "requirements.txt")
    with open(listing, "w", encoding="utf-8") as stream:
        stream.write(params["requirements"])
    install = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "-r",
        listing,
    ]
    if params["index_url"] or params["mirror"]:
        install += ["--index-url", params["index_url"] or index.MIRRORS[params["mirror"]]]
    _call(folder, install, "check the package index in pip's configuration or ferry_index_url")
    with open(os.path.join(folder, _MARKER), "w", encoding="utf-8"):
        pass


def _call(folder, command, next_step):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
    if says_disk_full(done.stdout):
        raise disk_full(folder, "making the staging tools")
    if done.returncode != 0:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise FerryError(
            "FERRY-TOOL-001", "the staging tools could not be made: %s; %s." % (" ".join(lines)[-400:], next_step)
        )


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "requirements": {"type": "str", "required": True},
            "index_url": {"type": "str"},
            "mirror": {"type": "str", "choices": sorted(index.MIRRORS)},
        },
        mutually_exclusive=[("index_url", "mirror")],
        supports_check_mode=True,
    )
    staging.hide_credentials(module)
    running.finish(module, "tools", lambda: make(module.params))


if __name__ == "__main__":
    main()
