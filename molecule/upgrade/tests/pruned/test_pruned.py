# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing what is not live: a check run names it, a release that something runs from stays, the rest goes."""

from __future__ import annotations

import pytest

HOSTS = ["server-bullseye", "server-bookworm", "server-trixie"]
BUSY = "server-bookworm"
testinfra_hosts = ["ssh://depot"]
ONE = ("-e", "ferry_keep_releases=1")


@pytest.fixture(scope="module")
def doomed(lab):
    """``{host: release}`` that is not live; on one host something still runs from it."""
    found = {}
    for name in HOSTS:
        here = lab.host(name).check_output("ls /opt/ferry/releases").split()
        (found[name],) = [release for release in here if release != lab.live(name)]
    code = "import time; time.sleep(600)"
    python = "/opt/ferry/releases/%s/bin/python" % found[BUSY]
    lab.host(BUSY).check_output("nohup %s -c %s > /dev/null 2>&1 & echo $! > /tmp/busy.pid", python, code)
    return found


def releases(lab, name):
    return lab.host(name).check_output("ls -A /opt/ferry/releases").split()


def test_the_number_that_is_kept_by_default_is_kept(lab, doomed):
    run = lab.play("prune")
    assert run.code == 0 and all(len(releases(lab, name)) == 2 for name in HOSTS), run.output


def test_a_check_run_names_what_would_go_and_removes_nothing(lab, doomed):
    run = lab.play("prune", "--check", "--diff", *ONE)
    assert run.code == 0, run.output
    for name in HOSTS:
        assert run.changed[name] == (0 if name == BUSY else 1)
        assert doomed[name] in releases(lab, name)
    assert doomed["server-trixie"] in run.output


def test_what_runs_stays_and_the_rest_goes(lab, doomed):
    run = lab.play("prune", *ONE)
    assert run.code == 0, run.output
    for name in HOSTS:
        assert releases(lab, name) == sorted([lab.live(name)] + ([doomed[name]] if name == BUSY else []))
    assert "%s was kept" % doomed[BUSY] in " ".join(run.output.split()), run.output


def test_once_it_has_ended_it_goes_too_and_then_nothing_changes(lab, doomed):
    lab.host(BUSY).check_output("kill $(cat /tmp/busy.pid)")
    run = lab.play("prune", *ONE)
    assert run.code == 0 and run.changed[BUSY] == 1, run.output
    assert releases(lab, BUSY) == [lab.live(BUSY)]
    again = lab.play("prune", *ONE)
    assert again.code == 0 and set(again.changed.values()) == {0}, again.output


def test_the_cache_holds_only_what_is_live(lab, doomed):
    for name in HOSTS:
        host = lab.host(name)
        wheels = host.check_output("find /opt/ferry/cache/files -name '*.whl' -printf '%f\\n'").split()
        names = [wheel.split("-")[0].lower() for wheel in wheels]
        assert len(names) == len(set(names)), wheels


def test_what_is_live_still_works(lab, doomed):
    for name in HOSTS:
        assert lab.host(name).run("/opt/ferry/current/bin/python -c 'import sys; sys.exit(0)'").rc == 0
    assert lab.play("verify").code == 0
