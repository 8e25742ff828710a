# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is, as far as the choice of its profile hangs on it. It reads only; what cannot be measured is None, never guessed."""

from __future__ import annotations

import ctypes
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys

from . import facts, gpu
from .python import environment, numbers

# For one interpreter, and for the driver.
_SECONDS = 20
_OLDEST = (3, 8)
_MINORS = range(20, _OLDEST[1] - 1, -1)
# As profiles call them, by what systems call them.
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
# What compiled wheels ask for, with the numbers by which Windows is asked (winnt.h; it has none for FMA).
_FLAGS = {"avx": 39, "avx2": 40, "fma": None, "avx512f": 41}
# Where interpreters lie that are not on PATH: built into /opt (also conda's), of pyenv, of the Windows installer.
_ELSEWHERE = (
    "/opt/*/bin/python3.*",
    "/opt/rh/*/root/usr/bin/python3.*",
    "~/.pyenv/versions/*/bin/python3.*",
    "C:/Python3*/python.exe",
    "C:/Program Files/Python3*/python.exe",
    "~/AppData/Local/Programs/Python/Python3*/python.exe",
)
# Asked of each interpreter, so it runs on any Python 3. The marker names are those of PEP 508.
_QUESTIONS = r"""
import importlib, importlib.util, json, os, platform, sys, sysconfig
def whole(*names):
    try:
        for name in names:
            importlib.import_module(name)
    except Exception:
        return False
    return True
info = sys.implementation.version
version = "%d.%d.%d" % info[:3]
if info.releaselevel != "final":
    version += info.releaselevel[0] + str(info.serial)
tag = None
if sys.implementation.name == "cpython":
    own = "cp%d%d" % sys.version_info[:2]
    # The ABI of a free-threaded build, and of a debug build, which the wheels of ordinary ones do not fit.
    abi = own + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else "") + ("d" if hasattr(sys, "gettotalrefcount") else "")
    tag = "%s-%s-%s" % (own, abi, sysconfig.get_platform().replace("-", "_").replace(".", "_"))
print(json.dumps({
    "tag": tag,
    "base": os.path.realpath(sys.base_prefix),
    "version": platform.python_version(),
    "implementation": sys.implementation.name,
    "bits": 64 if sys.maxsize > 2**32 else 32,
    "libc": "-".join(platform.libc_ver()).strip("-") or None,
    # Found and not imported: importing it would run it.
    "venv": whole("venv") and importlib.util.find_spec("venv.__main__") is not None,
    "ensurepip": whole("ensurepip"),
    "distutils": whole("distutils.core", "distutils.command.install") if sys.version_info < (3, 12) else None,
    "markers": {
        "implementation_name": sys.implementation.name,
        "implementation_version": version,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": "%d.%d" % sys.version_info[:2],
        "sys_platform": sys.platform,
    },
}))
"""


def survey(root, python) -> dict:
    """What this host is, seen by this user. ``root``: where releases will lie; ``python``: ferry_python; each may be None.

    Sizes are in bytes, a GPU's memory in MiB. The keys are those of host_info's RETURN.
    """
    machine = platform.machine().lower()
    return {
        "os": {"nt": "windows"}.get(os.name, platform.system().lower()),
        "arch": _ARCHITECTURES.get(machine, machine) or None,
        "libc": libc(),
        "distribution": distribution(),
        "kernel": platform.release() or None,
        "cpu": cpu(),
        "memory_bytes": memory_bytes(),
        "root": room(root),
        "selinux": facts.selinux(),
        "long_paths": facts.long_paths(),
        "driver": driver(),
        "named_python": python,
        "pythons": interpreters(python),
    }


def interpreters(named) -> list:
    """Every Python from 3.8 on that answers, once each, in the order in which deploy.yml looks for them.

    ``origin``: "named" (ferry_python), "path" (found without it) or "elsewhere" (it must be named to be used). ``venv``: whether
    ``-m venv --without-pip`` can run, which needs no ensurepip; ``distutils``: whether it is whole, None from 3.12 on, which has none.
    """
    found, seen = [], set()
    for origin, path in _candidates(named):
        answer = _ask(path)
        if answer is None or numbers(answer["version"]) < _OLDEST:
            continue
        # An environment is the installation that it was made from: a release on either is the same.
        installation = (os.path.normcase(answer.pop("base")), answer["implementation"], answer["version"])
        if installation not in seen:
            seen.add(installation)
            found.append(dict(answer, path=path, origin=origin))
    return found


