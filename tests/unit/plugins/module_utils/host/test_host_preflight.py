# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is: its Python, its space, its processor; measured, never guessed."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import sys
import types

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.host import facts, preflight
from ansible_collections.airgap.ferry.plugins.module_utils.host import python as python_module
from ansible_collections.airgap.ferry.plugins.module_utils.host.python import describe, environment, find, fits, numbers

XY = "%d.%d" % sys.version_info[:2]


def stand_in(path, version, implementation="cpython"):
    """A program that says of itself what it is told."""
    path.write_text(
        '#!/bin/sh\necho \'{"implementation": "%s", "version": "%s", "base": "/usr", "machine": "x86_64", "libc": "glibc-2.36"}\'\n'
        % (implementation, version)
    )
    path.chmod(0o755)
    return str(path)


def test_a_python_describes_itself():
    found = describe(sys.executable)
    assert (found["path"], found["implementation"], found["version"]) == (
        sys.executable,
        "cpython",
        platform.python_version(),
    )
    assert found["machine"] == platform.machine() and "-" in found["libc"]


@pytest.mark.parametrize("lines", ["exit 1", "echo no json", "kill -9 $$", ""])
def test_a_program_that_is_no_python_is_none(tmp_path, lines):
    (tmp_path / "python").write_text("#!/bin/sh\n%s\n" % lines)
    (tmp_path / "python").chmod(0o755)
    assert describe(str(tmp_path / "python")) is None


def test_a_python_that_hangs_is_none_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(python_module, "_SECONDS", 0.3)
    (tmp_path / "python").write_text("#!/bin/sh\nexec sleep 30\n")
    (tmp_path / "python").chmod(0o755)
    assert describe(str(tmp_path / "python")) is None


@pytest.mark.parametrize(
    "version, floor, expected",
    [
        ("3.11.2", "3.11.2", True),
        ("3.11.9", "3.11.2", True),
        ("3.11.10", "3.11.9", True),
        ("3.11.1", "3.11.2", False),
        ("3.12.9", "3.11.2", False),
        ("3.10.9", "3.11.2", False),
        ("3.9.19", "3.9.2", True),
        ("3.13.0rc2", "3.13.0", True),
    ],
)
def test_a_floor_is_the_same_minor_and_at_least_its_patch(version, floor, expected):
    assert fits(version, floor) is expected


@pytest.mark.parametrize(
    "version, expected",
    [
        ("3.11.2", (3, 11, 2)),
        ("3.13.0rc2", (3, 13, 0)),
        ("525.60.13", (525, 60, 13)),
        ("2.36", (2, 36)),
        ("", (0,)),
        ("x", (0,)),
    ],
)
def test_versions_are_compared_as_numbers(version, expected):
    assert numbers(version) == expected


def test_the_first_fitting_python_of_the_path_is_found(tmp_path, monkeypatch):
    named = stand_in(tmp_path / ("python" + XY), XY + ".99")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find(None, XY + ".50")["path"] == named


def test_a_named_python_is_the_only_one_looked_at(tmp_path, refused, monkeypatch):
    old = stand_in(tmp_path / "old", XY + ".0")
    assert find(old, XY + ".0")["path"] == old
    with refused("FERRY-HOST-001", "%s (%s.0)" % (old, XY), XY + ".5", "ferry_python"):
        find(old, XY + ".5")


def test_another_implementation_is_not_taken(tmp_path, refused):
    with refused("FERRY-HOST-001", "pypy"):
        find(stand_in(tmp_path / "pypy", XY + ".9", "pypy"), XY + ".0")


