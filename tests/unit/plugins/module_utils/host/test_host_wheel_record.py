# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed files against their RECORD: changed, missing and foreign files are found, compiled ones are left out."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import py_compile
import zipfile

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.host import wheel_record


@pytest.fixture
def site(tmp_path, make_wheel):
    """Two distributions, unpacked as an installer leaves them."""
    folder = tmp_path / "lib" / "python3" / "site-packages"
    for wheel in (
        make_wheel(tmp_path, "tiny", contents={"tiny/sub/deep.py": b"x = 1\n"}),
        make_wheel(tmp_path, "small", "2.1"),
    ):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(str(folder))
    return folder


def record(site, name="tiny-1.0"):
    return site / (name + ".dist-info") / "RECORD"


def test_what_is_as_installed_has_no_problems(site):
    assert wheel_record.problems(str(site)) == []


def test_an_empty_site_has_no_problems(tmp_path):
    assert wheel_record.problems(str(tmp_path)) == []


@pytest.mark.parametrize("position", [0, -1])
def test_a_changed_byte_in_any_recorded_file_is_found(site, flip, position):
    rows = [row for path in site.glob("*.dist-info/RECORD") for row in csv.reader(path.read_text().splitlines())]
    hashed = [row[0] for row in rows if row[1]]
    assert len(hashed) == 9
    for path in hashed:
        flip(site / path, position)
        assert wheel_record.problems(str(site)) == [(path, "changed")]
        flip(site / path, position)


def test_a_longer_and_an_empty_file_are_changed(site):
    with open(str(site / "tiny" / "data.txt"), "ab") as stream:
        stream.write(b"\n")
    (site / "tiny" / "__init__.py").write_bytes(b"")
    assert wheel_record.problems(str(site)) == [("tiny/__init__.py", "changed"), ("tiny/data.txt", "changed")]


def test_a_missing_file_is_found(site):
    (site / "tiny" / "sub" / "deep.py").unlink()
    assert wheel_record.problems(str(site)) == [("tiny/sub/deep.py", "missing")]


def test_a_folder_or_a_dangling_link_in_the_place_of_a_file_is_found(site):
    (site / "tiny" / "data.txt").unlink()
    (site / "tiny" / "data.txt").mkdir()
    (site / "small" / "data.txt").unlink()
    (site / "small" / "data.txt").symlink_to("/nowhere/at/all")
    assert wheel_record.problems(str(site)) == [("small/data.txt", "missing"), ("tiny/data.txt", "missing")]


@pytest.mark.parametrize(
    "path",
    ["tiny/extra.py", "extra.py", "other/__init__.py", "sitecustomize.py", "evil.pth", "tiny/extra.so", "tiny/.hidden"],
)
def test_a_foreign_file_is_found(site, path):
    (site / path).parent.mkdir(exist_ok=True)
    (site / path).write_bytes(b"")
    assert wheel_record.problems(str(site)) == [(path, "foreign")]


def test_a_foreign_link_to_a_file_or_a_folder_is_found(site, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "__init__.py").write_bytes(b"")
    (site / "linked.py").symlink_to(tmp_path / "outside" / "__init__.py")
    (site / "linked").symlink_to(tmp_path / "outside")
    assert wheel_record.problems(str(site)) == [("linked", "foreign"), ("linked.py", "foreign")]


def test_compiled_files_of_recorded_sources_are_left_out(site):
    for source in site.rglob("*.py"):
        py_compile.compile(str(source), doraise=True)
        py_compile.compile(str(source), doraise=True, optimize=2)
    assert len(list(site.rglob("*.pyc"))) == 6
    assert wheel_record.problems(str(site)) == []


def test_compiled_files_that_an_installer_recorded_are_left_out(site):
    py_compile.compile(str(site / "tiny" / "__init__.py"), doraise=True)
    compiled = next(site.rglob("*.pyc"))
    with open(str(record(site)), "a", encoding="utf-8") as stream:
        stream.write("%s,,\ntiny/__pycache__/__init__.cpython-399.pyc,,\n" % compiled.relative_to(site))
    assert wheel_record.problems(str(site)) == []


