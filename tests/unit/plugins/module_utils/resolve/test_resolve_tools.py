# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools environment: made once from hashed requirements, or refused in a sentence with nothing half-made left."""

from __future__ import annotations

import hashlib
import os
import sys

import pytest
from ansible_collections.airgap.ferry.plugins.modules import staging_tools


@pytest.fixture
def make(tmp_path, served):
    """Do the work of staging_tools with these requirements, from the index on loopback."""

    def run(requirements):
        params = {
            "path": str(tmp_path / "tools"),
            "requirements": requirements,
            "index_url": served.url,
            "mirror": None,
        }
        return staging_tools.make(params)

    return run


def made(tmp_path):
    """What lies under the tools' folder, the lock apart."""
    folder = tmp_path / "tools"
    return [name for name in os.listdir(str(folder)) if not name.startswith(".")] if folder.exists() else []


def test_an_environment_is_made_once_and_again_for_another_pin(tmp_path, publish, make):
    lines = []
    for version in ("1.0", "1.1"):
        data = (tmp_path / "served" / publish("tiny", version)).read_bytes()
        lines.append("tiny==%s --hash=sha256:%s\n" % (version, hashlib.sha256(data).hexdigest()))
    first = make(lines[0])
    assert first["changed"] and os.access(first["python"], os.X_OK)
    assert make(lines[0]) == {"changed": False, "python": first["python"]}
    assert make(lines[1])["python"] != first["python"] and len(made(tmp_path)) == 2


@pytest.mark.parametrize("requirements", ["gone==1.0 --hash=sha256:%s\n" % ("0" * 64), "tiny==1.0\n"])
def test_what_cannot_be_had_or_has_no_hash_is_refused(tmp_path, publish, make, refused, requirements):
    publish("tiny")
    with refused("FERRY-TOOL-001", "the staging tools could not be made"):
        make(requirements)
    assert made(tmp_path) == []


def test_a_python_that_is_too_old_is_named_with_the_variable_to_set(tmp_path, make, refused, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 12))
    with refused("FERRY-TOOL-001", sys.executable, "expected 3.11 or newer", "ferry_staging_python"):
        make("tiny==1.0\n")
    assert made(tmp_path) == []
