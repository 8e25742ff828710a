# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action gpu_verdict: verdicts into the record whatever they say, failure with the first bad one's code."""

from __future__ import annotations

import copy
from unittest import mock

import pytest
from ansible.errors import AnsibleError
from ansible_collections.airgap.ferry.plugins.action.gpu_verdict import ActionModule

FOUND = {
    "changed": False,
    "release": "cpu-0f1e2d3c4b5a",
    "packages": {"tensorflow": "2.18.1"},
    "locked": {"tensorflow": "2.18.1"},
    "driver": {"outcome": "absent", "reason": "nvidia-smi is not on PATH", "devices": []},
    "framework": {
        "framework": "tensorflow",
        "locked_version": "2.18.1",
        "outcome": "ok",
        "reason": None,
        "steps": {
            "import": {"version": "2.18.1", "build": "cpu", "cuda": None, "cudnn": None, "seconds": 1.0},
            "devices": {"devices": [{"name": "/CPU:0", "type": "CPU", "model": None}]},
            "compute": {"computed": [{"device": "/CPU:0", "error": 1e-5, "reason": None}]},
        },
    },
    "event": {"stage": "verify", "seconds": 1.0},
}


def run(arguments, check_mode=False):
    task = mock.MagicMock(async_val=0, check_mode=check_mode, diff=False, args=arguments)
    play_context = mock.MagicMock(check_mode=check_mode)
    action = ActionModule(task, mock.MagicMock(), play_context, mock.MagicMock(), mock.MagicMock(), mock.MagicMock())
    return action.run(task_vars={})


def arguments(**changes):
    return dict({"found": copy.deepcopy(FOUND), "accelerator": "none", "level": 2}, **changes)


@pytest.mark.parametrize("check_mode", [False, True])
def test_good_verdicts_succeed_change_nothing_and_are_recorded(check_mode):
    result = run(arguments(), check_mode)
    assert result["changed"] is False and not result.get("failed") and "code" not in result
    assert all(one["ok"] for one in result["verdicts"]) and len(result["verdicts"]) == 4
    assert result["event"]["stage"] == "verify" and result["event"]["verdicts"] == result["verdicts"]
    assert isinstance(result["event"]["seconds"], float)
    assert "2.18.1" in result["msg"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_bad_verdict_fails_with_the_first_code_and_is_recorded_with_the_good_ones(check_mode):
    found = copy.deepcopy(FOUND)
    found["packages"]["tensorflow"] = "2.17.0"
    result = run(arguments(found=found, accelerator="cuda", gpu_count=8), check_mode)
    assert result["failed"] is True and result["changed"] is False
    assert result["code"] == "FERRY-GPU-002" and result["msg"].startswith("FERRY-GPU-002: ")
    assert "Also: " in result["msg"] and "nvidia-smi is not on PATH" in result["msg"]
    assert [one["code"] for one in result["event"]["verdicts"]] == [one["code"] for one in result["verdicts"]]
    assert {one["ok"] for one in result["verdicts"]} == {True, False}


def test_one_gpu_is_expected_unless_told_otherwise():
    found = dict(copy.deepcopy(FOUND), driver={"outcome": "ok", "reason": None, "devices": []})
    assert "expected 1 GPUs at the driver" in run(arguments(found=found, accelerator="cuda", level=0))["msg"]


@pytest.mark.parametrize(
    "changes",
    [
        {"accelerator": "rocm"},
        {"accelerator": None},
        {"level": "deep"},
        {"level": None},
        {"found": "text"},
        {"found": None},
        {"gpu_count": "many"},
        {"gpus": 8},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_wrong_option_is_refused(changes):
    with pytest.raises(AnsibleError):
        run({name: value for name, value in arguments(**changes).items() if value is not None})


def test_text_from_a_template_is_read_as_a_number():
    assert not run(arguments(level="2", gpu_count="1")).get("failed")
