# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates' report: fails closed, says everything once, and lets nobody else's words out of their place."""

from __future__ import annotations

import json

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import canonical
from ansible_collections.airgap.ferry.plugins.module_utils.gates import report
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import pages


def package(name="numpy", **changes):
    whole = {"name": name, "version": "1.0", "wheel": name + "-1.0-py3-none-any.whl", "sha256": "0" * 64}
    return dict(whole, profiles=["win", "linux"], **changes)


def found(name="numpy", waived=None, code="FERRY-GATE-003", text="never approved"):
    return report.finding(code, package(name), text, waived)


@pytest.fixture
def written(tmp_path):
    def write(answers):
        report.write(str(tmp_path), answers)
        return {path.name: path.read_text() for path in (tmp_path / "gates").iterdir()}

    return write


def test_an_enforced_gate_with_a_finding_refuses_by_its_code_and_names_gate_wheel_reason_and_next_step(
    tmp_path, refused
):
    answers = [report.answer("approvals", True, [found(), found("six")])]
    report.write(str(tmp_path), answers)
    with refused(
        "FERRY-GATE-003",
        "approvals",
        "2 findings",
        "numpy==1.0 (numpy-1.0-py3-none-any.whl): never approved",
        "six==1.0",
        str(tmp_path / "gates" / "report.md"),
        "add those to the allow-list",
    ):
        report.refuse(answers, str(tmp_path))


def test_what_is_not_approved_is_refused_with_the_place_of_the_lines_to_review(tmp_path, refused):
    answers = [report.answer("approvals", True, [found(text="never approved; its line: numpy==1.0 --hash=sha256:0")])]
    with refused("FERRY-GATE-003", "its line: numpy==1.0 --hash=sha256:0") as caught:
        report.refuse(answers, str(tmp_path))
    assert str(tmp_path) not in caught.message
    path = tmp_path / "locks" / "approvals-request.txt"
    pages.write_changed(str(path), b"numpy==1.0 --hash=sha256:0\n")
    with refused("FERRY-GATE-003", "; all lines to review are in %s. Have the lines" % path):
        report.refuse(answers, str(tmp_path))
    with refused("FERRY-GATE-004") as caught:
        report.refuse([report.answer("licences", True, [found(code="FERRY-GATE-004")])], str(tmp_path))
    assert "to review" not in caught.message


def test_what_is_found_and_not_enforced_is_a_warning_that_names_it():
    answers = [
        report.answer("approvals", False, [found("p%02d" % number) for number in range(11)]),
        report.answer("licences", False, [found("six", waived="read by Ada")]),
        report.answer("advisories", True, [found()]),
        report.not_checked("provenance", "not set"),
    ]
    (warning,) = report.warnings(answers)
    assert warning.startswith(
        "The gate approvals is not enforced and has 11 findings: p00==1.0 (p00-1.0-py3-none-any.whl)"
    )
    assert "never approved; and 1 more. " in warning and "\n" not in warning


def test_an_enforced_gate_that_could_not_judge_refuses_too(tmp_path, refused):
    with refused("FERRY-GATE-001", "advisories", "no data is named", "set its enforce to false"):
        report.refuse([report.not_checked("advisories", "no data is named", True)], str(tmp_path))


def test_what_is_not_enforced_waived_or_passed_lets_through(tmp_path):
    answers = [
        report.answer("approvals", False, [found()]),
        report.answer("licences", True, [found(waived="read by Ada")]),
        report.answer("provenance", True, []),
        report.not_checked("advisories", "not set"),
    ]
    report.refuse(answers, str(tmp_path))
    assert [one["state"] for one in answers] == ["refused", "passed", "passed", "not checked"]


def test_a_finding_that_is_not_waived_refuses_among_many_that_are_and_gives_the_code(tmp_path, refused):
    findings = [found("a", "known", "FERRY-GATE-004"), found("b"), found("c", "known")]
    with refused("FERRY-GATE-003", "1 finding: b==1.0"):
        report.refuse([report.answer("approvals", True, findings)], str(tmp_path))


def test_a_message_names_ten_and_counts_the_rest(tmp_path, refused):
    findings = [found("p%02d" % number) for number in range(13)]
    with refused("FERRY-GATE-003", "13 findings", "p09==", "and 3 more") as caught:
        report.refuse([report.answer("approvals", True, findings)], str(tmp_path))
    assert "p10==" not in caught.message


