# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures by the real gpg: exactly one good signature of a trusted builder is taken, and everything else is refused."""

from __future__ import annotations

import base64
import os
import pathlib
import shutil
import subprocess

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import armor, program, signing
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError

DATA = b'{"name":"tf","serial":1795000000}\n'
CANARY = "canary-3f0c4e0d-passphrase"
ASC = signing.file_name("gpg")
PAST = ("--faked-system-time", "20200101T000000!")


def verify(data, signature, trusted_keys):
    """The one signer of ``data``."""
    return signing.verify(data, {ASC: signature}, trusted_keys, signing.REQUIRED)[0]


@pytest.fixture(scope="module")
def signature(keys):
    return keys.sign(DATA, "builder")


def armoured(body):
    """The body of a signature as gpg would write it: what an attacker who repairs the checksum makes."""
    return armor.write_pgp(bytes(body))


def body_of(signature):
    return base64.b64decode(b"".join(signature.split(b"\n")[2:-3]))


def test_a_good_signature_names_the_builder(keys, trusted, signature):
    found = verify(DATA, signature, trusted)
    fingerprint = keys.make("builder")
    assert found == {"name": "builder", "backend": "gpg", "fingerprint": fingerprint, "roles": ["builder"], "file": ASC}


def test_what_sign_makes_verify_takes(keys, trusted):
    wanted = {"backend": "gpg", "key": keys.make("builder"), "home": keys.home}
    made = signing.sign(DATA, wanted)
    assert verify(DATA, made, trusted)["fingerprint"] == keys.make("builder")
    assert signing.is_signed_by(DATA, made, wanted) and not signing.is_signed_by(DATA + b" ", made, wanted)
    assert len(made) < signing.LIMIT


def test_a_key_named_by_its_address_signs_too(keys, trusted):
    assert verify(DATA, signing.sign(DATA, {"key": "builder", "home": keys.home}), trusted)


def test_a_fingerprint_in_lower_case_is_the_same(keys, signature):
    assert verify(DATA, signature, [keys.trusted("builder", fingerprint=keys.make("builder").lower())])


def test_a_signing_subkey_is_judged_by_its_primary_key(keys):
    keys.make("primary")
    keys.gpg(
        "--passphrase",
        "",
        "--pinentry-mode",
        "loopback",
        "--quick-add-key",
        keys.make("primary"),
        "ed25519",
        "sign",
        "never",
    )
    made = keys.sign(DATA, "primary")
    assert verify(DATA, made, [keys.trusted("primary")])["fingerprint"] == keys.make("primary")


