# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locking five TensorFlow profiles, beside five runs of pip's own resolver, in alternation: ``make bench``, or ``lock.py --runs N``.

It measures a ratio and judges nothing by it: only what cannot be resolved ends it with another exit code than 0.
What is and is not compared: README.md beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COLLECTIONS = Path(__file__).resolve().parents[1] / ".ansible" / "collections"
sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.airgap.ferry.plugins.module_utils.profile import Profile  # noqa: E402
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index, target  # noqa: E402
from near import Near  # noqa: E402

MODULE = "ansible_collections.airgap.ferry.plugins.modules.bundle_lock"
LINUX = {"os": "linux", "arch": "x86_64", "libc": "glibc-2.28", "accelerator": "none"}
PROFILES = {
    "linux-py39-cpu": dict(LINUX, python="3.9.19", requirements=["tensorflow-cpu==2.15.1"]),
    "linux-py311-cpu": dict(LINUX, python="3.11.9", requirements=["tensorflow-cpu==2.18.1"]),
    "linux-py311-cuda": dict(LINUX, python="3.11.9", accelerator="cuda", requirements=["tensorflow[and-cuda]==2.18.1"]),
    "windows-py311-cpu": {
        "os": "windows",
        "arch": "x86_64",
        "python": "3.11.9",
        "accelerator": "none",
        "requirements": ["tensorflow==2.18.1"],
    },
    "linux-py312-cpu": dict(LINUX, python="3.12.4", requirements=["tensorflow-cpu==2.21.0"]),
}
AT_MOST = 1 / 3


class BenchError(Exception):
    """What could not be resolved, and why."""


def main(arguments=None):
    """Measure and print; 0 unless something could not be resolved."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="measured runs of each (default: 3)")
    parser.add_argument(
        "--delay",
        type=int,
        nargs="*",
        default=[0, 20],
        metavar="MS",
        help="milliseconds that the index waits before each answer, in one series of runs each (default: 0 20)",
    )
    options = parser.parse_args(arguments)
    print("%s, %d cores; %s" % (platform.machine(), os.cpu_count(), ", ".join(versions())), flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="ferry-bench-") as name, near(Path(name)) as index_:
            for delay in options.delay:
                index_.delay = delay / 1000
                print("\nThe index answers after %d ms" % delay, flush=True)
                seconds, wheels = measure(Path(name) / str(delay), index_, options.runs)
                print(report(seconds, wheels), flush=True)
    except BenchError as error:
        print("bench: %s" % error, file=sys.stderr)
        return 1
    return 0


def versions():
    """What is compared, by its own words."""
    yield "Python " + platform.python_version()
    for command in ([sys.executable, "-m", "pip"], [str(Path(sys.executable).parent / "uv")]):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        yield " ".join(done.stdout.split()[:2])


def near(folder):
    """The index that pip is configured for, on loopback."""
    return Near(index.environment(sys.executable), folder / "index")


def measure(folder, index_, runs):
    """``({(kind, caches): [seconds, ...]}, {kind: {profile: wheels}})``."""
    kinds = {"ours": ours, "pip": pips}
    seconds = {(kind, caches): [] for caches in ("warm", "cold") for kind in kinds}
    wheels = {}
    for kind, resolve in kinds.items():
        # Fills the caches that the warm runs keep, and the index on loopback.
        wheels[kind] = resolve(folder / "warm" / kind, index_)
    for number in range(runs):
        for caches in ("warm", "cold"):
            for kind, resolve in kinds.items():
                place = folder / ("warm" if caches == "warm" else "cold%d" % number) / kind
                started = time.monotonic()
                resolve(place, index_)
                seconds[kind, caches].append(time.monotonic() - started)
                print("run %d, %s, %s: %.2f s" % (number + 1, caches, kind, seconds[kind, caches][-1]), flush=True)
    return seconds, wheels


def ours(folder, index_):
    """All profiles by the module bundle_lock, in a process of its own; ``refresh``, or it would keep the locks that are there."""
    options = {
        "name": "bench",
        "workdir": str(folder / "work"),
        "profiles": PROFILES,
        "refresh": True,
        "index_url": index_.url,
    }
    done = run([sys.executable, "-m", MODULE], folder, index_, json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    result = {}
    with contextlib.suppress(ValueError):
        result = json.loads(done.stdout)
    if "locks" not in result:
        raise BenchError(result.get("msg", done.stderr))
    return {name: lock["wheels"] for name, lock in result["locks"].items()}


def pips(folder, index_):
    """The profiles one after the other, as people run pip for another machine: tags by options, nothing downloaded."""
    found = {}
    for name, spec in PROFILES.items():
        profile = Profile.from_spec(name, spec)
        answer = folder / (name + ".json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", str(answer), "--target", str(folder / "none"), "--only-binary", ":all:"]
        command += ["--implementation", "cp", "--python-version", profile.python]
        for tag in target.platforms(profile):
            command += ["--platform", tag]
        done = run([*command, *profile.requirements], folder, index_)
        if done.returncode != 0:
            raise BenchError("pip cannot resolve %s: %s" % (name, done.stderr))
        found[name] = len(json.loads(answer.read_text(encoding="utf-8"))["install"])
    return found


def run(command, folder, index_, said=""):
    """With caches under ``folder`` and nowhere else, and with the same index for both."""
    folder.mkdir(parents=True, exist_ok=True)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    variables.update(PYTHONPATH=str(COLLECTIONS), XDG_CACHE_HOME=str(folder / "cache"))
    variables.update(PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL=index_.url, PIP_DISABLE_PIP_VERSION_CHECK="1")
    # Else pip keeps nothing of what it hears without TLS.
    variables.update(PIP_TRUSTED_HOST="127.0.0.1")
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=False, env=variables)
    if index_.wheels_asked:
        raise BenchError("a wheel was asked for, so this is not resolving alone")
    return done


def report(seconds, wheels):
    """Two tables in Markdown: how long, and how many wheels each of the two found."""
    lines = ["", "| caches | ours, s | pip, s | pip / ours | ours at most a third |", "|---|---|---|---|---|"]
    for caches in ("warm", "cold"):
        mine, other = (statistics.median(seconds[kind, caches]) for kind in ("ours", "pip"))
        verdict = "yes" if mine <= other * AT_MOST else "no"
        lines.append("| %s | %.2f | %.2f | %.1f | %s |" % (caches, mine, other, other / mine, verdict))
    lines += ["", "| profile | wheels, ours | wheels, pip |", "|---|---|---|"]
    lines += ["| %s | %d | %d |" % (name, wheels["ours"][name], wheels["pip"][name]) for name in PROFILES]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
