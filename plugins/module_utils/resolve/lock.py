# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locking: uv's answer for a profile, checked to be closed, trimmed where asked, and written as one file."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

from . import closure, crosscheck, index, metadata, pylock, resolver, review, target, trim
from .libraries import InvalidRequirement, Requirement, Version
from .resolver import How
from ..bundle import canonical, manifest
from ..bundle.files import read_limited, sha256_bytes, write_durably
from ..errors import FerryError
from ..profile import Profile

SOURCES = "sources.json"
_FORMAT = 1
# How often uv is asked again without the versions that refuse one of the profile's Pythons.
_ROUNDS = 5


def lock_path(workdir: str, name: str) -> str:
    """Where the lock of the profile ``name`` lies."""
    return os.path.join(workdir, "locks", name, pylock.FILE_NAME)


def make(workdir: str, profile: Profile, requirements: list, constraints: list, how: How) -> dict:
    """The lock of ``profile``: the one that is there while its inputs are the same, else a new one; :func:`write` writes it.

    ``requirements`` and ``constraints`` are the bundle's; the profile's own are added. Returns ``{"path", "before": text, "after": text,
    "packages": [...], "trimmed", "note": see review.NOTE, "sources"}``. A new lock is refused with FERRY-LOCK-005 to 009 where it is not
    closed (:mod:`.closure`). Nothing is written but the METADATA cache, and in check mode not even that.
    """
    asked = list(requirements) + list(profile.requirements)
    bounds = list(constraints) + list(profile.constraints)
    _check_strings(profile, asked, bounds)
    path = lock_path(workdir, profile.name)
    inputs = inputs_digest(profile, asked, bounds, how.as_of)
    before, present = "", None
    if os.path.exists(path):
        present = pylock.read(path)
        with open(path, encoding="utf-8") as stream:
            before = stream.read()
    if present and present["inputs"] == inputs and not how.refresh:
        if how.crosscheck:
            crosscheck.check(profile, present["packages"], how)
        note = review.read_note(path, before) or review.no_note(workdir, before, present["packages"])
        kept = {key: present[key] for key in ("packages", "trimmed")}
        return dict(kept, path=path, before=before, after=before, note=note, sources=None)
    preferred = pylock.versions(present) if present and how.prefer == resolver.PREVIOUS else []
    made = _resolve(workdir, profile, asked, bounds, preferred, how)
    after = pylock.write(profile.python, inputs, made["packages"], made["trimmed"]).decode("utf-8")
    note = dict(made["note"], lock=sha256_bytes(after.encode("utf-8")))
    packages = pylock.plain(made["packages"])
    return dict(made, packages=packages, path=path, before=before, after=after, note=note)


def write(answers: list) -> None:
    """Write the locks that :func:`make` gave, those that are new; only when all profiles have one, so that a review is of all of them."""
    for answer in answers:
        folder = os.path.dirname(answer["path"])
        os.makedirs(folder, exist_ok=True)
        if answer["note"]["unchecked"] is not None:
            # Before the lock, whose digest it names: a lock without its note would be taken for one that was brought along.
            review.write_note(answer["path"], answer["note"])
        if answer["after"] != answer["before"]:
            write_durably(os.path.join(folder, SOURCES), canonical.dumps(answer["sources"]))
            write_durably(answer["path"], answer["after"].encode("utf-8"))


def inputs_digest(profile: Profile, requirements: list, constraints: list, as_of: str | None = None) -> str:
    """What a lock is made for, as one digest: the profile, and all that is asked for it, in any order."""
    asked = {"requirements": sorted(requirements), "constraints": sorted(constraints)}
    if as_of:
        asked["as_of"] = as_of
    return sha256_bytes(canonical.dumps(dict(asked, format=_FORMAT, profile=profile.spec())))


def asked_for(workdir: str, profile: Profile, inputs: str | None) -> tuple:
    """``(requirements, constraints)`` that the lock with this ``inputs`` was made for; ``(None, [])`` where nobody noted them.

    A lock that was brought along has no such note, and one whose note is of other inputs has none either.
    """
    path = os.path.join(os.path.dirname(lock_path(workdir, profile.name)), SOURCES)
    try:
        noted = canonical.loads(read_limited(path, manifest.LIMIT), path, manifest.LIMIT)
    except FileNotFoundError:
        return None, []
    canonical.require(isinstance(noted, dict), path, "an object", noted)
    requirements, constraints = noted.get("requirements"), noted.get("constraints")
    for texts in (requirements, constraints):
        strings = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
        canonical.require(texts is None or strings, path, "lists of strings", texts)
    if requirements is None or constraints is None:
        return None, []
    if inputs_digest(profile, requirements, constraints, noted.get("as_of")) != inputs:
        return None, []
    return requirements, constraints


