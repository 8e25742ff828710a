# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The house's own rules, held by reading the code: what travels stands alone, codes are written down, and rooms stay in order."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
UTILS = REPOSITORY / "plugins" / "module_utils"
# What runs inside, on old machines: in AnsiballZ, and on Windows as one zipped package.
TRAVELLING = sorted(
    [
        *UTILS.glob("host/*.py"),
        *UTILS.glob("bundle/*.py"),
        *UTILS.glob("zone/*.py"),
        UTILS / "errors.py",
        UTILS / "mutex.py",
    ]
)
PYTHON = sorted(path for folder in ("plugins", "tests") for path in (REPOSITORY / folder).rglob("*.py"))


def imports(path):
    """``[(level, module)]`` of every import in a file, nested ones included."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found += [(node.level, name) for name in names]
    return found


@pytest.mark.parametrize("path", TRAVELLING, ids=lambda path: str(path.relative_to(UTILS)))
def test_what_travels_needs_the_standard_library_alone_and_runs_on_python_3_8(path):
    ast.parse(path.read_text(), feature_version=(3, 8))
    for level, name in imports(path):
        if path.name == "probe_tensorflow.py" and name in ("tensorflow", "numpy"):
            continue  # runs in a release, which has them
        assert level > 0 or name.split(".")[0] in sys.stdlib_module_names, name
        assert name.split(".")[0] not in ("multiprocessing", "importlib", "ansible", "resolve", "record"), name


@pytest.mark.parametrize("path", sorted(UTILS.rglob("*.py")), ids=lambda path: str(path.relative_to(UTILS)))
def test_arrows_only_go_down(path):
    """module_utils imports no module, no plugin and nothing of Ansible; only staging's room knows third parties."""
    for level, name in imports(path):
        assert not name.startswith(("ansible", "ansible_collections")), name
        third_party = level == 0 and name.split(".")[0] not in sys.stdlib_module_names
        assert not third_party or "resolve" in path.parts or path.name == "probe_tensorflow.py", name


def test_every_code_that_is_raised_is_registered_and_every_registered_one_is_used():
    from ansible_collections.airgap.ferry.plugins.module_utils.errors import CODES

    registry = UTILS / "errors.py"
    texts = [path.read_text() for path in (REPOSITORY / "plugins").rglob("*.py") if path != registry]
    texts += [path.read_text() for path in (REPOSITORY / "roles").rglob("*.yml")]
    # The registry itself raises some, after its table.
    texts.append(registry.read_text().split("class FerryError")[1])
    used = set(re.findall(r"FERRY-[A-Z]+-[0-9]{3}", "\n".join(texts)))
    assert used == set(CODES)


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
