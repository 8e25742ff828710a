# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A depot never forgets the highest serial that it accepted; an older one comes back by its number alone, and that is told."""

from __future__ import annotations

import os
import shutil
import types

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import canonical, memory, opening
from ansible_collections.airgap.ferry.plugins.modules import bundle_open

CREATED = 1_795_000_000
NOW = CREATED + 3600
OLD, MIDDLE, NEW = CREATED, CREATED + 10, CREATED + 20


@pytest.fixture(scope="session")
def built(tmp_path_factory, make_bundle, wheels):
    """Three bundles of one name, of different wheels, by their serials."""
    folder = tmp_path_factory.mktemp("serials")
    sets = {OLD: wheels.packages, MIDDLE: wheels.packages[:1], NEW: wheels.packages[1:]}
    return {serial: make_bundle(folder, some, wheels.installers, serial=serial) for serial, some in sets.items()}


@pytest.fixture
def depot(tmp_path, built, trusted):
    """An empty depot: ``bring(serial)`` puts a bundle into quarantine, ``open(...)`` opens, ``note()`` is what it remembers."""
    root = tmp_path / "depot"
    found = types.SimpleNamespace(root=str(root), incoming=root / opening.QUARANTINE)

    def bring(serial):
        target = found.incoming / ("tf-%d" % serial)
        shutil.copytree(built[serial].path, str(target))
        return target

    def open_(allow_serial=None, now=NOW, check_mode=False):
        return opening.open_newest(found.root, "tf", trusted, now, check_mode, allow_serial=allow_serial)

    found.bring, found.open, found.note = bring, open_, lambda: memory.newest(found.root, "tf")
    return found


@pytest.fixture
def at_new(depot):
    """The same, with the newest bundle published."""
    depot.bring(NEW)
    depot.open()
    return depot


@pytest.fixture
def gone_back(at_new):
    """The same, gone back to the middle one by allowance."""
    at_new.bring(MIDDLE)
    at_new.open(MIDDLE)
    return at_new


def remembered(note):
    return {key: note[key] for key in ("serial", "highest", "allowed", "replaced")}


def test_the_highest_serial_is_remembered(depot):
    for serial in (OLD, MIDDLE, NEW):
        depot.bring(serial)
        depot.open()
        assert remembered(depot.note()) == {"serial": serial, "highest": serial, "allowed": False, "replaced": None}
        assert memory.outgrown(depot.note()) == []


@pytest.mark.fault(7)
@pytest.mark.parametrize("serial", [OLD, MIDDLE])
def test_an_older_serial_is_refused_with_the_way_to_allow_it(at_new, refused, snapshot, serial):
    at_new.bring(serial)
    before = snapshot(at_new.root)
    for check_mode in (True, False):
        with refused("FERRY-BUNDLE-008", "more than %d" % NEW, "found %d" % serial, "ferry_allow_serial"):
            at_new.open(check_mode=check_mode)
    assert snapshot(at_new.root) == before


def test_the_serial_that_is_named_comes_back_and_is_told(at_new, built, snapshot):
    at_new.bring(MIDDLE)
    before = snapshot(at_new.root)
    found, changed = at_new.open(MIDDLE, check_mode=True)
    assert changed and snapshot(at_new.root) == before
    assert at_new.open(MIDDLE) == (found, True)
    assert found["id"] == built[MIDDLE].id
    assert remembered(found) == {"serial": MIDDLE, "highest": NEW, "allowed": True, "replaced": NEW}
    assert at_new.note() == found and os.listdir(str(at_new.incoming)) == []
    [warning] = memory.outgrown(found)
    assert str(MIDDLE) in warning and "accepted %d" % NEW in warning and "ferry_allow_serial" in warning


@pytest.mark.parametrize("allow_serial", [None, MIDDLE])
def test_what_came_back_stays_with_and_without_the_allowance(gone_back, snapshot, allow_serial):
    before, note = snapshot(gone_back.root), gone_back.note()
    assert gone_back.open(allow_serial) == (note, False)
    assert snapshot(gone_back.root) == before


def test_forward_to_the_highest_takes_the_allowance_too(gone_back, refused):
    gone_back.bring(NEW)
    with refused("FERRY-BUNDLE-008", "more than %d" % NEW, "ferry_allow_serial"):
        gone_back.open()
    found, _changed = gone_back.open(NEW)
    assert remembered(found) == {"serial": NEW, "highest": NEW, "allowed": True, "replaced": MIDDLE}


def test_an_older_one_than_the_one_that_came_back_is_refused_by_the_highest(gone_back, refused):
    gone_back.bring(OLD)
    with refused("FERRY-BUNDLE-008", "more than %d" % NEW):
        gone_back.open()
    with refused("FERRY-DEPOT-001"):
        gone_back.open(NEW)
    assert remembered(gone_back.open(OLD)[0]) == {"serial": OLD, "highest": NEW, "allowed": True, "replaced": MIDDLE}


def test_a_newer_bundle_ends_the_exception(gone_back, tmp_path, make_bundle, wheels):
    newer = make_bundle(tmp_path, wheels.packages, wheels.installers, serial=NEW + 1)
    shutil.copytree(newer.path, str(gone_back.incoming / ("tf-%d" % (NEW + 1))))
    found, _changed = gone_back.open()
    assert remembered(found) == {"serial": NEW + 1, "highest": NEW + 1, "allowed": False, "replaced": None}


