#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receive a bundle from the zone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_receive
short_description: Copy the newest complete bundle from the transfer zone into the depot's quarantine
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Picks the highest serial of O(name) whose list C(<name>-<serial>.sha256) is there, compares every file with the list, and copies it to
    C(<depot_root>/incoming/) under a temporary name. By the list it knows whether a folder or parts lie there; both give the same.
  - A serial that is not above the highest that the depot ever accepted is left in the zone, unless O(allow_serial) names it, or it is the
    one that was published last and its folder was removed from the depot since. One that is more than a day ahead of the depot's clock is
    left there too, and so is what was refused and passed over in this depot already; a warning says so.
  - A bundle that the depot has already is not read again. Nothing is trusted yet; M(airgap.ferry.bundle_open) judges the signature.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    support: full
    platforms: posix
options:
  name:
    description: Name of the bundle.
    type: str
    required: true
  depot_root:
    description: Folder of the depot.
    type: path
    required: true
  zone:
    description: Where it comes from.
    type: dict
    required: true
    suboptions:
      driver:
        description: How the zone is reached; a directory is a mounted disk or a gate's drop box.
        type: str
        choices: [directory]
        default: directory
      path:
        description: The folder, as this host sees it.
        type: path
        required: true
      part_size:
        description: Size of a part. Only M(airgap.ferry.bundle_send) asks for it.
        type: raw
  allow_serial:
    description:
      - The one serial to take, even where the depot has accepted a newer one before.
      - It is a pin, and a newer bundle in the zone is not taken. Give it to M(airgap.ferry.bundle_open) too.
    type: int
seealso:
  - module: airgap.ferry.bundle_open
"""

EXAMPLES = r"""
- name: Receive
  airgap.ferry.bundle_receive:
    name: tf
    depot_root: /srv/depot
    zone:
      path: /media/usb/ferry

- name: Receive an older bundle on purpose
  airgap.ferry.bundle_receive:
    name: tf
    depot_root: /srv/depot
    zone:
      path: /media/usb/ferry
    allow_serial: 1795363200
"""

RETURN = r"""
serial:
  description: The serial that the depot has now, in quarantine where it waits to be opened, else published.
  type: int
  returned: success
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
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import memory
from ansible_collections.airgap.ferry.plugins.module_utils.zone import directory, options


def receive(params, check_mode):
    """The result of the module; see RETURN."""
    root, name = params["depot_root"], params["name"]
    published, warnings = memory.newest(root, name), []
    serial, changed = directory.receive(
        params["zone"]["path"],
        root,
        name,
        published,
        check_mode,
        params.get("allow_serial"),
        warn=warnings.append,
    )
    bundle = dict(memory.allowance(published, serial), name=name, serial=serial)
    warnings += memory.outgrown(published)
    return {"changed": changed, "serial": serial, "event": {"bundle": bundle}, "warnings": warnings}


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "depot_root": {"type": "path", "required": True},
            "zone": options.ZONE,
            "allow_serial": {"type": "int"},
        },
        supports_check_mode=True,
    )

    running.finish_alone(module, "receive", module.params["depot_root"], receive)


if __name__ == "__main__":
    main()
