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
    requirements lead to stays whole. FERRY-TRIM-001 where no reduction of this name was tested for what is locked.
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
    leaves_out = entry.leaves_out - closure.reached(profile, others, metadata)
    left_out = [package for package in packages if canonicalize_name(package["name"]) in leaves_out]
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
