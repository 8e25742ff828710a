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
_PROFILE_KEYS = {
    "os",
    "arch",
    "libc",
    "python",
    "accelerator",
    "requires",
    "lock",
    "requirements",
    "wheels",
    "installers",
}


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
        need(is_safe_path(path) and path.split("/")[0] in ("wheels", "tools", "profiles"), "a safe path", path)
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
    need = _needer(NAME)
    need(
        isinstance(profile, dict) and set(profile) == _PROFILE_KEYS,
        "the keys %s in profile %s" % (sorted(_PROFILE_KEYS), name),
        profile,
    )
    need(profile["os"] in ("linux", "windows"), "an os in profile %s" % name, profile["os"])
    need(profile["arch"] in ("x86_64", "aarch64"), "an arch in profile %s" % name, profile["arch"])
    need(profile["accelerator"] in ("none", "cuda"), "an accelerator in profile %s" % name, profile["accelerator"])
    libc = r"glibc-2\.[0-9]{1,3}" if profile["os"] == "linux" else None
    need(
        profile["libc"] is None
        if libc is None
        else isinstance(profile["libc"], str) and re.fullmatch(libc, profile["libc"]),
        "a libc in profile %s" % name,
        profile["libc"],
    )
    python = profile["python"]
    need(
        isinstance(python, str) and re.fullmatch(r"3\.[0-9]{1,2}\.[0-9]{1,2}", python),
        "a full Python version in profile %s" % name,
        python,
    )
    requires = profile["requires"]
    need(
        isinstance(requires, dict) and set(requires) == {"avx", "driver"},
        "avx and driver in profile %s" % name,
        requires,
    )
    need(isinstance(requires["avx"], bool), "avx as a boolean in profile %s" % name, requires["avx"])
    need(
        requires["driver"] is None or isinstance(requires["driver"], str),
        "a driver version in profile %s" % name,
        requires["driver"],
    )
    need(profile["lock"] == "profiles/%s/pylock.toml" % name, "the lock's path in profile %s" % name, profile["lock"])
    need(
        profile["requirements"] == "profiles/%s/requirements.txt" % name,
        "the requirements' path in profile %s" % name,
        profile["requirements"],
    )
    installers = profile["installers"]
    need(
        isinstance(installers, dict) and "pip" in installers and set(installers) <= {"pip", "uv"},
        "installers in profile %s" % name,
        installers,
    )
    need(isinstance(profile["wheels"], list) and profile["wheels"], "wheels in profile %s" % name, profile["wheels"])
    need(
        profile["wheels"] == sorted(set(map(str, profile["wheels"]))),
        "sorted wheels in profile %s" % name,
        "another order",
    )
    named = [profile["lock"], profile["requirements"]] + ["wheels/%s" % wheel for wheel in profile["wheels"]]
    for path in named + sorted(map(str, installers.values())):
        need(path in files, "%s, which profile %s names, among the files" % (path, name), "nothing")


def _needer(document):
    return lambda condition, expected, found: canonical.require(condition, document, expected, found)


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)
