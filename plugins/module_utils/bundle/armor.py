# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ASCII armour with one spelling: what would not come out again byte for byte is refused.

gpg and ssh-keygen skip what they do not know in an armoured file, so without this a changed byte could pass unseen.
"""

from __future__ import annotations

import base64
import binascii
import re

_BEGIN = "-----BEGIN %s SIGNATURE-----"
_END = "-----END %s SIGNATURE-----"


def pgp_body(armoured: bytes):
    """The body of one PGP signature exactly as GnuPG writes it, without headers, comments or slack; None for all else."""
    return _body(armoured, slice(2, -3), write_pgp)


def ssh_body(armoured: bytes):
    """The body of one SSH signature exactly as ssh-keygen writes it; None for all else."""
    return _body(armoured, slice(1, -2), write_ssh)


def write_pgp(body: bytes) -> bytes:
    """``body`` in armour, as GnuPG writes it."""
    checksum = base64.b64encode(_crc24(body).to_bytes(3, "big")).decode("ascii")
    return _lines("PGP", [""] + _wrapped(body, 64) + ["=" + checksum])


def write_ssh(body: bytes) -> bytes:
    """``body`` in armour, as ssh-keygen writes it."""
    return _lines("SSH", _wrapped(body, 70))


def _body(armoured, place, write):
    try:
        body = base64.b64decode("".join(armoured.decode("ascii").split("\n")[place]), validate=True)
    except (ValueError, binascii.Error):
        return None
    return body if body and armoured == write(body) else None


def _wrapped(body, width):
    return re.findall(".{1,%d}" % width, base64.b64encode(body).decode("ascii"))


def _lines(kind, lines):
    return "\n".join([_BEGIN % kind] + lines + [_END % kind, ""]).encode("ascii")


def _crc24(body):
    """The checksum of RFC 4880, section 6.1."""
    value = 0xB704CE
    for byte in bytearray(body):
        value ^= byte << 16
        for _bit in range(8):
            value <<= 1
            if value & 0x1000000:
                value ^= 0x1864CFB
    return value & 0xFFFFFF
