# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a depot remembers outlives the bundle: a repair takes the folder alone, and nothing older comes in through it."""

from __future__ import annotations

import os
import shutil
import types

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import memory, opening, statement
from ansible_collections.airgap.ferry.plugins.module_utils.zone import directory
from ansible_collections.airgap.ferry.plugins.modules import bundle_open, bundle_receive

CREATED = 1_795_000_000
NOW = CREATED + 3600
OLD, NEW, NEWER = CREATED, CREATED + 10, CREATED + 20


@pytest.fixture
def site(tmp_path, make_bundle, wheels, trusted, monkeypatch):
    """A zone and a depot, and the modules that ``transfer.yml`` and ``deploy.yml`` call; three bundles by their serials."""
    for module in (directory, bundle_open):
        monkeypatch.setattr(module.time, "time", lambda: NOW)
    (tmp_path / "zone").mkdir()
    found = types.SimpleNamespace(root=str(tmp_path / "depot"), zone=str(tmp_path / "zone"))
    sets = {OLD: wheels.packages, NEW: wheels.packages[:1], NEWER: wheels.packages[1:]}
    found.built = {
        serial: make_bundle(tmp_path / "built", some, wheels.installers, serial=serial) for serial, some in sets.items()
    }
    found.published = lambda serial: os.path.join(found.root, memory.PUBLISHED, found.built[serial].id)
    found.incoming = os.path.join(found.root, opening.QUARANTINE)

    def send(serial):
        directory.send(found.built[serial].path, found.zone, "tf", serial, False)

    def transfer(check_mode=False, **more):
        params = {"name": "tf", "depot_root": found.root, "zone": {"path": found.zone}}
        return bundle_receive.receive(dict(params, **more), check_mode)

    def deploy(check_mode=False, **more):
        params = {
            "name": "tf",
            "depot_root": found.root,
            "trusted_keys": trusted,
            "required_signatures": {"builder": 1},
        }
        return bundle_open.open_bundle(dict(params, **more), check_mode)

    found.send, found.transfer, found.deploy = send, transfer, deploy
    return found


def test_a_published_bundle_that_was_removed_is_taken_again_by_the_two_playbooks(site, snapshot, refused):
    site.send(NEW)
    site.transfer()
    first = site.deploy()["bundle"]
    shutil.rmtree(site.published(NEW))
    with refused("FERRY-DEPOT-001", "serial %d" % NEW, "bundles/%s was removed" % first["id"], "transfer.yml"):
        site.deploy()
    assert site.transfer(check_mode=True)["changed"] is True
    told = site.transfer()
    assert (told["changed"], told["serial"]) == (True, NEW) and told["event"]["bundle"]["allowed"] is False
    assert site.transfer()["changed"] is False
    foretold = site.deploy(check_mode=True)
    assert foretold["changed"] is True and "manifest" in foretold and foretold["diff"]["before"] == ""
    again = site.deploy()
    assert again["changed"] is True and again["bundle"] == first and again["warnings"] == []
    assert snapshot(site.published(NEW)) == snapshot(site.built[NEW].path) and os.listdir(site.incoming) == []
    assert site.deploy()["changed"] is False and site.transfer()["changed"] is False


def test_the_repair_lets_nothing_older_in(site, refused):
    site.send(NEW)
    site.transfer()
    site.deploy()
    shutil.rmtree(site.published(NEW))
    shutil.rmtree(site.zone)
    os.mkdir(site.zone)
    site.send(OLD)
    with refused("FERRY-ZONE-001", "serial %d" % NEW, "removed"):
        site.transfer()
    shutil.copytree(site.built[OLD].path, os.path.join(site.incoming, "tf-%d" % OLD))
    with refused("FERRY-BUNDLE-008", "more than %d" % NEW):
        site.deploy()
    assert memory.newest(site.root, "tf")["highest"] == NEW


def test_a_newer_bundle_repairs_as_well(site):
    site.send(NEW)
    site.transfer()
    site.deploy()
    shutil.rmtree(site.published(NEW))
    site.send(NEWER)
    assert site.transfer()["serial"] == NEWER
    assert site.deploy()["bundle"]["serial"] == NEWER


