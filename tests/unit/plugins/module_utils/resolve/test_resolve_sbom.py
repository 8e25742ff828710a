# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile's SBOM: what the bundle holds, each with hash, licence and what it needs; valid, and the same bytes for the same lock."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

import cyclonedx.schema
import jsonschema
import pytest
import referencing
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import canonical
from ansible_collections.airgap.ferry.plugins.module_utils.compat import reductions
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import closure, lock, pylock, sbom, store
from cyclonedx.model.bom import Bom

REPOSITORY = pathlib.Path(__file__).resolve().parents[5]
MAKE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.airgap.ferry.plugins.module_utils.profile import Profile
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import sbom
spec = {"os": "linux", "arch": "x86_64", "libc": "glibc-2.28", "python": "3.11.2", "accelerator": "none"}
sys.stdout.buffer.write(sbom.make(sys.argv[2], Profile.from_spec("linux", spec), json.loads(sys.argv[3])))
"""


@pytest.fixture
def shelve(tmp_path, served):
    """Put the served wheels of a profile's lock, and an installer, into the store; the installer as the bundle carries it."""

    def run(one, installer, folder=None):
        folder = str(folder or tmp_path / "work")
        name = installer.split("-")[0]
        digest = hashlib.sha256((tmp_path / "served" / installer).read_bytes()).hexdigest()
        carried = {"name": name, "version": "1.0", "wheel": installer, "sha256": digest}
        for package in [*pylock.read(lock.lock_path(folder, one.name))["packages"], carried]:
            place = store.place(folder, package)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            shutil.copyfile(os.path.join(served.folder, package["wheel"]), place)
        return [carried]

    return run


@pytest.fixture
def made(tmp_path, publish, locked, profile, shelve):
    """The SBOM, parsed, of a lock of ``requirements``; pip, which the bundle carries, is a tiny wheel here."""

    def run(*requirements, **changes):
        one = profile(**changes)
        locked(one, requirements)
        return json.loads(sbom.make(str(tmp_path / "work"), one, shelve(one, publish("pip", more=("License: MIT",)))))

    return run


def graph(document):
    """``{bom-ref: what it depends on}``, by names where they are wheels."""
    names = {part["bom-ref"]: part["name"] for part in document["components"]}
    return {
        names.get(entry["ref"], entry["ref"]): [names[ref] for ref in entry.get("dependsOn", [])]
        for entry in document["dependencies"]
    }


def properties(document):
    return [(entry["name"], entry["value"]) for entry in document["metadata"]["component"]["properties"]]


def test_an_sbom_says_this_and_no_more(publish, made, tmp_path):
    names = [publish("root", requires=("leaf",), more=("License-Expression: mit",)), publish("leaf", "2.0")]
    document = made("root")
    digests = [
        hashlib.sha256((tmp_path / "served" / name).read_bytes()).hexdigest()
        for name in [*names, "pip-1.0-py3-none-any.whl"]
    ]
    locked = hashlib.sha256((tmp_path / "work/locks/linux/pylock.toml").read_bytes()).hexdigest()

    def component(folder, name, version, digest, kind, scope):
        wheel = "%s-%s-py3-none-any.whl" % (name, version)
        return {
            "bom-ref": folder + wheel,
            "hashes": [{"alg": "SHA-256", "content": digest}],
            "name": name,
            "purl": "pkg:pypi/%s@%s?file_name=%s" % (name, version, wheel),
            "scope": scope,
            "type": kind,
            "version": version,
        }

    mit = [{"license": {"acknowledgement": "declared", "id": "MIT"}}]
    number = document.pop("serialNumber")
    assert document == {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "bom-ref": "profiles/linux",
                "name": "linux",
                "type": "platform",
                "properties": [
                    {"name": "airgap.ferry:accelerator", "value": "none"},
                    {"name": "airgap.ferry:arch", "value": "x86_64"},
                    {"name": "airgap.ferry:libc", "value": "glibc-2.28"},
                    {"name": "airgap.ferry:lock-sha256", "value": locked},
                    {"name": "airgap.ferry:os", "value": "linux"},
                    {"name": "airgap.ferry:python", "value": "3.11.2"},
                ],
            },
            "tools": {"components": [{"name": "airgap.ferry", "type": "application"}]},
        },
        "components": [
            dict(component("tools/", "pip", "1.0", digests[2], "application", "excluded"), licenses=mit),
            component("wheels/", "leaf", "2.0", digests[1], "library", "required"),
            dict(component("wheels/", "root", "1.0", digests[0], "library", "required"), licenses=mit),
        ],
        "dependencies": [
            {"ref": "profiles/linux", "dependsOn": ["wheels/root-1.0-py3-none-any.whl"]},
            {"ref": "tools/pip-1.0-py3-none-any.whl"},
            {"ref": "wheels/leaf-2.0-py3-none-any.whl"},
            {"ref": "wheels/root-1.0-py3-none-any.whl", "dependsOn": ["wheels/leaf-2.0-py3-none-any.whl"]},
        ],
    }
    assert number.startswith("urn:uuid:") and number[23] == "5"


