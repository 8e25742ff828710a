# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own tests and every Molecule scenario, one after the other: ``scenarios.py GATE``.

Where this machine can run no lab, nothing is run, and the gate's note names each scenario and why.
"""

import os
import pathlib
import subprocess
import sys
import time

import left_out

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "molecule" / "resources"))

import images  # noqa: E402
import lab  # noqa: E402

SCENARIOS = sorted(path.parent.name for path in REPOSITORY.glob("molecule/*/molecule.yml"))
BIN = pathlib.Path(sys.executable).parent


def main(gate):
    """0 where all passed, or where no lab can be had and the note says so."""
    left_out.note(gate, [])
    reason = lab.why_not()
    if reason:
        left_out.note(gate, ["%s (molecule/%s) did not run: %s" % (name, name, reason) for name in SCENARIOS])
        print("No lab here, no scenario was run: %s." % reason)
        return 0
    try:
        made = images.ensure(sorted(images.IMAGES))
    except images.LabError as error:
        print("lab: %s." % error, file=sys.stderr)
        return 1
    wanted = images.IMAGES["staging"][0][0]
    if wanted not in made["staging"]:
        left_out.note(gate, ["staging on Debian %s, whose Python no host has: this mirror does not give it" % wanted])
    environment = dict(
        os.environ, PATH="%s:%s" % (BIN, os.environ["PATH"]), MOLECULE_COMMAND_BORDERS="false", PYTHONUNBUFFERED="1"
    )
    runs = [("lab", [sys.executable, "-m", "pytest", "-v", "tests/lab"])]
    runs += [(name, [str(BIN / "molecule"), "test", "-s", name]) for name in SCENARIOS]
    took = []
    for name, command in runs:
        started = time.monotonic()
        code = subprocess.run(command, cwd=REPOSITORY, env=environment, check=False).returncode
        took.append("  %-12s %-6s %4.0f s" % (name, "passed" if code == 0 else "FAILED", time.monotonic() - started))
        if code != 0:
            break
    print("\n".join(["Scenarios:", *took]), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
