# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advisories as OSV publishes them (https://ossf.github.io/osv-schema/), and whether one of them means a release.

They are read one at a time, from a directory or from the archive as it is: nothing is unpacked, and only counts are kept.
"""

from __future__ import annotations

import datetime
import errno
import functools
import hashlib
import io
import json
import os
import re
import stat
import struct
import zipfile
import zlib
from typing import NamedTuple, Optional

from ..bundle import files
from ..errors import FerryError
from ..resolve.libraries import InvalidVersion, Version, canonicalize_name

# One record; all of them; how many. PyPI's had some 20,000 in 2026, of 5 KB.
LIMIT = 4 << 20
_TOTAL = 4 << 30
_MOST = 400_000
# What an archive's directory may have: zipfile reads it in one piece.
_DIRECTORY = 64 << 20
# The end of an archive: its sign, and how many members there are; 0xFFFF where that is said elsewhere (ZIP64).
_END = struct.Struct("<4s6xH10x")
_UNSOUND = (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, ValueError, KeyError)
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
# The order of events at one version: what ends there ends before another begins, and the last affected one is still in.
_EVENTS = {"fixed": 0, "introduced": 1, "last_affected": 2, "limit": 3}
_FIRST, _LAST = (0,), (2,)


class Hit(NamedTuple):
    """An advisory that means a release; ``certain`` is false where it does not say which versions in a way that can be compared."""

    certain: bool
    fixed: Optional[str]


class Records:
    """The records at ``path`` (a directory of any depth, or a ZIP archive), to be gone through once; FERRY-GATE-007 for one that is none.

    After that: ``count``, of those that are about a package on PyPI (others say nothing of what is locked here), ``newest`` (the day of the
    newest ``modified`` of these, or None), ``newest_in`` (that record's file) and ``sha256``: of the archive, or for a directory of the lines
    ``<sha256>  <path>`` of all its records, sorted by path, as sha256sum writes them.
    """

    def __init__(self, path: str):
        self.path = path
        self.count = 0
        self.newest = self.newest_in = None
        self.sha256 = ""

    def __iter__(self):
        total = 0
        for number, (name, data) in enumerate(self._folder() if os.path.isdir(self.path) else self._archive(), 1):
            total += len(data)
            if number > _MOST or total > _TOTAL:
                raise self._refused(name, "at most %d records of %d bytes in all" % (_MOST, _TOTAL), "more")
            try:
                record = json.loads(data, object_pairs_hook=_unique)
            except (ValueError, RecursionError) as error:
                raise self._refused(name, "JSON", str(error)[:200] or type(error).__name__)
            problem = _problem(record)
            if problem:
                raise self._refused(name, *problem)
            if not names(record):
                continue
            self.count += 1
            day = _day(record["modified"])
            if self.newest is None or day > self.newest:
                self.newest, self.newest_in = day, name
            yield record

    def refuse_future(self, today: datetime.date) -> None:
        """Refuse records from the future: one of them would keep any data fresh for ever."""
        if self.newest and self.newest > today + datetime.timedelta(days=1):
            raise self._refused(
                self.newest_in, "a day until today (%s) as modified" % today, "%s; check the clock" % self.newest
            )

    def _folder(self):
        lines = []
        for folder, folders, file_names in os.walk(self.path, onerror=_raise):
            folders.sort()
            for linked in (one for one in folders if os.path.islink(os.path.join(folder, one))):
                # Not walked into, so its records would be missed without a word.
                raise self._refused(
                    os.path.relpath(os.path.join(folder, linked), self.path), "a directory", "a link to one"
                )
            for file_name in sorted(filter(_is_record, file_names)):
                place = os.path.join(folder, file_name)
                name = os.path.relpath(place, self.path)
                if not stat.S_ISREG(os.stat(place).st_mode):
                    raise self._refused(name, "a plain file", "another kind")
                data = files.read_limited(place, LIMIT)
                self._check_size(name, len(data))
                lines.append((os.fsencode(name), files.sha256_bytes(data)))
                yield name, data
        digest = hashlib.sha256()
        for name, sha256 in sorted(lines):
            digest.update(b"%s  %s\n" % (sha256.encode("ascii"), name))
        self.sha256 = digest.hexdigest()

    def _archive(self):
        if not stat.S_ISREG(os.stat(self.path).st_mode):
            raise self._refused("", "a directory or a ZIP archive", "another kind of file")
        digest = hashlib.sha256()
        with _Archive(self.path) as stream:
            for chunk in iter(lambda: stream.read(files.CHUNK), b""):
                digest.update(chunk)
            self.sha256 = digest.hexdigest()
            name = ""
            try:
                with zipfile.ZipFile(stream) as archive:
                    _check_number(stream, archive)
                    for member in archive.infolist():
                        name = member.filename
                        data = self._member(archive, member)
                        if _is_record(name):
                            yield name, data
            except (OSError, *_UNSOUND) as error:
                # zipfile goes to a place before the file's beginning where a damaged directory says so.
                if isinstance(error, OSError) and error.errno != errno.EINVAL:
                    raise
                raise self._refused(name, "a sound ZIP archive", str(error)[:200] or type(error).__name__)

    def _member(self, archive, member):
        self._check_size(member.filename, member.file_size)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise self._refused(member.filename, "a stored or deflated member", "method %d" % member.compress_type)
        # What is no record too: that a name was damaged shows only where it is opened, and its record would be missed without a word.
        with archive.open(member) as stream:
            return stream.read(LIMIT + 1)

    def _check_size(self, name, size):
        if size > LIMIT:
            raise self._refused(name, "at most %d bytes" % LIMIT, "more")

    def _refused(self, name, expected, found):
        return FerryError(
            "FERRY-GATE-007",
            "%s: expected %s, found %s; do not use this advisory data, fetch it again."
            % (": ".join(part for part in (self.path, name) if part), expected, found),
        )


def hit(record: dict, name: str, version: str):
    """The :class:`Hit` of ``record`` for that release of the package with that normalised name, or None.

    A local label is left out: 2.1.0+cu118 is built from 2.1.0. Where no order can be told the record counts, so that a person looks.
    """
    if record.get("withdrawn"):
        return None
    found = [_entry_hit(entry, version) for entry in record.get("affected") or () if _names(entry) == name]
    found = [one for one in found if one]
    certain = [one for one in found if one.certain]
    return min(certain or found, key=lambda one: _sort_key(one.fixed), default=None)


def names(record: dict) -> set:
    """The normalised names of the packages on PyPI that a record is about."""
    return {name for name in map(_names, record.get("affected") or ()) if name}


def line(text: str, limit: int = 200) -> str:
    """``text`` as one printable line of at most so many characters: it was written by anybody."""
    shown = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def _entry_hit(entry, version):
    release = _version(version)
    release = _version(release.public) if release else None
    versions, ranges = entry.get("versions") or [], entry.get("ranges") or []
    judged = [one["events"] for one in ranges if one["type"] in ("ECOSYSTEM", "SEMVER")]
    inside = [_inside(events, release) for events in judged]
    # A kind of range that the schema did not have may hold any release; commits hold none that has a version.
    inside += [None for one in ranges if one["type"] not in ("ECOSYSTEM", "SEMVER", "GIT")]
    listed = any(one == version or (release and _version(one) == release) for one in versions)
    if not (versions or inside):
        # Commits alone, or nothing at all: no version to compare with.
        return Hit(False, None)
    if not (listed or any(found is not False for found in inside)):
        return None
    fixes = [event["fixed"] for events in judged for event in events if "fixed" in event]
    later = [fix for fix in fixes if release and _version(fix) and _version(fix) > release]
    return Hit(listed or True in inside, min(later, key=_version, default=None))


def _inside(events, release):
    """Whether a release is in a range, as the schema evaluates it; None where its versions have no order."""
    bounds = [(_bound(event), kind, event) for event in events for kind in _EVENTS if kind in event]
    introduced = any(kind == "introduced" for _at, kind, _event in bounds)
    if release is None or not introduced or any(at is None for at, _kind, _event in bounds):
        return None
    at_release = (1, release)
    limits = [at for at, kind, _event in bounds if kind == "limit"]
    if limits and not any(at_release < at for at in limits):
        return False
    inside = False
    for at, kind, _event in sorted(bounds, key=lambda bound: (bound[0], _EVENTS[bound[1]])):
        if kind == "introduced" and at_release >= at:
            inside = True
        elif (kind == "fixed" and at_release >= at) or (kind == "last_affected" and at_release > at):
            inside = False
    return inside


def _bound(event):
    (kind,) = [kind for kind in _EVENTS if kind in event]
    text = event[kind]
    if text == {"introduced": "0", "limit": "*"}.get(kind):
        return _FIRST if kind == "introduced" else _LAST
    version = _version(text)
    return None if version is None else (1, version)


def _sort_key(text):
    return _LAST if text is None else (1, _version(text))


@functools.lru_cache(maxsize=1 << 16)
def _version(text):
    # Kept, because advisories of one package repeat its versions: TensorFlow's some hundred times.
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _names(entry):
    package = entry.get("package") or {}
    # An ecosystem may have a suffix after a colon.
    return canonicalize_name(package["name"]) if package.get("ecosystem", "").partition(":")[0] == "PyPI" else None


def _problem(record):
    """(what was expected, what was found) where a record has not the shape that is read here, else None."""
    if not isinstance(record, dict):
        return "an OSV record", "another value"
    for key in ("id", "modified"):
        if not isinstance(record.get(key), str) or not record[key]:
            return "an OSV record with %s" % key, "none"
    if _day(record["modified"]) is None:
        return "a time in RFC 3339's format as modified", "another text"
    if not isinstance(record.get("withdrawn"), (str, type(None))) or not _are(record.get("aliases"), str):
        return "withdrawn as a time and aliases as a list of ids", "another shape"
    if not _are(record.get("affected"), dict) or not all(map(_is_entry, record.get("affected") or ())):
        return "affected as the OSV schema has it", "another shape"
    return None


def _is_entry(entry):
    package = entry.get("package")
    if package is None:
        return True
    if not isinstance(package, dict) or not all(isinstance(package.get(key), str) for key in ("ecosystem", "name")):
        return False
    if not _names(entry):
        return True
    if not _are(entry.get("versions"), str) or not _are(entry.get("ranges"), dict):
        return False
    ranges = entry.get("ranges") or ()
    return all(isinstance(one.get("type"), str) and _are_events(one.get("events")) for one in ranges)


def _are_events(events):
    return bool(events) and _are(events, dict) and all(map(_is_event, events))


def _is_event(event):
    kinds = [kind for kind in _EVENTS if kind in event]
    return len(kinds) == 1 and isinstance(event[kinds[0]], str)


def _are(value, kind):
    return value is None or (isinstance(value, list) and all(isinstance(one, kind) for one in value))


def _is_record(name):
    return name.lower().endswith(".json")


def _unique(pairs):
    """An object, whose keys are there once: of two, another reader may take the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key that an object has twice")
    return found


def _day(text):
    found = _TIME.fullmatch(text)
    try:
        return datetime.date.fromisoformat(found.group(1)) if found else None
    except ValueError:
        return None


def _check_number(stream, archive):
    """Refuse an archive whose directory is read as fewer members than it says: zipfile lets a damaged entry swallow the next ones."""
    stream.seek(-len(archive.comment) - _END.size, os.SEEK_END)
    sign, said = _END.unpack(stream.read(_END.size))
    if sign != b"PK\5\6" or said not in (len(archive.infolist()), 0xFFFF):
        raise zipfile.BadZipFile("another number of members than it says")


class _Archive(io.FileIO):
    """An archive whose directory is no larger than memory allows."""

    def read(self, size=-1):
        if size is not None and size > _DIRECTORY:
            raise zipfile.BadZipFile("a directory of %d bytes" % size)
        return super().read(size)


def _raise(error):
    raise error
