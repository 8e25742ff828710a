# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error type; its stable codes are registered in ``codes/``.

This file travels to hosts (AnsiballZ, Windows helper): stdlib only, Python 3.8+.
"""

from __future__ import annotations

import errno

from .codes.registry import CODES


class FerryError(Exception):
    """One sentence for an operator (object, expected, found, next step) and its stable code."""

    def __init__(self, code: str, message: str):
        if code not in CODES:
            raise KeyError("unregistered code " + code)
        # File names and programs' words come in here: one line, and nothing that drives a terminal.
        message = "".join(
            character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
            for character in message
        )
        super().__init__(message)
        self.code = code
        self.message = message
        # What the change record keeps of a task that ended so.
        self.event: dict = {}

    def __str__(self) -> str:
        return "%s: %s" % (self.code, self.message)


def from_os_error(error: OSError, doing: str) -> FerryError:
    """Turn the operating system's error into ours; ``doing`` completes "while ..."."""
    where = error.filename2 or error.filename or "an unnamed file"
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return disk_full(where, doing)
    return FerryError(
        "FERRY-IO-002", "%s: %s while %s; correct it and run again." % (where, error.strerror or error, doing)
    )


def disk_full(where: str, doing: str) -> FerryError:
    """The one sentence for a full disk; also for programs that say so in their output."""
    return FerryError(
        "FERRY-IO-001",
        "%s: no space left while %s; free space there (df; inodes: df -i) and run again." % (where, doing),
    )


def says_disk_full(output: str) -> bool:
    """Whether a program's output (pip, uv, venv) says that the disk is full."""
    return "No space left on device" in output or "os error 28" in output
