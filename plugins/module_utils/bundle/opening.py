# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening: from quarantine, through every check, to published; nothing outside quarantine changes before the last rename."""

from __future__ import annotations

import glob
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

from . import canonical, files, manifest, memory, signing, statement, wheel
from ..errors import FerryError

QUARANTINE = "incoming"
# A bundle in quarantine that was refused, and passed over by a good one: evidence, and in nobody's way.
REFUSED = ".refused"


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
    # Whatever happens to the files meanwhile: the bytes that are used are the ones that were signed.
    manifest_bytes, sums = (
        _read_signed(folder, path, manifest.LIMIT, paper["files"][path]) for path in (manifest.NAME, manifest.SUMS)
    )
    carried = manifest.parse(manifest_bytes)
    listed = carried["files"]
    if sums != manifest.checksums(manifest_bytes):
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
        "type": memory.NAME_TYPE,
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
    warn=lambda sentence: None,
) -> tuple:
    """``(what is published under name, True where this call published it, or completed what a killed one had begun)``.

    ``allow_serial`` is a pin: that serial is opened and no other, even where the depot accepted a newer one before. A refused bundle stays
    in quarantine, where it is; or, where the next best that waits is good, beside it under another name, and ``warn`` is told. In check
    mode the checks run and nothing is published.
    """
    coming, published = memory.coming(depot_root, name), memory.newest(depot_root, name)
    lost = memory.is_lost(depot_root, published)
    if not check_mode:
        # Of a run that was killed; the caller holds the lock.
        for place in (memory.NAMES, os.path.join(memory.PUBLISHED, "*")):
            for stale in glob.glob(os.path.join(glob.escape(depot_root), place, "*.part-*")):
                os.unlink(stale)
        if published is not None and not lost:
            _settle(depot_root, published)
    refusals = []
    for serial in _waiting(depot_root, name, published, lost, allow_serial):
        folder = os.path.join(depot_root, QUARANTINE, directory_name(name, serial))
        try:
            found = _judge(folder, name, serial, trusted_keys, now, required, published, allow_serial)
        except FerryError as error:
            if error.code.split("-")[1] not in ("BUNDLE", "WHEEL"):
                raise  # says nothing of the bundle
            refusals.append((folder, error))
            continue
        for other, error in refusals:
            warn("%s What was next best is opened, and this one goes to %s%s." % (error, other, REFUSED))
        if not check_mode:
            for other, _error in refusals:
                _remove(other + REFUSED)
                os.rename(other, other + REFUSED)
            publish(depot_root, folder, found)
        return found, True
    if not refusals:
        return published, coming is not None
    folder, error = refusals[0]
    if allow_serial is not None:
        raise error
    raise FerryError(
        error.code,
        "%s; to go on without it, rename %s to %s%s, or remove it here and in the zone, then run transfer.yml and deploy.yml."
        % (error.message.rstrip("."), folder, os.path.basename(folder), REFUSED),
    )


def _judge(folder, name, serial, trusted_keys, now, required, published, allow_serial):
    """What :func:`publish` writes down of the bundle in ``folder``, or its refusal."""
    found = check(folder, name, trusted_keys, now, required)
    # The folder's name came from the zone, the serial from the signed statement: only the latter counts.
    if found["serial"] != serial:
        raise FerryError(
            "FERRY-BUNDLE-008",
            "%s: expected serial %d, as its folder is called, found serial %d in its statement; it was renamed, do not use it."
            % (folder, serial, found["serial"]),
        )
    highest = published["highest"] if published else serial
    exception = memory.allowance(published, serial)
    if published is not None and serial == published["serial"]:
        if found["id"] != published["id"]:
            raise FerryError(
                "FERRY-BUNDLE-008",
                "%s: expected bundle %s, which this depot accepted with serial %d, found %s; have it built again, with a serial of its own."
                % (folder, published["id"], serial, found["id"]),
            )
    elif exception["allowed"] and serial != allow_serial:
        raise FerryError(
            "FERRY-BUNDLE-008",
            "%s: expected more than %d, the highest serial that this depot accepted, found %d; build it again, or name %d in "
            "ferry_allow_serial, which the change record will show." % (folder, highest, serial, serial),
        )
    found.update(exception, highest=max(highest, serial))
    return found