def _candidates(named):
    """``(origin, path)`` of what may be an interpreter; a file that several names lead to is given once."""
    usual = []
    for minor in _MINORS:
        name = "python3.%d" % minor
        usual += [shutil.which(name), "/usr/bin/" + name, "/usr/local/bin/" + name]
    usual += [sys.executable, shutil.which("python3")]
    elsewhere = [shutil.which("python")] if os.name == "nt" else []
    for pattern in _ELSEWHERE:
        elsewhere += sorted(glob.glob(os.path.expanduser(pattern)))
    given = set()
    for origin, paths in (("named", [named]), ("path", usual), ("elsewhere", elsewhere)):
        for path in paths:
            # pythonX.Y-config and the like lie beside the interpreters.
            if not path or not os.path.isfile(path) or (origin == "elsewhere" and not _is_name(path)):
                continue
            # Not by its target: an environment's python and what it was made from are different answers.
            if os.path.abspath(path) not in given:
                given.add(os.path.abspath(path))
                yield origin, path


def _is_name(path):
    return re.fullmatch(r"python(3\.[0-9]+)?(\.exe)?", os.path.basename(path).lower()) is not None


def _ask(path):
    try:
        done = subprocess.run(
            [path, "-I", "-c", _QUESTIONS],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
            env=environment(),
        )
        answer = json.loads(done.stdout.decode("utf-8")) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return answer if isinstance(answer, dict) and "markers" in answer else None


def libc():
    """``glibc-2.36`` or ``musl-1.2.3`` of the host; None on Windows and where neither says who it is."""
    if os.name == "nt":
        return None
    try:
        name, _space, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        if name == "glibc":
            return "glibc-" + version
    except (AttributeError, OSError, ValueError):  # another libc does not know the question
        pass
    return _musl()


def _musl():
    for loader in sorted(glob.glob("/lib/ld-musl-*.so.1")):
        try:
            # Run without arguments it says who it is, and fails.
            said = subprocess.run([loader], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=5, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        version = re.search(r"^Version ([0-9.]+)", said.stderr.decode("ascii", "replace"), re.M)
        if version:
            return "musl-" + version.group(1)
    return None


def distribution() -> dict:
    """``{"name": "Debian GNU/Linux", "version": "12"}``."""
    if os.name == "nt":
        release, version = platform.win32_ver()[:2]
        return {"name": "Windows " + release if release else None, "version": version or None}
    text = facts.text("/etc/os-release") or facts.text("/usr/lib/os-release") or ""
    said = dict(re.findall(r"^([A-Z_]+)=[\"']?(.*?)[\"']?$", text, re.M))
    return {"name": said.get("NAME"), "version": said.get("VERSION_ID")}


def cpu() -> dict:
    """``{"model", "count": logical processors, "flags": {"avx", "avx2", "fma", "avx512f"}}``."""
    text = facts.text("/proc/cpuinfo") or ""
    model = re.search(r"^model name\s*:\s*(.+?)\s*$", text, re.M)
    flags = re.search(r"^flags\s*:(.*)$", text, re.M)
    known = dict.fromkeys(_FLAGS)
    if os.name == "nt" and platform.machine().lower() == "amd64":
        has = ctypes.windll.kernel32.IsProcessorFeaturePresent
        known = {name: bool(has(number)) if number else None for name, number in _FLAGS.items()}
    elif flags:
        known = {name: name in flags.group(1).split() for name in _FLAGS}
    name = (
        model.group(1)
        if model
        else facts.registry(r"HARDWARE\DESCRIPTION\System\CentralProcessor\0", "ProcessorNameString")
    )
    return {"model": name.strip() if name else None, "count": os.cpu_count(), "flags": known}


def memory_bytes():
    """All of the host's memory."""
    if os.name == "nt":
        # MEMORYSTATUSEX: two 32-bit numbers, then seven of 64 bits, the first of them ullTotalPhys.
        status = (ctypes.c_uint64 * 8)(64)
        return int(status[1]) if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def room(root) -> dict:
    """The file system that ``root`` lies on, or will: ``{"path", "free_bytes", "free_inodes", "noexec"}``, for this user."""
    found = facts.file_system(root) if root else {}
    return dict({name: found.get(name) for name in ("free_bytes", "free_inodes", "noexec")}, path=root)


def driver() -> dict:
    """The NVIDIA driver: ``{"outcome": "ok" | "absent" | "failed" | "timeout", "reason", "version", "devices": [{"name", "memory_mib"}]}``."""
    found = gpu.driver(_SECONDS)
    devices = found["devices"]
    return {
        "outcome": found["outcome"],
        "reason": found["reason"],
        "version": devices[0]["driver_version"] if devices else None,
        "devices": [
            {
                "name": device["name"],
                # "[N/A]" where the driver cannot tell.
                "memory_mib": int(device["memory_total"]) if device["memory_total"].isdigit() else None,
            }
            for device in devices
        ],
    }
