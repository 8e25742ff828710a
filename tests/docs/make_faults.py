# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/faults.md from the lists in tests/faults/ and the marks of the tests; a unit test holds them equal."""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "faults.md"
sys.path.insert(0, str(REPOSITORY / "tests"))

from faults import faults, fields  # noqa: E402

HEAD = """# Faults that are met

What can be wrong with a bundle, by accident or on purpose, what refuses it, and the tests that make it for real. Each is refused with one
sentence that names the file; nothing changes but quarantine, where the bundle stays as evidence. What the codes mean and what to do is in
[codes.md](codes.md). Faults of wheels are met though a trusted builder has signed them: a builder may have been lied to. This page is made
from `tests/faults/` and the tests by `make codes`.

| | fault | codes | made by |
|---|---|---|---|
"""

FLIPS = """
Beyond that `test_bundle_flips.py` flips one bit at more than a thousand places of a signed bundle, in every file, every token of its JSON
and every byte of its signature, and all are refused; and [fuzzing.md](fuzzing.md) says what the readers were given besides.

## Every field of statement and manifest

Each was changed to another value that looks as good. Without the builder's signature every one is refused: a changed statement as
`FERRY-BUNDLE-002`, a changed manifest as `FERRY-BUNDLE-004`. This is what becomes of it where a trusted builder signs it:

| document | field | other value | outcome | why |
|---|---|---|---|---|
"""


def render():
    """The page's text."""
    made = faults.made_by()
    rows = [
        "| %d | %s | %s | %s |\n"
        % (number, words, _codes(codes), "<br>".join(_place(*one) for one in made.get(number, [])))
        for number, (words, codes) in faults.FAULTS.items()
    ]
    outcomes = [
        "| %s | `%s` | %s | %s | %s |\n"
        % (
            row.document,
            row.field,
            row.words,
            row.outcome if row.outcome == fields.HARMLESS else _codes(row.outcome),
            row.reason,
        )
        for row in fields.STATEMENT + fields.MANIFEST
    ]
    return HEAD + "".join(rows) + FLIPS + "".join(outcomes)


def _codes(codes):
    return ", ".join("`%s`" % code for code in ([codes] if isinstance(codes, str) else codes))


def _place(path, test):
    return "`%s`: %s" % (path.rpartition("/")[2], test[len("test_") :].replace("_", " "))


if __name__ == "__main__":
    PAGE.write_text(render())
