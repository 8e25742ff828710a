# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pruning: what runs, is live or can be gone back to stays; the rest goes, whole, and is counted honestly."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils import mutex
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import canonical, statement
from ansible_collections.airgap.ferry.plugins.module_utils.host import processes, prune
from ansible_collections.airgap.ferry.plugins.module_utils.host.depot import Depot
from ansible_collections.airgap.ferry.plugins.module_utils.host.release import Root
from ansible_collections.airgap.ferry.plugins.modules import pip_offline

A, B, C, D = ("cpu-%s" % (letter * 12) for letter in "abcd")
CREATED = 1_795_000_000


class Host:
    """A root with releases that hold a little, made one after the other."""

    def __init__(self, path):
        self.path = path
        self.root = Root(str(path))
        self._made = 0

    def make(self, *releases, bundle=None, profile="cpu", packages=None):
        """Complete releases, each newer than the last; with files in them, but no environment."""
        for release in releases:
            self._made += 1
            site = pathlib.Path(self.root.site(release, "3.11"))
            site.mkdir(parents=True)
            (site / "data.bin").write_bytes(os.urandom(9000))
            facts = {"bundle": bundle, "profile": profile, "packages": packages or {"tiny": "1.0"}, "python": "3.11.2"}
            self.root.complete(release, dict(facts, created=statement.to_text(CREATED + self._made)))

    def switch(self, *releases):
        """Make each live in its turn."""
        for release in releases:
            self.root.switch(release, "switch")

    def prune(self, keep=2, check=False):
        """What the module does under the root's lock."""
        return prune.prune({"root": str(self.path), "keep_releases": keep}, check)

    def releases(self):
        """What lies under releases/, hidden or not."""
        return sorted(os.listdir(str(self.path / "releases")))

    def disk(self):
        """Bytes of disk under the root, each file once, as du counts them."""
        done = subprocess.run(["du", "-s", "-B1", str(self.path)], check=True, capture_output=True, text=True)
        return int(done.stdout.split()[0])

    def age(self, seconds):
        """Let every switch have happened earlier."""
        path = self.path / "switches.json"
        history = canonical.loads(path.read_bytes(), "switches.json", 1 << 20)
        for entry in history["switches"]:
            entry["at"] = statement.to_text(statement.to_seconds(entry["at"]) - seconds)
        path.write_bytes(canonical.dumps(history))


@pytest.fixture
def host(tmp_path):
    """A host of one's own, with nothing on it."""
    path = tmp_path / "root"
    path.mkdir()
    return Host(path)


@pytest.fixture
def old(host):
    """Four releases that were live in turn, the last one is."""
    host.make(A, B, C, D)
    host.switch(A, B, C, D)
    return host


def test_the_live_release_and_the_one_before_it_stay(old):
    result = old.prune()
    assert (result["removed"], result["kept"], result["changed"]) == ([A, B], [C, D], True)
    assert old.releases() == [C, D] and old.root.live() == D
    assert result["rollback_to"] == C == old.root.rollback_target(None)


def test_a_second_run_changes_nothing(old, snapshot):
    old.prune()
    before = snapshot(old.path)
    result = old.prune()
    assert (result["changed"], result["removed"], result["freed"], result["kept"]) == (False, [], 0, [C, D])
    assert "diff" not in result and "warnings" not in result
    assert snapshot(old.path) == before


@pytest.mark.parametrize("keep", [1, 2, 3, 4, 5])
def test_check_mode_says_what_the_run_then_does_and_writes_nothing(old, snapshot, keep):
    (old.path / "releases" / "cpu-eeeeeeeeeeee" / "bin").mkdir(parents=True)
    (old.path / "current.next").symlink_to("releases/" + B)
    before = snapshot(old.path)
    foretold = old.prune(keep, check=True)
    assert snapshot(old.path) == before
    done = old.prune(keep)
    for result in (foretold, done):
        del result["event"]["network"]  # what else runs on this machine may set routes
    assert done == foretold
    assert len(old.releases()) == min(keep, 4)


