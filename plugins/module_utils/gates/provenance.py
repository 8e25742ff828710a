# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where locked wheels come from: the attestations that an index has of them (PEP 740), verified for the locked sha256.

The index says which publisher an attestation is of; the signature, made with a certificate of that publisher, is verified here, against
the roots of trust that sigstore carries. Nothing but the index is asked.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from . import asked, report
from .osv import line
from ..errors import FerryError
from ..resolve import client, index, libraries

GATE = "provenance"
_JSON = "application/vnd.pypi.simple.v1+json"
_DEFAULT = "https://pypi.org/simple"
_AT_ONCE = 8
# A provenance object has one or two attestations of 10 KB.
_LIMIT = 1 << 20
_MOST = 32


class _Unknown(Exception):
    """The index does not tell; what it is raised with says why."""


class _Refused(Exception):
    """A provenance that must not be believed: a code, and a sentence that goes on after "its provenance"."""


class _Origin(NamedTuple):
    """What is known of one wheel: the publisher that vouches for it in words, or why nobody knows, or a finding's code and text."""

    publisher: str | None = None
    unknown: str | None = None
    refused: tuple | None = None


def check(packages, environment, required, publishers, enforced):
    """The gate's answer. ``environment`` is :func:`..resolve.index.environment`'s.

    ``required``: names of packages that must have provenance, ``*`` for all. ``publishers``: ``{name: {"kind": "GitHub", "repository":
    "owner/name", "workflow": optional}}``, the one publisher of a package, which is then required too. Provenance that does not verify is
    a finding for every package.
    """
    expected = asked.publishers(publishers)
    wanted = {libraries.canonicalize_name(name) for name in required if name != "*"} | set(expected)
    needed = {package["name"] for package in packages} if "*" in required else wanted
    origins = [
        _origin(package, given, expected.get(package["name"]))
        for package, given in zip(packages, _given(packages, environment))
    ]
    findings = [
        found
        for package, origin in zip(packages, origins)
        for found in _findings(package, origin, package["name"] in needed)
    ]
    told = _told(packages, origins, wanted - {package["name"] for package in packages})
    unknown = sorted({origin.unknown for origin in origins if origin.unknown})
    answer = report.answer(GATE, enforced, findings, told)
    if findings:
        return answer
    if unknown:
        return dict(answer, state=report.NOT_CHECKED, told=["the index does not tell of all: " + unknown[0], *told])
    if not any(origin.publisher for origin in origins):
        return dict(answer, state=report.NOT_CHECKED, told=["the index gives no provenance", *told])
    return answer


def _findings(package, origin, needed):
    if origin.refused:
        return [report.finding(origin.refused[0], package, origin.refused[1])]
    if not needed or origin.publisher:
        return []
    if origin.unknown:
        text = "provenance is required of it, and the index does not tell: %s" % origin.unknown
        return [report.finding("FERRY-GATE-012", package, text)]
    return [report.finding("FERRY-GATE-011", package, "provenance is required of it, and the index gives none")]


def _told(packages, origins, elsewhere):
    vouched: dict = {}
    for package, origin in zip(packages, origins):
        if origin.publisher:
            vouched.setdefault(origin.publisher, []).append(package["wheel"])
    verified = sum(map(len, vouched.values()))
    told = ["provenance verified of %d of %d wheels" % (verified, len(packages))]
    told += ["%s vouches for %s" % (who, ", ".join(sorted(wheels))) for who, wheels in sorted(vouched.items())]
    if elsewhere:
        told.append("ferry_provenance names packages that are not locked: %s" % ", ".join(sorted(elsewhere)))
    return told


# What the index gives


def _given(packages, environment):
    """Per package its provenance object's bytes, None where there is none, or the _Unknown that says why nobody knows."""
    base = (environment.get("PIP_INDEX_URL") or _DEFAULT).rstrip("/")
    asking = _Asking(client.of(environment))
    urls = {package["name"]: "%s/%s/" % (base, package["name"]) for package in packages}
    wheels = {package["wheel"] for package in packages}
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        pages = dict(zip(urls, pool.map(lambda url: _page(asking, url, wheels), urls.values())))
        return list(pool.map(lambda one: _object(asking, urls[one["name"]], pages[one["name"]], one), packages))


class _Asking:
    """Asks, and asks nothing more of a host that cannot be reached: every try takes its time."""

    def __init__(self, asked):
        self._client = asked
        self._lost: dict = {}

    def get(self, url, accept=None):
        """The bytes at ``url``, or _Unknown; ValueError for what is no address."""
        shown = line(index.scrub(url))
        try:
            parts = urllib.parse.urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                # An index may not send a builder to files of its own.
                raise _Unknown("%s is no address that can be asked over HTTP" % shown)
            if parts.netloc in self._lost:
                raise _Unknown(self._lost[parts.netloc])
            return self._client.get(url, accept=accept)
        except client.Absent:
            raise _Unknown("%s is not there" % shown)
        except FerryError as error:
            self._lost[parts.netloc] = error.message.rstrip(".")
            raise _Unknown(self._lost[parts.netloc])


