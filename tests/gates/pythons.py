# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the Pythons that this machine has: on PATH, else among pyenv's versions. ``pythons.py X.Y`` prints one, or fails."""

import os
import pathlib
import re
import shutil
import subprocess
import sys


def find(wanted):
    """The path of a Python X.Y that runs, or None."""
    return next((path for path in candidates(wanted) if version_of(path) == wanted), None)


def candidates(wanted):
    """Where one may be, the best first: a pyenv shim is on PATH for every version, and runs only the chosen ones."""
    on_path = shutil.which("python" + wanted)
    if on_path:
        yield on_path
    root = os.environ.get("PYENV_ROOT") or answer(["pyenv", "root"])
    if root:
        versions = pathlib.Path(root, "versions").glob(wanted + ".*")
        newest_first = sorted(
            versions, key=lambda path: [int(n) for n in re.findall("[0-9]+", path.name)], reverse=True
        )
        yield from (str(path / "bin" / ("python" + wanted)) for path in newest_first)


def version_of(path):
    """X.Y of a Python, or nothing where it does not run."""
    return answer([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])


def answer(command):
    """What a command prints, or nothing where there is none or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    print(find(sys.argv[1]) or sys.exit(1))