def test_the_diff_lists_the_releases(old):
    diff = old.prune()["diff"]
    assert diff["before"].splitlines()[:4] == ["releases/" + name for name in (A, B, C)] + ["releases/%s (live)" % D]
    assert diff["after"].splitlines()[:2] == ["releases/" + C, "releases/%s (live)" % D]


def test_what_a_rollback_would_go_to_stays_though_newer_ones_are_there(host):
    host.make(A, B, C, D)
    host.switch(A, B)
    result = host.prune()
    assert result["removed"] == [C, D], "never live: they were built and not wanted, or did not pass"
    assert host.root.rollback_target(None) == A


def test_a_switch_that_was_killed_before_its_rename_does_not_push_it_out(host, monkeypatch):
    host.make(A, B, C)
    host.switch(A, B)
    with monkeypatch.context() as patched:
        patched.setattr("os.symlink", lambda *_arguments, **_options: sys.exit("killed"))
        with pytest.raises(SystemExit):
            host.switch(C)
    assert host.prune()["kept"] == [A, B] and host.root.rollback_target(None) == A


def test_then_those_that_were_live_most_recently_stay_however_old_and_then_the_newest(host):
    host.make(A, B, C, D)
    host.make("cpu-eeeeeeeeeeee", "cpu-ffffffffffff")
    host.switch(D, C, B, A)
    assert host.prune(3)["kept"] == [A, B, C]
    host.make("cpu-000000000000", "cpu-111111111111")
    assert host.prune(4)["kept"] == ["cpu-111111111111", A, B, C]


def test_a_rollback_works_after_pruning_and_pruning_after_a_rollback(old):
    old.prune()
    old.root.switch(old.root.rollback_target(None), "rollback")
    result = old.prune()
    assert (result["changed"], result["kept"]) == (False, [C, D])
    assert result["rollback_to"] is None, "a rollback that is run again goes no further"
    assert "warnings" not in result and old.root.live() == C


def test_with_one_to_keep_the_live_one_alone_stays_and_the_result_says_so(old, refused):
    result = old.prune(1)
    assert (result["kept"], result["rollback_to"]) == ([D], None)
    assert (
        len(result["warnings"]) == 1 and C in result["warnings"][0] and "nothing to go back to" in result["warnings"][0]
    )
    with refused("FERRY-INSTALL-003", D):
        old.root.rollback_target(None)


def test_where_nothing_is_live_the_newest_stay(host):
    host.make(C, A, B)
    assert host.prune()["kept"] == [A, B]


def test_half_made_and_damaged_releases_go_and_do_not_count(host, refused):
    host.make(A, B, C)
    host.switch(A, B, C)
    os.unlink(str(host.path / "releases" / A / "release.json"))
    (host.path / "releases" / B / "release.json").write_text("{")
    assert host.prune()["removed"] == [A, B]
    with refused("FERRY-INSTALL-003"):
        host.root.rollback_target(None)


def test_the_live_release_stays_whatever_became_of_it(host):
    host.make(A, B)
    host.switch(A, B)
    os.unlink(str(host.path / "releases" / B / "release.json"))
    result = host.prune(1)
    assert B in result["kept"] and B in host.releases()


def test_what_is_no_release_of_ours_stays(old):
    for name in ("notes", "cpu-aaaaaaaaaaaa.bad", ".hidden"):
        (old.path / "releases" / name).mkdir()
    (old.path / "releases" / "cpu-eeeeeeeeeeee").write_text("a file")
    old.prune()
    assert old.releases() == [".hidden", "cpu-aaaaaaaaaaaa.bad", C, D, "cpu-eeeeeeeeeeee", "notes"]


def test_nothing_is_removed_where_the_history_cannot_be_read(old, refused):
    (old.path / "switches.json").write_text("{")
    with refused("FERRY-BUNDLE-007", "switches.json"):
        old.prune(1)
    assert old.releases() == [A, B, C, D]


