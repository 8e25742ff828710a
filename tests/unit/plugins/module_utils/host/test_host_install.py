# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building a release: whole or not at all, the live one untouched, and one more run converges."""

from __future__ import annotations

import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import time
import types

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import files
from ansible_collections.airgap.ferry.plugins.module_utils.host import depot as depot_module
from ansible_collections.airgap.ferry.plugins.module_utils.host import (
    facts,
    install,
    installers,
    preflight,
    wheel_record,
)
from ansible_collections.airgap.ferry.plugins.module_utils.host.install import Installation
from ansible_collections.airgap.ferry.plugins.module_utils.profile import Profile
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import installers as pinned

# A stand-in for uv that unpacks wheels, and fails where FERRY_TEST_UV says so. As quick as the venv around it.
STAND_IN = """#!/bin/sh
[ "$2" = freeze ] && exit 0
case "$FERRY_TEST_UV" in
  full) echo "error: failed to write: No space left on device (os error 28)"; exit 2;;
  fails) echo "error: the reason"; exit 1;;
esac
while [ $# -gt 0 ]; do
  case "$1" in --python) python="$2";; --find-links) wheelhouse="$2";; esac
  shift
done
exec "$python" -I -c '
import glob, os, sys, sysconfig, time, zipfile
site = sysconfig.get_path("purelib")
for wheel in sorted(glob.glob(sys.argv[1] + "/*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    if os.environ.get("FERRY_TEST_UV") == "hangs":
        open(os.path.join(site, "hanging"), "w").close()
        time.sleep(60)
if os.environ.get("FERRY_TEST_UV") == "odd":
    open(os.path.join(site, "odd.pth"), "w").close()
' "$wheelhouse"
"""
PER_INSTALLER = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json"}


@pytest.fixture(scope="session")
def real():
    """The installers that bundles carry, downloaded once into the user's cache."""
    folder = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "airgap.ferry", "tests")
    if platform.system() != "Linux" or platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip("no installers are pinned for this platform")
    here = Profile.from_spec(
        "here",
        {
            "os": "linux",
            "arch": platform.machine(),
            "libc": "glibc-2.17",
            "python": "%d.%d" % sys.version_info[:2],
            "accelerator": "none",
        },
    )
    found = {}
    for package in pinned.installers(here):
        path = folder / package["wheel"]
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--dest",
                str(folder),
                "%s==%s" % (package["name"], package["version"]),
            ]
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
            if done.returncode != 0 or not path.exists():
                pytest.skip("%s cannot be had from the index: %s" % (package["wheel"], done.stderr.strip()[-200:]))
        assert files.sha256_file(str(path)) == package["sha256"]
        found[package["name"]] = str(path)
    return found


@pytest.fixture(scope="session")
def packages(tmp_path_factory, make_wheel):
    """Two packages, one of which needs the other."""
    folder = tmp_path_factory.mktemp("packages")
    return [
        make_wheel(folder, "tiny", scripts={"tiny-tool": b"#!python\nprint('tiny')\n"}),
        make_wheel(folder, "small", "2.1", requires=["tiny"]),
    ]


@pytest.fixture(scope="session")
def plain(tmp_path_factory, make_wheel):
    """Two packages without scripts, which unpacking alone installs."""
    folder = tmp_path_factory.mktemp("plain")
    return [make_wheel(folder, "tiny"), make_wheel(folder, "small", "2.1", requires=["tiny"])]


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory, make_wheel):
    """A uv wheel that holds the stand-in, and a pip wheel that holds nothing."""
    folder = tmp_path_factory.mktemp("stand-in")
    return {
        "pip": make_wheel(folder, "pip", "26.3"),
        "uv": make_wheel(folder, "uv", "0.13.9", scripts={"uv": STAND_IN.encode()}),
    }


