# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock is whole for its hosts or refused: every kind of problem made for real, by METADATA alone and by the real uv."""

from __future__ import annotations

import hashlib
import json
import os

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.gates import report
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import build, closure, lock, pylock, store, target


def text(name, version="1.0", requires=(), python=None, extras=()):
    """METADATA as a wheel holds it."""
    lines = ["Metadata-Version: 2.1", "Name: %s" % name, "Version: %s" % version]
    lines += ["Requires-Python: %s" % python] if python else []
    lines += ["Provides-Extra: %s" % extra for extra in extras]
    return "\n".join(lines + ["Requires-Dist: %s" % entry for entry in requires]) + "\n\nA description.\n"


def wheels(*told, **more):
    """``{file name: METADATA}`` of pure wheels: each a name, or the arguments of :func:`text`."""
    found = dict(more)
    for one in told:
        arguments = {"name": one} if isinstance(one, str) else one
        found["%s-%s-py3-none-any.whl" % (arguments["name"], arguments.get("version", "1.0"))] = text(**arguments)
    return found


def kinds(*arguments):
    return [(problem.kind, problem.package) for problem in closure.problems(*arguments)]


ROOT = {"name": "root", "requires": ["leaf>=1"]}


def test_a_lock_in_which_each_is_asked_for_and_all_fits_is_closed(profile):
    assert closure.problems(profile(), ["root==1.0"], ["leaf<2"], wheels(ROOT, "leaf")) == []
    # A name has many spellings, and a wheel may ask for the one that asks for it.
    ring = [{"name": "Dot.Ted", "requires": ["und_er"]}, {"name": "und_er", "requires": ["dot-ted"]}]
    assert closure.problems(profile(), ["DOT_ted"], [], wheels(*ring)) == []


@pytest.mark.fault(37)
@pytest.mark.fault(38)
@pytest.mark.fault(39)
@pytest.mark.parametrize(
    ("code", "requirements", "constraints", "told", "words"),
    [
        ("FERRY-LOCK-005", ["root"], [], [ROOT], ["leaf is missing, root 1.0 asks for 'leaf>=1'"]),
        ("FERRY-LOCK-005", ["root", "other"], [], [ROOT, "leaf"], ["other is missing, ferry_requirements asks"]),
        ("FERRY-LOCK-005", ["leaf[gpu]"], [], ["leaf"], ["leaf 1.0 has no extra 'gpu'"]),
        ("FERRY-LOCK-006", ["root"], [], [ROOT, {"name": "leaf", "version": "0.9"}], ["leaf is 0.9, root 1.0 asks"]),
        ("FERRY-LOCK-006", ["leaf==2"], [], ["leaf"], ["leaf is 1.0, ferry_requirements asks for 'leaf==2'"]),
        ("FERRY-LOCK-006", ["leaf"], ["leaf<1"], ["leaf"], ["leaf is 1.0, ferry_constraints says 'leaf<1'"]),
        ("FERRY-LOCK-006", ["leaf"], [], ["leaf", {"name": "leaf", "version": "1.1"}], ["leaf is locked twice"]),
        (
            "FERRY-LOCK-006",
            ["root"],
            [],
            [{"name": "root", "requires": ["leaf @ https://user:canary@index.invalid/leaf.whl"]}, "leaf"],
            ["index.invalid/leaf.whl"],
        ),
        ("FERRY-LOCK-007", ["leaf"], [], [{"name": "leaf", "python": "!=3.11.2"}], ["!=3.11.2 (Python 3.11.2)"]),
        ("FERRY-LOCK-008", ["root"], [], [ROOT, "leaf", "stowaway"], ["nothing asks for stowaway 1.0"]),
        ("FERRY-LOCK-009", ["leaf"], [], [{"name": "leaf", "requires": ["not a requirement"]}], ["no requirement"]),
        (
            "FERRY-LOCK-009",
            ["leaf"],
            [],
            [{"name": "leaf", "requires": ['x; platform_system ~= "1"']}],
            ["marker cannot be judged"],
        ),
    ],
)
def test_each_kind_of_problem_is_refused_by_its_code_and_names_who_asks(
    profile, refused, code, requirements, constraints, told, words
):
    with refused(code, "profile linux", *words) as caught:
        closure.check(profile(), requirements, constraints, wheels(*told))
    assert "canary" not in caught.message


