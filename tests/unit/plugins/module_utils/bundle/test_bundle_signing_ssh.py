# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures by the real ssh-keygen: one good signature of our namespace by a strong, trusted key is taken, and everything else is refused."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import armor, program, signing, ssh
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError

DATA = b'{"name":"tf","serial":1795000000}\n'
CANARY = "canary-3f0c4e0d-passphrase"
SIG = signing.file_name("ssh")


def verify(data, signature, trusted_keys):
    """The one signer of ``data``."""
    return signing.verify(data, {SIG: signature}, trusted_keys, signing.REQUIRED)[0]


@pytest.fixture(scope="module")
def signature(ssh_keys):
    return ssh_keys.sign(DATA, "builder")


@pytest.fixture(scope="module")
def trusted(ssh_keys):
    return [ssh_keys.trusted("builder")]


def packed(*fields):
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def fields_of(data):
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found


def rewritten(signature, **changes):
    """The signature with other fields: ``version``, ``key``, ``namespace``, ``reserved``, ``hashed``, ``signed``, ``more``."""
    body = armor.ssh_body(signature)
    names = ("key", "namespace", "reserved", "hashed", "signed")
    fields = dict(zip(names, fields_of(body[10:])), version=b"\0\0\0\1", magic=b"SSHSIG", more=b"")
    fields.update(changes)
    whole = fields["magic"] + fields["version"] + packed(*(fields[name] for name in names)) + fields["more"]
    return armor.write_ssh(whole)


def test_a_good_signature_names_the_signer(ssh_keys, trusted, signature):
    assert rewritten(signature) == signature
    fingerprint = ssh_keys.fingerprint("builder")
    assert verify(DATA, signature, trusted) == {
        "name": "builder",
        "backend": "ssh",
        "fingerprint": fingerprint,
        "roles": ["builder"],
        "file": "statement.json.sig",
    }


@pytest.mark.parametrize(
    "kind, bits", [("ed25519", None), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("rsa", 3072)]
)
def test_what_sign_makes_verify_takes(ssh_keys, kind, bits):
    name = "%s-%s" % (kind, bits)
    wanted = {"backend": "ssh", "key": ssh_keys.make(name, kind, bits)}
    made = signing.sign(DATA, wanted)
    assert len(made) < signing.LIMIT
    assert verify(DATA, made, [ssh_keys.trusted(name)])["fingerprint"] == ssh_keys.fingerprint(name)
    assert signing.is_signed_by(DATA, made, wanted)
    assert not signing.is_signed_by(DATA + b" ", made, wanted)
    assert not signing.is_signed_by(DATA, made, dict(wanted, key=ssh_keys.make("builder")))
    assert not signing.is_signed_by(DATA, ssh_keys.sign(DATA, name, "git"), wanted)
    assert not signing.is_signed_by(DATA, b"", wanted)


def test_a_signature_made_by_hand_has_the_same_name_and_is_taken(ssh_keys, trusted, tmp_path):
    paper = tmp_path / "statement.json"
    paper.write_bytes(DATA)
    command = ["ssh-keygen", "-Y", "sign", "-n", "statement@airgap.ferry", "-f", ssh_keys.make("builder"), str(paper)]
    subprocess.run(command, check=True, capture_output=True)
    assert verify(DATA, signing.read_all(str(tmp_path))[SIG], trusted)


@pytest.mark.parametrize("data", [b"", DATA + b"\n", DATA[:-1], b"X" + DATA[1:]])
def test_other_data_is_refused(refused, trusted, signature, data):
    with refused("FERRY-BUNDLE-002", SIG, "incorrect signature"):
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
            assert SIG in error.message
    assert passed == []


