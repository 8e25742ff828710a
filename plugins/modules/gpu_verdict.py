# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only the documentation: the work is in the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_verdict
short_description: Compare what gpu_info found with what the profile expects
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Judges the result of M(airgap.ferry.gpu_info) on the controller, and fails with a stable code, what was expected and what was found.
  - Every verdict, good or bad, goes into the change record.
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
    details: It judges on the controller and touches no host.
  diff_mode:
    support: none
  platform:
    platforms: all
options:
  found:
    description: The result of M(airgap.ferry.gpu_info).
    type: dict
    required: true
  accelerator:
    description: What the profile has.
    type: str
    choices: [none, cuda]
    required: true
  gpu_count:
    description: Number of GPUs at least expected where O(accelerator=cuda).
    type: int
    default: 1
  level:
    description: How deep M(airgap.ferry.gpu_info) looked, 0 to 2.
    type: int
    required: true
seealso:
  - module: airgap.ferry.gpu_info
"""

EXAMPLES = r"""
- name: Judge
  airgap.ferry.gpu_verdict:
    found: "{{ __ferry_gpu }}"
    accelerator: cuda
    gpu_count: 8
    level: 2
"""

RETURN = r"""
verdicts:
  description: Each question that was judged, in the order in which to read them.
  type: list
  elements: dict
  returned: always
  contains:
    ok:
      description: Whether what was found is what was expected.
      type: bool
      returned: always
    code:
      description: The stable code, as in docs/codes.md, or none where it is good.
      type: str
      returned: always
    message:
      description: What was expected, what was found and what to do, in one sentence.
      type: str
      returned: always
event:
  description: What the change record keeps of this task.
  type: dict
  returned: always
code:
  description: The code of the first verdict that is not good.
  type: str
  returned: failure
"""
