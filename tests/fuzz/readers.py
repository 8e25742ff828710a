# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The readers of bytes that nobody has vouched for, and what must be true of each, whatever it is given.

Refused with one sentence and its code, or taken; and what was taken is what another reader, written in another way, takes too.
"""

from __future__ import annotations

import base64
import binascii
import csv
import email
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
import zipfile

from ansible_collections.airgap.ferry.plugins.module_utils.bundle import (
    archive,
    armor,
    canonical,
    files,
    manifest,
    parts,
    ssh,
    statement,
    wheel,
)
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.zone import directory

from fuzz import archives, tars, values

# What the bundles of the fuzzers were made at, and the clock that they are opened by.
_CREATED = 1_795_000_000


class Escape(Exception):
    """A reader let something through, or failed in a way that is no refusal."""


class Reader:
    """One reader: ``seeds`` that it takes, ``change`` for another input, ``read`` that raises FerryError or checks what was taken."""

    name = ""
    codes: tuple = ()
    # As much of an input as the fuzzer makes: the readers' own limits have tests of their own.
    most = 8192
    # The most that one input may cost, in seconds of the processor.
    seconds = 2.0

    def __init__(self):
        # A disk in memory where there is one: an input is written and read there, thousands of times a second.
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="ferry-fuzz-", dir=shared)

    def seeds(self):
        raise NotImplementedError

    def change(self, data, random):
        raise NotImplementedError

    def read(self, data):
        raise NotImplementedError

    def judge(self, data):
        """``taken`` or the code of the refusal, and the shape of its sentence; :class:`Escape` for everything else."""
        try:
            self.read(data)
        except FerryError as error:
            if error.code not in self.codes:
                raise Escape("%s, where only %s are meant" % (error, ", ".join(self.codes)))
            if not error.message.isprintable() or not error.message.endswith(".") or len(error.message) > 2000:
                raise Escape("no sentence: %r" % error.message[:200])
            return error.code, re.sub(r"'.*'|[0-9]+|\S*/\S*", "", error.message)[:200]
        return "taken", ""

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def put(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as stream:
            stream.write(data)
        return path


def _require(condition, words):
    if not condition:
        raise Escape(words)


class _Json(Reader):
    """A document in canonical JSON."""

    codes = ("FERRY-BUNDLE-007",)

    def change(self, data, random):
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return values.change_bytes(data, random, values.PIECES)
        data = _dump(values.change_value(value, random))
        return values.change_bytes(data, random, values.PIECES) if random.random() < 0.15 else data

    def same(self, data, value):
        """What was taken is the one spelling of what Python's own reader finds."""
        _require(json.loads(data) == value, "another value")
        _require(_dump(value) == data, "another spelling was taken")
        _require(not re.search(rb"[^\x20-\x7e]", data[:-1]) and data.endswith(b"\n"), "a byte that is no ASCII")


def _dump(value):
    return (json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=True) + "\n").encode("ascii")


class Canonical(_Json):
    name = "canonical JSON"

    def seeds(self):
        return [
            _dump(one)
            for one in (None, 7, "x", [], {}, [1, [2, {"a": None}]], {"a": {"b": [True, -5, "\u00e4\ud800"]}})
        ]

    def read(self, data):
        value = canonical.loads(data, "some.json", self.most)
        self.same(data, value)
        _require(not re.search(rb'(?<!")[0-9]\.[0-9]', re.sub(rb'"[^"]*"', b"", data)), "a float")


class Manifest(_Json):
    name = "manifest"

    def seeds(self):
        return [_manifest(), _manifest("windows"), _manifest(trim="slim")]

    def read(self, data):
        value = manifest.parse(data)
        self.same(data, value)
        for path in value["files"]:
            _require(_is_plain(path), "the path %r" % path)
        folded = [path.lower() for path in value["files"]]
        _require(len(set(folded)) == len(folded), "two names that differ in case")
        sums = manifest.checksums(data).decode("ascii").splitlines()
        _require(len(sums) == len(value["files"]) + 1, "SHA256SUMS of another length")
        for profile in value["profiles"].values():
            for name in profile["wheels"]:
                _require("wheels/" + name in value["files"], "a wheel that is not listed")
                wheel.fits(name, profile)


