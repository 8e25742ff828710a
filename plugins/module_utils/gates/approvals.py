# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals: a wheel passes where an allow-list in version control has its name, version and sha256 on one entry.

An allow-list is written as pip's requirement files are, and only as plainly as this; a file that says anything else is refused::

    # a comment
    numpy==1.26.4 --hash=sha256:<64 hexadecimal digits>  # several hashes where there are several wheels
    scipy==1.13.1 \\
        --hash=sha256:<64 hexadecimal digits>
"""

from __future__ import annotations

import os
import re

from . import report
from ..bundle import files
from ..bundle.wheel import normalise
from ..errors import FerryError
from ..resolve import pages
from ..resolve.libraries import InvalidVersion, Version

NAME = "approvals"
REQUEST = report.REQUEST
path_of_request = report.path_of_request
_LIMIT = 16 << 20
# As in pip: at the beginning of a line, or after a blank.
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*$")
_ENTRY = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)[ \t]*==[ \t]*([A-Za-z0-9.!+_-]+)((?:[ \t]+\S+)+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def check(packages: list, paths: list, enforced: bool) -> dict:
    """The gate's answer about ``packages`` by the allow-lists at ``paths``: files, and the ``*.txt`` of directories, in sorted order."""
    if not paths:
        return report.not_checked(NAME, "ferry_approvals.files names no allow-list", enforced)
    approved = read(paths)
    findings = [
        report.finding("FERRY-GATE-003", package, "%s; its line: %s" % (_near_miss(package, approved), _line(package)))
        for package in packages
        if not _covers(approved, package)
    ]
    told = "%d of %d wheels are approved by %s" % (len(packages) - len(findings), len(packages), ", ".join(paths))
    return report.answer(NAME, enforced, findings, [told, *absent(paths)])


def request(packages: list, paths: list) -> str:
    """The lines that the allow-lists at ``paths`` lack, ready to be added to one; empty where all is approved."""
    approved = read(paths)
    lines = []
    for package in sorted(
        packages, key=lambda package: (package["name"], Version(package["version"]), package["wheel"])
    ):
        if not _covers(approved, package):
            known = approved.get(package["name"])
            lines.append(
                "%s  # %s for %s%s\n"
                % (
                    _line(package),
                    report.plain(package["wheel"]),
                    ", ".join(sorted(package["profiles"])),
                    "; " + _near_miss(package, approved) if known else "",
                )
            )
    return "".join(lines)


def absent(paths: list) -> list:
    """A sentence for each of ``paths`` at which nothing lies: the first list is made of a request, so there is none before."""
    return ["the allow-list %s is not there, so it approves nothing" % path for path in paths if _is_absent(path)]


def requested(workdir: str) -> str:
    """The request that lies in ``<workdir>/locks/``; empty where none does."""
    try:
        return files.read_limited(path_of_request(workdir), _LIMIT).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def lay(workdir: str, text: str) -> None:
    """Make ``text`` the request in ``<workdir>/locks/``; none lies there where nothing is left to approve."""
    path = path_of_request(workdir)
    if text:
        pages.write_changed(path, text.encode("utf-8"))
    elif os.path.lexists(path):
        os.unlink(path)


def read(paths: list) -> dict:
    """``{name: [(Version, digests, where it is written)]}`` of the allow-lists at ``paths`` that are there; FERRY-GATE-002 where one is none."""
    approved: dict = {}
    for path in _files_of(paths):
        for number, line in _entries(path):
            name, version, digests = _parsed(path, number, line)
            approved.setdefault(name, []).append((version, digests, "%s line %d" % (path, number)))
    return approved


def _files_of(paths):
    for path in paths:
        if os.path.isdir(path):
            yield from (os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(".txt"))
        elif not _is_absent(path):
            yield path


def _is_absent(path):
    return bool(path) and not os.path.lexists(path)


def _entries(path):
    """``(number of its first line, text)`` of every entry: lines that a backslash joins, without comments."""
    try:
        data = files.read_limited(path, _LIMIT)
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        raise FerryError(
            "FERRY-GATE-002",
            "%s: expected an allow-list or a directory of them, found nothing; correct ferry_approvals.files." % path,
        )
    except UnicodeDecodeError as error:
        raise _refused(path, data[: error.start].count(b"\n") + 1, "UTF-8", "other bytes")
    if len(data) > _LIMIT:
        raise _refused(path, 1, "at most %d bytes" % _LIMIT, "more")
    lines = text.replace("\r\n", "\n").split("\n")
    # What is added to such a file would run into its last line.
    if lines.pop():
        raise _refused(path, len(lines) + 1, "an end of the line", "the end of the file")
    first, pending = 0, ""
    for number, line in enumerate(lines, 1):
        first = first if pending else number
        bare = _COMMENT.sub("", line)
        if bare != line and line.endswith("\\"):
            raise _refused(path, number, "a comment without a backslash at its end", "one that takes the next line in")
        if bare.endswith("\\"):
            pending += bare[:-1] + " "
            continue
        whole, pending = (pending + bare).strip(" \t"), ""
        if whole:
            yield first, whole
    if pending:
        raise _refused(path, first, "another line after the backslash", "the end of the file")


def _parsed(path, number, line):
    found = _ENTRY.fullmatch(line)
    hashes = [_HASH.fullmatch(word) for word in found.group(3).split()] if found else [None]
    try:
        version = Version(found.group(2)) if found else None
    except InvalidVersion:
        version = None
    if version is None or None in hashes:
        raise _refused(path, number, "name==version --hash=sha256:<64 lower-case hexadecimal digits>", repr(line[:200]))
    return normalise(found.group(1)), version, {match.group(1) for match in hashes}


def _covers(approved, package):
    version = Version(package["version"])
    return any(
        version == allowed and package["sha256"] in digests
        for allowed, digests, _at in approved.get(package["name"], ())
    )


def _line(package):
    return "%s==%s --hash=sha256:%s" % (package["name"], package["version"], package["sha256"])


def _near_miss(package, approved):
    known = approved.get(package["name"], [])
    same = [at for version, _digests, at in known if version == Version(package["version"])]
    if same:
        return "approved with another sha256 (%s)" % same[0]
    others = sorted({version for version, _digests, _at in known})
    if others:
        return "approved in version %s only" % ", ".join(str(version) for version in others)
    return "never approved"


def _refused(path, number, expected, found):
    return FerryError(
        "FERRY-GATE-002",
        "%s line %d: expected %s, found %s; correct it and run again." % (path, number, expected, found),
    )
