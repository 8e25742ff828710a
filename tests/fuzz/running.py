# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a reader many inputs, within bounds of time and memory; without a fuzzer's help, the same ones every time."""

from __future__ import annotations

import collections
import contextlib
import faulthandler
import random as random_module
import resource
import sys
import time

# What a process may take beside what it has when it begins.
MEMORY = 512 << 20
_KEPT = 3000


class Watch:
    """Judges one input after the other, and counts."""

    def __init__(self, reader):
        self.reader = reader
        self.counts = collections.Counter()
        self.slowest = 0.0

    def judge(self, data):
        """What the reader says, as ``(code or "taken", shape of its sentence)``; an exception is a finding."""
        begun = time.process_time()
        verdict = self.reader.judge(data)
        took = time.process_time() - begun
        self.slowest = max(self.slowest, took)
        if took > self.reader.seconds:
            raise RuntimeError("%.1f s for one input" % took)
        self.counts[verdict[0]] += 1
        return verdict

    def report(self):
        """What was counted."""
        return {
            "inputs": sum(self.counts.values()),
            "taken": self.counts["taken"],
            "refused": {code: count for code, count in sorted(self.counts.items()) if code != "taken"},
            "slowest_ms": round(self.slowest * 1000, 1),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        }


@contextlib.contextmanager
def bounded(seconds):
    """Within: at most MEMORY more than now, and a dead end after ``seconds`` without an answer."""
    with open("/proc/self/statm", encoding="ascii") as stream:
        now = int(stream.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, hard))
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def plain(reader, runs, seed):
    """``runs`` inputs from changes of inputs that led to something new; returns the report. The input of a finding is in its notes."""
    random = random_module.Random(seed)
    watch, seen, seeds = Watch(reader), set(), reader.seeds()
    for data in seeds:
        if watch.judge(data)[0] != "taken":
            raise AssertionError("a seed was refused: %r" % data[:200])
    corpus, sound = list(seeds), seeds * 8
    while sum(watch.counts.values()) < runs:
        # From sound ones, from the newest (what was hard to reach is near to what is harder), and from all.
        parents = (sound, corpus[-20:], corpus)[random.randrange(3)]
        data = reader.change(random.choice(parents), random)
        if len(data) > reader.most:
            continue
        try:
            verdict = watch.judge(data)
        except Exception as error:
            error.input = data
            raise
        if verdict not in seen and len(corpus) < _KEPT:
            seen.add(verdict)
            corpus.append(data)
        elif verdict[0] == "taken":
            sound[random.randrange(len(sound))] = data
            sound[random.randrange(len(sound))] = random.choice(seeds)
    return watch.report()