class Statement(_Json):
    name = "statement"
    codes = ("FERRY-BUNDLE-007", "FERRY-BUNDLE-009")

    def seeds(self):
        entries = {path: {"size": 3, "sha256": "ab" * 32} for path in statement.SIGNED}
        made = [("tf", _CREATED, None, None), ("a-b-0", 1, "cd" * 32, _CREATED + 99999)]
        return [statement.build(name, serial, _CREATED, "b@h", old, entries, end) for name, serial, old, end in made]

    def read(self, data):
        value = statement.parse(data)
        self.same(data, value)
        _require(
            0 < value["serial"] < 1 << 40 and re.fullmatch("[a-z0-9-]{1,32}", value["name"]), "an odd serial or name"
        )
        _require(value["builder"].isprintable(), "a builder that drives a terminal")
        statement.check_time(value, _CREATED)


class List(Reader):
    name = "list of a zone"
    codes = ("FERRY-ZONE-002",)

    def seeds(self):
        return [
            directory.write_list({path: "0123456789abcdef" * 4 for path in some})
            for some in (["a"], ["a/b", "c.whl", "d"])
        ]

    def change(self, data, random):
        if random.random() < 0.5:
            return values.change_bytes(
                data, random, (b"  ", b"\n", b" *", b"\r\n", b"../", b"/", b"\\", b"\0", b"\x0b", b"\xc2\x85")
            )
        lines = data.decode("ascii", "replace").split("\n")
        place = random.randrange(len(lines))
        lines[place] = values.change_text(lines[place], random)
        if random.random() < 0.3:
            lines.insert(place, random.choice(lines))
        if random.random() < 0.3:
            lines.append("%064x  %s" % (random.getrandbits(256), random.choice(values.TEXTS)))
        if random.random() < 0.5:
            lines = [*sorted(lines, key=lambda line: line[66:]), ""] if "" not in lines else lines
        return "\n".join(lines).encode("utf-8", "surrogatepass")

    def read(self, data):
        found = directory.read_list(self.put("tf-1.sha256", data))
        lines = data.decode("ascii").split("\n")
        _require(lines.pop() == "" and len(lines) == len(found), "another number of lines")
        _require({line[66:]: line[:64] for line in lines} == found, "other lines")
        for path, digest in found.items():
            _require(_is_plain(path) and re.fullmatch("[0-9a-f]{64}", digest), "the path %r" % path)


class _Armour(Reader):
    """Bytes in armour; there is no code, an armour is one or is none."""

    most = 4096
    mark = b""

    def change(self, data, random):
        body = self._body(data)
        kind = random.random()
        if body and kind < 0.35:
            return self.write(values.change_bytes(body, random))
        if kind < 0.5:  # the bits of the last character that no body needs
            place = data.rfind(b"=\n-----") if random.random() < 0.5 else data.find(b"=")
            if place > 0:
                return data[: place - 1] + bytes([data[place - 1] + random.choice((1, -1, 2)) & 0x7F]) + data[place:]
        return values.change_bytes(
            data, random, (b"\n", b"\r\n", b" ", b"=", b"Version: 1\n", b"Comment: x\n", b"-----", b"A", b"\n\n")
        )

    def _body(self, data):
        try:
            return binascii.a2b_base64(
                b"".join(line for line in data.split(b"\n") if b"-" not in line and line[:1] != b"=")
            )
        except binascii.Error:
            return None

    def same(self, data, body):
        lines = data.split(b"\n")
        inner = [line for line in lines[1:-2] if line and line[:1] != b"="]
        text = b"".join(inner)
        _require(lines[0] == b"-----BEGIN %s SIGNATURE-----" % self.mark and lines[-1] == b"", "another frame")
        _require(lines[-2] == b"-----END %s SIGNATURE-----" % self.mark, "another end")
        _require(binascii.a2b_base64(text, strict_mode=True) == body, "another body")
        _require(base64.b64encode(body) == text and len({len(line) for line in inner[:-1]}) < 2, "another spelling")


