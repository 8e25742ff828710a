# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend GnuPG: judged by VALIDSIG's full fingerprint, class and algorithms, never by an exit code."""

from __future__ import annotations

import contextlib
import os
import re
import shutil

from . import armor, program
from ..errors import FerryError

SUFFIX = "asc"
# Hash algorithm numbers of RFC 4880, section 9.4: SHA-256, SHA-384, SHA-512.
_STRONG_HASHES = ("8", "9", "10")
# Section 9.1 for keys: RSA, in the two numbers that sign, and ECDSA; 22 is EdDSA (RFC 9580). No DSA.
_RSA = ("1", "3")
_STRONG_KEYS = (*_RSA, "19", "22")
_LEAST_RSA_BITS = 3072
# Section 5.2.1: a signature of a binary document, which is what a statement is.
_BINARY = "00"
_VERDICTS = ("GOODSIG", "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG")
_PAST = {"REVKEYSIG": "a revoked key", "EXPKEYSIG": "an expired key", "EXPSIG": "a signature that has expired itself"}
# The longest name of gpg-agent's sockets is /S.gpg-agent.browser, and all must fit in sun_path (108 bytes).
_LONGEST_HOME = 80


def sign(data: bytes, signing: dict, passphrase) -> bytes:
    """An armoured signature of ``data`` by the key that ``signing`` names (``key``: fingerprint, ``home``: GnuPG home or None)."""
    gpg = program.find("gpg", "gnupg")
    with short_home(signing.get("home")) as home:
        command = [gpg, *home, "--batch", "--no-tty", "--status-fd", "2", "--digest-algo", "SHA512"]
        command += ["--armor", "--no-comments", "--no-emit-version"]
        with _forgotten(gpg, home, signing["key"], passphrase), _piped(passphrase) as (words, options):
            command += words + ["--local-user", signing["key"], "--detach-sign", "--output", "-"]
            answer = program.call(command, data, "FERRY-SIGN-001", **options)
        if not re.search(r"^\[GNUPG:\] SIG_CREATED ", answer.stderr, re.M):
            said = [line for line in answer.stderr.splitlines() if not line.startswith("[GNUPG:]")]
            raise FerryError(
                "FERRY-SIGN-001",
                "statement.json could not be signed with key %s: gpg says %s; check key, home and passphrase in ferry_signing (or ferry_approver)."
                % (signing["key"], program.reason(said, passphrase)),
            )
        own = _entry_of(gpg, home, signing["key"])
    made = answer.stdout.encode("ascii")
    # Said now and not by the depot, which would refuse it.
    who_signed("the signature by key %s" % signing["key"], data, made, [own])
    return made


def is_signed_by(data: bytes, signature: bytes, signing: dict) -> bool:
    """Whether ``signature`` is one of ``data`` by the key that ``signing`` names, and one that a depot which trusts that key takes."""
    gpg = program.find("gpg", "gnupg")
    with short_home(signing.get("home")) as home:
        own = _entry_of(gpg, home, signing["key"])
    try:
        return who_signed("the signature", data, signature, [own]) == own["fingerprint"]
    except FerryError:
        return False


def who_signed(name: str, data: bytes, signature: bytes, trusted_keys: list) -> str:
    """The full fingerprint of the primary key that made ``signature``, a file ``name``, of ``data``.

    One good signature as gpg writes it, by a key that some entry of ``trusted_keys`` holds and that is neither revoked nor expired.
    """
    if armor.pgp_body(signature) is None:
        raise FerryError(
            "FERRY-BUNDLE-002",
            "%s: expected one armoured signature exactly as gpg writes it, found something else; transfer the bundle again."
            % name,
        )
    status, listing, broken = _verification(data, signature, trusted_keys)
    words = [line.split(" ") for line in status]
    verdicts = [word[0] for word in words if word[0] in _VERDICTS]
    valid = [word for word in words if word[0] == "VALIDSIG" and len(word) > 10]
    unsure = [word for word in words if word[0] == "ERRSIG" and len(word) > 3]
    unknown = [word[1] for word in words if word[0] == "NO_PUBKEY"]
    if verdicts == ["ERRSIG"] and unknown:
        raise FerryError(
            "FERRY-BUNDLE-003",
            "%s is signed with key %s, which is in no entry of ferry_trusted_keys%s; check with its holder before trusting it."
            % (name, unknown[0], broken and " (gpg finds no key in the text of the entry %s)" % ", ".join(broken)),
        )
    if verdicts == ["ERRSIG"] and unsure:  # gpg itself refuses the weakest
        _require_strong_hash(name, unsure[0][3])
    if len(verdicts) != 1 or verdicts[0] not in ("GOODSIG", *_PAST) or len(valid) != 1:
        raise FerryError(
            "FERRY-BUNDLE-002",
            "%s: expected one good signature of statement.json, found %s; do not use this bundle."
            % (name, ", ".join(verdicts) or "none"),
        )
    _require_strong_hash(name, valid[0][8])
    _require_strong_key(name, valid[0][7], _bits(listing, valid[0][1]))
    if valid[0][9] != _BINARY:
        raise FerryError(
            "FERRY-BUNDLE-013",
            "%s: expected a signature of a binary document (class 00), found class %s: it was made for another purpose; do not use this bundle."
            % (name, valid[0][9]),
        )
    if verdicts[0] in _PAST:
        raise FerryError(
            "FERRY-BUNDLE-014",
            "%s: expected a signature by a key that is in force, found %s (key %s); have the bundle signed with another key."
            % (name, _PAST[verdicts[0]], valid[0][10]),
        )
    return valid[0][10].upper()


