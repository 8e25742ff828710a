# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain files: what is no plain file is refused by name, and what is written is whole or not there."""

from __future__ import annotations

import os
import socket

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import files


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "bundle"
    (made / "wheels").mkdir(parents=True)
    (made / "wheels" / "a.whl").write_bytes(b"abc")
    (made / "manifest.json").write_bytes(b"{}")
    return made


def test_plain_files_are_listed_with_their_sizes(folder):
    assert files.list_plain(str(folder)) == {"manifest.json": 2, "wheels/a.whl": 3}


def link_symbolically(folder):
    (folder / "wheels" / "odd").symlink_to("a.whl")
    return "wheels/odd: ", "a symbolic link"


def link_to_a_folder(folder):
    (folder / "odd").symlink_to("wheels")
    return "odd: ", "a symbolic link"


def link_to_nowhere(folder):
    (folder / "odd").symlink_to("/nowhere/at/all")
    return "odd: ", "a symbolic link"


def link_hard(folder):
    os.link(str(folder / "wheels" / "a.whl"), str(folder / "wheels" / "odd"))
    return "wheels/", "a hard link"


def link_hard_from_outside(folder):
    os.link(str(folder / "manifest.json"), str(folder.parent / "outside"))
    return "manifest.json: ", "a hard link"


def make_fifo(folder):
    os.mkfifo(str(folder / "odd"))
    return "odd: ", "a device, FIFO or socket"


def make_socket(folder):
    with socket.socket(socket.AF_UNIX) as made:
        here = os.open(".", os.O_RDONLY)
        os.chdir(str(folder))  # a socket's path must be short
        try:
            made.bind("odd")
        finally:
            os.fchdir(here)
            os.close(here)
    return "odd: ", "a device, FIFO or socket"


def set_uid(folder):
    os.chmod(str(folder / "manifest.json"), 0o4755)
    return "manifest.json: ", "a set-uid or set-gid file"


def set_gid(folder):
    os.chmod(str(folder / "manifest.json"), 0o2755)
    return "manifest.json: ", "a set-uid or set-gid file"


def differ_in_case(folder):
    (folder / "Manifest.JSON").write_bytes(b"")
    return "only in case", "differs from"


def differ_in_the_case_of_a_folder(folder):
    (folder / "Wheels").mkdir()
    return "only in case", "differs from"


@pytest.mark.parametrize(
    "spoil",
    [
        link_symbolically,
        link_to_a_folder,
        link_to_nowhere,
        link_hard,
        link_hard_from_outside,
        make_fifo,
        make_socket,
        set_uid,
        set_gid,
        differ_in_case,
        differ_in_the_case_of_a_folder,
    ],
)
def test_what_is_no_plain_file_is_refused_by_name(refused, folder, spoil):
    told = spoil(folder)
    with refused("FERRY-BUNDLE-010", *told):
        files.list_plain(str(folder))


UNSAFE = [
    b"trailing.",
    b"trailing ",
    b"CON",
    b"con.whl",
    b"Aux",
    b"nul.tar.gz",
    b"COM1",
    b"lpt9.txt",
    b"back\\slash",
    b"stream:hidden",
    b"latin\xff",
    b"caf\xc3\xa9",
    b"line\nfeed",
    b"escape\x1b[31m",
    b".hidden",
    b"-option",
    b"a b",
    b"star*",
    b"quote'",
    b"n" * 201,
]


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_name_is_refused_by_name(refused, folder, name):
    with open(os.path.join(os.fsencode(str(folder)), name), "wb"):
        pass
    with refused("FERRY-BUNDLE-010", "an unsafe name", str(folder)) as caught:
        files.list_plain(str(folder))
    assert caught.message.isprintable(), "a name may not carry control characters to the operator's terminal"


def test_a_path_that_windows_could_not_hold_is_refused(refused, folder):
    deep = folder.joinpath(*["d" * 60] * 4)
    deep.mkdir(parents=True)
    with refused("FERRY-BUNDLE-010", "an unsafe name"):
        files.list_plain(str(folder))


