#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at what a host is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: What a host is, as far as the choice of its profile hangs on it
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Looks at the system, the processor, the memory, the file system of the releases, the NVIDIA driver and every Python
    interpreter from 3.8 on that it finds. Each interpreter answers for itself, within a time limit.
  - What cannot be measured is none; nothing is guessed. It judges nothing; M(airgap.ferry.survey_report) proposes profiles from it.
  - It writes nothing, and serves an ordinary user, who sees the host as a deployment by the same user will.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details: Reads only, in both modes.
  diff_mode:
    support: none
  platform:
    support: full
    platforms: posix
options:
  root:
    description: Folder on the host that holds the releases, or will. Without it the file system is not looked at.
    type: path
  python:
    description: Interpreter to look at besides those on C(PATH) and in the usual places.
    type: path
seealso:
  - module: airgap.ferry.survey_report
"""

EXAMPLES = r"""
- name: Look at the host
  airgap.ferry.host_info:
    root: /opt/ferry
  register: __ferry_host_info
"""

RETURN = r"""
host:
  description: What the host is.
  type: dict
  returned: success
  contains:
    os:
      description: V(linux), V(windows), or what another system calls itself.
      type: str
    arch:
      description: V(x86_64), V(aarch64), or what another machine calls itself.
      type: str
    libc:
      description: The C library with its version, V(glibc-2.36) or V(musl-1.2.3). None on Windows.
      type: str
    distribution:
      description: RV(ignore:name) and RV(ignore:version) of the distribution, from C(os-release).
      type: dict
      sample: {"name": "Debian GNU/Linux", "version": "12"}
    kernel:
      description: The kernel's release.
      type: str
    cpu:
      description: Model, number of logical processors, and the flags that compiled wheels ask for.
      type: dict
      sample: {"model": "AMD EPYC", "count": 64, "flags": {"avx": true, "avx2": true, "fma": true, "avx512f": false}}
    memory_bytes:
      description: All of the memory, in bytes.
      type: int
    root:
      description: The file system of O(root) - bytes and inodes that are free for this user, and whether it is mounted C(noexec).
      type: dict
      sample: {"path": "/opt/ferry", "free_bytes": 812345678848, "free_inodes": 52428800, "noexec": false}
    selinux:
      description: V(enforcing), V(permissive) or V(disabled). None where it cannot be seen.
      type: str
    long_paths:
      description: Whether Windows allows paths of more than 259 characters. None elsewhere.
      type: bool
    driver:
      description: The NVIDIA driver, with its outcome (ok, absent, failed, timeout), reason, version and devices. Memory is in MiB.
      type: dict
      sample: {"outcome": "ok", "reason": null, "version": "580.65.06", "devices": [{"name": "NVIDIA H200", "memory_mib": 143771}]}
    named_python:
      description: O(python), as it was given.
      type: str
    pythons:
      description: The interpreters that answered, in the order in which a deployment looks for them.
      type: list
      elements: dict
      contains:
        path:
          description: Where it is.
          type: str
        origin:
          description: V(named) by O(python), V(path) where a deployment finds it by itself, V(elsewhere) where it must be named.
          type: str
        version:
          description: Its full version.
          type: str
          sample: 3.11.2
        implementation:
          description: V(cpython) or another.
          type: str
        bits:
          description: 64 or 32.
          type: int
        libc:
          description: The C library that it runs on. None on Windows, and where it does not say.
          type: str
        venv:
          description: Whether it can make environments without pip, which needs no ensurepip.
          type: bool
        ensurepip:
          description: Whether it has ensurepip.
          type: bool
        distutils:
          description: Whether its distutils is whole. None from Python 3.12 on, which has none.
          type: bool
        tag:
          description:
            - The wheel tag of its own builds (Python, ABI, platform). A host of a profile also takes the manylinux tags up to its glibc.
            - None where it is no CPython.
          type: str
          sample: cp311-cp311-linux_x86_64
        markers:
          description: Its marker environment, by the names of PEP 508.
          type: dict
event:
  description: What the change record keeps of this task.
  type: dict
  returned: always
code:
  description: The stable code of the error, as in docs/codes.md.
  type: str
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.ferry.plugins.module_utils import running
from ansible_collections.airgap.ferry.plugins.module_utils.host import facts, survey


def look(params):
    """The result of the module; see RETURN."""
    return {
        "changed": False,
        "host": survey.survey(params["root"], params["python"]),
        "event": {"network": {"routes": facts.routes()}},
    }


def main():
    module = AnsibleModule(
        argument_spec={"root": {"type": "path"}, "python": {"type": "path"}},
        supports_check_mode=True,
    )
    running.finish(module, "survey", lambda: look(module.params))


if __name__ == "__main__":
    main()
