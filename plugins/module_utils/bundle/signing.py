# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of a statement: who signs it, and whether those who signed are enough. gpg and ssh keys behind one interface."""

from __future__ import annotations

import datetime
import os
import re
import stat
import time

from . import files, gpg, ssh
from ..errors import FerryError

LIMIT = 16 << 10
MOST = 16
ROLES = ("builder", "approver")
# What a depot asks for where nobody said more.
REQUIRED = {"builder": 1}
LABEL = "[a-z0-9][a-z0-9-]{0,31}"
_BACKENDS = {"gpg": gpg, "ssh": ssh}
_FILE = re.compile(r"statement\.json(?:\.%s)?\.(?:asc|sig)" % LABEL)
_LONGEST_PASSPHRASE = 1024


def is_signature(file_name: str) -> bool:
    """Whether a file of this name, beside the statement, is a signature of it."""
    return _FILE.fullmatch(file_name) is not None


def file_name(backend: str, label=None) -> str:
    """Where the signature of the builder lies (``label`` None), or of another signer: beside the statement."""
    name = "statement.json%s.%s" % ("." + label if label else "", _BACKENDS[backend].SUFFIX)
    if not is_signature(name):
        raise FerryError(
            "FERRY-SIGN-001",
            "label: expected 1 to 32 lower-case letters, digits and hyphens, no hyphen first, found %r; choose another."
            % label,
        )
    return name


def read_all(folder: str) -> dict:
    """``{file name: bytes}`` of the signatures in ``folder``: no more of them, and of each, than it takes to see that it is too much."""
    found = {}
    for name in sorted(filter(is_signature, os.listdir(folder)))[: MOST + 1]:
        path = os.path.join(folder, name)
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise FerryError(
                "FERRY-BUNDLE-010",
                "%s: expected a signature in a plain file, found something else of that name; do not use this bundle."
                % path,
            )
        found[name] = files.read_limited(path, LIMIT)
    return found


def sign(data: bytes, signing: dict) -> bytes:
    """A detached signature of ``data``.

    ``signing``: ``{"backend": "gpg", "key": fingerprint, "home": path or None}`` or ``{"backend": "ssh", "key": path of the key}``, both
    with ``passphrase`` or ``passphrase_file`` where no agent holds the key. A passphrase goes through a pipe and is shown nowhere.
    """
    return _backend(signing).sign(data, signing, _passphrase(signing))


def is_signed_by(data: bytes, signature: bytes, signing: dict) -> bool:
    """Whether ``signature`` is a good one of ``data``, as :func:`verify` judges, by the very key that ``signing`` names."""
    return _backend(signing).is_signed_by(data, signature, signing)


def verify(data: bytes, signatures: dict, trusted_keys: list, required: dict, now=None) -> list:
    """Who signed ``data``: ``[{"name", "backend", "fingerprint", "roles", "file"}, ...]``, sorted by file.

    ``signatures``: ``{file name: bytes}``. ``trusted_keys``: ``[{"name", "backend", "fingerprint", "key": public key, "roles": [...],
    "revoked": bool, "expires": day}]``, the last two optional. ``required``: ``{role: how many}``, with at least one builder. ``now``: the
    clock in seconds since the epoch. Every signature has to be a good one of a trusted key: nothing unknown rides along. A person, who
    may hold several keys, counts once and in one role; names that differ only in case or spaces are one person's.
    """
    if len(signatures) > MOST:
        raise FerryError(
            "FERRY-BUNDLE-002",
            "expected at most %d signatures of statement.json, found more; do not use this bundle." % MOST,
        )
    now = time.time() if now is None else now
    signers = [_signer(name, data, signatures[name], trusted_keys, now) for name in sorted(signatures)]
    missing = _missing(signers, dict(required, builder=max(1, required.get("builder", 1))))
    if missing:
        there = ["%s (%s)" % (signer["name"], " and ".join(signer["roles"])) for signer in signers]
        raise FerryError(
            "FERRY-BUNDLE-012",
            "statement.json is signed by %s; expected %s more (ferry_required_signatures), of another person; run approve.yml, then transfer it again."
            % (
                ", ".join(there) or "nobody",
                " and ".join("%d %s" % (missing.count(role), role) for role in sorted(set(missing))),
            ),
        )
    return signers


