# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of this checkout, run for real on the local inventory with small wheels, by the ansible-core beside this Python."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import playbooks
import pytest

REPOSITORY = playbooks.REPOSITORY
# Pure, compiled, and one whose version the tests raise.
REQUIREMENTS = ["six==1.17.0", "markupsafe==3.0.2", "packaging==24.1"]
NEWER = [*REQUIREMENTS[:2], "packaging==24.2"]


def load_demo():
    """tests/demo/demo.py as a module: the round trip is the demo's, with another wheel set."""
    spec = importlib.util.spec_from_file_location("ferry_demo", REPOSITORY / "tests" / "demo" / "demo.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Site:
    """One folder with everything of a round trip in it."""

    def __init__(self, root, requirements):
        self.root = root
        self.extra = {"demo_root": str(root), "ferry_requirements": requirements}
        load_demo().prepare_folder(root)

    def play(self, playbook, *arguments, prefix=(), inventory="inventories/local", **extra):
        """Run a playbook of the collection, by its name, path or full name."""
        path = playbook if playbook.startswith("airgap.") or "/" in playbook else "playbooks/%s.yml" % playbook
        if inventory == "inventories/local":
            arguments += ("-e", json.dumps(dict(self.extra, **extra)))
        return playbooks.play(path, inventory, *arguments, prefix=prefix)

    def must(self, playbook, *arguments, **extra):
        """Run a playbook that has to work."""
        run = self.play(playbook, *arguments, **extra)
        assert run.code == 0, run.output
        return run

    def copy(self):
        """The same site in another folder, for a test that changes it; without hosts, whose releases know their own path."""
        root = Path(tempfile.mkdtemp(dir=self.root.parent)) / "site"
        # The agent's sockets (S.*) cannot be copied.
        shutil.copytree(self.root, root, symlinks=True, ignore=shutil.ignore_patterns("S.*", "hosts", "records"))
        return Site(root, self.extra["ferry_requirements"])

    def bundle_in_zone(self):
        """The newest bundle's folder in the zone."""
        return sorted(path for path in (self.root / "zone").iterdir() if path.is_dir())[-1]

    def version(self, distribution, host="server1"):
        """The version that the host's live release imports, asked of that release's own Python."""
        python = self.root / "hosts" / host / "current" / "bin" / "python"
        code = (
            "from importlib.metadata import version; import six, markupsafe, packaging; print(version(%r))"
            % distribution
        )
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    def snapshot(self, *folders):
        """What lies under ``folders``: ``{path: (kind, size, time of change)}``, locks apart."""
        found = {}
        for folder in folders:
            for path in sorted((self.root / folder).rglob("*")):
                status = path.lstat()
                if path.name != ".lock" and not path.is_dir():
                    found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns)
        return found


@pytest.fixture(scope="session")
def demo():
    return load_demo()


@pytest.fixture(scope="session")
def demo_runs(tmp_path_factory):
    """The demo with small wheels, run twice into one folder: ``(folder, [first, second])``."""
    root = tmp_path_factory.mktemp("demo")
    command = [sys.executable, str(REPOSITORY / "tests" / "demo" / "demo.py"), "--root", str(root)]
    for requirement in REQUIREMENTS:
        command += ["--requirement", requirement]
    runs = [
        subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        for _time in range(2)
    ]
    return root, runs


@pytest.fixture(scope="session")
def deployed(demo_runs):
    """What the demo left; tests leave it as it was."""
    root, (first, _second) = demo_runs
    assert first.returncode == 0, first.stdout
    return Site(root, REQUIREMENTS)


@pytest.fixture(scope="session")
def sent(deployed):
    """A depot that has the first bundle, and a newer one in the zone, not received yet; tests leave it as it was."""
    site = deployed.copy()
    site.extra["ferry_requirements"] = NEWER
    site.must("prepare")
    site.must("transfer", "--limit", "ferry_staging")
    return site


@pytest.fixture(scope="session")
def quarantined(sent):
    """The same one step further: the newer bundle lies in the depot's quarantine; tests leave it as it was."""
    site = sent.copy()
    site.must("transfer", "--limit", "ferry_depot")
    return site
