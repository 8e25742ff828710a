# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running pip_offline and ending it, with everything that it has started, at a point: SIGKILL to the whole process group.

A point is ``("time", seconds)``, ``("rename", n)``: just before the module's own n-th rename, or ``(kind of system call, n)`` with a
kind of :data:`CALLS`: just after the n-th of the module, pip and uv together. For these strace holds each call's thread for a moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid

from . import upgrade

# Names that an architecture lacks are left out by strace ("?").
CALLS = {
    "rename*": ("rename", "renameat", "renameat2"),
    "link*": ("link", "linkat"),
    "symlink*": ("symlink", "symlinkat"),
    "mkdir*": ("mkdir", "mkdirat"),
    "unlink*": ("unlink", "unlinkat", "rmdir"),
    "chmod*": ("chmod", "fchmod", "fchmodat"),
    "sync*": ("fsync", "fdatasync"),
    "openat": ("openat",),
    "write*": ("write", "pwrite64", "copy_file_range", "sendfile"),
}
# Far too many to hold each one.
_NOT_HELD = ("openat", "write*")
_HELD_MICROSECONDS = 3000
_SECONDS = 120
_MARK = "FERRY_KILL_TEST"


def strace():
    """Whether this machine has strace, and may use it."""
    program = shutil.which("strace")
    return bool(program) and subprocess.run([program, "-qq", "-o", "/dev/null", "true"], check=False).returncode == 0


class Run:
    """One run: ``killed``, ``result`` (what the module said), ``seconds``, and ``outlived`` (process ids that were left)."""

    def __init__(self, options: dict, folder: pathlib.Path, point=None):
        """In ``folder`` lie what was said and the folder for temporary files."""
        self._folder, self._options, self._mark = folder, options, uuid.uuid4().hex
        begun = time.monotonic()
        if point and point[0] in CALLS:
            self.killed = self._traced(*point)
        else:
            self.killed = self._forked(*(point or (None, None)))
        self.seconds = time.monotonic() - begun
        self.outlived = self._left()
        text = (folder / "said").read_text(errors="replace")
        try:
            self.result = json.loads(text.strip().splitlines()[-1])
        except (IndexError, ValueError):
            self.result = {"failed": True, "msg": text[-500:]}

    def _forked(self, kind, amount):
        """The module in a copy of this process, which has imported everything."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setsid()
                os.environ.update(_variables(self._folder, self._mark))
                handle = os.open(str(self._folder / "said"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                for standard in (1, 2):
                    os.dup2(handle, standard)
                sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
                if kind == "rename":
                    _kill_before(amount)
                os.write(writer, b".")
                upgrade.run(self._options)
            except SystemExit as ended:
                code = ended.code or 0
            except BaseException as error:  # noqa: B036  # the child must never return into its parent's code
                os.write(2, ("%r\n" % error).encode("utf-8", "replace"))
            finally:
                with contextlib.suppress(Exception):
                    sys.stdout.flush()
                os._exit(code)
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        end = time.monotonic() + (amount if kind == "time" else _SECONDS)
        while time.monotonic() < end:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.WIFSIGNALED(status)
            time.sleep(min(0.002, max(0, end - time.monotonic())))
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return True

    def _traced(self, kind, nth):
        with _Traced(self._options, self._folder, [kind], self._mark) as lines:
            for _line in lines:
                nth -= 1
                if nth == 0:
                    return True  # leaving kills
        return False

    def _left(self):
        """What still runs of it; a moment is given to processes that are about to go."""
        wanted = ("%s=%s" % (_MARK, self._mark)).encode()
        for _try in range(100):
            found = [pid for pid in os.listdir("/proc") if pid.isdigit() and wanted in _environment(pid)]
            if not found:
                return []
            time.sleep(0.02)
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        return found


def calls(options: dict, folder: pathlib.Path) -> dict:
    """``{kind: (first, last)}``: which of the calls of a kind an undisturbed run makes from its first change of the root on."""
    begun, before, seen = False, dict.fromkeys(CALLS, 0), dict.fromkeys(CALLS, 0)
    kinds = {name: kind for kind, names in CALLS.items() for name in names}
    with _Traced(options, folder, list(CALLS), "", hold=False) as lines:
        for line in lines:
            if not begun and '"%s' % options["root"] in line:
                begun, before = True, dict(seen)
            seen[kinds[_CALL.search(line).group(1)]] += 1
    return {kind: (before[kind] + 1, seen[kind]) for kind in CALLS if seen[kind] > before[kind]}


_CALL = re.compile(r"(?:^|\s|<\.\.\. )([a-z_0-9]+)(?:\(| resumed>)")


class _Traced:
    """The lines of strace, one when each call of ``kinds`` has ended; leaving kills all."""

    def __init__(self, options, folder, kinds, mark, hold=True):
        names = ",".join("?" + name for kind in kinds for name in CALLS[kind])
        command = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "signal=none", "-e", "trace=" + names]
        if hold and not set(kinds) & set(_NOT_HELD):
            command += ["-e", "inject=%s:delay_exit=%d" % (names, _HELD_MICROSECONDS)]
        reader, writer = os.pipe()
        command += ["-o", "/proc/self/fd/%d" % writer, sys.executable, upgrade.__file__, json.dumps(options)]
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **_variables(folder, mark))
        with open(str(folder / "said"), "wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, pass_fds=[writer], start_new_session=True, env=environment
            )
        os.close(writer)
        self._reader = os.fdopen(reader, "r", errors="replace")

    def __enter__(self):
        return (line for line in self._reader if self._counts(line))

    @staticmethod
    def _counts(line):
        """A call that ended well or badly; of opened files those that may be made."""
        if "<unfinished" in line or not _CALL.search(line):
            return False
        return "openat(" not in line or "O_CREAT" in line

    def __exit__(self, *_error):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.close()


def _variables(folder, mark):
    return {_MARK: mark, "TMPDIR": str(folder / "temporary")}


def _kill_before(nth):
    left = [nth]

    def count(event, _arguments):
        if event == "os.rename":
            left[0] -= 1
            if left[0] == 0:
                os.killpg(0, signal.SIGKILL)

    sys.addaudithook(count)


def _environment(pid):
    try:
        with open("/proc/%s/environ" % pid, "rb") as stream:
            return stream.read()
    except OSError:  # it has ended, or is another user's
        return b""
