# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade that is killed leaves the old release live or the new one, whole, and one more run makes good: ``make kill-test``, in short."""

from __future__ import annotations

import contextlib
import glob
import os
import signal
import threading
import time

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import files
from ansible_collections.airgap.ferry.plugins.module_utils.host import install, installers, prune
from ansible_collections.airgap.ferry.plugins.module_utils.host.release import Root
from kill import bundles, hosts, killing

CLEAN = {"unusable": [], "leftovers": [], "other": []}


@pytest.fixture(scope="module")
def carried():
    """The installers that bundles carry."""
    try:
        return bundles.installers()
    except bundles.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def uv(tmp_path_factory, carried):
    """A host whose releases uv builds."""
    return hosts.Host(tmp_path_factory.mktemp("uv"), "uv", carried, measured=1)


def wrong(found):
    return {what: found[what] for what in CLEAN}


def test_a_kill_before_any_rename_leaves_a_release_that_works_and_one_run_makes_good(uv):
    nth = 0
    while True:
        nth += 1
        found = uv.upgrade(("rename", nth))
        assert wrong(found) == CLEAN, nth
        if not found["killed"]:
            break
        # The last one is the switch.
        assert found["live"] == "A", nth
    assert found["live"] == "B" and nth > 7


@pytest.mark.parametrize("part", [0.4, 0.6, 0.8])
def test_a_kill_while_uv_is_at_work_leaves_a_release_that_works_and_one_run_makes_good(uv, part):
    assert wrong(uv.upgrade(("time", part * uv.seconds))) == CLEAN


def test_a_kill_at_a_call_of_uv_or_the_switch_leaves_a_release_that_works_and_one_run_makes_good(uv):
    if not killing.strace():
        pytest.skip("no strace that may trace is here (apt install strace)")
    first, last = uv.calls()["rename*"]
    # uv moves what it has unpacked, and then its pointers to that; the last one is the switch.
    for nth in (first + 9, first + 11, first + 13, first + 14, last):
        found = uv.upgrade(("rename*", nth))
        assert found["killed"] and found["live"] == ("B" if nth == last else "A"), nth
        assert wrong(found) == CLEAN, nth


def test_a_kill_while_pip_is_at_work_leaves_a_release_that_works_and_one_run_makes_good(tmp_path, carried):
    host = hosts.Host(tmp_path / "pip", "pip", carried, measured=1)
    found = host.upgrade(("time", 0.6 * host.seconds))
    assert found["killed"] and found["live"] == "A" and wrong(found) == CLEAN


# From here on something of the collection is broken, and the kills have to tell.

NEVER = ("time", 60)


@pytest.fixture
def cut(monkeypatch, tmp_path):
    """Have the first upgrade killed before its installer begins, or when that has made a file that fits the pattern."""

    def plan(pattern=None):
        whole = installers.install

        def kill():
            while pattern and not glob.glob(pattern):
                time.sleep(0.001)
            os.killpg(0, signal.SIGKILL)

        def cut_off(*arguments, **options):
            with contextlib.suppress(FileExistsError):
                (tmp_path / "once").touch(exist_ok=False)
                threading.Thread(target=kill, daemon=True).start()
                if not pattern:
                    time.sleep(60)
            whole(*arguments, **options)

        monkeypatch.setattr(installers, "install", cut_off)

    return plan


def test_a_marker_before_the_release_is_whole_is_found(uv, cut, monkeypatch):
    cut()
    whole = install.Installation._install

    def early(self, *arguments):
        os.makedirs(self.root.folder(self.release))
        self.root.complete(self.release, {"packages": self.packages, "bundle": "", "profile": ""})
        whole(self, *arguments)

    monkeypatch.setattr(install.Installation, "_install", early)
    found = uv.upgrade(NEVER)
    assert found["killed"] and found["unusable"]


def test_a_switch_before_the_release_is_whole_is_found(uv, cut, monkeypatch):
    cut()
    whole = install.Installation._install

    def early(self, *arguments):
        self.root.switch(self.release, "switch")
        whole(self, *arguments)

    monkeypatch.setattr(install.Installation, "_install", early)
    found = uv.upgrade(NEVER)
    assert found["killed"] and found["unusable"]


def test_a_switch_that_is_no_rename_is_found(uv, monkeypatch):
    replace = os.replace

    def in_two_steps(source, target):
        if target.endswith("/current"):
            os.unlink(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", in_two_steps)
    assert any(uv.upgrade(("rename", nth))["unusable"] for nth in (8, 7))


def test_a_release_that_is_written_into_is_found(uv, monkeypatch):
    def into_the_live_one(self, *_arguments):
        # Not into a file of it: that has another name in the template that the next test begins from.
        open(os.path.join(self.root.folder(self.root.live()), "one-more"), "wb").close()

    monkeypatch.setattr(install.Installation, "_check", into_the_live_one)
    assert uv.upgrade(("rename", 6))["unusable"]


@pytest.mark.parametrize("nth", [1, 7])
def test_files_that_were_being_written_and_stay_are_found(uv, monkeypatch, nth):
    monkeypatch.setattr(prune, "_LEFTOVERS", ())
    (left,) = uv.upgrade(("rename", nth))["leftovers"]
    assert ".part-" in left


def test_what_a_killed_uv_leaves_and_stays_is_found(uv, cut, monkeypatch):
    cut(os.path.join(str(uv.root), "cache", "uv", ".tmp*", "pip_compileall.py"))
    monkeypatch.setattr(install.Installation, "_undo", lambda self: self.root.remove(self.release))
    monkeypatch.setattr(prune, "_LEFTOVERS", ())
    assert any("cache/uv/" in left for left in uv.upgrade(NEVER)["leftovers"])


def test_a_third_run_that_writes_is_found(uv, monkeypatch):
    live = Root.live

    def writes(self):
        with contextlib.suppress(OSError):
            files.write_durably(os.path.join(self.path, "switches.json"), b"{}")
        return live(self)

    monkeypatch.setattr(Root, "live", writes)
    assert uv.upgrade(("rename", 2))["other"]
