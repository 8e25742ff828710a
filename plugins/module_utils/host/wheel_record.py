# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed files against the RECORD files of their distributions (PEP 376): nothing changed, nothing missing, nothing foreign."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor

from ..bundle.wheel import UNHASHED, normalise

_DIST_INFO = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)\.dist-info")
_CHUNK = 1 << 20
# hashlib drops the GIL for large buffers, so a second thread reads while the first one hashes.
_THREADS = 2


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
            record = entry + "/RECORD"
            recorded[record] = None
            recorded.update(_rows(os.path.join(site, record)))
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


def unlisted(wheel: str) -> list:
    """The files in the wheel at ``wheel`` that its own RECORD does not name; installers would install and record them."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        record = next((name for name in names if name.count("/") == 1 and name.endswith(".dist-info/RECORD")), None)
        listed = _parse(archive.read(record)) if record else {}
    return sorted(name for name in names if name not in listed and not UNHASHED.fullmatch(name))


def _rows(path):
    """``{path: "algorithm=digest" or ""}``; a RECORD that cannot be read names nothing, so that everything it should name is foreign."""
    try:
        with open(path, "rb") as stream:
            return _parse(stream.read())
    except OSError:
        return {}


def _parse(data):
    try:
        rows = [row for row in csv.reader(io.StringIO(data.decode("utf-8"), newline="")) if row]
    except (UnicodeDecodeError, csv.Error):
        return {}
    return {row[0].replace("\\", "/"): row[1] if len(row) > 1 else "" for row in rows}


def _judge(path, expected):
    if not os.path.isfile(path):
        return "missing"
    if not expected:
        return None if UNHASHED.fullmatch("/".join(path.replace(os.sep, "/").split("/")[-2:])) else "changed"
    algorithm, _equals, value = expected.partition("=")
    if algorithm not in ("sha256", "sha384", "sha512"):
        return "changed"
    digest = hashlib.new(algorithm)
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(chunk)
    return None if base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode("ascii") == value else "changed"


def _is_compiled(path, recorded):
    folder, _slash, name = path.rpartition("/")
    parent, _slash, last = folder.rpartition("/")
    source = name.split(".")[0] + ".py"
    return name.endswith(".pyc") and last == "__pycache__" and (parent + "/" + source if parent else source) in recorded


def _walk(site):
    for folder, folders, names in os.walk(site):
        relative = os.path.relpath(folder, site).replace(os.sep, "/")
        # os.walk does not go into a folder that is a link: for us that is one foreign file.
        for name in names + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
            yield name if relative == "." else "%s/%s" % (relative, name)
