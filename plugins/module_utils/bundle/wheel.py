# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wheel as an archive that nobody may have played with: pip and uv unpack it without looking (facts of PEP 376, 427 and APPNOTE.TXT).

Every member is unpacked here once, in pieces and to nowhere: bounded memory, and never more than the archive says and the bounds allow.
"""

from __future__ import annotations

import base64
import csv
import errno
import hashlib
import io
import os
import re
import stat
import struct
import zipfile
import zlib

from . import manifest
from .files import CHUNK, is_reserved
from ..errors import FerryError

_UNSOUND, _NAMED, _SWOLLEN = "FERRY-WHEEL-001", "FERRY-WHEEL-002", "FERRY-WHEEL-003"
_UNRECORDED, _OTHER = "FERRY-WHEEL-004", "FERRY-WHEEL-005"
# What a wheel may grow to: real ones grow to some four times their size, those of text to twenty.
_RATIO, _ALWAYS = 200, 64 << 20
_LIMIT = 32 << 30
_MEMBERS = 200_000
_PATH = 400
# RECORD and METADATA are read into memory.
_PAPER = 32 << 20
# The files that no RECORD can hold a hash of: itself and its signatures.
UNHASHED = re.compile(r"[^/]+\.dist-info/RECORD(\.jws|\.p7s)?")
_LOCAL = struct.Struct("<4s5H3L2H")
_STREAMED, _UTF8 = 0x8, 0x800
# The flags that a wheel may have: these two, and the two bits by which a packer says how hard it tried.
_FLAGS = _STREAMED | _UTF8 | 0x6
_LEGACY = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}


def check(path: str) -> None:
    """Refuse (FERRY-WHEEL-001 to 005) the wheel at ``path`` unless it is whole, harmless, as its RECORD says and what its name says."""
    with open(path, "rb") as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                members = archive.infolist()
                start = archive.start_dir
        except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, NotImplementedError, struct.error) as error:
            raise _refused(_UNSOUND, path, "", "a ZIP archive", str(error) or type(error).__name__)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # Before Python 3.9 zipfile goes to a place before the file's beginning where the end of the archive says so.
            raise _refused(_UNSOUND, path, "", "a ZIP archive", "a directory out of it")
        _check_names(path, members)
        _check_sizes(path, members)
        papers, digests = {}, {}
        end = 0
        for member in sorted(members, key=lambda member: member.header_offset):
            begin = _data_offset(path, stream, member, end)
            end = begin + member.compress_size
            if end > start:
                raise _refused(_UNSOUND, path, member.filename, "data before the directory", "an overlap")
            if not member.filename.endswith("/"):
                digests[member.filename], paper = _unpack(path, stream, member, begin)
                papers.update({member.filename: paper} if paper is not None else {})
    _check_record(path, digests, papers)
    _check_metadata(path, papers)


def fits(file_name: str, profile: dict) -> bool:
    """Whether a host of ``profile`` (as in a manifest) takes the wheel with this file name, by its tags."""
    python, abi, platform = file_name[: -len(".whl")].split("-")[-3:]
    version = tuple(int(part) for part in profile["python"].split(".")[:2])
    return any(
        _fits_platform(end, profile) and _fits_python(tag, each, version) and (end != "any" or each == "none")
        for tag in python.split(".")
        for each in abi.split(".")
        for end in platform.split(".")
    )


def _fits_python(tag, abi, version):
    found = re.fullmatch(r"(cp|py)([0-9])([0-9]*)", tag)
    if not found or int(found.group(2)) != version[0]:
        return False
    minor, own = int(found.group(3) or 0), "cp%d%d" % version
    if abi == "none" and found.group(1) == "py":
        return minor <= version[1]
    if abi == "abi3":
        return found.group(1) == "cp" and 2 <= minor <= version[1]
    return abi in ("none", own) and tag == own


def _fits_platform(tag, profile):
    if tag == "any":
        return True
    if profile["os"] == "windows":
        return tag == "win_amd64"
    name, _arch, rest = tag.partition("_" + profile["arch"])
    if not _arch or rest:
        return False
    numbered = re.fullmatch(r"manylinux_2_([0-9]+)", name)
    if numbered or name in _LEGACY:
        needs = int(numbered.group(1)) if numbered else _LEGACY[name]
        return needs <= int(profile["libc"].rpartition(".")[2])
    return name == "linux"


def _check_names(path, members):
    if len(members) > _MEMBERS:
        raise _refused(_SWOLLEN, path, "", "at most %d members" % _MEMBERS, "%d" % len(members))
    folded: dict = {}
    for member in members:
        name = member.filename
        # zipfile cuts a name at its NUL and turns the separators of this system round.
        whole = member.orig_filename
        problem = _unsafe(name, whole, bool(member.flag_bits & _UTF8))
        if problem:
            raise _refused(_NAMED, path, whole, "a plain relative name", problem)
        twin = folded.setdefault(name.rstrip("/").lower(), name)
        if twin is not name:
            found = "the name twice" if twin == name else "a name that differs from %s only in case" % twin
            raise _refused(_NAMED, path, name, "each name once", found)
        mode = member.external_attr >> 16
        if mode & (stat.S_ISUID | stat.S_ISGID) or stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(_NAMED, path, name, "a plain file", "a link, device, FIFO or set-uid file")
        if member.flag_bits & ~_FLAGS or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refused(_UNSOUND, path, name, "it stored or deflated", "another method or encryption")


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
    if any(part in ("", ".", "..") or part.endswith((".", " ")) or is_reserved(part) for part in parts):
        return "a part that leads elsewhere, or that Windows keeps for itself"
    return None


def _check_sizes(path, members):
    total = sum(member.file_size for member in members)
    if total > min(_LIMIT, _ALWAYS + _RATIO * os.path.getsize(path)):
        raise _refused(_SWOLLEN, path, "", "at most %d times its size" % _RATIO, "%d bytes in it" % total)


def _data_offset(path, stream, member, end):
    """Where the data of ``member`` begins; its local header has to say what the directory says, or two readers unpack two things."""
    # zipfile shifts offsets where the directory is not where its end says, below zero too.
    stream.seek(max(0, member.header_offset))
    header = stream.read(_LOCAL.size)
    if member.header_offset < end or len(header) != _LOCAL.size or header[:4] != b"PK\x03\x04":
        raise _refused(_UNSOUND, path, member.filename, "a header of its own", "none, or an overlap")
    _mark, _needs, flags, method, _time, _date, crc, packed, size, name_length, extra = _LOCAL.unpack(header)
    name = stream.read(name_length)
    streamed = flags & _STREAMED
    same = (method, flags) == (member.compress_type, member.flag_bits) and (streamed or crc == member.CRC)
    # 32 ones stand for a number that is in the extra field.
    same = same and (
        streamed or (packed in (member.compress_size, 0xFFFFFFFF) and size in (member.file_size, 0xFFFFFFFF))
    )
    if not same or name != member.orig_filename.encode("utf-8" if member.flag_bits & _UTF8 else "cp437"):
        raise _refused(_UNSOUND, path, member.filename, "one header of it", "two that differ")
    return member.header_offset + _LOCAL.size + name_length + extra


def _unpack(path, stream, member, begin):
    """``({algorithm: digest}, bytes of a paper or None)`` of a member, whose length and checksum have to be what the directory says."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS) if member.compress_type == zipfile.ZIP_DEFLATED else None
    digest, crc, length = hashlib.sha256(), 0, 0
    paper = [] if re.fullmatch(r"[^/]+\.dist-info/(RECORD|METADATA)", member.filename) else None
    stream.seek(begin)
    left = member.compress_size
    pending = b""
    ended = inflate is None
    while left or pending:
        if not pending:
            pending = stream.read(min(CHUNK, left))
            left -= len(pending)
            if not pending:
                break
        try:
            piece = inflate.decompress(pending, CHUNK) if inflate else pending
        except zlib.error as error:
            raise _refused(_UNSOUND, path, member.filename, "sound data", str(error))
        pending = inflate.unconsumed_tail if inflate else b""
        digest.update(piece)
        crc = zlib.crc32(piece, crc)
        length += len(piece)
        if length > member.file_size or paper is not None and length > _PAPER:
            raise _refused(_SWOLLEN, path, member.filename, "%d bytes" % member.file_size, "more")
        if paper is not None:
            paper.append(piece)
        if inflate and inflate.eof:
            ended = not (left or inflate.unused_data)
            break
    if not ended or length != member.file_size or crc != member.CRC:
        raise _refused(
            _UNSOUND, path, member.filename, "%d bytes with their checksum" % member.file_size, "%d or others" % length
        )
    return digest.digest(), None if paper is None else b"".join(paper)


