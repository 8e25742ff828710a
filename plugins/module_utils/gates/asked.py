# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people write under a package's name for the gates of licences and provenance, judged as far as the standard library can.

check_variables judges it on the controller, before anything happens; the gates judge it again.
"""

from __future__ import annotations

import re

from ..bundle.wheel import normalise
from ..errors import FerryError
from ..profile import found, nearest

PACKAGE = "[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
PACKAGE_IN_WORDS = "a package's name"
# Kind of publisher -> what can be asked of it: its certificates say these. The first has to be.
KINDS = {
    "GitHub": ("repository", "workflow"),
    "GitLab": ("repository", "workflow_filepath"),
    "Google": ("email",),
    "CircleCI": ("project_id", "pipeline_definition_id", "vcs_origin", "vcs_ref"),
}
_OVERRIDE = ("licence", "reason")
# Which words are licences is known to the gate alone.
_EXPRESSION = re.compile(r"[A-Za-z0-9.+() :-]*[A-Za-z0-9][A-Za-z0-9.+() :-]*")


def overrides(written: dict) -> dict:
    """``{normalised name: {"licence", "reason"}}`` of ferry_licences.overrides; FERRY-VAR-002 where it is not written as it must be."""
    return _by_name("ferry_licences.overrides", written, _override)


def publishers(written: dict) -> dict:
    """``{normalised name: its publisher, without the keys that are not set}`` of ferry_provenance.publishers; FERRY-VAR-002 likewise."""
    return _by_name("ferry_provenance.publishers", written, _publisher)


def refused(where: str, expected: str, value, step: str) -> FerryError:
    """FERRY-VAR-002 about what is written at ``where``."""
    return FerryError("FERRY-VAR-002", "%s: expected %s, found %s; %s." % (where, expected, found(value), step))


def _by_name(where, written, judge):
    judged, spelt = {}, {}
    for name, said in written.items():
        if not isinstance(name, str) or not re.fullmatch(PACKAGE, name):
            raise refused(where, "%s as every key" % PACKAGE_IN_WORDS, name, "correct it")
        one = normalise(name)
        if one in judged:
            raise refused("%s.%s" % (where, name), "one entry for a package", spelt[one], "keep one of them")
        judged[one], spelt[one] = judge("%s.%s" % (where, name), said), name
    return judged


def _override(where, said):
    if not isinstance(said, dict) or set(said) != set(_OVERRIDE):
        keys = ", ".join(sorted(map(str, said))) if isinstance(said, dict) else said
        raise refused(where, "the keys licence and reason", keys, "correct it")
    if not isinstance(said["licence"], str) or not _EXPRESSION.fullmatch(said["licence"]):
        raise refused(where + ".licence", "an SPDX expression such as MIT", said["licence"], "correct it")
    if not isinstance(said["reason"], str) or not said["reason"].strip():
        raise refused(where + ".reason", "why it is judged so", said["reason"], "say it")
    return said


def _publisher(where, said):
    kind = said.get("kind") if isinstance(said, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        step = nearest(kind, KINDS, "choose one of them")
        raise refused(where, "a dictionary with kind: " + " or ".join(KINDS), kind, step)
    said = {key: value for key, value in said.items() if value is not None}
    fields = KINDS[kind]
    for key, value in said.items():
        if key != "kind" and key not in fields:
            raise refused(where, "the keys kind, " + ", ".join(fields), key, nearest(key, fields, "remove it"))
        if not isinstance(value, str) or not value.strip():
            raise refused(where, "a text as %s" % key, value, "write it in quotes")
    if fields[0] not in said:
        raise refused(where, "the key %s" % fields[0], None, "add it")
    return said
