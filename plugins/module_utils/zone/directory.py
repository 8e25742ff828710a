# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory driver: a mounted disk or a gate's drop box.

In the zone a bundle is ``<name>-<serial>/`` (its plain files), or ``<name>-<serial>.tar.0001`` and so on (parts of it), and, written
last, ``<name>-<serial>.sha256``: the list of every file or part, as ``sha256sum -c`` reads it. The list says that the copy is complete,
so a half-copied one is never picked up; trust comes from the signature alone.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shutil

from ..bundle import files, opening, parts, signing
from ..errors import FerryError

LIST = ".sha256"
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")
_LIMIT = 16 << 20


def send(source: str, zone: str, name: str, serial: int, check_mode: bool, part_size=None) -> bool:
    """Copy the bundle in ``source`` to ``zone``; True where something was (or, in check mode, would be) written.

    As a folder, or in parts of at most ``part_size`` bytes. A copy that lies there already is compared to the last byte: the same is left
    alone, one that lacks signatures which were added since gets them, another is refused (FERRY-ZONE-002).
    """
    _require_zone(zone)
    stem = opening.directory_name(name, serial)
    target = os.path.join(zone, stem)
    expected = opening.signed_files(source)
    sizes = None if part_size is None else parts.plan(source, expected, stem, part_size)
    if os.path.lexists(target + LIST):
        had = _had(zone, stem, expected, part_size)
        if had == expected:
            return False
        if part_size is None:
            if not check_mode:
                _add_signatures(source, target, had, expected)
            return True
    if not check_mode:
        _clear(target)
        try:
            if part_size is None:
                _copy(source, target, expected)
                listed = expected
            else:
                listed = parts.write(source, sizes, expected, stem, part_size, zone)
            files.write_durably(target + LIST, write_list(listed))
        except (OSError, FerryError):
            _clear(target)
            raise
    return True


def receive(zone: str, depot_root: str, name: str, published, check_mode: bool, allow_serial=None):
    """Copy the newest complete bundle ``name`` from ``zone`` into the depot's quarantine, or the one that ``allow_serial`` names.

    ``published``: what the depot published last, as ``opening.newest`` gives it, or None. A serial that is not above the highest that was
    accepted is left where it is, unless it is named. Returns ``(the serial that the depot has now, True where it was copied)``.
    """
    _require_zone(zone)
    if published is not None and allow_serial == published["serial"]:
        return allow_serial, False
    ready = opening.serials(zone, name, LIST)
    if not ready or allow_serial not in (None, *ready):
        wanted = "" if allow_serial is None else " with serial %d, which ferry_allow_serial names" % allow_serial
        raise FerryError(
            "FERRY-ZONE-001",
            "%s holds no complete bundle named %s%s (no %s-%s%s); run the sending side first."
            % (zone, name, wanted, name, allow_serial or "<serial>", LIST),
        )
    serial = allow_serial or ready[-1]
    if published is not None and allow_serial is None and serial <= published["highest"]:
        return published["serial"], False
    stem = opening.directory_name(name, serial)
    source, target = os.path.join(zone, stem), os.path.join(depot_root, opening.QUARANTINE, stem)
    listed = read_list(source + LIST)
    in_parts = parts.are_listed(listed, stem)
    # What lies in quarantine is kept where it is whole; one that was damaged there can be transferred again.
    if _is_whole(target, zone, stem, listed, in_parts):
        return serial, False
    if not in_parts:
        # Compared before anything is written, so that a bad medium leaves the depot as it was.
        _compare(source, listed)
        if not check_mode:
            shutil.rmtree(target, ignore_errors=True)
            _copy(source, target, listed)
    elif check_mode:
        _read_parts(zone, stem, listed)
    else:
        with _making(target) as temporary:
            _read_parts(zone, stem, listed, temporary)
            shutil.rmtree(target, ignore_errors=True)
            os.rename(temporary, target)
    return serial, True


def write_list(expected: dict) -> bytes:
    """``{path: sha256}`` as the text of a list."""
    return "".join("%s  %s\n" % (expected[path], path) for path in sorted(expected)).encode("ascii")


