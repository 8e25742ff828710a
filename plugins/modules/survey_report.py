# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only the documentation: the work is in the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: survey_report
short_description: Write what host_info found, and the profiles proposed from it
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Writes two files on the controller. O(file) is one line of canonical JSON, small enough to carry out - what each host is, and the proposal.
    Beside it, as C(.yml), lies the proposal as an inventory, to paste from.
  - Hosts that agree on system, architecture, Python X.Y and accelerator share a profile. Its C(python) and C(libc) are the lowest among them.
  - A host's Python is the one that C(ferry_python) names, else the newest X.Y that TensorFlow has wheels for (3.9 to 3.13), else the newest.
    Its accelerator is C(cuda) where the NVIDIA driver lists a GPU.
  - A host that no profile fits is named with the reason, one that could not be looked at is named, too.
  - Free space is written anew only where it moved by more than a tenth, so that the survey of unchanged hosts is unchanged.
  - Files that are not an earlier survey are not written over.
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
    details: It writes on the controller and touches no host.
  diff_mode:
    support: full
  platform:
    platforms: all
options:
  file:
    description: Where to write, with a name that ends in C(.json). Its folder is made if it does not exist.
    type: path
    required: true
  hosts:
    description: RV(airgap.ferry.host_info#module:host) by the host's name.
    type: dict
    required: true
  unreached:
    description: Names of the hosts that could not be looked at.
    type: list
    elements: str
    default: []
  anonymous:
    description:
      - Whether O(file) leaves out what names machines and people. Hosts are numbered in the order of their names; paths and the driver's words are left out.
      - The proposal beside it keeps the names, with their numbers, and stays inside.
    type: bool
    default: false
seealso:
  - module: airgap.ferry.host_info
"""

EXAMPLES = r"""
- name: Write the survey
  airgap.ferry.survey_report:
    file: /srv/ferry/records/survey.json
    hosts:
      gpu001: "{{ hostvars.gpu001.__ferry_host_info.host }}"
  run_once: true
  become: false
"""

RETURN = r"""
file:
  description: The survey.
  type: str
  returned: success
  sample: /srv/ferry/records/survey.json
proposal_file:
  description: The proposal as an inventory.
  type: str
  returned: success
  sample: /srv/ferry/records/survey.yml
proposal:
  description: The proposal as it stands in RV(file).
  type: dict
  returned: success
  contains:
    profiles:
      description: Entries for C(ferry_profiles).
      type: dict
      sample: {"linux-py311": {"os": "linux", "arch": "x86_64", "libc": "glibc-2.36", "python": "3.11.2", "accelerator": "none"}}
    hosts:
      description: Each host's C(ferry_profile), and its C(ferry_python) where a deployment would not find that Python by itself.
      type: dict
      sample: {"gpu001": {"ferry_profile": "linux-py311"}}
    unfit:
      description: Why no profile fits, by host.
      type: dict
      sample: {}
    remarks:
      description: What else an operator should know, by host.
      type: dict
      sample: {}
code:
  description: The stable code of the error, as in docs/codes.md.
  type: str
  returned: failure
"""
