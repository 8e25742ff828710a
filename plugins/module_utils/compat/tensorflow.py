# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What TensorFlow's releases need and which wheels they have: data with source and date.

Sources of each table: its comment. "The index" is the Python Package Index, read on 2026-11-24; a test that is left out unless
``FERRY_LIVE_INDEX`` names an index compares releases, Pythons, glibc and sizes with it. "TensorFlow's page" is tensorflow/docs,
install/source.md and source_windows.md ("tested build configurations"), read in 2026-11. Pythons older than 3.8 (no profile has one)
and macOS are not in the tables. ``docs/compatibility.md`` is made from this file by ``make codes``.
"""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """A release line: what all its releases have in common on Linux x86_64, exceptions in ``MISSING``.

    ``pythons`` of its wheels; ``glibc`` is the N of the glibc-2.N that they need; ``cuda`` and ``cudnn`` that it was built and tested
    with; sizes in MB (10^6 bytes) of the newest release's largest Linux x86_64 wheel, ``tensorflow`` and ``tensorflow-cpu``.
    """

    releases: tuple
    pythons: tuple
    glibc: int
    cuda: str
    cudnn: str
    megabytes: int
    cpu_megabytes: int


# Releases, Pythons, glibc (the wheels' manylinux tag), sizes: the index. CUDA, cuDNN: TensorFlow's page. Oldest first.
LINES = {
    "2.2": Line(("2.2.0", "2.2.1", "2.2.2", "2.2.3"), ("3.8",), 12, "10.1", "7.6", 516, 145),
    "2.3": Line(("2.3.0", "2.3.1", "2.3.2", "2.3.3", "2.3.4"), ("3.8",), 12, "10.1", "7.6", 321, 138),
    "2.4": Line(("2.4.0", "2.4.1", "2.4.2", "2.4.3", "2.4.4"), ("3.8",), 12, "11.0", "8.0", 395, 144),
    "2.5": Line(("2.5.0", "2.5.1", "2.5.2", "2.5.3"), ("3.8", "3.9"), 12, "11.2", "8.1", 460, 174),
    "2.6": Line(("2.6.0", "2.6.1", "2.6.2", "2.6.3", "2.6.4", "2.6.5"), ("3.8", "3.9"), 12, "11.2", "8.1", 464, 178),
    "2.7": Line(("2.7.0", "2.7.1", "2.7.2", "2.7.3", "2.7.4"), ("3.8", "3.9"), 12, "11.2", "8.1", 496, 186),
    "2.8": Line(("2.8.0", "2.8.1", "2.8.2", "2.8.3", "2.8.4"), ("3.8", "3.9", "3.10"), 12, "11.2", "8.1", 498, 191),
    "2.9": Line(("2.9.0", "2.9.1", "2.9.2", "2.9.3"), ("3.8", "3.9", "3.10"), 17, "11.2", "8.1", 512, 208),
    "2.10": Line(("2.10.0", "2.10.1"), ("3.8", "3.9", "3.10"), 17, "11.2", "8.1", 578, 215),
    "2.11": Line(("2.11.0", "2.11.1"), ("3.8", "3.9", "3.10"), 17, "11.2", "8.1", 588, 221),
    "2.12": Line(("2.12.0", "2.12.1"), ("3.8", "3.9", "3.10", "3.11"), 17, "11.8", "8.6", 586, 232),
    "2.13": Line(("2.13.0", "2.13.1"), ("3.8", "3.9", "3.10", "3.11"), 17, "11.8", "8.6", 480, 187),
    "2.14": Line(("2.14.0", "2.14.1"), ("3.9", "3.10", "3.11"), 17, "11.8", "8.7", 490, 198),
    "2.15": Line(("2.15.0", "2.15.0.post1", "2.15.1"), ("3.9", "3.10", "3.11"), 17, "12.2", "8.9", 475, 207),
    "2.16": Line(("2.16.1", "2.16.2"), ("3.9", "3.10", "3.11", "3.12"), 17, "12.3", "8.9", 591, 214),
    "2.17": Line(("2.17.0", "2.17.1"), ("3.9", "3.10", "3.11", "3.12"), 17, "12.3", "8.9", 601, 221),
    "2.18": Line(("2.18.0", "2.18.1"), ("3.9", "3.10", "3.11", "3.12"), 17, "12.5", "9.3", 616, 230),
    "2.19": Line(("2.19.0", "2.19.1"), ("3.9", "3.10", "3.11", "3.12"), 17, "12.5", "9.3", 645, 252),
    "2.20": Line(("2.20.0",), ("3.9", "3.10", "3.11", "3.12", "3.13"), 17, "12.5", "9.3", 621, 259),
    "2.21": Line(("2.21.0",), ("3.10", "3.11", "3.12", "3.13"), 27, "12.5", "9.3", 573, 274),
}
# release -> its line, oldest first.
LINE_OF = {release: name for name, line in LINES.items() for release in line.releases}

# package -> (os, arch) -> (first, last) line that has wheels there; None: still has. Source: the index. On Windows the wheels of
# 2.11 to 2.18.0 (tensorflow-cpu: from 2.10), on aarch64 those of 2.10 to 2.15 are stubs that ask for tensorflow-intel or
# tensorflow-cpu-aws; a release counts as there when what its stub asks for is there too.
PLACES = {
    "tensorflow": {
        ("linux", "x86_64"): ("2.2", None),
        ("linux", "aarch64"): ("2.10", None),
        ("windows", "x86_64"): ("2.2", None),
    },
    "tensorflow-cpu": {("linux", "x86_64"): ("2.2", None), ("windows", "x86_64"): ("2.2", None)},
    "tensorflow-intel": {("windows", "x86_64"): ("2.10", "2.18")},
}

# (package, release, os, arch) -> the Pythons of its line without a wheel there; None: all of them. Source: the index.
MISSING = {
    ("tensorflow-cpu", "2.2.3", "windows", "x86_64"): None,
    ("tensorflow-cpu", "2.4.2", "windows", "x86_64"): None,
    ("tensorflow", "2.11.1", "linux", "aarch64"): None,
    ("tensorflow", "2.13.1", "windows", "x86_64"): ("3.8",),
    ("tensorflow-cpu", "2.13.1", "windows", "x86_64"): ("3.8",),
    ("tensorflow-intel", "2.13.1", "windows", "x86_64"): ("3.8",),
    ("tensorflow", "2.15.0.post1", "linux", "aarch64"): None,
    ("tensorflow", "2.15.0.post1", "windows", "x86_64"): None,
    ("tensorflow-cpu", "2.15.0.post1", "windows", "x86_64"): None,
    ("tensorflow-intel", "2.15.0.post1", "windows", "x86_64"): None,
    ("tensorflow-intel", "2.18.1", "windows", "x86_64"): None,
}

# The last line with GPU support on native Windows. Source: TensorFlow's page, install/pip.md ("Windows Native"), read in 2026-11.
LAST_WINDOWS_GPU = "2.10"

# The first line with the extra and-cuda; before it a release brings no CUDA library. Source: the releases' metadata on the index.
FIRST_AND_CUDA = "2.14"

# (release, with and-cuda) -> (it cannot be installed from wheels, what is wrong, what to take). Sources: resolved against the index,
# wheels only, 2026-11-24 (2.15.0); github.com/tensorflow/tensorflow issue 63362, read in 2026-11 (2.16.1).
FAULTS = {
    ("2.15.0", True): (
        True,
        "its extra and-cuda asks for tensorrt 8.6.1.post1, which is only a source distribution",
        "2.15.1",
    ),
    ("2.16.1", True): (
        False,
        "users report that it does not find the CUDA libraries that its extra and-cuda brings, and sees no GPU",
        "2.15.1 or 2.18.1, or try 2.16.1 on one host first",
    ),
}

# TensorBoard up to this version imports pkg_resources when its command starts; setuptools has none from SETUPTOOLS_WITHOUT on, which
# the Pythons from SETUPTOOLS_PYTHON on are given. Lines up to LAST_WITH_TENSORBOARD depend on TensorBoard. Measured on 2026-11-24:
# tensorboard 2.10.1 to 2.20.0 read; the command of 2.20.0 run beside setuptools 80.10.2, 81.0.0 (good), 82.0.0 and 84.2.1 (it dies).
LAST_TENSORBOARD_WITH_PKG_RESOURCES = "2.20.0"
LAST_WITH_TENSORBOARD = "2.20"
SETUPTOOLS_WITHOUT = 82
SETUPTOOLS_PYTHON = "3.9"
SETUPTOOLS_CONSTRAINT = "setuptools<81"

# What and-cuda adds to a profile at least, in MB: wheels of tensorflow[and-cuda] less those of tensorflow-cpu on Linux, measured in
# 2026-11: 2.15.1 2,150; 2.18.1 2,195; 2.21.0 3,106.
AND_CUDA_MEGABYTES = 2100


def key(version: str) -> tuple:
    """Sorts lines, Pythons and releases of these tables: ``"2.15.0.post1"`` -> ``(2, 15, 0, 1)``."""
    return tuple(int(part.replace("post", "")) for part in version.split("."))


def pythons(package: str, release: str, os: str, arch: str) -> tuple:
    """The Pythons that ``release`` of ``package`` has wheels for there, oldest first; none where the package has no wheel there.

    ``os`` and ``arch`` as in a profile. ``release`` is one of ``LINE_OF``: KeyError for any other.
    """
    line = LINE_OF[release]
    place = PLACES[package].get((os, arch))
    if place is None or key(line) < key(place[0]) or (place[1] and key(line) > key(place[1])):
        return ()
    without = MISSING.get((package, release, os, arch), ())
    return () if without is None else tuple(one for one in LINES[line].pythons if one not in without)
