# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is: its Python, its space, its processor; measured, never guessed."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import sys
import types

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import statement
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.host import facts, preflight
from ansible_collections.airgap.ferry.plugins.module_utils.host import python as python_module
from ansible_collections.airgap.ferry.plugins.module_utils.host.python import describe, environment, find, fits, numbers

XY = "%d.%d" % sys.version_info[:2]
ARCH = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())


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
        assert preflight.fit("cpu", profile(**changes), found) == []
    else:
        with refused("FERRY-HOST-002", "profile cpu", told):
            preflight.refuse(preflight.fit("cpu", profile(**changes), found))


def test_all_that_does_not_fit_is_in_one_sentence(refused, monkeypatch):
    monkeypatch.setattr(facts, "has_avx", lambda: False)
    with refused("FERRY-HOST-002", "glibc-2.28", "aarch64", "AVX"):
        preflight.refuse(
            preflight.fit(
                "cpu", profile(requires={"avx": True, "driver": None}), {"machine": "aarch64", "libc": "glibc-2.17"}
            )
        )


def test_without_a_python_the_rest_of_the_host_is_judged_all_the_same(refused):
    with refused("FERRY-HOST-002", "expected glibc-2.999 or newer, found " + "-".join(platform.libc_ver())):
        preflight.refuse(preflight.fit("cpu", profile(libc="glibc-2.999", arch=ARCH), None))


def test_several_problems_are_one_message_with_the_code_of_each(refused):
    preflight.refuse([])
    one, two = FerryError("FERRY-HOST-003", "one; do this."), FerryError("FERRY-HOST-006", "two; do that.")
    with refused("FERRY-HOST-006", "two; do that."):
        preflight.refuse([two])
    with refused("FERRY-HOST-005", "2 things", "(1) FERRY-HOST-003: one; do this. (2) FERRY-HOST-006: two; do that."):
        preflight.refuse([one, two])


