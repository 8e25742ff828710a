# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second index's word on a lock: it has to serve every locked file with the same sha256. uv asks it, so proxy and CA are pip's."""

from __future__ import annotations

from . import index, resolver, target
from .resolver import How
from ..errors import FerryError
from ..profile import Profile

_SHOWN = 5


def check(profile: Profile, packages: list, how: How) -> None:
    """Refuse (FERRY-LOCK-010 where a sha256 differs, 011 where a file is not there) unless ``how.crosscheck`` has all of ``packages``."""
    environment = index.at(how.environment, how.crosscheck)
    where = index.shown(environment)
    pinned = ["%s==%s" % (package["name"], package["version"]) for package in packages]
    arguments = ["--no-deps", "--python-platform", target.uv_platforms(profile)[-1], "--python-version", profile.python]
    try:
        resolved = resolver.compile_lock(pinned, [], how, environment, arguments)
    except resolver.Unresolved as unresolved:
        other = resolver.unreachable(unresolved.reason, environment, "ferry_crosscheck_index_url")
        raise other or _absent(profile, where, resolver.errors(unresolved.reason)[:300])
    served = {
        wheel.filename: wheel.hashes.get("sha256") for package in resolved.packages for wheel in package.wheels or ()
    }
    differing = [
        "%s: locked %s, there %s" % (package["wheel"], package["sha256"], served[package["wheel"]])
        for package in packages
        if served.get(package["wheel"]) not in (None, package["sha256"])
    ]
    if differing:
        raise FerryError(
            "FERRY-LOCK-010",
            "profile %s: %s serves other files than were locked: %s; do not use this lock before you know which of both is right."
            % (profile.name, where, _some(differing)),
        )
    lacking = [package["wheel"] for package in packages if not served.get(package["wheel"])]
    if lacking:
        raise _absent(profile, where, _some(lacking))


def _absent(profile, where, what):
    return FerryError(
        "FERRY-LOCK-011",
        "profile %s: %s does not have all that was locked, with a sha256: %s; wait until it has caught up, or name another "
        "ferry_crosscheck_index_url." % (profile.name, where, what),
    )


def _some(texts):
    more = "; and %d more" % (len(texts) - _SHOWN) if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more
