#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send a bundle to the zone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_send
short_description: Copy the newest bundle into the transfer zone
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Copies the newest bundle of O(name) to C(<zone>/<name>-<serial>/) under a temporary name, hashes what it writes, renames it, and
    writes C(<name>-<serial>.sha256) last; a copy without that list is never picked up.
  - With O(zone.part_size) it is written as one tar stream in parts, C(<name>-<serial>.tar.0001) and so on, and the list names these. By hand,
    C(sha256sum -c) and C(cat ... | tar x) put it together again. Nothing is written to the staging host's disk.
  - A copy that lies there already is compared byte for byte; one that differs is refused, unless all it lacks is signatures that were added
    to the bundle since, which are then brought. One whose list cannot be read is written anew.
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
  workdir:
    description: Folder of the staging host where M(airgap.ferry.bundle_build) built it.
    type: path
    required: true
  zone:
    description: Where it goes.
    type: dict
    required: true
    suboptions:
      driver:
        description: How the zone is reached; a directory is a mounted disk or a gate's drop box.
        type: str
        choices: [directory]
        default: directory
      path:
        description: The folder, as this host sees it. It must exist, so that an unmounted disk is noticed.
        type: path
        required: true
      part_size:
        description:
          - Size of a part, 1 MiB or more, in bytes or like V(650MB) or V(4095MiB); at most 9999 parts. Without it the bundle is sent as a folder.
          - FAT32 holds files of up to 4 GiB less one byte.
        type: raw
seealso:
  - module: airgap.ferry.bundle_receive
"""

EXAMPLES = r"""
- name: Send
  airgap.ferry.bundle_send:
    name: tf
    workdir: /srv/ferry
    zone:
      path: /media/usb/ferry

- name: Send in parts that FAT32 can hold
  airgap.ferry.bundle_send:
    name: tf
    workdir: /srv/ferry
    zone:
      path: /media/usb/ferry
      part_size: 4095MiB
"""

RETURN = r"""
bundle:
  description: The bundle that lies in the zone now.
  type: dict
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
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import built, parts
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.zone import directory, options


def send(params, check_mode):
    """The result of the module; see RETURN."""
    bundle = built.newest(params["workdir"], params["name"])
    if bundle is None:
        raise FerryError(
            "FERRY-ZONE-004",
            "%s holds no bundle named %s; run prepare.yml first." % (params["workdir"], params["name"]),
        )
    zone = params["zone"]
    part_size = None if zone.get("part_size") is None else parts.size_of(zone["part_size"])
    changed = directory.send(bundle["path"], zone["path"], params["name"], bundle["serial"], check_mode, part_size)
    return {"changed": changed, "bundle": bundle, "event": {"bundle": bundle}}


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "workdir": {"type": "path", "required": True},
            "zone": options.ZONE,
        },
        supports_check_mode=True,
    )

    running.finish_alone(module, "send", module.params["workdir"], send)


if __name__ == "__main__":
    main()
