# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proving ground proves something: its hosts are cut off, the test that says so can fail, and nothing of a lab stays behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import playbooks
import pytest

RESOURCES = playbooks.REPOSITORY / "molecule" / "resources"
HOST = "server-bookworm"


def run(*command, **more):
    environment = dict(os.environ, **{name: str(value) for name, value in more.items()})
    return subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=playbooks.REPOSITORY,
        env=environment,
    )


def lab(*arguments):
    return run(sys.executable, RESOURCES / "lab.py", *arguments)


@pytest.fixture(scope="module", autouse=True)
def able():
    reason = lab("why-not").stdout.strip()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def folder(tmp_path):
    yield tmp_path / "lab"
    assert lab("down", tmp_path / "lab").returncode == 0


@pytest.fixture(scope="module")
def pip(tmp_path_factory):
    """A pip wheel, as every host has one once a bundle was there."""
    place = tmp_path_factory.mktemp("pip")
    run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", place, "pip==26.3")
    return next(place.glob("pip-*.whl"))


def cut_off_tests(folder, pip):
    """``(failed, passed)`` of the scenarios' own tests on the host."""
    copied = run("scp", "-q", "-F", folder / "ssh_config", pip, HOST + ":/opt/ferry/")
    assert copied.returncode == 0, copied.stdout
    tests = [RESOURCES / "cut_off", "-k", HOST, "--ssh-config=%s" % (folder / "ssh_config")]
    done = run(sys.executable, "-m", "pytest", "-q", *tests, FERRY_LAB=folder)
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (failed|passed)", done.stdout.splitlines()[-1])}
    return counts.get("failed", 0), counts.get("passed", 0)


def test_a_host_is_cut_off_and_the_test_of_it_fails_on_an_ordinary_network(folder, pip):
    assert lab("up", folder, HOST + "=bookworm").returncode == 0
    assert cut_off_tests(folder, pip) == (0, 4)
    assert lab("up", folder, HOST + "=bookworm", "--ordinary").returncode == 0
    assert cut_off_tests(folder, pip) == (4, 0)


def test_a_host_that_was_cut_down_comes_back_under_its_address_with_its_files(folder):
    assert lab("up", folder, HOST + "=bookworm").returncode == 0
    reach = ["ssh", "-F", folder / "ssh_config", "-o", "ConnectTimeout=3", HOST]
    assert run(*reach, "touch /opt/ferry/here").returncode == 0
    assert lab("stop", folder, HOST).returncode == 0
    assert run(*reach, "true").returncode == 255
    assert lab("start", folder, HOST).returncode == 0
    assert run(*reach, "ls /opt/ferry").stdout.strip() == "here"


def test_nothing_of_a_lab_stays_and_taking_it_away_again_is_no_error(folder):
    before = run("ip", "-brief", "link").stdout
    assert lab("up", folder, HOST + "=bookworm").returncode == 0
    assert run("ip", "-brief", "link").stdout != before
    for _time in range(2):
        assert lab("down", folder).returncode == 0
        assert not folder.exists()
    assert len(run("ip", "-brief", "link").stdout.splitlines()) <= len(before.splitlines())


def test_an_unknown_image_is_refused_in_one_sentence(folder):
    done = lab("up", folder, "host=slackware")
    assert done.returncode == 1 and done.stdout.startswith("lab: unknown image slackware; there are bookworm, ")
    assert not folder.exists()
