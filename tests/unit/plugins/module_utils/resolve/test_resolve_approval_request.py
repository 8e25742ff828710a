# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locking with approvals: the request has exactly what the allow-lists lack, the review says so, and a check run writes nothing."""

from __future__ import annotations

import json

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.gates import approvals

LINUX = {"os": "linux", "arch": "x86_64", "libc": "glibc-2.28", "python": "3.11.2", "accelerator": "none"}
WINDOWS = {"os": "windows", "arch": "x86_64", "python": "3.11.9", "accelerator": "none"}


@pytest.fixture
def allowed(tmp_path):
    path = tmp_path / "approved.txt"
    path.write_text("# nothing yet\n")
    return path


@pytest.fixture
def lock(allowed, bundle_locked):
    def run(check_mode=False, profiles=None):
        asked = {"files": [str(allowed)], "enforce": True}
        return bundle_locked(profiles or {"linux": LINUX}, ["root"], check_mode=check_mode, approvals=asked)[0]

    return run


@pytest.fixture
def request_file(tmp_path):
    return tmp_path / "work" / "locks" / approvals.REQUEST


def test_what_waits_is_requested_once_whatever_the_profiles_and_told_in_the_review(
    tmp_path, publish, lock, request_file
):
    publish("root", requires=("leaf",))
    publish("leaf")
    result = lock(profiles={"linux": LINUX, "win": WINDOWS})
    lines = request_file.read_text().splitlines()
    # A bundle carries a pip, here for both, and a uv for each platform.
    assert [line.partition("==")[0] for line in lines] == ["leaf", "pip", "root", "uv", "uv"]
    assert all(line.endswith("-py3-none-any.whl for linux, win") for line in lines[:3])
    assert result["approvals"] == {"waiting": 5, "request": str(request_file)}
    told = "Approvals: 5 wheels to be approved; the lines to add: %s" % request_file
    assert told in result["review"]["lines"]
    for name in ("review.txt", "review.md"):
        assert told in (tmp_path / "work" / "locks" / name).read_text().splitlines()
    assert json.loads((tmp_path / "work" / "locks" / "review.json").read_text())["approvals"] == result["approvals"]


def test_approving_the_request_removes_it_and_then_nothing_changes(allowed, publish, lock, request_file):
    publish("root")
    assert lock()["changed"] and not lock()["changed"]
    text = request_file.read_text()
    allowed.write_text(allowed.read_text() + text)
    result = lock()
    assert result["changed"] and result["diff"] == [
        {"before": text, "after": "", "before_header": str(request_file), "after_header": str(request_file)}
    ]
    assert not request_file.exists() and "Approvals: every wheel is approved." in result["review"]["lines"]
    again = lock()
    assert not again["changed"] and not again["diff"] and again["approvals"]["waiting"] == 0


def test_an_approval_that_is_withdrawn_brings_the_request_back(allowed, publish, lock, request_file):
    publish("root")
    lock()
    allowed.write_text(request_file.read_text())
    lock()
    allowed.write_text("# withdrawn\n")
    result = lock()
    assert result["changed"] and result["locks"]["linux"]["kept"] and request_file.exists()


def test_a_check_run_tells_what_would_be_requested_and_writes_nothing(tmp_path, allowed, publish, lock, request_file):
    publish("root")
    result = lock(check_mode=True)
    assert (
        result["changed"]
        and result["approvals"]["waiting"] == 3
        and "\nroot==1.0 --hash" in result["diff"][-1]["after"]
    )
    assert not (tmp_path / "work").exists()
    lock()
    allowed.write_text(request_file.read_text())
    assert lock(check_mode=True)["changed"] and request_file.exists()


def test_without_approvals_nothing_is_requested_and_nothing_said(publish, lock, bundle_locked, request_file):
    publish("root")
    lock()
    result = bundle_locked({"linux": LINUX}, ["root"])[0]
    assert result["approvals"] is None and not any("pproval" in line for line in result["review"]["lines"])
    assert not request_file.exists()


def test_a_first_list_may_be_made_of_the_request_and_until_then_nothing_is_approved(
    allowed, publish, bundle_locked, request_file
):
    publish("root")
    allowed.unlink()
    asked = {"files": [str(allowed)], "enforce": True}
    result, warnings = bundle_locked({"linux": LINUX}, ["root"], approvals=asked)
    assert result["approvals"]["waiting"] == 3
    assert warnings == ["ferry_approvals.files: the allow-list %s is not there, so it approves nothing." % allowed]
    request_file.rename(allowed)
    result, warnings = bundle_locked({"linux": LINUX}, ["root"], approvals=asked)
    assert (result["approvals"]["waiting"], warnings) == (0, [])


def test_a_list_that_cannot_be_read_is_refused_before_the_index_is_asked(
    tmp_path, allowed, served, publish, lock, refused
):
    publish("root")
    allowed.write_text("root>=1.0\n")
    with refused("FERRY-GATE-002", str(allowed) + " line 1"):
        lock()
    assert not (tmp_path / "work").exists() and not served.asked_beside
