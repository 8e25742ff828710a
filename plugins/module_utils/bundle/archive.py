# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive: a bundle as one tar stream that ``tar x`` reads, with exactly one spelling.

Plain files in the order of their names, signatures last, so that one which is added later changes the end only. The reader makes every
header again from the name and the size that it reads, and takes nothing else: no links, no devices, no second meaning of a byte.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re

from . import files, signing
from ..errors import FerryError

# A reader has no signature yet that would speak for what it reads: no more names, folders among them, than any bundle needs, and no
# deeper ones (profiles/<profile>/<paper> is the deepest). A folder costs the disk a block, and a name memory.
MOST_NAMES = 20000
DEEPEST = 4
_BLOCK = 512
_END = bytes(2 * _BLOCK)
_USTAR = b"ustar\x0000"
# What an octal field of eleven digits holds (POSIX.1, ustar).
_USTAR_SIZE = (8 << 30) - 1
# A manifest allows no larger file.
_FILE_LIMIT = (1 << 40) - 1
_RECORDS = re.compile(rb"(?:[0-9]+ path=([^\n]+)\n)?(?:[0-9]+ size=([0-9]{1,13})\n)?\x00*")


class Odd(Exception):
    """An archive that is not as :func:`write` writes it."""

    def __init__(self, expected, found):
        super().__init__(expected)
        self.expected, self.found = expected, found


def length(sizes: dict) -> int:
    """The bytes of the archive of files of these ``sizes`` (``{path: bytes}``)."""
    return sum(len(_header(path, size)) + _padded(size) for path, size in sizes.items()) + len(_END)


def require_narrow(paths) -> None:
    """Refuse with :class:`Odd`, before anything is written, names that :func:`read` would not take."""
    taken: dict = {}
    for path in paths:
        _take(taken, path)


def write(source: str, sizes: dict, expected, put) -> None:
    """Give the archive of the files ``sizes`` (``{path: bytes}``) in ``source`` to ``put(bytes)``, piece by piece.

    ``expected``: ``{path: sha256}`` or None. A file of other bytes, or of another size, is refused (FERRY-ZONE-002).
    """
    for path in sorted(sizes, key=_rank):
        put(_header(path, sizes[path]))
        size, digest = _pour(os.path.join(source, path), put)
        wanted = digest if expected is None else expected[path]
        if (size, digest) != (sizes[path], wanted):
            raise FerryError(
                "FERRY-ZONE-002",
                "%s/%s: expected %d bytes with sha256 %s, found %d with %s; it changed after it was signed, run prepare.yml again."
                % (source, path, sizes[path], wanted, size, digest),
            )
        put(bytes(_padded(size) - size))
    put(_END)


def read(stream, target) -> dict:
    """``{path: sha256}`` of every file of the archive, which are written to the new folder ``target`` where one is given.

    ``stream``: ``read(most)`` as a file has it, and ``exactly(count)``. What is not as it should be raises :class:`Odd`.
    """
    digests, taken, before = {}, {}, None
    while True:
        block = stream.exactly(_BLOCK)
        if not any(block):
            if any(stream.exactly(_BLOCK)) or stream.read(1):
                raise Odd("two blocks of zeros at the end and nothing after them", "more")
            return digests
        path, size = _entry(stream, block)
        if before is not None and _rank(path) <= before:
            raise Odd("files in the order of their names, each once", path)
        before = _rank(path)
        _take(taken, path)
        digests[path] = _save(stream, size, None if target is None else os.path.join(target, path))
        if any(stream.exactly(_padded(size) - size)):
            raise Odd("zeros after %s" % path, "other bytes")


