# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking uv: one set of exact wheels for one profile, each chosen by the profile's own tags."""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass

from . import index, pylock, target
from .libraries import parse_wheel_filename, pep751, tomllib
from ..errors import FerryError, disk_full, says_disk_full
from ..profile import Profile

NEWEST, PREVIOUS = "newest", "previous"

# How often uv is asked again without the versions whose wheels need a newer libc than the profile has.
_ROUNDS = 8
_UNREACHABLE = re.compile(
    r"(?i)(error sending request|failed to fetch|could not connect|dns error|connection refused|request failed|timed out|\btls\b|certificate"
    r"|valid authentication credentials|403 forbidden)"
)
# How uv speaks of an index whose pages do not say when a file was uploaded (PEP 700).
_UNDATED = "missing an upload date"


@dataclass(frozen=True)
class How:
    """How all locks of a run are made.

    ``uv`` is the command, ``environment`` that of :func:`.index.environment`. ``prefer``: what to take where several versions satisfy, the
    newest or those of the lock that is there. ``as_of`` (YYYY-MM-DD, UTC): nothing that was uploaded after that day. ``crosscheck``: address
    of a second index that has to serve the same files.
    """

    uv: list
    environment: dict
    refresh: bool = False
    check_mode: bool = False
    prefer: str = NEWEST
    as_of: str | None = None
    crosscheck: str | None = None


def resolve(profile: Profile, requirements: list, constraints: list, how: How, preferred=()) -> list:
    """The chosen wheels: ``[{"name", "version", "wheel": file name, "sha256", "url", "size" in bytes or None}]``.

    ``preferred``: ``{"name", "version"}`` of what to keep where it still satisfies. FERRY-LOCK-001 and 002, FERRY-INDEX-001 and 003.
    """
    arguments = ["--python-version", profile.python]
    if how.as_of:
        # The end of that day in UTC: uv takes a bare date for one of the machine's own time zone.
        after = datetime.date.fromisoformat(how.as_of) + datetime.timedelta(days=1)
        arguments += ["--exclude-newer", "%sT00:00:00Z" % after.isoformat()]

    def ask(platform, bounds):
        options = ["--python-platform", platform, *arguments]
        return compile_lock(requirements, bounds, how, how.environment, options, preferred)

    platform, *newer = target.uv_platforms(profile)
    try:
        return _chosen(profile, ask(platform, constraints))
    except Unresolved as unresolved:
        refusal = _refusal(profile, unresolved.reason, how)
        if not newer or refusal.code != "FERRY-LOCK-001":
            raise refusal
    bounds = list(constraints)
    for _round in range(_ROUNDS):
        try:
            resolved = ask(newer[0], bounds)
        except Unresolved:
            break
        unfit = _unfit(profile, resolved)
        if not unfit:
            return _chosen(profile, resolved)
        # Newer ones ask for no less.
        bounds += ["%s<%s" % (package.name, package.version) for package in unfit]
    raise refusal


class Unresolved(Exception):
    """uv found no answer; ``reason`` is its own, on one line and without credentials."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def compile_lock(requirements: list, constraints: list, how: How, environment: dict, arguments: list, preferred=()):
    """uv's answer as packaging's Pylock, of wheels only; :class:`Unresolved` where it has none."""
    with tempfile.TemporaryDirectory(prefix="ferry-") as folder:
        asked, bounds, answer = (
            os.path.join(folder, name) for name in ("requirements.in", "constraints.txt", pylock.FILE_NAME)
        )
        for path, lines in ((asked, requirements), (bounds, constraints)):
            with open(path, "w", encoding="utf-8") as stream:
                stream.write("".join(line + "\n" for line in lines))
        if preferred:
            # What lies where the answer goes is what uv stays close to.
            with open(answer, "wb") as stream:
                stream.write(pylock.names(preferred))
        command = [*how.uv, "pip", "compile", asked, "--output-file", answer]
        command += ["--constraints", bounds] if constraints else []
        command += ["--format", "pylock.toml", "--no-header", "--only-binary", ":all:", *arguments]
        done = subprocess.run(command, capture_output=True, check=False, text=True, env=environment, cwd=folder)
        if done.returncode != 0:
            # Its box drawing and line breaks are for another reader.
            raise Unresolved(index.scrub(re.sub(r"[\s×╰─▶│├╭]+", " ", done.stderr)).strip())
        with open(answer, "rb") as stream:
            return pep751.Pylock.from_dict(tomllib.load(stream))


def unreachable(reason: str, environment: dict, variable: str = "ferry_index_url") -> FerryError | None:
    """FERRY-INDEX-001 where uv's ``reason`` is that the index of ``variable`` cannot be reached, FERRY-IO-001 for a full disk, else None."""
    if says_disk_full(reason):
        return disk_full(tempfile.gettempdir(), "resolving")
    if _UNREACHABLE.search(errors(reason)):
        where = index.shown(environment) or "pip's default index"
        return FerryError(
            "FERRY-INDEX-001",
            "%s cannot be reached: %s; check pip's configuration (index, proxy, CA, ~/.netrc) or %s."
            % (where, reason[-300:], variable),
        )
    return None


def _unfit(profile, resolved):
    """The packages of which no wheel fits the profile's own tags."""
    accepted = set(target.wheel_tags(profile))
    return [
        package
        for package in resolved.packages
        if all(parse_wheel_filename(wheel.filename)[3].isdisjoint(accepted) for wheel in package.wheels or ())
    ]


def _chosen(profile, resolved):
    return [
        {
            "name": package.name,
            "version": str(package.version),
            "wheel": wheel.filename,
            "sha256": wheel.hashes["sha256"],
            "url": wheel.url,
            "size": wheel.size,
        }
        for package, wheel in _select(profile, resolved)
    ]


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


def errors(reason: str) -> str:
    """What stands after uv's warnings."""
    return reason.partition("error: ")[2] or reason


def _refusal(profile, reason, how):
    other = unreachable(reason, how.environment)
    if other:
        return other
    if how.as_of and _UNDATED in reason:
        return FerryError(
            "FERRY-INDEX-003",
            "%s does not say when its files were uploaded, which ferry_lock_as_of %s needs; name an index that does (PyPI), or drop it."
            % (index.shown(how.environment) or "pip's default index", how.as_of),
        )
    return FerryError(
        "FERRY-LOCK-001",
        "profile %s (%s, Python %s) cannot be locked: %s Correct ferry_requirements or the profile."
        % (profile.name, profile.place, profile.python, errors(reason)[:1200]),
    )
