# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A record as one page: no script, no outside file, for a screen, a phone and paper.

``words`` says it, ``markup`` shapes it, ``style`` dresses it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Any, Hashable, Iterable, List, Optional, Tuple

from ..errors import CODES
from . import words
from .markup import code, facts, moment, note, section, sign, STATUS, table, text
from .model import OPEN, Json
from .style import CSS

# What needs a reader comes first.
_ORDER = ("failed", "unreachable", "not reached", "planned", "changed", "unchanged")

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>%(name)s: %(headline)s</title>
<style>%(css)s</style>
</head>
<body>
<header>
<p class="eyebrow">Change record</p>
<h1>%(name)s</h1>
<p class="outcome %(mood)s"><span class="sign" aria-hidden="true">%(glyph)s</span> <strong>%(headline)s</strong></p>
</header>
<main>
%(sections)s
</main>
<footer>
<p>This page was made from <code>record.json</code> beside it.
The two belong together if <code>sha256sum record.json</code> says</p>
<p><code class="hash">%(digest)s</code></p>
</footer>
</body>
</html>
"""


def render(record: Json, data: bytes) -> bytes:
    """The page of ``record``; ``data`` is its record.json, whose sha256 the page carries."""
    run = record["runs"][-1]
    mood, glyph = STATUS[run["status"]]
    parts = [part(run) for part in (_run, _errors, _hosts, _checks, _packages, _stages)]
    parts.append(_earlier(record["runs"][:-1]))
    page = _PAGE % {
        "name": text(record["change"] or "Run " + run["id"]),
        "headline": text(words.headline(run)),
        "css": CSS,
        "mood": mood,
        "glyph": glyph,
        "sections": "\n".join(part for part in parts if part),
        "digest": hashlib.sha256(data).hexdigest(),
    }
    return page.encode("utf-8", "replace")


def _group(pairs: Iterable[Tuple[Hashable, str]]) -> List[Tuple[Any, List[str]]]:
    """``(what, host)`` pairs as ``(what, [hosts])``: fifty hosts with one story are one row."""
    groups: "OrderedDict[Hashable, List[str]]" = OrderedDict()
    for what, host in pairs:
        names = groups.setdefault(what, [])
        if host not in names:
            names.append(host)
    return list(groups.items())


def _names(hosts: List[str], run: Json) -> str:
    if 3 < len(run["hosts"]) == len(hosts):
        return "all %d hosts" % len(hosts)
    return ("%d hosts: " % len(hosts) if len(hosts) > 3 else "") + ", ".join(sorted(hosts))


def _run(run: Json) -> str:
    pairs = _bundle(run) + _gates(run)
    pairs.append(("Playbook", text(run["playbook"] or "not known")))
    pairs.append(("Operator", text(run["operator"]) + note("on " + run["controller"])))
    pairs.append(("Started", moment(run["started"])))
    if run["status"] not in OPEN:
        label = "Last seen" if run["status"] == "interrupted" else "Finished"
        took = "after " + words.duration(run["seconds"]) if run["seconds"] is not None else ""
        pairs.append((label, moment(run["finished"]) + note(took)))
    routes = words.network(run["network"]["routes"])
    pairs.append(("Network", text(routes) + note("on the controller, as the run began")))
    networks = ((host["network"]["routes"], name) for name, host in sorted(run["hosts"].items()))
    for count, hosts in _group(pair for pair in networks if pair[0] is not None):
        which = _names(hosts, run) if len(hosts) <= 3 else "%d of %d hosts" % (len(hosts), len(run["hosts"]))
        pairs.append(("Hosts\u2019 network", text(words.network(count)) + note(which)))
    versions = (("ansible-core", "ansible_core"), ("Python", "python"), ("airgap.ferry", "collection"))
    made = ", ".join("%s %s" % (label, run["versions"][key] or "unknown") for label, key in versions)
    pairs.append(("Made with", text(made)))
    pairs.append(("Run", code(run["id"])))
    return section("The run", facts(pairs), "run")


def _bundle(run: Json) -> List[Tuple[str, str]]:
    bundle = run["bundle"]
    if not bundle:
        return [("Bundle", text(run["planned"]["bundle"]))] if run["planned"]["bundle"] else []
    extent = [words.plural(bundle["files"], "file")] if bundle["files"] is not None else []
    extent += [words.size(bundle["size"])] if bundle["size"] is not None else []
    built = [words.moment(bundle["created"])] if bundle["created"] else []
    built += ["by " + bundle["builder"]] if bundle["builder"] else []
    signed = [("Signed by", _signature(signer)) for signer in bundle["signers"]]
    return [
        ("Bundle", text(bundle["name"] or "unnamed") + note(", ".join(extent))),
        ("Built", text(" ".join(built) or "not known") + note(words.serial(bundle))),
        ("Bundle id", code(bundle["id"], "hash") if bundle["id"] else "not known"),
        *(signed or [("Signed by", "this run checked no signature")]),
    ]


def _signature(signer: Json) -> str:
    about = ", ".join([*signer["roles"], signer["backend"] or ""]).strip(", ")
    return "%s %s" % (code(signer["fingerprint"] or "not known", "hash"), text(signer["name"] or "") + note(about))


def _gates(run: Json) -> List[Tuple[str, str]]:
    said = []
    for name, gate in sorted(run["gates"].items()):
        more = [words.plural(gate["findings"], "finding")] if gate["findings"] else []
        more += ["%d excused" % gate["waived"]] if gate["waived"] else []
        more += [] if gate["enforced"] or gate["state"] == "not checked" else ["not enforced"]
        said.append(("Gate: " + name, text(gate["state"]) + note(", ".join(more))))
    return said


def _errors(run: Json) -> str:
    if not run["errors"]:
        return ""
    errors = (((error["code"], error["message"], error["task"]), error["host"]) for error in run["errors"])
    rows = []
    for (number, message, task), hosts in _group(errors):
        happened = "%s<br>%s" % (text(message), note("in the task \u201c%s\u201d" % task))
        rows.append((text(_names(hosts, run)), code(number) if number else "none", happened, text(_next_step(number))))
    heads = ("Host", "Code", "What happened", "Next step")
    return section(
        "Errors", table("What went wrong, in the order in which it happened", heads, rows, "errors cards"), "errors"
    )


def _next_step(number: Optional[str]) -> str:
    return CODES[number][1] if number in CODES else "Read the message; it comes from outside the collection."


def _hosts(run: Json) -> str:
    if not run["hosts"]:
        return ""
    anchors = {changes: number for number, (changes, _members) in enumerate(_package_groups(run), 1)}
    rows = []
    for name, host in sorted(run["hosts"].items(), key=lambda pair: (_ORDER.index(pair[1]["status"]), pair[0])):
        changes = _package_changes(host)
        packages = "no change"
        if changes:
            packages = '<a href="#packages-%d">%s</a>' % (anchors[changes], words.plural(len(changes), "change"))
        profile = text(host["profile"] or "unknown")
        rows.append((text(name), profile, sign(host["status"]), _release(host), packages, _tally(host["verdicts"])))
    caption = "Every host that this run was planned for or touched; releases are given as before → after"
    heads = ("Host", "Profile", "Status", "Release", "Packages", "Checks")
    return section("Hosts", table(caption, heads, rows, "hosts cards"), "hosts")


def _release(host: Json) -> str:
    before, after = host["before"], host["after"]
    if before == after:
        shown = code(before) + " unchanged" if before else "unknown"
    else:
        shown = "%s<br>→ %s" % (code(before) if before else "none", code(after) if after else "not switched")
    return shown + "".join("<br>%s removed" % code(release) for release in host.get("removed", []))


def _tally(verdicts: List[Json]) -> str:
    if not verdicts:
        return "none"
    bad = sum(1 for verdict in verdicts if not verdict["ok"])
    return sign("failed", "%d of %d failed" % (bad, len(verdicts))) if bad else sign("ok", "%d passed" % len(verdicts))


def _checks(run: Json) -> str:
    answers = (
        ((verdict["ok"], verdict["code"], verdict["message"]), name)
        for name, host in sorted(run["hosts"].items())
        for verdict in host["verdicts"]
    )
    rows = []
    for (passed, number, message), hosts in sorted(_group(answers), key=lambda group: group[0][0]):  # failed ones first
        rows.append((text(message) + note(number or ""), sign("ok" if passed else "failed"), text(_names(hosts, run))))
    if not rows:
        return ""
    heads = ("Check", "Outcome", "Hosts")
    return section(
        "Checks", table("What the hosts were asked, and their answers", heads, rows, "checks cards"), "checks"
    )


def _package_changes(host: Json) -> Tuple[Tuple[str, str, str, str], ...]:
    """A host's package changes as rows ``(name, kind, from, to)`` that can be compared."""
    packages = host["packages"]
    rows = [(name, "added", "", version) for name, version in packages["added"].items()]
    rows += [(name, "changed", old, new) for name, (old, new) in packages["upgraded"].items()]
    rows += [(name, "removed", version, "") for name, version in packages["removed"].items()]
    return tuple(sorted(rows))


