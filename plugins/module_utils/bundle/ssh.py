# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend ssh: ``ssh-keygen -Y`` of OpenSSH 8.2 or newer. Its exit code is believed only with what it says and what we read ourselves.

The format is OpenSSH's PROTOCOL.sshsig; the namespace keeps a signature that the same key made for git or a login from counting here.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import re
import shutil
import sys

from . import armor, program
from ..errors import FerryError

SUFFIX = "sig"
NAMESPACE = "statement@airgap.ferry"
_MAGIC = b"SSHSIG"
_HASHES = ("sha256", "sha512")
# The algorithms that may sign, by the type of the key. No DSA, and nothing that hashes with SHA-1 (which "ssh-rsa" means in a signature).
_ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ssh-rsa": ("rsa-sha2-256", "rsa-sha2-512"),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "sk-ssh-ed25519@openssh.com": ("sk-ssh-ed25519@openssh.com",),
    "sk-ecdsa-sha2-nistp256@openssh.com": ("sk-ecdsa-sha2-nistp256@openssh.com",),
}
_LEAST_RSA_BITS = 3072
_TOUCHED = 0x01
# Who that is says the entry that holds the key; ssh-keygen only needs some name.
_SIGNER = "signer"
# Answers each question but a security key's "touch me" with a line of the FIFO beside it. The interpreter that runs us loads it by this
# name before anything else: a script of our own could not be run where /tmp is mounted noexec.
_ASKPASS = "sitecustomize.py"
_ANSWER = b"""import os
if os.environ.get("SSH_ASKPASS_PROMPT"):
    os._exit(1)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "fifo"), "rb", 0) as fifo:
    os.write(1, fifo.readline())
os._exit(0)
"""


def sign(data: bytes, signing: dict, passphrase) -> bytes:
    """An armoured signature of ``data`` by the key at the path ``signing["key"]``: the private one, or the public one of a key in the agent."""
    program_path = _find()
    path = os.path.expanduser(signing["key"])
    with _answering(passphrase) as environment:
        command = [program_path, "-Y", "sign", "-n", NAMESPACE, "-f", path]
        # In a session of its own it has no terminal to ask on.
        answer = program.call(command, data, "FERRY-SIGN-001", environment=environment, start_new_session=True)
    made = answer.stdout.encode("utf-8")
    try:
        found = _parse(armor.ssh_body(made))
    except ValueError:
        found = None
    if answer.returncode != 0 or found is None:
        said = [line for line in answer.stderr.splitlines() if not line.startswith(("@", "Signing data"))]
        raise FerryError(
            "FERRY-SIGN-001",
            "statement.json could not be signed with key %s: ssh-keygen says %s; check key and passphrase in ferry_signing (or ferry_approver)."
            % (path, program.reason(said, passphrase)),
        )
    # Said now and not by the depot, which would refuse it.
    _require_strong("the signature by key %s" % path, found)
    return made


def is_signed_by(data: bytes, signature: bytes, signing: dict) -> bool:
    """Whether ``signature`` is one of ``data`` by the key at the path that ``signing`` names, and one that a depot which trusts it takes."""
    command = [_find(), "-l", "-E", "sha256", "-f", os.path.expanduser(signing["key"])]
    listing = program.call(command, b"", "FERRY-SIGN-001", start_new_session=True).stdout.split(" ")
    try:
        key = _parse(armor.ssh_body(signature))["key"]
        if len(listing) < 3 or listing[1] != _fingerprint(key):
            return False
        own = {"name": signing["key"], "fingerprint": listing[1], "key": _text_of(key)}
        return who_signed("the signature", data, signature, [own]) == listing[1]
    except (ValueError, FerryError):
        return False


