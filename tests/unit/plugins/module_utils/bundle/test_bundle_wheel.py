# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way to play with a wheel, made for real, is refused by its code and its member; sound wheels pass."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import struct
import tracemalloc
import zipfile

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import wheel

INFO = "tiny-1.0.dist-info/"


def row(name, data):
    return "%s,sha256=%s,%d\n" % (
        name,
        base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode(),
        len(data),
    )


@pytest.fixture
def make(tmp_path):
    """Write tiny-1.0 with these members besides its own: ``[(name, data)]`` or ``[(name, data, mode)]``; RECORD is true unless given."""

    def write(
        *more,
        record=None,
        metadata=b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        file="tiny-1.0-py3-none-any.whl",
        info=INFO,
    ):
        members = [("tiny/__init__.py", b"one = 1\n" * 50), (info + "METADATA", metadata), *more]
        text = (
            "".join(row(name, data) for name, data, *_mode in members if not name.endswith("/")) + info + "RECORD,,\n"
        )
        members.append((info + "RECORD", (text if record is None else record(text)).encode()))
        path = str(tmp_path / file)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data, *mode in members:
                information = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
                information.external_attr = (mode[0] if mode else stat.S_IFREG | 0o644) << 16
                archive.writestr(information, data, zipfile.ZIP_DEFLATED)
        return path

    return write


def patched(path, old, new, count):
    """Replace bytes of the same length in the archive, in as many places as there must be."""
    with open(path, "rb") as stream:
        data = stream.read()
    assert len(old) == len(new) and data.count(old) == count, data.count(old)
    with open(path, "wb") as stream:
        stream.write(data.replace(old, new))
    return path


def test_sound_wheels_pass(make, make_wheel, tmp_path):
    wheel.check(make())
    wheel.check(make(("tiny/data/", b""), ("tiny/d\u00e4ta (1).txt", b"x"), ("tiny/empty", b"")))
    wheel.check(make_wheel(tmp_path / "more", "other", scripts={"tool": b"#!python\n"}))
    # As indexes have them: other spellings of one name and version.
    wheel.check(make(metadata=b"Metadata-Version: 2.1\r\nName: TINY\r\nVersion: 1.0\r\n\r\nName: another\r\n"))


@pytest.mark.fault(18)
@pytest.mark.fault(19)
@pytest.mark.fault(28)
@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("member", "found"),
    [
        ("../evil.py", "leads elsewhere"),
        ("tiny/../../evil.py", "leads elsewhere"),
        ("/etc/cron.d/evil", "leads elsewhere"),
        ("tiny//evil.py", "leads elsewhere"),
        ("C:/evil.py", "no file name has"),
        ("tiny/evil.py:stream", "no file name has"),
        ("tiny/CON", "leads elsewhere"),
        ("tiny/nul.txt", "leads elsewhere"),
        ("tiny/nul .txt", "leads elsewhere"),
        ("tiny/CONIN$", "leads elsewhere"),
        ("tiny/conout$.txt", "leads elsewhere"),
        ("tiny/COM\u00b9", "leads elsewhere"),
        ("tiny/lpt\u00b3.py", "leads elsewhere"),
        ("tiny/evil.", "leads elsewhere"),
        ("tiny/evil ", "leads elsewhere"),
        ("tiny/line\nbreak", "no file name has"),
        ("tiny/" + "x" * 400, "405 characters"),
        ("TINY/__init__.py", "only in case"),
    ],
)
def test_a_member_that_would_leave_its_place_is_refused(make, refused, member, found):
    with refused("FERRY-WHEEL-002", "tiny-1.0-py3-none-any.whl", found):
        wheel.check(make((member, b"x")))


@pytest.mark.fault(20)
@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("bytes_", "found"),
    [
        (b"tiny\\evil", "no file name has on every system"),
        (b"tiny/\0evi", "a backslash or a NUL"),
        (b"tiny/\xe4vil", "not UTF-8"),
    ],
)
def test_a_name_that_readers_take_in_different_ways_is_refused(make, refused, bytes_, found):
    with refused("FERRY-WHEEL-002", found):
        wheel.check(patched(make(("tiny/.evi", b"x")), b"tiny/.evi", bytes_, 2))


