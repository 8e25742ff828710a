# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time on one directory: a lock that the operating system drops when its process ends."""

from __future__ import annotations

import contextlib
import os

from .errors import FerryError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
try:
    import msvcrt
except ImportError:  # anywhere else
    msvcrt = None


@contextlib.contextmanager
def only_run(folder: str):
    """Hold ``folder``/.lock while the block runs; FERRY-IO-003 names the process that holds it already."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, ".lock")
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                # Locked far behind the text, so that others can still read who holds it.
                os.lseek(handle, 1 << 20, os.SEEK_SET)
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            os.lseek(handle, 0, os.SEEK_SET)
            holder = os.read(handle, 20).decode("ascii", "replace").strip() or "unknown"
            raise FerryError(
                "FERRY-IO-003",
                "%s is held by process %s; wait until that run has finished, then run again." % (path, holder),
            )
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, b"%d\n" % os.getpid())
        yield
    finally:
        os.close(handle)