def who_signed(name: str, data: bytes, signature: bytes, trusted_keys: list) -> str:
    """The fingerprint of the key that made ``signature``, a file ``name``, of ``data``: one good signature by a key of ``trusted_keys``."""
    try:
        found = _parse(armor.ssh_body(signature))
    except ValueError:
        raise FerryError(
            "FERRY-BUNDLE-002",
            "%s: expected one armoured signature exactly as ssh-keygen writes it, found something else; transfer the bundle again."
            % name,
        )
    if found["namespace"] != NAMESPACE:
        raise FerryError(
            "FERRY-BUNDLE-013",
            "%s: expected the namespace %s, found %r: it was made for another purpose; do not use this bundle."
            % (name, NAMESPACE, found["namespace"][:80]),
        )
    fingerprint = _fingerprint(found["key"])
    _require_trusted(name, fingerprint, found["key"], trusted_keys)
    _require_strong(name, found)
    good, said = _says_good(data, signature, found["key"])
    if not good:
        raise FerryError(
            "FERRY-BUNDLE-002",
            "%s: expected a good signature of statement.json by key %s, ssh-keygen says %s; do not use this bundle."
            % (name, fingerprint, said),
        )
    return fingerprint


def fingerprint_of(trusted_key: dict) -> str:
    """The fingerprint of an entry of ferry_trusted_keys as :func:`who_signed` spells it."""
    return trusted_key["fingerprint"]


def _require_trusted(name, fingerprint, key, trusted_keys):
    entries = [entry for entry in trusted_keys if entry["fingerprint"] == fingerprint]
    if not entries:
        raise FerryError(
            "FERRY-BUNDLE-003",
            "%s is signed with key %s, which is the fingerprint of no entry of ferry_trusted_keys; check with its holder before trusting it."
            % (name, fingerprint),
        )
    for entry in entries:
        if _blob_of(entry["key"]) != key:
            raise FerryError(
                "FERRY-BUNDLE-003",
                "%s is signed with key %s; the entry %s of ferry_trusted_keys has another key beside that fingerprint: check with its holder, correct it."
                % (name, fingerprint, entry["name"]),
            )


def _require_strong(name, found):
    """Refuse what is too weak to believe: the hash of the data, the key, and what the key's algorithm hashes with."""
    kind, bits = found["kind"], found["bits"]
    problem = None
    if found["hash"] not in _HASHES:
        problem = "hash algorithm %s, expected %s" % (found["hash"], " or ".join(_HASHES))
    elif kind not in _ALGORITHMS:
        problem = "a key of type %s, expected %s" % (kind, ", ".join(sorted(_ALGORITHMS)))
    elif kind == "ssh-rsa" and bits < _LEAST_RSA_BITS:
        problem = "an RSA key of %d bits, expected at least %d" % (bits, _LEAST_RSA_BITS)
    elif found["algorithm"] not in _ALGORITHMS[kind]:
        problem = "signature algorithm %s, expected %s" % (found["algorithm"], " or ".join(_ALGORITHMS[kind]))
    elif kind.startswith("sk-") and not found["flags"] & _TOUCHED:
        problem = "a security key that nobody touched, expected the touch of its holder"
    if problem:
        raise FerryError("FERRY-BUNDLE-011", "%s uses %s; have it signed again." % (name, problem))


def _says_good(data, signature, key):
    """``(whether ssh-keygen says in full that this key made a good signature for our purpose, what it said)``."""
    with program.private_folder() as folder:
        detached, allowed = os.path.join(folder, "detached." + SUFFIX), os.path.join(folder, "allowed_signers")
        line = '%s namespaces="%s" %s\n' % (_SIGNER, NAMESPACE, _text_of(key))
        for path, content in ((detached, signature), (allowed, line.encode("ascii"))):
            with open(path, "wb") as stream:
                stream.write(content)
        command = [_find(), "-Y", "verify", "-f", allowed, "-I", _SIGNER, "-n", NAMESPACE, "-s", detached]
        answer = program.call(command, data, "FERRY-BUNDLE-002", start_new_session=True)
    expected = 'Good "%s" signature for %s with [A-Z0-9-]+ key %s\n' % tuple(
        re.escape(text) for text in (NAMESPACE, _SIGNER, _fingerprint(key))
    )
    good = answer.returncode == 0 and re.fullmatch(expected, answer.stdout) is not None
    return good, program.reason((answer.stderr + "\n" + answer.stdout).splitlines(), None)


