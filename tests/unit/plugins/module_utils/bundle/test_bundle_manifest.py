# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest is read strictly, and SHA256SUMS is what the real sha256sum takes."""

from __future__ import annotations

import copy
import shutil
import subprocess

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import canonical, files, manifest

ABSENT = object()
ENTRY = {"size": 3, "sha256": "a" * 64}
GOOD = {
    "type": manifest.TYPE,
    "profiles": {
        "cpu": {
            "os": "linux",
            "arch": "x86_64",
            "libc": "glibc-2.28",
            "python": "3.11.2",
            "accelerator": "none",
            "requires": {"avx": True, "driver": "525.60.13"},
            "lock": "profiles/cpu/pylock.toml",
            "requirements": "profiles/cpu/requirements.txt",
            "sbom": "profiles/cpu/sbom.cdx.json",
            "wheels": ["a-1-py3-none-any.whl", "b-1-py3-none-any.whl"],
            "installers": {"pip": "tools/pip-26.3-py3-none-any.whl", "uv": "tools/uv-0.13.9-py3-none-any.whl"},
        }
    },
    "files": {
        path: ENTRY
        for path in (
            "profiles/cpu/pylock.toml",
            "profiles/cpu/requirements.txt",
            "profiles/cpu/sbom.cdx.json",
            "wheels/a-1-py3-none-any.whl",
            "wheels/b-1-py3-none-any.whl",
            "tools/pip-26.3-py3-none-any.whl",
            "tools/uv-0.13.9-py3-none-any.whl",
        )
    },
}
PROFILE = ("profiles", "cpu")
FILE = ("files", "wheels/a-1-py3-none-any.whl")


def changed(where, value):
    document = copy.deepcopy(GOOD)
    place = document
    for key in where[:-1]:
        place = place[key]
    if value is ABSENT:
        del place[where[-1]]
    else:
        place[where[-1]] = value
    return document


def test_what_is_built_is_read_back():
    data = manifest.build(GOOD["profiles"], GOOD["files"])
    assert manifest.parse(data) == GOOD


def test_a_windows_profile_has_no_libc():
    good = changed((*PROFILE, "os"), "windows")
    good["profiles"]["cpu"]["libc"] = None
    assert manifest.parse(canonical.dumps(good)) == good


@pytest.mark.parametrize(
    "where",
    [
        ("type",),
        ("profiles",),
        ("files",),
        *((*PROFILE, key) for key in GOOD["profiles"]["cpu"]),
        (*FILE, "size"),
        (*FILE, "sha256"),
    ],
)
def test_an_absent_field_is_refused(refused, where):
    with refused("FERRY-BUNDLE-007", "manifest.json"):
        manifest.parse(canonical.dumps(changed(where, ABSENT)))


@pytest.mark.parametrize(
    "where",
    [("more",), (*PROFILE, "more"), (*PROFILE, "requires", "more"), (*PROFILE, "installers", "conda"), (*FILE, "more")],
)
def test_an_unknown_field_is_refused(refused, where):
    with refused("FERRY-BUNDLE-007", "manifest.json"):
        manifest.parse(canonical.dumps(changed(where, "tools/pip-26.3-py3-none-any.whl")))


FIELDS = [
    ("type",),
    ("profiles",),
    ("files",),
    PROFILE,
    *((*PROFILE, key) for key in GOOD["profiles"]["cpu"]),
    (*PROFILE, "requires", "avx"),
    (*PROFILE, "requires", "driver"),
    (*PROFILE, "installers", "pip"),
    (*PROFILE, "installers", "uv"),
    (*PROFILE, "wheels"),
    FILE,
    (*FILE, "size"),
    (*FILE, "sha256"),
]
OTHERS = [None, True, 7, -1, "", "x", [], ["x"], [1], {}, {"x": 1}]


@pytest.mark.parametrize("where", FIELDS, ids=".".join)
def test_a_field_of_another_type_is_refused(refused, where):
    for value in OTHERS:
        if (where[-1], value) in (("avx", True), ("driver", None), ("size", 7)):  # what the field may be
            continue
        with refused("FERRY-BUNDLE-007", "manifest.json"):
            manifest.parse(canonical.dumps(changed(where, value)))


def test_a_profile_may_say_that_it_is_trimmed():
    made = manifest.parse(canonical.dumps(changed((*PROFILE, "trim"), "inference")))
    assert made["profiles"]["cpu"]["trim"] == "inference"


