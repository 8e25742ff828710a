# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a virtual environment from a pinned, hashed requirements file, once: ``environment.py FOLDER REQUIREMENTS [PYTHON]``.

Standard library only: it runs before anything is installed.
"""

import hashlib
import pathlib
import shutil
import subprocess
import sys

OLDEST = (3, 11)


def main(folder, requirements, base=sys.executable):
    """Make it unless it is there, of the Python ``base``; 0 where it is ready."""
    if sys.version_info < OLDEST:
        return refuse(
            "Python %s is too old, 3.11 or newer is needed; name one with make PYTHON=..." % sys.version.split()[0]
        )
    listed = requirements.read_bytes()
    version = version_of(base)
    # One marker a requirements file: an environment may hold two of them, .venv does.
    kind = ".made-%s-%s-" % requirements.resolve().parts[-2:]
    marker = folder / (kind + hashlib.sha256(version.encode() + listed).hexdigest()[:12])
    if marker.exists():
        return 0
    print("Making %s from %s ..." % (folder, requirements), flush=True)
    python = folder / "bin" / "python"
    if not python.exists() or version_of(python) != version:
        shutil.rmtree(folder, ignore_errors=True)
        made = subprocess.run([base, "-m", "venv", str(folder)], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            return refuse(
                "%s has no venv with ensurepip; install the package python%s-venv (Debian, Ubuntu), then run make again: %s"
                % (base, ".".join(version.split(".")[:2]), " ".join((made.stdout + made.stderr).split())[:200])
            )
    for old in folder.glob(kind + "*"):  # what was installed then is not what will be now
        old.unlink()
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "-r",
        str(requirements),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("ERROR")]
        return refuse(
            "pip could not install %s: %s; check the package index in pip's configuration."
            % (requirements, " ".join(lines)[:400])
        )
    marker.touch()
    return 0


def version_of(python):
    """What the Python of an environment that is there calls itself."""
    return subprocess.run(
        [str(python), "-c", "import sys; print(sys.version, end='')"], capture_output=True, text=True, check=False
    ).stdout


def refuse(sentence):
    """Say why not, for a person."""
    print("setup: %s" % sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), *sys.argv[3:]))
