# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands between wheels and a signature: the gates, a look into every wheel, and for how long the paper is good."""

from __future__ import annotations

import json
import pathlib
import shutil
import time

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import statement
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.gates import approvals, run
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import build
from ansible_collections.airgap.ferry.plugins.modules import bundle_build

# What is locked, and what the bundle carries to install it with.
ALL = ("one", "two", "three", "pip", "uv")
GATES = ("advisories", "approvals", "licences", "provenance")


@pytest.fixture
def built(tmp_path, served, work, profile, keys):
    """Do the work of bundle_build for one profile whose lock is there."""
    work.lock(tmp_path, profile())
    spec = {"os": "linux", "arch": "x86_64", "libc": "glibc-2.28", "python": "3.11.2", "accelerator": "none"}

    def run(check_mode=False, **params):
        defaults = dict.fromkeys((*GATES, "kit", "valid_days", "mirror"))
        signing = {"backend": "gpg", "key": work.key, "home": keys.home}
        given = {"name": "tf", "workdir": str(tmp_path), "profiles": {"linux": spec}, "signing": signing}
        return bundle_build.build({**defaults, "index_url": served.url, **given, **params}, check_mode)

    return run


@pytest.fixture
def allow_list(tmp_path, work, profile):
    """An allow-list of all that is locked, as the request asks for it."""

    def write(*names):
        locked, _wheels = build.plan(str(tmp_path), [profile()])
        packages = [one for one in run.packages_of(locked, [profile()]) if one["name"] in (names or ALL)]
        path = tmp_path / "approved.txt"
        path.write_text(approvals.request(packages, []))
        return {"files": [str(path)], "enforce": True}

    return write


def papers(result):
    """gates.json and the statement of the bundle that was built."""
    folder = pathlib.Path(result["bundle"]["path"])
    gates, said = (json.loads((folder / name).read_text()) for name in ("gates.json", "statement.json"))
    return {gate["gate"]: gate for gate in gates["gates"]}, said


def test_what_is_not_approved_is_refused_before_anything_is_downloaded(tmp_path, built, served, allow_list, refused):
    with refused("FERRY-GATE-003", "two==1.0", "gates/report.md"):
        built(approvals=allow_list("one", "three", "pip", "uv"))
    assert served.asked == [] and not (tmp_path / "bundles").exists()
    assert "two==1.0" in (tmp_path / "gates" / "report.md").read_text()


def test_a_dry_run_asks_the_gates_too_and_leaves_no_report(tmp_path, built, allow_list, refused):
    with refused("FERRY-GATE-003", "two==1.0"):
        built(check_mode=True, approvals=allow_list("one", "three", "pip", "uv"))
    assert not (tmp_path / "gates").exists()


def test_what_the_gates_found_is_signed_with_the_bundle_and_what_nobody_looked_at_is_not_called_clean(
    built, allow_list
):
    result = built(approvals=allow_list())
    gates, _statement = papers(result)
    assert {name: gate["state"] for name, gate in gates.items()} == {
        "advisories": "not checked",
        "approvals": "passed",
        "licences": "not checked",
        "provenance": "not checked",
    }
    assert result["event"]["gates"]["approvals"] == {"state": "passed", "enforced": True, "findings": 0, "waived": 0}


def test_the_pip_and_uv_that_a_bundle_carries_need_approval_too(built, served, allow_list, refused):
    with refused("FERRY-GATE-003", "uv==1.0"):
        built(approvals=allow_list("one", "two", "three", "pip"))
    assert served.asked == []


def test_a_refusal_tells_the_record_what_each_gate_found(built, allow_list):
    with pytest.raises(FerryError) as refusal:
        built(approvals=allow_list("one", "two"))
    told = refusal.value.event["gates"]
    assert told["approvals"] == {"state": "refused", "enforced": True, "findings": 3, "waived": 0}
    assert told["licences"]["state"] == "not checked"


def test_the_report_of_a_run_that_changes_nothing_stays_untouched(tmp_path, built, allow_list):
    gates = {"approvals": allow_list(), "licences": {"allowed": ["MIT"], "overrides": {}, "enforce": False}}
    assert built(**gates)["warnings"] != []
    before = (tmp_path / "gates" / "report.json").stat()
    assert built(**gates)["changed"] is False
    after = (tmp_path / "gates" / "report.json").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_a_gate_that_only_reports_lets_pass_and_says_so(built, allow_list):
    result = built(approvals=dict(allow_list("one", "three", "pip", "uv"), enforce=False))
    gates, _statement = papers(result)
    assert (gates["approvals"]["state"], gates["approvals"]["enforced"]) == ("refused", False)
    assert built(approvals=dict(allow_list("one", "three", "pip", "uv"), enforce=False))["changed"] is False


