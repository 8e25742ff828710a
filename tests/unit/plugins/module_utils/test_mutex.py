# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time: the second is told who holds the lock, and a dead process holds none."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils import mutex

COLLECTIONS = pathlib.Path(__file__).resolve().parents[4] / ".ansible" / "collections"
HOLD = """
import sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.airgap.ferry.plugins.module_utils import mutex
with mutex.only_run(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of the folder; its stdin ends it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(COLLECTIONS), str(tmp_path / "root")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_the_lock_makes_its_folder_and_is_free_after(tmp_path):
    for _run in range(2):
        with mutex.only_run(str(tmp_path / "new" / "root")):
            assert (tmp_path / "new" / "root" / ".lock").read_text() == "%d\n" % os.getpid()


def test_a_second_process_is_refused_and_told_who_holds_the_lock(tmp_path, holder, refused):
    with refused("FERRY-IO-003", "process %d;" % holder.pid, str(tmp_path / "root")), mutex.only_run(
        str(tmp_path / "root")
    ):
        pytest.fail("two runs at once")


def test_the_lock_is_free_when_its_run_has_ended(tmp_path, holder):
    holder.communicate("", timeout=30)
    with mutex.only_run(str(tmp_path / "root")):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(timeout=30)
    assert (tmp_path / "root" / ".lock").read_text() == "%d\n" % holder.pid
    with mutex.only_run(str(tmp_path / "root")):
        assert (tmp_path / "root" / ".lock").read_text() == "%d\n" % os.getpid()


def test_a_child_that_outlives_its_run_does_not_keep_the_lock(tmp_path):
    with mutex.only_run(str(tmp_path)):
        child = subprocess.Popen(["sleep", "60"])
    try:
        with mutex.only_run(str(tmp_path)):
            pass
    finally:
        child.kill()
        child.wait()


def test_the_lock_is_free_after_an_error_in_the_run(tmp_path):
    with pytest.raises(ValueError), mutex.only_run(str(tmp_path)):
        raise ValueError("boom")
    with mutex.only_run(str(tmp_path)):
        pass


def test_other_folders_are_not_held(tmp_path, holder):
    with mutex.only_run(str(tmp_path / "other")):
        pass


def test_of_many_at_once_one_wins(tmp_path, refused):
    entered, start, release = [], threading.Barrier(6), threading.Event()

    def run():
        start.wait()
        try:
            with mutex.only_run(str(tmp_path)):
                entered.append("in")
                release.wait(30)
        except mutex.FerryError as error:
            entered.append(error.code)
        if len(entered) == 6:
            release.set()

    threads = [threading.Thread(target=run) for _thread in range(6)]
    for thread in threads:
        thread.start()
    while len(entered) < 6:
        threads[0].join(0.01)
    release.set()
    for thread in threads:
        thread.join(30)
    assert sorted(entered) == ["FERRY-IO-003"] * 5 + ["in"]


@contextlib.contextmanager
def ordinary_user():
    """Whoever runs the tests, but for root, who may write anywhere."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_that_may_not_be_written_is_said_plainly(refused):
    # Not in tmp_path, whose parents are its user's alone.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        with ordinary_user(), refused("FERRY-IO-002", folder), mutex.only_run(folder):
            pass
