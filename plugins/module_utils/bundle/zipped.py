# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ZIP archive that every reader unpacks alike, or none at all (APPNOTE.TXT).

Every member is unpacked here once, in pieces and to nowhere: bounded memory, and never more than the archive says and the bounds allow.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import zipfile
import zlib

from .files import CHUNK, is_reserved
from ..errors import FerryError

_UNSOUND, _NAMED, _SWOLLEN = "FERRY-WHEEL-001", "FERRY-WHEEL-002", "FERRY-WHEEL-003"
# What an archive may grow to: real ones grow to some four times their size, those of text to twenty.
_RATIO, _ALWAYS = 200, 64 << 20
_LIMIT = 32 << 30
# zipfile makes objects of all of a directory at once. The largest real ones have 21,385 members (ansible), in 2.7 MB of directory.
_MEMBERS, _DIRECTORY_LENGTH = 65_535, 8 << 20
# File systems take no longer names than the second.
_PATH, _STEP = 400, 255
_LOCAL = struct.Struct("<4s5H3L2H")
# An entry of the directory without its name, extra fields and comment.
_ENTRY = struct.Struct("<4s6H3L5H2L")
# The end of an archive, and what stands before it where a number there has no room (4.3.14 to 4.3.16).
_END = struct.Struct("<4s4H2LH")
_ONES = 0xFFFFFFFF
_FULL = (None, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, _ONES, _ONES, None)
_LARGE_END = struct.Struct("<4sQ2H2L4Q4sLQL")
# The extra fields that say another size, and another name.
_LARGE, _RENAMED = 0x0001, 0x7075
_DIRECTORY = 0x10
_STREAMED, _UTF8 = 0x8, 0x800
# The flags that a member may have: these two, and the two bits by which a packer says how hard it tried.
_FLAGS = _STREAMED | _UTF8 | 0x6


def contents(path: str, choose) -> tuple:
    """``({name: sha256}, {name: bytes})`` of the files in the archive at ``path``, the latter of those that ``choose`` names.

    ``choose(names)`` is asked before anything is unpacked; it returns how many bytes each file that it names may have, or refuses.
    Refused (FERRY-WHEEL-001 to 003) unless the archive is whole and harmless.
    """
    digests, papers = {}, {}
    with open(path, "rb") as stream:
        members, start = _directory(path, stream)
        _check_names(path, members)
        _check_sizes(path, members)
        limits = choose([member.filename for member in members])
        end = 0
        for member in sorted(members, key=lambda member: member.header_offset):
            begin = _data_offset(path, stream, member, end)
            end = begin + member.compress_size
            if end > start:
                raise refused(_UNSOUND, path, member.filename, "data before the directory", "an overlap")
            digest, paper = _unpack(path, stream, member, begin, limits.get(member.filename))
            end += _descriptor_length(path, stream, member, end)
            if not member.filename.endswith("/"):
                digests[member.filename] = digest
                papers.update({member.filename: paper} if paper is not None else {})
        if end != start:
            raise refused(_UNSOUND, path, "", "the directory right behind the data", "a gap")
    return digests, papers


def refused(code: str, path: str, member: str, expected: str, found: str) -> FerryError:
    """The sentence about the wheel at ``path``, and where there is one about its ``member``."""
    where = "%s: %s" % (path, member.encode("unicode_escape").decode("ascii")[:200]) if member else path
    return FerryError(
        code,
        "%s: expected %s, found %s; do not use this wheel, ask where it came from." % (where, expected, found),
    )


def _directory(path, stream):
    """The members of the archive, and where its directory lies; how long that is has been bounded before zipfile reads it."""
    count, length, start = _numbers(path, stream)
    _check_end(path, stream, count, length, start)
    stream.seek(start)
    _check_entries(path, stream.read(length), count)
    try:
        with zipfile.ZipFile(stream) as archive:
            members, found = archive.infolist(), archive.start_dir
    except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise refused(_UNSOUND, path, "", "a ZIP archive", str(error) or type(error).__name__)
    if (len(members), found) != (count, start):
        raise refused(_UNSOUND, path, "", "%d members" % count, "%d, or a directory elsewhere" % len(members))
    return members, start


def _numbers(path, stream):
    """How many members the end of the archive counts, how long their directory is and where it lies: as zipfile takes them, and bounded."""
    size = os.path.getsize(path)
    stream.seek(max(0, size - _END.size))
    said = stream.read(_END.size)
    if len(said) != _END.size or said[:4] != b"PK\x05\x06":
        raise refused(_UNSOUND, path, "", "a ZIP archive", "no end of one, or more behind it")
    count, length, start = _END.unpack(said)[4:7]
    stream.seek(max(0, size - _END.size - _LARGE_END.size))
    large = stream.read(_LARGE_END.size)
    if len(large) == _LARGE_END.size and large[:4] == b"PK\x06\x06" and large[-20:-16] == b"PK\x06\x07":
        count, length, start = _LARGE_END.unpack(large)[7:10]
    if count > _MEMBERS or length > _DIRECTORY_LENGTH:
        raise refused(
            _SWOLLEN,
            path,
            "",
            "at most %d members in %d bytes of directory" % (_MEMBERS, _DIRECTORY_LENGTH),
            "%d in %d" % (count, length),
        )
    if start + length > size:
        raise refused(_UNSOUND, path, "", "a ZIP archive", "a directory out of it")
    return count, length, start


