# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's argument spec is its contract: complete, equal to its defaults, and the same variable is the same everywhere."""

from __future__ import annotations

import pathlib

import pytest
import yaml

ROLES = pathlib.Path(__file__).resolve().parents[3] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir() if path.is_dir())


def entry_points(role):
    return yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]


def options(role):
    """(variable, option) of every entry point."""
    return [item for entry_point in entry_points(role).values() for item in entry_point.get("options", {}).items()]


def flattened(prefix, choices):
    """An option and, below it, the options of a dictionary."""
    for name, option in choices:
        yield prefix + name, option
        yield from flattened(prefix + name + ".", option.get("options", {}).items())


def contract(option):
    """What must be the same in all roles; whether a variable is required depends on the role."""
    return {key: value for key, value in option.items() if key != "required"}


@pytest.mark.parametrize("role", NAMES)
def test_every_role_has_a_spec_with_the_entry_point_main(role):
    assert "main" in entry_points(role)


@pytest.mark.parametrize("role", NAMES)
def test_the_defaults_are_those_of_the_spec(role):
    path = ROLES / role / "defaults" / "main.yml"
    defaults = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    assert defaults == {name: option["default"] for name, option in options(role) if "default" in option}


@pytest.mark.parametrize("role", NAMES)
def test_every_option_is_typed_and_described(role):
    for name, option in flattened("", options(role)):
        assert "type" in option, name
        assert "elements" in option or option["type"] != "list", name
        assert option["description"] and all(sentence.endswith(".") for sentence in option["description"]), name
        assert not (option.get("required") and "default" in option), name


@pytest.mark.parametrize("role", NAMES)
def test_a_variable_has_the_prefix_of_the_collection(role):
    assert all(name.startswith("ferry_") for name, option in options(role))


def test_the_same_variable_is_the_same_in_every_role():
    first = {}
    for role in NAMES:
        for name, option in options(role):
            origin, known = first.setdefault(name, (role, contract(option)))
            assert contract(option) == known, "%s differs between the roles %s and %s" % (name, origin, role)
