# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real ssh keys, beside the gpg keys of the room above."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import program, ssh

CANARY = "canary-3f0c4e0d-passphrase"


class SshKeys:
    """A folder of ssh keys."""

    def __init__(self, folder):
        self.folder = str(folder)
        os.chmod(self.folder, 0o700)

    def make(self, name, kind="ed25519", bits=None, passphrase=""):
        """The path of the private key ``name``, made when it is asked for first."""
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            size = ["-b", str(bits)] if bits else []
            self._run("-q", "-t", kind, *size, "-N", passphrase, "-C", "%s@home" % name, "-f", path)
        return path

    def public(self, name):
        with open(self.make(name) + ".pub", encoding="ascii") as stream:
            return stream.read()

    def fingerprint(self, name):
        return self._run("-l", "-E", "sha256", "-f", self.make(name) + ".pub").decode().split()[1]

    def trusted(self, name, **changes):
        """The entry of ferry_trusted_keys for the key ``name``."""
        entry = {"name": name, "backend": "ssh", "fingerprint": self.fingerprint(name), "key": self.public(name)}
        return dict(entry, roles=["builder"], **changes)

    def sign(self, data, name, namespace=ssh.NAMESPACE):
        """A signature of ``data`` as a person makes it by hand."""
        return self._run("-Y", "sign", "-q", "-n", namespace, "-f", self.make(name), data=data)

    def _run(self, *arguments, data=b""):
        command = ["ssh-keygen", *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=True, timeout=60).stdout


@pytest.fixture(scope="session")
def ssh_keys(tmp_path_factory):
    """Real ssh keys, made once; ``builder`` is the one that signs bundles."""
    made = SshKeys(tmp_path_factory.mktemp("ssh"))
    made.make("builder")
    return made


@pytest.fixture
def overheard(monkeypatch):
    """Every command, environment and answer of the programs that sign and verify."""
    heard = []
    real = subprocess.run

    def listen(command, *arguments, check, **options):
        done = real(command, *arguments, check=check, **options)
        heard.append(repr((command, options.get("env"), done.stdout, done.stderr)))
        return done

    monkeypatch.setattr(program.subprocess, "run", listen)
    return heard
