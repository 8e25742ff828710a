# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place for a profile's tags, markers and uv's platform."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import target
from packaging.utils import parse_wheel_filename


def accepts(profile, wheel):
    return not parse_wheel_filename(wheel)[3].isdisjoint(target.wheel_tags(profile))


@pytest.mark.parametrize(
    ("wheel", "changes", "fits"),
    [
        ("a-1-py3-none-any.whl", {}, True),
        ("a-1-cp311-cp311-manylinux1_x86_64.whl", {}, True),
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", {}, True),
        ("a-1-cp311-cp311-manylinux_2_28_x86_64.whl", {}, True),
        ("a-1-cp311-cp311-manylinux_2_29_x86_64.whl", {}, False),
        ("a-1-cp311-cp311-manylinux_2_27_x86_64.whl", {"libc": "glibc-2.26"}, False),
        ("a-1-cp38-abi3-manylinux_2_17_x86_64.whl", {}, True),
        ("a-1-cp312-abi3-manylinux_2_17_x86_64.whl", {}, False),
        ("a-1-cp310-cp310-manylinux_2_17_x86_64.whl", {}, False),
        ("a-1-cp311-cp311-musllinux_1_2_x86_64.whl", {}, False),
        ("a-1-cp311-cp311-macosx_11_0_arm64.whl", {}, False),
        ("a-1-cp311-cp311-win_amd64.whl", {}, False),
        ("a-1-cp311-cp311-win_amd64.whl", {"os": "windows"}, True),
        ("a-1-cp311-cp311-manylinux1_x86_64.whl", {"os": "windows"}, False),
        ("a-1-cp311-cp311-manylinux_2_17_aarch64.whl", {"arch": "aarch64"}, True),
        ("a-1-cp311-cp311-manylinux1_x86_64.whl", {"arch": "aarch64"}, False),
    ],
)
def test_a_wheel_fits_exactly_the_hosts_of_its_tags(profile, wheel, changes, fits):
    assert accepts(profile(**changes), wheel) is fits


def test_the_ladder_is_spelled_out_down_to_the_oldest_with_its_aliases(profile):
    ladder = target.platforms(profile(libc="glibc-2.18"))
    assert ladder[:4] == [
        "manylinux_2_18_x86_64",
        "manylinux_2_17_x86_64",
        "manylinux2014_x86_64",
        "manylinux_2_16_x86_64",
    ]
    assert {"manylinux_2_12_x86_64", "manylinux2010_x86_64", "manylinux_2_5_x86_64", "manylinux1_x86_64"} < set(ladder)


def test_a_more_special_wheel_is_better(profile):
    tags = target.wheel_tags(profile())

    def rank(wheel):
        return min(tags.index(tag) for tag in parse_wheel_filename(wheel)[3] if tag in tags)

    wheels = [
        "a-1-cp311-cp311-manylinux_2_28_x86_64.whl",
        "a-1-cp311-cp311-manylinux2014_x86_64.whl",
        "a-1-cp37-abi3-manylinux_2_28_x86_64.whl",
        "a-1-py3-none-any.whl",
    ]
    assert sorted(wheels, key=rank) == wheels


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("linux", "Linux", "posix", "x86_64", "3.11", "3.11.2")),
        ({"os": "windows"}, ("win32", "Windows", "nt", "AMD64", "3.11", "3.11.2")),
        ({"arch": "aarch64", "python": "3.9"}, ("linux", "Linux", "posix", "aarch64", "3.9", "3.9.0")),
    ],
)
def test_markers_are_the_targets(profile, changes, expected):
    found = target.marker_environment(profile(**changes))
    keys = ("sys_platform", "platform_system", "os_name", "platform_machine", "python_version", "python_full_version")
    assert tuple(found[key] for key in keys) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["x86_64-manylinux_2_28"]),
        ({"libc": "glibc-2.30"}, ["x86_64-manylinux_2_28", "x86_64-manylinux_2_31"]),
        ({"libc": "glibc-2.27"}, ["x86_64-manylinux_2_17", "x86_64-manylinux_2_28"]),
        ({"libc": "glibc-2.36"}, ["x86_64-manylinux_2_36"]),
        ({"libc": "glibc-2.99"}, ["x86_64-manylinux_2_40"]),
        ({"libc": "glibc-2.12"}, ["x86_64-manylinux_2_17"]),
        ({"arch": "aarch64"}, ["aarch64-manylinux_2_28"]),
        ({"os": "windows"}, ["x86_64-pc-windows-msvc"]),
    ],
)
def test_uv_is_asked_for_platforms_that_it_knows_and_first_for_no_newer_one(profile, changes, expected):
    assert target.uv_platforms(profile(**changes)) == expected
