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

from ..errors import FerryError

TYPE = "airgap.ferry/gates/v1"
PASSED, REFUSED, NOT_CHECKED = "passed", "refused", "not checked"
# What one message can say; the report has them all.
_SHOWN = 10


def answer(gate: str, enforced: bool, findings: list, told=()) -> dict:
    """The answer of a gate that has judged."""
    open_ones = [finding for finding in findings if not finding["waived"]]
    return {
        "gate": gate,
        "state": REFUSED if open_ones else PASSED,
        "enforced": enforced,
        "findings": findings,
        "told": list(told),
    }


def not_checked(gate: str, why: str, enforced: bool = False) -> dict:
    """The answer of a gate that could not judge, or was not asked to; enforced, it refuses as well."""
    return {"gate": gate, "state": NOT_CHECKED, "enforced": enforced, "findings": [], "told": [why]}


def finding(code: str, package: dict, text: str, waived=None) -> dict:
    """One finding about ``package``; ``text`` is a sentence without a full stop."""
    return {
        "code": code,
        "package": "%s==%s" % (package["name"], package["version"]),
        "wheel": package["wheel"],
        "profiles": sorted(package["profiles"]),
        "text": text,
        "waived": waived,
    }
