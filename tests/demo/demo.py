# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: the whole main job on this machine, as any user, everything under one folder (``.demo/``).

Run by ``make demo``, and by ``make test`` with a small wheel set. Needs the environment that ``make setup`` makes, and gpg.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / ".ansible" / "collections"))

from ansible_collections.airgap.ferry.plugins.module_utils.bundle import gpg  # noqa: E402

# Mapped to the same user and without a route: what runs in it cannot reach anything, loopback included.
CUT_OFF = ["unshare", "--map-current-user", "--keep-caps", "--net", "--"]
TICKET = "DEMO-1"


class DemoError(Exception):
    """One sentence for the person who runs the demo."""


def main(arguments=None):
    """Run every stage; 0 where all went well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--root", type=Path, default=REPOSITORY / ".demo", help="folder for everything that the demo makes"
    )
    parser.add_argument(
        "--requirement", action="append", help="carry this instead of TensorFlow (may be given more than once)"
    )
    options = parser.parse_args(arguments)
    try:
        prepare_folder(options.root)
        inside = CUT_OFF if can_cut_off() else []
        if not inside:
            print(
                "No network namespace can be had here: the inside steps run with this machine's network, and the record says so."
            )
        extra = {"demo_root": str(options.root), "ferry_change": TICKET}
        if options.requirement:
            extra["ferry_requirements"] = options.requirement
        for playbook, prefix in (("lock", []), ("prepare", []), ("transfer", []), ("deploy", inside)):
            print("\n=== %s.yml%s" % (playbook, " (cut off)" if prefix else ""), flush=True)
            run_playbook(playbook, extra, prefix)
        print(summary(options.root))
    except DemoError as error:
        print("demo: %s" % error, file=sys.stderr)
        return 1
    return 0


def prepare_folder(root):
    """Make the demo's folder, with the throw-away signing key that the local inventory names."""
    if sys.platform != "linux":
        raise DemoError("the demo needs Linux (a staging host or depot may be elsewhere); found %s." % sys.platform)
    if shutil.which("gpg") is None:
        raise DemoError("gpg was not found; install the package gnupg (Debian, Ubuntu) or gnupg2 (RHEL, Fedora).")
    (root / "zone").mkdir(parents=True, exist_ok=True)
    home = root / "keys" / "gnupg"
    if (root / "keys" / "fingerprint").exists():
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, mode=0o700)
    with gpg.short_home(str(home)) as gpg_home:
        command = ["gpg", *gpg_home, "--batch"]
        made = subprocess.run(
            [
                *command,
                "--passphrase",
                "",
                "--quick-generate-key",
                "airgap.ferry demo (throw-away)",
                "ed25519",
                "sign",
                "never",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise DemoError("gpg could not make the throw-away key: %s" % made.stderr.strip())
        listing = subprocess.run(
            [*command, "--with-colons", "--list-keys"], capture_output=True, text=True, check=True
        ).stdout
        fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
        public = subprocess.run(
            [*command, "--armor", "--export", fingerprint], capture_output=True, text=True, check=True
        ).stdout
    (root / "keys" / "builder.asc").write_text(public)
    (root / "keys" / "fingerprint").write_text(fingerprint)


def can_cut_off():
    """Whether this user may have a network namespace of their own."""
    return (
        shutil.which("unshare") is not None
        and subprocess.run([*CUT_OFF, "true"], capture_output=True, check=False).returncode == 0
    )


def run_playbook(name, extra, prefix):
    """Run one playbook of the collection on the local inventory; its output is the demo's."""
    command = [
        *prefix,
        str(Path(sys.executable).parent / "ansible-playbook"),
        "-i",
        "inventories/local",
        "playbooks/%s.yml" % name,
        "-e",
        json.dumps(extra),
    ]
    # The repository's own ansible.cfg, whatever the user's environment says.
    done = subprocess.run(
        command, cwd=REPOSITORY, env=dict(os.environ, ANSIBLE_CONFIG=str(REPOSITORY / "ansible.cfg")), check=False
    )
    if done.returncode != 0:
        raise DemoError("%s.yml failed (exit code %d); its last lines above say why." % (name, done.returncode))


def summary(root):
    """What the person wants to know at the end, from the record alone."""
    runs = json.loads((root / "records" / TICKET / "record.json").read_text())["runs"]
    deploy = runs[-1]
    bundle = deploy["bundle"]
    lines = [
        "",
        "=== Done",
        "bundle    %s" % bundle["id"],
        "          %d files, %.1f MB, signed by %s"
        % (bundle["files"], bundle["size"] / 1e6, ", ".join(signer["fingerprint"] for signer in bundle["signers"])),
    ]
    for name, host in sorted(deploy["hosts"].items()):
        lines.append("%-9s %s, release %s" % (name, host["status"], host["after"]))
        lines += ["          %s" % verdict["message"] for verdict in host["verdicts"]]
    routes = deploy["network"]["routes"]
    lines.append(
        "network   %s"
        % (
            "none: 0 routes out, measured during deploy.yml"
            if routes == 0
            else "%s routes out during deploy.yml: it was NOT cut off" % routes
        )
    )
    stages = [(stage["stage"], stage["seconds"]) for run in runs[-4:] for stage in run["stages"]]
    totals = {}
    for stage, seconds in stages:
        totals[stage] = totals.get(stage, 0) + (seconds or 0)
    lines.append("seconds   %s" % ", ".join("%s %.1f" % item for item in totals.items()))
    lines.append("record    %s" % (root / "records" / TICKET / "record.html"))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
