# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed files against the RECORD files of their distributions (PEP 376): nothing changed, nothing missing, nothing foreign."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor

_DIST_INFO = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)\.dist-info")
_CHUNK = 1 << 20
# hashlib drops the GIL for large buffers, so a second thread reads while the first one hashes.
_THREADS = 2


def normalise(name: str) -> str:
    """A distribution's name in its one comparable spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions(site: str) -> dict:
    """``{normalised name: version}`` of what is installed in ``site``, from the names of the dist-info folders."""
    found = {}
    for entry in sorted(os.listdir(site)):
        match = _DIST_INFO.fullmatch(entry)
        if match:
            found[normalise(match.group("name"))] = match.group("version")
    return found


def problems(site: str) -> list:
    """``[(path relative to site, "changed" | "missing" | "foreign")]``, sorted; empty where all is as installed.

    Compiled files of a recorded source are left out, whoever compiled them: they hold no hash. Scripts outside ``site`` are checked too.
    """
    recorded = {}
    for entry in os.listdir(site):
        if _DIST_INFO.fullmatch(entry):
            path = os.path.join(site, entry, "RECORD")
            if not os.path.exists(path):
                recorded[entry + "/RECORD"] = "sha256=absent"
                continue
            with open(path, newline="", encoding="utf-8") as stream:
                for row in csv.reader(stream):
                    if row:
                        recorded[row[0].replace("\\", "/")] = row[1] if len(row) > 1 else ""
    found = [(path, "foreign") for path in _walk(site) if path not in recorded and not _is_compiled(path, recorded)]

    def judge(path):
        return path, _judge(os.path.join(site, path), recorded[path])

    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        found += [
            (path, verdict)
            for path, verdict in pool.map(judge, sorted(recorded))
            if verdict and not _is_compiled(path, recorded)
        ]
    return sorted(found)


def _judge(path, expected):
    if not os.path.isfile(path):
        return "missing"
    if not expected:  # RECORD itself, and compiled files
        return None
    algorithm, _, value = expected.partition("=")
    if algorithm not in ("sha256", "sha384", "sha512"):
        return "changed"
    digest = hashlib.new(algorithm)
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(chunk)
    return None if base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode("ascii") == value else "changed"


def _is_compiled(path, recorded):
    folder, _, name = path.rpartition("/")
    if not name.endswith(".pyc"):
        return False
    if folder.endswith("__pycache__"):
        parent = folder[: -len("__pycache__")]
        return parent + name.split(".")[0] + ".py" in recorded
    return False


def _walk(site):
    for folder, _folders, names in os.walk(site):
        relative = os.path.relpath(folder, site).replace(os.sep, "/")
        for name in names:
            yield name if relative == "." else "%s/%s" % (relative, name)
