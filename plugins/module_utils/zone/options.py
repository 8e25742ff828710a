# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option of every module that meets the transfer zone. Drivers are one file each, imported statically so that AnsiballZ ships them."""

from __future__ import annotations

ZONE = {
    "type": "dict",
    "required": True,
    "options": {
        "driver": {"type": "str", "choices": ["directory"], "default": "directory"},
        "path": {"type": "path", "required": True},
        # A number of bytes, or text with a unit: bundle.parts.size_of reads it.
        "part_size": {"type": "raw"},
    },
}
