# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing texts and JSON values so that they still look like something: raw bytes would never get past canonical JSON."""

from __future__ import annotations

import json

# What has a meaning somewhere: to a file system, to a terminal, to JSON, to a person who looks for a hole.
TEXTS = [
    "",
    ".",
    "..",
    "../x",
    "/etc/passwd",
    "C:/x",
    "//server/share",
    "a\\b",
    "a//b",
    "a/./b",
    "wheels/../x",
    "wheels/con",
    "wheels/x.",
    "wheels/x ",
    "wheels/x:y",
    "WHEELS/X",
    "tools/x",
    "tools/../x",
    "profiles/a\\b",
    "kit/x:y",
    "profiles/x/y",
    "x" * 250,
    "nul\0",
    "line\nbreak",
    "\x1b[2J",
    "\u00e4",
    "\u0661",
    "\u202e",
    "\ud800",
    "\U0001f600",
    "linux",
    "windows",
    "none",
    "cuda",
    "glibc-2.17",
    "glibc-2.999",
    "3.11.2",
    "3.999.1",
    "a-1-py3-none-any.whl",
    "0" * 64,
    "F" * 64,
    "2026-11-22T16:00:00Z",
    "2026-02-30T16:00:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "manifest.json",
    "builder",
]
NUMBERS = [0, 1, -1, 2, 255, 1 << 31, 1 << 32, (1 << 40) - 1, 1 << 40, 1 << 63, 1 << 64, 10**30, 10**50, -(10**30)]
_ALIKE = ("0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
SHAPES = [None, True, False, [], {}, [[]], [None], {"": ""}, {"x": {"x": {}}}]
# Pieces of a text that JSON's spelling hangs on.
PIECES = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b" ",
    b"\n",
    b"\r",
    b"\t",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
]
PIECES += [
    b"0",
    b"-",
    b"-0",
    b"1.0",
    b"1e5",
    b"NaN",
    b"Infinity",
    b"null",
    b"true",
    b"//",
    b"/**/",
    b"[" * 2000,
    b'{"":' * 2000,
    b"9" * 400,
]


def change_value(value, random):
    """A copy of the JSON ``value`` with one or a few changes somewhere in it."""
    for _change in range(random.choice((1, 1, 1, 2, 4))):
        value = json.loads(json.dumps(value))  # nothing in it is shared, or it could hold itself
        places = []
        _collect(value, None, None, places)
        holder, key, found = random.choice(places)
        new = _other(found, [place[2] for place in places], random)
        if holder is None:
            value = new
        elif isinstance(holder, dict) and random.random() < 0.2:
            _change_key(holder, key, random)
        else:
            holder[key] = new
    return value


def _collect(value, holder, key, places):
    places.append((holder, key, value))
    for inner, item in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        _collect(item, value, inner, places)


def _other(found, others, random):
    kind = random.random()
    if kind < 0.15:  # something from elsewhere in the same document
        return json.loads(json.dumps(random.choice(others)))
    if kind < 0.22:
        return json.loads(json.dumps(random.choice(SHAPES)))
    if isinstance(found, dict) and found:
        return _other_members(dict(found), random)
    if isinstance(found, list) and found:
        return _other_items(list(found), random)
    if isinstance(found, bool):
        return not found
    if isinstance(found, int):
        return random.choice((found + 1, found - 1, -found, found * 10, random.choice(NUMBERS), str(found)))
    if isinstance(found, str):
        return change_text(found, random)
    return random.choice((random.choice(TEXTS), random.choice(NUMBERS)))


def _other_members(members, random):
    key = random.choice(sorted(members))
    kind = random.random()
    if kind < 0.4:
        del members[key]
    else:
        new = random.choice(TEXTS) if kind < 0.7 else change_text(key, random)
        members[new] = members[key]
    return members


def _other_items(items, random):
    place = random.randrange(len(items))
    kind = random.random()
    if kind < 0.3:
        del items[place]
    elif kind < 0.6:
        items.insert(place, random.choice(items))
    elif kind < 0.8:
        random.shuffle(items)
    else:
        items[place] = random.choice(TEXTS + SHAPES)
    return items


def _change_key(holder, key, random):
    item = holder.pop(key)
    holder[random.choice((change_text(str(key), random), random.choice(TEXTS)))] = item


def change_text(text, random):
    """``text`` with a few characters changed, or another text."""
    if random.random() < 0.3:
        return random.choice(TEXTS)
    if text and random.random() < 0.3:  # a digit for a digit, a letter for a letter: what still looks right
        place = random.randrange(len(text))
        alike = next((some for some in _ALIKE if text[place] in some), "._-+")
        return text[:place] + random.choice(alike) + text[place + 1 :]
    place, other = random.randrange(len(text) + 1), random.choice(TEXTS)
    return random.choice(
        (
            text[:place] + random.choice("./\\:-_ 0aA\0\n\x7f\u00e9") + text[place + random.randrange(2) :],
            text[:place] + text[place + 1 :],
            text[:place] + other + text[place:],
            text + other,
            other + text,
            text.upper(),
            text.swapcase(),
            text[::-1],
            text + text,
        )
    )


def change_bytes(data, random, pieces=()):
    """``data`` with a few bytes changed, cut, doubled or put in."""
    data = bytearray(data or b"\0")
    for _change in range(random.choice((1, 1, 2, 4, 8))):
        place = random.randrange(len(data)) if data else 0
        kind = random.random()
        if kind < 0.3 and data:
            data[place] ^= 1 << random.randrange(8)
        elif kind < 0.45 and data:
            data[place] = random.randrange(256)
        elif kind < 0.6:
            del data[place : place + random.choice((1, 1, 2, 16, 200))]
        elif kind < 0.75 and data:
            begin = random.randrange(len(data))
            data[place:place] = data[begin : begin + random.choice((1, 4, 40, 400))]
        elif kind < 0.95:
            data[place:place] = random.choice(pieces) if pieces else random.randbytes(random.choice((1, 2, 4, 9)))
        else:
            del data[place:]
    return bytes(data)