def _page(asking, url, wheels):
    """``{wheel: address of its provenance, or None}`` of a project's page, or the _Unknown."""
    try:
        files = json.loads(asking.get(url, _JSON))["files"]
        return {one["filename"]: one.get("provenance") for one in files if one["filename"] in wheels}
    except _Unknown as unknown:
        return unknown
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _Unknown("%s is no JSON page (PEP 691)" % line(index.scrub(url)))


def _object(asking, url, page, package):
    if isinstance(page, _Unknown):
        return page
    place = page.get(package["wheel"])
    if place is None:
        return None
    try:
        if isinstance(place, str) and place:
            return asking.get(urllib.parse.urljoin(url, place))[: _LIMIT + 1]
        raise ValueError
    except _Unknown as unknown:
        return unknown
    except ValueError:
        return _Unknown("%s names %s as provenance, which is no address" % (line(index.scrub(url)), line(str(place))))


# What it is worth


def _origin(package, given, expected):
    if given is None:
        return _Origin()
    if isinstance(given, _Unknown):
        return _Origin(unknown=str(given))
    try:
        return _Origin(publisher=_verified(package, given, expected))
    except _Refused as refused:
        code, text = refused.args
        return _Origin(refused=(code, "its provenance " + text))


def _verified(package, given, expected):
    """The publishers that vouch for a wheel, in words; _Refused unless every attestation of it is good."""
    library = libraries.attestations()
    if library is None:
        raise FerryError(
            "FERRY-TOOL-001",
            "The tools environment has no pypi-attestations, which verifies provenance; run with the one that the prepare role makes.",
        )
    if len(given) > _LIMIT:
        raise _Refused("FERRY-GATE-009", "is larger than %d bytes" % _LIMIT)
    try:
        bundles = library.Provenance.model_validate_json(given).attestation_bundles
        wheel = library.Distribution(name=package["wheel"], digest=package["sha256"])
    except ValueError as error:
        raise _Refused("FERRY-GATE-009", "cannot be read: %s" % line(str(error), 300))
    attestations = [(bundle.publisher, one) for bundle in bundles for one in bundle.attestations]
    if not attestations or not all(bundle.attestations for bundle in bundles) or len(attestations) > _MOST:
        raise _Refused("FERRY-GATE-009", "holds no attestation, or more than %d" % _MOST)
    with _own_roots_of_trust():
        for publisher, attestation in attestations:
            try:
                attestation.verify(publisher, wheel, offline=True)
            except (
                Exception
            ) as error:  # of four libraries, about bytes that anybody may have written: whatever it is, it is no proof
                said = line(str(error), 300) or type(error).__name__
                raise _Refused(
                    "FERRY-GATE-009",
                    "does not verify for this file and %s: %s; use neither before you know why"
                    % (_in_words(publisher), said),
                )
    who = sorted({_in_words(bundle.publisher) for bundle in bundles})
    if expected and not all(_is(bundle.publisher, expected) for bundle in bundles):
        named = " ".join(expected[key] for key in ("kind", *asked.KINDS[expected["kind"]]) if key in expected)
        raise _Refused("FERRY-GATE-010", "is of %s, and ferry_provenance expects %s" % (" and ".join(who), named))
    return " and ".join(who)


def _is(publisher, expected):
    """Whether it is the expected one. Owners and repositories have no case where they are kept."""
    return all(_folded(key, getattr(publisher, key, None)) == _folded(key, value) for key, value in expected.items())


def _folded(key, value):
    return value.casefold() if key == "repository" and value else value


def _in_words(publisher):
    parts = [getattr(publisher, key) for key in asked.KINDS.get(publisher.kind, ()) if getattr(publisher, key)]
    return line(" ".join([publisher.kind, *parts]))


@contextlib.contextmanager
def _own_roots_of_trust():
    """Let sigstore see the roots of trust that it carries, and no others.

    Offline it takes those that lie in the user's cache, unverified, and writes there what it lacks: two builders would judge differently.
    """
    logger = logging.getLogger("sigstore")
    if not logger.handlers:
        # It warns of being offline, on a module's standard error.
        logger.addHandler(logging.NullHandler())
    names = ("XDG_CACHE_HOME", "XDG_DATA_HOME")
    before = {name: os.environ.get(name) for name in names}
    with tempfile.TemporaryDirectory(prefix="ferry-") as empty:
        os.environ.update(dict.fromkeys(names, empty))
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
