# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether those who signed are enough, whatever kind of key they have, and which file is whose signature."""

from __future__ import annotations

import datetime
import os
import pathlib
import re
import subprocess

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import armor, signing

DATA = b'{"name":"tf","serial":1795000000}\n'
ASC, SIG = signing.file_name("gpg"), signing.file_name("ssh")
ANN, BOB, EVE = (signing.file_name("ssh", name) for name in ("ann", "bob", "eve"))


@pytest.fixture(scope="module")
def people(keys, ssh_keys):
    """The builder has a gpg key, the others ssh keys; ``{file: signature}`` and the entries by name."""
    signatures = {ASC: keys.sign(DATA, "builder"), SIG: ssh_keys.sign(DATA, "builder")}
    signatures.update((signing.file_name("ssh", name), ssh_keys.sign(DATA, name)) for name in ("ann", "bob", "eve"))
    entries = {name: ssh_keys.trusted(name) for name in ("ann", "bob", "eve")}
    return signatures, dict(entries, builder=keys.trusted("builder"))


def verify(people, signed, required, now=None, **entries):
    """Verify the files ``signed``; ``entries``: changes to the entry of each person that is trusted."""
    signatures, known = people
    trusted = [dict(known[name], **changes) for name, changes in entries.items()]
    return signing.verify(DATA, {name: signatures[name] for name in signed}, trusted, required, now)


def role(*names):
    return {"roles": list(names)}


# Names


@pytest.mark.parametrize("backend, suffix", [("gpg", "asc"), ("ssh", "sig")])
def test_the_builders_signature_is_where_gpg_and_ssh_keygen_put_it(backend, suffix):
    assert signing.file_name(backend) == "statement.json." + suffix
    assert signing.file_name(backend, "ann-2") == "statement.json.ann-2." + suffix
    assert signing.is_signature(signing.file_name(backend)) and signing.is_signature(
        signing.file_name(backend, "a" * 32)
    )


@pytest.mark.parametrize(
    "name",
    [
        "statement.json",
        "statement.json.",
        "statement.json.ASC",
        "statement.json.asc.bak",
        "statement.json.Ann.asc",
        "statement.json.-a.asc",
        "statement.json..asc",
        "statement.json.a.b.sig",
        "statement.json.%s.sig" % ("a" * 33),
        "statement.json.a_b.sig",
        "statement.json.asc\n",
        "statementxjson.asc",
        "wheels/statement.json.asc",
        "manifest.json.asc",
    ],
)
def test_no_other_file_is_a_signature(name):
    assert not signing.is_signature(name)


@pytest.mark.parametrize("label", ["Ann", "-a", "a/b", "../x", "a" * 33, "a.b", "ü", "a\n"])
def test_a_label_that_is_no_part_of_a_file_name_is_refused(refused, label):
    with refused("FERRY-SIGN-001", "label"):
        signing.file_name("gpg", label)


def test_signatures_are_read_to_their_limits(tmp_path):
    for number in range(signing.MOST + 5):
        (tmp_path / ("statement.json.p%02d.sig" % number)).write_bytes(b"x" * (signing.LIMIT + 100))
    (tmp_path / "statement.json").write_bytes(DATA)
    found = signing.read_all(str(tmp_path))
    assert len(found) == signing.MOST + 1 and {len(data) for data in found.values()} == {signing.LIMIT + 1}


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("statement.json", path)])
def test_what_is_no_plain_file_is_no_signature_and_is_not_waited_for(tmp_path, refused, make):
    make(str(tmp_path / "statement.json.x.asc"))
    with refused("FERRY-BUNDLE-010", "statement.json.x.asc", "a plain file"):
        signing.read_all(str(tmp_path))


# How many


def test_a_builder_alone_is_enough_unless_more_is_asked(people, refused):
    assert [signer["name"] for signer in verify(people, [ASC], {"builder": 1}, builder={})] == ["builder"]
    with refused("FERRY-BUNDLE-012", "signed by builder (builder)", "expected 1 approver more", "approve.yml"):
        verify(people, [ASC], {"builder": 1, "approver": 1}, builder={})


def test_an_approver_beside_the_builder_is_named_and_enough(people, keys, ssh_keys):
    found = verify(people, [ANN, ASC], {"builder": 1, "approver": 1}, builder={}, ann=role("approver"))
    assert found == [
        {
            "name": "ann",
            "backend": "ssh",
            "fingerprint": ssh_keys.fingerprint("ann"),
            "roles": ["approver"],
            "file": "statement.json.ann.sig",
        },
        {
            "name": "builder",
            "backend": "gpg",
            "fingerprint": keys.make("builder"),
            "roles": ["builder"],
            "file": "statement.json.asc",
        },
    ]