@pytest.mark.fault(21)
@pytest.mark.fault(23)
@pytest.mark.fault(24)
@pytest.mark.parametrize(
    "mode",
    [stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o644, stat.S_IFCHR | 0o644, stat.S_IFREG | 0o4755, stat.S_IFREG | 0o2755],
)
def test_a_member_that_is_no_plain_file_is_refused(make, refused, mode):
    with refused("FERRY-WHEEL-002", "tiny/evil", "a link, device, FIFO or set-uid file"):
        wheel.check(make(("tiny/evil", b"/etc/shadow", mode)))


@pytest.mark.fault(27)
@pytest.mark.parametrize("name", ["tiny/__init__.py", "a", "\u00e4"])
def test_a_member_twice_is_refused(make, refused, name):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = make((name, b"one = 1\n"), (name, b"two = 2\n"))
    with refused("FERRY-WHEEL-002", name.encode("unicode_escape").decode(), "the name twice"):
        wheel.check(path)


@pytest.mark.fault(25)
def test_a_bomb_is_refused_by_what_it_says_before_it_is_unpacked(make, refused):
    path = make(("tiny/zeros", b"\0" * (120 << 20)))
    assert os.path.getsize(path) < 200_000
    with refused("FERRY-WHEEL-003", "at most 200 times its size"):
        wheel.check(path)


