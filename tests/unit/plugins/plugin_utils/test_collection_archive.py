# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's archive: Galaxy's own choice of files, the same bytes wherever it is made, and nothing that was changed after it was installed."""

from __future__ import annotations

import fnmatch
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.plugin_utils import collection_archive

REPOSITORY = Path(__file__).resolve().parents[4]
GALAXY = """\
namespace: airgap
name: ferry
version: 1.2.3
readme: README.md
authors: [someone]
description: small
license: [GPL-3.0-or-later]
build_ignore: ["*.secret", .cache]
"""
FILES = {
    "README.md": "# Small\n",
    "galaxy.yml": GALAXY,
    "meta/runtime.yml": "---\nrequires_ansible: '>=2.16.0'\n",
    "plugins/modules/one.py": "print(1)\n",
    "plugins/modules/two.py": "print(2)\n",
    "plugins/modules/two.pyc": "compiled",
    ".cache/index": "cache",
    "vault.secret": "secret",
    "tests/run": "#!/bin/sh\n",
}


@pytest.fixture
def checkout(tmp_path):
    """Write a checkout of a small collection, its files in this order, with this umask."""

    def make(name, names=tuple(FILES), umask=0o022):
        root = tmp_path / name
        before = os.umask(umask)
        try:
            for path in names:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(FILES[path])
            (root / "tests" / "run").chmod(0o777 & ~umask)
        finally:
            os.umask(before)
        return root

    return make


@pytest.fixture
def tracked(checkout):
    """The same in git, all of it tracked but what a .gitignore would name."""

    def make(name):
        root = checkout(name)
        git(root, "init", "--quiet")
        git(root, "add", *(path for path in FILES if not path.endswith((".pyc", ".secret", "index"))))
        return root

    return make


@pytest.fixture
def refuses():
    """Packing is refused with these words, in one sentence."""

    def call(root, *told):
        with pytest.raises(FerryError) as caught:
            collection_archive.pack(str(root))
        assert caught.value.code == "FERRY-KIT-003" and caught.value.message.endswith("."), caught.value
        assert caught.value.message.startswith("%s: expected a collection that can be packed, but " % root)
        for words in told:
            assert words in caught.value.message, caught.value.message

    return call


def git(root, *arguments):
    subprocess.run(["git", "-C", str(root), *arguments], check=True)


