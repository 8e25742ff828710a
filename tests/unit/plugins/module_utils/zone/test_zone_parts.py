# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts in the zone, signatures that come later, and the one serial that is allowed: the depot gets the same folder, or nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import types

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import files, memory, opening, parts
from ansible_collections.airgap.ferry.plugins.module_utils.zone import directory
from ansible_collections.airgap.ferry.plugins.modules import bundle_receive, bundle_send

SERIAL = 1_795_000_000
SIZE = 4000


@pytest.fixture
def sides(tmp_path, staging):
    """Staging, an empty zone and an empty depot."""
    (tmp_path / "zone").mkdir()
    (tmp_path / "depot").mkdir()
    stem = "tf-%d" % SERIAL
    return types.SimpleNamespace(
        source=staging.path,
        zone=str(tmp_path / "zone"),
        part=lambda number: tmp_path / "zone" / parts.name(stem, number),
        list=tmp_path / "zone" / (stem + directory.LIST),
        depot=str(tmp_path / "depot"),
        incoming=tmp_path / "depot" / opening.QUARANTINE,
        arrived=tmp_path / "depot" / opening.QUARANTINE / stem,
        stem=stem,
    )


def send(sides, part_size=SIZE, check_mode=False):
    return directory.send(sides.source, sides.zone, "tf", SERIAL, check_mode, part_size)


def receive(sides, published=None, check_mode=False, allow_serial=None):
    if published:
        os.makedirs(os.path.join(sides.depot, memory.PUBLISHED, published["id"]), exist_ok=True)
    return directory.receive(sides.zone, sides.depot, "tf", published, check_mode, allow_serial)


def count(sides):
    """How many parts the list names."""
    return len(directory.read_list(str(sides.list)))


def stamps(root):
    return {
        os.path.join(folder, name): os.lstat(os.path.join(folder, name)).st_mtime_ns
        for folder, folders, names in os.walk(str(root))
        for name in folders + names
    }


def left_in(sides):
    """What lies in quarantine, half-made things too."""
    return os.listdir(str(sides.incoming)) if sides.incoming.exists() else []


def refused_by_both(sides, refused, code, *told):
    """Neither side takes what lies in the zone, checking or for real, and both leave everything as it is."""
    before = stamps(sides.zone)
    for check_mode in (True, False):
        for side in (send, receive):
            with refused(code, *told):
                side(sides, check_mode=check_mode)
    assert stamps(sides.zone) == before
    assert left_in(sides) == [] and [name for name in os.listdir(sides.depot) if name != opening.QUARANTINE] == []


def test_parts_and_a_folder_give_the_same_quarantine(sides, snapshot):
    assert send(sides) is True
    assert sorted(os.listdir(sides.zone)) == sorted([*directory.read_list(str(sides.list)), sides.list.name])
    assert count(sides) > 3
    assert receive(sides) == (SERIAL, True)
    in_parts = snapshot(sides.depot)
    shutil.rmtree(str(sides.incoming))
    directory._clear(os.path.join(sides.zone, sides.stem))
    assert os.listdir(sides.zone) == []
    send(sides, None)
    assert receive(sides) == (SERIAL, True)
    assert snapshot(sides.depot) == in_parts and snapshot(sides.arrived) == snapshot(sides.source)


def test_the_list_is_what_sha256sum_reads_beside_the_parts(sides):
    send(sides)
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", sides.list.name], cwd=sides.zone, capture_output=True, check=True
    )
    assert done.stdout.count(b": OK\n") == count(sides)


def test_sending_and_receiving_twice_write_nothing(sides):
    send(sides)
    before = stamps(sides.zone)
    assert send(sides) is False and send(sides, check_mode=True) is False
    assert stamps(sides.zone) == before
    receive(sides)
    before = stamps(sides.depot)
    assert receive(sides) == (SERIAL, False) and receive(sides, check_mode=True) == (SERIAL, False)
    assert stamps(sides.depot) == before


def test_what_waits_in_quarantine_is_not_read_from_the_medium_again(sides, monkeypatch):
    send(sides)
    receive(sides)
    monkeypatch.setattr(parts, "read", lambda *_arguments: pytest.fail("the parts were read"))
    assert receive(sides) == (SERIAL, False)