def test_a_person_with_both_roles_is_one_person(people, refused):
    both = role("builder", "approver")
    for entries in ({"builder": both}, {"builder": both, "ann": both}):
        with refused("FERRY-BUNDLE-012", "builder (builder and approver)"):
            verify(people, [ASC], {"builder": 1, "approver": 1}, **entries)
    assert len(verify(people, [ASC, ANN], {"builder": 1, "approver": 1}, builder=both, ann=both)) == 2


def test_who_has_both_roles_fills_the_one_that_nobody_else_can(people):
    both = role("builder", "approver")
    for entries in (
        {"builder": both, "ann": role("builder"), "bob": both},
        {"builder": role("builder"), "ann": both, "bob": both},
        {"builder": role("approver"), "ann": both, "bob": role("approver")},
        {"builder": both, "ann": role("approver"), "bob": both},
    ):
        assert verify(people, [ASC, ANN, BOB], {"builder": 1, "approver": 2}, **entries)


def test_two_keys_of_one_person_count_once(people, refused):
    with refused("FERRY-BUNDLE-012", "1 approver more"):
        verify(
            people,
            [ASC, ANN, BOB],
            {"approver": 2},
            builder={},
            ann=role("approver"),
            bob=dict(role("approver"), name="ann"),
        )


@pytest.mark.parametrize(
    "name, other", [("Ann", "ann"), ("ann", " ann "), ("Ann Lee", "ann\u00a0 lee"), ("Strauß", "STRAUSS")]
)
def test_names_that_a_reader_takes_for_one_are_one_person(people, refused, name, other):
    for entries in (
        {"builder": {"name": name}, "ann": dict(role("approver"), name=other)},
        {"builder": {"name": other}, "ann": dict(role("approver"), name=name)},
    ):
        with refused("FERRY-BUNDLE-012", "of another person"):
            verify(people, [ASC, ANN], {"builder": 1, "approver": 1}, **entries)
    apart = {"builder": {"name": "ann lee"}, "ann": dict(role("approver"), name="annlee")}
    assert [signer["name"] for signer in verify(people, [ASC, ANN], {"approver": 1}, **apart)] == ["annlee", "ann lee"]


def test_two_signatures_of_one_key_count_once(people, refused):
    signatures, known = people
    twice = {ASC: signatures[ASC], ANN: signatures[ANN], BOB: signatures[ANN]}
    trusted = [known["builder"], dict(known["ann"], roles=["approver"])]
    with refused("FERRY-BUNDLE-012", "1 approver more"):
        signing.verify(DATA, twice, trusted, {"approver": 2})


def test_an_approver_does_not_stand_in_for_the_builder(people, refused):
    for required in ({"builder": 1}, {"approver": 1}, {}, {"builder": 0}):
        with refused("FERRY-BUNDLE-012", "signed by ann (approver)", "1 builder"):
            verify(people, [ANN], required, ann=role("approver"))


def test_without_any_signature_nothing_is_enough(people, refused):
    with refused("FERRY-BUNDLE-012", "signed by nobody"):
        verify(people, [], {}, builder={})


def test_a_role_that_nobody_can_have_is_never_filled(people, refused):
    with refused("FERRY-BUNDLE-012", "1 auditor"):
        verify(people, [ASC], {"auditor": 1}, builder=role("builder", "auditor"))


def test_a_signature_that_nobody_asked_for_has_to_be_a_good_one_all_the_same(people, refused):
    with refused("FERRY-BUNDLE-003", EVE):
        verify(people, [ASC, EVE], {"builder": 1}, builder={})
    with refused("FERRY-BUNDLE-003", EVE):
        verify(people, [ASC, EVE], {"builder": 1}, builder={}, eve=role())
    signatures, known = people
    with refused("FERRY-BUNDLE-002", EVE):
        signing.verify(DATA, dict(signatures, **{EVE: b"x"}), list(known.values()), {"builder": 1})


def test_a_gpg_signature_under_the_name_of_an_ssh_one_is_refused(people, refused):
    signatures, known = people
    for name, other in ((SIG, ASC), (ASC, SIG)):
        with refused("FERRY-BUNDLE-002", name):
            signing.verify(DATA, {name: signatures[other]}, list(known.values()), {"builder": 1})


