# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/locks.md from cases.py, and how the recipe's wheels differ from ours in a few words."""

from __future__ import annotations

import pathlib
import re

from cases import cases, recipe

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "locks.md"
_NAMED = 4

HEAD = """# Locks, and what the usual recipe gets

The usual recipe for an offline installation is `pip download REQUIREMENTS --platform P --python-version X.Y --only-binary=:all:` on a
machine that reaches the index. It is often wrong, mostly without saying so: pip chooses wheels for the platform that it is told, but
judges environment markers by the machine that it runs on. Each row is one profile and what was asked for, the recipe's answer, and
ours: the lock that `lock.yml` makes, or its refusal.

Measured on {measured} with pip {pip} and uv {uv}; the recipe ran on Linux x86_64 with Python {python} and one `--platform`:
{platforms}, unless the row names another.
Counts are wheels. *The same* means the same versions; *older or newer* names packages that are there in another version.

The rows come from `tests/cases/cases.py`. `make cases` asks the live index for each again, says what has changed, and, where nothing
has, records what the unit tests replay without a network (`tests/cases/recorded/`) and writes this page. When the index has moved,
correct the row on purpose and run it again.

| profile | asked for | the recipe | ours | decisive | why it is here |
|---|---|---|---|---|---|
"""


def render():
    """The page's text."""
    head = HEAD.format(
        measured=cases.MEASURED,
        pip=cases.PIP,
        uv=cases.UV,
        python=cases.PYTHON,
        platforms=", ".join("`%s`" % platform for platform in recipe.PLATFORMS.values()),
    )
    return head + "".join(_row(case) for case in cases.CASES)


def _row(case):
    cells = [_profile(case["profile"]), _asked(case), _recipe(case), _ours(case), _decisive(case), case["shows"]]
    return "| %s |\n" % " | ".join(cells)


def _profile(spec):
    words = [spec["os"].capitalize(), spec["arch"], spec.get("libc", "").replace("-", " "), "Python " + spec["python"]]
    words += ["CUDA"] if spec["accelerator"] == "cuda" else []
    words += ["trim " + spec["trim"]] if "trim" in spec else []
    return ", ".join(word for word in words if word)


def _asked(case):
    asked = ", ".join("`%s`" % text for text in case["requirements"])
    bounds = ", ".join("`%s`" % text for text in case.get("constraints", ()))
    return asked + (" with %s" % bounds if bounds else "")


def _recipe(case):
    typed = "`--platform %s`: " % case["platform"] if "platform" in case else ""
    said = case["recipe"] if "beside" not in case else "%d, %s" % (case["recipe"], case["beside"])
    return "%s%s" % (typed, said)


def _ours(case):
    return "refused, [%s](codes.md)" % case["refused"] if "refused" in case else str(case["wheels"])


def _decisive(case):
    names = ["`%s`" % one for one in case.get("has", ())] + ["no `%s`" % one for one in case.get("lacks", ())]
    return ", ".join(names + ["warns: %s" % one for one in case.get("warns", ())])


def recipe_differences(case, answer, found):
    """One sentence for each thing in which the recipe's answer is not what ``case`` says."""
    told = {"recipe": found if isinstance(found, str) else len(found), "beside": beside(answer, found)}
    return [
        "%s: expected %r, found %r" % (key, case.get(key), value)
        for key, value in told.items()
        if case.get(key) != value
    ]


def beside(answer, found):
    """How the recipe's wheels differ from ours, in a few words; None where one of the two has none."""
    if isinstance(found, str) or "packages" not in answer:
        return None
    ours = {package["name"]: package["version"] for package in answer["packages"]}
    recipes = dict(_name_and_version(wheel) for wheel in found)
    others = [name for name in ours if recipes.get(name, ours[name]) != ours[name]]
    words = [
        "%s %s" % (what, _few(sorted(names)))
        for what, names in (
            ("lacks", set(ours) - set(recipes)),
            ("adds", set(recipes) - set(ours)),
            ("older or newer", others),
        )
        if names
    ]
    return "; ".join(words) or "the same"


def _name_and_version(wheel):
    name, version = wheel.split("-")[:2]
    return re.sub("[-_.]+", "-", name).lower(), version


def _few(names):
    return ", ".join(names) if len(names) <= _NAMED else "%d of them" % len(names)
