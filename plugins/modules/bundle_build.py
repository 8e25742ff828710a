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
  - Asks the gates O(approvals), O(advisories) and O(provenance) before anything is downloaded, and O(licences) when the wheels are there.
    Each answers C(passed), C(refused) or C(not checked), in C(<workdir>/gates/report.md) (and C(.txt), C(.json)) and in the bundle's C(gates.json).
  - Looks into every wheel as a depot will, and sees that the locks are closed, before anything is signed.
  - Writes C(<workdir>/bundles/<name>-<serial>/) with C(wheels/), C(tools/) (uv, and a pip for each profile's Python), C(profiles/)
    (lock, requirements and SBOM of each), C(manifest.json), C(SHA256SUMS), C(sources.json), C(gates.json) and C(statement.json) with its
    detached signature.
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
        choices: [gpg, ssh]
        default: gpg
      key:
        description: Full fingerprint of the signing key (gpg), or the file of the private key, or of the public one where an agent has it (ssh).
        type: str
        required: true
      home:
        description: GnuPG home that holds the key; the user's own by default.
        type: path
      passphrase_file:
        description: File with the key's passphrase, where no agent gives it.
        type: path
      passphrase:
        description: The key's passphrase, from a vault. It is handed over in memory alone.
        type: str
  valid_days:
    description: For how many days depots open the bundle. Without it, it does not expire.
    type: int
  kit:
    description:
      - For what controller the bundle carries a kit, as in M(airgap.ferry.bundle_lock) - the wheels of the profile C(ferry-kit), and what lies in
        C(<workdir>/kit/), which M(airgap.ferry.kit_archive) and the role bring there.
    type: dict
  approvals:
    description: The gate of approvals - every wheel has to be on a list that people keep in version control.
    type: dict
    suboptions:
      files:
        description: The lists, or directories of them (C(*.txt)), as pip requirement lines with hashes.
        type: list
        elements: path
        required: true
      enforce: &enforce
        description: Whether to refuse, where V(false) only reports.
        type: bool
        default: true
  licences:
    description: The gate of licences - every wheel has to have one that is allowed. One that cannot be told is not allowed.
    type: dict
    suboptions:
      allowed:
        description: SPDX identifiers.
        type: list
        elements: str
        required: true
      overrides:
        description: What a person found out, as a package's name to C(licence) (an SPDX expression) and C(reason).
        type: dict
        default: {}
      enforce: *enforce
  advisories:
    description: The gate of known vulnerabilities, matched without a network against OSV records that were brought along.
    type: dict
    suboptions:
      data:
        description: A directory or ZIP archive of OSV records, such as OSV's C(all.zip) of PyPI.
        type: path
        required: true
      max_age_days:
        description: Data whose newest record is older than this many days does not count as having checked.
        type: int
        default: 30
      waivers:
        description: Vulnerabilities that someone has accepted for a time.
        type: list
        elements: dict
        default: []
        suboptions:
          id:
            description: Any identifier of it (PYSEC, GHSA or CVE).
            type: str
            required: true
          reason:
            description: Why it is accepted.
            type: str
            required: true
          expires:
            description: The last day of that, as V(YYYY-MM-DD).
            type: str
            required: true
          package:
            description: The one package that this is about; any by default.
            type: str
      enforce: *enforce
  provenance:
    description: The gate of origins - what the index attests of a wheel (PEP 740) has to verify.
    type: dict
    suboptions:
      required:
        description: Packages that must have a verified attestation; V(*) means all.
        type: list
        elements: str
        default: []
      publishers:
        description: Who has to have published a package, as its name to C(kind), C(repository) and, where wanted, C(workflow).
        type: dict
        default: {}
      enforce: *enforce
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
gates:
  description: What each gate found, as its name to RV(ignore:state), RV(ignore:enforced), RV(ignore:findings) and RV(ignore:waived).
  type: dict
  returned: success
  sample: {"approvals": {"state": "passed", "enforced": true, "findings": 0, "waived": 0}}
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
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import kit

_GATE = {"enforce": {"type": "bool", "default": True}}
GATES = {
    "approvals": staging.LOCK_OPTIONS["approvals"]["options"],
    "licences": dict(
        _GATE,
        allowed={"type": "list", "elements": "str", "required": True},
        overrides={"type": "dict", "default": {}},
    ),
    "advisories": dict(
        _GATE,
        data={"type": "path", "required": True},
        max_age_days={"type": "int", "default": 30},
        waivers={
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "id": {"type": "str", "required": True},
                "reason": {"type": "str", "required": True},
                "expires": {"type": "str", "required": True},
                "package": {"type": "str"},
            },
        },
    ),
    "provenance": dict(
        _GATE,
        required={"type": "list", "elements": "str", "default": []},
        publishers={"type": "dict", "default": {}},
    ),
}


