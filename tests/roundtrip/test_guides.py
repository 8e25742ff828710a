# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command in the guides is run: those for the local inventory for real, those for the example fleet as far as without one."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

GUIDES = sorted([REPOSITORY / "README.md", REPOSITORY / "molecule" / "README.md", *REPOSITORY.glob("docs/**/*.md")])
LAB = "molecule/resources/inventory"


def commands():
    """The lines of every ``sh`` block, without the ones that only a person can run (they are commented as such)."""
    found = []
    for guide in GUIDES:
        for block in re.findall(r"^```sh\n(.*?)^```", guide.read_text(), re.M | re.S):
            lines = block.replace("\\\n", " ").splitlines()
            found += [line.split("  #")[0].strip() for line in lines if line.strip() and not line.startswith("#")]
    return sorted(set(found))


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("make ")])
def test_every_make_target_of_the_guides_exists(command):
    done = subprocess.run([*command.split(), "--dry-run"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("ansible-playbook ")])
def test_every_playbook_command_of_the_guides_runs(command, deployed):
    words = shlex.split(command)
    assert words[1] == "-i" and words[2] in ("inventories/local", "inventories/example", LAB), command
    if words[2] == "inventories/local":
        # --check: a guide's rollback would have nothing to go back to here, and the site is shared.
        run = deployed.play(words[3], *words[4:], *([] if "--check" in words else ["--check"]))
        assert run.code == 0 or "FERRY-INSTALL-003" in run.message(), run.output
    else:
        # The scenarios run the lab's for real.
        run = deployed.play(words[3], *words[4:], "--list-hosts", inventory=words[2])
        assert run.code == 0 and re.search(r"(inside|office)\.example|server-bookworm", run.output), run.output


def test_the_example_fleets_variables_pass_their_check(deployed, tmp_path):
    """check_variables looks at all hosts of the inventory and needs to reach none of them."""
    playbook = tmp_path / "check.yml"
    playbook.write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - airgap.ferry.check_variables:\n      run_once: true\n"
    )
    run = deployed.play(str(playbook), inventory="inventories/example")
    assert run.code == 0, run.output
