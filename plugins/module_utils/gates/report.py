# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gates have in common: what they are asked, what each answers, and what their answers mean together.

A **package** here is one locked wheel: ``{"name", "version", "wheel", "sha256", "profiles": [name, ...]}``, its name normalised (PEP 503).

A gate's **answer** is::

    {"gate": "approvals", "state": "passed", "enforced": true, "findings": [...], "told": ["sentence", ...]}

``state`` is ``passed``, ``refused`` (it found something that nobody excused) or ``not checked`` (it was not asked for, or has no
data to judge by). Never is a thing that was not looked at ``passed``. A **finding** is ``{"code", "package": "name==version", "wheel",
"profiles", "text": one sentence without its code, "waived": None or the reason}``; only one that is not waived refuses.
"""

from __future__ import annotations

import json
import os

from ..bundle import files
from ..codes.registry import CODES
from ..errors import FerryError
from ..record.words import plural
from ..resolve import pages

TYPE = "airgap.ferry/gates/v1"
FOLDER = "gates"
REQUEST = "approvals-request.txt"
PASSED, REFUSED, NOT_CHECKED = "passed", "refused", "not checked"
# What one message can say; the report has them all.
_SHOWN = 10
_HEADS = ("gate", "state", "enforced", "open", "waived")
_LABEL = 8
_LIMIT = 64 << 20


def answer(gate: str, enforced: bool, findings: list, told=()) -> dict:
    """The answer of a gate that has judged."""
    return {
        "gate": gate,
        "state": REFUSED if _open(findings) else PASSED,
        "enforced": enforced,
        "findings": findings,
        "told": [plain(sentence) for sentence in told],
    }


def not_checked(gate: str, why: str, enforced: bool = False) -> dict:
    """The answer of a gate that could not judge, or was not asked to; enforced, it refuses as well."""
    return {"gate": gate, "state": NOT_CHECKED, "enforced": enforced, "findings": [], "told": [plain(why)]}


def finding(code: str, package: dict, text: str, waived=None) -> dict:
    """One finding about ``package``; ``text`` is a sentence without a full stop."""
    return {
        "code": code,
        "package": "%s==%s" % (package["name"], package["version"]),
        "wheel": plain(package["wheel"]),
        "profiles": sorted(package["profiles"]),
        "text": plain(text),
        "waived": plain(waived) if waived else None,
    }


def plain(text: str) -> str:
    """What others say (METADATA, advisories, file names), without what breaks a line or drives a terminal."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def refuse(answers: list, workdir: str) -> None:
    """Raise for the first gate that is enforced and did not pass; its code is the first finding's, or FERRY-GATE-001."""
    for one in answers:
        if not one["enforced"] or one["state"] == PASSED:
            continue
        found = _open(one["findings"])
        code = found[0]["code"] if found else "FERRY-GATE-001"
        told = _in_words(found) if found else "is enforced and could not judge: %s" % "; ".join(one["told"])
        more = _requested_in(workdir) if code == "FERRY-GATE-003" else ""
        more += _lies_in(workdir, answers)
        raise FerryError(code, "The gate %s %s%s. %s" % (one["gate"], told, more, CODES[code][1]))


def warnings(answers: list) -> list:
    """A sentence for each gate that found what nobody excused, and refuses nothing: an operator must read it in any case."""
    return [
        "The gate %s is not enforced and %s. What is signed has that; see gates.json in the bundle."
        % (one["gate"], _in_words(_open(one["findings"])))
        for one in answers
        if not one["enforced"] and _open(one["findings"])
    ]


def path_of_request(workdir: str) -> str:
    """Where the lines lie that somebody has to review and approve; see :func:`.approvals.lay`."""
    return os.path.join(workdir, "locks", REQUEST)


def write(workdir: str, answers: list) -> str:
    """Write ``report.json``, ``report.md`` and ``report.txt`` under ``<workdir>/gates/``, those that differ; the path of the Markdown."""
    texts = {
        "report.json": _dumps(answers),
        "report.md": markdown(answers),
        "report.txt": "\n".join(lines(answers)) + "\n",
    }
    for name, text in texts.items():
        pages.write_changed(os.path.join(workdir, FOLDER, name), text.encode("utf-8"))
    return os.path.join(workdir, FOLDER, "report.md")


