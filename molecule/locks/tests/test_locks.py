# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock is the profile's and not the staging host's: made on another system by another Python it is the same file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

testinfra_hosts = ["ssh://staging"]

VARIABLES = Path(__file__).parents[1] / "vars" / "main.yml"
PROFILES = yaml.safe_load(VARIABLES.read_text())["ferry_profiles"]
SYSTEM = (
    "import platform, sys; print('%d.%d' % sys.version_info[:2], platform.freedesktop_os_release()['VERSION_CODENAME'])"
)


@pytest.fixture(scope="session")
def here(lab, tmp_path_factory):
    """The folder of the locks that this machine makes as a staging host, from the same inventory."""
    folder = tmp_path_factory.mktemp("work")
    changes = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "ferry_staging_python": sys.executable,
        "ferry_workdir": str(folder),
        "ferry_record_dir": str(folder / "records"),
    }
    run = lab.play("lock", "--extra-vars", "@%s" % VARIABLES, "--extra-vars", json.dumps(changes))
    assert run.code == 0, run.output
    return folder / "locks"


def test_the_two_staging_hosts_differ_in_system_and_python(host):
    there = host.check_output("python3 -c %s", SYSTEM).split()
    mine = subprocess.check_output([sys.executable, "-c", SYSTEM], text=True).split()
    assert mine[0] != there[0] and mine[1] != there[1]


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_both_made_the_same_lock_byte_for_byte(host, here, profile):
    there = host.file("/srv/ferry/locks/%s/pylock.toml" % profile).content
    assert (here / profile / "pylock.toml").read_bytes() == there
    assert there.count(b"[[packages]]") > 15


def test_a_windows_lock_made_on_linux_has_what_windows_needs(here):
    lock = (here / "windows-py39" / "pylock.toml").read_text()
    for name in ("tensorflow-intel", "importlib-metadata", "zipp"):
        assert 'name = "%s"' % name in lock
    assert "win_amd64" in lock and "manylinux" not in lock
    assert lock.count("[[packages]]") == 45


def test_the_review_lies_beside_the_locks_on_the_staging_host(host):
    review = json.loads(host.file("/srv/ferry/locks/review.json").content_string)
    assert sorted(review["profiles"]) == sorted(PROFILES) and review["total"]["unknown"] == 0
    page = host.file("/srv/ferry/locks/review.md").content_string
    assert "inference leaves out" in page and "windows-frameworks" in page
    assert not host.file("/srv/ferry/store").exists
