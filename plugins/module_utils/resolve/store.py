# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheel store of a staging host: by content, so that a wheel is downloaded once, whatever asks for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from . import index, pylock, target
from ..bundle import files
from ..errors import FerryError, disk_full, says_disk_full
from ..profile import Profile

_UNREACHABLE = re.compile(
    r"(?i)(connection broken|connection refused|max retries|name resolution|failed to establish|timed out|SSLError|ProxyError)"
)
_UNREAD = re.compile(
    "Could not fetch URL .*(?= - skipping)|The repository located at .* is not a trusted or secure host"
)
_AT_ONCE = 4


def place(workdir: str, package: dict) -> str:
    """Where the wheel of ``package`` lies, or would."""
    return os.path.join(workdir, "store", package["sha256"], package["wheel"])


def missing(workdir: str, packages: list) -> list:
    """Those of ``packages`` whose wheel is not in the store."""
    return [package for package in packages if not os.path.exists(place(workdir, package))]


def fetch(workdir: str, profile: Profile, packages: list, pip: list, environment: dict) -> int:
    """Download what is missing with pip, for the profile's tags and by hash; the number of wheels that came.

    One pip for each wheel, a few at once: each is in the store as soon as it has come, so an interrupted build loses only those under way.
    """
    wanted = missing(workdir, packages)
    landing = os.path.join(workdir, "store", ".landing")
    shutil.rmtree(landing, ignore_errors=True)
    try:
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            jobs = [pool.submit(_fetch, workdir, profile, package, pip, environment) for package in wanted]
            try:
                for job in jobs:
                    job.result()
            finally:
                for job in jobs:
                    job.cancel()
    finally:
        shutil.rmtree(landing, ignore_errors=True)
    return len(wanted)


def _fetch(workdir, profile, package, pip, environment):
    folder = os.path.join(workdir, "store", ".landing", package["sha256"])
    os.makedirs(folder)
    listing = os.path.join(folder, "requirements.txt")
    with open(listing, "wb") as stream:
        stream.write(pylock.requirements([package]))
    command = pip + ["download", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-cache-dir", "--quiet"]
    log = os.path.join(folder, "pip.log")
    command += ["--log", log]
    command += [
        "--requirement",
        listing,
        "--dest",
        folder,
        "--implementation",
        "cp",
        "--python-version",
        profile.python,
    ]
    for abi in ("cp%d%d" % target.python_xy(profile), "abi3", "none"):
        command += ["--abi", abi]
    for platform in target.platforms(profile):
        command += ["--platform", platform]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True, env=environment, cwd=folder
    )
    if done.returncode != 0:
        raise _refusal(profile, package, done.stdout, _unread(log), environment, workdir)
    _keep(workdir, os.path.join(folder, package["wheel"]), package)


def _keep(workdir, landed, package):
    """Move one download to its place; the digest is looked at here too, because everything after this trusts the place."""
    if not os.path.exists(landed):
        raise FerryError(
            "FERRY-BUILD-001", "%s: pip brought no such file; lock again with ferry_lock_refresh." % package["wheel"]
        )
    digest = files.sha256_file(landed)
    if digest != package["sha256"]:
        raise _differs(package, digest)
    final = place(workdir, package)
    os.makedirs(os.path.dirname(final), exist_ok=True)
    os.replace(landed, final)


def check(workdir: str, package: dict) -> None:
    """Hash the stored wheel of ``package`` again; one that has changed is removed, so that the next run brings it anew."""
    path = place(workdir, package)
    digest = files.sha256_file(path)
    if digest != package["sha256"]:
        os.unlink(path)
        raise FerryError(
            "FERRY-BUILD-002",
            "%s: expected sha256 %s, found %s; it was removed, run prepare.yml again; suspect the disk."
            % (path, package["sha256"], digest),
        )


def _differs(package, found):
    return FerryError(
        "FERRY-BUILD-002",
        "%s: the lock says sha256 %s, the index served %s; do not use it."
        % (package["wheel"], package["sha256"], found),
    )


def _unread(log):
    """Why pip did not read the index, or nothing: it says that in its log alone, and aloud only that there is no such package."""
    if not os.path.exists(log):
        return ""
    with open(log, encoding="utf-8", errors="replace") as stream:
        reasons = _UNREAD.findall(stream.read())
    # Not found is an answer.
    return reasons[-1] if reasons and ": 404 " not in reasons[-1] else ""


def _refusal(profile, package, output, unread, environment, workdir):
    # pip's last error is the cause; what stands before it are its tries.
    text = " ".join(output.split())
    _tries, error, last = text.rpartition("ERROR:")
    reason = index.scrub(unread or error + last)[:300].rstrip(".")
    where = index.shown(environment) or "pip's default index"
    subject = "%s for profile %s" % (package["wheel"], profile.name)
    if says_disk_full(text):
        return disk_full(workdir, "downloading wheels")
    if "DO NOT MATCH THE HASHES" in text:
        return FerryError(
            "FERRY-BUILD-002",
            "%s: %s serves another file than was locked; do not use it: %s." % (subject, where, reason),
        )
    if unread or _UNREACHABLE.search(text):
        return FerryError(
            "FERRY-INDEX-001",
            "%s cannot be reached: %s; check pip's configuration (index, proxy, CA) or ferry_index_url."
            % (where, reason),
        )
    return FerryError(
        "FERRY-BUILD-001",
        "%s cannot be downloaded from %s: %s; lock again with ferry_lock_refresh." % (subject, where, reason),
    )