@pytest.mark.parametrize("allow_serial", [None, SERIAL])
def test_what_the_depot_published_already_is_not_read_at_all(sides, monkeypatch, allow_serial):
    send(sides)
    for name in ("read_limited", "sha256_file", "list_plain"):
        monkeypatch.setattr(directory.files, name, lambda *_arguments: pytest.fail("the zone was read"))
    published = note(SERIAL, SERIAL)
    assert receive(sides, published, allow_serial=allow_serial) == (SERIAL, False)


def test_check_mode_writes_nothing_on_either_side(sides):
    assert send(sides, check_mode=True) is True
    assert os.listdir(sides.zone) == []
    send(sides)
    assert receive(sides, check_mode=True) == (SERIAL, True)
    assert os.listdir(sides.depot) == []


@pytest.mark.parametrize("left", [0, 1])
def test_a_part_that_was_cut_off_to_nothing_is_refused_whatever_waits_in_quarantine(sides, refused, snapshot, left):
    """Nobody sets the size at which a depot would have to cut its own folder."""
    send(sides)
    receive(sides)
    os.truncate(str(sides.part(1)), left)
    before = snapshot(sides.depot)
    with refused("FERRY-PART-001", str(sides.part(1))):
        receive(sides)
    assert snapshot(sides.depot) == before


@pytest.mark.parametrize("damage", ["missing", "changed", "more"])
def test_what_was_damaged_in_quarantine_can_be_transferred_again(sides, flip, snapshot, damage):
    send(sides)
    receive(sides)
    if damage == "missing":
        (sides.arrived / "statement.json.asc").unlink()
    elif damage == "changed":
        flip(sides.arrived / "SHA256SUMS", -2)
    else:
        (sides.arrived / "more").write_bytes(b"")
    assert receive(sides, check_mode=True) == (SERIAL, True)
    assert receive(sides) == (SERIAL, True)
    assert snapshot(sides.arrived) == snapshot(sides.source)


# Faults 2 to 6: each made for real, each named, and nothing but quarantine was ever touched.


