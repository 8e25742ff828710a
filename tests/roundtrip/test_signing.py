# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A builder and an approver, each with a passphrase from a vault: the depot wants both, and nobody ever sees what unlocked their keys."""

from __future__ import annotations

import hashlib
import json
import subprocess

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

BUILDER, APPROVER, WRONG = ("canary-%s-7d1f6b" % word for word in ("builder", "approver", "wrong"))
CANARIES = (BUILDER, APPROVER, WRONG)


@pytest.fixture
def site(deployed, demo):
    """A site of its own whose keys have passphrases, and the files that give these to a run: ``play(playbook, *names of files)``."""
    site = deployed.copy()
    keys = site.root / "keys"
    home = keys / "locked"
    home.mkdir(mode=0o700)
    with demo.gpg.short_home(str(home)) as home_option:
        command = ["gpg", *home_option, "--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0"]
        command += ["--quick-generate-key", "locked", "ed25519", "sign", "never"]
        subprocess.run(command, input=BUILDER.encode(), check=True, capture_output=True)
        listing = subprocess.run(
            ["gpg", *home_option, "--with-colons", "-k"], check=True, capture_output=True, text=True
        )
        fingerprint = next(line.split(":")[9] for line in listing.stdout.splitlines() if line.startswith("fpr:"))
        public = subprocess.run(
            ["gpg", *home_option, "--armor", "--export"], check=True, capture_output=True, text=True
        )
        # It would remember the passphrase.
        subprocess.run(["gpgconf", *home_option, "--kill", "gpg-agent"], check=True)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", APPROVER, "-C", "", "-f", str(keys / "ann")]
    subprocess.run(command, check=True)
    ssh_public = (keys / "ann.pub").read_text()
    listing = subprocess.run(["ssh-keygen", "-lf", keys / "ann.pub"], check=True, capture_output=True, text=True)

    site.extra["ferry_trusted_keys"] = [
        {"name": "build team", "fingerprint": fingerprint, "key": public.stdout},
        {
            "name": "Ann",
            "backend": "ssh",
            "fingerprint": listing.stdout.split()[1],
            "key": ssh_public,
            "roles": ["approver"],
        },
    ]
    site.extra["ferry_change"] = "CANARY-1"

    def write(name, text):
        (keys / name).write_text(text)

    def vaulted(secret, indent):
        lines = VaultLib([("default", VaultSecret(b"vault"))]).encrypt(secret).decode().splitlines()
        return "!vault |\n" + "".join(" " * indent + line + "\n" for line in lines)

    write("vault-password", "vault")
    signing = "ferry_signing:\n  key: %s\n  home: %s\n  passphrase: " % (fingerprint, home)
    approval = "ferry_approver:\n  backend: ssh\n  key: %s\n  label: %%s\n  passphrase" % (keys / "ann")
    write("signing.yml", signing + vaulted(BUILDER, 4))
    write("approval.yml", approval % "ann" + ': "{{ approver_secret }}"\napprover_secret: ' + vaulted(APPROVER, 2))
    write("by-file.yml", approval % "ann-2" + "_file: %s\n" % (keys / "approver.txt"))
    write("approver.txt", APPROVER + "\n")
    write("wrong.yml", approval % "wrong" + ": " + vaulted(WRONG, 4))
    write("both.yml", "ferry_required_signatures: {builder: 1, approver: 1}\n")
    write("stricter.yml", "ferry_required_signatures: {approver: 2}\n")
    write("other.yml", approval % "ann" + "_file: %s\nferry_bundle_id: %s\n" % (keys / "approver.txt", "a" * 64))
    write("misshapen.yml", approval % "wrong" + ":\n    - %s\n" % WRONG)

    def play(playbook, *names):
        arguments = ["-vvvv", "--vault-password-file", str(keys / "vault-password")]
        if playbook == "approve":
            folder = max((site.root / "staging" / "bundles").glob("tf-*"))
            identity = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
            arguments += ["-e", "ferry_bundle_id=" + identity]
        for name in names:
            arguments += ["-e", "@%s" % (keys / name)]
        return site.play(playbook, *arguments)

    site.told = play
    return site


def test_a_bundle_of_two_signers_arrives_and_their_passphrases_are_nowhere(site):
    runs = [
        site.told("prepare", "signing.yml"),
        site.told("approve", "misshapen.yml"),
        site.told("approve", "wrong.yml"),
        site.told("approve", "other.yml"),
        site.told("approve", "approval.yml"),
        site.told("approve", "by-file.yml"),
        site.told("approve", "approval.yml"),
        site.told("transfer"),
        site.told("deploy", "stricter.yml"),
        site.told("deploy", "both.yml"),
    ]
    prepare, misshapen, wrong, other, approve, by_file, again, transfer, stricter, deploy = runs
    for run in runs:
        assert not [canary for canary in CANARIES if canary in run.output]
    assert misshapen.code != 0 and "FERRY-VAR-002" in misshapen.message(), misshapen.output
    assert "ferry_approver.passphrase" in misshapen.message()
    assert wrong.code != 0 and "FERRY-SIGN-001" in wrong.message() and "incorrect passphrase" in wrong.message()
    assert other.code != 0 and "FERRY-SIGN-002" in other.message() and "a" * 64 in other.message(), other.output
    # Two signatures of one person are one.
    assert stricter.code != 0 and "FERRY-BUNDLE-012" in stricter.message(), stricter.output
    assert "build team (builder)" in stricter.message() and "1 approver more" in stricter.message()
    for run in (prepare, approve, by_file, again, transfer, deploy):
        assert run.code == 0, run.output
    assert [run.changed for run in (approve, by_file, again)] == [{"staging": 1}, {"staging": 1}, {"staging": 0}]

    published = json.loads((site.root / "depot" / "names" / "tf.json").read_text())
    assert [(signer["name"], signer["file"]) for signer in published["signers"]] == [
        ("Ann", "statement.json.ann-2.sig"),
        ("Ann", "statement.json.ann.sig"),
        ("build team", "statement.json.asc"),
    ]
    record = json.loads((site.root / "records" / "CANARY-1" / "record.json").read_text())
    assert "approve" in [stage["stage"] for run in record["runs"] for stage in run["stages"]]

    for folder in ("records", "staging", "zone", "depot", "hosts"):
        assert (site.root / folder).is_dir()
    # The vault, its password, the keys and the file that was given are the secrets' own place.
    command = ["grep", "-rlaE", "--exclude-dir=keys", "|".join(CANARIES), str(site.root)]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == ""
