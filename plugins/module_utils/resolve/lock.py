# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locking: uv resolves for the target's platform and Python, the profile's own tags choose each wheel, and one file is written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile

from . import closure, index, metadata, pylock, target
from .libraries import InvalidRequirement, Requirement, Version, pep751, tomllib
from ..bundle import canonical, manifest
from ..bundle.files import read_limited, sha256_bytes, write_durably
from ..errors import FerryError, disk_full, says_disk_full
from ..profile import Profile

SOURCES = "sources.json"
_FORMAT = 1
# How often uv is asked again without the versions that refuse one of the profile's Pythons.
_ROUNDS = 5
_UNREACHABLE = re.compile(
    r"(?i)(error sending request|failed to fetch|could not connect|dns error|connection refused|request failed|timed out|tls|certificate)"
)


def lock_path(workdir: str, name: str) -> str:
    """Where the lock of the profile ``name`` lies."""
    return os.path.join(workdir, "locks", name, pylock.FILE_NAME)


def lock_profile(
    workdir: str,
    profile: Profile,
    requirements: list,
    constraints: list,
    uv: list,
    environment: dict,
    refresh: bool,
    check_mode: bool,
) -> dict:
    """Write the lock of ``profile`` unless its inputs are the same as those of the lock that is there.

    ``requirements`` and ``constraints`` are the bundle's; the profile's own are added. ``uv`` is the command as a list.
    Returns ``{"path", "changed", "before": text, "after": text, "packages": [...], "excluded": [...], "unchecked": [...]}``.
    ``excluded``: ``{"package", "version", "python", "constraint"}`` of each version that uv took although its Requires-Python refuses that
    Python, and what kept it out. ``unchecked``: the wheels whose METADATA the index did not give; :mod:`.build` checks them. Both are of
    this run, empty for a lock that was kept. A new lock is refused with FERRY-LOCK-005 to 009 where it is not closed (:mod:`.closure`).
    """
    asked = list(requirements) + list(profile.requirements)
    bounds = list(constraints) + list(profile.constraints)
    _check_strings(profile, asked, bounds)
    path = lock_path(workdir, profile.name)
    inputs = inputs_digest(profile, asked, bounds)
    before = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as stream:
            before = stream.read()
        present = pylock.read(path)
        if present["inputs"] == inputs and not refresh:
            kept = {"before": before, "after": before, "packages": present["packages"], "excluded": [], "unchecked": []}
            return dict(kept, path=path, changed=False)
    # A dry run writes nothing, not even what is only cache.
    packages, sources, excluded, unchecked = _resolve_closed(
        workdir, profile, asked, bounds, uv, environment, not check_mode
    )
    after = pylock.write(profile.python, inputs, packages)
    if not check_mode and after.decode("utf-8") != before:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_durably(os.path.join(os.path.dirname(path), SOURCES), canonical.dumps(sources))
        write_durably(path, after)
    text = after.decode("utf-8")
    made = {"before": before, "after": text, "packages": packages, "excluded": excluded, "unchecked": unchecked}
    return dict(made, path=path, changed=text != before)


def inputs_digest(profile: Profile, requirements: list, constraints: list) -> str:
    """What a lock is made for, as one digest: the profile, and all that is asked for it, in any order."""
    asked = {"requirements": sorted(requirements), "constraints": sorted(constraints)}
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
    if requirements is None or inputs_digest(profile, requirements, constraints) != inputs:
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