def leave(root, names, text="an operator's own"):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def galaxy(*arguments):
    """ansible-galaxy collection, of the ansible-core beside this Python."""
    command = [sys.executable, "-m", "ansible", "galaxy", "collection", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def install(archive, folder):
    """Have Galaxy install the archive, offline; where the collection lies then."""
    path = folder.parent / (folder.name + ".tar")
    path.write_bytes(archive)
    galaxy("install", "--offline", "--no-deps", "--collections-path", folder, path)
    return folder / "ansible_collections" / "airgap" / "ferry"


def members(archive):
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as stream:
        return {
            member.name: (member, stream.extractfile(member).read() if member.isfile() else None)
            for member in stream.getmembers()
        }


def test_it_has_what_galaxy_would_pack_and_nothing_of_this_machine(tmp_path, checkout):
    root = checkout("one")
    found = members(collection_archive.pack(str(root)))
    galaxy("build", root, "--output-path", tmp_path / "built")
    with tarfile.open(tmp_path / "built" / "airgap-ferry-1.2.3.tar.gz") as stream:
        assert {member.name for member in stream.getmembers()} == set(found)
    assert not {
        name for name in found if name.startswith((".cache", "galaxy.yml")) or name.endswith((".secret", ".pyc"))
    }
    for name, (member, _data) in found.items():
        assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", ""), name
        assert member.mode == (0o755 if member.isdir() or name == "tests/run" else 0o644), name
    assert list(found)[:2] == ["MANIFEST.json", "FILES.json"] and list(found)[2:] == sorted(list(found)[2:])
    listed = [entry["name"] for entry in json.loads(found["FILES.json"][1])["files"]]
    assert listed == [".", *list(found)[2:]]


def test_the_order_of_a_file_system_its_empty_folders_times_and_umask_make_no_difference(checkout):
    one, two = checkout("one"), checkout("two", reversed(FILES), 0o077)
    (two / "empty" / "folder").mkdir(parents=True)
    os.utime(two / "README.md", (1, 1))
    assert collection_archive.pack(str(one)) == collection_archive.pack(str(two))


def test_another_file_makes_another_archive(checkout):
    root = checkout("one")
    before = collection_archive.pack(str(root))
    (root / "plugins" / "modules" / "one.py").write_text("print(3)\n")
    assert collection_archive.pack(str(root)) != before


def test_galaxy_installs_it_and_from_there_it_is_packed_the_same(tmp_path, checkout):
    first = collection_archive.pack(str(checkout("one")))
    installed = install(first, tmp_path / "here")
    assert (installed / "plugins" / "modules" / "one.py").read_text() == "print(1)\n"
    assert os.access(installed / "tests" / "run", os.X_OK)
    (installed / "plugins" / "modules" / "one.pyc").write_text("compiled since")
    assert collection_archive.pack(str(installed)) == first


def test_it_is_the_same_from_what_galaxy_itself_built_and_installed(tmp_path, checkout):
    root = checkout("one")
    galaxy("build", root, "--output-path", tmp_path / "built")
    built = (tmp_path / "built" / "airgap-ferry-1.2.3.tar.gz").read_bytes()
    assert collection_archive.pack(str(install(built, tmp_path / "there"))) == collection_archive.pack(str(root))


def _change(root):
    (root / "plugins" / "modules" / "one.py").write_text("print('changed')\n")


def _remove(root):
    (root / "plugins" / "modules" / "one.py").unlink()


def _change_listing(root):
    (root / "FILES.json").write_text((root / "FILES.json").read_text().replace("one.py", "two.py"))


def _shape(root):
    (root / "MANIFEST.json").write_text(json.dumps({"collection_info": {}}))


def _no_json(root):
    (root / "MANIFEST.json").write_text("{")


@pytest.mark.parametrize(
    "fault, told",
    [
        (_change, "plugins/modules/one.py was changed after it was installed"),
        (_remove, "plugins/modules/one.py cannot be read (No such file"),
        (_change_listing, "FILES.json was changed after it was installed"),
        (_shape, "is not as Galaxy writes it"),
        (_no_json, "MANIFEST.json is no JSON object"),
    ],
)
def test_an_installed_collection_that_was_changed_is_refused_by_name(tmp_path, checkout, fault, told):
    installed = install(collection_archive.pack(str(checkout("one"))), tmp_path / "here")
    fault(installed)
    with pytest.raises(FerryError, match="install the collection again") as caught:
        collection_archive.pack(str(installed))
    assert caught.value.code == "FERRY-KIT-003" and told in caught.value.message


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "plugins/../../outside", "a\0b"])
def test_a_listing_cannot_reach_out_of_the_collection(tmp_path, checkout, name):
    installed = install(collection_archive.pack(str(checkout("one"))), tmp_path / "here")
    (installed.parent / "outside").write_text("outside")
    listing = json.dumps({"files": [{"name": name, "ftype": "file", "chksum_sha256": "0" * 64}]}).encode()
    manifest = json.loads((installed / "MANIFEST.json").read_text())
    manifest["file_manifest_file"]["chksum_sha256"] = collection_archive.files.sha256_bytes(listing)
    (installed / "FILES.json").write_bytes(listing)
    (installed / "MANIFEST.json").write_text(json.dumps(manifest))
    with pytest.raises(FerryError, match="cannot be read") as caught:
        collection_archive.pack(str(installed))
    assert caught.value.code == "FERRY-KIT-003" and "\n" not in caught.value.message