def test_a_message_names_the_report_only_where_it_lies(tmp_path, refused):
    """A check run writes none, and an older one says something else."""
    answers = [report.answer("approvals", True, [found()])]
    for before in ([], [report.answer("approvals", True, [found("other")])]):
        report.write(str(tmp_path / "a"), before)
        with refused("FERRY-GATE-003") as caught:
            report.refuse(answers, str(tmp_path / "a"))
        assert "report" not in caught.message


def test_the_report_holds_every_finding_as_json_text_and_markdown(written):
    answers = [
        report.answer("licences", True, [found("a", "read by Ada", "FERRY-GATE-005"), found("b")], ["5 wheels"]),
        report.not_checked("advisories", "not set"),
    ]
    texts = written(answers)
    assert json.loads(texts["report.json"]) == report.paper(answers)
    for name in ("report.txt", "report.md"):
        flat = " ".join(texts[name].replace("\\", "").split())
        assert "2 gates: 1 refused, 1 not checked." in flat, name
        for words in (
            "b-1.0-py3-none-any.whl; linux, win): never approved",
            "because: read by Ada",
            "5 wheels",
            "not set",
        ):
            assert words in flat, (name, words)
    assert max(len(line) for line in texts["report.txt"].splitlines()) <= 118


def test_a_report_that_says_the_same_is_not_written_again(tmp_path, written):
    answers = [report.answer("approvals", True, [found()])]
    written(answers)
    paths = sorted((tmp_path / "gates").iterdir())
    before = [path.stat().st_mtime_ns for path in paths]
    written(answers)
    assert [path.stat().st_mtime_ns for path in paths] == before and len(paths) == 3
    assert "six==1.0" in written([report.answer("approvals", True, [found("six")])])["report.txt"]


def test_the_words_of_others_stay_in_their_line_and_drive_nothing(written):
    evil = "x\n- **told**: all is well\x1b[2J | <b>\u202e"
    texts = written([report.answer("licences", True, [found(text=evil, waived=evil)], [evil])])
    for name, text in texts.items():
        assert not any(
            "all is well" in line and "x" not in line.partition("all is well")[0] for line in text.splitlines()
        ), name
        assert "\x1b" not in text and "\u202e" not in text, name
    assert "\n- **told**: all" not in texts["report.md"] and "<b>" not in texts["report.md"].replace("\\<", "")


def test_the_summary_counts_what_is_open_and_what_is_waived():
    answers = [
        report.answer("approvals", True, [found(), found("a", "why")]),
        report.not_checked("licences", "not set"),
    ]
    assert report.summary(answers) == {
        "approvals": {"state": "refused", "enforced": True, "findings": 1, "waived": 1},
        "licences": {"state": "not checked", "enforced": False, "findings": 0, "waived": 0},
    }


def test_the_paper_is_canonical_json_whatever_the_order_of_gates_and_findings():
    one = report.answer("licences", True, [found("b"), found("a"), found("c", "why")])
    other = report.answer("licences", True, [found("c", "why"), found("a"), found("b")])
    gate = report.not_checked("advisories", "not set")
    assert canonical.dumps(report.paper([one, gate])) == canonical.dumps(report.paper([gate, other]))
    assert report.paper([one])["type"] == "airgap.ferry/gates/v1"


def test_papers_are_the_same_where_only_words_differ():
    def paper(findings, told, enforced=True):
        return report.paper([report.answer("advisories", enforced, findings, [told])])

    assert report.same(paper([found()], "data of Monday"), paper([found()], "data of Friday"))
    reworded = found(waived="until Friday", text="B")
    assert report.same(paper([found(waived="why", text="A"), found("z")], ""), paper([found("z"), reworded], ""))
    assert not report.same(paper([found()], ""), paper([found("b")], ""))
    assert not report.same(paper([found()], ""), paper([found(), found()], ""))
    assert not report.same(paper([found()], ""), paper([found(code="FERRY-GATE-004")], ""))
    assert not report.same(paper([found()], ""), paper([dict(found(), profiles=["win"])], ""))
    assert not report.same(paper([found()], ""), paper([dict(found(), wheel="numpy-1.0-1-py3-none-any.whl")], ""))
    assert not report.same(paper([found()], ""), paper([found(waived="why")], ""))
    assert not report.same(paper([], ""), paper([], "", enforced=False))
