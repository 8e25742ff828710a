# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wheel of a few kB takes no more memory than the largest that is taken: 128 MiB."""

from __future__ import annotations

import json
import os
import resource
import struct

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import wheel
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from fuzz import archives

NAME = "tiny-1.0-py3-none-any.whl"
BOUND = 128 << 20


def check(path):
    """wheel.check in a child that the system gives no more than so much memory above what it has."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = [None, "died"]
        try:
            with open("/proc/self/statm", "rb") as stream:
                now = int(stream.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (now + BOUND, now + BOUND))
            wheel.check(str(path))
            said = [None, ""]
        except FerryError as error:
            said = [error.code, error.message]
        except BaseException as error:  # noqa: B036  # the child must never return into pytest
            said = [None, repr(error)]
        finally:
            os.write(writer, json.dumps(said).encode())
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as stream:
        code, words = json.loads(stream.read())
    os.waitpid(child, 0)
    if code:
        raise FerryError(code, words)
    assert not words, words


def seed():
    archive = archives.parse(archives.seeds()[0])
    return archive, {member.name.rpartition("/")[2]: member for member in archive.members}


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"a\n" * (7 << 20), "FERRY-WHEEL-004", "a file that RECORD names"),
        (b"\n" * (15 << 20), "FERRY-WHEEL-004", "short lines, one for each file"),
        (b"," * (15 << 20), "FERRY-WHEEL-004", "short lines, one for each file"),
        (b'"' + b'\n","' * (3 << 20), "FERRY-WHEEL-004", "a table of files"),
        (b"a\n" * (9 << 20), "FERRY-WHEEL-003", "at most 16777216 bytes"),
        (b"\xf0\x9f\x98\x80" + b"a" * (15 << 20), "FERRY-WHEEL-004", "short lines, one for each file"),
    ],
    ids=["rows", "empty rows", "columns", "one row of many lines", "too long", "wide"],
)
def test_a_record_that_would_grow_in_memory_is_refused_before_it_does(tmp_path, refused, data, code, words):
    archive, papers = seed()
    papers["RECORD"].data = data
    (tmp_path / NAME).write_bytes(archive.write())
    with refused(code, words):
        check(tmp_path / NAME)


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    ("name", "data", "code", "words"),
    [
        ("METADATA", b"Version: 1.0\nName: tiny" + b"\n " * (8 << 20), "FERRY-WHEEL-003", "at most 4194304 bytes"),
        ("METADATA", b"Version: 1.0\nName: tiny" + b"\n " * (2040 << 10), "FERRY-WHEEL-005", "a head of at most"),
        ("METADATA", b"Version: 1.0\nName: evil" + b"\n " * (510 << 10), "FERRY-WHEEL-005", "Name tiny, found evil"),
        ("METADATA", b"\xf0\x9f\x98\x80" + b"\r\n" * (1 << 20), "FERRY-WHEEL-005", "expected fields"),
        ("entry_points.txt", b"\n" * (2 << 20), "FERRY-WHEEL-003", "at most 1048576 bytes"),
        ("entry_points.txt", b"[a]\n" + b"\n" * (1 << 19) + b"[\n", "FERRY-WHEEL-002", "sections of entry points"),
    ],
)
def test_a_paper_that_would_grow_in_memory_is_refused_before_it_does(tmp_path, refused, name, data, code, words):
    archive, papers = seed()
    papers.setdefault(name, archives.Member("tiny-1.0.dist-info/" + name, b"")).data = data
    archive.members = list(papers.values())
    archive.record()
    (tmp_path / NAME).write_bytes(archive.write())
    with refused(code, words):
        check(tmp_path / NAME)


def directory(path, entries, said, start=0):
    """An archive of nothing but a directory of one-letter names, whose end counts as many as are said."""
    entry = struct.pack("<4s6H3L5H2L", archives.CENTRAL, 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    length = len(entry) * entries
    large = struct.pack("<4sQ2H2L4Q", archives.LARGE_END, 44, 45, 45, 0, 0, said, said, length, start)
    large += struct.pack("<4sLQL", archives.LARGE_PLACE, 0, length, 1)
    end = struct.pack("<4s4H2LH", archives.END, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(entry * entries + large + end)
    return path


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    ("entries", "said", "code", "words"),
    [
        (1_000_000, 1_000_000, "FERRY-WHEEL-003", "at most 65535 members in 8388608 bytes of directory"),
        (1_000_000, 1, "FERRY-WHEEL-003", "at most 65535 members in 8388608 bytes of directory"),
        (170_000, 1, "FERRY-WHEEL-001", "expected 1 members, found 170000;"),
        (170_000, 1 << 63, "FERRY-WHEEL-003", "at most 65535 members"),
    ],
)
def test_a_directory_of_more_members_than_may_be_is_refused_before_it_is_read(
    tmp_path, refused, entries, said, code, words
):
    path = directory(tmp_path / NAME, entries, said)
    with refused(code, words):
        check(path)


@pytest.mark.parametrize("start", [1, 1 << 20, 1 << 62, 1 << 63, (1 << 64) - 1])
def test_a_directory_that_is_said_to_lie_out_of_the_archive_is_refused(tmp_path, refused, start):
    path = directory(tmp_path / NAME, 1, 1, start)
    with refused("FERRY-WHEEL-001", NAME):
        check(path)


def test_as_many_members_as_may_be_are_checked_in_that_memory(tmp_path):
    """With names that take four bytes for each character, as far as the directory's bound goes."""
    archive, papers = seed()
    members = [archives.Member("tiny/%05d%s\U0001f600" % (number, "A" * 60), b"") for number in range(65_532)]
    archive.members = [*members, *papers.values()]
    archive.members.remove(papers["WHEEL"])
    archive.record()
    (tmp_path / NAME).write_bytes(archive.write())
    check(tmp_path / NAME)
