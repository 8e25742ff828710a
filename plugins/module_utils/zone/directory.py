# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory driver: a mounted disk or a gate's drop box.

In the zone a bundle is ``<name>-<serial>/`` (its plain files) and, written last, ``<name>-<serial>.sha256``: the list of every file,
as ``sha256sum -c`` reads it. The list says that the copy is complete, so a half-copied folder is never picked up; trust comes
from the signature alone.
"""

from __future__ import annotations

import glob
import os
import re
import shutil

from ..bundle import files, opening
from ..errors import FerryError

LIST = ".sha256"
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")
_LIMIT = 16 << 20


def send(source: str, zone: str, name: str, serial: int, check_mode: bool) -> bool:
    """Copy the bundle in ``source`` to ``zone``; True where something was (or, in check mode, would be) written.

    A copy that lies there already is compared file by file: the same is left alone, another is refused (FERRY-ZONE-002).
    """
    _require_zone(zone)
    target = os.path.join(zone, opening.directory_name(name, serial))
    expected = opening.signed_files(source)
    if os.path.exists(target + LIST):
        if read_list(target + LIST) != expected:
            raise FerryError(
                "FERRY-ZONE-002",
                "%s differs from what was sent; remove it and %s, then run transfer.yml again; suspect the medium."
                % (target + LIST, target),
            )
        _compare(target, expected)
        return False
    if not check_mode:
        if os.path.isdir(target):  # a copy without its list was cut off
            shutil.rmtree(target)
        _copy(source, target, expected)
        try:
            files.write_durably(target + LIST, write_list(expected))
        except OSError:
            shutil.rmtree(target, ignore_errors=True)
            raise
    return True


def receive(zone: str, depot_root: str, name: str, known_serial: int, check_mode: bool):
    """Copy the newest complete bundle ``name`` from ``zone`` into the depot's quarantine.

    ``known_serial`` is the newest serial that the depot published (0: none). Returns ``(serial, True where it was copied)``.
    """
    _require_zone(zone)
    ready = opening.serials(zone, name, LIST)
    if not ready:
        raise FerryError(
            "FERRY-ZONE-001",
            "%s holds no complete bundle named %s (no %s-<serial>%s); run the sending side first."
            % (zone, name, name, LIST),
        )
    serial = ready[-1]
    folder = opening.directory_name(name, serial)
    target = os.path.join(depot_root, opening.QUARANTINE, folder)
    if serial <= known_serial:
        return known_serial, False
    source = os.path.join(zone, folder)
    expected = read_list(source + LIST)
    # What lies in quarantine is kept where it is whole; one that was damaged there can be transferred again.
    if _is_whole(target, expected):
        return serial, False
    # Compared before anything is written, so that a bad medium leaves the depot as it was.
    _compare(source, expected)
    if not check_mode:
        shutil.rmtree(target, ignore_errors=True)
        _copy(source, target, expected)
    return serial, True


def write_list(expected: dict) -> bytes:
    """``{path: sha256}`` as the text of a list."""
    return "".join("%s  %s\n" % (expected[path], path) for path in sorted(expected)).encode("ascii")


def read_list(path: str) -> dict:
    """The reverse of :func:`write_list`; any other spelling is refused."""
    data = files.read_limited(path, _LIMIT)
    found = {}
    for line in data.decode("ascii", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is not None and files.is_safe_path(match.group(2)):
            found[match.group(2)] = match.group(1)
    if not found or write_list(found) != data:
        raise FerryError(
            "FERRY-ZONE-002",
            "%s: expected lines of sha256 and file name, found something else; send the bundle again." % path,
        )
    return found


def _compare(folder, expected):
    if not os.path.lexists(folder):
        raise FerryError(
            "FERRY-ZONE-003",
            "%s is missing though its list is there; remove %s%s, then send again." % (folder, folder, LIST),
        )
    found = files.list_plain(folder)
    for path in sorted(set(found) ^ set(expected)):
        what = "is missing" if path in expected else "is not in the list of what was sent"
        raise FerryError(
            "FERRY-ZONE-003",
            "%s/%s %s; remove %s and %s%s, then send again." % (folder, path, what, folder, folder, LIST),
        )
    for path in sorted(expected):
        digest = files.sha256_file(os.path.join(folder, path))
        if digest != expected[path]:
            raise _differs(folder, path, expected[path], digest)


def _is_whole(folder, expected):
    try:
        _compare(folder, expected)
    except FerryError:
        return False
    return True


def _copy(source, target, expected):
    """Copy the files of ``expected`` to ``target`` under a temporary name, check each, rename; leave nothing half-made."""
    for stale in glob.glob(glob.escape(target) + ".part-*"):  # of a run that was killed; the caller holds the lock
        shutil.rmtree(stale)
    temporary = "%s.part-%d" % (target, os.getpid())
    try:
        for path in sorted(expected):
            place = os.path.join(temporary, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            digest = files.copy_hashed(os.path.join(source, path), place)
            if digest != expected[path]:
                raise _differs(source, path, expected[path], digest)
        os.rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    files.sync_directory(os.path.dirname(target))


def _differs(folder, path, expected, found):
    return FerryError(
        "FERRY-ZONE-002",
        "%s/%s: expected sha256 %s, found %s; remove %s and %s%s, then send again; suspect the medium."
        % (folder, path, expected, found, folder, folder, LIST),
    )


def _require_zone(zone):
    if not os.path.isdir(zone):
        raise FerryError(
            "FERRY-ZONE-001",
            "%s is not there; mount the medium or correct ferry_zone.path, then run transfer.yml again." % zone,
        )
