# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The review: what an approver reads of the locks before anything is downloaded.

It compares with the newest bundle that was built here from other locks, so it stays as it is while the locks do, also when they have
become a bundle. What only the index knew lies beside each lock, as its note. :mod:`.review_text` shows the whole.
"""

from __future__ import annotations

import json
import os

from . import pages, pylock, store
from ..bundle import built, canonical, files, manifest
from ..errors import FerryError

TYPE = "airgap.ferry/review/v1"
NAME = "review.json"
# What a lock's note holds: the lock's sha256; sizes ({wheel: bytes or None}); held_back ({package: [locked, without the floor]}, None where
# that is not known); excluded ({"package", "version", "python", "constraint"} of what refuses the Python); unchecked (wheels without METADATA).
# The last three are None for a lock that was brought along.
NOTE = "note.json"
_NOTE_KEYS = {
    "lock": str,
    "sizes": dict,
    "held_back": (dict, type(None)),
    "excluded": (list, type(None)),
    "unchecked": (list, type(None)),
}
_LIMIT = 16 << 20


def read_note(lock_path: str, lock: str):
    """The note of the lock with this text; None where there is none, it is another lock's, or it was damaged: it is made anew then."""
    path = os.path.join(os.path.dirname(lock_path), NOTE)
    try:
        found = canonical.loads(files.read_limited(path, _LIMIT), path, _LIMIT)
    except (FileNotFoundError, FerryError):
        return None
    sound = isinstance(found, dict) and set(found) == set(_NOTE_KEYS)
    sound = sound and all(isinstance(found[key], kind) for key, kind in _NOTE_KEYS.items())
    return found if sound and found["lock"] == files.sha256_bytes(lock.encode("utf-8")) else None


def no_note(workdir: str, lock: str, packages: list) -> dict:
    """What can be said of a lock that was brought along, without asking an index."""
    sizes = {package["wheel"]: _stored(workdir, package) for package in packages}
    unknown = dict.fromkeys(("held_back", "excluded", "unchecked"))
    return dict(unknown, lock=files.sha256_bytes(lock.encode("utf-8")), sizes=sizes)


def write_note(lock_path: str, note: dict) -> None:
    """Lay a lock's note beside it."""
    pages.write_changed(os.path.join(os.path.dirname(lock_path), NOTE), canonical.dumps(note))


def baseline(workdir: str, bundle: str, locks: dict):
    """The newest bundle here whose locks are not exactly ``locks`` ({profile: text}), or None.

    ``{"bundle": name-serial, "wheels": file names, "profiles": {name: {package: version}}}``.
    """
    digests = {name: files.sha256_bytes(text.encode("utf-8")) for name, text in locks.items()}
    for path in built.all_of(workdir, bundle):
        try:
            listed = manifest.parse(files.read_limited(os.path.join(path, manifest.NAME), manifest.LIMIT))
            carried = {name: listed["files"][profile["lock"]]["sha256"] for name, profile in listed["profiles"].items()}
            if carried == digests:
                continue
            profiles = {
                name: _versions(pylock.read(os.path.join(path, profile["lock"]))["packages"])
                for name, profile in listed["profiles"].items()
            }
        except (OSError, FerryError) as error:
            raise FerryError(
                "FERRY-IO-002",
                "%s is damaged, so no review can compare with it: %s Move it away and run again." % (path, error),
            )
        wheels = {entry.partition("/")[2] for entry in listed["files"] if entry.startswith("wheels/")}
        return {"bundle": os.path.basename(path), "wheels": wheels, "profiles": profiles}
    return None


def whole(bundle: str, answers: dict, verdicts: dict, against, crosschecked=None, approvals=None) -> dict:
    """All of it, JSON: ``{"type", "bundle", "against": bundle or None, "crosschecked", "approvals", "profiles": {name: part}, "total": see totals}``.

    ``approvals``: None where nobody has to approve, else ``{"waiting": how many wheels wait for it, "request": path of the lines to add}``.

    ``answers``: {profile: (Profile, what lock.make gave)}. A part: ``{"profile", "compared": whether that bundle has the profile, "wheels":
    [{"name", "version", "file", "size", "new"}], "added", "removed", "upgraded": {name: [old, new]}, "trimmed", "held_back", "excluded",
    "unchecked", "verdicts"}``. Sizes are in bytes, None where nobody knows; a wheel is new where that bundle lacks it.
    """
    parts = {
        name: dict(_part(profile, answer, against), verdicts=verdicts[name])
        for name, (profile, answer) in answers.items()
    }
    wheels = {wheel["file"]: wheel for part in parts.values() for wheel in part["wheels"]}
    return {
        "type": TYPE,
        "bundle": bundle,
        "against": against["bundle"] if against else None,
        "crosschecked": crosschecked,
        "approvals": approvals,
        "profiles": parts,
        "total": totals(wheels.values()),
    }


def wheels_of(answer: dict, against=None) -> list:
    """The wheels of what lock.make gave, as in a part of :func:`whole`."""
    return [
        {
            "name": package["name"],
            "version": package["version"],
            "file": package["wheel"],
            "size": answer["note"]["sizes"].get(package["wheel"]),
            "new": against is None or package["wheel"] not in against["wheels"],
        }
        for package in sorted(answer["packages"], key=lambda package: package["name"])
    ]


def _part(profile, answer, against):
    before = against["profiles"].get(profile.name) if against else None
    after, known = _versions(answer["packages"]), before or {}
    return {
        "profile": profile.spec(),
        "compared": before is not None,
        "wheels": wheels_of(answer, against),
        "added": {name: version for name, version in after.items() if name not in known},
        "removed": {name: version for name, version in known.items() if name not in after},
        "upgraded": {
            name: [known[name], version] for name, version in after.items() if known.get(name, version) != version
        },
        "trimmed": answer["trimmed"],
        **{key: answer["note"][key] for key in ("held_back", "excluded", "unchecked")},
    }


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


def dumps(soundreview: dict) -> str:
    """The JSON of a review, for people too."""
    return json.dumps(soundreview, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(workdir: str, texts: dict) -> None:
    """Write ``{file name: text}`` under ``<workdir>/locks/``, those that differ."""
    for name, text in texts.items():
        pages.write_changed(os.path.join(workdir, "locks", name), text.encode("utf-8"))


def _versions(packages):
    return {package["name"]: package["version"] for package in packages}


def _stored(workdir, package):
    place = store.place(workdir, package)
    return os.path.getsize(place) if os.path.exists(place) else None
