# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the first deployment."""

from __future__ import annotations

testinfra_hosts = ["ssh://server-bullseye", "ssh://server-bookworm", "ssh://server-trixie"]


def test_the_older_version_is_live_and_alone(release, releases, versions):
    assert {name: release.version(name) for name in versions} == {name: pair[0] for name, pair in versions.items()}
    assert releases == [release.name]
