# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile's lock as a file: ``pylock.toml`` (PEP 751), with one wheel a package, no addresses, and the same bytes on any builder.

``path`` is the wheel's place in a bundle as seen from ``profiles/<profile>/pylock.toml``. ``tool.airgap-ferry.inputs`` is the digest
of what was asked for: while it stays the same, so does the lock. ``tool.airgap-ferry.trim`` says what a named reduction left out, what
that loses and how many bytes it saved.
"""

from __future__ import annotations

import json

from .libraries import pep751, tomllib
from ..errors import FerryError

FILE_NAME = "pylock.toml"
_WHEELS = "../../wheels/"
# What the table trim holds beside left_out, and what each entry of that holds.
_TRIM_TYPES = {"name": str, "loses": str, "saved": int}
_LEFT_OUT_TYPES = {"name": str, "version": str, "size": int}
_AGAIN = "restore it, or remove it and run lock.yml"


def write(python_floor: str, inputs: str, packages: list, trimmed: dict | None = None) -> bytes:
    """``packages``: ``[{"name", "version", "wheel": file name, "sha256"}]``; sorted by name here. ``trimmed``: as :func:`.trim.apply` gives it."""
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
    if trimmed:
        lines += ["", "[tool.airgap-ferry.trim]"]
        lines += ["%s = %s" % (key, json.dumps(trimmed[key])) for key in _TRIM_TYPES]
        for package in sorted(trimmed["left_out"], key=lambda package: package["name"]):
            lines += ["", "[[tool.airgap-ferry.trim.left_out]]"]
            lines += ["%s = %s" % (key, json.dumps(package[key])) for key in _LEFT_OUT_TYPES]
    return ("\n".join(lines) + "\n").encode("utf-8")


def read(path: str) -> dict:
    """``{"inputs": digest or None, "packages": [...], "trimmed": {...} or None}``; FERRY-LOCK-003 where it is not such a lock."""
    try:
        with open(path, "rb") as stream:
            data = tomllib.load(stream)
        lock = pep751.Pylock.from_dict(data)
    except FileNotFoundError:
        raise FerryError("FERRY-LOCK-003", "%s is missing; run lock.yml first." % path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, pep751.PylockValidationError) as error:
        raise FerryError(
            "FERRY-LOCK-003",
            "%s: expected a lock (PEP 751), found: %s; %s." % (path, error, _AGAIN),
        )
    packages = []
    for package in lock.packages:
        wheels = package.wheels or []
        if len(wheels) != 1 or not package.version or "sha256" not in wheels[0].hashes or not wheels[0].name:
            raise FerryError(
                "FERRY-LOCK-003",
                "%s: expected one wheel with name and sha256 for %s, found something else; %s."
                % (path, package.name, _AGAIN),
            )
        packages.append(
            {
                "name": package.name,
                "version": str(package.version),
                "wheel": wheels[0].name,
                "sha256": wheels[0].hashes["sha256"],
            }
        )
    own = (lock.tool or {}).get("airgap-ferry", {})
    if not isinstance(own, dict):
        raise FerryError(
            "FERRY-LOCK-003", "%s: expected a table tool.airgap-ferry, found a value; %s." % (path, _AGAIN)
        )
    return {"inputs": own.get("inputs"), "packages": packages, "trimmed": _trimmed(path, own.get("trim"))}


def _trimmed(path, noted):
    if noted is None:
        return None
    whole = isinstance(noted, dict) and set(noted) == {"left_out", *_TRIM_TYPES}
    whole = whole and all(isinstance(noted[key], kind) for key, kind in _TRIM_TYPES.items())
    for package in noted["left_out"] if whole and isinstance(noted["left_out"], list) else [None]:
        whole = whole and isinstance(package, dict) and set(package) == set(_LEFT_OUT_TYPES)
        whole = whole and all(isinstance(package[key], kind) for key, kind in _LEFT_OUT_TYPES.items())
    if not whole:
        raise FerryError(
            "FERRY-LOCK-003",
            "%s: expected what its reduction left out, lost and saved, found something else; %s." % (path, _AGAIN),
        )
    return noted


def versions(lock: dict) -> list:
    """``[{"name", "version"}]`` of all that was resolved for a lock as :func:`read` gives it, what was left out too."""
    return [*lock["packages"], *(lock["trimmed"] or {"left_out": []})["left_out"]]


def names(packages: list) -> bytes:
    """The least file that uv takes versions to prefer from."""
    lines = ['lock-version = "1.0"', 'created-by = "airgap.ferry"']
    for package in packages:
        lines += ["", "[[packages]]"] + ["%s = %s" % (key, json.dumps(package[key])) for key in ("name", "version")]
    return ("\n".join(lines) + "\n").encode("utf-8")


def plain(packages: list) -> list:
    """``packages`` with what a lock holds of each, and no more."""
    return [{key: package[key] for key in ("name", "version", "wheel", "sha256")} for package in packages]


def requirements(packages: list) -> bytes:
    """The same lock as hash-checked requirement lines, which pip and uv both read."""
    return "".join(
        "%s==%s --hash=sha256:%s\n" % (package["name"], package["version"], package["sha256"]) for package in packages
    ).encode("ascii")
