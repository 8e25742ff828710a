# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The long run: ``run.py [--runs N] [--seed N] [--page] [READER ...]``, run by ``make fuzz``; two readers at a time.

``run.py --input FILE READER`` gives one reader one input again.

Each reader gets N inputs that only its own answers lead, and N more that are led by what they reach in our code where atheris is
installed. The first finding ends its run, and the input is kept under tests/output/fuzz. ``--page`` writes docs/fuzzing.md.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime
import json
import pathlib
import random as random_module
import subprocess
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# This folder itself is left out: its files are one package.
sys.path[:1] = [str(REPOSITORY / "tests"), str(REPOSITORY / ".ansible" / "collections")]

OUTPUT = REPOSITORY / "tests" / "output" / "fuzz"
PAGE = REPOSITORY / "docs" / "fuzzing.md"
_ROOMS = "ansible_collections.airgap.ferry.plugins.module_utils"
# A reader that gives no answer for so long is a finding.
_DEAD = 120


def main():
    """1 where there was a finding."""
    options = _options()
    if options.engine:
        return _one(options)
    from fuzz import readers

    if options.input:
        print(*readers.ALL[options.readers[0]]().judge(options.input.read_bytes()))
        return 0
    names = options.readers or list(readers.ALL)
    engines = ["plain", "atheris"] if _atheris() else ["plain"]
    jobs = [(name, engine) for engine in engines for name in names]
    rows = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for row in pool.map(lambda job: _child(options, *job), jobs):
            rows.append(row)
            if options.page:  # as far as it has come, with what earlier runs said of the others
                found = [_read(_row(name, engine)) for engine in _LED for name in readers.ALL]
                PAGE.write_text(_HEAD + _table([one for one in found if one]), encoding="utf-8")
    print(_table(rows), end="")
    return int(any("finding" in row for row in rows))


def _options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--input", type=pathlib.Path)
    parser.add_argument("--engine", choices=["plain", "atheris"])
    parser.add_argument("readers", nargs="*")
    return parser.parse_args()


def _atheris():
    try:
        import atheris
    except ImportError:  # there are wheels for some Pythons on Linux only
        return None
    return atheris


def _child(options, name, engine):
    """One reader in a process of its own: its bound of memory is its own too."""
    command = [
        sys.executable,
        __file__,
        "--runs",
        str(options.runs),
        "--seed",
        str(options.seed),
        "--engine",
        engine,
        name,
    ]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, check=False)
    row = {"reader": name, "engine": engine, "seconds": round(time.monotonic() - begun)}
    row["day"] = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    row.update(_read(_report(name, engine)) or {"finding": "no report"})
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        # libFuzzer talks on after the exception.
        row["finding"] = next(
            (line for line in said.splitlines() if "Escape" in line or "Error: " in line), said[-300:]
        )
        _report(name, engine).with_suffix(".txt").write_text(said)
    _row(name, engine).write_text(json.dumps(row))
    print("%s, %s: %s" % (name, engine, row.get("finding") or "%d inputs, no finding" % row["inputs"]), flush=True)
    return row


def _read(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):  # there was none, or its run was cut off
        return None


def _row(name, engine):
    return OUTPUT / ("%s-%s.row" % (name.replace(" ", "-"), engine))


def _report(name, engine):
    return OUTPUT / ("%s-%s.json" % (name.replace(" ", "-"), engine))


