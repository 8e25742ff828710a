# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record in words: the same sentences on every page and screen that shows one."""

from __future__ import annotations

from collections import Counter
from typing import Iterable, List, Optional

from .model import Json

# What a run that touched no host has achieved: the last of these that it came to.
_WAY = {
    "tools": "Staging tools ready",
    "lock": "Versions locked",
    "build": "Bundle built and signed",
    "approve": "Bundle approved",
    "send": "Bundle sent",
    "receive": "Bundle received",
    "open": "Bundle checked and opened",
}
# What a run has done to its hosts: the first of these that it did.
_DONE = {
    "install": "Deployed to",
    "switch": "Deployed to",
    "rollback": "Rolled back",
    "prune": "Pruned",
    "verify": "Verified",
    "survey": "Surveyed",
}


def headline(run: Json) -> str:
    """The outcome of a run in one line."""
    hosts = run["hosts"].values()
    total = len(hosts)
    count = Counter(host["status"] for host in hosts)
    done = count["changed"] + count["unchanged"]
    if run["status"] == "planned":
        return (
            "Planned for %s; no outcome has been written" % plural(total, "host")
            if total
            else "Planned; no outcome has been written"
        )
    if run["status"] == "running":
        return "Running, or ended without a word"
    if run["status"] == "interrupted":
        return (
            "Interrupted; %d of %s reached" % (total - count["not reached"], plural(total, "host"))
            if total
            else "Interrupted"
        )
    if run["status"] == "failed":
        return _failure(run, count, total)
    stages = {stage["stage"] for stage in run["stages"]}
    verbs = [verb for stage, verb in _DONE.items() if stage in stages]
    if verbs:
        return ", ".join(["%s %d of %s" % (verbs[0], done, plural(total, "host"))] + _rest(count, ("not reached",)))
    reached = [words for stage, words in _WAY.items() if stage in stages]
    return reached[-1] if reached else "Finished; nothing was to do"


def _failure(run: Json, count: Counter, total: int) -> str:
    if count["failed"]:
        start, others = "Failed on %d of %s" % (count["failed"], plural(total, "host")), ("unreachable", "not reached")
    elif count["unreachable"]:
        start, others = "%d of %s unreachable" % (count["unreachable"], plural(total, "host")), ("not reached",)
    else:
        start, others = "Failed on " + ", ".join(sorted({error["host"] for error in run["errors"]})), ("not reached",)
    done = count["changed"] + count["unchanged"]
    return ", ".join([start] + _rest(count, others) + (["%d done" % done] if done else []))


def _rest(count: Counter, statuses: Iterable[str]) -> List[str]:
    return ["%s %s" % (plural(count[status], "host"), status) for status in statuses if count[status]]


def serial(bundle: Json) -> str:
    """The serial of a bundle, and by whose word one came back that a depot had left behind; empty where nobody told it."""
    number, replaced = bundle["serial"], bundle.get("replaced")
    if number is None:
        return ""
    if not bundle.get("allowed"):
        return "serial %d" % number
    if replaced is None:
        return "serial %d by explicit allowance" % number
    again = "older serial %d" if number < replaced else "serial %d again"
    return (again + " by explicit allowance, instead of %d") % (number, replaced)


def plural(number: int, noun: str) -> str:
    """``1 host``, ``2 hosts``."""
    return "%d %s%s" % (number, noun, "" if number == 1 else "s")


def network(routes: Optional[int]) -> str:
    """What the number of routes means."""
    if routes is None:
        return "not measured"
    return plural(routes, "route") + " out" if routes else "no route out: ran cut off"


def duration(seconds: Optional[float]) -> str:
    """``0.4 s``, ``41 s``, ``12 min 05 s``, ``1 h 02 min``."""
    if seconds is None:
        return "unknown"
    if seconds < 10:
        return "%.1f s" % seconds
    minutes, rest = divmod(int(round(seconds)), 60)
    if not minutes:
        return "%d s" % rest
    if minutes < 60:
        return "%d min %02d s" % (minutes, rest)
    return "%d h %02d min" % divmod(minutes, 60)


def size(number: int) -> str:
    """``1.2 GB``; decimal units, as on the label of a medium."""
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return "%d B" % number if unit == "B" else "%.1f %s" % (value, unit)


def moment(iso: Optional[str]) -> str:
    """``2026-11-22T17:00:00Z`` for a reader: ``2026-11-22 17:00:00 UTC``."""
    return iso.replace("T", " ").replace("Z", " UTC") if iso else "unknown"
