# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The review: what an approver reads says what will be carried, what changed since the last bundle and what is known to be risky."""

from __future__ import annotations

import json

import pytest

LINUX = {"os": "linux", "arch": "x86_64", "libc": "glibc-2.28", "python": "3.11.2", "accelerator": "none"}
WINDOWS = {"os": "windows", "arch": "x86_64", "python": "3.11.9", "accelerator": "none"}


@pytest.fixture
def review(tmp_path, bundle_locked):
    """Lock and read what lies there then: ``(JSON, Markdown, lines of the text)``."""

    def run(profiles, requirements, **params):
        result, _warnings = bundle_locked(profiles, requirements, **params)
        folder = tmp_path / "work" / "locks"
        text = (folder / "review.txt").read_text()
        assert text.splitlines() == result["review"]["lines"]
        return json.loads((folder / "review.json").read_text()), (folder / "review.md").read_text(), text.splitlines()

    return run


def size(tmp_path, *files):
    return sum((tmp_path / "served" / file).stat().st_size for file in files)


def test_a_first_review_has_every_wheel_its_size_and_all_of_it_to_carry(tmp_path, publish, review):
    files = [publish("root", requires=("leaf",)), publish("leaf")]
    only = [publish("win", platform="win_amd64")]
    found, page, lines = review({"linux": LINUX, "win": dict(WINDOWS, requirements=["win"])}, ["root"])
    total = {"wheels": 3, "new": 3, "unknown": 0}
    assert found["total"] == dict(total, bytes=size(tmp_path, *files, *only), carry=size(tmp_path, *files, *only))
    part = found["profiles"]["linux"]
    assert part["against"] is None and part["added"] == {"root": "1.0", "leaf": "1.0"}
    assert [(wheel["file"], wheel["size"], wheel["new"]) for wheel in part["wheels"]] == [
        (file, size(tmp_path, file), True) for file in reversed(files)
    ]
    assert all("`%s`" % file in page for file in files + only)
    assert lines[0].startswith("Bundle tf: 2 profiles, 3 wheels, ")
    assert any(line.split() == ["packages", "2:", "leaf", "1.0,", "root", "1.0"] for line in lines)
    assert max(len(line) for line in lines) <= 118


def test_a_later_review_tells_what_changed_since_the_bundle_and_what_is_new_to_carry(
    tmp_path, publish, review, profile, work
):
    publish("root", requires=("leaf", "old"))
    publish("leaf")
    publish("old")
    review({"linux": LINUX}, ["root"])
    work.build(tmp_path / "work", profile())
    carried = [publish("root", "1.1", requires=("leaf", "fresh")), publish("fresh")]
    found, page, lines = review({"linux": LINUX}, ["root==1.1"])
    part = found["profiles"]["linux"]
    assert part["against"].startswith("tf-")
    assert (part["upgraded"], part["added"], part["removed"]) == (
        {"root": ["1.0", "1.1"]},
        {"fresh": "1.0"},
        {"old": "1.0"},
    )
    assert found["total"] == {
        "wheels": 3,
        "bytes": size(tmp_path, *carried, "leaf-1.0-py3-none-any.whl"),
        "new": 2,
        "carry": size(tmp_path, *carried),
        "unknown": 0,
    }
    assert "  upgraded   1: root 1.0 → 1.1" in lines and "- **upgraded**: 1: root 1.0 → 1.1" in page
    # Locked once more before anything is built, it is still told against what was carried.
    publish("root", "1.2", requires=("leaf", "fresh"))
    assert review({"linux": LINUX}, ["root==1.2"])[0]["profiles"]["linux"]["upgraded"] == {"root": ["1.0", "1.2"]}
    assert "none against tf-" in "\n".join(review({"linux": LINUX}, ["root==1.0"])[2])


def test_a_wheel_that_another_profile_carried_is_not_carried_again(tmp_path, publish, review, profile, work):
    publish("root")
    review({"linux": LINUX}, ["root"])
    work.build(tmp_path / "work", profile())
    found = review({"linux": LINUX, "win": WINDOWS}, ["root"])[0]
    assert found["profiles"]["win"]["against"] is None and found["total"]["carry"] == 0


def test_a_review_stays_while_the_locks_do_also_after_the_bundle_was_built(tmp_path, publish, review, profile, work):
    publish("root")
    review({"linux": LINUX}, ["root"])
    names = ("review.json", "review.md", "review.txt", "linux/review.json")
    before = [(tmp_path / "work" / "locks" / name).stat().st_mtime_ns for name in names]
    work.build(tmp_path / "work", profile())
    publish("root", "1.1")
    review({"linux": LINUX}, ["root"])
    assert [(tmp_path / "work" / "locks" / name).stat().st_mtime_ns for name in names] == before


def test_a_check_run_shows_the_review_and_writes_none(tmp_path, publish, bundle_locked):
    publish("root")
    result, _warnings = bundle_locked({"linux": LINUX}, ["root"], check_mode=True)
    assert result["changed"] and result["review"]["lines"][0].startswith("Bundle tf: 1 profile, 1 wheel, ")
    assert not (tmp_path / "work").exists()


def test_a_lock_that_was_brought_along_has_sizes_only_where_the_store_does(tmp_path, publish, review, profile, work):
    publish("root")
    review({"linux": LINUX}, ["root"])
    note = tmp_path / "work" / "locks" / "linux" / "review.json"
    note.unlink()
    found, page, lines = review({"linux": LINUX}, ["root"])
    assert found["total"] == {"wheels": 1, "bytes": 0, "new": 1, "carry": 0, "unknown": 1}
    assert "| unknown |" in page and "1 of unknown size" in lines[0]
    work.build(tmp_path / "work", profile())
    note.unlink()
    assert review({"linux": LINUX}, ["root"])[0]["total"]["unknown"] == 0


def test_what_a_floor_of_dot_zero_holds_back_is_named_with_what_the_newest_patch_would_take(publish, review):
    publish("picky", "1.0")
    publish("picky", "2.0", python="!=3.9.0,>=3.8")
    publish("late", "1.0")
    publish("late", "2.0", python=">=3.9.1")
    found, _page, lines = review({"linux": dict(LINUX, python="3.9")}, ["picky", "late"])
    part = found["profiles"]["linux"]
    assert part["added"] == {"picky": "1.0", "late": "1.0"}
    assert part["held_back"] == {"picky": ["1.0", "2.0"], "late": ["1.0", "2.0"]}
    assert [entry["package"] for entry in part["excluded"]] == ["picky"]
    shown = " ".join(" ".join(lines).split())
    assert (
        "held back by the floor Python 3.9.0: late 1.0 instead of 2.0, picky 1.0 instead of 2.0" in shown
        and "risky FERRY-COMPAT-011:" in shown
    )
    assert review({"linux": dict(LINUX, python="3.9.2")}, ["picky", "late"])[0]["profiles"]["linux"]["held_back"] == {}


def test_what_could_not_be_checked_yet_is_named(served, publish, review):
    publish("root")
    served.beside = served.ranges = False
    found, page, _lines = review({"linux": LINUX}, ["root"])
    assert found["profiles"]["linux"]["unchecked"] == ["root-1.0-py3-none-any.whl"]
    assert "the index gives no METADATA of root-1.0-py3-none-any.whl" in page
    assert found["total"]["unknown"] == 1


@pytest.mark.parametrize("day", ["2026-02-30", "yesterday"])
def test_a_day_that_is_none_is_refused(bundle_locked, refused, day):
    with refused("FERRY-VAR-002", "ferry_lock_as_of", day):
        bundle_locked({"linux": LINUX}, ["root"], as_of=day)
