# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a report of the staging host is written: a table and labelled details for a terminal, rows for Markdown, a file only where it differs."""

from __future__ import annotations

import os
import textwrap

from ..bundle import files

WIDTH = 118
_LIMIT = 64 << 20


def table(rows: list) -> list:
    """``rows`` of texts, the heads first, as lines with aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def details(pairs, label_width: int) -> list:
    """``(label, text)`` pairs as lines of at most ``WIDTH`` characters, a long name apart, the texts in one column."""
    out = []
    for label, text in pairs:
        out += textwrap.wrap(
            text,
            WIDTH,
            initial_indent="  %s " % label.ljust(label_width),
            subsequent_indent=" " * (label_width + 3),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return out


def row(cells) -> str:
    """A row of a Markdown table."""
    return "| %s |" % " | ".join(cells)


def write_changed(path: str, data: bytes) -> None:
    """Make ``data`` what the file at ``path`` holds; one that holds it is not touched."""
    try:
        if files.read_limited(path, _LIMIT) == data:
            return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    files.write_durably(path, data)
