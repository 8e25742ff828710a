# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's GPUs are: every way to answer, to fail and to hang is an outcome, within the time limit."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.host import gpu

ANSWER = """0, NVIDIA H200, GPU-aaaa, 580.65.06, 143771, Disabled, 0
1, NVIDIA H200, GPU-bbbb, 580.65.06, 143771, Enabled, 2
"""

# As much of TensorFlow and NumPy as the probe asks for, with the fault that FERRY_TEST_TF names.
TENSORFLOW = """
import os, signal, sys, time, types
fault = os.environ.get("FERRY_TEST_TF", "")

def at(place):
    if fault == "hang-" + place:
        time.sleep(60)
    if fault == "sigill-" + place:
        os.kill(os.getpid(), signal.SIGILL)
    if fault == "segv-" + place:
        os.kill(os.getpid(), signal.SIGSEGV)
    if fault == "raise-" + place:
        raise RuntimeError("the reason at " + place)
    if fault == "exit-" + place:
        os._exit(3)
    if fault == "noise-" + place:
        sys.stderr.write("2026-11-22 12:00:00.0: W tensorflow/core: a warning\\nFERRY is a nice name\\n")
        sys.stderr.flush()

at("import")
if fault == "library":
    raise ImportError("libcudart.so.12: cannot open shared object file: No such file or directory")

__version__ = "2.18.1"
cuda = fault != "cpu-build"
gpus = {"no-gpu": 0, "cpu-build": 0}.get(fault, 2)
sysconfig = types.SimpleNamespace(get_build_info=lambda: {"cuda_version": "12.5.1", "cudnn_version": "9"} if cuda else {})
test = types.SimpleNamespace(is_built_with_cuda=lambda: cuda)

def list_physical_devices():
    at("devices")
    names = [("CPU", 0)] + [("GPU", number) for number in range(gpus)]
    return [types.SimpleNamespace(name="/physical_device:%s:%d" % name, device_type=name[0]) for name in names]

experimental = types.SimpleNamespace(get_device_details=lambda _device: {"device_name": "NVIDIA H200"})
config = types.SimpleNamespace(list_physical_devices=list_physical_devices, experimental=experimental)
current = []

class device:
    def __init__(self, name):
        self.name = name
    def __enter__(self):
        current.append(self.name)
    def __exit__(self, *_error):
        current.pop()

def function(work):
    return work

def constant(value):
    return value

def matmul(left, _right):
    at("compute")
    where = "CPU:0" if fault == "fallback" else current[-1]
    if fault == "lost" and where == "GPU:1":
        raise RuntimeError("CUDA_ERROR_UNKNOWN: GPU is lost\\nmore lines")
    left.error = {"wrong": 5.0, "nan": float("nan")}.get(fault, 1e-5) if where == "GPU:1" else 1e-5
    return types.SimpleNamespace(device="/job:localhost/replica:0/task:0/device:" + where, numpy=lambda: left)
"""
NUMPY = """
import types
class Matrix:
    error = None
    def astype(self, _kind):
        return self
    def __matmul__(self, _other):
        return self
    def __sub__(self, other):
        return self
    def max(self):
        return self.error
random = types.SimpleNamespace(default_rng=lambda _seed: types.SimpleNamespace(standard_normal=lambda _shape: Matrix()))
def abs(value):
    return value
"""


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Put an nvidia-smi on PATH that does what the given shell lines say."""
    monkeypatch.setenv("PATH", "%s%s%s" % (tmp_path, os.pathsep, os.environ["PATH"]))

    def put(lines):
        program = tmp_path / "nvidia-smi"
        program.write_text("#!/bin/sh\n%s\n" % lines)
        program.chmod(0o755)

    return put


def test_a_driver_that_answers_is_read_device_by_device(nvidia_smi, tmp_path):
    nvidia_smi('echo "$@" > %s/arguments\ncat <<END\n%sEND' % (tmp_path, ANSWER))
    found = gpu.driver()
    assert (found["outcome"], found["reason"]) == ("ok", None)
    assert found["devices"][1] == {
        "index": "1",
        "name": "NVIDIA H200",
        "uuid": "GPU-bbbb",
        "driver_version": "580.65.06",
        "memory_total": "143771",
        "mig_mode": "Enabled",
        "uncorrected_ecc_errors": "2",
    }
    assert [device["index"] for device in found["devices"]] == ["0", "1"]
    assert "--query-gpu=" in (tmp_path / "arguments").read_text()


def test_a_host_without_nvidia_smi_has_no_driver(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu.driver() == {"outcome": "absent", "reason": "nvidia-smi is not on PATH", "devices": []}


def test_a_driver_that_fails_is_told_with_its_words(nvidia_smi):
    nvidia_smi("echo 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.' >&2\nexit 9")
    found = gpu.driver()
    assert found["outcome"] == "failed" and "could not communicate" in found["reason"] and found["devices"] == []


def test_a_driver_that_lost_its_gpu_is_a_failure(nvidia_smi):
    nvidia_smi(
        "echo 'Unable to determine the device handle for GPU 0000:1B:00.0: GPU is lost. Reboot the system'\nexit 15"
    )
    assert gpu.driver()["outcome"] == "failed" and "GPU is lost" in gpu.driver()["reason"]


def test_a_driver_without_devices_has_none(nvidia_smi):
    nvidia_smi("echo 'No devices were found'")
    assert gpu.driver() == {"outcome": "ok", "reason": None, "devices": []}


def test_a_tool_that_cannot_be_started_is_a_failure(nvidia_smi, tmp_path):
    (tmp_path / "nvidia-smi").write_bytes(b"\x7fELF no such machine")
    (tmp_path / "nvidia-smi").chmod(0o755)
    found = gpu.driver()
    assert found["outcome"] == "failed" and found["reason"]


def test_a_driver_that_hangs_is_given_up_within_the_limit(nvidia_smi):
    nvidia_smi("exec sleep 30")
    started = time.monotonic()
    found = gpu.driver(seconds=1)
    assert time.monotonic() - started < 5
    assert (found["outcome"], found["reason"], found["devices"]) == ("timeout", "no answer in 1 seconds", [])


def test_a_driver_that_hangs_in_a_child_of_its_own_is_given_up_within_the_limit(nvidia_smi):
    nvidia_smi("sleep 8 &\nwait")
    started = time.monotonic()
    assert gpu.driver(seconds=1)["outcome"] == "timeout"
    assert time.monotonic() - started < 5


def test_a_driver_that_cannot_even_be_killed_is_given_up_within_the_limit(nvidia_smi, monkeypatch):
    # A tool that waits inside the kernel for a lost GPU takes no signal.
    nvidia_smi("exec sleep 4")
    monkeypatch.setattr(subprocess.Popen, "kill", lambda _self: None)
    monkeypatch.setattr(subprocess.Popen, "send_signal", lambda _self, _signal: None)
    started = time.monotonic()
    assert gpu.driver(seconds=1)["outcome"] == "timeout"
    assert time.monotonic() - started < 3.5


@pytest.mark.parametrize(
    "packages, found",
    [
        ({"tensorflow": "2.18.1", "numpy": "1"}, ("tensorflow", "2.18.1")),
        ({"tensorflow-cpu": "2.16.2"}, ("tensorflow", "2.16.2")),
        ({"tensorflow-intel": "2.16.2"}, ("tensorflow", "2.16.2")),
        ({"numpy": "1", "tensorflow-probability": "1"}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_the_framework_is_known_by_its_package(packages, found):
    assert gpu.framework_of(packages) == found


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment that holds the fake TensorFlow."""
    folder = tmp_path_factory.mktemp("release")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/python3*/site-packages"))
    (site / "tensorflow.py").write_text(TENSORFLOW)
    (site / "numpy.py").write_text(NUMPY)
    return str(folder / "bin" / "python")


