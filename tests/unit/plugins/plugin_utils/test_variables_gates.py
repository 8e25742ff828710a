# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator writes for the gates is judged before anything else happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.airgap.ferry.plugins.plugin_utils import variables

KNOWN = variables.known_options(Path(__file__).resolve().parents[4] / "roles")
WAIVER = {"id": "CVE-2023-43804", "reason": "we send no cookies", "expires": "2026-12-31"}


@pytest.mark.parametrize(
    "value",
    [
        {"data": "/srv/osv/all.zip"},
        {"data": "/srv/osv", "max_age_days": 7, "enforce": False, "waivers": [WAIVER, dict(WAIVER, package="urllib3")]},
    ],
)
def test_advisories_as_the_role_describes_them_pass(value):
    variables.check_values({"a": {"ferry_advisories": value}}, [], KNOWN)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data": None}, "ferry_advisories.data"),
        ({"max_age_days": 0}, "1 to 9999 days"),
        ({"waiver": []}, "the nearest known one is waivers"),
        ({"waivers": [dict(WAIVER, expires="31.12.2026")]}, "ferry_advisories.waivers[0].expires"),
        ({"data": ""}, "ferry_advisories.data on host a: expected a path"),
        ({"waivers": [dict(WAIVER, package="")]}, "ferry_advisories.waivers[0].package"),
        ({"waivers": [dict(WAIVER, reason=" ")]}, "a reason in words"),
        ({"waivers": [dict(WAIVER, id="CVE-1, CVE-2")]}, "one id such as"),
        ({"waivers": [WAIVER, {"id": "CVE-1", "expires": "2026-12-31"}]}, "ferry_advisories.waivers[1].reason"),
    ],
)
def test_advisories_that_say_less_or_otherwise_are_refused_by_place(refused_values, changes, told):
    refused_values({"ferry_advisories": dict({"data": "/srv/osv"}, **changes)}, told)


def test_provenance_takes_names_and_publishers_and_nothing_else(refused_values):
    good = {
        "required": ["*"],
        "publishers": {"numpy": {"kind": "GitHub", "repository": "numpy/numpy"}},
        "enforce": True,
    }
    variables.check_values({"a": {"ferry_provenance": good}}, [], KNOWN)
    refused_values({"ferry_provenance": dict(good, require=[])}, "the nearest known one is required")
    refused_values({"ferry_provenance": dict(good, required="numpy")}, "a list of strings")
    refused_values({"ferry_provenance": dict(good, required=[""])}, "a package's name, or * for all")


@pytest.mark.parametrize(
    ("name", "publisher", "told"),
    [
        ("numpy", None, "ferry_provenance.publishers.numpy on host a: expected a dictionary with kind"),
        ("numpy", {"kind": "Github", "repository": "a/b"}, "the nearest known one is GitHub"),
        ("numpy", {"kind": "GitHub"}, "expected the key repository"),
        (
            5,
            {"kind": "GitHub", "repository": "a/b"},
            "ferry_provenance.publishers on host a: expected a package's name",
        ),
    ],
)
def test_a_publisher_that_cannot_be_is_refused_by_its_place(refused_values, name, publisher, told):
    refused_values({"ferry_provenance": {"publishers": {name: publisher}}}, told)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"six": None}, "ferry_licences.overrides.six on host a: expected the keys licence and reason"),
        ({"six": {"license": "MIT", "reason": "x"}}, "expected the keys licence and reason"),
        ({"six": {"licence": "", "reason": "x"}}, "ferry_licences.overrides.six.licence"),
        ({"six": {"licence": "MIT", "reason": ""}}, "ferry_licences.overrides.six.reason"),
        (
            {"a.b": {"licence": "MIT", "reason": "x"}, "A_B": {"licence": "ISC", "reason": "x"}},
            "ferry_licences.overrides.A_B on host a: expected one entry for a package, found the string 'a.b'",
        ),
    ],
)
def test_a_judgement_of_a_licence_says_which_and_why_once_for_a_package(refused_values, overrides, told):
    variables.check_values({"a": {"ferry_licences": {"allowed": ["MIT"], "overrides": {}}}}, [], KNOWN)
    refused_values({"ferry_licences": {"allowed": ["MIT"], "overrides": overrides}}, told)


def test_an_allow_list_has_a_path(refused_values):
    refused_values({"ferry_approvals": {"files": ["/srv/approved.txt", " "]}}, "ferry_approvals.files[1]")


@pytest.fixture
def refused_values():
    """These values are refused with FERRY-VAR-002 and these words."""

    def refuse(values, told):
        with pytest.raises(variables.FerryError) as caught:
            variables.check_values({"a": values}, [], KNOWN)
        assert caught.value.code == "FERRY-VAR-002" and told in caught.value.message, caught.value.message

    return refuse