@pytest.mark.parametrize(
    "path",
    [
        "tiny/evil.pyc",
        "tiny/__init__.pyc",
        "evil.pyc",
        "tiny/__pycache__/evil.cpython-311.pyc",
        "__pycache__/evil.cpython-311.pyc",
        "tiny/__pycache__/evil.py",
        "tiny/__pycache__/__init__.so",
    ],
)
def test_a_compiled_file_without_its_source_is_foreign(site, path):
    (site / path).parent.mkdir(exist_ok=True)
    (site / path).write_bytes(b"")
    assert wheel_record.problems(str(site)) == [(path, "foreign")]


def test_a_folder_that_only_ends_like_the_cache_hides_nothing(site):
    folder = site / "tiny" / "_init__pycache__"
    folder.mkdir()
    (site / "tiny" / "evil__pycache__").mkdir()
    (site / "tiny" / "evil__pycache__" / "x.pyc").write_bytes(b"")
    with open(str(record(site)), "a", encoding="utf-8") as stream:
        stream.write("tiny/evilx.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n")
    (site / "tiny" / "evilx.py").write_bytes(b"")
    assert wheel_record.problems(str(site)) == [("tiny/evil__pycache__/x.pyc", "foreign")]


def test_a_script_outside_the_site_is_checked_too(site):
    script = site.parents[2] / "bin" / "tiny"
    script.parent.mkdir()
    script.write_bytes(b"#!/bin/sh\n")
    with open(str(record(site)), "a", encoding="utf-8") as stream:
        stream.write("../../../bin/tiny,sha256=BUMcwzrnxv0-q6dXEJkmcjF4QKhDr5O1QPTyIHtwhFk,10\n")
    assert wheel_record.problems(str(site)) == [("../../../bin/tiny", "changed")]
    script.unlink()
    assert wheel_record.problems(str(site)) == [("../../../bin/tiny", "missing")]


def test_a_distribution_without_its_record_is_found(site):
    record(site).unlink()
    found = dict(wheel_record.problems(str(site)))
    assert found["tiny-1.0.dist-info/RECORD"] == "missing"
    assert found["tiny/__init__.py"] == "foreign"


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "crc32", ""])
def test_a_hash_that_proves_nothing_is_a_change_even_where_it_is_right(site, algorithm):
    rows = list(csv.reader(record(site).read_text().splitlines()))
    data = (site / rows[0][0]).read_bytes()
    digest = hashlib.new(algorithm, data).digest() if algorithm in hashlib.algorithms_available else b"any"
    rows[0][1] = "%s=%s" % (algorithm, base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"))
    record(site).write_text("".join(",".join(row) + "\n" for row in rows))
    assert wheel_record.problems(str(site)) == [("tiny/__init__.py", "changed")]


def test_a_file_that_is_recorded_without_a_hash_is_a_change(site):
    rows = list(csv.reader(record(site).read_text().splitlines()))
    rows[0][1:] = ["", ""]
    record(site).write_text("".join(",".join(row) + "\n" for row in rows))
    assert wheel_record.problems(str(site)) == [(rows[0][0], "changed")]


def test_a_name_with_a_comma_or_a_backslash_is_read_as_csv(site):
    (site / "tiny" / "a,b.py").write_bytes(b"")
    (site / "tiny" / "c.py").write_bytes(b"")
    empty = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0"
    with open(str(record(site)), "a", encoding="utf-8") as stream:
        stream.write('"tiny/a,b.py",%s\ntiny\\c.py,%s\n\n' % (empty, empty))
    assert wheel_record.problems(str(site)) == []


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\x00", b"a\x00b,sha256=x,1\n", b'"', b"\n" * 5], ids=["no-text", "nul", "quote", "empty"]
)
def test_a_record_that_is_no_record_is_a_finding_and_no_traceback(site, data):
    record(site).write_bytes(data)
    found = dict(wheel_record.problems(str(site)))
    assert found["tiny/__init__.py"] == "foreign"


def test_distributions_are_named_as_an_index_names_them(site):
    os.rename(str(site / "small-2.1.dist-info"), str(site / "Small.Pack_age-2.1+cu126.dist-info"))
    (site / "no-distribution").mkdir()
    assert wheel_record.distributions(str(site)) == {"tiny": "1.0", "small-pack-age": "2.1+cu126"}
