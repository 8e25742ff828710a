# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions a host should have, before and after."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

STACK = Path(__file__).parent / "vars" / ("%s.yml" % os.environ["FERRY_UPGRADE"])


@pytest.fixture
def versions(host):
    """``{distribution: [older, newer]}`` of what the upgrade moves on this host."""
    stack = yaml.safe_load(STACK.read_text())["upgrade_versions"][host.backend.hostname]
    return {name: pair for name, pair in stack.items() if pair != "same"}


@pytest.fixture
def switches(host):
    """The releases that went live on this host, oldest first, as ``[(release, action)]``."""
    import json

    found = json.loads(host.file("/opt/ferry/switches.json").content_string)["switches"]
    return [(entry["release"], entry["action"]) for entry in found]


@pytest.fixture
def releases(host):
    """What lies under releases/, hidden leftovers too."""
    return sorted(host.check_output("ls -A /opt/ferry/releases").split())
