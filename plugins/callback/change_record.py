# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects the events of a run and finishes its change record, whatever happens to the run."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: change_record
type: notification
short_description: Finishes the change record of a run
version_added: 0.1.0
author:
  - The airgap.ferry authors (@airgap-ferry)
description:
  - Takes the C(event) that every module of this collection returns, and every failure, and puts them into the change record
    that P(airgap.ferry.change_record#module) planned. Without a planned record, and in check mode, it writes nothing.
  - What is known is on disk at once (C(events-<run id>.jsonl) beside the record), so that it outlives a killed run.
    C(record.json) and C(record.html) are finished at the end of the run, on Ctrl-C and on SIGTERM.
  - The record takes named keys only, never whole results or arguments.
  - It never fails a run. If it cannot write, it warns with FERRY-RECORD-001.
requirements:
  - Enable it with C(callbacks_enabled = airgap.ferry.change_record) under C([defaults]) in C(ansible.cfg).
"""

import atexit
import json
import os
import platform
import re
import signal
import threading
import time

from ansible.plugins.callback import CallbackBase
from ansible.release import __version__ as ansible_version

from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.record import model, store

COLLECTION_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class CallbackModule(CallbackBase):
    """Everything it holds is the journal's lines, the planned run, and whether the end has been written."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "airgap.ferry.change_record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._main_process = os.getpid()
        self._started = time.time()
        self._clock = time.monotonic()
        self._playbooks: list = []
        self._lines: list = []
        self._folder = None
        self._run = None
        self._journal = None
        self._stats = None
        self._writing = False

    # What Ansible calls

    def v2_playbook_on_start(self, playbook):
        self._playbooks.append(os.path.basename(str(getattr(playbook, "_file_name", "unknown"))))
        self._stats = None
        if len(self._playbooks) == 1:
            self._watch_for_the_end()
        elif self._run:
            # `ansible-playbook a.yml b.yml`: the record was finished after a.yml and goes on.
            self._guarded(self._begin, self._folder, self._run["id"])

    def v2_runner_on_ok(self, result):
        data = _data(result)
        self._guarded(self._learn, data)
        self._guarded(self._note, result, data, "changed" if data.get("changed") else "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._guarded(self._note, result, _data(result), "failed", bool(ignore_errors))

    def v2_runner_on_unreachable(self, result):
        self._guarded(self._note, result, _data(result), "unreachable")

    def v2_playbook_on_stats(self, stats):
        counts = {host: stats.summarize(host) for host in stats.processed}
        self._stats = {
            "failed": [host for host, count in counts.items() if count["failures"]],
            "unreachable": [host for host, count in counts.items() if count["unreachable"]],
        }
        self._guarded(self._end)

    # What it does

    def _learn(self, data):
        """Find the planned record in the result of the module change_record."""
        event, record = data.get("event"), data.get("record")
        whole = isinstance(record, dict) and isinstance(event, dict)
        if whole and self._run is None and event.get("stage") == "record":
            self._begin(record["path"], record["run"])

    def _begin(self, folder, run_id):
        """Mark the run as running, and open its journal with what came before."""

        def running(run):
            run.update(
                status="running",
                playbook=", ".join(self._playbooks),
                started=model.utc(self._started),
                finished=None,
                seconds=None,
            )
            run["versions"] = {
                "ansible_core": ansible_version,
                "python": platform.python_version(),
                "collection": _collection_version(),
            }
            return run

        self._run, self._journal = store.begin(folder, run_id, running, self._lines)
        self._folder = folder

    def _note(self, result, data, status, ignored=False):
        host = _first(result, "host", "_host").get_name()
        for line in model.observe(data, str(host), str(result.task_name), status, model.utc(), ignored=ignored):
            self._lines.append(line)
            if self._journal:
                self._journal.append(line)

    def _end(self):
        """Finish the record; without statistics the run did not come to its end."""
        if self._journal:
            seconds = round(time.monotonic() - self._clock, 3)
            store.end(
                self._folder, model.finish(self._run, self._lines, model.utc(), seconds, self._stats), self._journal
            )
            self._journal = None
            self._display.display("Change record: %s" % os.path.join(self._folder, store.PAGE_NAME))

    def _guarded(self, work, *args):
        """Do ``work`` and never raise into Ansible: a fault of the record must not become a fault of the run."""
        self._writing = True
        try:
            work(*args)
        except FerryError as error:
            self._display.warning(str(error))
        except Exception as error:  # pylint: disable=broad-except
            self._display.warning(
                "FERRY-RECORD-001: the change record lacks something: its callback has a fault (%r); report it." % error
            )
        finally:
            self._writing = False

    def _watch_for_the_end(self):
        """Ansible sends no statistics after Ctrl-C and runs no exit handlers on SIGTERM; both still finish the record."""
        before = signal.getsignal(signal.SIGTERM)

        def terminated(signum, _frame):
            # In the middle of a write the lock on the record is ours, and waiting for it would be forever. The journal stays
            # then, and the next run of the ticket folds it in.
            if not self._writing:
                left()
            signal.signal(signum, before)
            os.kill(os.getpid(), signum)

        def left():
            if os.getpid() == self._main_process:  # forked workers inherit both handlers
                self._guarded(self._end)

        atexit.register(left)
        # Python sets handlers in the main thread only, and whoever ignores SIGTERM is not ended by it.
        if threading.current_thread() is threading.main_thread() and before not in (None, signal.SIG_IGN):
            signal.signal(signal.SIGTERM, terminated)


def _data(result):
    """The result's dict: ``result`` since ansible-core 2.19, ``_result`` before."""
    data = _first(result, "result", "_result")
    return data if isinstance(data, dict) else {}


def _first(holder, public, private):
    return getattr(holder, public) if hasattr(holder, public) else getattr(holder, private)


def _collection_version():
    """From MANIFEST.json of an installed collection, or galaxy.yml of a checkout."""
    try:
        with open(os.path.join(COLLECTION_ROOT, "MANIFEST.json"), encoding="utf-8") as stream:
            return json.load(stream)["collection_info"]["version"]
    except OSError:
        pass
    try:
        with open(os.path.join(COLLECTION_ROOT, "galaxy.yml"), encoding="utf-8") as stream:
            return re.search(r"^version: *(\S+)", stream.read(), re.MULTILINE).group(1)
    except OSError:
        return None
