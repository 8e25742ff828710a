# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fold makes of events."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.airgap.ferry.plugins.module_utils.record import model

AT = "2026-11-22T17:05:00Z"
GOOD = {"failed": [], "unreachable": []}


def planned(*names):
    """A planned run of hosts."""
    return model.new_run(
        "r1",
        started=AT,
        operator="ops",
        controller="control",
        routes=0,
        versions={},
        bundle="tf",
        hosts=[{"name": name, "profile": "linux-py311"} for name in names],
    )


def seen(host, status="ok", ignored=False, msg=None, code=None, **event):
    """The journal lines of one result."""
    result = {"event": event} if event else {}
    result.update({key: value for key, value in (("msg", msg), ("code", code)) if value})
    return model.observe(result, host, "the task", status, AT, ignored=ignored)


def finished(run, *lines, **given):
    """The finished run, with the statistics that are given."""
    return model.finish(run, [line for some in lines for line in some], AT, 1.0, given.get("stats", GOOD))


def test_nothing_but_the_named_keys_reaches_the_journal():
    """Arguments, output and unknown event keys may hold secrets."""
    result = {
        "invocation": {"module_args": {"password": "hunter2"}},
        "stdout": "hunter2",
        "hunter2": 1,
        "event": {
            "stage": "open",
            "token": "hunter2",
            "bundle": {"name": "tf", "key": "hunter2", "signers": [{"name": "B", "passphrase": "hunter2"}]},
            "verdicts": [{"ok": True, "message": "fine", "detail": "hunter2"}],
            "network": {"routes": 0, "psk": "hunter2"},
            "gates": {"licences": {"state": "passed", "findings": "hunter2", "text": "hunter2"}, "odd": "hunter2"},
        },
    }
    [line] = model.observe(result, "depot", "task", "ok", AT)
    assert "hunter2" not in repr(line)
    signer = {"name": "B", "fingerprint": None, "backend": None, "roles": []}
    assert line["event"]["bundle"] == {"name": "tf", "signers": [signer]}
    assert line["event"]["gates"] == {"licences": {"state": "passed", "enforced": False, "findings": 0, "waived": 0}}


@pytest.mark.parametrize("event", [None, "text", [], {}, {"stage": 7}, {"stage": "record"}])
def test_a_result_without_an_event_is_of_no_interest_unless_it_failed(event):
    """Also the record's own making is no event of the change."""
    assert model.observe({"event": event}, "h", "t", "ok", AT) == []
    [line] = model.observe({"event": event, "msg": "broke"}, "h", "t", "failed", AT)
    assert line["event"] is None and line["message"] == "broke"


def test_values_of_a_wrong_type_are_dropped():
    """A module's slip must not break the record."""
    [line] = seen(
        "h",
        stage="install",
        seconds=float("nan"),
        before=7,
        packages_after=[1],
        verdicts="no",
        network="no",
        bundle=["no"],
    )
    assert line["event"] == {"stage": "install", "seconds": None}


def test_a_verdict_passes_only_when_it_says_true():
    """It fails closed."""
    [line] = seen("h", stage="verify", verdicts=[{"ok": True}, {"ok": "yes"}, {"ok": 1}, {}])
    assert [verdict["ok"] for verdict in line["event"]["verdicts"]] == [True, False, False, False]


def test_a_verdict_that_is_reported_twice_counts_once():
    """A role may pass on what its module has said."""
    verdict = {"code": None, "ok": True, "message": "8 GPUs seen"}
    run = finished(
        planned("h"), seen("h", stage="verify", verdicts=[verdict]), seen("h", stage="verify", verdicts=[verdict])
    )
    assert run["hosts"]["h"]["verdicts"] == [verdict]


def test_the_code_is_taken_from_the_message_when_a_role_passes_it_on():
    """And it stands once, not in the message too."""
    [line] = seen("h", "failed", msg="FERRY-GPU-004: 1 GPU seen.")
    assert (line["code"], line["message"]) == ("FERRY-GPU-004", "1 GPU seen.")


def test_a_loop_gives_a_line_per_item():
    """Skipped items say nothing; failed_when has the last word on an item."""
    event = {"stage": "build"}
    items = [
        {"event": event, "changed": True},
        {"skipped": True},
        {"event": event, "failed": True, "failed_when_result": False},
        {"failed": True, "msg": "no"},
        "text",
    ]
    lines = model.observe({"results": items, "msg": "One or more items failed"}, "h", "t", "failed", AT)
    assert [line["status"] for line in lines] == ["changed", "ok", "failed"]


def test_a_failed_result_whose_items_say_nothing_is_still_an_error():
    """No failure passes in silence."""
    [line] = model.observe({"results": ["text"], "msg": "broke"}, "h", "t", "failed", AT)
    assert line["message"] == "broke"


def test_the_bundle_is_gathered_from_several_events():
    """Later values win, absent ones overwrite nothing."""
    run = finished(
        planned(),
        seen("s", stage="build", bundle={"name": "tf", "id": "a", "signers": []}),
        seen(
            "d", stage="open", bundle={"id": "b", "name": None, "signers": [{"fingerprint": "F", "roles": ["builder"]}]}
        ),
    )
    assert run["bundle"] == {
        "name": "tf",
        "id": "b",
        "serial": None,
        "created": None,
        "builder": None,
        "size": None,
        "files": None,
        "allowed": None,
        "replaced": None,
        "signers": [{"name": None, "fingerprint": "F", "backend": None, "roles": ["builder"]}],
    }


