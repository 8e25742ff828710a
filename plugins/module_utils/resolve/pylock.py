# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile's lock as a file: ``pylock.toml`` (PEP 751), with one wheel a package, no addresses, and the same bytes on any builder.

``path`` is the wheel's place in a bundle as seen from ``profiles/<profile>/pylock.toml``. ``tool.airgap-ferry.inputs`` is the digest
of what was asked for: while it stays the same, so does the lock.
"""

from __future__ import annotations

import json

from .libraries import pep751, tomllib
from ..errors import FerryError

FILE_NAME = "pylock.toml"
_WHEELS = "../../wheels/"


def write(python_floor: str, inputs: str, packages: list) -> bytes:
    """``packages``: ``[{"name", "version", "wheel": file name, "sha256"}]``; sorted by name here."""
    lines = [
        'lock-version = "1.0"',
        'created-by = "airgap.ferry"',
        "requires-python = %s" % json.dumps(">=" + python_floor),
    ]
    for package in sorted(packages, key=lambda package: package["name"]):
        lines += [
            "",
            "[[packages]]",
            "name = %s" % json.dumps(package["name"]),
            "version = %s" % json.dumps(package["version"]),
            "[[packages.wheels]]",
            "name = %s" % json.dumps(package["wheel"]),
            "path = %s" % json.dumps(_WHEELS + package["wheel"]),
            "[packages.wheels.hashes]",
            "sha256 = %s" % json.dumps(package["sha256"]),
        ]
    lines += ["", "[tool.airgap-ferry]", "inputs = %s" % json.dumps(inputs)]
    return ("\n".join(lines) + "\n").encode("utf-8")


def read(path: str) -> dict:
    """``{"inputs": digest or None, "packages": [...]}`` in the shape of :func:`write`; FERRY-LOCK-003 where it is not such a lock."""
    try:
        with open(path, "rb") as stream:
            data = tomllib.load(stream)
        lock = pep751.Pylock.from_dict(data)
    except FileNotFoundError:
        raise FerryError("FERRY-LOCK-003", "%s is missing; run lock.yml first." % path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, pep751.PylockValidationError) as error:
        raise FerryError(
            "FERRY-LOCK-003",
            "%s: expected a lock (PEP 751), found: %s; restore it, or remove it and run lock.yml." % (path, error),
        )
    packages = []
    for package in lock.packages:
        wheels = package.wheels or []
        if len(wheels) != 1 or not package.version or "sha256" not in wheels[0].hashes or not wheels[0].name:
            raise FerryError(
                "FERRY-LOCK-003",
                "%s: expected one wheel with name and sha256 for %s, found something else; run lock.yml again."
                % (path, package.name),
            )
        packages.append(
            {
                "name": package.name,
                "version": str(package.version),
                "wheel": wheels[0].name,
                "sha256": wheels[0].hashes["sha256"],
            }
        )
    return {"inputs": (lock.tool or {}).get("airgap-ferry", {}).get("inputs"), "packages": packages}


def requirements(packages: list) -> bytes:
    """The same lock as hash-checked requirement lines, which pip and uv both read."""
    return "".join(
        "%s==%s --hash=sha256:%s\n" % (package["name"], package["version"], package["sha256"]) for package in packages
    ).encode("ascii")
