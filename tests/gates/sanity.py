# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test's sanity tests, with nothing ignored: ``sanity.py GATE REQUIREMENTS [ansible-test's options]``, by the environment's Python.

ansible-test makes an environment for each of its tests, and would fetch a pip bootstrap and unhashed packages for them. Here it gets a
home of its own, whose pip knows nothing but a folder of wheels, downloaded by hash from our pins.
"""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import left_out
import pythons
from ansible_test._util.target.common.constants import CONTROLLER_PYTHON_VERSIONS, REMOTE_ONLY_PYTHON_VERSIONS

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "airgap.ferry" / "sanity"
# Nothing is left out by these: another locale, and the headline under which ansible-test says all warnings once more.
HARMLESS = ("WARNING: Using locale ", "WARNING: Reviewing previous ")
# ansible-test runs get-pip.py of one pip version; this does the same from that version's wheel.
BOOTSTRAP = """import runpy
import sys

sys.path.insert(0, {wheel!r})
sys.argv[1:] = ["install"] + [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
runpy.run_module("pip", run_name="__main__")
"""


def main(gate, requirements, options):
    """Run every sanity test on a copy of the working tree; 0 where all passed."""
    found = {version: pythons.find(version) for version in REMOTE_ONLY_PYTHON_VERSIONS + CONTROLLER_PYTHON_VERSIONS}
    environment = pathlib.Path(sys.prefix)
    home = CACHE / environment.name.strip(".")
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as lock, tempfile.TemporaryDirectory(prefix="ferry-sanity-") as scratch:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs would make the same environments
        prepare_home(home, requirements, [version for version in CONTROLLER_PYTHON_VERSIONS if found[version]])
        path = put_on_path(pathlib.Path(scratch, "pythons"), found, environment)
        done = subprocess.run(
            [str(environment / "bin" / "ansible-test"), "sanity", "--color", "no", *options],
            cwd=copy_tree(pathlib.Path(scratch)),
            env={"HOME": str(home), "PATH": path, "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    print(done.stdout)
    warnings = dict.fromkeys(line for line in done.stdout.splitlines() if line.startswith("WARNING: "))
    left_out.note(gate, [line[9:] for line in warnings if not line.startswith(HARMLESS)])
    return done.returncode


def prepare_home(home, requirements, controllers):
    """A home where pip installs from our hashed wheels alone, and ansible-test finds its bootstrap."""
    pins = requirements.read_bytes()
    digest = hashlib.sha256(pins + " ".join(controllers).encode()).hexdigest()[:12]
    wheels = home / ("wheels-" + digest)
    if not wheels.exists():
        for old in home.glob("wheels-*"):
            shutil.rmtree(old)
        fetched = home / "wheels-being-fetched"
        for version in controllers:
            fetch(requirements, version, fetched)
        fetched.rename(wheels)
    settings = home / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("[global]\nno-index = true\nfind-links = %s\n" % wheels)
    scripts = home / ".ansible" / "test" / "cache"
    scripts.mkdir(parents=True, exist_ok=True)
    (pip,) = wheels.glob("pip-*.whl")
    version = pip.name.split("-")[1]
    (scripts / ("get_pip_%s.py" % version.replace(".", "_"))).write_text(BOOTSTRAP.format(wheel=str(pip)))


def fetch(requirements, version, folder):
    """Download the wheels of our pins for one Python, by hash."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--python-version", version]
    command += ["--requirement", str(requirements), "--dest", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit("sanity: pip could not download %s: %s" % (requirements, done.stdout + done.stderr))


def copy_tree(scratch):
    """ansible-test wants the collection at a real path that ends so; git says which files are ours."""
    collection = scratch / "ansible_collections" / "airgap" / "ferry"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        origin = REPOSITORY / name
        # The link by which a checkout is its own collection would be a loop here.
        if name and origin.is_file() and not name.startswith(".ansible/"):
            (collection / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, collection / name)
    return collection


def put_on_path(folder, found, environment):
    """PATH with the Pythons that truly run first: a pyenv shim that runs nothing would be taken for one."""
    folder.mkdir()
    for version, path in found.items():
        if path:
            (folder / ("python" + version)).symlink_to(path)
    return os.pathsep.join([str(environment / "bin"), str(folder), os.environ["PATH"]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]))
