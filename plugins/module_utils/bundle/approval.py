# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another signature beside the builder's, put on a built bundle only after every file of it was read again."""

from __future__ import annotations

import os
import re

from . import built, files, manifest, opening, signing, statement
from ..errors import FerryError

# What a run that was killed while it wrote a signature leaves behind.
_UNFINISHED = re.compile(r"(.+)\.part-[0-9]+")


def approve(workdir: str, name: str, bundle_id: str, label: str, sign_with: dict, check_mode: bool) -> tuple:
    """Sign the newest built bundle ``name``: ``(bundle as built.newest gives it, file name of the signature, True where it was made)``.

    ``bundle_id``: the one that was reviewed; another one is not signed (FERRY-SIGN-002). A signature of the same key that is there is
    kept; what else lies under its name is nobody's to overwrite (FERRY-SIGN-001).
    """
    bundle = built.newest(workdir, name)
    if bundle is None:
        raise FerryError("FERRY-ZONE-004", "%s holds no bundle named %s; run prepare.yml first." % (workdir, name))
    folder = bundle["path"]
    signature = signing.file_name(sign_with.get("backend") or "gpg", label)
    said = files.read_limited(os.path.join(folder, statement.NAME), statement.LIMIT)
    check(folder, name, bundle_id, said)
    there = signing.read_all(folder)
    if signature in there:
        if not signing.is_signed_by(said, there[signature], sign_with):
            raise FerryError(
                "FERRY-SIGN-001",
                "%s/%s is there and is no good signature by key %s; remove it, or sign under another label."
                % (folder, signature, sign_with["key"]),
            )
        return bundle, signature, False
    if len(there) >= signing.MOST:
        raise FerryError(
            "FERRY-SIGN-001",
            "%s: expected fewer than %d signatures, found %d; remove those that nobody asks for."
            % (folder, signing.MOST, len(there)),
        )
    if check_mode:
        return bundle, signature, True
    data = signing.sign(said, sign_with)
    for unfinished in _unfinished(folder):
        os.unlink(os.path.join(folder, unfinished))
    files.write_durably(os.path.join(folder, signature), data)
    return built.newest(workdir, name), signature, True


def check(folder: str, name: str, bundle_id: str, said: bytes) -> None:
    """Refuse to sign ``said``, the statement in ``folder``, unless it is that of ``bundle_id`` and all that it vouches for is there, whole, and nothing else.

    As a depot will look at it, but for signatures, links (a built bundle shares its wheels with the store) and the wheels' insides,
    which prepare.yml has looked into.
    """
    paper = statement.parse(said)
    if paper["name"] != name:
        raise FerryError(
            "FERRY-BUNDLE-007",
            "%s: expected a bundle named %s, its statement says %s; do not sign it." % (folder, name, paper["name"]),
        )
    found_id = paper["files"][manifest.NAME]["sha256"]
    if found_id != bundle_id:
        raise FerryError(
            "FERRY-SIGN-002",
            "%s: expected the bundle %s (ferry_bundle_id), found %s, which is the newest one now; review that before you approve it."
            % (folder, bundle_id, found_id),
        )
    expected = opening.signed_files(folder)
    found = set(_plain_files(folder)) - set(_unfinished(folder))
    for path in sorted(found - set(expected)):
        raise FerryError(
            "FERRY-BUNDLE-005",
            "%s/%s is in no list of the bundle; do not sign it, ask who added the file." % (folder, path),
        )
    for path in sorted(set(expected) - found):
        raise FerryError(
            "FERRY-BUNDLE-006", "%s/%s is listed and missing; do not sign it, run prepare.yml again." % (folder, path)
        )
    sums = manifest.checksums(files.read_limited(os.path.join(folder, manifest.NAME), manifest.LIMIT))
    expected = dict(expected, **{statement.NAME: files.sha256_bytes(said), manifest.SUMS: files.sha256_bytes(sums)})
    for path in sorted(expected):
        digest = files.sha256_file(os.path.join(folder, path))
        if digest != expected[path]:
            raise FerryError(
                "FERRY-BUNDLE-004",
                "%s/%s: expected sha256 %s, found %s; do not sign it, ask who changed the file."
                % (folder, path, expected[path], digest),
            )


def _plain_files(folder):
    for place, _folders, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")


def _unfinished(folder):
    names = [name for name in os.listdir(folder) if os.path.isfile(os.path.join(folder, name))]
    matches = [_UNFINISHED.fullmatch(name) for name in names]
    return [match.group(0) for match in matches if match and signing.is_signature(match.group(1))]