@pytest.mark.parametrize(
    "where, value",
    [
        (("type",), "airgap.ferry/statement/v1"),
        ((*PROFILE, "trim"), None),
        ((*PROFILE, "trim"), "../x"),
        ((*PROFILE, "os"), "darwin"),
        ((*PROFILE, "arch"), "amd64"),
        ((*PROFILE, "accelerator"), "rocm"),
        ((*PROFILE, "libc"), "musl-1.2"),
        ((*PROFILE, "libc"), "glibc-2.28\n"),
        ((*PROFILE, "libc"), None),
        ((*PROFILE, "os"), "windows"),
        ((*PROFILE, "python"), "3.11"),
        ((*PROFILE, "python"), "3.11.2rc1"),
        ((*PROFILE, "python"), "2.7.18"),
        ((*PROFILE, "lock"), "wheels/a-1-py3-none-any.whl"),
        ((*PROFILE, "requirements"), "profiles/cpu/pylock.toml"),
        ((*PROFILE, "wheels"), ["b-1-py3-none-any.whl", "a-1-py3-none-any.whl"]),
        ((*PROFILE, "wheels"), ["a-1-py3-none-any.whl", "a-1-py3-none-any.whl"]),
        ((*PROFILE, "wheels"), ["c-1-py3-none-any.whl"]),
        ((*PROFILE, "wheels"), ["../tools/pip-26.3-py3-none-any.whl"]),
        ((*PROFILE, "installers"), {"uv": "tools/uv-0.13.9-py3-none-any.whl"}),
        ((*PROFILE, "installers", "pip"), "tools/pip-1-py3-none-any.whl"),
        ((*PROFILE, "installers", "pip"), "profiles/cpu/pylock.toml"),
        ((*FILE, "size"), 1 << 40),
        ((*FILE, "size"), "3"),
        ((*FILE, "sha256"), "A" * 64),
        ((*FILE, "sha256"), "a" * 63),
        ((*FILE, "sha256"), "a" * 64 + "\n"),
    ],
)
def test_a_value_out_of_range_is_refused(refused, where, value):
    with refused("FERRY-BUNDLE-007", "manifest.json"):
        manifest.parse(canonical.dumps(changed(where, value)))


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/passwd",
        "wheels/../x",
        "wheels/CON",
        "wheels/a.",
        "wheels\\x",
        "wheels/a:b",
        "manifest.json",
        "statement.json",
        "bin/x",
        "",
        "C:/x",
        "wheels/\u00e9",
        "wheels/a\n",
    ],
)
def test_a_file_outside_the_bundles_folders_or_with_an_unsafe_name_is_refused(refused, path):
    with refused("FERRY-BUNDLE-007", "a safe path"):
        manifest.parse(canonical.dumps(changed(("files", path), ENTRY)))


def test_names_that_differ_only_in_case_are_refused(refused):
    with refused("FERRY-BUNDLE-007", "differ in more than case"):
        manifest.parse(canonical.dumps(changed(("files", "wheels/A-1-py3-none-any.whl"), ENTRY)))


@pytest.mark.parametrize("name", ["CPU", "-cpu", "c" * 33, "cpu\n", "../cpu", ""])
def test_a_profile_name_that_is_no_folder_name_is_refused(refused, name):
    with refused("FERRY-BUNDLE-007", "a profile name"):
        manifest.parse(canonical.dumps(changed(("profiles", name), GOOD["profiles"]["cpu"])))


@pytest.mark.parametrize("wheel", ["evil", "a.tar.gz", "x.whl", "sub/a-1-py3-none-any.whl"])
def test_a_wheel_whose_name_is_no_wheels_name_is_refused(refused, wheel):
    document = changed(("files", "wheels/" + wheel), ENTRY)
    document["profiles"]["cpu"]["wheels"] = [wheel]
    with refused("FERRY-BUNDLE-007", "manifest.json"):
        manifest.parse(canonical.dumps(document))


def test_a_refused_wheel_name_cannot_write_to_the_operators_terminal(refused):
    document = changed((*PROFILE, "wheels"), ["a\x1b[2J\nFERRY: all is well"])
    with refused("FERRY-BUNDLE-007") as caught:
        manifest.parse(canonical.dumps(document))
    assert caught.message.isprintable()


def test_an_oversize_manifest_is_refused(refused):
    with refused("FERRY-BUNDLE-007", "at most"):
        manifest.parse(b" " * (manifest.LIMIT + 1))


@pytest.mark.parametrize("data", [b"null\n", b"[]\n", b"7\n", b'"x"\n', b"\xff", b""])
def test_another_document_is_refused(refused, data):
    with refused("FERRY-BUNDLE-007", "manifest.json"):
        manifest.parse(data)


def test_sha256sum_itself_accepts_the_list_and_finds_a_changed_byte(signed, tmp_path, flip):
    copied = tmp_path / "bundle"
    shutil.copytree(signed.path, str(copied))
    command = ["sha256sum", "--check", "--strict", "--quiet", manifest.SUMS]
    assert (copied / manifest.SUMS).read_bytes() == manifest.checksums((copied / manifest.NAME).read_bytes())
    assert subprocess.run(command, cwd=str(copied), check=False, capture_output=True).returncode == 0
    listed = [line.split("  ", 1)[1] for line in (copied / manifest.SUMS).read_text().splitlines()]
    assert sorted(listed) == sorted([*signed.manifest["files"], manifest.NAME])
    for path in listed:
        flip(copied / path, 0)
        done = subprocess.run(command, cwd=str(copied), check=False, capture_output=True)
        assert done.returncode != 0 and path.encode() in done.stdout + done.stderr
        flip(copied / path, 0)


def test_the_id_hangs_on_every_file(signed):
    document = copy.deepcopy(signed.manifest)
    ids = {signed.id}
    for entry in document["files"].values():
        entry["size"] += 1
        ids.add(files.sha256_bytes(canonical.dumps(document)))
        entry["size"] -= 1
    assert len(ids) == len(document["files"]) + 1
