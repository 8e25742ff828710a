# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The long kill test: ``run.py [--points N] [--seed N] [--page]``, run by ``make kill-test``; ``--page`` writes docs/kill-test.md.

A third of the points are moments, spread over the duration of an undisturbed upgrade; the others are system calls, half of them renames.
"""

from __future__ import annotations

import argparse
import datetime
import os
import pathlib
import platform
import random as random_module
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# This folder itself is left out: its files are one package.
sys.path[:1] = [str(REPOSITORY / "tests"), str(REPOSITORY / ".ansible" / "collections")]

from kill import bundles, hosts, killing

PAGE = REPOSITORY / "docs" / "kill-test.md"
# Of all points; an upgrade with pip takes several times as long as one with uv.
_SHARE = {"uv": 0.45, "first uv": 0.2, "pip": 0.35}
_WRONG = ("unusable", "leftovers", "other")


def main():
    """1 where something was wrong, or where not all kinds of points could be had."""
    options = _options()
    os.nice(10)
    random = random_module.Random(options.seed)
    try:
        carried = bundles.installers()
    except bundles.Missing as missing:
        print("%s." % missing)
        return 1
    traced = killing.strace()
    if not traced:
        print(
            "This machine has no strace that may trace: the points at system calls are left out; install it (apt install strace)."
        )
    rows, wrong = [], []
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        for way, share in _SHARE.items():
            host = hosts.Host(pathlib.Path(folder, way.replace(" ", "-")), way, carried)
            for kind, points in _points(host, round(options.points * share), traced, random).items():
                row = _row(host, way, kind, points, wrong)
                rows.append(row)
                print(_line(row), flush=True)
    print(_table(rows))
    if options.page and traced:
        PAGE.write_text(_HEAD + _ran(options.seed) + _table(rows), encoding="utf-8")
    return int(bool(wrong) or not traced)


def _options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page", action="store_true")
    return parser.parse_args()


def _points(host, number, traced, random):
    """``{"time" or "calls": [point]}``."""
    moments = number // 3 if traced else number
    found = {"time": [("time", host.seconds * (nth + random.random()) / moments) for nth in range(moments)]}
    if traced:
        every = [(kind, nth) for kind, (first, last) in host.calls().items() for nth in range(first, last + 1)]
        renames = [point for point in every if point[0] == "rename*"]
        others = [point for point in every if point[0] != "rename*"]
        # The last ones are the marker, the history and the switch itself.
        chosen = renames[-3:] + _some(renames[:-3], (number - moments) // 2 - 3, random)
        found["calls"] = sorted(chosen + _some(others, number - moments - len(chosen), random))
    return found


def _some(points, number, random):
    return random.sample(points, max(0, min(number, len(points))))


def _row(host, way, kind, points, wrong):
    row = dict.fromkeys(("points", "killed", "A", "B", *_WRONG), 0)
    row.update(way=way, kind=kind, seconds=round(host.seconds, 2))
    for point in points:
        found = host.upgrade(point)
        row["points"] += 1
        row["killed"] += found["killed"]
        if found["killed"] and found["live"] in ("A", "B"):
            row[found["live"]] += 1
        for what in _WRONG:
            row[what] += bool(found[what])
        if any(found[what] for what in _WRONG):
            wrong.append(point)
            told = ["%s: %s" % (what, "; ".join(found[what][:6])) for what in _WRONG if found[what]]
            print("%s, %s %s: %s" % (way, *point, ". ".join(told)), flush=True)
    return row


def _line(row):
    cells = [row["way"], _KINDS[row["kind"]], row["seconds"], row["points"], row["killed"], row["A"], row["B"]]
    return "| %s |" % " | ".join(str(cell) for cell in cells + [row[what] for what in _WRONG])


def _table(rows):
    total = {key: sum(row[key] for row in rows) for key in ("points", "killed", "A", "B", *_WRONG)}
    heads = ["upgrade", "points", "undisturbed, s", "tried", "killed", "A live", "B live"]
    heads += ["unusable environments", "leftovers", "anything else"]
    lines = ["| %s |" % " | ".join(heads), "|" + "---|" * len(heads), *map(_line, rows)]
    return "\n".join([*lines, _line(dict(total, way="all", kind="all", seconds=""))]) + "\n"


def _ran(seed):
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    told = (day, seed, platform.python_version(), os.cpu_count(), platform.machine())
    return "The last long run, on %s, seed %d, CPython %s, %d cores, %s:\n\n" % told


_KINDS = {"time": "moments", "calls": "system calls", "all": ""}
_HEAD = """# The kill test

`make kill-test` upgrades a host again and again and cuts its power, as far as the processes go: SIGKILL to `pip_offline` and everything
that it has started, pip and uv with all their threads, at one point of an upgrade from release A to release B. The upgrade is the whole
one: preflight, manifest and files from the depot, the environment, the installer that the bundle carries, the check against RECORD, the
marker, the switch. Points are moments, spread over the duration of an undisturbed upgrade, and system calls of the module, pip and uv
together (renames, links, folders, deletions, modes, flushes, files that are made, writes), at which strace holds the caller until it is
killed.

After each kill must hold, and is counted where it does not:

- The live release is A or B, whole: its Python imports exactly what is locked, A has not been written to, and where B has its marker it is
  file by file what an undisturbed upgrade makes. Otherwise the environment is *unusable*. The same is asked after the runs that follow.
- One more run of the same task makes B live. Then nothing is there that an undisturbed upgrade does not leave too, under the root and
  in the folder for temporary files: else there are *leftovers*.
- *Anything else*: a process outlives the kill, a run fails, a file has another content, a third run changes something, a rollback would
  not lead to A.

"uv" and "pip" say what builds both releases; in "first uv" pip built A, and the upgrade fetches and unpacks uv. Where a run ended before its
moment came, it was not killed, and is judged all the same. A kill leaves what was written in the kernel's memory, so this says nothing of
what a disk had not yet written when the power went. Ansible's own copy of the module in the temporary folder stays, as after any kill.

What it has found, and what holds since: pip's temporary files, what uv was unpacking and unpacked wheels that nothing pointed to,
`manifests/*.part-*` and `switches.json.part-*` stayed after a kill. `make test` kills at fixed points, every rename among them, and plants
bugs that must be found.

"""


if __name__ == "__main__":
    sys.exit(main())
