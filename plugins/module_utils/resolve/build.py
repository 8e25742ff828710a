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
from dataclasses import dataclass

from . import closure, index, kit, lock, metadata, pylock, sbom, store, trim
from .installers import installers
from ..bundle import built, canonical, files, manifest, opening, signing, statement, wheel
from ..compat import hardware
from ..errors import FerryError
from ..gates import report

_DAY = 86400


@dataclass(frozen=True)
class Order:
    """What is to be built: the bundle ``name`` of ``profiles``.

    ``environment``: what pip and uv are run with. ``signing``: as in :func:`signing.sign`. ``gates``: the value of gates.json.
    ``valid_days``: after how many days a depot no longer opens it, or None. ``kit``: whether it carries the controller too.
    """

    workdir: str
    name: str
    profiles: list
    environment: dict
    signing: dict
    gates: dict
    valid_days: int | None = None
    kit: bool = False


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


def describe(order: Order, locked: dict) -> tuple:
    """``(manifest bytes, {path in the bundle: package in the store, or bytes})`` when the store has every wheel."""
    contents, described = {}, {}
    for profile in order.profiles:
        packages = locked[profile.name]
        folder = "profiles/%s/" % profile.name
        lock_path = lock.lock_path(order.workdir, profile.name)
        papers = {key: folder + name for key, name in manifest.PAPERS.items()}
        carried = {package["name"]: package for package in installers(profile)}
        contents[papers["lock"]] = files.read_limited(lock_path, manifest.LIMIT)
        contents[papers["requirements"]] = pylock.requirements(packages)
        contents[papers["sbom"]] = sbom.make(order.workdir, profile, list(carried.values()))
        for package in packages:
            contents["wheels/" + package["wheel"]] = package
        for package in carried.values():
            contents["tools/" + package["wheel"]] = package
        described[profile.name] = dict(
            profile.spec(),
            **papers,
            wheels=sorted(package["wheel"] for package in packages),
            installers={name: "tools/" + package["wheel"] for name, package in carried.items()},
            requires=hardware.requirements(profile.os, profile.arch, [package["name"] for package in packages]),
        )
    if order.kit:
        contents.update(kit.contents(order.workdir))
    entries = {path: _entry(order.workdir, content) for path, content in contents.items()}
    return manifest.build(described, entries), contents


def check(order: Order, manifest_bytes: bytes, contents: dict) -> None:
    """Hash every stored wheel again, look into it as a depot will, and see that the locks are closed, before anything is signed."""
    for content in contents.values():
        if isinstance(content, dict):
            store.check(order.workdir, content)
    wheel.check_all(lambda path: store.place(order.workdir, contents[path]), manifest.parse(manifest_bytes))
    check_closure(order.workdir, order.profiles)


