# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening: from quarantine, through every check, to published; nothing outside quarantine changes before the last rename."""

from __future__ import annotations

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

from . import canonical, files, manifest, signing, statement, wheel
from ..errors import FerryError

QUARANTINE = "incoming"
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


def directory_name(name: str, serial: int) -> str:
    """The folder of one signed bundle in the zone and in quarantine."""
    return "%s-%d" % (name, serial)


def serials(folder: str, name: str, suffix: str = "") -> list:
    """The serials, lowest first, of the entries ``<name>-<serial><suffix>`` in ``folder``; whatever else lies there is left out."""
    pattern = re.compile(re.escape(name) + "-([1-9][0-9]{0,12})" + re.escape(suffix))
    matches = [pattern.fullmatch(entry) for entry in (os.listdir(folder) if os.path.isdir(folder) else ())]
    return sorted(int(match.group(1)) for match in matches if match and int(match.group(1)) <= statement.MAX_SERIAL)


def signed_files(folder: str) -> dict:
    """``{path: sha256}`` of every file that the bundle in ``folder`` should hold, by its own papers (their signature is not judged)."""
    said = files.read_limited(os.path.join(folder, statement.NAME), statement.LIMIT)
    digests = {path: files.sha256_bytes(data) for path, data in signing.read_all(folder).items()}
    if not digests:
        raise FerryError(
            "FERRY-BUNDLE-001", "%s has no signature; set ferry_signing and run prepare.yml again." % folder
        )
    digests[statement.NAME] = files.sha256_bytes(said)
    paper = statement.parse(said)
    listed = manifest.parse(files.read_limited(os.path.join(folder, manifest.NAME), manifest.LIMIT))
    for path, entry in list(paper["files"].items()) + list(listed["files"].items()):
        digests[path] = entry["sha256"]
    return digests


def newest(depot_root: str, name: str):
    """What the depot published last under ``name``, as :func:`check` gave it; None where there is nothing."""
    path, coming = _notes(depot_root, name)
    for note in (coming, path):
        if os.path.exists(note):
            found = _read_note(note)
            # A note that was on its way when the run was killed counts where its bundle had arrived.
            if note == path or os.path.isdir(os.path.join(depot_root, PUBLISHED, found["id"])):
                return found
    return None


def _notes(depot_root, name):
    path = os.path.join(depot_root, NAMES, name + ".json")
    return path, path + ".next"


def _read_note(path):
    found = canonical.loads(files.read_limited(path, statement.LIMIT), path, statement.LIMIT)
    canonical.require(
        isinstance(found, dict) and set(found) == _NOTE_KEYS, path, "the keys %s" % sorted(_NOTE_KEYS), found
    )
    canonical.require(found["type"] == NAME_TYPE, path, "the type " + NAME_TYPE, found["type"])
    identity, serial, highest = found["id"], found["serial"], found["highest"]
    canonical.require(isinstance(identity, str) and manifest.DIGEST.fullmatch(identity), path, "a bundle id", identity)
    canonical.require(isinstance(serial, int), path, "a serial", serial)
    canonical.require(isinstance(highest, int) and highest >= serial, path, "the highest serial of all", highest)
    canonical.require(isinstance(found["allowed"], bool), path, "true or false in allowed", found["allowed"])
    canonical.require(
        isinstance(found["replaced"], int) if found["allowed"] else found["replaced"] is None,
        path,
        "the replaced serial of an allowed one",
        found["replaced"],
    )
    return found


def check(folder: str, name: str, trusted_keys: list, now: float, required=None) -> dict:
    """Check the bundle in ``folder`` whole, in this order: plain files, signature, statement, closed file list, every hash, every wheel.

    Returns what :func:`publish` writes down for ``name``. ``now`` is the depot's clock in seconds since the epoch, ``required`` how many
    of each role have to have signed (``signing.REQUIRED``).
    """
    sizes = files.list_plain(folder)
    signatures = [path for path in sizes if signing.is_signature(path)]
    for path, code, there in (
        (statement.NAME, "FERRY-BUNDLE-006", statement.NAME in sizes),
        (signing.file_name("gpg"), "FERRY-BUNDLE-001", signatures),
    ):
        if not there:
            raise FerryError(
                code, "%s has no %s; do not use this bundle, have it built and signed again." % (folder, path)
            )
    said = files.read_limited(os.path.join(folder, statement.NAME), statement.LIMIT)
    signers = signing.verify(said, signing.read_all(folder), trusted_keys, required or signing.REQUIRED, now)
    paper = statement.parse(said)
    if paper["name"] != name:
        raise FerryError(
            "FERRY-BUNDLE-007",
            "%s: expected a bundle named %s, its statement says %s; do not use it under this name."
            % (folder, name, paper["name"]),
        )
    statement.check_time(paper, now)
    _check_files(folder, sizes, paper["files"], workers=1)
    manifest_bytes = files.read_limited(os.path.join(folder, manifest.NAME), manifest.LIMIT)
    carried = manifest.parse(manifest_bytes)
    listed = carried["files"]
    if files.read_limited(os.path.join(folder, manifest.SUMS), manifest.LIMIT) != manifest.checksums(manifest_bytes):
        raise FerryError(
            "FERRY-BUNDLE-004",
            "%s/%s is not the one that the manifest gives; do not use this bundle." % (folder, manifest.SUMS),
        )
    expected = set(listed) | set(paper["files"]) | {statement.NAME, *signatures}
    for path in sorted(set(sizes) - expected):
        raise FerryError(
            "FERRY-BUNDLE-005",
            "%s/%s is in no list of the signed bundle; do not use it, ask who added the file." % (folder, path),
        )
    _check_files(folder, sizes, listed, workers=2)
    wheel.check_all(lambda path: os.path.join(folder, path), carried)
    return {
        "type": NAME_TYPE,
        "id": files.sha256_bytes(manifest_bytes),
        "name": name,
        "serial": paper["serial"],
        "created": paper["created"],
        "builder": paper["builder"],
        "signers": signers,
        "size": sum(sizes.values()),
        "files": len(sizes),
    }