def test_the_allowance_is_a_pin(depot):
    """What is newer and lies there too is not opened, and nothing is an exception that would be opened anyway."""
    depot.bring(MIDDLE)
    depot.bring(NEW)
    found, _changed = depot.open(MIDDLE)
    assert remembered(found) == {"serial": MIDDLE, "highest": MIDDLE, "allowed": False, "replaced": None}
    assert depot.open(MIDDLE) == (found, False)
    assert os.listdir(str(depot.incoming)) == ["tf-%d" % NEW]
    assert depot.open()[0]["serial"] == NEW


@pytest.mark.parametrize("allow_serial", [OLD, NEW + 1, 1])
def test_a_serial_that_is_named_and_not_there_is_said_by_its_number(at_new, refused, snapshot, allow_serial):
    at_new.bring(MIDDLE)
    before = snapshot(at_new.root)
    with refused("FERRY-DEPOT-001", "serial %d, which ferry_allow_serial names" % allow_serial, "transfer.yml"):
        at_new.open(allow_serial)
    assert snapshot(at_new.root) == before


def test_the_allowance_allows_no_other_fault(at_new, refused, flip, tmp_path, make_bundle, wheels):
    folder = at_new.bring(MIDDLE)
    flip(folder / "manifest.json", 9)
    with refused("FERRY-BUNDLE-004"):
        at_new.open(MIDDLE)
    flip(folder / "manifest.json", 9)
    with refused("FERRY-BUNDLE-009", "after this depot's clock"):
        at_new.open(MIDDLE, now=CREATED - 2 * 86400)
    os.rename(str(folder), str(at_new.incoming / ("tf-%d" % OLD)))
    with refused("FERRY-BUNDLE-008", "renamed"):
        at_new.open(OLD)
    short = make_bundle(tmp_path, wheels.packages, wheels.installers, serial=OLD - 5, expires=CREATED + 60)
    shutil.copytree(short.path, str(at_new.incoming / os.path.basename(short.path)))
    with refused("FERRY-BUNDLE-009", "expired"):
        at_new.open(OLD - 5)
    assert remembered(at_new.note())["serial"] == NEW


@pytest.mark.fault(8)
@pytest.mark.parametrize("serial", [(1 << 40) - 1, CREATED + 3 * 86400])
def test_an_absurd_serial_is_refused_with_the_allowance_too(at_new, refused, tmp_path, make_bundle, wheels, serial):
    made = make_bundle(tmp_path, wheels.packages, wheels.installers, serial=serial)
    shutil.copytree(made.path, str(at_new.incoming / os.path.basename(made.path)))
    for allow_serial in (None, serial):
        with refused("FERRY-BUNDLE-009", str(serial)):
            at_new.open(allow_serial)
    assert remembered(at_new.note())["highest"] == NEW


def test_a_kill_at_any_point_of_going_back_converges(tmp_path, built, trusted, killed_at):
    step, killed = 1, True
    back = opening.check(built[MIDDLE].path, "tf", trusted, NOW)
    back.update(highest=NEW, allowed=True, replaced=NEW)
    while killed:
        root = str(tmp_path / str(step))
        folder = os.path.join(root, opening.QUARANTINE, "tf-%d")
        shutil.copytree(built[NEW].path, folder % NEW)
        opening.open_newest(root, "tf", trusted, NOW, False)
        shutil.copytree(built[MIDDLE].path, folder % MIDDLE)
        killed = killed_at(step, lambda root=root, place=folder % MIDDLE: opening.publish(root, place, back))
        note = memory.newest(root, "tf")
        assert note["serial"] in (MIDDLE, NEW) and note["highest"] == NEW
        found, _changed = opening.open_newest(root, "tf", trusted, NOW, False, allow_serial=MIDDLE)
        assert found == back and memory.newest(root, "tf") == back
        assert os.listdir(os.path.dirname(folder)) == []
        step += 1
    assert step > 4


@pytest.mark.parametrize(
    "change",
    [
        {"highest": MIDDLE - 1},
        {"highest": None},
        {"highest": str(NEW)},
        {"allowed": 1},
        {"allowed": False},
        {"replaced": None},
        {"replaced": "x"},
        {"signers": None},
        {"signers": ["x"]},
        {"signers": [{}]},
    ],
)
def test_a_note_whose_memory_makes_no_sense_is_refused(gone_back, refused, change):
    path = os.path.join(gone_back.root, memory.NAMES, "tf.json")
    data = canonical.dumps(dict(gone_back.note(), **change))
    with open(path, "wb") as stream:
        stream.write(data)
    with refused("FERRY-DEPOT-004", path, "restore it from a backup"):
        gone_back.open()


def test_the_module_tells_the_record_what_was_allowed(at_new, trusted):
    at_new.bring(MIDDLE)
    params = {"name": "tf", "depot_root": at_new.root, "trusted_keys": trusted, "allow_serial": MIDDLE}
    params["required_signatures"] = {"builder": 1}
    for changed in (True, False):
        result = bundle_open.open_bundle(params, False)
        assert result["changed"] is changed
        assert remembered(result["bundle"]) == remembered(result["event"]["bundle"]) == remembered(at_new.note())
        assert result["bundle"]["allowed"] is True and "by ferry_allow_serial" in result["warnings"][0]
