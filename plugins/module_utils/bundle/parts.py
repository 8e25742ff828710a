# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts: the archive of a bundle, cut into pieces that fit the medium; ``cat`` and ``tar x`` put it together again.

One bundle and one size of a part give the same bytes everywhere. Memory is bounded on both ways; so is the disk, by the parts' own sizes.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import re
import shutil
import stat

from . import archive, files
from ..errors import FerryError, disk_full

MOST = 9999
SMALLEST = 1 << 20
_UNITS = {"": 1, "MB": 10**6, "GB": 10**9, "TB": 10**12, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"([1-9][0-9]{0,12}) ?(%s)" % "|".join(_UNITS))


def size_of(said) -> int:
    """The bytes of ``ferry_zone.part_size``: a number, or text like ``650MB`` or ``4GiB``; FERRY-VAR-002 for anything else."""
    match = _SIZE.fullmatch(str(said))
    size = int(match.group(1)) * _UNITS[match.group(2)] if match else 0
    if size < SMALLEST:
        raise FerryError(
            "FERRY-VAR-002",
            "ferry_zone.part_size: expected a size like 650MB, 4095MiB or 700000000 (bytes), 1 MiB or more, found %r; correct it."
            % (said,),
        )
    return size


def name(stem: str, number: int) -> str:
    """The file of part ``number``, from 1, of the bundle ``stem`` (``<name>-<serial>``)."""
    return "%s.tar.%04d" % (stem, number)


def found(folder: str, stem: str) -> list:
    """Paths of everything in ``folder`` that is called like a part of ``stem``, half-written ones too."""
    return sorted(glob.glob(os.path.join(glob.escape(folder), glob.escape(stem) + ".tar.*")))


def are_listed(listed: dict, stem: str) -> bool:
    """Whether a list names the parts of ``stem``, and not the files of its folder; parts that are not its own are refused."""
    own = [path for path in listed if re.fullmatch(re.escape(stem) + r"\.tar\.[0-9]{4}", path)]
    foreign = sorted(path for path in set(listed) - set(own) if own or re.fullmatch(r"[^/]+\.tar\.[0-9]{4}", path))
    if foreign:
        raise FerryError(
            "FERRY-PART-005",
            "the list of %s names %s: expected nothing but its own parts; remove the parts and the list of %s, then send it again."
            % (stem, foreign[0], stem),
        )
    return bool(own)


