# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wheel that nobody may have played with: pip and uv unpack it without looking (facts of PEP 376 and 427)."""

from __future__ import annotations

import base64
import csv
import io
import os
import re
from concurrent.futures import ThreadPoolExecutor

from . import manifest, zipped
from .zipped import refused
from ..errors import FerryError

_UNRECORDED, _OTHER = "FERRY-WHEEL-004", "FERRY-WHEEL-005"
_PAPERS = re.compile(r"[^/]+\.dist-info/(RECORD|METADATA)")
# The files that no RECORD can hold a hash of: itself and its signatures.
UNHASHED = re.compile(r"[^/]+\.dist-info/RECORD(\.jws|\.p7s)?")
_LEGACY = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}


def check_all(place, listed: dict) -> None:
    """Refuse (FERRY-WHEEL-001 to 006) the manifest ``listed`` unless every wheel is sound and fits the profiles that it is for.

    ``place(path)`` is where the file ``path`` of the bundle lies. A builder asks this before it signs, a depot before it publishes: a
    trusted builder may have been lied to.
    """
    paths = sorted(path for path in listed["files"] if path.endswith(".whl"))
    # Two, because inflating and hashing leave the interpreter to others.
    with ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [pool.submit(check, place(path)) for path in paths]
        try:
            for job in jobs:
                job.result()
        finally:
            for job in jobs:
                job.cancel()
    for name, profile in sorted(listed["profiles"].items()):
        for path in ["wheels/" + one for one in profile["wheels"]] + sorted(profile["installers"].values()):
            if not fits(path, profile):
                target = " ".join(word for word in (profile["os"], profile["arch"], profile["libc"]) if word)
                raise FerryError(
                    "FERRY-WHEEL-006",
                    "%s: expected a wheel for profile %s (%s, Python %s), found other tags; do not use it, lock that profile again."
                    % (place(path), name, target, profile["python"]),
                )


def check(path: str) -> None:
    """Refuse (FERRY-WHEEL-001 to 005) the wheel at ``path`` unless it is whole, harmless, as its RECORD says and what its name says."""
    digests, papers = zipped.contents(path, _PAPERS)
    _check_record(path, digests, papers)
    _check_metadata(path, papers, digests)


def fits(file_name: str, profile: dict) -> bool:
    """Whether a host of ``profile`` (as in a manifest) takes the wheel with this file name, by its tags."""
    python, abi, platform = file_name[: -len(".whl")].split("-")[-3:]
    version = tuple(int(part) for part in profile["python"].split(".")[:2])
    return any(
        _fits_platform(end, profile) and _fits_python(tag, each, version) and (end != "any" or each == "none")
        for tag in python.split(".")
        for each in abi.split(".")
        for end in platform.split(".")
    )


def _fits_python(tag, abi, version):
    found = re.fullmatch(r"(cp|py)([0-9])([0-9]*)", tag)
    if not found or int(found.group(2)) != version[0]:
        return False
    minor, own = int(found.group(3) or 0), "cp%d%d" % version
    if abi == "none" and found.group(1) == "py":
        return minor <= version[1]
    if abi == "abi3":
        return found.group(1) == "cp" and 2 <= minor <= version[1]
    return abi in ("none", own) and tag == own


def _fits_platform(tag, profile):
    if tag == "any":
        return True
    if profile["os"] == "windows":
        return tag == "win_amd64"
    name, _arch, rest = tag.partition("_" + profile["arch"])
    if not _arch or rest:
        return False
    numbered = re.fullmatch(r"manylinux_2_([0-9]+)", name)
    if numbered or name in _LEGACY:
        needs = int(numbered.group(1)) if numbered else _LEGACY[name]
        return needs <= int(profile["libc"].rpartition(".")[2])
    return name == "linux"


def _check_record(path, digests, papers):
    records = [name for name in papers if name.endswith(".dist-info/RECORD")]
    if len(records) != 1:
        raise refused(_UNRECORDED, path, "", "one RECORD", "%d" % len(records))
    try:
        rows = [row for row in csv.reader(io.StringIO(papers[records[0]].decode("utf-8"), newline="")) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise refused(_UNRECORDED, path, records[0], "a table of files", str(error))
    listed: dict = {}
    for row in rows:
        name = row[0]
        if name in listed:
            raise refused(_UNRECORDED, path, name, "one line of RECORD", "two")
        listed[name] = row[1] if len(row) > 1 else ""
        if name not in digests:
            raise refused(_UNRECORDED, path, name, "a file that RECORD names", "none")
    for name, digest in sorted(digests.items()):
        if UNHASHED.fullmatch(name):
            continue
        if name not in listed:
            raise refused(_UNRECORDED, path, name, "a line of RECORD", "none")
        expected = "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
        if listed[name] != expected:
            raise refused(_UNRECORDED, path, name, listed[name] or "a sha256 in RECORD", expected)


def _check_metadata(path, papers, names):
    found = re.fullmatch(manifest.WHEEL, os.path.basename(path))
    if not found:
        raise refused(_OTHER, path, "", "the file name of a wheel", os.path.basename(path))
    texts = [text for name, text in papers.items() if name.endswith(".dist-info/METADATA")]
    if len(texts) != 1:
        raise refused(_OTHER, path, "", "one METADATA", "%d" % len(texts))
    folders = {name.split("/")[0] for name in names if re.match(r"(?i)[^/]+\.dist-info/", name)}
    if len(folders) != 1:
        raise refused(_OTHER, path, "", "one dist-info folder", ", ".join(sorted(folders)))
    head = texts[0].decode("utf-8", "replace").replace("\r\n", "\n").partition("\n\n")[0]
    # Fields and their continuations alone: what a reader takes for the end of the head hides what follows.
    odd = [line for line in re.split("[\r\n]", head.rstrip("\n")) if not re.match(r"[!-9;-~]+:|[ \t]", line)]
    if odd or "\r" in head:
        raise refused(_OTHER, path, "METADATA", "fields", repr(odd[:1])[:80])
    for key, expected, alike in (
        ("Name", found.group("name"), _same_name),
        ("Version", found.group("version"), _same_version),
    ):
        said = [value.strip() for value in re.findall(r"(?im)^%s:(.*(?:\n[ \t].*)*)" % key, head)]
        if len(said) != 1 or not alike(said[0], expected):
            raise refused(_OTHER, path, "METADATA", "%s %s" % (key, expected), ", ".join(said) or "none")


def normalise(name: str) -> str:
    """A distribution's name in its one comparable spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _same_name(one, other):
    return normalise(one) == normalise(other)


def _same_version(one, other):
    """In any spelling that the numbers and words of both allow: 2024.02 and 2024.2, 1.0+cpu.1 and 1.0+cpu_1."""
    first, second = (
        [part.lstrip("0") or "0" if part.isdigit() else part for part in re.split(r"[-_.+]", text.lower())]
        for text in (one, other)
    )
    return first == second
