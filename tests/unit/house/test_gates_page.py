# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guides say is written for the gates, and for everything else, is what they take."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.airgap.ferry.plugins.module_utils.gates import approvals, licences
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import licence_text
from ansible_collections.airgap.ferry.plugins.plugin_utils import variables

REPOSITORY = Path(__file__).resolve().parents[3]
GUIDES = sorted([REPOSITORY / "README.md", *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("roles/*/README.md")])
EXAMPLE = REPOSITORY / "inventories" / "example" / "group_vars"
SET = REPOSITORY / "tests/unit/plugins/module_utils/gates/data/tensorflow-cpu-2.21.0.json"
KNOWN = variables.known_options(REPOSITORY / "roles")


def blocks(guide, kind):
    return re.findall(r"^```%s\n(.*?)^```" % kind, guide.read_text(encoding="utf-8"), re.M | re.S)


def written():
    """``(guide and number, its variables)`` of every YAML block that sets some."""
    for guide in GUIDES:
        for number, block in enumerate(blocks(guide, "ya?ml"), 1):
            said = yaml.safe_load(block)
            said = said if isinstance(said, dict) else {}
            values = {name: value for name, value in said.items() if name.startswith("ferry_")}
            if values:
                yield pytest.param(values, id="%s-%d" % (guide.relative_to(REPOSITORY), number))


@pytest.mark.parametrize("values", list(written()))
def test_every_variable_of_the_guides_passes_its_check(values):
    variables.check_names({"a": values}, KNOWN)
    variables.check_values({"a": values}, [], KNOWN)


def packages():
    for wheel, lines in json.loads(SET.read_text(encoding="utf-8")).items():
        name, version = wheel.split("-")[:2]
        said = licence_text.of("\n".join(["Metadata-Version: 2.4", "Name: " + name, "Version: " + version, *lines, ""]))
        package = {"name": name.replace("_", "-"), "version": version, "wheel": wheel, "sha256": "0" * 64}
        yield dict(package, profiles=["linux-cpu"], licence=said)


def on_the_page(variable):
    (found,) = [
        said[variable] for said in map(yaml.safe_load, blocks(REPOSITORY / "docs/gates.md", "yaml")) if variable in said
    ]
    return found


def test_the_licences_of_the_page_pass_the_set_that_it_names():
    asked = on_the_page("ferry_licences")
    answer = licences.check(list(packages()), asked["allowed"], asked["overrides"], True)
    assert (answer["state"], len(answer["told"])) == ("passed", 1), answer
    assert [found["package"].partition("==")[0] for found in answer["findings"]] == ["astunparse", "namex"]


def test_the_request_of_the_page_is_as_lock_writes_one():
    (line,) = blocks(REPOSITORY / "docs/gates.md", "text")
    sha256 = re.search("[0-9a-f]{64}", line).group()
    six = {"name": "six", "version": "1.17.0", "wheel": "six-1.17.0-py2.py3-none-any.whl", "sha256": sha256}
    assert approvals.request([dict(six, profiles=["linux-cpu"])], []) == line


def test_the_example_fleet_may_carry_what_its_profiles_ask_for():
    fleet, staging = (yaml.safe_load((EXAMPLE / name).read_text()) for name in ("all.yml", "ferry_staging.yml"))
    asked = staging["ferry_licences"]
    allowed, judged = licences.read(asked["allowed"], asked["overrides"])
    assert any(profile["accelerator"] == "cuda" for profile in fleet["ferry_profiles"].values())
    assert "LicenseRef-NVIDIA-Proprietary" in allowed
    # Nobody judges a package to be what is not allowed then.
    assert [name for name, (expression, _reason) in judged.items() if licences.missing(expression, allowed)] == []
