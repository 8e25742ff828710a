# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input: one sentence with a stable code that names the thing, a non-zero exit, and nothing half-made."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess

import pytest


def refused(run, code, *words):
    """The run failed with ``code`` and its message names every one of ``words``."""
    assert run.code != 0, run.output
    message = run.message()
    assert message.startswith(code + ": "), run.output
    for word in words:
        assert str(word) in message, message


@pytest.mark.parametrize(
    ("extra", "code", "words"),
    [
        ({"ferry_rooot": "/x"}, "FERRY-VAR-001", ["ferry_rooot", "ferry_root"]),
        ({"ferry_requirements": "six"}, "FERRY-VAR-002", ["ferry_requirements", "list"]),
        ({"ferry_profile": "linux-gpu"}, "FERRY-VAR-003", ["linux-gpu", "linux-cpu"]),
        (
            {
                "ferry_profiles": {
                    "linux-cpu": {
                        "os": "linux",
                        "arch": "x86_64",
                        "libc": "glibc-2.28",
                        "python": 3.1,
                        "accelerator": "none",
                    }
                }
            },
            "FERRY-VAR-004",
            ["python", "quote"],
        ),
    ],
)
def test_a_wrong_variable_is_named_before_anything_happens(deployed, extra, code, words):
    before = deployed.snapshot("staging", "zone", "depot", "hosts")
    for playbook in ("prepare", "deploy"):
        refused(deployed.play(playbook, **extra), code, *words)
    assert deployed.snapshot("staging", "zone", "depot", "hosts") == before


@pytest.mark.parametrize(
    ("requirement", "code", "words"),
    [
        ("six==99.9", "FERRY-LOCK-001", ["linux-cpu", "six==99.9"]),
        ("no-such-distribution-of-airgap-ferry", "FERRY-LOCK-001", ["no-such-distribution-of-airgap-ferry"]),
        ("six=1", "FERRY-LOCK-004", ["six=1"]),
        ("six @ https://user:canary@index.invalid/six.whl", "FERRY-LOCK-004", ["names an address"]),
        # Only an sdist: nothing in it may be built on the way.
        ("docopt==0.6.2", "FERRY-LOCK-001", ["docopt"]),
    ],
)
def test_a_requirement_that_cannot_be_locked_is_refused(deployed, requirement, code, words):
    before = deployed.snapshot("staging")
    run = deployed.play("lock", ferry_requirements=[requirement])
    refused(run, code, *words)
    assert "canary" not in run.message()
    assert deployed.snapshot("staging") == before


def test_an_index_that_cannot_be_reached_is_named_without_its_password(deployed, tmp_path):
    """However verbose Ansible is; from a file, as it shows what stands on its own command line."""
    before = deployed.snapshot("staging")
    variables = {"ferry_lock_refresh": True, "ferry_index_url": "http://user:canary@127.0.0.1:9/simple"}
    (tmp_path / "index.json").write_text(json.dumps(variables))
    run = deployed.play("lock", "-vvvv", "-e", "@%s" % (tmp_path / "index.json"))
    refused(run, "FERRY-INDEX-001", "http://127.0.0.1:9/simple")
    assert "canary" not in run.output
    assert deployed.snapshot("staging") == before


def test_sending_names_a_medium_that_is_not_mounted(deployed):
    refused(
        deployed.play("transfer", ferry_zone={"path": "/nonexistent/usb"}),
        "FERRY-ZONE-001",
        "/nonexistent/usb",
        "mount",
    )


@contextlib.contextmanager
def damaged(path):
    """One byte of the file changed, and changed back after."""
    data = path.read_bytes()
    middle = len(data) // 2
    path.chmod(0o644)
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    try:
        yield
    finally:
        path.write_bytes(data)


@pytest.mark.parametrize("side", ["ferry_staging", "ferry_depot"])
@pytest.mark.parametrize("pattern", ["statement.json.asc", "wheels/six*.whl"])
def test_one_changed_byte_in_the_zone_is_refused_on_either_side(sent, side, pattern):
    """Every other file of a bundle: tests/unit/plugins/module_utils/zone."""
    path = next(sent.bundle_in_zone().glob(pattern))
    before = sent.snapshot("depot")
    with damaged(path):
        refused(sent.play("transfer", "--limit", side), "FERRY-ZONE-002", path)
    assert sent.snapshot("depot") == before


def test_the_live_release_still_works_after_a_refused_bundle(deployed):
    path = next(deployed.bundle_in_zone().glob("wheels/six*.whl"))
    with damaged(path):
        refused(deployed.play("transfer"), "FERRY-ZONE-002", path)
    assert deployed.version("six") == "1.17.0"


