# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest: what a bundle holds. Its sha256 is the bundle's id, so nothing in it may differ between two builders."""

from __future__ import annotations

import re

from . import canonical
from .files import is_safe_path, sha256_bytes

TYPE = "airgap.ferry/manifest/v1"
NAME = "manifest.json"
SUMS = "SHA256SUMS"
LIMIT = 16 << 20
DIGEST = re.compile(r"[0-9a-f]{64}")
PROFILE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
# name-version(-build)-python-abi-platform.whl (PEP 427)
WHEEL = r"(?P<name>[A-Za-z0-9_.]+)-(?P<version>[A-Za-z0-9_.!+]+)(-[0-9][A-Za-z0-9_.]*)?(-[A-Za-z0-9_.]+){3}\.whl"
_LIBC = r"glibc-2\.[0-9]{1,3}"
_DRIVER = r"[0-9]{1,4}(\.[0-9]{1,4}){1,2}"
_PROFILE_TEXTS = {
    "os": "linux|windows",
    "arch": "x86_64|aarch64",
    "accelerator": "none|cuda",
    "python": r"3\.[0-9]{1,2}\.[0-9]{1,2}",
}
_PROFILE_KEYS = {
    "os",
    "arch",
    "libc",
    "python",
    "accelerator",
    "requires",
    "lock",
    "requirements",
    "sbom",
    "wheels",
    "installers",
}
# The papers of a profile: key -> file name under profiles/<profile>/.
PAPERS = {"lock": "pylock.toml", "requirements": "requirements.txt", "sbom": "sbom.cdx.json"}
_ROOTS = ("wheels", "tools", "profiles", "kit")
# Only where a named reduction left out what its wheels ask for.
_TRIM = "trim"


def build(profiles: dict, files: dict) -> bytes:
    """The manifest's bytes. ``profiles`` and ``files`` are in the shapes that :func:`parse` demands."""
    data = canonical.dumps({"type": TYPE, "profiles": profiles, "files": files})
    parse(data)
    return data


def parse(data: bytes) -> dict:
    """Read a manifest strictly: FERRY-BUNDLE-007 for anything unknown, missing, doubled or out of range."""
    need = _needer(NAME)
    manifest = canonical.loads(data, NAME, LIMIT)
    need(
        isinstance(manifest, dict) and set(manifest) == {"type", "profiles", "files"},
        "type, profiles and files",
        manifest,
    )
    need(manifest["type"] == TYPE, "the type %s" % TYPE, manifest["type"])
    files, profiles = manifest["files"], manifest["profiles"]
    need(isinstance(files, dict) and files, "files", files)
    for path, entry in files.items():
        need(is_safe_path(path) and path.split("/")[0] in _ROOTS, "a safe path", path)
        need(not path.startswith("wheels/") or _matches(WHEEL, path[7:]), "nothing but wheels in wheels/", path)
        check_file_entry(NAME, path, entry)
    need(len({path.lower() for path in files}) == len(files), "names that differ in more than case", "a collision")
    need(isinstance(profiles, dict) and profiles, "profiles", profiles)
    for name, profile in profiles.items():
        need(PROFILE.fullmatch(name) is not None, "a profile name", name)
        _check_profile(name, profile, files)
    return manifest


def check_file_entry(document: str, path: str, entry) -> None:
    """Refuse ``document`` unless ``entry`` is ``{"size": bytes, "sha256": hex}``."""
    need = _needer(document)
    need(isinstance(entry, dict) and set(entry) == {"size", "sha256"}, "size and sha256 for %s" % path, entry)
    need(_is_int(entry["size"]) and 0 <= entry["size"] < 1 << 40, "a size for %s" % path, entry["size"])
    need(
        isinstance(entry["sha256"], str) and DIGEST.fullmatch(entry["sha256"]) is not None,
        "a sha256 for %s" % path,
        entry["sha256"],
    )


def checksums(manifest_bytes: bytes) -> bytes:
    """The text of SHA256SUMS: every file of the manifest, and the manifest, as ``sha256sum -c`` reads it."""
    digests = {path: entry["sha256"] for path, entry in parse(manifest_bytes)["files"].items()}
    digests[NAME] = sha256_bytes(manifest_bytes)
    return "".join("%s  %s\n" % (digests[path], path) for path in sorted(digests)).encode("ascii")


def _check_profile(name, profile, files):
    def need(condition, expected, found):
        canonical.require(condition, NAME, "%s in profile %s" % (expected, name), found)

    need(
        isinstance(profile, dict) and set(profile) - {_TRIM} == _PROFILE_KEYS,
        "the keys %s" % sorted(_PROFILE_KEYS),
        profile,
    )
    need(_TRIM not in profile or _matches(PROFILE, profile[_TRIM]), "trim as a name", profile.get(_TRIM))
    for key, pattern in _PROFILE_TEXTS.items():
        need(_matches(pattern, profile[key]), "%s like %s" % (key, pattern), profile[key])
    if profile["os"] == "linux":
        need(_matches(_LIBC, profile["libc"]), "libc like %s" % _LIBC, profile["libc"])
    else:
        need(profile["libc"] is None, "no libc", profile["libc"])
    requires = profile["requires"]
    need(isinstance(requires, dict) and set(requires) == {"avx", "driver"}, "requires with avx and driver", requires)
    need(isinstance(requires["avx"], bool), "requires.avx as a boolean", requires["avx"])
    driver = requires["driver"]
    need(driver is None or _matches(_DRIVER, driver), "requires.driver as a version", driver)
    folder = "profiles/%s/" % name
    for key, file_name in PAPERS.items():
        need(profile[key] == folder + file_name, "%s as %s" % (key, folder + file_name), profile[key])
    installers, wheels = profile["installers"], profile["wheels"]
    need(
        isinstance(installers, dict) and "pip" in installers and set(installers) <= {"pip", "uv"},
        "installers",
        installers,
    )
    for path in installers.values():
        need(
            isinstance(path, str) and path.startswith("tools/") and _matches(WHEEL, path[6:]),
            "an installer's wheel",
            path,
        )
    need(isinstance(wheels, list) and wheels, "wheels", wheels)
    for wheel in wheels:
        need(_matches(WHEEL, wheel), "a wheel's file name", wheel)
    need(wheels == sorted(set(wheels)), "wheels sorted and once each", "another order")
    for path in [
        *(profile[key] for key in PAPERS),
        *installers.values(),
        *("wheels/" + wheel for wheel in wheels),
    ]:
        need(path in files, "only files that the bundle lists", path)


def _matches(pattern, value):
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _needer(document):
    return lambda condition, expected, found: canonical.require(condition, document, expected, found)


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)
