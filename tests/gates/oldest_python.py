# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests of what travels, on the oldest Python that hosts may have: ``oldest_python.py GATE [pytest's options]``."""

import os
import pathlib
import subprocess
import sys
import tempfile

import ansible
import left_out
import pythons

OLDEST = "3.8"
TESTS = pathlib.Path(__file__).resolve().parents[1]
ROOMS = ("host", "bundle", "zone", "test_mutex.py")


def main(gate, options):
    """pytest's exit code; 0, with a note, where this machine has no such Python."""
    base = pythons.find(OLDEST)
    if base is None:
        why = (
            "the tests of what travels did not run on Python %s, because none is on PATH or among pyenv's versions"
            % OLDEST
        )
        left_out.note(gate, [why])
        print(why)
        return 0
    folder = TESTS.parent / ".venv-py38"
    made = subprocess.run(
        [sys.executable, str(TESTS / "environment.py"), str(folder), str(TESTS / "requirements-py38.txt"), base],
        check=False,
    )
    if made.returncode != 0:
        return made.returncode
    with tempfile.TemporaryDirectory(prefix="ferry-py38-") as scratch:
        # No ansible-core installs on this Python; a module brings its module_utils along to a host, and so do we.
        pathlib.Path(scratch, "ansible").symlink_to(pathlib.Path(ansible.__file__).parent)
        rooms = [str(TESTS / "unit" / "plugins" / "module_utils" / room) for room in ROOMS]
        done = subprocess.run(
            [str(folder / "bin" / "python"), "-m", "pytest", *options, *rooms],
            env=dict(os.environ, PYTHONPATH=scratch, FERRY_GATE=gate),
            cwd=TESTS.parent,
            check=False,
        )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
