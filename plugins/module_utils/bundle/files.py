# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain files: hashing, durable writing, and a walk that refuses everything that is not a plain file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat

from ..errors import FerryError

CHUNK = 1 << 20
# One path component that is safe on every file system that a bundle may lie on (Windows' FAT sticks included).
_COMPONENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!~-]{0,199}")
_RESERVED = re.compile("(?i)(con|prn|aux|nul|con(in|out)\\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])( *\\..*)?")
MAX_PATH = 240


def is_safe_path(path: str) -> bool:
    """True where ``path`` is relative, with ``/``, and means the same file on Linux and Windows."""
    if len(path) > MAX_PATH:
        return False
    return all(
        _COMPONENT.fullmatch(part) is not None and not part.endswith(".") and not is_reserved(part)
        for part in path.split("/")
    )


def is_reserved(part: str) -> bool:
    """True where Windows keeps this name of a file or folder for itself."""
    return _RESERVED.fullmatch(part) is not None


def sha256_bytes(data: bytes) -> str:
    """Lower-case hex digest of ``data``."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: str) -> str:
    """Lower-case hex digest of the file at ``path``, read in chunks."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def read_limited(path: str, limit: int) -> bytes:
    """At most ``limit`` + 1 bytes of ``path``: the caller sees that there was more, memory stays bounded."""
    with open(path, "rb") as stream:
        return stream.read(limit + 1)


@contextlib.contextmanager
def naming(path: str):
    """Let an error of the operating system name ``path``: a write that finds the disk full names no file by itself."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or path
        raise


def write_durably(path: str, data: bytes, mode: int = 0o644) -> None:
    """Write ``data`` under a temporary name, flush it to the disk and rename it to ``path``."""
    temporary = "%s.part-%d" % (path, os.getpid())
    try:
        with naming(path), open(temporary, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)
    sync_directory(os.path.dirname(path))


def copy_hashed(source: str, target: str, most: int) -> str:
    """Copy ``source`` to the new file ``target``, flushed to the disk; the digest of the bytes that were written.

    No link is followed, and no more than ``most`` bytes are taken: somebody may change the source meanwhile.
    """
    digest = hashlib.sha256()
    with naming(target), open(source, "rb", opener=_follow_no_link) as reader, open(target, "xb") as writer:
        while most > 0:
            chunk = reader.read(min(CHUNK, most))
            if not chunk:
                break
            digest.update(chunk)
            writer.write(chunk)
            most -= len(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


def _follow_no_link(path, flags):
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))  # Windows has no such flag, and no depot or zone


def link_or_copy(source: str, target: str) -> None:
    """The same bytes at ``target``: a hard link where the file system can, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        with naming(target):
            shutil.copyfile(source, target)


def sync_directory(path: str) -> None:
    """Make renames in ``path`` survive a power cut (a no-op where directories cannot be opened: Windows)."""
    try:
        handle = os.open(path or ".", os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems refuse; the rename itself has happened
        return
    finally:
        os.close(handle)


def list_plain(root: str) -> dict:
    """``{relative path with "/": size in bytes}`` of everything under ``root``, which nobody may have linked anything into.

    Refused with FERRY-BUNDLE-010, by name: links (symbolic, or hard: more than one name), devices, FIFOs, sockets,
    set-uid and set-gid files, names that are unsafe on some file system, names that differ only in case.
    """
    if os.path.islink(root):
        raise _not_plain(root, "a symbolic link")
    found: dict = {}
    folded: dict = {}
    pending = [""]
    while pending:
        folder = pending.pop()
        with os.scandir(os.path.join(root, folder) if folder else root) as entries:
            for entry in entries:
                name = "%s/%s" % (folder, entry.name) if folder else entry.name
                status = entry.stat(follow_symlinks=False)
                problem = _problem(name, status)
                twin = folded.setdefault(name.lower(), name)
                if twin != name:
                    problem = "a name that differs from %s only in case" % twin
                if problem:
                    raise _not_plain(os.path.join(root, name), problem)
                if stat.S_ISDIR(status.st_mode):
                    pending.append(name)
                else:
                    found[name] = status.st_size
    return found


def _not_plain(path, problem):
    shown = path.encode("utf-8", "backslashreplace").decode("utf-8")
    return FerryError(
        "FERRY-BUNDLE-010",
        "%s: expected plain files and directories, found %s; do not use this bundle." % (shown, problem),
    )


def _problem(name, status):
    if not is_safe_path(name):
        return "an unsafe name"
    if stat.S_ISLNK(status.st_mode):
        return "a symbolic link"
    if stat.S_ISDIR(status.st_mode):
        return None
    if not stat.S_ISREG(status.st_mode):
        return "a device, FIFO or socket"
    if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
        return "a set-uid or set-gid file"
    if status.st_nlink > 1:
        return "a hard link"
    return None