def build(params, check_mode):
    """The result of the module; see RETURN."""
    # Here and not above: they need the third-party libraries that require_libraries looks for.
    from ansible_collections.airgap.ferry.plugins.module_utils.gates import report
    from ansible_collections.airgap.ferry.plugins.module_utils.gates import run as gates
    from ansible_collections.airgap.ferry.plugins.module_utils.resolve import build as building
    from ansible_collections.airgap.ferry.plugins.module_utils.resolve import store
    from ansible_collections.airgap.ferry.plugins.module_utils.resolve.installers import installers

    workdir = params["workdir"]
    profiles = kit.profiles(params["profiles"], params["kit"])
    locked, wheels = building.plan(workdir, profiles)
    commands = staging.Tools(params["index_url"], params["mirror"])
    packages = gates.packages_of(locked, profiles)

    def judge(answers, whole):
        # The report of a run that goes on is written once, when all have answered.
        if not check_mode and (whole or any(one["enforced"] and one["state"] != report.PASSED for one in answers)):
            report.write(workdir, answers)
        try:
            report.refuse(answers, workdir)
        except FerryError as refusal:
            refusal.event = {"gates": report.summary(answers)}
            raise
        return {"gates": report.summary(answers), "warnings": report.warnings(answers)}

    early = gates.on_locks(params, packages, commands.environment)
    result = judge([*early, gates.on_wheels(params, packages, None)], False)
    tools = {package["wheel"]: package for profile in profiles for package in installers(profile)}
    needed = store.missing(workdir, wheels + list(tools.values()))
    if needed and check_mode:
        return {"changed": True, "bundle": None, "downloaded": len(needed), **result}
    for profile in profiles:
        # Apart, because a profile may lock another pip or uv than the one that the bundle installs with.
        store.fetch(workdir, profile, locked[profile.name], commands.pip, commands.environment)
        store.fetch(workdir, profile, installers(profile), commands.pip, commands.environment)
    answers = [*early, gates.on_wheels(params, packages, building.texts(workdir, packages))]
    result = judge(answers, True)
    order = building.Order(
        workdir=workdir,
        name=params["name"],
        profiles=profiles,
        environment=commands.environment,
        signing=params["signing"],
        gates=report.paper(answers),
        valid_days=params["valid_days"],
        kit=params["kit"] is not None,
    )
    manifest_bytes, contents = building.describe(order, locked)
    if check_mode:
        bundle, changed = building.would_write(order, manifest_bytes)
        if changed:
            building.check(order, manifest_bytes, contents)
    else:
        bundle, changed = building.write(order, manifest_bytes, contents)
    return {
        "changed": changed or bool(needed),
        "bundle": bundle,
        "downloaded": len(needed),
        "event": {"bundle": bundle, "gates": result["gates"]},
        **result,
    }


def main():
    module = AnsibleModule(
        argument_spec={
            "signing": {"type": "dict", "required": True, "options": staging.SIGNING_OPTIONS},
            "valid_days": {"type": "int"},
            **{name: {"type": "dict", "options": options} for name, options in GATES.items()},
            **{
                name: staging.LOCK_OPTIONS[name]
                for name in ("name", "workdir", "profiles", "kit", "index_url", "mirror")
            },
        },
        mutually_exclusive=[("index_url", "mirror")],
        supports_check_mode=True,
    )
    staging.hide_credentials(module)
    staging.require_libraries(module)

    running.finish_alone(module, "build", module.params["workdir"], build)


if __name__ == "__main__":
    main()
