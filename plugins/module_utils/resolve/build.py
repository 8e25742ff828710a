# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building: locks → wheels in the store → a bundle of plain files, signed. The same locks give the same bundle id."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import time

from . import closure, index, lock, metadata, pylock, store, trim
from .installers import installers
from ..bundle import built, canonical, files, manifest, opening, signing, statement
from ..compat import hardware
from ..errors import FerryError


def plan(workdir: str, profiles: list) -> tuple:
    """What the locks of ``profiles`` ask for: ``({profile name: packages}, all packages and installers, each wheel once)``."""
    locked = {profile.name: pylock.read(lock.lock_path(workdir, profile.name))["packages"] for profile in profiles}
    wheels = {}
    for profile in profiles:
        for package in locked[profile.name]:
            known = wheels.setdefault(package["wheel"], (package, profile.name))
            if known[0]["sha256"] != package["sha256"]:
                raise FerryError(
                    "FERRY-BUILD-003",
                    "%s: profile %s locks sha256 %s, profile %s locks %s; lock both from one index with ferry_lock_refresh."
                    % (package["wheel"], known[1], known[0]["sha256"], profile.name, package["sha256"]),
                )
    return locked, [package for package, _profile in wheels.values()]


def describe(workdir: str, profiles: list, locked: dict) -> tuple:
    """``(manifest bytes, {path in the bundle: path of the file, or bytes})`` when the store has every wheel."""
    contents, described = {}, {}
    for profile in profiles:
        folder = "profiles/%s/" % profile.name
        lock_path = lock.lock_path(workdir, profile.name)
        contents[folder + "pylock.toml"] = files.read_limited(lock_path, manifest.LIMIT)
        contents[folder + "requirements.txt"] = pylock.requirements(locked[profile.name])
        for package in locked[profile.name]:
            contents["wheels/" + package["wheel"]] = package
        carried = {package["name"]: package for package in installers(profile)}
        for package in carried.values():
            contents["tools/" + package["wheel"]] = package
        described[profile.name] = dict(
            profile.spec(),
            lock=folder + "pylock.toml",
            requirements=folder + "requirements.txt",
            wheels=sorted(package["wheel"] for package in locked[profile.name]),
            installers={name: "tools/" + package["wheel"] for name, package in carried.items()},
            requires=hardware.requirements(
                profile.os, profile.arch, [package["name"] for package in locked[profile.name]]
            ),
        )
    entries = {path: _entry(workdir, content) for path, content in contents.items()}
    return manifest.build(described, entries), contents


def write(
    workdir: str, name: str, manifest_bytes: bytes, contents: dict, profiles: list, environment: dict, sign_with: dict
) -> tuple:
    """Make the newest bundle ``name`` the one with this manifest: ``(bundle as built.newest gives it, True where it was written)``.

    Every wheel is hashed again first, and FERRY-LOCK-005 to 009 refuse a lock that the wheels themselves show not to be closed.
    """
    before, changed = would_write(workdir, name, manifest_bytes, sign_with)
    if not changed:
        return before, False
    for content in contents.values():
        if isinstance(content, dict):
            store.check(workdir, content)
    check_closure(workdir, profiles)
    now = int(time.time())
    serial = max(before["serial"] + 1 if before else 1, now)
    final = os.path.join(workdir, built.FOLDER, opening.directory_name(name, serial))
    temporary = os.path.join(workdir, built.FOLDER, ".building")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        for path, content in contents.items():
            place = os.path.join(temporary, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if isinstance(content, dict):
                files.link_or_copy(store.place(workdir, content), place)
            else:
                files.write_durably(place, content)
        papers = {
            manifest.NAME: manifest_bytes,
            manifest.SUMS: manifest.checksums(manifest_bytes),
            statement.SOURCES: canonical.dumps(_sources(workdir, profiles, environment)),
        }
        listed = {path: _entry(workdir, data) for path, data in papers.items()}
        builder = "%s@%s" % (getpass.getuser(), socket.gethostname())
        papers[statement.NAME] = statement.build(name, serial, now, builder, before["id"] if before else None, listed)
        papers[signing.SIGNATURE], _fingerprint = signing.sign(papers[statement.NAME], sign_with)
        for path, data in papers.items():
            files.write_durably(os.path.join(temporary, path), data)
        os.rename(temporary, final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    files.sync_directory(os.path.dirname(final))
    return built.newest(workdir, name), True


def check_closure(workdir: str, profiles: list) -> None:
    """Refuse (FERRY-LOCK-003, 005 to 009) a lock that the METADATA of the stored wheels shows not to be closed."""
    for profile in profiles:
        path = lock.lock_path(workdir, profile.name)
        locked = pylock.read(path)
        requirements, constraints = lock.asked_for(workdir, profile, locked["inputs"])
        texts = {package["wheel"]: metadata.of_wheel(store.place(workdir, package)) for package in locked["packages"]}
        closure.check(profile, requirements, constraints, texts, trim.excused(path, profile, locked))


def would_write(workdir: str, name: str, manifest_bytes: bytes, sign_with: dict) -> tuple:
    """``(the newest bundle name or None, True where its manifest is another, or its statement is not signed by this key)``."""
    before = built.newest(workdir, name)
    if before is None or before["id"] != files.sha256_bytes(manifest_bytes):
        return before, True
    paper, signature = (
        files.read_limited(os.path.join(before["path"], path), limit)
        for path, limit in ((statement.NAME, statement.LIMIT), (signing.SIGNATURE, signing.LIMIT))
    )
    return before, not signing.is_signed_by(paper, signature, sign_with)


def _entry(workdir, content):
    if isinstance(content, dict):
        return {"size": os.path.getsize(store.place(workdir, content)), "sha256": content["sha256"]}
    return {"size": len(content), "sha256": files.sha256_bytes(content)}


def _sources(workdir, profiles, environment):
    """Where the wheels came from, by profile, as the locks' resolver saw it; a lock that was brought along has no such paper."""
    found = {}
    for profile in profiles:
        path = os.path.join(os.path.dirname(lock.lock_path(workdir, profile.name)), lock.SOURCES)
        known = os.path.exists(path)
        found[profile.name] = (
            canonical.loads(files.read_limited(path, manifest.LIMIT), path, manifest.LIMIT) if known else None
        )
    return {"type": "airgap.ferry/sources/v1", "fetched_from": index.shown(environment), "profiles": found}