def test_a_flipped_bit_in_every_byte_of_the_body_is_refused(trusted, signature):
    body = armor.ssh_body(signature)
    passed = []
    for position in range(len(body)):
        changed = bytearray(body)
        changed[position] ^= 1
        try:
            verify(DATA, armor.write_ssh(bytes(changed)), trusted)
            passed.append(position)
        except FerryError as error:
            assert error.code in ["FERRY-BUNDLE-" + number for number in ("002", "003", "011", "013")]
    assert passed == []


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: b"",
        lambda text: text[:-1],
        lambda text: text + b"\n",
        lambda text: b"\n" + text,
        lambda text: text + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.replace(b"-----\n", b"-----\nComment: x\n", 1),
        lambda text: text.replace(b"SSH SIGNATURE", b"PGP SIGNATURE"),
        armor.ssh_body,
        lambda text: armor.write_ssh(b""),
        lambda text: armor.write_ssh(b"SSHSIG"),
        lambda text: armor.write_ssh(armor.ssh_body(text)[:-1]),
        lambda text: rewritten(text, more=b"\0"),
        lambda text: rewritten(text, magic=b"SSHSIH"),
        lambda text: rewritten(text, version=b"\0\0\0\2"),
        lambda text: rewritten(text, reserved=b"x"),
        lambda text: rewritten(text, signed=b""),
        lambda text: rewritten(text, key=b"\xff\xff\xff\xff"),
        lambda text: rewritten(text, hashed=b"\xff"),
        lambda text: rewritten(text, namespace=b"\xff"),
        lambda text: rewritten(text, signed=fields_of(armor.ssh_body(text)[10:])[4] + b"\0"),
        lambda text: b"\xff" * 300,
    ],
)
def test_a_signature_in_another_spelling_is_refused(refused, trusted, signature, spell):
    with refused("FERRY-BUNDLE-002", SIG, "exactly as ssh-keygen writes it"):
        verify(DATA, spell(signature), trusted)


@pytest.mark.fault(14)
@pytest.mark.parametrize("namespace", ["git", "file", "statement@airgap.ferry.example", "Statement@airgap.ferry"])
def test_a_signature_made_for_another_purpose_is_refused(refused, ssh_keys, trusted, namespace):
    made = ssh_keys.sign(DATA, "builder", namespace)
    with refused("FERRY-BUNDLE-013", SIG, namespace):
        verify(DATA, made, trusted)
    with refused("FERRY-BUNDLE-002"):
        verify(DATA, rewritten(made, namespace=ssh.NAMESPACE.encode()), trusted)


@pytest.mark.parametrize(
    "kind, bits, told", [("rsa", 2048, "an RSA key of 2048 bits"), ("dsa", None, "a key of type ssh-dss")]
)
def test_a_weak_key_is_refused_even_when_it_is_trusted_and_signs_nothing(refused, ssh_keys, kind, bits, told):
    try:
        path = ssh_keys.make("weak-" + kind, kind, bits)
    except subprocess.CalledProcessError:
        pytest.skip("this ssh-keygen makes no such key any more")
    made = ssh_keys.sign(DATA, "weak-" + kind)
    with refused("FERRY-BUNDLE-011", SIG, told):
        verify(DATA, made, [ssh_keys.trusted("weak-" + kind)])
    assert not signing.is_signed_by(DATA, made, {"backend": "ssh", "key": path})
    with refused("FERRY-BUNDLE-011", path, told):
        signing.sign(DATA, {"backend": "ssh", "key": path})


@pytest.mark.fault(15)
def test_a_weak_hash_is_refused(refused, ssh_keys, trusted, signature):
    for weak in (b"sha1", b"md5", b""):
        with refused("FERRY-BUNDLE-011", SIG, "hash algorithm " + weak.decode()):
            verify(DATA, rewritten(signature, hashed=weak), trusted)
    # An RSA key may hash with SHA-1 in its own algorithm, whatever hash the data has.
    ssh_keys.make("rsa", "rsa", 3072)
    made = ssh_keys.sign(DATA, "rsa")
    algorithm, number = fields_of(fields_of(armor.ssh_body(made)[10:])[4])
    assert algorithm == b"rsa-sha2-512"
    with refused("FERRY-BUNDLE-011", "signature algorithm ssh-rsa"):
        verify(DATA, rewritten(made, signed=packed(b"ssh-rsa", number)), [ssh_keys.trusted("rsa")])


