# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transfer zone on a disk: whole copies or none, every byte compared, and nothing half-made on either side."""

from __future__ import annotations

import os
import shutil
import types

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import files, memory, opening, signing, statement
from ansible_collections.airgap.ferry.plugins.module_utils.zone import directory
from ansible_collections.airgap.ferry.plugins.modules import bundle_send

SERIAL = 1_795_000_000


@pytest.fixture
def sides(tmp_path, staging):
    """Staging, an empty zone and an empty depot."""
    (tmp_path / "zone").mkdir()
    (tmp_path / "depot").mkdir()
    folder = "tf-%d" % SERIAL
    return types.SimpleNamespace(
        source=staging.path,
        zone=str(tmp_path / "zone"),
        copy=tmp_path / "zone" / folder,
        list=tmp_path / "zone" / (folder + directory.LIST),
        depot=str(tmp_path / "depot"),
        arrived=tmp_path / "depot" / opening.QUARANTINE / folder,
        paths=[
            *staging.manifest["files"],
            *statement.SIGNED,
            statement.NAME,
            signing.file_name("gpg"),
        ],
    )


def send(sides, check_mode=False):
    return directory.send(sides.source, sides.zone, "tf", SERIAL, check_mode)


def receive(sides, known=0, check_mode=False):
    """``known``: the serial that the depot published last, and the highest that it accepted."""
    published = {"serial": known, "highest": known, "id": "published"} if known else None
    if published:
        os.makedirs(os.path.join(sides.depot, memory.PUBLISHED, "published"), exist_ok=True)
    return directory.receive(sides.zone, sides.depot, "tf", published, check_mode)


def stamps(root):
    return {
        os.path.join(folder, name): os.lstat(os.path.join(folder, name)).st_mtime_ns
        for folder, folders, names in os.walk(str(root))
        for name in folders + names
    }


def test_what_is_sent_and_received_is_what_was_built(sides, snapshot):
    assert send(sides) is True
    assert snapshot(sides.copy) == snapshot(sides.source)
    assert receive(sides) == (SERIAL, True)
    assert snapshot(sides.arrived) == snapshot(sides.source)
    assert sorted(os.listdir(sides.zone)) == sorted([sides.copy.name, sides.list.name])


def test_the_list_in_the_zone_is_what_sha256sum_reads(sides):
    send(sides)
    found = directory.read_list(str(sides.list))
    assert found == {path: files.sha256_file(os.path.join(sides.source, path)) for path in sides.paths}
    assert directory.write_list(found) == sides.list.read_bytes()


def test_sending_twice_writes_nothing(sides):
    send(sides)
    before = stamps(sides.zone)
    assert send(sides) is False
    assert stamps(sides.zone) == before


def test_receiving_twice_writes_nothing(sides):
    send(sides)
    receive(sides)
    before = stamps(sides.depot)
    assert receive(sides) == (SERIAL, False)
    assert stamps(sides.depot) == before


def test_check_mode_writes_nothing_on_either_side(sides, snapshot):
    assert send(sides, check_mode=True) is True
    assert os.listdir(sides.zone) == []
    send(sides)
    assert send(sides, check_mode=True) is False
    assert receive(sides, check_mode=True) == (SERIAL, True)
    assert os.listdir(sides.depot) == []


def test_check_mode_finds_a_changed_byte_in_the_zone(sides, refused, flip):
    send(sides)
    flip(sides.copy / "manifest.json", 0)
    with refused("FERRY-ZONE-002", "manifest.json"):
        send(sides, check_mode=True)
    with refused("FERRY-ZONE-002", "manifest.json"):
        receive(sides, check_mode=True)


def test_a_half_copied_folder_is_not_received_and_is_replaced_by_the_next_send(sides, refused, snapshot):
    send(sides)
    sides.list.unlink()
    (sides.copy / "wheels" / "small-2.1-py3-none-any.whl").unlink()
    (sides.copy / "foreign").write_bytes(b"")
    with refused("FERRY-ZONE-001", "no complete bundle named tf"):
        receive(sides)
    assert os.listdir(sides.depot) == []
    assert send(sides) is True
    assert snapshot(sides.copy) == snapshot(sides.source)


def test_what_a_killed_copy_left_is_removed_by_the_next(sides):
    left = sides.copy.parent / (sides.copy.name + ".part-1")
    (left / "wheels").mkdir(parents=True)
    (left / "wheels" / "half").write_bytes(b"x")
    send(sides)
    assert not left.exists()


@pytest.mark.parametrize("position", [0, -1], ids=["first", "last"])
def test_a_changed_byte_in_any_file_of_the_zone_is_refused_by_both_sides_by_name(
    sides, refused, flip, snapshot, position
):
    send(sides)
    for path in sides.paths:
        flip(sides.copy / path, position)
        before = snapshot(sides.zone)
        with refused("FERRY-ZONE-002", path, "suspect the medium"):
            send(sides)
        with refused("FERRY-ZONE-002", path, "suspect the medium"):
            receive(sides)
        assert snapshot(sides.zone) == before and os.listdir(sides.depot) == []
        flip(sides.copy / path, position)
    assert receive(sides) == (SERIAL, True)


