# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a playbook of this checkout by the ansible-core beside this Python, and reading what it said."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


class Run:
    """One finished ansible-playbook: exit code, output, and the recap by host."""

    def __init__(self, done):
        self.code = done.returncode
        self.output = done.stdout
        self.recap = {
            host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", counts)}
            for host, counts in re.findall(r"^(\S+)\s+: (ok=.*)$", self.output.split("PLAY RECAP")[-1], re.M)
        }

    @property
    def changed(self):
        """``{host: number of changed tasks}``."""
        return {host: counts["changed"] for host, counts in self.recap.items()}

    def message(self):
        """The first failed task's message."""
        found = re.search(r'"msg": "((?:[^"\\]|\\.)*FERRY-(?:[^"\\]|\\.)*)"', self.output)
        return json.loads('"%s"' % found.group(1)) if found else ""


def play(playbook, inventory, *arguments, prefix=()):
    """Run ``playbook`` (a path or full name) on ``inventory``; no run may ever show a traceback."""
    command = [
        *prefix,
        str(Path(sys.executable).parent / "ansible-playbook"),
        "-i",
        str(inventory),
        playbook,
        *arguments,
    ]
    # The repository's own settings, whatever the user's environment says.
    environment = dict(os.environ, ANSIBLE_CONFIG=str(REPOSITORY / "ansible.cfg"), ANSIBLE_NOCOLOR="1")
    environment.pop("ANSIBLE_FORCE_COLOR", None)
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=environment,
    )
    assert "Traceback" not in done.stdout, done.stdout
    return Run(done)
