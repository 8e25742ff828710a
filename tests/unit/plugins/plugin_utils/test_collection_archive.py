# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's archive: Galaxy's own choice of files, the same bytes wherever it is made, and nothing that was changed after it was installed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.plugin_utils import collection_archive

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
