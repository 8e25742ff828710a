# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile as the packaging tools see it: tag ladder, marker environment, uv's platform name. The one place for all three."""

from __future__ import annotations

import re

from .libraries import tags
from ..profile import Profile

_LEGACY = {(2, 5): "manylinux1", (2, 12): "manylinux2010", (2, 17): "manylinux2014"}
_OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}
# The glibc versions that uv's --python-platform knows (uv 0.13).
_UV_GLIBC = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)
# The newest patch release of each CPython. Source: the releases that uv 0.13.9 lists (uv python list --all-versions), read 2026-11-24.
_NEWEST_PATCH = {(3, 8): 20, (3, 9): 25, (3, 10): 22, (3, 11): 18, (3, 12): 16, (3, 13): 18, (3, 14): 10, (3, 15): 2}


def platforms(profile: Profile) -> list:
    """Platform tags, best first. pip does not expand ``manylinux_2_N`` downward, so the whole ladder is spelled out."""
    if profile.os == "windows":
        return ["win_amd64"]
    ladder = []
    for minor in range(_glibc_minor(profile), _OLDEST_GLIBC[profile.arch] - 1, -1):
        ladder.append("manylinux_2_%d_%s" % (minor, profile.arch))
        if (2, minor) in _LEGACY:
            ladder.append("%s_%s" % (_LEGACY[(2, minor)], profile.arch))
    return ladder + ["linux_%s" % profile.arch]


def wheel_tags(profile: Profile) -> list:
    """Every tag that a host of the profile accepts, best first."""
    version = python_xy(profile)
    found = list(tags.cpython_tags(version, platforms=platforms(profile)))
    return found + list(tags.compatible_tags(version, interpreter="cp%d%d" % version, platforms=platforms(profile)))


def pythons(profile: Profile) -> list:
    """The Pythons that a lock is checked for: the floor, and the newest known patch of its X.Y where that is newer."""
    major, minor = python_xy(profile)
    floor = int(profile.python.split(".")[2])
    newest = max(floor, _NEWEST_PATCH.get((major, minor), floor))
    return ["%d.%d.%d" % (major, minor, patch) for patch in sorted({floor, newest})]


def marker_environment(profile: Profile, python: str | None = None) -> dict:
    """The environment markers of a host of the profile; its Python is ``python`` (X.Y.Z), by default the floor."""
    python = python or profile.python
    windows = profile.os == "windows"
    return {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": "nt" if windows else "posix",
        "platform_machine": "AMD64" if windows else profile.arch,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Windows" if windows else "Linux",
        "platform_version": "",
        "python_full_version": python,
        "python_version": "%d.%d" % python_xy(profile),
        "sys_platform": "win32" if windows else "linux",
    }


def uv_platforms(profile: Profile) -> list:
    """uv's names of the platforms to ask it for, in this order; wheels are chosen by :func:`wheel_tags` after.

    The newest that is not newer than the profile's, and where uv names none between, the next one: of its answers some may not fit.
    """
    if profile.os == "windows":
        return ["x86_64-pc-windows-msvc"]
    minor = max(_glibc_minor(profile), _UV_GLIBC[0])
    below = max(known for known in _UV_GLIBC if known <= minor)
    above = min((known for known in _UV_GLIBC if known >= minor), default=below)
    return ["%s-manylinux_2_%d" % (profile.arch, known) for known in dict.fromkeys((below, above))]


def python_xy(profile: Profile) -> tuple:
    """``(3, 11)`` of a profile whose Python is 3.11.2."""
    major, minor = profile.python.split(".")[:2]
    return int(major), int(minor)


def _glibc_minor(profile):
    return int(re.fullmatch(r"glibc-2\.([0-9]+)", profile.libc).group(1))
