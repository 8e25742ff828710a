# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement: the small paper that is signed. It says which manifest, who, when, and which serial."""

from __future__ import annotations

import datetime
import re

from . import canonical, manifest
from ..errors import FerryError

TYPE = "airgap.ferry/statement/v1"
NAME = "statement.json"
SOURCES = "sources.json"
GATES = "gates.json"
LIMIT = 64 << 10
SIGNED = (manifest.NAME, manifest.SUMS, SOURCES, GATES)
_KEYS = {"type", "name", "serial", "created", "expires", "builder", "previous", "files"}
_BUNDLE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
MAX_SERIAL = (1 << 40) - 1
_DAY = 86400


def build(name: str, serial: int, created: int, builder: str, previous, files: dict, expires=None) -> bytes:
    """The statement's bytes; ``created`` and ``expires`` in seconds since the epoch (UTC), ``previous`` a bundle id or None."""
    data = canonical.dumps(
        {
            "type": TYPE,
            "name": name,
            "serial": serial,
            "created": to_text(created),
            "expires": None if expires is None else to_text(expires),
            "builder": builder,
            "previous": previous,
            "files": files,
        }
    )
    parse(data)
    return data


def parse(data: bytes) -> dict:
    """Read a statement strictly; FERRY-BUNDLE-007 for anything unknown, missing or out of range."""
    statement = canonical.loads(data, NAME, LIMIT)

    def need(condition, expected, found):
        canonical.require(condition, NAME, expected, found)

    need(isinstance(statement, dict) and set(statement) == _KEYS, "the keys %s" % sorted(_KEYS), statement)
    need(statement["type"] == TYPE, "the type %s" % TYPE, statement["type"])
    need(
        isinstance(statement["name"], str) and _BUNDLE.fullmatch(statement["name"]) is not None,
        "a bundle name",
        statement["name"],
    )
    serial = statement["serial"]
    need(isinstance(serial, int) and not isinstance(serial, bool) and 0 < serial <= MAX_SERIAL, "a serial", serial)
    for key in ("created", "expires"):
        if key == "created" or statement[key] is not None:
            need(to_seconds(statement[key]) is not None, "a time in %s" % key, statement[key])
    builder = statement["builder"]
    need(isinstance(builder, str) and 0 < len(builder) <= 128 and builder.isprintable(), "a builder", builder)
    previous = statement["previous"]
    need(
        previous is None or isinstance(previous, str) and manifest.DIGEST.fullmatch(previous) is not None,
        "a bundle id in previous",
        previous,
    )
    need(
        isinstance(statement["files"], dict) and set(statement["files"]) == set(SIGNED),
        "the files %s" % sorted(SIGNED),
        statement["files"],
    )
    for path, entry in statement["files"].items():
        manifest.check_file_entry(NAME, path, entry)
    return statement


def latest(now: float) -> float:
    """The highest serial, and the latest time, that a depot believes whose clock says ``now``: clocks differ, and not by more than a day."""
    return now + _DAY


def check_time(statement: dict, now: float) -> None:
    """Refuse what is expired or from the future by more than a day (FERRY-BUNDLE-009); only a depot that opens asks this."""
    created, expires = to_seconds(statement["created"]), statement["expires"]
    if max(created, statement["serial"]) > latest(now):
        raise FerryError(
            "FERRY-BUNDLE-009",
            "bundle %s was made at %s with serial %d, more than a day after this depot's clock (%s); check both clocks."
            % (statement["name"], statement["created"], statement["serial"], to_text(int(now))),
        )
    if expires is not None and to_seconds(expires) <= now:
        raise FerryError(
            "FERRY-BUNDLE-009",
            "bundle %s expired at %s and this depot's clock says %s; have it built again."
            % (statement["name"], expires, to_text(int(now))),
        )


def to_text(seconds: int) -> str:
    """UTC, like 2026-11-22T16:00:00Z."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_seconds(text):
    """The reverse of :func:`to_text`; None for any other spelling."""
    try:
        moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    except (TypeError, ValueError):
        return None
    seconds = int(moment.timestamp())
    return seconds if to_text(seconds) == text else None
