# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SBOM of one profile: CycloneDX 1.6 as JSON, by the field's own library, and valid by the schema that comes with it.

It is of the bundle, so it says what a lock and its wheels say and nothing else: no time, no address, and not what the operator asked for,
which a lock that was brought along does not tell. The profile itself depends on every wheel that no other wheel asks for.
"""

from __future__ import annotations

import functools
import json
import uuid

from . import closure, libraries, licence_text, lock, metadata, pylock, store
from .libraries import PackageURL, canonicalize_name
from ..bundle import canonical, files, manifest
from ..errors import FerryError
from ..profile import Profile

_OURS = "airgap.ferry"
# Numbers that are made of contents begin here (RFC 9562, version 5).
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, _OURS)


def make(workdir: str, profile: Profile, installers: list) -> bytes:
    """The SBOM of the lock of ``profile``, canonical; the store has its wheels and ``installers``, both in the shape of a lock's packages.

    FERRY-SBOM-001 where it is not valid by the schema.
    """
    path = lock.lock_path(workdir, profile.name)
    locked = pylock.read(path)
    digest = files.sha256_bytes(files.read_limited(path, manifest.LIMIT))
    carried = [*locked["packages"], *installers]
    texts = {package["wheel"]: metadata.of_wheel(store.place(workdir, package)) for package in carried}
    bom = _bom(profile, locked, digest, installers, texts)
    document = json.loads(libraries.cyclonedx().output.json.JsonV1Dot6(bom).output_as_string())
    # The library's number is one by chance: the same locks would not give the same bundle.
    del document["serialNumber"]
    document["serialNumber"] = uuid.uuid5(_NAMESPACE, canonical.dumps(document).decode("ascii")).urn
    data = canonical.dumps(document)
    _validate(profile, document, data)
    return data


def roots(asked: dict) -> list:
    """The fewest names, in order, that lead to all others in ``{name: names that it asks for}``; of wheels in a ring the first one."""
    wanted = set().union(*asked.values())
    found: list = []
    reached: set = set()
    for name in sorted(set(asked) - wanted) + sorted(wanted):
        if name not in reached:
            below = _below(asked, name)
            # Of rings that lead to each other the first by name may be the last in line.
            found = [one for one in found if one not in below] + [name]
            reached |= below
    return sorted(found)


def _below(asked, name):
    reached, queue = set(), [name]
    while queue:
        one = queue.pop()
        if one not in reached:
            reached.add(one)
            queue.extend(asked[one])
    return reached


def _bom(profile, locked, digest, installers, texts):
    cyclonedx = libraries.cyclonedx()
    model = cyclonedx.model
    kinds, scopes = model.component.ComponentType, model.component.ComponentScope
    packages = {canonicalize_name(package["name"]): package for package in locked["packages"]}
    wheels = {
        name: _component(package, "wheels/", texts, kinds.LIBRARY, scopes.REQUIRED)
        for name, package in packages.items()
    }
    # They install the wheels and are not among them: what runs does not need them.
    tools = [_component(package, "tools/", texts, kinds.APPLICATION, scopes.EXCLUDED) for package in installers]
    whole = model.component.Component(
        name=profile.name,
        type=kinds.PLATFORM,
        bom_ref="profiles/" + profile.name,
        properties=_properties(profile, locked["trimmed"], digest),
    )
    asked = closure.asks(profile, {package["wheel"]: texts[package["wheel"]] for package in packages.values()})
    graph = {whole.bom_ref: roots(asked)}
    graph.update((wheels[name].bom_ref, sorted(names)) for name, names in asked.items())
    graph.update((tool.bom_ref, ()) for tool in tools)
    edge = model.dependency.Dependency
    maker = model.component.Component(name=_OURS, type=kinds.APPLICATION)
    described = model.bom.BomMetaData(component=whole, tools=model.tool.ToolRepository(components=[maker]))
    described.timestamp = None
    return model.bom.Bom(
        metadata=described,
        components=[*wheels.values(), *tools],
        dependencies=[edge(ref, [edge(wheels[name].bom_ref) for name in names]) for ref, names in graph.items()],
    )


def _component(package, folder, texts, kind, scope):
    cyclonedx = libraries.cyclonedx()
    model = cyclonedx.model
    return model.component.Component(
        name=package["name"],
        version=package["version"],
        type=kind,
        scope=scope,
        # Its place in the bundle: unique, also where a profile locks the pip that the bundle carries.
        bom_ref=folder + package["wheel"],
        purl=PackageURL("pypi", None, package["name"], package["version"], {"file_name": package["wheel"]}),
        hashes=[model.HashType(alg=model.HashAlgorithm.SHA_256, content=package["sha256"])],
        licenses=_licences(licence_text.of(texts[package["wheel"]])),
    )


def _licences(found):
    """What METADATA declares: an identifier or an expression of SPDX's, else its own words; nothing where it says nothing."""
    cyclonedx = libraries.cyclonedx()
    licences = cyclonedx.model.license
    declared = licences.LicenseAcknowledgement.DECLARED
    sole = found["expression"]
    if sole and cyclonedx.spdx.is_supported_id(sole):
        return [licences.DisjunctiveLicense(id=sole, acknowledgement=declared)]
    if sole:
        return [licences.LicenseExpression(sole, acknowledgement=declared)]
    return [licences.DisjunctiveLicense(name=found["said"], acknowledgement=declared)] if found["said"] else []


def _properties(profile, trimmed, digest):
    said = {key: getattr(profile, key) for key in ("os", "arch", "libc", "python", "accelerator", "trim")}
    pairs = [(key, value) for key, value in said.items() if value] + [("lock-sha256", digest)]
    for package in trimmed["left_out"] if trimmed else []:
        pairs.append(("left-out", "%s==%s" % (package["name"], package["version"])))
    made = libraries.cyclonedx().model.Property
    return [made(name="%s:%s" % (_OURS, key), value=value) for key, value in pairs]


@functools.lru_cache(maxsize=1)
def _validator():
    cyclonedx = libraries.cyclonedx()
    return cyclonedx.validation.json.JsonStrictValidator(cyclonedx.schema.SchemaVersion.V1_6)


def _validate(profile, document, data):
    problem = _validator().validate_str(data.decode("ascii"))
    if problem is None:
        return
    path = list(problem.data.absolute_path)
    named = document["components"][path[1]]["bom-ref"] if path[:1] == ["components"] and path[1:] else "the profile"
    raise FerryError(
        "FERRY-SBOM-001",
        "profile %s: expected a valid SBOM (CycloneDX 1.6), found in %s: %s; look at what the lock and METADATA say of it, "
        "or report a fault of airgap.ferry." % (profile.name, named, " ".join(problem.data.message.split())[:200]),
    )
