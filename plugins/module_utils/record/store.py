# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record on disk: ``<record_dir>/<ticket or run id>/record.json`` and ``record.html``, and a journal while a run lasts.

Several runs may share a ticket, also at the same time: every change of record.json happens under a lock, and a run's journal
is locked by the run as long as it lives. That lock is how the next run knows a dead one from a slow one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import time
from typing import Callable, Iterator, List, Optional, TextIO, Tuple

from ..errors import FerryError
from . import html, model
from .model import Json

JSON_NAME = "record.json"
PAGE_NAME = "record.html"
_TICKET = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,64}")


def new_run_id() -> str:
    """Sorts by time, and two runs of one second differ: ``20261122T170000Z-1a2b3c``."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + secrets.token_hex(3)


def folder_of(record_dir: str, change: Optional[str], run_id: str) -> str:
    """The directory of a ticket's record; FERRY-VAR-002 unless the ticket is safe as a directory's name."""
    if change is not None and not _TICKET.fullmatch(change):
        raise FerryError(
            "FERRY-VAR-002",
            "ferry_change is %r; expected 1 to 64 of A-Z a-z 0-9 . _ - and no dot first, as it names a directory."
            % change,
        )
    return os.path.join(record_dir, change or run_id)


def dumps(record: Json) -> bytes:
    """The one form of record.json: sorted keys, indent 1, ASCII, final LF."""
    return (json.dumps(record, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False) + "\n").encode("ascii")


def load(folder: str) -> Optional[Json]:
    """The record in ``folder``, ``None`` where there is none; FERRY-RECORD-001 where something else lies in its place."""
    path = os.path.join(folder, JSON_NAME)
    try:
        with open(path, "rb") as stream:
            record = json.loads(stream.read().decode("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise FerryError(
            "FERRY-RECORD-001", "%s is not valid JSON (%s); move it away, it is not overwritten." % (path, error)
        )
    if not isinstance(record, dict) or record.get("type") != model.TYPE:
        raise FerryError(
            "FERRY-RECORD-001", "%s is not of type %s; move it away, it is not overwritten." % (path, model.TYPE)
        )
    return record


def plan(folder: str, change: Optional[str], run: Json) -> None:
    """Add the planned ``run`` to the record in ``folder``, and close earlier runs that died without a word."""
    with _writing(folder):
        record = load(folder) or model.new_record(change)
        bereaved = [earlier for earlier in record["runs"] if earlier["status"] in model.OPEN]
        closed = [earlier["id"] for earlier in bereaved if _close(folder, record, earlier)]
        record["runs"].append(run)
        _save(folder, record)
        for run_id in closed:
            os.unlink(_journal_path(folder, run_id))


def begin(folder: str, run_id: str, change: Callable[[Json], Json], lines: List[Json]) -> Tuple[Json, Journal]:
    """Replace a run by ``change(run)`` and open its journal with the ``lines`` known so far, in one step under the lock:
    between the two the run would look dead to a run that is being planned."""
    with _writing(folder):
        return _amend(folder, run_id, change), Journal(folder, run_id, lines)


def end(folder: str, run: Json, journal: Journal) -> None:
    """Put the finished ``run`` into the record, then let its journal go."""
    with _writing(folder):
        _amend(folder, run["id"], lambda _planned: run)
        journal.remove()


def _amend(folder: str, run_id: str, change: Callable[[Json], Json]) -> Json:
    record = load(folder)
    for index, run in enumerate(record["runs"] if record else ()):
        if run["id"] == run_id:
            record["runs"][index] = change(run)
            _save(folder, record)
            return record["runs"][index]
    raise FerryError(
        "FERRY-RECORD-001",
        "%s no longer holds the run %s; somebody removed it while it ran." % (os.path.join(folder, JSON_NAME), run_id),
    )


class Journal:
    """The append-only notes of a living run: ``events-<run id>.jsonl``, a line per event, locked while the run lives."""

    def __init__(self, folder: str, run_id: str, lines: List[Json]):
        self.path = _journal_path(folder, run_id)
        with _reporting(folder):
            self._stream = open(self.path, "w", encoding="ascii")  # noqa: SIM115 it stays open as long as the run lives
            # Forked workers share this lock; the kernel drops it with the last of them, however they end.
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for line in lines:
            self.append(line)

    def append(self, line: Json) -> None:
        """Write one line through to the kernel, so that a killed run leaves it behind."""
        with _reporting(self.path):
            self._stream.write(json.dumps(line, sort_keys=True) + "\n")
            self._stream.flush()

    def remove(self) -> None:
        """Its lines are in the record now."""
        with _reporting(self.path):
            os.unlink(self.path)
            self._stream.close()


def _journal_path(folder: str, run_id: str) -> str:
    return os.path.join(folder, "events-%s.jsonl" % run_id)


def _close(folder: str, record: Json, run: Json) -> bool:
    """Fold the journal of a dead run into ``record``; False if it has none or its run is still alive."""
    try:
        with open(_journal_path(folder, run["id"]), encoding="ascii", errors="replace") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lines = list(_readable(stream))
    except (FileNotFoundError, BlockingIOError):
        return False
    # Nobody saw it end: its last sign of life is all that is known, and no duration is claimed.
    record["runs"][record["runs"].index(run)] = model.finish(run, lines, lines[-1]["at"] if lines else None, None)
    return True


def _readable(stream: TextIO) -> Iterator[Json]:
    for text in stream:
        with contextlib.suppress(ValueError):  # the line that the kill cut short
            yield json.loads(text)


def _save(folder: str, record: Json) -> None:
    data = dumps(record)
    _replace(os.path.join(folder, JSON_NAME), data)
    _replace(os.path.join(folder, PAGE_NAME), html.render(record, data))


def _replace(path: str, data: bytes) -> None:
    """A reader sees the old file or the new one, never a half."""
    temporary = "%s.%d.new" % (path, os.getpid())
    with open(temporary, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


@contextlib.contextmanager
def _writing(folder: str) -> Iterator[None]:
    with _reporting(folder):
        os.makedirs(folder, exist_ok=True)
        # Beside the tickets, so that a ticket's directory holds nothing but its record.
        with open(os.path.join(os.path.dirname(folder), ".record.lock"), "a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@contextlib.contextmanager
def _reporting(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FerryError(
            "FERRY-RECORD-001",
            "%s: the change record cannot be written (%s); correct that, or set ferry_record_dir to a directory that can be written."
            % (error.filename or where, error.strerror or error),
        ) from error