def _check_entries(path, data, count):
    """As many entries in the directory as are counted, each whole, with each number in one place."""
    found = place = 0
    while place < len(data):
        begin = place + _ENTRY.size
        head = data[place:begin].ljust(_ENTRY.size, b"\0")
        mark, *_skipped, packed, size, name, extra, comment, disk, _inner, _outer, offset = _ENTRY.unpack(head)
        behind_name = begin + name
        behind_extra = behind_name + extra
        place = behind_extra + comment
        # zipfile takes a name that would go on behind the directory for one that ends with it.
        shown = data[begin:behind_name].decode("utf-8", "replace")
        if mark != b"PK\x01\x02" or place > len(data):
            raise refused(_UNSOUND, path, shown, "an entry in the directory", "none, or one that ends behind it")
        large = _extras(path, shown, data[behind_name:behind_extra]).get(_LARGE, b"")
        if len(large) != 8 * (size, packed, offset).count(_ONES) or disk:
            raise refused(_UNSOUND, path, shown, "each number of an entry in one place", "two, or none")
        found += 1
    if found != count:
        raise refused(_UNSOUND, path, "", "%d members" % count, "%d" % found)


def _check_names(path, members):
    folded: dict = {}
    for member in members:
        name = member.filename
        # zipfile cuts a name at its NUL and turns the separators of this system round.
        whole = member.orig_filename
        problem = _unsafe(name, whole, bool(member.flag_bits & _UTF8))
        if problem:
            raise refused(_NAMED, path, whole, "a plain relative name", problem)
        key = _folded(name)
        if key in folded:
            twin = folded[key]
            found = "the name twice" if twin == name else "a name that differs from %s only in case" % twin
            raise refused(_NAMED, path, name, "each name once", found)
        folded[key] = name
        mode = member.external_attr >> 16
        if mode & (stat.S_ISUID | stat.S_ISGID) or stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise refused(_NAMED, path, name, "a plain file", "a link, device, FIFO or set-uid file")
        folder = stat.S_ISDIR(mode) or bool(member.external_attr & _DIRECTORY)
        if folder and not name.endswith("/") or name.endswith("/") and member.file_size:
            raise refused(_NAMED, path, name, "a file or a folder", "some of both")
        if member.flag_bits & ~_FLAGS or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refused(_UNSOUND, path, name, "it stored or deflated", "another method or encryption")

    for member in members:
        parts = _folded(member.filename).split(b"/")
        for length in range(1, len(parts)):
            twin = folded.get(b"/".join(parts[:length]), "/")
            if not twin.endswith("/"):
                raise refused(_NAMED, path, member.filename, "folders above it", "the file " + twin)


def _folded(name):
    """As bytes: one wide character makes a text four times as long in memory."""
    return name.rstrip("/").lower().encode("utf-8")


def _unsafe(name, whole, utf8):
    if name != whole:
        return "a backslash or a NUL in it"
    if not name.isascii() and not utf8:
        return "bytes that are not UTF-8"
    if len(name) > _PATH:
        return "%d characters" % len(name)
    if any(ord(character) < 32 or character in '\\:*?"<>|\x7f' for character in name):
        return "a character that no file name has on every system"
    parts = (name[:-1] if name.endswith("/") else name).split("/")
    if any(len(part.encode("utf-8")) > _STEP for part in parts):
        return "a part of more than %d bytes" % _STEP
    if any(part in ("", ".", "..") or part.endswith((".", " ")) or is_reserved(part) for part in parts):
        return "a part that leads elsewhere, or that Windows keeps for itself"
    return None


def _check_sizes(path, members):
    total = sum(member.file_size for member in members)
    if total > min(_LIMIT, _ALWAYS + _RATIO * os.path.getsize(path)):
        raise refused(_SWOLLEN, path, "", "at most %d times its size" % _RATIO, "%d bytes in it" % total)


def _check_end(path, stream, count, length, start):
    """Where the directory lies, how long it is and what it counts, said once: readers look for it in different ways."""
    size, end = os.path.getsize(path), start + length
    stream.seek(size - _END.size)
    said = _END.unpack(stream.read(_END.size))
    true = (b"PK\x05\x06", 0, 0, count, count, length, start, 0)
    if any(one not in (other, full) for one, other, full in zip(said, true, _FULL)):
        raise refused(_UNSOUND, path, "", "one end that is true and the last of it", "another")
    if said == true and end == size - _END.size:
        return
    stream.seek(end)
    large = stream.read(_LARGE_END.size).ljust(_LARGE_END.size, b"\0")
    true = (b"PK\x06\x06", 44, 0, 0, count, count, length, start, b"PK\x06\x07", 0, end, 1)
    found = _LARGE_END.unpack(large)
    if found[:2] + found[4:] != true or end != size - _END.size - _LARGE_END.size:
        raise refused(_UNSOUND, path, "", "one end that is true and the last of it", "another")


