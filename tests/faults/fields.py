# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every field of statement and manifest, other values that look as good, and what becomes of each where a trusted builder signs it.

Without that builder's signature every one of them is refused: FERRY-BUNDLE-002 (statement) or FERRY-BUNDLE-004 (manifest). A test holds
all of this, and that no field of a real bundle lacks a row; docs/faults.md shows it. ``*`` is any name, ``[]`` any item.
"""

from __future__ import annotations

HARMLESS = "harmless"
_DAY = 86400
CREATED = 1_795_000_000


class Row:
    """``change(value)`` gives another value of ``field`` (for a name, ``change(name)`` another name; None takes it out)."""

    def __init__(self, document, field, words, change, outcome, reason, name=False):
        self.document, self.field, self.words, self.change = document, field, words, change
        self.outcome, self.reason, self.name = outcome, reason, name

    def __str__(self):
        return "%s-%s-%s" % (self.document, self.field, self.words)


def _other_digest(value):
    return value[::-1] if value != value[::-1] else "0" * 64


def _text(seconds):
    import datetime

    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


_ARCH = {"x86_64": "aarch64", "aarch64": "x86_64"}


def _minor(value, step):
    major, minor, patch = value.split(".")
    return "%s.%d.%s" % (major, int(minor) + step, patch)


STATEMENT = [
    Row("statement", "type", "v2", lambda value: value[:-1] + "2", "FERRY-BUNDLE-007", "no other type is known"),
    Row(
        "statement",
        "name",
        "torch",
        lambda value: "torch",
        "FERRY-BUNDLE-007",
        "the depot asks for a name, and this is another",
    ),
    Row(
        "statement",
        "serial",
        "one more",
        lambda value: value + 1,
        "FERRY-BUNDLE-008",
        "it is not the one that the folder is called by",
    ),
    Row(
        "statement",
        "serial",
        "days ahead",
        lambda value: value + 3 * _DAY,
        "FERRY-BUNDLE-009",
        "absurd by the depot's clock",
    ),
    Row(
        "statement",
        "created",
        "days ahead",
        lambda value: _text(CREATED + 3 * _DAY),
        "FERRY-BUNDLE-009",
        "from the future",
    ),
    Row(
        "statement",
        "created",
        "a minute earlier",
        lambda value: _text(CREATED - 60),
        HARMLESS,
        "it is told to people; which bundle is newer says the serial alone",
    ),
    Row("statement", "expires", "past", lambda value: _text(CREATED), "FERRY-BUNDLE-009", "expired"),
    Row(
        "statement",
        "expires",
        "in a year",
        lambda value: _text(CREATED + 365 * _DAY),
        HARMLESS,
        "the builder may set an end or none; a depot that has its own view of age has the serial",
    ),
    Row(
        "statement",
        "builder",
        "somebody else",
        lambda value: "somebody@else",
        HARMLESS,
        "it is told to people; who signed says the key, and the record shows both",
    ),
    Row(
        "statement",
        "previous",
        "another id",
        lambda value: "ab" * 32,
        HARMLESS,
        "it is told to people; nothing is looked up by it",
    ),
    Row(
        "statement",
        "files.*",
        "another name",
        lambda value: value + "2",
        "FERRY-BUNDLE-007",
        "its files are a closed list",
        name=True,
    ),
    Row(
        "statement",
        "files.*",
        "taken out",
        lambda value: None,
        "FERRY-BUNDLE-007",
        "its files are a closed list",
        name=True,
    ),
    Row(
        "statement",
        "files.*.size",
        "one more",
        lambda value: value + 1,
        "FERRY-BUNDLE-004",
        "the file has another size",
    ),
    Row("statement", "files.*.sha256", "another", _other_digest, "FERRY-BUNDLE-004", "the file has another hash"),
]

MANIFEST = [
    Row("manifest", "type", "v2", lambda value: value[:-1] + "2", "FERRY-BUNDLE-007", "no other type is known"),
    Row(
        "manifest",
        "profiles.*",
        "another name",
        lambda value: "gpu",
        "FERRY-BUNDLE-007",
        "its papers lie under its name",
        name=True,
    ),
    Row(
        "manifest",
        "profiles.*",
        "taken out",
        lambda value: None,
        "FERRY-BUNDLE-007",
        "there is no bundle without a profile",
        name=True,
    ),
    Row("manifest", "profiles.*.os", "windows", lambda value: "windows", "FERRY-BUNDLE-007", "no libc goes with it"),
    Row("manifest", "profiles.*.arch", "the other", _ARCH.get, "FERRY-WHEEL-006", "a wheel has other tags"),
    Row(
        "manifest",
        "profiles.*.libc",
        "older",
        lambda value: "glibc-2.16",
        "FERRY-WHEEL-006",
        "a wheel asks for a newer one",
    ),
    Row(
        "manifest",
        "profiles.*.libc",
        "newer",
        lambda value: "glibc-2.999",
        HARMLESS,
        "a higher floor: hosts below it refuse it before anything is written (FERRY-HOST-002)",
    ),
    Row(
        "manifest",
        "profiles.*.python",
        "another minor",
        lambda value: _minor(value, 1),
        "FERRY-WHEEL-006",
        "a wheel has other tags",
    ),
    Row(
        "manifest",
        "profiles.*.python",
        "a later patch",
        lambda value: value[:-1] + "1",
        HARMLESS,
        "a higher floor: hosts below it refuse it before anything is written (FERRY-HOST-001)",
    ),
    Row(
        "manifest",
        "profiles.*.accelerator",
        "cuda",
        lambda value: "cuda",
        HARMLESS,
        "what GPUs a host must show is judged by the inventory, never by the bundle",
    ),
    Row(
        "manifest",
        "profiles.*.requires.avx",
        "the other",
        lambda value: not value,
        HARMLESS,
        "a host without AVX refuses before, or its import dies in the check before the switch (FERRY-GPU-001)",
    ),
    Row(
        "manifest",
        "profiles.*.requires.driver",
        "a version",
        lambda value: "525.60.13",
        HARMLESS,
        "no host is judged by it: the driver itself is asked",
    ),
    Row(
        "manifest",
        "profiles.*.lock",
        "another file",
        lambda value: value[:-1] + "x",
        "FERRY-BUNDLE-007",
        "it has one place",
    ),
    Row(
        "manifest",
        "profiles.*.requirements",
        "another file",
        lambda value: value[:-1] + "x",
        "FERRY-BUNDLE-007",
        "it has one place",
    ),
    Row(
        "manifest",
        "profiles.*.sbom",
        "another file",
        lambda value: value[:-1] + "x",
        "FERRY-BUNDLE-007",
        "it has one place",
    ),
    Row(
        "manifest",
        "profiles.*.trim",
        "another name",
        lambda value: "other",
        HARMLESS,
        "it names what was left out, for the record; what is installed is the same",
    ),
    Row(
        "manifest",
        "profiles.*.wheels[]",
        "one that is not there",
        lambda value: value.replace("-", "x-", 1),
        "FERRY-BUNDLE-007",
        "only listed files",
    ),
    Row(
        "manifest",
        "profiles.*.wheels[]",
        "taken out",
        lambda value: None,
        HARMLESS,
        "requirements.txt still asks for it, with its hash and without an index: the host's installer refuses (FERRY-INSTALL-001), "
        "the live release stays",
    ),
    Row(
        "manifest",
        "profiles.*.installers.*",
        "another wheel",
        lambda value: value.replace("-", "x-", 1),
        "FERRY-BUNDLE-007",
        "only listed files",
    ),
    Row(
        "manifest",
        "profiles.*.installers.*",
        "the other's",
        lambda value: "tools/uv-0.13.9-py3-none-any.whl",
        HARMLESS,
        "a signed file of this bundle that is no pip: the host's installer fails (FERRY-INSTALL-001), the live release stays",
    ),
    Row(
        "manifest",
        "files.*",
        "another name",
        lambda value: value + "x",
        ("FERRY-BUNDLE-006", "FERRY-BUNDLE-007"),
        "the file is not there, or a profile asks for it",
        name=True,
    ),
    Row(
        "manifest",
        "files.*",
        "taken out",
        lambda value: None,
        ("FERRY-BUNDLE-005", "FERRY-BUNDLE-007"),
        "a file that no list names, or that a profile asks for",
        name=True,
    ),
    Row(
        "manifest", "files.*.size", "one more", lambda value: value + 1, "FERRY-BUNDLE-004", "the file has another size"
    ),
    Row("manifest", "files.*.sha256", "another", _other_digest, "FERRY-BUNDLE-004", "the file has another hash"),
]


def places(value, path=(), field=""):
    """``[(path to it, name of the field)]`` of every name and value in a document; for a name that is free the path to it twice."""
    free = field in ("files", "profiles", "profiles.*.installers")
    found = []
    if isinstance(value, dict):
        for key, item in value.items():
            inner = "%s.%s" % (field, "*" if free else key) if field else key
            if free and field != "profiles.*.installers":
                found.append(((*path, key), inner))
            found += places(item, (*path, key), inner)
        return found
    if isinstance(value, list):
        return [((*path, number), field + "[]") for number in range(len(value))]
    return [(path, field)]