def test_more_signatures_than_anyone_needs_are_refused_unread(people, refused):
    many = {signing.file_name("ssh", "p%d" % number): b"" for number in range(signing.MOST + 1)}
    with refused("FERRY-BUNDLE-002", "at most 16"):
        signing.verify(DATA, many, [], {"builder": 1})


def test_a_signature_too_big_to_be_one_is_refused_unread(refused):
    for name, write in ((ASC, armor.write_pgp), (SIG, armor.write_ssh)):
        with refused("FERRY-BUNDLE-002", name, "at most 16384 bytes"):
            signing.verify(DATA, {name: write(b"x" * signing.LIMIT)}, [], {"builder": 1})


def test_an_entry_trusts_for_its_own_backend_only(people, refused):
    with refused("FERRY-BUNDLE-003"):
        verify(people, [ASC], {"builder": 1}, builder={"backend": "ssh"})


# Over


@pytest.mark.fault(12)
@pytest.mark.parametrize("file, who", [(ASC, "builder"), (ANN, "ann")])
def test_a_key_that_the_inventory_calls_revoked_is_refused_by_its_holders_name(people, refused, file, who):
    with refused("FERRY-BUNDLE-014", file, "by %s " % who, "marked as revoked"):
        verify(people, [file], {"builder": 1}, **{who: {"revoked": True}})
    assert verify(people, [file], {"builder": 1}, **{who: {"revoked": False, "expires": None}})


def test_one_entry_that_revokes_a_key_is_enough(people, refused):
    signatures, known = people
    for order in (1, -1):
        trusted = [known["ann"], dict(known["ann"], name="ann, her stolen laptop", revoked=True)][::order]
        with refused("FERRY-BUNDLE-014"):
            signing.verify(DATA, {ANN: signatures[ANN]}, trusted, {"builder": 1})


@pytest.mark.parametrize("file, who", [(ASC, "builder"), (ANN, "ann")])
def test_a_key_expires_when_its_day_begins_on_the_depots_clock(people, refused, file, who):
    begins = datetime.datetime(2030, 3, 1, tzinfo=datetime.timezone.utc).timestamp()
    until = {who: {"expires": "2030-03-01"}}
    assert verify(people, [file], {"builder": 1}, begins - 1, **until)
    for now in (begins, begins + 1e8):
        with refused("FERRY-BUNDLE-014", who, "expired on 2030-03-01"):
            verify(people, [file], {"builder": 1}, now, **until)


@pytest.mark.parametrize("day", ["soon", "2030-02-30", "2030-03-01T00:00:00", "20300301", 20300301, "", " "])
def test_a_day_that_cannot_be_read_is_over(people, refused, day):
    with refused("FERRY-BUNDLE-014"):
        verify(people, [ANN], {"builder": 1}, ann={"expires": day})


def test_the_commands_of_the_guide_make_signatures_that_are_taken(keys, ssh_keys, trusted, tmp_path):
    guide = pathlib.Path(__file__).resolve().parents[5] / "docs" / "signing.md"
    commands = re.findall("^```bash\n(.*?)\n```", guide.read_text(encoding="utf-8"), re.M | re.S)
    (tmp_path / "statement.json").write_bytes(DATA)
    for command in commands:
        own = command.replace("0123456789ABCDEF0123456789ABCDEF01234567", keys.make("builder"))
        own = own.replace("~/.ssh/id_ed25519", ssh_keys.make("ann"))
        subprocess.run(["sh", "-ec", own], cwd=str(tmp_path), env=dict(os.environ, GNUPGHOME=keys.home), check=True)
        made = signing.read_all(str(tmp_path))
        assert len(made) == 1 and signing.verify(DATA, made, [*trusted, ssh_keys.trusted("ann")], signing.REQUIRED)
        os.unlink(str(tmp_path / list(made)[0]))
    assert len(commands) == 2


def test_what_plain_gpg_makes_by_hand_has_the_same_name_and_is_taken(keys, trusted, tmp_path):
    paper = tmp_path / "statement.json"
    paper.write_bytes(DATA)
    base = ["gpg", "--homedir", keys.home, "--batch", "--local-user", keys.make("builder"), "--armor", "--detach-sign"]
    subprocess.run([*base, str(paper)], check=True, capture_output=True)
    assert os.listdir(str(tmp_path)) and signing.verify(
        DATA, signing.read_all(str(tmp_path)), trusted, signing.REQUIRED
    )
    subprocess.run([*base, "--output", str(paper) + ".ann.asc", str(paper)], check=True, capture_output=True)
    assert sorted(signing.read_all(str(tmp_path))) == ["statement.json.ann.asc", "statement.json.asc"]
