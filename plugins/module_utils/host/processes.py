# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes run from a release, by what Linux tells in /proc. In doubt a release is in use.

A release's ``bin/python`` is a link to the host's Python, so ``/proc/<pid>/exe`` names that one. What names the release: mapped
files (every extension module), the working folder, the command line, and a few variables. Through ``current`` the kernel has the
release's own path for mapped files, but a command line has ``current``, which was another release before the last switch.
"""

from __future__ import annotations

import os
import re

from ..bundle import statement

_PROC = "/proc"
# What makes a program use a release whose path is on no command line.
_VARIABLES = ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH")
# Where a folder's name ends: in a list of folders, in --option=path, in a shell's -c "…".
_END = r"(?=$|[/\s:;,='\")])"
# Both times are whole seconds, and the kernel moves its boot time whenever the clock is set.
_SLACK = 60


def users(root: str, releases: set, history: list) -> dict:
    """``{release: [pid, …]}`` of those of ``releases`` under ``root`` that a process uses; the others are left out.

    ``history``: the switches, oldest first, as ``switches.json`` has them. A process that was started through ``current`` uses every
    release that was live at its start or later. Of other users' processes an unprivileged user sees the command line alone. Empty
    where there is no /proc (Windows).
    """
    found: dict = {}
    if releases:
        look = _Look(root, releases, history)
        for pid in sorted(int(name) for name in _listed(_PROC) if name.isdigit()):
            for release in look.used_by(str(pid)):
                found.setdefault(release, []).append(pid)
    return found


class _Look:
    """What to look for in every process."""

    def __init__(self, root, releases, history):
        self._releases = set(releases)
        self._history = history
        roots = {os.path.abspath(root), os.path.realpath(root)}
        folders = {os.path.join(path, "releases") for path in roots}
        folders.update([os.path.realpath(path) for path in folders])  # releases/ may be a link to another disk
        self._named = re.compile("%s/([^/\\s]+?)%s" % (_any(folders), _END))
        self._current = re.compile("%s/current%s" % (_any(roots), _END))
        self._pythons = {os.path.realpath(os.path.join(root, "releases", name, "bin", "python")) for name in releases}

    def used_by(self, pid):
        """Those releases that the process uses."""
        program, folder = _link(pid, "exe"), _link(pid, "cwd")
        arguments = _text(pid, "cmdline").split("\0")
        variables = dict(pair.split("=", 1) for pair in _text(pid, "environ").split("\0") if "=" in pair)
        said = [program, folder, _text(pid, "maps"), *arguments, *(variables.get(name, "") for name in _VARIABLES)]
        said = "\n".join(said)
        found, through_current = set(self._named.findall(said)), self._current.search(said) is not None
        # Another user's program is not told: it may be a Python.
        if not program or program in self._pythons:
            # Python finds its environment by the folder that it was called in.
            called = os.path.dirname(_called(arguments[0], folder, variables.get("PATH", ""))) or "/"
            named = set(self._named.findall(called))
            through = set(self._named.findall(os.path.realpath(called))) - named
            found |= named | through
            # Through ``current``, or a link of the operator's own, which leads there as a rule.
            through_current = through_current or bool(through)
        if through_current:
            found |= self._live_since(_started(pid))
        return sorted(found & self._releases)

    def _live_since(self, started):
        """What was live at ``started`` (seconds since the epoch; None: unknown) or later."""
        if started is None:
            return set(self._releases)
        since = statement.to_text(max(0, int(started) - _SLACK))
        ends = [entry["at"] for entry in self._history[1:]] + [None]
        return {entry["release"] for entry, end in zip(self._history, ends) if end is None or end >= since}


def _any(paths):
    return "(?:%s)" % "|".join(re.escape(path) for path in sorted(paths))


def _called(name, folder, path):
    """The program's path as it was called: ``name`` in ``folder``, or found on ``path`` as a shell does; empty where that is not known."""
    if "/" in name:
        places = [os.path.join(folder, name)]
    else:
        places = [os.path.join(folder, entry, name) for entry in path.split(os.pathsep) if name]
        places = [place for place in places if os.path.exists(place)]
    # Never by the folder of this process.
    return next((place for place in places if os.path.isabs(place)), "")


def _started(pid):
    """When the process began, in seconds since the epoch; None where it has ended meanwhile."""
    # The name in parentheses may hold anything, blanks and parentheses too.
    fields = _text(pid, "stat").rpartition(")")[2].split()
    boot = re.search(r"^btime (\d+)$", _text("", "stat"), re.M)
    return int(boot.group(1)) + int(fields[19]) // os.sysconf("SC_CLK_TCK") if boot and len(fields) > 19 else None


def _link(pid, name):
    try:
        target = os.readlink(os.path.join(_PROC, pid, name))
    except OSError:
        return ""
    # A Python that was upgraded beneath a running process.
    return target[: -len(" (deleted)")] if target.endswith(" (deleted)") else target


def _text(pid, name):
    """A file of a process; empty where it has ended, or is another user's."""
    try:
        with open(os.path.join(_PROC, pid, name), "rb") as stream:
            return os.fsdecode(stream.read())
    except OSError:
        return ""


def _listed(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []
