# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare machine inside becomes the controller by what the bundle carries, as an ordinary user, and deploys without a way out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

testinfra_hosts = ["ssh://controller"]

HOME = "/home/ops"
PLACE = HOME + "/ferry-controller"
SERVERS = {"server-bookworm": "linux-py311", "server-trixie": "linux-py313"}
GUIDE = Path(__file__).resolve().parents[3] / "docs" / "kit.md"


class Controller:
    """The machine inside, and what its operator types there."""

    def __init__(self, lab):
        self.host = lab.host("controller")
        # From the builder, by another way than the disk.
        self.id = lab.host("staging").check_output("sha256sum /srv/ferry/bundles/*/manifest.json").split()[0]
        self.bundle = self.host.check_output("ls -d /media/ferry/lab-*/ | tail -1").rstrip("/")

    def guide(self, number):
        """A block of commands in docs/kit.md, for this machine."""
        block = re.findall("^```bash\n(.*?)^```", GUIDE.read_text(), re.M | re.S)[number]
        assert "/media/ferry/tf-1795363200" in block or number
        block = block.replace("/media/ferry/tf-1795363200", self.bundle).replace("0123456789abcdef" * 4, self.id)
        return block.replace("/opt/ferry-controller", PLACE)

    def command(self, identity=None):
        return "python3 %s/kit/setup_kit.py --bundle-id %s --to %s" % (self.bundle, identity or self.id, PLACE)

    def set_up(self, identity):
        return self.host.run(self.command(identity))

    def typed(self, commands):
        # No shell option helps: the page has to stop by itself.
        done = self.host.run("bash -c %s", commands)
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return done

    def set_up_and_be_killed(self):
        """With all that it started, as soon as there is a half-made environment."""
        wait = "for try in $(seq 200); do ls %s/releases/*/lib && break; sleep 0.05; done" % PLACE
        return self.host.run("setsid %s & %s; kill -9 -- -$!; wait $!" % (self.command(), wait))

    def deploy(self, *more):
        """The guide's last command, or with ``--check`` the one before."""
        setting, dry, real = self.guide(1).splitlines()
        return self.typed("cd ~ && %s && %s %s" % (setting, dry if more == ("--check",) else real, " ".join(more)))

    def everything(self):
        return self.host.check_output("find %s -printf '%%p %%T@ %%l\\n' | sort" % HOME)


def changed(done):
    return {host: int(count) for host, count in re.findall(r"^(\S+)\s+: ok=\d+ +changed=(\d+)", done.stdout, re.M)}


@pytest.fixture(scope="module")
def story(lab):
    """From a bare machine to a deployed fleet, once, with what was seen on the way."""
    controller = Controller(lab)
    told = {"controller": controller, "bare": controller.everything()}
    told["another id"] = controller.set_up("0" * 64)
    told["another id typed"] = controller.typed(controller.guide(0).replace(controller.id, "0" * 64))
    told["after another id"] = controller.everything()
    told["killed"] = controller.set_up_and_be_killed()
    told["after the kill"] = controller.host.run("ls -A %s %s/releases" % (PLACE, PLACE)).stdout.split()
    told["set up"] = controller.typed(controller.guide(0))
    told["made"] = controller.everything()
    told["again"] = controller.typed(controller.guide(0))
    told["made again"] = controller.everything()
    told["foretold"] = controller.deploy("--check")
    told["live before"] = {name: lab.live(name) for name in SERVERS}
    told["deployed"] = controller.deploy("-e", "ferry_change=CHG-KIT")
    told["foretold again"] = controller.deploy("--check")
    told["deployed again"] = controller.deploy("-e", "ferry_change=CHG-KIT")
    return told


def test_the_machine_is_bare_and_cut_off(host, lab, story):
    """What it has now, it can only have from the disk."""
    assert "ferry-controller" not in story["bare"]
    for module in ("pip", "ensurepip", "ansible", "yaml", "jinja2"):
        assert host.run("/usr/bin/python3 -c 'import %s'" % module).rc != 0, module
    assert host.check_output("ip -4 route show default; ip -6 route show default") == ""
    assert host.run("getent hosts %s", lab.index()[1]).rc != 0
    assert host.check_output("id --user") != "0"


def test_another_id_is_refused_and_nothing_is_written(story):
    refused = story["another id"]
    assert refused.rc == 1 and refused.stdout == ""
    assert refused.stderr.startswith("setup_kit: FERRY-KIT-005: ") and refused.stderr.count("\n") == 1, refused.stderr
    assert story["another id typed"].rc == 1 and story["another id typed"].stdout == "manifest.json: FAILED\n"
    assert story["after another id"] == story["bare"]


def test_after_a_kill_it_converges_and_again_nothing_changes(story):
    assert story["killed"].rc == 137 and "current" not in story["after the kill"], story["after the kill"]
    assert story["set up"].rc == 0, story["set up"].stderr
    half_made = [name for name in story["after the kill"] if re.fullmatch("[0-9a-f]{12}", name)]
    assert half_made, "the kill came before anything was made"
    assert story["again"].rc == 0 and "nothing changed" in story["again"].stdout
    assert story["made again"] == story["made"]


def test_it_is_the_locked_ansible_core_and_this_collection(host, story):
    manifest = json.loads(host.file(story["controller"].bundle + "/manifest.json").content_string)
    (wheel,) = [name for name in manifest["profiles"]["ferry-kit"]["wheels"] if name.startswith("ansible_core-")]
    said = host.check_output(PLACE + "/current/bin/ansible --version")
    assert "core %s]" % wheel.split("-")[1] in said
    assert not [name for name in manifest["profiles"]["ferry-kit"]["wheels"] if name.startswith("six-")]
    listed = host.check_output(
        "ANSIBLE_CONFIG=%s/ansible.cfg %s/current/bin/ansible-galaxy collection list" % (PLACE, PLACE)
    )
    (archive,) = [path for path in manifest["files"] if path.startswith("kit/airgap-ferry-")]
    assert re.search(r"airgap\.ferry +%s\b" % re.escape(archive[len("kit/airgap-ferry-") : -len(".tar")]), listed)


def test_it_deploys_and_a_dry_run_had_said_so(lab, story):
    assert story["foretold"].rc == 0, story["foretold"].stdout
    assert all(changed(story["foretold"])[name] for name in SERVERS)
    assert story["live before"] == dict.fromkeys(SERVERS)
    assert story["deployed"].rc == 0, story["deployed"].stdout
    for name, profile in SERVERS.items():
        assert lab.live(name).startswith(profile + "-")
        done = lab.host(name).run("/opt/ferry/current/bin/python -c 'import six; print(six.__version__)'")
        assert done.stdout.strip() == "1.17.0"
    for again in ("foretold again", "deployed again"):
        assert story[again].rc == 0 and set(changed(story[again]).values()) == {0}, story[again].stdout


def test_the_record_lies_on_the_controller_and_is_finished(host, lab, story):
    record = json.loads(host.file(HOME + "/records/CHG-KIT/record.json").content_string)
    first = record["runs"][0]
    assert first["status"] == "succeeded" and first["bundle"]["id"] == story["controller"].id
    assert {name: entry["after"] for name, entry in first["hosts"].items()} == {
        name: lab.live(name) for name in SERVERS
    }
    assert "CHG-KIT" in host.file(HOME + "/records/CHG-KIT/record.html").content_string
