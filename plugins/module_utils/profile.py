# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile: what a set of hosts needs wheels for, checked once and then trusted everywhere."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from .compat.reductions import REDUCTIONS
from .errors import FerryError

NAME = "[a-z0-9][a-z0-9-]{0,31}"
NAME_IN_WORDS = "1 to 32 lower-case letters, digits and hyphens, no hyphen first"

# What no message may repeat: a text that speaks of a secret, or a URL that carries its credentials.
CONFIDENTIAL = re.compile("passphrase|password|secret|://[^/]*@", re.IGNORECASE)

_OLDEST_PYTHON = (3, 8)
_CHOICES = {
    "os": ("linux", "windows"),
    "arch": ("x86_64", "aarch64"),
    "accelerator": ("none", "cuda"),
}
_KEYS = (*_CHOICES, "libc", "python", "requirements", "constraints", "trim")


class Secret(str):
    """Text that no message may show, whatever it says."""


def found(value, hide=False):
    """Name a value for a message: text and numbers are quoted unless they are confidential, containers never are."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return "a number (not shown)" if hide else "the number %s" % value
    if isinstance(value, str):
        text = str(value)
        if hide or isinstance(value, Secret) or CONFIDENTIAL.search(text):
            return "a string (not shown)"
        # repr keeps the message on one line; str() above because a subclass may bring its own repr
        return "the string %r" % (text if len(text) <= 60 else text[:57] + "...")
    if isinstance(value, dict):
        return "a dictionary"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "a value of type %s" % type(value).__name__


def nearest(name, known, otherwise):
    """The next step for a name that is not known: the nearest one that is, or ``otherwise``."""
    near = difflib.get_close_matches(name, known, n=1) if isinstance(name, str) else []
    return "the nearest known one is %s" % near[0] if near else otherwise


def unknown_key(key, known):
    """Say that a dictionary has a key that nobody knows."""
    known = sorted(known)
    return "expected the keys %s, found the key %r; %s" % (", ".join(known), str(key), nearest(key, known, "remove it"))


@dataclass(frozen=True)
class Profile:
    """``libc`` and ``python`` are floors; ``libc`` is None on Windows, ``python`` always has three parts. ``trim``: a named reduction."""

    name: str
    os: str
    arch: str
    libc: str | None
    python: str
    accelerator: str
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    trim: str | None = None

    @classmethod
    def from_spec(cls, name, spec):
        """Make a profile from its entry in ``ferry_profiles``; FERRY-VAR-004 for anything that is not exactly one."""
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            raise FerryError(
                "FERRY-VAR-004",
                "profile name: expected %s, found %s; rename it." % (NAME_IN_WORDS, found(name)),
            )
        if not isinstance(spec, dict):
            raise FerryError(
                "FERRY-VAR-004",
                "profile %s: expected a dictionary with os, arch, python and accelerator, found %s; write these keys under it."
                % (name, found(spec)),
            )
        reader = _Reader(name, spec)
        reader.refuse_unknown_keys()
        chosen = {key: reader.choice(key) for key in _CHOICES}
        if chosen["arch"] == "aarch64":
            if chosen["os"] == "windows":
                raise reader.refusal(
                    "arch", "x86_64 on windows", "there are no TensorFlow wheels for Windows on aarch64"
                )
            if chosen["accelerator"] == "cuda":
                raise reader.refusal("accelerator", "none on aarch64", "there are no CUDA wheels for aarch64")
        return cls(
            name=str(name),
            libc=reader.libc(chosen["os"]),
            python=reader.python(),
            requirements=reader.strings("requirements"),
            constraints=reader.strings("constraints"),
            trim=reader.trim(),
            **chosen,
        )

    @property
    def python_xy(self):
        """The Python that wheels are tagged for: ``3.11``."""
        return self.python.rpartition(".")[0]

    @property
    def place(self):
        """The system that wheels have to fit, in words: ``linux x86_64 glibc-2.28``."""
        return " ".join(part for part in (self.os, self.arch, self.libc) if part)

    def spec(self):
        """The profile as a bundle's manifest describes it."""
        described = {key: getattr(self, key) for key in ("os", "arch", "libc", "python", "accelerator")}
        return dict(described, trim=self.trim) if self.trim else described


class _Reader:
    """Reads one profile's keys; a refusal names profile, key, expected, found and next step."""

    def __init__(self, name, spec):
        self._name = name
        self._spec = spec

    def refusal(self, key, expected, step):
        return FerryError(
            "FERRY-VAR-004",
            "profile %s, key %s: expected %s, found %s; %s."
            % (self._name, key, expected, found(self._spec.get(key)), step),
        )

    def refuse_unknown_keys(self):
        for key in self._spec:
            if key not in _KEYS:
                raise FerryError("FERRY-VAR-004", "profile %s: %s." % (self._name, unknown_key(key, _KEYS)))

    def choice(self, key):
        value = self._spec.get(key)
        if value not in _CHOICES[key]:
            raise self.refusal(key, " or ".join(_CHOICES[key]), nearest(value, _CHOICES[key], "choose one of them"))
        return str(value)

    def trim(self):
        value = self._spec.get("trim")
        if value is None:
            return None
        if not isinstance(value, str) or value not in REDUCTIONS:
            known = sorted(REDUCTIONS)
            raise self.refusal("trim", " or ".join(known), nearest(value, known, "choose one of them, or leave it out"))
        return str(value)

    def libc(self, os):
        value = self._spec.get("libc")
        if os == "windows":
            if value is not None:
                raise self.refusal("libc", "nothing on windows", "leave it out")
            return None
        if isinstance(value, str) and "musl" in value:
            raise self.refusal("libc", "glibc-2.N", "musl is not supported because TensorFlow has no musl wheels")
        if not isinstance(value, str) or not re.fullmatch("glibc-2[.](0|[1-9][0-9]*)", value):
            raise self.refusal("libc", "glibc-2.N", "write the oldest glibc of its hosts, such as glibc-2.28")
        return str(value)

    def python(self):
        value = self._spec.get("python")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            raise self.refusal(
                "python", "X.Y or X.Y.Z as a string", "quote it, because YAML reads an unquoted 3.10 as the number 3.1"
            )
        if not isinstance(value, str) or not re.fullmatch("[0-9]+[.][0-9]+([.][0-9]+)?", value):
            raise self.refusal("python", "X.Y or X.Y.Z", "write the oldest Python of its hosts, such as '3.11'")
        parts = [int(part) for part in value.split(".")]
        if tuple(parts) < _OLDEST_PYTHON:
            raise self.refusal("python", "%d.%d or newer" % _OLDEST_PYTHON, "give its hosts a newer Python")
        return ".".join(str(part) for part in [*parts, 0][:3])

    def strings(self, key):
        value = self._spec.get(key, [])
        if not isinstance(value, list):
            raise self.refusal(key, "a list of strings", "write it as a YAML list")
        for item in value:
            if not isinstance(item, str) or not item.strip():
                raise FerryError(
                    "FERRY-VAR-004",
                    "profile %s, key %s: expected a list of strings, found %s in it; correct that entry."
                    % (self._name, key, found(item)),
                )
        return tuple(str(item) for item in value)