def write(order: Order, manifest_bytes: bytes, contents: dict) -> tuple:
    """Make the newest bundle of this name the one with this manifest: ``(bundle as built.newest gives it, True where it was written)``."""
    before, changed = would_write(order, manifest_bytes)
    if not changed:
        return before, False
    check(order, manifest_bytes, contents)
    now = int(time.time())
    serial = max(before["serial"] + 1 if before else 1, now)
    final = os.path.join(order.workdir, built.FOLDER, opening.directory_name(order.name, serial))
    temporary = os.path.join(order.workdir, built.FOLDER, ".building")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        for path, content in contents.items():
            place = os.path.join(temporary, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if isinstance(content, dict):
                files.link_or_copy(store.place(order.workdir, content), place)
            else:
                files.write_durably(place, content)
        papers = {
            manifest.NAME: manifest_bytes,
            manifest.SUMS: manifest.checksums(manifest_bytes),
            statement.SOURCES: canonical.dumps(_sources(order)),
            statement.GATES: canonical.dumps(order.gates),
        }
        listed = {path: _entry(order.workdir, data) for path, data in papers.items()}
        papers[statement.NAME] = statement.build(
            order.name,
            serial,
            now,
            "%s@%s" % (getpass.getuser(), socket.gethostname()),
            before["id"] if before else None,
            listed,
            now + order.valid_days * _DAY if order.valid_days else None,
        )
        papers[signing.file_name(order.signing["backend"])] = signing.sign(papers[statement.NAME], order.signing)
        for path, data in papers.items():
            files.write_durably(os.path.join(temporary, path), data)
        os.rename(temporary, final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    files.sync_directory(os.path.dirname(final))
    return built.newest(order.workdir, order.name), True


def check_closure(workdir: str, profiles: list) -> None:
    """Refuse (FERRY-LOCK-003, 005 to 009) a lock that the METADATA of the stored wheels shows not to be closed."""
    for profile in profiles:
        path = lock.lock_path(workdir, profile.name)
        locked = pylock.read(path)
        requirements, constraints = lock.asked_for(workdir, profile, locked["inputs"])
        said = texts(workdir, locked["packages"])
        closure.check(profile, requirements, constraints, said, trim.excused(path, profile, locked))


def texts(workdir: str, packages: list) -> dict:
    """``{wheel: its METADATA}`` of stored wheels; one that rotted in the store is refused as that, and not for what it does not say."""
    said = {}
    for package in packages:
        said[package["wheel"]] = metadata.of_wheel(store.place(workdir, package))
        if not said[package["wheel"]]:
            store.check(workdir, package)
    return said


def would_write(order: Order, manifest_bytes: bytes) -> tuple:
    """``(the newest bundle of this name or None, True where another has to be written)``.

    That is so where its manifest is another, or its papers no longer say what is asked: who signs, how long it is valid, what the gates found.
    """
    before = built.newest(order.workdir, order.name)
    if before is None or before["id"] != files.sha256_bytes(manifest_bytes):
        return before, True

    papers = {path: os.path.join(before["path"], path) for path in (statement.GATES, manifest.SUMS, statement.SOURCES)}
    if not all(os.path.exists(path) for path in papers.values()):
        return before, True
    paper = statement.parse(files.read_limited(os.path.join(before["path"], statement.NAME), statement.LIMIT))
    gates = files.read_limited(papers[statement.GATES], manifest.LIMIT)
    if files.sha256_bytes(gates) != paper["files"][statement.GATES]["sha256"]:
        return before, True
    if not report.same(canonical.loads(gates, statement.GATES, manifest.LIMIT), order.gates):
        return before, True
    return before, _is_over(paper, order.valid_days) or not _is_signed(before["path"], order.signing)


def _is_over(paper, valid_days):
    """Whether a statement is not good for as long as is asked, or less than half of that time is left of it."""
    expires, created = (statement.to_seconds(paper[key]) for key in ("expires", "created"))
    if expires is None or not valid_days:
        return (expires is None) != (not valid_days)
    return expires - created != valid_days * _DAY or time.time() > created + valid_days * _DAY // 2


def _is_signed(folder, sign_with):
    path = os.path.join(folder, signing.file_name(sign_with["backend"]))
    if not os.path.exists(path):
        return False
    said = files.read_limited(os.path.join(folder, statement.NAME), statement.LIMIT)
    return signing.is_signed_by(said, files.read_limited(path, signing.LIMIT), sign_with)


def _entry(workdir, content):
    if isinstance(content, dict):
        return {"size": os.path.getsize(store.place(workdir, content)), "sha256": content["sha256"]}
    return {"size": len(content), "sha256": files.sha256_bytes(content)}


def _sources(order):
    """Where the wheels came from, by profile, as the locks' resolver saw it; a lock that was brought along has no such paper."""
    found = {}
    for profile in order.profiles:
        path = os.path.join(os.path.dirname(lock.lock_path(order.workdir, profile.name)), lock.SOURCES)
        known = os.path.exists(path)
        found[profile.name] = (
            canonical.loads(files.read_limited(path, manifest.LIMIT), path, manifest.LIMIT) if known else None
        )
    return {"type": "airgap.ferry/sources/v1", "fetched_from": index.shown(order.environment), "profiles": found}
