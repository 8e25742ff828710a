# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few elements that the page is built of. Each takes text and gives markup, unless it says that it takes markup."""

from __future__ import annotations

from html import escape
from typing import Any, Iterable, List, Optional, Sequence, Tuple

from . import words

# status: (mood, sign). The word is always beside the sign: neither colour nor sign carries meaning alone.
STATUS = {
    "succeeded": ("good", "✓"),
    "changed": ("good", "✓"),
    "unchanged": ("calm", "="),
    "ok": ("good", "✓"),
    "failed": ("bad", "✗"),
    "unreachable": ("bad", "✗"),
    "interrupted": ("warn", "!"),
    "not reached": ("warn", "–"),
    "planned": ("calm", "…"),
    "running": ("calm", "…"),
}


def text(value: Any) -> str:
    """Any value as text that can be no markup."""
    return escape(str(value), quote=True)


def code(value: Any, kind: str = "") -> str:
    """An identifier; ``kind`` is its CSS class."""
    return "<code%s>%s</code>" % (' class="%s"' % kind if kind else "", text(value))


def note(value: str) -> str:
    """A remark behind a value, or nothing."""
    return ' <span class="note">%s</span>' % text(value) if value else ""


def moment(iso: Optional[str]) -> str:
    """A time, in the form for readers and in that for programs."""
    spoken = text(words.moment(iso))
    return '<time datetime="%s">%s</time>' % (text(iso), spoken) if iso else spoken


def sign(status: str, says: str = "") -> str:
    """A status as sign and word; ``says`` takes the place of the word."""
    mood, glyph = STATUS[status]
    inner = '<span class="sign" aria-hidden="true">%s</span> %s' % (glyph, text(says or status))
    return '<span class="status %s">%s</span>' % (mood, inner)


def section(title: str, body: str, anchor: str) -> str:
    """A part of the page with its heading; ``body`` is markup."""
    heading = '<h2 id="%s-title">%s</h2>' % (anchor, text(title))
    return '<section id="%s" aria-labelledby="%s-title">\n%s\n%s\n</section>' % (anchor, anchor, heading, body)


def facts(pairs: Iterable[Tuple[str, str]]) -> str:
    """Labels and their values; values are markup. One with a digest gets a line of its own."""
    rows = []
    for label, value in pairs:
        kind = ' class="wide"' if 'class="hash"' in value else ""
        rows.append("<div%s><dt>%s</dt><dd>%s</dd></div>" % (kind, text(label), value))
    return "<dl>\n%s\n</dl>" % "\n".join(rows)


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str) -> str:
    """A table whose first column names its rows; cells are markup.

    ``kind``: CSS classes. "cards" are wide tables: on a narrow screen each row becomes a card, its cells headed by ``data-label``.
    """
    head = "".join('<th scope="col">%s</th>' % text(label) for label in heads)
    body: List[str] = []
    for row in rows:
        cells = ['<th scope="row">%s</th>' % row[0]]
        cells += ['<td data-label="%s">%s</td>' % (text(label), cell) for label, cell in zip(heads[1:], row[1:])]
        body.append("<tr>%s</tr>" % "".join(cells))
    parts = (kind, text(caption), head, "\n".join(body))
    return (
        '<table class="%s">\n<caption>%s</caption>\n<thead><tr>%s</tr></thead>\n<tbody>\n%s\n</tbody>\n</table>' % parts
    )
