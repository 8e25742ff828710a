# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults that a bundle can have, from a flipped byte to a lock that does not fit its hosts, with the codes that refuse them.

A test that makes one for real carries ``@pytest.mark.fault(number)``; it is found by reading the tests, without running them.
"""

from __future__ import annotations

import ast
import pathlib

TESTS = pathlib.Path(__file__).resolve().parents[1]

# What each is, and the codes that refuse it.
FAULTS = {
    1: ("A byte was flipped.", ("FERRY-BUNDLE-002", "FERRY-BUNDLE-004", "FERRY-PART-001")),
    2: ("A part is cut off.", ("FERRY-PART-001",)),
    3: ("Two parts were swapped.", ("FERRY-PART-004",)),
    4: ("A part is missing.", ("FERRY-PART-002",)),
    5: ("There is a part more.", ("FERRY-PART-003",)),
    6: ("A part is of another bundle.", ("FERRY-PART-005",)),
    7: ("The serial is older than one that was accepted, and nobody allowed it: a replay.", ("FERRY-BUNDLE-008",)),
    8: ("The serial is absurd.", ("FERRY-BUNDLE-009",)),
    9: ("The bundle has expired.", ("FERRY-BUNDLE-009",)),
    10: ("The bundle comes from the future.", ("FERRY-BUNDLE-009",)),
    11: ("It is signed with a key that nobody trusts.", ("FERRY-BUNDLE-003",)),
    12: ("The key was revoked, by its owner or in the inventory.", ("FERRY-BUNDLE-014",)),
    13: ("There is no signature.", ("FERRY-BUNDLE-001",)),
    14: ("The signature was made for another purpose.", ("FERRY-BUNDLE-013",)),
    15: ("The signature uses a weak hash.", ("FERRY-BUNDLE-011",)),
    16: ("A key stands twice in the JSON.", ("FERRY-BUNDLE-007",)),
    17: ("The manifest is larger than any can be.", ("FERRY-BUNDLE-007",)),
    18: ("A member's path leads up: `../`.", ("FERRY-WHEEL-002",)),
    19: ("A member's path is absolute, or begins with a drive or a server.", ("FERRY-WHEEL-002",)),
    20: ("A backslash in a name.", ("FERRY-WHEEL-002", "FERRY-BUNDLE-010")),
    21: ("A symbolic link.", ("FERRY-WHEEL-002", "FERRY-BUNDLE-010")),
    22: ("A hard link.", ("FERRY-BUNDLE-010",)),
    23: ("A device or FIFO.", ("FERRY-WHEEL-002", "FERRY-BUNDLE-010")),
    24: ("A set-uid bit.", ("FERRY-WHEEL-002", "FERRY-BUNDLE-010")),
    25: ("A bomb: an archive that unpacks to far more than it is.", ("FERRY-WHEEL-003",)),
    26: ("A size in a header that is not so.", ("FERRY-WHEEL-003", "FERRY-WHEEL-001")),
    27: ("A member twice.", ("FERRY-WHEEL-002",)),
    28: ("Names that collide where case is ignored.", ("FERRY-WHEEL-002", "FERRY-BUNDLE-007", "FERRY-BUNDLE-010")),
    29: ("A name with a NUL, or that is not UTF-8.", ("FERRY-WHEEL-002", "FERRY-BUNDLE-010")),
    30: (
        "A name that Windows keeps or reads otherwise: `CON`, a dot at the end, `:`.",
        ("FERRY-WHEEL-002", "FERRY-BUNDLE-010"),
    ),
    31: ("A path of more than 259 characters on a Windows host without long paths.", ("FERRY-HOST-004",)),
    32: ("A wheel's file is not as its RECORD says.", ("FERRY-WHEEL-004",)),
    33: ("A wheel holds a file that its RECORD does not name.", ("FERRY-WHEEL-004",)),
    34: ("A wheel's METADATA is of another name or version than its file name.", ("FERRY-WHEEL-005",)),
    35: ("A wheel's platform, ABI or glibc tag does not fit.", ("FERRY-WHEEL-006", "FERRY-LOCK-009")),
    36: ("An sdist.", ("FERRY-BUNDLE-007", "FERRY-LOCK-009")),
    37: ("A dependency is missing.", ("FERRY-LOCK-005",)),
    38: ("Dependencies conflict.", ("FERRY-LOCK-006",)),
    39: ("A wheel's Requires-Python does not fit.", ("FERRY-LOCK-007",)),
}


def made_by() -> dict:
    """``{number: [(file, test)]}`` of every mark, in the order of files and lines; the file is relative to the repository."""
    found: dict = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.fault" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                place = (path.relative_to(TESTS.parent).as_posix(), node.name)
                for number in _numbers(node):
                    found.setdefault(number, []).append(place)
    return found


def _numbers(function):
    """The numbers of the marks in the decorators of ``function``, those of single parameters too."""
    calls = [
        call
        for decorator in function.decorator_list
        for call in ast.walk(decorator)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.fault"
    ]
    return sorted({ast.literal_eval(call.args[0]) for call in calls})
