# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only the documentation: the work is in the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kit_archive
short_description: Bring this collection to the staging host as one archive, for the kit
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Packs the collection that runs, on the controller, and copies the archive to O(dest).
  - It has the files that C(ansible-galaxy collection build) packs of a clean checkout, or those of an installed collection, each compared with
    the hash that its installer noted. C(ansible-galaxy collection install) takes it.
  - Of a git checkout only what git tracks is packed, and without git only the folders and files that the collection consists of, so that an
    operator's own files stay at home. A tracked file that was changed is packed as it is now. A link among them is refused.
  - The same files give the same bytes on any controller, so that a bundle that carries them has the same id.
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
    support: full
  bypass_host_loop:
    support: none
  check_mode:
    support: full
  connection:
    support: full
  delegation:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
options:
  dest:
    description: The archive on the host. Its folder is made where it is missing.
    type: path
    required: true
seealso:
  - module: airgap.ferry.bundle_build
"""

EXAMPLES = r"""
- name: Bring the collection for the kit
  airgap.ferry.kit_archive:
    dest: /srv/ferry/kit/collection.tar
"""

RETURN = r"""
dest:
  description: The archive.
  type: str
  returned: success
  sample: /srv/ferry/kit/collection.tar
code:
  description: The stable code of the error, as in docs/codes.md.
  type: str
  returned: failure
"""