def open_newest(
    depot_root: str,
    name: str,
    trusted_keys: list,
    now: float,
    check_mode: bool,
    required=None,
    allow_serial=None,
) -> tuple:
    """``(what is published under name, True where this call published it)``.

    ``allow_serial`` is a pin: that serial is opened and no other, even where the depot accepted a newer one before. A refused bundle stays
    where it is, in quarantine. In check mode the checks run and nothing is published.
    """
    published = newest(depot_root, name)
    if published is not None and not check_mode:
        _settle(depot_root, published)
    serial = _waiting(depot_root, name, published, allow_serial)
    if serial is None:
        return published, False
    folder = os.path.join(depot_root, QUARANTINE, directory_name(name, serial))
    found = check(folder, name, trusted_keys, now, required)
    # The folder's name came from the zone, the serial from the signed statement: only the latter counts.
    if found["serial"] != serial:
        raise FerryError(
            "FERRY-BUNDLE-008",
            "%s: expected serial %d, as its folder is called, found serial %d in its statement; it was renamed, do not use it."
            % (folder, serial, found["serial"]),
        )
    highest = published["highest"] if published else serial
    exception = allowance(published, serial)
    if exception["allowed"] and serial != allow_serial:
        raise FerryError(
            "FERRY-BUNDLE-008",
            "%s: expected more than %d, the highest serial that this depot accepted, found %d; build it again, or name %d in "
            "ferry_allow_serial, which the change record will show." % (folder, highest, serial, serial),
        )
    found.update(exception, highest=max(highest, serial))
    if not check_mode:
        publish(depot_root, folder, found)
    return found, True


def _waiting(depot_root, name, published, allow_serial):
    """The serial in quarantine that is to be opened, or None where what is published is what is wanted."""
    waiting = serials(os.path.join(depot_root, QUARANTINE), name)
    wanted = allow_serial if allow_serial is not None else waiting[-1] if waiting else None
    if published is not None and wanted in (None, published["serial"]):
        return None
    if wanted is None or wanted not in waiting:
        raise FerryError(
            "FERRY-DEPOT-001",
            "%s holds no bundle named %s%s; run transfer.yml first."
            % (depot_root, name, "" if wanted is None else " with serial %d, which ferry_allow_serial names" % wanted),
        )
    return wanted


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


def publish(depot_root: str, folder: str, found: dict) -> None:
    """Move the checked ``folder`` to ``bundles/<id>`` and write down that ``name`` means this id now.

    The note is written first, under another name, so that a kill between the two leaves a state that the next run completes.
    """
    target = os.path.join(depot_root, PUBLISHED, found["id"])
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.makedirs(os.path.join(depot_root, NAMES), exist_ok=True)
    files.write_durably(_notes(depot_root, found["name"])[1], canonical.dumps(found))
    # A bundle that is there already came under an older statement: the same files, byte for byte.
    if not os.path.isdir(target):
        os.rename(folder, target)
        files.sync_directory(os.path.dirname(target))
    _settle(depot_root, found)


def _settle(depot_root, found):
    """Complete the publication of ``found``; nothing is left to do in most calls."""
    path, coming = _notes(depot_root, found["name"])
    quarantine = os.path.join(depot_root, QUARANTINE)
    if os.path.exists(coming) and _read_note(coming) == found:
        # What waited and is older now would be refused from here on, and is not evidence of anything.
        for serial in serials(quarantine, found["name"]):
            if serial < found["serial"]:
                _remove(os.path.join(quarantine, directory_name(found["name"], serial)))
        os.replace(coming, path)
        files.sync_directory(os.path.dirname(path))
    _remove(os.path.join(quarantine, directory_name(found["name"], found["serial"])))


def _remove(folder):
    if os.path.islink(folder):
        os.unlink(folder)
    elif os.path.isdir(folder):
        shutil.rmtree(folder)


def _check_files(folder, sizes, listed, workers):
    def look(path):
        entry = listed[path]
        if path not in sizes:
            return "FERRY-BUNDLE-006", "%s/%s is listed and missing; transfer the bundle again." % (folder, path)
        # The size first: it costs nothing and bounds what is read.
        found = (
            "%d bytes" % sizes[path] if sizes[path] != entry["size"] else files.sha256_file(os.path.join(folder, path))
        )
        if found != entry["sha256"]:
            return (
                "FERRY-BUNDLE-004",
                "%s/%s: expected %d bytes with sha256 %s, found %s; transfer the bundle again."
                % (folder, path, entry["size"], entry["sha256"], found),
            )
        return None

    with ThreadPoolExecutor(max_workers=workers) as pool:
        for problem in pool.map(look, sorted(listed)):
            if problem:
                raise FerryError(*problem)
