# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ASCII armour with one spelling: what would not come out again byte for byte is refused."""

from __future__ import annotations

import base64
import binascii
import re

_BEGIN = "-----BEGIN PGP SIGNATURE-----"
_END = "-----END PGP SIGNATURE-----"


def is_canonical(armoured: bytes) -> bool:
    """True where ``armoured`` is one PGP signature exactly as GnuPG writes it, without headers, comments or slack.

    GnuPG skips what it does not know in an armoured file, so without this a changed byte could pass unseen.
    """
    try:
        lines = armoured.decode("ascii").split("\n")
        body = base64.b64decode("".join(lines[2:-3]), validate=True)
    except (ValueError, binascii.Error):
        return False
    return bool(body) and armoured == _write(body)


def _write(body):
    text = base64.b64encode(body).decode("ascii")
    lines = re.findall(".{1,64}", text)
    checksum = base64.b64encode(_crc24(body).to_bytes(3, "big")).decode("ascii")
    return "\n".join([_BEGIN, ""] + lines + ["=" + checksum, _END, ""]).encode("ascii")


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
