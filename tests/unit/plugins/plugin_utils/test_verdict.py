# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement of what was found: every code has its cause, every good case is good, and what is not known is not good."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.codes.registry import CODES
from ansible_collections.airgap.ferry.plugins.plugin_utils import verdict

DEVICE = {
    "index": "0",
    "name": "NVIDIA H200",
    "uuid": "GPU-a",
    "driver_version": "580.65.06",
    "memory_total": "143771",
    "mig_mode": "Disabled",
    "uncorrected_ecc_errors": "0",
}
CUDA = {
    "release": "gpu-0f1e2d3c4b5a",
    "packages": {"tensorflow": "2.18.1", "numpy": "1.26.4"},
    "locked": {"tensorflow": "2.18.1", "numpy": "1.26.4"},
    "driver": {"outcome": "ok", "reason": None, "devices": [DEVICE, dict(DEVICE, index="1", uuid="GPU-b")]},
    "framework": {
        "framework": "tensorflow",
        "locked_version": "2.18.1",
        "outcome": "ok",
        "reason": None,
        "steps": {
            "import": {"version": "2.18.1", "build": "cuda", "cuda": "12.5.1", "cudnn": "9", "seconds": 6.1},
            "devices": {
                "devices": [
                    {"name": "/CPU:0", "type": "CPU", "model": None},
                    {"name": "/GPU:0", "type": "GPU", "model": "NVIDIA H200"},
                    {"name": "/GPU:1", "type": "GPU", "model": "NVIDIA H200"},
                ]
            },
            "compute": {
                "computed": [{"device": name, "error": 5e-5, "reason": None} for name in ("/CPU:0", "/GPU:0", "/GPU:1")]
            },
        },
    },
}
ABSENT = {"outcome": "absent", "reason": "nvidia-smi is not on PATH", "devices": []}


def cpu():
    """What a host without GPUs has, with a CPU build."""
    found = copy.deepcopy(CUDA)
    found["driver"] = copy.deepcopy(ABSENT)
    steps = found["framework"]["steps"]
    steps["import"].update(build="cpu", cuda=None, cudnn=None)
    del steps["devices"]["devices"][1:], steps["compute"]["computed"][1:]
    return found


def changed(where, value, base=None):
    found = copy.deepcopy(base or CUDA)
    place = found
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    return found


def without(step):
    found = copy.deepcopy(CUDA)
    del found["framework"]["steps"][step]
    return found


def stopped(outcome, reason, *steps):
    """A framework that ended after these steps."""
    found = copy.deepcopy(CUDA)
    found["framework"].update(
        outcome=outcome, reason=reason, steps={step: found["framework"]["steps"][step] for step in steps}
    )
    return found


def codes(found, accelerator="cuda", count=2, level=2):
    verdicts = verdict.judge(found, accelerator, count, level)
    for one in verdicts:
        assert set(one) == {"code", "ok", "message"}
        assert one["ok"] is (one["code"] is None) and one["message"]
        assert one["code"] is None or one["code"] in CODES
    return [one["code"] for one in verdicts if not one["ok"]]


@pytest.mark.parametrize("level, number", [(0, 2), (1, 5), (2, 8)])
def test_a_good_gpu_host_is_good_at_every_level(level, number):
    assert codes(CUDA, level=level) == []
    assert len(verdict.judge(CUDA, "cuda", 2, level)) == number


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_good_cpu_host_is_good_at_every_level(level):
    assert codes(cpu(), "none", 0, level) == []


def test_more_gpus_than_expected_are_good():
    assert codes(CUDA, count=1) == []


def test_a_cpu_host_is_not_asked_for_a_driver():
    assert codes(changed(("driver",), {"outcome": "failed", "reason": "broken", "devices": []}, cpu()), "none") == []


def test_a_release_without_a_framework_is_good_on_a_cpu_profile_only():
    none = changed(("framework",), None)
    assert codes(none, "none") == []
    assert codes(none, "cuda") == ["FERRY-GPU-001"]
    assert codes(none, "cuda", level=0) == []


def test_a_local_version_belongs_to_the_wheel():
    assert codes(changed(("framework", "locked_version"), "2.18.1+cu126")) == []


