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
import time

from ..bundle import files, memory, opening, parts, signing, statement
from ..errors import FerryError, disk_full

LIST = ".sha256"
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")
_LIMIT = 16 << 20
_UNFINISHED = re.compile(r".+-[1-9][0-9]*\.part-[0-9]+")


def send(source: str, zone: str, name: str, serial: int, check_mode: bool, part_size=None) -> bool:
    """Copy the bundle in ``source`` to ``zone``; True where something was (or, in check mode, would be) written.

    As a folder, or in parts of at most ``part_size`` bytes. A copy that lies there already is compared to the last byte: the same is left
    alone, one that lacks signatures which were added since gets them, another is refused (FERRY-ZONE-002). One whose list cannot be
    read is nobody's to take, and is written anew.
    """
    _require_zone(zone)
    stem = opening.directory_name(name, serial)
    target = os.path.join(zone, stem)
    expected = opening.signed_files(source)
    sizes = None if part_size is None else parts.plan(source, expected, stem, part_size)
    listed = _list_of(target)
    if listed:
        had = _had(source, zone, stem, listed, expected, part_size)
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
                _copy(source, target, expected, _sizes_in(source, expected))
                listed = expected
            else:
                listed = parts.write(source, sizes, expected, stem, part_size, zone)
            files.write_durably(target + LIST, write_list(listed))
        except (OSError, FerryError):
            _clear(target)
            raise
    return True


def receive(
    zone: str,
    depot_root: str,
    name: str,
    published,
    check_mode: bool,
    allow_serial=None,
    now=None,
    warn=lambda sentence: None,
):
    """Copy the newest complete bundle ``name`` from ``zone`` into the depot's quarantine, or the one that ``allow_serial`` names.

    ``published``: what the depot published last, as ``memory.newest`` gives it, or None. A serial that is not above the highest that was
    accepted is left where it is, unless it is named, or its bundle was removed from the depot since. So is one that is absurd by the
    clock ``now``, and what was refused and passed over here already; ``warn`` is told. Returns ``(the serial that the depot has now, True
    where it was copied)``.
    """
    _require_zone(zone)
    here = published is not None and not memory.is_lost(depot_root, published)
    quarantine = os.path.join(depot_root, opening.QUARANTINE)
    if not check_mode:
        for entry in os.listdir(quarantine) if os.path.isdir(quarantine) else ():
            if _UNFINISHED.fullmatch(entry):  # of a run that was killed; the caller holds the lock
                shutil.rmtree(os.path.join(quarantine, entry), ignore_errors=True)
    if here and allow_serial == published["serial"]:
        return allow_serial, False
    now = time.time() if now is None else now
    for serial in _wanted(zone, depot_root, name, published, allow_serial, now, warn):
        stem = opening.directory_name(name, serial)
        listed = read_list(os.path.join(zone, stem + LIST))
        in_parts = parts.are_listed(listed, stem)
        aside = os.path.join(quarantine, stem + opening.REFUSED)
        if allow_serial is not None or not _is_whole(aside, zone, stem, listed, in_parts):
            return serial, _take(zone, os.path.join(quarantine, stem), stem, listed, in_parts, check_mode)
        warn(
            "%s in %s is what was refused here, and lies in %s; it was left out, remove it there." % (stem, zone, aside)
        )
    if here:
        return published["serial"], False
    raise FerryError(
        "FERRY-ZONE-001",
        "%s holds no bundle named %s but what was refused here and lies in %s; run the sending side with another one."
        % (zone, name, quarantine),
    )


def _take(zone, target, stem, listed, in_parts, check_mode):
    """Copy the bundle ``stem`` to ``target``; False where it lies there whole. One that was damaged there can be transferred again."""
    if _is_whole(target, zone, stem, listed, in_parts):
        return False
    if not in_parts:
        # Compared before anything is written, so that a bad medium leaves the depot as it was.
        source = os.path.join(zone, stem)
        sizes = _compare(source, listed, into=target)
        if not check_mode:
            shutil.rmtree(target, ignore_errors=True)
            _copy(source, target, listed, sizes)
    elif check_mode:
        _read_parts(zone, stem, listed)
    else:
        with _making(target) as temporary:
            _read_parts(zone, stem, listed, temporary)
            shutil.rmtree(target, ignore_errors=True)
            os.rename(temporary, target)
    return True


