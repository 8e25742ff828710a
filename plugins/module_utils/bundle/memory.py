# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A depot's memory: of each name a note in ``names/``, what was published last and the highest serial that was ever accepted."""

from __future__ import annotations

import os

from . import canonical, files, manifest, signing, statement
from ..errors import FerryError

PUBLISHED = "bundles"
NAMES = "names"
NAME_TYPE = "airgap.ferry/depot-name/v1"
# highest: the highest serial that was ever accepted. allowed: this one needed ferry_allow_serial. replaced: the serial it then replaced.
_NOTE_KEYS = {
    "type",
    "id",
    "name",
    "serial",
    "created",
    "builder",
    "signers",
    "size",
    "files",
    "highest",
    "allowed",
    "replaced",
}


def newest(depot_root: str, name: str):
    """What the depot published last under ``name``, as ``opening.check`` gave it; None where there is nothing.

    It is the depot's memory too, and stays where the bundle itself was removed (:func:`is_lost`).
    """
    return coming(depot_root, name) or settled(depot_root, name)


def settled(depot_root: str, name: str):
    """The same without a publication that was cut off and has to be completed."""
    path = notes(depot_root, name)[0]
    return read(path) if os.path.exists(path) else None


def is_lost(depot_root: str, published) -> bool:
    """Whether the bundle of this note was removed from the depot, by whoever repairs it."""
    return published is not None and not os.path.isdir(os.path.join(depot_root, PUBLISHED, published["id"]))


def coming(depot_root: str, name: str):
    """The note that was on its way when a run was killed; None where its bundle had not arrived: then it is opened again."""
    path = notes(depot_root, name)[1]
    if not os.path.exists(path):
        return None
    found = read(path)
    try:
        # The statement is the last that arrives.
        there = os.path.join(depot_root, PUBLISHED, found["id"])
        paper = statement.parse(files.read_limited(os.path.join(there, statement.NAME), statement.LIMIT))
        signatures = sorted(path for path in os.listdir(there) if signing.is_signature(path))
    except (OSError, FerryError):
        return None
    arrived = (paper["name"], paper["serial"], signatures)
    return found if arrived == (name, found["serial"], [signer["file"] for signer in found["signers"]]) else None


def notes(depot_root: str, name: str) -> tuple:
    """Where the note of ``name`` lies, and where it lies before it counts."""
    path = os.path.join(depot_root, NAMES, name + ".json")
    return path, path + ".next"


def read(path: str) -> dict:
    """The note in ``path``; FERRY-DEPOT-004 for what is none."""
    try:
        found = canonical.loads(files.read_limited(path, statement.LIMIT), path, statement.LIMIT)
        canonical.require(
            isinstance(found, dict) and set(found) == _NOTE_KEYS, path, "the keys %s" % sorted(_NOTE_KEYS), found
        )
        canonical.require(found["type"] == NAME_TYPE, path, "the type " + NAME_TYPE, found["type"])
        signers = found["signers"]
        told = isinstance(signers, list) and all(isinstance(one, dict) and "file" in one for one in signers)
        canonical.require(told, path, "who signed", signers)
        identity, serial, highest = found["id"], found["serial"], found["highest"]
        canonical.require(isinstance(identity, str) and manifest.DIGEST.fullmatch(identity), path, "an id", identity)
        canonical.require(isinstance(serial, int), path, "a serial", serial)
        canonical.require(isinstance(highest, int) and highest >= serial, path, "the highest serial of all", highest)
        canonical.require(isinstance(found["allowed"], bool), path, "true or false in allowed", found["allowed"])
        canonical.require(
            isinstance(found["replaced"], int) if found["allowed"] else found["replaced"] is None,
            path,
            "the replaced serial of an allowed one",
            found["replaced"],
        )
    except FerryError as error:
        raise FerryError(
            "FERRY-DEPOT-004",
            "%s; it is the depot's memory of the serials that it accepted: restore it from a backup, or find the highest in the change "
            "records, remove it, and let nothing older in." % error.message.partition("; ")[0],
        )
    return found


def allowance(published, serial: int) -> dict:
    """Whether ``serial`` needs to be allowed after ``published``, and what it replaces then: ``{"allowed": bool, "replaced": serial or None}``."""
    if published is None or serial > published["highest"]:
        return {"allowed": False, "replaced": None}
    if serial == published["serial"]:
        return {key: published[key] for key in ("allowed", "replaced")}
    return {"allowed": True, "replaced": published["serial"]}


def outgrown(published) -> list:
    """What an operator must not overlook, as sentences: that ``published`` is older than what the depot accepted before."""
    if published is None or published["serial"] == published["highest"]:
        return []
    return [
        "Bundle %s has serial %d here by ferry_allow_serial, though this depot accepted %d; to go forward, transfer and deploy a newer "
        "one, or %d itself with ferry_allow_serial."
        % (published["name"], published["serial"], published["highest"], published["highest"])
    ]
