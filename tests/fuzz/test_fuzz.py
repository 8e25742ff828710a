# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bounded run: every reader keeps its promises for some thousand inputs, the same ones every time; and a fuzzer that can find."""

from __future__ import annotations

import base64
import json
import re

import pytest

from fuzz import archives, readers, running

RUNS = 6000
SEED = 20261122


@pytest.mark.parametrize("name", readers.ALL)
def test_a_reader_refuses_with_a_code_or_takes_what_another_reader_takes_too(name):
    reader = readers.ALL[name]()
    try:
        with running.bounded(120):
            report = running.plain(reader, RUNS, SEED)
    finally:
        reader.close()
    assert report["inputs"] == RUNS
    # A run in which all inputs end at the first check would prove little.
    assert report["taken"] > 100 and sum(report["refused"].values()) > 1000, report


def nothing(*_arguments, **_options):
    """A check that was left out."""


def lenient(armoured):
    """As many readers take armour: without looking at what they skip."""
    try:
        return base64.b64decode(b"".join(armoured.split(b"\n")[2:-3])) or None
    except ValueError:
        return None


def short(self, count):
    """As many bytes as there are."""
    start, self._place = self._place, min(len(self._data), self._place + count)
    return self._data[start : self._place]


# What is left out or loosened in our code, by its place, and the reader that must find it out.
BUGS = [
    ("manifest", "manifest.is_safe_path", lambda path: True),
    ("manifest", "manifest._check_profile", nothing),
    ("manifest", "canonical.loads", lambda data, name, limit: json.loads(data)),
    ("statement", "canonical.require", nothing),
    ("statement", "statement._BUNDLE", re.compile(".*")),
    ("canonical JSON", "canonical._no_float", float),
    ("canonical JSON", "canonical.loads", lambda data, name, limit: json.loads(data)),
    ("list of a zone", "files.is_safe_path", lambda path: True),
    ("armour of gpg", "armor.pgp_body", lenient),
    ("signature of ssh", "ssh._Reader.end", nothing),
    ("signature of ssh", "ssh._Reader.take", short),
    ("parts", "files.is_safe_path", lambda path: True),
    ("parts", "archive._take", nothing),
    ("parts", "parts._Stream._check", lambda self: (self._file.close(), setattr(self, "_file", None))),
    ("archive", "wheel.zipped._check_names", nothing),
    ("archive", "wheel.zipped._check_end", nothing),
    ("archive", "wheel._check_record", nothing),
    ("archive", "wheel._check_metadata", nothing),
    ("archive", "wheel.zipped._extras", lambda path, member, data: archives._extras(data)),
    ("archive", "wheel.zipped._descriptor_length", lambda path, stream, member, end: 16 if member.flag_bits & 8 else 0),
]


@pytest.mark.parametrize(("name", "place", "bug"), BUGS, ids=["%s-%s" % bug[:2] for bug in BUGS])
def test_a_check_that_is_left_out_is_found(monkeypatch, name, place, bug):
    holder = readers
    *way, last = place.split(".")
    for step in way:
        holder = getattr(holder, step)
    monkeypatch.setattr(holder, last, bug)
    reader = readers.ALL[name]()
    try:
        with pytest.raises(Exception) as found, running.bounded(120):  # noqa: B017  # an escape is any exception
            running.plain(reader, 60000, SEED)
    finally:
        reader.close()
    assert not isinstance(found.value, AssertionError), found.value
    assert found.value.input is not None


def test_an_input_that_costs_too_much_time_or_memory_is_found(monkeypatch):
    reader = readers.ALL["canonical JSON"]()
    monkeypatch.setattr(reader, "seconds", -1)
    with pytest.raises(RuntimeError, match="s for one input"):
        running.plain(reader, 10, SEED)
    monkeypatch.setattr(reader, "seconds", 2)
    monkeypatch.setattr(reader, "read", lambda data: bytes(2 * running.MEMORY))
    with pytest.raises(MemoryError), running.bounded(120):
        running.plain(reader, 10, SEED)
    reader.close()


def test_the_same_seed_gives_the_same_inputs():
    reports = []
    for _time in range(2):
        reader = readers.ALL["archive"]()
        reports.append(running.plain(reader, 1500, 7)["refused"])
        reader.close()
    assert reports[0] == reports[1]


def test_what_the_fuzzer_writes_is_read_as_it_was_meant():
    for data in archives.seeds():
        archive = archives.parse(data)
        assert {member.name: member.data for member in archive.members} == archives.by_headers(data)
