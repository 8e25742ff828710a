# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small facts of the host that the collection judges by; each is None where it cannot be measured, never guessed."""

from __future__ import annotations

import os
import shutil

try:
    import winreg
except ImportError:  # only Windows has a registry
    winreg = None

# Flags of a route in the kernel's tables (linux/route.h): by way of a gateway; refused.
_GATEWAY, _REJECT = 0x2, 0x200


def routes():
    """How many routes lead beyond the networks that this host is itself on (IPv4 and IPv6): by a gateway, or a default. 0 is cut off."""
    count = 0
    try:
        with open("/proc/net/route", encoding="ascii") as stream:
            for fields in map(str.split, stream.read().splitlines()[1:]):
                count += _leads_out(fields[0], int(fields[3], 16), default=int(fields[7], 16) == 0)
    except OSError:
        return None
    try:
        with open("/proc/net/ipv6_route", encoding="ascii") as stream:
            for fields in map(str.split, stream):
                count += _leads_out(fields[-1], int(fields[8], 16), default=int(fields[1], 16) == 0)
    except OSError:  # a kernel without IPv6
        return count
    return count


def _leads_out(device, flags, default):
    return device != "lo" and not flags & _REJECT and bool(flags & _GATEWAY or default)


def has_avx():
    """True or False by the flags of the first processor; None where the system does not tell."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if line.startswith("flags"):
                    return "avx" in line.split(":", 1)[1].split()
    except OSError:
        return None
    return None


def nearest(path: str) -> str:
    """``path``, or the first of the folders above it that is there; a link that leads nowhere is there."""
    path = os.path.abspath(path)
    while not os.path.lexists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def file_system(path: str) -> dict:
    """The one that ``path`` lies on, or will: ``{"device", "free_bytes", "free_inodes", "noexec", "read_only"}``, for this user."""
    found = dict.fromkeys(("device", "free_bytes", "free_inodes", "noexec", "read_only"))
    there = nearest(path)
    try:
        found["device"] = os.stat(there).st_dev
        if not hasattr(os, "statvfs"):
            return dict(found, free_bytes=shutil.disk_usage(there).free)
        status = os.statvfs(there)
    except OSError:
        return found
    return dict(
        found,
        free_bytes=status.f_bavail * status.f_frsize,
        # A file system that makes inodes as it goes (btrfs) counts none.
        free_inodes=status.f_favail if status.f_files else None,
        # Of this mount: a bind mount has flags of its own.
        noexec=bool(status.f_flag & os.ST_NOEXEC) if hasattr(os, "ST_NOEXEC") else None,
        read_only=bool(status.f_flag & os.ST_RDONLY),
    )


def selinux():
    """enforcing, permissive or disabled; None where it cannot be seen, as in a container, and on Windows."""
    if os.name == "nt":  # where a compatibility layer may show the files of what lies under it
        return None
    state = text("/sys/fs/selinux/enforce")
    if state is not None:
        return {"0": "permissive", "1": "enforcing"}.get(state.strip())
    kernel = text("/proc/filesystems")
    return "disabled" if kernel is not None and "selinuxfs" not in kernel.split() else None


def text(path: str):
    """What the file at ``path`` says; None where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


def long_paths():
    """Whether Windows lets programs use paths of more than 259 characters; None elsewhere."""
    if winreg is None:
        return None
    return registry(r"SYSTEM\CurrentControlSet\Control\FileSystem", "LongPathsEnabled") == 1


def registry(key: str, name: str):
    """A value under HKEY_LOCAL_MACHINE of Windows; None where there is none."""
    if winreg is None:
        return None
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:
            return winreg.QueryValueEx(opened, name)[0]
    except OSError:
        return None
