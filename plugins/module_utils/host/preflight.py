# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release of a profile can be built here, asked before anything is written; all problems in one message.

Each question gives a list of problems, which are errors that nobody has raised yet; :func:`refuse` raises them as one.
"""

from __future__ import annotations

import os
import platform
import re
import stat
import time
import zipfile

from . import facts, prune, wheel_record
from .python import numbers
from ..bundle import manifest, statement
from ..errors import FerryError

try:
    import pwd
except ImportError:  # Windows
    pwd = None

_MACHINES = {"x86_64": ("x86_64", "amd64"), "aarch64": ("aarch64", "arm64")}
# Room for bytecode, RECORD files and blocks that are not filled, on top of the files themselves.
_MARGIN = 1.25
# What a wheel that is not here yet unpacks to at least: twice its size, and its own folders and papers.
_GROWS, _FEWEST = 2, 5
# What an environment has besides its wheels: some 20, and what the installers note.
_ENVIRONMENT = 50
# Where a run writes, under the root; the empty one is the root itself. The lock of another user is a file that is in the way.
_WRITTEN = ("", ".lock", "releases", "cache", "cache/files", "cache/manifests", "cache/tools", "cache/uv", "bin")
# The longest path that Windows takes where long paths are off: MAX_PATH without its final NUL.
LONGEST_PATH = 259
_DAY = 86400


def refuse(problems: list) -> None:
    """Raise the one problem of ``problems``, or FERRY-HOST-005 with all of them; nothing where there are none."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        listed = " ".join("(%d) %s" % item for item in enumerate(problems, 1))
        raise FerryError("FERRY-HOST-005", "%d things keep the release off this host: %s" % (len(problems), listed))


def fit(profile_name: str, profile: dict, python) -> list:
    """FERRY-HOST-002 with everything in which this host does not fit ``profile`` of the manifest.

    It is seen through ``python``, as python.describe gives it; None, where there is no fitting one, sees it through this one.
    """
    if python is None:
        python = {"machine": platform.machine(), "libc": "-".join(platform.libc_ver())}
    wrong = []
    system = "windows" if os.name == "nt" else "linux"
    if profile["os"] != system:
        wrong.append("expected %s, found %s" % (profile["os"], system))
    if python["machine"].lower() not in _MACHINES[profile["arch"]]:
        wrong.append("expected architecture %s, found %s" % (profile["arch"], python["machine"]))
    if profile["libc"]:
        name, _dash, need = profile["libc"].partition("-")
        found_name, _dash, found = python["libc"].partition("-")
        if found_name != name or numbers(found) < numbers(need):
            wrong.append(
                "expected %s or newer, found %s" % (profile["libc"], python["libc"].strip("-") or "another libc")
            )
    if profile["requires"]["avx"] and facts.has_avx() is False:
        wrong.append("expected a processor with AVX, found none (import would die with SIGILL)")
    if not wrong:
        return []
    return [
        FerryError(
            "FERRY-HOST-002",
            "this host does not fit profile %s: %s; give it another ferry_profile." % (profile_name, "; ".join(wrong)),
        )
    ]


