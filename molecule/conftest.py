# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios' tests share: the lab that they look at, and what lies on a host."""

from __future__ import annotations

import configparser
import json
import os
import socket
import subprocess
import sys
import urllib.parse
from pathlib import Path

import playbooks
import pytest
import testinfra

RESOURCES = playbooks.REPOSITORY / "molecule" / "resources"


class Lab:
    """The scenario's lab, from outside: its folder, its records, and the playbooks run against it."""

    def __init__(self, folder):
        self.folder = folder

    def play(self, playbook, *arguments):
        """Run a playbook of the collection against the lab, as an operator does."""
        return playbooks.play("playbooks/%s.yml" % playbook, RESOURCES / "inventory", *arguments)

    def host(self, name):
        """One host of the lab, to look at."""
        return testinfra.get_host("ssh://" + name, ssh_config=str(self.folder / "ssh_config"))

    def live(self, name):
        """The release that is live on a host; None where there is none."""
        return Release(self.host(name)).name

    def command(self, *arguments):
        """Run the lab's own command: ``command("stop", "server-trixie")``."""
        action, *rest = arguments
        subprocess.run([sys.executable, str(RESOURCES / "lab.py"), action, str(self.folder), *rest], check=True)

    def runs(self):
        """Every recorded run, the oldest first."""
        records = [json.loads(path.read_text()) for path in (self.folder / "records").glob("*/record.json")]
        return sorted((run for record in records for run in record["runs"]), key=lambda run: run["id"])

    def index(self):
        """``(address of the package index, its host name, its IP address, its port)`` as staging asks it."""
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(self.folder / "pip.conf")
        url = settings.get("global", "index-url", fallback="https://pypi.org/simple")
        parts = urllib.parse.urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        return url, parts.hostname, socket.gethostbyname(parts.hostname), port


class Release:
    """What is live on a host, as the host itself shows it."""

    def __init__(self, host):
        self._host = host

    @property
    def name(self):
        """The release that the pointer names; None where nothing is live."""
        pointer = self._host.file("/opt/ferry/current")
        return pointer.linked_to.rpartition("/")[2] if pointer.is_symlink else None

    @property
    def facts(self):
        """Its release.json."""
        return json.loads(self._host.file("/opt/ferry/current/release.json").content_string)

    def run(self, code):
        """What ``code`` prints in the release's Python; it must end well."""
        done = self._host.run("/opt/ferry/current/bin/python -c %s", code)
        assert done.rc == 0, done.stderr
        return done.stdout.strip()

    def version(self, distribution):
        """The version of a distribution that the release's Python finds."""
        return self.run("from importlib.metadata import version; print(version(%r))" % distribution)


@pytest.fixture(scope="session")
def lab():
    return Lab(Path(os.environ["FERRY_LAB"]))


@pytest.fixture
def release(host):
    return Release(host)