@pytest.mark.parametrize("keep", [0, -3])
def test_to_keep_none_is_refused(old, refused, keep):
    with refused("FERRY-VAR-002", "keep_releases", "1 or more", str(keep)):
        old.prune(keep)
    assert old.releases() == [A, B, C, D]


def test_without_a_root_or_with_an_empty_one_there_is_nothing_to_do(host, tmp_path):
    for path in (host.path, tmp_path / "nothing"):
        result = Host(path).prune()
        assert (result["changed"], result["removed"], result["kept"]) == (False, [], [])
    assert not (tmp_path / "nothing").exists()


def test_leftovers_of_killed_runs_go(old, snapshot):
    left = [
        "cache/files/%s/tiny.whl.part" % ("0" * 64),
        "cache/tools/000000000000/uv.part",
        "cache/uv/.tmpAbC/big",
        "cache/wheelhouse/tiny.whl",
        "releases/.removing/0/release.json",
        "switches.json.part-77",
    ]
    for path in left:
        (old.path / path).parent.mkdir(parents=True, exist_ok=True)
        (old.path / path).write_bytes(b"left")
    (old.path / "current.next").symlink_to("releases/" + A)
    (old.path / "cache" / "other").write_text("not ours")
    found = old.prune(4)
    assert found["changed"] and found["removed"] == []
    assert {
        "current.next",
        "cache/wheelhouse",
        "cache/uv/.tmpAbC",
        "releases/.removing",
        "switches.json.part-77",
    } <= set(found["leftovers"])
    assert not [path for path in left if (old.path / path).exists()] and not os.path.lexists(
        str(old.path / "current.next")
    )
    assert (old.path / "cache" / "other").exists() and old.releases() == [A, B, C, D]
    assert not old.prune(4)["changed"]


def test_a_kill_at_any_point_leaves_whole_releases_and_the_next_run_converges(old, killed_at, refused, tmp_path):
    for number in range(3):
        (old.path / "releases" / A / ("folder%d" % number)).mkdir()
        (old.path / "cache" / "files" / (str(number) * 64)).mkdir(parents=True)
    unpacked = {"data0", "data1", "small-2.1.dist-info"}
    for name in unpacked:
        (old.path / "cache" / "uv" / "archive-v0" / "small" / name).mkdir(parents=True)
    names = {release: sorted(os.listdir(old.root.folder(release))) for release in (A, B, C, D)}
    for step in range(1, 100):
        host = Host(tmp_path / str(step))
        shutil.copytree(str(old.path), str(host.path), symlinks=True)
        killed = killed_at(step, host.prune)
        assert host.root.live() == D and host.root.rollback_target(None) == C
        for release in set(host.releases()) - {".removing"}:
            assert sorted(os.listdir(host.root.folder(release))) == names[release] and host.root.read(release)
        small = host.path / "cache" / "uv" / "archive-v0" / "small"
        assert not small.exists() or set(os.listdir(str(small))) == unpacked, "uv would install a part of it"
        with refused("FERRY-INSTALL-004", C, D):  # it names what is there, and stumbles over nothing hidden
            host.root.rollback_target("cpu-000000000000")
        host.prune()
        assert host.releases() == [C, D] and os.listdir(str(host.path / "cache" / "files")) == []
        assert not host.prune()["changed"]
        if not killed:
            break
    assert step > 20


def test_a_build_deletes_what_a_killed_prune_had_hidden(old, monkeypatch, tmp_path):
    (old.path / "releases" / ".removing" / "0").mkdir(parents=True)
    found = []

    class Wanted:
        root, release, packages, warnings = old.root, D, {}, []

        def __init__(self, _options, keep_manifest):
            pass

        def is_built(self):
            return False

        def build(self):
            found.append(old.releases())

    monkeypatch.setattr(pip_offline, "Installation", Wanted)
    pip_offline.install({"manifest": None, "state": "built"}, True)
    assert ".removing" in old.releases()
    pip_offline.install({"manifest": None, "state": "built"}, False)
    assert found == [[A, B, C, D]]


