# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every field of statement and manifest, changed to another value that looks as good: refused, or harmless for a reason that is written."""

from __future__ import annotations

import copy
import os
import shutil
import types

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import (
    canonical,
    files,
    manifest,
    opening,
    signing,
    statement,
)
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from faults import fields

NOW = fields.CREATED + 3600
SIGNATURE = signing.file_name("gpg")


@pytest.fixture(scope="session")
def whole(tmp_path_factory, make_bundle, make_wheel, profile):
    """A bundle with every field that a manifest can have, and a wheel that fits one machine only."""
    folder = tmp_path_factory.mktemp("whole")
    described = profile("cpu", [], {})
    xy = "cp" + "".join(described["python"].split(".")[:2])
    path = make_wheel(folder, "small", "2.1")
    native = path.replace("py3-none-any", "%s-%s-manylinux_2_17_%s" % (xy, xy, described["arch"]))
    os.rename(path, native)
    tools = {"pip": make_wheel(folder, "pip", "26.3"), "uv": make_wheel(folder, "uv", "0.13.9")}
    return make_bundle(folder / "built", [make_wheel(folder, "tiny"), native], tools, changes={"trim": "inference"})


@pytest.fixture
def depot(tmp_path, whole):
    """A depot whose quarantine holds a copy of that bundle."""
    root = tmp_path / "depot"
    folder = root / opening.QUARANTINE / os.path.basename(whole.path)
    shutil.copytree(whole.path, str(folder))
    return types.SimpleNamespace(root=str(root), folder=folder)


def read(folder, name):
    return canonical.loads((folder / name).read_bytes(), name, 1 << 20)


def changed(row, document):
    """``[(path, the document with this one field changed)]`` for every place that the row is about."""
    found = []
    for path, field in fields.places(document):
        if field != row.field:
            continue
        copied = copy.deepcopy(document)
        holder = copied
        for step in path[:-1]:
            holder = holder[step]
        old = path[-1] if row.name else holder[path[-1]]
        new = row.change(old)
        if new == old:  # this place holds it already
            continue
        if row.name:
            item = holder.pop(old)
            holder.update({} if new is None else {new: item})
        elif new is None:
            del holder[path[-1]]
        else:
            holder[path[-1]] = new
        found.append((path, copied))
    return found


def entry(data):
    return {"size": len(data), "sha256": files.sha256_bytes(data)}


def write(folder, document, value):
    """Write the changed document, and make all hashes below the signature fit."""
    said = value
    if document == "manifest":
        data = canonical.dumps(value)
        sums = {path: one["sha256"] for path, one in value["files"].items()}
        sums[manifest.NAME] = files.sha256_bytes(data)
        (folder / manifest.NAME).write_bytes(data)
        (folder / manifest.SUMS).write_bytes("".join("%s  %s\n" % (sums[path], path) for path in sorted(sums)).encode())
        said = read(folder, statement.NAME)
        said["files"].update((name, entry((folder / name).read_bytes())) for name in (manifest.NAME, manifest.SUMS))
    (folder / statement.NAME).write_bytes(canonical.dumps(said))


@pytest.mark.parametrize("document", ["statement", "manifest"])
def test_no_field_of_a_real_bundle_lacks_a_row(whole, document):
    with open(os.path.join(whole.path, document + ".json"), "rb") as stream:
        value = canonical.loads(stream.read(), document, 1 << 20)
    rows = fields.STATEMENT if document == "statement" else fields.MANIFEST
    assert {field for _path, field in fields.places(value)} == {row.field for row in rows}


@pytest.mark.parametrize("row", fields.STATEMENT, ids=str)
def test_a_changed_field_of_the_statement_is_refused_by_its_signature(depot, trusted, refused, row):
    for _path, value in changed(row, read(depot.folder, statement.NAME)):
        write(depot.folder, "statement", value)
        with refused("FERRY-BUNDLE-002", statement.NAME):
            opening.open_newest(depot.root, "tf", trusted, NOW, False)


@pytest.mark.parametrize("row", fields.MANIFEST, ids=str)
def test_a_changed_field_of_the_manifest_is_refused_by_its_hash_and_the_statement_by_its_signature(
    depot, trusted, refused, row
):
    others = {name: (depot.folder / name).read_bytes() for name in (statement.NAME, manifest.SUMS)}
    for number, (_path, value) in enumerate(changed(row, read(depot.folder, manifest.NAME))):
        write(depot.folder, "manifest", value)
        if number == 0:  # it costs a call of gpg, and the statement is another in the same way each time
            with refused("FERRY-BUNDLE-002", statement.NAME):
                opening.check(str(depot.folder), "tf", trusted, NOW)
        for name, data in others.items():
            (depot.folder / name).write_bytes(data)
        with refused("FERRY-BUNDLE-004", manifest.NAME):
            opening.check(str(depot.folder), "tf", trusted, NOW)


@pytest.mark.parametrize("row", fields.STATEMENT + fields.MANIFEST, ids=str)
def test_a_changed_field_that_a_trusted_builder_signs_is_refused_or_harmless(
    depot, trusted, keys, snapshot, tmp_path, row
):
    name = statement.NAME if row.document == "statement" else manifest.NAME
    found = changed(row, read(depot.folder, name))
    assert found, "the row is about nothing"
    good = read(depot.folder, statement.NAME)
    for number, (path, value) in enumerate(found):
        root = str(tmp_path / str(number))
        folder = tmp_path / str(number) / opening.QUARANTINE / depot.folder.name
        shutil.copytree(str(depot.folder), str(folder))
        write(folder, row.document, value)
        (folder / SIGNATURE).write_bytes(keys.sign((folder / statement.NAME).read_bytes(), "builder"))
        before = snapshot(root)
        try:
            told, published = opening.open_newest(root, "tf", trusted, NOW, False)
        except FerryError as error:
            codes = row.outcome if isinstance(row.outcome, tuple) else (row.outcome,)
            assert error.code in codes, (path, str(error))
            assert snapshot(root) == before
        else:
            assert row.outcome == fields.HARMLESS, path
            assert published and (told["serial"], told["name"]) == (good["serial"], good["name"])
            assert row.document == "statement" or told["id"] != good["files"][manifest.NAME]["sha256"]
