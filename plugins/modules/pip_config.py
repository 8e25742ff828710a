#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the index into a user's pip configuration."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pip_config
short_description: Write the package index into the user's own pip configuration
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Sets C(global.index-url) in the pip configuration of the user who runs the task, by pip's own C(pip config --user set). pip knows where
    that file lies (C(pip.conf) on Linux and macOS, C(pip.ini) on Windows), and of two it takes the one that is stronger.
  - What counts is the value in the user's own configuration. Settings of the machine or of a virtual environment, C(PIP_CONFIG_FILE) and other
    C(PIP_*) variables are neither read for it nor changed.
  - Everything else in the file stays, but pip writes it anew, without its comments. So the file as it was before the first
    change is kept beside it, once, as C(<file>.ferry-backup), with the same mode.
  - It is not run on Windows or macOS, where this module's way of using pip is the same but was never tried. Ansible runs no modules
    in Python on a Windows host at all; there, C(pip config --user set global.index-url ADDRESS) by hand does the same.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the one setting, not the file, which may hold secrets.
  platform:
    support: full
    platforms: posix
options:
  index_url:
    description:
      - Address of the index. One of O(index_url) and O(mirror) is needed.
      - An address with a user, password or query is refused. C(~/.netrc) is the place for these; pip and uv read it.
    type: str
  mirror:
    description: A well-known public mirror by name. Exclusive with O(index_url).
    type: str
    choices: [tuna, aliyun, ustc]
  python:
    description: A Python with pip, whose user configuration it is. The default is the interpreter that runs the module.
    type: path
requirements:
  - pip in the interpreter O(python) (Debian, package python3-pip)
seealso:
  - module: airgap.ferry.staging_tools
"""

EXAMPLES = r"""
- name: Write the index into pip's configuration
  airgap.ferry.pip_config:
    mirror: tuna
"""

RETURN = r"""
path:
  description: The file of the user that has the setting, or in check mode would have it.
  type: str
  returned: success
  sample: /home/builder/.config/pip/pip.conf
before:
  description: The user's index before, without credentials; none where there was no such setting.
  type: str
  returned: success
  sample: https://pypi.org/simple
after:
  description: The user's index now.
  type: str
  returned: success
  sample: https://pypi.tuna.tsinghua.edu.cn/simple
backup_file:
  description: Where the file as it was before is kept, if this run has put it there, or in check mode would.
  type: str
  returned: success
extra_index_urls:
  description:
    - What any of pip's configuration files adds to the index by C(extra-index-url) or C(find-links); also given as one warning.
    - This collection ignores them. Plain pip does not, and takes a package from whichever of them has the highest version (dependency confusion).
  type: list
  elements: dict
  returned: success
  contains:
    path:
      description: The file.
      type: str
    key:
      description: The setting, with its section.
      type: str
    addresses:
      description: Its addresses or paths, without credentials.
      type: list
      elements: str
event:
  description: What the change record keeps of this task.
  type: dict
  returned: always
code:
  description: The stable code of the error, as in docs/codes.md.
  type: str
  returned: failure
"""

import os
import shutil
import sys
import tempfile
import urllib.parse

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.ferry.plugins.module_utils import running, staging
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index, pip_configuration

_KEY = "global.index-url"
_BACKUP = ".ferry-backup"
_EXTRA = ("extra-index-url", "find-links")


def configure(params, check_mode, warn):
    """The result of the module; see RETURN. ``warn`` is called with each sentence that the operator must read in any case."""
    address = _wanted(params)
    python = params["python"] or sys.executable
    environment = pip_configuration.without_variables()
    files = pip_configuration.files(python, environment)
    before = pip_configuration.user_value(python, _KEY, environment)
    extra = _extra_index_urls(files)
    if extra:
        places = dict.fromkeys("%s in %s" % (entry["key"], entry["path"]) for entry in extra)
        warn(
            "pip's configuration adds sources to its index (%s): this collection ignores them, plain pip does not and takes an internal "
            "package from whoever registers its name there (dependency confusion); remove them." % ", ".join(places)
        )
    changed = before != address
    own = [file for file in files if file.kind == "user"]
    # pip writes the last of the user's files, the strongest; a setting that is right may lie in an older place.
    path = [own[-1].path, *(file.path for file in own if not changed and file.values.get(_KEY) == address)][-1]
    backup = path + _BACKUP if changed and os.path.exists(path) and not os.path.exists(path + _BACKUP) else None
    if changed and not check_mode:
        if backup:
            _copy(path, backup)
        pip_configuration.run(python, ["--user", "set", _KEY, address], environment)
    return {
        "changed": changed,
        "path": path,
        "before": None if before is None else _shown(before),
        "after": address,
        "backup_file": backup,
        "extra_index_urls": extra,
        "diff": {
            "before": "" if before is None else "%s = %s\n" % (_KEY, _shown(before)),
            "after": "%s = %s\n" % (_KEY, address),
            "before_header": path,
            "after_header": path,
        },
    }


def _wanted(params):
    address = params["index_url"] or index.MIRRORS.get(params["mirror"])
    if not address:
        raise FerryError(
            "FERRY-VAR-005",
            "pip's configuration: expected an index to write into it, found neither a mirror nor an address; set ferry_mirror or "
            "ferry_index_url, or ferry_pip_config to false.",
        )
    if address.startswith(("http://", "https://", "file://")) and _shown(address) != address:
        raise FerryError(
            "FERRY-INDEX-002",
            "index_url: expected an address alone, found one with a user, password or query (not shown), which pip's configuration would "
            "keep in clear; write it without, and user and password into ~/.netrc.",
        )
    index.check_address("index_url", address)
    return address


def _extra_index_urls(files):
    return [
        {"path": file.path, "key": key, "addresses": [_shown(part) for part in value.split()]}
        for file in files
        for key, value in sorted(file.values.items())
        if key.partition(".")[2] in _EXTRA and value.strip()
    ]


def _shown(address):
    """The address without what may be a secret, but with a sign that there was one."""
    try:
        parts = urllib.parse.urlsplit(address)
        # No number where a password with a slash in it makes it all read wrongly.
        int(parts.port or 0)
    except ValueError:
        return "(not shown)"
    bare = index.without_credentials(address)
    return bare.replace("://", "://***@", 1) if "@" in parts.netloc else bare


def _copy(path, place):
    """All of it or nothing, and at no time for other eyes than the original."""
    handle, landing = tempfile.mkstemp(dir=os.path.dirname(place), prefix=".ferry-")
    os.close(handle)
    try:
        shutil.copyfile(path, landing)
        shutil.copystat(path, landing)
        os.replace(landing, place)
    except BaseException:
        os.unlink(landing)
        raise


def main():
    module = AnsibleModule(
        argument_spec={
            "index_url": {"type": "str"},
            "mirror": {"type": "str", "choices": sorted(index.MIRRORS)},
            "python": {"type": "path"},
        },
        mutually_exclusive=[("index_url", "mirror")],
        supports_check_mode=True,
    )

    staging.hide_credentials(module)
    running.finish(module, "pip_config", lambda: configure(module.params, module.check_mode, module.warn))


if __name__ == "__main__":
    main()
