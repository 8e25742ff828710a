#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a host's GPUs and framework."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_info
short_description: What the driver says and what the framework of a release sees and computes
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Asks the driver (C(nvidia-smi)) and, in the release's own Python and within a time limit, the framework - its version, whether
    it is a CPU-only or a CUDA build, the devices that it sees and, from O(level=2) on, whether a compiled graph computes on each.
  - Judges nothing; M(airgap.ferry.gpu_verdict) compares with what is expected.
  - Frameworks that it knows - TensorFlow. A release without one gives C(framework=null).
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
    description: Folder on the host that holds the releases.
    type: path
    required: true
  release:
    description: Which release; by default the live one.
    type: str
  level:
    description:
      - V(0) asks the driver alone; V(1) also imports the framework and lists its devices; V(2) also computes on each device.
    type: int
    choices: [0, 1, 2]
    default: 2
  timeout:
    description: Seconds that the framework may take. An import takes 6 s, up to 80 s on a loaded host.
    type: int
    default: 300
seealso:
  - module: airgap.ferry.gpu_verdict
"""

EXAMPLES = r"""
- name: Look at the GPUs
  airgap.ferry.gpu_info:
    root: /opt/ferry
  register: __ferry_gpu
"""

RETURN = r"""
release:
  description: Id of the release that was looked at.
  type: str
  returned: success
packages:
  description: Version by normalised name of every distribution that is in the release now.
  type: dict
  returned: success
trim:
  description: The named reduction of the release's profile; none where it is whole.
  type: str
  returned: success
  sample: inference
locked:
  description: The same as it was when the release was built.
  type: dict
  returned: success
driver:
  description: The driver's answer, with its outcome (ok, absent, failed, timeout), reason and devices.
  type: dict
  returned: success
  sample: {"outcome": "absent", "reason": "nvidia-smi is not on PATH", "devices": []}
framework:
  description: What the framework is and sees; null where the release has none that is known, or at level 0.
  type: dict
  returned: success
  sample:
    framework: tensorflow
    locked_version: 2.18.1
    outcome: ok
    reason: null
    steps:
      import: {"version": "2.18.1", "build": "cpu", "cuda": null, "cudnn": null, "seconds": 6.1}
      devices: {"devices": [{"name": "/CPU:0", "type": "CPU", "model": null}]}
      compute: {"computed": [{"device": "/CPU:0", "error": 0.00004, "reason": null}]}
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
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.host import facts, gpu, wheel_record
from ansible_collections.airgap.ferry.plugins.module_utils.host.release import Root


def look(params):
    """The result of the module; see RETURN."""
    root = Root(params["root"])
    release = params["release"] or root.live()
    facts_of_release = root.read(release)
    if facts_of_release is None:
        raise FerryError(
            "FERRY-INSTALL-004",
            "%s has no complete release %s; run deploy.yml." % (params["root"], release or "that is live"),
        )
    locked = facts_of_release["packages"]
    framework, version = gpu.framework_of(locked)
    found = None
    if framework and params["level"] > 0:
        found = dict(
            gpu.probe(root.python(release), framework, params["level"], params["timeout"]), locked_version=version
        )
    return {
        "changed": False,
        "release": release,
        "packages": wheel_record.distributions(root.site(release, facts_of_release["python"])),
        "locked": locked,
        "trim": facts_of_release.get("trim"),  # a release that an older collection built says nothing of it
        "driver": gpu.driver(),
        "framework": found,
        "event": {"release": release, "network": {"routes": facts.routes()}},
    }


def main():
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "release": {"type": "str"},
            "level": {"type": "int", "choices": [0, 1, 2], "default": 2},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    running.finish(module, "verify", lambda: look(module.params))


if __name__ == "__main__":
    main()