class PgpArmour(_Armour):
    name = "armour of gpg"
    mark = b"PGP"

    def write(self, body):
        return armor.write_pgp(body)

    def seeds(self):
        return [self.write(bytes(range(1, 1 + length))) for length in (1, 2, 3, 48, 49, 119, 200)]

    def read(self, data):
        body = armor.pgp_body(data)
        if body is None:
            raise FerryError("FERRY-BUNDLE-002", "no armour.")
        self.same(data, body)

    codes = ("FERRY-BUNDLE-002",)


class SshSignature(_Armour):
    name = "signature of ssh"
    mark = b"SSH"
    codes = ("FERRY-BUNDLE-002",)

    def write(self, body):
        return armor.write_ssh(body)

    def seeds(self):
        def field(data):
            return len(data).to_bytes(4, "big") + data

        made = []
        for kind, algorithm, more in (
            (b"ssh-ed25519", b"ssh-ed25519", b""),
            (b"ssh-rsa", b"rsa-sha2-512", b""),
            (b"sk-ssh-ed25519@openssh.com", b"sk-ssh-ed25519@openssh.com", b"\1\0\0\0\7"),
        ):
            key = field(kind) + field(b"\1\0\1") + field(b"k" * 32)
            made.append(
                b"SSHSIG\0\0\0\1"
                + b"".join(
                    map(
                        field, (key, ssh.NAMESPACE.encode(), b"", b"sha512", field(algorithm) + field(b"s" * 64) + more)
                    )
                )
            )
        return [self.write(body) for body in made]

    def read(self, data):
        body = armor.ssh_body(data)
        try:
            found = ssh._parse(body)
        except ValueError:
            raise FerryError("FERRY-BUNDLE-002", "no signature.")
        self.same(data, body)
        _require(body.startswith(b"SSHSIG\0\0\0\1"), "another version")
        key, namespace, reserved, hashed, signature = _fields(body[10:], 5)
        _require((key, reserved) == (found["key"], b""), "another key")
        _require(
            (namespace.decode(), hashed.decode()) == (found["namespace"], found["hash"]), "another purpose or hash"
        )
        algorithm = _fields(signature, 1, whole=False)[0]
        more = signature[-5:] if algorithm.startswith(b"sk-") else b""
        _require(
            _fields(signature[: len(signature) - len(more)], 2)[0].decode() == found["algorithm"], "another algorithm"
        )
        _require(found["flags"] == (more[0] if more else 0), "other flags")
        ssh._fingerprint(found["key"])
        try:
            ssh._require_strong("the signature", found)
        except FerryError as error:
            _require(error.code == "FERRY-BUNDLE-011", str(error))


def _fields(data, count, whole=True):
    """``count`` fields of SSH's wire format, which are all of ``data``."""
    found = []
    for _field in range(count):
        _require(len(data) >= 4, "a field that is too short")
        end = 4 + int.from_bytes(data[:4], "big")
        _require(len(data) >= end, "a field that is too short")
        found.append(data[4:end])
        data = data[end:]
    _require(not data or not whole, "bytes behind the last field")
    return found


