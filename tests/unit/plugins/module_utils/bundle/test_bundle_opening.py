# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening: one changed byte anywhere is refused by name, and nothing outside quarantine changes before all is checked."""

from __future__ import annotations

import os
import shutil
import types

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import (
    built,
    canonical,
    files,
    manifest,
    memory,
    opening,
    signing,
    statement,
)

CREATED = 1_795_000_000
NOW = CREATED + 3600


@pytest.fixture
def depot(tmp_path, signed):
    """A depot whose quarantine holds a copy of the good bundle."""
    root = tmp_path / "depot"
    folder = root / opening.QUARANTINE / os.path.basename(signed.path)
    shutil.copytree(signed.path, str(folder))
    return types.SimpleNamespace(root=str(root), folder=folder, incoming=root / opening.QUARANTINE)


def bring(bundle, depot, name=None):
    """Put a bundle into quarantine, under its own name or another."""
    target = depot.incoming / (name or os.path.basename(bundle.path))
    shutil.copytree(bundle.path, str(target))
    return target


def open_it(depot, trusted, now=NOW, check_mode=False):
    return opening.open_newest(depot.root, "tf", trusted, now, check_mode)


def paths_of(bundle):
    return [
        *bundle.manifest["files"],
        manifest.NAME,
        manifest.SUMS,
        statement.SOURCES,
        statement.NAME,
        signing.file_name("gpg"),
    ]


def test_a_good_bundle_is_published_and_told(depot, trusted, signed, keys, snapshot):
    before = snapshot(depot.folder)
    found, changed = open_it(depot, trusted)
    assert changed
    assert (found["id"], found["name"], found["serial"], found["builder"]) == (
        signed.id,
        "tf",
        CREATED,
        "builder@staging",
    )
    assert found["signers"] == [
        {
            "name": "builder",
            "backend": "gpg",
            "fingerprint": keys.make("builder"),
            "roles": ["builder"],
            "file": signing.file_name("gpg"),
        }
    ]
    assert found["files"] == len(before) - sum(isinstance(value, int) for value in before.values())
    assert snapshot(os.path.join(depot.root, memory.PUBLISHED, signed.id)) == before
    assert not depot.folder.exists()
    assert memory.newest(depot.root, "tf") == found


def test_opening_twice_changes_nothing(depot, trusted, snapshot):
    first, _changed = open_it(depot, trusted)
    before = snapshot(depot.root)
    assert open_it(depot, trusted) == (first, False)
    assert snapshot(depot.root) == before


def test_check_mode_checks_all_and_publishes_nothing(depot, trusted, refused, snapshot, flip):
    before = snapshot(depot.root)
    found, changed = open_it(depot, trusted, check_mode=True)
    assert changed and snapshot(depot.root) == before
    flip(depot.folder / "manifest.json", 5)
    with refused("FERRY-BUNDLE-004", "manifest.json"):
        open_it(depot, trusted, check_mode=True)


@pytest.mark.fault(1)
@pytest.mark.parametrize("where", [0, 0.5, -1], ids=["first", "middle", "last"])
def test_one_changed_byte_in_any_file_is_refused_by_name_and_the_depot_stays_as_it_was(
    depot, trusted, signed, refused, snapshot, flip, where
):
    (depot.incoming.parent / "bundles").mkdir()
    before = snapshot(depot.root, without=(opening.QUARANTINE,))
    for path in paths_of(signed):
        size = os.path.getsize(str(depot.folder / path))
        position = int(size * where) if where >= 0 else -1
        flip(depot.folder / path, position)
        spoiled = snapshot(depot.incoming)
        code = "FERRY-BUNDLE-002" if path in (statement.NAME, signing.file_name("gpg")) else "FERRY-BUNDLE-004"
        with refused(code, path):
            open_it(depot, trusted)
        assert snapshot(depot.root, without=(opening.QUARANTINE,)) == before
        assert snapshot(depot.incoming) == spoiled, "a refused bundle stays as evidence"
        flip(depot.folder / path, position)
    assert open_it(depot, trusted)[1]


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data + b"\n", lambda data: b""], ids=["shorter", "longer", "empty"]
)
def test_another_size_of_any_file_is_refused_by_name(depot, trusted, signed, refused, change):
    for path in paths_of(signed):
        good = (depot.folder / path).read_bytes()
        if not good:
            continue
        (depot.folder / path).write_bytes(change(good))
        with refused(
            "FERRY-BUNDLE-002" if path in (statement.NAME, signing.file_name("gpg")) else "FERRY-BUNDLE-004", path
        ):
            open_it(depot, trusted)
        (depot.folder / path).write_bytes(good)


