# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host takes from the depot: the manifest by the bundle's id, and then each file by the manifest's hash."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from ..bundle import canonical, files, manifest
from ..errors import FerryError

_SECONDS = 60
_AT_ONCE = 4
# A depot is an inside address: a proxy from the environment has nothing to do with it.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Depot:
    """One bundle, seen through ``url`` (http, https or file; the folder that holds ``<id>/``), cached under ``cache``."""

    def __init__(self, url: str, identity: str, cache: str):
        self._base = "%s/%s/" % (url.rstrip("/"), identity)
        self._identity = identity
        self._cache = cache

    def manifest(self, given=None, keep=True) -> dict:
        """The parsed manifest whose sha256 is the bundle's id: from ``given`` text, the cache, or the depot (then cached if ``keep``)."""
        path = os.path.join(self._cache, "manifests", self._identity + ".json")
        expected = "sha256 %s" % self._identity
        if given is not None:
            data = given.encode("ascii", "replace")
        elif os.path.exists(path):
            data = files.read_limited(path, manifest.LIMIT)
            if files.sha256_bytes(data) != self._identity:
                raise FerryError(
                    "FERRY-DEPOT-003",
                    "%s: expected %s, found %s; remove it, then run again."
                    % (path, expected, files.sha256_bytes(data)),
                )
        else:
            with self._open(manifest.NAME) as reader:
                data = self._read(reader, manifest.NAME, manifest.LIMIT + 1)
        if files.sha256_bytes(data) != self._identity:
            raise self._another(manifest.NAME, expected, files.sha256_bytes(data))
        parsed = manifest.parse(data)
        if keep:
            self.keep(parsed)
        return parsed

    def keep(self, parsed: dict) -> None:
        """Cache the parsed manifest; it is canonical, so these are the bytes that it was read from."""
        path = os.path.join(self._cache, "manifests", self._identity + ".json")
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            files.write_durably(path, canonical.dumps(parsed))

    def place(self, entry: dict, path: str) -> str:
        """Where the file ``path`` of the bundle lies in the cache: by content, so that releases share what they share."""
        return os.path.join(self._cache, "files", entry["sha256"], os.path.basename(path))

    def missing(self, listed: dict) -> dict:
        """Those of ``listed`` (``{path: manifest entry}``) that the cache lacks."""
        return {path: entry for path, entry in listed.items() if not os.path.exists(self.place(entry, path))}

    def fetch(self, listed: dict) -> dict:
        """Bring all of ``listed`` into the cache, a few at once; ``{"files": fetched, "bytes": fetched}``.

        What lies in the cache is hashed again, and fetched anew where it has changed: a release is built from what was signed.
        """
        # By place: one file may have two paths in a bundle, and would be written twice at once.
        places = {self.place(entry, path): (path, entry) for path, entry in sorted(listed.items())}
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            whole = list(pool.map(lambda item: _is_whole(item[0], item[1][1]), places.items()))
            wanted = [item for item, here in zip(places.values(), whole) if not here]
            for _done in pool.map(lambda item: self._fetch(*item), wanted):
                pass
        return {"files": len(wanted), "bytes": sum(entry["size"] for _path, entry in wanted)}

    def _fetch(self, path, entry):
        final = self.place(entry, path)
        os.makedirs(os.path.dirname(final), exist_ok=True)
        temporary = final + ".part"  # the caller holds the root's lock, so a .part is ours or of a run that was killed
        digest, size = hashlib.sha256(), 0
        try:
            with files.naming(final), self._open(path) as reader, open(temporary, "wb") as writer:
                while size <= entry["size"]:
                    chunk = self._read(reader, path, files.CHUNK)
                    if not chunk:
                        break
                    size += len(chunk)
                    digest.update(chunk)
                    writer.write(chunk)
                writer.flush()
                os.fsync(writer.fileno())
            if size != entry["size"] or digest.hexdigest() != entry["sha256"]:
                expected = "%d bytes with sha256 %s" % (entry["size"], entry["sha256"])
                raise self._another(path, expected, "%d bytes with %s" % (size, digest.hexdigest()))
            os.replace(temporary, final)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)

    def _another(self, path, expected, found):
        return FerryError(
            "FERRY-DEPOT-003",
            "%s%s: expected %s, found %s; at the depot remove bundles/%s (never its note in names/), then run transfer.yml and deploy.yml."
            % (self._base, path, expected, found, self._identity),
        )

    def _open(self, path):
        return self._asking(path, lambda: _OPENER.open(self._base + path, timeout=_SECONDS))

    def _read(self, reader, path, most):
        return self._asking(path, lambda: reader.read(most))

    def _asking(self, path, ask):
        try:
            return ask()
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise FerryError(
                "FERRY-DEPOT-002",
                "%s%s: %s; check ferry_depot_url and that deploy.yml opened this bundle." % (self._base, path, reason),
            )


def _is_whole(place, entry):
    return os.path.exists(place) and files.sha256_file(place) == entry["sha256"]
