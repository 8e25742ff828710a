# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place that cannot hold a release says so before anything is written: real mounts, other owners, a real lack of inodes."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.host import facts, preflight
from ansible_collections.airgap.ferry.plugins.module_utils.host.install import Installation
from ansible_collections.airgap.ferry.plugins.modules import pip_offline

NOBODY = 65534


@pytest.fixture
def mount(tmp_path):
    """Mount a file system for the test: ``mount(*arguments of mount)`` gives its folder."""
    mounted = []

    def at(*arguments):
        place = tmp_path / ("mount%d" % len(mounted))
        place.mkdir()
        done = subprocess.run(["mount", *arguments, str(place)], check=False, capture_output=True)
        if done.returncode != 0:
            pytest.skip("only root may mount here")
        mounted.append(place)
        return place

    yield at
    for place in reversed(mounted):
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def asked(tmp_path, make_bundle, make_wheel, wheels):
    """The options of a host for a bundle of 300 small files, as the module has them; ``changes`` to its one profile."""

    def ask(root, changes=None, **others):
        many = make_wheel(tmp_path / "many", "many", contents={"many/%d.txt" % number: b"x" for number in range(300)})
        made = make_bundle(tmp_path / "built", [*wheels.packages, many], wheels.installers, changes=changes)
        (tmp_path / "depot").mkdir(exist_ok=True)
        if not (tmp_path / "depot" / made.id).exists():
            shutil.copytree(made.path, str(tmp_path / "depot" / made.id))
        shutil.rmtree(made.path)
        options = {
            "root": str(root),
            "bundle_id": made.id,
            "depot_url": (tmp_path / "depot").as_uri(),
            "profile": "cpu",
            "python": sys.executable,
            "installer": "pip",
            "compile_bytecode": False,
            "manifest": None,
            "state": "present",
        }
        return dict(options, **others)

    return ask


@pytest.fixture
def refused_untouched(refused, snapshot):
    """``refused_untouched(options, code, *told)``: the run and the check run refuse alike, and nothing under the root's parent changes."""

    def run(options, code, *told):
        above = os.path.dirname(options["root"])
        before = snapshot(above)
        messages = []
        for check_mode in (False, True):
            with refused(code, *told) as caught:
                pip_offline.install(options, check_mode)
            messages.append(caught.message)
            assert snapshot(above) == before
        assert messages[0] == messages[1]
        return messages[0]

    return run


def test_a_noexec_place_is_refused_untouched(mount, asked, refused_untouched):
    place = mount("-t", "tmpfs", "-o", "noexec,size=64m", "ferry")
    refused_untouched(asked(place / "root"), "FERRY-HOST-006", str(place), "mounted noexec", "ferry_root")
    subprocess.run(["mount", "-o", "remount,exec", str(place)], check=True)
    assert preflight.place(str(place / "root")) == []


def test_what_fails_on_a_noexec_place_is_modules_and_scripts_and_not_the_python(mount):
    """Why it is refused, and why nothing but a question to the mount would tell before the release is verified."""
    place = mount("-t", "tmpfs", "-o", "noexec,size=64m", "ferry")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place / "venv")], check=True)
    python = str(place / "venv" / "bin" / "python")
    subprocess.run([python, "-c", "pass"], check=True)
    module = subprocess.run(
        [sys.executable, "-c", "import _ctypes; print(_ctypes.__file__)"], check=True, capture_output=True, text=True
    ).stdout.strip()
    shutil.copy(module, str(place))
    load = (
        "import sys; from importlib.machinery import ExtensionFileLoader, ModuleSpec; "
        "ExtensionFileLoader('_ctypes', sys.argv[1]).create_module(ModuleSpec('_ctypes', None, origin=sys.argv[1]))"
    )
    command = [python, "-c", load, str(place / os.path.basename(module))]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode != 0 and "failed to map segment" in done.stderr, done.stderr
    (place / "script").write_text("#!/bin/sh\n")
    (place / "script").chmod(0o755)
    with pytest.raises(PermissionError):
        subprocess.run([str(place / "script")], check=False)


def test_a_read_only_place_is_refused_untouched_even_for_root(mount, asked, refused_untouched, tmp_path):
    (tmp_path / "data" / "root").mkdir(parents=True)
    place = mount("--bind", str(tmp_path / "data"))
    subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)
    refused_untouched(asked(place / "root"), "FERRY-HOST-007", str(place / "root"), "mounted read-only", "ferry_root")
    assert preflight.place(str(tmp_path / "data" / "root")) == [], "the same folder, not by the bind mount"


def test_too_few_inodes_are_said_before_anything_is_written(mount, asked, refused_untouched):
    place = mount("-t", "tmpfs", "-o", "nr_inodes=40,size=64m", "ferry")
    refused_untouched(asked(place / "root"), "FERRY-HOST-003", str(place / "root"), "free inodes", "df -i")


