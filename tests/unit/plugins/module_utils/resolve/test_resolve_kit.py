# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kit: a profile like any other, with a name of its own, and what lies beside its wheels."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import kit, lock, pylock

REPOSITORY = Path(__file__).resolve().parents[5]
LINUX = {"os": "linux", "arch": "x86_64", "libc": "glibc-2.28", "python": "3.11.2", "accelerator": "none"}
CONTROLLER = {"arch": "x86_64", "libc": "glibc-2.36", "python": "3.12.3"}


def archive(manifest):
    """An archive with this MANIFEST.json; None for none."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as stream:
        if manifest is not None:
            member = tarfile.TarInfo("MANIFEST.json")
            member.size = len(manifest)
            stream.addfile(member, io.BytesIO(manifest))
    return written.getvalue()


@pytest.fixture
def brought(tmp_path):
    """What the role brings to the staging host."""
    folder = tmp_path / "kit"
    folder.mkdir()
    manifest = json.dumps({"collection_info": {"version": "1.2.3"}}, separators=(",", ":")).encode()
    (folder / "collection.tar").write_bytes(archive(manifest))
    (folder / "setup_kit.py").write_bytes(b"print()\n")
    return folder


def test_a_controller_gets_what_the_collection_needs_and_nothing_of_the_hosts():
    found = kit.profiles({"cpu": dict(LINUX, requirements=["six"])}, CONTROLLER, ["tensorflow==2.18.1"], ["numpy<2"])
    assert [one.name for one in found] == ["cpu", "ferry-kit"]
    assert found[0].requirements == ("tensorflow==2.18.1", "six") and found[0].constraints == ("numpy<2",)
    assert found[1].requirements == kit.REQUIREMENTS and found[1].constraints == ()
    assert found[1].spec() == dict(CONTROLLER, os="linux", accelerator="none")
    assert [one.name for one in kit.profiles({"cpu": LINUX}, None)] == ["cpu"]


def test_what_a_controller_needs_beside_it_can_be_named():
    found = kit.profile(dict(CONTROLLER, requirements=["pywinrm"], constraints=["ansible-core<2.20"]))
    assert found.requirements == (*kit.REQUIREMENTS, "pywinrm") and found.constraints == ("ansible-core<2.20",)


def test_it_asks_for_what_requirements_in_names_in_the_range_that_the_collection_supports():
    lines = (REPOSITORY / "requirements.in").read_text().splitlines()
    named = {re.match("[A-Za-z0-9_.-]+", line).group() for line in lines if line and not line.startswith("#")}
    asked = dict(re.fullmatch("([a-z-]+)(>=.*)?", text).groups() for text in kit.REQUIREMENTS)
    assert set(asked) == named
    supported = yaml.safe_load((REPOSITORY / "meta" / "runtime.yml").read_text())["requires_ansible"]
    assert supported == asked["ansible-core"] + ".0"


def test_the_defaults_of_the_role_are_a_kit():
    defaults = yaml.safe_load((REPOSITORY / "roles" / "prepare" / "defaults" / "main.yml").read_text())
    assert kit.profile(defaults["ferry_kit_profile"]).place == "linux x86_64 glibc-2.28"


@pytest.mark.parametrize("with_kit", [CONTROLLER, None])
def test_its_name_is_no_other_profiles(refused, with_kit):
    with refused("FERRY-KIT-001", "ferry_profiles", "ferry-kit", "rename"):
        kit.profiles({"ferry-kit": LINUX}, with_kit)


def test_a_controller_on_windows_is_refused_with_the_reason(refused):
    with refused("FERRY-KIT-002", "ferry_kit_profile", "expected linux, found windows", "WSL2"):
        kit.profile({"os": "windows", "arch": "x86_64", "python": "3.11.9"})


def test_a_controller_computes_nothing(refused):
    with refused("FERRY-VAR-004", "profile ferry-kit, key accelerator", "expected none, found the string 'cuda'"):
        kit.profile(dict(CONTROLLER, accelerator="cuda"))


@pytest.mark.parametrize(
    "spec", [dict(CONTROLLER, pyton="3.11"), dict(CONTROLLER, python=3.11), dict(CONTROLLER, os="macos"), "3.11", None]
)
def test_what_is_no_profile_is_refused_as_any_other(refused, spec):
    with refused("FERRY-VAR-004", "ferry-kit"):
        kit.profile(spec)


def test_a_bundle_is_locked_for_its_hosts_and_its_controller_apart(tmp_path, publish, bundle_locked):
    """And the lock of a profile that was there before stays as it is."""
    publish("root")
    publish("ansible_core", "2.17.0", requires=["jinja2"])
    publish("jinja2")
    before, _warnings = bundle_locked({"linux": LINUX}, ["root"])
    result, _warnings = bundle_locked({"linux": LINUX}, ["root"], kit=CONTROLLER)
    assert result["locks"]["linux"]["kept"] and result["locks"]["linux"] == dict(before["locks"]["linux"], kept=True)
    wheels = {
        name: {package["name"] for package in pylock.read(lock.lock_path(str(tmp_path / "work"), name))["packages"]}
        for name in result["locks"]
    }
    assert wheels == {"linux": {"root"}, "ferry-kit": {"ansible-core", "jinja2"}}


def test_what_is_no_wheel_is_named_with_the_collections_own_version(tmp_path, brought):
    found = kit.contents(str(tmp_path))
    assert list(found) == ["kit/airgap-ferry-1.2.3.tar", "kit/setup_kit.py"]
    assert found["kit/setup_kit.py"] == b"print()\n"


def test_a_part_that_was_not_brought_is_named(tmp_path, brought, refused):
    for name in ("collection.tar", "setup_kit.py"):
        data = (brought / name).read_bytes()
        (brought / name).unlink()
        with refused("FERRY-KIT-004", str(brought / name), "found nothing", "ferry_kit"):
            kit.contents(str(tmp_path))
        (brought / name).write_bytes(b"")
        with refused("FERRY-KIT-004", str(brought / name), "an empty file"):
            kit.contents(str(tmp_path))
        (brought / name).write_bytes(data)


@pytest.mark.parametrize(
    "data",
    [b"no archive", archive(None), archive(b"{}"), archive(b'{"version":"../../x"}'), archive(b'{"version":"\xff"}')],
    ids=["no archive", "no manifest", "no version", "a version that is a path", "no text"],
)
def test_an_archive_that_is_no_collection_is_refused(tmp_path, brought, refused, data):
    (brought / "collection.tar").write_bytes(data)
    with refused("FERRY-KIT-004", "collection.tar", "no such archive"):
        kit.contents(str(tmp_path))


def test_a_part_of_absurd_size_is_refused(tmp_path, brought, refused, monkeypatch):
    monkeypatch.setattr(kit, "_LIMIT", 4)
    with refused("FERRY-KIT-004", "more than 4 bytes"):
        kit.contents(str(tmp_path))
