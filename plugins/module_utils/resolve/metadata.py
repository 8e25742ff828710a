# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The METADATA of wheels that are not downloaded: beside the wheel (PEP 658), or by range requests from the wheel itself.

It is kept by the wheel's sha256 under ``<workdir>/metadata/``, for all profiles, and trusted as the index is while locking;
:mod:`.build` checks again from the wheels themselves, by then hashed.
"""

from __future__ import annotations

import os
import struct
import threading
import urllib.parse
import urllib.request
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

from . import client
from ..bundle import files

FOLDER = "metadata"
_AT_ONCE = 8
# Whatever zipfile says of an archive that is none, or one that its directory lies about.
_UNSOUND = (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, ValueError, KeyError)

# One lock for each place in a cache: profiles are locked side by side and share most wheels.
_guard = threading.Lock()
_under_way: dict = {}


def fetch(workdir: str, wheels: list, environment: dict, keep: bool = True) -> dict:
    """``{wheel file name: METADATA text, or None where the index gives it in no way}``.

    ``wheels``: ``[{"wheel", "sha256", "url", "size" in bytes or None}]``. ``environment`` is :func:`.index.environment`'s. ``keep=False``
    writes nothing. FERRY-INDEX-001 where a server cannot be reached.
    """
    asking = client.of(environment)
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        jobs = {wheel["wheel"]: pool.submit(_one, workdir, wheel, asking, keep) for wheel in wheels}
        try:
            found = {name: job.result() for name, job in jobs.items()}
        finally:
            for job in jobs.values():
                job.cancel()
    return {name: None if data is None else data.decode("utf-8", "replace") for name, data in found.items()}


def sizes(wheels: list, environment: dict) -> dict:
    """``{wheel file name: bytes, or None where the index tells it in no way}``; ``wheels`` as for :func:`fetch`. Trusted as the index is."""
    asking = client.of(environment)
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return dict(zip((wheel["wheel"] for wheel in wheels), pool.map(lambda wheel: _size(wheel, asking), wheels)))


def of_wheel(wheel) -> str:
    """The METADATA text of the wheel at a path (or in a readable, seekable file); empty where it has none, or several."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return _member(archive).decode("utf-8", "replace")
    except (client.Absent, *_UNSOUND):
        return ""


def _size(wheel, asking):
    if wheel["size"] is not None:
        return wheel["size"]
    parts = urllib.parse.urlsplit(wheel["url"])
    try:
        if parts.scheme == "file":
            return os.path.getsize(urllib.request.url2pathname(parts.path))
        return asking.size(wheel["url"])
    except (client.Absent, FileNotFoundError):
        return None


def _one(workdir, wheel, asking, keep):
    place = os.path.join(workdir, FOLDER, wheel["sha256"])
    with _guard:
        alone = _under_way.setdefault(place, threading.Lock())
    with alone:
        if os.path.exists(place):
            data = files.read_limited(place, client.LIMIT)
            if _is_metadata(data):
                return data
        data = _ask(wheel, asking)
        if keep and data is not None:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            files.write_durably(place, data)
        return data


def _ask(wheel, asking):
    parts = urllib.parse.urlsplit(wheel["url"])
    if parts.scheme == "file":
        path = urllib.request.url2pathname(parts.path)
        return of_wheel(path).encode("utf-8") or None if os.path.exists(path) else None
    try:
        # Beside the path, not behind a query: a mirror may sign its addresses.
        data = asking.get(urllib.parse.urlunsplit(parts._replace(path=parts.path + ".metadata", fragment="")))
        if _is_metadata(data):
            return data
    except client.Absent:
        pass
    try:
        with zipfile.ZipFile(client.Remote(asking, wheel["url"], wheel.get("size"))) as archive:
            data = _member(archive)
    except (client.Absent, *_UNSOUND):
        return None
    return data if _is_metadata(data) else None


def _member(archive):
    names = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")]
    if len(names) != 1 or archive.getinfo(names[0]).file_size > client.LIMIT:
        raise client.Absent
    return archive.read(names[0])


def _is_metadata(data):
    """Some mirrors answer every path with a page of their own."""
    lines = b"\n" + data[: 1 << 12]
    return b"\nMetadata-Version:" in lines and b"\nName:" in lines
