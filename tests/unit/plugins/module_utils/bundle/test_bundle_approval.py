# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An approver signs the newest built bundle, once, and never a bundle that is not what its papers say."""

from __future__ import annotations

import os
import shutil

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import (
    approval,
    built,
    files,
    manifest,
    opening,
    program,
    signing,
)

ANN = "statement.json.ann.sig"


@pytest.fixture
def ann(ssh_keys):
    return {"backend": "ssh", "key": ssh_keys.make("ann")}


def approve(staging, sign_with, check_mode=False, label="ann", bundle_id=None):
    """Sign the newest bundle as who has reviewed the one that ``staging`` began with, or ``bundle_id``."""
    return approval.approve(staging.workdir, staging.name, bundle_id or staging.id, label, sign_with, check_mode)


def test_an_approved_bundle_opens_where_an_approver_is_asked_for(staging, ann, ssh_keys, trusted, refused, tmp_path):
    required = {"builder": 1, "approver": 1}
    known = [*trusted, dict(ssh_keys.trusted("ann"), roles=["approver"])]

    def opened():
        depot = tmp_path / "depot"
        shutil.rmtree(str(depot), ignore_errors=True)
        shutil.copytree(staging.path, str(depot / opening.QUARANTINE / os.path.basename(staging.path)))
        return opening.open_newest(str(depot), staging.name, known, staging.serial, False, required)[0]

    with refused("FERRY-BUNDLE-012", "1 approver more"):
        opened()
    before = built.newest(staging.workdir, staging.name)
    bundle, signature, changed = approve(staging, ann)
    assert (signature, changed) == (ANN, True) and os.path.isfile(os.path.join(staging.path, ANN))
    assert (bundle["id"], bundle["serial"], bundle["files"]) == (staging.id, staging.serial, before["files"] + 1)
    assert [signer["name"] for signer in opened()["signers"]] == ["ann", "builder"]


def test_twice_changes_nothing_and_check_mode_writes_nothing(staging, ann, snapshot):
    before = snapshot(staging.workdir)
    assert approve(staging, ann, check_mode=True)[1:] == (ANN, True)
    assert snapshot(staging.workdir) == before
    approve(staging, ann)
    after = snapshot(staging.workdir)
    for check_mode in (False, True):
        assert approve(staging, ann, check_mode)[1:] == (ANN, False)
    assert snapshot(staging.workdir) == after


def test_a_signature_of_somebody_else_is_never_overwritten(staging, ann, ssh_keys, refused, snapshot):
    approve(staging, ann)
    before = snapshot(staging.workdir)
    with refused("FERRY-SIGN-001", ANN, "another label"):
        approve(staging, dict(ann, key=ssh_keys.make("bob")))
    assert snapshot(staging.workdir) == before
    with open(os.path.join(staging.path, ANN), "wb") as stream:
        stream.write(b"not a signature")
    with refused("FERRY-SIGN-001", ANN):
        approve(staging, ann)


def test_two_approvers_and_gpg_too(staging, ann, keys, ssh_keys):
    approve(staging, ann)
    approve(staging, {"key": keys.make("builder"), "home": keys.home}, label="bob")
    assert sorted(signing.read_all(staging.path)) == [ANN, "statement.json.asc", "statement.json.bob.asc"]


def test_a_bundle_that_nobody_has_reviewed_is_not_signed_because_it_is_the_newest(
    staging, ann, make_bundle, wheels, refused, snapshot
):
    place = os.path.dirname(staging.path)
    newer = make_bundle(place, wheels.packages[:1], wheels.installers, serial=staging.serial + 1)
    before = snapshot(staging.workdir)
    for check_mode in (False, True):
        with refused("FERRY-SIGN-002", newer.path, "bundle %s" % staging.id, "found %s" % newer.id):
            approve(staging, ann, check_mode)
        for other in ("", newer.id.upper(), newer.id[:63]):
            with refused("FERRY-SIGN-002"):
                approval.approve(staging.workdir, staging.name, other, "ann", ann, check_mode)
    assert snapshot(staging.workdir) == before
    assert approve(staging, ann, bundle_id=newer.id)[0]["path"] == newer.path
    assert not os.path.exists(os.path.join(staging.path, ANN))


def test_a_signature_that_is_there_says_nothing_of_a_bundle_that_was_not_meant(staging, ann, refused):
    approve(staging, ann)
    with refused("FERRY-SIGN-002"):
        approve(staging, ann, bundle_id="0" * 64)


def test_a_manifest_that_is_not_the_statements_does_not_make_it_the_reviewed_bundle(
    staging, ann, make_bundle, wheels, refused, tmp_path
):
    """The id that counts is the one which the statement, the only thing that is signed, speaks of."""
    other = make_bundle(tmp_path / "other", wheels.packages[:1], wheels.installers)
    shutil.copy(os.path.join(other.path, manifest.NAME), os.path.join(staging.path, manifest.NAME))
    with refused("FERRY-SIGN-002", "found " + staging.id):
        approve(staging, ann, bundle_id=other.id)