@pytest.mark.parametrize("behind, warned", [(-1, False), (86399, False), (86401, True), (400 * 86400, True)])
def test_a_clock_more_than_a_day_behind_the_bundle_is_warned_of(behind, warned):
    serial = 1_795_000_000
    found = preflight.clock(serial, serial - behind)
    assert bool(found) == warned
    if warned:
        assert statement.to_text(serial - behind) + ", %d days before" % (behind // 86400) in found[0]


def test_without_a_serial_no_clock_is_judged():
    assert preflight.clock(None) == []


@pytest.fixture
def disk(monkeypatch, tmp_path):
    """Say how much is free on the disk of the tests, or by what a path begins with."""

    def give(size=1 << 50, inodes=1 << 40, **others):
        def look(path):
            for name, (device, free, nodes) in others.items():
                if path.startswith(str(tmp_path / name)):
                    return {"device": device, "free_bytes": free, "free_inodes": nodes}
            return {"device": 1, "free_bytes": size, "free_inodes": inodes}

        monkeypatch.setattr(facts, "file_system", look)

    return give


def room(tmp_path, wheels=(), fetched=(), compiled=False, uv=False):
    """What a release with these wheels takes; a wheel is a path, or the size of one that is not here."""
    made = preflight.Room(
        str(tmp_path), str(tmp_path / "cache"), str(tmp_path / "releases" / "cpu-aaaaaaaaaaaa"), compiled, uv
    )
    for size in fetched:
        made.fetch({"size": size})
    for wheel in wheels:
        if isinstance(wheel, int):
            made.wheel(str(tmp_path / "cache" / "absent-1.0-py3-none-any.whl"), {"size": wheel})
        else:
            made.wheel(wheel, {"size": os.path.getsize(wheel)})
    return made


def test_space_is_asked_for_before_anything_is_fetched(refused, tmp_path, disk):
    disk(size=1150)
    assert room(tmp_path, [300], [400]).problems() == []
    with refused("FERRY-HOST-003", str(tmp_path), "1 MB free", "found 0 MB", "prune.yml"):
        preflight.refuse(room(tmp_path, [300], [401]).problems())


def test_space_is_asked_for_by_what_wheels_unpack_to(refused, tmp_path, make_wheel, disk):
    wheel = make_wheel(tmp_path, "zeros", contents={"zeros/zeros.bin": bytes(10 << 20)})
    assert os.path.getsize(wheel) < 1 << 20
    disk(size=20 << 20)
    found = room(tmp_path, [wheel])
    assert found.problems() == [] and found.size > 10 << 20
    disk(size=11 << 20)
    with refused("FERRY-HOST-003", "14 MB", "11 MB"):
        preflight.refuse(room(tmp_path, [wheel]).problems())


def test_a_wheel_that_is_damaged_in_the_cache_is_taken_as_one_that_is_not_here(tmp_path):
    (tmp_path / "tiny-1.0-py3-none-any.whl").write_bytes(b"no archive")
    assert room(tmp_path, [str(tmp_path / "tiny-1.0-py3-none-any.whl")]).size == 20


def test_inodes_are_asked_for_with_those_of_folders_and_bytecode(refused, tmp_path, make_wheel, disk):
    """A file, its folder and, compiled, a module and its __pycache__."""
    wheel = make_wheel(tmp_path, "many", contents={"many/%d.py" % number: b"" for number in range(1000)})
    needs = {}
    for compiled, uv in ((False, False), (True, False), (False, True)):
        disk(inodes=0)
        problem = room(tmp_path, [wheel], compiled=compiled, uv=uv).problems()[0]
        needs[compiled, uv] = int(problem.message.split("expected ")[1].split()[0])
        disk(inodes=needs[compiled, uv])
        assert room(tmp_path, [wheel], compiled=compiled, uv=uv).problems() == []
    assert 1000 < needs[False, False] < needs[False, True] < 1200 and 2000 < needs[True, False] < 2200
    disk(size=1, inodes=7)
    with refused("FERRY-HOST-003", "MB free for the new release, found 0 MB and expected", "found 7 (df -i)"):
        preflight.refuse(room(tmp_path, [wheel]).problems())


def test_a_file_system_that_counts_no_inodes_is_not_judged_by_them(tmp_path, disk):
    disk(inodes=None)
    assert room(tmp_path, [300], [400]).problems() == []


def test_a_cache_on_another_disk_is_asked_for_by_itself(refused, tmp_path, make_wheel, disk):
    wheel = make_wheel(tmp_path, "zeros", contents={"zeros/zeros.bin": bytes(10 << 20)})
    disk(size=20 << 20, cache=(2, 1 << 20, 1 << 20))
    assert room(tmp_path, [wheel], [1 << 19]).problems() == []
    with refused("FERRY-HOST-003", str(tmp_path / "cache"), "11 MB", "found 1 MB"):  # uv copies to another disk
        preflight.refuse(room(tmp_path, [wheel], uv=True).problems())
    disk(size=0, cache=(2, 0, 1 << 20))
    with refused("FERRY-HOST-005", str(tmp_path / "cache"), str(tmp_path / "releases")):
        preflight.refuse(room(tmp_path, [wheel], [1]).problems())


def test_what_a_killed_run_left_and_this_one_deletes_first_counts_as_free(tmp_path, make_wheel, disk):
    wheel = make_wheel(tmp_path, "zeros", contents={"zeros/zeros.bin": bytes(10 << 20)})
    disk(size=3 << 20)
    assert room(tmp_path, [wheel]).problems()
    for place in ("releases/cpu-aaaaaaaaaaaa", "releases/.removing/0", "cache/files/.removing/0"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "noise").write_bytes(os.urandom(12 << 20))
        assert room(tmp_path, [wheel]).problems() == [], place
        shutil.rmtree(str(tmp_path / place))
    assert room(tmp_path, [wheel]).problems()


def test_what_lies_unpacked_in_uvs_cache_is_linked_and_needs_no_space(tmp_path, make_wheel, disk):
    wheel = make_wheel(tmp_path, "zeros", contents={"zeros/zeros.bin": bytes(10 << 20)})
    (tmp_path / "cache" / "uv" / "archive-v0" / "x" / "zeros-1.0.dist-info").mkdir(parents=True)
    disk(size=3 << 20)
    assert room(tmp_path, [wheel], uv=True).problems() == []
    assert room(tmp_path, [wheel], uv=False).problems(), "pip copies"


def test_uvs_program_is_unpacked_once(tmp_path, make_wheel, disk):
    wheel = make_wheel(tmp_path, "uv", scripts={"uv": bytes(10 << 20)})
    disk(size=3 << 20)
    for here in (False, True):
        found = room(tmp_path)
        found.program(wheel, {"size": os.path.getsize(wheel), "sha256": "ab" * 32})
        assert bool(found.problems()) != here
        (tmp_path / "cache" / "tools" / ("ab" * 6)).mkdir(parents=True, exist_ok=True)


def test_something_in_the_way_is_named(refused, tmp_path):
    (tmp_path / "file").write_text("")
    with refused("FERRY-HOST-007", str(tmp_path / "file") + ": expected a folder, found something else"):
        preflight.refuse(preflight.place(str(tmp_path / "file" / "root")))
    (tmp_path / "nowhere").symlink_to(tmp_path / "unmounted")
    with refused("FERRY-HOST-007", "nowhere", "a link that leads nowhere"):
        preflight.refuse(preflight.place(str(tmp_path / "nowhere")))
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "bin").write_text("")
    with refused("FERRY-HOST-007", str(tmp_path / "root" / "bin")):
        preflight.refuse(preflight.place(str(tmp_path / "root")))
    (tmp_path / "root" / "bin").unlink()
    (tmp_path / "root" / ".lock").write_text("1\n")
    assert preflight.place(str(tmp_path / "root")) == []


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
    assert (
        abs(facts.file_system(str(tmp_path / "not" / "yet"))["free_bytes"] - there.f_bavail * there.f_frsize) < 1 << 30
    )


def test_a_relative_root_is_no_endless_search(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def give_up(_number, _frame):
        raise AssertionError("no end in a second")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        assert facts.file_system(os.path.join("not", "yet"))["free_bytes"] > 0
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
