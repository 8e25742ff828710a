# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A survey of this machine: read, proposed, locked with; again, nothing changes."""

from __future__ import annotations

import json
import platform

import playbooks
import pytest
import yaml

HOSTS = ["server1", "server2"]


class Site:
    """A folder that nothing was done in yet: a survey comes before everything, so it needs no round trip."""

    def __init__(self, root):
        self.root = root

    def play(self, playbook, *arguments, **extra):
        """Run a playbook of the collection on the local inventory."""
        extra = dict({"demo_root": str(self.root), "ferry_requirements": ["six==1.17.0"]}, **extra)
        path = "playbooks/%s.yml" % playbook
        return playbooks.play(path, "inventories/local", *arguments, "-e", json.dumps(extra))

    def must(self, playbook, *arguments, **extra):
        """Run a playbook that has to work."""
        run = self.play(playbook, *arguments, **extra)
        assert run.code == 0, run.output
        return run


@pytest.fixture(scope="module")
def site(demo, tmp_path_factory):
    root = tmp_path_factory.mktemp("survey") / "site"
    demo.prepare_folder(root)
    return Site(root)


@pytest.fixture(scope="module")
def surveyed(site):
    """The first survey's run, after one that only foretold it."""
    foretold = site.must("survey", "--check")
    assert foretold.changed == {"server1": 1, "server2": 0}
    assert not list(site.root.glob("records/survey*"))
    return site.must("survey", ferry_change="SURVEY-1")


def test_a_survey_is_written_once_and_changes_no_host(site, surveyed):
    assert surveyed.changed == {"server1": 1, "server2": 0}, "server1 speaks for the controller"
    assert not (site.root / "hosts").exists()
    again = site.must("survey")
    assert again.changed == dict.fromkeys(HOSTS, 0), again.output
    survey = json.loads((site.root / "records" / "survey.json").read_text())
    assert sorted(survey["hosts"]) == HOSTS and survey["unreached"] == []
    assert survey["hosts"]["server1"]["kernel"] == platform.release()
    run = json.loads((site.root / "records" / "SURVEY-1" / "record.json").read_text())["runs"][0]
    assert run["status"] == "succeeded" and "survey" in {stage["stage"] for stage in run["stages"]}
    assert {name: host["status"] for name, host in run["hosts"].items()} == dict.fromkeys(HOSTS, "unchanged")


def test_what_is_proposed_can_be_locked_and_given_as_an_inventory(site, surveyed):
    path = site.root / "records" / "survey.yml"
    proposed = yaml.safe_load(path.read_text())
    profiles = proposed["all"]["vars"]["ferry_profiles"]
    assert len(profiles) == 1, "two hosts that are one machine agree"
    (name,) = profiles
    assert profiles[name]["python"] == platform.python_version()
    assert {lines["ferry_profile"] for lines in proposed["ferry_hosts"]["hosts"].values()} == {name}
    run = site.must("lock", "--check", "-i", str(path), ferry_profiles=profiles)
    # The tools, which are made even in check mode, and the lock.
    assert run.changed == {"staging": 2}, run.output


def test_an_anonymous_survey_numbers_the_hosts(site, surveyed, tmp_path):
    path = tmp_path / "out" / "survey.json"
    site.must("survey", ferry_survey_anonymous=True, ferry_survey_file=str(path))
    assert sorted(json.loads(path.read_text())["hosts"]) == ["host001", "host002"]
    assert "server" not in path.read_text() and str(site.root) not in path.read_text()


def test_a_new_host_without_a_profile_is_surveyed_in_its_own_group_and_a_lost_one_is_named(site, surveyed, tmp_path):
    more = tmp_path / "more.yml"
    lost = {"ansible_connection": "ssh", "ansible_host": "192.0.2.1", "ansible_ssh_common_args": "-o ConnectTimeout=1"}
    more.write_text(yaml.safe_dump({"ferry_survey": {"hosts": {"fresh": {}, "lost": lost}}}))
    path = tmp_path / "survey.json"
    run = site.play("survey", "-i", str(more), ferry_survey_file=str(path))
    assert run.code != 0 and run.recap["lost"]["unreachable"] == 1 and run.recap["fresh"]["failed"] == 0, run.output
    survey = json.loads(path.read_text())
    assert sorted(survey["hosts"]) == ["fresh", *HOSTS] and survey["unreached"] == ["lost"]
    assert sorted(survey["proposal"]["hosts"]) == ["fresh", *HOSTS]
