# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named reductions: what they leave out is said in the lock, what else needs it keeps it, and what was never tested is refused."""

from __future__ import annotations

import json

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.compat import reductions
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import closure, pylock, trim

TINY = reductions.Reduction(
    "engine", "1.0", ("linux", "x86_64"), frozenset({"engine"}), frozenset({"board", "paint"}), "drawing"
)


@pytest.fixture
def tree(publish, monkeypatch):
    """engine asks for core and board, board for paint and shared; and a reduction that leaves board and paint out."""
    monkeypatch.setitem(reductions.REDUCTIONS, "inference", (TINY,))
    publish("engine", requires=("core", "board"))
    publish("engine", "1.1", requires=("core", "board"))
    publish("board", requires=("paint", "shared"))
    for name in ("core", "paint", "shared"):
        publish(name)
    publish("studio", requires=("paint",))


@pytest.fixture
def trimmed(tree, profile, locked):
    """Lock engine 1.0, or what is said, in a profile with that reduction."""

    def run(requirements=("engine==1.0",), **changes):
        return locked(profile(trim="inference", **changes), requirements)

    return run


def names(answer):
    return [package["name"] for package in answer["packages"]]


def test_what_is_left_out_is_said_in_the_lock_with_its_price_and_bytes(tmp_path, trimmed):
    answer = trimmed()
    # shared stays: the table does not name it, though only board asks for it.
    assert names(answer) == ["core", "engine", "shared"]
    said = pylock.read(answer["path"])["trimmed"]
    assert [(package["name"], package["version"]) for package in said["left_out"]] == [
        ("board", "1.0"),
        ("paint", "1.0"),
    ]
    sizes = [(tmp_path / "served" / ("%s-1.0-py3-none-any.whl" % name)).stat().st_size for name in ("board", "paint")]
    assert said["saved"] == sum(sizes) and [package["size"] for package in said["left_out"]] == sizes
    assert (said["name"], said["loses"]) == ("inference", "drawing")
    assert answer["trimmed"] == said


def test_another_requirement_keeps_what_it_needs(trimmed):
    assert names(trimmed(["engine==1.0", "studio"])) == ["core", "engine", "paint", "shared", "studio"]


def test_a_package_that_the_table_does_not_know_keeps_what_it_asks_for(publish, trimmed):
    publish("newcomer", requires=("paint",))
    publish("core", "1.1", requires=("newcomer",))
    answer = trimmed()
    assert names(answer) == ["core", "engine", "newcomer", "paint", "shared"]
    assert [package["name"] for package in answer["trimmed"]["left_out"]] == ["board"]


def test_where_the_other_requirements_need_all_of_it_nothing_is_trimmed(tmp_path, trimmed, refused):
    with refused("FERRY-TRIM-003", "profile linux", "inference", "drop trim"):
        trimmed(["engine==1.0", "board"])
    assert not (tmp_path / "work" / "locks").exists()


def test_a_trim_is_one_of_the_inputs_and_of_no_other_profile(trimmed, profile, locked):
    assert names(trimmed()) == ["core", "engine", "shared"]
    whole = locked(profile(), ["engine==1.0"])
    assert whole["changed"] and names(whole) == ["board", "core", "engine", "paint", "shared"]
    assert pylock.read(whole["path"])["trimmed"] is None and "trim" not in whole["after"]


@pytest.mark.parametrize(
    ("requirements", "changes", "found"),
    [
        (["engine==1.1"], {}, "found engine==1.1 on linux x86_64"),
        (["engine==1.0"], {"os": "windows"}, "found engine==1.0 on windows x86_64"),
        (["core"], {}, "found none of these packages"),
    ],
)
def test_what_was_not_tested_is_not_trimmed(tmp_path, trimmed, refused, requirements, changes, found):
    with refused("FERRY-TRIM-001", "profile linux", "tested with engine==1.0 on linux x86_64", found, "drop trim"):
        trimmed(requirements, **changes)
    assert not (tmp_path / "work" / "locks").exists()


@pytest.mark.parametrize(
    ("lacks", "words"), [("METADATA", "gives no METADATA of"), ("size", "does not tell the size of")]
)
def test_an_index_that_tells_too_little_is_refused(served, trimmed, refused, lacks, words):
    served.ranges = False
    served.beside = lacks != "METADATA"
    with refused("FERRY-TRIM-002", words, "board-1.0-py3-none-any.whl"):
        trimmed()


def test_a_name_that_is_no_reduction_is_refused_with_the_nearest(profile, refused):
    with refused("FERRY-VAR-004", "key trim", "expected inference", "inferense", "the nearest known one is inference"):
        profile(trim="inferense")
    for odd in (["inference"], {}, 7):
        with refused("FERRY-VAR-004", "key trim", "expected inference"):
            profile(trim=odd)


