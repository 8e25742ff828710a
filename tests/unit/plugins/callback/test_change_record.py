# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real runs of ansible-playbook, each with the record that it must leave behind."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import yaml

from ansible_collections.airgap.ferry.plugins.module_utils.host import facts

COLLECTIONS = pathlib.Path(__file__).resolve().parents[4] / ".ansible" / "collections"

# Stands for every module of the collection: reports the event that it is given.
REPORT = """
import time
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({"event": {"type": "raw"}, "changed": {"type": "bool"}, "fail": {"type": "str"}, "code": {"type": "str"},
                        "sleep": {"type": "float", "default": 0}, "password": {"type": "str", "no_log": False}}, supports_check_mode=True)
time.sleep(module.params["sleep"])
result = {"event": module.params["event"], "changed": bool(module.params["changed"]), "stdout": "not for the record"}
if module.params["fail"]:
    module.fail_json(msg=module.params["fail"], code=module.params["code"], **result)
module.exit_json(**result)
"""

PLAN = {"hosts": "all", "gather_facts": False, "tasks": [{"include_role": {"name": "airgap.ferry.record"}}]}
INSTALL = {
    "stage": "install",
    "seconds": 1.5,
    "before": "linux-a",
    "after": "linux-b",
    "packages_before": {"numpy": "1.0"},
    "packages_after": {"numpy": "2.0"},
}


def report(event, **options):
    """A task that reports ``event``."""
    return {
        "name": "Report %s" % event["stage"],
        "ferry_report": dict(options, event=event, changed=options.get("changed", True)),
    }


def play(hosts, *tasks, **keywords):
    """A play of ``tasks``."""
    return dict({"hosts": hosts, "gather_facts": False, "tasks": list(tasks)}, **keywords)


class Site:
    """A project with two local hosts and one that cannot be reached, and ansible-playbook to run there."""

    def __init__(self, root):
        self.root = root
        (root / "library").mkdir()
        (root / "library" / "ferry_report.py").write_text(REPORT)
        no_ssh = root / "no-ssh"
        no_ssh.write_text("#!/bin/sh\necho no route to host >&2\nexit 255\n")
        no_ssh.chmod(0o755)
        local = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ferry_profile": "linux-py311",
        }
        lost = {
            "ansible_connection": "ssh",
            "ansible_ssh_executable": str(no_ssh),
            "ansible_ssh_retries": 0,
            "ferry_profile": "linux-py39",
        }
        self.inventory(
            ferry_hosts={"gpu1": local, "gpu2": local}, ferry_depot={"depot1": local}, elsewhere={"gpu3": lost}
        )

    def inventory(self, **groups):
        """Write the inventory: ``group={host: variables}``."""
        (self.root / "hosts.yml").write_text(
            yaml.safe_dump({"all": {"children": {name: {"hosts": hosts} for name, hosts in groups.items()}}})
        )

    def start(self, *plays, name="deploy.yml", arguments=(), callback="airgap.ferry.change_record"):
        """Start ansible-playbook on ``plays``."""
        (self.root / name).write_text(yaml.safe_dump(list(plays)))
        environment = dict(
            os.environ,
            HOME=str(self.root),
            ANSIBLE_COLLECTIONS_PATH=str(COLLECTIONS),
            ANSIBLE_CALLBACKS_ENABLED=callback,
            ANSIBLE_NOCOLOR="1",
            USER="ops",
            ANSIBLE_DEPRECATION_WARNINGS="1",
        )
        environment.pop("SUDO_USER", None)
        command = [
            str(pathlib.Path(sys.executable).parent / "ansible-playbook"),
            "-i",
            "hosts.yml",
            "-e",
            "ferry_change=CHG0042",
            name,
            *arguments,
        ]
        # Into a file: a worker that outlives a killed run would keep a pipe open. In a session of its own, as a terminal has.
        with open(self.root / "output", "w") as output:
            return subprocess.Popen(
                command,
                cwd=str(self.root),
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, *plays, **options):
        """Run ansible-playbook on ``plays`` to its end; its exit code and output."""
        return self.finish(self.start(*plays, **options))

    def finish(self, process):
        """Wait for ``process``; its exit code and output."""
        code = process.wait(timeout=120)
        output = (self.root / "output").read_text()
        print(output)
        return code, output

    @property
    def folder(self):
        """The ticket's directory."""
        return self.root / "records" / "CHG0042"

    def runs(self):
        """The runs on record."""
        data = (self.folder / "record.json").read_bytes()
        record = json.loads(data.decode("ascii"))
        assert record["type"] == "airgap.ferry/record/v1" and record["change"] == "CHG0042"
        assert data == (json.dumps(record, sort_keys=True, indent=1) + "\n").encode("ascii")
        assert b"not for the record" not in data and b"hunter2" not in data
        return record["runs"]

    def wait_for_event(self, process):
        """Wait until the run's journal has a line."""
        for _attempt in range(600):
            if any(path.stat().st_size for path in self.folder.glob("events-*.jsonl")):
                return
            assert process.poll() is None, self.finish(process)
            time.sleep(0.1)
        raise AssertionError("no event came")


