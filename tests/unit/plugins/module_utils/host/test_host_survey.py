# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is: every interpreter asked for itself, each fact measured or None, nothing that hangs."""

from __future__ import annotations

import builtins
import os
import platform
import shutil
import subprocess
import sys
import time

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.host import facts, gpu, survey

XY = "%d.%d" % sys.version_info[:2]


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Put a program on a PATH that has no other; nothing lies elsewhere, and the usual places are empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(survey, "_ELSEWHERE", ())
    monkeypatch.setattr(survey.os.path, "isfile", lambda name, real=os.path.isfile: real(name) and not _is_usual(name))

    def put(name, script):
        (folder / name).write_text("#!/bin/sh\n%s\n" % script)
        (folder / name).chmod(0o755)
        return str(folder / name)

    return put


def _is_usual(name):
    return os.path.dirname(name) in ("/usr/bin", "/usr/local/bin")


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Let the room read ``{path: text}`` in place of the system's files; a path that is not in it is not there."""

    def give(texts):
        def patched(path, *arguments, **options):
            if path not in texts:
                raise FileNotFoundError(path)
            (tmp_path / "text").write_text(texts[path])
            return builtins.open(str(tmp_path / "text"), *arguments, **options)

        for room in (survey, facts):
            monkeypatch.setattr(room, "open", patched, raising=False)

    return give


def test_an_interpreter_answers_for_itself(path):
    named = path("python" + XY, 'exec %s "$@"' % sys.executable)
    found = survey.interpreters(None)
    assert [(python["path"], python["origin"]) for python in found] == [(named, "path")]
    python = found[0]
    assert (python["version"], python["implementation"]) == (platform.python_version(), sys.implementation.name)
    assert python["bits"] == (64 if sys.maxsize > 2**32 else 32)
    assert python["libc"] == "-".join(platform.libc_ver())
    assert python["venv"] is True
    assert python["distutils"] is (True if sys.version_info < (3, 12) else None)
    markers = pytest.importorskip("packaging.markers").default_environment()
    assert python["markers"] == {name: value for name, value in markers.items() if name in python["markers"]}
    assert len(python["markers"]) == 11
    tags = pytest.importorskip("packaging.tags")
    assert python["tag"] in [str(tag) for tag in tags.sys_tags()]


def test_one_python_under_several_names_is_told_once_and_the_named_one_is_first(path, tmp_path):
    usual = path("python" + XY, 'exec %s "$@"' % sys.executable)
    path("python3", 'exec %s "$@"' % sys.executable)
    assert [python["path"] for python in survey.interpreters(None)] == [usual]
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    found = survey.interpreters(str(link))
    assert [(python["path"], python["origin"]) for python in found] == [(str(link), "named")]


@pytest.mark.parametrize("how", ["--symlinks", "--copies"])
def test_an_environment_is_the_python_that_it_was_made_from(path, tmp_path, how):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", how, str(tmp_path / "venv")], check=True)
    inside = str(tmp_path / "venv" / "bin" / "python")
    path("python" + XY, 'exec %s "$@"' % sys.executable)
    assert [python["path"] for python in survey.interpreters(inside)] == [inside]


def test_what_lies_elsewhere_must_be_named_and_its_helpers_are_not_run(path, tmp_path, monkeypatch):
    folder = tmp_path / "opt"
    folder.mkdir()
    for name in ("python3.9", "python3.9-config"):
        (folder / name).write_text("#!/bin/sh\ntouch %s/ran-%s\n%s" % (tmp_path, name, _said("3.9.19", name)))
        (folder / name).chmod(0o755)
    monkeypatch.setattr(survey, "_ELSEWHERE", (str(folder / "python3.*"),))
    monkeypatch.setattr(survey.sys, "executable", "")
    found = survey.interpreters(None)
    assert [(python["path"], python["origin"]) for python in found] == [(str(folder / "python3.9"), "elsewhere")]
    assert not (tmp_path / "ran-python3.9-config").exists()


def _said(version, base):
    return """echo '{"base": "%s", "version": "%s", "implementation": "cpython", "tag": null, "markers": {}}'""" % (
        base,
        version,
    )


@pytest.mark.parametrize(
    "script", ["exit 1", "echo words", "echo '[]'", "kill -9 $$", _said("3.7.17", "/x"), _said("2.7.18", "/x")]
)
def test_what_is_no_python_or_too_old_is_not_told(path, monkeypatch, script):
    path("python3.9", script)
    monkeypatch.setattr(survey.sys, "executable", "")
    assert survey.interpreters(None) == []


def test_an_interpreter_that_hangs_is_given_up_within_the_limit(path, monkeypatch):
    path("python3.9", "sleep=%s\nexec $sleep 30" % shutil.which("sleep", path="/bin:/usr/bin"))
    monkeypatch.setattr(survey, "_SECONDS", 0.5)
    monkeypatch.setattr(survey.sys, "executable", "")
    started = time.monotonic()
    assert survey.interpreters(None) == []
    assert time.monotonic() - started < 5