def test_what_came_back_by_allowance_is_repaired_without_it_and_stays_told(site):
    for serial, more in ((NEW, {}), (OLD, {"allow_serial": OLD})):
        site.send(serial)
        site.transfer(**more)
        first = site.deploy(**more)["bundle"]
    assert first["allowed"] is True
    for more in ({}, {"allow_serial": OLD}):
        shutil.rmtree(site.published(OLD))
        assert site.transfer(**more)["serial"] == OLD
        assert site.deploy(**more)["bundle"] == first


def test_another_bundle_under_the_serial_of_the_lost_one_is_refused(site, tmp_path, make_bundle, wheels, refused):
    site.send(NEW)
    site.transfer()
    site.deploy()
    shutil.rmtree(site.published(NEW))
    other = make_bundle(tmp_path / "other", wheels.packages, wheels.installers, serial=NEW)
    shutil.copytree(other.path, os.path.join(site.incoming, "tf-%d" % NEW))
    for more in ({}, {"allow_serial": NEW}):
        with refused("FERRY-BUNDLE-008", site.built[NEW].id, other.id):
            site.deploy(**more)


def test_who_completes_a_publication_that_was_cut_off_says_so(site, killed_at):
    """And a check run foretells it; the next run after it has nothing to do."""
    site.send(NEW)
    seen, step, killed = 0, 1, True
    while killed:
        shutil.rmtree(site.root, ignore_errors=True)
        site.transfer()
        killed = killed_at(step, site.deploy)
        done = os.path.exists(os.path.join(site.root, memory.NAMES, "tf.json"))
        arrived = os.path.isdir(site.published(NEW))
        told = [site.deploy(check_mode=True), site.deploy(), site.deploy()]
        assert [one["changed"] for one in told] == [not done, not done, False], "killed at step %d" % step
        assert all(one["bundle"]["serial"] == NEW for one in told)
        assert os.listdir(os.path.join(site.root, memory.NAMES)) == ["tf.json"], "killed at step %d" % step
        assert os.listdir(site.incoming) == []
        seen += arrived and not done
        step += 1
    assert seen, "the point between the rename and the note was met"


# One bogus bundle.


def bogus(site, serial, contents=b"x"):
    """What anybody can put into a zone."""
    folder = os.path.join(site.zone, "tf-%d" % serial)
    os.mkdir(folder)
    with open(os.path.join(folder, "x"), "wb") as stream:
        stream.write(contents)
    with open(folder + ".sha256", "wb") as stream:
        stream.write(directory.write_list({"x": opening.files.sha256_bytes(contents)}))


@pytest.mark.fault(8)
@pytest.mark.parametrize("serial", [9_999_999_999, NOW + 86_400 + 1])
def test_an_absurd_serial_in_the_zone_is_left_there_and_a_good_bundle_gets_past(site, refused, serial):
    bogus(site, serial)
    for check_mode in (True, False):
        with refused("FERRY-BUNDLE-009", "tf-%d has a serial" % serial, "1 such", "remove it"):
            site.transfer(check_mode)
    assert not os.path.exists(site.root)
    site.send(NEW)
    for changed in (True, False):
        told = site.transfer()
        assert (told["changed"], told["serial"]) == (changed, NEW)
        assert "tf-%d" % serial in told["warnings"][0] and statement.to_text(NOW) in told["warnings"][0]
    assert site.deploy()["bundle"]["serial"] == NEW
    assert site.transfer()["changed"] is False and len(site.transfer()["warnings"]) == 1
    assert os.listdir(site.incoming) == []


def test_a_serial_just_inside_a_day_is_taken(site, refused):
    bogus(site, NOW + 86_400)
    assert site.transfer()["serial"] == NOW + 86_400
    with refused("FERRY-BUNDLE-006"):
        site.deploy()


def test_a_refused_bundle_gives_way_to_a_newer_good_one(site, refused):
    bogus(site, NEW)
    site.transfer()
    with refused("FERRY-BUNDLE-006", "rename", "tf-%d.refused" % NEW, "remove it here and in the zone"):
        site.deploy()
    site.send(NEWER)
    site.transfer()
    assert site.deploy()["bundle"]["serial"] == NEWER
    assert site.transfer()["changed"] is False and site.deploy()["changed"] is False


