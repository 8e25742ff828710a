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
_NOTE_KEYS = {"type", "id", "name", "serial", "created", "builder", "signer", "size", "files"}


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
    signature = files.read_limited(os.path.join(folder, signing.SIGNATURE), signing.LIMIT)
    digests = {statement.NAME: files.sha256_bytes(said), signing.SIGNATURE: files.sha256_bytes(signature)}
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
    identity, serial = found["id"], found["serial"]
    canonical.require(isinstance(identity, str) and manifest.DIGEST.fullmatch(identity), path, "a bundle id", identity)
    canonical.require(isinstance(serial, int), path, "a serial", serial)
    return found


def check(folder: str, name: str, trusted_keys: list, now: float) -> dict:
    """Check the bundle in ``folder`` whole, in this order: plain files, signature, statement, closed file list, every hash, every wheel.

    Returns what :func:`publish` writes down for ``name``. ``now`` is the depot's clock in seconds since the epoch.
    """
    sizes = files.list_plain(folder)
    for path, code in ((statement.NAME, "FERRY-BUNDLE-006"), (signing.SIGNATURE, "FERRY-BUNDLE-001")):
        if path not in sizes:
            raise FerryError(
                code, "%s has no %s; do not use this bundle, have it built and signed again." % (folder, path)
            )
    said = files.read_limited(os.path.join(folder, statement.NAME), statement.LIMIT)
    signer = signing.verify(
        said, files.read_limited(os.path.join(folder, signing.SIGNATURE), signing.LIMIT), trusted_keys
    )
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
    expected = set(listed) | set(paper["files"]) | {statement.NAME, signing.SIGNATURE}
    for path in sorted(set(sizes) - expected):
        raise FerryError(
            "FERRY-BUNDLE-005",
            "%s/%s is in no list of the signed bundle; do not use it, ask who added the file." % (folder, path),
        )
    _check_files(folder, sizes, listed, workers=2)
    _check_wheels(folder, carried)
    return {
        "type": NAME_TYPE,
        "id": files.sha256_bytes(manifest_bytes),
        "name": name,
        "serial": paper["serial"],
        "created": paper["created"],
        "builder": paper["builder"],
        "signer": signer,
        "size": sum(sizes.values()),
        "files": len(sizes),
    }


def open_newest(depot_root: str, name: str, trusted_keys: list, now: float, check_mode: bool) -> tuple:
    """``(what is published under name, True where this call published it)``.

    A refused bundle stays where it is, in quarantine. In check mode the checks run and nothing is published.
    """
    published = newest(depot_root, name)
    if published is not None and not check_mode:
        _settle(depot_root, published)
    quarantine = os.path.join(depot_root, QUARANTINE)
    waiting = serials(quarantine, name)
    if not waiting or published is not None and waiting[-1] == published["serial"]:
        if published is None:
            raise FerryError(
                "FERRY-DEPOT-001", "%s holds no bundle named %s; run transfer.yml first." % (depot_root, name)
            )
        return published, False
    folder = os.path.join(quarantine, directory_name(name, waiting[-1]))
    found = check(folder, name, trusted_keys, now)
    # The folder's name came from the zone, the serial from the signed statement: only the latter counts.
    if found["serial"] != waiting[-1] or published is not None and found["serial"] <= published["serial"]:
        raise FerryError(
            "FERRY-BUNDLE-008",
            "%s: its statement has serial %d, expected %s; it is older than what the depot accepted or was renamed, do not use it."
            % (folder, found["serial"], waiting[-1] if published is None else "more than %d" % published["serial"]),
        )
    if not check_mode:
        publish(depot_root, folder, found)
    return found, True


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
    if os.path.exists(coming) and _read_note(coming) == found:
        os.replace(coming, path)
        files.sync_directory(os.path.dirname(path))
    folder = os.path.join(depot_root, QUARANTINE, directory_name(found["name"], found["serial"]))
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


def _check_wheels(folder, listed):
    """Every wheel, from the inside, and that each fits the profiles that it is for; a trusted builder may have been lied to."""
    paths = sorted(path for path in listed["files"] if path.endswith(".whl"))
    # Two, because inflating and hashing leave the interpreter to others.
    with ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [pool.submit(wheel.check, os.path.join(folder, path)) for path in paths]
        try:
            for job in jobs:
                job.result()
        finally:
            for job in jobs:
                job.cancel()
    for name, profile in sorted(listed["profiles"].items()):
        for path in ["wheels/" + one for one in profile["wheels"]] + sorted(profile["installers"].values()):
            if not wheel.fits(path, profile):
                place = " ".join(word for word in (profile["os"], profile["arch"], profile["libc"]) if word)
                raise FerryError(
                    "FERRY-WHEEL-006",
                    "%s/%s: expected a wheel for profile %s (%s, Python %s), found other tags; do not use this bundle, lock that profile again."
                    % (folder, path, name, place, profile["python"]),
                )
