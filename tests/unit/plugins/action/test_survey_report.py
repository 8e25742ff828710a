# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action survey_report: two files, written once, foretold truly, and nothing else written over."""

from __future__ import annotations

import json
import os
import pathlib
from unittest import mock

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible_collections.airgap.ferry.plugins.action.survey_report import ActionModule

PYTHON = {
    "path": "/usr/bin/python3.11",
    "origin": "path",
    "version": "3.11.2",
    "implementation": "cpython",
    "bits": 64,
    "tag": "cp311-cp311-linux_x86_64",
    "libc": "glibc-2.36",
    "venv": True,
    "ensurepip": False,
    "distutils": True,
    "markers": {},
}
HOST = {
    "os": "linux",
    "arch": "x86_64",
    "libc": "glibc-2.36",
    "distribution": {"name": "Debian GNU/Linux", "version": "12"},
    "kernel": "6.1.0",
    "cpu": {"model": "AMD EPYC", "count": 64, "flags": {"avx": True, "avx2": True, "fma": True, "avx512f": True}},
    "memory_bytes": 10**12,
    "root": {"path": "/opt/ferry", "free_bytes": 10**12, "free_inodes": 10**6, "noexec": False},
    "selinux": "disabled",
    "long_paths": None,
    "driver": {"outcome": "absent", "reason": "nvidia-smi is not on PATH", "version": None, "devices": []},
    "named_python": None,
    "pythons": [PYTHON],
}


@pytest.fixture
def run(tmp_path):
    """Run the action into a folder that is not there yet."""

    def act(check_mode=False, diff=False, **changes):
        arguments = dict({"file": str(tmp_path / "records" / "survey.json"), "hosts": {"gpu1": HOST}}, **changes)
        arguments = {name: value for name, value in arguments.items() if value is not None}
        task = mock.MagicMock(async_val=0, check_mode=check_mode, diff=diff, args=arguments)
        play_context = mock.MagicMock(check_mode=check_mode, diff=diff)
        return ActionModule(
            task, mock.MagicMock(), play_context, mock.MagicMock(), mock.MagicMock(), mock.MagicMock()
        ).run(task_vars={})

    return act


def read(path):
    return pathlib.Path(path).read_bytes()


def test_both_files_are_written_and_a_second_run_touches_neither(run):
    first = run()
    assert first["changed"] is True and not first.get("failed")
    survey = json.loads(read(first["file"]))
    assert survey["hosts"] == {"gpu1": HOST} and survey["proposal"] == first["proposal"]
    inventory = yaml.safe_load(read(first["proposal_file"]))
    assert inventory["all"]["vars"]["ferry_profiles"] == first["proposal"]["profiles"]
    before = [os.stat(first[key]) for key in ("file", "proposal_file")]
    assert run()["changed"] is False
    assert [os.stat(first[key]) for key in ("file", "proposal_file")] == before
    assert sorted(os.listdir(os.path.dirname(first["file"]))) == ["survey.json", "survey.yml"]


def test_it_gives_no_event_since_no_host_was_changed(run):
    assert "event" not in run()


def test_a_little_less_free_space_is_no_change_and_much_less_is_one(run):
    run()
    used = dict(HOST, root=dict(HOST["root"], free_bytes=95 * 10**10))
    assert run(hosts={"gpu1": used})["changed"] is False
    full = dict(HOST, root=dict(HOST["root"], free_bytes=10**9))
    assert run(hosts={"gpu1": full})["changed"] is True
    assert run(hosts={"gpu1": full})["changed"] is False


def test_a_new_host_is_a_change_of_both(run):
    run()
    done = run(hosts={"gpu1": HOST, "gpu2": HOST}, unreached=["gpu3"], diff=True)
    assert done["changed"] is True and len(done["diff"]) == 2
    assert (
        "+" not in done["diff"][1]["before"]
        and "gpu2" in done["diff"][1]["after"]
        and "gpu3" in done["diff"][1]["after"]
    )


def test_check_mode_foretells_and_writes_nothing(run, tmp_path):
    foretold = run(check_mode=True, diff=True)
    assert not os.listdir(str(tmp_path))
    done = run(diff=True)
    assert foretold == done
    assert [one["before"] for one in done["diff"]] == ["", ""]
    assert all(one["after"].count("\n") > 10 for one in done["diff"]), "a line is no diff"
    again = run(check_mode=True, diff=True)
    assert again["changed"] is False and again["diff"] == []


def test_an_anonymous_survey_names_no_host_in_the_file_that_is_carried_out(run):
    done = run(anonymous=True)
    assert b"gpu1" not in read(done["file"]) and b"gpu1" in read(done["proposal_file"])
    assert "gpu1" not in json.dumps(done["proposal"])
    assert run(anonymous=True)["changed"] is False
    assert run()["changed"] is True


@pytest.mark.parametrize("name", ["survey.json", "survey.yml"])
def test_what_is_no_survey_is_not_written_over(run, tmp_path, name):
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / name).write_text("all: {}\n")
    for check_mode in (True, False):
        done = run(check_mode=check_mode)
        assert done["failed"] is True and done["code"] == "FERRY-SURVEY-001"
        assert done["msg"].startswith("FERRY-SURVEY-001: %s: expected" % (tmp_path / "records" / name))
    assert os.listdir(str(tmp_path / "records")) == [name]
    assert (tmp_path / "records" / name).read_text() == "all: {}\n"


@pytest.mark.parametrize("name", ["survey", "survey.yml", "json"])
def test_the_file_has_a_name_that_its_proposal_can_lie_beside(run, tmp_path, name):
    done = run(file=str(tmp_path / name))
    assert done["failed"] is True and done["code"] == "FERRY-SURVEY-001" and ".json" in done["msg"]
    assert not os.listdir(str(tmp_path))


def test_a_folder_that_cannot_be_made_is_told_in_one_sentence(run, tmp_path):
    (tmp_path / "records").write_text("")
    done = run()
    assert done["failed"] is True and done["code"] == "FERRY-IO-002" and str(tmp_path) in done["msg"]


@pytest.mark.parametrize("changes", [{"hosts": "text"}, {"hosts": None}, {"file": None}, {"name": "x"}], ids=str)
def test_a_wrong_option_is_refused(run, changes):
    with pytest.raises(AnsibleError):
        run(**changes)
