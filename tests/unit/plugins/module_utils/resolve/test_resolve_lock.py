# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks by the real uv, from an index on loopback: for the target, kept while the inputs are the same, refused in a sentence."""

from __future__ import annotations

import os
import tomllib

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import lock, pylock


@pytest.fixture
def locked(tmp_path, served, uv):
    """Lock for a profile; what lock_profile returns."""

    def run(profile, requirements, constraints=(), refresh=False, check_mode=False, environment=None):
        environment = environment or served.environment()
        return lock.lock_profile(
            str(tmp_path / "work"), profile, list(requirements), list(constraints), uv, environment, refresh, check_mode
        )

    return run


def names(answer):
    return [package["name"] for package in answer["packages"]]


def test_a_lock_for_windows_made_on_linux_has_what_windows_needs(tmp_path, served, make_wheel, profile, locked):
    """What `pip download --platform win_amd64` gets silently wrong: markers of the machine that it runs on."""
    requires = ('winonly==1.0; platform_system == "Windows"', 'linonly==1.0; platform_system == "Linux"')
    served.add(make_wheel(tmp_path / "made", "stub", requires=requires))
    windows = served.add(make_wheel(tmp_path / "made", "winonly"), "win_amd64")
    linux = served.add(make_wheel(tmp_path / "made", "linonly"), "manylinux_2_17_x86_64")
    answer = locked(profile("win", os="windows"), ["stub==1.0"])
    assert [package["wheel"] for package in answer["packages"]] == ["stub-1.0-py3-none-any.whl", windows]
    assert linux in [package["wheel"] for package in locked(profile("lin"), ["stub==1.0"])["packages"]]


def test_python_markers_are_the_targets_full_version(tmp_path, served, make_wheel, profile, locked):
    served.add(make_wheel(tmp_path / "made", "stub", requires=('old==1.0; python_full_version < "3.9.5"',)))
    served.add(make_wheel(tmp_path / "made", "old"))
    assert names(locked(profile("a", python="3.9.2"), ["stub"])) == ["stub", "old"] or names(
        locked(profile("a", python="3.9.2"), ["stub"])
    ) == ["old", "stub"]
    assert names(locked(profile("b", python="3.9.5"), ["stub"])) == ["stub"]


def test_of_several_wheels_the_profiles_best_is_locked_alone(tmp_path, served, make_wheel, profile, locked):
    made = make_wheel(tmp_path / "made", "tiny")
    for platform in ("manylinux_2_5_x86_64", "manylinux_2_28_x86_64", "manylinux_2_31_x86_64", "win_amd64", "any"):
        served.add(made, platform)
    assert [package["wheel"] for package in locked(profile(libc="glibc-2.30"), ["tiny"])["packages"]] == [
        "tiny-1.0-py3-none-manylinux_2_28_x86_64.whl"
    ]


def test_a_lock_is_a_valid_pep_751_file_without_addresses(tmp_path, served, make_wheel, profile, locked):
    served.add(make_wheel(tmp_path / "made", "tiny"))
    answer = locked(profile(), ["tiny"])
    with open(answer["path"], "rb") as stream:
        data = tomllib.load(stream)
    assert data["lock-version"] == "1.0" and data["requires-python"] == ">=3.11.2"
    assert "127.0.0.1" not in answer["after"] and "http" not in answer["after"]
    wheel = data["packages"][0]["wheels"][0]
    # The path is the wheel's in a bundle, as seen from profiles/<profile>/pylock.toml.
    assert wheel["path"] == "../../wheels/" + wheel["name"] and len(wheel["hashes"]["sha256"]) == 64
    assert pylock.read(answer["path"])["packages"] == answer["packages"]


