# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a lock is whole for the hosts of its profile, judged from the wheels' own METADATA and not by the resolver that made it.

Pure functions: everything that they judge is given. A lock is closed where, at the floor of the profile's Python and at the newest
known patch, nothing is missing, nothing is in conflict, nothing refuses that Python, every wheel fits, and something asks for each.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import index, target
from .libraries import (
    InvalidRequirement,
    InvalidSpecifier,
    InvalidVersion,
    InvalidWheelFilename,
    Requirement,
    SpecifierSet,
    UndefinedComparison,
    UndefinedEnvironmentName,
    Version,
    canonicalize_name,
    parse_email,
    parse_wheel_filename,
)
from ..errors import FerryError
from ..profile import Profile

# Kinds of problems, the one that explains the others first; each with its code and the next step.
MISFIT, MISSING, CONFLICT, REFUSES_PYTHON, EXTRA = "misfit", "missing", "conflict", "refuses-python", "extra"
_KINDS = {
    MISFIT: ("FERRY-LOCK-009", "choose other versions, or correct the profile"),
    MISSING: ("FERRY-LOCK-005", "lock again with ferry_lock_refresh, or name what is missing in ferry_requirements"),
    CONFLICT: (
        "FERRY-LOCK-006",
        "lock again with ferry_lock_refresh, or correct ferry_requirements and ferry_constraints",
    ),
    REFUSES_PYTHON: ("FERRY-LOCK-007", "choose another version in ferry_constraints, or raise the profile's python"),
    EXTRA: ("FERRY-LOCK-008", "lock again with ferry_lock_refresh, or name it in ferry_requirements"),
}
_SHOWN = 6
_OPERATOR = "ferry_requirements"


@dataclass(frozen=True)
class Problem:
    """What is wrong with one ``package`` (normalised name): ``text`` says it; ``python`` is the X.Y.Z that it was seen at."""

    kind: str
    package: str
    text: str
    version: str | None = None
    python: str | None = None
    # The wheel that asks for what is missing; None where the operator does.
    asker: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """What a reduction took out on purpose: these ``names`` are not missed where one of ``askers`` alone asks for them."""

    names: frozenset = frozenset()
    askers: frozenset = frozenset()


@dataclass
class _Wheel:
    name: str
    version: Version
    # False where the METADATA is not known: what it asks for cannot be judged.
    known: bool = False
    requires: list = field(default_factory=list)
    extras: set = field(default_factory=set)
    requires_python: SpecifierSet | None = None


def check(profile: Profile, requirements: list | None, constraints: list, metadata: dict, left_out=LeftOut()) -> None:
    """Refuse (FERRY-LOCK-005 to 009) a lock in which :func:`problems` finds any."""
    found = problems(profile, requirements, constraints, metadata, left_out)
    if found:
        raise refusal(profile, found)


def problems(
    profile: Profile, requirements: list | None, constraints: list, metadata: dict, left_out: LeftOut = LeftOut()
) -> list:
    """The :class:`Problem` list of a lock; empty where it is closed.

    ``requirements`` and ``constraints`` are requirement strings; None instead of requirements means that what was asked for is not known,
    and that no wheel is called extra. ``metadata``: ``{wheel file name: METADATA text, or None where it is not known}``; where one is not
    known, what it asks for is not judged, and nothing is called extra. In a lock from which something was ``left_out``
    (:mod:`.trim`) nothing is called extra: what only those asked for stays in it, and their METADATA is not there.
    """
    found: list = []
    wheels = _read(profile, metadata, found)
    asker, asked = ("the lock", list(wheels)) if requirements is None else (_OPERATOR, requirements)
    roots = [(Requirement(text), asker) for text in asked]
    bounds = [Requirement(text) for text in constraints]
    reached: set = set()
    for python in target.pythons(profile):
        environment = target.marker_environment(profile, python)
        reached |= _follow(wheels, roots, environment, found)
        _bound(wheels, bounds, environment, found)
        for wheel in wheels.values():
            # Every wheel of a lock is installed on every host of its profile, so each has to accept each Python.
            if wheel.requires_python is not None and not wheel.requires_python.contains(python, prereleases=True):
                text = "%s %s has Requires-Python %s" % (wheel.name, wheel.version, wheel.requires_python)
                found.append(Problem(REFUSES_PYTHON, wheel.name, text, str(wheel.version), python))
    found = [problem for problem in found if not _is_excused(problem, left_out)]
    if not left_out.names and all(wheel.known for wheel in wheels.values()):
        for name in sorted(set(wheels) - reached):
            found.append(Problem(EXTRA, name, "nothing asks for %s %s" % (name, wheels[name].version)))
    return sorted(_once(found), key=lambda problem: (list(_KINDS).index(problem.kind), problem.package))


def _is_excused(problem, left_out):
    return problem.kind == MISSING and problem.package in left_out.names and problem.asker in left_out.askers


def reached(profile: Profile, requirements: list, metadata: dict) -> set:
    """The normalised names that ``requirements`` lead to, at any Python that the lock is checked for; parameters as in :func:`problems`."""
    wheels = _read(profile, metadata, [])
    roots = [(Requirement(text), _OPERATOR) for text in requirements]
    environments = [target.marker_environment(profile, python) for python in target.pythons(profile)]
    return set().union(*(_follow(wheels, roots, environment, []) for environment in environments))


def asks(profile: Profile, metadata: dict) -> dict:
    """``{normalised name: set of the names that it asks for}`` among the wheels of a lock, at any Python that it is checked for.

    The wheels alone say it: extras that they ask of each other are followed, those that only the operator asked for are not.
    """
    wheels = _read(profile, metadata, [])
    roots = [(Requirement(name), "the lock") for name in wheels]
    asked: dict = {name: set() for name in wheels}
    for python in target.pythons(profile):
        _follow(wheels, roots, target.marker_environment(profile, python), [], asked)
    return {name: names - {name} for name, names in asked.items()}