def plan(source: str, paths, stem: str, part_size: int) -> dict:
    """The sizes of the files ``paths`` in ``source``, whose archive fits in as many parts as there may be."""
    try:
        archive.require_narrow(paths)
    except archive.Odd as odd:
        raise FerryError(
            "FERRY-PART-009",
            "%s: expected %s, as parts carry them, found %s; unset ferry_zone.part_size to send it as a folder."
            % (stem, odd.expected, odd.found),
        )
    sizes = {path: os.path.getsize(os.path.join(source, path)) for path in paths}
    total = archive.length(sizes)
    if total > MOST * part_size:
        raise FerryError(
            "FERRY-PART-008",
            "%s takes %d bytes: expected at most %d parts, found that parts of %d bytes are too many; set ferry_zone.part_size to %d or more."
            % (stem, total, MOST, part_size, max(SMALLEST, -(-total // MOST))),
        )
    return sizes


def write(source: str, sizes: dict, expected, stem: str, part_size: int, folder=None) -> dict:
    """Write the files ``sizes`` of ``source`` as parts into ``folder``: ``{part: sha256}``; without a folder they are only counted.

    ``expected``: ``{path: sha256}``, from which no file may differ, or None where they are not known yet.
    Each part appears under its name when it is whole. What this call wrote stays after an error: the caller removes it.
    """
    with contextlib.closing(_Cutter(folder, stem, part_size)) as cutter:
        archive.write(source, sizes, expected, cutter.write)
        return cutter.finish()


def cut_at(folder: str, listed: dict) -> tuple:
    """``(bytes of the first part, bytes of all)`` of the parts that ``listed`` names; ``(0, 0)`` where one is missing."""
    try:
        sizes = [os.lstat(os.path.join(folder, part)).st_size for part in sorted(listed)]
    except FileNotFoundError:
        return 0, 0
    return sizes[0], sum(sizes)


def are_cut_from(folder: str, files_folder: str, stem: str, listed: dict) -> bool:
    """Whether cutting the bundle in ``files_folder`` anew gives the very parts of ``listed``; of those in ``folder`` only sizes are asked."""
    first, total = cut_at(folder, listed)
    sizes = files.list_plain(files_folder)
    # Else they are not, and counting them would take as long as somebody likes.
    if not first or first * len(listed) < total or archive.length(sizes) != total:
        return False
    return write(files_folder, sizes, None, stem, first) == listed


def read(folder: str, stem: str, listed: dict, target=None) -> dict:
    """``{path: sha256}`` of every file in the parts of ``stem`` that ``listed`` (``{part: sha256}``) names, each checked to the last byte.

    They are written to the new folder ``target`` where one is given; after an error the caller removes it.
    """
    sizes = _sizes(folder, stem, listed)
    if target is not None:
        place = os.path.dirname(target)
        os.makedirs(place, exist_ok=True)
        if sum(sizes) > shutil.disk_usage(place).free:
            raise disk_full(target, "putting %d bytes of parts together" % sum(sizes))
    with contextlib.closing(_Stream(folder, stem, listed)) as stream:
        try:
            digests = archive.read(stream, target)
        except archive.Odd as odd:
            # Where the part is not even the one that was sent, that is the reason.
            at = stream.settle()
            raise FerryError(
                "FERRY-PART-006",
                "%s: expected %s, found %s; this is no archive of ours, do not use it, ask who made %s."
                % (at, odd.expected, odd.found, stem),
            )
    if any(size != sizes[0] for size in sizes[:-1]) or not 0 < sizes[-1] <= sizes[0]:
        raise FerryError(
            "FERRY-PART-006",
            "%s: expected parts of one size and a last one that is no larger, found %s bytes; do not use them, ask who made %s."
            % (os.path.join(folder, name(stem, 1)), ", ".join(map(str, sizes[:4])), stem),
        )
    return digests


class _Cutter:
    """Cuts a stream into parts and counts their digests; with a folder, a part is renamed to its name when it is whole."""

    def __init__(self, folder, stem, part_size):
        self._folder, self._stem, self._most = folder, stem, part_size
        self._digests, self._digest, self._left, self._file, self._path = {}, None, 0, None, None

    def write(self, data):
        view = memoryview(data)
        while view:
            if self._digest is None:
                self._start()
            piece = view[: self._left]
            self._digest.update(piece)
            if self._file is not None:
                with files.naming(self._path):
                    self._file.write(piece)
            self._left -= len(piece)
            taken = len(piece)
            view = view[taken:]
            if not self._left:
                self._end()

    def finish(self):
        if self._digest is not None:
            self._end()
        return self._digests

    def close(self):
        if self._file is not None:
            with contextlib.suppress(OSError):  # what could not be flushed was told already
                self._file.close()

    def _start(self):
        self._digest, self._left = hashlib.sha256(), self._most
        self._path = name(self._stem, len(self._digests) + 1)
        if self._folder is not None:
            self._path = os.path.join(self._folder, self._path)
            self._file = open("%s.part-%d" % (self._path, os.getpid()), "xb")  # noqa: SIM115  # closed in _end or close

    def _end(self):
        self._digests[os.path.basename(self._path)] = self._digest.hexdigest()
        self._digest = None
        if self._file is not None:
            with files.naming(self._path):
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
            os.rename(self._file.name, self._path)
            files.sync_directory(self._folder)
            self._file = None


def _sizes(folder, stem, listed):
    """The sizes of the listed parts, in order; nothing missing, nothing more, nothing but plain files."""
    wanted = [name(stem, number) for number in range(1, len(listed) + 1)]
    there = {os.path.basename(path) for path in found(folder, stem)}
    missing = sorted(part for part in set(wanted) | set(listed) if part not in there or part not in listed)
    if missing:
        shown = ", ".join(missing[:5]) + (" and %d more" % (len(missing) - 5) if len(missing) > 5 else "")
        raise FerryError(
            "FERRY-PART-002",
            "%s lacks %s: expected all %d parts of %s, each also in its list; bring what is missing, or remove the parts and the list of %s, "
            "then send it again." % (folder, shown, max(len(wanted), *(int(part[-4:]) for part in listed)), stem, stem),
        )
    for extra in sorted(there - set(listed)):
        raise FerryError(
            "FERRY-PART-003",
            "%s is called like a part of %s and its list does not name it; ask who put it there, and remove it."
            % (os.path.join(folder, extra), stem),
        )
    states = [os.lstat(os.path.join(folder, part)) for part in wanted]
    for part, state in zip(wanted, states):
        if not stat.S_ISREG(state.st_mode):
            raise FerryError(
                "FERRY-BUNDLE-010",
                "%s: expected a plain file, found a link, folder or device; remove the parts and the list of %s, then send it again."
                % (os.path.join(folder, part), stem),
            )
    return [state.st_size for state in states]


class _Stream:
    """The parts one after the other; each is compared with its digest in the list when its last byte was read."""

    def __init__(self, folder, stem, listed):
        self._folder, self._stem, self._listed = folder, stem, listed
        self._number, self._file, self._digest, self._size = 0, None, None, 0

    def read(self, most):
        """At least one byte and at most ``most``; none at the end of the last part."""
        while True:
            if self._file is None:
                if self._number == len(self._listed):
                    return b""
                self._number += 1
                self._file = open(self._path(), "rb")  # noqa: SIM115  # closed in _check or close
                self._digest, self._size = hashlib.sha256(), 0
            data = self._piece(most)
            if data:
                return data
            self._check()

    def exactly(self, count):
        """``count`` bytes; for blocks, not for contents."""
        pieces = []
        while count:
            data = self.read(count)
            if not data:
                raise archive.Odd("two blocks of zeros at the end", "an end before them")
            pieces.append(data)
            count -= len(data)
        return b"".join(pieces)

    def settle(self):
        """Read the part at hand to its end, so that other bytes than its list says are told; else its path."""
        at = self._path()
        while self._file is not None:
            if not self._piece(files.CHUNK):
                self._check()
        return at

    def close(self):
        if self._file is not None:
            self._file.close()

    def _piece(self, most):
        with files.naming(self._path()):  # a medium that cannot be read names no file by itself
            data = self._file.read(most)
        self._digest.update(data)
        self._size += len(data)
        return data

    def _path(self):
        return os.path.join(self._folder, name(self._stem, max(self._number, 1)))

    def _check(self):
        self._file.close()
        self._file = None
        part, seen = name(self._stem, self._number), self._digest.hexdigest()
        expected = self._listed[part]
        if seen == expected:
            return
        twins = sorted(other for other, digest in self._listed.items() if digest == seen)
        if twins:
            raise FerryError(
                "FERRY-PART-004",
                "%s holds the bytes of %s: expected sha256 %s, found %s; name them as they were, or remove the parts and the list of %s, then send it again."
                % (self._path(), twins[0], expected, seen, self._stem),
            )
        raise OtherBytes(self._path(), self._stem, expected, seen, self._size)


class OtherBytes(FerryError):
    """A part whose bytes are those of no part in its list; whoever knows the other lists may know whose they are."""

    def __init__(self, path, stem, expected, seen, size):
        super().__init__(
            "FERRY-PART-001",
            "%s: expected sha256 %s, found %s in %d bytes; remove the parts and the list of %s, then send it again; suspect the medium."
            % (path, expected, seen, size, stem),
        )
        self.path, self.stem, self.digest = path, stem, seen