@pytest.mark.parametrize("touched", [True, False])
def test_a_security_key_signs_when_its_holder_touches_it(refused, touched):
    """The token is this test: its key is real, its counter and flags are what a token would say."""
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    secret = ed25519.Ed25519PrivateKey.generate()
    kind, application = b"sk-ssh-ed25519@openssh.com", b"ssh:"
    key = packed(kind, secret.public_key().public_bytes_raw(), application)
    blob = packed(ssh.NAMESPACE.encode(), b"", b"sha512", hashlib.sha512(DATA).digest())
    flags, counter = bytes([int(touched)]), b"\0\0\0\7"
    asked = hashlib.sha256(application).digest() + flags + counter + hashlib.sha256(b"SSHSIG" + blob).digest()
    signed = packed(kind, secret.sign(asked)) + flags + counter
    made = armor.write_ssh(b"SSHSIG\0\0\0\1" + packed(key, ssh.NAMESPACE.encode(), b"", b"sha512", signed))
    entry = {"name": "token", "backend": "ssh", "fingerprint": ssh._fingerprint(key), "roles": ["builder"]}
    entry["key"] = "%s %s" % (kind.decode(), ssh.base64.b64encode(key).decode())
    if touched:
        assert verify(DATA, made, [entry])["name"] == "token"
    else:
        with refused("FERRY-BUNDLE-011", "nobody touched"):
            verify(DATA, made, [entry])


@pytest.mark.fault(11)
def test_a_key_that_nobody_trusts_is_refused_by_its_fingerprint(refused, ssh_keys, trusted):
    made = ssh_keys.sign(DATA, "stranger")
    for known in (trusted, []):
        with refused("FERRY-BUNDLE-003", ssh_keys.fingerprint("stranger"), "ferry_trusted_keys"):
            verify(DATA, made, known)


def test_a_key_beside_another_fingerprint_is_not_trusted(refused, ssh_keys, signature):
    stranger = ssh_keys.public("stranger")
    with refused("FERRY-BUNDLE-003", "the entry builder"):
        verify(DATA, signature, [ssh_keys.trusted("builder", key=stranger)])
    with refused("FERRY-BUNDLE-003"):
        verify(DATA, ssh_keys.sign(DATA, "stranger"), [ssh_keys.trusted("builder", key=stranger)])


@pytest.mark.parametrize(
    "spell",
    [
        lambda key: "",
        lambda key: "no key at all",
        lambda key: key.split()[1],
        lambda key: "ssh-rsa " + key.split()[1],
        lambda key: key.replace("ssh-ed25519", "cert-authority ssh-ed25519"),
        lambda key: key.replace(" ", " !", 1),
        lambda key: key + key,
        lambda key: "ssh-ed25519 AAAA",
    ],
)
def test_a_trusted_entry_whose_key_is_no_key_trusts_nobody(refused, ssh_keys, signature, spell):
    with refused("FERRY-BUNDLE-003"):
        verify(DATA, signature, [ssh_keys.trusted("builder", key=spell(ssh_keys.public("builder")))])


def test_a_part_of_a_fingerprint_or_another_case_is_not_enough(refused, ssh_keys, signature):
    whole = ssh_keys.fingerprint("builder")
    for part in (whole[:-1], whole[7:], whole.lower(), ""):
        with refused("FERRY-BUNDLE-003"):
            verify(DATA, signature, [ssh_keys.trusted("builder", fingerprint=part)])


def test_a_comment_or_none_beside_a_key_is_the_same_key(ssh_keys, signature):
    for key in (" ".join(ssh_keys.public("builder").split()[:2]), ssh_keys.public("builder").strip() + " of 2026"):
        assert verify(DATA, signature, [ssh_keys.trusted("builder", key=key)])