def _raw_name(member):
    return member.orig_filename.encode("utf-8" if member.flag_bits & _UTF8 else "cp437")


def _extras(path, name, data):
    """``{kind: bytes}`` of the extra fields of a header; none may give the member another name."""
    found: dict = {}
    place, padded = 0, data + bytes(3)
    while place < len(data):
        kind, length = struct.unpack_from("<2H", padded, place)
        begin, place = place + 4, place + 4 + length
        if kind in found or kind == _RENAMED or place > len(data):
            raise refused(_UNSOUND, path, name, "whole extra fields, once each", "others, or another name")
        found[kind] = data[begin:place]
    return found


def _descriptor_length(path, stream, member, end):
    """How long the sizes behind a streamed member are, which have to be those of the directory."""
    if not member.flag_bits & _STREAMED:
        return 0
    stream.seek(end)
    data = stream.read(24)
    for mark in (b"PK\x07\x08", b""):
        for shape in ("<L2Q", "<3L"):
            expected = mark + struct.pack(shape, member.CRC, member.compress_size, member.file_size)
            if data.startswith(expected):
                return len(expected)
    raise refused(_UNSOUND, path, member.filename, "its sizes behind it", "others")


def _data_offset(path, stream, member, end):
    """Where the data of ``member`` begins; its local header has to say what the directory says, or two readers unpack two things."""
    stream.seek(end)
    header = stream.read(_LOCAL.size)
    # Nothing lies between two members either: a reader that goes from header to header would unpack it.
    if member.header_offset != end or len(header) != _LOCAL.size or header[:4] != b"PK\x03\x04":
        raise refused(_UNSOUND, path, member.filename, "a header of its own", "none, a gap or an overlap")
    _mark, _needs, flags, method, _time, _date, crc, packed, size, name_length, extra = _LOCAL.unpack(header)
    name = stream.read(name_length)
    extras = _extras(path, member.filename, stream.read(extra))
    streamed = flags & _STREAMED
    same = (method, flags) == (member.compress_type, member.flag_bits) and (streamed or crc == member.CRC)
    # 32 ones stand for a number that is in the extra field.
    true = (member.file_size, member.compress_size)
    if _LARGE in extras:
        large = struct.unpack_from("<2Q", extras[_LARGE].ljust(16, b"\0"))
        same = same and (large == true or streamed and large == (0, 0))
    most = _ONES if _LARGE in extras else -1
    same = same and all(one in (other, most) or streamed and one == 0 for one, other in zip((size, packed), true))
    # Where a stored member ends can't be seen by who reads its sizes behind it.
    same = same and not (streamed and member.compress_type == zipfile.ZIP_STORED and member.file_size)
    if not same or name != _raw_name(member):
        raise refused(_UNSOUND, path, member.filename, "one header of it", "two that differ")
    return member.header_offset + _LOCAL.size + name_length + extra


def _unpack(path, stream, member, begin, most):
    """``(digest, bytes, or None)`` of a member, the latter where it may have ``most``; its length and checksum have to be the directory's."""
    if most is not None and member.file_size > most:
        raise refused(_SWOLLEN, path, member.filename, "at most %d bytes" % most, "%d" % member.file_size)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS) if member.compress_type == zipfile.ZIP_DEFLATED else None
    digest, crc, length = hashlib.sha256(), 0, 0
    paper = None if most is None else bytearray()
    stream.seek(begin)
    left = member.compress_size
    pending = b""
    ended = False
    while not ended:
        if not pending:
            pending = stream.read(min(CHUNK, left))
            left -= len(pending)
        held = bool(pending)
        try:
            # Asked without input too: what didn't fit into the last piece may be held back when all input is taken.
            piece = inflate.decompress(pending, CHUNK) if inflate else pending
        except zlib.error as error:
            raise refused(_UNSOUND, path, member.filename, "sound data", str(error))
        pending = inflate.unconsumed_tail if inflate else b""
        digest.update(piece)
        crc = zlib.crc32(piece, crc)
        length += len(piece)
        if length > member.file_size:
            raise refused(_SWOLLEN, path, member.filename, "%d bytes" % member.file_size, "more")
        if paper is not None:
            paper += piece
        ended = inflate.eof if inflate else not left
        if not (ended or piece or held):
            break
    if not ended or left or inflate and inflate.unused_data or length != member.file_size or crc != member.CRC:
        raise refused(
            _UNSOUND, path, member.filename, "%d bytes with their checksum" % member.file_size, "%d or others" % length
        )
    return digest.digest(), paper
