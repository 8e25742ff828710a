#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install a bundle's wheels on a host, offline."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pip_offline
short_description: Install the locked wheels of a bundle as a release, offline, without touching what runs
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Builds a I(release), an environment at its final path under C(<root>/releases/), from a bundle alone - with the installer that the
    bundle carries, C(--no-index) and C(--require-hashes) - and compares every installed file with its wheel's RECORD.
  - What is live is never modified. C(<root>/current) is swapped to the new release by one rename, and back by another.
  - Everything that is fetched is checked against the manifest, and the manifest against O(bundle_id); the depot needs no trust.
  - All that can be known before is asked before anything is written, and told in one message - Python, architecture, libc and AVX; bytes
    and inodes for cache and release; a file system that is mounted noexec or read-only, and what this user may not write.
  - C(<root>/bin/ferry-python) is the live release's Python by the release's own path. What is started by it stays in that release when
    another one goes live; what is started as C(current/bin/python) imports from the next one after a switch.
  - Where the release is there already, nothing is imported, fetched or written.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details: >-
      Compares and measures; it reads the manifest from the depot and writes nothing. On Windows it cannot see which releases are in use.
  diff_mode:
    support: full
    details: Packages before and after, by name and version; with O(state=pruned), releases and the number of things in the cache.
  platform:
    support: full
    platforms: posix
options:
  state:
    description:
      - V(built) has the release on the host, complete, and leaves the live one as it is.
      - V(present) has it built and makes it the live one.
      - V(rolled_back) makes the previous release, or O(release), the live one. It needs neither a network nor a bundle. Where the last
        switch was a rollback already, nothing changes, so it can be run again.
      - V(pruned) removes releases until O(keep_releases) are left, half-made ones and whatever else killed runs left behind, and of the
        cache all that no kept release was built from. It needs neither a network nor a bundle, and does nothing where there is no O(root).
    type: str
    choices: [built, present, rolled_back, pruned]
    default: present
  root:
    description: Folder on the host that holds releases, cache and the pointer C(current).
    type: path
    required: true
  bundle_id:
    description: Id of the bundle, the sha256 of its manifest. Needed for O(state=built) and O(state=present).
    type: str
  depot_url:
    description:
      - Address (V(http), V(https) or V(file)) of the folder that holds C(<id>/) of every published bundle, as this host sees it.
      - Needed for O(state=built) and O(state=present).
    type: str
  profile:
    description: Which profile of the bundle. Needed for O(state=built) and O(state=present).
    type: str
  python:
    description: Python to build on; by default the first one on the host that has the profile's X.Y and at least its patch.
    type: path
  installer:
    description: V(auto) takes uv where the bundle carries it and it runs, else pip.
    type: str
    choices: [auto, uv, pip]
    default: auto
  compile_bytecode:
    description: Compile every module while installing, so that no first import has to (and no running process may write into a release).
    type: bool
    default: true
  release:
    description: For O(state=rolled_back), the release to go back to.
    type: str
  keep_releases:
    description:
      - For O(state=pruned), how many complete releases stay, from 1. They are the live one, the one that a rollback would go to, then
        those that were live most recently, and last those that never were, the newest first.
      - With 1 the live one alone stays, and there is nothing to go back to.
      - A release that a process runs from stays in addition, see RV(in_use). On Linux that is read from C(/proc), where a process that was
        started through C(current) uses whatever was live since its start. An unprivileged user sees no more than the command lines
        of other users' processes; run it as the user of the services, or as root. Processes of containers are judged by the paths that
        they see. On Windows a release stays where a file in it is held open.
    type: int
    default: 2
  manifest:
    description:
      - The manifest in base64, where it cannot be fetched because a check run did not publish it. It must have the id O(bundle_id).
    type: str
  bundle_serial:
    description:
      - Serial of the bundle's statement, which is its builder's clock in seconds or more. There is a warning where this host's clock is
        more than a day behind it.
    type: int
notes:
  - Two runs on one O(root) at once are refused with FERRY-IO-003.
