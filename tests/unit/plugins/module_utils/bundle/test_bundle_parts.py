# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts: any tar puts them together, one bundle has one spelling, and a reader that takes nothing else."""

from __future__ import annotations

import io
import os
import random
import shutil
import subprocess
import tarfile
import tracemalloc
import types

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import archive, files, opening, parts, signing
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError

WHOLE = 1 << 30


class Medium:
    """A folder with the parts of the bundle ``tf-1`` and their list."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.listed = str(folder), {}

    def path(self, number):
        return os.path.join(self.folder, parts.name("tf-1", number))

    def send(self, source, part_size):
        expected = opening.signed_files(source)
        sizes = parts.plan(source, expected, "tf-1", part_size)
        self.listed = parts.write(source, sizes, expected, "tf-1", part_size, self.folder)

    def forge(self, data, part_size=WHOLE):
        """The parts of any bytes, with a list that fits them: what somebody can do who has no key."""
        for path in parts.found(self.folder, "tf-1"):
            os.unlink(path)
        pieces = [data[start : start + part_size] for start in range(0, len(data), part_size)]
        for number, piece in enumerate(pieces, 1):
            with open(self.path(number), "wb") as stream:
                stream.write(piece)
        self.listed = {parts.name("tf-1", number): files.sha256_bytes(piece) for number, piece in enumerate(pieces, 1)}

    def read(self, target=None):
        return parts.read(self.folder, "tf-1", self.listed, target)


@pytest.fixture
def medium(tmp_path):
    return Medium(tmp_path / "zone")


@pytest.fixture
def stream(medium, signed):
    """The archive of the good bundle in one piece."""
    medium.send(signed.path, WHOLE)
    with open(medium.path(1), "rb") as whole:
        return whole.read()


@pytest.mark.parametrize("part_size", [97, 511, 512, 513, 4096, 10**9])
def test_what_is_cut_at_any_size_comes_back_byte_for_byte(medium, signed, tmp_path, snapshot, part_size):
    medium.send(signed.path, part_size)
    sizes = [os.path.getsize(medium.path(number)) for number in range(1, len(medium.listed) + 1)]
    assert set(sizes[:-1]) <= {part_size} and 0 < sizes[-1] <= part_size
    assert all(files.sha256_file(os.path.join(medium.folder, part)) == medium.listed[part] for part in medium.listed)
    assert medium.read(str(tmp_path / "target")) == medium.read() == opening.signed_files(signed.path)
    assert snapshot(tmp_path / "target") == snapshot(signed.path)
    assert sorted(os.listdir(medium.folder)) == sorted(medium.listed), "nothing else is written"


def test_by_hand_sha256sum_and_tar_are_enough(medium, signed, tmp_path, snapshot):
    medium.send(signed.path, 3000)
    with open(os.path.join(medium.folder, "tf-1.sha256"), "w") as stream:
        stream.writelines("%s  %s\n" % (medium.listed[part], part) for part in sorted(medium.listed))
    (tmp_path / "somewhere").mkdir()
    command = "sha256sum --strict --quiet -c tf-1.sha256 && cat tf-1.tar.* | tar x -C ../somewhere"
    done = subprocess.run(["sh", "-c", command], cwd=medium.folder, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert snapshot(tmp_path / "somewhere") == snapshot(signed.path)


def test_the_archive_is_the_one_that_gnu_tar_writes(signed, stream, tmp_path):
    order = [path for path in sorted(files.list_plain(signed.path)) if not signing.is_signature(path)]
    order += [path for path in sorted(files.list_plain(signed.path)) if signing.is_signature(path)]
    command = ["tar", "c", "--format=ustar", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--mode=0644"]
    made = subprocess.run([*command, "-b1", "-C", signed.path, *order], capture_output=True, check=True)
    assert made.stdout == stream


# The name, and how many blocks stand before the file: ustar's one, and pax's two where the name does not fit there.
LONG = {
    "one hundred": ("a" * 100, 1),
    "one more": ("a" * 101, 3),
    "prefix": ("p" * 90 + "/" + "q" * 100, 1),
    "prefix of 155": ("p" * 77 + "/" + "p" * 77 + "/" + "n" * 80, 1),
    "prefix of 156": ("p" * 77 + "/" + "p" * 78 + "/" + "n" * 80, 3),
    "too long for both": ("wheels/" + "n" * 190 + ".whl", 3),
    "as long as can be": ("p" * 120 + "/" + "n" * 119, 3),
}


@pytest.mark.parametrize(("path", "blocks"), LONG.values(), ids=LONG)
def test_a_long_name_comes_back_from_us_and_from_tar(medium, tmp_path, path, blocks, snapshot):
    source = tmp_path / "source"
    (source / path).parent.mkdir(parents=True)
    (source / path).write_bytes(b"contents")
    sizes = {path: 8}
    medium.listed = parts.write(str(source), sizes, None, "tf-1", WHOLE, medium.folder)
    assert os.path.getsize(medium.path(1)) == archive.length(sizes) == 512 * (blocks + 1) + 1024
    assert list(medium.read(str(tmp_path / "ours"))) == [path]
    (tmp_path / "theirs").mkdir()
    subprocess.run(["tar", "xf", medium.path(1), "-C", str(tmp_path / "theirs")], check=True)
    assert snapshot(tmp_path / "ours") == snapshot(tmp_path / "theirs") == snapshot(source)


@pytest.mark.parametrize("size", [0, (8 << 30) - 1, 8 << 30, (1 << 40) - 1])
@pytest.mark.parametrize("path", ["wheels/a.whl", LONG["too long for both"][0]])
def test_a_size_beyond_ustar_is_written_as_another_reader_understands_it(size, path):
    header = archive._header(path, size)
    with tarfile.open(fileobj=io.BytesIO(header), mode="r|") as reader:
        found = reader.next()
    assert (found.name, found.size, found.type, found.mode, found.mtime) == (path, size, b"0", 0o644, 0)


def test_a_signature_that_is_added_later_changes_the_last_parts_only(medium, signed, tmp_path):
    medium.send(signed.path, 1000)
    before = medium.listed
    shutil.copytree(signed.path, str(tmp_path / "later"))
    shutil.copy(os.path.join(signed.path, "statement.json.asc"), str(tmp_path / "later" / "statement.json.boss.asc"))
    again = Medium(tmp_path / "again")
    again.send(str(tmp_path / "later"), 1000)
    changed = [part for part in again.listed if again.listed[part] != before.get(part)]
    assert len(before) > 8 and 0 < len(changed) <= 3 and sorted(again.listed)[-len(changed) :] == sorted(changed)


@pytest.mark.parametrize(
    ("said", "size"),
    [
        (1 << 20, 1 << 20),
        ("1048576", 1 << 20),
        ("650MB", 650 * 10**6),
        ("4GiB", 4 << 30),
        ("4095 MiB", 4095 << 20),
        ("2TB", 2 * 10**12),
    ],
)
def test_a_size_is_a_number_or_has_a_unit(said, size):
    assert parts.size_of(said) == size


@pytest.mark.parametrize(
    "said", [0, -1, True, 1.5, "", "x", "1", "1MB", (1 << 20) - 1, "4 gb", "4GiB ", "0x10", "1e9", "\u0664GiB", [], {}]
)
def test_a_size_that_is_none_or_too_small_is_refused(said, refused):
    with refused("FERRY-VAR-002", "ferry_zone.part_size", repr(said)):
        parts.size_of(said)


def test_more_parts_than_there_are_numbers_are_refused_with_the_size_that_fits(signed, refused):
    expected = opening.signed_files(signed.path)
    total = archive.length(files.list_plain(signed.path))
    assert parts.plan(signed.path, expected, "tf-1", -(-total // parts.MOST)) == files.list_plain(signed.path)
    with refused("FERRY-PART-008", "tf-1 takes %d bytes" % total, "9999", str(parts.SMALLEST)):
        parts.plan(signed.path, expected, "tf-1", total // (parts.MOST + 1))


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b"x" * len(data)])
def test_a_file_that_changed_since_it_was_signed_is_not_sent(medium, signed, tmp_path, refused, change):
    shutil.copytree(signed.path, str(tmp_path / "copy"))
    path = tmp_path / "copy" / "wheels" / "tiny-1.0-py3-none-any.whl"
    path.write_bytes(change(path.read_bytes()))
    with refused("FERRY-ZONE-002", str(path), "prepare.yml"):
        medium.send(str(tmp_path / "copy"), 1000)


@pytest.mark.parametrize("more", [-1, 1])
def test_a_file_that_is_read_at_another_size_than_its_header_says_is_not_sent(medium, signed, refused, more):
    """As one is that grows while it is read."""
    expected, sizes = opening.signed_files(signed.path), files.list_plain(signed.path)
    sizes["SHA256SUMS"] += more
    for digests in (expected, None):
        with refused("FERRY-ZONE-002", "SHA256SUMS"):
            parts.write(signed.path, sizes, digests, "tf-1", WHOLE)


def test_memory_stays_bounded_on_both_ways(medium, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "large").write_bytes(b"")
    os.truncate(str(source / "large"), 64 << 20)
    tracemalloc.start()
    try:
        sizes = {"large": 64 << 20}
        medium.listed = parts.write(str(source), sizes, None, "tf-1", 30 << 20, medium.folder)
        medium.read(str(tmp_path / "target"))
        assert tracemalloc.get_traced_memory()[1] < 6 << 20
    finally:
        tracemalloc.stop()


# What may go wrong on the way: the list is the sender's, the parts are not.


@pytest.fixture
def cut(medium, signed):
    """The good bundle in several parts."""
    medium.send(signed.path, 2500)
    assert len(medium.listed) > 4
    return medium


def unchanged(cut, tmp_path, code, refused, *told):
    """The parts are refused with and without a place for them."""
    for target in (None, str(tmp_path / "target")):
        with refused(code, *told):
            cut.read(target)
        shutil.rmtree(str(tmp_path / "target"), ignore_errors=True)


@pytest.mark.fault(1)
def test_a_changed_byte_in_any_part_is_refused_by_its_name(cut, tmp_path, refused, flip):
    for number in range(1, len(cut.listed) + 1):
        for position in (0, os.path.getsize(cut.path(number)) // 2, -1):
            flip(cut.path(number), position)
            unchanged(cut, tmp_path, "FERRY-PART-001", refused, cut.path(number), "suspect the medium")
            flip(cut.path(number), position)
    assert cut.read()


@pytest.mark.fault(2)
@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data[: len(data) // 2], lambda data: b"", lambda data: data + b"\0"]
)
def test_a_part_of_another_length_is_refused_by_its_name(cut, tmp_path, refused, change):
    for number in range(1, len(cut.listed) + 1):
        with open(cut.path(number), "rb") as stream:
            good = stream.read()
        with open(cut.path(number), "wb") as stream:
            stream.write(change(good))
        unchanged(cut, tmp_path, "FERRY-PART-001", refused, cut.path(number), "%d bytes" % len(change(good)))
        with open(cut.path(number), "wb") as stream:
            stream.write(good)


@pytest.mark.fault(3)
def test_swapped_parts_are_named_both(cut, tmp_path, refused):
    for one, other in ((1, 2), (2, 4), (1, len(cut.listed))):
        for _time in range(2):
            os.rename(cut.path(one), cut.path(0))
            os.rename(cut.path(other), cut.path(one))
            os.rename(cut.path(0), cut.path(other))
            if _time == 0:
                told = ("%s holds the bytes of %s" % (cut.path(one), parts.name("tf-1", other)), "swapped")
                unchanged(cut, tmp_path, "FERRY-PART-004", refused, *told)
    assert cut.read()


@pytest.mark.fault(4)
def test_a_missing_part_is_named(cut, tmp_path, refused):
    for number in range(1, len(cut.listed) + 1):
        os.rename(cut.path(number), os.path.join(str(tmp_path), "aside"))
        unchanged(cut, tmp_path, "FERRY-PART-002", refused, "lacks %s:" % parts.name("tf-1", number))
        os.rename(os.path.join(str(tmp_path), "aside"), cut.path(number))
    for number in range(2, 5):
        os.unlink(cut.path(number))
    unchanged(cut, tmp_path, "FERRY-PART-002", refused, ", ".join(parts.name("tf-1", number) for number in (2, 3, 4)))


def test_many_missing_parts_are_counted(medium, signed, refused):
    medium.send(signed.path, 600)
    for number in range(3, len(medium.listed)):
        os.unlink(medium.path(number))
    with refused("FERRY-PART-002", "tf-1.tar.0003", "and %d more" % (len(medium.listed) - 3 - 5)) as told:
        medium.read()
    assert len(told.message) < 500


def test_a_part_that_is_missing_in_the_list_too_is_named(cut, tmp_path, refused):
    for number in (2, 1):
        del cut.listed[parts.name("tf-1", number)]
        unchanged(cut, tmp_path, "FERRY-PART-002", refused, parts.name("tf-1", number))
        os.unlink(cut.path(number))
        unchanged(cut, tmp_path, "FERRY-PART-002", refused, parts.name("tf-1", number))


@pytest.mark.fault(5)
@pytest.mark.parametrize("name", ["tf-1.tar.0099", "tf-1.tar.1", "tf-1.tar.gz", "tf-1.tar.0001.part-77"])
def test_an_extra_part_is_named(cut, tmp_path, refused, name):
    with open(os.path.join(cut.folder, name), "wb"):
        pass
    unchanged(cut, tmp_path, "FERRY-PART-003", refused, os.path.join(cut.folder, name))


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path), os.mkdir])
def test_a_part_that_is_no_plain_file_is_refused_before_it_is_opened(cut, tmp_path, refused, make):
    os.unlink(cut.path(2))
    make(cut.path(2))
    unchanged(cut, tmp_path, "FERRY-BUNDLE-010", refused, cut.path(2))


def test_parts_that_the_disk_cannot_hold_are_refused_before_anything_is_written(cut, tmp_path, refused):
    os.truncate(cut.path(2), 2 * shutil.disk_usage(str(tmp_path)).free)  # sparse
    with refused("FERRY-IO-001", str(tmp_path / "depot")):
        cut.read(str(tmp_path / "depot" / "target"))
    assert not (tmp_path / "depot" / "target").exists()


def test_a_list_names_parts_or_a_folder_and_never_both(refused):
    assert parts.are_listed({"tf-1.tar.0001": "", "tf-1.tar.0002": ""}, "tf-1") is True
    assert parts.are_listed({"manifest.json": "", "wheels/tf-1.tar.0001": ""}, "tf-1") is False
    for names in (["tf-1.tar.0001", "manifest.json"], ["tf-1.tar.0001", "tf-2.tar.0002"], ["tf-2.tar.0001"]):
        with refused("FERRY-PART-005", names[-1]):
            parts.are_listed(dict.fromkeys(names, ""), "tf-1")


# What somebody can do who writes parts and list anew: the reader takes nothing that we do not write.


def member(path, data=b"data", **changes):
    """A member as we write it, but for the fields that are changed; its checksum is right again."""
    block = bytearray(archive._header(path if files.is_safe_path(path) else "safe", len(data)))
    if not files.is_safe_path(path):
        changes["name"] = path
    places = {
        "name": (0, 100),
        "mode": (100, 8),
        "uid": (108, 8),
        "gid": (116, 8),
        "size": (124, 12),
        "mtime": (136, 12),
    }
    places.update(kind=(156, 1), link=(157, 100), magic=(257, 8), uname=(265, 32), major=(329, 8), prefix=(345, 155))
    places["slack"] = (500, 12)
    for field, value in changes.items():
        start, length = places[field]
        data_of = value if isinstance(value, bytes) else value.encode("utf-8")
        block[start : start + length] = data_of.ljust(length, b"\0")[:length]
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data + bytes(-len(data) % 512)


def pax(records, path="wheels/a.whl", kind=b"x", data=b"data"):
    """A member behind a pax header with these records."""
    return member("././@PaxHeader", records, name="././@PaxHeader", kind=kind) + member(path, data)


END = bytes(1024)
GOOD = [member("manifest.json"), member("wheels/a.whl"), member("statement.json.asc")]
ODD = {
    "a symbolic link": [member("a", b"", kind=b"2", link="/etc/passwd")],
    "a hard link": [member("a", b"", kind=b"1", link="manifest.json")],
    "a character device": [member("a", b"", kind=b"3")],
    "a block device": [member("a", b"", kind=b"4")],
    "a folder": [member("a", b"", kind=b"5")],
    "a FIFO": [member("a", b"", kind=b"6")],
    "a contiguous file": [member("a", kind=b"7")],
    "an old plain file": [member("a", kind=b"\0")],
    "a GNU long name": [member("././@LongLink", b"wheels/a.whl\0", name="././@LongLink", kind=b"L"), member("b")],
    "a GNU sparse file": [member("a", kind=b"S")],
    "a GNU magic": [member("a", magic=b"ustar  \0")],
    "set-uid": [member("a", mode=b"0004755\0")],
    "executable": [member("a", mode=b"0000755\0")],
    "an owner": [member("a", uid=b"0001750\0")],
    "a group": [member("a", gid=b"0001750\0")],
    "an owner's name": [member("a", uname=b"root")],
    "a time": [member("a", mtime=b"00000000001\0")],
    "a device number": [member("a", major=b"\0")],
    "something in the slack": [member("a", slack=b"x")],
    "a link's name without a link": [member("a", link="x")],
    "bytes after the name": [member("a", name=b"a\0x")],
    "a size with spaces": [member("a", size=b"          4 \0")],
    "a size in base 256": [member("a", size=b"\x80" + bytes(10) + b"\x04")],
    "a negative size": [member("a", size=b"\xff" * 12)],
    "a prefix that is not needed": [member("p/a", name=b"a", prefix=b"p")],
    "a size that is too small": [member("a", b"data", size=b"%011o\0" % 3)],
    "a size that is too large": [member("a", b"data", size=b"%011o\0" % 99999)],
    "a size in a pax header that is not needed": [pax(b"10 size=4\n")],
    "a name in a pax header that is not needed": [pax(b"21 path=wheels/a.whl\n")],
    "a comment in a pax header": [pax(b"13 comment=x\n")],
    "an empty pax header": [pax(b"")],
    "a size of another member in a pax header": [pax(b"21 size=109951162777\n")],
    "a length in a pax header that lies": [pax(b"99 path=" + b"n" * 150 + b"\n", path="n" * 100)],
    "a pax header of many blocks": [pax(b"1030 path=" + b"n" * 1019 + b"\n")],
    "a pax header for all": [pax(b"13 comment=x\n", kind=b"g")],
    "a name twice": [member("a"), member("a")],
    "another order": [member("b"), member("a")],
    "a signature before the rest": [member("statement.json.asc"), member("manifest.json")],
    "names that differ in case": [member("A"), member("a")],
    "folders that differ in case": [member("Wheels/b"), member("wheels/a")],
    "a file and a folder": [member("a"), member("a/b")],
    "a file and a folder in another case": [member("A"), member("a/b")],
    "bytes after a file": [member("a")[:-1] + b"x"],
    "a broken checksum": [member("a")[:148] + b"000000\0 " + member("a")[156:]],
    "no name": [member("", name=b"")],
    "noise": [bytes(range(256)) * 2],
}
ODD.update(
    ("the name %r" % name, [member(name)])
    for name in (
        "../a", "a/../b", "/etc/passwd", "C:/a", "//server/share", "a\\b", "..", ".", "a/", "a//b", "./a", "CON", "aux.txt",
        "a.", "a ", "a:stream", "caf\u00e9", "a\nb", "a*", ".hidden", "-rf",
    )
)  # fmt: skip
ENDS = {
    "no end": b"",
    "half an end": bytes(512),
    "a longer end": bytes(1536),
    "a record full of end": bytes(10240),
    "an end in the middle": END + member("b") + END,
    "something after the end": END + b"x",
    "half a block": END[:1000],
}


def test_what_the_odd_ones_are_made_of_is_taken(medium, tmp_path):
    """Else they would be refused for another reason."""
    medium.forge(b"".join(GOOD) + END)
    expected = dict.fromkeys(("manifest.json", "wheels/a.whl", "statement.json.asc"), files.sha256_bytes(b"data"))
    assert medium.read(str(tmp_path / "target")) == expected


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_archive_that_we_do_not_write_is_refused(medium, tmp_path, refused, odd):
    for data in (b"".join(odd) + END, b"".join(odd) + GOOD[1] + END):
        for part_size in (WHOLE, 512, 700):
            medium.forge(data, part_size)
            (tmp_path / "outside").mkdir()
            with refused("FERRY-PART-006", "tf-1.tar.000"):
                medium.read(str(tmp_path / "outside" / "depot" / "target"))
            assert [name for name in os.listdir(str(tmp_path / "outside")) if name != "depot"] == []
            shutil.rmtree(str(tmp_path / "outside"))


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_an_archive_that_ends_otherwise_is_refused(medium, refused, end):
    medium.forge(b"".join(GOOD) + end, 700)
    with refused("FERRY-PART-006", "end"):
        medium.read()


@pytest.mark.parametrize("sizes", [(2000, 1500), (1000, 500), (500, 1000), (1, 2000)], ids=str)
def test_parts_that_are_cut_in_another_way_are_refused(medium, refused, sizes):
    data = b"".join(GOOD) + END
    medium.forge(data, 10**4)
    os.unlink(medium.path(1))
    medium.listed = {}
    for number, start in enumerate((0, sizes[0], sum(sizes)), 1):
        piece = data[start : (sizes[0], sum(sizes), None)[number - 1]]
        with open(medium.path(number), "wb") as stream:
            stream.write(piece)
        medium.listed[parts.name("tf-1", number)] = files.sha256_bytes(piece)
    with refused("FERRY-PART-006", "one size"):
        medium.read()


def test_an_empty_part_at_the_end_is_refused(medium, refused):
    data = b"".join(GOOD) + END
    medium.forge(data, 512)
    number = len(medium.listed) + 1
    with open(medium.path(number), "wb"):
        pass
    medium.listed[parts.name("tf-1", number)] = files.sha256_bytes(b"")
    with refused("FERRY-PART-006", "one size"):
        medium.read()


@pytest.mark.parametrize(
    "names", [["f%d" % number for number in range(6)], ["a/a/a/f", "b/b/f"]], ids=["files", "folders"]
)
def test_more_files_and_folders_than_a_bundle_needs_are_refused_by_both_sides(
    medium, refused, monkeypatch, tmp_path, names
):
    monkeypatch.setattr(archive, "MOST_NAMES", 5)
    medium.forge(b"".join(member(name) for name in names) + END)
    with refused("FERRY-PART-006", "at most 5 files and folders"):
        medium.read()
    with refused("FERRY-PART-009", "tf-1", "at most 5 files and folders", "unset ferry_zone.part_size"):
        parts.plan(str(tmp_path), names, "tf-1", WHOLE)


def test_a_name_that_is_deeper_than_any_in_a_bundle_is_refused_by_both_sides(medium, refused, tmp_path):
    medium.forge(member("a/b/c/d") + END)
    assert list(medium.read()) == ["a/b/c/d"]
    medium.forge(member("a/b/c/d/e") + END)
    with refused("FERRY-PART-006", "at most 4 steps", "a/b/c/d/e"):
        medium.read()
    with refused("FERRY-PART-009", "tf-1", "at most 4 steps", "a/b/c/d/e"):
        parts.plan(str(tmp_path), ["a/b/c/d/e"], "tf-1", WHOLE)


def test_many_names_cost_neither_memory_nor_folders_without_end(medium, refused, tmp_path):
    """Nothing is signed yet that would speak for them."""
    names = ("%07d/%s/f" % (number, "a/" * 20 + "a") for number in range(40_000))
    medium.forge(b"".join(archive._header(name, 0) for name in names) + END)
    tracemalloc.start()
    try:
        with refused("FERRY-PART-006"):
            medium.read(str(tmp_path / "depot" / "target"))
        assert tracemalloc.get_traced_memory()[1] < 6 << 20
    finally:
        tracemalloc.stop()
    assert len(list((tmp_path / "depot").rglob("*"))) < 10


def test_a_flipped_bit_anywhere_under_a_list_that_fits_is_refused_or_read_as_another_file(medium, stream, signed):
    """Then its hash or its place is another, which the signature tells."""
    expected, answers = opening.signed_files(signed.path), types.SimpleNamespace(refused=0, other=0)
    header = stream.index(b"manifest.json\0")
    for position in {
        *range(header, header + 512),
        *range(0, len(stream), 13),
        *range(len(stream) - 1024, len(stream), 5),
    }:
        data = bytearray(stream)
        data[position] ^= 1 << position % 8
        medium.forge(bytes(data))
        try:
            assert medium.read() != expected, position
            answers.other += 1
        except FerryError as error:
            assert error.code == "FERRY-PART-006", str(error)
            answers.refused += 1
    assert answers.refused > 500 and answers.other > 100


def test_noise_in_place_of_any_block_ends_in_a_code(medium, stream, signed):
    chance, expected = random.Random(5), opening.signed_files(signed.path)
    blocks = [stream[start : start + 512] for start in range(0, len(stream), 512)]
    for _time in range(400):
        shuffled = list(blocks)
        for _change in range(chance.randint(1, 3)):
            place, other = chance.randrange(len(shuffled)), chance.choice(blocks)
            act = chance.randrange(4)
            if act == 0:
                shuffled[place] = other
            elif act == 1:
                shuffled.insert(place, other)
            elif act == 2:
                del shuffled[place]
            else:
                shuffled[place] = bytes(chance.getrandbits(8) for _byte in range(512))
        if shuffled == blocks:
            continue
        medium.forge(b"".join(shuffled), chance.choice([512, 1000, WHOLE]))
        try:
            assert medium.read() != expected
        except FerryError as error:
            assert error.code == "FERRY-PART-006", str(error)
