# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a wheel, which an installer writes beside the interpreter: none may leave that folder or take an interpreter's place.

In a virtual environment ``python3`` is a link, and what is written there lands where it leads: in the system's interpreter.
"""

from __future__ import annotations

import re

from .files import is_reserved
from .zipped import refused

_NAMED = "FERRY-WHEEL-002"
# python3.13t, pythonw.exe, python_d; activate, Activate.ps1, activate_this.py; but no python-argcomplete.
_KEPT = re.compile(r"(?i)((python|pypy)w?[0-9.]*(_?[dt]){0,2}|(de)?activate(_this)?)(\.[a-z0-9]+)?")
_INSTALLED = re.compile(r"(?i)[^/]+\.data/(?:scripts|data/bin|data/scripts)/([^/]+)")
_CONFIGURATION = re.compile(r"(?i)[^/]+\.data/data/pyvenv\.cfg")
_PLAIN = re.compile(r'[^/\\:*?"<>|\x00-\x1f\x7f]{1,200}')
_GROUPS = ("console_scripts", "gui_scripts")


def check_names(path: str, names) -> None:
    """Refuse (FERRY-WHEEL-002) the wheel at ``path`` where a script among its members has an interpreter's name."""
    for name in names:
        found = _INSTALLED.fullmatch(name)
        if found and _KEPT.fullmatch(found.group(1)) or _CONFIGURATION.fullmatch(name):
            raise refused(_NAMED, path, name, "scripts with names of their own", "one of an interpreter's files")


def check_entry_points(path: str, member: str, data) -> None:
    """Refuse (FERRY-WHEEL-002) the entry points ``data`` where one asks for such a command, or for one that is no plain file name.

    Each line is taken in every way that a reader may take it: one goes on with a value where another begins a command.
    """
    section = None
    for line in map(str.strip, data.decode("utf-8", "replace").splitlines()):
        name, sign, _value = line.partition("=")
        name = name.strip()
        if not line or line[0] == "#" or line[0] == ";" and not (sign and section in _GROUPS):
            continue
        if line[0] == "[" and re.fullmatch(r"\[[^][]+\]", line):
            section = line[1:-1].strip().lower()
        elif line[0] == "[" or section is None:
            raise refused(_NAMED, path, member, "sections of entry points", ascii(line[:80]))
        elif section in _GROUPS and not (sign and _PLAIN.fullmatch(name) and _own(name)):
            raise refused(_NAMED, path, member, "commands with plain names of their own", ascii(name[:80]))


def _own(name):
    return not (name.endswith(".") or is_reserved(name) or _KEPT.fullmatch(name))