def _one(options):
    (name,) = options.readers
    OUTPUT.mkdir(parents=True, exist_ok=True)
    report = _report(name, options.engine)
    report.unlink(missing_ok=True)
    if options.engine == "atheris":
        with _atheris().instrument_imports(include=[_ROOMS]):
            from fuzz import readers, running
    else:
        from fuzz import readers, running
    reader = readers.ALL[name]()
    try:
        with running.bounded(_DEAD if options.engine == "atheris" else options.runs // 100 + _DEAD):
            if options.engine == "atheris":
                _guided(reader, options, report)  # does not come back
            report.write_text(json.dumps(running.plain(reader, options.runs, options.seed)))
    except Exception as error:
        if hasattr(error, "input"):
            report.with_suffix(".input").write_bytes(error.input)
        raise
    finally:
        reader.close()
    return 0


def _guided(reader, options, report):
    from fuzz import running

    atheris, watch, seeds = _atheris(), running.Watch(reader), reader.seeds()
    corpus = pathlib.Path(reader.folder, "corpus")
    corpus.mkdir()
    for number, data in enumerate(seeds):
        (corpus / str(number)).write_bytes(data)

    def judge(data):
        watch.judge(data)
        # libFuzzer ends the process itself.
        if sum(watch.counts.values()) == options.runs:
            report.write_text(json.dumps(watch.report()))

    def change(data, most, seed):
        random = random_module.Random(seed)
        kind = random.random()
        if kind < 0.1:
            return atheris.Mutate(data, most)
        return reader.change(random.choice(seeds) if kind < 0.3 else data, random)[:most]

    import faulthandler

    faulthandler.cancel_dump_traceback_later()
    found = report.with_suffix(".input")
    libfuzzer = [
        "-runs=%d" % options.runs,
        "-seed=%d" % options.seed,
        "-max_len=%d" % reader.most,
        "-timeout=%d" % _DEAD,
    ]
    libfuzzer += ["-rss_limit_mb=0", "-len_control=0", "-exact_artifact_path=%s" % found, str(corpus)]
    atheris.Setup([sys.argv[0], *libfuzzer], judge, custom_mutator=change)
    atheris.Fuzz()


def _table(rows):
    heads = [
        "reader",
        "led by",
        "inputs",
        "taken",
        "refused",
        "slowest, ms",
        "memory at most, MiB",
        "seconds",
        "day",
        "finding",
    ]
    lines = ["| %s |" % " | ".join(heads), "|" + "---|" * len(heads)]
    for row in rows:
        refused = ", ".join("%s %d" % item for item in row.get("refused", {}).items()) or "-"
        cells = [row["reader"], _LED[row["engine"]], row.get("inputs", "-"), row.get("taken", "-"), refused]
        cells += [
            row.get("slowest_ms", "-"),
            row.get("peak_mib", "-"),
            row["seconds"],
            row["day"],
            row.get("finding", "none"),
        ]
        lines.append("| %s |" % " | ".join(str(cell).replace("|", "/") for cell in cells))
    return "\n".join(lines) + "\n"


_LED = {"plain": "answers", "atheris": "coverage"}
_HEAD = """# Fuzzing

What a bundle's readers are given has crossed a gap on somebody's stick. `make fuzz` gives each of them a million changed inputs that the
reader's own answers lead and, where atheris has a wheel for the Python, a million more that are led by what they reach in our code. They
start from sound documents and archives and are changed in their structure (values, members, headers, sizes, checksums made true again), so
that they get past canonical JSON, RECORD and the hashes; some are changed byte by byte. `make test` gives each a few thousand, always the
same ones, and plants bugs that the fuzzers must find.

For every input one of two things must happen. The reader refuses it with a code that it may use, in one sentence; or it takes it, and
then another reader, which goes another way, must find the same: Python's own `json` the same value in the same spelling; `tarfile` and
`zipfile` the same files with the same bytes, unpacked into a folder beside which nothing appears; a walk from local header to local header,
and one that believes the end of the archive, the same once more; RECORD and METADATA, read again, say what they should. Any other
exception, more than 2 s of processor time for an input, or more than 512 MiB of memory above the start is a finding and ends the run.

It has found, and a test now holds for each: wheels with a hidden member before, between or behind those of the directory, or with a second
name in an extra field; an end of the archive that counts or points otherwise than `zipfile` goes; a name that goes on behind the directory;
a one-letter name twice; a file that is also a folder; a METADATA with a second `Version` or a head that ends early.

The last long runs, on CPython 3.11:

"""


if __name__ == "__main__":
    sys.exit(main())
