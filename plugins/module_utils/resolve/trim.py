# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trimming: leave out of a lock what a named, tested reduction does not need. Only what the table names goes; a newcomer stays."""

from __future__ import annotations

from . import closure
from .libraries import Requirement, canonicalize_name
from ..compat.reductions import REDUCTIONS
from ..errors import FerryError
from ..profile import Profile


def apply(profile: Profile, requirements: list, packages: list, metadata: dict) -> tuple:
    """``(the packages that stay, what was trimmed or None)``; ``packages`` as :func:`.resolver.resolve` gives them.

    Trimmed: ``{"name", "loses", "saved": bytes, "left_out": [{"name", "version", "size" in bytes}]}``. What the operator's other
    requirements lead to stays whole, and so does what a package that stays asks for, those apart that were tested without it. FERRY-TRIM-001
    where no reduction of this name was tested for what is locked, 002 where the index tells too little, 003 where nothing can go.
    """
    if not profile.trim:
        return packages, None
    entry = _entry(profile, packages)
    unknown = sorted(wheel for wheel, text in metadata.items() if text is None)
    if unknown:
        raise FerryError(
            "FERRY-TRIM-002",
            "profile %s cannot be trimmed: the index gives no METADATA of %s, so what else needs what would go cannot be told; "
            "drop trim, or lock from an index that gives it." % (profile.name, ", ".join(unknown[:5])),
        )
    others = [text for text in requirements if canonicalize_name(Requirement(text).name) != entry.package]
    names = {canonicalize_name(package["name"]) for package in packages}
    # What needs what would go: the operator's other requirements, and packages that the table does not know.
    needing = others + sorted(names - entry.leaves_out - entry.askers)
    leaves_out = entry.leaves_out - closure.reached(profile, needing, metadata)
    left_out = [package for package in packages if canonicalize_name(package["name"]) in leaves_out]
    if not left_out:
        raise FerryError(
            "FERRY-TRIM-003",
            "profile %s: nothing can be left out, because its other requirements need all that %s would leave out; drop trim."
            % (profile.name, profile.trim),
        )
    unsized = [package["wheel"] for package in left_out if package["size"] is None]
    if unsized:
        raise FerryError(
            "FERRY-TRIM-002",
            "profile %s cannot be trimmed: the index does not tell the size of %s, which its lock has to name; "
            "drop trim, or lock from an index that tells it." % (profile.name, ", ".join(unsized[:5])),
        )
    trimmed = {
        "name": profile.trim,
        "loses": entry.loses,
        "saved": sum(package["size"] for package in left_out),
        "left_out": [{key: package[key] for key in ("name", "version", "size")} for package in left_out],
    }
    return [package for package in packages if package not in left_out], trimmed


def excused(path: str, profile: Profile, lock: dict) -> closure.LeftOut:
    """What a lock (as :func:`.pylock.read` gives it) may lack: what it says that it left out, where the table says that too.

    FERRY-LOCK-003 where what it says is not what its profile and the table say: a lock is not believed that excuses itself.
    """
    trimmed = lock["trimmed"]
    if not trimmed and not profile.trim:
        return closure.LeftOut()
    names = {canonicalize_name(package["name"]) for package in (trimmed or {"left_out": []})["left_out"]}
    entry = _entry(profile, lock["packages"]) if profile.trim else None
    if not trimmed or not entry or trimmed["name"] != profile.trim or not names <= entry.leaves_out:
        raise FerryError(
            "FERRY-LOCK-003",
            "%s: expected the lock of a profile %s, found one %s; restore it, or remove it and run lock.yml."
            % (
                path,
                "with trim " + profile.trim if profile.trim else "without trim",
                "that left out " + ", ".join(sorted(names)) if trimmed else "that left nothing out",
            ),
        )
    return closure.LeftOut(frozenset(names), entry.askers)


def _entry(profile, packages):
    locked = {canonicalize_name(package["name"]): package["version"] for package in packages}
    entries = REDUCTIONS[profile.trim]
    for entry in entries:
        if (profile.os, profile.arch) == entry.place and locked.get(entry.package) == entry.release:
            return entry
    known = sorted({entry.package for entry in entries} | {"tensorflow", "tensorflow-intel"})
    found = ["%s==%s" % (name, locked[name]) for name in known if name in locked]
    raise FerryError(
        "FERRY-TRIM-001",
        "profile %s: the reduction %s was tested with %s, found %s on %s %s; choose one of those, or drop trim."
        % (
            profile.name,
            profile.trim,
            " and ".join("%s==%s on %s %s" % (one.package, one.release, *one.place) for one in entries),
            ", ".join(found) or "none of these packages",
            profile.os,
            profile.arch,
        ),
    )
