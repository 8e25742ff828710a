# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This collection as one archive: what ``ansible-galaxy collection build`` packs, but the same bytes wherever it is made.

Galaxy packs what lies in a checkout, an operator's own files too, in the order of the file system, and compresses with whatever zlib there
is. Here only what belongs to the collection is packed, names are sorted, times are 0, owners are nobody, folders are those that have
files, and nothing is compressed. ``ansible-galaxy collection install`` takes it as it is.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from ..module_utils.bundle import canonical, files
from ..module_utils.errors import FerryError

_MANIFEST, _LISTING = "MANIFEST.json", "FILES.json"
_SECONDS = 300
_AGAIN = "install the collection again"
# What the collection consists of, for a checkout without git, as a tarball of one is. Whatever lies beside it is an operator's own.
_FOLDERS = (
    *("benchmarks", "changelogs", "docs", "inventories/example", "inventories/local", "meta"),
    *("molecule", "playbooks", "plugins", "roles", "tests"),
)
_FILES = (
    *("LICENSE", "README.md", "galaxy.yml", ".ansible-lint.yml", ".yamllint", "pytest.ini"),
    *("requirements.in", "requirements.txt", "ruff.toml"),
)


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
    """``(collection_info, {name: (bytes, executable)})`` as Galaxy builds it of a clean copy of the checkout, its files as they are now."""
    with tempfile.TemporaryDirectory() as folder:
        clean, made = os.path.join(folder, "collection"), os.path.join(folder, "made")
        odd = _copy(root, clean)
        build = [sys.executable, "-m", "ansible", "galaxy", "collection", "build", clean, "--output-path", made]
        _run(root, build, "ansible-galaxy could not build it", {clean: root})
        (name,) = os.listdir(made)
        with tarfile.open(os.path.join(made, name)) as archive:
            found = {
                member.name: (archive.extractfile(member).read(), bool(member.mode & stat.S_IXUSR))
                for member in archive.getmembers()
                if not member.isdir()
            }
    for name in sorted(odd.intersection(found)):
        raise _refusal(root, "%s is a link, lies behind one or is no plain file" % name, "put the file itself there")
    del found[_LISTING]
    return _json(root, _MANIFEST, found.pop(_MANIFEST)[0])["collection_info"], found


def _copy(root, clean):
    """Copy what belongs to the collection; the names of what is no plain file.

    Each of these is an empty file in the copy, so that Galaxy says whether it would be packed.
    """
    root, odd = os.path.realpath(root), set()
    for name in _tracked(root) or _named(root):
        origin, target = os.path.join(root, name), os.path.join(clean, name)
        if not os.path.lexists(origin):
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.isfile(origin) and os.path.realpath(origin) == origin:
            shutil.copy(origin, target)
        else:
            odd.add(name)
            Path(target).touch()
    return odd


def _tracked(root):
    """What git tracks of the collection; nothing where there is no git checkout, or one of something else. Where git fails nobody knows."""
    if not any(os.path.lexists(place / ".git") for place in (Path(root), *Path(root).parents)):
        return set()
    listed = _run(root, ["git", "-C", root, "ls-files", "-z"], "git could not list its files")
    names = set(os.fsdecode(listed).split("\0")) - {""}
    return names if "galaxy.yml" in names else set()


def _named(root):
    """What lies in the folders that the collection consists of, and its files."""

    def stop(error):
        if not isinstance(error, FileNotFoundError):
            raise error

    names = set(_FILES)
    for top in _FOLDERS:
        for place, folders, found in os.walk(os.path.join(root, top), onerror=stop):
            # A link to a folder is not walked into, and counts as a file that is none.
            found += [name for name in folders if os.path.islink(os.path.join(place, name))]
            names.update(os.path.relpath(os.path.join(place, name), root) for name in found)
    return names


def _run(root, command, failed, shown=None):
    """What the program wrote; a refusal that begins with ``failed`` where it does not end well. ``shown``: paths to name otherwise."""
    # A hook of another repository, for one, sets GIT_DIR.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        raise _refusal(root, "%s within %d seconds" % (failed, _SECONDS), "look at the disk, then run again")
    except OSError as error:
        raise _refusal(root, "%s (%s: %s)" % (failed, command[0], error.strerror), "install it")
    if done.returncode != 0:
        said = " ".join((done.stdout + done.stderr).decode("utf-8", "replace").split())
        for path, name in (shown or {}).items():
            said = said.replace(path, name)
        raise _refusal(root, "%s (%s)" % (failed, said[-400:] or "it said nothing"), "correct that")
    return done.stdout


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