def test_another_finding_makes_another_statement_of_the_same_bundle(built, allow_list):
    first, second = built(), built(approvals=allow_list())
    assert second["changed"] and second["bundle"]["id"] == first["bundle"]["id"]
    assert second["bundle"]["serial"] > first["bundle"]["serial"]


def test_a_licence_that_is_not_known_builds_no_bundle(tmp_path, built, refused):
    with refused("FERRY-GATE-005", "one==1.0"):
        built(licences={"allowed": ["MIT"], "overrides": {}, "enforce": True})
    assert not (tmp_path / "bundles").exists()


def test_a_wheel_that_rotted_in_the_store_is_named_as_that_and_not_as_one_without_a_licence(tmp_path, built, refused):
    built()
    [path] = (tmp_path / "store").glob("*/two-1.0-py3-none-any.whl")
    path.write_bytes(path.read_bytes()[:-200])
    with refused("FERRY-BUILD-002", str(path), "run prepare.yml again"):
        built(licences={"allowed": ["MIT"], "overrides": {}, "enforce": False})
    assert built()["downloaded"] == 1


def test_a_gate_that_is_enforced_and_has_no_data_builds_no_bundle(tmp_path, built, served, refused):
    with refused("FERRY-GATE-001", "advisories"):
        missing = {"data": str(tmp_path / "none.zip"), "waivers": [], "max_age_days": 30, "enforce": True}
        built(advisories=missing)
    assert served.asked == [] and not (tmp_path / "bundles").exists()


def test_a_wheel_that_its_index_serves_with_a_stowaway_is_never_signed(
    tmp_path, built, served, make_wheel, profile, work, refused
):
    served.add(make_wheel(tmp_path / "bad", "two", unlisted={"evil.pth": b"import os\n"}))
    shutil.rmtree(str(tmp_path / "locks"))
    work.lock(tmp_path, profile())
    # The dry run has something to look into only when the wheels have come.
    for check_mode in (False, True):
        with refused("FERRY-WHEEL-004", "two-1.0-py3-none-any.whl", "evil.pth"):
            built(check_mode=check_mode)
    assert not (tmp_path / "bundles").exists()


def test_a_bundle_is_good_for_as_long_as_it_was_told(built):
    first = built(valid_days=30)
    said = papers(first)[1]
    assert statement.to_seconds(said["expires"]) - statement.to_seconds(said["created"]) == 30 * 86400
    assert built(valid_days=30)["changed"] is False
    shorter = built(valid_days=10)
    assert shorter["changed"] and shorter["bundle"]["id"] == first["bundle"]["id"]
    unlimited = built()
    assert unlimited["changed"] and papers(unlimited)[1]["expires"] is None
    assert built()["changed"] is False


def test_a_bundle_is_signed_anew_when_less_than_half_of_its_time_is_left(built, monkeypatch):
    first = built(valid_days=30)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 14 * 86400)
    assert built(valid_days=30)["changed"] is False
    monkeypatch.setattr(time, "time", lambda: now + 16 * 86400)
    later = built(valid_days=30)
    assert later["changed"] and later["bundle"]["id"] == first["bundle"]["id"]
    assert later["bundle"]["serial"] > first["bundle"]["serial"]


@pytest.mark.parametrize("name", ["gates.json", "SHA256SUMS", "sources.json", "statement.json.asc"])
def test_a_built_bundle_that_lost_a_paper_is_made_again(built, name):
    first = built()
    (pathlib.Path(first["bundle"]["path"]) / name).unlink()
    again = built()
    assert again["changed"] and again["bundle"]["id"] == first["bundle"]["id"]


@pytest.mark.parametrize("name", ["manifest.json", "statement.json"])
@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("[]\n")])
def test_a_built_bundle_that_cannot_be_read_is_named_with_what_to_do(built, refused, name, damage):
    folder = pathlib.Path(built()["bundle"]["path"])
    damage(folder / name)
    with refused("FERRY-BUILD-004", str(folder), "move that folder away"):
        built()
    folder.rename(folder.parent / "moved")
    assert built()["changed"]


def test_gates_that_were_changed_in_a_built_bundle_are_written_again(built):
    first = built()
    (pathlib.Path(first["bundle"]["path"]) / "gates.json").write_text("[]\n")
    assert built()["changed"]