class Host:
    """A host with an empty root, and the depot that it installs from."""

    def __init__(self, folder, make_bundle):
        self.root = folder / "root"
        self.depot = folder / "depot"
        self.staging = folder / "built"
        self._make_bundle = make_bundle

    def publish(self, wheels, carried, **options):
        """Build a bundle and lay it where hosts fetch it."""
        made = self._make_bundle(self.staging, wheels, carried, **options)
        self.depot.mkdir(exist_ok=True)
        os.rename(made.path, str(self.depot / made.id))
        return made

    def wants(self, bundle, **changes):
        """The installation of the bundle on this host."""
        options = {
            "root": str(self.root),
            "bundle_id": bundle.id,
            "depot_url": self.depot.as_uri(),
            "profile": "cpu",
            "python": sys.executable,
            "installer": "auto",
            "compile_bytecode": False,
            "manifest": None,
        }
        return Installation(dict(options, **changes), keep_manifest=True)

    def site(self, wanted):
        """The release's site-packages."""
        return wanted.root.site(wanted.release, platform.python_version())

    def releases(self):
        """What lies under releases/, whole or not."""
        folder = self.root / "releases"
        return sorted(os.listdir(str(folder))) if folder.is_dir() else []


@pytest.fixture
def host(tmp_path, make_bundle):
    """A host of one's own."""
    return Host(tmp_path, make_bundle)


@pytest.fixture
def live(host, plain, stand_in):
    """A release that is live, and a function that says that it is as it was."""
    bundle = host.publish(plain[:1], stand_in, name="live")
    wanted = host.wants(bundle)
    wanted.build()
    wanted.root.switch(wanted.release, "switch")
    before = _whole(host, wanted)

    def check():
        assert wanted.root.live() == wanted.release
        assert _whole(host, wanted) == before
        assert host.releases() == [wanted.release]

    return types.SimpleNamespace(untouched=check, release=wanted.release, wanted=wanted)


def _whole(host, wanted):
    found = {}
    for folder, _folders, names in os.walk(wanted.root.folder(wanted.release)):
        for name in names:
            path = os.path.join(folder, name)
            found[path] = os.readlink(path) if os.path.islink(path) else pathlib.Path(path).read_bytes()
    return found


def contents(site):
    """What packages brought, without what each installer notes about itself."""
    return {
        str(path.relative_to(site)): path.read_bytes()
        for path in sorted(pathlib.Path(site).rglob("*"))
        if path.is_file() and path.suffix != ".pyc" and path.name not in PER_INSTALLER
    }


