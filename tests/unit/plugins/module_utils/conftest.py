# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rooms' tests share: tiny wheels, real keys, signed bundles, and faults that can be made for real."""

from __future__ import annotations

import base64
import builtins
import contextlib
import hashlib
import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import types
import zipfile

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import (
    canonical,
    files,
    manifest,
    opening,
    signing,
    statement,
)
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError, from_os_error

CREATED = 1_795_000_000
CLOCK = CREATED + 3600
PYTHON_XY = "%d.%d" % sys.version_info[:2]
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = {"os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "subprocess.Popen"}


@pytest.fixture(scope="session")
def refused():
    """``with refused(code, *told)``: the block ends in one sentence for an operator, with this code and these words in it."""

    @contextlib.contextmanager
    def expect(code, *told):
        caught = types.SimpleNamespace(message=None)
        found = None
        try:
            yield caught
        except FerryError as error:
            found = error
        except OSError as error:  # as running.finish ends every module
            found = from_os_error(error, "testing")
        if found is None:
            pytest.fail("expected %s, nothing was refused" % code)
        caught.message = found.message
        assert found.code == code, str(found)
        assert "\n" not in found.message and found.message.endswith((".", "?")), found.message
        for words in told:
            assert words in found.message, found.message

    return expect


@pytest.fixture(scope="session")
def snapshot():
    """Everything under a folder as a value: kinds, modes, bytes and the targets of links."""

    def look(root, without=()):
        found = {}
        for folder, folders, names in os.walk(str(root)):
            folders[:] = [
                name for name in folders if os.path.relpath(os.path.join(folder, name), str(root)) not in without
            ]
            for name in folders + names:
                path = os.path.join(folder, name)
                relative = os.path.relpath(path, str(root))
                status = os.lstat(path)
                if stat.S_ISLNK(status.st_mode):
                    found[relative] = os.readlink(path)
                elif stat.S_ISREG(status.st_mode):
                    with open(path, "rb") as stream:
                        found[relative] = (stat.S_IMODE(status.st_mode), stream.read())
                else:
                    found[relative] = status.st_mode
        return found

    return look


@pytest.fixture(scope="session")
def flip():
    """Change one bit of one byte of a file; a negative position counts from its end."""

    def change(path, position, bit=1):
        with open(str(path), "r+b") as stream:
            data = bytearray(stream.read())
            data[position] ^= bit
            stream.seek(0)
            stream.write(data)

    return change


@pytest.fixture(scope="session")
def killed_at():
    """Do ``work()`` in a child that is killed (-9) just before its ``step``-th change of the disk; False where it ended before."""

    def run(step, work):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                left = [step]

                def count(event, arguments):
                    if (
                        event in _CHANGES
                        or event == "open"
                        and isinstance(arguments[2], int)
                        and arguments[2] & _WRITING
                    ):
                        left[0] -= 1
                        if left[0] == 0:
                            os.kill(os.getpid(), signal.SIGKILL)

                sys.addaudithook(count)
                work()
                code = 0
            except BaseException as error:  # noqa: B036  # the child must never return into pytest
                os.write(2, ("%r\n" % error).encode("utf-8", "replace"))
            finally:
                os._exit(code)
        _child, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return True
        assert os.WEXITSTATUS(status) == 0, "the child failed by itself"
        return False

    return run


@pytest.fixture
def full_disk(monkeypatch):
    """Give a module an ``open`` whose ``nth`` file opened for writing lies on a disk that is full (/dev/full: a real ENOSPC)."""

    def fill(module, nth):
        left = [nth]

        def patched(path, mode="r", *arguments, **options):
            if set(mode) & set("wx+a"):
                left[0] -= 1
                if left[0] == 0:
                    builtins.open(path, mode, *arguments, **options).close()
                    return builtins.open("/dev/full", "wb")
            return builtins.open(path, mode, *arguments, **options)

        monkeypatch.setattr(module, "open", patched, raising=False)
        return left

    return fill


@pytest.fixture(scope="session")
def make_wheel():
    """Write a tiny wheel, whole and well-formed unless told otherwise.

    ``metadata``: METADATA in place of the usual one. ``lying``: ``{path: bytes}`` that the archive holds in place of what RECORD says.
    ``unlisted``: files that RECORD does not name.
    """

    def make(
        folder,
        name="tiny",
        version="1.0",
        contents=None,
        requires=(),
        metadata=None,
        lying=None,
        unlisted=None,
        scripts=None,
    ):
        info = "%s-%s.dist-info" % (name, version)
        members = {
            "%s/__init__.py" % name: ("version = %r\n" % version).encode(),
            "%s/data.txt" % name: b"data of %s\n" % name.encode(),
        }
        members.update(contents or {})
        usual = [
            "Metadata-Version: 2.1",
            "Name: %s" % name,
            "Version: %s" % version,
            *("Requires-Dist: %s" % entry for entry in requires),
            "",
        ]
        members[info + "/METADATA"] = metadata or "\n".join(usual).encode()
        members[info + "/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        members.update(
            ("%s-%s.data/scripts/%s" % (name, version, script), text) for script, text in (scripts or {}).items()
        )
        rows = ["%s,sha256=%s,%d" % (path, _record_hash(data), len(data)) for path, data in members.items()]
        members[info + "/RECORD"] = "\n".join([*rows, info + "/RECORD,,", ""]).encode()
        members.update(lying or {})
        members.update(unlisted or {})
        os.makedirs(str(folder), exist_ok=True)
        path = os.path.join(str(folder), "%s-%s-py3-none-any.whl" % (name, version))
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members.items():
                information = zipfile.ZipInfo(member, (2026, 1, 1, 0, 0, 0))
                information.external_attr = (stat.S_IFREG | (0o755 if "/scripts/" in member else 0o644)) << 16
                archive.writestr(information, data, zipfile.ZIP_DEFLATED)
        return path

    return make


def _record_hash(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")


class Keys:
    """A GnuPG home of our own, with its agent, under a path short enough for the agent's socket."""

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="ut-", dir="/tmp")
        self._made = {}

    def gpg(self, *arguments, data=b"", home=None):
        """Run gpg; what it wrote to stdout."""
        command = ["gpg", "--homedir", home or self.home, "--batch", "--no-tty", "--quiet", *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=True, timeout=60).stdout

    def make(self, name, *options, passphrase="", expires="never", algorithm="ed25519"):
        """The fingerprint of the key ``name``, made when it is asked for first."""
        if name not in self._made:
            secret = ["--pinentry-mode", "loopback", "--passphrase-fd", "0"]
            self.gpg(
                *options,
                *secret,
                "--quick-generate-key",
                name,
                algorithm,
                "sign",
                expires,
                data=passphrase.encode() + b"\n",
            )
            listing = self.gpg("--with-colons", "--list-keys", "=" + name).decode()
            self._made[name] = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
        return self._made[name]

    def trusted(self, name, **changes):
        """The entry of ferry_trusted_keys for the key ``name``."""
        fingerprint = self._made[name]
        key = self.gpg("--armor", "--export", fingerprint).decode()
        return dict(
            {"name": name, "backend": "gpg", "fingerprint": fingerprint, "key": key, "roles": ["builder"]}, **changes
        )

    def sign(self, data, *names, options=()):
        """A detached, armoured signature of ``data`` by each of ``names``."""
        users = [word for name in names for word in ("--local-user", self._made[name])]
        return self.gpg("--digest-algo", "SHA512", "--armor", *options, *users, "--detach-sign", data=data)

    def close(self):
        """End the agent and remove the home."""
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "gpg-agent"], check=False, capture_output=True)
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture(scope="session")
def keys():
    """Real keys, made once; ``builder`` is the one that signs bundles."""
    made = Keys()
    made.make("builder")
    yield made
    made.close()


