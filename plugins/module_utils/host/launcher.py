# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``<root>/bin/ferry-python``: the live release's Python, by the release's own path.

A process that is started as ``current/bin/python`` goes by that link as long as it lives, and what it imports after a switch comes
from the next release. So the link is followed once, before the Python begins. On Windows there is no launcher yet.
"""

from __future__ import annotations

import glob
import os
import stat

from ..bundle import files

_MODE = 0o755
_SCRIPT = b"""#!/bin/sh
# The Python of the live release. The link "current" is followed here, once, so that the process stays in that release when
# another one goes live. Written by airgap.ferry, which writes it again where it was changed.
self=$(readlink -f -- "$0") || self=$0
root=${self%/bin/*}
release=$(readlink -f -- "$root/current")
if [ -z "$release" ] || [ ! -x "$release/bin/python" ]; then
  printf '%s\\n' "ferry-python: $root/current leads to no release with a Python that runs; run deploy.yml or rollback.yml." >&2
  exit 127
fi
exec "$release/bin/python" "$@"
"""


def path(root: str) -> str:
    """Where the launcher of ``root`` lies, or would."""
    return os.path.join(root, "bin", "ferry-python")


def is_right(root: str) -> bool:
    """Whether the launcher is there as :func:`write` leaves it."""
    if os.name == "nt":
        return True
    place = path(root)
    try:
        status = os.lstat(place)
        if not stat.S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) != _MODE:
            return False
        return files.read_limited(place, len(_SCRIPT)) == _SCRIPT
    except OSError:
        return False


def write(root: str) -> None:
    """Have the launcher as it should be; the caller holds the lock of ``root``."""
    if is_right(root):
        return
    place = path(root)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    for part in glob.glob(glob.escape(place) + ".part-*"):  # of a run that was killed
        os.unlink(part)
    files.write_durably(place, _SCRIPT, _MODE)
