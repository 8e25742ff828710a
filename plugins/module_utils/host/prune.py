# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing old releases, and of the cache what only they needed: each thing is hidden by one rename, and then all is deleted.

So a killed run leaves whole things, and a folder ``.removing`` beside them that :func:`sweep` and the next run delete.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import re
import shutil
import stat

from . import facts, processes, wheel_record
from .release import Root
from ..bundle import files, manifest
from ..errors import FerryError

_RELEASE = re.compile(manifest.PROFILE.pattern + "-[0-9a-f]{12}")
# A folder: a release under a hidden name beside the others would still have its marker.
_HIDDEN = ".removing"
_HIDDEN_IN = ("releases", "cache/*", "cache/uv/archive-v*")
# What else killed runs leave: a pointer before its rename, files being written, a build's wheels, what uv was unpacking.
_LEFTOVERS = (
    "current.next",
    "switches.json.part-*",
    "bin/ferry-python.part-*",
    "cache/wheelhouse",
    "cache/scratch",
    "cache/manifests/*.part-*",
    "cache/files/*/*.part",
    "cache/tools/*/*.part",
    "cache/uv/.tmp*",
)
# Where each kind of thing lies in the cache. Of uv's own cache only the unpacked wheels: they are all of its size, uv makes them
# anew where they are gone, and its pointers to them are a few bytes.
_CACHE = {
    "files": "cache/files/*",
    "manifests": "cache/manifests/*.json",
    "tools": "cache/tools/*",
    "unpacked": "cache/uv/archive-v*/*",
}


def prune(params: dict, check_mode: bool) -> dict:
    """Remove what ``params["keep_releases"]`` releases under ``params["root"]`` do not need; the result of the module pip_offline."""
    keep = params["keep_releases"]
    if keep < 1:
        raise FerryError(
            "FERRY-VAR-002",
            "keep_releases: expected 1 or more, the live one included, found %d; correct ferry_keep_releases." % keep,
        )
    root = _Prunable(params["root"])
    live, back, here, leftovers = root.live(), root.goes_back_to(), root.here(), root.leftovers()
    unwanted = set(here) - root.wanted(keep)
    in_use = processes.users(root.path, unwanted, root.history)
    removed = sorted(unwanted - set(in_use))
    going = {release: root.folder(release) for release in removed}
    if not check_mode:
        going = root.hide(going)
        in_use.update((release, []) for release in removed if release not in going)
        removed = sorted(going)
    root.gone.update(removed)
    kept = [release for release in here if release not in going]
    cached, stale = root.cached(), root.stale(kept)
    freed, _inodes = comes_free([*going.values(), *leftovers, *itertools.chain(*stale.values())])
    if not check_mode:
        for path in itertools.chain(*stale.values()):
            _hide(path)
        for path in leftovers:
            _delete(path)
        sweep(root.path)
        # On Windows a file that is held open through another release's link to it stays until a later run.
        leftovers = [path for path in leftovers if not os.path.lexists(path)]
    changed = bool(removed or leftovers or any(stale.values()))
    result = {
        "changed": changed,
        "removed": removed,
        "kept": kept,
        "in_use": in_use,
        "rollback_to": root.goes_back_to(),
        "cache": {kind: len(paths) for kind, paths in stale.items()},
        "leftovers": root.relative(leftovers),
        "freed": freed,
        "event": {"before": live, "after": live, "removed": removed, "network": {"routes": facts.routes()}},
    }
    warnings = list(_warnings(result, back))
    if warnings:
        result["warnings"] = warnings
    if changed:
        left = {kind: len(paths) - len(stale[kind]) for kind, paths in cached.items()}
        result["diff"] = {
            "before_header": root.path,
            "after_header": root.path,
            "before": _listing(live, here, root.relative(leftovers), {kind: len(cached[kind]) for kind in cached}),
            "after": _listing(live, kept, [], left),
        }
    return result


def sweep(root: str) -> None:
    """Delete what runs that were killed had hidden under ``root``, or not finished; the caller holds its lock."""
    for path in hidden(root) + _found(root, *_LEFTOVERS):
        _delete(path)


def hidden(root: str) -> list:
    """The folders under ``root`` that :func:`sweep` deletes."""
    return _found(root, *("%s/%s" % (place, _HIDDEN) for place in _HIDDEN_IN))


def unpacked(root: str) -> set:
    """``(name, version)`` of the wheels that lie unpacked in uv's cache under ``root``."""
    paths = [path for path in _found(root, _CACHE["unpacked"]) if os.path.isdir(path)]
    return {item for path in paths for item in wheel_record.distributions(path).items()}


