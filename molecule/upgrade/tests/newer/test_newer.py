# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the upgrade."""

from __future__ import annotations

testinfra_hosts = ["ssh://server-bullseye", "ssh://server-bookworm", "ssh://server-trixie"]


def test_the_newer_version_is_live_and_the_older_release_lies_beside_it_whole(
    host, release, releases, switches, versions
):
    older, newer = (name for name, _action in switches)
    assert release.name == newer and releases == sorted([older, newer])
    assert {name: release.version(name) for name in versions} == {name: pair[1] for name, pair in versions.items()}
    for name, (before, _after) in versions.items():
        ask = "from importlib.metadata import version; print(version(%r))" % name
        assert host.check_output("/opt/ferry/releases/%s/bin/python -c %s", older, ask) == before


def test_only_what_the_cache_lacked_was_fetched(host, release, versions):
    """Files by content: what both releases have lies there once."""
    wheels = host.check_output("find /opt/ferry/cache/files -name '*.whl' -printf '%f\\n'").split()
    assert len(wheels) == len(set(wheels))
    for name, pair in versions.items():
        found = [wheel for wheel in wheels if wheel.lower().startswith(name.replace("-", "_") + "-")]
        assert len(found) == 2, (pair, found)


def test_the_record_has_each_package_before_and_after(host, lab, versions):
    entry = lab.runs()[-1]["hosts"][host.backend.hostname]
    assert entry["status"] == "changed" and entry["before"] != entry["after"]
    upgraded = entry["packages"]["upgraded"]
    assert {name: upgraded[name] for name in versions} == versions
