# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator writes for the kit is judged before anything else happens, with the codes that the kit itself has for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.airgap.ferry.plugins.plugin_utils import variables

KNOWN = variables.known_options(Path(__file__).resolve().parents[4] / "roles")
CONTROLLER = {"arch": "x86_64", "libc": "glibc-2.28", "python": "3.11.2"}
LINUX = dict(CONTROLLER, os="linux", accelerator="none")


@pytest.mark.parametrize(
    "values",
    [
        {"ferry_kit": True, "ferry_kit_profile": CONTROLLER},
        {"ferry_kit_profile": dict(LINUX, requirements=["pywinrm"], constraints=["ansible-core<2.20"])},
        {"ferry_profiles": {"kit": LINUX}, "ferry_kit": False},
    ],
)
def test_a_kit_as_the_guide_describes_it_passes(values):
    variables.check_values({"a": values}, [], KNOWN)


@pytest.mark.parametrize(
    ("code", "values", "told"),
    [
        ("FERRY-VAR-002", {"ferry_kit": "maybe"}, "ferry_kit on host a: expected true or false"),
        ("FERRY-VAR-002", {"ferry_kit_profile": []}, "ferry_kit_profile on host a: expected a dictionary"),
        (
            "FERRY-VAR-004",
            {"ferry_kit_profile": {}},
            "ferry_kit_profile on host a: profile ferry-kit, key arch: expected",
        ),
        ("FERRY-VAR-004", {"ferry_kit_profile": dict(CONTROLLER, python=3.11)}, "quote it"),
        ("FERRY-VAR-004", {"ferry_kit_profile": dict(CONTROLLER, arch="amd64")}, "key arch"),
        (
            "FERRY-VAR-004",
            {"ferry_kit_profile": dict(CONTROLLER, requirments=["x"])},
            "nearest known one is requirements",
        ),
        (
            "FERRY-VAR-004",
            {"ferry_kit_profile": dict(CONTROLLER, accelerator="cuda")},
            "key accelerator: expected none",
        ),
        ("FERRY-VAR-004", {"ferry_kit_profile": dict(CONTROLLER, os=["linux"])}, "key os"),
        (
            "FERRY-KIT-002",
            {"ferry_kit_profile": {"os": "windows", "arch": "x86_64", "python": "3.11.9"}},
            "ferry_kit_profile on host a: profile ferry-kit, key os: expected linux, found windows",
        ),
        ("FERRY-KIT-001", {"ferry_profiles": {"ferry-kit": LINUX}}, "ferry_profiles on host a: profile ferry-kit: "),
        ("FERRY-KIT-001", {"ferry_profiles": {"ferry-kit": LINUX}, "ferry_kit_profile": CONTROLLER}, "rename it"),
    ],
)
def test_what_the_kit_would_refuse_is_refused_first_and_by_place(code, values, told):
    with pytest.raises(variables.FerryError) as caught:
        variables.check_values({"a": values}, [], KNOWN)
    assert caught.value.code == code and told in caught.value.message, caught.value