@pytest.mark.fault(35)
@pytest.mark.fault(36)
@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("leaf-1.0-py3-none-win_amd64.whl", "does not fit CPython 3.11 on linux x86_64 glibc-2.28"),
        ("leaf-1.0-cp310-cp310-manylinux_2_17_x86_64.whl", "does not fit"),
        ("leaf-1.0-cp311-cp311-manylinux_2_34_x86_64.whl", "does not fit"),
        ("leaf-1.0-cp311-cp311-manylinux_2_17_aarch64.whl", "does not fit"),
        ("leaf-1.0.tar.gz", "leaf-1.0.tar.gz is not a wheel"),
        ("leaf.whl", "leaf.whl is not a wheel"),
        ("leaf-1.1-py3-none-any.whl", "holds the METADATA of leaf 1.0"),
        ("loaf-1.0-py3-none-any.whl", "holds the METADATA of leaf 1.0"),
    ],
)
def test_a_file_that_is_no_wheel_for_the_profile_is_refused(profile, refused, file, words):
    with refused("FERRY-LOCK-009", file, words):
        closure.check(profile(), [file.partition("-")[0].removesuffix(".whl")], [], {file: text("leaf")})


def test_a_wheel_without_metadata_is_refused(profile, refused):
    with refused("FERRY-LOCK-009", "METADATA of no name without a version"):
        closure.check(profile(), ["leaf"], [], {"leaf-1.0-py3-none-any.whl": ""})


def test_extras_are_followed_through_wheels_that_ask_for_extras(profile):
    chain = [
        {"name": "root", "extras": ["GPU_all"], "requires": ['mid[fast]>=1; extra == "gpu-all"', "mid"]},
        {"name": "mid", "extras": ["fast", "slow"], "requires": ['deep; extra == "fast"', 'never; extra == "slow"']},
        "deep",
    ]
    assert kinds(profile(), ["root[gpu.all]"], [], wheels(*chain)) == []
    assert kinds(profile(), ["root[gpu.all]"], [], wheels(*chain[:2])) == [("missing", "deep")]
    # Without the extra nobody asks for what it brings.
    assert kinds(profile(), ["root"], [], wheels(*chain)) == [("extra", "deep")]


def test_an_extra_that_a_foreign_wheel_asks_for_in_vain_is_no_problem(profile):
    assert kinds(profile(), ["root"], [], wheels({"name": "root", "requires": ["leaf[gone]"]}, "leaf")) == []


def test_markers_are_those_of_the_target(profile):
    root = {"name": "root", "requires": ['winonly; sys_platform == "win32"', 'metadata; python_version < "3.10"']}
    win, old = profile("win", os="windows"), profile("old", python="3.9.2")
    assert kinds(profile(), ["root"], [], wheels(root)) == []
    assert kinds(win, ["root"], [], wheels(root)) == [("missing", "winonly")]
    assert kinds(old, ["root"], [], wheels(root)) == [("missing", "metadata")]
    assert kinds(old, ["root"], [], wheels(root, "metadata")) == []
    assert kinds(profile(), ["root"], [], wheels(root, "metadata")) == [("extra", "metadata")]
    # What is asked for has markers too.
    assert kinds(profile(), ["root", 'gone; sys_platform == "win32"'], ['root<1; os_name == "nt"'], wheels(root)) == []


def test_a_lock_is_checked_at_the_floor_and_at_the_newest_patch(profile):
    floor, newest = target.pythons(profile(python="3.10.1"))
    assert floor == "3.10.1" and int(newest.split(".")[2]) >= 20
    early = {"name": "root", "requires": ['early; python_full_version < "3.10.2"']}
    late = {"name": "root", "requires": ['late; python_full_version >= "3.10.9"']}
    old = profile(python="3.10.1")
    # Needed at one end only, it is installed on all hosts: neither extra nor missing.
    assert kinds(old, ["root"], [], wheels(early, "early")) == []
    assert kinds(old, ["root"], [], wheels(early)) == [("missing", "early")]
    assert [(p.kind, p.python) for p in closure.problems(old, ["root"], [], wheels(late))] == [("missing", newest)]
    assert kinds(profile(python="3.10.9"), ["root"], [], wheels(late, "late")) == []
    choosy = wheels({"name": "root", "python": "<3.10.9"})
    assert [(p.kind, p.python) for p in closure.problems(old, ["root"], [], choosy)] == [("refuses-python", newest)]
    # A Python that is newer than all that are known is checked as it is.
    assert target.pythons(profile(python="3.10.99")) == ["3.10.99"]
    assert target.pythons(profile(python="3.99")) == ["3.99.0"]