def test_a_missing_file_is_refused_by_name(depot, trusted, signed, refused, snapshot):
    for path in paths_of(signed):
        good = (depot.folder / path).read_bytes()
        (depot.folder / path).unlink()
        with refused("FERRY-BUNDLE-001" if path == signing.file_name("gpg") else "FERRY-BUNDLE-006", path):
            open_it(depot, trusted)
        (depot.folder / path).write_bytes(good)
    assert snapshot(depot.root, without=(opening.QUARANTINE,)) == {}


@pytest.mark.parametrize(
    "path",
    [
        "extra",
        "wheels/extra-1.0-py3-none-any.whl",
        "tools/extra",
        "profiles/cpu/extra",
        "statement.json.A.sig",
        "other/extra",
    ],
)
def test_an_extra_file_is_refused_by_name(depot, trusted, refused, path):
    (depot.folder / path).parent.mkdir(exist_ok=True)
    (depot.folder / path).write_bytes(b"")
    with refused("FERRY-BUNDLE-005", path):
        open_it(depot, trusted)


def test_a_link_in_a_bundle_is_refused_before_anything_is_read(depot, trusted, refused, tmp_path):
    wheel = depot.folder / "wheels" / "tiny-1.0-py3-none-any.whl"
    shutil.move(str(wheel), str(tmp_path / "moved"))
    wheel.symlink_to(tmp_path / "moved")
    with refused("FERRY-BUNDLE-010", "tiny-1.0-py3-none-any.whl"):
        open_it(depot, trusted)


