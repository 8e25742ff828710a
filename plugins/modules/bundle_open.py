#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open a received bundle."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_open
short_description: Check a received bundle whole and publish it in the depot
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Checks the newest bundle of O(name) in the depot's quarantine, in this order - plain files only, signature by a trusted builder,
    statement, closed file list, every hash - and only then publishes it by rename as C(<depot_root>/bundles/<id>/).
  - A refused bundle stays in quarantine; nothing else changes. An older serial than the published one is refused.
  - What is published is plain files for any web server, or a mounted medium; hosts trust the id alone.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details: Every check runs; nothing is published.
  diff_mode:
    support: full
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
  trusted_keys:
    description: Who may build bundles. Lives in the inside inventory, never in a bundle.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Who that is, for the record.
        type: str
        required: true
      backend:
        description: Kind of the key.
        type: str
        choices: [gpg]
        default: gpg
      fingerprint:
        description: Full fingerprint of the primary key, 40 hexadecimal digits.
        type: str
        required: true
      key:
        description: The public key, ASCII-armoured.
        type: str
        required: true
      roles:
        description: What its signature is trusted for.
        type: list
        elements: str
        choices: [builder]
        default: [builder]
requirements:
  - gpg (Debian, package gnupg)
seealso:
  - module: airgap.ferry.bundle_receive
  - module: airgap.ferry.pip_offline
"""

EXAMPLES = r"""
- name: Open
  airgap.ferry.bundle_open:
    name: tf
    depot_root: /srv/depot
    trusted_keys: "{{ ferry_trusted_keys }}"
"""

RETURN = r"""
bundle:
  description: The published bundle, with RV(bundle.id) for M(airgap.ferry.pip_offline).
  type: dict
  returned: success
  contains:
    id:
      description: Its id, the sha256 of manifest.json.
      type: str
    serial:
      description: Serial of its statement.
      type: int
    signer:
      description: Name, backend and full fingerprint of the trusted key that signed.
      type: dict
    size:
      description: Sum of its files, in bytes.
      type: int
manifest:
  description: The manifest in base64, in check mode, where it is not published yet and so no host can fetch it.
  type: str
  returned: check mode, when it would be published
event:
  description: What the change record keeps of this task.
  type: dict
  returned: always
code:
  description: The stable code of the error, as in docs/codes.md.
  type: str
  returned: failure
"""

import base64
import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.ferry.plugins.module_utils import running
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import files, manifest, opening

KEY_OPTIONS = {
    "name": {"type": "str", "required": True},
    "backend": {"type": "str", "choices": ["gpg"], "default": "gpg"},
    "fingerprint": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": False},
    "roles": {"type": "list", "elements": "str", "choices": ["builder"], "default": ["builder"]},
}


def open_bundle(params, check_mode):
    """The result of the module; see RETURN."""
    name, root = params["name"], params["depot_root"]
    before = opening.newest(root, name)
    found, changed = opening.open_newest(root, name, params["trusted_keys"], time.time(), check_mode)
    bundle = {key: value for key, value in found.items() if key != "type"}
    result = {"changed": changed, "bundle": bundle, "event": {"bundle": bundle}}
    if changed:
        header = "bundle %s in %s" % (name, root)
        result["diff"] = {
            "before_header": header,
            "after_header": header,
            "before": _shown(before),
            "after": _shown(found),
        }
        if check_mode:
            waiting = os.path.join(
                root, opening.QUARANTINE, opening.directory_name(name, found["serial"]), manifest.NAME
            )
            # In base64, because Ansible before 2.19 takes a text that looks like JSON for a dictionary.
            result["manifest"] = base64.b64encode(files.read_limited(waiting, manifest.LIMIT)).decode("ascii")
    return result


def _shown(found):
    return "id %s\nserial %d\n" % (found["id"], found["serial"]) if found else ""


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "depot_root": {"type": "path", "required": True},
            "trusted_keys": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "no_log": False,
                "options": KEY_OPTIONS,
            },
        },
        supports_check_mode=True,
    )

    running.finish_alone(module, "open", module.params["depot_root"], open_bundle)


if __name__ == "__main__":
    main()