def test_a_changed_byte_of_the_data_is_refused(refused, trusted, signature):
    for position in (0, len(DATA) // 2, len(DATA) - 1):
        changed = bytearray(DATA)
        changed[position] ^= 1
        with refused("FERRY-BUNDLE-002", "BADSIG", "statement.json"):
            verify(bytes(changed), signature, trusted)


@pytest.mark.parametrize("data", [b"", DATA + b"\n", DATA[:-1], DATA.replace(b"\n", b"\r\n")])
def test_other_data_is_refused(refused, trusted, signature, data):
    with refused("FERRY-BUNDLE-002"):
        verify(data, signature, trusted)


def test_a_flipped_bit_in_every_byte_of_the_signature_file_is_refused(trusted, signature):
    passed = []
    for position in range(len(signature)):
        changed = bytearray(signature)
        changed[position] ^= 1 << position % 8
        try:
            verify(DATA, bytes(changed), trusted)
            passed.append(position)
        except FerryError as error:
            assert error.code == "FERRY-BUNDLE-002" and ASC in error.message
    assert passed == []


def test_a_flipped_bit_under_a_repaired_checksum_never_passes_where_it_means_something(keys, trusted, signature):
    body = body_of(signature)
    assert armoured(body) == signature
    # A signature covers all but its own envelope: the unhashed area with its lengths (type and id of the key; whether gpg
    # stumbles over a changed length hangs on the last byte of the key's id), two bytes of the digest, the bit counts of the
    # two numbers that it consists of, and its whole length, where that promises a byte after the end of the file.
    hint = body.rindex(bytes.fromhex(keys.make("builder"))[-8:])
    first = hint + 10
    second = first + 2 + (int.from_bytes(body[first : first + 2], "big") + 7) // 8
    envelope = {1, *range(hint - 4, first + 2), second, second + 1}
    passed = []
    for position in range(len(body)):
        changed = bytearray(body)
        changed[position] ^= 1
        try:
            found = verify(DATA, armoured(changed), trusted)
            assert found["fingerprint"] == keys.make("builder")
            passed.append(position)
        except FerryError as error:
            assert error.code in ["FERRY-BUNDLE-" + number for number in ("002", "003", "011", "013", "014")]
    assert set(passed) <= envelope, passed


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: b"",
        lambda text: text[:-1],
        lambda text: text + b"\n",
        lambda text: b"\n" + text,
        lambda text: text + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.replace(b"-----\n\n", b"-----\nComment: x\n\n", 1),
        lambda text: text.replace(b"-----\n\n", b"-----\nVersion: GnuPG v2\n\n", 1),
        lambda text: text.replace(b"\n=", b" \n="),
        lambda text: b"\n".join(line for line in text.split(b"\n") if not line.startswith(b"=")),
        lambda text: text.replace(b"PGP SIGNATURE", b"PGP MESSAGE"),
        body_of,
        lambda text: armoured(b""),
        lambda text: b"\xff" * 300,
    ],
)
def test_a_signature_in_another_spelling_is_refused(refused, trusted, signature, spell):
    with refused("FERRY-BUNDLE-002", ASC):
        verify(DATA, spell(signature), trusted)


def test_two_signatures_in_one_file_are_refused(refused, keys, trusted):
    keys.make("second")
    both = keys.sign(DATA, "builder", "second")
    assert armor.pgp_body(both)
    for known in (trusted, [*trusted, keys.trusted("second")]):
        with refused("FERRY-BUNDLE-002", "expected one good signature"):
            verify(DATA, both, known)


def test_the_same_signature_twice_is_refused(refused, trusted, signature):
    with refused("FERRY-BUNDLE-002", "expected one good signature"):
        verify(DATA, armoured(body_of(signature) * 2), trusted)


@pytest.mark.fault(11)
def test_a_key_that_nobody_trusts_is_refused_by_its_id(refused, keys, trusted):
    unknown = keys.make("stranger")
    with refused("FERRY-BUNDLE-003", unknown[-16:], "ferry_trusted_keys"):
        verify(DATA, keys.sign(DATA, "stranger"), trusted)


def test_without_trusted_keys_nothing_is_trusted(refused, signature):
    with refused("FERRY-BUNDLE-003"):
        verify(DATA, signature, [])


def test_a_fingerprint_of_another_key_than_the_one_given_is_refused(refused, keys):
    keys.make("stranger")
    made = keys.sign(DATA, "stranger")
    with refused("FERRY-BUNDLE-003", keys.make("stranger")):
        verify(DATA, made, [keys.trusted("stranger", fingerprint=keys.make("builder"))])


def test_a_second_key_in_a_trusted_entry_is_not_trusted(refused, keys):
    keys.make("stranger")
    smuggled = keys.trusted("builder")["key"] + keys.trusted("stranger")["key"]
    with refused("FERRY-BUNDLE-003", keys.make("stranger")):
        verify(DATA, keys.sign(DATA, "stranger"), [keys.trusted("builder", key=smuggled)])


def test_the_end_of_a_fingerprint_is_not_enough(refused, keys, signature):
    for part in (keys.make("builder")[-16:], keys.make("builder")[-39:], ""):
        with refused("FERRY-BUNDLE-003"):
            verify(DATA, signature, [keys.trusted("builder", fingerprint=part)])


