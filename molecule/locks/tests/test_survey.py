# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey says of each host what the host says of itself, and the profiles proposed from it are floors that it meets."""

from __future__ import annotations

import json

import pytest
import yaml

testinfra_hosts = ["ssh://server-bullseye", "ssh://server-bookworm", "ssh://server-trixie"]


@pytest.fixture(scope="session")
def survey(lab):
    return json.loads((lab.folder / "records" / "survey.json").read_text())


@pytest.fixture
def facts(host, survey):
    return survey["hosts"][host.backend.hostname]


def test_the_survey_is_what_the_host_is(host, facts):
    version = host.check_output("python3 -c 'import platform; print(platform.python_version())'")
    libc = host.check_output("getconf GNU_LIBC_VERSION").replace(" ", "-")
    assert facts["libc"] == libc and facts["arch"] == host.check_output("uname -m")
    found = {python["version"]: python for python in facts["pythons"]}
    assert found[version]["markers"]["python_full_version"] == version
    xy = "".join(version.split(".")[:2])
    assert found[version]["tag"] == "cp%s-cp%s-linux_%s" % (xy, xy, facts["arch"])
    assert found[version]["markers"]["sys_platform"] == "linux"
    assert facts["cpu"]["flags"]["avx"] == (" avx " in host.check_output("cat /proc/cpuinfo"))
    assert facts["driver"]["version"] is None and facts["selinux"] in (None, "disabled")


def test_the_proposal_fits_the_host(host, lab, survey):
    proposed = yaml.safe_load((lab.folder / "records" / "survey.yml").read_text())
    name = proposed["ferry_hosts"]["hosts"][host.backend.hostname]["ferry_profile"]
    profile = proposed["all"]["vars"]["ferry_profiles"][name]
    assert profile["python"] == host.check_output("python3 -c 'import platform; print(platform.python_version())'")
    assert profile["libc"] == host.check_output("getconf GNU_LIBC_VERSION").replace(" ", "-")
    assert (profile["os"], profile["arch"], profile["accelerator"]) == ("linux", host.check_output("uname -m"), "none")
    assert survey["proposal"]["unfit"] == {}


def test_a_survey_leaves_nothing_on_the_host(host):
    assert not host.file("/opt/ferry/releases").exists
    assert host.check_output("ls -A /home/ops/.ansible/tmp 2>/dev/null || true") == ""
