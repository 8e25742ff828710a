# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two bundles for a host: the second one upgrades two packages of the first, keeps one, brings one and drops one."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import pathlib
import platform
import stat
import subprocess
import sys
import zipfile

from ansible_collections.airgap.ferry.plugins.module_utils.bundle import canonical, files, manifest
from ansible_collections.airgap.ferry.plugins.module_utils.profile import Profile
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import installers as pinned

PROFILE = "cpu"
OLD = {"alpha": "1.0", "beta": "1.0", "gamma": "1.0", "delta": "1.0"}
NEW = {"alpha": "2.0", "beta": "1.0", "gamma": "1.1", "epsilon": "1.0"}
_SPEC = {"os": "linux", "libc": "glibc-2.17", "python": "%d.%d" % sys.version_info[:2], "accelerator": "none"}


class Missing(Exception):
    """What this machine would need, in a sentence."""


def installers() -> dict:
    """``{"pip": path, "uv": path}`` of the wheels that bundles carry, downloaded once into the user's cache."""
    folder = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "airgap.ferry", "tests")
    if platform.system() != "Linux" or platform.machine() not in ("x86_64", "aarch64"):
        raise Missing("no installers are pinned for this platform")
    found = {}
    for package in pinned.installers(Profile.from_spec("here", dict(_SPEC, arch=platform.machine()))):
        path = folder / package["wheel"]
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
            command.append("%s==%s" % (package["name"], package["version"]))
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
            if done.returncode != 0 or not path.exists():
                raise Missing("%s cannot be had from the index: %s" % (path.name, done.stderr.strip()[-200:]))
        if files.sha256_file(str(path)) != package["sha256"]:
            raise Missing("%s is not what is pinned; remove it" % path)
        found[package["name"]] = str(path)
    return found


def publish(depot: str, packages: dict, carried: dict) -> str:
    """Lay a bundle of ``packages`` (``{name: version}``) with the installers ``carried`` into the folder ``depot``; its id.

    A host takes what the manifest names and looks at no other paper.
    """
    contents = {"wheels/" + name: data for name, data in (_wheel(*item) for item in packages.items())}
    wheels = sorted(os.path.basename(path) for path in contents)
    tools = {kind: "tools/" + os.path.basename(path) for kind, path in carried.items()}
    contents.update((tools[kind], pathlib.Path(path).read_bytes()) for kind, path in carried.items())
    profile = dict(_SPEC, arch=platform.machine(), python=_SPEC["python"] + ".0", wheels=wheels, installers=tools)
    profile["requires"] = {"avx": False, "driver": None}
    for kind, name in (("lock", "pylock.toml"), ("requirements", "requirements.txt"), ("sbom", "sbom.cdx.json")):
        profile[kind] = "profiles/%s/%s" % (PROFILE, name)
    listed = ["%s==%s --hash=sha256:%s\n" % (*one.split("-")[:2], _sha256(contents["wheels/" + one])) for one in wheels]
    contents[profile["requirements"]] = "".join(listed).encode()
    contents[profile["lock"]] = b"# the lock\n" + contents[profile["requirements"]]
    contents[profile["sbom"]] = canonical.dumps({"bomFormat": "CycloneDX"})
    entries = {path: {"size": len(data), "sha256": _sha256(data)} for path, data in contents.items()}
    contents[manifest.NAME] = manifest.build({PROFILE: profile}, entries)
    identity = _sha256(contents[manifest.NAME])
    for path, data in contents.items():
        place = pathlib.Path(depot, identity, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return identity


def _wheel(name, version):
    """File name and bytes of a small wheel: modules in two folders, data, a console script and a plain one."""
    info = "%s-%s.dist-info" % (name, version)
    said = "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version)
    members = {
        "%s/__init__.py" % name: "from .inner import version\n\n\ndef main():\n    print(version)\n",
        "%s/inner/__init__.py" % name: "from .deep import version\n",
        "%s/inner/deep.py" % name: "version = %r\n" % version,
        "%s/data.txt" % name: "data of %s %s\n" % (name, version),
        "%s-%s.data/scripts/%s-script" % (name, version, name): "#!python\nimport %s\n" % name,
        info + "/METADATA": said,
        info + "/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        info + "/entry_points.txt": "[console_scripts]\n%s-tool = %s:main\n" % (name, name),
    }
    rows = ["%s,sha256=%s,%d" % (path, _record_hash(text.encode()), len(text)) for path, text in members.items()]
    members[info + "/RECORD"] = "\n".join([*rows, info + "/RECORD,,", ""])
    file_name = "%s-%s-py3-none-any.whl" % (name, version)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in members.items():
            member = zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0))
            member.external_attr = (stat.S_IFREG | (0o755 if "/scripts/" in path else 0o644)) << 16
            archive.writestr(member, text, zipfile.ZIP_DEFLATED)
    return file_name, made.getvalue()


def _sha256(data):
    return files.sha256_bytes(data)


def _record_hash(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")
