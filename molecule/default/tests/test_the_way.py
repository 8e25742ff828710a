# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies on the way: the depot's bundle can be checked by hand, the record tells the run, a check run tells the truth."""

from __future__ import annotations

import json

testinfra_hosts = ["ssh://depot"]

HOSTS = ["server-bookworm", "server-bullseye", "server-trixie"]


def test_the_published_bundle_can_be_checked_with_sha256sum_alone(host):
    identity = host.check_output("ls /srv/depot/bundles")
    folder = "/srv/depot/bundles/" + identity
    assert host.check_output("sha256sum %s/manifest.json" % folder).split()[0] == identity
    assert host.run("cd %s && sha256sum --check --strict --quiet SHA256SUMS" % folder).rc == 0
    assert len(json.loads(host.file(folder + "/manifest.json").content_string)["profiles"]) == 3


def test_the_quarantine_is_not_served(host):
    ask = "import urllib.request; print(urllib.request.urlopen('http://localhost:8080%s').status)"
    identity = host.check_output("ls /srv/depot/bundles")
    assert host.check_output("python3 -c %s", ask % ("/bundles/%s/manifest.json" % identity)) == "200"
    assert host.check_output("ls /srv/depot")
    for path in ("/", "/quarantine/", "/names/"):
        assert "404" in host.run("python3 -c %s", ask % path).stderr


def test_the_record_names_every_host_its_release_and_that_it_was_cut_off(host, lab):
    first = lab.runs()[0]
    assert first["status"] == "succeeded" and first["bundle"]["id"] == host.check_output("ls /srv/depot/bundles")
    assert {name: entry["status"] for name, entry in first["hosts"].items()} == dict.fromkeys(HOSTS, "changed")
    for name, entry in first["hosts"].items():
        assert entry["network"] == {"routes": 0}
        assert lab.host(name).file("/opt/ferry/current").linked_to.endswith("/" + entry["after"])


def test_again_nothing_changes_and_a_check_run_says_so(lab):
    for arguments in ([], ["--check", "--diff"]):
        run = lab.play("site", *arguments)
        assert run.code == 0, run.output
        assert set(run.changed) == {"staging", "depot", *HOSTS} and set(run.changed.values()) == {0}, run.changed


def test_a_check_run_of_a_change_names_what_would_change_and_changes_nothing(host, lab):
    before = host.check_output("find /srv/depot -type f | sort")
    run = lab.play("lock", "--check", "--diff", "-e", '{"ferry_requirements": ["six==1.16.0"]}')
    assert run.code == 0, run.output
    assert run.changed["staging"] == 1 and "six" in run.output
    assert host.check_output("find /srv/depot -type f | sort") == before
