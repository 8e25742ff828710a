# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building a release from a bundle: preflight → fetch → install at the final path → RECORD check → marker."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time

from . import facts, installers, preflight, wheel_record
from .depot import Depot
from .python import environment, find
from .release import Root
from ..bundle import canonical, files, manifest, statement
from ..errors import FerryError, disk_full, says_disk_full


class Installation:
    """What one host should have: a profile of a bundle, on a Python, under a root."""

    def __init__(self, options: dict, keep_manifest: bool):
        """``options``: root, bundle_id, depot_url, profile, python, installer, compile_bytecode, manifest (text or None), bundle_serial.

        Whatever keeps the release off this host is said here, before anything is written.
        """
        self.root = Root(options["root"])
        self._options = options
        self._depot = Depot(options["depot_url"], options["bundle_id"], self.root.cache)
        self._manifest = self._depot.manifest(options["manifest"], keep=False)
        name = options["profile"]
        if name not in self._manifest["profiles"]:
            raise FerryError(
                "FERRY-VAR-003",
                "bundle %s has no profile %s, it has %s; correct ferry_profile, or build the bundle again."
                % (options["bundle_id"], name, ", ".join(sorted(self._manifest["profiles"]))),
            )
        self._profile = self._manifest["profiles"][name]
        self._wheels, self._tools, self._listed = self._files()
        self.warnings = preflight.clock(options.get("bundle_serial"))
        problems = []
        try:
            self._python = find(options["python"], self._profile["python"])
        except FerryError as error:
            self._python = None
            problems.append(error)
        problems += preflight.fit(name, self._profile, self._python)
        if self._python:
            self._name()
        preflight.refuse(problems + self._problems())
        if keep_manifest:
            self._depot.keep(self._manifest)

    def _name(self):
        """The release, named by all that it hangs on."""
        self._digests = {
            "lock": self._manifest["files"][self._profile["lock"]]["sha256"],
            # Not the patch: a security update of the host's Python serves the releases on it as they are.
            "runtime": {
                "implementation": "cpython",
                "version": ".".join(self._python["version"].split(".")[:2]),
                "base": self._python["base"],
            },
            "bytecode": self._options["compile_bytecode"],
        }
        self.release = "%s-%s" % (
            self._options["profile"],
            files.sha256_bytes(canonical.dumps(self._digests))[:12],
        )

    def _files(self):
        """``{path: entry}`` of the profile's wheels, ``{name: path}`` of the installers that it may need, and the entries of them all."""
        entries = self._manifest["files"]
        wheels = {path: entries[path] for path in ("wheels/" + wheel for wheel in self._profile["wheels"])}
        tools = {
            name: path
            for name, path in self._profile["installers"].items()
            if name == "pip" or self._options["installer"] != "pip"
        }
        listed = {path: entries[path] for path in [self._profile["requirements"], *tools.values()]}
        return wheels, tools, dict(listed, **wheels)

    def _problems(self):
        """What of the disk is in the way of what this run would write; without a Python the release has no name, and all is asked."""
        if not self._python:
            return preflight.place(self.root.path) + self._room("unknown")
        if not self.is_built():
            return preflight.place(self.root.path) + self._room(self.release)
        return preflight.place(self.root.path) if self.root.live() != self.release else []

    def _room(self, release):
        """What is missing of the space for all that is not here yet."""
        room = preflight.Room(
            self.root.path,
            self.root.cache,
            self.root.folder(release),
            self._options["compile_bytecode"],
            "uv" in self._tools,
        )
        for entry in self._depot.missing(self._listed).values():
            room.fetch(entry)
        for path, entry in self._wheels.items():
            room.wheel(self._depot.place(entry, path), entry)
        if "uv" in self._tools:
            entry = self._listed[self._tools["uv"]]
            room.program(self._depot.place(entry, self._tools["uv"]), entry)
        self._size = room.size
        return room.problems()

    @property
    def packages(self) -> dict:
        """``{normalised name: version}`` that the release has, or will have."""
        found = {}
        for wheel in self._profile["wheels"]:
            match = re.fullmatch(manifest.WHEEL, wheel)
            found[wheel_record.normalise(match.group("name"))] = match.group("version")
        return found

    def is_built(self) -> bool:
        """True where the release is on this host, complete."""
        return self.root.read(self.release) is not None

    def build(self) -> dict:
        """Build the release; what was fetched: ``{"files", "bytes"}``. Whatever goes wrong, nothing half-made stays."""
        if os.path.lexists(self.root.folder(self.release)):  # of a run that was killed
            self._undo()
        fetched = self._depot.fetch(self._listed)
        places = {path: self._depot.place(entry, path) for path, entry in self._listed.items()}
        # Now that the wheels are here, what they really unpack to is known.
        preflight.refuse(self._room(self.release))
        if facts.long_paths() is False:
            preflight.check_paths(
                self.root.site(self.release, self._python["version"]), [places[path] for path in self._wheels]
            )
        try:
            self._install(
                {name: places[path] for name, path in self._tools.items()},
                [places[path] for path in self._wheels],
                places[self._profile["requirements"]],
            )
        except BaseException:
            self._undo()
            raise
        return fetched

    def _undo(self):
        """Take the half-made release away, and before it, while it still tells of this, uv's cache.

        A uv that was killed leaves there what it was unpacking, unpacked wheels that nothing points to, and files of which nobody
        knows whether they reached the disk.
        """
        shutil.rmtree(os.path.join(self.root.cache, "uv"), ignore_errors=True)
        if os.path.lexists(self.root.folder(self.release)):
            self.root.remove(self.release)

    def _install(self, carried, wheels, requirements):
        folder = self.root.folder(self.release)
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        self._make_environment(folder)
        python = self.root.python(self.release)
        chosen = installers.choose(self._options["installer"], carried, self.root.cache, python)
        with self._wheelhouse(wheels) as wheelhouse:
            installers.install(
                chosen,
                python,
                wheelhouse,
                requirements,
                self._options["compile_bytecode"],
                self.root.cache,
                whole="trim" not in self._profile,
            )
        site = self.root.site(self.release, self._python["version"])
        self._check(site, wheels)
        self.root.complete(
            self.release,
            {
                "bundle": self._options["bundle_id"],
                "profile": self._options["profile"],
                "trim": self._profile.get("trim"),
                "digests": self._digests,
                "python": self._python["version"],
                "installer": chosen[0],
                "packages": wheel_record.distributions(site),
                "size": self._size,
                "created": statement.to_text(int(time.time())),
                "routes": facts.routes(),
            },
        )

    @contextlib.contextmanager
    def _wheelhouse(self, wheels):
        """A flat folder of this release's wheels. Always at one path: uv's cache goes by it, and so unpacks a wheel once for all releases."""
        folder = os.path.join(self.root.cache, "wheelhouse")
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
        try:
            os.makedirs(folder)
            for path in wheels:
                files.link_or_copy(path, os.path.join(folder, os.path.basename(path)))
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _make_environment(self, folder):
        # Without pip: the release gets what is locked and nothing else, and a host without ensurepip serves.
        command = [self._python["path"], "-m", "venv", "--without-pip", folder]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, env=environment())
        if done.returncode != 0:
            said = " ".join(done.stdout.decode("utf-8", "replace").split())
            if says_disk_full(said):
                raise disk_full(folder, "making the environment")
            raise FerryError(
                "FERRY-INSTALL-001",
                "%s: no environment could be made with %s: %s; correct that and run again."
                % (folder, self._python["path"], said[-400:]),
            )

    def _check(self, site, wheels):
        # Both, because an installer writes a RECORD of its own, which also names what the wheel's did not.
        wrong = wheel_record.problems(site)
        wrong += [(name, "in no RECORD of its wheel") for wheel in wheels for name in wheel_record.unlisted(wheel)]
        if wrong:
            # Files in uv's cache are those of older releases (hard links): one that was written into must not come again.
            shutil.rmtree(os.path.join(self.root.cache, "uv"), ignore_errors=True)
            shown = ", ".join("%s %s" % (path, verdict) for path, verdict in wrong[:5])
            raise FerryError(
                "FERRY-INSTALL-002",
                "%s: %d files are not as their wheels say: %s; the live release is as it was."
                % (site, len(wrong), shown),
            )
        have, need = wheel_record.distributions(site), self.packages
        if have != need:
            odd = sorted(set(have.items()) ^ set(need.items()))
            raise FerryError(
                "FERRY-INSTALL-002",
                "%s: expected exactly the locked distributions, found a difference in %s; the live release is as it was."
                % (site, odd[:5]),
            )
