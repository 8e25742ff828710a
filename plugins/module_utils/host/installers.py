# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two installers that a bundle carries: uv when it is there and runs, pip always. The host's own pip is never used."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import zipfile

from .python import environment
from ..bundle.files import naming
from ..errors import FerryError, disk_full, says_disk_full

_SECONDS = 3600
# A pip wheel runs in place, so neither the host nor the release needs a pip. Told to go by sysconfig, because Debian and Ubuntu
# keep most of distutils, by which pip goes on Python 3.9 and older, in a package that a bare server lacks.
_PIP = (
    "import runpy, sys, sysconfig; sysconfig._PIP_USE_SYSCONFIG = True; sys.path.insert(0, sys.argv.pop(1)); "
    "sys.argv[0] = 'pip'; runpy.run_module('pip', run_name='__main__', alter_sys=True)"
)


def choose(wanted: str, carried: dict, cache: str, python: str) -> list:
    """The command of the installer that installs into the environment of ``python``: ``["uv", path]`` or ``["pip", path]``.

    ``wanted``: auto, uv or pip; ``carried``: ``{"pip": wheel path, "uv": wheel path}`` in the cache.
    """
    if wanted in ("auto", "uv") and "uv" in carried:
        program = _unpack_uv(carried["uv"], cache)
        reason = _why_not(program, cache, python)
        if reason is None:
            return ["uv", program]
        if wanted == "uv":
            raise FerryError(
                "FERRY-INSTALL-001",
                "%s cannot be used here: %s; set ferry_installer to auto or pip, or correct that." % (program, reason),
            )
    if wanted == "uv":
        raise FerryError(
            "FERRY-INSTALL-001", "the bundle carries no uv for this profile; set ferry_installer to auto or pip."
        )
    return ["pip", carried["pip"]]


def install(
    installer: list, python: str, wheelhouse: str, requirements: str, compile_bytecode: bool, cache: str, whole: bool
) -> None:
    """Install every line of ``requirements`` (by hash) from ``wheelhouse`` into the environment of ``python``, with no index.

    ``whole``: the installer has to find all that the wheels ask for among them, which a trimmed profile lacks on purpose.
    """
    kind, path = installer
    if kind == "uv":
        command = [path, "pip", "install", "--python", python, "--cache-dir", os.path.join(cache, "uv"), "--quiet"]
        command += ["--compile-bytecode"] if compile_bytecode else []
    else:
        command = [
            python,
            "-c",
            _PIP,
            path,
            "install",
            "--no-cache-dir",
            "--no-input",
            "--disable-pip-version-check",
            "--quiet",
        ]
        command += ["--compile" if compile_bytecode else "--no-compile"]
    command += [] if whole else ["--no-deps"]
    command += [
        "--no-index",
        "--find-links",
        wheelhouse,
        "--only-binary",
        ":all:",
        "--require-hashes",
        "-r",
        requirements,
    ]
    try:
        with _scratch(cache) as folder:
            done = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=_SECONDS,
                check=False,
                env=dict(environment(), TMPDIR=folder, TEMP=folder, TMP=folder),
            )
    except subprocess.TimeoutExpired:
        raise FerryError(
            "FERRY-INSTALL-001",
            "%s did not finish in %d seconds and was ended; look at the disk, then run again." % (kind, _SECONDS),
        )
    if done.returncode != 0:
        said = " ".join(done.stdout.decode("utf-8", "replace").split())
        if says_disk_full(said):
            raise disk_full(os.path.dirname(os.path.dirname(python)), "installing")
        raise FerryError(
            "FERRY-INSTALL-001",
            "%s could not install the locked wheels: %s; the live release is as it was." % (kind, said[-800:]),
        )


@contextlib.contextmanager
def _scratch(cache):
    """A folder for what an installer makes for itself: in the host's own, what one that was killed leaves would stay."""
    folder = os.path.join(cache, "scratch")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        os.makedirs(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack_uv(wheel, cache):
    """The uv program out of its wheel, once for each wheel (the wheel's folder in the cache is named by its sha256)."""
    folder = os.path.join(cache, "tools", os.path.basename(os.path.dirname(wheel))[:12])
    program = os.path.join(folder, "uv.exe" if os.name == "nt" else "uv")
    if not os.path.exists(program):
        os.makedirs(folder, exist_ok=True)
        temporary = program + ".part"
        try:
            with naming(program), zipfile.ZipFile(wheel) as archive:
                suffix = ".data/scripts/" + os.path.basename(program)
                member = next((name for name in archive.namelist() if name.endswith(suffix)), None)
                if member is None:
                    raise FerryError(
                        "FERRY-INSTALL-001",
                        "%s holds no uv; set ferry_installer to pip, build the bundle again." % wheel,
                    )
                with archive.open(member) as reader, open(temporary, "wb") as writer:
                    shutil.copyfileobj(reader, writer)
            os.chmod(temporary, stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
            os.replace(temporary, program)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)
    return program


def _why_not(program, cache, python):
    """Why uv cannot install into the environment of ``python``, in its own words; None where it can."""
    command = [program, "pip", "freeze", "--python", python, "--cache-dir", os.path.join(cache, "uv"), "--quiet"]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False, env=environment()
        )
    except subprocess.TimeoutExpired:
        return "it did not answer within 60 seconds"
    except OSError as error:  # another machine's program, or a noexec mount
        return error.strerror
    said = " ".join(done.stdout.decode("utf-8", "replace").split())
    return None if done.returncode == 0 else said[-400:] or "it said nothing, exit code %d" % done.returncode
