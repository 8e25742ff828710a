# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrows only go down: playbook, role, module, module_utils. And what travels to a host reaches nothing that does not."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from gates import travels

REPOSITORY = Path(__file__).resolve().parents[3]
PLUGINS = REPOSITORY / "plugins"
UTILS = PLUGINS / "module_utils"
OWN = "ansible_collections.airgap.ferry.plugins"
PLAYBOOKS = sorted((REPOSITORY / "playbooks").glob("*.yml"))
TASKS = sorted(path for kind in ("tasks", "handlers") for path in REPOSITORY.glob("roles/*/%s/*.yml" % kind))
# What of the collection Ansible reads; molecule/ and tests/ are workshops and may use what they like.
READ_BY_ANSIBLE = sorted(
    path
    for folder in ("inventories", "meta", "playbooks", "roles")
    for path in (REPOSITORY / folder).rglob("*.yml")
    if path.is_file()
)
KEYWORDS = set(Task.fattributes) | set(Block.fattributes)
ROLE_CALLS = {"ansible.builtin.include_role", "ansible.builtin.import_role"}


def named(path):
    return str(path.relative_to(REPOSITORY))


def loaded(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def tasks_in(entries):
    """Every task, those in blocks too."""
    for entry in entries:
        inside = [task for part in ("block", "rescue", "always") for task in entry.get(part, [])]
        yield from tasks_in(inside) if inside else [entry]


def call(task):
    """The one thing that a task calls, and its arguments; everything else must be a keyword of Ansible's."""
    (name,) = set(task) - KEYWORDS
    return name, task[name] or {}


def imports(path):
    """The dotted names that a file imports, nested imports too; a relative one as its place under the collection's plugins."""
    inside = path.relative_to(PLUGINS).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = [OWN, *inside[: len(inside) + 1 - node.level]] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            # A module of that name, or a name in the module ``base``.
            yield from ("%s.%s" % (base, alias.name) if source(base) is None else base for alias in node.names)


def source(name):
    """The file of the collection's module with this dotted name, or None."""
    place = (
        PLUGINS.joinpath(*name[len(OWN) + 1 :].split(".")).with_suffix(".py") if name.startswith(OWN + ".") else None
    )
    return place if place is not None and place.is_file() else None


def is_standard(name):
    return name.split(".")[0] in sys.stdlib_module_names


@pytest.mark.parametrize("path", travels.UTILS, ids=named)
def test_what_travels_needs_the_standard_library_and_what_travels_alone(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    for name in imports(path):
        if path.name == "probe_tensorflow.py" and name in ("tensorflow", "numpy"):
            continue  # runs in a release, which has them
        assert is_standard(name) or source(name) in travels.UTILS, name
        # AnsiballZ and the zip hold what is imported by name; a host may have no semaphores for processes.
        assert name.split(".")[0] not in ("importlib", "multiprocessing"), name


@pytest.mark.parametrize("path", travels.UTILS, ids=named)
def test_what_travels_imports_its_neighbours_relatively(path):
    """An absolute name of the collection's dies in a zip."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.ImportFrom) or node.level or not node.module.startswith("ansible"), node.module


@pytest.mark.parametrize("path", travels.MODULES, ids=named)
def test_a_module_that_travels_brings_nothing_that_does_not(path):
    for name in imports(path):
        carried = source(name) in travels.UTILS or name.startswith("ansible.module_utils.")
        assert carried or is_standard(name), name


@pytest.mark.parametrize("path", sorted((PLUGINS / "modules").glob("*.py")), ids=named)
def test_a_module_imports_no_other_module_and_no_plugin(path):
    for name in imports(path):
        below = name.startswith((OWN + ".module_utils", "ansible.module_utils."))
        assert below or is_standard(name), name


@pytest.mark.parametrize("path", sorted(UTILS.rglob("*.py")), ids=named)
def test_module_utils_import_nothing_above_them(path):
    """No module, no plugin, nothing of Ansible; third parties in one file of staging's room."""
    for name in imports(path):
        third_party = path.name == "probe_tensorflow.py" or path == UTILS / "resolve" / "libraries.py"
        assert name.startswith(OWN + ".module_utils") or is_standard(name) or third_party, name
        assert not name.startswith("ansible."), name


@pytest.mark.parametrize("path", sorted(PLUGINS.rglob("*.py")), ids=named)
def test_no_plugin_imports_a_module_or_another_collection(path):
    for name in imports(path):
        foreign = name.startswith("ansible_collections.") and not name.startswith(OWN + ".")
        assert not foreign and not name.startswith((OWN + ".modules", OWN + ".action", OWN + ".callback")), name


@pytest.mark.parametrize("path", PLAYBOOKS, ids=named)
def test_a_playbook_is_a_list_of_roles(path):
    for play in loaded(path):
        if "hosts" not in play:
            assert play["ansible.builtin.import_playbook"].startswith("airgap.ferry."), play["name"]
            continue
        assert set(play) <= set(Play.fattributes) - {"collections", "handlers", "post_tasks", "vars", "vars_files"}, (
            play
        )
        assert [call(task)[0] for task in play["pre_tasks"]] == ["airgap.ferry.check_variables"], play["name"]
        calls = [call(task) for task in tasks_in(play.get("tasks", []))]
        assert {name for name, _arguments in calls} <= ROLE_CALLS, play["name"]
        roles = play.get("roles", []) + [arguments["name"] for _name, arguments in calls]
        assert roles and all(role.startswith("airgap.ferry.") for role in roles), play["name"]


@pytest.mark.parametrize("path", TASKS, ids=named)
def test_a_role_calls_our_modules_and_ansibles_own(path):
    for task in tasks_in(loaded(path)):
        name, arguments = call(task)
        assert name.startswith(("airgap.ferry.", "ansible.builtin.")), name
        assert name not in ROLE_CALLS or arguments["name"].startswith("airgap.ferry."), arguments


@pytest.mark.parametrize("path", READ_BY_ANSIBLE, ids=named)
def test_no_other_collection_is_used(path):
    """In lookups, filters, tests and defaults for modules; the tests above hold what tasks call and plugins import."""
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"(?:lookup|query|\bq)\(\s*['\"]([^'\"]+)", text)
    used += re.findall(r"\|\s*(\w+\.\w+\.\w+)", text) + re.findall(r"\bis\s+(?:not\s+)?(\w+\.\w+\.\w+)", text)
    if "inventories" not in path.parts:  # where hosts have dotted names
        used += re.findall(r"^\s+(\w+\.\w+\.\w+):", text, re.M)
    assert all(name.startswith(("airgap.ferry.", "ansible.builtin.")) for name in used), used
    assert not re.search(r"^\s*collections:", text, re.M)


def test_the_collection_and_its_roles_depend_on_nothing():
    assert loaded(REPOSITORY / "galaxy.yml")["dependencies"] == {}
    assert [loaded(path)["dependencies"] for path in REPOSITORY.glob("roles/*/meta/main.yml")] == [[]] * len(
        list(REPOSITORY.glob("roles/*"))
    )