@pytest.mark.parametrize(
    "code, found",
    [
        ("FERRY-GPU-001", stopped("failed", "ImportError: libcudart.so.12: cannot open shared object file")),
        ("FERRY-GPU-001", stopped("killed", "SIGILL after the steps: none")),
        ("FERRY-GPU-001", stopped("failed", "RuntimeError", "import")),
        ("FERRY-GPU-001", stopped("killed", "SIGSEGV after the steps: import, devices", "import", "devices")),
        ("FERRY-GPU-002", changed(("framework", "steps", "import", "version"), "2.17.0")),
        ("FERRY-GPU-002", changed(("packages", "numpy"), "2.0.0")),
        ("FERRY-GPU-002", changed(("packages", "extra"), "1.0")),
        ("FERRY-GPU-002", changed(("packages",), {"tensorflow": "2.18.1"})),
        ("FERRY-GPU-003", changed(("framework", "steps", "import", "build"), "cpu")),
        ("FERRY-GPU-004", changed(("driver", "devices"), [DEVICE])),
        ("FERRY-GPU-004", changed(("driver", "devices"), [])),
        ("FERRY-GPU-005", stopped("timeout", "no end in 300 seconds, after the steps: none")),
        (
            "FERRY-GPU-005",
            stopped("timeout", "no end in 300 seconds, after the steps: import, devices", "import", "devices"),
        ),
        ("FERRY-GPU-006", changed(("framework", "steps", "compute", "computed", 2, "error"), 0.11)),
        ("FERRY-GPU-006", changed(("framework", "steps", "compute", "computed", 2, "error"), float("nan"))),
        ("FERRY-GPU-006", changed(("framework", "steps", "compute", "computed", 2, "error"), float("inf"))),
        (
            "FERRY-GPU-006",
            changed(
                ("framework", "steps", "compute", "computed", 2),
                {"device": "/GPU:1", "error": None, "reason": "CUDA_ERROR_UNKNOWN"},
            ),
        ),
        ("FERRY-GPU-007", changed(("driver",), ABSENT)),
        ("FERRY-GPU-007", changed(("driver",), {"outcome": "failed", "reason": "GPU is lost", "devices": []})),
        (
            "FERRY-GPU-007",
            changed(("driver",), {"outcome": "timeout", "reason": "no answer in 30 seconds", "devices": []}),
        ),
    ],
)
def test_each_cause_has_its_code_and_no_other(code, found):
    assert codes(found) == [code]


def test_a_silent_fallback_to_the_cpu_is_told_as_too_few_gpus():
    found = copy.deepcopy(CUDA)
    del found["framework"]["steps"]["devices"]["devices"][1:], found["framework"]["steps"]["compute"]["computed"][1:]
    assert "FERRY-GPU-004" in codes(found)
    bad = [one for one in verdict.judge(found, "cuda", 2, 2) if not one["ok"]]
    assert "expected the framework to see 2 GPUs, found 0" in bad[0]["message"]


def test_a_message_names_what_was_expected_and_what_was_found():
    for found, words in (
        (changed(("framework", "steps", "import", "version"), "2.17.0"), ("2.18.1", "2.17.0", "deploy.yml")),
        (changed(("packages", "numpy"), "2.0.0"), ("numpy", "gpu-0f1e2d3c4b5a")),
        (changed(("driver", "devices"), [DEVICE]), ("expected 2 GPUs", "found 1")),
        (stopped("killed", "SIGILL after the steps: none"), ("SIGILL",)),
        (changed(("framework", "steps", "compute", "computed", 2, "error"), 7.5), ("/GPU:1", "7.5")),
    ):
        bad = [one["message"] for one in verdict.judge(found, "cuda", 2, 2) if not one["ok"]]
        assert len(bad) == 1 and all(word in bad[0] for word in words) and bad[0].endswith(".")


def test_an_error_at_the_limit_is_good_and_just_above_is_not():
    where = ("framework", "steps", "compute", "computed", 2, "error")
    assert codes(changed(where, verdict.LARGEST_ERROR)) == []
    assert codes(changed(where, verdict.LARGEST_ERROR * 1.0001)) == ["FERRY-GPU-006"]


@pytest.mark.parametrize("level", [1, 2])
def test_a_probe_that_never_listed_the_devices_is_not_good(level):
    assert codes(without("devices"), level=level) != []


def test_a_probe_that_never_computed_is_not_good_where_computing_was_asked_for():
    assert codes(without("compute"), level=1) == []
    assert codes(without("compute"), level=2) != []


@pytest.mark.parametrize("left", [[], [0], [0, 1]])
def test_a_gpu_that_was_seen_and_not_computed_on_is_not_good(left):
    computed = CUDA["framework"]["steps"]["compute"]["computed"]
    assert (
        codes(changed(("framework", "steps", "compute", "computed"), [computed[position] for position in left])) != []
    )


def test_a_cpu_host_that_computed_nothing_is_not_good():
    assert codes(changed(("framework", "steps", "compute", "computed"), [], cpu()), "none", 0) != []


def test_several_causes_are_all_told_in_the_order_to_read_them():
    found = changed(("driver",), ABSENT)
    found["packages"]["numpy"] = "0"
    found["framework"]["steps"]["import"]["build"] = "cpu"
    found["framework"]["steps"]["devices"]["devices"][1:] = []
    found["framework"]["steps"]["compute"]["computed"][1:] = []
    assert codes(found) == ["FERRY-GPU-002", "FERRY-GPU-007", "FERRY-GPU-003", "FERRY-GPU-004"]


def test_judging_changes_nothing_of_what_was_found():
    found = copy.deepcopy(CUDA)
    verdict.judge(found, "cuda", 8, 2)
    assert found == CUDA


@pytest.mark.parametrize("number", range(1, 8))
def test_every_gpu_code_is_registered(number):
    assert "FERRY-GPU-%03d" % number in CODES