def test_a_requires_python_that_no_rule_reads_is_as_good_as_none(profile):
    assert kinds(profile(), ["root"], [], wheels({"name": "root", "python": ">=3.6.*"})) == []


def test_what_is_not_known_is_neither_held_against_a_lock_nor_for_it(profile):
    unknown = {"hidden-1.0-py3-none-any.whl": None}
    # What the unknown one asks for may be what nothing else asks for.
    assert kinds(profile(), ["hidden"], [], wheels("leaf", **unknown)) == []
    assert kinds(profile(), ["hidden==2", "gone"], [], wheels("leaf", **unknown)) == [
        ("missing", "gone"),
        ("conflict", "hidden"),
    ]
    # Where nobody knows what was asked for, each is taken as asked for.
    assert kinds(profile(), None, [], wheels(ROOT, "stowaway")) == [("missing", "leaf")]


def test_all_problems_are_in_one_sentence_the_first_kind_gives_the_code(profile, refused):
    many = {"name": "root", "requires": ["gone%d" % number for number in range(9)]}
    with refused("FERRY-LOCK-005", "gone0 is missing", "and 4 more like these") as caught:
        closure.check(profile(), ["root"], [], wheels(many, "stowaway"))
    assert "(Python 3.11.2)" in caught.message and target.pythons(profile())[1] not in caught.message
    assert caught.message.count("is missing, root") == 6 and caught.message.count("gone0 ") == 1


def versions(answer):
    return {package["name"]: package["version"] for package in answer["packages"]}


def test_versions_that_refuse_the_floor_are_excluded_and_uv_is_asked_again(tmp_path, publish, profile, locked):
    """uv has no regard for exclusions; a long row of them is jumped by what the index's page says."""
    publish("root", requires=("fussy",))
    for number in range(12):
        publish("fussy", "1.%d" % number, python=">=3.8, !=3.9.1" if number > 2 else ">=3.8")
    answer = locked(profile(python="3.9.1"), ["root"])
    assert versions(answer) == {"root": "1.0", "fussy": "1.2"}
    assert answer["excluded"] == [
        {"package": "fussy", "version": "1.11", "python": "3.9.1", "constraint": "fussy<=1.2"}
    ]
    noted = json.loads((tmp_path / "work" / "locks" / "linux" / "sources.json").read_text())
    assert noted["excluded"] == ["fussy<=1.2"] and noted["requirements"] == ["root"] and noted["constraints"] == []
    # A kept lock tells what was excluded when it was made; another floor needs no exclusion.
    assert locked(profile(python="3.9.1"), ["root"])["excluded"] == answer["excluded"]
    assert versions(locked(profile(python="3.9.2"), ["root"]))["fussy"] == "1.11"


def test_a_page_that_does_not_tell_pythons_is_gone_through_by_single_versions_and_not_for_ever(
    publish, served, profile, locked, refused, monkeypatch
):
    for number in range(3):
        publish("fussy", "1.%d" % number, python="!=3.9.1" if number else None)
    served.pythons.clear()
    answer = locked(profile(python="3.9.1"), ["fussy"])
    assert versions(answer) == {"fussy": "1.0"}
    assert [entry["constraint"] for entry in answer["excluded"]] == ["fussy!=1.2", "fussy!=1.1"]
    monkeypatch.setattr(lock, "_ROUNDS", 1)
    with refused("FERRY-LOCK-007", "fussy 1.1 has Requires-Python !=3.9.1 (Python 3.9.1)"):
        locked(profile(python="3.9.1"), ["fussy"], refresh=True)


@pytest.mark.fault(39)
def test_a_version_that_the_operator_insists_on_is_refused_by_its_own_reason(publish, profile, locked, refused):
    publish("fussy", "1.0")
    publish("fussy", "1.1", python="!=3.9.1")
    with refused("FERRY-LOCK-007", "fussy 1.1 has Requires-Python !=3.9.1"):
        locked(profile(python="3.9.1"), ["fussy==1.1"])


@pytest.mark.fault(37)
def test_an_open_lock_is_refused_and_nothing_of_it_written(tmp_path, publish, profile, locked, refused):
    """uv locks for the floor; what a newer patch asks for beside is missing there."""
    publish("late")
    publish("root", requires=('late; python_full_version >= "3.11.9"',))
    with refused("FERRY-LOCK-005", "late is missing, root 1.0 asks for", "Python 3.11.1"):
        locked(profile(), ["root"])
    assert not (tmp_path / "work" / "locks").exists()
    # The way out that the message names.
    assert versions(locked(profile(), ["root", "late"])) == {"root": "1.0", "late": "1.0"}


