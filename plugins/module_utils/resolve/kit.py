# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kit: what makes an inside machine a controller. Its wheels are a profile like any other, so every lock, check and gate holds for them.

What is no wheel (the collection, the script that sets all up) the role brings to ``<workdir>/kit/``.
"""

from __future__ import annotations

import dataclasses
import io
import os
import re
import tarfile

from ..bundle import files
from ..errors import FerryError
from ..profile import Profile

PROFILE = "ferry-kit"
# What requirements.in says, as a range: that of meta/runtime.yml. The lock says which it is.
REQUIREMENTS = ("ansible-core>=2.16",)
FOLDER = "kit"
# Under these names on the staging host. In a bundle the archive's name has the version that it says itself.
COLLECTION, SCRIPT = "collection.tar", "setup_kit.py"
_LIMIT = 64 << 20
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]{0,64}")


def profiles(specs: dict, kit: dict | None, requirements: list = (), constraints: list = ()) -> list:
    """The operator's profiles with what the bundle asks for in each, and the kit's where ``kit`` says for what controller; sorted by name.

    The kit's has nothing of the bundle's own: a controller needs none of what its hosts compute with.
    """
    found = [
        dataclasses.replace(
            one,
            requirements=(*requirements, *one.requirements),
            constraints=(*constraints, *one.constraints),
        )
        for one in (hosts_profile(name, spec) for name, spec in specs.items())
    ]
    if kit is not None:
        found.append(profile(kit))
    return sorted(found, key=lambda one: one.name)


def hosts_profile(name: str, spec: dict) -> Profile:
    """A profile of the operator's, which has any name but the kit's own."""
    if name == PROFILE:
        raise FerryError(
            "FERRY-KIT-001",
            "profile %s: expected another name, found the kit's own; rename it in ferry_profiles, ferry_kit and ferry_kit_profile are for "
            "the kit." % PROFILE,
        )
    return Profile.from_spec(name, spec)


def profile(spec: dict) -> Profile:
    """The kit's profile for ``ferry_kit_profile``: an entry of ``ferry_profiles`` that may leave out ``os`` and has no accelerator."""
    if isinstance(spec, dict):
        if spec.get("os", "linux") == "windows":
            raise FerryError(
                "FERRY-KIT-002",
                "profile %s, key os: expected linux, found windows, where no Ansible controller runs; name a Linux machine in "
                "ferry_kit_profile, or one in WSL2." % PROFILE,
            )
        spec = dict({"os": "linux", "accelerator": "none"}, **spec)
    own = Profile.from_spec(PROFILE, spec)
    if own.accelerator != "none":
        raise FerryError(
            "FERRY-VAR-004",
            "profile %s, key accelerator: expected none, found the string %r; leave it out, a controller computes nothing."
            % (PROFILE, own.accelerator),
        )
    return dataclasses.replace(own, requirements=REQUIREMENTS + own.requirements)


def contents(workdir: str) -> dict:
    """``{path in the bundle: bytes}`` of what the kit has beside its wheels; FERRY-KIT-004 where the role has not brought it."""
    collection, script = (_read(os.path.join(workdir, FOLDER, name)) for name in (COLLECTION, SCRIPT))
    archive = "airgap-ferry-%s.tar" % _version(collection, os.path.join(workdir, FOLDER, COLLECTION))
    return {"%s/%s" % (FOLDER, archive): collection, "%s/%s" % (FOLDER, SCRIPT): script}


def _read(path):
    try:
        data = files.read_limited(path, _LIMIT)
    except FileNotFoundError:
        raise _missing(path, "nothing")
    if not 0 < len(data) <= _LIMIT:
        raise _missing(path, "an empty file" if not data else "more than %d bytes" % _LIMIT)
    return data


def _version(data, path):
    """The version in the archive's MANIFEST.json."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            said = archive.extractfile("MANIFEST.json").read()
        version = re.search(rb'"version":"([^"]*)"', said).group(1).decode("ascii")
    except (tarfile.TarError, KeyError, AttributeError, UnicodeDecodeError):
        version = ""
    if not _VERSION.fullmatch(version):
        raise _missing(path, "no such archive")
    return version


def _missing(path, found):
    return FerryError(
        "FERRY-KIT-004",
        "%s: expected a part of the kit, found %s; run prepare.yml with ferry_kit, which brings it there."
        % (path, found),
    )
