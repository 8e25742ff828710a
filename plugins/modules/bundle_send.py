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
    writes C(<name>-<serial>.sha256) last; a folder without that list is never picked up.
  - A copy that lies there already is compared byte for byte; one that differs is refused.
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
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import built
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
    changed = directory.send(bundle["path"], params["zone"]["path"], params["name"], bundle["serial"], check_mode)
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