@pytest.fixture
def probed(python, monkeypatch):
    """Probe with a fault."""

    def run(fault="", level=2, seconds=20):
        monkeypatch.setenv("FERRY_TEST_TF", fault)
        started = time.monotonic()
        found = gpu.probe(python, "tensorflow", level, seconds)
        assert time.monotonic() - started < seconds + 4
        assert found["framework"] == "tensorflow" and json.dumps(found)
        return found

    return run


def test_a_good_framework_is_seen_step_by_step(probed):
    found = probed()
    assert (found["outcome"], found["reason"]) == ("ok", None)
    assert {key: found["steps"]["import"][key] for key in ("version", "build", "cuda", "cudnn")} == {
        "version": "2.18.1",
        "build": "cuda",
        "cuda": "12.5.1",
        "cudnn": "9",
    }
    assert [(device["name"], device["type"], device["model"]) for device in found["steps"]["devices"]["devices"]] == [
        ("/CPU:0", "CPU", None),
        ("/GPU:0", "GPU", "NVIDIA H200"),
        ("/GPU:1", "GPU", "NVIDIA H200"),
    ]
    assert found["steps"]["compute"]["computed"] == [
        {"device": name, "error": 1e-5, "reason": None} for name in ("/CPU:0", "/GPU:0", "/GPU:1")
    ]


