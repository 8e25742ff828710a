# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The launcher: what it starts stays in the release that was live at its start."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.host import launcher, processes, prune
from ansible_collections.airgap.ferry.plugins.module_utils.host.release import Root
from ansible_collections.airgap.ferry.plugins.modules import pip_offline

A, B = "cpu-aaaaaaaaaaaa", "cpu-bbbbbbbbbbbb"
LATE = "import sys; print('ready', flush=True); input(); import late; print(late.WHERE, *sys.argv[1:])"


@pytest.fixture(scope="module")
def environments(tmp_path_factory):
    """A root with two releases, each a real environment with a module ``late`` that says which one it is of."""
    root = Root(str(tmp_path_factory.mktemp("launcher") / "a root"))
    for release in (A, B):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", root.folder(release)], check=True)
        site = root.site(release, "%d.%d" % sys.version_info[:2])
        with open(os.path.join(site, "late.py"), "w") as stream:
            stream.write("WHERE = %r\n" % release)
        root.complete(release, {"packages": {}, "python": "3.11.2"})
    return root


@pytest.fixture
def root(environments):
    """The same, with A live."""
    environments.switch(A, "switch")
    return environments


def start(*command):
    """A process that has begun and imports ``late`` when it is told to."""
    process = subprocess.Popen(
        [*command, "-c", LATE, "x y", "*"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


def say(*command, **options):
    """What a program ends with: exit code, output, what it said of errors."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    return done.returncode, done.stdout.strip(), done.stderr


def test_what_the_launcher_started_imports_from_its_own_release_after_a_switch(root):
    stays = start(launcher.path(root.path))
    # As it would be without: the fault is real.
    moves = start(os.path.join(root.path, "current", "bin", "python"))
    root.switch(B, "switch")
    assert stays.communicate("\n", timeout=60)[0] == A + " x y *\n"
    assert moves.communicate("\n", timeout=60)[0] == B + " x y *\n"
    assert start(launcher.path(root.path)).communicate("\n", timeout=60)[0] == B + " x y *\n"


def test_a_process_of_the_launcher_is_the_python_itself_and_is_seen_to_use_its_release_alone(root):
    process = start(launcher.path(root.path))
    root.switch(B, "switch")
    history = root._history()
    try:
        assert processes.users(root.path, {A, B}, history) == {A: [process.pid]}
    finally:
        process.communicate("\n", timeout=60)


def test_its_children_are_of_the_same_release(root):
    child = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])"
    process = start(launcher.path(root.path), "-c", child)
    root.switch(B, "switch")
    assert process.communicate("\n", timeout=60)[0] == A + " x y *\n"


@pytest.mark.parametrize("how", ["link", "path", "relative", "shebang", "sh"])
def test_however_it_is_called_it_finds_its_root(root, tmp_path, how):
    code = "import late; print(late.WHERE)"
    place = launcher.path(root.path)
    if how == "link":
        (tmp_path / "ferry-python").symlink_to(place)
        found = say(str(tmp_path / "ferry-python"), "-c", code)
    elif how == "path":
        found = say("ferry-python", "-c", code, env={"PATH": os.path.dirname(place) + os.pathsep + os.environ["PATH"]})
    elif how == "relative":
        found = say("./ferry-python", "-c", code, cwd=os.path.dirname(place))
    elif how == "sh":
        found = say("sh", place, "-c", code)
    else:
        (tmp_path / "root").symlink_to(root.path)  # a path in "#!" has no blank
        (tmp_path / "script").write_text("#!%s\n%s\n" % (launcher.path(str(tmp_path / "root")), code))
        (tmp_path / "script").chmod(0o755)
        found = say(str(tmp_path / "script"))
    assert found == (0, A, "")


def test_the_exit_code_and_signals_are_the_programs_own(root):
    assert say(launcher.path(root.path), "-c", "raise SystemExit(7)")[0] == 7
    assert say(launcher.path(root.path), "-c", "import os; os.kill(os.getpid(), 9)")[0] == -9


@pytest.mark.parametrize("current", [None, "releases/cpu-000000000000", "releases/hollow", "nowhere/at/all"])
def test_without_a_live_release_it_says_so_in_one_sentence(tmp_path, current):
    launcher.write(str(tmp_path))
    (tmp_path / "releases" / "hollow" / "bin").mkdir(parents=True)
    (tmp_path / "releases" / "hollow" / "bin" / "python").symlink_to("/usr/bin/python-that-was-removed")
    if current:
        (tmp_path / "current").symlink_to(current)
    code, output, said = say(launcher.path(str(tmp_path)), "-c", "pass")
    assert (code, output, said.count("\n")) == (127, "", 1)
    assert said.startswith("ferry-python: %s/current leads to no release" % tmp_path) and "deploy.yml" in said


def test_it_is_written_once_and_again_where_it_was_changed(tmp_path):
    root, place = str(tmp_path / "root"), tmp_path / "root" / "bin" / "ferry-python"
    before = os.umask(0o077)
    try:
        launcher.write(root)
    finally:
        os.umask(before)
    assert launcher.is_right(root) and place.stat().st_mode & 0o7777 == 0o755
    first = place.stat().st_ino
    launcher.write(root)
    assert place.stat().st_ino == first
    for spoil in (
        lambda: place.chmod(0o644),
        lambda: place.write_text("#!/bin/sh\n"),
        lambda: place.write_bytes(place.read_bytes() + b"\n"),
        lambda: (place.unlink(), place.symlink_to("/bin/true")),
        place.unlink,
    ):
        spoil()
        assert not launcher.is_right(root)
        launcher.write(root)
        assert launcher.is_right(root)
    assert os.listdir(str(place.parent)) == ["ferry-python"]


def test_a_kill_at_any_point_leaves_the_old_or_the_new_one_and_the_next_run_no_leftover(tmp_path, killed_at):
    root, place = str(tmp_path), tmp_path / "bin" / "ferry-python"
    step = 1
    while killed_at(step, lambda: launcher.write(root)):
        assert not place.exists() or launcher.is_right(root)
        launcher.write(root)
        assert launcher.is_right(root) and os.listdir(str(tmp_path / "bin")) == ["ferry-python"]
        place.unlink()
        step += 1
    assert step > 2


def test_prune_leaves_the_launcher_and_takes_what_a_killed_run_left_of_one(root, snapshot):
    part = launcher.path(root.path) + ".part-4711"
    with open(part, "w"):
        pass
    result = prune.prune({"root": root.path, "keep_releases": 2}, False)
    assert result["leftovers"] == ["bin/ferry-python.part-4711"] and not os.path.exists(part)
    before = snapshot(os.path.join(root.path, "bin"))
    assert not prune.prune({"root": root.path, "keep_releases": 2}, False)["changed"]
    assert snapshot(os.path.join(root.path, "bin")) == before and launcher.is_right(root.path)


def test_a_deployment_with_nothing_else_to_do_brings_a_missing_launcher(root, monkeypatch):
    wanted = types.SimpleNamespace(root=root, release=A, packages={}, warnings=[], is_built=lambda: True)
    monkeypatch.setattr(pip_offline, "Installation", lambda _options, keep_manifest: wanted)

    def deploy(check_mode):
        return pip_offline.install({"manifest": None, "state": "built"}, check_mode)

    assert not deploy(False)["changed"]
    os.unlink(launcher.path(root.path))
    result = deploy(True)
    assert result["changed"] and result["diff"]["before_header"] == launcher.path(root.path) == result["launcher"]
    assert not launcher.is_right(root.path)
    assert deploy(False)["changed"] and launcher.is_right(root.path)
    assert not deploy(False)["changed"]


def test_windows_has_none_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(launcher.os, "name", "nt")
    launcher.write(str(tmp_path))
    assert os.listdir(str(tmp_path)) == []
