# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""check_variables as an operator meets it: real runs of ansible-playbook on temporary inventories."""

from __future__ import annotations

import copy
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

COLLECTIONS = pathlib.Path(__file__).resolve().parents[4] / ".ansible" / "collections"
CPU = {"os": "linux", "arch": "x86_64", "libc": "glibc-2.28", "python": "3.11.2", "accelerator": "none"}
INVENTORY = {
    "all": {
        "vars": {"ansible_connection": "local", "ferry_bundle": "tf", "ferry_profiles": {"cpu": CPU}},
        "children": {
            "ferry_staging": {"hosts": {"staging": {}}, "vars": {"ferry_requirements": ["tensorflow==2.16.2"]}},
            "ferry_depot": {"hosts": {"depot": {}}},
            "ferry_hosts": {"hosts": {"gpu1": {}, "gpu2": {}}, "vars": {"ferry_profile": "cpu"}},
        },
    }
}
# The task runs on the staging host alone; the other hosts are none of the play's.
PLAY = {
    "hosts": "ferry_staging",
    "gather_facts": False,
    "tasks": [{"airgap.ferry.check_variables": None, "run_once": True}],
}


@pytest.fixture
def play(tmp_path):
    """Run the play on an inventory, with some of its keys changed."""

    def run(inventory, changes=None, arguments=()):
        (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
        (tmp_path / "play.yml").write_text(yaml.safe_dump([{**PLAY, **(changes or {})}]), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "playbook", "-v", "-i", "inventory.yml", "play.yml", *arguments],
            cwd=str(tmp_path),
            env=dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(COLLECTIONS), ANSIBLE_NOCOLOR="1"),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def check(play):
    """Run the play, hold that it ended as expected, and give the task's result."""

    def run(inventory, changes=None, arguments=(), expect="failed"):
        done = play(inventory, changes, arguments)
        assert done.returncode == (2 if expect == "failed" else 0), done.stdout + done.stderr
        result = json.loads(re.search(r"=> (\{.*\})", done.stdout).group(1))
        assert result["changed"] is False
        assert result["event"]["stage"] == "variables" and result["event"]["seconds"] >= 0
        if expect == "failed":
            assert result["msg"].startswith(result["code"] + ": ") and "\n" not in result["msg"]
        return result

    return run


def inventory(group=None, host=None, **variables):
    """The good inventory with variables of all hosts, of a group or of a host set to something else; None removes one."""
    changed = copy.deepcopy(INVENTORY)
    place = changed["all"]
    if group:
        place = place["children"][group]
    target = place["hosts"][host] if host else place["vars"]
    for name, value in variables.items():
        if value is None:
            del target[name]
        else:
            target[name] = value
    return changed


def test_good_variables_pass(check):
    check(INVENTORY, expect="ok")


def test_check_mode_checks_as_well(check):
    assert check(inventory(ferry_bundel="tf"), arguments=["--check"])["code"] == "FERRY-VAR-001"


def test_a_misspelt_name_fails_with_the_nearest_one(check):
    result = check(inventory(group="ferry_staging", ferry_requirments=["keras"]))
    assert result["code"] == "FERRY-VAR-001"
    assert (
        "ferry_requirments on host staging" in result["msg"]
        and "the nearest known one is ferry_requirements" in result["msg"]
    )


def test_a_misspelt_name_of_a_host_outside_the_play_fails(check):
    result = check(inventory(group="ferry_hosts", ferry_profil="cpu"))
    assert result["code"] == "FERRY-VAR-001"
    assert "ferry_profil on hosts gpu1, gpu2 " in result["msg"]


def test_a_misspelt_name_on_the_command_line_fails(check):
    assert "ferry_bundel" in check(INVENTORY, arguments=["-e", "ferry_bundel=tf"])["msg"]


def test_a_misspelt_name_of_the_play_fails(check):
    result = check(INVENTORY, changes={"vars": {"ferry_bundel": "{{ nothing }}"}})
    assert result["code"] == "FERRY-VAR-001" and "ferry_bundel" in result["msg"]


def test_the_variables_of_the_play_count_for_its_hosts(check):
    check(inventory(ferry_profiles=None), changes={"vars": {"ferry_profiles": {"cpu": CPU}}}, expect="ok")


def test_a_variable_that_the_play_finds_out_later_passes(check):
    check(INVENTORY, changes={"vars": {"ferry_bundle_id": "{{ __ferry_opened.id }}"}}, expect="ok")


def test_the_roles_own_results_are_not_looked_at(check):
    check(inventory(__ferry_opened={"id": 1}), expect="ok")


def test_a_string_for_a_list_fails(check):
    result = check(inventory(group="ferry_staging", ferry_requirements="x"))
    assert result["msg"] == (
        "FERRY-VAR-002: ferry_requirements on host staging: expected a list of strings, found the string 'x'; write it as a YAML list."
    )


def test_switches_and_numbers_may_be_given_on_the_command_line(check):
    check(INVENTORY, arguments=["-e", "ferry_lock_refresh=true ferry_gpu_level=1"], expect="ok")


