# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OSV record means the releases that its schema says, by PEP 440; what cannot be compared counts, so that a person looks."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.gates import osv


def record(*ranges, versions=None, kind="ECOSYSTEM", name="urllib3", ecosystem="PyPI", **more):
    """An advisory of one package, each range given as a list of events."""
    entry = {"package": {"ecosystem": ecosystem, "name": name}}
    if ranges:
        entry["ranges"] = [{"type": kind, "events": events} for events in ranges]
    if versions is not None:
        entry["versions"] = versions
    return dict({"id": "GHSA-a", "modified": "2026-11-01T00:00:00Z", "affected": [entry]}, **more)


def events(text):
    """``introduced 0, fixed 1.2`` as the schema's events."""
    return [dict([part.split(" ")]) for part in text.split(", ")]


def means(made, version, name="urllib3"):
    found = osv.hit(made, name, version)
    return None if found is None else (found.certain, found.fixed)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (
            "introduced 0, fixed 1.26.17",
            ["0.0.dev1", "1.9", "1.26.16", "1.26.17rc1"],
            ["1.26.17", "1.26.17.post1", "2"],
        ),
        ("introduced 1.10, fixed 1.11", ["1.10", "1.10.0", "1.10.9"], ["1.9", "1.11", "1.10rc1"]),
        (
            "introduced 2.0.0, fixed 2.0.6, introduced 0, fixed 1.26.17",
            ["1.0", "2.0.5"],
            ["1.26.17", "1.26.20", "2.0.6"],
        ),
        ("introduced 0, last_affected 1.5", ["1.5", "1.5.0", "0.1"], ["1.5.1", "1.5.post1", "2"]),
        ("introduced 1.5, last_affected 1.5", ["1.5"], ["1.4", "1.6"]),
        ("introduced 1, fixed 2, introduced 2, fixed 3", ["1.9", "2", "2.5"], ["0.9", "3"]),
        ("introduced 2, fixed 3, fixed 2, introduced 1", ["1", "2", "2.5"], ["0.9", "3"]),
        ("last_affected 1.5, introduced 1.5", ["1.5"], ["1.4", "1.6"]),
        ("introduced 1", ["1", "99"], ["0.9"]),
        ("introduced 0, limit 2.0", ["1.9"], ["2.0", "3"]),
        ("introduced 0, limit *", ["1.9", "99"], []),
        ("introduced 1!1.0, fixed 1!2.0", ["1!1.5"], ["1.5", "1!2"]),
        ("introduced v1.0, fixed 1.0.0-rc2", ["1.0"], ["0.9"]),
    ],
)
def test_a_range_holds_what_pep_440_orders_into_it(text, inside, outside):
    made = record(events(text))
    assert [version for version in inside if means(made, version) is None] == []
    assert [version for version in outside if means(made, version)] == []


def test_a_list_of_versions_and_a_range_each_suffice_and_each_entry_counts():
    assert means(record(versions=["1.0", "1.2.0"]), "1.2")
    assert means(record(versions=["1.0"]), "1.1") is None
    both = record(events("introduced 5, fixed 6"), versions=["1.0"])
    assert means(both, "1.0") and means(both, "5.5") and means(both, "2") is None
    two = record(events("introduced 0, fixed 1"))
    two["affected"] += record(events("introduced 3, fixed 4"))["affected"]
    assert means(two, "0.5") == (True, "1") and means(two, "3.1") == (True, "4") and means(two, "2") is None


def test_the_next_release_without_it_is_named_on_the_release_s_own_branch():
    made = record(events("introduced 2.0.0, fixed 2.0.6, introduced 0, fixed 1.26.17"))
    assert means(made, "1.26.9") == (True, "1.26.17")
    assert means(made, "2.0.1") == (True, "2.0.6")
    assert means(record(events("introduced 0, last_affected 3")), "2") == (True, None)


def test_a_local_label_does_not_hide_a_release():
    assert means(record(events("introduced 0, last_affected 2.1.0")), "2.1.0+cu118")
    assert means(record(versions=["2.1.0"]), "2.1.0+cpu")
    assert means(record(events("introduced 0, fixed 2.1.0")), "2.1.0+cpu") is None


@pytest.mark.parametrize("name", ["Url.Lib3", "url_lib3", "URL--lib3"])
def test_names_are_compared_as_pep_503_has_it(name):
    assert osv.names(record(versions=["1"], name=name)) == {"url-lib3"}
    assert means(record(versions=["1"], name=name), "1", "url-lib3")


def test_another_package_or_ecosystem_is_not_meant():
    assert means(record(versions=["1"], name="requests"), "1") is None
    for ecosystem in ("npm", "Debian:12", "pypi", "PyPIx"):
        assert means(record(versions=["1"], ecosystem=ecosystem), "1") is None
    assert means(record(versions=["1"], ecosystem="PyPI:2024"), "1")
    no_package = dict(record(), affected=[{"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}])
    assert osv.names(no_package) == set() and means(no_package, "1") is None


def test_a_withdrawn_record_means_nothing():
    assert means(record(versions=["1"], withdrawn="2026-01-01T00:00:00Z"), "1") is None


@pytest.mark.parametrize(
    "made",
    [
        record(),
        record([{"introduced": "0"}, {"fixed": "644124ecd0b6"}], kind="GIT"),
        record(events("introduced 0, fixed dev-r123")),
        record(events("fixed 3")),
        record(events("introduced 0, fixed 3"), kind="LATER"),
        record(events("introduced 0, fixed 3"), kind="ecosystem"),
        record(events("introduced 0, fixed 3"), kind="LATER", versions=["1.0"]),
    ],
    ids=[
        "nothing",
        "commits alone",
        "no version",
        "no beginning",
        "another kind",
        "no kind as written",
        "another kind beside versions",
    ],
)
def test_what_cannot_be_compared_counts_and_says_so(made):
    assert means(made, "2.0")[0] is False


def test_commits_beside_versions_decide_nothing():
    made = record([{"introduced": "0"}, {"fixed": "644124ecd0b6"}], kind="GIT", versions=["1.0"])
    assert means(made, "1.0") and means(made, "2.0") is None


def test_a_release_that_is_no_version_is_listed_by_its_text_or_counts():
    assert means(record(versions=["2004d"]), "2004d") == (True, None)
    assert means(record(versions=["2004e"]), "2004d") is None
    assert means(record(events("introduced 0, fixed 3")), "2004d") == (False, None)


def test_a_line_is_one_line_whatever_it_was():
    assert osv.line("a\n\x1b[31m\tb\u202e \ud800c") == "a [31m b c"
    assert osv.line("x" * 300) == "x" * 199 + "…"
