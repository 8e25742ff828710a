# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the live index for every case again: ``record.py [ID ...]``, run by ``make cases``. With ids it only asks, and writes nothing.

Where the index has moved away from cases.py nothing is written: this prints what is new, and a person corrects the data on purpose.
Else it writes what a replay needs to ``recorded/``, replays it once, and writes docs/locks.md.
"""

from __future__ import annotations

import collections
import contextlib
import importlib.metadata
import json
import pathlib
import platform
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# This folder itself is left out: cases.py in it would hide the package of that name.
sys.path[:1] = [str(REPOSITORY / "tests"), str(REPOSITORY / ".ansible" / "collections")]

from ansible_collections.airgap.ferry.plugins.module_utils.profile import Profile  # noqa: E402
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index, target  # noqa: E402
from packaging.requirements import Requirement  # noqa: E402
from packaging.utils import canonicalize_name, parse_wheel_filename  # noqa: E402

from cases import asking, cases, live, loopback, page, recipe  # noqa: E402


def main(ids):
    """0 where every case is as cases.py says."""
    chosen = [case for case in cases.CASES if not ids or case["id"] in ids]
    environment = index.environment(sys.executable)
    print("%d cases, asked of %s" % (len(chosen), live.shown(environment)), flush=True)
    with tempfile.TemporaryDirectory(prefix="ferry-cases-") as folder:
        scratch = pathlib.Path(folder)
        source = live.Live(environment, str(scratch / "metadata"))
        answers = run(chosen, source, scratch / "live")
        wrong = _tools() if not ids else []
        for case in chosen:
            found = asking.differences(case, answers[case["id"]])
            found += page.recipe_differences(case, answers[case["id"]], recipe.ask(case, environment))
            wrong += ["%s: %s" % (case["id"], sentence) for sentence in found]
            print("%s %s" % ("right" if not found else "WRONG", case["id"]), flush=True)
        if wrong or ids:
            print("\n".join(wrong))
            return 1 if wrong else 0
        little = Little(source, answers)
        while True:  # a smaller index may be asked for what the whole one was not
            before = json.dumps(little.told(), sort_keys=True)
            again = run(chosen, little, scratch / "little")
            if json.dumps(little.told(), sort_keys=True) == before:
                break
        write(little)
        replayed = run(chosen, loopback.Recording(), scratch / "replayed")
        for kind, made in (("a smaller index", again), ("the recording", replayed)):
            wrong += ["%s: %s gives another lock" % (one, kind) for one in answers if made[one] != answers[one]]
    if wrong:
        print("\n".join(wrong))
        return 1
    page.PAGE.write_text(page.render(), encoding="utf-8")
    return 0


def run(chosen, source, scratch):
    """What our own code answers, by case, when ``source`` is its index."""
    scratch.mkdir(exist_ok=True)
    answers = {}
    with contextlib.closing(loopback.Loopback(source)) as served, tempfile.TemporaryDirectory(dir=scratch) as cache:
        environment = served.environment(cache)
        for case in chosen:
            with tempfile.TemporaryDirectory(dir=scratch) as workdir:
                answers[case["id"]] = asking.put(case, workdir, environment)
            # The reason carries the resolver's own words, which know of versions that a recording has not.
            answers[case["id"]].pop("message", None)
    return answers


class Little:
    """The part of the live index that the cases' answers hang on, as a source for loopback.py.

    Versions: those whose METADATA was asked for, those that were locked or pinned, else the newest. Files of these: what any case's
    profile accepts by its tags, and one other.
    """

    def __init__(self, source, answers):
        self._live = source
        self._tags = frozenset().union(*(_tags(case["profile"]) for case in cases.CASES if _tags(case["profile"])))
        self._wanted = collections.defaultdict(set)
        for name, wheels in source.asked.items():
            self._wanted[name] |= {live.version_of(wheel) for wheel in wheels}
        for answer in answers.values():
            for package in answer.get("packages", ()):
                self._wanted[package["name"]].add(live.version_of(package["wheel"]))
        self._pins = [Requirement(text) for case in cases.CASES for text in case["requirements"]]

    def page(self, project):
        """As Recording's."""
        files = [file for file in self._live.page(project) or () if live.version_of(file["filename"])]
        by_version = collections.defaultdict(list)
        for file in files:
            by_version[live.version_of(file["filename"])].append(file)
        wanted = set(self._wanted[project])
        for pin in self._pins:
            if canonicalize_name(pin.name) == project and "==" in str(pin.specifier):
                wanted |= set(pin.specifier.filter(by_version))
        kept = []
        for version in sorted(wanted & set(by_version) or set(sorted(by_version)[-1:])):
            fitting = [file for file in by_version[version] if self._fits(file["filename"])]
            others = [file for file in by_version[version] if file not in fitting]
            kept += sorted(fitting + others[:1], key=lambda file: file["filename"])
        return kept or None

    def metadata(self, project, wheel):
        """As Recording's."""
        return self._live.metadata(project, wheel)

    def told(self):
        """``{project: {"files": [...], "metadata": [{"wheels": [...], "headers": [...]}]}}``: the recording."""
        found = {}
        for project in self._live.projects:
            texts = collections.defaultdict(list)
            for wheel in sorted(self._live.asked.get(project, ())):
                text = self._live.metadata(project, wheel)
                if text is not None:
                    texts[text].append(wheel)
            entries = [
                {"wheels": wheels, "headers": text.decode("utf-8").splitlines()} for text, wheels in texts.items()
            ]
            found[project] = {"files": self.page(project) or [], "metadata": entries}
        return found

    def _fits(self, name):
        return name.endswith(".whl") and not self._tags.isdisjoint(parse_wheel_filename(name)[3])


def _tags(spec):
    try:
        return frozenset(target.wheel_tags(Profile.from_spec("case", spec)))
    except asking.FerryError:  # a case whose profile is refused
        return frozenset()


def write(little):
    """One file a project, one line a file of the index: a change of it is easy to read."""
    loopback.FOLDER.mkdir(exist_ok=True)
    for old in loopback.FOLDER.glob("*.json"):
        old.unlink()
    for project, told in little.told().items():
        files = ",\n  ".join(json.dumps(file, sort_keys=True) for file in told["files"])
        entries = ",\n  ".join(
            '{"wheels": %s,\n   "headers": [\n    %s]}'
            % (json.dumps(entry["wheels"]), ",\n    ".join(map(json.dumps, entry["headers"])))
            for entry in told["metadata"]
        )
        text = '{"files": [\n  %s],\n "metadata": [\n  %s]}\n' % (files, entries)
        (loopback.FOLDER / (project + ".json")).write_text(text, encoding="utf-8")


def _tools():
    """The versions that cases.py names have to be those that were asked."""
    used = {"PYTHON": platform.python_version().rpartition(".")[0]}
    used.update({name.upper(): importlib.metadata.version(name) for name in ("pip", "uv")})
    return ["%s: expected %s, found %s" % (n, getattr(cases, n), v) for n, v in used.items() if getattr(cases, n) != v]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
