#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: change_record
short_description: Write the planned change record of this run
version_added: 0.1.0
description:
  - Adds a run to the change record of a ticket, with the status C(planned), before anything is changed.
    The record is C(record.json), for programs, and C(record.html), one page for the ticket and the auditor.
  - The callback plugin P(airgap.ferry.change_record#callback) finds the record through this module's result, collects what
    the later tasks report and finishes the record, whatever happens to the run. Enable it with
    C(callbacks_enabled = airgap.ferry.change_record) in C(ansible.cfg).
  - Runs of one ticket share a record, oldest first. A run that was killed is closed as C(interrupted) when the next run
    of its ticket is planned, with everything that is known of it.
  - Run it on the controller, once in a run, before anything else. The role P(airgap.ferry.record#role) does so.
author:
  - The airgap.ferry authors (@airgap-ferry)
options:
  record_dir:
    description:
      - The directory of all records. Each ticket, and each run without a ticket, has a directory of its own in it.
      - It is made if it does not exist.
    type: path
    required: true
  change:
    description:
      - The ticket, for example C(CHG0042). It names a directory, so it has 1 to 64 of C(A-Z a-z 0-9 . _ -) and no dot first.
      - Without it the record is filed under the run's id.
    type: str
  playbook:
    description:
      - The file name of the playbook. The callback fills it in.
    type: str
  operator:
    description:
      - Who runs this. If it is empty, the account's name is taken.
    type: str
  bundle:
    description:
      - The name of the bundle that this run is about.
    type: str
  hosts:
    description:
      - The hosts that this run is going to change or verify. One that is never touched ends as C(not reached).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The host's name in the inventory.
        type: str
        required: true
      profile:
        description: The host's profile.
        type: str
  callback_enabled:
    description:
      - Whether the callback is enabled. If it is not, the module warns that the record will stay C(planned).
    type: bool
    default: true
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    description: Checks the options and writes nothing, RV(record) is then none. A dry run leaves no paper.
  diff_mode:
    support: none
    description: The record is about the run and is no managed thing, so there is no difference to show.
  platform:
    support: full
    description: The controller's operating system.
    platforms: posix
notes:
  - RV(ignore:changed) is always false. The record is about the run and changes nothing that is managed.
seealso:
  - plugin: airgap.ferry.change_record
    plugin_type: callback
"""

EXAMPLES = r"""
- name: Write the planned record
  airgap.ferry.change_record:
    record_dir: /srv/ferry/records
    change: CHG0042
    bundle: tf
    hosts:
      - name: gpu001
        profile: linux-py311
  delegate_to: localhost
  run_once: true
  become: false
"""

RETURN = r"""
record:
  description: Where the record is, and which of its runs is this one. None in check mode.
  returned: success
  type: dict
  contains:
    path:
      description: The directory of C(record.json) and C(record.html).
      type: str
      sample: /srv/ferry/records/CHG0042
    run:
      description: The id of this run.
      type: str
      sample: 20261122T170000Z-1a2b3c
event:
  description: What the callback takes from this result.
  returned: always
  type: dict
  sample: {"stage": "record", "seconds": 0.004}
code:
  description: The error's stable code, for example V(FERRY-RECORD-001).
  returned: failure
  type: str
"""

import platform
import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.ferry.plugins.module_utils import running
from ansible_collections.airgap.ferry.plugins.module_utils.host import facts
from ansible_collections.airgap.ferry.plugins.module_utils.record import controller, model, store


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "record_dir": {"type": "path", "required": True},
            "change": {"type": "str"},
            "playbook": {"type": "str"},
            "operator": {"type": "str"},
            "bundle": {"type": "str"},
            "hosts": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"name": {"type": "str", "required": True}, "profile": {"type": "str"}},
            },
            "callback_enabled": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    running.finish(module, "record", lambda: plan(module))


def plan(module: AnsibleModule) -> dict:
    """Write the planned run; the result for ``exit_json``."""
    params = module.params
    run_id = store.new_run_id()
    folder = store.folder_of(params["record_dir"], params["change"] or None, run_id)
    if not params["callback_enabled"]:
        module.warn(
            "The change record will stay 'planned': the callback that finishes it is not enabled. "
            "Put 'callbacks_enabled = airgap.ferry.change_record' under [defaults] in ansible.cfg."
        )
    if module.check_mode:
        return {"changed": False, "record": None}
    run = model.new_run(
        run_id,
        started=model.utc(),
        operator=params["operator"] or controller.operator(),
        controller=socket.gethostname(),
        routes=facts.routes(),
        versions={"ansible_core": module.ansible_version, "python": platform.python_version(), "collection": None},
        bundle=params["bundle"] or None,
        hosts=[{"name": host["name"], "profile": host["profile"] or None} for host in params["hosts"]],
        playbook=params["playbook"] or None,
    )
    store.plan(folder, params["change"] or None, run)
    return {"changed": False, "record": {"path": folder, "run": run_id}}


if __name__ == "__main__":
    main()