def _resolve_closed(workdir, profile, requirements, constraints, uv, environment, keep):
    """``(packages, sources, excluded, unchecked)`` of a lock that is closed."""
    excluded: list = []
    found: list = []
    for rounds_left in range(_ROUNDS, -1, -1):
        bounds = constraints + [entry["constraint"] for entry in excluded]
        try:
            packages, sources, wheels = _resolve(profile, requirements, bounds, uv, environment)
        except FerryError as error:
            if found and error.code in ("FERRY-LOCK-001", "FERRY-LOCK-002"):
                # Without these versions there is no lock, so what is wrong with them is the reason.
                raise closure.refusal(profile, found)
            raise
        texts = metadata.fetch(workdir, wheels, environment, keep)
        found = closure.problems(profile, requirements, constraints, texts)
        if not found:
            sources.update(requirements=sorted(requirements), constraints=sorted(constraints))
            sources["excluded"] = [entry["constraint"] for entry in excluded]
            return packages, sources, excluded, sorted(name for name, text in texts.items() if text is None)
        if not rounds_left or any(problem.kind != closure.REFUSES_PYTHON for problem in found):
            break
        excluded += [_exclusion(profile, problem, environment) for problem in found]
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


def _resolve(profile, requirements, constraints, uv, environment):
    with tempfile.TemporaryDirectory(prefix="ferry-") as folder:
        asked, bounds, answer = (
            os.path.join(folder, name) for name in ("requirements.in", "constraints.txt", pylock.FILE_NAME)
        )
        for path, lines in ((asked, requirements), (bounds, constraints)):
            with open(path, "w", encoding="utf-8") as stream:
                stream.write("".join(line + "\n" for line in lines))
        command = uv + [
            "pip",
            "compile",
            asked,
            "--constraints",
            bounds,
            "--output-file",
            answer,
            "--format",
            "pylock.toml",
            "--no-header",
        ]
        command += [
            "--python-platform",
            target.uv_platform(profile),
            "--python-version",
            profile.python,
            "--only-binary",
            ":all:",
            "--quiet",
        ]
        done = subprocess.run(command, capture_output=True, check=False, text=True, env=environment, cwd=folder)
        if done.returncode != 0:
            raise _refusal(profile, done.stderr, environment)
        with open(answer, "rb") as stream:
            resolved = pep751.Pylock.from_dict(tomllib.load(stream))
    packages, sources, wheels = [], {}, []
    for package, chosen in _select(profile, resolved):
        packages.append(
            {
                "name": package.name,
                "version": str(package.version),
                "wheel": chosen.filename,
                "sha256": chosen.hashes["sha256"],
            }
        )
        sources[chosen.filename] = index.without_credentials(chosen.url)
        wheels.append(
            {key: packages[-1][key] for key in ("wheel", "sha256")} | {"url": chosen.url, "size": chosen.size}
        )
    return packages, {"index": index.shown(environment), "wheels": sources}, wheels


def _select(profile, resolved):
    """The best wheel of each package under the profile's own tags; uv lists all that its coarser platform accepts."""
    try:
        chosen = list(resolved.select(environment=target.marker_environment(profile), tags=target.wheel_tags(profile)))
    except pep751.PylockSelectError as error:
        raise FerryError(
            "FERRY-LOCK-002",
            "profile %s: %s; choose a version that has such a wheel, or correct the profile." % (profile.name, error),
        )
    for package, wheel in chosen:
        if not isinstance(wheel, pep751.PackageWheel) or "sha256" not in wheel.hashes:
            raise FerryError(
                "FERRY-LOCK-002",
                "profile %s: %s %s has no wheel with a sha256; choose another version."
                % (profile.name, package.name, package.version),
            )
    return chosen


def _refusal(profile, stderr, environment):
    """uv's own reason, on one line: its box drawing and line breaks are for another reader."""
    reason = index.scrub(re.sub(r"[\s×╰─▶│├╭]+", " ", stderr)).strip()
    if says_disk_full(reason):
        return disk_full(tempfile.gettempdir(), "resolving")
    if _UNREACHABLE.search(reason):
        where = index.shown(environment) or "pip's default index"
        return FerryError(
            "FERRY-INDEX-001",
            "%s cannot be reached: %s; check pip's configuration (index, proxy, CA) or ferry_index_url."
            % (where, reason[-300:]),
        )
    return FerryError(
        "FERRY-LOCK-001",
        "profile %s (%s, Python %s) cannot be locked: %s Correct ferry_requirements or the profile."
        % (profile.name, target.uv_platform(profile), profile.python, reason[:1200]),
    )
