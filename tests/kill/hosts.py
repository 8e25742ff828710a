# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host on which release A is live, upgrades of it to release B that are killed, and what is found afterwards."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import stat
import statistics
import subprocess
import sys

from . import bundles, killing

# ``{name: ((installer, what the bundle carries) of A, the same of B)}``. In "first uv" the upgrade fetches and unpacks uv too.
WAYS = {
    "uv": (("uv", ("pip", "uv")), ("uv", ("pip", "uv"))),
    "first uv": (("pip", ("pip",)), ("uv", ("pip", "uv"))),
    "pip": (("pip", ("pip",)), ("pip", ("pip",))),
}
# What is not the same in two runs that do the same: times, what was measured, rows of compiled files.
_VARIES = re.compile(r"(.*/)?(release\.json|switches\.json|\.lock|RECORD|uv_cache\.json|[^/]+\.(pyc|msgpack|rev))")
_IMPORT = """
import importlib, json, sys
print(json.dumps({name: importlib.import_module(name).version for name in sys.argv[1:]}))
"""


class Host:
    """One root, put back to "A is live" before every upgrade."""

    def __init__(self, folder, way, carried, measured=3):
        self._folder = pathlib.Path(folder)
        self.root, self._template = self._folder / "root", self._folder / "template"
        depot = self._folder / "depot"
        self._temporary = self._folder / "temporary"
        self._temporary.mkdir(parents=True)
        (old, old_carries), (new, new_carries) = WAYS[way]
        self._old = self._options(depot, old, bundles.OLD, {name: carried[name] for name in old_carries})
        self._new = self._options(depot, new, bundles.NEW, {name: carried[name] for name in new_carries})
        self.a = self._must(self._old)["release"]
        os.rename(str(self.root), str(self._template))
        self._before = _listing(self._template)
        runs = []
        for _time in range(measured):
            self._reset()
            runs.append(self._run(self._new))
            self.b = self._checked(runs[-1])["release"]
        self.seconds = statistics.median(run.seconds for run in runs)
        self._expected = _named(self.root)
        self._live = {self.a: bundles.OLD, self.b: bundles.NEW}

    def _options(self, depot, installer, packages, carried):
        return {
            "root": str(self.root),
            "depot_url": depot.as_uri(),
            "bundle_id": bundles.publish(str(depot), packages, carried),
            "profile": bundles.PROFILE,
            "python": sys.executable,
            "installer": installer,
        }

    def calls(self):
        """See :func:`killing.calls`; of an upgrade."""
        self._reset()
        return killing.calls(self._new, self._folder)

    def renames(self):
        """How many renames the module itself makes in an upgrade."""
        nth = 1
        while True:
            self._reset()
            if not self._run(self._new, ("rename", nth)).killed:
                return nth - 1
            nth += 1

    def upgrade(self, point) -> dict:
        """An upgrade killed at ``point``, and what was wrong afterwards: ``{"killed", "live", "unusable", "leftovers", "other"}``."""
        self._reset()
        found = {"killed": False, "live": None, "unusable": [], "leftovers": [], "other": []}
        run = self._run(self._new, point)
        found["killed"] = run.killed
        found["other"] += ["process %s outlived the kill" % pid for pid in run.outlived]
        found["live"] = self._look(found, "after the kill")
        for told in ("one run later", "two runs later"):
            before = _listing(self.root)
            run = self._run(self._new)
            found["other"] += ["%s: process %s was left" % (told, pid) for pid in run.outlived]
            if run.result.get("failed"):
                found["other"].append("%s: %s" % (told, run.result["msg"]))
            if self._look(found, told) != "B":
                found["unusable"].append("%s: B is not live" % told)
        if run.result.get("changed") or _listing(self.root) != before:
            found["other"].append("a third run changes something")
        self._leftovers(found)
        back = self._run({"root": str(self.root), "state": "rolled_back", "_ansible_check_mode": True})
        if back.result.get("release") != self.a:
            found["other"].append("a rollback leads to %s" % back.result.get("release", back.result.get("msg")))
        return found

    def _look(self, found, told):
        """Which one is live; it must import what is locked, and A be as it was. A marker says that B is whole."""
        try:
            live = os.path.basename(os.readlink(str(self.root / "current")))
        except OSError as error:
            found["unusable"].append("%s: %s" % (told, error))
            return None
        marked = (self.root / "releases" / self.b / "release.json").exists()
        for place in ["current"] + ["releases/" + self.b] * (marked and live != self.b):
            wrong = self._imports(place, self._live.get(self.b if place != "current" else live, {}))
            if wrong:
                found["unusable"].append("%s: %s: %s" % (told, place, wrong))
        release = "releases/%s/" % self.a
        if _under(_listing(self.root), release) != _under(self._before, release):
            found["unusable"].append("%s: A was written to" % told)
        if marked and _differs(_named(self.root), self._expected, "releases/%s/" % self.b):
            found["unusable"].append("%s: B has a marker and is not whole" % told)
        return {self.a: "A", self.b: "B"}.get(live, live)

    def _imports(self, place, packages):
        command = [str(self.root / place / "bin" / "python"), "-I", "-B", "-c", _IMPORT, *packages]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return done.stderr.strip()[-200:] or "exit code %d" % done.returncode
        return "" if packages and json.loads(done.stdout) == packages else "not what is locked: " + done.stdout.strip()

    def _leftovers(self, found):
        named = _named(self.root)
        over = set(named) - set(self._expected)
        found["leftovers"] += sorted(path for path in over if os.path.dirname(path) not in over)
        found["leftovers"] += sorted("TMPDIR/" + path.name for path in self._temporary.iterdir())
        # What uv keeps unpacked may be fewer: it is made anew when a release needs it.
        lacking = [path for path in self._expected if path not in named and not path.startswith("cache/uv")]
        found["other"] += ["%s is missing" % path for path in sorted(lacking)]
        wrong = [path for path in set(named) & set(self._expected) if named[path] != self._expected[path]]
        found["other"] += ["%s has another content" % path for path in sorted(wrong)]

    def _reset(self):
        """Every file is one more name of the template's: whatever is written into shows there."""
        for folder in (self.root, self._temporary):
            if folder.exists():
                shutil.rmtree(str(folder))
        self._temporary.mkdir()
        subprocess.run(["cp", "-al", str(self._template), str(self.root)], check=True)
        lock = self.root / ".lock"  # the one file that every run writes to
        lock.unlink()
        shutil.copy2(str(self._template / ".lock"), str(lock))

    def _run(self, options, point=None):
        return killing.Run(options, self._folder, point)

    def _must(self, options):
        return self._checked(self._run(options))

    @staticmethod
    def _checked(run):
        if run.result.get("failed"):
            raise AssertionError(run.result["msg"])
        return run.result