def test_without_any_python_all_that_was_looked_at_is_told(tmp_path, refused, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with refused("FERRY-HOST-001", "3.99.0", sys.executable):
        find(None, "3.99.0")


def test_nothing_of_the_users_environment_leads_an_installer_astray(monkeypatch):
    for name in ("PIP_INDEX_URL", "UV_INDEX_URL", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"):
        monkeypatch.setenv(name, "astray")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/kept")
    found = environment()
    assert "astray" not in found.values() and found["LD_LIBRARY_PATH"] == "/kept"
    assert (found["UV_OFFLINE"], found["UV_PYTHON_DOWNLOADS"], found["PIP_CONFIG_FILE"]) == ("1", "never", os.devnull)


def profile(**changes):
    return dict(
        {"os": "linux", "arch": "x86_64", "libc": "glibc-2.28", "requires": {"avx": False, "driver": None}}, **changes
    )


@pytest.mark.parametrize(
    "changes, host, told",
    [
        ({}, {}, None),
        ({}, {"libc": "glibc-2.28"}, None),
        ({}, {"libc": "glibc-2.5"}, "expected glibc-2.28 or newer, found glibc-2.5"),
        ({}, {"libc": "glibc-2.27"}, "found glibc-2.27"),
        ({}, {"libc": "-"}, "found another libc"),
        ({}, {"libc": "musl-2.99"}, "found musl-2.99"),
        ({}, {"machine": "aarch64"}, "expected architecture x86_64, found aarch64"),
        ({}, {"machine": "AMD64"}, None),
        ({"arch": "aarch64"}, {"machine": "arm64"}, None),
        ({"os": "windows", "libc": None}, {}, "expected windows, found linux"),
    ],
)
def test_a_host_fits_its_profile_or_is_told_why_not(refused, changes, host, told):
    found = dict({"machine": "x86_64", "libc": "glibc-2.36"}, **host)
    if told is None:
        preflight.check_host("cpu", profile(**changes), found)
    else:
        with refused("FERRY-HOST-002", "profile cpu", told):
            preflight.check_host("cpu", profile(**changes), found)


def test_all_that_does_not_fit_is_in_one_sentence(refused, monkeypatch):
    monkeypatch.setattr(facts, "has_avx", lambda: False)
    with refused("FERRY-HOST-002", "glibc-2.28", "aarch64", "AVX"):
        preflight.check_host(
            "cpu", profile(requires={"avx": True, "driver": None}), {"machine": "aarch64", "libc": "glibc-2.17"}
        )


def test_space_is_asked_for_before_anything_is_fetched(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(facts, "free_bytes", lambda _path: 1000)
    preflight.check_space(str(tmp_path), 400, 300)
    with refused("FERRY-HOST-003", str(tmp_path)):
        preflight.check_space(str(tmp_path), 401, 300)


def test_space_is_asked_for_by_what_wheels_unpack_to(refused, tmp_path, make_wheel, monkeypatch):
    wheel = make_wheel(tmp_path, "zeros", contents={"zeros/zeros.bin": bytes(10 << 20)})
    assert os.path.getsize(wheel) < 1 << 20
    monkeypatch.setattr(facts, "free_bytes", lambda _path: 20 << 20)
    assert preflight.check_unpacked(str(tmp_path), [wheel]) > 10 << 20
    monkeypatch.setattr(facts, "free_bytes", lambda _path: 11 << 20)
    with refused("FERRY-HOST-003", "14 MB", "11 MB"):
        preflight.check_unpacked(str(tmp_path), [wheel])


@pytest.mark.fault(31)
def test_a_path_that_windows_does_not_take_is_refused_before_the_release_is_begun(refused, tmp_path, make_wheel):
    site = "C:\\ferry\\releases\\cpu-0123456789ab\\Lib\\site-packages"
    room = preflight.LONGEST_PATH - len(site) - 1
    longest = "tiny/%s" % ("d" * (room - 5))
    fits_ = make_wheel(tmp_path / "fits", "tiny", contents={longest: b""})
    preflight.check_paths(site, [fits_])
    longer = make_wheel(tmp_path / "longer", "tiny", contents={longest + "d": b""})
    with refused("FERRY-HOST-004", "tiny-1.0-py3-none-any.whl", longest + "d", "260 characters", "at most 259", site):
        preflight.check_paths(site, [fits_, longer])


def test_long_paths_are_asked_of_the_registry_and_only_windows_has_one(monkeypatch):
    monkeypatch.setattr(facts, "winreg", None)
    assert facts.long_paths() is None and facts.registry("SOFTWARE", "x") is None
    # What winreg of Windows gives, in its shape: a key is a context, a value comes with its type.
    for value, expected in ((1, True), (0, False), (None, False)):
        registry = types.SimpleNamespace(
            HKEY_LOCAL_MACHINE=0,
            OpenKey=lambda _root, _key: contextlib.nullcontext(),
            QueryValueEx=lambda _key, name, value=value: (value, 4) if name == "LongPathsEnabled" else None,
        )
        if value is None:
            registry.QueryValueEx = absent
        monkeypatch.setattr(facts, "winreg", registry)
        assert facts.long_paths() is expected


def absent(_key, name):
    raise FileNotFoundError(2, "The system cannot find the file specified", name)


def test_free_space_is_that_of_the_folder_that_will_hold_it(tmp_path):
    there = os.statvfs(str(tmp_path))
    assert abs(facts.free_bytes(str(tmp_path / "not" / "yet")) - there.f_bavail * there.f_frsize) < 1 << 30


def test_a_relative_root_is_no_endless_search(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def give_up(_number, _frame):
        raise AssertionError("no end in a second")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        assert facts.free_bytes(os.path.join("not", "yet")) > 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_avx_is_true_false_or_unknown(monkeypatch, tmp_path):
    import builtins

    real = builtins.open
    for text, expected in (
        ("flags\t\t: fpu avx avx2\n", True),
        ("flags\t\t: fpu avx2 sse\n", False),
        ("Features\t: fp asimd\n", None),
        ("", None),
    ):
        (tmp_path / "cpuinfo").write_text("processor\t: 0\n" + text)
        monkeypatch.setattr(
            facts, "open", lambda _path, **options: real(str(tmp_path / "cpuinfo"), **options), raising=False
        )
        assert facts.has_avx() is expected
    (tmp_path / "cpuinfo").unlink()
    assert facts.has_avx() is None


IPV4 = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth0 00000000 0100A8C0 0003 0 0 0 00000000 0 0 0
eth0 0000000A 0100A8C0 0003 0 0 0 000000FF 0 0 0
ppp0 00000000 00000000 0001 0 0 0 00000000 0 0 0
eth0 0000A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0
lo 0000007F 00000000 0001 0 0 0 000000FF 0 0 0
* 00000000 00000000 0200 0 0 0 00000000 0 0 0
"""
_NOWHERE = "00000000000000000000000000000000"
IPV6 = "".join(
    "%s %s %s 00 %s 00000400 00000001 00000000 %s %s\n" % (to, length, _NOWHERE, by, flags, device)
    for to, length, by, flags, device in [
        ("fe80000000000000" + _NOWHERE[:16], "40", _NOWHERE, "00000001", "eth0"),
        (_NOWHERE, "00", "fd000000000000000000000000000001", "00000003", "eth0"),
        (_NOWHERE, "00", _NOWHERE, "00200200", "lo"),
    ]
)


def test_routes_that_lead_out_are_counted_and_the_hosts_own_network_is_none(monkeypatch, tmp_path):
    import builtins

    real = builtins.open
    (tmp_path / "route").write_text(IPV4)
    (tmp_path / "ipv6_route").write_text(IPV6)
    monkeypatch.setattr(
        facts, "open", lambda path, **options: real(str(tmp_path / os.path.basename(path)), **options), raising=False
    )
    assert facts.routes() == 4
    (tmp_path / "ipv6_route").unlink()
    assert facts.routes() == 3
    (tmp_path / "route").unlink()
    assert facts.routes() is None
