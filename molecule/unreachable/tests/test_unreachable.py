# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is down holds up nobody, is named, and converges by the same command once it is back."""

from __future__ import annotations

import pytest

testinfra_hosts = ["ssh://depot"]

DOWN = "server-bookworm"
UP = ["server-bullseye", "server-trixie"]


@pytest.fixture(scope="module")
def story(lab):
    """The deployment while one host is down, what it left, and the same deployment once the host is back."""
    lab.command("stop", DOWN)
    first = lab.play("deploy", "-e", "ferry_change=CHG-DOWN")
    first_record = lab.runs()[-1]
    live = {name: lab.live(name) for name in UP}
    lab.command("start", DOWN)
    untouched = lab.live(DOWN)
    second = lab.play("deploy", "-e", "ferry_change=CHG-DOWN")
    return {
        "first": (first, first_record, live),
        "untouched": untouched,
        "second": (second, lab.runs()[-1], {name: lab.live(name) for name in [DOWN, *UP]}),
        "third": lab.play("deploy", "-e", "ferry_change=CHG-DOWN"),
    }


def test_the_others_finish(story):
    run, _record, live = story["first"]
    assert all(live.values()), live
    assert {name: run.changed[name] for name in UP} == dict.fromkeys(UP, 2)
    assert all(run.recap[name]["failed"] == 0 for name in UP)


def test_the_exit_code_and_the_recap_say_so(story):
    run, _record, _live = story["first"]
    assert run.code != 0
    assert run.recap[DOWN]["unreachable"] == 1 and run.changed[DOWN] == 0


def test_the_record_names_the_host_and_what_happened_to_the_others(story):
    _run, record, live = story["first"]
    assert record["status"] != "succeeded"
    assert record["hosts"][DOWN]["status"] == "unreachable", record["hosts"][DOWN]
    for name in UP:
        assert record["hosts"][name]["status"] == "changed" and record["hosts"][name]["after"] == live[name]


def test_after_it_comes_back_one_run_converges_and_the_next_changes_nothing(story):
    assert story["untouched"] is None
    run, record, live = story["second"]
    assert run.code == 0, run.output
    assert run.changed == {"depot": 0, DOWN: 2, **dict.fromkeys(UP, 0)}
    assert record["status"] == "succeeded" and record["hosts"][DOWN]["after"] == live[DOWN]
    assert all(live.values())
    assert story["third"].code == 0 and set(story["third"].changed.values()) == {0}


def test_the_page_of_the_ticket_shows_both_runs(lab, story):
    page = (lab.folder / "records" / "CHG-DOWN" / "record.html").read_text()
    assert page.count(DOWN) > 1 and "unreachable" in page