def _signer(name, data, signature, trusted_keys, now):
    if len(signature) > LIMIT:
        raise FerryError(
            "FERRY-BUNDLE-002", "%s: expected at most %d bytes, found more; do not use this bundle." % (name, LIMIT)
        )
    kind, backend = next(item for item in _BACKENDS.items() if name.endswith("." + item[1].SUFFIX))
    known = [key for key in trusted_keys if (key.get("backend") or "gpg") == kind]
    fingerprint = backend.who_signed(name, data, signature, known)
    entries = [key for key in known if backend.fingerprint_of(key) == fingerprint]
    roles = [role for role in ROLES if any(role in key["roles"] for key in entries)]
    if not roles:
        raise FerryError(
            "FERRY-BUNDLE-003",
            "%s is signed with key %s, expected the fingerprint of a builder or approver in ferry_trusted_keys; check with its holder before trusting it."
            % (name, fingerprint),
        )
    for key in entries:
        _require_in_force(name, key, now)
    return {"name": entries[0]["name"], "backend": kind, "fingerprint": fingerprint, "roles": roles, "file": name}


def _require_in_force(name, key, now):
    """Refuse what the inventory itself says of a key: an ssh key has no other place to say that it is over."""
    expires = key.get("expires")
    if key.get("revoked"):
        over = "is marked as revoked"
    elif expires is not None and not _is_before(now, expires):
        over = "expired on %s" % (expires or "no day that can be read")
    else:
        return
    raise FerryError(
        "FERRY-BUNDLE-014",
        "%s is signed by %s with key %s, which %s in ferry_trusted_keys; have the bundle signed with another key."
        % (name, key["name"], key["fingerprint"], over),
    )


def _is_before(now, day):
    """Whether the day, in UTC, has not begun yet; a day that cannot be read is over."""
    try:
        moment = datetime.datetime.strptime(str(day), "%Y-%m-%d").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return False
    return now < moment.timestamp()


def _missing(signers, required):
    """The roles, one for each signature that lacks, when every person counts once; nobody is given a role that another needs more."""
    people: dict = {}
    for signer in signers:
        people.setdefault(" ".join(signer["name"].casefold().split()), set()).update(signer["roles"])
    wanted = [role for role in sorted(required) for _time in range(required[role])]
    given: dict = {}

    def give(number, asked):
        for person in sorted(people):
            if wanted[number] in people[person] and person not in asked:
                asked.add(person)
                if person not in given or give(given[person], asked):
                    given[person] = number
                    return True
        return False

    return [role for number, role in enumerate(wanted) if not give(number, set())]


def _backend(signing):
    return _BACKENDS[signing.get("backend") or "gpg"]


def _passphrase(signing):
    """The passphrase in bytes, from the inventory or the first line of a file; None where an agent has the key or there is none."""
    if signing.get("passphrase_file"):
        if signing.get("passphrase") is not None:
            raise FerryError(
                "FERRY-SIGN-001",
                "expected passphrase or passphrase_file of key %s, found both; keep one of them." % signing["key"],
            )
        data = files.read_limited(signing["passphrase_file"], _LONGEST_PASSPHRASE).split(b"\n")[0]
        if data.endswith(b"\r"):  # an editor on Windows
            data = data[:-1]
    elif signing.get("passphrase") is not None:
        data = signing["passphrase"].encode("utf-8")
    else:
        return None
    if len(data) > _LONGEST_PASSPHRASE or b"\n" in data or b"\0" in data:
        raise FerryError(
            "FERRY-SIGN-001",
            "passphrase of key %s: expected one line of at most %d bytes, found more; correct it where it is kept."
            % (signing["key"], _LONGEST_PASSPHRASE),
        )
    return data