@pytest.mark.parametrize(
    "says",
    [
        "",
        "echo 'Good \"git\" signature for signer with ED25519 key %s'",
        "echo 'Good \"statement@airgap.ferry\" signature for somebody with ED25519 key %s'",
        "echo 'Good \"statement@airgap.ferry\" signature for signer with ED25519 key SHA256:AAAA'",
        "echo 'Good \"statement@airgap.ferry\" signature for signer with ED25519 key %s'; exit 1",
    ],
)
def test_an_ssh_keygen_that_does_not_say_all_of_it_is_not_believed(
    refused, ssh_keys, trusted, signature, tmp_path, monkeypatch, says
):
    liar = tmp_path / "ssh-keygen"
    liar.write_text("#!/bin/sh\n%s\n" % says.replace("%s", trusted[0]["fingerprint"]))
    liar.chmod(0o755)
    monkeypatch.setenv("PATH", "%s%s%s" % (tmp_path, os.pathsep, os.environ["PATH"]))
    with refused("FERRY-BUNDLE-002"):
        verify(DATA, signature, trusted)


def test_an_ssh_keygen_that_hangs_is_ended_in_time(refused, trusted, signature, tmp_path, monkeypatch):
    slow = tmp_path / "ssh-keygen"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", "%s%s%s" % (tmp_path, os.pathsep, os.environ["PATH"]))
    monkeypatch.setattr(program, "SECONDS", 0.5)
    with refused("FERRY-BUNDLE-002", "gave no answer"):
        verify(DATA, signature, trusted)