class Parts(Reader):
    """The first byte says how the stream is cut, the second in which way the list of the parts lies."""

    name = "parts"
    codes = ("FERRY-PART-001", "FERRY-PART-002", "FERRY-PART-003", "FERRY-PART-004", "FERRY-PART-006")
    most = 24_000
    _SIZES = (1 << 20, 700, 1024, 4096)

    def seeds(self):
        contents = {"manifest.json": b"{}\n", "wheels/a-1-py3-none-any.whl": b"w" * 700, "statement.json": b"s" * 512}
        contents.update(
            {"statement.json.asc": b"a", "profiles/%s/%s" % ("p" * 90, "l" * 100): b"", "tools/" + "t" * 180: b"t"}
        )
        made = []
        for names in (list(contents), list(contents)[:1], list(contents)[:4]):
            source = tempfile.mkdtemp(dir=self.folder)
            for name in names:
                os.makedirs(os.path.dirname(os.path.join(source, name)), exist_ok=True)
                self.put(os.path.join(source, name), contents[name])
            expected = {name: hashlib.sha256(contents[name]).hexdigest() for name in names}
            pieces = []
            archive.write(source, {name: len(contents[name]) for name in names}, expected, pieces.append)
            made += [bytes([size, 0]) + b"".join(pieces) for size in range(len(self._SIZES))]
            shutil.rmtree(source)
        return made

    def change(self, data, random):
        size, lie, stream = data[:1] or b"\0", data[1:2] or b"\0", data[2:]
        if random.random() < 0.2:
            size = bytes([random.randrange(len(self._SIZES))])
        lie = bytes([random.randrange(1, 6)]) if random.random() < 0.15 else b"\0" if random.random() < 0.5 else lie
        return size + lie + (tars.change(stream, random) if lie == b"\0" or random.random() < 0.3 else stream)

    def read(self, data):
        cut, lie, stream = (
            self._SIZES[data[0] % len(self._SIZES)] if data else 1,
            data[1] if len(data) > 1 else 0,
            data[2:],
        )
        zone, inside = os.path.join(self.folder, "zone"), os.path.join(self.folder, "inside")
        for folder in (zone, inside):
            shutil.rmtree(folder, ignore_errors=True)
            os.mkdir(folder)
        pieces = [stream[start : start + cut] for start in range(0, len(stream), cut)] or [b""]
        names = [parts.name("tf-1", number + 1) for number in range(len(pieces))]
        listed = {}
        for name, piece in zip(names, pieces):
            self.put(os.path.join(zone, name), piece)
            listed[name] = hashlib.sha256(piece).hexdigest()
        honest = dict(listed)
        gone = self._lie(zone, listed, names, lie)
        target = os.path.join(inside, "tf-1")
        try:
            digests = parts.read(zone, "tf-1", listed, target)
        finally:
            _require(sorted(os.listdir(inside)) in ([], ["tf-1"]), "a file beside the target")
        _require(listed == honest and not gone, "a list that is not true")
        self._same(stream, target, digests)

    def _lie(self, zone, listed, names, lie):
        """Change the list, or what lies there; True where a file is gone or new."""
        last = names[-1]
        if lie == 1:
            listed[last] = hashlib.sha256(b"another").hexdigest()
        elif lie == 2:
            listed[names[0]], listed[last] = listed[last], listed[names[0]]
        elif lie == 3:
            os.unlink(os.path.join(zone, last))
        elif lie == 4:
            self.put(os.path.join(zone, parts.name("tf-1", len(names) + 1)), b"")
        elif lie == 5 and len(names) > 1:
            del listed[last]
        return lie in (3, 4)

    def _same(self, stream, target, digests):
        with tarfile.open(fileobj=io.BytesIO(stream), mode="r:") as other:
            members = other.getmembers()
            _require(
                all(member.isfile() and member.mode == 0o644 for member in members), "something that is no plain file"
            )
            said = {member.name: other.extractfile(member).read() for member in members}
        _require(len(members) == len(said) and set(said) == set(digests), "other members than tarfile finds")
        written = _whole(target)
        _require(written == said, "other bytes than tarfile finds")
        for path, data in said.items():
            _require(_is_plain(path) and hashlib.sha256(data).hexdigest() == digests[path], "the path %r" % path)