def _parse(body):
    """The fields of a signature's body; ValueError for all that is not exactly one."""
    if body is None or not body.startswith(_MAGIC):
        raise ValueError("no SSH signature")
    begin = len(_MAGIC)
    reader = _Reader(body[begin:])
    version, key = reader.number(), reader.string()
    namespace, reserved, hashed, signature = (reader.string() for _field in range(4))
    reader.end()
    if version != 1 or reserved:
        raise ValueError("another version of the format")
    inner = _Reader(signature)
    algorithm = inner.string().decode("ascii")
    inner.string()
    flags = 0
    if algorithm.startswith("sk-"):
        flags = inner.take(1)[0]
        inner.number()
    inner.end()
    kind, bits = _strength(key)
    return {
        "key": key,
        "kind": kind,
        "bits": bits,
        "namespace": namespace.decode("utf-8"),
        "hash": hashed.decode("ascii"),
        "algorithm": algorithm,
        "flags": flags,
    }


def _strength(key):
    """``(type of the public key, bits of its modulus, 0 for all but RSA)``."""
    reader = _Reader(key)
    kind = reader.string().decode("ascii")
    if kind != "ssh-rsa":
        return kind, 0
    reader.string()
    return kind, int.from_bytes(reader.string(), "big").bit_length()


def _blob_of(text):
    """The public key in ``<type> <base64> [comment]``; None where the text is not exactly one, or its type not what the key says."""
    words = text.split()
    try:
        blob = base64.b64decode(words[1], validate=True)
        kind = _Reader(blob).string().decode("ascii")
    except (IndexError, ValueError, binascii.Error):
        return None
    return blob if kind == words[0] and "\n" not in text.strip() else None


def _text_of(key):
    return "%s %s" % (_Reader(key).string().decode("ascii"), base64.b64encode(key).decode("ascii"))


def _fingerprint(key):
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode("ascii").rstrip("=")


class _Reader:
    """Reads the fields of SSH's wire format (RFC 4251, section 5); ValueError where there are too few or too many bytes."""

    def __init__(self, data):
        self._data = data
        self._place = 0

    def take(self, count):
        start, self._place = self._place, self._place + count
        if self._place > len(self._data):
            raise ValueError("too short")
        end = self._place
        return self._data[start:end]

    def number(self):
        return int.from_bytes(self.take(4), "big")

    def string(self):
        return self.take(self.number())

    def end(self):
        if self._place != len(self._data):
            raise ValueError("too long")


@contextlib.contextmanager
def _answering(passphrase):
    """The environment in which ssh-keygen gets ``passphrase``, through a FIFO that is never a file's content; without one, no answer."""
    forced = {
        "SSH_ASKPASS_REQUIRE": "force",
        "DISPLAY": os.environ.get("DISPLAY", "none"),
    }  # the latter before OpenSSH 8.4
    if passphrase is None:
        yield dict(forced, SSH_ASKPASS=shutil.which("false") or "/bin/false")
        return
    with program.private_folder() as folder:
        fifo = os.path.join(folder, "fifo")
        with open(os.path.join(folder, _ASKPASS), "wb") as stream:
            stream.write(_ANSWER)
        os.mkfifo(fifo, 0o600)
        # Open at both ends, so that neither side waits for the other, and shorter than a FIFO holds. A second question gets an empty line.
        handle = os.open(fifo, os.O_RDWR)
        try:
            os.write(handle, passphrase + b"\n" * 4)
            yield dict(forced, SSH_ASKPASS=sys.executable, PYTHONPATH=folder)
        finally:
            os.close(handle)


def _find():
    return program.find("ssh-keygen", "openssh-client")
