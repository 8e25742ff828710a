# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This collection as one archive: what ``ansible-galaxy collection build`` packs, but the same bytes wherever it is made.

Galaxy lists files in the order of the file system, and compresses with whatever zlib there is. Here names are sorted, times are 0,
owners are nobody, folders are those that have files, and nothing is compressed. ``ansible-galaxy collection install`` takes it as it is.
"""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
import tarfile
import tempfile

from ..module_utils.bundle import canonical, files
from ..module_utils.errors import FerryError

_MANIFEST, _LISTING = "MANIFEST.json", "FILES.json"
_SECONDS = 300
_AGAIN = "install the collection again"


def pack(root: str) -> bytes:
    """The archive of the collection at ``root``: a checkout, or where Ansible installed it; FERRY-KIT-003 where that cannot be."""
    info, contents = _installed(root) if os.path.exists(os.path.join(root, _MANIFEST)) else _built(root)
    folders = {"/".join(name.split("/")[:depth]) for name in contents for depth in range(1, name.count("/") + 1)}
    entries = [_entry(".")]
    entries += [_entry(name, contents[name][0] if name in contents else None) for name in sorted({*folders, *contents})]
    listing = canonical.dumps({"files": entries, "format": 1})
    manifest = {"collection_info": info, "file_manifest_file": _entry(_LISTING, listing), "format": 1}
    members = {_MANIFEST: (canonical.dumps(manifest), False), _LISTING: (listing, False)}
    members.update((name, contents.get(name)) for name in sorted({*folders, *contents}))
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(member)
            else:
                member.size, member.mode = len(content[0]), 0o755 if content[1] else 0o644
                archive.addfile(member, io.BytesIO(content[0]))
    return written.getvalue()


def _entry(name, data=None):
    """A line of FILES.json, in Galaxy's own shape."""
    return {
        "name": name,
        "ftype": "dir" if data is None else "file",
        "chksum_type": None if data is None else "sha256",
        "chksum_sha256": None if data is None else files.sha256_bytes(data),
        "format": 1,
    }


def _built(root):
    """``(collection_info, {name: (bytes, executable)})`` as Galaxy builds it of a checkout."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ansible", "galaxy", "collection", "build", root, "--output-path", folder]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
        made = os.listdir(folder)
        if done.returncode != 0 or len(made) != 1:
            said = " ".join(done.stdout.decode("utf-8", "replace").split())[-400:]
            raise _refusal(root, "ansible-galaxy could not build it (%s)" % (said or "it said nothing"), "correct that")
        with tarfile.open(os.path.join(folder, made[0])) as archive:
            # A link is packed as what it points to, which extractfile gives.
            found = {
                member.name: (archive.extractfile(member).read(), bool(member.mode & stat.S_IXUSR))
                for member in archive.getmembers()
                if not member.isdir()
            }
    del found[_LISTING]
    return _json(root, _MANIFEST, found.pop(_MANIFEST)[0])["collection_info"], found


def _installed(root):
    """The same of an installed collection, every file as its installer listed it."""
    manifest = _json(root, _MANIFEST, _read(root, _MANIFEST))
    listing = _read(root, _LISTING)
    try:
        _require_digest(root, _LISTING, listing, manifest["file_manifest_file"]["chksum_sha256"])
        found = {}
        for entry in _json(root, _LISTING, listing)["files"]:
            if entry["ftype"] == "file":
                name = entry["name"]
                data = _read(root, name)
                _require_digest(root, name, data, entry["chksum_sha256"])
                found[name] = (data, bool(os.stat(os.path.join(root, name)).st_mode & stat.S_IXUSR))
        return manifest["collection_info"], found
    except (KeyError, TypeError):
        raise _refusal(root, "%s or %s is not as Galaxy writes it" % (_MANIFEST, _LISTING), _AGAIN)


def _read(root, name):
    inside = isinstance(name, str) and name == os.path.normpath(name) and not name.startswith(("/", "../"))
    try:
        if not inside:
            raise OSError("it lies outside of the collection")
        with open(os.path.join(root, name), "rb") as stream:
            return stream.read()
    except (OSError, ValueError) as error:
        raise _refusal(root, "%s cannot be read (%s)" % (name, getattr(error, "strerror", None) or error), _AGAIN)


def _require_digest(root, name, data, digest):
    if files.sha256_bytes(data) != digest:
        raise _refusal(root, "%s was changed after it was installed" % name, _AGAIN)


def _json(root, name, data):
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise _refusal(root, "%s is no JSON object" % name, _AGAIN)
    return value


def _refusal(root, found, step):
    return FerryError(
        "FERRY-KIT-003", "%s: expected a collection that can be packed, but %s; %s." % (root, found, step)
    )
