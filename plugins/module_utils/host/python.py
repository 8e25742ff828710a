# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python of a host that a release is built on, and how the collection calls it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from ..errors import FerryError

_DESCRIBE = (
    "import json,platform,sys;print(json.dumps({'implementation':sys.implementation.name,'version':platform.python_version(),"
    "'base':sys.base_prefix,'machine':platform.machine(),'libc':'-'.join(platform.libc_ver())}))"
)
_SECONDS = 60


def describe(path: str):
    """``{"path", "implementation", "version", "base", "machine", "libc": "glibc-2.36" or "-"}`` of an interpreter; None where it does not run."""
    try:
        done = subprocess.run(
            [path, "-I", "-c", _DESCRIBE],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
            env=environment(),
        )
        return dict(json.loads(done.stdout.decode("utf-8")), path=path) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def find(named, floor: str) -> dict:
    """The interpreter to build on: ``named``, else the first one here with the X.Y of ``floor`` and at least its patch.

    Returns what :func:`describe` gives. FERRY-HOST-001 says what was looked at.
    """
    looked = []
    for path in [named] if named else _candidates(floor):
        found = describe(path)
        if found and found["implementation"] == "cpython" and fits(found["version"], floor):
            return found
        looked.append("%s (%s)" % (path, found["version"] if found else "does not run"))
    raise FerryError(
        "FERRY-HOST-001",
        "this host has no Python %s.x of at least %s: looked at %s; install it, or name it in ferry_python."
        % (".".join(floor.split(".")[:2]), floor, ", ".join(looked) or "nothing, none is on PATH"),
    )


def fits(version: str, floor: str) -> bool:
    """True where ``version`` has the X.Y of ``floor`` and at least its patch; a pre-release suffix counts as its release."""
    have, need = numbers(version), numbers(floor)
    return have[:2] == need[:2] and have >= need


def numbers(version: str) -> tuple:
    """``(3, 11, 2)`` of "3.11.2" or "3.11.2rc1"; also of driver and libc versions."""
    parts = []
    for part in version.split("."):
        digits = ""
        for character in part:
            if not character.isdigit():
                break
            digits += character
        parts.append(int(digits or 0))
    return tuple(parts)


def environment() -> dict:
    """This process's environment without what would lead pip, uv or Python astray (Unix PIP_* leaks into Windows Pythons too)."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_", "PYTHON", "VIRTUAL_ENV", "__PYVENV"))
    }
    kept.update(
        {
            "PIP_CONFIG_FILE": os.devnull,
            "UV_NO_CONFIG": "1",
            "UV_OFFLINE": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "NO_COLOR": "1",
        }
    )
    return kept


def _candidates(floor):
    xy = ".".join(floor.split(".")[:2])
    names = ["python%s" % xy, "/usr/bin/python%s" % xy, "/usr/local/bin/python%s" % xy, sys.executable, "python3"]
    paths = [name if os.path.isabs(name) else shutil.which(name) for name in names]
    return [
        path for position, path in enumerate(paths) if path and os.path.exists(path) and path not in paths[:position]
    ]