def test_a_folder_under_the_name_of_a_signature_is_refused_by_name(staging, ann, refused):
    place = os.path.join(staging.path, "statement.json.bob.asc")
    os.mkdir(place)
    with refused("FERRY-BUNDLE-010", place):
        approve(staging, ann)
    os.rename(place, place + ".part-1")
    assert approve(staging, ann)[2] and os.path.isdir(place + ".part-1")


def test_without_a_bundle_there_is_nothing_to_sign(tmp_path, ann, refused):
    with refused("FERRY-ZONE-004", "prepare.yml"):
        approval.approve(str(tmp_path), "tf", "0" * 64, "ann", ann, False)


def test_every_changed_or_missing_file_is_refused_by_name_and_nothing_is_signed(staging, ann, refused, snapshot):
    paths = sorted(files.list_plain(staging.path))
    assert len(paths) > 9
    for path in paths:
        place = os.path.join(staging.path, path)
        with open(place, "rb") as stream:
            data = stream.read()
        for spoilt in (data[:-1] + bytes([data[-1] ^ 1]), None):
            os.unlink(place)
            if spoilt is not None:
                with open(place, "wb") as stream:
                    stream.write(spoilt)
            before = snapshot(staging.workdir)
            if path == "statement.json.asc" and spoilt is not None:
                # Whose it is, and whether it is good, the depot judges, which knows the keys.
                assert approve(staging, ann, check_mode=True)[2]
            else:
                try:
                    approve(staging, ann)
                    pytest.fail("signed in spite of " + path)
                except (approval.FerryError, FileNotFoundError) as error:
                    if "/" in path:
                        assert error.code == ("FERRY-BUNDLE-006" if spoilt is None else "FERRY-BUNDLE-004")
                    assert ("no signature" if path == "statement.json.asc" else path) in str(error)
            assert snapshot(staging.workdir) == before
        with open(place, "wb") as stream:
            stream.write(data)
    assert approve(staging, ann)[2]


def test_a_file_that_no_paper_lists_is_refused_by_name(staging, ann, refused):
    for path in ("wheels/evil.pth", "statement.json.Ann.sig", "notes.txt"):
        place = os.path.join(staging.path, path)
        with open(place, "wb"):
            pass
        with refused("FERRY-BUNDLE-005", path):
            approve(staging, ann)
        os.unlink(place)


def test_sums_that_are_not_the_manifests_are_refused_even_when_the_statement_lists_them(staging, ann, keys, refused):
    """A builder who was taken over can make the papers agree with each other, not with the manifest."""
    sums = os.path.join(staging.path, manifest.SUMS)
    paper = os.path.join(staging.path, "statement.json")
    with open(sums, "rb") as stream:
        old = stream.read()
    new = old.replace(old[:4], b"0000", 1)
    with open(sums, "wb") as stream:
        stream.write(new)
    with open(paper, "rb") as stream:
        said = stream.read()
    with open(paper, "wb") as stream:
        stream.write(said.replace(files.sha256_bytes(old).encode(), files.sha256_bytes(new).encode()))
    with refused("FERRY-BUNDLE-004", manifest.SUMS):
        approve(staging, ann)


def test_a_statement_of_another_name_is_refused(staging, ann, refused):
    other = os.path.join(os.path.dirname(staging.path), "other-%d" % staging.serial)
    os.rename(staging.path, other)
    with refused("FERRY-BUNDLE-007", "expected a bundle named other"):
        approval.approve(staging.workdir, "other", staging.id, "ann", ann, False)


def test_more_signatures_than_a_depot_takes_are_not_made(staging, ann, refused):
    for number in range(signing.MOST - 1):
        shutil.copy(
            os.path.join(staging.path, "statement.json.asc"),
            os.path.join(staging.path, "statement.json.p%d.asc" % number),
        )
    with refused("FERRY-SIGN-001", "fewer than 16"):
        approve(staging, ann)


def test_a_kill_at_any_point_leaves_no_half_signature_and_the_next_run_completes(
    staging, ann, killed_at, tmp_path, monkeypatch
):
    monkeypatch.setattr(program, "_SHORT", str(tmp_path))
    point = 1
    while killed_at(point, lambda: approve(staging, ann)):
        point += 1
        there = signing.read_all(staging.path)
        assert ANN not in there or signing.is_signed_by(_said(staging), there[ANN], ann)
        if ANN in there:
            os.unlink(os.path.join(staging.path, ANN))
    assert point > 4
    approve(staging, ann)
    left = os.listdir(staging.path)
    assert ANN in left and not [name for name in left if ".part-" in name]


def _said(staging):
    with open(os.path.join(staging.path, "statement.json"), "rb") as stream:
        return stream.read()


def test_a_full_disk_leaves_no_half_signature(staging, ann, full_disk, refused, snapshot):
    before = snapshot(staging.workdir)
    full_disk(files, 1)
    with refused("FERRY-IO-001", ANN):
        approve(staging, ann)
    assert snapshot(staging.workdir) == before
