# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the rollback."""

from __future__ import annotations

testinfra_hosts = ["ssh://server-bullseye", "ssh://server-bookworm", "ssh://server-trixie"]


def test_the_older_version_is_live_again_and_nothing_is_gone(release, releases, switches, versions):
    assert [action for _name, action in switches] == ["switch", "switch", "rollback"]
    assert release.name == switches[0][0] == switches[2][0] and len(releases) == 2
    assert {name: release.version(name) for name in versions} == {name: pair[0] for name, pair in versions.items()}


def test_going_back_again_changes_nothing(lab, release):
    run = lab.play("rollback")
    assert run.code == 0 and set(run.changed.values()) == {0}, run.output