def _package_groups(run: Json) -> List[Tuple[Any, List[str]]]:
    changed = ((_package_changes(host), name) for name, host in sorted(run["hosts"].items()))
    return _group(pair for pair in changed if pair[0])


def _packages(run: Json) -> str:
    tables = []
    heads = ("Package", "Change", "From", "To")
    for number, (changes, hosts) in enumerate(_package_groups(run), 1):
        rows = [
            (text(name), kind, code(old) if old else "–", code(new) if new else "–") for name, kind, old, new in changes
        ]
        body = table("On " + _names(hosts, run), heads, rows, "packages")
        tables.append('<div id="packages-%d">\n%s\n</div>' % (number, body))
    return section("Package changes", "\n".join(tables), "packages") if tables else ""


def _stages(run: Json) -> str:
    if not run["stages"]:
        return ""
    stages: "OrderedDict[str, List[Json]]" = OrderedDict()
    for row in run["stages"]:
        stages.setdefault(row["stage"], []).append(row)
    longest = max([row["seconds"] or 0 for row in run["stages"]] + [0.001])
    rows = []
    for stage, members in stages.items():
        slowest = max(members, key=lambda row: row["seconds"] or 0)
        bad = sum(1 for row in members if row["status"] in ("failed", "unreachable"))
        outcome = sign("failed", "%d of %d failed" % (bad, len(members))) if bad else sign("ok")
        share = max(100 * (slowest["seconds"] or 0) / longest, 0.5)
        hosts = words.plural(len({row["host"] for row in members}), "host")
        took = text(words.duration(slowest["seconds"])) + note(slowest["host"])
        rows.append((text(stage), hosts, outcome, took, '<span class="bar" style="width:%.1f%%"></span>' % share))
    heads = ("Stage", "Hosts", "Outcome", "Slowest", "Time")
    return section(
        "Stages", table("How long each stage took on its slowest host", heads, rows, "stages cards"), "stages"
    )


def _earlier(runs: List[Json]) -> str:
    """Earlier runs of the ticket, the latest first: a line each, and inside it what became of the hosts."""
    parts = []
    for run in reversed(runs):
        body = "<p>Operator %s" % text(run["operator"])
        if run["bundle"] and run["bundle"]["id"]:
            body += ", bundle " + code(run["bundle"]["id"], "hash")
        body += "</p>\n"
        if run["hosts"]:
            rows = [(text(name), sign(host["status"]), _release(host)) for name, host in sorted(run["hosts"].items())]
            body += table("Hosts of the run " + run["id"], ("Host", "Status", "Release before → after"), rows, "short")
        for error in run["errors"]:
            body += "\n<p>%s: %s%s</p>" % (text(error["host"]), text(error["message"]), note(error["code"] or ""))
        line = (moment(run["started"]), text(run["playbook"] or ""), sign(run["status"], words.headline(run)))
        parts.append("<details>\n<summary>%s</summary>\n%s\n</details>" % (" ".join(line), body))
    return section("Earlier runs of this ticket", "\n".join(parts), "earlier") if parts else ""
