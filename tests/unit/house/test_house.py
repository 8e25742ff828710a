# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The house's own rules, held by reading the code: codes are written down, and rooms stay small."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
UTILS = REPOSITORY / "plugins" / "module_utils"
PYTHON = sorted(path for folder in ("plugins", "tests") for path in (REPOSITORY / folder).rglob("*.py"))


def test_every_code_that_is_raised_is_registered_and_every_registered_one_is_used():
    from ansible_collections.airgap.ferry.plugins.module_utils.codes.registry import CODES

    registry = UTILS / "codes"
    texts = [path.read_text() for path in (REPOSITORY / "plugins").rglob("*.py") if path.parent != registry]
    # The script of the kit stands alone, so it carries its sentences itself.
    texts += [path.read_text() for kind in ("*.yml", "*.py") for path in (REPOSITORY / "roles").rglob(kind)]
    used = set(re.findall(r"FERRY-[A-Z]+-[0-9]{3}", "\n".join(texts)))
    assert used == set(CODES)


def test_every_code_is_made_by_some_test():
    from ansible_collections.airgap.ferry.plugins.module_utils.codes.registry import CODES

    tests = [path for folder in ("tests", "molecule") for path in (REPOSITORY / folder).rglob("test_*.py")]
    named = set(re.findall(r"FERRY-[A-Z]+-[0-9]{3}", "\n".join(path.read_text() for path in tests)))
    assert sorted(set(CODES) - named) == []


def test_the_page_of_codes_is_the_registry():
    spec = importlib.util.spec_from_file_location("make_codes", REPOSITORY / "tests" / "docs" / "make_codes.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.PAGE.read_text() == made.render(), "run: make codes"


def test_check_variables_is_the_first_task_of_every_play():
    yaml = pytest.importorskip("yaml")
    plays = [
        (path.name, play)
        for path in (REPOSITORY / "playbooks").glob("*.yml")
        for play in yaml.safe_load(path.read_text())
        if "hosts" in play
    ]
    assert len(plays) > 10
    for name, play in plays:
        assert "airgap.ferry.check_variables" in play["pre_tasks"][0], (name, play["name"])


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_file_has_grown_into_two_rooms(path):
    # Tests of one room may be long: they are lists of promises.
    most = 400 if path.relative_to(REPOSITORY).parts[0] == "plugins" else 800
    assert len(path.read_text().splitlines()) <= most