def test_a_release_that_cannot_be_taken_away_is_named_and_the_next_run_goes_on(old, monkeypatch, refused):
    real = os.rename

    def deny(source, target):
        if source.endswith(B):
            raise PermissionError(13, "Permission denied", source)
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", deny)
        with refused("FERRY-IO-002", old.root.folder(B)):
            old.prune()
        assert {B, C, D} < set(old.releases())
        # On Windows it is how a file that is held open is found.
        patched.setattr(prune.os, "name", "nt")
        result = old.prune()
    assert (result["in_use"], result["kept"]) == ({B: []}, [B, C, D]) and "held open" in result["warnings"][0]
    assert old.releases() == [B, C, D]
    assert old.prune()["removed"] == [B]


class Ended(Exception):
    """How a module ended: with its result."""


def run_module(monkeypatch, **given):
    """The result of pip_offline's main."""

    class Module:
        check_mode = False

        def __init__(self, argument_spec, **_options):
            self.params = dict({name: option.get("default") for name, option in argument_spec.items()}, **given)

        def exit_json(self, **result):
            raise Ended(result)

        def fail_json(self, **result):
            raise Ended(dict(result, failed=True))

    monkeypatch.setattr(pip_offline, "AnsibleModule", Module)
    with pytest.raises(Ended) as ended:
        pip_offline.main()
    return ended.value.args[0]


def test_the_module_prunes_under_the_lock_and_tells_the_record(old, monkeypatch):
    with mutex.only_run(str(old.path)):
        refusal = run_module(monkeypatch, root=str(old.path), state="pruned")
    assert refusal["code"] == "FERRY-IO-003" and old.releases() == [A, B, C, D]
    result = run_module(monkeypatch, root=str(old.path), state="pruned")
    assert (result["removed"], result["changed"]) == ([A, B], True)
    event = {key: result["event"][key] for key in ("stage", "before", "after", "removed")}
    assert event == {"stage": "prune", "before": D, "after": D, "removed": [A, B]}


def test_the_module_makes_no_root_where_there_is_none(tmp_path, monkeypatch):
    result = run_module(monkeypatch, root=str(tmp_path / "none"), state="pruned")
    assert (result["changed"], result["kept"], result["event"]["stage"]) == (False, [], "prune")
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("no root")
    assert run_module(monkeypatch, root=str(tmp_path / "file"), state="pruned")["code"] == "FERRY-IO-002"


# What the cache holds, and what comes free.


@pytest.fixture
def stocked(host, tmp_path, make_bundle, make_wheel, wheels):
    """Two releases of two bundles, which share the package tiny and pip, with what a build leaves in the cache."""
    newer = make_wheel(tmp_path, "small", "2.2", requires=["tiny"])
    bundles = []
    for serial, release, packages in ((1, A, wheels.packages), (2, B, [wheels.packages[0], newer])):
        bundle = make_bundle(tmp_path / "built", packages, wheels.installers, serial=CREATED + serial)
        os.rename(bundle.path, str(tmp_path / bundle.id))
        depot = Depot(tmp_path.as_uri(), bundle.id, host.root.cache)
        profile = depot.manifest()["profiles"]["cpu"]
        paths = ["wheels/" + wheel for wheel in profile["wheels"]]
        paths += [profile["requirements"], *profile["installers"].values()]
        depot.fetch({path: bundle.manifest["files"][path] for path in paths})
        listed = {path.split("/")[1].split("-")[0]: path.split("-")[1] for path in paths if path.startswith("wheels/")}
        host.make(release, bundle=bundle.id, packages=listed)
        bundles.append(bundle)
        for name, version in listed.items():
            folder = host.path / "cache" / "uv" / "archive-v0" / (name + version)
            installed = pathlib.Path(host.root.site(release, "3.11")) / name
            if not folder.exists():
                (folder / ("%s-%s.dist-info" % (name, version))).mkdir(parents=True)
                (folder / "module.bin").write_bytes(os.urandom(20000))
            installed.mkdir()
            os.link(str(folder / "module.bin"), str(installed / "module.bin"))
        tool = host.path / "cache" / "tools" / (str(serial) * 12)
        tool.mkdir(parents=True)
        (tool / "uv").write_bytes(b"uv")
    used = bundles[1].manifest["files"][bundles[1].manifest["profiles"]["cpu"]["installers"]["pip"]]["sha256"]
    os.rename(str(host.path / "cache" / "tools" / ("2" * 12)), str(host.path / "cache" / "tools" / used[:12]))
    (host.path / "cache" / "uv" / "archive-v0" / "nowheel").mkdir()
    host.switch(A, B)
    host.bundles = bundles
    return host


