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
    assert found["against"] is None and not part["compared"] and part["added"] == {"root": "1.0", "leaf": "1.0"}
    assert [(wheel["file"], wheel["size"], wheel["new"]) for wheel in part["wheels"]] == [
        (file, size(tmp_path, file), True) for file in reversed(files)
    ]
    assert all("`%s`" % file in page for file in files + only)
    assert lines[0].startswith("Bundle tf: 2 profiles, 3 wheels, ") and "so all is new: 3 wheels, " in lines[0]
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
    assert found["against"].startswith("tf-") and "New against tf-" in lines[0]
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


def test_one_profile_that_changes_makes_the_others_no_news(tmp_path, publish, review, profile, work):
    """The bundle has them: a gigabyte that did not change must not be told to be carried."""
    publish("big")
    publish("small")
    profiles = {"linux": dict(LINUX, requirements=["big"]), "win": dict(WINDOWS, requirements=["small"])}
    review(profiles, [])
    work.build(tmp_path / "work", profile(), profile("win", os="windows", python="3.11.9"))
    new = publish("small", "1.1")
    profiles["win"]["requirements"] = ["small==1.1"]
    found, _page, lines = review(profiles, [])
    assert found["total"]["new"] == 1 and found["total"]["carry"] == size(tmp_path, new)
    shown = [" ".join(line.split()) for line in lines]
    assert "changes none against " + found["against"] in shown and "upgraded 1: small 1.0 → 1.1" in shown
    # And again after that was built, against the same bundle: nothing is locked anew.
    work.build(tmp_path / "work", profile(), profile("win", os="windows", python="3.11.9"))
    assert review(profiles, [])[0] == found


def test_a_profile_that_the_bundle_lacks_is_said_to_be_new(tmp_path, publish, review, profile, work):
    publish("root")
    review({"linux": LINUX}, ["root"])
    work.build(tmp_path / "work", profile())
    lines = review({"linux": LINUX, "win": WINDOWS}, ["root"])[2]
    assert any("has no such profile" in line for line in lines)


def test_a_wheel_that_another_profile_carried_is_not_carried_again(tmp_path, publish, review, profile, work):
    publish("root")
    review({"linux": LINUX}, ["root"])
    work.build(tmp_path / "work", profile())
    found = review({"linux": LINUX, "win": WINDOWS}, ["root"])[0]
    assert not found["profiles"]["win"]["compared"] and found["total"]["carry"] == 0


def test_a_review_stays_while_the_locks_do_also_after_the_bundle_was_built(tmp_path, publish, review, profile, work):
    publish("root")
    review({"linux": LINUX}, ["root"])
    names = ("review.json", "review.md", "review.txt", "linux/note.json")
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


@pytest.mark.parametrize("damage", [None, b"", b"{", b"[]\n", b'{"lock":1}\n'])
def test_a_lock_without_a_sound_note_has_sizes_only_where_the_store_does_and_hides_nothing(
    tmp_path, publish, review, profile, work, damage
):
    publish("root")
    review({"linux": LINUX}, ["root"])
    note = tmp_path / "work" / "locks" / "linux" / "note.json"
    if damage is None:
        note.unlink()
    else:
        note.write_bytes(damage)
    found, page, lines = review({"linux": LINUX}, ["root"])
    assert found["total"] == {"wheels": 1, "bytes": 0, "new": 1, "carry": 0, "unknown": 1}
    assert "| unknown |" in page and "1 of unknown size" in lines[0] and "this lock was brought along" in page
    work.build(tmp_path / "work", profile())
    assert review({"linux": LINUX}, ["root"])[0]["total"]["unknown"] == 0


@pytest.mark.parametrize("lost", ["manifest.json", "profiles/linux/pylock.toml"])
def test_a_damaged_bundle_is_named_and_not_compared_with(tmp_path, publish, review, profile, work, refused, lost):
    publish("root")
    review({"linux": LINUX}, ["root"])
    bundle, _changed = work.build(tmp_path / "work", profile())
    (tmp_path / "work" / "bundles" / bundle["path"].rpartition("/")[2] / lost).unlink()
    publish("root", "1.1")
    with refused("FERRY-IO-002", bundle["path"], "Move it away"):
        review({"linux": LINUX}, ["root==1.1"])


def test_where_one_profile_is_refused_no_lock_and_no_review_changes(tmp_path, publish, review, refused, snapshot):
    publish("root")
    review({"linux": LINUX, "win": WINDOWS}, ["root"])
    before = snapshot(str(tmp_path / "work" / "locks"))
    publish("root", "1.1")
    with refused("FERRY-LOCK-001", "profile win"):
        review({"linux": LINUX, "win": dict(WINDOWS, constraints=["root==9"])}, ["root"], refresh=True)
    assert snapshot(str(tmp_path / "work" / "locks")) == before


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


def test_what_a_floor_holds_back_is_not_what_was_kept_on_purpose_and_never_a_reason_to_refuse(publish, review):
    publish("leaf", "1.0")
    review({"linux": dict(LINUX, python="3.11")}, ["leaf"])
    publish("leaf", "1.1")
    found = review({"linux": dict(LINUX, python="3.11")}, ["leaf<2"], prefer="previous")[0]["profiles"]["linux"]
    assert found["added"] == {"leaf": "1.0"} and found["held_back"] == {}
    publish("late", "1.0", platform="manylinux_2_5_x86_64")
    publish("late", "2.0", platform="manylinux_2_17_x86_64", python=">=3.9.1")
    found, page, _lines = review({"linux": dict(LINUX, python="3.9", libc="glibc-2.12")}, ["late"])
    assert found["profiles"]["linux"]["held_back"] is None and "by the floor Python 3.9.0: not known" in page


def test_a_confirmation_by_a_second_index_is_said(served, publish, review):
    publish("root")
    address = served.url.replace("//", "//user:canary@")
    found, page, lines = review({"linux": LINUX}, ["root"], crosscheck_index_url=address)
    assert "Cross-checked with %s." % served.url in lines[0] and "canary" not in page + json.dumps(found)


def test_what_could_not_be_checked_yet_is_named(served, publish, review):
    publish("root")
    served.beside = served.ranges = False
    found, page, _lines = review({"linux": LINUX}, ["root"])
    assert found["profiles"]["linux"]["unchecked"] == ["root-1.0-py3-none-any.whl"]
    assert "the index gives no METADATA of root-1.0-py3-none-any.whl" in page
    assert found["total"]["unknown"] == 1


@pytest.mark.parametrize("day", ["2026-02-30", "yesterday", "2026-W07-5", "9999-12-31", "2999-01-01"])
def test_a_day_that_is_none_is_refused(bundle_locked, refused, day):
    with refused("FERRY-VAR-002", "ferry_lock_as_of", day):
        bundle_locked({"linux": LINUX}, ["root"], as_of=day)


@pytest.mark.parametrize(
    "address", ["ftp://index/simple", "https://", "https://user:canary@index:port/simple", "https://a b/"]
)
def test_an_address_that_is_none_is_refused_and_not_shown(bundle_locked, refused, address):
    for name in ("index_url", "crosscheck_index_url"):
        with refused("FERRY-VAR-002", "ferry_" + name, "(not shown)") as caught:
            bundle_locked({"linux": LINUX}, ["root"], **{name: address})
        assert "canary" not in caught.message
