# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ZIP archives that lie: a writer that writes whatever it is told, changes for it, and a reader that goes another way than zipfile."""

from __future__ import annotations

import base64
import copy
import hashlib
import io
import stat
import struct
import zipfile
import zlib

from fuzz import values

LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
LARGE_END, LARGE_PLACE, BEHIND = b"PK\6\6", b"PK\6\7", b"PK\7\x08"
_STREAMED, _UTF8 = 0x8, 0x800
# name of a field: (offset in its header, struct letter)
_LOCAL_FIELDS = {"needs": (4, "H"), "flags": (6, "H"), "method": (8, "H"), "time": (10, "H"), "crc": (14, "L")}
_LOCAL_FIELDS.update({"packed": (18, "L"), "size": (22, "L"), "name_length": (26, "H"), "extra_length": (28, "H")})
_CENTRAL_FIELDS = {"made_by": (4, "H"), "needs": (6, "H"), "flags": (8, "H"), "method": (10, "H"), "crc": (16, "L")}
_CENTRAL_FIELDS.update({"packed": (20, "L"), "size": (24, "L"), "name_length": (28, "H"), "extra_length": (30, "H")})
_CENTRAL_FIELDS.update({"comment_length": (32, "H"), "disk": (34, "H"), "attributes": (38, "L"), "offset": (42, "L")})
_END_FIELDS = {"disk": (4, "H"), "directory_disk": (6, "H"), "here": (8, "H"), "count": (10, "H")}
_END_FIELDS.update({"size": (12, "L"), "offset": (16, "L"), "comment_length": (20, "H")})
_LARGE_FIELDS = {"here": (24, "L"), "count": (32, "L"), "size": (40, "L"), "offset": (48, "L")}
_NAMES = [
    "a",
    "../evil",
    "/evil",
    "C:/evil",
    "a\\evil",
    "tiny/CON",
    "tiny/evil.",
    "TINY/__init__.py",
    "tiny",
    "tiny/__init__.py/evil",
]
_NAMES += [
    "tiny/\0evil",
    "tiny/n\u00e4me",
    "tiny/sub/",
    "tiny/../evil",
    "evil-1.0.dist-info/METADATA",
    "tiny-1.0.dist-info/RECORD.jws",
]
_NAMES += [
    "tiny-1.0.data/scripts/tool",
    "evil.pth",
    "tiny/x:y",
    "\u202etiny",
    "t\u0131ny/__init__.py",
    "tiny/" + "x" * 410,
    "",
    ".",
]
_MODES = [
    0,
    0o644,
    stat.S_IFREG | 0o755,
    stat.S_IFLNK | 0o777,
    stat.S_IFIFO | 0o644,
    stat.S_IFCHR,
    stat.S_IFDIR | 0o755,
]
_MODES += [stat.S_IFREG | 0o4755, stat.S_IFREG | 0o2755, stat.S_IFSOCK]


class Member:
    """One file of an archive, and what its two headers should say that is not so (``lies``: {(header, field): value})."""

    def __init__(self, name, data, mode=stat.S_IFREG | 0o644, method=zipfile.ZIP_DEFLATED, streamed=False):
        self.name, self.data, self.mode, self.method, self.streamed = name, data, mode, method, streamed
        self.local_extra = self.central_extra = self.before = self.behind = b""
        self.large = False
        self.lies = {}


class Archive:
    """Members, and what surrounds them."""

    def __init__(self, members):
        self.members = members
        self.prefix = self.gap = self.comment = self.behind = b""
        self.large = False
        self.lies = {}

    def write(self):
        """The archive's bytes."""
        out, directory = bytearray(self.prefix), bytearray()
        for member in self.members:
            out += member.before
            local, central = _headers(member, len(out))
            out += local
            directory += central
        out += self.gap
        start, count = len(out), len(self.members)
        out += directory
        if self.large:
            place = len(out)
            large = bytearray(
                struct.pack("<4sQ2H2L4Q", LARGE_END, 44, 45, 45, 0, 0, count, count, len(directory), start)
            )
            _lie(large, _LARGE_FIELDS, self.lies, "large")
            out += large
            out += struct.pack("<4sLQL", LARGE_PLACE, 0, place, 1)
        end = bytearray(struct.pack("<4s4H2LH", END, 0, 0, count, count, len(directory), start, len(self.comment)))
        _lie(end, _END_FIELDS, self.lies, "end")
        return bytes(out + end + self.comment + self.behind)

    def record(self):
        """Make RECORD true again."""
        rows, paper = [], None
        for member in self.members:
            if member.name.endswith(".dist-info/RECORD"):
                paper = member
                rows.append("%s,," % member.name)
            elif not member.name.endswith("/"):
                digest = base64.urlsafe_b64encode(hashlib.sha256(member.data).digest()).rstrip(b"=").decode()
                name = '"%s"' % member.name.replace('"', '""') if set(member.name) & set('",\r\n') else member.name
                rows.append("%s,sha256=%s,%d" % (name, digest, len(member.data)))
        if paper is not None:
            paper.data = ("\n".join(rows) + "\n").encode("utf-8", "surrogatepass")


