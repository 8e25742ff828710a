# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals: what is not on the allow-list with name, version and sha256 in one entry is not approved, and nothing is read in two ways."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.gates import approvals

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64


def package(name="numpy", version="1.26.4", sha256=ONE, wheel=None, profiles=("linux",)):
    wheel = wheel or "%s-%s-py3-none-any.whl" % (name, version)
    return {"name": name, "version": version, "wheel": wheel, "sha256": sha256, "profiles": list(profiles)}


def line(name="numpy", version="1.26.4", *digests):
    return "%s==%s %s\n" % (name, version, " ".join("--hash=sha256:" + digest for digest in digests or (ONE,)))


@pytest.fixture
def listed(tmp_path):
    """An allow-list with this text; its path."""

    def write(text, name="approved.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def state(packages, *paths):
    return approvals.check(packages, list(paths), True)["state"]


@pytest.mark.parametrize(
    "text",
    [
        line(),
        line("NumPy"),
        line("numpy", "1.26.4.0"),
        line("numpy", "1.26.4", TWO, ONE),
        "# approved by Ada\n\n" + line() + "  # more\n",
        line().rstrip("\n") + "  # numpy-1.26.4-py3-none-any.whl for linux\n",
        "numpy==1.26.4 \\\n    --hash=sha256:%s \\\n    --hash=sha256:%s\n" % (TWO, ONE),
        line() + line(),
        line("numpy", "1.26.4", TWO) + line(),
        line().replace("\n", "\r\n"),
        "\ufeff" + line(),
    ],
)
def test_a_wheel_is_approved_by_one_entry_with_name_version_and_digest(listed, text):
    assert state([package()], listed(text)) == "passed"


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "never approved"),
        (line("scipy"), "never approved"),
        (line("numpy", "1.26.3") + line("numpy", "1.25.0", TWO), "approved in version 1.25.0, 1.26.3 only"),
        (line("numpy", "1.26.3") + line("numpy", "1.26.4", TWO), "approved with another sha256"),
        ("# " + line(), "never approved"),
        ("#" + line(), "never approved"),
        # Name and version on one entry, the digest on another.
        (line("numpy", "1.26.4", TWO) + line("scipy", "1.26.4", ONE), "approved with another sha256"),
    ],
)
def test_a_wheel_that_differs_in_name_version_or_digest_is_not_approved_and_the_miss_is_named(listed, text, told):
    path = listed(text)
    answer = approvals.check([package()], [path], True)
    (finding,) = answer["findings"]
    assert answer["state"] == "refused" and finding["code"] == "FERRY-GATE-003" and told in finding["text"]
    assert finding["waived"] is None
    assert finding["text"].endswith("; its line: numpy==1.26.4 --hash=sha256:" + ONE)


def test_another_digest_is_named_with_the_place_of_the_approval(listed):
    path = listed("\n\n" + line("numpy", "1.26.4", TWO))
    (finding,) = approvals.check([package()], [path], True)["findings"]
    assert path + " line 3" in finding["text"]


def test_several_lists_and_the_text_files_of_a_directory_count_together(tmp_path, listed):
    packages = [package("a"), package("b"), package("c"), package("d")]
    single = listed(line("a"))
    listed(line("b"), "team/1.txt")
    listed(line("c"), "team/0.txt")
    listed(line("d"), "team/draft.md")
    answer = approvals.check(packages, [single, str(tmp_path / "team")], True)
    assert [finding["package"] for finding in answer["findings"]] == ["d==1.26.4"]
    assert "3 of 4 wheels" in answer["told"][0]


MALFORMED = {
    "another operator": (line().replace("==", ">="), 1),
    "arbitrary equality": (line().replace("==", "==="), 1),
    "a wildcard": (line("numpy", "1.*"), 1),
    "no version": ("numpy --hash=sha256:%s\n" % ONE, 1),
    "no digest": (line() + "numpy==1.26.4\n", 2),
    "a short digest": (line("numpy", "1.26.4", ONE[:-1]), 1),
    "a digest in capitals": (line("numpy", "1.26.4", "A" * 64), 1),
    "a weak digest": ("numpy==1.26.4 --hash=md5:%s\n" % ("1" * 32), 1),
    "a digest apart": ("numpy==1.26.4 --hash sha256:%s\n" % ONE, 1),
    "an extra": (line("numpy[all]"), 1),
    "a marker": ("numpy==1.26.4 ; python_version > '3' --hash=sha256:%s\n" % ONE, 1),
    "an option": ("\n--index-url https://example.org\n" + line(), 2),
    "another file": ("-r more.txt\n", 1),
    "an address": ("numpy @ https://example.org/numpy.whl\n", 1),
    "no version at all": (line("numpy", "not-a-version"), 1),
    "two on one line": (line().rstrip("\n") + " " + line("scipy"), 1),
    "a comment glued to the digest": (line().rstrip("\n") + "# glued\n", 1),
    "a name that looks like another": (line("nump\u0443"), 1),
    "a comment that takes the next line in": ("# all that Ada approved \\\n" + line(), 1),
    "a comment behind an entry that does": (line("a").rstrip("\n") + " # x \\\n" + line(), 1),
    "a backslash at the end": (line() + "numpy==1.26.4 \\\n", 2),
    "no end of the last line": (line() + line("scipy").rstrip("\n"), 2),
    "bytes that are no text": (line().encode() + b"\xff\n", 2),
    "a NUL": (line().replace(" ", "\0"), 1),
    "something in the middle of a joined line": ("numpy==1.26.4 \\\n  evil \\\n  --hash=sha256:%s\n" % ONE, 1),
}