def test_too_few_inodes_for_what_wheels_hold_are_said_before_the_release_is_begun(mount, asked, refused):
    place = mount("-t", "tmpfs", "-o", "nr_inodes=250,size=64m", "ferry")
    options = asked(place / "root")
    with refused("FERRY-HOST-003", str(place / "root"), "free inodes"):
        pip_offline.install(options, False)
    assert not (place / "root" / "releases").exists() and (place / "root" / "cache" / "files").is_dir()
    with refused("FERRY-HOST-003", "free inodes"):  # with the wheels in the cache the check run knows it too
        pip_offline.install(options, True)
    subprocess.run(["mount", "-o", "remount,nr_inodes=5000", str(place)], check=True)
    assert Installation(options, keep_manifest=False).release


def test_inodes_that_run_out_all_the_same_are_an_error_that_says_where_to_look(mount, tmp_path, refused):
    place = mount("-t", "tmpfs", "-o", "nr_inodes=3,size=1m", "ferry")
    (place / "one").write_text("")
    (place / "two").write_text("")
    with refused("FERRY-IO-001", str(place / "three"), "df -i"):
        (place / "three").write_text("")


def test_all_problems_are_in_one_message_with_their_codes(mount, asked, refused_untouched):
    place = mount("-t", "tmpfs", "-o", "noexec,nr_inodes=40,size=64m", "ferry")
    subprocess.run(["mount", "-o", "remount,ro,noexec", str(place)], check=True)
    options = asked(place / "root", changes={"libc": "glibc-2.999"}, python="/bin/false")
    codes = ("HOST-001", "HOST-002", "HOST-006", "HOST-007", "HOST-003")
    told = ["(%d) FERRY-%s: " % item for item in enumerate(codes, 1)]
    refused_untouched(options, "FERRY-HOST-005", "5 things", *told, "/bin/false", "glibc-2.999", "noexec", "read-only")


@pytest.fixture
def ordinary():
    """A folder that anybody can reach, and ``run(options)``, which asks as an ordinary user: code and message, or None."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ut-", dir="/tmp"))
    folder.chmod(0o755)

    def run(options):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            said = "nothing was refused"
            try:
                os.setgid(NOBODY)
                os.setgroups([])
                os.setuid(NOBODY)
                try:
                    preflight.refuse(preflight.place(options["root"]))
                    said = None
                except preflight.FerryError as error:
                    said = [error.code, error.message]
            except BaseException as error:  # noqa: B036  # the child must never return into pytest
                said = repr(error)
            finally:
                os.write(writing, json.dumps(said).encode())
                os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading) as stream:
            return json.loads(stream.read())

    yield folder, run
    shutil.rmtree(str(folder))


def test_a_place_of_another_owner_is_refused_untouched(ordinary, snapshot):
    folder, run = ordinary
    root = folder / "root"
    for there in (folder, root, root / "cache", root / "cache" / "files"):
        there.mkdir(exist_ok=True)
        before = snapshot(folder)
        code, message = run({"root": str(root)})
        assert code == "FERRY-HOST-007" and snapshot(folder) == before
        for words in ("%s: expected" % there, "user nobody", "owner root and mode 0755", "ansible_become"):
            assert words in message, message
        os.chown(str(there), NOBODY, NOBODY)
    assert run({"root": str(root)}) is None


def test_the_lock_of_another_user_is_in_the_way(ordinary):
    folder, run = ordinary
    root = folder / "root"
    root.mkdir()
    os.chown(str(root), NOBODY, NOBODY)
    (root / ".lock").write_text("1\n")
    (root / ".lock").chmod(stat.S_IRUSR | stat.S_IWUSR)
    code, message = run({"root": str(root)})
    assert code == "FERRY-HOST-007" and str(root / ".lock") in message
    os.chown(str(root / ".lock"), NOBODY, NOBODY)
    assert run({"root": str(root)}) is None


def test_where_selinux_enforces_a_denial_names_it(ordinary, monkeypatch):
    """A denial by SELinux is a permission that is lacking, for the kernel's answer is the same."""
    folder, run = ordinary
    monkeypatch.setattr(facts, "selinux", lambda: "enforcing")
    code, message = run({"root": str(folder / "root")})
    assert code == "FERRY-HOST-007" and "SELinux enforcing (ausearch -m avc)" in message


def test_selinux_is_told_and_a_late_clock_warned_of(asked, tmp_path):
    result = pip_offline.install(asked(tmp_path / "root", bundle_serial=1 << 40), True)
    assert result["selinux"] == facts.selinux() and "set the clock" in result["warnings"][0]
    assert "days before" in result["warnings"][0]
    assert "warnings" not in pip_offline.install(asked(tmp_path / "root", bundle_serial=1), True)
