# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundles that a staging host has built: ``<workdir>/bundles/<name>-<serial>/``."""

from __future__ import annotations

import os

from . import files, manifest, opening, signing, statement
from ..errors import FerryError

FOLDER = "bundles"


def all_of(workdir: str, name: str) -> list:
    """The folders of all bundles ``name`` that were built here, the highest serial first."""
    serials = opening.serials(os.path.join(workdir, FOLDER), name)
    return [os.path.join(workdir, FOLDER, opening.directory_name(name, serial)) for serial in reversed(serials)]


def newest(workdir: str, name: str):
    """The bundle ``name`` with the highest serial that was built here: ``{"path", "name", "id", "serial", ...}``, or None."""
    folders = all_of(workdir, name)
    if not folders:
        return None
    path = folders[0]
    try:
        paper = statement.parse(files.read_limited(os.path.join(path, statement.NAME), statement.LIMIT))
        manifest_bytes = files.read_limited(os.path.join(path, manifest.NAME), manifest.LIMIT)
        entries = list(manifest.parse(manifest_bytes)["files"].values()) + list(paper["files"].values())
    except (FerryError, FileNotFoundError) as error:
        raise FerryError(
            "FERRY-BUILD-004",
            "%s was built here and cannot be read any more: %s; move that folder away, then run prepare.yml again."
            % (
                path,
                error.message.partition(";")[0] if isinstance(error, FerryError) else "%s is missing" % error.filename,
            ),
        )
    return {
        "path": path,
        "name": name,
        "id": files.sha256_bytes(manifest_bytes),
        "serial": paper["serial"],
        "created": paper["created"],
        "builder": paper["builder"],
        "size": sum(entry["size"] for entry in entries),
        "files": len(entries) + 1 + len(signing.read_all(path)),  # the statement and its signatures
    }
