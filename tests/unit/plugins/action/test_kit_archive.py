# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action kit_archive, run by Ansible itself: this collection arrives as one archive, foretold truly, and again nothing changes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[4]


@pytest.fixture
def bring(tmp_path):
    """Run the module on this machine; how it ended: CHANGED, SUCCESS or FAILED, and what it said."""
    (tmp_path / "ansible.cfg").write_text("[defaults]\ncollections_path = %s\n" % (REPOSITORY / ".ansible/collections"))

    def run(*options):
        command = [sys.executable, "-m", "ansible", "adhoc", "localhost", "-m", "airgap.ferry.kit_archive"]
        command += ["-a", "dest=%s" % (tmp_path / "work" / "kit" / "collection.tar"), *options]
        environment = dict(os.environ, ANSIBLE_CONFIG=str(tmp_path / "ansible.cfg"), ANSIBLE_NOCOLOR="1")
        environment.pop("ANSIBLE_COLLECTIONS_PATH", None)
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return re.search(r"^localhost \| (\w+)", done.stdout, re.M).group(1), done.stdout

    return run


def test_the_collection_arrives_once_as_a_dry_run_foretold(tmp_path, bring):
    place = tmp_path / "work" / "kit" / "collection.tar"
    assert bring("--check")[0] == "CHANGED" and not (tmp_path / "work").exists()
    state, said = bring("--diff")
    assert state == "CHANGED" and '"dest": "%s"' % place in said
    assert bring()[0] == "SUCCESS" and bring("--check")[0] == "SUCCESS"
    assert place.stat().st_mode & 0o777 == 0o644 and os.listdir(place.parent) == ["collection.tar"]
    version = yaml.safe_load((REPOSITORY / "galaxy.yml").read_text())["version"]
    with tarfile.open(place) as archive:
        assert '"version":"%s"' % version in archive.extractfile("MANIFEST.json").read().decode()
        assert {"roles/prepare/files/setup_kit.py", "playbooks/deploy.yml"} <= set(archive.getnames())


def test_a_destination_is_required(tmp_path, bring):
    assert bring("-a", "")[0] == "FAILED" and not (tmp_path / "work").exists()