def test_a_flipped_bit_in_every_byte_of_the_list_is_refused_or_another_list(sides, flip):
    """By the depot; the sender writes anew what nobody could take."""
    send(sides)
    good = sides.list.read_bytes()
    for position in range(0, len(good), 3):
        flip(sides.list, position)
        with pytest.raises(directory.FerryError) as caught:
            receive(sides)
        assert caught.value.code in ("FERRY-ZONE-002", "FERRY-ZONE-003")
        try:
            assert send(sides, check_mode=True) is True
        except directory.FerryError as error:
            assert error.code in ("FERRY-ZONE-002", "FERRY-ZONE-003")
        sides.list.write_bytes(good)
    assert os.listdir(sides.depot) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"x\n",
        b"a" * 64 + b"  ../outside\n",
        b"a" * 64 + b"  /etc/passwd\n",
        b"a" * 64 + b" *file\n",
        b"a" * 64 + b"  caf\xc3\xa9\n",
        b"\xff" * 80,
    ],
)
def test_a_list_in_another_spelling_is_refused(sides, refused, data):
    send(sides)
    sides.list.write_bytes(data)
    with refused("FERRY-ZONE-002", sides.list.name, "send the bundle again"):
        receive(sides)
    # And that is enough.
    assert send(sides, check_mode=True) is True and sides.list.read_bytes() == data
    assert send(sides) is True and send(sides) is False
    assert receive(sides) == (SERIAL, True)


def test_an_extra_file_in_the_zone_is_refused_by_both_sides_by_name(sides, refused):
    send(sides)
    (sides.copy / "wheels" / "extra").write_bytes(b"")
    for side in (send, receive):
        with refused("FERRY-ZONE-003", "wheels/extra", "not in the list"):
            side(sides)


def test_a_missing_file_in_the_zone_is_refused_by_both_sides_by_name(sides, refused):
    send(sides)
    for path in sides.paths:
        os.rename(str(sides.copy / path), str(sides.copy.parent / "aside"))
        for side in (send, receive):
            with refused("FERRY-ZONE-003", path, "is missing"):
                side(sides)
        os.rename(str(sides.copy.parent / "aside"), str(sides.copy / path))


def test_a_list_without_its_folder_is_refused_by_both_sides(sides, refused):
    send(sides)
    shutil.rmtree(str(sides.copy))
    for side in (receive, send):
        with refused("FERRY-ZONE-003", str(sides.copy)):
            side(sides)


def test_a_link_in_the_zone_is_refused_by_both_sides(sides, refused):
    send(sides)
    (sides.copy / "wheels" / "odd").symlink_to("/etc/passwd")
    for side in (send, receive):
        with refused("FERRY-BUNDLE-010", "wheels/odd"):
            side(sides)


def test_a_built_bundle_that_changed_since_is_not_sent(sides, refused, flip):
    for path in ("wheels/tiny-1.0-py3-none-any.whl", "profiles/cpu/pylock.toml", "SHA256SUMS"):
        flip(os.path.join(sides.source, path), -1)
        with refused("FERRY-ZONE-002", path):
            send(sides)
        assert os.listdir(sides.zone) == []
        flip(os.path.join(sides.source, path), -1)


def test_a_medium_that_is_not_there_is_said_plainly(sides, refused):
    sides.zone = sides.zone + "-not-mounted"
    for side in (send, receive):
        with refused("FERRY-ZONE-001", "mount the medium"):
            side(sides)
    assert not os.path.exists(sides.zone)


def test_a_full_disk_at_any_file_leaves_nothing_half_made_in_the_zone(sides, refused, full_disk):
    for nth in range(1, len(sides.paths) + 2):  # and the list itself, last
        full_disk(files, nth)
        with refused("FERRY-IO-001"):
            send(sides)
        assert os.listdir(sides.zone) == [], "full at file %d" % nth
    full_disk(files, 0)
    assert send(sides) is True


def test_a_full_disk_is_told_with_the_zone_that_is_full(sides, refused, full_disk):
    full_disk(files, 2)
    with refused("FERRY-IO-001", sides.zone):
        send(sides)


def test_a_full_disk_at_any_file_leaves_nothing_half_made_in_the_depot(sides, refused, full_disk):
    send(sides)
    for nth in range(1, len(sides.paths) + 1):
        full_disk(files, nth)
        with refused("FERRY-IO-001"):
            receive(sides)
        assert not any(names for _folder, _folders, names in os.walk(sides.depot)), "full at file %d" % nth
        assert opening.serials(os.path.join(sides.depot, opening.QUARANTINE), "tf") == []
    full_disk(files, 0)
    assert receive(sides) == (SERIAL, True)