def refusal(profile: Profile, found: list) -> FerryError:
    """The one error for ``found``: the code and the next step of its first problem, and what is wrong in all of them."""
    code, step = _KINDS[found[0].kind]
    said = [problem.text + (" (Python %s)" % problem.python if problem.python else "") for problem in found[:_SHOWN]]
    if len(found) > _SHOWN:
        said.append("and %d more like these" % (len(found) - _SHOWN))
    return FerryError(
        code,
        "profile %s: expected a lock that is whole for its hosts, found: %s; %s."
        % (profile.name, index.scrub("; ".join(said)), step),
    )


def _once(found):
    """The problems that both Pythons have are told once, with the floor."""
    return list({(problem.kind, problem.package, problem.text): problem for problem in reversed(found)}.values())


def _read(profile, metadata, found):
    """``{normalised name: _Wheel}``; what does not fit the profile or is no sound wheel goes to ``found``."""
    accepted = set(target.wheel_tags(profile))
    wheels: dict = {}
    files: dict = {}
    for file, text in sorted(metadata.items()):
        try:
            name, version, _build, tags = parse_wheel_filename(file)
        except (InvalidWheelFilename, InvalidVersion):
            found.append(Problem(MISFIT, file, "%s is not a wheel" % file))
            continue
        if tags.isdisjoint(accepted):
            text_ = "%s does not fit CPython %s on %s" % (file, profile.python_xy, profile.place)
            found.append(Problem(MISFIT, name, text_))
        if name in wheels:
            found.append(Problem(CONFLICT, name, "%s is locked twice: %s and %s" % (name, files[name], file)))
            continue
        files[name] = file
        wheels[name] = _Wheel(name, version)
        if text is not None:
            _describe(wheels[name], file, text, found)
    return wheels


def _describe(wheel, file, text, found):
    raw, _unparsed = parse_email(text)
    try:
        same = canonicalize_name(raw.get("name", "")) == wheel.name and Version(raw.get("version", "")) == wheel.version
    except InvalidVersion:
        same = False
    if not same:
        told = "%s %s" % (raw.get("name", "no name"), raw.get("version", "without a version"))
        found.append(Problem(MISFIT, wheel.name, "%s holds the METADATA of %s" % (file, told)))
        return
    wheel.known = True
    for entry in raw.get("requires_dist", []):
        try:
            wheel.requires.append(Requirement(entry))
        except InvalidRequirement:
            found.append(Problem(MISFIT, wheel.name, "%s asks for %r, which is no requirement" % (file, entry)))
    wheel.extras = {canonicalize_name(extra) for extra in raw.get("provides_extra", [])}
    try:
        wheel.requires_python = SpecifierSet(raw.get("requires_python", ""))
    except InvalidSpecifier:
        # Old packages have a ">=3.6.*" that no rule reads; pip and uv install them, so this is no reason to refuse.
        wheel.requires_python = None


def _follow(wheels, roots, environment, found, asked=None):
    """The names that ``roots`` lead to under ``environment``, extras and what they ask for included; ``asked`` gains who asks for which."""
    python = environment["python_full_version"]
    followed: dict = {}
    queue = [(requirement, asker, None, {""}) for requirement, asker in roots]
    while queue:
        requirement, asker, asked_by, extras = queue.pop()
        try:
            if not _applies(requirement, environment, extras):
                continue
        except (UndefinedComparison, UndefinedEnvironmentName):
            text = "%s asks for '%s', whose marker cannot be judged" % (asker, requirement)
            found.append(Problem(MISFIT, canonicalize_name(requirement.name), text, python=python))
            continue
        name = canonicalize_name(requirement.name)
        wheel = wheels.get(name)
        if wheel is None:
            text = "%s is missing, %s asks for '%s'" % (name, asker, requirement)
            found.append(Problem(MISSING, name, text, python=python, asker=asked_by))
            continue
        if requirement.url or not requirement.specifier.contains(wheel.version, prereleases=True):
            text = "%s is %s, %s asks for '%s'" % (name, wheel.version, asker, requirement)
            found.append(Problem(CONFLICT, name, text, str(wheel.version), python))
        if asked is not None and asked_by:
            asked[asked_by].add(name)
        wanted = {canonicalize_name(extra) for extra in requirement.extras}
        if asker == _OPERATOR and wheel.known:
            # Installers only warn, and the operator would miss a whole CUDA; in foreign METADATA it is common and harmless.
            for extra in sorted(wanted - wheel.extras):
                text = "%s %s has no extra %r, %s asks for '%s'" % (name, wheel.version, extra, asker, requirement)
                found.append(Problem(MISSING, name, text, str(wheel.version), python))
        new = ({""} | wanted) - followed.setdefault(name, set())
        followed[name] |= new
        if new:
            described = "%s %s" % (name, wheel.version)
            queue.extend((child, described, name, new) for child in wheel.requires)
    return set(followed)


def _applies(requirement, environment, extras):
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate(dict(environment, extra=extra)) for extra in sorted(extras))


def _bound(wheels, bounds, environment, found):
    for bound in bounds:
        wheel = wheels.get(canonicalize_name(bound.name))
        if wheel is None or not _applies(bound, environment, {""}):
            continue
        if not bound.specifier.contains(wheel.version, prereleases=True):
            text = "%s is %s, ferry_constraints says '%s'" % (wheel.name, wheel.version, bound)
            python = environment["python_full_version"]
            found.append(Problem(CONFLICT, wheel.name, text, str(wheel.version), python))
