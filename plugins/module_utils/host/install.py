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
        """``options``: root, bundle_id, depot_url, profile, python, installer, compile_bytecode, manifest (text or None)."""
        self.root = Root(options["root"])
        self._options = options
        self._depot = Depot(options["depot_url"], options["bundle_id"], self.root.cache)
        self._manifest = self._depot.manifest(options["manifest"], keep_manifest)
        name = options["profile"]
        if name not in self._manifest["profiles"]:
            raise FerryError(
                "FERRY-VAR-003",
                "bundle %s has no profile %s, it has %s; correct ferry_profile, or build the bundle again."
                % (options["bundle_id"], name, ", ".join(sorted(self._manifest["profiles"]))),
            )
        self._profile = self._manifest["profiles"][name]
        self._python = find(options["python"], self._profile["python"])
        preflight.check_host(name, self._profile, self._python)
        self._digests = {
            "lock": self._manifest["files"][self._profile["lock"]]["sha256"],
            # Not the patch: a security update of the host's Python serves the releases on it as they are.
            "runtime": {
                "implementation": "cpython",
                "version": ".".join(self._python["version"].split(".")[:2]),
                "base": self._python["base"],
            },
            "bytecode": options["compile_bytecode"],
        }
        self.release = "%s-%s" % (name, files.sha256_bytes(canonical.dumps(self._digests))[:12])

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
        wheels = {
            path: self._manifest["files"][path] for path in ("wheels/" + wheel for wheel in self._profile["wheels"])
        }
        tools = {
            name: path
            for name, path in self._profile["installers"].items()
            if name == "pip" or self._options["installer"] != "pip"
        }
        listed = dict(wheels)
        listed.update(
            {path: self._manifest["files"][path] for path in [self._profile["requirements"], *tools.values()]}
        )
        to_fetch = sum(entry["size"] for entry in self._depot.missing(listed).values())
        preflight.check_space(self.root.path, to_fetch, sum(entry["size"] for entry in wheels.values()))
        fetched = self._depot.fetch(listed)
        places = {path: self._depot.place(entry, path) for path, entry in listed.items()}
        size = preflight.check_unpacked(self.root.path, [places[path] for path in wheels])
        if facts.long_paths() is False:
            preflight.check_paths(
                self.root.site(self.release, self._python["version"]), [places[path] for path in wheels]
            )
        if os.path.lexists(self.root.folder(self.release)):  # of a run that was killed
            self.root.remove(self.release)
        try:
            self._install(
                {name: places[path] for name, path in tools.items()},
                [places[path] for path in wheels],
                places[self._profile["requirements"]],
                size,
            )
        except BaseException:
            if os.path.lexists(self.root.folder(self.release)):
                self.root.remove(self.release)
            raise
        return fetched

    def _install(self, carried, wheels, requirements, size):
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
                "size": size,
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
