# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page says what the record holds, to everybody, and runs nothing."""

from __future__ import annotations

import hashlib
from html.parser import HTMLParser

import pytest

from ansible_collections.airgap.ferry.plugins.module_utils.codes.registry import CODES
from ansible_collections.airgap.ferry.plugins.module_utils.record import html, markup, model, store, words

VERSIONS = {"ansible_core": "2.19.0", "python": "3.11.0", "collection": "0.1.0"}
EVIL = "<script>alert('x')</script>&\"\ud800"
VOID = {"meta", "br", "link"}


class Page(HTMLParser):
    """The page's text and tags; it fails on a tag that is not closed."""

    def __init__(self, record):
        super().__init__()
        self.data = store.dumps(record)
        self.source = html.render(record, self.data).decode("utf-8")
        self.text, self.tags, self.open = "", [], []
        self.feed(self.source)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data


def line(host, status, stage, msg=None, **event):
    """The journal lines of one result."""
    return model.observe(
        {"event": dict(event, stage=stage, seconds=1.0), "msg": msg}, host, "the task", status, "2026-11-22T17:05:00Z"
    )


def run_of(names, lines, stats=None, routes=0, run_id="r1"):
    """A finished run."""
    hosts = [{"name": name, "profile": "linux-py311"} for name in names]
    planned = model.new_run(
        run_id,
        started="2026-11-22T17:00:00Z",
        operator="ops",
        controller="control",
        routes=routes,
        versions=VERSIONS,
        bundle="tf",
        hosts=hosts,
        playbook="deploy.yml",
    )
    return model.finish(planned, lines, "2026-11-22T17:10:00Z", 600.0, stats)


def record_of(*runs, change="CHG1"):
    """A record."""
    return {"type": model.TYPE, "change": change, "runs": list(runs)}


def deployed(*names):
    """What a good deployment of hosts tells."""
    lines = line(
        "depot",
        "changed",
        "open",
        bundle={"name": "tf", "id": "ab" * 32, "signers": [{"name": "Builder", "fingerprint": "F" * 40}]},
        gates={"licences": {"state": "passed", "enforced": True, "findings": 2, "waived": 2}},
    )
    for name in names:
        lines += line(
            name,
            "changed",
            "switch",
            before="old-1",
            after="new-1",
            packages_before={"numpy": "1"},
            packages_after={"numpy": "2"},
            verdicts=[{"ok": True, "message": "8 GPUs seen"}],
        )
    return lines


GOOD = {"failed": [], "unreachable": []}


def test_the_page_holds_what_an_auditor_asks_for():
    """Ticket, outcome, bundle, signer, operator, network, releases, packages, checks, and the sum of the data."""
    page = Page(record_of(run_of(["a", "b"], deployed("a", "b"), GOOD)))
    for text in (
        "CHG1",
        "Deployed to 2 of 2 hosts",
        "ab" * 32,
        "F" * 40,
        "ops",
        "Gate: licences",
        "2 excused",
        "no route out: ran cut off",
        "old-1",
        "new-1",
        "numpy",
        "8 GPUs seen",
        hashlib.sha256(page.data).hexdigest(),
    ):
        assert text in page.text


@pytest.mark.parametrize(
    ("serial", "said"),
    [
        (3, "older serial 3 by explicit allowance, instead of 5"),
        (7, "serial 7 again by explicit allowance, instead of 5"),
    ],
)
def test_a_serial_that_came_back_is_told_with_the_allowance(serial, said):
    told = {"name": "tf", "serial": serial, "allowed": True, "replaced": 5}
    page = Page(record_of(run_of(["a"], line("depot", "changed", "open", bundle=told), GOOD)))
    assert said in page.text
    page = Page(record_of(run_of(["a"], line("depot", "ok", "open", bundle={"name": "tf", "serial": serial}), GOOD)))
    assert "serial %d" % serial in page.text and "allowance" not in page.text


def test_everything_from_outside_is_escaped():
    """A host, a message or a ticket is text, never markup."""
    lines = line(
        EVIL,
        "failed",
        "verify",
        msg=EVIL,
        before=EVIL,
        after=EVIL + "2",
        profile=EVIL,
        packages_before={EVIL: EVIL},
        packages_after={EVIL: "2"},
        verdicts=[{"ok": False, "message": EVIL, "code": EVIL}],
        bundle={
            "name": EVIL,
            "id": EVIL,
            "created": EVIL,
            "builder": EVIL,
            "signers": [{"name": EVIL, "fingerprint": EVIL, "backend": EVIL, "roles": [EVIL]}],
        },
        gates={EVIL: {"state": EVIL}},
    )
    run = dict(run_of([EVIL], lines), versions=dict.fromkeys(VERSIONS, EVIL))
    run.update(dict.fromkeys(("operator", "controller", "id", "playbook", "started", "finished"), EVIL))
    page = Page(record_of(run, run, change=EVIL))
    assert "script" not in [tag for tag, _attributes in page.tags] and "<script" not in page.source
    assert "alert('x')" in page.text


def test_the_page_needs_nothing_from_outside():
    """No script, no link to a file, no font, no picture: it works in a ticket's attachment."""
    page = Page(record_of(run_of(["a"], deployed("a"), GOOD), run_of(["a"], deployed("a"), GOOD)))
    for _tag, attributes in page.tags:
        assert not {"src", "onclick", "onload"} & set(attributes) and attributes.get("href", "#").startswith("#")
    assert "url(" not in page.source and "@import" not in page.source


