# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive that two readers would unpack in two ways is refused, wherever the two ways part; what real packers write passes."""

from __future__ import annotations

import hashlib
import random
import stat
import struct
import zipfile
import zlib

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import wheel, zipped
from ansible_collections.airgap.ferry.plugins.module_utils.bundle.files import CHUNK
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


def large_numbers(*numbers, ones=("offset",), member=-1):
    """Fields of the directory's entry that say that their numbers are in its extra field, where these are."""

    def change(archive):
        one = archive.members[member]
        one.lies.update((("central", field), 0xFFFFFFFF) for field in ones)
        one.central_extra = struct.pack("<2H%dQ" % len(numbers), 1, 8 * len(numbers), *numbers)

    change.__name__ = "large_%s_of_%s" % ("_".join(ones) or "nothing", "_".join(map(hex, numbers)) or "nothing")
    return change


def another_disk_in_an_entry(archive):
    archive.members[1].lies["central", "disk"] = 1


def more_behind_data_that_ends_with_a_piece(archive):
    """Where nothing that was read is left over, but not all was read."""

    def packed():
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        return len(packer.compress(one.data) + packer.flush())

    one = first(archive)
    one.data = random.Random(5).getrandbits(8 * CHUNK).to_bytes(CHUNK, "little")
    while packed() > CHUNK:
        one.data = one.data[: CHUNK - packed()]
    assert packed() == CHUNK
    one.behind = b"hidden"
    one.lies["central", "packed"] = one.lies["local", "packed"] = CHUNK + len(one.behind)
    archive.record()


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
        more_behind_data_that_ends_with_a_piece,
        another_disk_in_an_entry,
        large_numbers(1 << 62),
        large_numbers((1 << 63) - 1),
        large_numbers(1 << 63),
        large_numbers((1 << 64) - 1),
        large_numbers(),
        large_numbers(0, 0, member=0),
        large_numbers(0, ones=(), member=0),
        large_numbers(108, ones=("size", "offset"), member=0),
        large_numbers(108, 0, ones=("size",), member=0),
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


def test_numbers_in_an_extra_field_of_the_directory_are_taken_where_they_belong(tmp_path):
    archive = archives.parse(archives.seeds()[0])
    size = len(first(archive).data)
    large_numbers(size, 0, ones=("size", "offset"), member=0)(archive)
    wheel.check(put(tmp_path, archive))


@pytest.mark.parametrize("base", [CHUNK, 2 * CHUNK])
@pytest.mark.parametrize("level", [1, 9])
def test_a_sound_member_of_any_size_is_unpacked_to_its_end(tmp_path, base, level):
    """What compresses well leaves output in the inflater when all of its input is taken."""
    sizes = [base + more for more in (*range(-300, 3000, 60), -1, 0, 1)]
    path = str(tmp_path / NAME)
    for size in sizes:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
            archive.writestr("zeros", bytes(size))
        assert zipped.contents(path, lambda names: {}) == ({"zeros": hashlib.sha256(bytes(size)).digest()}, {}), size


def test_members_of_many_sizes_and_kinds_are_unpacked_as_zipfile_does(tmp_path):
    chance = random.Random(20261123)
    path = str(tmp_path / NAME)
    for _round in range(60):
        with zipfile.ZipFile(path, "w", compresslevel=chance.randrange(1, 10)) as archive:
            for number in range(3):
                size = chance.choice(
                    (chance.randrange(70_000), CHUNK * chance.randrange(1, 4) + chance.randrange(4000))
                )
                length = chance.choice((1, 7, 300, 40_000))
                piece = chance.getrandbits(8 * length).to_bytes(length, "little")
                data = (piece * (size // len(piece) + 1))[:size]
                archive.writestr(str(number), data, chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
        with zipfile.ZipFile(path) as archive:
            expected = {name: archive.read(name) for name in archive.namelist()}
        digests, papers = zipped.contents(path, lambda names: dict.fromkeys(names, 8 << 20))
        assert papers == expected
        assert digests == {name: hashlib.sha256(data).digest() for name, data in expected.items()}


def put(folder, archive=None, data=None):
    (folder / NAME).write_bytes(archive.write() if data is None else data)
    return str(folder / NAME)