def test_level_one_computes_nothing(probed):
    found = probed(level=1)
    assert found["outcome"] == "ok" and sorted(found["steps"]) == ["devices", "import"]


def test_a_cpu_only_build_is_seen(probed):
    found = probed("cpu-build")
    assert (found["steps"]["import"]["build"], found["steps"]["import"]["cuda"]) == ("cpu", None)
    assert [device["name"] for device in found["steps"]["devices"]["devices"]] == ["/CPU:0"]


def test_a_framework_that_sees_no_gpu_says_so(probed):
    assert [device["type"] for device in probed("no-gpu")["steps"]["devices"]["devices"]] == ["CPU"]


@pytest.mark.parametrize("place, steps", [("import", []), ("devices", ["import"]), ("compute", ["devices", "import"])])
def test_an_instruction_that_the_processor_lacks_is_named(probed, place, steps):
    found = probed("sigill-" + place)
    assert found["outcome"] == "killed" and sorted(found["steps"]) == steps
    assert found["reason"].startswith("SIGILL after the steps: ")


def test_a_crash_is_named(probed):
    assert probed("segv-import")["reason"].startswith("SIGSEGV")


@pytest.mark.parametrize("place, steps", [("import", []), ("devices", ["import"]), ("compute", ["devices", "import"])])
def test_a_hang_is_ended_and_the_steps_before_it_are_known(probed, place, steps):
    found = probed("hang-" + place, seconds=1)
    assert found["outcome"] == "timeout" and sorted(found["steps"]) == steps
    assert found["reason"] == "no end in 1 seconds, after the steps: %s" % (
        ", ".join(sorted(steps, reverse=True)) or "none"
    )


def test_a_missing_library_is_named(probed):
    found = probed("library")
    assert (
        found["outcome"] == "failed"
        and "libcudart.so.12: cannot open shared object file" in found["reason"]
        and found["steps"] == {}
    )


def test_an_error_after_the_import_is_told_with_its_reason(probed):
    found = probed("raise-devices")
    assert (found["outcome"], sorted(found["steps"])) == ("failed", ["import"]) and found[
        "reason"
    ] == "RuntimeError: the reason at devices"


def test_an_exit_without_a_word_is_told_by_its_code(probed):
    found = probed("exit-import")
    assert (found["outcome"], found["reason"]) == ("failed", "exit code 3")


def test_a_device_that_does_not_compute_is_told_and_the_others_go_on(probed):
    computed = probed("lost")["steps"]["compute"]["computed"]
    assert computed[1] == {"device": "/GPU:0", "error": 1e-5, "reason": None}
    assert computed[2] == {"device": "/GPU:1", "error": None, "reason": "CUDA_ERROR_UNKNOWN: GPU is lost"}


def test_a_device_that_computes_wrongly_is_told_by_how_much(probed):
    assert probed("wrong")["steps"]["compute"]["computed"][2]["error"] == 5.0


def test_a_silent_fallback_to_the_cpu_is_told(probed):
    computed = probed("fallback")["steps"]["compute"]["computed"]
    assert computed[0]["error"] is not None
    assert computed[1]["error"] is None and "asked for GPU:0, it ran on" in computed[1]["reason"]


def test_a_result_that_is_no_number_stays_one_that_can_be_told(probed, python, monkeypatch):
    monkeypatch.setenv("FERRY_TEST_TF", "nan")
    error = gpu.probe(python, "tensorflow", 2, 20)["steps"]["compute"]["computed"][2]["error"]
    assert error is None or math.isnan(error)


@pytest.mark.parametrize("place", ["import", "devices", "compute"])
def test_what_a_framework_says_beside_the_findings_is_no_finding(probed, place):
    found = probed("noise-" + place)
    assert found["outcome"] == "ok" and sorted(found["steps"]) == ["compute", "devices", "import"]


def test_a_python_that_is_not_there_is_a_failure(tmp_path):
    found = gpu.probe(str(tmp_path / "python"), "tensorflow", 1, 5)
    assert found["outcome"] == "failed" and "No such file" in found["reason"]


def test_the_users_own_packages_are_not_looked_at(probed, tmp_path, monkeypatch):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert probed(level=1)["outcome"] == "ok"
