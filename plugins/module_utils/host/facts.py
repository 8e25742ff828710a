# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small facts of the host that the collection judges by; each is None where it cannot be measured, never guessed."""

from __future__ import annotations

import os


def routes():
    """How many routes this host has that lead anywhere but itself (IPv4 and IPv6); 0 is a cut-off host."""
    count = 0
    try:
        with open("/proc/net/route", encoding="ascii") as stream:
            count += sum(1 for line in stream.read().splitlines()[1:] if line.split()[0] != "lo")
    except OSError:
        return None
    try:
        with open("/proc/net/ipv6_route", encoding="ascii") as stream:
            count += sum(1 for line in stream if line.split()[-1] != "lo")
    except OSError:  # a kernel without IPv6
        return count
    return count


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


def free_bytes(path: str):
    """Space for this user on the file system that ``path`` lies on, or will."""
    path = os.path.abspath(path)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    status = os.statvfs(path) if hasattr(os, "statvfs") else None
    return status.f_bavail * status.f_frsize if status else None