def test_a_lock_is_kept_while_its_inputs_are_the_same(tmp_path, served, make_wheel, profile, locked):
    served.add(make_wheel(tmp_path / "made", "tiny", "1.0"))
    first = locked(profile(), ["tiny"])
    assert first["changed"] and first["before"] == ""
    served.add(make_wheel(tmp_path / "made", "tiny", "1.1"))
    assert not locked(profile(), ["tiny"])["changed"]
    assert locked(profile(), ["tiny"])["after"] == first["after"]
    refreshed = locked(profile(), ["tiny"], refresh=True, check_mode=True)
    assert refreshed["changed"] and refreshed["packages"][0]["version"] == "1.1"
    # Check mode wrote nothing; a real refresh does.
    assert pylock.read(first["path"])["packages"][0]["version"] == "1.0"
    locked(profile(), ["tiny"], refresh=True)
    assert pylock.read(first["path"])["packages"][0]["version"] == "1.1"
    # Another input asks anew by itself: a constraint, a requirement of the profile.
    assert locked(profile(), ["tiny"], ["tiny<1.1"])["packages"][0]["version"] == "1.0"
    assert locked(profile(requirements=["tiny==1.1"]), ["tiny"])["packages"][0]["version"] == "1.1"


def test_a_profiles_own_constraints_hold_for_it_alone(tmp_path, served, make_wheel, profile, locked):
    for version in ("1.0", "1.1"):
        served.add(make_wheel(tmp_path / "made", "tiny", version))
    assert locked(profile("old", constraints=["tiny<1.1"]), ["tiny"])["packages"][0]["version"] == "1.0"
    assert locked(profile("new"), ["tiny"])["packages"][0]["version"] == "1.1"


@pytest.mark.parametrize(
    ("requirements", "code", "words"),
    [
        (["tiny==9"], "FERRY-LOCK-001", ["profile linux", "tiny==9"]),
        (["nothing-here"], "FERRY-LOCK-001", ["nothing-here"]),
        (["tiny", "rival"], "FERRY-LOCK-001", ["tiny", "rival"]),
        (["sdistonly"], "FERRY-LOCK-001", ["sdistonly"]),
        (["newer"], "FERRY-LOCK-001", ["newer"]),
        (["tiny=1"], "FERRY-LOCK-004", ["tiny=1"]),
        (["tiny @ http://user:canary@127.0.0.1/tiny-1.0-py3-none-any.whl"], "FERRY-LOCK-004", ["address"]),
        ([], "FERRY-VAR-005", ["ferry_requirements"]),
    ],
)
def test_what_cannot_be_locked_is_refused_and_nothing_written(
    tmp_path, served, make_wheel, profile, locked, refused, requirements, code, words
):
    served.add(make_wheel(tmp_path / "made", "tiny"))
    served.add(make_wheel(tmp_path / "made", "rival", requires=("tiny<1",)))
    served.add(make_wheel(tmp_path / "made", "newer"), "manylinux_2_39_x86_64")
    (tmp_path / "served" / "sdistonly-1.0.tar.gz").write_bytes(b"an sdist is never opened")
    with refused(code, *words) as caught:
        locked(profile(), requirements)
    assert "canary" not in caught.message
    assert not (tmp_path / "work").exists()


def test_an_index_that_is_down_is_named_without_credentials(served, profile, locked, refused, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", served.url)
    environment = dict(served.environment(), UV_DEFAULT_INDEX="http://user:canary@127.0.0.1:9/simple")
    environment["PIP_INDEX_URL"] = environment["UV_DEFAULT_INDEX"]
    with refused("FERRY-INDEX-001", "http://127.0.0.1:9/simple") as caught:
        locked(profile(), ["tiny"], environment=environment)
    assert "canary" not in caught.message


@pytest.mark.parametrize("damage", [b"", b"lock-version = 7\n", b"\xff\xfe", b"not toml at all ["])
def test_a_lock_that_is_no_lock_is_refused_by_its_path(tmp_path, served, make_wheel, profile, locked, refused, damage):
    served.add(make_wheel(tmp_path / "made", "tiny"))
    path = locked(profile(), ["tiny"])["path"]
    with open(path, "wb") as stream:
        stream.write(damage)
    with refused("FERRY-LOCK-003", path):
        locked(profile(), ["tiny"])
    os.unlink(path)
    with refused("FERRY-LOCK-003", path):
        pylock.read(path)
