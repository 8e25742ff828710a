# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One case put to our own code, and what differs from what cases.py says; the live run and the replay both go through here."""

from __future__ import annotations

import fnmatch
import os
import sys

from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.profile import Profile
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import lock, resolver, review, verdicts

UV = [os.path.join(os.path.dirname(sys.executable), "uv")]


def put(case, workdir, environment, backwards=False):
    """What lock.yml would do: ``{"packages": [...], "lock": text, "warned": {codes}}`` or ``{"refused": code, "message": text}``.

    ``backwards`` names the requirements and constraints in the other order.
    """
    step = -1 if backwards else 1
    requirements = list(case["requirements"])[::step]
    constraints = list(case.get("constraints", ()))[::step]
    try:
        profile = Profile.from_spec("case", case["profile"])
        judged = verdicts.judge_all([profile], requirements, constraints)[profile.name]
        locked = _lock(workdir, profile, requirements, constraints, environment)
        judged = verdicts.of_lock(profile, judged, review.wheels_of(locked))
    except FerryError as error:
        return {"refused": error.code, "message": error.message}
    warned = {verdict["code"] for verdict in judged if verdict["level"] == "risky"}
    return {"packages": locked["packages"], "lock": locked["after"], "warned": warned}


def _lock(workdir, profile, requirements, constraints, environment):
    how = resolver.How(uv=UV, environment=environment)
    return lock.make(workdir, profile, requirements, constraints, how)


def differences(case, answer):
    """One sentence for each thing in which ``answer`` is not what ``case`` says; none where all is right."""
    if "refused" in answer or "refused" in case:
        expected, found = case.get("refused"), answer.get("refused")
        if expected == found:
            return []
        return ["refused: expected %s, found %s: %s" % (expected, found, answer.get("message", "a lock"))]
    packages = answer["packages"]
    found = []
    if len(packages) != case.get("wheels"):
        found.append("wheels: expected %s, found %d" % (case.get("wheels"), len(packages)))
    found += ["has: expected %s, not found" % one for one in case.get("has", ()) if not _matching(one, packages)]
    found += ["warns: expected %s, not found" % one for one in case.get("warns", ()) if one not in answer["warned"]]
    found += [
        "lacks: expected nothing for %s, found %s" % (one, _matching(one, packages)[0])
        for one in case.get("lacks", ())
        if _matching(one, packages)
    ]
    return found


def _matching(wanted, packages):
    """The wheels of ``packages`` that a normalised name, or a pattern of wheel file names, stands for."""
    if "*" in wanted or wanted.endswith(".whl"):
        return fnmatch.filter([package["wheel"] for package in packages], wanted)
    return [package["wheel"] for package in packages if package["name"] == wanted]
