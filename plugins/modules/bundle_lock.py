#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lock every profile."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_lock
short_description: Lock the wheels of every profile, for the target's platform and Python
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Resolves the requirements of each profile with uv for the I(target's) operating system, architecture, libc and full Python
    version, wheels only, and writes C(<workdir>/locks/<profile>/pylock.toml) (PEP 751) with one hashed wheel for each package.
  - A lock stays as it is while the requirements, the constraints and the profile are the same; the index moves, a second run must not.
  - Downloads no wheel. No address of an index is in a lock.
  - Before anything is resolved, the requirements of every profile are judged by what is known of TensorFlow's releases, their Pythons,
    CUDA, libc and wheels. What is impossible is refused for all profiles at once, with the nearest possible choices; what is risky is a warning.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details: Resolves (which reads the index) and writes nothing.
  diff_mode:
    support: full
  platform:
    support: full
    platforms: posix
options:
  workdir:
    description: Folder of the staging host that keeps locks, wheel store and bundles.
    type: path
    required: true
  profiles:
    description:
      - Profiles by name; each a dictionary with V(os) (linux, windows), V(arch) (x86_64, aarch64), V(libc) (C(glibc-2.N), Linux only),
        V(python) (full version, a floor), V(accelerator) (none, cuda) and, where wanted, V(requirements) and V(constraints) of its own.
    type: dict
    required: true
  requirements:
    description: Requirement strings (PEP 508, without addresses) for every profile.
    type: list
    elements: str
    default: []
  constraints:
    description: Constraint strings for every profile.
    type: list
    elements: str
    default: []
  index_url:
    description: Index to use instead of the one in pip's configuration. Exclusive with O(mirror).
    type: str
  mirror:
    description: A well-known public mirror by name.
    type: str
    choices: [tuna, aliyun, ustc]
  refresh:
    description: Resolve anew even where the inputs are the same.
    type: bool
    default: false
requirements:
  - uv, pip and packaging in the interpreter that runs the module (M(airgap.ferry.staging_tools) makes it)
seealso:
  - module: airgap.ferry.bundle_build
"""

EXAMPLES = r"""
- name: Lock
  airgap.ferry.bundle_lock:
    workdir: /srv/ferry
    requirements:
      - tensorflow==2.18.1
    profiles:
      windows-py311:
        os: windows
        arch: x86_64
        python: 3.11.9
        accelerator: none
"""

RETURN = r"""
locks:
  description: By profile, the lock's path, its number of wheels and whether it was kept.
  type: dict
  returned: success
  sample: {"windows-py311": {"path": "/srv/ferry/locks/windows-py311/pylock.toml", "wheels": 38, "kept": false}}
verdicts:
  description:
    - By profile, what is known beforehand of the requirements; also where the lock was kept. A profile of which nothing is known has an empty list.
    - C(level) is V(risky), also given as a warning, or V(good). C(code) is the stable code of a risky one, as in docs/codes.md, none for a good one.
      C(message) is one sentence.
  type: dict
  returned: success
  sample:
    windows-py311:
      - level: good
        code: null
        message: tensorflow==2.21.0 has wheels for Windows x86_64, Python 3.11.
event:
  description: What the change record keeps of this task.
  type: dict
  returned: always
code:
  description: The stable code of the error, as in docs/codes.md.
  type: str
  returned: failure
"""

from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.ferry.plugins.module_utils import running, staging
from ansible_collections.airgap.ferry.plugins.module_utils.profile import Profile


def lock(params, check_mode, warn):
    """The result of the module; see RETURN. ``warn`` is called with each sentence that the operator must read in any case."""
    # Here and not above: it needs the third-party libraries that require_libraries looks for.
    from ansible_collections.airgap.ferry.plugins.module_utils.resolve import verdicts
    from ansible_collections.airgap.ferry.plugins.module_utils.resolve.lock import lock_profile

    tools = staging.Tools(params["index_url"], params["mirror"])
    profiles = [Profile.from_spec(name, spec) for name, spec in sorted(params["profiles"].items())]
    judged = verdicts.judge_all(profiles, params["requirements"], params["constraints"])
    for name, found in judged.items():
        for verdict in found:
            if verdict["level"] == "risky":
                warn("%s: profile %s: %s" % (verdict["code"], name, verdict["message"]))

    def one(profile):
        return lock_profile(
            params["workdir"],
            profile,
            params["requirements"],
            params["constraints"],
            tools.uv,
            tools.environment,
            params["refresh"],
            check_mode,
        )

    with ThreadPoolExecutor(max_workers=4) as pool:
        done = list(pool.map(one, profiles))
    return {
        "changed": any(answer["changed"] for answer in done),
        "locks": {
            profile.name: {"path": answer["path"], "wheels": len(answer["packages"]), "kept": not answer["changed"]}
            for profile, answer in zip(profiles, done)
        },
        "verdicts": judged,
        "diff": [
            {
                "before": answer["before"],
                "after": answer["after"],
                "before_header": answer["path"],
                "after_header": answer["path"],
            }
            for answer in done
            if answer["changed"]
        ],
    }


def main():
    module = AnsibleModule(
        argument_spec=staging.LOCK_OPTIONS, mutually_exclusive=[("index_url", "mirror")], supports_check_mode=True
    )
    staging.require_libraries(module)

    def act(params, check_mode):
        return lock(params, check_mode, module.warn)

    running.finish_alone(module, "lock", module.params["workdir"], act)


if __name__ == "__main__":
    main()