def _headers(member, offset):
    name = member.name.encode("utf-8", "surrogatepass")
    flags = (_STREAMED if member.streamed else 0) | (0 if member.name.isascii() else _UTF8)
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(member.data) + packer.flush() if member.method == zipfile.ZIP_DEFLATED else member.data
    numbers = (zlib.crc32(member.data), len(packed), len(member.data))
    said, extra = numbers, member.local_extra
    if member.streamed:
        said = (0, 0, 0)
    elif member.large:
        said = (numbers[0], 0xFFFFFFFF, 0xFFFFFFFF)
        extra = struct.pack("<2H2Q", 1, 16, numbers[2], numbers[1]) + extra
    local = bytearray(
        struct.pack("<4s5H3L2H", LOCAL, 20, flags, member.method, 0, 0x5C21, *said, len(name), len(extra))
    )
    _lie(local, _LOCAL_FIELDS, member.lies, "local")
    local += name + extra + packed
    if member.streamed:
        local += BEHIND + struct.pack("<L2Q" if member.large else "<3L", *numbers)
    local += member.behind
    central = bytearray(
        struct.pack(
            "<4s6H3L5H2L",
            CENTRAL,
            3 << 8 | 20,
            20,
            flags,
            member.method,
            0,
            0x5C21,
            *numbers,
            len(name),
            len(member.central_extra),
            0,
            0,
            0,
            (member.mode << 16) & 0xFFFFFFFF,
            offset,
        )
    )
    _lie(central, _CENTRAL_FIELDS, member.lies, "central")
    return local, central + name + member.central_extra


def _lie(header, fields, lies, kind):
    for (where, name), value in lies.items():
        if where == kind:
            offset, letter = fields[name]
            struct.pack_into("<" + letter, header, offset, value & (0xFFFF if letter == "H" else 0xFFFFFFFF))


def seeds():
    """Small sound wheels, one for each way of writing one."""
    papers = [
        ("tiny/__init__.py", b"version = 1\n" * 9),
        ("tiny-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n\nWords\n"),
        ("tiny-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\nTag: py3-none-any\n"),
        ("tiny-1.0.dist-info/RECORD", b""),
    ]

    def sound(*more, **options):
        made = Archive([Member(name, data, **options) for name, data in [*more, *papers]])
        made.record()
        return made

    stored = sound(method=zipfile.ZIP_STORED)
    streamed = sound(("tiny/data.bin", bytes(range(256))), streamed=True)
    large = sound(("tiny/more.py", b"x = 1\n"))
    large.members[0].large = True
    folders = sound(
        ("tiny/d/", b""), ("tiny/d/n\u00e4me (1).txt", b"words"), ("tiny-1.0.data/scripts/t", b"#!python\n")
    )
    folders.members[0].mode = stat.S_IFDIR | 0o755
    dated = sound(("tiny/zeros", bytes(4000)))
    for member in dated.members:
        member.local_extra, member.central_extra = b"UT\5\0\1abcd", b"UT\5\0\1abcd"
    return [one.write() for one in (sound(), stored, streamed, large, folders, dated)]