def test_a_wheel_that_lies_about_its_version_is_refused(publish, profile, locked, refused):
    publish("root", requires=("leaf",))
    publish("leaf", "1.0", said="1.1")
    with refused("FERRY-LOCK-009", "leaf-1.0-py3-none-any.whl holds the METADATA of leaf 1.1"):
        locked(profile(), ["root"])


def test_a_kept_lock_asks_the_index_nothing(publish, served, profile, locked):
    publish("root")
    locked(profile(), ["root"])
    served.close()
    assert locked(profile(), ["root"])["changed"] is False


def test_check_mode_writes_nothing_not_even_cache(tmp_path, publish, profile, locked):
    publish("root")
    assert locked(profile(), ["root"], check_mode=True)["changed"]
    assert not (tmp_path / "work").exists()


@pytest.fixture
def stored(tmp_path, publish, locked, profile, monkeypatch):
    """A lock of root, which asks for leaf, and its wheels in the store; change what the lock holds with ``only``."""
    files = [publish("root", requires=("leaf<2",)), publish("leaf"), publish("leaf", "2.0"), publish("stowaway")]
    files += [publish("pip"), publish("uv")]
    locked(profile(), ["root"])
    work = str(tmp_path / "work")
    packages = {}
    for file in files:
        data = (tmp_path / "served" / file).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        packages[file] = dict(zip(("name", "version"), file.split("-")), wheel=file, sha256=digest)
        os.makedirs(os.path.dirname(store.place(work, packages[file])))
        with open(store.place(work, packages[file]), "wb") as stream:
            stream.write(data)
    monkeypatch.setattr(build, "installers", lambda _profile: [packages[file] for file in files[-2:]])

    def only(*names):
        path = lock.lock_path(work, "linux")
        held = [package for file, package in packages.items() if file.startswith(names)]
        changed = pylock.write("3.11.2", pylock.read(path)["inputs"], held)
        with open(path, "wb") as stream:
            stream.write(changed)
        return lambda: _write(work, profile())

    return only


def _write(work, profile):
    locked, _wheels = build.plan(work, [profile])
    # No key signs here: every case ends before that, or at it.
    signing = {"backend": "gpg", "key": "0" * 40, "home": work}
    order = build.Order(work, "tf", [profile], {}, signing, {"type": report.TYPE, "gates": []})
    return build.write(order, *build.describe(order, locked))


@pytest.mark.fault(37)
@pytest.mark.fault(38)
@pytest.mark.parametrize(
    ("names", "code", "words"),
    [
        (["root-", "leaf-1"], "FERRY-SIGN-001", ""),
        (["root-"], "FERRY-LOCK-005", "leaf is missing, root 1.0 asks for 'leaf<2'"),
        (["leaf-1"], "FERRY-LOCK-005", "root is missing, ferry_requirements asks for 'root'"),
        (["root-", "leaf-2"], "FERRY-LOCK-006", "leaf is 2.0, root 1.0 asks for 'leaf<2'"),
        (["root-", "leaf-1", "stowaway-"], "FERRY-LOCK-008", "nothing asks for stowaway 1.0"),
    ],
)
def test_a_lock_that_was_changed_by_hand_makes_no_bundle(tmp_path, stored, refused, names, code, words):
    write = stored(*names)
    with refused(code, words):
        write()
    bundles = tmp_path / "work" / "bundles"
    assert not bundles.exists() or os.listdir(str(bundles)) == []


def test_a_lock_that_was_brought_along_is_checked_without_what_was_asked_for(tmp_path, stored, refused):
    write = stored("root-")
    (tmp_path / "work" / "locks" / "linux" / "sources.json").unlink()
    with refused("FERRY-LOCK-005", "leaf is missing, root 1.0 asks for 'leaf<2'"):
        write()
    with refused("FERRY-SIGN-001"):
        stored("root-", "leaf-1", "stowaway-")()


def test_a_note_of_what_was_asked_for_counts_only_for_its_own_lock(tmp_path, stored, profile, locked, refused):
    sources = tmp_path / "work" / "locks" / "linux" / "sources.json"
    with refused("FERRY-LOCK-008"):
        stored("root-", "leaf-1", "stowaway-")()
    sources.write_bytes(sources.read_bytes().replace(b'["root"]', b'["leaf"]'))
    with refused("FERRY-SIGN-001"):
        stored("root-", "leaf-1", "stowaway-")()
    sources.write_bytes(b"[]\n")
    with refused("FERRY-BUNDLE-007", "sources.json"):
        stored("root-")()
