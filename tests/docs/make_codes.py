# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/codes.md from the registry of codes; a unit test holds the two equal."""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "codes.md"
sys.path.insert(0, str(REPOSITORY / ".ansible" / "collections"))

from ansible_collections.airgap.ferry.plugins.module_utils.codes.registry import CODES  # noqa: E402

HEAD = """# Codes

Every refusal carries one of these, as the key `code` of the task's result and at the start of its message. A code never changes its
meaning. This page is made from `plugins/module_utils/codes/` by `make codes`.

| code | what it means | what to do |
|---|---|---|
"""


def render():
    """The page's text."""
    return HEAD + "".join(
        "| `%s` | %s | %s |\n" % (code, meaning, step) for code, (meaning, step) in sorted(CODES.items())
    )


if __name__ == "__main__":
    PAGE.write_text(render())
