# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of a bundle has a test that makes it for real, its own codes, and a line on the page that an operator reads."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from faults import faults

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("number", range(1, 40))
def test_a_fault_is_made_for_real_and_refused_by_its_codes(number):
    tests = faults.made_by().get(number, [])
    assert tests, "no test has the mark fault(%d)" % number
    _words, codes = faults.FAULTS[number]
    texts = "".join((REPOSITORY / path).read_text() for path, _test in tests)
    assert codes and [code for code in codes if code not in texts] == []


def test_no_mark_is_of_a_fault_that_nobody_knows():
    assert set(faults.made_by()) == set(faults.FAULTS) == set(range(1, 40))


def test_codes_of_faults_are_registered():
    from ansible_collections.airgap.ferry.plugins.module_utils.codes.registry import CODES

    assert {code for _words, codes in faults.FAULTS.values() for code in codes} <= set(CODES)


def test_the_page_of_faults_is_the_list_and_the_marks():
    spec = importlib.util.spec_from_file_location("make_faults", REPOSITORY / "tests" / "docs" / "make_faults.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.PAGE.read_text() == made.render(), "run: make codes"
