# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetching and building: a wheel is downloaded once, an interrupted build goes on, and the same locks give the same id."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import built, manifest, opening
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import build, installers, store

LATER = time.time() + 5000
# What the fixture work locks where nothing is said.
WHEELS = ("one", "two", "three")


def read(bundle, name):
    """The bytes of a file of a bundle."""
    with open(os.path.join(bundle["path"], name), "rb") as stream:
        return stream.read()


def leftovers(folder):
    """Files in the store that are no whole wheel at its place, and folders under way."""
    return [name for name in os.listdir(str(folder / "store")) if name.startswith(".")]


def test_a_wheel_is_downloaded_once_whatever_asks_for_it(tmp_path, served, profile, work):
    work.lock(tmp_path, profile("a"), profile("b", python="3.12.1"))
    _bundle, changed = work.build(tmp_path, profile("a"), profile("b", python="3.12.1"))
    assert changed
    assert sorted(served.asked) == sorted("%s-1.0-py3-none-any.whl" % name for name in (*WHEELS, "pip", "uv"))
    served.asked.clear()
    assert work.build(tmp_path, profile("a"), profile("b", python="3.12.1"))[1] is False
    assert served.asked == []


def test_an_interrupted_build_goes_on_where_it_stopped(tmp_path, served, profile, work, refused):
    work.lock(tmp_path, profile())
    served.broken.add("three-1.0-py3-none-any.whl")
    with refused("FERRY-BUILD-001", "three-1.0-py3-none-any.whl"):
        work.build(tmp_path, profile())
    assert leftovers(tmp_path) == [] and not (tmp_path / "bundles").exists()
    first = list(served.asked)
    assert "one-1.0-py3-none-any.whl" in first
    served.broken.clear()
    work.build(tmp_path, profile())
    assert len(served.asked) == len(set(served.asked)) == len(WHEELS) + 2, served.asked


def test_a_build_that_is_killed_leaves_nothing_that_the_next_one_trips_over(tmp_path, served, profile, work, killed_at):
    work.lock(tmp_path, profile())
    for step in (2, 11, 40):
        folder = tmp_path / ("killed-%d" % step)
        shutil.copytree(str(tmp_path / "locks"), str(folder / "locks"))
        killed_at(step, lambda folder=folder: work.build(folder, profile()))
        bundle, _changed = work.build(folder, profile())
        assert opening.signed_files(bundle["path"]) and leftovers(folder) == []
        assert [name for name in os.listdir(str(folder / "bundles")) if name.startswith(".")] == []


def test_the_same_locks_give_the_same_id_on_any_builder(tmp_path, profile, work, monkeypatch):
    work.lock(tmp_path / "first", profile())
    shutil.copytree(str(tmp_path / "first" / "locks"), str(tmp_path / "second" / "locks"))
    first, _changed = work.build(tmp_path / "first", profile())
    monkeypatch.setattr(build.getpass, "getuser", lambda: "somebody-else")
    monkeypatch.setattr(build.time, "time", lambda: LATER)
    work.environment = dict(work.environment, PIP_INDEX_URL=work.environment["PIP_INDEX_URL"] + "/")
    second, _changed = work.build(tmp_path / "second", profile())
    assert first["id"] == second["id"]
    assert (first["serial"], first["builder"]) != (second["serial"], second["builder"])
    for name in ("manifest.json", "SHA256SUMS"):
        assert read(first, name) == read(second, name)


def test_going_back_to_older_locks_makes_them_the_newest_bundle_again(tmp_path, profile, work):
    work.lock(tmp_path, profile(), requirements=("one",))
    first, _changed = work.build(tmp_path, profile())
    work.lock(tmp_path, profile(), requirements=("two",))
    second, _changed = work.build(tmp_path, profile())
    work.lock(tmp_path, profile(), requirements=("one",))
    third, changed = work.build(tmp_path, profile())
    assert changed and third["id"] == first["id"] != second["id"]
    assert first["serial"] < second["serial"] < third["serial"]
    assert json.loads(read(third, "statement.json"))["previous"] == second["id"]
    assert built.newest(str(tmp_path), "tf") == third