@pytest.fixture(name="site")
def _site(tmp_path):
    return Site(tmp_path)


def test_a_good_run_is_recorded_as_succeeded(site):
    """Planned hosts, what they had and got, the operator and the bundle; no warning, no deprecation, no leftovers."""
    signer = {"name": "Builder", "fingerprint": "F" * 40, "backend": "gpg"}
    bundle = {"stage": "open", "seconds": 0.5, "bundle": {"name": "tf", "id": "ab" * 32, "signers": [signer]}}
    code, output = site.run(
        PLAN, play("ferry_depot", report(bundle, password="hunter2")), play("ferry_hosts", report(INSTALL))
    )
    assert code == 0
    assert output.rstrip().splitlines()[-1] == "Change record: %s/record.html" % site.folder
    assert "FERRY-RECORD" not in output and "DEPRECATION" not in output
    [run] = site.runs()
    assert run["status"] == "succeeded" and run["playbook"] == "deploy.yml" and run["operator"] == "ops"
    assert run["planned"]["hosts"] == [
        {"name": "gpu1", "profile": "linux-py311"},
        {"name": "gpu2", "profile": "linux-py311"},
    ]
    assert run["bundle"]["id"] == "ab" * 32 and run["bundle"]["signers"][0]["fingerprint"] == "F" * 40
    assert sorted(run["hosts"]) == ["gpu1", "gpu2"]
    assert run["hosts"]["gpu1"]["status"] == "changed" and run["hosts"]["gpu1"]["after"] == "linux-b"
    assert run["hosts"]["gpu1"]["packages"]["upgraded"] == {"numpy": ["1.0", "2.0"]}
    assert run["versions"]["collection"] and run["versions"]["ansible_core"].startswith("2.")
    assert run["network"]["routes"] == facts.routes()
    assert run["finished"] >= run["started"] and run["seconds"] > 0
    assert sorted(path.name for path in site.folder.iterdir()) == ["record.html", "record.json"]


def test_failed_and_unreachable_hosts_fail_the_run(site):
    """Each host has its own outcome, and each trouble its code and message."""
    fail = report(INSTALL, fail="FERRY-GPU-004: 1 GPU seen, 2 expected.", code="FERRY-GPU-004")
    fail["when"] = "inventory_hostname == 'gpu1'"
    code, output = site.run(PLAN, play("gpu1:gpu2:gpu3", fail, report(INSTALL)))
    assert code != 0 and "Change record:" in output
    [run] = site.runs()
    assert run["status"] == "failed"
    assert run["hosts"]["gpu1"]["status"] == "failed" and run["hosts"]["gpu2"]["status"] == "changed"
    assert run["hosts"]["gpu1"]["error"] == {
        "code": "FERRY-GPU-004",
        "message": "1 GPU seen, 2 expected.",
        "task": "Report install",
    }
    assert [error["host"] for error in run["errors"]] == ["gpu1", "gpu3"] or [
        error["host"] for error in run["errors"]
    ] == ["gpu3", "gpu1"]