def _check_strings(profile, requirements, constraints):
    if not requirements:
        raise FerryError(
            "FERRY-VAR-005",
            "profile %s has nothing to lock; set ferry_requirements, or requirements in the profile." % profile.name,
        )
    for text in requirements + constraints:
        try:
            parsed = Requirement(text)
        except InvalidRequirement as error:
            raise FerryError(
                "FERRY-LOCK-004",
                "%r for profile %s is no requirement: %s; write name, extras and version."
                % (text, profile.name, str(error).split("\n", maxsplit=1)[0]),
            )
        if parsed.url:
            raise FerryError(
                "FERRY-LOCK-004",
                "%r for profile %s names an address; put the wheel on the index and name it by version."
                % (index.scrub(text), profile.name),
            )


def _resolve(workdir, profile, asked, bounds, preferred, how):
    """A new lock as ``{"packages", "trimmed", "sources", "note"}``; its packages with url and size."""
    # A dry run writes nothing, not even what is only cache.
    keep = not how.check_mode
    packages, texts, excluded = _resolve_closed(workdir, profile, asked, bounds, how, keep, preferred)
    sizes = metadata.sizes(packages, how.environment)
    packages = [dict(package, size=sizes[package["wheel"]]) for package in packages]
    packages, trimmed = trim.apply(profile, asked, packages, texts)
    if how.crosscheck:
        crosscheck.check(profile, packages, how)
    sources = {
        "index": index.shown(how.environment),
        "wheels": {package["wheel"]: index.without_credentials(package["url"]) for package in packages},
        "requirements": sorted(asked),
        "constraints": sorted(bounds),
        "excluded": [entry["constraint"] for entry in excluded],
        "as_of": how.as_of,
        "crosschecked": index.without_credentials(how.crosscheck) if how.crosscheck else None,
    }
    note = {
        "sizes": {package["wheel"]: package["size"] for package in packages},
        "held_back": _held_back(profile, asked, bounds, preferred, packages, how),
        "excluded": excluded,
        "unchecked": sorted(package["wheel"] for package in packages if texts[package["wheel"]] is None),
    }
    return {"packages": packages, "trimmed": trimmed, "sources": sources, "note": note}


def _held_back(profile, asked, bounds, preferred, packages, how):
    """What a floor of X.Y.0 costs: ``{package: [locked, what the newest X.Y would take]}``; empty for every other floor, None if not known."""
    floor, newest = target.pythons(profile)[0], target.pythons(profile)[-1]
    if not floor.endswith(".0") or newest == floor:
        return {}
    try:
        at_newest = resolver.resolve(dataclasses.replace(profile, python=newest), asked, bounds, how, preferred)
    except FerryError as error:
        if error.code not in ("FERRY-LOCK-001", "FERRY-LOCK-002"):
            raise
        return None  # it only informs, and the lock is good without it
    versions = {package["name"]: package["version"] for package in at_newest}
    locked = {package["name"]: package["version"] for package in packages}
    return {
        name: [locked[name], versions[name]]
        for name in sorted(locked)
        if versions.get(name, locked[name]) != locked[name]
    }


def _resolve_closed(workdir, profile, requirements, constraints, how, keep, preferred):
    """``(packages, {wheel: METADATA}, excluded)`` of a lock that is closed."""
    excluded: list = []
    found: list = []
    for rounds_left in range(_ROUNDS, -1, -1):
        bounds = constraints + [entry["constraint"] for entry in excluded]
        try:
            packages = resolver.resolve(profile, requirements, bounds, how, preferred)
        except FerryError as error:
            if found and error.code in ("FERRY-LOCK-001", "FERRY-LOCK-002"):
                # Without these versions there is no lock, so what is wrong with them is the reason.
                raise closure.refusal(profile, found)
            raise
        texts = metadata.fetch(workdir, packages, how.environment, keep)
        found = closure.problems(profile, requirements, constraints, texts)
        if not found:
            return packages, texts, excluded
        if not rounds_left or any(problem.kind != closure.REFUSES_PYTHON for problem in found):
            break
        excluded += [_exclusion(profile, problem, how.environment) for problem in found]
    raise closure.refusal(profile, found)


def _exclusion(profile, problem, environment):
    """Keep the version of ``problem`` out, and with it the older ones that refuse the same Python: pip reads that from the index's page.

    uv has no regard for exclusions such as ``!=3.9.1`` and would take them one by one: 25 versions of cryptography.
    """
    command = [sys.executable, "-m", "pip", "index", "versions", problem.package, "--json", "--only-binary", ":all:"]
    command += ["--python-version", problem.python]
    for platform in target.platforms(profile):
        command += ["--platform", platform]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, text=True, env=environment
    )
    constraint = "%s!=%s" % (problem.package, problem.version)
    if done.returncode == 0:
        accepted = [Version(text) for text in json.loads(done.stdout)["versions"]]
        older = [version for version in accepted if version < Version(problem.version)]
        # Where the page says nothing of Pythons, pip lists the refused version too, and its word is worth nothing.
        if older and Version(problem.version) not in accepted:
            constraint = "%s<=%s" % (problem.package, max(older))
    told = {"package": problem.package, "version": problem.version, "python": problem.python}
    return dict(told, constraint=constraint)