def test_a_kill_at_any_point_of_sending_is_never_received_and_the_next_send_is_whole(
    sides, killed_at, refused, snapshot
):
    good, step = snapshot(sides.source), 1
    while killed_at(step, lambda: send(sides)):
        if not sides.list.exists():
            with refused("FERRY-ZONE-001"):
                receive(sides)
        step += 1
    assert step > len(sides.paths)
    assert snapshot(sides.copy) == good and receive(sides) == (SERIAL, True)


def test_a_kill_at_any_point_of_receiving_leaves_no_bundle_in_quarantine_and_the_next_run_is_whole(
    sides, killed_at, snapshot
):
    send(sides)
    good, step = snapshot(sides.source), 1
    while killed_at(step, lambda: receive(sides)):
        if opening.serials(os.path.join(sides.depot, opening.QUARANTINE), "tf"):
            assert snapshot(sides.arrived) == good
        step += 1
    assert step > len(sides.paths)
    assert snapshot(sides.arrived) == good
    assert os.listdir(os.path.join(sides.depot, opening.QUARANTINE)) == [sides.arrived.name]


@pytest.fixture
def unread(monkeypatch):
    """Hashing, copying and reading lists fail: who touches a file of the zone is found."""

    def refuse(*_arguments):
        raise AssertionError("the zone was read")

    def arm():
        for name in ("sha256_file", "copy_hashed", "read_limited", "list_plain"):
            monkeypatch.setattr(directory.files, name, refuse)

    return arm


def test_a_depot_that_published_it_already_reads_nothing(sides, unread):
    send(sides)
    unread()
    assert receive(sides, known=SERIAL) == (SERIAL, False)
    assert receive(sides, known=SERIAL + 5) == (SERIAL + 5, False)


def test_what_was_damaged_in_quarantine_can_be_transferred_again(sides, flip, snapshot):
    send(sides)
    receive(sides)
    flip(str(sides.arrived / "SHA256SUMS"), -2)
    (sides.arrived / "statement.json.asc").unlink()
    assert receive(sides, check_mode=True) == (SERIAL, True)
    assert receive(sides) == (SERIAL, True)
    assert snapshot(sides.arrived) == snapshot(sides.source)


def test_the_newest_complete_bundle_is_received(sides, tmp_path, make_bundle, wheels):
    send(sides)
    newer = make_bundle(tmp_path / "newer", wheels.packages[:1], wheels.installers, serial=SERIAL + 3)
    directory.send(newer.path, sides.zone, "tf", SERIAL + 3, False)
    (tmp_path / "zone" / ("tf-%d" % (SERIAL + 9))).mkdir()  # still being copied by hand
    assert receive(sides, known=SERIAL) == (SERIAL + 3, True)
    assert not sides.arrived.exists()


def test_a_bundle_of_another_name_is_not_received(sides, refused):
    send(sides)
    with refused("FERRY-ZONE-001", "torch"):
        directory.receive(sides.zone, sides.depot, "torch", None, False)


@pytest.mark.parametrize(
    "name", ["tf-\u00b2.sha256", "tf-.sha256", "tf-x.sha256", "tf-gpu-5.sha256", "._tf-%d.sha256" % SERIAL]
)
def test_a_foreign_list_in_the_zone_is_no_bundle_and_no_traceback(sides, name):
    send(sides)
    (sides.copy.parent / name).write_bytes(b"")
    assert receive(sides) == (SERIAL, True)


def test_a_name_under_which_nothing_was_built_cannot_be_sent(tmp_path, refused):
    params = {"workdir": str(tmp_path / "work"), "name": "other", "zone": {"path": str(tmp_path)}}
    with refused("FERRY-ZONE-004", params["workdir"], "no bundle named other", "prepare.yml"):
        bundle_send.send(params, False)


def test_a_file_of_another_size_in_the_own_copy_is_refused_before_it_is_read(sides, refused, monkeypatch):
    """A sparse file is read for hours."""
    send(sides)
    os.truncate(str(sides.copy / "manifest.json"), 1 << 40)
    monkeypatch.setattr(directory.files, "sha256_file", lambda *_arguments: pytest.fail("the zone was read"))
    with refused("FERRY-ZONE-002", "manifest.json", "%d bytes" % (1 << 40)):
        send(sides)


def test_a_copy_that_the_depot_cannot_hold_is_refused_before_it_is_read(sides, refused, monkeypatch):
    send(sides)
    os.truncate(str(sides.copy / "wheels" / "tiny-1.0-py3-none-any.whl"), 2 * shutil.disk_usage(sides.depot).free)
    monkeypatch.setattr(directory.files, "sha256_file", lambda *_arguments: pytest.fail("the zone was read"))
    for check_mode in (True, False):
        with refused("FERRY-IO-001", str(sides.depot)):
            receive(sides, check_mode=check_mode)
    assert os.listdir(sides.depot) == []