def fingerprint_of(trusted_key: dict) -> str:
    """The fingerprint of an entry of ferry_trusted_keys as :func:`who_signed` spells it."""
    return trusted_key["fingerprint"].upper()


def _require_strong_hash(name, algorithm):
    if algorithm not in _STRONG_HASHES:
        raise FerryError(
            "FERRY-BUNDLE-011",
            "%s uses hash algorithm %s of RFC 4880, expected SHA-256 or stronger; have it signed again."
            % (name, algorithm),
        )


def _require_strong_key(name, algorithm, bits):
    if algorithm not in _STRONG_KEYS:
        problem = "algorithm %s of RFC 4880" % algorithm
    elif algorithm in _RSA and bits < _LEAST_RSA_BITS:
        problem = "%d bits (RSA)" % bits
    else:
        return
    raise FerryError(
        "FERRY-BUNDLE-011",
        "%s uses a key of %s, expected RSA of at least %d bits, ECDSA or EdDSA; have it signed with another key."
        % (name, problem, _LEAST_RSA_BITS),
    )


def _bits(listing, fingerprint):
    """The length of a key or subkey in gpg's colon listing; 0 where it is not there."""
    found = re.search(r"^[ps]ub:[^:]*:([0-9]+):.*\nfpr:(?:[^:]*:){8}%s:" % fingerprint, listing, re.M)
    return int(found.group(1)) if found else 0


def _verification(data, signature, trusted_keys):
    """Asked in a home that knows the trusted keys and nothing else: ``(status lines of gpg --verify, listing, names of keyless entries)``."""
    gpg = program.find("gpg", "gnupg")
    with program.private_folder() as home:
        base = [gpg, "--homedir", home, "--batch", "--no-tty", "--no-autostart", "--no-options"]
        base += ["--no-auto-key-retrieve", "--trust-model", "always", "--status-fd", "1"]
        broken = []
        for key in trusted_keys:
            said = program.call(base + ["--import"], key["key"].encode("utf-8"), "FERRY-BUNDLE-002").stdout
            if "[GNUPG:] IMPORT_OK " not in said:
                broken.append(key["name"])
        detached = os.path.join(home, "detached." + SUFFIX)
        with open(detached, "wb") as stream:
            stream.write(signature)
        status = program.call(base + ["--verify", detached, "-"], data, "FERRY-BUNDLE-002").stdout
        listing = _listing([*base, "--with-fingerprint", "--with-fingerprint"], [], "FERRY-BUNDLE-002")
    return [line[9:] for line in status.splitlines() if line.startswith("[GNUPG:] ")], listing, broken


def _entry_of(gpg, home, key):
    """The key that ``key`` names in the signer's own key ring, as an entry of ferry_trusted_keys would hold it."""
    base = [gpg, *home, "--batch", "--no-tty"]
    # The first fpr line after pub is the primary key's.
    found = re.search(
        r"^pub:.*\n(?:.*\n)*?fpr:(?:[^:]*:){8}([0-9A-F]{40,64}):", _listing(base, [key], "FERRY-SIGN-001"), re.M
    )
    exported = program.call([*base, "--armor", "--export", key], b"", "FERRY-SIGN-001").stdout
    return {"name": key, "fingerprint": found.group(1) if found else "", "key": exported}


def _listing(base, keys, code):
    return program.call([*base, "--with-colons", "--list-keys", *keys], b"", code).stdout


@contextlib.contextmanager
def _forgotten(gpg, home, key, passphrase):
    """gpg-agent keeps a passphrase that it was given: with one of ours it has none before, or a wrong one would pass unseen, and none
    after, or whoever runs as this user could sign without it."""
    if passphrase is None:
        yield
        return
    listing = _listing([gpg, *home, "--batch", "--no-tty", "--with-keygrip"], [key], "FERRY-SIGN-001")
    grips = re.findall(r"^grp:(?:[^:]*:){8}([0-9A-F]{40}):", listing, re.M)
    command = [program.find("gpg-connect-agent", "gnupg"), *home]
    command += ["clear_passphrase --mode=normal " + grip for grip in grips] + ["/bye"]

    def forget():
        answer = program.call(command, b"", "FERRY-SIGN-001")
        if answer.stdout.splitlines() != ["OK"] * len(grips):
            raise FerryError(
                "FERRY-SIGN-001",
                "gpg-agent could not be told to forget the passphrase of key %s: it says %s; end it (gpgconf --kill gpg-agent)."
                % (key, program.reason((answer.stdout + answer.stderr).splitlines(), passphrase)),
            )

    forget()
    try:
        yield
    finally:
        forget()


@contextlib.contextmanager
def _piped(passphrase):
    """gpg's options, and the call's, that give it ``passphrase`` through a pipe; without one its agent is asked."""
    if passphrase is None:
        yield [], {}
        return
    reader, writer = os.pipe()
    try:
        # Shorter than a pipe holds, so this never waits for a reader.
        with open(writer, "wb") as stream:
            stream.write(passphrase + b"\n")
        yield ["--pinentry-mode", "loopback", "--passphrase-fd", str(reader)], {"pass_fds": (reader,)}
    finally:
        os.close(reader)


@contextlib.contextmanager
def short_home(home):
    """gpg's option for ``home``; a home with a long path is reached through a short link, and its agent ended after."""
    if not home:
        yield []
        return
    if len(home) <= _LONGEST_HOME:
        yield ["--homedir", home]
        return
    with program.private_folder() as folder:
        link = os.path.join(folder, "h")
        os.symlink(os.path.abspath(home), link)
        yield ["--homedir", link]
        if shutil.which("gpgconf"):
            program.call(["gpgconf", "--homedir", link, "--kill", "gpg-agent"], b"", "FERRY-SIGN-001")