def test_another_signing_key_makes_a_new_statement_of_the_same_bundle(tmp_path, profile, work, keys):
    work.lock(tmp_path, profile())
    first, _changed = work.build(tmp_path, profile())
    work.key = keys.make("second builder")
    second, changed = work.build(tmp_path, profile())
    assert changed and second["id"] == first["id"] and second["serial"] > first["serial"]
    assert work.build(tmp_path, profile()) == (second, False)


def test_a_bundle_is_checked_by_hand_with_sha256sum(tmp_path, profile, work):
    work.lock(tmp_path, profile())
    bundle, _changed = work.build(tmp_path, profile())
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=bundle["path"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and done.stdout.count(": OK") == len(WHEELS) + 6, done.stdout + done.stderr
    listed = set(manifest.parse(read(bundle, "manifest.json"))["files"])
    listed |= {"manifest.json", "SHA256SUMS", "sources.json", "gates.json", "statement.json", "statement.json.asc"}
    found = {
        os.path.relpath(os.path.join(folder, name), bundle["path"])
        for folder, _folders, names in os.walk(bundle["path"])
        for name in names
    }
    assert found == listed


def test_a_wheel_that_the_index_changed_is_refused(tmp_path, served, profile, work, refused, make_wheel):
    work.lock(tmp_path, profile())
    served.add(make_wheel(tmp_path / "changed", "two", contents={"two/evil.py": b""}))
    with refused("FERRY-BUILD-002", "two-1.0-py3-none-any.whl"):
        work.build(tmp_path, profile())
    assert not (tmp_path / "bundles").exists()


def test_a_wheel_that_rotted_in_the_store_is_noticed_and_fetched_anew(tmp_path, profile, work, refused, flip):
    work.lock(tmp_path, profile())
    locked, _wheels = build.plan(str(tmp_path), [profile()])
    work.fetch(tmp_path, profile(), locked["linux"])
    flip(store.place(str(tmp_path), locked["linux"][0]), 50)
    with refused("FERRY-BUILD-002", locked["linux"][0]["wheel"]):
        work.build(tmp_path, profile())
    assert not (tmp_path / "bundles" / ".building").exists()
    assert work.build(tmp_path, profile())[1]


def test_two_profiles_that_lock_different_files_under_one_name_are_refused(
    tmp_path, served, profile, work, refused, make_wheel
):
    work.lock(tmp_path, profile("a"), requirements=("one",))
    served.add(make_wheel(tmp_path / "changed", "one", contents={"one/more.py": b""}))
    work.lock(tmp_path, profile("b"), requirements=("one",))
    with refused("FERRY-BUILD-003", "one-1.0-py3-none-any.whl", "profile a", "profile b"):
        work.build(tmp_path, profile("a"), profile("b"))


def test_addresses_are_in_the_sources_alone_and_without_credentials(tmp_path, served, profile, work):
    work.environment = dict(
        work.environment,
        **{name: served.url.replace("//", "//user:canary@") for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX")},
    )
    work.lock(tmp_path, profile())
    bundle, _changed = work.build(tmp_path, profile())
    sources = json.loads(read(bundle, "sources.json"))
    assert sources["fetched_from"] == served.url
    assert sources["profiles"]["linux"]["wheels"]["one-1.0-py3-none-any.whl"].startswith("http://127.0.0.1:")
    names = [os.path.join(folder, name) for folder, _folders, names in os.walk(bundle["path"]) for name in names]
    everything = b"".join(read(bundle, name) for name in names)
    assert b"canary" not in everything


@pytest.mark.parametrize(
    ("python", "pip_version"), [("3.8.1", "25.0.1"), ("3.9.2", "26.0.1"), ("3.10.0", "26.3"), ("3.13.0", "26.3")]
)
def test_each_python_gets_the_newest_pip_that_runs_on_it(profile, python, pip_version):
    found = {package["name"]: package for package in installers.installers(profile(python=python))}
    assert found["pip"]["version"] == pip_version and set(found) == {"pip", "uv"}
    assert all(len(package["sha256"]) == 64 for package in found.values())
