# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of real hosts on one machine: own addresses, own filesystems, systemd and ssh, and no way out for those inside.

::

    lab.py why-not                              one sentence, where this machine cannot run a lab; nothing where it can
    lab.py up FOLDER NAME=IMAGE [NAME=IMAGE …]  images where missing, networks, hosts, FOLDER/ssh_config
    lab.py stop|start FOLDER NAME               one host goes down, and comes back under its address
    lab.py down FOLDER                          takes all of it away, the images stay

Every host is on the inside network, which has no route and no DNS; only those of :data:`images.OUTSIDE` are not: they have this machine's
network. ``FOLDER`` holds the lab's key, ``ssh_config``, pip's settings for staging and ``media``, the disk that is carried.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import hashlib
import ipaddress
import json
import os
import shutil
import socket
import sys
import time
from pathlib import Path

import images
from images import CACHE, OUTSIDE, RESOURCES, USER, USER_ID, LabError, podman, run

# This machine's own address on the inside network, where it stands in for the inside controller.
_CONTROLLER = -2
_FIRST_HOST = 11
_SSH_SECONDS = 60
# Each systemd holds some of root's inotify instances, and so does each gpg-agent. With the kernel's 128 a host soon hangs in its boot.
_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_INSTANCES = 1024


def main(arguments=None):
    """Run one command; 0 where all went well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("why-not", help="say why this machine cannot run a lab; nothing where it can")
    up = commands.add_parser("up", help="bring a lab up")
    up.add_argument("folder", type=Path)
    up.add_argument("hosts", nargs="+", metavar="NAME=IMAGE")
    up.add_argument(
        "--ordinary", action="store_true", help="an inside network like any other: to see the cut-off tests fail"
    )
    for name in ("start", "stop"):
        one = commands.add_parser(name, help="%s one host" % name)
        one.add_argument("folder", type=Path)
        one.add_argument("host")
    commands.add_parser("down", help="take a lab away").add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    try:
        if options.command == "why-not":
            reason = why_not()
            if reason:
                print(reason)
            return 0
        lab = Lab(options.folder)
        if options.command == "up":
            lab.up(dict(item.split("=", 1) for item in options.hosts), options.ordinary)
        elif options.command == "down":
            lab.down()
        else:
            getattr(lab, options.command)(options.host)
    except LabError as error:
        print("lab: %s." % error, file=sys.stderr)
        return 1
    return 0


def why_not():
    """Why this machine cannot run a lab, as one sentence without a full stop; None where nothing is known against it."""
    if sys.platform != "linux":
        return "the lab needs Linux, this is %s" % sys.platform
    if os.geteuid() != 0:
        return "the lab needs root (hosts with systemd), this is user %d" % os.geteuid()
    if shutil.which("apt-get") is None:
        return "the lab installs podman and mmdebstrap with apt-get, which was not found"
    try:
        images.install_packages()
        # What a container needs of the kernel, and a sandbox may withhold.
        run(["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "true"])
        run(["iptables", "--list", "--numeric"])
    except LabError as error:
        return str(error)
    return None


class Lab:
    """One lab, known by its folder."""

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        # Networks and hosts of two folders never meet.
        self._prefix = "ferry-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:6]
        self._key = self.folder / "key"
        self._state = self.folder / "lab.json"

    def up(self, hosts, ordinary=False):
        """Bring up ``{name: image}``; what was there under this folder is taken away first."""
        unknown = sorted(set(hosts.values()) - set(images.IMAGES))
        if unknown:
            raise LabError("unknown image %s; there are %s" % (", ".join(unknown), ", ".join(sorted(images.IMAGES))))
        reason = why_not()
        if reason:
            raise LabError(reason)
        tags = images.ensure(sorted(set(hosts.values())))
        # Where the kernel's settings are not ours to change, as in some containers, what it allows may still do.
        with contextlib.suppress(OSError):
            if int(_INOTIFY.read_text()) < _INSTANCES:
                _INOTIFY.write_text(str(_INSTANCES))
        self.down()
        started = time.monotonic()
        self._make_folder()
        outside = self._network("outside")
        inside = self._network("inside") if ordinary else self._network("inside", "--internal", "--disable-dns")
        addresses = {
            name: (outside if image in OUTSIDE else inside)["hosts"][_FIRST_HOST + number]
            for number, (name, image) in enumerate(sorted(hosts.items()))
        }
        within = {name: address for name, address in addresses.items() if hosts[name] not in OUTSIDE}
        with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
            jobs = [
                pool.submit(self._start_new, name, image, tags[image], addresses[name], within)
                for name, image in sorted(hosts.items())
            ]
            for job in jobs:
                job.result()
        self._write_ssh_config(addresses)
        own = (
            {}
            if ordinary or not within
            else {"address": str(inside["hosts"][_CONTROLLER]), "device": inside["interface"]}
        )
        known = {"addresses": {name: str(address) for name, address in addresses.items()}, "controller": own}
        self._state.write_text(json.dumps(known))
        self._reach_inside()
        for name, address in addresses.items():
            _wait_for_ssh(name, address)
        print("lab: %d hosts up in %.1f s, in %s" % (len(hosts), time.monotonic() - started, self.folder), flush=True)

    def stop(self, host):
        """Take one host down, at once, as a power cut does."""
        podman("kill", self._name(host))
        podman("wait", self._name(host))

    def start(self, host):
        """Bring a stopped host back under the address that it had."""
        podman("start", self._name(host))
        # The network's device goes with its last host, and this machine's address on it.
        self._reach_inside()
        _wait_for_ssh(host, json.loads(self._state.read_text())["addresses"][host])

    def down(self):
        """Take the lab away; nothing happens where there is none."""
        if shutil.which("podman") is None:
            return
        label = "label=lab=%s" % self._prefix
        containers = podman("ps", "--all", "--quiet", "--filter", label).split()
        if containers:
            podman("rm", "--force", "--volumes", "--time=0", *containers)
        for network in podman("network", "ls", "--quiet", "--filter", label).split():
            podman("network", "rm", network)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _name(self, host):
        return "%s-%s" % (self._prefix, host)

    def _make_folder(self):
        (self.folder / "media").mkdir(parents=True)
        (self.folder / "records").mkdir()
        (CACHE / "staging").mkdir(parents=True, exist_ok=True)
        for path in (self.folder / "media", CACHE / "staging"):
            os.chown(path, USER_ID, USER_ID)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(self._key)])
        self._write_pip_settings()

    def _write_pip_settings(self):
        """The staging host asks the index that this machine's pip asks, with its CA, proxy and time limits."""
        listing = run([sys.executable, "-m", "pip", "config", "list"])
        found = {}
        for line in listing.splitlines():
            name, _equals, value = line.partition("=")
            found[name.rpartition(".")[2]] = value.strip("'\"")
        kept = {key: found[key] for key in ("index-url", "proxy", "trusted-host", "timeout", "retries") if key in found}
        authorities = found.get("cert") or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
        if authorities:
            shutil.copyfile(authorities, self.folder / "ca.pem")
            kept["cert"] = "/etc/ssl/lab-ca.pem"
        text = "[global]\n" + "".join("%s = %s\n" % item for item in sorted(kept.items()))
        (self.folder / "pip.conf").write_text(text)
        # An index's address may carry a password.
        (self.folder / "pip.conf").chmod(0o600)
        os.chown(self.folder / "pip.conf", USER_ID, USER_ID)

    def _network(self, name, *how):
        full = self._name(name)
        podman("network", "create", *how, "--label=lab=%s" % self._prefix, full)
        (found,) = json.loads(podman("network", "inspect", full))
        hosts = list(ipaddress.ip_network(found["subnets"][0]["subnet"]).hosts())
        return {"interface": found["network_interface"], "hosts": hosts}

    def _start_new(self, name, image, tag, address, within):
        side = "outside" if image in OUTSIDE else "inside"
        mounts = {"%s.pub" % self._key: "/etc/ssh/lab.pub:ro"}
        if image in ("staging", "depot", "controller"):
            mounts[str(self.folder / "media")] = "/media/ferry"
        if image == "depot":
            mounts[str(RESOURCES / "nginx.conf")] = "/etc/nginx/sites-enabled/default:ro"
        if image in OUTSIDE:
            mounts[str(self.folder / "pip.conf")] = "/etc/pip.conf:ro"
            # Wheels that were downloaded once need not come again.
            mounts[str(CACHE / "staging")] = "/home/%s/.cache" % USER
            if (self.folder / "ca.pem").exists():
                mounts[str(self.folder / "ca.pem")] = "/etc/ssl/lab-ca.pem:ro"
        # --systemd=true: as always where the image starts an init, not at all where it starts ssh alone.
        command = ["run", "--detach", "--systemd=true", "--label=lab=%s" % self._prefix, "--name=%s" % self._name(name)]
        command += ["--hostname=%s" % name, "--network=%s" % self._name(side), "--ip=%s" % address]
        command += ["--volume=%s:%s" % mount for mount in mounts.items()]
        if side == "inside":
            command += ["--add-host=%s:%s" % item for item in sorted(within.items()) if item[0] != name]
        podman(*command, tag)

    def _reach_inside(self):
        """Give this machine its address on the inside network, which has none for it."""
        own = json.loads(self._state.read_text())["controller"]
        if own:
            run(["ip", "address", "replace", "%s/24" % own["address"], "dev", own["device"]])

    def _write_ssh_config(self, addresses):
        blocks = ["Host %s\n  HostName %s\n" % (name, address) for name, address in sorted(addresses.items())]
        common = "  User %s\n  IdentityFile %s\n  UserKnownHostsFile %s\n" % (
            USER,
            self._key,
            self.folder / "known_hosts",
        )
        common += "  StrictHostKeyChecking accept-new\n  LogLevel ERROR\n"
        (self.folder / "ssh_config").write_text("".join(blocks) + "Host *\n" + common)


def _wait_for_ssh(name, address):
    limit = time.monotonic() + _SSH_SECONDS
    while True:
        try:
            with socket.create_connection((str(address), 22), timeout=2) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        if time.monotonic() > limit:
            raise LabError("%s (%s) does not answer on port 22 after %d s" % (name, address, _SSH_SECONDS))
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