seealso:
  - module: airgap.ferry.bundle_open
  - module: airgap.ferry.gpu_info
"""

EXAMPLES = r"""
- name: Install the bundle and make it live
  airgap.ferry.pip_offline:
    root: /opt/ferry
    bundle_id: 3f0c4e0d8d3f4c0f9a4d1a1f5f0a7d0b6e2c9d8e7f6a5b4c3d2e1f0a9b8c7d6e
    depot_url: http://depot.inside:8080/bundles
    profile: linux-py311

- name: Back to what was live before
  airgap.ferry.pip_offline:
    root: /opt/ferry
    state: rolled_back

- name: Keep what is live and what a rollback would go to
  airgap.ferry.pip_offline:
    root: /opt/ferry
    state: pruned
    keep_releases: 2
"""

RETURN = r"""
release:
  description: Id of the release that was asked for.
  type: str
  returned: success, but not with O(state=pruned), as the next four
  sample: linux-py311-0f1e2d3c4b5a
live:
  description: Whether RV(release) is the live one now.
  type: bool
  returned: success
before:
  description: Id of the release that was live before; null where there was none.
  type: str
  returned: success
python:
  description: Path of the release's Python.
  type: str
  returned: success
launcher:
  description: Path of the program that is the live release's Python; null on Windows.
  type: str
  returned: success, but not with O(state=pruned)
  sample: /opt/ferry/bin/ferry-python
selinux:
  description: V(enforcing), V(permissive) or V(disabled); null where that cannot be seen. Nothing is judged by it.
  type: str
  returned: with O(state=built) and O(state=present)
packages:
  description: Version by normalised name of every distribution in the release.
  type: dict
  returned: success
fetched:
  description: Number of files and bytes that came from the depot.
  type: dict
  returned: when something was built
removed:
  description: Ids of the releases that were removed, half-made ones included. In check mode here and below what would be.
  type: list
  elements: str
  returned: with O(state=pruned)
  sample: [linux-py311-0f1e2d3c4b5a]
kept:
  description: Ids of the releases that stay.
  type: list
  elements: str
  returned: with O(state=pruned)
in_use:
  description: Process ids by the release that stays only because these run from it; without ids on Windows.
  type: dict
  returned: with O(state=pruned)
  sample: {"linux-py311-5a4b3c2d1e0f": [4711]}
rollback_to:
  description: Id of the release that a rollback would go to now; null where there is nothing to go back to.
  type: str
  returned: with O(state=pruned)
cache:
  description: Number of things removed from the cache - C(files) from the depot, C(manifests), C(tools), and wheels that uv keeps C(unpacked).
  type: dict
  returned: with O(state=pruned)
leftovers:
  description: What killed runs had left and is removed, relative to O(root).
  type: list
  elements: str
  returned: with O(state=pruned)
freed:
  description:
    - Bytes of disk that come free, in whole blocks. A file that something kept has another hard link to counts nothing, since it frees
      nothing; one that a process still holds open comes free when that ends. Copies that share blocks (reflinks) are counted in full.
  type: int
  returned: with O(state=pruned)
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
import contextlib
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.ferry.plugins.module_utils import mutex, running
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.host import facts, launcher, prune
from ansible_collections.airgap.ferry.plugins.module_utils.host.install import Installation
from ansible_collections.airgap.ferry.plugins.module_utils.host.release import Root

_STAGES = {"built": "install", "present": "switch", "rolled_back": "rollback", "pruned": "prune"}


def install(params, check_mode):
    """Have the release built, and with ``state: present`` live; the result of the module."""
    given = params["manifest"]
    try:
        given = None if given is None else base64.b64decode(given, validate=True).decode("ascii")
    except ValueError:
        raise FerryError(
            "FERRY-VAR-002", "manifest: expected base64, found something else; pass what bundle_open returned."
        )
    # Before the lock, which is a file under the root: a host that is refused stays as it was.
    wanted = Installation(dict(params, manifest=given), keep_manifest=not check_mode)
    with contextlib.nullcontext() if check_mode else mutex.only_run(wanted.root.path):
        return _install(wanted, params["state"], check_mode)


