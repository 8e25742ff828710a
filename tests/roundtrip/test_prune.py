# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pruning a host that was deployed to: foretold, done, written down; the way back stays, and so does the way forward."""

from __future__ import annotations

import json

import pytest

LIMITED = ("--limit", "depot,server1")


@pytest.fixture(scope="module")
def upgraded(deployed, quarantined):
    """A site whose server1 had three releases live in turn, and whose server2 was never deployed to: ``(site, releases)``."""
    site = quarantined.copy()
    hosts = {"ferry_root": str(site.root / "hosts" / "{{ inventory_hostname }}")}
    current, releases = site.root / "hosts" / "server1" / "current", []
    for depot, options in ((deployed, {"ferry_compile_bytecode": False}), (deployed, {}), (site, {})):
        depot.must("deploy", *LIMITED, **hosts, **options)
        releases.append(current.resolve().name)
    assert len(set(releases)) == 3
    return site, releases


def shown(run):
    """The lines of the diffs."""
    return [line for line in run.output.splitlines() if line.startswith(("+", "-"))]


def test_pruning_is_foretold_done_and_written_down_and_a_second_run_changes_nothing(upgraded):
    """One story, because each step stands on the one before."""
    site, (first, second, third) = upgraded
    root = site.root / "hosts" / "server1"

    def left():
        return sorted(path.name for path in (root / "releases").iterdir())

    untouched = site.snapshot("hosts")
    foretold = site.must("prune", "--check", "--diff")
    assert site.snapshot("hosts") == untouched
    assert foretold.changed == {"server1": 1, "server2": 0}, "server2 has nothing, not even a folder"
    assert "-releases/" + first in shown(foretold) and "+releases/" + first not in shown(foretold)
    done = site.must("prune", "--diff", ferry_change="PRUNE-1")
    assert (shown(done), done.changed) == (shown(foretold), foretold.changed)
    assert done.output.count("batch by batch]") == 2
    assert left() == sorted([second, third]) and not (site.root / "hosts" / "server2").exists()
    run = json.loads((site.root / "records" / "PRUNE-1" / "record.json").read_text())["runs"][0]
    assert {name: (host["status"], host["removed"]) for name, host in run["hosts"].items()} == {
        "server1": ("changed", [first]),
        "server2": ("unchanged", []),
    }
    assert run["hosts"]["server1"]["before"] == run["hosts"]["server1"]["after"] == third
    page = (site.root / "records" / "PRUNE-1" / "record.html").read_text()
    assert "Pruned 2 of 2 hosts" in page and first in page

    untouched = site.snapshot("hosts")
    again = site.must("prune", "--diff")
    assert not any(again.changed.values()) and not shown(again), again.output
    assert site.snapshot("hosts") == untouched

    site.must("rollback", *LIMITED)
    assert (root / "current").resolve().name == second and site.version("packaging") == "24.1"
    assert not any(site.must("prune").changed.values()), "what was live a moment ago stays"

    alone = site.must("prune", *LIMITED, ferry_keep_releases=1)
    assert alone.changed == {"server1": 1} and "there is nothing to go back to" not in alone.output
    assert left() == [second]
    cached = {path.name.split("-")[1] for path in (root / "cache" / "files").glob("*/packaging-*")}
    unpacked = {path.name for path in (root / "cache" / "uv").glob("archive-v*/*/packaging-*")}
    assert (cached, unpacked) == ({"24.1"}, {"packaging-24.1.dist-info"})
    refused = site.play("rollback", *LIMITED, ferry_release=third)
    assert refused.code != 0 and "FERRY-INSTALL-004" in refused.message()

    site.must("deploy", *LIMITED)
    assert left() == sorted([second, third]) and site.version("packaging") == "24.2"
    assert site.version("six") == "1.17.0"


def test_to_keep_none_is_refused_before_anything_happens(upgraded):
    site, _releases = upgraded
    untouched = site.snapshot("hosts")
    run = site.play("prune", ferry_keep_releases=0)
    assert run.code != 0 and run.message().startswith("FERRY-VAR-002") and "1 or more" in run.message(), run.output
    assert site.snapshot("hosts") == untouched
