# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive that two readers would unpack in two ways is refused, wherever the two ways part; what real packers write passes."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import wheel
from fuzz import archives

NAME = "tiny-1.0-py3-none-any.whl"


def first(archive):
    return archive.members[0]


def hidden(name="evil.py"):
    """A member that no directory lists."""
    whole = archives.Archive([archives.Member(name, b"evil = 1\n")]).write()
    return whole[: whole.index(archives.CENTRAL)]


def prefixed(archive):
    archive.prefix = hidden()


def in_a_gap(archive):
    archive.members[1].before = hidden()


def behind_the_last(archive):
    archive.gap = hidden()


def behind_the_end(archive):
    archive.behind = b"more"


def in_a_comment(archive):
    archive.comment = archives.Archive([archives.Member("evil.py", b"")]).write()


def fewer_counted(archive):
    archive.lies["end", "here"] = archive.lies["end", "count"] = len(archive.members) - 1


def elsewhere(archive):
    archive.lies["end", "offset"] = 7


def another_disk(archive):
    archive.lies["end", "disk"] = 1


def all_ones_without_a_larger_end(archive):
    archive.lies["end", "offset"] = 0xFFFFFFFF


def half_ones(archive):
    archive.large = True
    archive.lies["end", "offset"] = 0xFFFF


def a_larger_end_of_other_numbers(archive):
    archive.large = True
    archive.lies["large", "count"] = archive.lies["large", "here"] = 1


def a_longer_comment(archive):
    archive.lies["end", "comment_length"] = 0xFFFF


def a_name_that_goes_on_behind_the_directory(archive):
    archive.members[-1].lies["central", "name_length"] = 0xFFFE


def renamed(holder):
    def change(archive):
        name = first(archive).name.encode()
        field = b"\1" + struct.pack("<L", zlib.crc32(name)) + b"tiny/other.py"
        setattr(first(archive), holder, struct.pack("<2H", 0x7075, len(field)) + field)

    change.__name__ = "another_name_in_%s" % holder
    return change


def an_extra_field_that_is_cut_off(archive):
    first(archive).local_extra = b"\x99\x99\xff\xff"


def an_extra_field_twice(archive):
    first(archive).central_extra = b"UT\5\0\1abcd" * 2


def other_sizes_in_an_extra_field(archive):
    first(archive).local_extra = struct.pack("<2H2Q", 1, 16, 5, 5)


def other_sizes_behind_a_member(archive):
    first(archive).streamed = True
    first(archive).behind = b"PK\x07\x08" + bytes(12)


def stored_and_streamed(archive):
    first(archive).streamed, first(archive).method = True, zipfile.ZIP_STORED


@pytest.mark.parametrize(
    "change",
    [
        prefixed,
        in_a_gap,
        behind_the_last,
        behind_the_end,
        in_a_comment,
        fewer_counted,
        elsewhere,
        another_disk,
        all_ones_without_a_larger_end,
        half_ones,
        a_larger_end_of_other_numbers,
        a_longer_comment,
        a_name_that_goes_on_behind_the_directory,
        renamed("local_extra"),
        renamed("central_extra"),
        an_extra_field_that_is_cut_off,
        an_extra_field_twice,
        other_sizes_in_an_extra_field,
        other_sizes_behind_a_member,
        stored_and_streamed,
    ],
    ids=lambda change: change.__name__,
)
def test_an_archive_that_two_readers_would_unpack_in_two_ways_is_refused(tmp_path, refused, change):
    archive = archives.parse(archives.seeds()[0])
    wheel.check(put(tmp_path, archive))
    change(archive)
    with refused("FERRY-WHEEL-001", NAME):
        wheel.check(put(tmp_path, archive))


@pytest.mark.parametrize(
    ("name", "mode", "data", "words"),
    [
        ("tiny/__init__.py/evil.py", 0o644, b"", "the file tiny/__init__.py"),
        ("TINY/__INIT__.py/evil.py", 0o644, b"", "the file tiny/__init__.py"),
        ("tiny/folder", stat.S_IFDIR | 0o755, b"", "some of both"),
        ("tiny/folder/", stat.S_IFDIR | 0o755, b"hidden", "some of both"),
        ("tiny/%s.py" % ("x" * 253), 0o644, b"", "more than 255 bytes"),
        ("tiny/%s.py" % ("\u00e4" * 127), 0o644, b"", "more than 255 bytes"),
    ],
)
def test_a_name_that_does_not_go_with_the_others_is_refused(tmp_path, refused, name, mode, data, words):
    archive = archives.parse(archives.seeds()[0])
    archive.members.append(archives.Member(name, data, mode))
    archive.record()
    with refused("FERRY-WHEEL-002", NAME, words):
        wheel.check(put(tmp_path, archive))


def test_a_second_dist_info_is_refused(tmp_path, refused):
    archive = archives.parse(archives.seeds()[0])
    archive.members.append(archives.Member("evil-1.0.dist-info/entry_points.txt", b""))
    archive.record()
    with refused("FERRY-WHEEL-005", "evil-1.0.dist-info, tiny-1.0.dist-info"):
        wheel.check(put(tmp_path, archive))


@pytest.mark.parametrize("number", range(len(archives.seeds())))
@pytest.mark.parametrize("large", [False, True])
def test_what_packers_write_passes(tmp_path, number, large):
    """Stored, streamed, with 64-bit sizes, with folders and with the times of Info-ZIP; and with the larger end that many files need."""
    wheel.check(put(tmp_path, data=archives.seeds()[number]))
    archive = archives.parse(archives.seeds()[number])
    if large:
        archive.large = True
        archive.lies.update((("end", field), 0xFFFFFFFF) for field in ("here", "count", "size", "offset"))
    wheel.check(put(tmp_path, archive))


def put(folder, archive=None, data=None):
    (folder / NAME).write_bytes(archive.write() if data is None else data)
    return str(folder / NAME)
