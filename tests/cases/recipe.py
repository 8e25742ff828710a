# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The usual recipe, as people type it on the machine that reaches the index: ``pip download`` with one ``--platform``.

``pip install --dry-run --target`` takes the same options and resolves the same; it only fetches no wheels.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile

PLATFORMS = {
    ("windows", "x86_64"): "win_amd64",
    ("linux", "x86_64"): "manylinux2014_x86_64",
    ("linux", "aarch64"): "manylinux2014_aarch64",
}


def options(case):
    """What is typed for a case, requirements and constraints aside."""
    profile = case["profile"]
    platform = case.get("platform", PLATFORMS[(profile["os"], profile["arch"])])
    python = ".".join(profile["python"].split(".")[:2])
    return ["--platform", platform, "--python-version", python, "--only-binary", ":all:"]


def ask(case, environment):
    """The file names of the wheels that the recipe brings, or the word for its failure."""
    with tempfile.TemporaryDirectory(prefix="ferry-recipe-") as folder:
        report = os.path.join(folder, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--target", os.path.join(folder, "target"), "--report", report, *options(case)]
        if case.get("constraints"):
            bounds = os.path.join(folder, "constraints.txt")
            with open(bounds, "w", encoding="utf-8") as stream:
                stream.write("".join(line + "\n" for line in case["constraints"]))
            command += ["--constraint", bounds]
        done = subprocess.run(
            command + case["requirements"], capture_output=True, check=False, text=True, env=environment, cwd=folder
        )
        if done.returncode != 0:
            return _failure(done.stderr)
        with open(report, encoding="utf-8") as stream:
            return sorted(one["download_info"]["url"].rpartition("/")[2] for one in json.load(stream)["install"])


def _failure(stderr):
    none = re.search(r"No matching distribution found for ([A-Za-z0-9._-]*[A-Za-z0-9])", stderr)
    if "ResolutionImpossible" in stderr:
        return "conflict"
    if none:
        return "no match for %s" % none.group(1)
    raise RuntimeError("the recipe failed in a way that has no word yet: %s" % stderr[-2000:])