def test_a_planned_host_that_is_unreachable_is_named_so(site):
    """Also when no task of ours ever ran on it."""
    role = dict(PLAN, vars={"ferry_record_hosts": ["gpu3"]})
    site.run(role, play("gpu3", {"ping": None}))
    [run] = site.runs()
    assert run["status"] == "failed" and run["hosts"]["gpu3"]["status"] == "unreachable"
    assert (
        run["hosts"]["gpu3"]["error"]["code"] is None and "no route to host" in run["hosts"]["gpu3"]["error"]["message"]
    )


def test_a_failure_that_is_ignored_or_rescued_fails_nothing(site):
    """The stage is on record as failed; the host and the run are not."""
    ignored = dict(report({"stage": "verify", "seconds": 1}, fail="no"), ignore_errors=True)
    rescued = {"block": [report({"stage": "install", "seconds": 2}, fail="uv failed")], "rescue": [report(INSTALL)]}
    code, _output = site.run(PLAN, play("ferry_hosts", ignored, rescued))
    [run] = site.runs()
    assert code == 0 and run["status"] == "succeeded" and run["errors"] == []
    assert run["hosts"]["gpu1"]["status"] == "changed" and run["hosts"]["gpu1"]["error"] is None
    assert [row["status"] for row in run["stages"] if row["host"] == "gpu1"] == ["failed", "failed", "changed"]


def test_the_cause_survives_a_rescue_that_ends_in_failure(site):
    """Roll back, then fail: the error beside the host is what made it roll back. What was ignored before is no part of it."""
    ignored = dict(report({"stage": "verify", "seconds": 1}, fail="FERRY-GPU-007: no matter"), ignore_errors=True)
    block = {
        "block": [report({"stage": "verify", "seconds": 1}, fail="FERRY-GPU-006: wrong result")],
        "rescue": [report({"stage": "rollback", "seconds": 1, "after": "linux-a"}), {"fail": {"msg": "rolled back"}}],
    }
    site.run(PLAN, play("gpu1", ignored, block))
    [run] = site.runs()
    assert run["hosts"]["gpu1"]["error"]["code"] == "FERRY-GPU-006" and run["hosts"]["gpu1"]["after"] == "linux-a"
    assert [error["message"] for error in run["errors"]] == ["wrong result", "rolled back"]
    assert run["hosts"]["gpu2"]["status"] == "not reached"


def test_every_item_of_a_loop_is_recorded(site):
    """Events and failures are those of the items, not the loop's summary."""
    options = {
        "event": {"stage": "build", "seconds": "{{ item | int }}"},
        "fail": "{{ 'item broke' if item == 2 else '' }}",
    }
    task = {"name": "Build", "ferry_report": options, "loop": [1, 2]}
    site.run(PLAN, play("depot1", task))
    [run] = site.runs()
    assert [row["status"] for row in run["stages"]] == ["ok", "failed"]
    assert [error["message"] for error in run["errors"]] == ["item broke"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_is_recorded_as_interrupted(site, number):
    """Ctrl-C and SIGTERM: what was done is on record, and the process still ends as it would have."""
    process = site.start(PLAN, play("gpu1", report(INSTALL), report({"stage": "switch"}, sleep=60)))
    site.wait_for_event(process)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)  # as a scheduler does
    code, output = site.finish(process)
    assert code == (-number if number == signal.SIGTERM else 99)
    [run] = site.runs()
    assert (
        run["status"] == "interrupted"
        and run["hosts"]["gpu1"]["after"] == "linux-b"
        and run["hosts"]["gpu2"]["status"] == "not reached"
    )
    assert "Change record:" in output
    assert sorted(path.name for path in site.folder.iterdir()) == ["record.html", "record.json"]