def test_without_ssh_keygen_the_package_is_named(refused, trusted, signature, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with refused("FERRY-TOOL-002", "openssh-client"):
        verify(DATA, signature, trusted)
    with refused("FERRY-TOOL-002", "openssh-client"):
        signing.sign(DATA, {"backend": "ssh", "key": "/nowhere"})


@pytest.fixture
def folders(monkeypatch):
    """Every private folder that was made, and what its plain files held at the end of each call."""
    made, held = [], []
    make, call = program.tempfile.mkdtemp, program.call

    def record(*arguments, **options):
        made.append(make(*arguments, **options))
        return made[-1]

    def look(*arguments, **options):
        done = call(*arguments, **options)
        for folder in filter(os.path.isdir, made):
            assert os.stat(folder).st_mode & 0o077 == 0
            for entry in os.scandir(folder):
                held.append(entry.name)
                # A folder that is mounted noexec would not let it run.
                assert entry.is_dir() or not entry.stat().st_mode & 0o111
                if entry.is_file():
                    with open(entry.path, "rb") as stream:
                        held.append(repr(stream.read()))
        return done

    monkeypatch.setattr(program.tempfile, "mkdtemp", record)
    monkeypatch.setattr(program, "call", look)
    yield held
    assert made and not any(map(os.path.exists, made))


@pytest.mark.parametrize("option", ["passphrase", "passphrase_file"])
@pytest.mark.parametrize("canary", [CANARY, "canary 3f0c \\n'\"$HOME `id` ü"], ids=["plain", "odd"])
def test_a_passphrase_comes_from_its_file_or_the_inventory_and_is_never_seen(
    ssh_keys, tmp_path, overheard, folders, refused, option, canary
):
    name = "locked-%d" % len(canary)
    path = ssh_keys.make(name, passphrase=canary)
    overheard.clear()
    wanted = {"backend": "ssh", "key": path}
    wrong, right = canary + "-not", canary
    if option == "passphrase_file":
        for file, text in (("wrong", wrong), ("right", right)):
            (tmp_path / file).write_text(text + "\nmore that is no part of it\n", encoding="utf-8")
        wrong, right = str(tmp_path / "wrong"), str(tmp_path / "right")
    with refused("FERRY-SIGN-001", path, "incorrect passphrase") as caught:
        signing.sign(DATA, dict(wanted, **{option: wrong}))
    made = signing.sign(DATA, dict(wanted, **{option: right}))
    assert "fifo" in folders and len(overheard) == 2
    assert not any(canary in words for words in [*overheard, *folders, caught.message, made.decode()])
    assert verify(DATA, made, [ssh_keys.trusted(name)])
    assert signing.is_signed_by(DATA, made, wanted), "whose key it is needs no passphrase"


def test_a_passphrase_that_nobody_gives_is_an_error_at_once_and_no_terminal_is_asked(ssh_keys, refused):
    path = ssh_keys.make("locked", passphrase=CANARY)
    for given in ({}, {"passphrase": ""}, {"passphrase_file": os.devnull}):
        with refused("FERRY-SIGN-001", path, "incorrect passphrase"):
            signing.sign(DATA, dict({"backend": "ssh", "key": path}, **given))


@pytest.mark.parametrize("passphrase", ["two\nlines", "nul\0", "long" * 1000])
@pytest.mark.parametrize("backend", ["gpg", "ssh"])
def test_a_passphrase_that_no_pipe_could_carry_is_refused_unseen(ssh_keys, refused, backend, passphrase):
    with refused("FERRY-SIGN-001", "one line") as caught:
        signing.sign(DATA, {"backend": backend, "key": ssh_keys.make("builder"), "passphrase": passphrase})
    assert passphrase[:4] not in caught.message


@pytest.mark.parametrize("backend", ["gpg", "ssh"])
def test_one_place_for_a_passphrase_and_not_two(ssh_keys, refused, tmp_path, backend):
    (tmp_path / "secret").write_text("x")
    given = {"passphrase": CANARY, "passphrase_file": str(tmp_path / "secret")}
    with refused("FERRY-SIGN-001", "found both") as caught:
        signing.sign(DATA, dict(given, backend=backend, key=ssh_keys.make("builder")))
    assert CANARY not in caught.message


def test_a_passphrase_that_a_program_repeats_is_struck_out(ssh_keys, refused, tmp_path, monkeypatch):
    parrot = tmp_path / "ssh-keygen"
    parrot.write_text('#!/bin/sh\necho "no: $($SSH_ASKPASS)" >&2; exit 1\n')
    parrot.chmod(0o755)
    monkeypatch.setenv("PATH", "%s%s%s" % (tmp_path, os.pathsep, os.environ["PATH"]))
    with refused("FERRY-SIGN-001", "no: ********") as caught:
        signing.sign(DATA, {"backend": "ssh", "key": ssh_keys.make("builder"), "passphrase": CANARY})
    assert CANARY not in caught.message


def test_a_key_without_passphrase_signs_even_where_one_is_given(ssh_keys, trusted):
    assert verify(
        DATA, signing.sign(DATA, {"backend": "ssh", "key": ssh_keys.make("builder"), "passphrase": CANARY}), trusted
    )


def test_a_key_in_the_agent_signs_by_its_public_half_alone(ssh_keys, trusted, tmp_path, monkeypatch):
    public = tmp_path / "builder.pub"
    shutil.copy(ssh_keys.make("builder") + ".pub", str(public))
    wanted = {"backend": "ssh", "key": str(public)}
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        command = ["sh", "-c", 'until ssh-add "$0"; do sleep 0.1; done', ssh_keys.make("builder")]
        subprocess.run(command, check=True, timeout=20, capture_output=True)
        made = signing.sign(DATA, wanted)
    finally:
        agent.terminate()
        agent.wait()
    assert verify(DATA, made, trusted) and signing.is_signed_by(DATA, made, wanted)


@pytest.mark.parametrize("key", ["/nowhere/key", "", "0" * 40])
def test_a_key_that_is_not_there_cannot_sign(refused, key):
    wanted = {"backend": "ssh", "key": key}
    with refused("FERRY-SIGN-001", "ferry_signing"):
        signing.sign(DATA, wanted)
    assert not signing.is_signed_by(DATA, b"", wanted)


def test_what_the_user_told_ssh_changes_no_verdict(ssh_keys, trusted, signature, tmp_path, monkeypatch, refused):
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "allowed_signers").write_text("signer " + ssh_keys.public("stranger"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert verify(DATA, signature, trusted)
    with refused("FERRY-BUNDLE-003"):
        verify(DATA, ssh_keys.sign(DATA, "stranger"), trusted)
