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
  - A refused bundle stays in quarantine; nothing else changes. Where the next best that waits there is good, that one is published with a
    warning, and the refused one stays as C(<name>-<serial>.refused), which nobody opens or receives again.
  - A serial that is not above the highest that the depot ever accepted is refused, unless O(allow_serial) names it. The one that was
    published last is taken again where C(<depot_root>/bundles/<id>/) was removed to repair it; the depot's memory in C(names/) stays.
  - Where the same files were published under an older statement, the statement, its signatures and the other papers are renewed.
  - What waits in quarantine and is older than what is published goes from there.
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
  allow_serial:
    description:
      - The one serial to open, even where the depot has accepted a newer one before; the change record says so.
      - It is a pin, and a newer bundle in quarantine is not opened. Everything else is checked as always, an expired bundle is refused.
    type: int
  trusted_keys:
    description: Whose signatures count, and for what. Lives in the inside inventory, never in a bundle.
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
        choices: [gpg, ssh]
        default: gpg
      fingerprint:
        description: Full fingerprint of the primary key, 40 hexadecimal digits; of an ssh key C(SHA256:) and 43 characters.
        type: str
        required: true
      key:
        description: The public key, ASCII-armoured; of an ssh key the line of its C(.pub) file.
        type: str
        required: true
      roles:
        description: What its signature is trusted for.
        type: list
        elements: str
        choices: [builder, approver]
        default: [builder]
      revoked:
        description: Whether its signatures are refused, by name.
        type: bool
        default: false
      expires:
        description: A day as V(YYYY-MM-DD); from its beginning on (UTC) its signatures are refused.
        type: str
  required_signatures:
    description:
      - How many people have to have signed, by role. Each counts once and for one role.
      - Every signature that is there has to be a good one of a trusted key, also one that nobody asked for.
    type: dict
    default: {builder: 1}
    suboptions:
      builder:
        description: Signatures by builders, one at least.
        type: int
        default: 1
      approver:
        description: Signatures by approvers.
        type: int
        default: 0
requirements:
  - gpg (Debian, package gnupg), or ssh-keygen of OpenSSH 8.2 or newer (Debian, package openssh-client), as O(trusted_keys) asks
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
    highest:
      description: The highest serial that this depot ever accepted under this name.
      type: int
    allowed:
      description: Whether it could only be opened because O(allow_serial) named it.
      type: bool
    replaced:
      description: The serial that it replaced where RV(bundle.allowed), else null.
      type: int
    signers:
      description: Of each signature its file, and the name, backend, full fingerprint and roles of the trusted key that made it.
      type: list
      elements: dict
    size:
      description: Sum of its files, in bytes.
      type: int
manifest:
  description: The manifest in base64, in check mode, where it is not published yet and so no host can fetch it.
  type: str
  returned: check mode, when it would be published and its files are not there yet
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
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import files, manifest, memory, opening, signing

KEY_OPTIONS = {
    "name": {"type": "str", "required": True},
    "backend": {"type": "str", "choices": ["gpg", "ssh"], "default": "gpg"},
    "fingerprint": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": False},
    "roles": {"type": "list", "elements": "str", "choices": list(signing.ROLES), "default": ["builder"]},
    "revoked": {"type": "bool", "default": False},
    "expires": {"type": "str"},
}
REQUIRED_OPTIONS = {"builder": {"type": "int", "default": 1}, "approver": {"type": "int", "default": 0}}


def open_bundle(params, check_mode):
    """The result of the module; see RETURN."""
    name, root = params["name"], params["depot_root"]
    before, warnings = memory.settled(root, name), []
    if memory.is_lost(root, before):
        before = None
    found, changed = opening.open_newest(
        root,
        name,
        params["trusted_keys"],
        time.time(),
        check_mode,
        params["required_signatures"],
        params.get("allow_serial"),
        warnings.append,
    )
    bundle = {key: value for key, value in found.items() if key != "type"}
    result = {"changed": changed, "bundle": bundle, "event": {"bundle": bundle}, "warnings": warnings}
    warnings += memory.outgrown(found)
    if changed:
        header = "bundle %s in %s" % (name, root)
        result["diff"] = {
            "before_header": header,
            "after_header": header,
            "before": _shown(before),
            "after": _shown(found),
        }
        if check_mode and memory.is_lost(root, found):
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
            "allow_serial": {"type": "int"},
            "trusted_keys": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "no_log": False,
                "options": KEY_OPTIONS,
            },
            "required_signatures": {"type": "dict", "options": REQUIRED_OPTIONS, "default": dict(signing.REQUIRED)},
        },
        supports_check_mode=True,
    )

    running.finish_alone(module, "open", module.params["depot_root"], open_bundle)


if __name__ == "__main__":
    main()
