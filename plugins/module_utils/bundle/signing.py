# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detached signatures by GnuPG: judged by VALIDSIG's full fingerprint and hash algorithm, never by an exit code."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile

from . import armor
from ..errors import FerryError

SIGNATURE = "statement.json.asc"
LIMIT = 16 << 10
_SECONDS = 60
# Hash algorithm numbers of RFC 4880, section 9.4: SHA-256, SHA-384, SHA-512.
_STRONG_HASHES = ("8", "9", "10")
# gpg-agent's socket path must fit in sun_path (108 bytes); its longest name there is /S.gpg-agent.browser.
_LONGEST_HOME = 80


def sign(data: bytes, signing: dict) -> tuple:
    """``(armoured signature, full fingerprint of the primary key)`` of ``data``.

    ``signing``: ``{"backend": "gpg", "key": fingerprint, "home": path or None, "passphrase_file": path or None}``.
    """
    program = _find_gpg()
    with short_home(signing.get("home")) as home:
        command = [program, *home, "--batch", "--no-tty", "--status-fd", "2", "--digest-algo", "SHA512"]
        command += ["--armor", "--no-comments", "--no-emit-version"]
        if signing.get("passphrase_file"):
            command += ["--pinentry-mode", "loopback", "--passphrase-file", signing["passphrase_file"]]
        status = _call(
            command + ["--local-user", signing["key"], "--detach-sign", "--output", "-"], data, "FERRY-SIGN-001"
        )
        fingerprint = _primary_fingerprint(program, home, signing["key"])
    if not re.search(r"^\[GNUPG:\] SIG_CREATED ", status.stderr, re.M) or fingerprint is None:
        reason = " / ".join(line for line in status.stderr.splitlines() if not line.startswith("[GNUPG:]"))[:300]
        raise FerryError(
            "FERRY-SIGN-001",
            "statement.json could not be signed with key %s: gpg says %r; check ferry_signing (key, home, passphrase_file)."
            % (signing["key"], reason or "nothing"),
        )
    return status.stdout.encode("ascii"), fingerprint


def is_signed_by(data: bytes, signature: bytes, signing: dict) -> bool:
    """Whether ``signature`` is a good one of ``data`` by the key that ``signing`` names, asked of the signer's own key ring."""
    program = _find_gpg()
    with short_home(signing.get("home")) as home, tempfile.NamedTemporaryFile(prefix="ferry-") as detached:
        detached.write(signature)
        detached.flush()
        command = [program, *home, "--batch", "--no-tty", "--status-fd", "1", "--verify", detached.name, "-"]
        status = _call(command, data, "FERRY-SIGN-001").stdout
        fingerprint = _primary_fingerprint(program, home, signing["key"])
    valid = re.search(r"^\[GNUPG:\] VALIDSIG .* ([0-9A-F]{40,64})$", status, re.M)
    return valid is not None and valid.group(1) == fingerprint