def _wanted(zone, depot_root, name, published, allow_serial, now, warn):
    """The serials to take, the best first; none where the depot has what is wanted."""
    ready, lost = opening.serials(zone, name, LIST), memory.is_lost(depot_root, published)
    if allow_serial is not None:
        wanted = [allow_serial] if allow_serial in ready else []
        which = " with serial %d, which ferry_allow_serial names" % allow_serial
    else:
        believed = [serial for serial in ready if serial <= statement.latest(now)]
        wanted = [serial for serial in reversed(believed) if published is None or serial > published["highest"]]
        which = ""
        if lost:
            wanted += [serial for serial in believed if serial == published["serial"]]
            which = " with serial %d, whose bundle was removed here, nor a newer one" % published["serial"]
        if len(believed) < len(ready):
            absurd = (
                "%s: %s-%d has a serial more than a day after this depot's clock (%s) and is left out (%d such in all); check both clocks, "
                "or remove it." % (zone, name, ready[-1], statement.to_text(int(now)), len(ready) - len(believed))
            )
            if not wanted and (published is None or lost):
                raise FerryError("FERRY-BUNDLE-009", absurd)
            warn(absurd)
        if ready and published is not None and not lost:
            return wanted
    if not wanted:
        raise FerryError(
            "FERRY-ZONE-001",
            "%s holds no complete bundle named %s%s (no %s-%s%s); run the sending side first."
            % (zone, name, which, name, allow_serial or "<serial>", LIST),
        )
    return wanted


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
            "%s: expected lines of sha256 and file name, found something else; send the bundle again, or remove it."
            % path,
        )
    return found


def _had(source, zone, stem, listed, expected, part_size):
    """``{path: sha256}`` of the copy that lies in the zone; it is ``expected``, or lacks signatures of it, or is refused."""
    target = os.path.join(zone, stem)
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
        _compare(target, had, _sizes_in(source, had))
        return had
    first, total = parts.cut_at(zone, listed)
    if first != min(part_size, total):
        raise _other_shape(target, "parts of %d bytes" % first, part_size)
    return had


def _list_of(target):
    """The list of a copy; empty where there is none, or none that anybody could read."""
    try:
        return read_list(target + LIST) if os.path.lexists(target + LIST) else {}
    except FerryError:
        return {}


def _sizes_in(folder, paths):
    return {path: os.path.getsize(os.path.join(folder, path)) for path in paths}


def _room(folder):
    """The free bytes where ``folder`` would be made."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return shutil.disk_usage(folder or ".").free


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
                        "%s is %s, a part of another bundle; bring the right one, or remove the parts and the list of %s, then send it again."
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


def _compare(folder, expected, sizes=None, into=None):
    """The sizes of the files in ``folder``, which is as ``expected`` says; neither a size nor a sum beyond bounds is read first."""
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
    for path in sorted(sizes or ()):
        if found[path] != sizes[path]:
            raise _differs(folder, path, expected[path], "%d bytes for %d" % (found[path], sizes[path]))
    if into is not None and sum(found.values()) > _room(into):
        raise disk_full(into, "receiving %d bytes" % sum(found.values()))
    for path in sorted(expected):
        digest = files.sha256_file(os.path.join(folder, path))
        if digest != expected[path]:
            raise _differs(folder, path, expected[path], digest)
    return found


def _is_whole(folder, zone, stem, listed, in_parts):
    try:
        if in_parts:
            return os.path.isdir(folder) and parts.are_cut_from(zone, folder, stem, listed)
        _compare(folder, listed)
    except FerryError:
        return False
    return True


def _copy(source, target, expected, sizes):
    """Copy the files of ``expected``, of these ``sizes``, to ``target``, each checked, or leave nothing."""
    with _making(target) as temporary:
        for path in sorted(expected):
            place = os.path.join(temporary, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            digest = files.copy_hashed(os.path.join(source, path), place, sizes[path])
            if digest != expected[path]:
                raise _differs(source, path, expected[path], digest)
        os.rename(temporary, target)


@contextlib.contextmanager
def _making(target):
    """A temporary name beside ``target`` for the block, which renames it; afterwards nothing half-made is left."""
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