@pytest.mark.fault(1)
@pytest.mark.fault(2)
def test_a_truncated_or_changed_part_is_refused_by_both_sides(sides, refused, flip):
    send(sides)
    for number in range(1, count(sides) + 1):
        good = sides.part(number).read_bytes()
        sides.part(number).write_bytes(good[:-1])
        refused_by_both(sides, refused, "FERRY-PART-001", str(sides.part(number)))
        sides.part(number).write_bytes(good)
        flip(sides.part(number), len(good) // 2)
        refused_by_both(sides, refused, "FERRY-PART-001", str(sides.part(number)), "suspect the medium")
        sides.part(number).write_bytes(good)
    assert receive(sides) == (SERIAL, True)


@pytest.mark.fault(3)
def test_swapped_parts_are_refused_by_both_sides(sides, refused):
    send(sides)
    first, second = sides.part(1).read_bytes(), sides.part(2).read_bytes()
    sides.part(1).write_bytes(second)
    sides.part(2).write_bytes(first)
    refused_by_both(sides, refused, "FERRY-PART-004", str(sides.part(1)), sides.part(2).name)


@pytest.mark.fault(4)
def test_a_missing_part_is_refused_by_both_sides(sides, refused):
    send(sides)
    sides.part(2).unlink()
    refused_by_both(sides, refused, "FERRY-PART-002", sides.part(2).name)


@pytest.mark.fault(5)
def test_an_extra_part_is_refused_by_both_sides(sides, refused):
    send(sides)
    sides.part(99).write_bytes(b"x")
    refused_by_both(sides, refused, "FERRY-PART-003", str(sides.part(99)))


@pytest.fixture
def other(sides, tmp_path, make_bundle, wheels):
    """Another bundle of that name, older, in parts in the same zone."""
    made = make_bundle(tmp_path / "other", wheels.packages[:1], wheels.installers, serial=SERIAL - 7)
    directory.send(made.path, sides.zone, "tf", SERIAL - 7, False, SIZE)
    return lambda number: os.path.join(sides.zone, parts.name("tf-%d" % (SERIAL - 7), number))


@pytest.mark.fault(6)
def test_a_part_of_another_bundle_is_refused_by_both_sides_and_named(sides, other, refused):
    send(sides)
    shutil.copyfile(other(2), str(sides.part(2)))
    refused_by_both(sides, refused, "FERRY-PART-005", str(sides.part(2)), os.path.basename(other(2)))
    # Without the other one's list nobody can say whose it is.
    os.unlink(os.path.join(sides.zone, "tf-%d.sha256" % (SERIAL - 7)))
    refused_by_both(sides, refused, "FERRY-PART-001", str(sides.part(2)))


def test_a_list_that_was_rewritten_for_foreign_parts_is_refused_by_the_archive(sides, other, refused):
    send(sides)
    shutil.copyfile(other(2), str(sides.part(2)))
    listed = directory.read_list(str(sides.list))
    listed[sides.part(2).name] = files.sha256_file(other(2))
    sides.list.write_bytes(directory.write_list(listed))
    refused_by_both(sides, refused, "FERRY-PART-006", sides.stem)


def test_a_list_that_was_rewritten_for_changed_contents_is_refused_by_the_signature(sides, refused, trusted, flip):
    """The parts and the archive are sound: only the papers tell."""
    send(sides)
    wheel = files.read_limited(os.path.join(sides.source, "wheels/tiny-1.0-py3-none-any.whl"), 1 << 20)
    for number in range(1, count(sides) + 1):
        place = sides.part(number).read_bytes().find(wheel[:200])
        if place >= 0:
            flip(sides.part(number), place + 100)
            listed = directory.read_list(str(sides.list))
            listed[sides.part(number).name] = files.sha256_file(str(sides.part(number)))
            sides.list.write_bytes(directory.write_list(listed))
            break
    with refused("FERRY-ZONE-002", sides.list.name):
        send(sides)
    assert receive(sides) == (SERIAL, True)
    with refused("FERRY-BUNDLE-004", "tiny-1.0-py3-none-any.whl"):
        opening.open_newest(sides.depot, "tf", trusted, SERIAL + 60, False)
    assert sorted(os.listdir(sides.depot)) == [opening.QUARANTINE]


def test_a_list_of_another_bundles_parts_is_refused_by_both_sides(sides, other, refused):
    send(sides)
    shutil.copyfile(os.path.join(sides.zone, "tf-%d.sha256" % (SERIAL - 7)), str(sides.list))
    refused_by_both(sides, refused, "FERRY-PART-005", os.path.basename(other(1)))


def test_a_flipped_bit_anywhere_in_the_list_is_refused_or_written_anew(sides, flip):
    send(sides)
    good = sides.list.read_bytes()
    for position in range(0, len(good), 3):
        flip(sides.list, position)
        for side in (send, receive):
            try:
                # The sender writes anew what nobody could take.
                assert side(sides, check_mode=True) is True and side is send
            except directory.FerryError as error:
                assert error.code in (
                    "FERRY-ZONE-002",
                    "FERRY-PART-001",
                    "FERRY-PART-002",
                    "FERRY-PART-005",
                    "FERRY-PART-007",  # the folder that such a list would speak of
                    "FERRY-ZONE-003",
                ), str(error)
        sides.list.write_bytes(good)
    assert left_in(sides) == []


def test_a_list_without_end_or_that_is_no_file_is_refused_and_sending_again_is_enough(sides, refused):
    send(sides)
    good = sides.list.read_bytes()
    # Lines of 97 bytes, because the last byte that is read of such a list (the limit and one) ends one of them.
    lines = [b"%s  %030d\n" % (b"a" * 64, number) for number in range(180_000)]
    assert (directory._LIMIT + 1) % len(lines[0]) == 0 and len(lines) * len(lines[0]) > directory._LIMIT + 1
    makers = {
        "without end": lambda: sides.list.write_bytes(b"".join(lines)),
        "a FIFO": lambda: os.mkfifo(str(sides.list)),
        "a folder": sides.list.mkdir,
        "empty": lambda: sides.list.write_bytes(b""),
        "a link to nowhere": lambda: sides.list.symlink_to("nowhere"),
    }
    for make in makers.values():
        sides.list.unlink()
        make()
        with refused("FERRY-ZONE-002", sides.list.name, "send the bundle again"):
            receive(sides)
        assert send(sides, check_mode=True) is True
        with refused("FERRY-ZONE-002"):
            receive(sides)
        assert send(sides) is True and sides.list.read_bytes() == good
    assert receive(sides) == (SERIAL, True)


def test_what_both_sides_refuse_says_what_to_remove_and_then_sending_again_is_enough(sides, other, refused, snapshot):
    send(sides)
    whole = snapshot(sides.zone)
    faults = {
        "FERRY-PART-001": lambda: sides.part(1).write_bytes(b"x"),
        "FERRY-PART-002": lambda: sides.part(2).unlink(),
        "FERRY-PART-004": lambda: shutil.copyfile(str(sides.part(3)), str(sides.part(2))),
        "FERRY-PART-005": lambda: shutil.copyfile(other(2), str(sides.part(2))),
        "FERRY-BUNDLE-010": lambda: (sides.part(2).unlink(), sides.part(2).symlink_to("nowhere")),
    }
    for code, make in faults.items():
        make()
        refused_by_both(sides, refused, code, "remove the parts and the list of %s, then send it again" % sides.stem)
        for path in (sides.list, *(sides.part(number) for number in range(1, 40))):
            if os.path.lexists(str(path)):
                path.unlink()
        assert send(sides) is True
        assert snapshot(sides.zone) == whole
    sides.part(99).write_bytes(b"x")
    refused_by_both(sides, refused, "FERRY-PART-003", "remove it.")
    sides.part(99).unlink()
    assert send(sides) is False


# Half-made things.


def test_parts_without_their_list_are_not_received_and_are_replaced_by_the_next_send(sides, refused, snapshot):
    send(sides)
    whole = snapshot(sides.zone)
    sides.list.unlink()
    sides.part(1).write_bytes(b"half")
    sides.part(77).write_bytes(b"of an earlier, smaller size")
    with refused("FERRY-ZONE-001", "no complete bundle named tf"):
        receive(sides)
    assert os.listdir(sides.depot) == []
    assert send(sides) is True
    assert snapshot(sides.zone) == whole


def test_a_kill_at_any_point_of_sending_is_never_received_and_the_next_send_is_whole(
    sides, killed_at, refused, snapshot
):
    step = 1
    while killed_at(step, lambda: send(sides)):
        if not sides.list.exists():
            with refused("FERRY-ZONE-001"):
                receive(sides)
        step += 1
    assert step > count(sides)
    assert receive(sides) == (SERIAL, True) and snapshot(sides.arrived) == snapshot(sides.source)
    assert len(os.listdir(sides.zone)) == count(sides) + 1


def test_a_kill_at_any_point_of_receiving_leaves_no_bundle_in_quarantine_and_the_next_run_is_whole(
    sides, killed_at, snapshot
):
    send(sides)
    good, step = snapshot(sides.source), 1
    while killed_at(step, lambda: receive(sides)):
        if opening.serials(str(sides.incoming), "tf"):
            assert snapshot(sides.arrived) == good
        step += 1
    assert step > len(files.list_plain(sides.source))
    assert snapshot(sides.arrived) == good and left_in(sides) == [sides.stem]


def test_a_full_disk_at_any_part_leaves_nothing_half_made_in_the_zone(sides, refused, full_disk):
    send(sides)
    most = count(sides)
    directory._clear(os.path.join(sides.zone, sides.stem))
    for nth in range(1, most + 1):
        full_disk(parts, nth)
        with refused("FERRY-IO-001", sides.part(nth).name):
            send(sides)
        assert os.listdir(sides.zone) == [], "full at part %d" % nth
    full_disk(parts, 0)
    full_disk(files, 1)
    with refused("FERRY-IO-001", sides.list.name):
        send(sides)
    assert os.listdir(sides.zone) == []


def test_a_full_disk_at_any_file_leaves_nothing_half_made_in_the_depot(sides, refused, full_disk):
    send(sides)
    paths = len(files.list_plain(sides.source))
    for nth in range(1, paths + 1):
        full_disk(parts.archive, nth)
        with refused("FERRY-IO-001", sides.stem):
            receive(sides)
        assert left_in(sides) == [], "full at file %d" % nth
    full_disk(parts.archive, 0)
    assert receive(sides) == (SERIAL, True)


# Another shape than before.


@pytest.mark.parametrize(("before", "after"), [(None, SIZE), (SIZE, None), (SIZE, SIZE + 1), (10**9, SIZE)])
def test_another_size_of_a_part_than_before_is_refused_in_words(sides, refused, before, after):
    send(sides, before)
    was = stamps(sides.zone)
    for check_mode in (True, False):
        with refused("FERRY-PART-007", sides.stem, "ferry_zone.part_size"):
            send(sides, after, check_mode)
    assert stamps(sides.zone) == was
    directory._clear(os.path.join(sides.zone, sides.stem))
    assert send(sides, after) is True


@pytest.mark.parametrize("size", [10**8, 10**9])
def test_a_size_that_cuts_in_the_same_way_is_the_same(sides, size):
    send(sides, 10**9)
    assert send(sides, size) is False


def test_too_many_parts_are_refused_and_the_zone_stays_as_it_was(sides, refused):
    send(sides, None)
    sides.list.unlink()
    before = stamps(sides.zone)
    for check_mode in (True, False):
        with refused("FERRY-PART-008", "9999"):
            send(sides, 1, check_mode)
    assert stamps(sides.zone) == before


# Who signed later.


@pytest.fixture
def sign_later(sides):
    """A second signature beside the statement in the built bundle; whose it is is asked by the depot alone."""

    def sign(label="boss"):
        source = os.path.join(sides.source, "statement.json.asc")
        shutil.copyfile(source, os.path.join(sides.source, "statement.json.%s.asc" % label))

    return sign


@pytest.mark.parametrize("part_size", [None, SIZE])
def test_a_signature_that_was_added_since_is_brought_to_both_sides(sides, sign_later, snapshot, part_size):
    send(sides, part_size)
    receive(sides)
    sign_later()
    before = stamps(sides.zone)
    assert send(sides, part_size, check_mode=True) is True
    assert stamps(sides.zone) == before
    assert send(sides, part_size) is True and send(sides, part_size) is False
    assert receive(sides, check_mode=True) == (SERIAL, True)
    assert receive(sides) == (SERIAL, True) and receive(sides) == (SERIAL, False)
    assert snapshot(sides.arrived) == snapshot(sides.source)
    assert (sides.arrived / "statement.json.boss.asc").exists()
    assert left_in(sides) == [sides.stem]


def test_a_signature_that_is_added_to_a_folder_copies_no_wheel_again(sides, sign_later):
    send(sides, None)
    wheel = os.path.join(sides.zone, sides.stem, "wheels", "tiny-1.0-py3-none-any.whl")
    before = os.stat(wheel)
    sign_later()
    send(sides, None)
    assert (os.stat(wheel).st_ino, os.stat(wheel).st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("part_size", [None, SIZE])
def test_a_published_bundle_is_left_whoever_signed_since(sides, sign_later, part_size):
    send(sides, part_size)
    sign_later()
    send(sides, part_size)
    assert receive(sides, note(SERIAL, SERIAL)) == (SERIAL, False)
    assert left_in(sides) == []


@pytest.mark.parametrize("part_size", [None, SIZE])
@pytest.mark.parametrize("change", ["another signature", "a signature less", "a paper", "a paper and a signature more"])
def test_any_other_difference_than_an_added_signature_is_refused(
    sides, sign_later, refused, part_size, change, flip, tmp_path, make_bundle, wheels
):
    sign_later("early")
    send(sides, part_size)
    if change == "another signature":
        flip(os.path.join(sides.source, "statement.json.early.asc"), 80)
    elif change == "a signature less":
        os.unlink(os.path.join(sides.source, "statement.json.early.asc"))
    else:  # built anew under the same serial
        shutil.rmtree(sides.source)
        again = make_bundle(tmp_path / "again", wheels.packages[:1], wheels.installers)
        shutil.copytree(again.path, sides.source)
        sign_later("early")
    if change == "a paper and a signature more":
        sign_later("late")
    before = stamps(sides.zone)
    with refused("FERRY-ZONE-002", sides.list.name, "differs from what was sent"):
        send(sides, part_size)
    assert stamps(sides.zone) == before


def test_a_copy_that_lacks_more_than_signatures_is_not_completed(sides, refused):
    """Whoever took a file away and its line from the list is not helped."""
    send(sides, None)
    listed = directory.read_list(str(sides.list))
    for path in ("gates.json", "profiles/cpu/sbom.cdx.json"):
        del listed[path]
        os.unlink(os.path.join(sides.zone, sides.stem, path))
        sides.list.write_bytes(directory.write_list(listed))
        with refused("FERRY-ZONE-002", sides.list.name, "differs from what was sent"):
            send(sides, None)


@pytest.mark.parametrize("part_size", [None, SIZE])
def test_a_kill_while_a_signature_is_added_is_never_received_half_and_converges(
    sides, sign_later, killed_at, refused, snapshot, tmp_path, part_size
):
    send(sides, part_size)
    old = snapshot(sides.source)
    shutil.copytree(sides.zone, str(tmp_path / "as-sent"))
    sign_later()
    step, killed = 1, True
    while killed:
        shutil.rmtree(sides.zone)
        shutil.copytree(str(tmp_path / "as-sent"), sides.zone)
        shutil.rmtree(str(sides.incoming), ignore_errors=True)
        killed = killed_at(step, lambda: send(sides, part_size))
        if sides.list.exists():
            assert receive(sides) == (SERIAL, True)
            assert snapshot(sides.arrived) in (old, snapshot(sides.source))
        else:
            with refused("FERRY-ZONE-001"):
                receive(sides)
        send(sides, part_size)
        receive(sides)
        assert snapshot(sides.arrived) == snapshot(sides.source), "killed at step %d" % step
        step += 1
    assert step > 3


def test_a_full_disk_while_a_signature_is_added_leaves_the_copy_as_it_was(
    sides, sign_later, refused, full_disk, snapshot
):
    send(sides, None)
    before = snapshot(sides.zone)
    sign_later()
    for nth in (1, 2):  # the signature, and the list
        full_disk(files, nth)
        with refused("FERRY-IO-001", sides.stem):
            send(sides, None)
        assert snapshot(sides.zone) == before


def test_an_unsigned_bundle_is_not_sent(sides, refused):
    os.unlink(os.path.join(sides.source, "statement.json.asc"))
    with refused("FERRY-BUNDLE-001", sides.source, "no signature"):
        send(sides)
    assert os.listdir(sides.zone) == []


# The one serial that is allowed.


@pytest.fixture
def several(sides, tmp_path, make_bundle, wheels):
    """Three serials in the zone: the middle one is the bundle of ``sides``."""
    send(sides)
    for serial, part_size in ((SERIAL - 2, None), (SERIAL + 2, SIZE)):
        made = make_bundle(tmp_path / str(serial), wheels.packages[:1], wheels.installers, serial=serial)
        directory.send(made.path, sides.zone, "tf", serial, False, part_size)
    return sides


def note(serial, highest):
    return {"serial": serial, "highest": highest, "id": "published"}


def test_a_serial_that_is_not_above_the_highest_is_left_where_it_is(several):
    for published in (note(SERIAL + 2, SERIAL + 2), note(SERIAL - 2, SERIAL + 2), note(SERIAL, SERIAL + 9)):
        assert receive(several, published) == (published["serial"], False)
        assert left_in(several) == []


@pytest.mark.parametrize("published", [None, note(SERIAL + 2, SERIAL + 2), note(SERIAL - 2, SERIAL + 9)])
def test_the_serial_that_is_named_is_taken_and_no_newer_one(several, published):
    assert receive(several, published, check_mode=True, allow_serial=SERIAL) == (SERIAL, True)
    assert receive(several, published, allow_serial=SERIAL) == (SERIAL, True)
    assert receive(several, published, allow_serial=SERIAL) == (SERIAL, False)
    assert left_in(several) == [several.stem]


def test_a_serial_that_is_named_and_not_there_is_said_by_its_number(several, refused):
    for serial in (SERIAL + 1, SERIAL - 1, 1):
        with refused("FERRY-ZONE-001", "serial %d, which ferry_allow_serial names" % serial, "tf-%d.sha256" % serial):
            receive(several, note(SERIAL + 2, SERIAL + 2), allow_serial=serial)
    assert left_in(several) == []


def test_the_modules_pass_both_options_on_and_tell_the_record(several, trusted, tmp_path):
    params = {"name": "tf", "depot_root": several.depot, "zone": {"path": several.zone}}
    bundle_receive.receive(params, False)
    opening.open_newest(several.depot, "tf", trusted, SERIAL + 60, False)
    told = bundle_receive.receive(dict(params, allow_serial=SERIAL), False)
    assert (told["changed"], told["serial"]) == (True, SERIAL)
    assert told["event"]["bundle"] == {"name": "tf", "serial": SERIAL, "allowed": True, "replaced": SERIAL + 2}
    (tmp_path / "second").mkdir()
    sending = {"name": "tf", "workdir": os.path.dirname(os.path.dirname(several.source))}
    sending["zone"] = {"path": str(tmp_path / "second"), "part_size": "1MiB"}
    assert bundle_send.send(sending, False)["changed"] is True
    assert sorted(os.listdir(str(tmp_path / "second"))) == [several.list.name, several.part(1).name]