def verify(data: bytes, signature: bytes, trusted_keys: list) -> dict:
    """Who signed ``data``: ``{"name", "backend", "fingerprint"}`` of one of ``trusted_keys`` with the role builder.

    ``trusted_keys``: ``[{"name", "backend", "fingerprint", "key": armoured public key, "roles": ["builder"]}]``.
    Everything but exactly one good signature by an unexpired, unrevoked, trusted key is refused.
    """
    if not armor.is_canonical(signature):
        raise FerryError(
            "FERRY-BUNDLE-002",
            "%s: expected one armoured signature exactly as gpg writes it, found something else; transfer the bundle again."
            % SIGNATURE,
        )
    lines = _verification(data, signature, trusted_keys)
    words = [line.split(" ") for line in lines]
    verdicts = [
        word[0] for word in words if word[0] in ("GOODSIG", "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG")
    ]
    valid = [word for word in words if word[0] == "VALIDSIG"]
    if verdicts == ["ERRSIG"] and any(word[0] == "NO_PUBKEY" for word in words):
        unknown = next(word[1] for word in words if word[0] == "NO_PUBKEY")
        raise FerryError(
            "FERRY-BUNDLE-003",
            "%s is signed with key %s, which is in no entry of ferry_trusted_keys; check with the builder before trusting it."
            % (SIGNATURE, unknown),
        )
    if verdicts != ["GOODSIG"] or len(valid) != 1 or len(valid[0]) < 11 or valid[0][9] != "00":
        raise FerryError(
            "FERRY-BUNDLE-002",
            "%s: expected one good signature of statement.json, found %s; do not use this bundle."
            % (SIGNATURE, ", ".join(verdicts) or "none"),
        )
    if valid[0][8] not in _STRONG_HASHES:
        raise FerryError(
            "FERRY-BUNDLE-011",
            "%s uses hash algorithm %s of RFC 4880, expected SHA-256 or stronger; have it signed again."
            % (SIGNATURE, valid[0][8]),
        )
    for key in trusted_keys:
        if key["fingerprint"].upper() == valid[0][10].upper() and "builder" in key["roles"]:
            return {"name": key["name"], "backend": "gpg", "fingerprint": key["fingerprint"].upper()}
    raise FerryError(
        "FERRY-BUNDLE-003",
        "%s is signed with key %s, expected the fingerprint of a builder in ferry_trusted_keys; check with the builder before trusting it."
        % (SIGNATURE, valid[0][10]),
    )


def _verification(data, signature, trusted_keys):
    """The status lines of ``gpg --verify`` in a home that knows the trusted keys and nothing else."""
    program = _find_gpg()
    home = tempfile.mkdtemp(prefix="ferry-", dir="/tmp" if os.path.isdir("/tmp") else None)
    try:
        base = [program, "--homedir", home, "--batch", "--no-tty", "--no-autostart", "--no-options"]
        for key in trusted_keys:
            _call(base + ["--import"], key["key"].encode("utf-8"), "FERRY-BUNDLE-002")
        detached = os.path.join(home, SIGNATURE)
        with open(detached, "wb") as stream:
            stream.write(signature)
        answer = _call(
            base + ["--no-auto-key-retrieve", "--trust-model", "always", "--status-fd", "1", "--verify", detached, "-"],
            data,
            "FERRY-BUNDLE-002",
        )
        return [line[9:] for line in answer.stdout.splitlines() if line.startswith("[GNUPG:] ")]
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _primary_fingerprint(program, home, key):
    """The fingerprint of the primary key that ``key`` names; the first fpr line after pub in gpg's colon listing."""
    listing = _call([program] + home + ["--batch", "--with-colons", "--list-keys", key], b"", "FERRY-SIGN-001").stdout
    found = re.search(r"^pub:.*\n(?:.*\n)*?fpr:(?:[^:]*:){8}([0-9A-F]{40,64}):", listing, re.M)
    return found.group(1) if found else None


@contextlib.contextmanager
def short_home(home):
    """gpg's option for ``home``; a home with a long path is reached through a short link, and its agent ended after."""
    if not home:
        yield []
        return
    if len(home) <= _LONGEST_HOME:
        yield ["--homedir", home]
        return
    folder = tempfile.mkdtemp(prefix="ferry-", dir="/tmp")
    link = os.path.join(folder, "h")
    os.symlink(os.path.abspath(home), link)
    try:
        yield ["--homedir", link]
        if shutil.which("gpgconf"):
            _call(["gpgconf", "--homedir", link, "--kill", "gpg-agent"], b"", "FERRY-SIGN-001")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find_gpg():
    program = shutil.which("gpg")
    if program is None:
        raise FerryError("FERRY-TOOL-002", "gpg was not found on PATH; install the package gnupg.")
    return program


def _call(command, data, code):
    try:
        done = subprocess.run(
            command,
            input=data,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        raise FerryError(
            code,
            "%s gave no answer in %d seconds; is gpg-agent waiting for a passphrase that no file gives?"
            % (command[0], _SECONDS),
        )
    done.stdout, done.stderr = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return done


def _environment():
    """English messages; a passphrase never comes from the environment."""
    return dict(os.environ, LC_ALL="C.UTF-8")
