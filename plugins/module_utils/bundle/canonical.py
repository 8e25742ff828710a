# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical JSON: sorted keys, ASCII, compact, no floats, final LF; and a reader that takes nothing else.

One value has one spelling, so a changed byte is either another value or refused.
"""

from __future__ import annotations

import json

from ..errors import FerryError


def dumps(value) -> bytes:
    """The canonical bytes of ``value`` (dicts, lists, strings, integers, booleans, None)."""
    _refuse_floats(value)
    return (json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":")) + "\n").encode("ascii")


def loads(data: bytes, name: str, limit: int):
    """Parse canonical JSON of at most ``limit`` bytes; ``name`` is the file that an error names."""
    if len(data) > limit:
        raise _malformed(name, "at most %d bytes" % limit, "%d bytes" % len(data))
    try:
        value = json.loads(
            data.decode("ascii"),
            object_pairs_hook=_unique,
            parse_int=_short,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
        spelling = dumps(value)
    except (ValueError, RecursionError) as error:
        raise _malformed(name, "canonical JSON", str(error)[:120])
    if spelling != data:
        raise _malformed(name, "canonical JSON (sorted keys, compact, final LF)", "another spelling")
    return value


def require(condition, name: str, expected: str, found) -> None:
    """Refuse the file ``name`` unless ``condition`` holds."""
    if not condition:
        raise _malformed(name, expected, repr(found)[:120])


def _malformed(name, expected, found):
    return FerryError(
        "FERRY-BUNDLE-007",
        "%s: expected %s, found %s; do not use this bundle, build it again." % (name, expected, found),
    )


def _unique(pairs):
    found = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("the key %r twice" % key)
        found[key] = value
    return found


def _short(text):
    # Sizes and serials have 13 digits; old Pythons take hours over a number of millions.
    if len(text) > 40:
        raise ValueError("a number of %d digits" % len(text))
    return int(text)


def _no_float(text):
    raise ValueError("the number %s, which is no integer" % text)


def _refuse_floats(value):
    if isinstance(value, float):
        raise TypeError("canonical JSON holds no floats")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_floats(item)