def read_list(path: str) -> dict:
    """The reverse of :func:`write_list`; any other spelling is refused."""
    data = files.read_limited(path, _LIMIT) if os.path.isfile(path) else b""
    found = {}
    for line in data.decode("ascii", "replace").splitlines() if len(data) <= _LIMIT else ():
        match = _LINE.fullmatch(line)
        if match is not None and files.is_safe_path(match.group(2)):
            found[match.group(2)] = match.group(1)
    if not found or write_list(found) != data:
        raise FerryError(
            "FERRY-ZONE-002",
            "%s: expected lines of sha256 and file name, found something else; send the bundle again." % path,
        )
    return found


def _had(zone, stem, expected, part_size):
    """``{path: sha256}`` of the copy that lies in the zone; it is ``expected``, or lacks signatures of it, or is refused."""
    target = os.path.join(zone, stem)
    listed = read_list(target + LIST)
    in_parts = parts.are_listed(listed, stem)
    if in_parts != (part_size is not None):
        raise _other_shape(target, "parts" if in_parts else "a folder", part_size)
    had = _read_parts(zone, stem, listed) if in_parts else listed
    lacking = {path: expected[path] for path in expected if path not in had}
    if dict(had, **lacking) != expected or not all(signing.is_signature(path) for path in lacking):
        raise FerryError(
            "FERRY-ZONE-002",
            "%s differs from what was sent; remove it and %s, then run transfer.yml again; suspect the medium."
            % (target + LIST, target + ".tar.*" if in_parts else target),
        )
    if not in_parts:
        _compare(target, had)
        return had
    first, total = parts.cut_at(zone, listed)
    if first != min(part_size, total):
        raise _other_shape(target, "parts of %d bytes" % first, part_size)
    return had


def _other_shape(target, found, part_size):
    asked = "a folder" if part_size is None else "parts of %d bytes" % part_size
    return FerryError(
        "FERRY-PART-007",
        "%s lies in the zone as %s, ferry_zone.part_size asks for %s; set it as it was, or remove %s* and run transfer.yml again."
        % (target, found, asked, target),
    )


def _read_parts(zone, stem, listed, target=None):
    try:
        return parts.read(zone, stem, listed, target)
    except parts.OtherBytes as other:
        for path in sorted(glob.glob(os.path.join(glob.escape(zone), "*" + LIST))):
            try:
                names = read_list(path)
            except FerryError:
                continue
            for part in sorted(names):
                if names[part] == other.digest:
                    raise FerryError(
                        "FERRY-PART-005",
                        "%s is %s, a part of another bundle; bring the right one, or send %s again."
                        % (other.path, part, stem),
                    )
        raise


def _add_signatures(source, target, had, expected):
    """Bring what was signed since. The list is away meanwhile, so that nobody takes a copy that is neither the old nor the new one."""
    added = sorted(set(expected) - set(had))
    os.unlink(target + LIST)
    try:
        for path in added:
            data = files.read_limited(os.path.join(source, path), signing.LIMIT)
            if files.sha256_bytes(data) != expected[path]:
                raise _differs(source, path, expected[path], files.sha256_bytes(data))
            files.write_durably(os.path.join(target, path), data)
        files.write_durably(target + LIST, write_list(expected))
    except (OSError, FerryError):
        for path in added:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(target, path))
        files.write_durably(target + LIST, write_list(had))
        raise


def _clear(target):
    """Remove a copy, whole or cut off, in either shape; its list first, so that nobody takes the rest."""
    folder, stem = os.path.split(target)
    stale = [path for end in (LIST, "") for path in glob.glob(glob.escape(target + end) + ".part-*")]
    for path in [target + LIST, target, *stale, *parts.found(folder, stem)]:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)


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


def _is_whole(folder, zone, stem, listed, in_parts):
    try:
        if in_parts:
            return os.path.isdir(folder) and parts.are_cut_from(zone, folder, stem, listed)
        _compare(folder, listed)
    except FerryError:
        return False
    return True


def _copy(source, target, expected):
    """Copy the files of ``expected`` to ``target``, each checked, or leave nothing."""
    with _making(target) as temporary:
        for path in sorted(expected):
            place = os.path.join(temporary, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            digest = files.copy_hashed(os.path.join(source, path), place)
            if digest != expected[path]:
                raise _differs(source, path, expected[path], digest)
        os.rename(temporary, target)


@contextlib.contextmanager
def _making(target):
    """A temporary name beside ``target`` for the block, which renames it; afterwards nothing half-made is left."""
    for stale in glob.glob(glob.escape(target) + ".part-*"):  # of a run that was killed; the caller holds the lock
        shutil.rmtree(stale)
    temporary = "%s.part-%d" % (target, os.getpid())
    try:
        yield temporary
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
