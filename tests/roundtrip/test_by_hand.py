# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/by-hand.md, run as it is written: it installs a good bundle, and stops at a changed one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "by-hand.md"


BLOCKS = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.M | re.S)
# What is for a bundle of another kind stands in a block of its own.
SSH = next(block for block in BLOCKS if block.startswith("ssh-keygen"))
PARTS = next(block for block in BLOCKS if "xargs cat" in block)
COMMANDS = "\n".join(block for block in BLOCKS if block not in (SSH, PARTS))


@pytest.fixture
def hand(deployed, tmp_path):
    """A copy of a built bundle on a stick, the builder's key beside it, and the page's commands with the names of this place."""
    [built] = (deployed.root / "staging" / "bundles").glob("tf-*")
    bundle = shutil.copytree(built, tmp_path / "stick" / built.name)
    keys = deployed.root / "keys"
    shutil.copy(keys / "builder.asc", tmp_path / "stick" / "builder.asc")
    names = {
        "tf-1795363200": built.name,
        "/media/ferry": str(tmp_path / "stick"),
        "0123456789ABCDEF0123456789ABCDEF01234567": (keys / "fingerprint").read_text().strip(),
        "linux-py311": "linux-cpu",
        "python3 ": sys.executable + " ",
        "/opt/tf": str(tmp_path / "opt"),
    }

    def run(text=COMMANDS, folder=bundle):
        for name, here in names.items():
            text = text.replace(name, here)
        return subprocess.run(
            ["bash", "-c", "set -eo pipefail\n" + text], cwd=folder, capture_output=True, text=True, check=False
        )

    return types.SimpleNamespace(run=run, bundle=bundle, installed=tmp_path / "opt")


def test_a_person_without_our_software_checks_and_installs_a_bundle(hand):
    done = hand.run()
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("GOODSIG", "gates.json: as signed", "No broken requirements found", '"bomFormat": "CycloneDX"'):
        assert words in done.stdout, done.stdout
    code = "import markupsafe, six; print(six.__version__)"
    python = hand.installed / "bin" / "python"
    assert subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "1.17.0"


def one_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


FAULTS = {
    "a wheel": lambda bundle: one_bit(next(bundle.glob("wheels/six-*.whl"))),
    "the statement": lambda bundle: one_bit(bundle / "statement.json"),
    "the signature": lambda bundle: one_bit(bundle / "statement.json.asc"),
    "the manifest": lambda bundle: one_bit(bundle / "manifest.json"),
    "SHA256SUMS": lambda bundle: one_bit(bundle / "SHA256SUMS"),
    "where it came from": lambda bundle: one_bit(bundle / "sources.json"),
    "what the gates found": lambda bundle: one_bit(bundle / "gates.json"),
    "the bill of materials": lambda bundle: one_bit(bundle / "profiles" / "linux-cpu" / "sbom.cdx.json"),
    "a wheel more": lambda bundle: shutil.copy(next(bundle.glob("wheels/six-*.whl")), bundle / "wheels" / "evil.whl"),
    "a link": lambda bundle: (bundle / "wheels" / "link").symlink_to("/etc/passwd"),
    "a wheel less": lambda bundle: next(bundle.glob("wheels/six-*.whl")).unlink(),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_the_page_stops_before_anything_is_installed_where_something_was_changed(hand, fault):
    FAULTS[fault](hand.bundle)
    done = hand.run()
    assert done.returncode != 0 and not hand.installed.exists(), done.stdout


def test_the_page_stops_at_a_key_that_is_not_the_builders(hand):
    done = hand.run(COMMANDS.replace("0123456789ABCDEF0123456789ABCDEF01234567", "F" * 40))
    assert done.returncode != 0 and not hand.installed.exists()


def test_parts_are_put_together_by_the_pages_commands(hand, deployed):
    shutil.rmtree(hand.bundle)
    stick = hand.bundle.parent
    deployed.must("transfer", "--limit", "ferry_staging", ferry_zone={"path": str(stick), "part_size": "1MiB"})
    parts = sorted(stick.glob("tf-*.tar.*"))
    assert len(parts) > 10
    one_bit(parts[3])
    assert hand.run(PARTS, stick).returncode != 0 and not hand.bundle.exists()
    one_bit(parts[3])
    done = hand.run(PARTS + COMMANDS, stick)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_was_signed_with_an_ssh_key_is_checked_by_the_pages_command(hand, tmp_path):
    key = tmp_path / "stick" / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = key.with_suffix(".pub").read_text()
    (tmp_path / "stick" / "allowed_signers").write_text("builder " + public)
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "statement@airgap.ferry", "-f", key, hand.bundle / "statement.json"]
    subprocess.run(sign, check=True, capture_output=True)
    assert hand.run(SSH).returncode == 0
    statement = json.loads((hand.bundle / "statement.json").read_text())
    (hand.bundle / "statement.json").write_text(json.dumps(dict(statement, serial=1)))
    assert hand.run(SSH).returncode != 0