def test_the_same_lock_gives_the_same_bytes_in_any_process_and_on_any_builder(
    tmp_path, publish, served, locked, profile, shelve
):
    for number in range(12):
        publish("w%d" % number, requires=["w%d" % child for child in range(number)], more=("License: odd %d" % number,))
    work, other = tmp_path / "work", tmp_path / "other"
    locked(profile(), ["w11", "w7"])
    carried = shelve(profile(), publish("pip"))
    data = sbom.make(str(work), profile(), carried)
    assert data == canonical.dumps(json.loads(data))
    # Another builder has the lock and not the note of what was asked for.
    (other / "locks" / "linux").mkdir(parents=True)
    shutil.copyfile(str(work / "locks/linux/pylock.toml"), str(other / "locks/linux/pylock.toml"))
    shelve(profile(), "pip-1.0-py3-none-any.whl", other)
    for seed in ("0", "1", "4711"):
        command = [
            sys.executable,
            "-c",
            MAKE,
            str(REPOSITORY / ".ansible/collections"),
            str(other),
            json.dumps(carried),
        ]
        done = subprocess.run(command, capture_output=True, check=True, env=dict(os.environ, PYTHONHASHSEED=seed))
        assert done.stdout == data and not done.stderr


def test_another_lock_has_another_number(publish, made):
    publish("root")
    number = made("root")["serialNumber"]
    assert made("root", name="other")["serialNumber"] != number


def test_it_is_valid_by_the_published_schema_and_can_be_read_back(publish, made):
    publish("root", requires=("leaf",), more=("License-Expression: MIT OR (Apache-2.0 AND LicenseRef-own)",))
    publish("leaf", more=("License: my own terms",))
    document = made("root")
    folder = pathlib.Path(cyclonedx.schema.__file__).parent / "_res"
    schemas = {
        name: json.loads((folder / name).read_text()) for name in os.listdir(folder) if name.endswith(".schema.json")
    }
    draft = referencing.jsonschema.DRAFT7
    known = [("http://cyclonedx.org/schema/" + name, draft.create_resource(schema)) for name, schema in schemas.items()]
    registry = referencing.Registry().with_resources(known)
    schema = schemas["bom-1.6.SNAPSHOT.schema.json"]
    assert list(jsonschema.Draft7Validator(schema, registry=registry).iter_errors(document)) == []
    read = Bom.from_json(document)
    assert sorted(str(part.purl) for part in read.components) == sorted(part["purl"] for part in document["components"])
    assert all(len(part.hashes) == 1 for part in read.components)
    refs = {part.bom_ref.value for part in [*read.components, read.metadata.component]}
    assert {entry.ref.value for entry in read.dependencies} == refs
    assert {ref.ref.value for entry in read.dependencies for ref in entry.dependencies} <= refs


def test_the_graph_is_that_of_the_profiles_hosts_at_every_python_it_is_for(publish, made):
    requires = (
        'win; sys_platform == "win32"',
        'late; python_full_version >= "3.11.9"',
        'early; python_full_version < "3.11.9"',
        "leaf[more]",
        "root[never]; python_version < '3'",
        'never; extra == "never"',
    )
    publish("root", requires=requires, extras=("never",))
    publish(
        "leaf", requires=("leaf[more]", 'deep; extra == "more"', 'never; extra == "other"'), extras=("more", "other")
    )
    for name in ("win", "early", "late", "deep", "never"):
        publish(name)
    assert graph(made("root", "early", "late", "never")) == {
        "profiles/linux": ["never", "root"],
        "root": ["early", "late", "leaf"],
        "leaf": ["deep"],
        **{name: [] for name in ("early", "late", "deep", "never", "pip")},
    }


def test_what_only_an_extra_of_the_operators_brings_is_the_profiles_own(publish, made):
    publish("root", requires=('cuda; extra == "gpu"',), extras=("gpu",))
    publish("cuda")
    assert graph(made("root[gpu]"))["profiles/linux"] == ["cuda", "root"]