def _check_record(path, digests, papers):
    records = [name for name in papers if name.endswith(".dist-info/RECORD")]
    if len(records) != 1:
        raise _refused(_UNRECORDED, path, "", "one RECORD", "%d" % len(records))
    try:
        rows = [row for row in csv.reader(io.StringIO(papers[records[0]].decode("utf-8"), newline="")) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused(_UNRECORDED, path, records[0], "a table of files", str(error))
    listed: dict = {}
    for row in rows:
        name = row[0]
        if name in listed:
            raise _refused(_UNRECORDED, path, name, "one line of RECORD", "two")
        listed[name] = row[1] if len(row) > 1 else ""
        if name not in digests:
            raise _refused(_UNRECORDED, path, name, "a file that RECORD names", "none")
    for name, digest in sorted(digests.items()):
        if UNHASHED.fullmatch(name):
            continue
        if name not in listed:
            raise _refused(_UNRECORDED, path, name, "a line of RECORD", "none")
        expected = "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
        if listed[name] != expected:
            raise _refused(_UNRECORDED, path, name, listed[name] or "a sha256 in RECORD", expected)


def _check_metadata(path, papers):
    found = re.fullmatch(manifest.WHEEL, os.path.basename(path))
    if not found:
        raise _refused(_OTHER, path, "", "the file name of a wheel", os.path.basename(path))
    texts = [text for name, text in papers.items() if name.endswith(".dist-info/METADATA")]
    if len(texts) != 1:
        raise _refused(_OTHER, path, "", "one METADATA", "%d" % len(texts))
    head = texts[0].decode("utf-8", "replace").replace("\r\n", "\n").partition("\n\n")[0]
    for key, expected, alike in (
        ("Name", found.group("name"), _same_name),
        ("Version", found.group("version"), _same_version),
    ):
        said = re.findall(r"(?im)^%s:[ \t]*(\S*)[ \t]*$" % key, head)
        if len(said) != 1 or not alike(said[0], expected):
            raise _refused(_OTHER, path, "METADATA", "%s %s" % (key, expected), ", ".join(said) or "none")


def normalise(name: str) -> str:
    """A distribution's name in its one comparable spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _same_name(one, other):
    return normalise(one) == normalise(other)


def _same_version(one, other):
    """In any spelling that the numbers and words of both allow: 2024.02 and 2024.2, 1.0+cpu.1 and 1.0+cpu_1."""
    first, second = (
        [part.lstrip("0") or "0" if part.isdigit() else part for part in re.split(r"[-_.+]", text.lower())]
        for text in (one, other)
    )
    return first == second


def _refused(code, path, member, expected, found):
    where = "%s: %s" % (path, member.encode("unicode_escape").decode("ascii")[:200]) if member else path
    return FerryError(
        code,
        "%s: expected %s, found %s; do not use this wheel, ask who made the bundle." % (where, expected, found),
    )