def test_the_mirror_and_the_index_exclude_each_other(check):
    result = check(inventory(ferry_mirror="tuna", ferry_index_url="https://index.example/simple"))
    assert result["code"] == "FERRY-VAR-002" and "ferry_index_url and ferry_mirror" in result["msg"]


def test_a_template_is_resolved_for_each_host(check):
    templated = inventory(ferry_profiles={"cpu": dict(CPU, python="{{ python_floor }}")}, python_floor="3.11")
    check(templated, expect="ok")
    templated["all"]["children"]["ferry_hosts"]["hosts"]["gpu2"] = {"python_floor": "2.7"}
    result = check(templated)
    assert (
        result["code"] == "FERRY-VAR-004"
        and "on host gpu2:" in result["msg"]
        and "found the string '2.7'" in result["msg"]
    )


def test_a_template_may_look_at_another_host(check):
    address = "http://{{ hostvars[groups['ferry_depot'][0]].inventory_hostname }}/bundles"
    check(inventory(group="ferry_hosts", ferry_depot_url=address), expect="ok")


@pytest.mark.parametrize(
    "template", ["{{ nothing }}", "{{ 1 / 0 }}", "{{ 'x' | no_such_filter }}", "{{ ferry_workdir }}", "{% if %}"]
)
def test_a_template_that_cannot_be_resolved_names_its_variable(check, template):
    result = check(inventory(ferry_workdir=template))
    assert result["code"] == "FERRY-VAR-002"
    assert (
        "ferry_workdir on host" in result["msg"]
        and "expected a path, found a template that cannot be resolved (" in result["msg"]
    )


def test_an_undefined_part_of_a_dictionary_names_its_variable(check):
    result = check(inventory(ferry_profiles={"cpu": dict(CPU, python="{{ nothing }}")}))
    assert result["code"] == "FERRY-VAR-002" and "ferry_profiles on hosts" in result["msg"]


def test_a_bad_profile_fails_by_key(check):
    result = check(inventory(ferry_profiles={"cpu": dict(CPU, python=3.1)}))
    assert result["code"] == "FERRY-VAR-004"
    assert "profile cpu, key python:" in result["msg"] and "quote it" in result["msg"]


def test_a_host_with_an_unknown_profile_fails(check):
    result = check(inventory(group="ferry_hosts", host="gpu2", ferry_profile="cpuu"))
    assert result["code"] == "FERRY-VAR-003"
    assert "ferry_profile on host gpu2:" in result["msg"] and "the nearest known one is cpu" in result["msg"]


def test_a_host_without_a_profile_fails(check):
    result = check(inventory(group="ferry_hosts", ferry_profile=None))
    assert result["code"] == "FERRY-VAR-003"
    assert "ferry_profile on hosts gpu1, gpu2: expected a profile" in result["msg"] and "found nothing" in result["msg"]


def test_an_option_is_refused(play):
    done = play(INVENTORY, {"tasks": [{"airgap.ferry.check_variables": {"strict": True}}]})
    assert done.returncode != 0
    assert "check_variables) module: strict" in done.stdout


@pytest.fixture
def vaulted(tmp_path):
    """Give the staging host a vaulted variable; gives the arguments that unlock it."""

    def write(name):
        (tmp_path / "password").write_text("open", encoding="utf-8")
        arguments = ["--vault-password-file", str(tmp_path / "password")]
        text = subprocess.run(
            [sys.executable, "-m", "ansible", "vault", "encrypt_string", *arguments, "hunter2"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        (tmp_path / "host_vars").mkdir()
        (tmp_path / "host_vars" / "staging.yml").write_text("%s: %s" % (name, text), encoding="utf-8")
        return arguments

    return write


def test_vaulted_text_is_text(check, vaulted):
    check(INVENTORY, arguments=vaulted("ferry_workdir"), expect="ok")


def test_vaulted_text_is_never_shown(check, vaulted):
    result = check(INVENTORY, arguments=vaulted("ferry_index_url"))
    assert "ferry_index_url on host staging:" in result["msg"]
    assert "not shown" in result["msg"] and "hunter2" not in result["msg"]


def test_vaulted_text_without_its_password_names_its_variable(check, vaulted):
    vaulted("ferry_workdir")
    assert "ferry_workdir on host staging: expected a path" in check(INVENTORY)["msg"]


def test_two_hundred_hosts_take_less_than_two_seconds(check):
    many = inventory(ferry_profiles={"cpu%s" % number: CPU for number in ["", 1, 2, 3, 4, 5, 6, 7]})
    many["all"]["children"]["ferry_hosts"]["hosts"] = {"gpu%d" % number: {} for number in range(200)}
    # The defaults of the role record include one that walks over all hosts.
    changes = {"pre_tasks": PLAY["tasks"], "tasks": [], "roles": [{"role": "airgap.ferry.record", "when": False}]}
    assert check(many, changes, expect="ok")["event"]["seconds"] < 2
