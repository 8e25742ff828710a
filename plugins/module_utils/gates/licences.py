# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Licences: a wheel passes where its SPDX expression can be met by licences of the allowed list. What is not known is not allowed.

Of ``A OR B`` one has to be allowed, of ``A AND B`` both. ``A WITH B`` has to be allowed as written: ``A`` alone does not allow it, and it
does not allow ``A``. ``GPL-3.0-or-later`` and ``GPL-3.0-only`` are two licences. An override is a person's judgement of a package, with a
reason; it stands in the report as such.
"""

from __future__ import annotations

import collections

from . import asked, report
from ..errors import FerryError
from ..resolve import licence_text
from ..resolve.libraries import Licensing

NAME = "licences"


def check(packages: list, allowed: list, overrides: dict, enforced: bool) -> dict:
    """The gate's answer about ``packages``, each with ``licence`` as :func:`.licence_text.of` gives it.

    ``allowed``: SPDX identifiers, and pairs ``X WITH Y``. ``overrides``: ``{package name: {"licence": SPDX expression, "reason"}}``.
    """
    permitted, judged = read(allowed, overrides)
    if not permitted:
        return report.not_checked(NAME, "ferry_licences.allowed names no licence", enforced)
    findings = []
    counted: collections.Counter = collections.Counter()
    for package in packages:
        said = package["licence"]
        licence, reason = judged.get(package["name"], (said["expression"], None))
        counted[licence or "unknown"] += 1
        found = _judge(package, said, licence, reason, permitted)
        if found:
            findings.append(found)
    told = ["licences of %d wheels: %s" % (len(packages), _in_words(counted))] if packages else []
    unused = sorted(set(judged) - {package["name"] for package in packages})
    if unused:
        told.append("ferry_licences.overrides judges what is not locked: %s" % ", ".join(unused))
    return report.answer(NAME, enforced, findings, told)


def read(allowed: list, overrides: dict) -> tuple:
    """``(licences that are allowed, {normalised package name: (expression, reason)})``; FERRY-VAR-002 where one is not written as it must be."""
    permitted = {_allowed(number, entry) for number, entry in enumerate(allowed)}
    return permitted, {name: _override(name, said) for name, said in asked.overrides(overrides).items()}


def missing(expression: str, allowed: set) -> list:
    """The licences that ``expression`` (canonical) needs and ``allowed`` lacks; of a choice, those of the branch that lacks fewest."""
    return _missing(Licensing().parse(expression, simple=True), allowed)


def _missing(tree, allowed):
    branches = [_missing(branch, allowed) for branch in getattr(tree, "args", ())]
    if not branches:
        name = tree.render()
        return [] if name in allowed else [name]
    if tree.operator.strip() == "OR":
        return min(branches, key=len)
    return list(dict.fromkeys(name for branch in branches for name in branch))


def _judge(package, said, licence, reason, allowed):
    metadata = (
        'its METADATA says "%s" (%s)' % (said["said"], said["source"])
        if said["source"]
        else "its METADATA says nothing of a licence"
    )
    if licence is None:
        return report.finding(
            "FERRY-GATE-005", package, "%s, which names no one licence" % metadata if said["source"] else metadata
        )
    lacking = missing(licence, allowed)
    if reason is None:
        text = "%s; not allowed: %s" % (metadata, ", ".join(lacking))
        return report.finding("FERRY-GATE-004", package, text) if lacking else None
    text = "%s; judged as %s" % (metadata, licence)
    if lacking:
        return report.finding("FERRY-GATE-004", package, "%s; not allowed: %s" % (text, ", ".join(lacking)))
    if licence == said["expression"]:
        return None
    return report.finding("FERRY-GATE-004" if said["expression"] else "FERRY-GATE-005", package, text, waived=reason)


def _allowed(number, entry):
    found = licence_text.expression(entry)
    if found is None or {"AND", "OR"} & set(found.split()):
        raise FerryError(
            "FERRY-VAR-002",
            "ferry_licences.allowed[%d]: expected one SPDX licence identifier such as MIT, found %r; correct it."
            % (number, entry),
        )
    return found


def _override(name, said):
    licence = licence_text.expression(said["licence"])
    if licence is None:
        where = "ferry_licences.overrides.%s.licence" % name
        raise asked.refused(where, "an SPDX expression such as MIT", said["licence"], "correct it")
    return licence, said["reason"].strip()


def _in_words(counted):
    return ", ".join(
        "%d %s" % (count, name) for name, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    )