def test_links_lead_somewhere_and_tables_are_labelled():
    """Every anchor exists once; every table has a caption and headers with a scope."""
    page = Page(record_of(run_of(["a", "b"], deployed("a", "b"), GOOD)))
    names = [attributes["id"] for _tag, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    assert {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"} <= set(names)
    tags = [tag for tag, _attributes in page.tags]
    assert tags.count("table") == tags.count("caption") and all(
        "scope" in attributes for tag, attributes in page.tags if tag == "th"
    )


@pytest.mark.parametrize("status", sorted(markup.STATUS))
def test_a_status_is_a_word_and_not_only_a_colour(status):
    """For a black and white print and for eyes that see few colours."""
    assert " %s</span>" % status in markup.sign(status)


def test_an_error_names_the_next_step():
    """From the registry of codes; a foreign failure sends to its message."""
    lines = line("a", "failed", "verify", msg="FERRY-GPU-004: 1 GPU seen.") + model.observe(
        {"msg": "gone"}, "b", "t", "unreachable", "2026-11-22T17:05:00Z"
    )
    text = Page(record_of(run_of(["a", "b"], lines, {"failed": ["a"], "unreachable": ["b"]}))).text
    assert CODES["FERRY-GPU-004"][1].split(";", maxsplit=1)[0] in text and "Read the message" in text
    assert "Failed on 1 of 2 hosts, 1 host unreachable" in text


def test_what_needs_a_reader_comes_first():
    """Failed hosts above good ones, failed checks above passed ones."""
    lines = deployed("a") + line("z", "failed", "verify", msg="no", verdicts=[{"ok": False, "message": "wrong sum"}])
    text = Page(record_of(run_of(["a", "z"], lines, {"failed": ["z"], "unreachable": []}))).text
    hosts = text.index("Every host that")
    assert text.index("1 of 1 failed", hosts) < text.index("1 passed", hosts)
    assert text.index("wrong sum", hosts) < text.index("8 GPUs seen", hosts)


def test_fifty_hosts_with_one_story_are_told_once():
    """Package changes are grouped, so that the page stays readable."""
    names = ["gpu%03d" % number for number in range(50)]
    text = Page(record_of(run_of(names, deployed(*names), GOOD))).text
    assert text.count("numpy") == 1 and "all 50 hosts" in text


def test_earlier_runs_stay_on_the_page():
    """In short, the latest first, below the run that counts."""
    failure = line("a", "failed", "install", msg="FERRY-HOST-003: too little space")
    failed = run_of(["a"], failure, {"failed": ["a"], "unreachable": []}, run_id="first")
    text = Page(
        record_of(failed, run_of(["a"], [], run_id="second"), run_of(["a"], deployed("a"), GOOD, run_id="third"))
    ).text
    places = [
        text.index(words_)
        for words_ in (
            "Deployed to 1 of 1 host",
            "Earlier runs",
            "of the run second",
            "of the run first",
            "too little space",
        )
    ]
    assert places == sorted(places)


def test_a_removed_release_is_named_and_a_record_from_before_there_were_any_still_shows():
    pruned = run_of(["a"], line("a", "changed", "prune", before="r2", after="r2", removed=["r0", "r1"]), GOOD)
    text = Page(record_of(pruned)).text
    assert "r2 unchangedr0 removedr1 removed" in text
    del pruned["hosts"]["a"]["removed"]
    assert "r2 unchanged" in Page(record_of(pruned)).text


@pytest.mark.parametrize(
    "names, lines, stats, expected",
    [
        (["a", "b"], deployed("a"), GOOD, "Deployed to 1 of 2 hosts, 1 host not reached"),
        (["a"], line("a", "ok", "verify"), GOOD, "Verified 1 of 1 host"),
        (["a"], line("a", "changed", "rollback"), GOOD, "Rolled back 1 of 1 host"),
        (["a"], line("a", "changed", "prune"), GOOD, "Pruned 1 of 1 host"),
        (["a"], line("a", "ok", "survey"), GOOD, "Surveyed 1 of 1 host"),
        ([], line("s", "ok", "lock") + line("s", "changed", "build"), GOOD, "Bundle built and signed"),
        ([], [], GOOD, "Finished; nothing was to do"),
        (["a", "b"], deployed("a"), None, "Interrupted; 1 of 2 hosts reached"),
        (
            ["a"],
            line("depot", "failed", "open", msg="no"),
            {"failed": ["depot"], "unreachable": []},
            "Failed on depot, 1 host not reached",
        ),
        (["a", "b"], deployed("a"), {"failed": [], "unreachable": ["b"]}, "1 of 2 hosts unreachable, 1 done"),
    ],
)
def test_the_headline_says_the_outcome(names, lines, stats, expected):
    """One line that is true for this run."""
    assert words.headline(run_of(names, lines, stats)) == expected


@pytest.mark.parametrize(
    "routes, expected",
    [(0, "no route out: ran cut off"), (1, "1 route out"), (3, "3 routes out"), (None, "not measured")],
)
def test_no_measurement_is_not_called_cut_off(routes, expected):
    """The claim that a run had no network needs a measured 0."""
    assert words.network(routes) == expected


@pytest.mark.parametrize(
    "seconds, expected",
    [
        (None, "unknown"),
        (0.44, "0.4 s"),
        (41.2, "41 s"),
        (59.7, "1 min 00 s"),
        (725, "12 min 05 s"),
        (3720, "1 h 02 min"),
    ],
)
def test_durations_read_well(seconds, expected):
    """In the unit of their size."""
    assert words.duration(seconds) == expected


@pytest.mark.parametrize(
    "number, expected", [(999, "999 B"), (1500, "1.5 kB"), (1893456789, "1.9 GB"), (5 * 10**15, "5000.0 TB")]
)
def test_sizes_read_well(number, expected):
    """In decimal units, as on a medium's label."""
    assert words.size(number) == expected
