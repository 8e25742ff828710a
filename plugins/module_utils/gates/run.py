# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All gates in a row, each asked as early as it can answer: those that read locks before anything is downloaded.

``asked`` is ``{"approvals", "licences", "advisories", "provenance": what the operator set of that gate, or None}``.
"""

from __future__ import annotations

import datetime

from . import advisories, approvals, licences, provenance, report
from ..resolve import installers, licence_text


def packages_of(locked: dict, profiles: list) -> list:
    """Every wheel that the bundle is to hold once, in the shape that gates are asked in: what is locked, and the pip and uv that are carried.

    ``locked`` is ``{profile name: its packages}``.
    """
    found: dict = {}
    for profile in profiles:
        for package in (*locked[profile.name], *installers.installers(profile)):
            known = found.setdefault((package["wheel"], package["sha256"]), dict(package, profiles=[]))
            if profile.name not in known["profiles"]:
                known["profiles"].append(profile.name)
    return [found[key] for key in sorted(found)]


def on_locks(asked: dict, packages: list, environment: dict) -> list:
    """The answers of the gates that need names, versions and digests alone; what is written wrongly for a later gate is refused now."""
    if asked["licences"] is not None:
        licences.read(asked["licences"]["allowed"], asked["licences"]["overrides"])
    today = datetime.datetime.now(datetime.timezone.utc).date()

    def look(of):
        return advisories.check(packages, of["data"], of["waivers"], today, of["enforce"], of["max_age_days"])

    def trace(of):
        return provenance.check(packages, environment, of["required"], of["publishers"], of["enforce"])

    return [
        _ask(asked, "approvals", lambda of: approvals.check(packages, of["files"], of["enforce"])),
        _ask(asked, "advisories", look),
        _ask(asked, "provenance", trace),
    ]


def on_wheels(asked: dict, packages: list, texts) -> dict:
    """The answer of the gate that needs METADATA: ``texts`` is ``{wheel: METADATA}``, or None as long as the wheels are not there."""

    def check(of):
        if texts is None:
            return report.not_checked("licences", "it is asked when the wheels are there")
        told = [dict(package, licence=licence_text.of(texts[package["wheel"]])) for package in packages]
        return licences.check(told, of["allowed"], of["overrides"], of["enforce"])

    return _ask(asked, "licences", check)


def _ask(asked, gate, check):
    if asked[gate] is None:
        return report.not_checked(gate, "ferry_%s is not set" % gate)
    return check(asked[gate])
