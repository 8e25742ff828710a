# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip's configuration as pip itself finds and reads it, on any platform: ``pip config``."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field

from ..errors import FerryError, disk_full, says_disk_full
from ..profile import CONFIDENTIAL

# The weaker kind first, as pip has it; ``env`` is the file that PIP_CONFIG_FILE names.
_KINDS = ("global", "user", "site", "env")
_FILE = re.compile("  (?P<path>.+), exists: (?P<exists>True|False)")
_VALUE = re.compile(r"    (?P<key>[^\s.]+\.[^\s:]+): (?P<value>.*)")
# A pip that is told to be quiet does not even say its configuration.
_TALKATIVE = {"PIP_QUIET": "0", "PIP_VERBOSE": "0", "PIP_ISOLATED": "0"}


@dataclass
class File:
    """One file of pip's configuration; ``values`` is ``{"section.option": text}``, with pip's own spelling of the option."""

    kind: str
    path: str
    exists: bool
    values: dict = field(default_factory=dict)


def without_variables() -> dict:
    """This process's environment without PIP_* variables: what is left for pip are its files."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}


def files(python: str, environment: dict | None = None) -> list:
    """Every :class:`File` that the pip of ``python`` looks for, the weaker first.

    Asked by ``pip config debug``: ``pip config list`` has the files in the order of their names (pip 26), so it does not say which one wins.
    """
    listed: dict = {kind: [] for kind in _KINDS}
    kind, file, key = None, None, None
    for line in run(python, ["debug"], environment).splitlines():
        named, valued = _FILE.fullmatch(line), _VALUE.fullmatch(line)
        if not line.startswith(" "):
            kind, file, key = line.rstrip(":"), None, None
        elif kind in listed and named:
            file, key = File(kind, named.group("path"), named.group("exists") == "True"), None
            listed[kind].append(file)
        elif file and valued:
            key = valued.group("key")
            file.values[key] = valued.group("value")
        elif file and key:
            file.values[key] += "\n" + line.strip()
    return [file for kind in _KINDS for file in listed[kind]]


def user_value(python: str, key: str, environment: dict) -> str | None:
    """What the user's own configuration says of ``key``; :func:`files` has shown before that pip can read it."""
    done = _call(python, ["--user", "get", key], environment)
    return done.stdout.strip() if done.returncode == 0 else None


def run(python: str, arguments: list, environment: dict | None = None) -> str:
    """The output of ``pip config``; FERRY-TOOL-002 where there is no pip, FERRY-IO-001 or 002 where it fails."""
    try:
        done = _call(python, arguments, environment)
    except OSError as error:
        raise FerryError(
            "FERRY-TOOL-002",
            "%s cannot be run: %s; name a Python that has pip, in the inventory with ferry_staging_python."
            % (python, error.strerror),
        )
    if done.returncode == 0:
        return done.stdout
    if "No module named pip" in done.stderr:
        raise FerryError(
            "FERRY-TOOL-002",
            "%s has no pip, whose configuration was asked for; install it (Debian, python3-pip), or name another Python, "
            "in the inventory with ferry_staging_python." % python,
        )
    if says_disk_full(done.stderr):
        raise disk_full("pip's configuration", "pip config " + arguments[0])
    raise FerryError(
        "FERRY-IO-002",
        "pip's configuration cannot be used by %s: %s; correct it and run again." % (python, _reason(done.stderr)),
    )


def _reason(stderr):
    """The last line that names a file: neither a traceback nor the file's own lines, which pip repeats, are for an operator."""
    lines = [line.strip() for line in stderr.splitlines()]
    telling = [line for line in lines if "/" in line and not line.startswith(("'", "[line", "File "))]
    reason = telling[-1][-300:].rstrip(".") if telling else "pip says no reason"
    return "not shown" if CONFIDENTIAL.search(reason) else reason


def _call(python, arguments, environment):
    return subprocess.run(
        [python, "-m", "pip", "config", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        errors="surrogateescape",
        env=dict(os.environ if environment is None else environment, **_TALKATIVE),
    )
