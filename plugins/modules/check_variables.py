# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only the documentation: the work is in the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: check_variables
short_description: Check the ferry_ variables of all hosts
version_added: 0.1.0
author:
  - The airgap.ferry authors (@airgap-ferry)
description:
  - The first task of every play. It fails before anything is done when a variable that starts with C(ferry_) is misspelt or misshapen on any host.
  - The variables and their types are those of the argument specs of this collection's roles.
  - It looks at all hosts of the play and of the groups C(ferry_staging), C(ferry_depot) and C(ferry_hosts), whichever host it runs on.
  - Each host of the group C(ferry_hosts) must name a profile of its own C(ferry_profiles).
  - It does not insist on required variables, because which ones are needed depends on what a host does. The roles do.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - ansible.builtin.action_common_attributes.conn
  - ansible.builtin.action_common_attributes.flow
attributes:
  action:
    support: full
  async:
    support: none
  become:
    support: none
  bypass_host_loop:
    support: none
  check_mode:
    support: full
  connection:
    support: none
  delegation:
    support: none
    details: It reads variables on the controller and touches no host.
  diff_mode:
    support: none
  platform:
    platforms: all
notes:
  - Give it C(run_once), since one run checks all hosts, and put it in a play without C(serial), which would repeat it for each batch.
  - Templates are resolved. One that refers to a fact fails for a host whose facts have not been gathered.
  - A value is never shown when its variable's name, its key or the value itself speaks of a passphrase, password or secret, when it is vaulted,
    or when it is a URL with credentials.
"""

EXAMPLES = r"""
- name: Open the bundle at the depot
  hosts: ferry_depot
  pre_tasks:
    - name: Check the variables of all hosts
      airgap.ferry.check_variables:
      run_once: true
  roles:
    - airgap.ferry.depot
"""

RETURN = r"""
code:
  description:
    - C(FERRY-VAR-001) for a name that no role knows, C(FERRY-VAR-002) for a wrong type or shape, C(FERRY-VAR-003) for a host without
      a defined profile, C(FERRY-VAR-004) for a profile that is not valid.
    - The first kind that is found in the order 001, 002, 004, 003. The message names all problems of that kind.
  returned: failure
  type: str
  sample: FERRY-VAR-001
event:
  description: What the change record keeps of this task.
  returned: always
  type: dict
  contains:
    stage:
      description: Always V(variables).
      returned: always
      type: str
      sample: variables
    seconds:
      description: How long the check took, in seconds.
      returned: always
      type: float
      sample: 0.214
"""
