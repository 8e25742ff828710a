# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Galaxy would say to the collection's archive: ``importer.py ARCHIVE``. Each of its warnings is a failure here."""

import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SETTINGS = pathlib.Path(__file__).with_name("galaxy-importer.cfg")
MADE_BY_THE_BUILD = {"MANIFEST.json", "FILES.json"}
SHIPPED = ("plugins/", "roles/", "playbooks/", "meta/", "docs/", "changelogs/")
# galaxy-importer 0.4 gives ansible-lint the folder ansible_collections where lint wants the one above it, so that lint
# finds none of the collection's own playbooks. We look for each of them in the archive.
PLAYBOOK_UNSEEN = re.compile(r"WARNING: ERROR +Failed to find airgap\.ferry\.(\w+) playbook\.")


def main(archive):
    """0 where the archive holds what it should and galaxy-importer has nothing to say."""
    with tarfile.open(archive) as opened:
        packed = {member.name for member in opened if not member.isdir()}
    wrong = odd_files(packed) + warnings(archive, packed)
    print("\n".join(wrong) or "%s: galaxy-importer has nothing to say." % archive.name)
    return 1 if wrong else 0


def odd_files(packed):
    """What is packed though git does not know or ignores it, as a key or a whole environment would be, and what is missing."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        check=True,
    )
    known = {name for name in listed.stdout.decode().split("\0") if (REPOSITORY / name).is_file()}
    strange = sorted(packed - known - MADE_BY_THE_BUILD)
    missing = sorted(name for name in known - packed if name.startswith(SHIPPED))
    wrong = ["%d files are packed that git ignores; add them to build_ignore: %s" % (len(strange), strange[:5])]
    wrong += ["%d files are not packed; build_ignore is too wide: %s" % (len(missing), missing[:5])]
    return [sentence for sentence, found in zip(wrong, (strange, missing)) if found]


def warnings(archive, packed):
    """galaxy-importer's warnings and errors, and its failure."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "GALAXY_IMPORTER_"))}
    with tempfile.TemporaryDirectory(prefix="ferry-importer-") as scratch:
        environment = dict(kept, HOME=scratch, GALAXY_IMPORTER_CONFIG=str(SETTINGS))
        environment["PATH"] = os.pathsep.join([str(pathlib.Path(sys.prefix, "bin")), kept["PATH"]])
        done = subprocess.run(
            [sys.executable, "-m", "galaxy_importer.main", str(archive)],
            cwd=scratch,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    said = [line for line in done.stdout.splitlines() if line.startswith(("WARNING", "ERROR", "CRITICAL"))]
    wrong = [line for line in said if not is_packed_playbook(line, packed)]
    return wrong if done.returncode == 0 else wrong + [done.stdout[-2000:]]


def is_packed_playbook(line, packed):
    """Whether lint misses a playbook that is there."""
    unseen = PLAYBOOK_UNSEEN.fullmatch(line)
    return bool(unseen) and "playbooks/%s.yml" % unseen.group(1) in packed


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
