# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our locks are right: every case of tests/cases/cases.py by the real uv, replayed from what the live index said, without a network."""

from __future__ import annotations

import os
import sys

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index
from cases import asking, cases, loopback

LIVE = os.environ.get("FERRY_LIVE_INDEX")
SEVERAL = [case for case in cases.CASES if len(case["requirements"]) + len(case.get("constraints", ())) > 1]


def named(case):
    return case["id"]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The recording, served to one uv with one cache."""
    made = loopback.Loopback(loopback.Recording())
    made.at_hand = made.environment(tmp_path_factory.mktemp("uv"))
    yield made
    made.close()


@pytest.fixture
def replayed(served):
    """The same, with nothing asked of it yet."""
    served.absent.clear()
    return served


@pytest.mark.parametrize("case", cases.CASES, ids=named)
def test_a_profile_gets_what_is_right_for_it(tmp_path, replayed, case):
    assert not asking.differences(case, asking.put(case, str(tmp_path), replayed.at_hand))
    assert not replayed.absent, "the recording lacks what was asked for; run: make cases"


@pytest.mark.parametrize("case", SEVERAL, ids=named)
def test_the_order_of_what_is_asked_and_where_it_is_locked_change_no_byte(tmp_path, replayed, case):
    first = asking.put(case, str(tmp_path / "one"), replayed.at_hand)
    cold = replayed.environment(tmp_path / "another-cache")
    assert first["lock"] == asking.put(case, str(tmp_path / "two"), cold, backwards=True)["lock"]


def test_every_case_says_what_it_is_here_for():
    """A lock, or a refusal; and the recipe's answer beside it."""
    assert len({case["id"] for case in cases.CASES}) == len(cases.CASES)
    for case in cases.CASES:
        assert ("wheels" in case) != ("refused" in case), case["id"]
        both = "wheels" in case and isinstance(case["recipe"], int)
        assert ("beside" in case) == both and case["shows"], case["id"]


@pytest.mark.skipif(not LIVE, reason="FERRY_LIVE_INDEX names no index to ask for the cases")
def test_the_live_index_gives_the_same(tmp_path):
    environment = index.environment(sys.executable, LIVE)
    found = {
        case["id"]: asking.differences(case, asking.put(case, str(tmp_path / case["id"]), environment))
        for case in cases.CASES
    }
    assert not {name: sentences for name, sentences in found.items() if sentences}, "run: make cases"
