# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Licences: an expression passes where allowed licences meet it; what is not known, or not written as a licence, is not allowed."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.gates import licences
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import licence_text


def package(*fields, name="wrapt"):
    said = licence_text.of("\n".join(["Metadata-Version: 2.4", "Name: " + name, "Version: 1.0", *fields, ""]))
    wheel = name + "-1.0-py3-none-any.whl"
    return {"name": name, "version": "1.0", "wheel": wheel, "sha256": "0" * 64, "profiles": ["linux"], "licence": said}


def under(expression):
    return package("License-Expression: " + expression)


def judge(packages, allowed=("MIT",), **overrides):
    return licences.check(packages, list(allowed), overrides, True)


ALLOWED = ("MIT", "Apache-2.0", "BSD-3-Clause", "GPL-2.0-only WITH Classpath-exception-2.0", "LicenseRef-House")


@pytest.mark.parametrize(
    "expression, passes",
    [
        ("MIT", True),
        ("mit", True),
        ("MIT AND Apache-2.0", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only OR AGPL-3.0-only", False),
        # AND binds tighter than OR.
        ("MIT OR GPL-3.0-only AND Apache-2.0", True),
        ("GPL-3.0-only AND MIT OR Apache-2.0", True),
        ("GPL-3.0-only AND (MIT OR Apache-2.0)", False),
        ("(MIT OR GPL-3.0-only) AND (BSD-3-Clause OR AGPL-3.0-only)", True),
        ("(MIT OR GPL-3.0-only) AND AGPL-3.0-only", False),
        # A pair counts as it is written: neither half stands for it.
        ("GPL-2.0-only WITH Classpath-exception-2.0", True),
        ("GPL-2.0 with Classpath-exception-2.0", True),
        ("GPL-2.0-only", False),
        ("GPL-2.0-or-later WITH Classpath-exception-2.0", False),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("Apache-2.0 WITH LLVM-exception OR MIT", True),
        ("Apache-2.0+", False),
        ("LicenseRef-House", True),
        ("LicenseRef-MIT", False),
        # An alias of Apache-2.0 for the library that reads expressions.
        ("LicenseRef-Apache", False),
    ],
)
def test_an_expression_passes_where_allowed_licences_meet_it(expression, passes):
    answer = judge([under(expression)], ALLOWED)
    assert (answer["state"] == "passed") is passes, answer
    assert [finding["code"] for finding in answer["findings"]] == ([] if passes else ["FERRY-GATE-004"])


def test_what_is_lacking_is_named_and_what_is_allowed_is_not():
    (finding,) = judge([under("MIT AND (GPL-3.0-only OR ISC AND 0BSD) AND PSF-2.0")])["findings"]
    assert finding["text"].endswith("; not allowed: GPL-3.0-only, PSF-2.0"), finding["text"]
    assert "License-Expression" in finding["text"]


@pytest.mark.parametrize(
    "fields, words",
    [
        ((), "says nothing of a licence"),
        (("License: UNKNOWN",), "says nothing of a licence"),
        (("License: BSD", "Classifier: License :: OSI Approved :: BSD License"), "BSD; License :: OSI Approved :: BSD"),
        (("License-Expression: Ours",), '"Ours" (License-Expression), which names no one licence'),
        (("Classifier: License :: OSI Approved :: Apache Software License",), "names no one licence"),
    ],
)
def test_what_is_not_known_is_not_allowed_whatever_the_list_says(fields, words):
    answer = judge([package(*fields)], ("MIT", "BSD-3-Clause", "Apache-2.0"))
    (finding,) = answer["findings"]
    assert answer["state"] == "refused" and finding["code"] == "FERRY-GATE-005" and words in finding["text"]


def test_a_judgement_with_its_reason_stands_in_the_report_as_waived():
    answer = judge([package("License: BSD")], wrapt={"licence": "mit", "reason": "Ada read LICENSE, 2026-11-02"})
    (finding,) = answer["findings"]
    assert answer["state"] == "passed" and finding["waived"] == "Ada read LICENSE, 2026-11-02"
    assert finding["code"] == "FERRY-GATE-005" and "judged as MIT" in finding["text"] and '"BSD"' in finding["text"]


def test_a_judgement_counts_for_any_spelling_of_the_name_and_against_what_metadata_says():
    answer = judge([under("GPL-3.0-only")], Wrapt={"licence": "MIT", "reason": "bought"})
    (finding,) = answer["findings"]
    assert answer["state"] == "passed" and finding["code"] == "FERRY-GATE-004" and finding["waived"] == "bought"


def test_a_judgement_is_judged_too():
    answer = judge([package("License: BSD")], wrapt={"licence": "GPL-3.0-only", "reason": "Ada read it"})
    (finding,) = answer["findings"]
    assert answer["state"] == "refused" and finding["code"] == "FERRY-GATE-004" and finding["waived"] is None
    assert judge([under("MIT")], wrapt={"licence": "GPL-3.0-only", "reason": "x"})["state"] == "refused"


def test_a_judgement_that_changes_nothing_is_no_finding_and_one_of_nothing_is_told():
    said = {"licence": "MIT", "reason": "Ada read it"}
    answer = judge([under("MIT")], wrapt=said, Other_One=said)
    assert answer["state"] == "passed" and not answer["findings"]
    assert "judges what is not locked: other-one" in answer["told"][-1]


def test_the_report_counts_the_licences():
    answer = judge([under("MIT"), under("MIT"), package("License: BSD"), under("ISC")])
    assert answer["told"] == ["licences of 4 wheels: 2 MIT, 1 ISC, 1 unknown"]


def test_an_empty_list_is_not_called_passed():
    assert judge([under("MIT")], ())["state"] == "not checked"


@pytest.mark.parametrize("entry", ["Ours", "", "MIT OR ISC", "MIT AND ISC", "(MIT", "MIT WITH ISC", "BSD License"])
def test_a_list_with_what_is_no_one_licence_is_refused_by_its_place(refused, entry):
    with refused("FERRY-VAR-002", "ferry_licences.allowed[1]", repr(entry)):
        judge([], ("MIT", entry))


@pytest.mark.parametrize(
    "said, words",
    [
        ("MIT", "keys licence and reason"),
        ({"licence": "MIT"}, "keys licence and reason"),
        ({"licence": "MIT", "reason": "x", "version": "1"}, "keys licence and reason"),
        ({"licence": "Ours", "reason": "x"}, "wrapt.licence"),
        ({"licence": 2, "reason": "x"}, "wrapt.licence"),
        ({"licence": "MIT", "reason": " "}, "wrapt.reason"),
        ({"licence": "MIT", "reason": None}, "wrapt.reason"),
        (None, "keys licence and reason"),
        ({"license": "MIT", "reason": "x"}, "found the string 'license, reason'"),
    ],
)
def test_a_judgement_without_licence_or_reason_is_refused_by_its_place(refused, said, words):
    with refused("FERRY-VAR-002", "ferry_licences.overrides.wrapt", words):
        judge([], wrapt=said)


def test_two_judgements_of_one_package_are_refused_and_so_is_what_is_no_name(refused):
    said = {"licence": "MIT", "reason": "x"}
    with refused("FERRY-VAR-002", "ferry_licences.overrides.foo-bar", "one entry for a package", "'Foo_Bar'"):
        licences.read(["MIT"], {"Foo_Bar": said, "foo-bar": dict(said, licence="ISC")})
    for name in ("", 5, None, "a b", "a\n"):
        with refused("FERRY-VAR-002", "ferry_licences.overrides", "a package's name"):
            licences.read(["MIT"], {name: said})