def run_in(wanted, code):
    """What the release's Python prints."""
    return subprocess.run(
        [wanted.root.python(wanted.release), "-I", "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_uv_and_pip_install_the_same_packages_and_only_these(host, real, packages):
    bundle = host.publish(packages, real)
    found = {}
    for kind, compiled in (("uv", False), ("pip", True)):
        wanted = host.wants(bundle, installer=kind, compile_bytecode=compiled)
        assert not wanted.is_built()
        fetched = wanted.build()
        assert wanted.is_built()
        written = wanted.root.read(wanted.release)
        assert (written["installer"], written["bundle"], written["profile"], written["packages"]) == (
            kind,
            bundle.id,
            "cpu",
            {"tiny": "1.0", "small": "2.1"},
        )
        assert written["packages"] == wanted.packages
        assert wheel_record.problems(host.site(wanted)) == []
        assert bool(list(pathlib.Path(host.site(wanted)).rglob("*.pyc"))) == compiled
        assert run_in(wanted, "import small, tiny; print(small.version, tiny.version)") == "2.1 1.0"
        assert (
            subprocess.run(
                [os.path.join(wanted.root.folder(wanted.release), "bin", "tiny-tool")], check=True, capture_output=True
            ).stdout
            == b"tiny\n"
        )
        assert not os.path.exists(os.path.join(wanted.root.folder(wanted.release), ".wheelhouse"))
        found[kind] = contents(host.site(wanted))
        assert fetched["files"] == (5 if kind == "uv" else 0), "the second one finds all in the cache"
    assert found["uv"] == found["pip"] and len(found["uv"]) == 8


@pytest.mark.parametrize("kind", ["uv", "pip"])
def test_what_wheels_ask_for_may_be_missing_in_a_trimmed_profile_alone(host, real, packages, refused, kind):
    """small asks for tiny, which is not carried."""
    with refused("FERRY-INSTALL-001", kind, "tiny"):
        host.wants(host.publish(packages[1:], real), installer=kind).build()
    wanted = host.wants(host.publish(packages[1:], real, name="less", changes={"trim": "inference"}), installer=kind)
    wanted.build()
    assert wheel_record.distributions(host.site(wanted)) == {"small": "2.1"}
    assert wanted.root.read(wanted.release)["trim"] == "inference"


def test_nothing_of_the_hosts_own_pip_or_its_configuration_is_used(host, real, packages, tmp_path, monkeypatch):
    for name in ("pip", "pip3", "uv"):
        (tmp_path / name).write_text("#!/bin/sh\ntouch %s/called\nexit 1\n" % tmp_path)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", "%s%s%s" % (tmp_path, os.pathsep, os.environ["PATH"]))
    for name, value in {
        "PIP_INDEX_URL": "http://127.0.0.1:9",
        "PIP_TARGET": str(tmp_path / "target"),
        "PIP_REQUIRE_VIRTUALENV": "x",
        "UV_INDEX_URL": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    (tmp_path / "home" / ".config" / "pip").mkdir(parents=True)
    (tmp_path / "home" / ".config" / "pip" / "pip.conf").write_text("[global]\ntarget = /nowhere\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    bundle = host.publish(packages, real)
    for kind in ("pip", "uv"):
        wanted = host.wants(bundle, installer=kind, compile_bytecode=kind == "uv")
        wanted.build()
        assert wanted.root.packages(wanted.release) == wanted.packages
    assert not (tmp_path / "called").exists() and not (tmp_path / "target").exists()


@pytest.mark.parametrize("kind", ["uv", "pip"])
def test_a_wheel_that_is_not_as_its_record_says_leaves_nothing_and_the_live_one_untouched(
    host, live, real, tmp_path, make_wheel, refused, kind
):
    lying = make_wheel(
        tmp_path, "liar", lying={"liar/data.txt": b"another"}, unlisted={"smuggled.pth": b"import liar\n"}
    )
    wanted = host.wants(host.publish([lying], real), installer=kind)
    with refused("FERRY-INSTALL-002", "liar/data.txt changed") as caught:
        wanted.build()
    live.untouched()
    assert "smuggled.pth" in caught.message, "a file that RECORD does not name"


@pytest.mark.parametrize("kind, position", [("uv", 0), ("uv", 0.5), ("uv", -1), ("pip", 0.5)])
def test_a_wheel_that_changed_in_the_cache_is_not_installed_and_one_more_run_converges(
    host, live, real, packages, flip, kind, position
):
    bundle = host.publish(packages, real)
    wanted = host.wants(bundle, installer=kind)
    path = "wheels/tiny-1.0-py3-none-any.whl"
    entry = bundle.manifest["files"][path]
    wanted._depot.fetch({path: entry})
    place = wanted._depot.place(entry, path)
    flip(place, int(entry["size"] * position) if position >= 0 else -1)
    try:
        host.wants(bundle, installer=kind).build()
    except (install.FerryError, OSError) as error:  # what running.finish turns into a sentence; nothing else may come
        assert getattr(error, "code", "").startswith(("FERRY-INSTALL-", "FERRY-DEPOT-")), error
        live.untouched()
        host.wants(bundle, installer=kind).build()
    assert wanted.is_built() and files.sha256_file(place) == entry["sha256"]


def test_a_file_changed_inside_an_older_release_does_not_reach_a_new_one(host, real, packages):
    bundle = host.publish(packages, real)
    first = host.wants(bundle, installer="uv")
    first.build()
    with open(os.path.join(host.site(first), "tiny", "data.txt"), "ab") as stream:
        stream.write(b"written into a release, against the rules\n")
    second = host.wants(bundle, installer="uv", compile_bytecode=True)
    try:
        second.build()
    except install.FerryError as error:
        assert error.code == "FERRY-INSTALL-002"
        second.build()
    assert wheel_record.problems(host.site(second)) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB."""
    place = tmp_path / "small"
    place.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], check=False, capture_output=True
        ).returncode
        != 0
    ):
        pytest.skip("only root may mount a small file system here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_while_the_installer_runs_leaves_nothing_and_says_so(
    host, small_disk, real, tmp_path, make_wheel, refused, monkeypatch
):
    big = make_wheel(tmp_path, "big", contents={"big/noise.bin": os.urandom(4 << 20)})
    bundle = host.publish([big], {"pip": real["pip"]})
    host.root = small_disk / "root"
    monkeypatch.setattr(preflight.Room, "problems", lambda _self: [])  # the preflight would have said so before
    wanted = host.wants(bundle)
    with refused("FERRY-IO-001", str(host.root)):
        wanted.build()
    assert host.releases() == []


def test_a_disk_that_is_too_small_is_said_before_anything_is_written(host, small_disk, real, packages, refused):
    bundle = host.publish(packages, real)
    host.root = small_disk / "root"
    with refused("FERRY-HOST-003", str(host.root), "8 MB"):
        host.wants(bundle)
    assert not host.root.exists()


# From here on the stand-in installs: what is proven is this collection's own.


def test_a_release_that_is_built_is_known_and_another_root_is_not(host, plain, stand_in, tmp_path):
    bundle = host.publish(plain, stand_in)
    wanted = host.wants(bundle)
    wanted.build()
    again = host.wants(bundle)
    assert again.is_built() and again.release == wanted.release
    assert not host.wants(bundle, root=str(tmp_path / "other")).is_built()


def test_the_release_id_hangs_on_lock_runtime_and_bytecode_and_on_nothing_else(host, plain, stand_in):
    one = host.publish(plain, stand_in)
    release = host.wants(one).release
    assert release.startswith("cpu-") and len(release) == 16
    newer = host.publish(plain, stand_in, serial=1_795_000_777, profiles=("cpu", "other"))
    assert newer.id != one.id and host.wants(newer).release == release, "another profile's change rebuilds nobody"
    assert host.wants(one, compile_bytecode=True).release != release
    assert host.wants(one, installer="pip").release == release
    assert host.wants(host.publish(plain[:1], stand_in)).release != release


@pytest.mark.parametrize("position", [0, -1])
def test_a_wheel_that_changed_in_the_depot_is_refused_and_the_live_one_untouched(
    host, live, plain, stand_in, refused, flip, position
):
    bundle = host.publish(plain, stand_in)
    for path in (
        "wheels/tiny-1.0-py3-none-any.whl",
        bundle.manifest["profiles"]["cpu"]["installers"]["uv"],
        "profiles/cpu/requirements.txt",
    ):
        wanted = host.wants(bundle, root=str(host.root.parent / os.path.basename(path)))
        flip(host.depot / bundle.id / path, position)
        with refused("FERRY-DEPOT-003", path):
            wanted.build()
        flip(host.depot / bundle.id / path, position)
    live.untouched()


@pytest.mark.fault(31)
def test_paths_too_long_for_a_windows_host_leave_nothing_and_the_live_one_untouched(
    host, live, stand_in, tmp_path, make_wheel, refused, monkeypatch
):
    deep = "small/%s/%s.py" % ("d" * 120, "d" * 120)
    bundle = host.publish([make_wheel(tmp_path / "deep", "small", "2.1", contents={deep: b""})], stand_in)
    wanted = host.wants(bundle)
    monkeypatch.setattr(facts, "long_paths", lambda: False)  # as on Windows, where they are off
    with refused("FERRY-HOST-004", "small-2.1-py3-none-any.whl", deep, host.site(wanted)):
        wanted.build()
    live.untouched()
    monkeypatch.setattr(facts, "long_paths", lambda: True)
    wanted.build()
    assert wanted.is_built()


def test_a_wheel_that_is_missing_in_the_depot_is_refused_and_the_live_one_untouched(
    host, live, plain, stand_in, refused
):
    bundle = host.publish(plain, stand_in)
    os.unlink(str(host.depot / bundle.id / "wheels" / "small-2.1-py3-none-any.whl"))
    with refused("FERRY-DEPOT-002", "small-2.1"):
        host.wants(bundle).build()
    live.untouched()


@pytest.mark.parametrize(
    "how, code, told",
    [
        ("fails", "FERRY-INSTALL-001", "the reason"),
        ("full", "FERRY-IO-001", "no space left"),
        ("odd", "FERRY-INSTALL-002", "odd.pth foreign"),
    ],
)
def test_a_failed_installer_leaves_nothing_the_live_one_untouched_and_the_next_run_converges(
    host, live, plain, stand_in, refused, monkeypatch, how, code, told
):
    bundle = host.publish(plain, stand_in)
    monkeypatch.setenv("FERRY_TEST_UV", how)
    with refused(code, told):
        host.wants(bundle).build()
    live.untouched()
    monkeypatch.delenv("FERRY_TEST_UV")
    wanted = host.wants(bundle)
    wanted.build()
    assert wanted.is_built()


def test_an_installed_set_that_is_not_the_locked_one_is_refused(
    host, live, plain, stand_in, tmp_path, make_wheel, refused
):
    renamed = str(tmp_path / "tiny-9.9-py3-none-any.whl")
    shutil.copy(make_wheel(tmp_path, "tiny", "1.0"), renamed)
    with refused("FERRY-INSTALL-002", "tiny"):
        host.wants(host.publish([renamed], stand_in)).build()
    live.untouched()


def test_a_disk_that_is_full_at_any_file_leaves_nothing_half_made_and_the_next_run_converges(
    host, live, plain, stand_in, refused, full_disk
):
    bundle = host.publish(plain, stand_in)
    wanted = host.wants(bundle)
    for nth in (1, 2):  # small, requirements; tiny and the installers lie in the cache of the live release
        full_disk(depot_module, nth)
        with refused("FERRY-IO-001"):
            wanted.build()
        assert not [
            name for _folder, _folders, names in os.walk(str(host.root)) for name in names if name.endswith(".part")
        ]
        live.untouched()
        full_disk(depot_module, 0)
        shutil.rmtree(str(host.root / "cache" / "files"))
        live.wanted._depot.fetch(
            {path: bundle.manifest["files"][path] for path in bundle.manifest["profiles"]["cpu"]["installers"].values()}
        )
    full_disk(files, 1)  # the marker
    with refused("FERRY-IO-001"):
        wanted.build()
    live.untouched()
    full_disk(files, 0)
    wanted.build()
    assert wanted.is_built()


def test_a_kill_at_any_point_leaves_the_live_one_untouched_and_the_next_run_converges(
    host, live, plain, stand_in, killed_at
):
    bundle = host.publish(plain, stand_in)
    wanted = host.wants(bundle)
    before = _whole(host, live.wanted)

    def deploy():
        if not wanted.is_built():
            wanted.build()
        if wanted.root.live() != wanted.release:
            wanted.root.switch(wanted.release, "switch")

    # Each run begins with what the one before left, and gets a few changes further.
    step, killed = 1, 0
    while killed_at(step, deploy):
        killed += 1
        step += 1 if step < 12 else 3
        assert wanted.root.live() in (live.release, wanted.release)
        assert wanted.root.live() == live.release or wanted.is_built()
        assert _whole(host, live.wanted) == before
        assert killed < 100
    assert killed > 8
    assert wanted.root.live() == wanted.release and host.releases() == sorted([live.release, wanted.release])
    assert wheel_record.problems(host.site(wanted)) == []
    assert run_in(wanted, "import small, tiny; print(small.version, tiny.version)") == "2.1 1.0"
    assert wanted.root.rollback_target(None) == live.release


DEPLOY = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.airgap.ferry.plugins.module_utils.host.install import Installation
Installation(json.loads(sys.argv[2]), True).build()
"""


def test_a_kill_while_the_installer_runs_leaves_no_release_and_the_next_run_converges(
    host, live, plain, stand_in, monkeypatch
):
    import json

    bundle = host.publish(plain, stand_in)
    wanted = host.wants(bundle)
    collections = str(pathlib.Path(__file__).resolve().parents[5] / ".ansible" / "collections")
    command = [sys.executable, "-c", DEPLOY, collections, json.dumps(wanted._options)]
    process = subprocess.Popen(command, env=dict(os.environ, FERRY_TEST_UV="hangs"), start_new_session=True)
    hanging = os.path.join(host.site(wanted), "hanging")
    deadline = time.monotonic() + 30
    while not os.path.exists(hanging) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and os.path.exists(hanging)
    assert not wanted.is_built() and wanted.root.live() == live.release
    wanted.build()
    assert wanted.is_built() and not os.path.exists(hanging)


def test_a_check_run_writes_nothing(host, plain, stand_in):
    bundle = host.publish(plain, stand_in)
    options = dict(host.wants(bundle, root=str(host.root / "a"))._options, root=str(host.root / "b"))
    wanted = Installation(options, keep_manifest=False)
    assert not wanted.is_built() and wanted.packages == {"tiny": "1.0", "small": "2.1"}
    assert not (host.root / "b").exists()


def test_an_unknown_profile_is_refused_with_those_that_are_there(host, plain, stand_in, refused):
    bundle = host.publish(plain, stand_in, profiles=("cpu", "win"))
    with refused("FERRY-VAR-003", "no profile gpu", "cpu, win"):
        host.wants(bundle, profile="gpu")


OTHER_ARCH = "aarch64" if platform.machine() == "x86_64" else "x86_64"


@pytest.mark.parametrize(
    "changes, code, told",
    [
        ({"libc": "glibc-2.999"}, "FERRY-HOST-002", ["expected glibc-2.999 or newer, found glibc-"]),
        ({"arch": OTHER_ARCH}, "FERRY-HOST-002", ["expected architecture " + OTHER_ARCH]),
        ({"os": "windows", "libc": None}, "FERRY-HOST-002", ["expected windows, found linux"]),
        ({"libc": "glibc-2.999", "arch": OTHER_ARCH}, "FERRY-HOST-002", ["glibc-2.999", OTHER_ARCH]),
        (
            {"python": "3.%d.99" % sys.version_info[1]},
            "FERRY-HOST-001",
            [sys.executable, platform.python_version(), "3.%d.99" % sys.version_info[1]],
        ),
        ({"python": "3.%d.0" % (sys.version_info[1] + 1)}, "FERRY-HOST-001", [sys.executable]),
        ({"python": "3.%d.0" % (sys.version_info[1] - 1)}, "FERRY-HOST-001", [sys.executable]),
    ],
)
def test_a_host_that_does_not_fit_its_profile_is_refused_and_nothing_is_built(
    host, plain, stand_in, refused, changes, code, told
):
    bundle = host.publish(plain, stand_in, changes=changes)
    with refused(code, *told):
        host.wants(bundle)
    assert host.releases() == []


def test_a_processor_without_avx_is_refused_before_it_could_die(host, plain, stand_in, refused, monkeypatch):
    bundle = host.publish(plain, stand_in, changes={"requires": {"avx": True, "driver": None}})
    for known in (True, None):
        monkeypatch.setattr(facts, "has_avx", lambda known=known: known)
        assert host.wants(bundle)
    monkeypatch.setattr(facts, "has_avx", lambda: False)
    with refused("FERRY-HOST-002", "AVX", "SIGILL"):
        host.wants(bundle)


def test_a_named_python_that_does_not_run_is_told(host, plain, stand_in, refused, tmp_path):
    bundle = host.publish(plain, stand_in)
    for path in (str(tmp_path / "python"), "/bin/false", str(tmp_path)):
        with refused("FERRY-HOST-001", path, "does not run"):
            host.wants(bundle, python=path)


def test_an_environment_that_cannot_be_made_leaves_nothing(host, live, plain, stand_in, refused, monkeypatch):
    wanted = host.wants(host.publish(plain, stand_in))
    monkeypatch.setitem(wanted._python, "path", "/bin/false")
    with refused("FERRY-INSTALL-001", "no environment could be made"):
        wanted.build()
    live.untouched()


def broken_uv(tmp_path, make_wheel):
    """A uv for another machine: it is there and does not run."""
    return make_wheel(tmp_path / "broken", "uv", "0.13.9", scripts={"uv": b"\x7fELF no such machine"})


def test_a_uv_that_does_not_run_gives_way_to_pip_unless_it_was_asked_for(tmp_path, make_wheel, stand_in, refused):
    carried = {"pip": stand_in["pip"], "uv": broken_uv(tmp_path, make_wheel)}
    assert installers.choose("auto", carried, str(tmp_path / "cache"), sys.executable) == ["pip", stand_in["pip"]]
    assert installers.choose("pip", carried, str(tmp_path / "cache"), sys.executable) == ["pip", stand_in["pip"]]
    with refused("FERRY-INSTALL-001", "Exec format error", "ferry_installer"):
        installers.choose("uv", carried, str(tmp_path / "cache"), sys.executable)


def test_a_uv_that_refuses_this_python_gives_way_to_pip_and_says_why_where_it_was_asked_for(
    tmp_path, make_wheel, stand_in, refused
):
    """As uv does on Debian 11 without python3-distutils."""
    picky = b"#!/bin/sh\necho 'error: missing `distutils`' >&2\nexit 2\n"
    carried = {"pip": stand_in["pip"], "uv": make_wheel(tmp_path / "picky", "uv", "0.13.9", scripts={"uv": picky})}
    cache = str(tmp_path / "cache")
    assert installers.choose("auto", carried, cache, sys.executable) == ["pip", stand_in["pip"]]
    with refused("FERRY-INSTALL-001", "missing `distutils`", "ferry_installer"):
        installers.choose("uv", carried, cache, sys.executable)


def test_a_bundle_without_uv_is_installed_by_pip_unless_uv_was_asked_for(tmp_path, stand_in, refused):
    carried = {"pip": stand_in["pip"]}
    assert installers.choose("auto", carried, str(tmp_path), sys.executable) == ["pip", stand_in["pip"]]
    with refused("FERRY-INSTALL-001", "carries no uv"):
        installers.choose("uv", carried, str(tmp_path), sys.executable)


def test_a_uv_wheel_without_uv_in_it_is_refused_in_a_sentence(tmp_path, make_wheel, stand_in, refused):
    hollow = make_wheel(tmp_path / "hollow", "uv", "0.13.9")
    with refused("FERRY-INSTALL-001", "uv"):
        installers.choose("uv", {"pip": stand_in["pip"], "uv": hollow}, str(tmp_path / "cache"), sys.executable)


def test_a_requirement_without_its_hash_is_not_installed(real, packages, tmp_path, refused):
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (tmp_path / "requirements.txt").write_text("tiny==1.0\n")
    for kind in ("uv", "pip"):
        chosen = installers.choose(kind, real, str(tmp_path / "cache"), str(environment / "bin" / "python"))
        with refused("FERRY-INSTALL-001", kind, "hash"):
            installers.install(
                chosen,
                str(environment / "bin" / "python"),
                os.path.dirname(packages[0]),
                str(tmp_path / "requirements.txt"),
                False,
                str(tmp_path / "cache"),
                whole=True,
            )
    assert not list(environment.rglob("tiny*"))


def test_an_installer_that_hangs_is_ended_in_time(host, live, plain, stand_in, refused, monkeypatch):
    monkeypatch.setattr(installers, "_SECONDS", 1.5)
    monkeypatch.setenv("FERRY_TEST_UV", "hangs")
    with refused("FERRY-INSTALL-001"):
        host.wants(host.publish(plain, stand_in)).build()
    live.untouched()
