# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The round trip: what was locked is what each host imports, and running it again changes nothing."""

from __future__ import annotations

import pytest

testinfra_hosts = ["ssh://server-bullseye", "ssh://server-bookworm", "ssh://server-trixie"]

PYTHON = {"server-bullseye": "3.9", "server-bookworm": "3.11", "server-trixie": "3.13"}
LOCKED = {"six": "1.17.0", "markupsafe": "3.0.2", "importlib-resources": "6.4.5"}


@pytest.fixture
def name(host):
    return host.backend.hostname


def test_the_release_is_live_complete_and_belongs_to_the_hosts_profile(host, name, release):
    profile = "linux-py" + PYTHON[name].replace(".", "")
    assert release.name.startswith(profile + "-") and len(release.name) == len(profile) + 13
    assert release.facts["id"] == release.name and release.facts["profile"] == profile
    assert host.check_output("ls /opt/ferry/releases") == release.name


def test_the_host_imports_what_was_locked(name, release):
    assert release.run("import sys; print('%d.%d' % sys.version_info[:2])") == PYTHON[name]
    assert {distribution: release.version(distribution) for distribution in LOCKED} == LOCKED
    assert release.run("import six, markupsafe._speedups as m; print(m.__file__)").startswith("/opt/ferry/")


def test_a_dependency_that_only_old_pythons_have_is_there_alone(host, name, release):
    """pip, run on the staging host's Python, would have left it out everywhere."""
    zipp = host.run("ls -d /opt/ferry/current/lib/python%s/site-packages/zipp" % PYTHON[name]).rc == 0
    assert zipp == (name == "server-bullseye") == ("zipp" in release.facts["packages"])


def test_a_bare_server_is_served_by_the_installer_that_works_there(name, release):
    """Debian 11 without python3-distutils: uv refuses that Python, so the bundle's pip does it."""
    assert release.facts["installer"] == ("pip" if name == "server-bullseye" else "uv")


def test_the_hosts_own_python_is_untouched(host):
    assert host.run("python3 -c 'import six'").rc != 0
    assert host.run("python3 -m pip --version").rc != 0


def test_nothing_half_made_and_no_temporary_file_stays(host):
    assert host.check_output("find /opt/ferry -name '*.part' -o -name '*.next' -o -name wheelhouse") == ""
    assert host.check_output("ls -A /home/ops/.ansible/tmp 2>/dev/null || true") == ""