def place(root: str) -> list:
    """FERRY-HOST-006 where what lies under ``root`` could not be loaded or run, FERRY-HOST-007 where this user cannot write there."""
    problems = []
    releases = os.path.join(root, "releases")
    if facts.file_system(releases)["noexec"]:
        problems.append(
            FerryError(
                "FERRY-HOST-006",
                "%s: expected a file system that programs run from, found it mounted noexec, where no compiled module can be loaded "
                "and no script started; mount it without noexec, or choose another ferry_root." % releases,
            )
        )
    read_only, denied = [], []
    for there in sorted({facts.nearest(os.path.join(root, *name.split("/"))) for name in _WRITTEN}):
        kind = _in_the_way(there)
        if kind:
            problems.append(
                FerryError(
                    "FERRY-HOST-007", "%s: expected a folder, found %s; move it away, then run again." % (there, kind)
                )
            )
        elif facts.file_system(there)["read_only"]:
            read_only.append(there)
        elif not _may_write(there):
            denied.append(there)
    if read_only:
        problems.append(
            FerryError(
                "FERRY-HOST-007",
                "%s: expected a file system that can be written to, found it mounted read-only; mount it writable (dmesg tells "
                "whether an error made it so), or choose another ferry_root." % ", ".join(read_only),
            )
        )
    if denied:
        enforcing = facts.selinux() == "enforcing"
        problems.append(
            FerryError(
                "FERRY-HOST-007",
                "%s: expected that user %s may write there, found %s; give it to that user, set ansible_become, or choose "
                "another ferry_root."
                % (
                    ", ".join(denied),
                    _user(),
                    ", ".join(map(_owner, denied)) + (" and SELinux enforcing (ausearch -m avc)" if enforcing else ""),
                ),
            )
        )
    return problems


def _in_the_way(there):
    if os.path.basename(there) == ".lock" and os.path.isfile(there):
        return None
    if os.path.islink(there) and not os.path.exists(there):
        return "a link that leads nowhere"
    return None if os.path.isdir(there) else "something else"


def _may_write(there):
    # By the effective user, who is the one that will write; root may everywhere but on a file system that refuses root too.
    wanted = os.W_OK | (os.X_OK if os.path.isdir(there) else os.R_OK)
    if os.access in os.supports_effective_ids:
        return os.access(there, wanted, effective_ids=True)
    return os.access(there, wanted)


def _user():
    return _name(os.geteuid()) if hasattr(os, "geteuid") else os.environ.get("USERNAME", "unknown")


def _name(number):
    try:
        return pwd.getpwuid(number).pw_name
    except (AttributeError, KeyError):
        return str(number)


def _owner(there):
    status = os.stat(there)
    return "owner %s and mode %04o" % (_name(status.st_uid), stat.S_IMODE(status.st_mode))