def test_a_checkout_that_galaxy_refuses_is_refused_with_its_reason(checkout):
    root = checkout("one")
    (root / "galaxy.yml").write_text("namespace: airgap\n")
    with pytest.raises(FerryError, match="ansible-galaxy could not build it") as caught:
        collection_archive.pack(str(root))
    assert caught.value.code == "FERRY-KIT-003" and "name" in caught.value.message


# Whose files are packed


def test_of_a_checkout_only_what_git_tracks_is_packed_so_two_builders_get_the_same(tracked):
    clean, used = tracked("clean"), tracked("used")
    leave(used, ["inventories/prod/group_vars/all.yml", ".idea/workspace.xml", "notes.txt", "docs/private.md"])
    leave(used, ["plugins/modules/mine.py", "tests/.hypothesis/x", "inventories/local/vault.yml"])
    assert collection_archive.pack(str(used)) == collection_archive.pack(str(clean))


def test_a_tracked_file_is_packed_as_it_is_now_and_one_that_was_removed_is_not(tracked):
    root = tracked("one")
    (root / "plugins" / "modules" / "one.py").write_text("print('changed')\n")
    (root / "plugins" / "modules" / "two.py").unlink()
    found = members(collection_archive.pack(str(root)))
    assert found["plugins/modules/one.py"][1] == b"print('changed')\n" and "plugins/modules/two.py" not in found


def test_without_git_what_lies_beside_the_collections_own_folders_stays_at_home(checkout, tracked):
    root = checkout("one")
    leave(root, ["inventories/prod/group_vars/all.yml", "inventories/hosts.yml", ".idea/workspace.xml", "notes.txt"])
    assert collection_archive.pack(str(root)) == collection_archive.pack(str(tracked("two")))


def test_in_a_repository_of_something_else_only_what_that_tracks_counts_if_it_tracks_the_collection(tmp_path, checkout):
    alone = collection_archive.pack(str(checkout("alone")))
    root = checkout("fleet/collections/ferry")
    leave(root, ["notes.txt"])
    git(tmp_path / "fleet", "init", "--quiet")
    assert collection_archive.pack(str(root)) == alone
    git(root, "add", "notes.txt")
    assert collection_archive.pack(str(root)) == alone
    git(root, "rm", "--quiet", "--cached", "notes.txt")
    git(root, "add", *FILES)
    leave(root, ["docs/private.md"])
    assert collection_archive.pack(str(root)) == alone


def test_where_git_cannot_say_nothing_is_packed(tmp_path, tracked, refuses, monkeypatch):
    root = tracked("one")
    before = collection_archive.pack(str(root))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert collection_archive.pack(str(root)) == before
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    refuses(root, "git could not list its files (git: No such file", "install it")
    monkeypatch.undo()
    shutil.rmtree(root / ".git")
    (root / ".git").write_text("gitdir: nowhere\n")
    refuses(root, "git could not list its files (fatal: ")


def _link(target):
    return lambda place: place.symlink_to(target)


@pytest.mark.parametrize("name", ["docs/odd", "plugins/modules/odd.py"])
@pytest.mark.parametrize(
    "make",
    [_link("/nonexistent"), _link("/etc"), _link("/etc/hostname"), _link("../README.md"), _link("../meta"), os.mkfifo],
    ids=["to nothing", "to a folder outside", "to a file outside", "to a file inside", "to a folder inside", "a FIFO"],
)
def test_a_link_among_the_files_is_refused_by_name(checkout, tracked, refuses, name, make):
    for root in (checkout("plain"), tracked("git")):
        (root / "docs").mkdir()
        if make is os.mkfifo:  # git tracks none
            leave(root, [name])
        else:
            make(root / name)
        if root.name == "git":
            git(root, "add", name)
        if make is os.mkfifo:
            (root / name).unlink()
            make(root / name)
        refuses(root, name + " is a link, lies behind one or is no plain file; put the file itself there")


