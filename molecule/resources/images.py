# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's images: Debian releases made by mmdebstrap from the mirror that this machine's apt is configured with, kept by podman.

No container registry is asked. Everything is kept under the user's cache folder, so a second start is seconds.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import os
import subprocess
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "airgap.ferry" / "lab"
RESOURCES = Path(__file__).resolve().parent
USER = "ops"
USER_ID = 1000

# What the lab needs of this machine, installed where missing. podman with runc (crun fails under hybrid cgroups), netavark for
# networks, mmdebstrap for images, ssh to go in.
PACKAGES = ("podman", "runc", "netavark", "aardvark-dns", "conmon", "iptables", "mmdebstrap", "openssh-client")

# A host has an init, ssh, Python and what shows its network. No pip, no venv package, no compiler: as bare as a hardened server.
_REACHED = ("openssh-server", "python3", "iproute2")
_HOST = ("systemd", "systemd-sysv", "dbus", *_REACHED)
_STAGING = (*_REACHED, "gnupg", "python3-venv", "ca-certificates")
# image: (Debian releases, the first that can be had is taken; packages)
IMAGES = {
    "bullseye": (("bullseye",), _HOST),  # Python 3.9
    "bookworm": (("bookworm",), _HOST),  # Python 3.11
    "trixie": (("trixie",), _HOST),  # Python 3.13
    "depot": (("bookworm",), (*_HOST, "gnupg", "nginx-light")),
    # As bare as a server: what else a controller needs, the kit brings.
    "controller": (("bookworm",), (*_HOST, "openssh-client")),
    # Another Python than any host's. Debian's next release is not on every mirror: then the newest stable one. Without an init:
    # systemd of 2025 and newer refuses to run where the kernel gives cgroups of version 1.
    "staging": (("forky", "trixie"), _STAGING),
    # With another system and another Python (3.11): what both build is the same.
    "staging-bookworm": (("bookworm",), _STAGING),
}
# These have this machine's network, and its pip's settings; all others are inside.
OUTSIDE = ("staging", "staging-bookworm")
_INIT = ["/sbin/init"]
_SSH_ALONE = ["/bin/sh", "-c", "mkdir -p /run/sshd && ssh-keygen -A && exec /usr/sbin/sshd -D"]

# Run in each new root: an ordinary user who owns what the inventory names, its key from the lab, ssh host keys made at the
# first start (not shared by all hosts), and no package lists.
_HOOK = f"""
chroot "$1" useradd --create-home --uid {USER_ID} --shell /bin/bash {USER}
for folder in /opt/ferry /srv/ferry /srv/depot /media/ferry; do
  mkdir -p "$1$folder" && chroot "$1" chown {USER} "$folder"
done
printf 'AuthorizedKeysFile /etc/ssh/lab.pub\\nPasswordAuthentication no\\nUseDNS no\\n' > "$1/etc/ssh/sshd_config.d/lab.conf"
rm -f "$1"/etc/ssh/ssh_host_*
mkdir -p "$1/etc/systemd/system/ssh.service.d"
printf '[Service]\\nExecStartPre=\\nExecStartPre=/usr/bin/ssh-keygen -A\\nExecStartPre=/usr/sbin/sshd -t\\n' \\
  > "$1/etc/systemd/system/ssh.service.d/lab.conf"
rm -f "$1/etc/hostname" "$1/etc/resolv.conf"
"""


class LabError(Exception):
    """One sentence for the person who runs the lab."""


def run(command, **options):
    """Run a program to its end; :class:`LabError` with its last words where it fails. Its standard output is returned."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    except FileNotFoundError:
        raise LabError("%s was not found" % command[0]) from None
    if done.returncode != 0:
        said = " ".join((done.stderr + done.stdout).split())
        raise LabError("%s failed: %s" % (" ".join(map(str, command[:6])), said[-400:] or "it said nothing"))
    return done.stdout


def podman(*arguments):
    """Run podman with the lab's own storage, networks and settings; the user's own containers are not seen and not touched."""
    environment = dict(os.environ, CONTAINERS_CONF=str(RESOURCES / "containers.conf"))
    places = ["--root", str(CACHE / "containers"), "--runroot", "/run/airgap.ferry", "--network-config-dir"]
    return run(["podman", *places, str(CACHE / "networks"), *arguments], env=environment)


def install_packages():
    """Have apt install those of :data:`PACKAGES` that this machine lacks."""
    have = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    missing = [name for name in PACKAGES if "%s installed" % name not in have]
    if not missing:
        return
    print("lab: installing %s with apt ..." % ", ".join(missing), flush=True)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    run(["apt-get", "update", "--quiet"], env=environment)
    run(["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing], env=environment)


def ensure(names):
    """Have the images ``names``, making those that are missing two at a time; ``{name: tag}``."""
    CACHE.mkdir(parents=True, exist_ok=True)
    have = {tag for image in json.loads(podman("images", "--format=json") or "[]") for tag in image.get("Names") or []}
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(names, pool.map(lambda name: _ensure(name, have), names)))


def _ensure(name, have):
    suites, packages = IMAGES[name]
    tags = {suite: _tag(name, suite, packages) for suite in suites}
    for tag in tags.values():
        if tag in have:
            return tag
    for suite, tag in tags.items():
        print("lab: making the image %s from Debian %s ..." % (name, suite), flush=True)
        try:
            _make(suite, packages, tag)
            for old in have:  # of an earlier definition
                if old.startswith(tag.rpartition(":")[0] + ":"):
                    podman("rmi", "--force", old)
            return tag
        except LabError as error:
            failure = error
            print("lab: %s" % error, flush=True)
    raise LabError("the image %s cannot be made: %s; check this machine's apt sources" % (name, failure))


def _tag(name, suite, packages):
    # A changed definition is another image.
    digest = hashlib.sha256(repr((suite, packages, _HOOK, _INIT, _SSH_ALONE)).encode()).hexdigest()[:12]
    return "localhost/airgap-ferry/%s-%s:%s" % (name, suite, digest)


def _make(suite, packages, tag):
    archive = CACHE / ("%s.tar" % tag.replace("/", "_").replace(":", "_"))
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--include=%s" % ",".join(packages)]
    # A mirror that lags behind serves a testing release whose date has run out; its signature is checked all the same.
    command += ["--aptopt=Acquire::Check-Valid-Until false", "--aptopt=Acquire::Languages none"]
    try:
        run([*command, "--customize-hook=%s" % _HOOK, suite, str(archive), _mirror()])
        start = _INIT if "systemd" in packages else _SSH_ALONE
        podman("import", "--change=CMD %s" % json.dumps(start), str(archive), tag)
    finally:
        archive.unlink(missing_ok=True)


def _mirror():
    """The Debian mirror of this machine's own apt sources; FERRY_LAB_MIRROR where apt has none (another distribution)."""
    if os.environ.get("FERRY_LAB_MIRROR"):
        return os.environ["FERRY_LAB_MIRROR"]
    form = "$(LABEL)|$(COMPONENT)|$(CODENAME)|$(REPO_URI)"
    for line in run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"]).splitlines():
        label, component, suite, address = line.split("|")
        if label == "Debian" and component == "main" and "-" not in suite:
            return address
    raise LabError("no Debian mirror in this machine's apt sources; name one in FERRY_LAB_MIRROR")
