# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The round trip's promises: it works, twice changes nothing, check mode tells the truth, and the way back works."""

from __future__ import annotations

import json

HOSTS = ("server1", "server2")


def test_the_demo_ends_with_its_summary_and_changes_nothing_the_second_time(demo_runs):
    root, (first, second) = demo_runs
    assert first.returncode == 0, first.stdout
    assert second.returncode == 0, second.stdout
    for word in ("bundle ", "server1 ", "network ", "seconds ", str(root / "records" / "DEMO-1" / "record.html")):
        assert word in first.stdout
    recaps = [line for line in second.stdout.splitlines() if " changed=" in line]
    assert len(recaps) >= 6
    assert all(" changed=0 " in line for line in recaps), recaps


def test_the_record_says_whether_the_deployment_was_cut_off(demo_runs, demo):
    root, _runs = demo_runs
    runs = json.loads((root / "records" / "DEMO-1" / "record.json").read_text())["runs"]
    deploys = [run for run in runs if run["playbook"] == "deploy.yml"]
    for run, status in zip(deploys[:2], ("changed", "unchanged")):
        routes = {run["network"]["routes"]} | {host["network"]["routes"] for host in run["hosts"].values()}
        assert routes == {0} or not demo.can_cut_off(), run["network"]
        assert run["status"] == "succeeded"
        assert {name: host["status"] for name, host in run["hosts"].items()} == dict.fromkeys(HOSTS, status)
        assert len(run["bundle"]["id"]) == 64
        assert [signer["fingerprint"] for signer in run["bundle"]["signers"]] == [
            (root / "keys" / "fingerprint").read_text()
        ]


def test_by_path_and_by_name_are_the_same_playbook(deployed):
    for playbook in ("deploy", "airgap.ferry.deploy"):
        run = deployed.must(playbook)
        assert set(run.changed) == {"depot", *HOSTS}
        assert not any(run.changed.values()), run.output
        # ferry_serial is 1 in this inventory.
        assert run.output.count("batch by batch]") == 2, run.output


def test_check_mode_of_prepare_tells_the_truth_with_and_without_locks_and_writes_nothing(deployed, tmp_path):
    assert deployed.must("prepare", "--check").changed == {"staging": 0}
    untouched = deployed.snapshot("staging")
    changed = deployed.must("prepare", "--check", "--diff", ferry_requirements=["six==1.16.0"])
    assert changed.changed == {"staging": 1} and "+version = " in changed.output
    assert deployed.snapshot("staging") == untouched
    # The tools, which are made even in check mode, and the lock.
    fresh = deployed.must("prepare", "--check", ferry_workdir=str(tmp_path / "work"))
    assert fresh.changed == {"staging": 2} and sorted(path.name for path in (tmp_path / "work").iterdir()) == ["tools"]


def test_check_mode_of_a_transfer_tells_the_truth_and_writes_nothing(sent):
    untouched = sent.snapshot("staging", "zone", "depot")
    run = sent.must("transfer", "--check")
    assert run.changed == {"staging": 0, "depot": 1}
    assert sent.snapshot("staging", "zone", "depot") == untouched


def test_an_upgrade_is_foretold_done_and_undone(deployed, quarantined):
    """One story, because each step stands on the one before. The hosts are the demo's, this depot has a newer bundle."""

    def shown(run):
        return [line for line in run.output.splitlines() if line.startswith(("+", "-"))]

    def versions():
        return {deployed.version("packaging", host) for host in HOSTS}

    hosts = {"ferry_root": str(deployed.root / "hosts" / "{{ inventory_hostname }}")}
    site = quarantined.copy()
    first = (deployed.root / "hosts" / "server1" / "current").resolve()

    untouched = deployed.snapshot("hosts"), site.snapshot("depot")
    foretold = site.must("deploy", "--check", "--diff", **hosts)
    assert (deployed.snapshot("hosts"), site.snapshot("depot")) == untouched
    assert foretold.changed == {"depot": 1, "server1": 2, "server2": 2}
    assert {"-packaging==24.1", "+packaging==24.2"} < set(shown(foretold)) and "+six==1.17.0" not in shown(foretold)
    done = site.must("deploy", "--diff", **hosts)
    assert (shown(foretold), foretold.changed) == (shown(done), done.changed)
    assert versions() == {"24.2"}
    after = site.must("deploy", "--check", "--diff", **hosts)
    assert not any(after.changed.values()) and not shown(after), after.output

    foretold = site.must("rollback", "--check", "--diff", **hosts)
    assert versions() == {"24.2"}
    done = site.must("rollback", "--diff", **hosts)
    assert (shown(foretold), foretold.changed) == (shown(done), done.changed)
    assert done.changed == {"server1": 1, "server2": 1} and done.output.count("batch by batch]") == 2
    assert versions() == {"24.1"} and (deployed.root / "hosts" / "server1" / "current").resolve() == first
    again = site.must("rollback", **hosts)
    assert not any(again.changed.values()), again.output


def test_verify_reads_only_and_fails_when_a_package_is_gone(deployed):
    run = deployed.must("verify")
    assert not any(run.changed.values())
    release = (deployed.root / "hosts" / "server2" / "current").resolve()
    metadata = next(release.glob("lib/python*/site-packages/six-*.dist-info"))
    hidden = metadata.with_name("hidden")
    metadata.rename(hidden)
    try:
        run = deployed.play("verify")
    finally:
        hidden.rename(metadata)
    assert run.code != 0
    assert run.recap["server1"]["failed"] == 0 and run.recap["server2"]["failed"] == 1
    assert "FERRY-GPU-002" in run.message() and "six" in run.message()


def test_pip_gives_the_same_packages_as_uv(deployed, tmp_path):
    run = deployed.must("deploy", ferry_root=str(tmp_path / "{{ inventory_hostname }}"), ferry_installer="pip")
    assert run.recap["server1"]["changed"] == 2
    release = json.loads(next(tmp_path.glob("server1/releases/*/release.json")).read_text())
    by_uv = json.loads((deployed.root / "hosts" / "server1" / "current" / "release.json").read_text())
    assert (release["installer"], by_uv["installer"]) == ("pip", "uv")
    assert release["packages"] == by_uv["packages"] == {"six": "1.17.0", "markupsafe": "3.0.2", "packaging": "24.1"}


def test_site_is_prepare_transfer_and_deploy_in_one_run_with_one_record(deployed):
    run = deployed.must("airgap.ferry.site", ferry_change="SITE-1")
    assert set(run.changed) == {"staging", "depot", *HOSTS} and not any(run.changed.values()), run.output
    record = json.loads((deployed.root / "records" / "SITE-1" / "record.json").read_text())
    assert [entry["playbook"] for entry in record["runs"]] == ["site.yml"]
    assert {stage["stage"] for stage in record["runs"][0]["stages"]} >= {
        "lock",
        "build",
        "send",
        "receive",
        "open",
        "install",
    }