class _Prunable(Root):
    """A root, seen as it will be without the releases ``gone``."""

    def __init__(self, path):
        super().__init__(path)
        self.gone = set()
        # Oldest first. A history that cannot be read stops here: what may be gone back to would be a guess.
        self.history = self._history()

    def read(self, release):
        """As :meth:`Root.read`; a damaged marker is that of no complete release, since no rollback can go there."""
        if release in self.gone:
            return None
        try:
            return super().read(release)
        except FerryError:
            return None

    def here(self):
        """Every release folder, complete or half-made, sorted; other folders are none of ours."""
        names = sorted(os.listdir(self._releases)) if os.path.isdir(self._releases) else []
        return [name for name in names if _RELEASE.fullmatch(name) and os.path.isdir(self.folder(name))]

    def goes_back_to(self):
        """The release that a rollback would make live; None where it would change nothing or find none."""
        try:
            found = self.rollback_target(None)
        except FerryError:
            return None
        return found if found != self.live() else None

    def wanted(self, keep):
        """The releases to keep, at most ``keep`` complete ones and always the live one."""
        complete = {release: self.read(release) for release in self.here()}
        complete = {release: found for release, found in complete.items() if found}
        lived = {entry["release"]: position for position, entry in enumerate(self.history)}

        def rank(release):
            # One that never went live did not pass its verification, or nobody wanted it yet: it comes after those that did.
            return lived.get(release, -1), str(complete[release].get("created", "")), release

        first = [release for release in (self.live(), self.goes_back_to()) if release in complete]
        order = first + [release for release in sorted(complete, key=rank, reverse=True) if release not in first]
        return {*order[:keep], self.live()}

    def hide(self, going):
        """Take the releases ``going`` (``{release: folder}``) out of sight; the same with their new places.

        Windows refuses where a file in a release is held open: that one is left out.
        """
        hidden = {}
        for release, folder in going.items():
            try:
                hidden[release] = _hide(folder)
            except PermissionError:
                if os.name != "nt":
                    raise
        if hidden:
            files.sync_directory(self._releases)
        return hidden

    def leftovers(self):
        """Paths of what killed runs left behind."""
        return sorted(hidden(self.path) + _found(self.path, *_LEFTOVERS))

    def cached(self):
        """``{kind: [path]}`` of everything in the cache."""
        return {kind: _found(self.path, pattern) for kind, pattern in _CACHE.items()}

    def stale(self, kept):
        """The same, of what none of the releases ``kept`` needs."""
        digests, bundles, packages = self._needs(kept)
        needed = {
            "files": digests,
            "manifests": {identity + ".json" for identity in bundles},
            "tools": {digest[:12] for digest in digests},
        }
        found = self.cached()
        stale = {kind: [path for path in found[kind] if os.path.basename(path) not in needed[kind]] for kind in needed}
        stale["unpacked"] = [path for path in found["unpacked"] if _is_foreign(path, packages)]
        return stale

    def _needs(self, kept):
        """What the releases ``kept`` were built from: digests of files, ids of bundles, and ``(name, version)`` of packages.

        Where the manifest is gone from the cache nothing is known and nothing kept: the depot has it all.
        """
        digests, bundles, packages = set(), set(), set()
        for release in kept:
            found = self.read(release) or {}
            packages.update(found.get("packages", {}).items())
            listed = self._manifest(found.get("bundle"))
            profile = listed["profiles"].get(found.get("profile")) if listed else None
            if profile:
                bundles.add(found["bundle"])
                paths = ["wheels/" + wheel for wheel in profile["wheels"]]
                paths += [profile["requirements"], *profile["installers"].values()]
                digests.update(listed["files"][path]["sha256"] for path in paths)
        return digests, bundles, packages

    def _manifest(self, identity):
        path = os.path.join(self.cache, "manifests", "%s.json" % identity)
        if not os.path.exists(path):
            return None
        data = files.read_limited(path, manifest.LIMIT)
        return manifest.parse(data) if files.sha256_bytes(data) == identity else None

    def relative(self, paths):
        """``paths`` as seen from the root, with ``/``."""
        return [os.path.relpath(path, self.path).replace(os.sep, "/") for path in paths]


def _found(root, *patterns):
    """The paths under ``root`` that fit one of ``patterns``, sorted."""
    return sorted({path for pattern in patterns for path in glob.glob(os.path.join(glob.escape(root), pattern))})


def _is_foreign(path, packages):
    """Whether a folder holds an unpacked wheel, and it is none of ``packages``; what is no wheel is not judged."""
    unpacked = set(wheel_record.distributions(path).items()) if os.path.isdir(path) else set()
    return bool(unpacked) and not unpacked & packages


def _hide(path):
    """Move ``path`` into the hidden folder beside it; its new place, which is never longer (Windows ends paths at 260 characters)."""
    folder = os.path.join(os.path.dirname(path), _HIDDEN)
    os.makedirs(folder, exist_ok=True)
    places = (os.path.join(folder, str(number)) for number in itertools.count())
    place = next(place for place in places if not os.path.lexists(place))
    os.rename(path, place)
    return place


def _delete(path):
    if os.path.islink(path) or not os.path.isdir(path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    else:
        shutil.rmtree(path, ignore_errors=os.name == "nt")


def comes_free(paths: list) -> tuple:
    """``(bytes of disk, inodes)`` without ``paths``: a file that has a name elsewhere frees nothing (uv links releases to its cache)."""
    every = set(paths)
    for path in paths:
        for folder, folders, names in os.walk(path) if not os.path.islink(path) else ():
            every.update(os.path.join(folder, name) for name in folders + names)
    names = {}
    for path in every:
        with contextlib.suppress(FileNotFoundError):  # in check mode another run may be at work
            status = os.lstat(path)
            names.setdefault((status.st_dev, status.st_ino), []).append(status)
    # The links of a folder are those that its folders have to it.
    gone = [found[0] for found in names.values() if stat.S_ISDIR(found[0].st_mode) or len(found) >= found[0].st_nlink]
    return sum(getattr(status, "st_blocks", -(-status.st_size // 512)) * 512 for status in gone), len(gone)


def _listing(live, releases, leftovers, cached):
    lines = ["releases/%s%s" % (release, " (live)" if release == live else "") for release in releases]
    lines += leftovers
    lines += ["cache, %s: %d" % item for item in sorted(cached.items())]
    return "".join(line + "\n" for line in lines)


def _warnings(result, back):
    for release, pids in sorted(result["in_use"].items()):
        users = "processes %s run from it" % ", ".join(map(str, pids)) if pids else "a file in it is held open"
        yield "%s was kept: %s; end or restart them, then run prune.yml again." % (release, users)
    if back and not result["rollback_to"]:
        yield "%s is gone: there is nothing to go back to until the next deploy.yml." % back
