# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases: the switch is one step, and a rollback goes one step back however often it is run."""

from __future__ import annotations

import os
import threading

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import canonical
from ansible_collections.airgap.ferry.plugins.module_utils.host.release import Root

A, B, C = "cpu-aaaaaaaaaaaa", "cpu-bbbbbbbbbbbb", "cpu-cccccccccccc"


@pytest.fixture
def root(tmp_path):
    """A root with three complete releases, none of them live."""
    made = Root(str(tmp_path))
    for release in (A, B, C):
        os.makedirs(made.folder(release))
        made.complete(release, {"packages": {"tiny": release[-1]}, "python": "3.11.2"})
    return made


def roll_back(root, named=None):
    """What the role does: ask for the target, switch where it is not live already."""
    target = root.rollback_target(named)
    if target != root.live():
        root.switch(target, "rollback")
    return target


def half_switch(root, release, action, monkeypatch):
    """A switch that was written down and then killed before its rename."""

    def die(_source, _target, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("os.symlink", die)
        with pytest.raises(KeyboardInterrupt):
            root.switch(release, action)


def test_nothing_is_live_at_first(tmp_path):
    root = Root(str(tmp_path / "not-there"))
    assert root.live() is None and root.read(A) is None and root.read(None) is None and root.packages(None) == {}


def test_a_switch_makes_a_release_live(root, tmp_path):
    root.switch(A, "switch")
    assert root.live() == A
    assert os.path.realpath(str(tmp_path / "current")) == os.path.realpath(root.folder(A))
    assert not os.path.isabs(os.readlink(str(tmp_path / "current"))), "a root may be moved or mounted elsewhere"


def test_current_resolves_at_every_moment_of_many_switches(root, tmp_path):
    root.switch(A, "switch")
    marker, seen, done = tmp_path / "current" / "release.json", set(), threading.Event()

    def watch():
        while not done.is_set():
            try:
                seen.add(canonical.loads(marker.read_bytes(), "release.json", 1 << 20)["id"])
            except Exception as error:  # noqa: BLE001
                seen.add(repr(error))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for turn in range(60):
        root.switch((A, B)[turn % 2], "switch")
    done.set()
    watcher.join()
    assert seen <= {A, B}


def test_a_kill_at_any_point_of_a_switch_leaves_the_old_or_the_new_live_and_the_next_run_goes_on(root, killed_at):
    root.switch(A, "switch")
    step = 1
    while killed_at(step, lambda: root.switch(B, "switch")):
        assert root.live() in (A, B)
        assert root.read(root.live()) is not None
        assert root.rollback_target(C) == C
        root.switch(A, "switch")
        step += 1
    assert step > 3 and root.live() == B
    assert root.rollback_target(None) == A


def test_rollback_goes_to_what_was_live_before(root):
    root.switch(A, "switch")
    root.switch(B, "switch")
    assert roll_back(root) == A and root.live() == A


def test_a_rollback_run_again_changes_nothing(root):
    for release in (A, B, C):
        root.switch(release, "switch")
    assert [roll_back(root) for _run in range(3)] == [B, B, B]
    assert root.live() == B


def test_after_a_rollback_and_a_new_switch_the_next_rollback_goes_back_from_there(root):
    root.switch(A, "switch")
    root.switch(B, "switch")
    roll_back(root)
    root.switch(C, "switch")
    assert roll_back(root) == A


def test_the_same_release_deployed_again_after_a_rollback_can_be_rolled_back_again(root):
    root.switch(A, "switch")
    root.switch(B, "switch")
    roll_back(root)
    root.switch(B, "switch")
    assert roll_back(root) == A


def test_a_release_that_is_gone_is_passed_over(root):
    for release in (A, B, C):
        root.switch(release, "switch")
    root.remove(B)
    assert root.rollback_target(None) == A


def test_a_release_that_is_not_complete_is_passed_over(root):
    for release in (A, B, C):
        root.switch(release, "switch")
    os.unlink(os.path.join(root.folder(B), "release.json"))
    assert root.rollback_target(None) == A


def test_without_a_release_before_there_is_none_to_go_back_to(root, refused):
    with refused("FERRY-INSTALL-003", "the first one", A):
        root.rollback_target(None)
    root.switch(A, "switch")
    with refused("FERRY-INSTALL-003", A, B, C, "ferry_release"):
        root.rollback_target(None)
    assert root.live() == A


def test_on_an_empty_root_there_is_none_to_go_back_to(tmp_path, refused):
    with refused("FERRY-INSTALL-003", "none"):
        Root(str(tmp_path)).rollback_target(None)


def test_a_named_release_is_gone_back_to_however_old(root):
    for release in (A, B, C):
        root.switch(release, "switch")
    assert roll_back(root, A) == A and root.live() == A
    assert roll_back(root, A) == A
    assert roll_back(root) == A, "the last switch was a rollback already"


@pytest.mark.parametrize("named", ["cpu-000000000000", "../releases", "..", "."])
def test_a_named_release_that_is_not_here_is_refused_with_those_that_are(root, refused, named):
    root.switch(A, "switch")
    with refused("FERRY-INSTALL-004", A, B, C):
        root.rollback_target(named)


def test_a_named_release_that_is_not_complete_is_refused(root, refused):
    os.unlink(os.path.join(root.folder(B), "release.json"))
    with refused("FERRY-INSTALL-004", B):
        root.rollback_target(B)


def test_a_switch_that_was_killed_before_its_rename_is_no_switch(root, monkeypatch):
    root.switch(A, "switch")
    root.switch(B, "switch")
    half_switch(root, C, "switch", monkeypatch)
    assert root.live() == B
    assert roll_back(root) == A


def test_a_rollback_that_was_killed_before_its_rename_is_done_by_the_next_run(root, monkeypatch):
    for release in (A, B, C):
        root.switch(release, "switch")
    half_switch(root, B, "rollback", monkeypatch)
    assert root.live() == C
    assert [roll_back(root), roll_back(root)] == [B, B]


def test_a_full_disk_during_a_switch_leaves_the_old_one_live_and_nothing_half_made(
    root, refused, full_disk, snapshot, tmp_path
):
    from ansible_collections.airgap.ferry.plugins.module_utils.bundle import files

    root.switch(A, "switch")
    before = snapshot(tmp_path)
    full_disk(files, 1)
    with refused("FERRY-IO-001"):
        root.switch(B, "switch")
    assert snapshot(tmp_path) == before


def test_the_history_stays_bounded(root, tmp_path):
    for turn in range(110):
        root.switch((A, B)[turn % 2], "switch")
    assert len(canonical.loads((tmp_path / "switches.json").read_bytes(), "switches.json", 1 << 20)["switches"]) == 100
    assert root.rollback_target(None) == A


def test_a_pointer_that_is_no_link_is_never_replaced_blindly(root, tmp_path, refused):
    (tmp_path / "current").mkdir()
    with refused("FERRY-IO-002", str(tmp_path / "current")):
        root.live()


def test_a_marker_of_another_release_counts_for_nothing(root, refused):
    os.rename(os.path.join(root.folder(A), "release.json"), os.path.join(root.folder(B), "release.json"))
    with refused("FERRY-BUNDLE-007", B):
        root.read(B)
    assert root.read(A) is None


def test_a_removed_release_is_gone_whole(root):
    root.remove(A)
    assert not os.path.exists(root.folder(A)) and root.read(A) is None


def test_a_release_that_is_half_removed_is_not_complete(root, killed_at):
    for name in "xyz":
        os.makedirs(os.path.join(root.folder(A), name, name))
    assert killed_at(2, lambda: root.remove(A))
    assert os.path.isdir(root.folder(A)) and root.read(A) is None
    root.remove(A)
    assert not os.path.exists(root.folder(A))
