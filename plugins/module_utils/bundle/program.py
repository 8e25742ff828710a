# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How gpg and ssh-keygen are run: in English, bounded in time, in private folders, and without a word of a passphrase."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile

from ..errors import FerryError

SECONDS = 60
# gpg-agent's socket path must fit in sun_path (108 bytes), so no long TMPDIR.
_SHORT = "/tmp"


def find(name: str, package: str) -> str:
    """The full path of the program ``name``."""
    path = shutil.which(name)
    if path is None:
        raise FerryError("FERRY-TOOL-002", "%s was not found on PATH; install the package %s." % (name, package))
    return path


def call(command: list, data: bytes, code: str, **options):
    """Run ``command`` with ``data`` on its standard input: the finished process, its answers as text; ``code`` where it hangs."""
    environment = dict(os.environ, LC_ALL="C.UTF-8", **options.pop("environment", {}))
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, timeout=SECONDS, check=False, env=environment, **options
        )
    except subprocess.TimeoutExpired:
        raise FerryError(
            code,
            "%s gave no answer in %d seconds; is it waiting for a passphrase that nobody gives?"
            % (command[0], SECONDS),
        )
    done.stdout, done.stderr = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return done


def reason(lines: list, passphrase) -> str:
    """What a program said, on one line for a message; a passphrase is struck out, whatever the program did with it."""
    text = " / ".join(line.strip() for line in lines if line.strip())
    if passphrase:
        text = text.replace(passphrase.decode("utf-8", "replace"), "********")
    return repr(text[:300] or "nothing")


@contextlib.contextmanager
def private_folder():
    """A folder that only this user can look into, gone afterwards."""
    folder = tempfile.mkdtemp(prefix="ferry-", dir=_SHORT if os.path.isdir(_SHORT) else None)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