def test_a_bundle_that_is_itself_a_link_is_refused(refused, folder):
    link = folder.parent / "link"
    link.symlink_to(folder)
    with refused("FERRY-BUNDLE-010", "a symbolic link"):
        files.list_plain(str(link))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a//b",
        "a/",
        "/a",
        "./a",
        "C:/x",
        "//host/share",
        "a\x00b",
        "a\n",
        "a/.hidden/b",
        "a/con/b",
        "d/" * 119 + "name",
    ],
)
def test_a_path_that_leads_elsewhere_is_not_safe(path):
    assert not files.is_safe_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "wheels/x-1.0+cpu-py3-none-any.whl",
        "wheels/e-1!2.0-py3-none-any.whl",
        "_a/b~c",
        "console",
        "com10",
        "n" * 200,
    ],
)
def test_the_names_that_wheels_have_are_safe(path):
    assert files.is_safe_path(path)


def test_a_digest_is_the_same_of_bytes_and_file(tmp_path):
    data = b"x" * (files.CHUNK + 3)
    (tmp_path / "big").write_bytes(data)
    assert files.sha256_file(str(tmp_path / "big")) == files.sha256_bytes(data)


def test_reading_is_bounded(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * 1000)
    assert files.read_limited(str(tmp_path / "big"), 10) == b"x" * 11


def test_a_durable_write_replaces_and_sets_the_mode(tmp_path):
    target = tmp_path / "f"
    target.write_bytes(b"old")
    files.write_durably(str(target), b"new", 0o600)
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600
    assert os.listdir(str(tmp_path)) == ["f"]


def test_a_full_disk_leaves_the_old_file_and_nothing_half_made(refused, tmp_path, full_disk, snapshot):
    target = tmp_path / "f"
    target.write_bytes(b"old")
    before = snapshot(tmp_path)
    full_disk(files, 1)
    with refused("FERRY-IO-001"):
        files.write_durably(str(target), b"new")
    assert snapshot(tmp_path) == before


def test_a_full_disk_is_told_with_the_file_that_did_not_fit(refused, tmp_path, full_disk):
    full_disk(files, 1)
    with refused("FERRY-IO-001", str(tmp_path / "f")):
        files.write_durably(str(tmp_path / "f"), b"new")


def test_a_kill_at_any_point_leaves_the_old_file_or_the_new_one(tmp_path, killed_at):
    target = tmp_path / "f"
    target.write_bytes(b"old")
    step = 1
    while killed_at(step, lambda: files.write_durably(str(target), b"new")):
        assert target.read_bytes() in (b"old", b"new")
        step += 1
    assert step > 2
    assert target.read_bytes() == b"new"


def test_a_copy_never_replaces_and_tells_what_was_written(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert files.copy_hashed(str(tmp_path / "a"), str(tmp_path / "b"), 3) == files.sha256_bytes(b"abc")
    with pytest.raises(FileExistsError):
        files.copy_hashed(str(tmp_path / "a"), str(tmp_path / "b"), 3)


def test_a_copy_takes_no_more_than_was_there_and_follows_no_link(tmp_path, refused):
    (tmp_path / "a").write_bytes(b"abcdef")
    assert files.copy_hashed(str(tmp_path / "a"), str(tmp_path / "b"), 3) == files.sha256_bytes(b"abc")
    assert (tmp_path / "b").read_bytes() == b"abc"
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with refused("FERRY-IO-002", "link"):
        files.copy_hashed(str(tmp_path / "link"), str(tmp_path / "c"), 3)
    assert not (tmp_path / "c").exists()


def test_a_link_falls_back_to_a_copy(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"abc")
    files.link_or_copy(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").stat().st_ino == (tmp_path / "a").stat().st_ino

    def refuse(_source, _target):
        raise OSError("no links here")

    monkeypatch.setattr(files.os, "link", refuse)
    files.link_or_copy(str(tmp_path / "a"), str(tmp_path / "c"))
    assert (tmp_path / "c").read_bytes() == b"abc"
    assert (tmp_path / "c").stat().st_ino != (tmp_path / "a").stat().st_ino