def _entry(stream, block):
    """Name and size of the member that ``block`` starts, after its whole header was compared with the one that we would write."""
    seen, path, size = block, None, None
    if block[156:157] == b"x":
        records = stream.exactly(_BLOCK)  # no name that is allowed makes more
        match = _RECORDS.fullmatch(records)
        if match is None:
            raise Odd("a pax header with nothing but a path and a size", "another")
        path, size = match.groups()
        block = stream.exactly(_BLOCK)
        seen += records + block
    if path is None:
        prefix, short = block[345:500].rstrip(b"\x00"), block[:100].rstrip(b"\x00")
        path = prefix + b"/" + short if prefix else short
    path = path.decode("ascii", "replace")
    if not files.is_safe_path(path):
        raise Odd("plain files with safe names", "the name %s" % path[:100])
    octal = re.fullmatch(rb"([0-7]{11})\x00", block[124:136])
    if octal is None:
        raise Odd("a size in octal digits for %s" % path, "another")
    size = int(octal.group(1), 8) if size is None else int(size)
    if size > _FILE_LIMIT:
        raise Odd("at most %d bytes in %s" % (_FILE_LIMIT, path), "%d" % size)
    if _header(path, size) != seen:
        raise Odd("the header that %s with %d bytes gives" % (path, size), "another kind, owner, time or spelling")
    return path, size


def _take(taken, path):
    """Refuse a name that is too deep, and one that some file system would take for one that was there: other case, or a file and a folder."""
    steps = path.split("/")
    if len(steps) > DEEPEST:
        raise Odd("at most %d steps in a name" % DEEPEST, path[:100])
    for depth in range(1, len(steps) + 1):
        place = "/".join(steps[:depth])
        kind = (place, depth == len(steps))
        if taken.setdefault(place.lower(), kind) != kind:
            raise Odd("names that differ in more than case", path)
    if len(taken) > MOST_NAMES:
        raise Odd("at most %d files and folders" % MOST_NAMES, "more")


def _save(stream, size, place):
    """Hash ``size`` bytes of the stream, and write them to the new file ``place`` where one is given."""
    digest = hashlib.sha256()
    with contextlib.ExitStack() as stack:
        writer = None
        if place is not None:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            stack.enter_context(files.naming(place))
            writer = stack.enter_context(open(place, "xb"))
        left = size
        while left:
            data = stream.read(min(left, files.CHUNK))
            if not data:
                raise Odd("%d more bytes of the last file" % left, "the end")
            digest.update(data)
            left -= len(data)
            if writer is not None:
                writer.write(data)
        if writer is not None:
            writer.flush()
            os.fsync(writer.fileno())
    return digest.hexdigest()


def _rank(path):
    return signing.is_signature(path), path


def _padded(size):
    return -(-size // _BLOCK) * _BLOCK


def _header(path, size):
    """What stands before the file: one ustar block, and before it a pax header where name or size do not fit in."""
    name_field, prefix = _split(path)
    records = b""
    if name_field is None:
        name_field, prefix = path[-100:], ""
        records += _record("path", path)
    if size > _USTAR_SIZE:
        records += _record("size", str(size))
    block = _block(name_field, prefix, 0 if size > _USTAR_SIZE else size, b"0")
    if records:
        return _block("././@PaxHeader", "", len(records), b"x") + records.ljust(_padded(len(records)), b"\x00") + block
    return block


def _split(path):
    """``path`` as ustar's two fields, the prefix as short as it can be; ``(None, None)`` where it does not fit."""
    if len(path) <= 100:
        return path, ""
    cut = path.find("/", len(path) - 101)
    after = cut + 1
    return (path[after:], path[:cut]) if 0 < cut <= 155 else (None, None)


def _record(key, value):
    """A record of pax: its own length, in digits that count, the key and the value."""
    rest = " %s=%s\n" % (key, value)
    length = len(rest)
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return ("%d%s" % (length, rest)).encode("ascii")


def _block(name_field, prefix, size, kind):
    fields = [name_field.encode("ascii").ljust(100, b"\x00"), b"0000644\x00", b"0000000\x00", b"0000000\x00"]
    fields += [b"%011o\x00" % size, b"%011o\x00" % 0, b" " * 8, kind, bytes(100), _USTAR, bytes(64)]
    fields += [b"0000000\x00", b"0000000\x00", prefix.encode("ascii").ljust(155, b"\x00"), bytes(12)]
    block = b"".join(fields)
    return block[:148] + b"%06o\x00 " % sum(block) + block[156:]


def _pour(path, put):
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(files.CHUNK), b""):
            digest.update(chunk)
            size += len(chunk)
            put(chunk)
    return size, digest.hexdigest()