@pytest.fixture
def bundled(tmp_path, trimmed, work, profile):
    """Build the bundle of a trimmed profile; its manifest's profile."""

    def build():
        bundle, _changed = work.build(tmp_path / "work", profile(trim="inference"))
        with open(bundle["path"] + "/manifest.json", "rb") as stream:
            return json.load(stream)["profiles"]["linux"]

    return build


def test_a_bundle_says_that_a_profile_is_trimmed_and_is_closed_but_for_that(trimmed, bundled, refused):
    path = trimmed()["path"]
    assert bundled()["trim"] == "inference"
    lock = pylock.read(path)
    held = [package for package in lock["packages"] if package["name"] != "core"]
    with open(path, "wb") as stream:
        stream.write(pylock.write("3.11.2", lock["inputs"], held, lock["trimmed"]))
    with refused("FERRY-LOCK-005", "core is missing, engine 1.0 asks for 'core'"):
        bundled()
    # And a lock is not believed that does not say so, or excuses more than the table does.
    for said in (None, dict(lock["trimmed"], left_out=[{"name": "core", "version": "1.0", "size": 1}])):
        with open(path, "wb") as stream:
            stream.write(pylock.write("3.11.2", lock["inputs"], lock["packages"], said))
        with refused("FERRY-LOCK-003", path, "expected the lock of a profile with trim inference"):
            bundled()


def test_a_lock_cannot_excuse_itself_in_a_profile_without_trim(tmp_path, tree, profile, locked, work, refused):
    path = locked(profile(), ["engine==1.0"])["path"]
    lock = pylock.read(path)
    left_out = [{"name": "board", "version": "1.0", "size": 1}]
    said = {"name": "inference", "loses": "x", "saved": 1, "left_out": left_out}
    held = [package for package in lock["packages"] if package["name"] != "board"]
    with open(path, "wb") as stream:
        stream.write(pylock.write("3.11.2", lock["inputs"], held, said))
    with refused("FERRY-LOCK-003", path, "a profile without trim", "left out board"):
        work.build(tmp_path / "work", profile())


def test_what_the_operator_asks_for_is_never_excused(profile):
    texts = {"engine-1.0-py3-none-any.whl": "Metadata-Version: 2.1\nName: engine\nVersion: 1.0\nRequires-Dist: board\n"}
    left_out = closure.LeftOut(TINY.leaves_out, TINY.askers)
    assert closure.problems(profile(), ["engine"], [], texts, left_out) == []
    (problem,) = closure.problems(profile(), ["engine", "board"], [], texts, left_out)
    assert problem.kind == closure.MISSING and problem.asker is None


@pytest.mark.parametrize(
    "odd",
    [
        "airgap-ferry = 3\n",
        '[tool.airgap-ferry]\ntrim = "inference"\n',
        '[tool.airgap-ferry.trim]\nname = "inference"\nloses = "x"\nsaved = 1\n',
        '[tool.airgap-ferry.trim]\nname = "inference"\nloses = "x"\nsaved = 1\nleft_out = [{name = "board"}]\n',
        '[tool.airgap-ferry.trim]\nname = ["x"]\nloses = "x"\nsaved = 1\nleft_out = [{name = "a", version = "1", size = 1}]\n',
    ],
)
def test_an_odd_table_in_a_lock_is_refused_by_its_path_with_a_way_out(tmp_path, profile, locked, publish, refused, odd):
    publish("tiny")
    path = locked(profile(), ["tiny"])["path"]
    with open(path, encoding="utf-8") as stream:
        text = stream.read().partition("[tool.airgap-ferry]")[0]
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text + ("[tool]\n" if odd.startswith("airgap") else "") + odd)
    with refused("FERRY-LOCK-003", path, "remove it and run lock.yml"):
        locked(profile(), ["tiny"])


@pytest.mark.parametrize("entry", reductions.REDUCTIONS["inference"], ids=lambda entry: entry.release)
def test_the_tables_names_are_normalised_and_never_the_package_itself(entry):
    assert all(name == trim.canonicalize_name(name) for name in entry.leaves_out)
    assert entry.package in entry.askers and not entry.askers & entry.leaves_out and entry.loses


def test_reached_follows_extras_and_markers_as_the_closure_does(profile):
    texts = {
        "root-1.0-py3-none-any.whl": "Metadata-Version: 2.1\nName: root\nVersion: 1.0\nProvides-Extra: more\n"
        "Requires-Dist: leaf; extra == 'more'\nRequires-Dist: win; sys_platform == 'win32'\n",
        "leaf-1.0-py3-none-any.whl": "Metadata-Version: 2.1\nName: leaf\nVersion: 1.0\n",
        "win-1.0-py3-none-any.whl": "Metadata-Version: 2.1\nName: win\nVersion: 1.0\n",
    }
    assert closure.reached(profile(), ["root"], texts) == {"root"}
    assert closure.reached(profile(), ["root[more]"], texts) == {"root", "leaf"}
    assert closure.reached(profile(os="windows"), ["root"], texts) == {"root", "win"}