def parse(data):
    """The archive that ``data`` is, as far as zipfile can say; None where it can't."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as found:
            members = []
            for info in found.infolist()[:40]:
                if info.file_size > 1 << 20:
                    return None
                one = Member(info.filename, found.read(info), info.external_attr >> 16, info.compress_type)
                one.streamed = bool(info.flag_bits & _STREAMED)
                members.append(one)
            return Archive(members)
    except Exception:  # the archive may be broken in any way, and zipfile has its own holes
        return None


def change(data, random):
    """Another archive: changed in its structure and written anew, or changed in its fields or bytes as it lies."""
    kind = random.random()
    if kind < 0.15:
        return values.change_bytes(
            data, random, (LOCAL, CENTRAL, END, LARGE_END, LARGE_PLACE, BEHIND, b"\0\0\0\0", b"\xff\xff\xff\xff")
        )
    if kind < 0.3:
        return _change_field(data, random)
    archive = parse(data)
    if archive is None or not archive.members:
        return values.change_bytes(data, random)
    for _change in range(random.choice((1, 1, 2, 3))):
        if archive.members:
            random.choice(_CHANGES)(archive, random)
    if random.random() < 0.7:
        archive.record()
    return archive.write()


def _change_field(data, random):
    out = bytearray(data)
    mark, fields = random.choice(((LOCAL, _LOCAL_FIELDS), (CENTRAL, _CENTRAL_FIELDS), (END, _END_FIELDS)))
    places = [place for place in range(len(out) - 46) if out[place : place + 4] == mark] or [out.rfind(END)]
    place = random.choice(places)
    offset, letter = random.choice(sorted(fields.values()))
    if place >= 0 and place + offset + 4 <= len(out):
        (old,) = struct.unpack_from("<" + letter, out, place + offset)
        new = random.choice(
            (old + 1, old - 1, old ^ 1 << random.randrange(32), 0, 1, 0xFFFFFFFF, 0xFFFE, random.getrandbits(32))
        )
        struct.pack_into("<" + letter, out, place + offset, new & (0xFFFF if letter == "H" else 0xFFFFFFFF))
    return bytes(out)


def _rename(archive, random):
    member = random.choice(archive.members)
    member.name = random.choice((random.choice(_NAMES), values.change_text(member.name, random)))


def _add(archive, random):
    name = random.choice(_NAMES)
    data = b"evil\n" * random.choice((0, 1, 9)) if random.random() < 0.97 else bytes(random.choice((1 << 16, 1 << 20)))
    archive.members.insert(random.randrange(len(archive.members) + 1), Member(name, data))


def _remove(archive, random):
    archive.members.remove(random.choice(archive.members))


def _double(archive, random):
    twin = copy.deepcopy(random.choice(archive.members))
    twin.data += random.choice((b"", b"more"))
    archive.members.insert(random.randrange(len(archive.members) + 1), twin)


def _content(archive, random):
    member = random.choice(archive.members)
    member.data = values.change_bytes(member.data, random, (b"\nName: evil", b"Version: 2\n", b"\r\n", b",,\n", b'"'))


def _way(archive, random):
    member = random.choice(archive.members)
    member.method = random.choice((0, 8, 8, 9, 12, 14, 93, 0xFFFF))
    member.streamed = random.random() < 0.4
    member.large = random.random() < 0.4


def _mode(archive, random):
    random.choice(archive.members).mode = random.choice(_MODES)


def _extra(archive, random):
    member = random.choice(archive.members)
    name = member.name.encode("utf-8", "surrogatepass")
    renamed = b"\1" + struct.pack("<L", zlib.crc32(name)) + b"tiny/other.py"
    field = random.choice(
        (
            struct.pack("<2H", 0x7075, len(renamed)) + renamed,
            struct.pack("<2H2Q", 1, 16, len(member.data), random.choice((len(member.data), 5))),
            struct.pack("<2HQ", 1, 8, random.getrandbits(random.choice((8, 33, 64)))),
            b"UT\5\0\1abcd",
            b"\x99\x99\xff\xff",
            random.randbytes(random.choice((1, 3, 4, 9))),
        )
    )
    if random.random() < 0.6:
        member.local_extra += field
    if random.random() < 0.6:
        member.central_extra += field


def _headers_lie(archive, random):
    member = random.choice(archive.members)
    kind, fields = random.choice((("local", _LOCAL_FIELDS), ("central", _CENTRAL_FIELDS)))
    numbers = (0, 1, 8, 0x800, len(member.data), len(member.data) + 1, 0xFFFF, 0xFFFFFFFF, random.getrandbits(32))
    member.lies[kind, random.choice(sorted(fields))] = random.choice(numbers)


def _end_lies(archive, random):
    count = len(archive.members)
    archive.lies["end", random.choice(sorted(_END_FIELDS))] = random.choice(
        (0, 1, count - 1, count + 1, 0xFFFF, 0xFFFFFFFF)
    )


def _around(archive, random):
    hidden = Archive([Member(random.choice(("evil.py", "tiny/__init__.py")), b"evil = 1\n")])
    whole = hidden.write()
    piece = random.choice((whole, whole[: whole.index(CENTRAL)], b"\0", b"hidden!", whole[whole.index(CENTRAL) :]))
    place = random.choice(("prefix", "gap", "comment", "behind", "member", "member"))
    if place == "member":
        setattr(random.choice(archive.members), random.choice(("before", "behind")), piece)
    else:
        setattr(archive, place, piece)


def _large(archive, random):
    archive.large = True
    if random.random() < 0.2:
        count = len(archive.members)
        archive.lies["large", random.choice(sorted(_LARGE_FIELDS))] = random.choice(
            (0, 1, count - 1, count + 1, 0xFFFFFFFF)
        )
    if random.random() < 0.7:
        for name in ("here", "count", "size", "offset"):
            archive.lies["end", name] = 0xFFFFFFFF


_CHANGES = (_rename, _add, _remove, _double, _content, _way, _mode, _extra, _headers_lie, _end_lies, _around, _large)


def by_end(data):
    """The names that a reader finds which believes the end of the archive: where the directory lies, and how many are in it."""
    end = data.rfind(END)
    count, _size, place, comment_length = struct.unpack_from("<H2LH", data, end + 10)
    if end + 22 + comment_length != len(data):
        raise ValueError("more behind the end")
    if count == 0xFFFF or place == 0xFFFFFFFF:
        if data[end - 20 : end - 16] != LARGE_PLACE:
            raise ValueError("no place of the larger end")
        (large,) = struct.unpack_from("<Q", data, end - 12)
        count, _size, place = struct.unpack_from("<3Q", data, large + 32)
        end = large
    names = []
    for _entry in range(count):
        if data[place : place + 4] != CENTRAL:
            raise ValueError("no entry of the directory")
        flags, name_length, extra_length, comment_length = (
            struct.unpack_from("<H", data, place + offset)[0] for offset in (8, 28, 30, 32)
        )
        names.append(data[place + 46 : place + 46 + name_length].decode("utf-8" if flags & _UTF8 else "cp437"))
        extras = _extras(data[place + 46 + name_length : place + 46 + name_length + extra_length])
        if 0x7075 in extras:
            raise ValueError("another name in the directory")
        place += 46 + name_length + extra_length + comment_length
    # The larger end may be there without need.
    if end not in (place, place + 76) or end != place and data[place : place + 4] != LARGE_END:
        raise ValueError("more in the directory than is counted")
    return names


def by_headers(data):
    """``{name: bytes}`` as a reader finds them that goes from header to header and never looks at the directory."""
    found = {}
    place = 0
    while data[place : place + 4] == LOCAL:
        flags, method = struct.unpack_from("<2H", data, place + 6)
        crc, packed, size, name_length, extra_length = struct.unpack_from("<3L2H", data, place + 14)
        begin = place + 30 + name_length
        name = data[place + 30 : begin].decode("utf-8" if flags & _UTF8 else "cp437")
        extras = _extras(data[begin : begin + extra_length])
        begin += extra_length
        if 0x7075 in extras and len(extras[0x7075]) > 5:
            name = extras[0x7075][5:].decode("utf-8", "replace")
        if 1 in extras and len(extras[1]) >= 16 and 0xFFFFFFFF in (packed, size):
            size, packed = struct.unpack_from("<2Q", extras[1])
        if method == zipfile.ZIP_DEFLATED:
            inflate = zlib.decompressobj(-15)
            content = inflate.decompress(data[begin:])
            place = len(data) - len(inflate.unused_data)
        else:
            content = data[begin : begin + packed]
            place = begin + packed
        if flags & _STREAMED:
            place += _behind(data, place)
        elif (zlib.crc32(content), len(content)) != (crc, size):
            raise ValueError("the sizes in the header of %r" % name)
        found[name] = content
    if data[place : place + 4] != CENTRAL:
        raise ValueError("no directory behind the last member")
    return found


def _behind(data, place):
    marked = 4 * (data[place : place + 4] == BEHIND)
    for length in (12, 20):
        if data[place + marked + length : place + marked + length + 4] in (LOCAL, CENTRAL):
            return marked + length
    raise ValueError("nothing behind a streamed member")


def _extras(data):
    found = {}
    place = 0
    while place + 4 <= len(data):
        kind, length = struct.unpack_from("<2H", data, place)
        found.setdefault(kind, data[place + 4 : place + 4 + length])
        place += 4 + length
    return found