def test_a_folder_that_is_a_link_to_elsewhere_is_refused(tmp_path, checkout, tracked, refuses):
    for root in (checkout("plain"), tracked("git")):
        (root / "plugins").rename(tmp_path / (root.name + "-elsewhere"))
        (root / "plugins").symlink_to(tmp_path / (root.name + "-elsewhere"))
        refuses(root, "plugins/modules/one.py is a link")


def test_a_link_that_is_not_packed_does_no_harm(tracked):
    root = tracked("one")
    before = collection_archive.pack(str(root))
    (root / ".cache" / "self").symlink_to("..")
    git(root, "add", ".cache/self")
    (root / "docs").mkdir()
    (root / "docs" / "zh").symlink_to("/etc")
    assert collection_archive.pack(str(root)) == before


def test_a_folder_that_cannot_be_listed_is_never_left_out_in_silence(checkout, monkeypatch):
    root = checkout("one")

    def scandir(path):
        if str(path).endswith("/modules"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    real = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PermissionError):
        collection_archive.pack(str(root))


def test_a_program_that_does_not_end_is_refused_and_not_a_traceback(tmp_path, tracked, checkout, refuses, monkeypatch):
    plain, root = checkout("plain"), tracked("git")
    (tmp_path / "git-that-hangs").mkdir()
    (tmp_path / "git-that-hangs" / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "git-that-hangs" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", "%s:%s" % (tmp_path / "git-that-hangs", os.environ["PATH"]))
    monkeypatch.setattr(collection_archive, "_SECONDS", 0.01)
    refuses(root, "git could not list its files within")
    refuses(plain, "ansible-galaxy could not build it within")


def test_a_reason_of_galaxys_names_the_checkout_and_no_copy(checkout, refuses):
    root = checkout("one")
    (root / "galaxy.yml").unlink()
    refuses(root, "ansible-galaxy could not build it", "'%s/galaxy.yml'" % root)


def test_what_is_named_for_a_tarball_is_what_git_tracks_of_this_collection():
    """So that a bundle has one id, whichever of the two its builder has."""
    known = collection_archive._tracked(str(REPOSITORY))
    if not known:
        pytest.skip("this is no git checkout")
    patterns = yaml.safe_load((REPOSITORY / "galaxy.yml").read_text())["build_ignore"]
    ignored = {
        name
        for name in known
        for place in (name, *map(str, Path(name).parents))
        if any(fnmatch.fnmatch(place, pattern) for pattern in patterns)
    }
    there = {name for name in known - ignored if (REPOSITORY / name).exists()}
    assert there and sorted(there - collection_archive._named(str(REPOSITORY))) == []
    assert set(collection_archive._FILES) <= known
    assert all(any(name.startswith(folder + "/") for name in known) for folder in collection_archive._FOLDERS)


def test_galaxy_itself_packs_no_inventory_but_the_collections_two(tmp_path, checkout):
    root = checkout("one")
    shutil.copy(REPOSITORY / "galaxy.yml", root)
    own = {"inventories/%s/%s" % (name, path) for name in ("example", "local") for path in ("hosts.yml", "a/b.yml")}
    names = {
        name[:end] + more for name in ("example", "local") for end in range(1, 8) for more in ("", "x", "-2", ".d")
    }
    names |= {"prod", "london", "eu", "exit", "lab", "localhost", "EXAMPLE", "Local", ".hidden", "elbe", "lxample"}
    leave(root, [*own, "inventories/hosts.yml", "inventories/e.yml", "inventories/l"])
    leave(root, ["inventories/%s/group_vars/all/vault.yml" % name for name in names - {"example", "local", "l"}])
    galaxy("build", root, "--output-path", tmp_path / "built")
    with tarfile.open(tmp_path / "built" / "airgap-ferry-0.1.0.tar.gz") as stream:
        found = {member.name for member in stream.getmembers() if not member.isdir()}
    assert {name for name in found if name.startswith("inventories/")} == own