@pytest.mark.parametrize(
    "asked, expected",
    [
        ({}, []),
        ({"a": {"b"}, "b": set()}, ["a"]),
        ({"a": {"b"}, "b": {"a"}}, ["a"]),
        # The first by name lies below a ring.
        ({"a": set(), "b": {"c"}, "c": {"b", "a"}}, ["b"]),
        ({"a": {"b"}, "b": {"a"}, "c": {"d", "a"}, "d": {"c"}}, ["c"]),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}, "z": set()}, ["c", "z"]),
    ],
)
def test_every_wheel_is_reached_from_the_profile_rings_too(asked, expected):
    assert sbom.roots(asked) == expected


@pytest.mark.parametrize(
    "said, expected",
    [
        (["License-Expression: mit"], [{"license": {"id": "MIT"}}]),
        (["License-Expression: MIT or apache-2.0"], [{"expression": "MIT OR Apache-2.0"}]),
        (["License-Expression: LicenseRef-own"], [{"expression": "LicenseRef-own"}]),
        (["License: my own terms"], [{"license": {"name": "my own terms"}}]),
        (["Classifier: License :: OSI Approved :: BSD License"], [{"license": {"name": "License :: OSI Approved :: BSD License"}}]),
        (["License: Lizenz für \u00e4lle \U0001f980"], [{"license": {"name": "Lizenz für \u00e4lle \U0001f980"}}]),
        ([], None),
    ],
)  # fmt: skip
def test_a_licence_is_what_metadata_declares_an_identifier_where_that_is_sure(publish, made, said, expected):
    publish("root", more=said)
    found = next(part for part in made("root")["components"] if part["name"] == "root").get("licenses")
    for entry in found or []:
        assert (entry.get("license") or entry).pop("acknowledgement") == "declared"
    assert found == expected


def test_a_trimmed_profile_says_what_it_left_out_and_points_at_none_of_it(publish, made, monkeypatch):
    tiny = reductions.Reduction(
        "root", "1.0", ("linux", "x86_64"), frozenset({"root"}), frozenset({"board"}), "drawing"
    )
    monkeypatch.setitem(reductions.REDUCTIONS, "inference", (tiny,))
    publish("root", requires=("leaf", "board"))
    publish("leaf")
    publish("board", "3.1")
    document = made("root", trim="inference")
    assert ("airgap.ferry:trim", "inference") in properties(document)
    assert ("airgap.ferry:left-out", "board==3.1") in properties(document)
    assert graph(document) == {"profiles/linux": ["root"], "root": ["leaf"], "leaf": [], "pip": []}


def test_a_profile_that_locks_the_pip_that_is_carried_has_it_twice(publish, made):
    publish("pip", more=("License: MIT",))
    document = made("pip")
    refs = [part["bom-ref"] for part in document["components"]]
    assert refs == ["tools/pip-1.0-py3-none-any.whl", "wheels/pip-1.0-py3-none-any.whl"]
    assert document["dependencies"][0] == {"ref": "profiles/linux", "dependsOn": refs[1:]}


def test_a_windows_profile_has_no_libc(publish, made):
    publish("root")
    assert "airgap.ferry:libc" not in dict(properties(made("root", os="windows")))


def test_what_is_not_valid_by_the_schema_is_refused_by_profile_and_wheel(
    tmp_path, publish, locked, profile, shelve, refused
):
    publish("root")
    path = locked(profile(), ["root"])["path"]
    carried = shelve(profile(), publish("pip"))
    odd = dict(carried[0], sha256="F" * 63)
    os.rename(tmp_path / "work/store" / carried[0]["sha256"], tmp_path / "work/store" / odd["sha256"])
    with refused("FERRY-SBOM-001", "profile linux", "tools/pip-1.0-py3-none-any.whl", "F" * 63):
        sbom.make(str(tmp_path / "work"), profile(), [odd])
    assert os.path.exists(path)


def test_wheels_that_are_none_or_are_locked_twice_are_left_to_the_closure_check(tmp_path, profile):
    wheels = ("one-1.0-py3-none-any.whl", "two-1.0-py3-none-any.whl", "two-1.0-py2.py3-none-any.whl")
    packages = [{"name": wheel[:3], "version": "1.0", "wheel": wheel, "sha256": "0" * 64} for wheel in wheels]
    path = tmp_path / "locks" / "linux" / "pylock.toml"
    path.parent.mkdir(parents=True)
    path.write_bytes(pylock.write("3.11.2", "0" * 64, packages))
    for package in packages:
        place = pathlib.Path(store.place(str(tmp_path), package))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"no archive")
    assert graph(json.loads(sbom.make(str(tmp_path), profile(), [])))["profiles/linux"] == ["one", "two"]
    found = closure.problems(profile(), None, [], dict.fromkeys(wheels, ""))
    assert {problem.kind for problem in found} == {closure.MISFIT, closure.CONFLICT}
