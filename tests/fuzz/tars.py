# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tar streams that lie: a writer that writes whatever it is told, with checksums that fit, and changes for it."""

from __future__ import annotations

import struct

from fuzz import values

BLOCK = 512
# The fields of a ustar header: name, length.
_FIELDS = [
    ("name", 100),
    ("mode", 8),
    ("uid", 8),
    ("gid", 8),
    ("size", 12),
    ("mtime", 12),
    ("checksum", 8),
    ("kind", 1),
]
_FIELDS += [
    ("link", 100),
    ("magic", 8),
    ("user", 32),
    ("group", 32),
    ("major", 8),
    ("minor", 8),
    ("prefix", 155),
    ("slack", 12),
]
_SHAPE = struct.Struct("".join("%ds" % length for _name, length in _FIELDS))
_NAMES = [
    b"../evil",
    b"/etc/evil",
    b"wheels/../../evil",
    b"wheels\\evil",
    b"wheels/CON",
    b"WHEELS/x",
    b"wheels",
    b"wheels/x.",
    b"",
]
_NAMES += [
    b"wheels/\xff",
    b"wheels/x:y",
    b"manifest.json",
    b"manifest.json/x",
    b"statement.json.asc",
    b"x" * 100,
    b"./x",
    b"C:/x",
]
_KINDS = [b"0", b"\0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"x", b"g", b"L", b"K", b"S", b"V", b"M"]
_OTHERS = {
    "mode": [b"0004755\0", b"0000777\0", b"0000644 "],
    "size": [
        b"00000000000\0",
        b"77777777777\0",
        b"00000000001\0",
        b"-0000000001\0",
        b"\x80" + b"\0" * 10 + b"\1",
        b"           0",
    ],
    "magic": [b"ustar  \0", b"ustar\00000", bytes(8), b"ustar\00011"],
    "link": [b"/etc/passwd", b"../x"],
    "mtime": [b"00000000001\0", b"77777777777\0"],
    "user": [b"root"],
    "prefix": [b"..", b"/", b"wheels", b"x" * 155],
    "slack": [b"x"],
    "uid": [b"0001750\0"],
    "major": [b"0000001\0", bytes(8)],
    "checksum": [b"000000\0 ", b"0000000\0"],
    "kind": _KINDS,
    "name": _NAMES,
}
_RECORDS = [
    b"12 path=x/y\n",
    b"17 path=../evil/\n",
    b"20 linkpath=/etc/x\n",
    b"14 size=99999\n",
    b"11 size=01\n",
    b"9 size=3\n",
    b"30 mtime=1.5\n",
]
_RECORDS += [b"13 GNU.sparse.major=1\n", b"9 path=x", b"22 path=wheels/x\0hidden\n", b"11 uid=1750\n"]


def blocks(data):
    """``[[fields, contents]]`` of a stream, as far as its sizes can be read; contents with their padding."""
    found, place = [], 0
    while place + BLOCK <= len(data) and any(data[place : place + BLOCK]):
        fields = dict(zip((name for name, _length in _FIELDS), _SHAPE.unpack(data[place : place + BLOCK])))
        place += BLOCK
        try:
            size = max(0, int(fields["size"].rstrip(b"\0 "), 8))
        except ValueError:
            size = 0
        length = -(-size // BLOCK) * BLOCK
        found.append([fields, data[place : place + length]])
        place += length
    return found, data[place:]


def write(found, end, checksums=True):
    """The reverse of :func:`blocks`; ``checksums`` makes them true."""
    out = bytearray()
    for fields, contents in found:
        if checksums:
            plain = _SHAPE.pack(*(b" " * 8 if name == "checksum" else fields[name] for name, _length in _FIELDS))
            out += plain[:148] + b"%06o\0 " % sum(plain) + plain[156:] + contents
        else:
            out += _SHAPE.pack(*(fields[name] for name, _length in _FIELDS)) + contents
    return bytes(out + end)


def change(data, random):
    """Another stream."""
    if random.random() < 0.2:
        return values.change_bytes(data, random, (bytes(BLOCK), b"ustar\00000", b"../", b"\0"))
    found, end = blocks(data)
    if not found:
        return values.change_bytes(data, random)
    for _change in range(random.choice((1, 1, 2, 3))):
        place = random.randrange(len(found)) if found else 0
        kind = random.random()
        if kind < 0.35 and found:
            field = random.choice(sorted(_OTHERS))
            found[place][0][field] = random.choice(_OTHERS[field])
        elif kind < 0.45 and found:
            name = found[place][0]["name"].rstrip(b"\0")
            found[place][0]["name"] = values.change_bytes(name, random)[:100]
        elif kind < 0.55:
            size = random.choice((0, 1, 511, 512, 513, 5000))
            fields = (
                dict(found[place][0], name=b"wheels/%d" % random.randrange(99), size=b"%011o\0" % size)
                if found
                else None
            )
            if fields:
                contents = (b"x" * size).ljust(-(-size // BLOCK) * BLOCK, random.choice((b"\0", b"\0", b"\1")))
                found.insert(random.randrange(len(found) + 1), [fields, contents])
        elif kind < 0.65 and found:
            _pax(found, place, random)
        elif kind < 0.72 and found:
            found.insert(random.randrange(len(found) + 1), [dict(found[place][0]), found[place][1]])
        elif kind < 0.8 and found:
            del found[place]
        elif kind < 0.87:
            random.shuffle(found)
        elif kind < 0.93:
            end = random.choice(
                (b"", bytes(512), bytes(1024), bytes(1536), bytes(10240), bytes(1023), bytes(1024) + b"x", b"x" * 1024)
            )
        elif found:
            found[place][1] = values.change_bytes(found[place][1], random)
    if random.random() < 0.5:
        found.sort(
            key=lambda entry: (entry[0]["kind"] == b"x", b"statement.json." in entry[0]["name"], entry[0]["name"])
        )
    return write(found, end, checksums=random.random() < 0.9)


def _pax(found, place, random):
    records = b"".join(random.choice(_RECORDS) for _record in range(random.choice((1, 1, 2))))
    name = b"wheels/" + b"n" * random.choice((1, 120, 180, 230))
    line = b" path=" + name + b"\n"
    if random.random() < 0.5:
        length = len(line) + len(str(len(line) + 3))
        records = b"%d%s" % (length, line)
    fields = dict(
        found[place][0],
        name=b"././@PaxHeader",
        kind=random.choice((b"x", b"x", b"g", b"L")),
        size=b"%011o\0" % len(records),
    )
    found.insert(place, [fields, records.ljust(-(-len(records) // BLOCK) * BLOCK, b"\0")])
    if random.random() < 0.5:
        found[place + 1][0]["name"] = name[-100:]