class Room:
    """What a release takes of the disk: ``{place: [bytes, inodes]}`` for its cache and its own folder.

    A wheel that lies in the cache is measured; of one that does not a lower bound is taken.
    """

    def __init__(self, root: str, cache: str, release: str, compiled: bool, uv: bool):
        """``release``: its folder, which is there where a run was killed. ``uv``: whether the bundle's uv may install it."""
        self._root = root
        self._cache = cache
        self._release = release
        self._compiled = compiled
        self._uv = uv
        self._releases = os.path.dirname(release)
        self._apart = facts.file_system(cache)["device"] != facts.file_system(self._releases)["device"]
        self._wheels: dict = {}
        self._needs = {self._releases: [0, _ENVIRONMENT], cache: [0, _ENVIRONMENT]}
        #: Bytes that the wheels unpack to.
        self.size = 0

    def fetch(self, entry: dict) -> None:
        """A file of the bundle that comes into the cache, in a folder of its own."""
        self._add(self._cache, entry["size"], 2)

    def program(self, path: str, entry: dict) -> None:
        """The wheel of an installer, whose program is unpacked in the cache, once."""
        if os.path.isdir(os.path.join(self._cache, "tools", entry["sha256"][:12])):
            return
        size, _files, _folders, _modules = _measure(path) or (_GROWS * entry["size"], 0, 0, 0)
        self._add(self._cache, size, 2)

    def wheel(self, path: str, entry: dict) -> None:
        """A wheel that is unpacked into the release; ``path`` is its place in the cache."""
        size, inodes, folders, modules = _measure(path) or (_GROWS * entry["size"], _FEWEST, 0, 0)
        self.size += size
        match = re.fullmatch(manifest.WHEEL, os.path.basename(path))
        name = (wheel_record.normalise(match.group("name")), match.group("version"))
        compiled = modules + folders if self._compiled else 0
        self._wheels[name] = (size, inodes)
        self._add(self._releases, int(size * _MARGIN), inodes + folders + compiled)
        if self._uv:
            # uv unpacks into its cache and links from there: one copy of each file, two of each folder. To another disk it copies.
            self._add(self._cache, size if self._apart else 0, folders + _FEWEST + (inodes if self._apart else 0))

    def _add(self, where, size, inodes):
        self._needs[where][0] += size
        self._needs[where][1] += inodes

    def problems(self) -> list:
        """FERRY-HOST-003 for each file system that lacks the bytes or the inodes."""
        if not self._short():
            return []
        # Only now, since it looks at every file: what this run deletes first, and what need not be unpacked again.
        stale = prune.hidden(self._root)
        for where, paths in (
            (self._cache, [path for path in stale if path.startswith(self._cache + os.sep)]),
            (self._releases, [path for path in stale if path.startswith(self._releases + os.sep)] + [self._release]),
        ):
            size, inodes = prune.comes_free([path for path in paths if os.path.lexists(path)])
            self._add(where, -size, -inodes)
        for name in prune.unpacked(self._root) & set(self._wheels) if self._uv and not self._apart else ():
            size, inodes = self._wheels[name]
            self._add(self._releases, -size, -inodes)
        return self._short()

    def _short(self):
        found = {where: facts.file_system(where) for where in self._needs}
        needs = self._needs
        if not self._apart:
            found, needs = (
                {self._root: found[self._cache]},
                {self._root: [sum(numbers_) for numbers_ in zip(*self._needs.values())]},
            )
        problems = []
        for where, (size, inodes) in needs.items():
            wrong = []
            free, nodes = found[where]["free_bytes"], found[where]["free_inodes"]
            if free is not None and free < size:
                wrong.append(
                    "expected %d MB free for the new release, found %d MB" % (size // 10**6 + 1, free // 10**6)
                )
            if nodes is not None and nodes < inodes:
                wrong.append("expected %d free inodes for the new release, found %d (df -i)" % (inodes, nodes))
            if wrong:
                problems.append(
                    FerryError(
                        "FERRY-HOST-003",
                        "%s: %s; free that there (prune.yml removes old releases) and run again."
                        % (where, " and ".join(wrong)),
                    )
                )
        return problems


def _measure(path):
    """``(bytes, files, folders, modules)`` of the wheel at ``path``; None where it is not here, or is no archive: then it is fetched."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    except (OSError, zipfile.BadZipFile):
        return None
    folders = set()
    for member in members:
        parts = member.filename.split("/")[:-1]
        folders.update("/".join(parts[: depth + 1]) for depth in range(len(parts)))
    modules = sum(member.filename.endswith(".py") for member in members)
    # Two more files of an installer: its name, and that it was asked for.
    return sum(member.file_size for member in members), len(members) + 2, len(folders), modules


def check_paths(site: str, paths: list, limit: int = LONGEST_PATH) -> None:
    """FERRY-HOST-004 unless every member of the wheels at ``paths`` has a path of at most ``limit`` characters under ``site``."""
    for path in paths:
        with zipfile.ZipFile(path) as archive:
            longest = max(archive.namelist(), key=len, default="")
        length = len(site) + 1 + len(longest)
        if length > limit:
            raise FerryError(
                "FERRY-HOST-004",
                "%s: %s would lie at a path of %d characters under %s, expected at most %d without long paths; "
                "enable long paths in Windows or choose a shorter ferry_root."
                % (os.path.basename(path), longest, length, site, limit),
            )


def clock(serial, now=None) -> list:
    """A warning where this host's clock is more than a day behind ``serial`` of the bundle's statement; None says nothing.

    A serial is the builder's clock in seconds, or more. Nothing on the host goes by the time but certificates of an https depot and
    what is written down, so it is no refusal.
    """
    now = time.time() if now is None else now
    if serial is None or now > serial - _DAY:
        return []
    return [
        "this host's clock says %s, %d days before the bundle was built; set the clock: times in the records, and the certificate of "
        "an https depot, are judged by it." % (statement.to_text(int(now)), (serial - now) // _DAY)
    ]
