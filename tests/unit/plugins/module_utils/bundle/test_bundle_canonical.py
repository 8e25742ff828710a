# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical JSON: one value has one spelling, and every other is refused in one sentence."""

from __future__ import annotations

import sys

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import canonical
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError

LIMIT = 1 << 20


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -7,
        1 << 70,
        "",
        "plain",
        "caf\u00e9 \U0001f6a2",
        "\x00\x7f\n",
        [],
        {},
        {"b": [1, {"a": None}], "a": "x"},
    ],
)
def test_what_is_written_is_read_back(value):
    data = canonical.dumps(value)
    assert canonical.loads(data, "x.json", LIMIT) == value
    assert data.endswith(b"\n") and data.isascii()


def test_keys_are_sorted_and_nothing_is_spaced():
    assert canonical.dumps({"b": 1, "a": [True, None]}) == b'{"a":[true,null],"b":1}\n'


@pytest.mark.parametrize("value", [1.0, {"a": [0.5]}, [float("nan")]])
def test_a_float_is_not_written(value):
    with pytest.raises(TypeError):
        canonical.dumps(value)


@pytest.mark.parametrize(
    "data, told",
    [
        (b'{"a":1,"a":2}\n', "the key 'a' twice"),
        (b'{"x":{"a":1,"a":1}}\n', "the key 'a' twice"),
        (b"1.0\n", "the number 1.0"),
        (b"1e3\n", "the number 1e3"),
        (b"NaN\n", "the number NaN"),
        (b"Infinity\n", "the number Infinity"),
        (b"-Infinity\n", "the number -Infinity"),
        (b"-0\n", "another spelling"),
        (b'{"b":1,"a":2}\n', "another spelling"),
        (b'{"a": 1}\n', "another spelling"),
        (b'{"a":1}', "another spelling"),
        (b'{"a":1}\r\n', "another spelling"),
        (b' {"a":1}\n', "another spelling"),
        (b'{"a":1}\n\n', "another spelling"),
        (b'"\\u0041"\n', "another spelling"),
        (b'"\\/"\n', "another spelling"),
        (b'"\\u00E9"\n', "another spelling"),
        (b"01\n", "canonical JSON"),
        (b"{'a':1}\n", "canonical JSON"),
        (b'{"a":1,}\n', "canonical JSON"),
        (b'{"a":1}\n{"a":1}\n', "canonical JSON"),
        (b"\xef\xbb\xbf{}\n", "canonical JSON"),
        (b'"caf\xc3\xa9"\n', "canonical JSON"),
        (b'"\xff"\n', "canonical JSON"),
        (b"{}\x00\n", "canonical JSON"),
        (b"", "canonical JSON"),
    ],
)
def test_another_spelling_is_refused(refused, data, told):
    with refused("FERRY-BUNDLE-007", "x.json", told):
        canonical.loads(data, "x.json", LIMIT)


def test_every_flipped_bit_of_a_document_is_another_value_or_refused():
    data = canonical.dumps({"name": "tf", "serial": 12, "files": [None, True, "a\u00e9\n"]})
    value = canonical.loads(data, "x.json", LIMIT)
    for position in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            try:
                assert canonical.loads(bytes(changed), "x.json", LIMIT) != value
            except FerryError as error:
                assert error.code == "FERRY-BUNDLE-007"


def test_one_byte_too_many_is_refused(refused):
    data = canonical.dumps("x" * 100)
    assert canonical.loads(data, "x.json", len(data)) == "x" * 100
    with refused("FERRY-BUNDLE-007", "at most %d bytes" % (len(data) - 1)):
        canonical.loads(data, "x.json", len(data) - 1)


def test_deep_nesting_is_refused_or_read_at_every_depth_and_never_a_traceback(refused):
    limit = sys.getrecursionlimit()
    # The parser, the float check and the writer end at depths of their own: walk over all of their edges.
    depths = [*range(limit // 8, limit + 50, 3), 5000, 20000, 200000]
    refusals = 0
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        for depth in depths:
            data = opening * depth + (b"1" if closing == b"}" else b"") + closing * depth + b"\n"
            try:
                canonical.loads(data, "x.json", 4 << 20)
            except FerryError as error:
                assert error.code == "FERRY-BUNDLE-007"
                refusals += 1
    assert refusals >= 2
    with refused("FERRY-BUNDLE-007", "x.json"):
        canonical.loads(b"[" * 200000 + b"]" * 200000 + b"\n", "x.json", 4 << 20)


def test_a_refusal_stays_short_whatever_was_found(refused):
    with refused("FERRY-BUNDLE-007") as caught:
        canonical.require(False, "x.json", "less", "y" * 10000)
    assert len(caught.message) < 400