class Archive(Reader):
    name = "archive"
    codes = tuple("FERRY-WHEEL-00%d" % number for number in range(1, 6))
    most = 24_000

    def seeds(self):
        return archives.seeds()

    def change(self, data, random):
        return archives.change(data, random)

    def read(self, data):
        path = self.put("tiny-1.0-py3-none-any.whl", data)
        wheel.check(path)
        target = os.path.join(self.folder, "unpacked", "here")
        os.makedirs(target)
        try:
            with zipfile.ZipFile(path) as other:
                said = {name: other.read(name) for name in other.namelist()}
                other.extractall(target)
            _require(sum(map(len, said.values())) <= (64 << 20) + 200 * len(data), "more than the bounds allow")
            _require(os.listdir(os.path.dirname(target)) == ["here"], "a file outside its folder")
            plain = {name: content for name, content in said.items() if not name.endswith("/")}
            _require(_whole(target) == plain, "other files than the directory says")
            _require(archives.by_headers(data) == said, "other files from header to header")
            _require(archives.by_end(data) == list(said), "other files by what the end counts")
        except (zipfile.BadZipFile, ValueError, OSError, IndexError) as error:
            raise Escape("a wheel that another reader does not unpack: %r" % error)
        finally:
            shutil.rmtree(os.path.dirname(target))
        for name in plain:
            _require(_is_harmless(name), "the name %r" % name)
        self._recorded(plain)

    def _recorded(self, contents):
        """RECORD says all, and says it true; an installer of wheels writes nothing that is not in it."""
        (record,) = [name for name in contents if re.fullmatch(r"[^/]+\.dist-info/RECORD", name)]
        rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(contents[record].decode("utf-8"))) if row}
        _require(set(rows) <= set(contents), "a row without a file")
        for name, content in contents.items():
            if not name.startswith(record):  # with its signatures, which no hash of it can be in
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
                _require(rows.get(name, [""])[0] == "sha256=" + digest, "a file that is not as RECORD says")
        metadata = contents[record.replace("RECORD", "METADATA")]
        said = email.message_from_bytes(metadata)
        for key, expected in (("Name", "tiny"), ("Version", "0*1[-_.+]0+")):
            told = [value.strip() for value in said.get_all(key, [])]
            _require(len(told) == 1 and re.fullmatch("(?i)" + expected, told[0]), "the METADATA of another: %r" % told)


def _whole(root):
    """``{path: bytes}`` of the plain files under ``root``; a link is an escape."""
    found = {}
    for folder, folders, names in os.walk(root):
        for name in folders + names:
            _require(not os.path.islink(os.path.join(folder, name)), "a link")
        for name in names:
            with open(os.path.join(folder, name), "rb") as stream:
                found[os.path.relpath(os.path.join(folder, name), root)] = stream.read()
    return found


def _is_plain(path):
    """By another road than files.is_safe_path."""
    steps = path.split("/")
    return (
        path.isascii()
        and path.isprintable()
        and len(path) <= files.MAX_PATH
        and not set(path) & set('\\:*?"<>| ')
        and all(step and step.strip(".") and not step.endswith(".") for step in steps)
        and not any(step.split(".")[0].upper() in ("CON", "PRN", "AUX", "NUL", "COM1", "LPT9") for step in steps)
    )


def _is_harmless(name):
    steps = name.split("/")
    return not set(name) & set('\\:*?"<>|\0') and all(
        step not in ("", ".", "..") and step[-1] not in ". " for step in steps
    )


def _manifest(system="linux", trim=None):
    profile = {
        "os": system,
        "arch": "x86_64",
        "libc": "glibc-2.28" if system == "linux" else None,
        "python": "3.11.2",
        "accelerator": "none",
        "requires": {"avx": True, "driver": "525.60.13"},
        "wheels": ["a-1-py3-none-any.whl", "b-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"],
        "installers": {"pip": "tools/pip-26.3-py3-none-any.whl", "uv": "tools/uv-0.13.9-py3-none-any.whl"},
    }
    profile.update({key: "profiles/p/" + name for key, name in manifest.PAPERS.items()})
    profile.update({"trim": trim} if trim else {})
    listed = [*("wheels/" + name for name in profile["wheels"]), *profile["installers"].values()]
    listed += [profile[key] for key in manifest.PAPERS]
    return manifest.build({"p": profile}, {path: {"size": 7, "sha256": "ef" * 32} for path in listed})


ALL = {one.name: one for one in (Archive, Parts, Manifest, Statement, List, Canonical, PgpArmour, SshSignature)}
