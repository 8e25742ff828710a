# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of TensorFlow agree with themselves; and, where FERRY_LIVE_INDEX is an index's address, with that index."""

from __future__ import annotations

import json
import os
import re
import urllib.request

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.compat import tensorflow

LIVE = os.environ.get("FERRY_LIVE_INDEX")
PLATFORMS = [("linux", "x86_64"), ("linux", "aarch64"), ("windows", "x86_64")]
WHEEL = re.compile(
    r"(?P<name>\w+)-(?P<version>\d+(\.\d+)+(\.post\d+)?)-cp3(?P<minor>\d+)-[^-]+-"
    r"(manylinux(_2_(?P<glibc>\d+)|(?P<legacy>2010|2014))_(?P<arch>x86_64|aarch64)(\..*)?|(?P<windows>win_amd64))\.whl"
)


def ascends(values):
    return [tensorflow.key(value) for value in values] == sorted({tensorflow.key(value) for value in values})


def test_lines_releases_and_pythons_ascend_and_belong_together():
    assert ascends(tensorflow.LINES)
    assert ascends(tensorflow.LINE_OF)
    for name, line in tensorflow.LINES.items():
        assert ascends(line.releases) and ascends(line.pythons), name
        assert all(release.startswith(name + ".") for release in line.releases)
        assert all(re.fullmatch(r"3\.([89]|1\d)", python) for python in line.pythons)
        assert all(re.fullmatch(r"\d+\.\d+", version) for version in (line.cuda, line.cudnn))
        assert 12 <= line.glibc <= 40 and line.cpu_megabytes < line.megabytes


def test_every_version_that_another_table_names_is_one_of_a_line():
    lines = [tensorflow.LAST_WINDOWS_GPU, tensorflow.FIRST_AND_CUDA, tensorflow.LAST_WITH_TENSORBOARD]
    for places in tensorflow.PLACES.values():
        lines += [line for bounds in places.values() for line in bounds if line]
    assert set(lines) <= set(tensorflow.LINES)
    for package, release, system, arch in tensorflow.MISSING:
        assert (system, arch) in tensorflow.PLACES[package] and release in tensorflow.LINE_OF
    for (release, _extra), (impossible, _wrong, instead) in tensorflow.FAULTS.items():
        assert release in tensorflow.LINE_OF and (instead in tensorflow.LINE_OF or not impossible)


def test_the_wheels_of_a_release_are_those_of_its_line_without_the_missing_ones():
    assert tensorflow.pythons("tensorflow", "2.15.1", "linux", "x86_64") == ("3.9", "3.10", "3.11")
    assert tensorflow.pythons("tensorflow", "2.13.1", "windows", "x86_64") == ("3.9", "3.10", "3.11")
    assert tensorflow.pythons("tensorflow", "2.15.0.post1", "windows", "x86_64") == ()
    assert tensorflow.pythons("tensorflow", "2.9.3", "linux", "aarch64") == ()
    assert tensorflow.pythons("tensorflow-intel", "2.19.0", "windows", "x86_64") == ()
    assert tensorflow.pythons("tensorflow-cpu", "2.21.0", "linux", "aarch64") == ()


def listed(package):
    """``{(version, os, arch): {python: (size, glibc)}}`` of the index's wheels for Python 3.8 and newer, from TensorFlow 2.2 on."""
    request = urllib.request.Request(
        "%s/%s/" % (LIVE.rstrip("/"), package), headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        files = json.load(answer)["files"]
    found = {}
    for one in files:
        wheel = WHEEL.fullmatch(one["filename"])
        if wheel and int(wheel["minor"]) >= 8 and tensorflow.key(wheel["version"]) >= (2, 2) and not one["yanked"]:
            place = ("windows", "x86_64") if wheel["windows"] else ("linux", wheel["arch"])
            glibc = int(wheel["glibc"] or {"2010": 12, "2014": 17, None: 0}[wheel["legacy"]])
            found.setdefault((wheel["version"], *place), {})["3." + wheel["minor"]] = (one["size"], glibc)
    return found


@pytest.mark.skipif(not LIVE, reason="FERRY_LIVE_INDEX names no index to compare the tables with")
def test_the_tables_are_what_the_index_has():
    index = {name: listed(name) for name in ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-cpu-aws")}
    behind = {("windows", "x86_64"): "tensorflow-intel", ("linux", "aarch64"): "tensorflow-cpu-aws"}
    releases = {version for version, _os, _arch in index["tensorflow"]}
    assert releases == set(tensorflow.LINE_OF)
    for package in tensorflow.PLACES:
        for release in tensorflow.LINE_OF:
            for place in PLATFORMS:
                wheels = index[package].get((release, *place), {})
                served = {
                    python
                    for python, (size, _glibc) in wheels.items()
                    # A stub of some kB counts where what it asks for has a wheel.
                    if size > 1_000_000 or python in index[behind[place]].get((release, *place), {})
                }
                assert set(tensorflow.pythons(package, release, *place)) == served, (package, release, place)
    for line in tensorflow.LINES.values():
        for release in line.releases:
            assert {glibc for _size, glibc in index["tensorflow"][(release, "linux", "x86_64")].values()} == {
                line.glibc
            }
        for package, megabytes in (("tensorflow", line.megabytes), ("tensorflow-cpu", line.cpu_megabytes)):
            sizes = [size for size, _glibc in index[package][(line.releases[-1], "linux", "x86_64")].values()]
            assert abs(max(sizes) / 1e6 - megabytes) <= 1, (package, line.releases[-1])