def test_nothing_of_one_serial_is_said_of_another():
    """A run that sends the newest bundle and receives an older one, as it was allowed to."""
    run = finished(
        planned(),
        seen("s", stage="send", bundle={"name": "tf", "id": "a", "serial": 5, "builder": "b"}),
        seen("d", stage="receive", bundle={"name": "tf", "serial": 3, "allowed": True, "replaced": 5}),
    )
    bundle = run["bundle"]
    assert (bundle["serial"], bundle["id"], bundle["builder"]) == (3, None, None)
    assert (bundle["allowed"], bundle["replaced"]) == (True, 5)


def test_a_gate_that_says_nothing_of_itself_has_not_passed():
    """The last word of each gate counts."""
    run = finished(
        planned(),
        seen("s", stage="build", gates={"licences": {}, "approvals": {"state": "refused"}}),
        seen("s", stage="build", gates={"approvals": {"state": "passed", "findings": 1, "waived": 1}}),
    )
    assert {name: gate["state"] for name, gate in run["gates"].items()} == {
        "licences": "not checked",
        "approvals": "passed",
    }


def test_a_host_keeps_the_first_before_and_the_last_after():
    """Over all its events, package changes included."""
    run = finished(
        planned("h"),
        seen(
            "h",
            "changed",
            stage="install",
            before="a",
            packages_before={"x": "1", "y": "1", "z": "1"},
            packages_after={"x": "2", "z": "1", "w": "1"},
        ),
        seen("h", "changed", stage="switch", before="b", after="c"),
    )
    host = run["hosts"]["h"]
    assert (host["before"], host["after"], host["status"]) == ("a", "c", "changed")
    assert host["packages"] == {"added": {"w": "1"}, "removed": {"y": "1"}, "upgraded": {"x": ["1", "2"]}}


@pytest.mark.parametrize("after", [None, "a"])
def test_a_release_that_never_went_live_changed_no_packages(after):
    """Not switched, or switched back."""
    run = finished(
        planned("h"),
        seen("h", stage="install", before="a", after=after, packages_before={"x": "1"}, packages_after={"x": "2"}),
    )
    assert run["hosts"]["h"]["packages"] == {"added": {}, "removed": {}, "upgraded": {}}


def test_packages_are_not_called_new_when_nobody_looked_before():
    """Only a first release makes all of them new."""
    unknown = finished(planned("h"), seen("h", stage="install", before="a", after="b", packages_after={"x": "1"}))
    first = finished(planned("h"), seen("h", stage="install", after="b", packages_after={"x": "1"}))
    assert unknown["hosts"]["h"]["packages"]["added"] == {}
    assert first["hosts"]["h"]["packages"]["added"] == {"x": "1"}


def test_a_run_that_only_verifies_has_its_release_before_and_after():
    """In a run that installs, the verified release is not live yet."""
    looked = finished(planned("h"), seen("h", stage="verify", release="a"))["hosts"]["h"]
    built = finished(planned("h"), seen("h", stage="install", release="b"), seen("h", stage="verify", release="b"))[
        "hosts"
    ]["h"]
    assert (looked["before"], looked["after"], looked["status"]) == ("a", "a", "unchanged")
    assert built["after"] is None


def test_what_was_removed_from_a_host_is_kept_once():
    lines = seen("h", stage="prune", removed=["a", "b"]), seen("h", stage="prune", removed=["b", "c"])
    assert finished(planned("h"), *lines)["hosts"]["h"]["removed"] == ["a", "b", "c"]
    assert finished(planned("h"), seen("h", stage="prune", removed="all"))["hosts"]["h"]["removed"] == []


def test_every_planned_host_ends_with_a_status():
    """Untouched ones are not reached; hosts that nobody planned appear when a host stage ran on them."""
    run = finished(
        planned("a", "b", "c"),
        seen("a", "failed", msg="no"),
        seen("b", "unreachable", msg="gone"),
        seen("new", stage="verify"),
        seen("depot", stage="open"),
        stats={"failed": ["a"], "unreachable": ["b"]},
    )
    assert {name: host["status"] for name, host in run["hosts"].items()} == {
        "a": "failed",
        "b": "unreachable",
        "c": "not reached",
        "new": "unchanged",
    }
    assert run["status"] == "failed" and [error["host"] for error in run["errors"]] == ["a", "b"]


def test_the_last_word_on_failures_is_ansibles():
    """A host that Ansible does not call failed was rescued; one that it does call failed is, even if no result said so."""
    failure = seen("h", "failed", msg="no", stage="install")
    assert finished(planned("h"), failure)["status"] == "succeeded"
    assert finished(planned("h"), failure)["errors"] == []
    silent = finished(planned("h"), stats={"failed": ["h"], "unreachable": []})
    assert silent["status"] == "failed" and silent["hosts"]["h"]["status"] == "failed"


def test_an_interrupted_run_keeps_every_failure_but_the_ignored():
    """Nobody knows whether a rescue would have come."""
    run = finished(
        planned("h", "i"), seen("h", "failed", msg="no"), seen("i", "failed", msg="so what", ignored=True), stats=None
    )
    assert run["status"] == "interrupted" and [error["host"] for error in run["errors"]] == ["h"]
    assert run["hosts"]["h"]["status"] == "failed" and run["hosts"]["i"]["status"] == "unchanged"


def test_folding_again_gives_the_same_and_spoils_nothing():
    """A run that goes on with a second playbook is folded anew from all its lines."""
    run, lines = (
        planned("h"),
        seen("h", "changed", stage="install", after="b", verdicts=[{"ok": True}]) + seen("h", "failed", msg="no"),
    )
    before = copy.deepcopy((run, lines))
    once = finished(run, lines)
    assert finished(once, lines) == once and (run, lines) == before