def cached(host):
    """``{kind: names}``; of files the names of what they hold."""
    cache = host.path / "cache"
    return {
        "files": sorted(path.name for path in cache.glob("files/*/*")),
        "manifests": sorted(path.stem for path in cache.glob("manifests/*")),
        "tools": len(list(cache.glob("tools/*/uv"))),
        "unpacked": sorted(os.listdir(str(cache / "uv" / "archive-v0"))),
    }


def test_the_cache_keeps_what_a_kept_release_was_built_from_and_nothing_else(stocked, tmp_path):
    assert stocked.prune(2)["cache"] == {"files": 0, "manifests": 0, "tools": 1, "unpacked": 0}
    next((stocked.path / "cache").glob("files/*/tiny*")).with_suffix(".part").write_text("half fetched")
    result = stocked.prune(1)
    assert len(result["leftovers"]) == 1
    assert result["cache"] == {"files": 2, "manifests": 1, "tools": 0, "unpacked": 1}, "small 2.1, its requirements"
    assert cached(stocked) == {
        "files": [
            "pip-26.3-py3-none-any.whl",
            "requirements.txt",
            "small-2.2-py3-none-any.whl",
            "tiny-1.0-py3-none-any.whl",
        ],
        "manifests": [stocked.bundles[1].id],
        "tools": 1,
        "unpacked": ["nowheel", "small2.2", "tiny1.0"],
    }
    assert result["diff"]["before"].endswith(
        "cache, files: 6\ncache, manifests: 2\ncache, tools: 1\ncache, unpacked: 4\n"
    )
    assert result["diff"]["after"].endswith(
        "cache, files: 4\ncache, manifests: 1\ncache, tools: 1\ncache, unpacked: 3\n"
    )
    entries = stocked.bundles[1].manifest["files"]
    assert not Depot("file:///none", "none", stocked.root.cache).missing(
        {path: entries[path] for path in entries if not path.endswith(("pylock.toml", "sbom.cdx.json"))}
    )


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("{}")])
def test_where_the_manifest_is_gone_from_the_cache_or_damaged_nothing_is_kept_for_it(stocked, damage):
    damage(stocked.path / "cache" / "manifests" / (stocked.bundles[1].id + ".json"))
    stocked.prune(1)
    left = cached(stocked)
    assert (left["files"], left["manifests"], left["tools"]) == ([], [], 0)
    assert left["unpacked"] == ["nowheel", "small2.2", "tiny1.0"] and stocked.root.live() == B
    assert not stocked.prune(1)["changed"]


def test_a_profile_that_the_manifest_does_not_have_needs_nothing(host, stocked):
    host.make(C, bundle=stocked.bundles[0].id, profile="other")
    host.switch(C)
    stocked.prune(1)
    assert cached(stocked)["files"] == []


