#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign a built bundle as one more signer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_sign
short_description: Add a signature to the newest built bundle
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Reads every file of the newest built bundle of O(name) again, and signs its statement only where all are what the statement vouches for.
  - Writes C(statement.json.<label>.asc) (gpg) or C(statement.json.<label>.sig) (ssh) beside the builder's signature. A depot that asks for an
    approver (O(airgap.ferry.bundle_open#module:required_signatures)) takes it, and just as well one that was made by hand under such a name.
  - A signature by the same key that is there is kept. One by another key is never overwritten.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details: Every file is read; nothing is signed.
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
  workdir:
    description: Folder of the staging host that keeps locks, wheel store and bundles.
    type: path
    required: true
  bundle_id:
    description:
      - Id of the bundle that was reviewed, which is the SHA-256 of its manifest as 64 lower-case hexadecimal digits.
      - Where the newest bundle is another one, nothing is signed.
    type: str
    required: true
  label:
    description: Who signs, as a part of the file name - 1 to 32 lower-case letters, digits and hyphens, no hyphen first.
    type: str
    required: true
  signing:
    description: The key that signs.
    type: dict
    required: true
    suboptions:
      backend:
        description: The program that signs, gpg or ssh-keygen.
        type: str
        choices: [gpg, ssh]
        default: gpg
      key:
        description:
          - With gpg the full fingerprint of the key.
          - With ssh the path of the private key, or of the public one where an agent holds the other.
        type: str
        required: true
      home:
        description: GnuPG home that holds the key; the user's own by default.
        type: path
      passphrase_file:
        description: File whose first line is the key's passphrase, where no agent gives it.
        type: path
      passphrase:
        description: The key's passphrase, from a vault. It reaches the program through a pipe and is shown nowhere.
        type: str
requirements:
  - gpg (Debian, package gnupg), or ssh-keygen of OpenSSH 8.2 or newer (Debian, package openssh-client)
seealso:
  - module: airgap.ferry.bundle_build
  - module: airgap.ferry.bundle_open
"""

EXAMPLES = r"""
- name: Approve with an ssh key
  airgap.ferry.bundle_sign:
    name: tf
    workdir: /srv/ferry
    bundle_id: 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
    label: ann
    signing:
      backend: ssh
      key: ~/.ssh/id_ed25519
      passphrase: "{{ my_passphrase }}"
"""

RETURN = r"""
bundle:
  description: The bundle that is signed now.
  type: dict
  returned: success
  contains:
    id:
      description: Its id.
      type: str
    serial:
      description: Serial of its statement.
      type: int
signature:
  description: The signature's file name.
  type: str
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
from ansible_collections.airgap.ferry.plugins.module_utils import running, staging
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import approval, signing


def approve(params, check_mode):
    """The result of the module; see RETURN."""
    bundle, signature, changed = approval.approve(
        params["workdir"], params["name"], params["bundle_id"], params["label"], params["signing"], check_mode
    )
    result = {"changed": changed, "bundle": bundle, "signature": signature, "event": {"bundle": bundle}}
    if changed:
        after = {*signing.read_all(bundle["path"]), signature}
        header = "signatures in " + bundle["path"]
        result["diff"] = {
            "before_header": header,
            "after_header": header,
            "before": _shown(after - {signature}),
            "after": _shown(after),
        }
    return result


def _shown(signatures):
    return "".join(name + "\n" for name in sorted(signatures))


def main():
    module = AnsibleModule(
        argument_spec={
            "bundle_id": {"type": "str", "required": True},
            "label": {"type": "str", "required": True},
            "signing": {"type": "dict", "required": True, "options": staging.SIGNING_OPTIONS},
            **{name: staging.LOCK_OPTIONS[name] for name in ("name", "workdir")},
        },
        supports_check_mode=True,
    )

    running.finish_alone(module, "approve", module.params["workdir"], approve)


if __name__ == "__main__":
    main()