def test_nothing_of_the_users_environment_speaks_for_an_interpreter(path, monkeypatch, tmp_path):
    path("python" + XY, 'exec %s "$@"' % sys.executable)
    (tmp_path / "venv.py").write_text("raise SystemExit(1)")
    path("python3.20", 'test -z "$PYTHONPATH" && ' + _said("3.20.1", "/a"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    first, second = survey.interpreters(None)
    assert first["version"] == "3.20.1" and second["venv"] is True


def test_the_driver_is_told_with_its_devices(path):
    path(
        "nvidia-smi",
        "echo '0, NVIDIA H200, GPU-a, 580.65.06, 143771, Disabled, 0'; echo '1, NVIDIA H200, GPU-b, 580.65.06, [N/A], Disabled, 0'",
    )
    assert survey.driver() == {
        "outcome": "ok",
        "reason": None,
        "version": "580.65.06",
        "devices": [{"name": "NVIDIA H200", "memory_mib": 143771}, {"name": "NVIDIA H200", "memory_mib": None}],
    }


def test_a_driver_that_hangs_is_given_up_within_the_limit(path, monkeypatch):
    path("nvidia-smi", "exec %s 30" % shutil.which("sleep", path="/bin:/usr/bin"))
    monkeypatch.setattr(survey, "_SECONDS", 1)
    started = time.monotonic()
    found = survey.driver()
    assert time.monotonic() - started < 5
    assert (found["outcome"], found["version"], found["devices"]) == ("timeout", None, [])


def test_this_host_is_measured_as_it_says_of_itself(tmp_path):
    found = survey.survey(str(tmp_path), None)
    assert found["kernel"] == platform.release() and found["cpu"]["count"] == os.cpu_count()
    assert found["os"] == "linux" and found["arch"] in ("x86_64", "aarch64")
    with open("/proc/meminfo") as stream:
        total = int(stream.readline().split()[1]) * 1024
    assert abs(found["memory_bytes"] - total) < total // 100
    assert found["libc"] == "-".join(platform.libc_ver()) or not platform.libc_ver()[0]
    assert found["named_python"] is None and found["long_paths"] is None
    assert any(python["version"] == platform.python_version() for python in found["pythons"])
    assert not _floats(found), "canonical JSON holds none"


def _floats(value):
    if isinstance(value, dict):
        value = list(value.values())
    return any(map(_floats, value)) if isinstance(value, list) else isinstance(value, float)


def test_the_flags_are_those_of_the_processor_or_not_known(files):
    files({"/proc/cpuinfo": "model name\t: AMD EPYC  \nflags\t\t: fpu avx2 fma\nflags\t\t: avx\n"})
    found = survey.cpu()
    assert found["model"] == "AMD EPYC"
    assert found["flags"] == {"avx": False, "avx2": True, "fma": True, "avx512f": False}
    files({"/proc/cpuinfo": "Features\t: fp asimd\n"})
    assert survey.cpu()["flags"] == dict.fromkeys(("avx", "avx2", "fma", "avx512f"))
    files({})
    assert survey.cpu()["model"] is None


@pytest.mark.parametrize(
    "texts, expected",
    [
        ({"/etc/os-release": 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\n'}, ("Debian GNU/Linux", "12")),
        ({"/etc/os-release": "NAME=Alpine\nVERSION_ID=3.20.1\n"}, ("Alpine", "3.20.1")),
        ({"/usr/lib/os-release": "NAME='openEuler'\n"}, ("openEuler", None)),
        ({}, (None, None)),
    ],
)
def test_the_distribution_is_what_os_release_says(files, texts, expected):
    files(texts)
    assert tuple(survey.distribution().values()) == expected


@pytest.mark.parametrize(
    "texts, expected",
    [
        ({"/sys/fs/selinux/enforce": "1"}, "enforcing"),
        ({"/sys/fs/selinux/enforce": "0"}, "permissive"),
        ({"/proc/filesystems": "nodev\tproc\n\text4\n"}, "disabled"),
        ({"/proc/filesystems": "nodev\tselinuxfs\n"}, None),
        ({}, None),
    ],
)
def test_selinux_is_its_mode_or_not_known(files, texts, expected):
    files(texts)
    assert facts.selinux() == expected


def test_the_libc_is_glibc_or_musl_or_not_known(monkeypatch, tmp_path):
    monkeypatch.setattr(survey.os, "confstr", lambda _name: "glibc 2.17")
    assert survey.libc() == "glibc-2.17"

    def unknown(_name):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(survey.os, "confstr", unknown)
    loader = tmp_path / "ld-musl-x86_64.so.1"
    monkeypatch.setattr(survey.glob, "glob", lambda _pattern: [str(loader)])
    assert survey.libc() is None
    loader.write_text("#!/bin/sh\necho 'musl libc (x86_64)\nVersion 1.2.5\nDynamic Program Loader' >&2\nexit 1\n")
    loader.chmod(0o755)
    assert survey.libc() == "musl-1.2.5"


def test_the_room_is_that_of_the_folder_that_will_hold_the_releases(tmp_path):
    root = str(tmp_path / "not" / "yet")
    found = survey.room(root)
    there = os.statvfs(str(tmp_path))
    assert found["path"] == root and not os.path.exists(root)
    assert abs(found["free_bytes"] - there.f_bavail * there.f_frsize) < 1 << 30
    assert found["noexec"] is bool(there.f_flag & os.ST_NOEXEC)
    assert survey.room(None) == dict.fromkeys(("path", "free_bytes", "free_inodes", "noexec"))


def test_noexec_and_a_file_system_that_counts_no_inodes_are_told(tmp_path, monkeypatch):
    there = os.statvfs(str(tmp_path))
    fields = list(there)
    fields[5], fields[8] = 0, there.f_flag | os.ST_NOEXEC
    monkeypatch.setattr(facts.os, "statvfs", lambda _path: os.statvfs_result(fields))
    found = survey.room(str(tmp_path))
    assert (found["free_inodes"], found["noexec"]) == (None, True)


def test_the_driver_is_asked_within_a_limit(monkeypatch):
    asked = []
    monkeypatch.setattr(
        gpu, "driver", lambda seconds: asked.append(seconds) or {"outcome": "absent", "reason": "", "devices": []}
    )
    survey.driver()
    assert asked == [survey._SECONDS] and 0 < survey._SECONDS <= 60