def summary(answers: list) -> dict:
    """For the change record: ``{gate: {"state", "enforced", "findings": how many nobody excused, "waived": how many somebody did}}``."""
    return {
        one["gate"]: {
            "state": one["state"],
            "enforced": one["enforced"],
            "findings": len(_open(one["findings"])),
            "waived": len(one["findings"]) - len(_open(one["findings"])),
        }
        for one in answers
    }


def paper(answers: list) -> dict:
    """For the bundle: all of the answers, in one order, and no word of when they were given."""
    told = [
        dict(one, findings=sorted(one["findings"], key=_place), told=list(one["told"]))
        for one in sorted(answers, key=lambda one: one["gate"])
    ]
    return {"type": TYPE, "gates": told}


def same(one, other) -> bool:
    """Whether two papers come to the same. No words count, neither a finding's nor what the gates tell besides.

    Others reword their advisories and METADATA, and data ages: another paper makes another statement, which approvers have to sign again.
    """

    def judged(paper):
        return [(each["gate"], each["state"], each["enforced"], *_judged(each["findings"])) for each in paper["gates"]]

    return judged(one) == judged(other)


def _judged(findings):
    return sorted(
        (each["code"], each["package"], each["wheel"], each["profiles"], bool(each["waived"])) for each in findings
    )


def lines(answers: list) -> list:
    """The answers as lines of at most 118 characters, a long name apart."""
    rows = [_HEADS, *_rows(answers)]
    out = [_headline(answers), "", *pages.table(rows)]
    for one in answers:
        out += ["", one["gate"], *pages.details(_details(one), _LABEL)]
    return out


def markdown(answers: list) -> str:
    """The same as Markdown."""
    out = ["# What the gates found", "", _headline(answers), "", pages.row(_HEADS), pages.row(["---"] * len(_HEADS))]
    out += [pages.row(cells) for cells in _rows(answers)]
    for one in answers:
        out += ["", "## %s" % one["gate"], ""]
        out += ["- **%s**: %s" % (label, _escaped(text)) for label, text in _details(one)]
    return "\n".join(out) + "\n"


def _dumps(answers):
    return json.dumps(paper(answers), indent=2, sort_keys=True) + "\n"


def _in_words(found):
    shown = ["%s (%s): %s" % (each["package"], each["wheel"], each["text"]) for each in found[:_SHOWN]]
    shown += ["and %d more" % (len(found) - _SHOWN)] if len(found) > _SHOWN else []
    return "has %s: %s" % (plural(len(found), "finding"), "; ".join(shown))


def _requested_in(workdir):
    """Where the lines to review lie, if they do: a check run writes none."""
    path = path_of_request(workdir)
    return "; all lines to review are in %s" % path if os.path.exists(path) else ""


def _lies_in(workdir, answers):
    """Where the report lies, if it does: a check run writes none."""
    folder = os.path.join(workdir, FOLDER)
    try:
        written = files.read_limited(os.path.join(folder, "report.json"), _LIMIT) == _dumps(answers).encode("utf-8")
    except FileNotFoundError:
        written = False
    return "; the whole report is %s" % os.path.join(folder, "report.md") if written else ""


def _headline(answers):
    states = [one["state"] for one in answers]
    counts = ["%d %s" % (states.count(state), state) for state in (PASSED, REFUSED, NOT_CHECKED) if state in states]
    return "%s: %s." % (plural(len(answers), "gate"), ", ".join(counts))


def _rows(answers):
    counted = summary(answers)
    for one in answers:
        count = counted[one["gate"]]
        yield (
            one["gate"],
            one["state"],
            "yes" if one["enforced"] else "no",
            str(count["findings"]),
            str(count["waived"]),
        )


def _details(one):
    """``(label, text)`` of everything that is to be said of one gate."""
    for sentence in one["told"]:
        yield "told", sentence
    for each in sorted(one["findings"], key=_place):
        about = "%s: %s (%s; %s): %s" % (
            each["code"],
            each["package"],
            each["wheel"],
            ", ".join(each["profiles"]),
            each["text"],
        )
        yield ("waived", "%s; because: %s" % (about, each["waived"])) if each["waived"] else ("open", about)


def _open(findings):
    return [each for each in findings if not each["waived"]]


def _place(each):
    return bool(each["waived"]), each["package"], each["wheel"], each["code"], each["text"]


def _escaped(text):
    return "".join("\\" + each if each in "\\`*_[]<>|" else each for each in text)
