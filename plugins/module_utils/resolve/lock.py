# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locking: uv resolves for the target's platform and Python, the profile's own tags choose each wheel, and one file is written."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile

from . import index, pylock, target
from .libraries import InvalidRequirement, Requirement, pep751, tomllib
from ..bundle import canonical
from ..bundle.files import sha256_bytes, write_durably
from ..errors import FerryError, disk_full, says_disk_full
from ..profile import Profile

SOURCES = "sources.json"
_FORMAT = 1
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
    Returns ``{"path", "changed", "before": text, "after": text, "packages": [...]}``.
    """
    asked = list(requirements) + list(profile.requirements)
    bounds = list(constraints) + list(profile.constraints)
    _check_strings(profile, asked, bounds)
    path = lock_path(workdir, profile.name)
    inputs = sha256_bytes(
        canonical.dumps(
            {"format": _FORMAT, "profile": profile.spec(), "requirements": sorted(asked), "constraints": sorted(bounds)}
        )
    )
    before = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as stream:
            before = stream.read()
        present = pylock.read(path)
        if present["inputs"] == inputs and not refresh:
            return {"path": path, "changed": False, "before": before, "after": before, "packages": present["packages"]}
    packages, sources = _resolve(profile, asked, bounds, uv, environment)
    after = pylock.write(profile.python, inputs, packages)
    if not check_mode and after.decode("utf-8") != before:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_durably(os.path.join(os.path.dirname(path), SOURCES), canonical.dumps(sources))
        write_durably(path, after)
    text = after.decode("utf-8")
    return {"path": path, "changed": text != before, "before": before, "after": text, "packages": packages}


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
    packages, sources = [], {}
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
    return packages, {"index": index.shown(environment), "wheels": sources}


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