@pytest.mark.fault(25)
@pytest.mark.fault(26)
def test_a_bomb_that_lies_about_its_size_is_refused_in_bounded_memory(make, refused):
    size = 60 << 20
    path = make(("tiny/zeros", b"\0" * size))
    patched(path, struct.pack("<L", size), struct.pack("<L", 10), 2)
    tracemalloc.start()
    with refused("FERRY-WHEEL-003", "tiny/zeros", "expected 10 bytes, found more"):
        wheel.check(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.fault(26)
def test_a_size_that_is_larger_than_the_data_is_refused(make, refused):
    path = make(("tiny/data", b"\1" * 4_321_077))
    patched(path, struct.pack("<L", 4_321_077), struct.pack("<L", 4_321_078), 2)
    with refused("FERRY-WHEEL-001", "tiny/data", "expected 4321078 bytes with their checksum"):
        wheel.check(path)


def test_two_headers_that_differ_are_refused(make, refused):
    """One reader goes by the directory at the end, another by the header before the data."""
    path = make(("tiny/goodname.py", b"x = 1\n"))
    with open(path, "rb") as stream:
        data = stream.read()
    first = data.index(b"tiny/goodname.py")
    with open(path, "wb") as stream:
        stream.write(data[:first] + b"tiny/evilname.py" + data[first + 16 :])
    with refused("FERRY-WHEEL-001", "tiny/goodname.py", "found two that differ"):
        wheel.check(path)


@pytest.mark.parametrize("room", [True, False])
def test_data_behind_the_end_of_a_member_is_refused(make, refused, room):
    """Seven bytes that no unpacking shows: of the member's own, or of what follows it."""
    path = make()
    with zipfile.ZipFile(path) as archive:
        last = archive.getinfo(INFO + "RECORD")
        directory = archive.start_dir
    with open(path, "rb") as stream:
        data = bytearray(stream.read())
    longer = struct.pack("<L", last.compress_size + 7)
    for at in (last.header_offset + 18, data.rindex(b"PK\x01\x02") + 20):
        data[at : at + 4] = longer
    if room:
        data[directory:directory] = b"hidden!"
        end = data.rindex(b"PK\x05\x06")
        data[end + 16 : end + 20] = struct.pack("<L", directory + 7)
    with open(path, "wb") as stream:
        stream.write(data)
    with refused("FERRY-WHEEL-001", INFO + "RECORD", "their checksum" if room else "an overlap"):
        wheel.check(path)


@pytest.mark.parametrize("flag", [0x1, 0x20, 0x40, 0x2000])
def test_encryption_and_what_no_reader_here_knows_are_refused(make, refused, flag):
    path = make()
    with open(path, "rb") as stream:
        data = bytearray(stream.read())
    for at in (6, data.index(b"PK\x01\x02") + 8):
        data[at : at + 2] = struct.pack("<H", flag)
    with open(path, "wb") as stream:
        stream.write(data)
    with refused("FERRY-WHEEL-001", "tiny/__init__.py", "another method or encryption"):
        wheel.check(path)


@pytest.mark.parametrize("part", ["begin", "middle", "end"])
def test_a_truncated_or_empty_archive_is_refused(make, refused, part):
    path = make()
    size = os.path.getsize(path)
    with open(path, "r+b") as stream:
        stream.truncate({"begin": 0, "middle": size // 2, "end": size - 1}[part])
    with refused("FERRY-WHEEL-001", path):
        wheel.check(path)


def test_one_flipped_bit_anywhere_is_refused_or_changes_nothing_that_is_unpacked(make, refused):
    """Bits of dates, of made-by versions and the like mean nothing; everything else is held by a check."""
    from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError

    path = make(("tiny/more.py", b"two = 2\n" * 20))
    with open(path, "rb") as stream:
        good = stream.read()
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    caught = 0
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 1 << position % 8
        with open(path, "wb") as stream:
            stream.write(bad)
        try:
            wheel.check(path)
        except FerryError as error:
            assert error.code.startswith("FERRY-WHEEL-"), error
            caught += 1
            continue
        with zipfile.ZipFile(path) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == contents, position
    assert caught > len(good) * 0.6


@pytest.mark.fault(32)
@pytest.mark.fault(33)
@pytest.mark.parametrize(
    ("record", "words"),
    [
        (
            lambda text: text.replace("tiny/__init__.py,sha256=", "tiny/__init__.py,sha256=A"),
            "tiny/__init__.py: expected sha256=A",
        ),
        (
            lambda text: text.replace(text.split("\n")[0] + "\n", ""),
            "tiny/__init__.py: expected a line of RECORD, found none",
        ),
        (
            lambda text: text + "tiny/gone.py,sha256=x,1\n",
            "tiny/gone.py: expected a file that RECORD names, found none",
        ),
        (lambda text: text + text.split("\n")[0] + "\n", "tiny/__init__.py: expected one line of RECORD, found two"),
        (lambda text: text.replace("sha256=", "md5="), ": expected md5="),
        (lambda text: "", "expected a line of RECORD, found none"),
        (lambda text: '"', ": expected"),
    ],
)
def test_a_record_that_is_not_true_and_whole_is_refused(make, refused, record, words):
    with refused("FERRY-WHEEL-004", words):
        wheel.check(make(record=record))


def test_a_wheel_without_its_papers_is_refused(make, refused, tmp_path):
    for name, code in (("RECORD", "FERRY-WHEEL-004"), ("METADATA", "FERRY-WHEEL-005")):
        path = make()
        with zipfile.ZipFile(path) as archive:
            members = {one: archive.read(one) for one in archive.namelist() if not one.endswith("/" + name)}
        if name == "METADATA":
            rows = members[INFO + "RECORD"].decode().splitlines(True)
            members[INFO + "RECORD"] = "".join(one for one in rows if "METADATA" not in one).encode()
        with zipfile.ZipFile(path, "w") as archive:
            for one, data in members.items():
                archive.writestr(one, data)
        with refused(code, "one " + name):
            wheel.check(path)


@pytest.mark.fault(34)
@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        (b"Name: evil\nVersion: 1.0\n", "found evil"),
        (b"Name: tiny\nVersion: 1.1\n", "found 1.1"),
        (b"Name: tiny\n", "expected Version 1.0, found none"),
        (b"Name: tiny\nVersion: 1.0\nVersion: 2.0\n", "found 1.0, 2.0"),
        # What one reader skips or takes for the end of the head, another reads.
        (b"Name: tiny\nVersion: of all\nVersion: 1.0\n", "found of all, 1.0"),
        (b"Name: tiny\n evil\nVersion: 1.0\n", "Name tiny, found tiny\\n evil"),
        (b"no field\nName: tiny\nVersion: 1.0\n", "expected fields"),
        (b"Name: tiny\rName: evil\nVersion: 1.0\n", "expected fields"),
    ],
)
def test_metadata_of_another_wheel_is_refused(make, refused, metadata, found):
    with refused("FERRY-WHEEL-005", "METADATA", found):
        wheel.check(make(metadata=b"Metadata-Version: 2.1\n" + metadata))


@pytest.mark.fault(34)
@pytest.mark.parametrize(
    "info",
    [
        "tiny_evil-9.9.dist-info/",
        "tiny-1.1.dist-info/",
        "evil-1.0.dist-info/",
        "tiny.dist-info/",
        ".dist-info/",
        "tiny-1.0.Dist-Info/",
    ],
)
def test_a_dist_info_of_another_name_or_version_is_refused(make, refused, info):
    """pip and uv, and everything that lists what is installed, go by the folder's name."""
    with refused("FERRY-WHEEL-005", "expected one folder tiny-1.0.dist-info, found " + info[:-1]):
        wheel.check(make(info=info))


@pytest.mark.parametrize(
    ("member", "found"),
    [
        ("evil-1.0.dist-info/", "found evil-1.0.dist-info, tiny-1.0.dist-info"),
        ("tiny-1.0.DIST-INFO/more", "found tiny-1.0.DIST-INFO, tiny-1.0.dist-info"),
        ("tiny-1.0.data/purelib/evil-1.0.dist-info/METADATA", "found tiny-1.0.data/purelib/evil-1.0.dist-info, "),
        ("tiny-1.0.data/platlib/tiny-1.0.dist-info/METADATA", "found tiny-1.0.data/platlib/tiny-1.0.dist-info, "),
        ("evil-1.0.data/scripts/evil", "expected one folder tiny-1.0.data at most, found evil-1.0.data"),
        ("Tiny-1.0.data/scripts/evil", "expected one folder tiny-1.0.data at most, found Tiny-1.0.data"),
    ],
)
def test_a_second_distribution_within_is_refused(make, refused, member, found):
    with refused("FERRY-WHEEL-005", found):
        wheel.check(make((member, b"")))


def test_a_dist_info_may_spell_the_name_and_the_version_otherwise(make):
    metadata = b"Metadata-Version: 2.1\nName: Tiny.One\nVersion: 2024.2\n"
    wheel.check(make(file="Tiny_One-2024.02-1-py3-none-any.whl", info="tiny_one-2024.2.dist-info/", metadata=metadata))


@pytest.mark.parametrize("version", ["3.9.2", "3.11.7", "3.13.1"])
@pytest.mark.parametrize(
    "place", [("linux", "x86_64", "glibc-2.28"), ("linux", "aarch64", "glibc-2.17"), ("windows", "x86_64", None)]
)
def test_tags_are_judged_as_packaging_does(version, place):
    tags = pytest.importorskip("packaging.tags")
    system, arch, libc = place
    python = tuple(int(part) for part in version.split(".")[:2])
    legacy = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    platforms = ["win_amd64"]
    if system == "linux":
        minors = range(int(libc.rpartition(".")[2]), 4, -1)
        platforms = ["manylinux_2_%d_%s" % (minor, arch) for minor in minors]
        platforms += ["%s_%s" % (legacy[minor], arch) for minor in minors if minor in legacy] + ["linux_" + arch]
    accepted = {str(tag) for tag in tags.cpython_tags(python, platforms=platforms)}
    accepted |= {str(tag) for tag in tags.compatible_tags(python, "cp%d%d" % python, platforms)}
    profile = {"os": system, "arch": arch, "libc": libc, "python": version}
    pythons = ["py2", "py3", "py39", "py311", "py313", "cp39", "cp311", "cp313", "cp314", "cp37", "pp311"]
    abis = ["none", "abi3", "cp39", "cp311", "cp313", "cp313t", "cp37m"]
    ends = ["any", "win_amd64", "win32", "linux_x86_64", "linux_aarch64", "macosx_11_0_arm64", "musllinux_1_1_x86_64"]
    ends += ["%s_%s" % (name, arch_) for name in ("manylinux1", "manylinux2014") for arch_ in ("x86_64", "aarch64")]
    ends += ["manylinux_2_%d_x86_64" % minor for minor in (5, 17, 27, 28, 31)]
    for tag in ("%s-%s-%s" % (one, abi, end) for one in pythons for abi in abis for end in ends):
        assert wheel.fits("tiny-1.0-%s.whl" % tag, profile) == (tag in accepted), tag