def _walk(root):
    for folder, folders, names in os.walk(str(root)):
        for name in folders + names:
            path = os.path.join(folder, name)
            yield os.path.relpath(path, str(root)), path


def _listing(root):
    """What would show any write: kind, mode, size, time and inode of everything but the lock."""
    found = {}
    for relative, path in _walk(root):
        if relative != ".lock":
            status = os.lstat(path)
            told = (status.st_mode,)
            if not stat.S_ISDIR(status.st_mode):
                told += (status.st_size, status.st_mtime_ns, status.st_ino)
            found[relative] = told
    return found


def _under(listing, folder):
    return {path: told for path, told in listing.items() if path.startswith(folder)}


def _named(root):
    """``{path: content}``, with what uv unpacks under random names called by what it is, and None for a content that varies."""
    archives = {}
    found = {}
    for folder in sorted(pathlib.Path(str(root)).glob("cache/uv/archive-v*/*")):
        name = next((entry.name for entry in folder.glob("*.dist-info")), "of no package")
        number = sum(other.startswith(name) for other in archives.values())
        archives[str(folder.relative_to(str(root)))] = name + " again" * number
    for place, path in _walk(root):
        parts = place.split("/")
        if "/".join(parts[:4]) in archives:
            parts[3] = archives["/".join(parts[:4])]
        relative = "/".join(parts)
        if os.path.islink(path):
            target = os.readlink(path)
            found[relative] = "link" if "archive-v" in target else target
        elif os.path.isdir(path):
            found[relative] = "folder"
        else:
            found[relative] = None if _VARIES.fullmatch(relative) else _digest(path)
    return found


def _digest(path):
    """Large files by their size: the installers' own, which their hash was asked for when they were fetched."""
    size = os.path.getsize(path)
    return size if size > 1 << 20 else pathlib.Path(path).read_bytes()


def _differs(found, expected, folder):
    return _under(found, folder) != _under(expected, folder)
