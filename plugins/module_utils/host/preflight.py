# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release of a profile can be built here, asked before anything is written; all problems in one message."""

from __future__ import annotations

import os
import zipfile

from . import facts
from .python import numbers
from ..errors import FerryError

_MACHINES = {"x86_64": ("x86_64", "amd64"), "aarch64": ("aarch64", "arm64")}
# Room for bytecode, RECORD files and blocks that are not filled, on top of the files themselves.
_MARGIN = 1.25
# The longest path that Windows takes where long paths are off: MAX_PATH without its final NUL.
LONGEST_PATH = 259


def check_host(profile_name: str, profile: dict, python: dict) -> None:
    """FERRY-HOST-002 with everything in which this host, seen through ``python``, does not fit ``profile`` of the manifest."""
    wrong = []
    system = "windows" if os.name == "nt" else "linux"
    if profile["os"] != system:
        wrong.append("expected %s, found %s" % (profile["os"], system))
    if python["machine"].lower() not in _MACHINES[profile["arch"]]:
        wrong.append("expected architecture %s, found %s" % (profile["arch"], python["machine"]))
    if profile["libc"]:
        name, _dash, need = profile["libc"].partition("-")
        found_name, _dash, found = python["libc"].partition("-")
        if found_name != name or numbers(found) < numbers(need):
            wrong.append(
                "expected %s or newer, found %s" % (profile["libc"], python["libc"].strip("-") or "another libc")
            )
    if profile["requires"]["avx"] and facts.has_avx() is False:
        wrong.append("expected a processor with AVX, found none (import would die with SIGILL)")
    if wrong:
        raise FerryError(
            "FERRY-HOST-002",
            "this host does not fit profile %s: %s; give it another ferry_profile." % (profile_name, "; ".join(wrong)),
        )


def check_space(root: str, to_fetch: int, wheels: int) -> None:
    """FERRY-HOST-003 unless ``root`` has room for ``to_fetch`` bytes of downloads and for unpacking ``wheels`` bytes of wheels.

    Wheels are seen only when they are here: until then twice their size is asked for, a lower bound of what they unpack to.
    """
    _require_space(root, to_fetch + 2 * wheels)


def check_unpacked(root: str, paths: list) -> int:
    """FERRY-HOST-003 unless there is room for what the wheels at ``paths`` really unpack to; that size in bytes."""
    size = 0
    for path in paths:
        with zipfile.ZipFile(path) as archive:
            size += sum(member.file_size for member in archive.infolist())
    _require_space(root, int(size * _MARGIN))
    return size


def check_paths(site: str, paths: list, limit: int = LONGEST_PATH) -> None:
    """FERRY-HOST-004 unless every member of the wheels at ``paths`` has a path of at most ``limit`` characters under ``site``."""
    for path in paths:
        with zipfile.ZipFile(path) as archive:
            longest = max(archive.namelist(), key=len, default="")
        length = len(site) + 1 + len(longest)
        if length > limit:
            raise FerryError(
                "FERRY-HOST-004",
                "%s: %s would lie at a path of %d characters under %s, expected at most %d without long paths; "
                "enable long paths in Windows or choose a shorter ferry_root."
                % (os.path.basename(path), longest, length, site, limit),
            )


def _require_space(root, needed):
    free = facts.free_bytes(root)
    if free is not None and free < needed:
        raise FerryError(
            "FERRY-HOST-003",
            "%s: expected %d MB free for the new release, found %d MB; free space there and run again."
            % (root, needed // 10**6 + 1, free // 10**6),
        )