def test_a_key_without_the_role_builder_is_refused(refused, keys, signature):
    with refused("FERRY-BUNDLE-003"):
        verify(DATA, signature, [keys.trusted("builder", roles=[])])


@pytest.mark.parametrize(
    "key", ["", "no key at all", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"]
)
def test_a_trusted_entry_whose_key_is_no_key_trusts_nobody(refused, keys, signature, key):
    broken = [keys.trusted("builder", key=key), dict(keys.trusted("builder", key="x"), name="old team")]
    with refused("FERRY-BUNDLE-003", "no key in the text of the entry builder, old team"):
        verify(DATA, signature, broken)
    assert verify(DATA, signature, [*broken, keys.trusted("builder")])


def test_the_entries_are_not_blamed_where_their_keys_can_be_read(refused, keys, trusted):
    keys.make("stranger")
    with refused("FERRY-BUNDLE-003") as caught:
        verify(DATA, keys.sign(DATA, "stranger"), trusted)
    assert "in the text" not in caught.message


def test_an_expired_key_is_refused(refused, keys):
    keys.make("expired", *PAST, expires="2d")
    made = keys.sign(DATA, "expired", options=("--faked-system-time", "20200101T010000!"))
    with refused("FERRY-BUNDLE-014", "an expired key", keys.make("expired")):
        verify(DATA, made, [keys.trusted("expired")])


def test_an_expired_signature_is_refused(refused, keys):
    keys.make("old", *PAST)
    made = keys.sign(DATA, "old", options=("--faked-system-time", "20200101T010000!", "--default-sig-expire", "2d"))
    with refused("FERRY-BUNDLE-014", "a signature that has expired"):
        verify(DATA, made, [keys.trusted("old")])


@pytest.mark.fault(12)
def test_a_revoked_key_is_refused(refused, keys):
    fingerprint = keys.make("revoked")
    made = keys.sign(DATA, "revoked")
    assert verify(DATA, made, [keys.trusted("revoked")])
    certificate = (
        pathlib.Path(keys.home, "openpgp-revocs.d", fingerprint + ".rev").read_bytes().replace(b"\n:---", b"\n---")
    )
    keys.gpg("--import", data=certificate)
    with refused("FERRY-BUNDLE-014", "a revoked key", fingerprint):
        verify(DATA, made, [keys.trusted("revoked")])


@pytest.mark.fault(15)
@pytest.mark.parametrize("algorithm, number", [("MD5", "1"), ("SHA1", "2"), ("RIPEMD160", "3"), ("SHA224", "11")])
def test_a_weak_hash_is_refused(refused, keys, algorithm, number):
    keys.make("rsa", algorithm="rsa3072")
    made = keys.sign(DATA, "rsa", options=("--digest-algo", algorithm, "--allow-weak-digest-algos"))
    with refused("FERRY-BUNDLE-011", "hash algorithm %s" % number):
        verify(DATA, made, [keys.trusted("rsa")])


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
def test_a_strong_hash_of_an_rsa_key_is_taken(keys, algorithm):
    keys.make("rsa", algorithm="rsa3072")
    assert verify(DATA, keys.sign(DATA, "rsa", options=("--digest-algo", algorithm)), [keys.trusted("rsa")])


@pytest.mark.parametrize("algorithm, told", [("rsa2048", "2048 bits (RSA)"), ("dsa2048", "algorithm 17 of RFC 4880")])
def test_a_weak_key_is_refused_even_when_it_is_trusted_and_signs_nothing(refused, keys, algorithm, told):
    fingerprint = keys.make(algorithm, algorithm=algorithm)
    with refused("FERRY-BUNDLE-011", ASC, told, "at least 3072 bits"):
        verify(DATA, keys.sign(DATA, algorithm, options=("--digest-algo", "SHA256")), [keys.trusted(algorithm)])
    with refused("FERRY-BUNDLE-011", fingerprint, told):
        signing.sign(DATA, {"key": fingerprint, "home": keys.home})


def test_it_is_the_subkey_that_signs_whose_length_counts(refused, keys):
    """Each way round: a short subkey of a strong key, and a long one of a weak key."""
    for name, primary, subkey, good in (("short", "ed25519", "rsa2048", False), ("long", "rsa2048", "rsa3072", True)):
        fingerprint = keys.make(name, algorithm=primary)
        keys.gpg("--passphrase", "", "--pinentry-mode", "loopback", "--quick-add-key", fingerprint, subkey, "sign")
        made = keys.sign(DATA, name)
        if good:
            assert verify(DATA, made, [keys.trusted(name)])["fingerprint"] == fingerprint
        else:
            with refused("FERRY-BUNDLE-011", "2048 bits"):
                verify(DATA, made, [keys.trusted(name)])


def test_a_curve_of_nist_is_taken(keys):
    keys.make("nist", algorithm="nistp256")
    assert verify(DATA, signing.sign(DATA, {"key": "nist", "home": keys.home}), [keys.trusted("nist")])


@pytest.mark.parametrize(
    "options", [("--comment", "mine", "--emit-version"), ("--textmode",), ("--digest-algo", "SHA1")]
)
def test_what_a_depot_refuses_is_no_good_signature_to_its_signer_either(refused, keys, trusted, options):
    made = keys.sign(DATA, "builder", options=options)
    with refused("FERRY-BUNDLE-0" + {"--comment": "02", "--textmode": "13", "--digest-algo": "11"}[options[0]]):
        verify(DATA, made, trusted)
    assert not signing.is_signed_by(DATA, made, {"key": keys.make("builder"), "home": keys.home})


def test_a_key_that_has_expired_since_made_no_good_signature_to_its_signer_either(keys):
    keys.make("lapsed", *PAST, expires="2d")
    made = keys.sign(DATA, "lapsed", options=("--faked-system-time", "20200101T010000!"))
    assert not signing.is_signed_by(DATA, made, {"key": "lapsed", "home": keys.home})


def test_the_signature_of_another_key_is_not_the_signers(keys):
    keys.make("stranger")
    made = keys.sign(DATA, "stranger")
    assert signing.is_signed_by(DATA, made, {"key": keys.make("stranger"), "home": keys.home})
    # The last names both keys, and gpg would sign with the first.
    for key in (keys.make("builder"), "nobody@nowhere", "er"):
        assert not signing.is_signed_by(DATA, made, {"key": key, "home": keys.home})


def test_a_signature_made_for_text_is_refused(refused, keys, trusted):
    made = keys.sign(DATA, "builder", options=("--textmode",))
    with refused("FERRY-BUNDLE-013", ASC, "class 01"):
        verify(DATA, made, trusted)


def test_a_signature_that_carries_its_own_data_is_refused(refused, keys, trusted):
    for how in ("--sign", "--clearsign"):
        made = keys.gpg("--armor", "--local-user", keys.make("builder"), how, data=DATA)
        with refused("FERRY-BUNDLE-002"):
            verify(DATA, made, trusted)


def test_what_the_users_own_gpg_is_told_changes_no_verdict(keys, trusted, signature, tmp_path, monkeypatch, refused):
    keys.make("stranger")
    (tmp_path / "gpg.conf").write_text("ignore-time-conflict\nweak-digest SHA512\n")
    os.chmod(str(tmp_path), 0o700)
    monkeypatch.setenv("GNUPGHOME", str(tmp_path))
    keys.gpg("--no-autostart", "--import", data=keys.trusted("stranger")["key"].encode(), home=str(tmp_path))
    assert verify(DATA, signature, trusted)
    with refused("FERRY-BUNDLE-003"):
        verify(DATA, keys.sign(DATA, "stranger"), trusted)


def test_a_comment_that_the_builders_gpg_writes_does_not_spoil_the_signature(keys, trusted):
    configuration = os.path.join(keys.home, "gpg.conf")
    with open(configuration, "w", encoding="utf-8") as stream:
        stream.write("comment built with pride\nemit-version\n")
    try:
        made = signing.sign(DATA, {"key": keys.make("builder"), "home": keys.home})
    finally:
        os.unlink(configuration)
    assert verify(DATA, made, trusted)


def test_verifying_leaves_nothing_behind(trusted, signature, monkeypatch, refused):
    made = []
    real = program.tempfile.mkdtemp

    def record(*arguments, **options):
        made.append(real(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(program.tempfile, "mkdtemp", record)
    verify(DATA, signature, trusted)
    with refused("FERRY-BUNDLE-002"):
        verify(b"other", signature, trusted)
    assert len(made) == 2 and not any(map(os.path.exists, made))


def test_a_home_with_a_path_too_long_for_the_agents_socket_works(keys, trusted, tmp_path, monkeypatch):
    home = tmp_path.joinpath("deep" * 15, "deeper" * 15)
    home.parent.mkdir(parents=True)
    shutil.copytree(keys.home, str(home), ignore=shutil.ignore_patterns("S.*", "*.lock", ".#*"))
    os.chmod(str(home), 0o700)
    assert len(str(home)) > 108
    links = []
    real = program.tempfile.mkdtemp
    monkeypatch.setattr(
        program.tempfile, "mkdtemp", lambda *some, **more: links.append(real(*some, **more)) or links[-1]
    )
    made = signing.sign(DATA, {"key": keys.make("builder"), "home": str(home)})
    assert verify(DATA, made, trusted)["fingerprint"] == keys.make("builder")
    assert not any(map(os.path.exists, links))


@pytest.fixture
def forgetful(keys):
    """Make the agent forget the passphrase that the key was made with, or signed with before."""

    def forget():
        subprocess.run(["gpgconf", "--homedir", keys.home, "--kill", "gpg-agent"], check=True)

    return forget


@pytest.mark.parametrize("option", ["passphrase", "passphrase_file"])
def test_a_passphrase_comes_from_its_file_or_the_inventory_and_is_never_seen(
    keys, tmp_path, overheard, refused, forgetful, option
):
    keys.make("locked", passphrase=CANARY)
    forgetful()
    overheard.clear()
    wanted = {"key": keys.make("locked"), "home": keys.home}
    wrong, right = CANARY + "-not", CANARY
    if option == "passphrase_file":
        for name, text in (("wrong", wrong), ("right", right)):
            (tmp_path / name).write_text(text + "\nmore that is no part of it\n")
        wrong, right = str(tmp_path / "wrong"), str(tmp_path / "right")
    with refused("FERRY-SIGN-001", keys.make("locked"), "ferry_signing") as caught:
        signing.sign(DATA, dict(wanted, **{option: wrong}))
    made = signing.sign(DATA, dict(wanted, **{option: right}))
    assert len([words for words in overheard if "--detach-sign" in words]) == 2
    assert not any(CANARY in words for words in [*overheard, caught.message, made.decode()])
    assert verify(DATA, made, [keys.trusted("locked")])


def test_a_passphrase_file_that_was_written_on_windows_is_read(keys, refused, tmp_path):
    wanted = {"key": keys.make("locked", passphrase=CANARY), "home": keys.home}
    wanted["passphrase_file"] = str(tmp_path / "secret")
    (tmp_path / "secret").write_bytes(CANARY.encode() + b"\r\nmore\r\n")
    assert signing.sign(DATA, wanted)
    (tmp_path / "secret").write_bytes(CANARY.encode() + b"\r\r\n")
    with refused("FERRY-SIGN-001", "ad passphrase"):
        signing.sign(DATA, wanted)


def test_a_passphrase_that_nobody_gives_is_an_error_in_time(keys, refused, forgetful):
    keys.make("locked", passphrase=CANARY)
    forgetful()
    with refused("FERRY-SIGN-001", "ferry_signing"):
        signing.sign(DATA, {"key": keys.make("locked"), "home": keys.home, "passphrase_file": os.devnull})


def test_gpg_agent_keeps_no_passphrase_of_ours_and_a_wrong_one_does_not_pass_for_one_that_it_kept(
    keys, refused, forgetful
):
    fingerprint = keys.make("locked", passphrase=CANARY)
    keys.gpg("--pinentry-mode", "loopback", "--passphrase", CANARY, "--quick-add-key", fingerprint, "ed25519", "sign")
    forgetful()
    for wanted in ({"key": fingerprint, "home": keys.home}, {"key": "locked", "home": keys.home}):
        given = ("--pinentry-mode", "loopback", "--passphrase", CANARY)
        keys.gpg(*given, "--local-user", fingerprint, "--detach-sign", data=DATA)
        with refused("FERRY-SIGN-001", "ad passphrase"):
            signing.sign(DATA, dict(wanted, passphrase=CANARY + "-not"))
        assert signing.sign(DATA, dict(wanted, passphrase=CANARY))
        with pytest.raises(subprocess.CalledProcessError):
            keys.gpg("--pinentry-mode", "error", "--local-user", fingerprint, "--detach-sign", data=DATA)


def test_a_passphrase_that_the_holder_gave_the_agent_stays_there(keys, forgetful):
    fingerprint = keys.make("locked", passphrase=CANARY)
    forgetful()
    given = ("--pinentry-mode", "loopback", "--passphrase", CANARY, "--local-user", fingerprint, "--detach-sign")
    keys.gpg(*given, data=DATA)
    for _time in range(2):
        assert signing.sign(DATA, {"key": fingerprint, "home": keys.home})


def test_an_agent_that_does_not_forget_is_named(keys, refused, tmp_path, monkeypatch):
    keys.make("locked", passphrase=CANARY)
    deaf = tmp_path / "gpg-connect-agent"
    deaf.write_text("#!/bin/sh\necho ERR 67109115 Forbidden\n")
    deaf.chmod(0o755)
    monkeypatch.setenv("PATH", "%s%s%s" % (tmp_path, os.pathsep, os.environ["PATH"]))
    with refused("FERRY-SIGN-001", "Forbidden", "--kill gpg-agent"):
        signing.sign(DATA, {"key": "locked", "home": keys.home, "passphrase": CANARY})


@pytest.mark.parametrize("key", ["0" * 40, "nobody@nowhere", ""])
def test_a_key_that_is_not_there_cannot_sign(refused, keys, key):
    with refused("FERRY-SIGN-001", "ferry_signing"):
        signing.sign(DATA, {"key": key, "home": keys.home})


def test_a_gpg_that_hangs_is_ended_in_time(refused, trusted, signature, tmp_path, monkeypatch):
    slow = tmp_path / "gpg"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", "%s%s%s" % (tmp_path, os.pathsep, os.environ["PATH"]))
    monkeypatch.setattr(program, "SECONDS", 0.5)
    with refused("FERRY-BUNDLE-002", "gave no answer"):
        verify(DATA, signature, trusted)


def test_a_gpg_that_says_good_by_its_exit_code_alone_is_not_believed(
    refused, trusted, signature, tmp_path, monkeypatch
):
    liar = tmp_path / "gpg"
    liar.write_text("#!/bin/sh\nexit 0\n")
    liar.chmod(0o755)
    monkeypatch.setenv("PATH", "%s%s%s" % (tmp_path, os.pathsep, os.environ["PATH"]))
    with refused("FERRY-BUNDLE-002", "found none"):
        verify(DATA, signature, trusted)


def test_without_gpg_the_package_is_named(refused, trusted, signature, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with refused("FERRY-TOOL-002", "gnupg"):
        verify(DATA, signature, trusted)
    with refused("FERRY-TOOL-002", "gnupg"):
        signing.sign(DATA, {"key": "builder"})
