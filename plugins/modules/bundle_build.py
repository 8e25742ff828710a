#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a signed bundle from the locks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_build
short_description: Fetch the locked wheels and build a signed bundle of plain files
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Downloads exactly the locked wheels with pip, by hash and for the profile's tags, into a store that never downloads a wheel twice.
  - Writes C(<workdir>/bundles/<name>-<serial>/) with C(wheels/), C(tools/) (uv, and a pip for each profile's Python), C(profiles/),
    C(manifest.json), C(SHA256SUMS), C(sources.json) and C(statement.json) with its detached signature.
  - The bundle's id is the sha256 of its manifest. The same locks give the same id; a bundle that is there already is left alone.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details: Names the wheels that would be downloaded; the id is known only when all are in the store.
  diff_mode:
    support: none
  platform:
    support: full
    platforms: posix
options:
  name:
    description: Name of the bundle; a depot keeps the newest serial of each name.
    type: str
    required: true
  workdir:
    description: Folder of the staging host that keeps locks, wheel store and bundles.
    type: path
    required: true
  profiles:
    description: Profiles by name, as in M(airgap.ferry.bundle_lock).
    type: dict
    required: true
  signing:
    description: Who signs the statement.
    type: dict
    required: true
    suboptions:
      backend:
        description: How it is signed.
        type: str
        choices: [gpg]
        default: gpg
      key:
        description: Full fingerprint of the signing key.
        type: str
        required: true
      home:
        description: GnuPG home that holds the key; the user's own by default.
        type: path
      passphrase_file:
        description: File with the key's passphrase, where no agent gives it.
        type: path
  index_url:
    description: Index to use instead of the one in pip's configuration. Exclusive with O(mirror).
    type: str
  mirror:
    description: A well-known public mirror by name.
    type: str
    choices: [tuna, aliyun, ustc]
requirements:
  - uv, pip and packaging in the interpreter that runs the module (M(airgap.ferry.staging_tools) makes it)
  - gpg (Debian, package gnupg)
seealso:
  - module: airgap.ferry.bundle_lock
  - module: airgap.ferry.bundle_send
"""

EXAMPLES = r"""
- name: Build
  airgap.ferry.bundle_build:
    name: tf
    workdir: /srv/ferry
    profiles: "{{ ferry_profiles }}"
    signing:
      key: 0123456789ABCDEF0123456789ABCDEF01234567
"""

RETURN = r"""
bundle:
  description: The newest bundle of this name; null in check mode where wheels are missing.
  type: dict
  returned: success
  contains:
    id:
      description: Its id, the sha256 of manifest.json.
      type: str
    path:
      description: Where it lies.
      type: str
    serial:
      description: The number that rises with every statement.
      type: int
    size:
      description: Sum of its files, in bytes.
      type: int
downloaded:
  description: Number of wheels that were downloaded, or in check mode would be.
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
from ansible_collections.airgap.ferry.plugins.module_utils import running, staging
from ansible_collections.airgap.ferry.plugins.module_utils.profile import Profile

SIGNING_OPTIONS = {
    "backend": {"type": "str", "choices": ["gpg"], "default": "gpg"},
    "key": {"type": "str", "required": True, "no_log": False},
    "home": {"type": "path"},
    "passphrase_file": {"type": "path", "no_log": False},
}


def build(params, check_mode):
    """The result of the module; see RETURN."""
    # Here and not above: they need the third-party libraries that require_libraries looks for.
    from ansible_collections.airgap.ferry.plugins.module_utils.resolve import build as building
    from ansible_collections.airgap.ferry.plugins.module_utils.resolve import store
    from ansible_collections.airgap.ferry.plugins.module_utils.resolve.installers import installers

    workdir = params["workdir"]
    profiles = [Profile.from_spec(name, spec) for name, spec in sorted(params["profiles"].items())]
    locked, wheels = building.plan(workdir, profiles)
    tools = {package["wheel"]: package for profile in profiles for package in installers(profile)}
    needed = store.missing(workdir, wheels + list(tools.values()))
    if needed and check_mode:
        return {"changed": True, "bundle": None, "downloaded": len(needed)}
    commands = staging.Tools(params["index_url"], params["mirror"])
    for profile in profiles:
        # Apart, because a profile may lock another pip or uv than the one that the bundle installs with.
        store.fetch(workdir, profile, locked[profile.name], commands.pip, commands.environment)
        store.fetch(workdir, profile, installers(profile), commands.pip, commands.environment)
    manifest_bytes, contents = building.describe(workdir, profiles, locked)
    if check_mode:
        bundle, changed = building.would_write(workdir, params["name"], manifest_bytes, params["signing"])
        if changed:
            building.check_closure(workdir, profiles)
    else:
        bundle, changed = building.write(
            workdir, params["name"], manifest_bytes, contents, profiles, commands.environment, params["signing"]
        )
    return {
        "changed": changed or bool(needed),
        "bundle": bundle,
        "downloaded": len(needed),
        "event": {"bundle": bundle},
    }


def main():
    module = AnsibleModule(
        argument_spec={
            "signing": {"type": "dict", "required": True, "options": SIGNING_OPTIONS},
            **{name: staging.LOCK_OPTIONS[name] for name in ("name", "workdir", "profiles", "index_url", "mirror")},
        },
        mutually_exclusive=[("index_url", "mirror")],
        supports_check_mode=True,
    )
    staging.hide_credentials(module)
    staging.require_libraries(module)

    running.finish_alone(module, "build", module.params["workdir"], build)


if __name__ == "__main__":
    main()
