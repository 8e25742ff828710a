# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For every kind of test: what a run skipped is told at the end of `make test`."""

from __future__ import annotations

import os

from gates import left_out


def pytest_terminal_summary(terminalreporter):
    """Under the name that the Makefile gives the run; a run by hand leaves no note."""
    gate = os.environ.get("FERRY_GATE")
    if gate:
        skipped = terminalreporter.stats.get("skipped", [])
        left_out.note(gate, ["%s (%s)" % (report.nodeid, report.longrepr[2]) for report in skipped])