@pytest.fixture(scope="session")
def trusted(keys):
    """ferry_trusted_keys that trust the builder."""
    return [keys.trusted("builder")]


@pytest.fixture(scope="session")
def profile():
    """A profile, as a manifest describes it, that the machine under test fits; its wheels are the caller's."""

    def make(name, wheels, installers, **changes):
        described = {
            "os": "linux",
            "arch": {"arm64": "aarch64"}.get(platform.machine(), platform.machine()),
            "libc": "glibc-2.17",
            "python": PYTHON_XY + ".0",
            "accelerator": "none",
            "requires": {"avx": False, "driver": None},
            "lock": "profiles/%s/pylock.toml" % name,
            "requirements": "profiles/%s/requirements.txt" % name,
            "sbom": "profiles/%s/sbom.cdx.json" % name,
            "wheels": sorted(wheels),
            "installers": installers,
        }
        return dict(described, **changes)

    return make


@pytest.fixture(scope="session")
def make_bundle(keys, profile):
    """Write a bundle to ``<folder>/<name>-<serial>/``, signed by the key ``key``, from wheels and installers that lie somewhere.

    Returns ``path``, ``id``, ``serial`` and the parsed ``manifest``.
    """

    def make(
        folder,
        wheels,
        installers,
        serial=CREATED,
        name="tf",
        profiles=("cpu",),
        key="builder",
        created=CREATED,
        expires=None,
        changes=None,
    ):
        path = os.path.join(str(folder), opening.directory_name(name, serial))
        names = [os.path.basename(wheel) for wheel in wheels]
        contents = {"wheels/" + os.path.basename(wheel): _bytes(wheel) for wheel in wheels}
        carried = {kind: "tools/" + os.path.basename(wheel) for kind, wheel in installers.items()}
        contents.update((carried[kind], _bytes(wheel)) for kind, wheel in installers.items())
        described = {}
        for one in profiles:
            described[one] = profile(one, names, carried, **(changes or {}))
            lines = [
                "%s==%s --hash=sha256:%s\n" % (*wheel.split("-")[:2], files.sha256_bytes(contents["wheels/" + wheel]))
                for wheel in names
            ]
            contents["profiles/%s/requirements.txt" % one] = "".join(lines).encode()
            contents["profiles/%s/pylock.toml" % one] = ("# the lock of %s\n" % one).encode() + contents[
                "profiles/%s/requirements.txt" % one
            ]
            contents["profiles/%s/sbom.cdx.json" % one] = canonical.dumps({"bomFormat": "CycloneDX"})
        listed = manifest.build(described, {path: _entry(data) for path, data in contents.items()})
        papers = {
            manifest.NAME: listed,
            manifest.SUMS: manifest.checksums(listed),
            statement.SOURCES: canonical.dumps({}),
            statement.GATES: canonical.dumps({}),
        }
        said = statement.build(
            name,
            serial,
            created,
            "builder@staging",
            None,
            {path: _entry(data) for path, data in papers.items()},
            expires,
        )
        papers[statement.NAME] = said
        papers[signing.file_name("gpg")] = keys.sign(said, key)
        for relative, data in list(contents.items()) + list(papers.items()):
            place = os.path.join(path, relative)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "wb") as stream:
                stream.write(data)
        return types.SimpleNamespace(
            path=path,
            id=files.sha256_bytes(listed),
            serial=serial,
            name=name,
            manifest=manifest.parse(listed),
            text=listed.decode(),
        )

    return make