@pytest.mark.parametrize(
    ("damage", "code"),
    [("flip", "FERRY-BUNDLE-004"), ("unsigned", "FERRY-BUNDLE-001"), ("extra", "FERRY-BUNDLE-005")],
)
def test_deploy_refuses_a_bundle_that_changed_in_quarantine(quarantined, damage, code):
    """Every other file and fault: tests/unit/plugins/module_utils/bundle."""
    site = quarantined.copy()
    folder = next((site.root / "depot" / "incoming").iterdir())
    named = {
        "flip": next(folder.glob("wheels/six*.whl")),
        "unsigned": folder / "statement.json.asc",
        "extra": folder / "wheels" / "foreign.whl",
    }[damage]
    with damaged(named) if damage == "flip" else contextlib.nullcontext():
        if damage == "unsigned":
            named.unlink()
        elif damage == "extra":
            named.write_bytes(b"PK")
        before = site.snapshot("depot")
        refused(site.play("deploy"), code, named.name)
        assert site.snapshot("depot") == before
    assert not (site.root / "hosts").exists()


def test_a_signer_that_the_inside_inventory_does_not_know_is_refused(quarantined, tmp_path, demo):
    demo.prepare_folder(tmp_path / "stranger")
    keys = tmp_path / "stranger" / "keys"
    trusted = [
        {
            "name": "stranger",
            "fingerprint": (keys / "fingerprint").read_text(),
            "key": (keys / "builder.asc").read_text(),
        }
    ]
    refused(quarantined.play("deploy", ferry_trusted_keys=trusted), "FERRY-BUNDLE-003", "ferry_trusted_keys")


@pytest.mark.parametrize(
    ("playbook", "limit", "size", "code"),
    [
        ("prepare", "ferry_staging", "12M", "FERRY-IO-001"),
        ("transfer", "ferry_staging", "12M", "FERRY-IO-001"),
        ("transfer", "ferry_depot", "12M", "FERRY-IO-001"),
        # Seen before anything is written: by the size of the wheels, and by that of the program in uv's wheel.
        ("deploy", "all", "12M", "FERRY-HOST-003"),
        ("deploy", "all", "40M", "FERRY-HOST-003"),
    ],
)
def test_a_full_disk_is_named_and_leaves_nothing_half_made(quarantined, tmp_path, playbook, limit, size, code):
    """On a real, small file system, mounted in a namespace of its own."""
    small = tmp_path / "small"
    small.mkdir()
    site = quarantined.copy()
    extra = {
        "prepare": {"ferry_workdir": str(small)},
        "transfer": {"ferry_zone": {"path": str(small)}}
        if limit == "ferry_staging"
        else {"ferry_depot_root": str(small)},
        "deploy": {"ferry_root": str(small)},
    }[playbook]
    # The tools environment lies elsewhere: it is not what has to fit. What is left is listed before the mount goes with its namespace.
    script = (
        'mount -t tmpfs -o size=%s,mode=0755 ferry "$0" && ln -s "$1" "$0/tools" && shift && "$@"; code=$?; '
        'find "$0" -type f ! -name .lock -printf "LEFT %%P\\n"; exit $code' % size
    )
    prefix = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        script,
        str(small),
        str(site.root / "staging" / "tools"),
    ]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount namespace can be had here, so no small disk can be made")
    run = site.play(playbook, "--limit", limit, prefix=prefix, **extra)
    refused(run, code, small)
    left = [line[5:] for line in run.output.splitlines() if line.startswith("LEFT ")]
    # Whole things stay, by their hash, and are used again; parts of things do not.
    whole = ("locks/", "metadata/", "store/", "gates/", "cache/manifests/", "cache/files/")
    assert [path for path in left if not path.startswith(whole) or "/." in path or ".part" in path] == [], run.output


def test_a_missing_gpg_is_named_with_its_package(deployed, tmp_path):
    """A PATH without gpg, everything else as it was."""
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in os.scandir(folder) if os.path.isdir(folder) else ():
            if not program.name.startswith("gpg") and not (tmp_path / program.name).is_symlink():
                (tmp_path / program.name).symlink_to(program.path)
    if shutil.which("gpg", path=str(tmp_path)):
        pytest.skip("gpg cannot be hidden here")
    refused(
        deployed.play("prepare", prefix=["env", "PATH=%s" % tmp_path], ferry_bundle="other"), "FERRY-TOOL-002", "gnupg"
    )