@pytest.mark.parametrize("text, number", MALFORMED.values(), ids=MALFORMED)
def test_a_list_that_says_anything_else_is_refused_with_file_and_line(listed, refused, text, number):
    path = listed(text)
    for act in (lambda: approvals.check([package()], [path], False), lambda: approvals.request([package()], [path])):
        with refused("FERRY-GATE-002", "%s line %d:" % (path, number)):
            act()


def test_a_list_that_is_not_there_approves_nothing_and_is_named(tmp_path, listed):
    missing, other = str(tmp_path / "none.txt"), listed(line("six"))
    answer = approvals.check([package()], [missing, other], True)
    (finding,) = answer["findings"]
    assert answer["state"] == "refused" and finding["code"] == "FERRY-GATE-003"
    assert answer["told"][1:] == ["the allow-list %s is not there, so it approves nothing" % missing]
    assert approvals.request([package()], [missing]).startswith("numpy==1.26.4 --hash=sha256:")


def test_what_is_no_path_or_leads_nowhere_is_refused_by_name(tmp_path, refused):
    (tmp_path / "gone").symlink_to(tmp_path / "none.txt")
    for path in ("", str(tmp_path / "gone")):
        with refused("FERRY-GATE-002", path + ": expected an allow-list", "ferry_approvals.files"):
            approvals.check([package()], [path], True)


def test_no_list_at_all_approves_nothing_and_is_not_called_passed():
    assert state([package()]) == "not checked"


def test_a_line_of_blanks_as_long_as_a_list_may_be_is_read_in_its_time(listed):
    assert state([package()], listed(" \t" * (2 << 20) + "\n" + line())) == "passed"


def test_a_request_added_to_any_list_as_it_is_approves_all(listed):
    packages = [
        package("tensorflow", "2.9.0", ONE, profiles=["win", "linux"]),
        package("tensorflow", "2.10.0", TWO),
        package("numpy", "1.26.4", TWO, "numpy-1.26.4-cp311-cp311-win_amd64.whl", ["win"]),
        package("numpy", "1.26.4", ONE),
        package("torch", "2.0+cpu", THREE),
    ]
    for before in ("", "# a list\n", line("scipy") + line("numpy", "1.26.3")):
        path = listed(before)
        text = approvals.request(packages, [path])
        assert text.count("\n") == len(packages) and state(packages, path) == "refused"
        listed(before + text)
        assert state(packages, path) == "passed" and approvals.request(packages, [path]) == ""


def test_a_request_is_sorted_and_names_each_wheel_its_profiles_and_what_was_approved_before(listed):
    packages = [
        package("tensorflow", "2.10.0", TWO),
        package("tensorflow", "2.9.0", ONE, profiles=["win", "linux"]),
        package("numpy", "1.26.4", TWO),
        package("six", "1.0", THREE),
    ]
    path = listed(line("six", "1.0", THREE) + line("numpy", "1.26.3"))
    assert approvals.request(packages, [path]).splitlines() == [
        "numpy==1.26.4 --hash=sha256:%s  # numpy-1.26.4-py3-none-any.whl for linux; approved in version 1.26.3 only"
        % TWO,
        "tensorflow==2.9.0 --hash=sha256:%s  # tensorflow-2.9.0-py3-none-any.whl for linux, win" % ONE,
        "tensorflow==2.10.0 --hash=sha256:%s  # tensorflow-2.10.0-py3-none-any.whl for linux" % TWO,
    ]


def test_a_file_name_cannot_add_a_line_of_its_own_to_a_request(listed):
    evil = package(wheel="numpy-1.26.4-py3-none-any.whl\n" + line("evil", "1.0", TWO))
    assert approvals.request([evil], [listed("")]).count("\n") == 1


def test_the_request_lies_in_the_workdir_while_something_waits(tmp_path):
    approvals.lay(str(tmp_path), line())
    path = tmp_path / "locks" / "approvals-request.txt"
    assert approvals.path_of_request(str(tmp_path)) == str(path) and path.read_text() == line()
    assert approvals.requested(str(tmp_path)) == line()
    approvals.lay(str(tmp_path), "")
    approvals.lay(str(tmp_path), "")
    assert not path.exists() and approvals.requested(str(tmp_path)) == ""
