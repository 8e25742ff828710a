# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wheel that nobody may have played with: pip and uv unpack it without looking (facts of PEP 376 and 427)."""

from __future__ import annotations

import base64
import csv
import os
import re
from concurrent.futures import ThreadPoolExecutor

from . import manifest, scripts, zipped
from .zipped import refused
from ..errors import FerryError

_UNRECORDED, _OTHER = "FERRY-WHEEL-004", "FERRY-WHEEL-005"
# The most bytes of each paper, of METADATA's head and of a line of RECORD: of a thousand real wheels the largest are
# 2.9 MB, 233 kB, 3 kB, 80 kB and 293 bytes.
_LIMITS = {"RECORD": 16 << 20, "METADATA": 4 << 20, "entry_points.txt": 1 << 20}
_HEAD, _ROW = 1 << 20, 4096
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
    found = re.fullmatch(manifest.WHEEL, os.path.basename(path))
    if not found:
        raise refused(_OTHER, path, "", "the file name of a wheel", os.path.basename(path))
    folders: list = []

    def choose(names):
        folders.append(_own_folder(path, found.group("name"), found.group("version"), names))
        scripts.check_names(path, names)
        return {"%s/%s" % (folders[0], name): limit for name, limit in _LIMITS.items()}

    digests, papers = zipped.contents(path, choose)
    record, metadata, entry_points = ("%s/%s" % (folders[0], name) for name in _LIMITS)
    _check_record(path, record, digests, papers)
    _check_metadata(path, found, papers.get(metadata))
    scripts.check_entry_points(path, entry_points, papers.get(entry_points, b""))


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


def _own_folder(path, name, version, names):
    """The one dist-info folder of the wheel, by its name; pip and uv take what is in others for another distribution or in two ways."""
    infos, more = set(), set()
    for steps in (one.split("/") for one in names):
        if len(steps) > 3 and steps[0].lower().endswith(".data") and steps[1].lower() in ("purelib", "platlib"):
            infos.update(["/".join(steps[:3])] if steps[2].lower().endswith(".dist-info") else [])
        if len(steps) > 1:
            infos.update([steps[0]] if steps[0].lower().endswith(".dist-info") else [])
            more.update([steps[0]] if steps[0].lower().endswith(".data") else [])
    said, _mark, end = min(infos, default="").rpartition(".")
    first, _dash, second = said.rpartition("-")
    if len(infos) != 1 or end != "dist-info" or not (_same_name(first, name) and _same_version(second, version)):
        expected = "one folder %s-%s.dist-info" % (name, version)
        raise refused(_OTHER, path, "", expected, _shown(sorted(infos)))
    if not more <= {said + ".data"}:
        raise refused(_OTHER, path, "", "one folder %s.data at most" % said, _shown(sorted(more)))
    return said + ".dist-info"


def _check_record(path, record, digests, papers):
    if record not in papers:
        raise refused(_UNRECORDED, path, "", "one RECORD", "none")
    left = set(digests)
    for name, *rest in _rows(path, record, papers[record], 2 * len(digests) + 2):
        if name not in digests:
            raise refused(_UNRECORDED, path, name, "a file that RECORD names", "none")
        if name not in left:
            raise refused(_UNRECORDED, path, name, "one line of RECORD", "two")
        left.remove(name)
        expected = "sha256=" + base64.urlsafe_b64encode(digests[name]).rstrip(b"=").decode("ascii")
        if not UNHASHED.fullmatch(name) and rest[:1] != [expected]:
            raise refused(
                _UNRECORDED, path, name, ascii("".join(rest[:1]))[1:-1][:200] or "a sha256 in RECORD", expected
            )
    for name in sorted(left):
        if not UNHASHED.fullmatch(name):
            raise refused(_UNRECORDED, path, name, "a line of RECORD", "none")


def _rows(path, record, data, most):
    """The rows of RECORD, one after the other, each of one line: no name here has a line break in it."""
    place = count = 0
    while place < len(data):
        end = data.find(b"\n", place, place + _ROW) + 1 or len(data)
        count += 1
        if end - place > _ROW or count > most:
            raise refused(_UNRECORDED, path, record, "short lines, one for each file", "more")
        try:
            row = next(csv.reader([data[place:end].decode("utf-8")], strict=True), None)
        except (UnicodeDecodeError, csv.Error) as error:
            raise refused(_UNRECORDED, path, record, "a table of files", str(error))
        place = end
        if row:
            yield row


def _check_metadata(path, found, text):
    if text is None:
        raise refused(_OTHER, path, "", "one METADATA", "none")
    head = text.replace(b"\r\n", b"\n").partition(b"\n\n")[0].rstrip(b"\n")
    if len(head) > _HEAD:
        raise refused(_OTHER, path, "METADATA", "a head of at most %d bytes" % _HEAD, "%d" % len(head))
    said: dict = {"name": [], "version": []}
    field: list = []
    for line in head.decode("utf-8", "replace").split("\n"):
        key, _colon, value = line.partition(":")
        # Fields and their continuations alone: what a reader takes for the end of the head hides what follows.
        if "\r" in line or not re.match(r"[!-9;-~]+:|[ \t]", line):
            raise refused(_OTHER, path, "METADATA", "fields", ascii(line[:80]))
        if line[0] in " \t":
            field.append(line)
            continue
        field = [value]
        if key.lower() in said:
            said[key.lower()].append(field)
    for key, alike in (("name", _same_name), ("version", _same_version)):
        values = ["\n".join(lines).strip() for lines in said[key]]
        expected = found.group(key)
        if len(values) != 1 or not alike(values[0], expected):
            told = "%s %s" % (key.capitalize(), expected)
            raise refused(_OTHER, path, "METADATA", told, _shown(values))


def _shown(texts):
    return ascii(", ".join(texts))[1:-1][:200] or "none"


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