def _install(wanted, state, check_mode):
    root, release = wanted.root, wanted.release
    before = root.live()
    build = not wanted.is_built()
    switch = state == "present" and before != release
    # A switch writes it. Where something is live it may lack all the same, made by an older version or removed.
    launch = before is not None and not switch and not launcher.is_right(root.path)
    fetched = None
    if not check_mode:
        if build or switch:
            prune.sweep(root.path)  # it may be the space that the new release needs
        if build:
            fetched = wanted.build()
        if switch:
            root.switch(release, "switch")
        if launch:
            launcher.write(root.path)
    packages = wanted.packages
    result = _result(
        root, release, before, packages, changed=build or switch or launch, live=before == release or switch
    )
    result["selinux"] = facts.selinux()
    if wanted.warnings:
        result["warnings"] = wanted.warnings
    if fetched:
        result["fetched"] = fetched
    if switch:
        result["diff"] = _diff(root, before, release, packages)
    elif build:
        path = root.folder(release)
        result["diff"] = {"before_header": path, "after_header": path, "before": "absent\n", "after": "built\n"}
    elif launch:
        path = launcher.path(root.path)
        result["diff"] = {
            "before_header": path,
            "after_header": path,
            "before": "absent or changed\n",
            "after": "as airgap.ferry writes it\n",
        }
    return result


def roll_back(params, check_mode):
    """Make the previous or named release live; the result of the module."""
    root = Root(params["root"])
    before = root.live()
    release = root.rollback_target(params["release"])
    packages = root.packages(release)
    if before != release and not check_mode:
        root.switch(release, "rollback")
    result = _result(root, release, before, packages, changed=before != release, live=True)
    if before != release:
        result["diff"] = _diff(root, before, release, packages)
    return result


def _result(root, release, before, packages, changed, live):
    return {
        "changed": changed,
        "release": release,
        "live": live,
        "before": before,
        "python": root.python(release),
        "launcher": None if os.name == "nt" else launcher.path(root.path),
        "packages": packages,
        "event": {
            "release": release,
            "before": before,
            "after": release if live else before,
            "packages_before": root.packages(before),
            "packages_after": packages if live else root.packages(before),
            "network": {"routes": facts.routes()},
        },
    }


def _diff(root, before, after, packages):
    def text(release, listed):
        return (
            "".join(["current -> releases/%s\n" % release] + ["%s==%s\n" % item for item in sorted(listed.items())])
            if release
            else ""
        )

    return {
        "before_header": "%s/current" % root.path,
        "after_header": "%s/current" % root.path,
        "before": text(before, root.packages(before)),
        "after": text(after, packages),
    }


def main():
    needed = ["bundle_id", "depot_url", "profile"]
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": list(_STAGES), "default": "present"},
            "root": {"type": "path", "required": True},
            "bundle_id": {"type": "str"},
            "depot_url": {"type": "str"},
            "profile": {"type": "str"},
            "python": {"type": "path"},
            "installer": {"type": "str", "choices": ["auto", "uv", "pip"], "default": "auto"},
            "compile_bytecode": {"type": "bool", "default": True},
            "release": {"type": "str"},
            "keep_releases": {"type": "int", "default": 2},
            "manifest": {"type": "str"},
            "bundle_serial": {"type": "int"},
        },
        required_if=[("state", "built", needed), ("state", "present", needed)],
        supports_check_mode=True,
    )
    state, root = module.params["state"], module.params["root"]
    act = {"rolled_back": roll_back, "pruned": prune.prune}.get(state, install)
    if state == "pruned" and not os.path.lexists(root):
        # Nothing to remove, and no reason to make the folder for its lock.
        running.finish(module, _STAGES[state], lambda: act(module.params, True))
    if act is install:
        running.finish(module, _STAGES[state], lambda: install(module.params, module.check_mode))
    running.finish_alone(module, _STAGES[state], root, act)


if __name__ == "__main__":
    main()
