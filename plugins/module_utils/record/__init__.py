# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change record: what a run planned, did and found, for the ticket and the auditor.

``model`` holds the shapes and folds what happened into them, ``store`` keeps them on disk, ``html`` draws the page of
``words``, ``markup`` and ``style``, ``controller`` knows who runs this. Nothing here talks to Ansible.
"""
