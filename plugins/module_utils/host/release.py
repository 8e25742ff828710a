# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases on a host: environments built at their final path and never modified, and ``current``, the pointer to the live one.

::

    <root>/releases/<profile>-<12 hex>/   an environment; release.json in it is written last and says that it is complete
    <root>/current                        link to the live one, swapped by rename
    <root>/bin/ferry-python               the live one's Python, by the release's own path
    <root>/switches.json                  what was live when, oldest first: what a rollback goes by
    <root>/cache/                         wheels by content, manifests, the installers
"""

from __future__ import annotations

import os
import shutil
import time

from . import launcher
from ..bundle import canonical, files, statement
from ..errors import FerryError

TYPE = "airgap.ferry/release/v1"
_HISTORY_TYPE = "airgap.ferry/switches/v1"
_LIMIT = 4 << 20
_KEPT_SWITCHES = 100


class Root:
    """The folder on a host that holds everything of the collection."""

    def __init__(self, path: str):
        self.path = path
        self.cache = os.path.join(path, "cache")
        self._releases = os.path.join(path, "releases")
        self._current = os.path.join(path, "current")
        self._switches = os.path.join(path, "switches.json")

    def folder(self, release: str) -> str:
        """Where ``release`` lies, or would."""
        return os.path.join(self._releases, release)

    def python(self, release: str) -> str:
        """The Python of ``release``."""
        return (
            os.path.join(self.folder(release), "Scripts", "python.exe")
            if os.name == "nt"
            else os.path.join(self.folder(release), "bin", "python")
        )

    def site(self, release: str, version: str) -> str:
        """The site-packages folder of ``release``, whose Python has ``version``."""
        if os.name == "nt":
            return os.path.join(self.folder(release), "Lib", "site-packages")
        return os.path.join(self.folder(release), "lib", "python%s" % ".".join(version.split(".")[:2]), "site-packages")

    def live(self):
        """The id of the live release, or None."""
        try:
            return os.path.basename(os.readlink(self._current))
        except FileNotFoundError:
            return None
        except OSError:
            raise FerryError(
                "FERRY-IO-002", "%s is no link; something else made it: move it away, then run again." % self._current
            )

    def read(self, release):
        """What ``release.json`` says of a complete release; None where it is not complete or not there."""
        path = os.path.join(self.folder(release or ""), "release.json")
        if not release or not os.path.exists(path):
            return None
        found = canonical.loads(files.read_limited(path, _LIMIT), path, _LIMIT)
        canonical.require(
            isinstance(found, dict) and found.get("type") == TYPE and found.get("id") == release,
            path,
            "a release of this name",
            found,
        )
        return found

    def packages(self, release) -> dict:
        """``{name: version}`` of a release; empty where there is none."""
        found = self.read(release)
        return found["packages"] if found else {}

    def complete(self, release: str, facts: dict) -> None:
        """Write the marker that says that ``release`` is whole; everything else of it is on the disk before."""
        files.write_durably(
            os.path.join(self.folder(release), "release.json"), canonical.dumps(dict(facts, type=TYPE, id=release))
        )

    def remove(self, release: str) -> None:
        """Take ``release`` away, its marker first, so that a kill in the middle leaves no release that looks whole."""
        marker = os.path.join(self.folder(release), "release.json")
        if os.path.exists(marker):
            os.unlink(marker)
        shutil.rmtree(self.folder(release), ignore_errors=False)

    def switch(self, release: str, action: str) -> None:
        """Make ``release`` the live one; ``action`` is "switch" or "rollback". The rename is the one step that counts."""
        launcher.write(self.path)
        history = self._history() + [{"release": release, "action": action, "at": statement.to_text(int(time.time()))}]
        files.write_durably(
            self._switches, canonical.dumps({"type": _HISTORY_TYPE, "switches": history[-_KEPT_SWITCHES:]})
        )
        temporary = self._current + ".next"
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink(os.path.join("releases", release), temporary)
        os.replace(temporary, self._current)
        files.sync_directory(self.path)

    def rollback_target(self, named):
        """The release to go back to: ``named``, else the one that was live before; the live one where that was a rollback already.

        So a rollback that is run again after it worked changes nothing, and 49 of 50 hosts are not sent two steps back.
        """
        live = self.live()
        if named:
            if self.read(named) is None:
                raise FerryError(
                    "FERRY-INSTALL-004",
                    "%s is not a complete release on this host; name one of: %s." % (self.folder(named), self._names()),
                )
            return named
        # A switch that was written down and then killed before its rename is no switch.
        past = self._history()
        while past and past[-1]["release"] != live:
            past.pop()
        if past and past[-1]["action"] == "rollback":
            return live
        for entry in reversed(past):
            if entry["release"] != live and self.read(entry["release"]) is not None:
                return entry["release"]
        raise FerryError(
            "FERRY-INSTALL-003",
            "%s has no release before %s to go back to; name one of: %s in ferry_release."
            % (self.path, live or "the first one", self._names()),
        )

    def _history(self):
        if not os.path.exists(self._switches):
            return []
        found = canonical.loads(files.read_limited(self._switches, _LIMIT), self._switches, _LIMIT)
        canonical.require(
            isinstance(found, dict) and found.get("type") == _HISTORY_TYPE,
            self._switches,
            "the type " + _HISTORY_TYPE,
            found,
        )
        return found["switches"]

    def _names(self):
        names = sorted(os.listdir(self._releases)) if os.path.isdir(self._releases) else []
        return ", ".join(name for name in names if self.read(name)) or "none"