@pytest.mark.parametrize("keep", [1, 2])
def test_what_is_said_to_come_free_is_what_the_disk_gets_back(stocked, keep):
    (stocked.path / "cache" / "wheelhouse").mkdir()
    wheel = next((stocked.path / "cache" / "files").glob("*/tiny*"))
    os.link(str(wheel), str(stocked.path / "cache" / "wheelhouse" / wheel.name))
    (stocked.path / "current.next").symlink_to("releases/" + B)
    before = stocked.disk()
    result = stocked.prune(keep)
    assert 0 < result["freed"] == before - stocked.disk()
    # tiny's 20 kB stay, the newer release has them; small 2.1's are in the old release and the cache, and count once.
    assert keep == 2 or 20000 + 9000 < result["freed"] < 20000 + 9000 + 30 * 4096


# Who runs from a release. The processes are real.

UP = "print('up', flush=True); import time; time.sleep(60)"
MAP = (
    "import mmap, os; file = open(os.environ['DATA'], 'rb'); kept = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ); "
    + UP
)
OUTSIDE = os.path.realpath(sys.executable)


@pytest.fixture
def start():
    """Start a program that prints when it is up; its process id. All are ended after the test."""
    started = []

    def run(*command, **options):
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, **options)
        started.append(process)
        assert process.stdout.readline() == b"up\n"
        return process.pid

    def end():
        while started:
            process = started.pop()
            process.kill()
            process.communicate()

    run.end = end
    yield run
    end()


