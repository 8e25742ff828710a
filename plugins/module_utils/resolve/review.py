# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The review: what an approver reads of the locks before anything is downloaded. Compared with the newest bundle that was built here.

A profile's part is made with its lock and lies beside it (``locks/<profile>/review.json``), so it stays as it is while the lock does.
:mod:`.review_text` shows the whole.
"""

from __future__ import annotations

import json
import os

from . import pylock, store
from ..bundle import built, canonical, files, manifest
from ..profile import Profile

TYPE = "airgap.ferry/review/v1"
NAME = "review.json"
_LIMIT = 16 << 20


def baseline(workdir: str, bundle: str):
    """What the locks are compared with: ``{"bundle": name-serial, "wheels": file names, "profiles": {name: {package: version}}}`` or None."""
    newest = built.newest(workdir, bundle)
    if newest is None:
        return None
    listed = manifest.parse(files.read_limited(os.path.join(newest["path"], manifest.NAME), manifest.LIMIT))
    return {
        "bundle": os.path.basename(newest["path"]),
        "wheels": {path.partition("/")[2] for path in listed["files"] if path.startswith("wheels/")},
        "profiles": {
            name: _versions(pylock.read(os.path.join(newest["path"], profile["lock"]))["packages"])
            for name, profile in listed["profiles"].items()
        },
    }


def entry(profile: Profile, lock: str, made: dict, against) -> dict:
    """A profile's part, JSON.

    ``lock``: the lock's text. ``made``: ``{"packages": [{"name", "version", "wheel", "size"}], "trimmed", "held_back", "excluded",
    "unchecked"}``. Sizes are in bytes, None where nobody knows.

    ``{"profile", "lock": sha256, "against": bundle or None, "wheels": [{"name", "version", "file", "size", "new"}], "added", "removed",
    "upgraded": {name: [old, new]}, "trimmed", "held_back", "excluded", "unchecked"}``; a wheel is new where that bundle lacks it.
    """
    before = against["profiles"].get(profile.name) if against else None
    after = _versions(made["packages"])
    known = before or {}
    return {
        "profile": profile.spec(),
        "lock": files.sha256_bytes(lock.encode("utf-8")),
        "against": against["bundle"] if before is not None else None,
        "wheels": [
            {
                "name": package["name"],
                "version": package["version"],
                "file": package["wheel"],
                "size": package["size"],
                "new": against is None or package["wheel"] not in against["wheels"],
            }
            for package in sorted(made["packages"], key=lambda package: package["name"])
        ],
        "added": {name: version for name, version in after.items() if name not in known},
        "removed": {name: version for name, version in known.items() if name not in after},
        "upgraded": {
            name: [known[name], version] for name, version in after.items() if known.get(name, version) != version
        },
        **{key: made[key] for key in ("trimmed", "held_back", "excluded", "unchecked")},
    }


def keep(lock_path: str, made: dict) -> None:
    """Lay a profile's part beside its lock."""
    _write(os.path.join(os.path.dirname(lock_path), NAME), canonical.dumps(made))


def kept(workdir: str, lock_path: str, profile: Profile, present: dict, how) -> dict:
    """The part that was made with a lock that stays; for a lock that was brought along, what can be said of it without asking an index."""
    path = os.path.join(os.path.dirname(lock_path), NAME)
    with open(lock_path, encoding="utf-8") as stream:
        text = stream.read()
    if os.path.exists(path):
        found = canonical.loads(files.read_limited(path, _LIMIT), path, _LIMIT)
        if isinstance(found, dict) and found.get("lock") == files.sha256_bytes(text.encode("utf-8")):
            return found
    packages = [dict(package, size=_stored(workdir, package)) for package in present["packages"]]
    unknown = {"held_back": {}, "excluded": [], "unchecked": [], "trimmed": present["trimmed"]}
    made = entry(profile, text, dict(unknown, packages=packages), how.against)
    if not how.check_mode:
        keep(lock_path, made)
    return made


def whole(bundle: str, entries: dict, verdicts: dict) -> dict:
    """All parts as one, JSON: ``{"type", "bundle", "profiles": {name: part and its "verdicts"}, "total": see totals}``."""
    profiles = {name: dict(part, verdicts=verdicts[name]) for name, part in entries.items()}
    wheels = {wheel["file"]: wheel for part in entries.values() for wheel in part["wheels"]}
    return {"type": TYPE, "bundle": bundle, "profiles": profiles, "total": totals(wheels.values())}


def totals(wheels) -> dict:
    """``{"wheels", "bytes", "new", "carry": bytes of the new ones, "unknown": how many have no known size and are not in the sums}``."""
    wheels = list(wheels)
    new = [wheel for wheel in wheels if wheel["new"]]
    return {
        "wheels": len(wheels),
        "bytes": sum(wheel["size"] or 0 for wheel in wheels),
        "new": len(new),
        "carry": sum(wheel["size"] or 0 for wheel in new),
        "unknown": sum(1 for wheel in wheels if wheel["size"] is None),
    }


def dumps(whole_review: dict) -> str:
    """The JSON of a review, for people too."""
    return json.dumps(whole_review, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(workdir: str, texts: dict) -> None:
    """Write ``{file name: text}`` under ``<workdir>/locks/``, those that differ."""
    for name, text in texts.items():
        _write(os.path.join(workdir, "locks", name), text.encode("utf-8"))


def _write(path, data):
    try:
        if files.read_limited(path, _LIMIT) == data:
            return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    files.write_durably(path, data)


def _versions(packages):
    return {package["name"]: package["version"] for package in packages}


def _stored(workdir, package):
    place = store.place(workdir, package)
    return os.path.getsize(place) if os.path.exists(place) else None
