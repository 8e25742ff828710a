# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wheel brings no command that would take an interpreter's place or leave the folder of commands, however it asks for it."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import wheel

POINTS = "tiny-1.0.dist-info/entry_points.txt"
KEPT = ["python", "python3", "python3.99", "Python.exe", "pythonw3.exe", "python3.13t", "python_d.exe", "pypy3"]
KEPT += ["activate", "Activate.ps1", "activate_this.py", "deactivate.bat", "python.com"]
FREE = [
    "pythonic",
    "python-tiny",
    "python3-tiny",
    "activate-global-tiny",
    "ipython3",
    "pip3.13",
    "tiny",
    "tiny-1.0",
    "t",
]


def commands(name, group="console_scripts"):
    return {POINTS: ("[%s]\n%s = tiny:main\n" % (group, name)).encode()}


@pytest.mark.parametrize("name", KEPT)
def test_a_script_with_an_interpreters_name_is_refused(tmp_path, make_wheel, refused, name):
    with refused("FERRY-WHEEL-002", "tiny-1.0.data/scripts/" + name, "one of an interpreter's files"):
        wheel.check(make_wheel(tmp_path, scripts={name: b"#!python\n"}))
    for group in ("console_scripts", "gui_scripts"):
        with refused("FERRY-WHEEL-002", POINTS, "found '%s'" % name):
            wheel.check(make_wheel(tmp_path, contents=commands(name, group)))


@pytest.mark.parametrize("member", ["bin/python3", "Scripts/python.exe", "scripts/PYTHON.EXE", "pyvenv.cfg"])
def test_data_in_an_interpreters_place_is_refused(tmp_path, make_wheel, refused, member):
    with refused("FERRY-WHEEL-002", "tiny-1.0.data/data/" + member):
        wheel.check(make_wheel(tmp_path, contents={"tiny-1.0.data/data/" + member: b""}))


@pytest.mark.parametrize("name", FREE)
def test_other_names_are_taken(tmp_path, make_wheel, name):
    wheel.check(make_wheel(tmp_path, scripts={name: b"#!python\n"}))
    wheel.check(make_wheel(tmp_path, contents=commands(name)))


@pytest.mark.parametrize(
    "name",
    ["../x", "../../escaped", "a/b", "/x", "a\\b", "C:x", "..", ".", "x.", "CON", "", "x\tpy\0", "; ../x", "x" * 201],
)
def test_a_command_that_is_no_plain_file_name_is_refused(tmp_path, make_wheel, refused, name):
    with refused("FERRY-WHEEL-002", POINTS, "commands with plain names"):
        wheel.check(make_wheel(tmp_path, contents=commands(name)))


@pytest.mark.parametrize(
    "text",
    [
        "[ console_scripts ]\n../x = tiny:main\n",
        "[Console_Scripts]\n../x = tiny:main\n",
        "[console_scripts]\nx = tiny:main\n ../x = tiny:main\n",
        "[console_scripts]\nx = tiny:main\r../x = tiny:main\n",
        "[console_scripts]\nx = tiny:main\u2028../x = tiny:main\n",
        "[console_scripts]\n../x=\n",
        "[console_scripts]\nx\n",
        "[[console_scripts]]\nx = tiny:main\n",
        "[console_scripts] more\nx = tiny:main\n",
        "\ufeff[console_scripts]\nx = tiny:main\n",
        "x = tiny:main\n",
    ],
)
def test_entry_points_that_readers_take_in_different_ways_are_refused(tmp_path, make_wheel, refused, text):
    with refused("FERRY-WHEEL-002", POINTS):
        wheel.check(make_wheel(tmp_path, contents={POINTS: text.encode()}))


def test_what_packers_write_is_taken(tmp_path, make_wheel):
    text = "# of tests\n\n[console_scripts]\n# one\n; two\nx = tiny:main\ny=tiny:main [extra]\n\n[tiny.kinds]\na/b = tiny\npython = tiny\n"
    wheel.check(make_wheel(tmp_path, contents={POINTS: text.encode()}))
    wheel.check(make_wheel(tmp_path, contents={POINTS: text.replace("\n", "\r\n").encode()}))
    wheel.check(make_wheel(tmp_path, contents={POINTS: b""}))
