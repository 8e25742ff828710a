# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of locks says what the cases say."""

from __future__ import annotations

from cases import page


def test_the_page_of_locks_is_the_cases():
    assert page.PAGE.read_text(encoding="utf-8") == page.render(), "run: make cases"
