# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's GPUs are, as the driver says and as the framework of a release sees them; it judges nothing."""

from __future__ import annotations

import inspect
import json
import shutil
import signal
import subprocess

from . import probe_tensorflow
from .python import environment

_FIELDS = (
    "index",
    "name",
    "uuid",
    "driver_version",
    "memory.total",
    "mig.mode.current",
    "ecc.errors.uncorrected.volatile.total",
)
_DRIVER_SECONDS = 30
_LAST_SECONDS = 1
_STEPS = ("import", "devices", "compute")
_FRAMEWORKS = {"tensorflow": "tensorflow", "tensorflow-cpu": "tensorflow", "tensorflow-intel": "tensorflow"}
_PROBES = {"tensorflow": probe_tensorflow}


def framework_of(packages: dict):
    """``(framework, locked version)`` of a release's packages, by the frameworks that there is a probe for; ``(None, None)`` else."""
    for package in sorted(packages):
        if package in _FRAMEWORKS:
            return _FRAMEWORKS[package], packages[package]
    return None, None


def driver(seconds: int = _DRIVER_SECONDS) -> dict:
    """What ``nvidia-smi`` answers: ``{"outcome": "ok" | "absent" | "failed" | "timeout", "reason": str or None, "devices": [...]}``.

    A device has index, name, uuid, driver_version, memory_total (MiB, as text), mig and uncorrected_ecc_errors; text as the tool gives it.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return {"outcome": "absent", "reason": "nvidia-smi is not on PATH", "devices": []}
    command = [program, "--query-gpu=" + ",".join(_FIELDS), "--format=csv,noheader,nounits"]
    outcome, text, _code = _bounded(command, None, seconds)
    if outcome != "ok":
        return {"outcome": outcome, "reason": text[-300:] or "no answer in %d seconds" % seconds, "devices": []}
    names = [
        field.replace(".current", "")
        .replace("ecc.errors.uncorrected.volatile.total", "uncorrected_ecc_errors")
        .replace(".", "_")
        for field in _FIELDS
    ]
    return {
        "outcome": "ok",
        "reason": None,
        "devices": [
            dict(zip(names, (value.strip() for value in line.split(","))))
            for line in text.splitlines()
            if line.count(",") == len(names) - 1
        ],
    }


def probe(python: str, framework: str, level: int, seconds: int) -> dict:
    """Run the framework's probe in the release's own ``python``, for at most ``seconds``.

    Returns ``{"framework", "outcome": "ok" | "failed" | "timeout" | "killed", "reason", "steps": {step: findings}}``; "killed" names the
    signal, such as SIGILL on a processor without AVX. The steps that finished are there whatever came after.
    """
    source = inspect.getsource(_PROBES[framework])
    outcome, text, code = _bounded([python, "-I", "-", str(level)], source.encode("utf-8"), seconds)
    steps, rest = {}, []
    for line in text.splitlines():
        found = _finding(line)
        if found:
            steps[found.pop("step")] = found
        elif line.strip():
            rest.append(line.strip())
    reason = None
    if outcome == "timeout":
        reason = "no end in %d seconds, after the steps: %s" % (seconds, ", ".join(steps) or "none")
    elif outcome == "failed" and code < 0:
        outcome, reason = "killed", "%s after the steps: %s" % (_signal_name(abs(code)), ", ".join(steps) or "none")
    elif outcome == "failed":
        reason = (rest or ["exit code %d" % code])[-1][:400]
    return {"framework": framework, "outcome": outcome, "reason": reason, "steps": steps}


def _signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:  # the real-time ones have no name
        return "signal %d" % number


def _finding(line):
    """The probe's finding in a line of output, or None; a framework's own words may stand in front of it."""
    _before, marker, text = line.partition("FERRY {")
    try:
        found = json.loads("{" + text) if marker else None
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.get("step") in _STEPS else None


def _bounded(command, data, seconds):
    """``(outcome, output, exit code)`` of a command that ends, or is ended, in time.

    A tool that waits inside the kernel for a lost GPU cannot be ended by anyone; it is left behind, so that this run goes on.
    """
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment()
        )
    except OSError as error:
        return "failed", str(error), 1
    try:
        text, _nothing = process.communicate(data, timeout=seconds)
    except subprocess.TimeoutExpired as expired:
        text = expired.output or b""
        process.kill()
        try:
            text, _nothing = process.communicate(timeout=_LAST_SECONDS)
        except subprocess.TimeoutExpired as again:
            text = again.output or text
        return "timeout", text.decode("utf-8", "replace"), None
    return ("ok" if process.returncode == 0 else "failed"), text.decode("utf-8", "replace"), process.returncode