def test_the_next_run_closes_one_that_was_killed(site):
    """kill -9 leaves the journal, and nobody's evidence is lost."""
    process = site.start(
        PLAN, play("gpu1", report(INSTALL), {"wait_for": {"path": str(site.root / "never"), "timeout": 3}})
    )
    site.wait_for_event(process)
    process.kill()
    site.finish(process)
    assert [run["status"] for run in site.runs()] == ["running"]
    [journal] = site.folder.glob("events-*.jsonl")
    with open(journal) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # an orphaned worker holds it until its task ends
    site.run(PLAN, play("ferry_hosts", report(INSTALL)))
    first, second = site.runs()
    assert (
        first["status"] == "interrupted" and first["hosts"]["gpu1"]["after"] == "linux-b" and first["seconds"] is None
    )
    assert second["status"] == "succeeded"
    assert sorted(path.name for path in site.folder.iterdir()) == ["record.html", "record.json"]


def test_a_run_of_several_playbooks_is_one_record(site):
    """Imported, or given one after the other: the second use of the role adds nothing, its events are kept."""
    (site.root / "second.yml").write_text(yaml.safe_dump([PLAN, play("gpu2", report(INSTALL))]))
    site.run(PLAN, play("gpu1", report(INSTALL)), {"import_playbook": "second.yml"}, arguments=["second.yml"])
    [run] = site.runs()
    assert run["status"] == "succeeded" and run["playbook"] == "deploy.yml, second.yml"
    assert [row["host"] for row in run["stages"]] == ["gpu1", "gpu2", "gpu2"]


@pytest.mark.parametrize("limit", ["gpu2", "@hosts.retry"])
def test_limit_narrows_the_plan(site, limit):
    """A host outside --limit is not planned, so it is not called not reached either."""
    (site.root / "hosts.retry").write_text("gpu2\n")
    site.run(PLAN, play("ferry_hosts", report(INSTALL)), arguments=["--limit", limit])
    [run] = site.runs()
    assert list(run["hosts"]) == ["gpu2"] and run["status"] == "succeeded"


def test_a_playbook_that_works_on_no_managed_host_plans_none(site):
    """A build must not report every host of the fleet as not reached."""
    site.run(dict(PLAN, hosts="depot1"), play("depot1", report({"stage": "build", "seconds": 1})))
    [run] = site.runs()
    assert run["hosts"] == {} and run["status"] == "succeeded"


def test_check_mode_leaves_no_paper(site):
    """A dry run writes nothing."""
    code, output = site.run(PLAN, play("ferry_hosts", report(INSTALL)), arguments=["--check"])
    assert code == 0 and not (site.root / "records").exists() and "Change record" not in output


def test_without_the_callback_the_record_stays_planned_and_the_run_says_so(site):
    """The warning names the line that is missing."""
    _code, output = site.run(PLAN, play("ferry_hosts", report(INSTALL)), callback="ansible.builtin.minimal")
    assert site.runs()[0]["status"] == "planned"
    assert "callbacks_enabled = airgap.ferry.change_record" in " ".join(output.split())


def test_a_record_that_cannot_be_written_stops_the_run_before_any_change(site):
    """No paper, no change: FERRY-RECORD-001 comes from the plan."""
    (site.root / "records").write_text("a file where the directory should be")
    code, output = site.run(PLAN, play("ferry_hosts", report(INSTALL)))
    assert code != 0 and "FERRY-RECORD-001" in output and "Report install" not in output


def test_a_record_that_breaks_during_the_run_warns_and_fails_nothing(site):
    """The callback never fails a run."""
    spoil = {"copy": {"content": "broken", "dest": str(site.folder / "record.json")}}
    code, output = site.run(PLAN, play("gpu1", spoil, report(INSTALL)))
    assert code == 0 and "FERRY-RECORD-001" in output and "Traceback" not in output
    [journal] = site.folder.glob("events-*.jsonl")
    assert "linux-b" in journal.read_text()
