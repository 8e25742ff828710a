# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second index has to serve what was locked: the same file is let pass, another or none is refused, and nothing is ever taken from it."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import pylock

LEAF = "leaf-1.0-py3-none-any.whl"


@pytest.fixture
def second(tmp_path, make_index, publish, served):
    """Another index, which has the same two wheels as the first."""
    made = make_index("second")
    for name in (publish("root", requires=("leaf",)), publish("leaf")):
        made.add(str(tmp_path / "served" / name))
    return made


def test_the_same_files_on_both_make_a_lock_whose_paper_says_so(tmp_path, second, profile, locked):
    answer = locked(profile(), ["root"], crosscheck=second.url)
    assert [package["name"] for package in answer["packages"]] == ["leaf", "root"]
    noted = (tmp_path / "work" / "locks" / "linux" / "sources.json").read_text()
    assert '"crosschecked":"%s"' % second.url in noted and second.url not in answer["after"]


def test_nothing_is_locked_from_the_second_index(second, profile, locked, make_wheel, tmp_path):
    second.add(make_wheel(tmp_path / "newer", "leaf", "2.0"))
    assert {package["version"] for package in locked(profile(), ["root"], crosscheck=second.url)["packages"]} == {"1.0"}


def test_another_file_of_the_same_name_is_refused_and_nothing_written(
    tmp_path, served, second, profile, locked, refused, make_wheel
):
    second.add(make_wheel(tmp_path / "other", "leaf", contents={"leaf/evil.py": b""}))
    with refused("FERRY-LOCK-010", "profile linux", second.url, LEAF, "locked ", "there ") as caught:
        locked(profile(), ["root"], crosscheck=second.url.replace("//", "//user:canary@"))
    assert "canary" not in caught.message
    assert not (tmp_path / "work" / "locks").exists()
    # A lock that is kept is compared as well: it may be an index that changed since.
    path = locked(profile(), ["root"])["path"]
    before = pylock.read(path)
    with refused("FERRY-LOCK-010", LEAF):
        locked(profile(), ["root"], crosscheck=second.url)
    assert pylock.read(path) == before


def test_a_file_that_the_second_index_lacks_is_refused(tmp_path, second, profile, locked, refused):
    (tmp_path / "second" / LEAF).unlink()
    with refused("FERRY-LOCK-011", second.url, "leaf"):
        locked(profile(), ["root"], crosscheck=second.url)
    # Another build of the same version is not that file.
    (tmp_path / "second" / LEAF.replace("-any", "-manylinux_2_17_x86_64")).write_bytes(
        (tmp_path / "served" / LEAF).read_bytes()
    )
    with refused("FERRY-LOCK-011", second.url, LEAF):
        locked(profile(), ["root"], crosscheck=second.url)


def test_a_second_index_that_is_down_is_named(second, profile, locked, refused):
    second.close()
    with refused("FERRY-INDEX-001", second.url):
        locked(profile(), ["root"], crosscheck=second.url)
