# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One flipped bit, at more than a thousand places of a real signed bundle: every one of them is refused, and its file named."""

from __future__ import annotations

import collections
import os
import random
import re
import shutil

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import files, manifest, opening, signing, statement
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError

NOW = 1_795_000_000 + 3600
LEAST = 1000
# Places in each file, spread evenly, besides one in every token of what is JSON.
SPREAD = 60
# A string, a number, a word or a single sign of JSON: every key and every value is one.
_TOKEN = re.compile(rb'"[^"]*"|[0-9]+|[a-z]+|[^\s]')
_SIGNATURES = {"gpg": signing.file_name("gpg"), "ssh": signing.file_name("ssh")}


@pytest.fixture
def folder(tmp_path, signed):
    """A copy of the good bundle."""
    path = tmp_path / os.path.basename(signed.path)
    shutil.copytree(signed.path, str(path))
    return path


@pytest.fixture
def asked_once(monkeypatch):
    """The same question to gpg or ssh-keygen is asked once: a flip elsewhere leaves the statement and its signatures as they were."""
    real, answers = signing.verify, {}

    def verify(data, signatures, trusted_keys, required, now=None):
        question = (data, tuple(sorted(signatures.items())))
        if question not in answers:
            try:
                answers[question] = real(data, signatures, trusted_keys, required, now)
            except FerryError as error:
                answers[question] = error
        if isinstance(answers[question], FerryError):
            raise answers[question]
        return answers[question]

    monkeypatch.setattr(signing, "verify", verify)


def places(path, data, tokens):
    """Positions in ``data``, a file ``path`` of the bundle: spread evenly, at both ends, and in each token."""
    found = {0, len(data) - 1}
    found.update(len(data) * step // SPREAD for step in range(SPREAD))
    if tokens:
        found.update((match.start() + match.end()) // 2 for match in _TOKEN.finditer(data))
    if path.endswith(".whl"):  # what a ZIP archive hangs on: every header and the end
        for mark in (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"):
            for match in re.finditer(re.escape(mark), data):
                found.update(range(match.start(), min(len(data), match.start() + 46), 5))
    return sorted(found)


def flipped(folder, trusted, path, positions, codes):
    """Flip one bit at each of ``positions`` and open; how many were refused with one of ``codes``, the file named."""
    place = folder / path
    good = place.read_bytes()
    bits = random.Random(path)
    passed, odd = [], []
    for position in positions:
        bad = bytearray(good)
        bad[position] ^= 1 << bits.randrange(8)
        place.write_bytes(bytes(bad))
        try:
            opening.check(str(folder), "tf", trusted, NOW)
        except FerryError as error:
            if error.code not in codes or path not in error.message:
                odd.append((position, str(error)))
        else:
            passed.append(position)
    place.write_bytes(good)
    assert passed == [], "%s: a flipped bit at these places passed" % path
    assert odd == []
    return len(positions)


@pytest.mark.fault(1)
def test_a_flipped_bit_anywhere_is_refused_and_its_file_named(folder, trusted, signed, asked_once):
    counts = collections.Counter()
    for path in sorted(files.list_plain(str(folder))):
        signature, data = path == _SIGNATURES["gpg"], (folder / path).read_bytes()
        codes = {"FERRY-BUNDLE-002"} if signature or path == statement.NAME else {"FERRY-BUNDLE-004"}
        # Of the signature every byte: most of them are refused before gpg is asked.
        positions = range(len(data)) if signature else places(path, data, path.endswith(".json"))
        counts[path] = flipped(folder, trusted, path, positions, codes)
    opening.check(str(folder), "tf", trusted, NOW)
    assert set(counts) == {
        *signed.manifest["files"],
        *statement.SIGNED,
        statement.NAME,
        _SIGNATURES["gpg"],
    }
    assert sum(counts.values()) >= LEAST and min(counts.values()) >= 3, counts
    print("%d bits flipped in %d files, all refused: %s" % (sum(counts.values()), len(counts), dict(counts)))


@pytest.mark.fault(1)
def test_a_flipped_bit_in_the_statement_or_a_signature_of_ssh_is_refused(folder, ssh_keys, asked_once):
    (folder / _SIGNATURES["gpg"]).unlink()
    said = (folder / statement.NAME).read_bytes()
    (folder / _SIGNATURES["ssh"]).write_bytes(ssh_keys.sign(said, "builder"))
    trusted = [ssh_keys.trusted("builder")]
    opening.check(str(folder), "tf", trusted, NOW)
    signature = (folder / _SIGNATURES["ssh"]).read_bytes()
    # A bit of the body can also turn its key, its purpose or its hash into another.
    codes = {"FERRY-BUNDLE-002", "FERRY-BUNDLE-003", "FERRY-BUNDLE-011", "FERRY-BUNDLE-013"}
    flipped(folder, trusted, _SIGNATURES["ssh"], range(0, len(signature), 2), codes)
    flipped(folder, trusted, statement.NAME, places(statement.NAME, said, True), {"FERRY-BUNDLE-002"})
    opening.check(str(folder), "tf", trusted, NOW)


@pytest.mark.fault(1)
def test_a_flipped_bit_of_a_signed_wheel_is_not_left_to_the_signature_alone(folder, trusted, signed, asked_once):
    """Even where the hash of a changed file is in a changed manifest, the statement holds the manifest's own."""
    path = next(path for path in signed.manifest["files"] if path.startswith("wheels/"))
    data = bytearray((folder / path).read_bytes())
    data[len(data) // 2] ^= 4
    (folder / path).write_bytes(bytes(data))
    listed = dict(signed.manifest["files"], **{path: {"size": len(data), "sha256": files.sha256_bytes(bytes(data))}})
    made = manifest.build(signed.manifest["profiles"], listed)
    (folder / manifest.NAME).write_bytes(made)
    (folder / manifest.SUMS).write_bytes(manifest.checksums(made))
    with pytest.raises(FerryError) as caught:
        opening.check(str(folder), "tf", trusted, NOW)
    assert caught.value.code == "FERRY-BUNDLE-004" and manifest.SUMS in caught.value.message
