# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known vulnerabilities of what is locked, matched offline with the advisories that the operator brings."""

from __future__ import annotations

import datetime
import os
import re
from typing import NamedTuple

from . import asked, osv, report
from ..errors import FerryError
from ..resolve.libraries import canonicalize_name

GATE = "advisories"
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


class _Known(NamedTuple):
    """What one record says of one package."""

    record: str
    ids: tuple
    hit: osv.Hit
    summary: str
    severity: str


def check(packages, data, waivers, today, enforced, max_age_days=30):
    """The gate's answer. ``data``: a directory or ZIP archive of OSV records; ``today``: a date.

    ``waivers``: ``[{"id": any of the vulnerability's ids, "reason", "expires": "YYYY-MM-DD", its last day, "package": None or a name}]``.
    Data that is missing or older than ``max_age_days`` can accuse, and never acquit.
    """
    waived = [_Waiver(number, waiver) for number, waiver in enumerate(waivers)]
    if not data:
        return report.not_checked(GATE, "no advisory data is named in ferry_advisories.data", enforced)
    if not os.path.exists(data):
        return report.not_checked(GATE, "the advisory data %s does not exist" % data, enforced)
    records = osv.Records(data)
    known, aliases = _match(records, packages)
    if not records.count:
        return report.not_checked(
            GATE, "the advisory data %s holds no record (*.json) of a package on PyPI" % data, enforced
        )
    records.refuse_future(today)
    findings = [
        _finding(package, group, same, waived, today)
        for package, said in zip(packages, known)
        for group, same in _groups(said, aliases)
    ]
    # By its last name: a bundle carries this, and another builder keeps the same data elsewhere.
    shown = os.path.basename(os.path.normpath(data))
    told = [
        "%d records about PyPI in %s, the newest of %s, sha256 %s"
        % (records.count, shown, records.newest, records.sha256),
        *(waiver.unused for waiver in waived if not waiver.met),
    ]
    answer = report.answer(GATE, enforced, findings, told)
    age = (today - records.newest).days
    if age > max_age_days and answer["state"] == report.PASSED:
        why = "the advisory data %s is %d days old, and may be %d; fetch it again" % (data, age, max_age_days)
        answer.update(state=report.NOT_CHECKED, told=[why, *told])
    return answer


class _Waiver:
    """One waiver, and whether it met anything; FERRY-GATE-008 where it does not say what a waiver must."""

    def __init__(self, number, waiver):
        for key in ("id", "reason", "expires"):
            if not isinstance(waiver.get(key), str) or not waiver[key].strip():
                raise _refused(number, waiver, "a text as its %s" % key, "none")
        try:
            self.expires = datetime.date.fromisoformat(waiver["expires"]) if _DAY.fullmatch(waiver["expires"]) else None
        except ValueError:
            self.expires = None
        if self.expires is None:
            raise _refused(number, waiver, "a day as YYYY-MM-DD in expires", waiver["expires"])
        package = waiver.get("package")
        if package is not None and not (isinstance(package, str) and re.fullmatch(asked.PACKAGE, package)):
            raise _refused(number, waiver, "%s as its package, or none" % asked.PACKAGE_IN_WORDS, repr(package))
        self.id = waiver["id"].strip()
        self.reason = osv.line(waiver["reason"])
        self.package = None if package is None else canonicalize_name(package)
        self.met = False

    @property
    def unused(self):
        """What an operator is told of a waiver that meets nothing."""
        where = " for %s" % self.package if self.package else ""
        return "the waiver of %s%s meets nothing; remove it" % (osv.line(self.id), where)

    def meets(self, package, ids):
        """Whether it is for this vulnerability of this package; it remembers that."""
        met = self.id.casefold() in ids and self.package in (None, package["name"])
        self.met = self.met or met
        return met


def _refused(number, waiver, expected, found):
    return FerryError(
        "FERRY-GATE-008",
        "ferry_advisories.waivers[%d] (%s): expected %s, found %s; correct it."
        % (number, osv.line(str(waiver.get("id"))), expected, osv.line(str(found))),
    )


def _match(records, packages):
    """Per package what the records say of it; and the ids that are names of one vulnerability, as ``{id: set that all of them share}``."""
    places: dict = {}
    for place, package in enumerate(packages):
        places.setdefault(package["name"], []).append(place)
    known: list = [[] for _package in packages]
    aliases: dict = {}
    for record in records:
        met = osv.names(record) & places.keys()
        if not met or record.get("withdrawn"):
            continue
        ids = (record["id"], *(record.get("aliases") or ()))
        _join(aliases, ids)
        for place in (place for name in met for place in places[name]):
            found = osv.hit(record, packages[place]["name"], packages[place]["version"])
            if found:
                known[place].append(_Known(record["id"], ids, found, _summary(record), _severity(record)))
    return known, aliases


def _join(aliases, ids):
    together = set(ids)
    for one in ids:
        together |= aliases.get(one, set())
    aliases.update(dict.fromkeys(together, together))


def _groups(said, aliases):
    """``(ids, what is said under them)`` of each vulnerability.

    The schema calls aliases transitive, so records that share one are of one vulnerability, and a waiver of any id is for all of them. But one
    CVE id is of one vulnerability too: where a chain has several, a record in it was joined wrongly. Then each record stands for itself, and
    is waived by an id that it names.
    """
    groups: dict = {}
    for known in said:
        together = aliases[known.record]
        several = len({one.casefold() for one in together if one.casefold().startswith("cve-")}) > 1
        groups.setdefault(tuple(sorted(set(known.ids) if several else together)), []).append(known)
    return sorted(groups.items())


def _finding(package, ids, said, waivers, today):
    folded = {one.casefold() for one in ids}
    met = [waiver for waiver in waivers if waiver.meets(package, folded)]
    good = [waiver for waiver in met if waiver.expires >= today]
    certain = [known for known in said if known.hit.certain]
    best = min(certain or said, key=lambda known: (not known.severity, not known.summary, not known.hit.fixed))
    what = ": ".join(part for part in (best.severity, best.summary) if part)
    parts = [
        "%s==%s %s %s%s"
        % (
            package["name"],
            package["version"],
            "has the known vulnerability" if certain else "may have a vulnerability whose versions cannot be compared,",
            osv.line(", ".join(ids), 400),
            " (%s)" % what if what else "",
        )
    ]
    fixed = next((known.hit.fixed for known in [best, *said] if known.hit.fixed), None)
    parts.append("fixed in %s" % osv.line(fixed, 40) if fixed else "no release without it is named")
    if met and not good:
        parts.append("its waiver expired on %s" % max(waiver.expires for waiver in met))
    waived = "%s (until %s)" % (good[0].reason, good[0].expires) if good else None
    return report.finding("FERRY-GATE-006", package, "; ".join(parts), waived)


def _summary(record):
    for key in ("summary", "details"):
        if isinstance(record.get(key), str) and record[key].strip():
            return osv.line(record[key]).rstrip(".")
    return ""


def _severity(record):
    """The word of the database where it has one, else the vector of the newest CVSS."""
    specific = record.get("database_specific")
    word = specific.get("severity") if isinstance(specific, dict) else None
    if isinstance(word, str) and word.strip():
        return osv.line(word, 40)
    scores = record.get("severity")
    scores = [one.get("score") for one in scores if isinstance(one, dict)] if isinstance(scores, list) else []
    return osv.line(max((one for one in scores if isinstance(one, str)), default=""), 120)