def _bytes(path):
    with open(path, "rb") as stream:
        return stream.read()


def _entry(data):
    return {"size": len(data), "sha256": files.sha256_bytes(data)}


@pytest.fixture(scope="session")
def wheels(tmp_path_factory, make_wheel):
    """Two tiny wheels and a stand-in for pip, for tests that install nothing."""
    folder = tmp_path_factory.mktemp("wheels")
    return types.SimpleNamespace(
        packages=[make_wheel(folder, "tiny"), make_wheel(folder, "small", "2.1", requires=["tiny"])],
        installers={"pip": make_wheel(folder, "pip", "26.3")},
    )


@pytest.fixture(scope="session")
def signed(tmp_path_factory, make_bundle, wheels):
    """One good bundle, as a staging host leaves it; read it, copy it, never change it."""
    return make_bundle(tmp_path_factory.mktemp("staging") / "bundles", wheels.packages, wheels.installers)


@pytest.fixture
def staging(tmp_path, signed):
    """A copy of the good bundle in a work directory of its own: ``workdir``, ``path``, ``id``, ``serial``, ``name``."""
    path = tmp_path / "staging" / "bundles" / os.path.basename(signed.path)
    shutil.copytree(signed.path, str(path))
    return types.SimpleNamespace(
        workdir=str(tmp_path / "staging"),
        path=str(path),
        id=signed.id,
        serial=signed.serial,
        name=signed.name,
        manifest=signed.manifest,
    )
