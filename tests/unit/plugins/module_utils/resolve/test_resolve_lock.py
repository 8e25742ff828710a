# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks by the real uv, from an index on loopback: for the target, kept while the inputs are the same, refused in a sentence."""

from __future__ import annotations

import os
import tomllib

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index, pylock


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


def test_a_glibc_that_uv_does_not_name_gets_what_its_own_tags_accept(
    served, make_wheel, profile, locked, refused, tmp_path
):
    """uv knows 2.17 and 2.28; Ubuntu 18.04 has 2.27, and TensorFlow 2.21 needs that."""
    served.add(make_wheel(tmp_path / "made", "engine", requires=("part",)), "manylinux_2_27_x86_64")
    for version, platform in (
        ("1.0", "manylinux_2_17_x86_64"),
        ("1.1", "manylinux_2_28_x86_64"),
        ("1.2", "manylinux_2_28_x86_64"),
    ):
        served.add(make_wheel(tmp_path / "made", "part", version), platform)
    wheels = [package["wheel"] for package in locked(profile(libc="glibc-2.27"), ["engine"])["packages"]]
    assert wheels == ["engine-1.0-py3-none-manylinux_2_27_x86_64.whl", "part-1.0-py3-none-manylinux_2_17_x86_64.whl"]
    with refused("FERRY-LOCK-001", "profile old", "engine"):
        locked(profile("old", libc="glibc-2.26"), ["engine"])
    with refused("FERRY-LOCK-001", "profile pinned", "part"):
        locked(profile("pinned", libc="glibc-2.27"), ["part==1.2"])


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


def versions(answer):
    return {package["name"]: package["version"] for package in answer["packages"]}


def test_a_lock_made_anew_stays_close_to_the_one_before_where_asked(publish, profile, locked):
    """A patch release of one package must not bring half an index with it."""
    for name in ("root", "leaf", "twig"):
        publish(name, "1.0", requires=("leaf", "twig") if name == "root" else ())
    locked(profile(), ["root==1.0"])
    for name in ("root", "leaf", "twig"):
        publish(name, "1.1", requires=("leaf", "twig>=1.1") if name == "root" else ())
    close = locked(profile(), ["root==1.1"], prefer="previous", check_mode=True)
    assert versions(close) == {"root": "1.1", "leaf": "1.0", "twig": "1.1"}
    far = locked(profile(), ["root==1.1"], check_mode=True)
    assert versions(far) == {"root": "1.1", "leaf": "1.1", "twig": "1.1"}
    # With nothing there yet it is like newest, and the choice alone makes no lock anew.
    assert versions(locked(profile("fresh"), ["root==1.1"], prefer="previous")) == versions(far)
    assert not locked(profile(), ["root==1.0"], prefer="previous")["changed"]


def test_a_lock_as_of_a_day_takes_nothing_younger_and_can_be_made_again(served, publish, profile, locked):
    days = {"1.0": "2026-01-30T12:00:00Z", "1.1": "2026-01-31T23:59:59Z", "1.2": "2026-02-01T00:00:00Z"}
    for version, uploaded in days.items():
        served.uploaded[publish("tiny", version)] = uploaded
    dated = [versions(locked(profile(), ["tiny"], as_of=day)) for day in ("2026-01-30", "2026-01-31", "2026-02-01")]
    assert dated == [{"tiny": "1.0"}, {"tiny": "1.1"}, {"tiny": "1.2"}]
    first = locked(profile("a"), ["tiny"], as_of="2026-01-31")
    served.uploaded[publish("tiny", "1.3")] = "2026-03-01T00:00:00Z"
    assert locked(profile("a"), ["tiny"], as_of="2026-01-31", refresh=True)["after"] == first["after"]
    # The day is one of a lock's inputs.
    assert versions(locked(profile("a"), ["tiny"])) == {"tiny": "1.3"}


def test_an_index_without_dates_cannot_serve_a_day(tmp_path, served, publish, profile, locked, refused):
    publish("tiny")
    with refused("FERRY-INDEX-003", served.url, "2026-01-31"):
        locked(profile(), ["tiny"], as_of="2026-01-31")
    assert not (tmp_path / "work").exists()


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


def test_a_wheel_that_does_not_fit_the_profiles_own_tags_is_not_locked(
    tmp_path, served, make_wheel, profile, locked, refused
):
    """uv names no glibc below 2.17, so it takes what such a host cannot load."""
    served.add(make_wheel(tmp_path / "made", "tiny"), "manylinux_2_17_x86_64")
    with refused("FERRY-LOCK-002", "profile linux", "tiny", "correct the profile"):
        locked(profile(libc="glibc-2.12"), ["tiny"])
    assert not (tmp_path / "work" / "locks").exists()


def test_an_index_that_is_down_is_named_without_credentials(served, profile, locked, refused, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", served.url)
    environment = dict(served.environment(), UV_DEFAULT_INDEX="http://user:canary@127.0.0.1:9/simple")
    environment["PIP_INDEX_URL"] = environment["UV_DEFAULT_INDEX"]
    with refused("FERRY-INDEX-001", "http://127.0.0.1:9/simple") as caught:
        locked(profile(), ["tiny"], environment=environment)
    assert "canary" not in caught.message


@pytest.mark.parametrize("known", ["", "user:canary@"])
def test_an_index_that_asks_for_other_credentials_is_named_as_such(served, publish, profile, locked, refused, known):
    publish("tiny")
    served.credentials = "user:right"
    environment = index.at(served.environment(), served.url.replace("//", "//" + known))
    with refused("FERRY-INDEX-001", served.url, "401", "~/.netrc") as caught:
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