def _waiting(depot_root, name, published, lost, allow_serial):
    """The serials in quarantine that may be opened, the best first; none where what is published is what is wanted."""
    waiting = serials(os.path.join(depot_root, QUARANTINE), name)
    here = published is not None and not lost
    if allow_serial is not None:
        wanted = [allow_serial] if allow_serial in waiting else []
        if here and allow_serial == published["serial"]:
            return []
    else:
        wanted = [serial for serial in reversed(waiting) if published is None or serial > published["highest"]]
        if lost and published["serial"] in waiting:
            wanted.append(published["serial"])
        if here and not wanted and waiting[-1:] in ([], [published["serial"]]):
            return []
    if not wanted and (allow_serial is not None or not waiting):
        which = "" if allow_serial is None else " with serial %d, which ferry_allow_serial names" % allow_serial
        if lost and allow_serial is None:
            which = " with serial %d, whose bundles/%s was removed" % (published["serial"], published["id"])
        raise FerryError(
            "FERRY-DEPOT-001", "%s holds no bundle named %s%s; run transfer.yml first." % (depot_root, name, which)
        )
    return wanted or waiting[-1:]  # an older one, to be refused with the way to allow it


def publish(depot_root: str, folder: str, found: dict) -> None:
    """Move the checked ``folder`` to ``bundles/<id>`` and write down that ``name`` means this id now.

    The note is written first, under another name, so that a kill between the two leaves a state that the next run completes.
    """
    target = os.path.join(depot_root, memory.PUBLISHED, found["id"])
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.makedirs(os.path.join(depot_root, memory.NAMES), exist_ok=True)
    files.write_durably(memory.notes(depot_root, found["name"])[1], canonical.dumps(found))
    if os.path.isdir(target):
        _renew_papers(folder, target)
    else:
        os.rename(folder, target)
        files.sync_directory(os.path.dirname(target))
    _settle(depot_root, found)


def _renew_papers(folder, target):
    """Give the same files, byte for byte, that came under an older statement the papers of ``folder``, which stays until all is done."""
    signatures = [path for path in sorted(os.listdir(folder)) if signing.is_signature(path)]
    for path in os.listdir(target):
        if signing.is_signature(path) and path not in signatures:
            os.unlink(os.path.join(target, path))
    # The statement last: until it is there, the next run opens ``folder`` anew.
    papers = [statement.SOURCES, statement.GATES, *signatures, statement.NAME]
    temporaries = ["%s/%s.part-%d" % (target, path, os.getpid()) for path in papers]
    for path, temporary in zip(papers, temporaries):
        source = os.path.join(folder, path)
        files.copy_hashed(source, temporary, os.path.getsize(source))
    for path, temporary in zip(papers, temporaries):
        os.replace(temporary, os.path.join(target, path))
        files.sync_directory(target)


def _settle(depot_root, found):
    """Complete the publication of ``found``; nothing is left to do in most calls."""
    path, coming = memory.notes(depot_root, found["name"])
    quarantine = os.path.join(depot_root, QUARANTINE)
    if os.path.exists(coming) and memory.read(coming) == found:
        # What waited and is older now would be refused from here on, and is not evidence of anything.
        for suffix in ("", REFUSED):
            for serial in serials(quarantine, found["name"], suffix):
                if serial < found["serial"]:
                    _remove(os.path.join(quarantine, directory_name(found["name"], serial) + suffix))
        os.replace(coming, path)
        files.sync_directory(os.path.dirname(path))
    for suffix in ("", REFUSED):
        _remove(os.path.join(quarantine, directory_name(found["name"], found["serial"]) + suffix))


def _remove(folder):
    if os.path.isdir(folder) and not os.path.islink(folder):
        shutil.rmtree(folder)
    elif os.path.lexists(folder):
        os.unlink(folder)


def _read_signed(folder, path, limit, entry):
    data = files.read_limited(os.path.join(folder, path), limit)
    # What is longer is refused by whoever reads it.
    if len(data) <= limit and files.sha256_bytes(data) != entry["sha256"]:
        raise _other_bytes(folder, path, entry, files.sha256_bytes(data))
    return data


def _other_bytes(folder, path, entry, found):
    return FerryError(
        "FERRY-BUNDLE-004",
        "%s/%s: expected %d bytes with sha256 %s, found %s; transfer the bundle again."
        % (folder, path, entry["size"], entry["sha256"], found),
    )


def _check_files(folder, sizes, listed, workers):
    def look(path):
        entry = listed[path]
        if path not in sizes:
            raise FerryError(
                "FERRY-BUNDLE-006", "%s/%s is listed and missing; transfer the bundle again." % (folder, path)
            )
        # The size first: it costs nothing and bounds what is read.
        found = (
            "%d bytes" % sizes[path] if sizes[path] != entry["size"] else files.sha256_file(os.path.join(folder, path))
        )
        if found != entry["sha256"]:
            raise _other_bytes(folder, path, entry, found)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        list(pool.map(look, sorted(listed)))