def test_a_refused_bundle_gives_way_to_what_waits_beside_it_and_stays_as_evidence(site, snapshot):
    site.send(OLD)
    site.transfer()
    site.deploy()
    site.send(NEW)
    site.transfer()
    bogus(site, NEWER)
    site.transfer()
    before = snapshot(site.root)
    foretold = site.deploy(check_mode=True)
    assert foretold["changed"] is True and foretold["bundle"]["serial"] == NEW and snapshot(site.root) == before
    evidence = snapshot(os.path.join(site.incoming, "tf-%d" % NEWER))
    told = site.deploy()
    assert told["bundle"]["serial"] == NEW and "FERRY-BUNDLE-006" in told["warnings"][0]
    assert os.listdir(site.incoming) == ["tf-%d.refused" % NEWER]
    assert snapshot(os.path.join(site.incoming, "tf-%d.refused" % NEWER)) == evidence
    # Neither playbook stumbles over it again, though it lies in the zone still.
    told = site.transfer()
    assert (told["changed"], told["serial"]) == (False, NEW) and "tf-%d.refused" % NEWER in told["warnings"][0]
    assert site.deploy()["changed"] is False
    # What is brought anew under that serial is another one.
    shutil.rmtree(site.zone)
    os.mkdir(site.zone)
    site.send(NEWER)
    assert site.transfer()["serial"] == NEWER and site.deploy()["bundle"]["serial"] == NEWER
    assert os.listdir(site.incoming) == []


def test_evidence_goes_when_something_newer_is_published(site):
    """As what waits and is older goes."""
    site.send(OLD)
    site.transfer()
    bogus(site, NEW)
    site.transfer()
    site.deploy()
    assert os.listdir(site.incoming) == ["tf-%d.refused" % NEW]
    site.send(NEWER)
    site.transfer()
    assert site.deploy()["bundle"]["serial"] == NEWER
    assert os.listdir(site.incoming) == [] and site.transfer()["warnings"] == []


def test_the_way_on_that_the_refusal_names_is_one(site, refused):
    site.send(NEW)
    bogus(site, NEWER)
    site.transfer()
    with refused("FERRY-BUNDLE-006"):
        site.deploy()
    folder = os.path.join(site.incoming, "tf-%d" % NEWER)
    os.rename(folder, folder + ".refused")
    assert site.transfer()["serial"] == NEW
    assert site.deploy()["bundle"]["serial"] == NEW


def test_only_what_was_refused_in_the_zone_is_said_plainly(site, refused):
    bogus(site, NEWER)
    site.transfer()
    folder = os.path.join(site.incoming, "tf-%d" % NEWER)
    os.rename(folder, folder + ".refused")
    with refused("FERRY-ZONE-001", "refused here"):
        site.transfer()


def test_older_ones_than_the_highest_are_no_way_out_of_a_refusal(site, refused):
    for serial in (OLD, NEW):
        site.send(serial)
        site.transfer(allow_serial=serial)
    site.deploy(allow_serial=NEW)
    site.transfer(allow_serial=OLD)
    bogus(site, NEWER)
    site.transfer()
    with refused("FERRY-BUNDLE-006"):
        site.deploy()
    assert memory.newest(site.root, "tf")["serial"] == NEW


def test_a_pin_falls_back_to_nothing(site, refused):
    site.send(NEW)
    site.transfer()
    bogus(site, NEWER)
    site.transfer()
    with refused("FERRY-BUNDLE-006"):
        site.deploy(allow_serial=NEWER)
    assert not os.path.exists(os.path.join(site.root, memory.NAMES))


# What killed runs left.


def test_what_killed_runs_left_under_other_serials_goes_with_the_next_run(site, killed_at):
    site.send(OLD)
    assert killed_at(9, site.transfer)
    [half] = os.listdir(site.incoming)
    assert half.startswith("tf-%d.part-" % OLD)
    os.mkdir(os.path.join(site.incoming, "of somebody.part-else"))
    os.mkdir(os.path.join(site.root, memory.NAMES))
    open(os.path.join(site.root, memory.NAMES, "tf.json.next.part-1"), "wb").close()
    site.send(NEW)
    site.transfer(check_mode=True)
    assert half in os.listdir(site.incoming)
    site.transfer()
    assert sorted(os.listdir(site.incoming)) == ["of somebody.part-else", "tf-%d" % NEW]
    site.deploy()
    assert os.listdir(os.path.join(site.root, memory.NAMES)) == ["tf.json"]
