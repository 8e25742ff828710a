# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record on disk survives what happens to its writers."""

from __future__ import annotations

import json
import multiprocessing
import os

import pytest

from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.record import controller, model, store

LINE = {
    "at": "2026-11-22T17:05:00Z",
    "host": "h",
    "task": "t",
    "status": "changed",
    "event": {"stage": "install", "seconds": 1.0, "after": "b"},
}


def plan(folder, run_id):
    """Plan a run of one host."""
    run = model.new_run(
        run_id,
        started=model.utc(0),
        operator="ops",
        controller="control",
        routes=0,
        versions=dict.fromkeys(("ansible_core", "python", "collection")),
        bundle="tf",
        hosts=[{"name": "h", "profile": None}],
    )
    store.plan(str(folder), "CHG1", run)


def running(run):
    """What the callback makes of a planned run."""
    return dict(run, status="running")


@pytest.fixture(name="folder")
def _folder(tmp_path):
    return tmp_path / "records" / "CHG1"


@pytest.mark.parametrize("change", ["../CHG", "a/b", ".hidden", "..", "a b", "é", "x" * 65, "CHG1\n"])
def test_a_ticket_that_is_no_safe_directory_name_is_refused(change):
    """It would write elsewhere."""
    with pytest.raises(FerryError) as caught:
        store.folder_of("/records", change, "r1")
    assert caught.value.code == "FERRY-VAR-002"


def test_the_folder_is_the_tickets_or_the_runs():
    """A run without a ticket is filed under its id."""
    assert store.folder_of("/records", "CHG-1.a_b", "r1") == "/records/CHG-1.a_b"
    assert store.folder_of("/records", None, "r1") == "/records/r1"


def test_runs_of_a_ticket_are_kept_oldest_first(folder):
    """A later run removes nothing."""
    plan(folder, "r1")
    plan(folder, "r2")
    data = (folder / "record.json").read_bytes()
    record = json.loads(data.decode("ascii"))
    assert [run["id"] for run in record["runs"]] == ["r1", "r2"] and data == store.dumps(record)
    assert sorted(path.name for path in folder.iterdir()) == ["record.html", "record.json"]


def test_runs_that_are_planned_at_the_same_time_are_all_kept(folder):
    """Several operators may work on one ticket."""
    jobs = [
        multiprocessing.get_context("fork").Process(target=plan, args=(folder, "r%d" % number)) for number in range(8)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert sorted(run["id"] for run in store.load(str(folder))["runs"]) == ["r%d" % number for number in range(8)]


def test_ids_of_one_second_differ():
    """Two runs may start together."""
    assert len({store.new_run_id() for _number in range(20)}) == 20


def test_a_dead_run_is_closed_with_its_journal(folder):
    """A torn last line is left out, the rest is evidence."""
    plan(folder, "r1")
    journal = store.begin(str(folder), "r1", running, [LINE])[1]
    journal._stream.write('{"at": "2026-1')  # pylint: disable=protected-access
    journal._stream.close()  # pylint: disable=protected-access
    plan(folder, "r2")
    first, second = store.load(str(folder))["runs"]
    assert first["status"] == "interrupted" and first["hosts"]["h"]["after"] == "b"
    assert first["finished"] == LINE["at"] and first["seconds"] is None
    assert second["status"] == "planned" and not list(folder.glob("events-*"))


def test_a_living_run_is_left_alone(folder):
    """Two runs of one ticket at the same time: neither calls the other dead, both end well."""
    plan(folder, "r1")
    run, journal = store.begin(str(folder), "r1", running, [])
    plan(folder, "r2")
    assert [each["status"] for each in store.load(str(folder))["runs"]] == ["running", "planned"]
    journal.append(LINE)
    store.end(str(folder), model.finish(run, [LINE], model.utc(60), 60.0, {"failed": [], "unreachable": []}), journal)
    assert [each["status"] for each in store.load(str(folder))["runs"]] == ["succeeded", "planned"]
    assert not list(folder.glob("events-*"))


@pytest.mark.parametrize("content", ["broken", "[]", '{"type": "other"}'])
def test_a_foreign_file_is_never_overwritten(folder, content):
    """It may be the only copy of something."""
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(content)
    with pytest.raises(FerryError) as caught:
        plan(folder, "r1")
    assert caught.value.code == "FERRY-RECORD-001" and (folder / "record.json").read_text() == content


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    """With the code of the record, not one of the modules."""
    (tmp_path / "records").write_text("a file")
    with pytest.raises(FerryError) as caught:
        plan(tmp_path / "records" / "CHG1", "r1")
    assert caught.value.code == "FERRY-RECORD-001" and "records" in caught.value.message


def test_a_write_that_fails_leaves_the_old_record(folder, monkeypatch):
    """Readers never see half a record."""
    plan(folder, "r1")
    before = (folder / "record.json").read_bytes()

    def no_space(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(FerryError):
        plan(folder, "r2")
    assert (folder / "record.json").read_bytes() == before


def test_a_run_that_somebody_removed_is_reported(folder):
    """Nothing is made up for it."""
    plan(folder, "r1")
    with pytest.raises(FerryError) as caught:
        store.begin(str(folder), "r9", running, [])
    assert caught.value.code == "FERRY-RECORD-001" and not list(folder.glob("events-*"))


def test_an_account_without_a_name_is_its_number(monkeypatch):
    """As in a container that runs under a bare uid."""
    monkeypatch.setattr(os, "getuid", lambda: 4294960000)
    assert controller.operator() == "uid 4294960000"