def test_a_quarantined_bundle_that_is_itself_a_link_is_refused(depot, trusted, refused, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.move(str(depot.folder), str(moved))
    depot.folder.symlink_to(moved)
    with refused("FERRY-BUNDLE-010"):
        open_it(depot, trusted)
    assert not os.path.exists(os.path.join(depot.root, memory.PUBLISHED))


def test_nothing_waiting_and_nothing_published_is_said_plainly(tmp_path, trusted, refused):
    with refused("FERRY-DEPOT-001", "tf", "transfer.yml"):
        opening.open_newest(str(tmp_path), "tf", trusted, NOW, False)


def test_an_untrusted_signer_publishes_nothing(depot, keys, refused, snapshot):
    keys.make("stranger")
    with refused("FERRY-BUNDLE-003"):
        open_it(depot, [keys.trusted("stranger")])
    assert not os.path.exists(os.path.join(depot.root, memory.NAMES))


def test_a_bundle_of_another_name_is_refused(depot, tmp_path, trusted, refused, make_bundle, wheels):
    other = make_bundle(tmp_path / "other", wheels.packages, wheels.installers, name="torch", serial=CREATED + 1)
    shutil.rmtree(str(depot.folder))
    bring(other, depot, "tf-%d" % (CREATED + 1))
    with refused("FERRY-BUNDLE-007", "torch"):
        open_it(depot, trusted)


def test_an_expired_bundle_and_one_of_the_future_are_refused(depot, tmp_path, trusted, refused, make_bundle, wheels):
    with refused("FERRY-BUNDLE-009"):
        open_it(depot, trusted, now=CREATED - 2 * 86400)
    short = make_bundle(
        tmp_path / "short", wheels.packages, wheels.installers, serial=CREATED + 1, expires=CREATED + 60
    )
    shutil.rmtree(str(depot.folder))
    bring(short, depot)
    with refused("FERRY-BUNDLE-009", "expired"):
        open_it(depot, trusted, now=CREATED + 61)


def test_what_was_opened_in_time_stays_published_after_it_expired(tmp_path, trusted, make_bundle, wheels):
    short = make_bundle(tmp_path / "short", wheels.packages, wheels.installers, expires=CREATED + 60)
    depot = types.SimpleNamespace(root=str(tmp_path / "depot"), incoming=tmp_path / "depot" / opening.QUARANTINE)
    bring(short, depot)
    first, _changed = open_it(depot, trusted, now=CREATED + 59)
    assert open_it(depot, trusted, now=CREATED + 10**6) == (first, False)


@pytest.fixture
def newer(tmp_path_factory, make_bundle, wheels):
    """Another bundle, one second newer."""
    return make_bundle(tmp_path_factory.mktemp("newer"), wheels.packages[:1], wheels.installers, serial=CREATED + 1)


def test_an_older_serial_is_refused_and_the_newer_stays(depot, trusted, signed, newer, refused, snapshot):
    shutil.rmtree(str(depot.folder))
    bring(newer, depot)
    assert open_it(depot, trusted)[0]["id"] == newer.id
    bring(signed, depot)
    before = snapshot(depot.root)
    with refused("FERRY-BUNDLE-008", str(CREATED), "more than %d" % (CREATED + 1)):
        open_it(depot, trusted)
    assert snapshot(depot.root) == before


def test_a_replay_under_a_newer_name_is_refused(depot, trusted, signed, refused, snapshot):
    open_it(depot, trusted)
    bring(signed, depot, "tf-%d" % (CREATED + 5))
    before = snapshot(depot.root)
    with refused("FERRY-BUNDLE-008", "tf-%d" % (CREATED + 5)):
        open_it(depot, trusted)
    assert snapshot(depot.root) == before


@pytest.mark.parametrize("serial", [CREATED - 1, CREATED + 1])
def test_a_renamed_folder_is_refused_even_as_the_first(depot, trusted, refused, serial):
    depot.folder.rename(depot.incoming / ("tf-%d" % serial))
    with refused("FERRY-BUNDLE-008"):
        open_it(depot, trusted)


def test_the_newest_of_several_is_opened_what_it_supersedes_goes_and_another_name_stays(
    depot, tmp_path, trusted, newer, make_bundle, wheels
):
    bring(newer, depot)
    bring(make_bundle(tmp_path / "gpu", wheels.packages, wheels.installers, name="tf-gpu", serial=CREATED + 50), depot)
    found, _changed = open_it(depot, trusted)
    assert (found["name"], found["serial"]) == ("tf", CREATED + 1)
    assert os.listdir(str(depot.incoming)) == ["tf-gpu-%d" % (CREATED + 50)]
    assert open_it(depot, trusted) == (found, False), "what it superseded stops no later run"


@pytest.mark.parametrize(
    "name",
    ["tf-\u00b2", "tf-", "tf--1", "tf-1.part-7", "tf-x", "tf", "tf-\u0665", "tf-0%d" % CREATED, "tf-" + "9" * 200],
)
def test_a_foreign_name_in_quarantine_is_no_serial_and_no_traceback(depot, trusted, signed, name):
    (depot.incoming / name).mkdir()
    assert opening.serials(str(depot.incoming), "tf") == [CREATED]
    assert open_it(depot, trusted)[0]["id"] == signed.id


def test_a_kill_at_any_point_of_publishing_converges_on_a_second_run(tmp_path, signed, trusted, killed_at, snapshot):
    found = opening.check(signed.path, "tf", trusted, NOW)
    found.update(memory.allowance(None, found["serial"]), highest=found["serial"])
    step, killed = 1, True
    while killed:
        depot = types.SimpleNamespace(
            root=str(tmp_path / str(step)), incoming=tmp_path / str(step) / opening.QUARANTINE
        )
        folder = str(bring(signed, depot))
        bring(signed, depot, "tf-%d" % (CREATED - 1))  # older, and never opened
        killed = killed_at(step, lambda root=depot.root, folder=folder: opening.publish(root, folder, found))
        # The controller runs deploy.yml again, and nothing else.
        assert opening.open_newest(depot.root, "tf", trusted, NOW, False)[0]["id"] == signed.id, (
            "killed at step %d" % step
        )
        assert snapshot(os.path.join(depot.root, memory.PUBLISHED, signed.id)) == snapshot(signed.path)
        assert os.listdir(str(depot.incoming)) == []
        step += 1
    assert step > 4


def test_a_full_disk_while_the_name_is_written_converges_on_a_second_run(depot, trusted, signed, refused, full_disk):
    full_disk(files, 1)
    with refused("FERRY-IO-001"):
        open_it(depot, trusted)
    assert memory.newest(depot.root, "tf") is None
    assert open_it(depot, trusted)[0]["id"] == signed.id


def test_a_depots_note_that_is_no_such_note_is_refused(depot, trusted, refused):
    os.makedirs(os.path.join(depot.root, memory.NAMES))
    for data in (
        b"",
        b"{}\n",
        canonical.dumps({"type": "x"}),
        canonical.dumps({"type": memory.NAME_TYPE}),
        b"x" * 70000,
    ):
        with open(os.path.join(depot.root, memory.NAMES, "tf.json"), "wb") as stream:
            stream.write(data)
        with refused("FERRY-DEPOT-004", "tf.json", "restore it from a backup") as told:
            open_it(depot, trusted)
        assert "bundle, build it" not in told.message


def test_what_staging_built_last_is_found(tmp_path, make_bundle, wheels, staging):
    assert built.newest(str(tmp_path / "nothing"), "tf") is None
    first = built.newest(staging.workdir, "tf")
    assert (first["path"], first["id"], first["serial"]) == (staging.path, staging.id, staging.serial)
    assert first["files"] == sum(len(names) for _folder, _folders, names in os.walk(staging.path))
    second = make_bundle(
        os.path.join(staging.workdir, built.FOLDER), wheels.packages[:1], wheels.installers, serial=CREATED + 1
    )
    assert built.newest(staging.workdir, "tf")["id"] == second.id
    assert built.newest(staging.workdir, "torch") is None


def tampered(make_wheel, tmp_path):
    """A wheel in which a file is not as its RECORD says."""
    return make_wheel(tmp_path / "tampered", "small", "2.1", lying={"small/data.txt": b"changed"})


@pytest.mark.fault(32)
def test_a_trusted_builders_wheel_that_is_not_as_its_record_says_is_refused(
    depot, trusted, tmp_path, make_bundle, make_wheel, wheels, refused, snapshot
):
    """The signature and every hash are good: the builder may have been lied to, and pip installs such a wheel silently."""
    shutil.rmtree(str(depot.folder))
    made = make_bundle(tmp_path / "built", [tampered(make_wheel, tmp_path)], wheels.installers, serial=CREATED + 5)
    folder = bring(made, depot)
    before = snapshot(depot.root)
    with refused("FERRY-WHEEL-004", str(folder), "small-2.1-py3-none-any.whl", "small/data.txt"):
        open_it(depot, trusted)
    assert snapshot(depot.root) == before


@pytest.mark.fault(35)
def test_a_wheel_that_a_profiles_hosts_cannot_take_is_refused(
    depot, trusted, tmp_path, make_bundle, make_wheel, wheels, refused, snapshot
):
    shutil.rmtree(str(depot.folder))
    path = make_wheel(tmp_path / "other", "small", "2.1")
    other = path.replace("-any.whl", "-win_amd64.whl")
    os.rename(path, other)
    bring(make_bundle(tmp_path / "built", [other], wheels.installers, serial=CREATED + 5), depot)
    before = snapshot(depot.root)
    with refused("FERRY-WHEEL-006", "small-2.1-py3-none-win_amd64.whl", "profile cpu"):
        open_it(depot, trusted)
    assert snapshot(depot.root) == before


# The same files under a newer statement.


@pytest.fixture(params=[(None,), ("a", "b"), (None, "b")], ids=["in place", "beside", "both"])
def again(request, tmp_path, keys, make_bundle, wheels):
    """The good bundle, built again: another serial, signed by another key, in the place of the old signature or beside it."""
    keys.make("second")
    made = make_bundle(tmp_path / "again", wheels.packages, wheels.installers, serial=CREATED + 9, key="second")
    with open(os.path.join(made.path, "statement.json"), "rb") as stream:
        said = stream.read()
    os.unlink(os.path.join(made.path, "statement.json.asc"))
    for label in request.param:
        with open(os.path.join(made.path, signing.file_name("gpg", label)), "wb") as stream:
            stream.write(keys.sign(said, "second"))
    return made


@pytest.fixture
def both(keys, trusted):
    keys.make("second")
    return [*trusted, keys.trusted("second")]


def test_the_same_id_under_a_newer_statement_gets_its_papers_and_an_auditor_sees_no_others(
    depot, both, signed, again, snapshot
):
    open_it(depot, both)
    assert again.id == signed.id
    bring(again, depot)
    published = os.path.join(depot.root, memory.PUBLISHED, signed.id)
    wheel = os.stat(os.path.join(published, "wheels", "tiny-1.0-py3-none-any.whl"))
    found, changed = open_it(depot, both)
    assert changed and found["serial"] == CREATED + 9
    assert snapshot(published) == snapshot(again.path)
    assert os.stat(os.path.join(published, "wheels", "tiny-1.0-py3-none-any.whl")).st_ino == wheel.st_ino
    audited = opening.check(published, "tf", both[1:], NOW)
    assert {key: found[key] for key in audited} == audited
    assert os.listdir(str(depot.incoming)) == []
    assert open_it(depot, both) == (found, False)


def test_a_kill_while_the_papers_are_renewed_converges_on_the_newer_ones(
    tmp_path, signed, again, both, killed_at, snapshot
):
    newer = opening.check(again.path, "tf", both, NOW)
    newer.update(memory.allowance(None, CREATED + 9), highest=CREATED + 9)
    step, killed, mixed = 1, True, 0
    while killed:
        depot = types.SimpleNamespace(
            root=str(tmp_path / str(step)), incoming=tmp_path / str(step) / opening.QUARANTINE
        )
        bring(signed, depot)
        open_it(depot, both)
        bring(again, depot)
        folder = str(depot.incoming / os.path.basename(again.path))
        killed = killed_at(step, lambda root=depot.root, folder=folder: opening.publish(root, folder, newer))
        published = os.path.join(depot.root, memory.PUBLISHED, signed.id)
        mixed += snapshot(published) not in (snapshot(signed.path), snapshot(again.path))
        assert open_it(depot, both)[0] == newer, "killed at step %d" % step
        assert snapshot(published) == snapshot(again.path), "killed at step %d" % step
        assert os.listdir(str(depot.incoming)) == []
        step += 1
    assert mixed > 3


@pytest.mark.parametrize("again", [("a", "b"), (None, "b")], indirect=True, ids=["beside", "both"])
def test_a_kill_while_an_older_one_comes_back_whose_files_are_still_there_converges(
    tmp_path, signed, again, both, killed_at, snapshot, make_bundle, wheels
):
    """Its statement is there from the first time: it alone does not say that the papers have arrived."""
    newer = make_bundle(tmp_path / "newer", wheels.packages[:1], wheels.installers, serial=CREATED + 20)
    shutil.copytree(again.path, str(tmp_path / "fewer" / os.path.basename(again.path)))
    fewer = types.SimpleNamespace(path=str(tmp_path / "fewer" / os.path.basename(again.path)))
    signatures = sorted(path for path in os.listdir(fewer.path) if signing.is_signature(path))
    os.unlink(os.path.join(fewer.path, signatures[0]))
    back = opening.check(again.path, "tf", both, NOW)
    back.update(highest=CREATED + 20, allowed=True, replaced=CREATED + 20)
    step, killed = 1, True
    while killed:
        depot = types.SimpleNamespace(
            root=str(tmp_path / str(step)), incoming=tmp_path / str(step) / opening.QUARANTINE
        )
        for one in (fewer, newer):
            bring(one, depot)
            open_it(depot, both)
        bring(again, depot)

        folder = str(depot.incoming / os.path.basename(again.path))
        killed = killed_at(step, lambda root=depot.root, folder=folder: opening.publish(root, folder, back))
        opening.open_newest(depot.root, "tf", both, NOW, False, allow_serial=CREATED + 9)
        published = os.path.join(depot.root, memory.PUBLISHED, again.id)
        assert snapshot(published) == snapshot(again.path), "killed at step %d" % step
        step += 1
    assert step > 8


# Somebody who changes files while they are read.


@pytest.mark.parametrize("path", [manifest.NAME, manifest.SUMS])
def test_a_paper_that_is_swapped_after_its_hash_was_right_is_not_used(
    depot, tmp_path, trusted, make_bundle, wheels, refused, monkeypatch, path
):
    evil = make_bundle(
        tmp_path / "evil", wheels.packages, wheels.installers, changes={"requires": {"avx": True, "driver": None}}
    )
    real = opening._check_files

    def swap(*arguments, **options):
        real(*arguments, **options)
        for one in sorted({path, manifest.NAME}):
            shutil.copy(os.path.join(evil.path, one), str(depot.folder / one))

    monkeypatch.setattr(opening, "_check_files", swap)
    with refused("FERRY-BUNDLE-004", "manifest.json"):
        open_it(depot, trusted)
    assert not os.path.exists(os.path.join(depot.root, memory.PUBLISHED))


def test_sums_that_a_builder_signed_and_the_manifest_does_not_give_are_refused(depot, trusted, keys, refused):
    """Who checks by hand would be shown other files than our software installs."""
    place = depot.folder / manifest.SUMS
    place.write_bytes(place.read_bytes()[:-1])
    paper = statement.parse((depot.folder / statement.NAME).read_bytes())
    paper["files"][manifest.SUMS] = {"size": len(place.read_bytes()), "sha256": files.sha256_file(str(place))}
    said = canonical.dumps(paper)
    (depot.folder / statement.NAME).write_bytes(said)
    (depot.folder / signing.file_name("gpg")).write_bytes(keys.sign(said, "builder"))
    with refused("FERRY-BUNDLE-004", manifest.SUMS, "not the one that the manifest gives"):
        open_it(depot, trusted)