def environment(host, release):
    """Make the release an environment with a Python; its folder."""
    folder = host.path / "releases" / release
    subprocess.run([OUTSIDE, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


@pytest.mark.parametrize(
    "how", ["called", "found", "alias", "script", "option", "mapped", "folder", "activated", "modules"]
)
def test_a_release_that_a_process_runs_from_stays_and_is_named(old, start, tmp_path, how):
    folder = environment(old, A)
    old.age(7200)
    data = next(folder.glob("lib/python*/site-packages/data.bin"))
    shell = ["sh", "-c", "echo up; exec sleep 60"]
    (folder / "tool").write_text("#!%s/bin/python\n%s\n" % (folder, UP))
    (folder / "tool").chmod(0o755)
    (tmp_path / "alias").symlink_to(folder)
    words, options = {
        "called": ([folder / "bin" / "python", "-c", UP], {}),
        "found": (["python", "-c", UP], {"env": {"PATH": "/nowhere:%s/bin:/usr/bin" % folder}}),
        "alias": ([tmp_path / "alias" / "bin" / "python", "-c", UP], {}),
        "script": ([folder / "tool"], {}),
        "option": ([OUTSIDE, "-c", UP, "--python=%s/bin/python" % folder], {}),
        "mapped": ([OUTSIDE, "-c", MAP], {"env": {"DATA": str(data)}}),
        "folder": (shell, {"cwd": str(folder / "bin")}),
        "activated": (shell, {"env": dict(os.environ, VIRTUAL_ENV=str(folder))}),
        "modules": ([OUTSIDE, "-c", UP], {"env": {"PYTHONPATH": "/nowhere:%s" % data.parent}}),
    }[how]
    pid = start(*words, **options)
    foretold = old.prune(check=True)
    result = old.prune()
    assert result["in_use"] == foretold["in_use"] == {A: [pid]}
    assert (result["removed"], result["kept"]) == ([B], [A, C, D])
    assert any(A in words and str(pid) in words for words in result["warnings"])
    assert not old.prune()["changed"]
    start.end()
    assert old.prune()["removed"] == [A]


@pytest.mark.parametrize("how", ["called", "found", "alias", "script"])
def test_a_process_started_through_current_keeps_whatever_was_live_since(old, start, tmp_path, how):
    for release in (A, B, C, D):
        environment(old, release)
    old.age(7200)
    old.switch(B)
    (tmp_path / "app").symlink_to(old.path / "current")
    words, options = {
        "called": ([old.path / "current" / "bin" / "python", "-c", UP], {}),
        "found": (["python", "-c", UP], {"env": {"PATH": "%s/current/bin" % old.path}}),
        "alias": ([tmp_path / "app" / "bin" / "python", "-c", UP], {}),
        "script": ([OUTSIDE, "-c", UP, old.path / "current" / "x.py"], {}),
    }[how]
    pid = start(*words, **options)
    old.switch(C)
    assert old.prune(1)["removed"] == [A], "live before, and not since; D was live until a moment before the start"
    assert old.prune(1)["in_use"] == {B: [pid], D: [pid]}
    old.age(7200)
    # Now the process began long after both switches.
    result = old.prune(1)
    assert (result["removed"], result["kept"]) == ([B, D], [C])


def test_a_python_that_was_called_by_a_folder_of_its_own_uses_nothing(old, start):
    environment(old, A)
    start(OUTSIDE, "-c", UP, old.path, old.path / "releases", "%s/releases/%s.bak/bin" % (old.path, A))
    (old.path / "alias").symlink_to("releases/" + A)
    start(old.path / "alias" / "sh", "-c", "echo up; read forever", executable="/bin/sh", stdin=subprocess.PIPE)
    start("sh", "-c", "echo up; exec sleep 60", env={"PATH": "%s/releases/%s/bin:/bin:/usr/bin" % (old.path, A)})
    assert old.prune()["in_use"] == {}


def test_where_this_process_is_says_nothing_of_the_others(old, start, monkeypatch):
    environment(old, A)
    start("named-otherwise", "-c", UP, executable=OUTSIDE, env={"PATH": ""})
    monkeypatch.chdir(old.path / "releases" / A / "bin")
    assert old.prune()["in_use"] == {A: [os.getpid()]}


def test_a_root_behind_a_link_is_the_same_root(old, start, tmp_path):
    folder = environment(old, A)
    (tmp_path / "link").symlink_to(old.path)
    host = Host(tmp_path / "link")
    pid = start(folder / "bin" / "python", "-c", UP)
    assert host.prune()["in_use"] == {A: [pid]}
    start.end()
    for words in (
        [host.path / "releases" / A / "bin" / "python", "-c", UP],
        [OUTSIDE, "-c", UP, "--python=%s/releases/%s" % (host.path, A)],
        [OUTSIDE, "-c", UP, "--python=%s/releases/%s" % (old.path, A)],
    ):
        pid = start(*words)
        assert host.prune()["in_use"] == {A: [pid]}
        start.end()
    for path in (host.path, old.path):
        pid = start(OUTSIDE, "-c", UP, "--python=%s/current/bin/python" % path)
        assert host.prune()["in_use"] == {A: [pid]}, "live until moments ago"
        start.end()


def test_releases_on_another_disk_behind_a_link_are_releases(old, start, tmp_path):
    os.rename(str(old.path / "releases"), str(tmp_path / "elsewhere"))
    (old.path / "releases").symlink_to(tmp_path / "elsewhere")
    pid = start("sh", "-c", "echo up; exec sleep 60", cwd=str(tmp_path / "elsewhere" / A))
    result = old.prune()
    assert (result["in_use"], result["removed"]) == ({A: [pid]}, [B])
    assert sorted(os.listdir(str(tmp_path / "elsewhere"))) == [A, C, D]


def test_an_unprivileged_user_sees_the_command_lines_of_others(old, start):
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    pid = start(environment(old, A) / "bin" / "python", "-c", UP)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            found = processes.users(str(old.path), {A, B}, [])
            os.write(writer, repr((processes._link(str(pid), "exe"), found)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 1000).decode() == repr(("", {A: [pid]}))


def test_where_the_system_tells_nothing_of_processes_none_is_found(old, start, monkeypatch):
    monkeypatch.setattr(processes, "_PROC", str(old.path / "proc"))
    assert processes.users(str(old.path), {A, B}, []) == {}
    assert old.prune()["removed"] == [A, B]
