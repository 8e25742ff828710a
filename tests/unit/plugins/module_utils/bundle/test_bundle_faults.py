# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault of a bundle, made for real and in its strongest form: where it can be, in what a trusted builder signs.

A depot with an older bundle of that name gets it into quarantine, and opens. It is refused by its own code, its file is named, and nothing
has changed anywhere: not in the depot, not beside it, and not in quarantine, where it stays as evidence.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import stat
import types
from functools import partial

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import (
    canonical,
    files,
    manifest,
    memory,
    opening,
    signing,
    statement,
)
from fuzz import archives

CREATED = 1_795_000_000
NOW = CREATED + 3600
SERIAL = CREATED + 60
GPG, SSH = signing.file_name("gpg"), signing.file_name("ssh")
WHEEL = "tiny-1.0-py3-none-any.whl"


@pytest.fixture
def depot(tmp_path, signed, trusted):
    """A depot that has published a bundle of this name, and something beside it that nobody may touch."""
    root = tmp_path / "depot"
    shutil.copytree(signed.path, str(root / opening.QUARANTINE / os.path.basename(signed.path)))
    opening.open_newest(str(root), "tf", trusted, NOW, False)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "file").write_bytes(b"of somebody else")
    return types.SimpleNamespace(root=str(root), incoming=root / opening.QUARANTINE)


@pytest.fixture
def bring(depot, tmp_path, make_bundle, make_wheel, wheels, keys, ssh_keys, trusted):
    """What a fault is made with: ``bring.bundle(...)`` signs one and puts it into quarantine, ``bring.folder`` is where it lies then."""
    found = types.SimpleNamespace(
        keys=keys, ssh_keys=ssh_keys, trusted=trusted, make_wheel=make_wheel, tmp_path=tmp_path
    )

    def bundle(packages=None, **options):
        serial = options.pop("serial", SERIAL)
        packages = wheels.packages if packages is None else packages
        made = make_bundle(tmp_path / "built", packages, wheels.installers, serial=serial, **options)
        found.folder = pathlib.Path(depot.incoming, os.path.basename(made.path))
        shutil.copytree(made.path, str(found.folder))
        return found.folder

    def sign(data, name="builder", options=()):
        (found.folder / GPG).write_bytes(keys.sign(data, name, options=options))

    def reseal(manifest_bytes):
        """Give the bundle another manifest, with hashes and a signature that fit."""
        said = canonical.loads((found.folder / statement.NAME).read_bytes(), "", 1 << 20)
        (found.folder / manifest.NAME).write_bytes(manifest_bytes)
        said["files"][manifest.NAME] = {"size": len(manifest_bytes), "sha256": files.sha256_bytes(manifest_bytes)}
        (found.folder / statement.NAME).write_bytes(canonical.dumps(said))
        sign(canonical.dumps(said))

    found.bundle, found.sign, found.reseal = bundle, sign, reseal
    return found


def changed(bring, **options):
    """A good bundle, made at another time or of other wheels."""
    bring.bundle(**options)


def flipped(bring):
    path = bring.bundle() / "wheels" / WHEEL
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def signed_by(bring, name, revoke=False, options=(), algorithm="ed25519"):
    fingerprint = bring.keys.make(name, algorithm=algorithm)
    folder = bring.bundle()
    bring.sign((folder / statement.NAME).read_bytes(), name, options)
    if name != "stranger":
        if revoke:
            certificate = pathlib.Path(bring.keys.home, "openpgp-revocs.d", fingerprint + ".rev").read_bytes()
            bring.keys.gpg("--import", data=certificate.replace(b"\n:---", b"\n---"))
        bring.trusted = [bring.keys.trusted(name)]


def marked_as_revoked(bring):
    bring.bundle()
    bring.trusted = [dict(bring.keys.trusted("builder"), revoked=True)]


def unsigned(bring):
    (bring.bundle() / GPG).unlink()


def signed_for_git(bring):
    folder = bring.bundle()
    (folder / GPG).unlink()
    (folder / SSH).write_bytes(bring.ssh_keys.sign((folder / statement.NAME).read_bytes(), "builder", namespace="git"))
    bring.trusted = [bring.ssh_keys.trusted("builder")]


def doubled_key(bring):
    data = (bring.bundle() / manifest.NAME).read_bytes()
    bring.reseal(data.replace(b'"type":', b'"type":"airgap.ferry/manifest/v1","type":'))


def oversize(bring):
    data = (bring.bundle() / manifest.NAME).read_bytes()
    bring.reseal(data.replace(b'"type":', b'"more":"%s","type":' % (b"x" * manifest.LIMIT)))


def listed(bring, change):
    """A manifest that lists something else; ``change(document)``."""
    document = canonical.loads((bring.bundle() / manifest.NAME).read_bytes(), "", 1 << 20)
    change(document)
    bring.reseal(canonical.dumps(document))


def list_twin(document):
    document["files"]["wheels/TINY-1.0-py3-none-any.whl"] = document["files"]["wheels/" + WHEEL]


def list_sdist(document):
    document["files"]["wheels/tiny-1.0.tar.gz"] = document["files"]["wheels/" + WHEEL]


def want_sdist(document):
    list_sdist(document)
    document["profiles"]["cpu"]["wheels"].append("tiny-1.0.tar.gz")


def wheel_with(bring, change, record=True):
    """A bundle that lists and signs a wheel, after ``change(archive)``."""
    archive = archives.parse(archives.seeds()[0])
    change(archive)
    if record:
        archive.record()
    path = bring.tmp_path / "odd" / WHEEL
    path.parent.mkdir()
    path.write_bytes(archive.write())
    bring.bundle([str(path)])


def member(bring, name, data=b"evil = 1\n", mode=stat.S_IFREG | 0o644, lies=None):
    """A wheel with one member more."""

    def change(archive):
        odd = archives.Member(name, data, mode)
        odd.lies = lies or {}
        archive.members.insert(1, odd)

    wheel_with(bring, change)


def lying_size(archive):
    archive.members[0].data = bytes(30 << 20)
    archive.members[0].lies = {("local", "size"): 10, ("central", "size"): 10}


def other_content(archive):
    archive.members[0].data += b"evil = 1\n"


def unlisted_file(archive):
    archive.members.insert(1, archives.Member("evil.pth", b"import evil\n"))


def other_metadata(archive):
    archive.members[1].data = archive.members[1].data.replace(b"Name: tiny", b"Name: evil")


def renamed(bring, tag):
    path = bring.make_wheel(bring.tmp_path / "odd", "tiny")
    other = path.replace("py3-none-any", tag)
    os.rename(path, other)
    bring.bundle([other])


def in_folder(bring, name, make):
    """Something in the folder of a good bundle; ``make(path, its wheel)``."""
    folder = bring.bundle()
    make(os.path.join(os.fsencode(str(folder)), name), os.fsencode(str(folder / "wheels" / WHEEL)))


def plain(path, _wheel):
    with open(path, "wb"):
        pass


def link(path, wheel):
    os.symlink(wheel, path)


def second_name(path, wheel):
    os.link(wheel, path)


def fifo(path, _wheel):
    os.mkfifo(path)


def set_uid(path, _wheel):
    plain(path, _wheel)
    os.chmod(path, 0o4755)


_UNFLAGGED = {("local", "flags"): 0, ("central", "flags"): 0}


@pytest.mark.parametrize(
    ("code", "words", "make"),
    [
        pytest.param("FERRY-BUNDLE-004", "wheels/" + WHEEL, flipped, marks=pytest.mark.fault(1), id="1-a"),
        pytest.param(
            "FERRY-BUNDLE-008",
            "more than %d" % CREATED,
            partial(changed, serial=CREATED - 60),
            marks=pytest.mark.fault(7),
            id="7-a",
        ),
        pytest.param(
            "FERRY-BUNDLE-009",
            "serial %d" % statement.MAX_SERIAL,
            partial(changed, serial=statement.MAX_SERIAL),
            marks=pytest.mark.fault(8),
            id="8-a",
        ),
        pytest.param(
            "FERRY-BUNDLE-009", "expired", partial(changed, expires=CREATED + 120), marks=pytest.mark.fault(9), id="9-a"
        ),
        pytest.param(
            "FERRY-BUNDLE-009",
            "both clocks",
            partial(changed, created=NOW + 2 * 86400),
            marks=pytest.mark.fault(10),
            id="10-a",
        ),
        pytest.param(
            "FERRY-BUNDLE-003", GPG, partial(signed_by, name="stranger"), marks=pytest.mark.fault(11), id="11-a"
        ),
        pytest.param(
            "FERRY-BUNDLE-014",
            GPG,
            partial(signed_by, name="withdrawn", revoke=True),
            marks=pytest.mark.fault(12),
            id="12-a",
        ),
        pytest.param("FERRY-BUNDLE-014", GPG, marked_as_revoked, marks=pytest.mark.fault(12), id="12-b"),
        pytest.param("FERRY-BUNDLE-001", GPG, unsigned, marks=pytest.mark.fault(13), id="13-a"),
        pytest.param("FERRY-BUNDLE-013", SSH, signed_for_git, marks=pytest.mark.fault(14), id="14-a"),
        pytest.param(
            "FERRY-BUNDLE-011",
            GPG,
            partial(signed_by, name="rsa", algorithm="rsa3072", options=("--digest-algo", "SHA1")),
            marks=pytest.mark.fault(15),
            id="15-a",
        ),
        pytest.param("FERRY-BUNDLE-007", manifest.NAME, doubled_key, marks=pytest.mark.fault(16), id="16-a"),
        pytest.param("FERRY-BUNDLE-007", manifest.NAME, oversize, marks=pytest.mark.fault(17), id="17-a"),
        pytest.param(
            "FERRY-WHEEL-002", WHEEL, partial(member, name="../evil.py"), marks=pytest.mark.fault(18), id="18-a"
        ),
        pytest.param(
            "FERRY-WHEEL-002", WHEEL, partial(member, name="tiny/../../evil.py"), marks=pytest.mark.fault(18), id="18-b"
        ),
        pytest.param(
            "FERRY-WHEEL-002", WHEEL, partial(member, name="/etc/cron.d/evil"), marks=pytest.mark.fault(19), id="19-a"
        ),
        pytest.param(
            "FERRY-WHEEL-002", WHEEL, partial(member, name="C:/evil.py"), marks=pytest.mark.fault(19), id="19-b"
        ),
        pytest.param(
            "FERRY-WHEEL-002",
            WHEEL,
            partial(member, name="//server/share/evil.py"),
            marks=pytest.mark.fault(19),
            id="19-c",
        ),
        pytest.param(
            "FERRY-WHEEL-002", WHEEL, partial(member, name="tiny\\evil.py"), marks=pytest.mark.fault(20), id="20-a"
        ),
        pytest.param(
            "FERRY-BUNDLE-010",
            "a\\b",
            partial(in_folder, name=b"wheels/a\\b", make=plain),
            marks=pytest.mark.fault(20),
            id="20-b",
        ),
        pytest.param(
            "FERRY-WHEEL-002",
            WHEEL,
            partial(member, name="tiny/evil", mode=stat.S_IFLNK | 0o777, data=b"/etc/shadow"),
            marks=pytest.mark.fault(21),
            id="21-a",
        ),
        pytest.param(
            "FERRY-BUNDLE-010",
            "wheels/link",
            partial(in_folder, name=b"wheels/link", make=link),
            marks=pytest.mark.fault(21),
            id="21-b",
        ),
        pytest.param(
            "FERRY-BUNDLE-010",
            "a hard link",
            partial(in_folder, name=b"wheels/second", make=second_name),
            marks=pytest.mark.fault(22),
            id="22-a",
        ),
        pytest.param(
            "FERRY-WHEEL-002",
            WHEEL,
            partial(member, name="tiny/evil", mode=stat.S_IFCHR | 0o666),
            marks=pytest.mark.fault(23),
            id="23-a",
        ),
        pytest.param(
            "FERRY-WHEEL-002",
            WHEEL,
            partial(member, name="tiny/evil", mode=stat.S_IFIFO | 0o644),
            marks=pytest.mark.fault(23),
            id="23-b",
        ),
        pytest.param(
            "FERRY-BUNDLE-010",
            "wheels/pipe",
            partial(in_folder, name=b"wheels/pipe", make=fifo),
            marks=pytest.mark.fault(23),
            id="23-c",
        ),
        pytest.param(
            "FERRY-WHEEL-002",
            WHEEL,
            partial(member, name="tiny/evil", mode=stat.S_IFREG | 0o4755),
            marks=pytest.mark.fault(24),
            id="24-a",
        ),
        pytest.param(
            "FERRY-BUNDLE-010",
            "wheels/root",
            partial(in_folder, name=b"wheels/root", make=set_uid),
            marks=pytest.mark.fault(24),
            id="24-b",
        ),
        pytest.param(
            "FERRY-WHEEL-003",
            WHEEL,
            partial(member, name="tiny/zeros", data=bytes(120 << 20)),
            marks=pytest.mark.fault(25),
            id="25-a",
        ),
        pytest.param(
            "FERRY-WHEEL-003", WHEEL, partial(wheel_with, change=lying_size), marks=pytest.mark.fault(26), id="26-a"
        ),
        pytest.param(
            "FERRY-WHEEL-002", WHEEL, partial(member, name="tiny/__init__.py"), marks=pytest.mark.fault(27), id="27-a"
        ),
        pytest.param(
            "FERRY-WHEEL-002", WHEEL, partial(member, name="TINY/__init__.py"), marks=pytest.mark.fault(28), id="28-a"
        ),
        pytest.param(
            "FERRY-BUNDLE-007", manifest.NAME, partial(listed, change=list_twin), marks=pytest.mark.fault(28), id="28-b"
        ),
        pytest.param(
            "FERRY-BUNDLE-010",
            "only in case",
            partial(in_folder, name=b"wheels/TINY-1.0-py3-none-any.whl", make=plain),
            marks=pytest.mark.fault(28),
            id="28-c",
        ),
        pytest.param(
            "FERRY-WHEEL-002", WHEEL, partial(member, name="tiny/evil\0.py"), marks=pytest.mark.fault(29), id="29-a"
        ),
        pytest.param(
            "FERRY-WHEEL-002",
            WHEEL,
            partial(member, name="tiny/\u00e4vil.py", lies=_UNFLAGGED),
            marks=pytest.mark.fault(29),
            id="29-b",
        ),
        pytest.param(
            "FERRY-BUNDLE-010",
            "wheels/\\udce4",
            partial(in_folder, name=b"wheels/\xe4", make=plain),
            marks=pytest.mark.fault(29),
            id="29-c",
        ),
        pytest.param(
            "FERRY-WHEEL-002", WHEEL, partial(member, name="tiny/CON"), marks=pytest.mark.fault(30), id="30-a"
        ),
        pytest.param(
            "FERRY-WHEEL-002", WHEEL, partial(member, name="tiny/evil."), marks=pytest.mark.fault(30), id="30-b"
        ),
        pytest.param(
            "FERRY-WHEEL-002",
            WHEEL,
            partial(member, name="tiny/evil.py:stream"),
            marks=pytest.mark.fault(30),
            id="30-c",
        ),
        pytest.param(
            "FERRY-BUNDLE-010",
            "wheels/nul.txt",
            partial(in_folder, name=b"wheels/nul.txt", make=plain),
            marks=pytest.mark.fault(30),
            id="30-d",
        ),
        pytest.param(
            "FERRY-WHEEL-004",
            WHEEL + ": tiny/__init__.py",
            partial(wheel_with, change=other_content, record=False),
            marks=pytest.mark.fault(32),
            id="32-a",
        ),
        pytest.param(
            "FERRY-WHEEL-004",
            WHEEL + ": evil.pth",
            partial(wheel_with, change=unlisted_file, record=False),
            marks=pytest.mark.fault(33),
            id="33-a",
        ),
        pytest.param(
            "FERRY-WHEEL-005",
            WHEEL + ": METADATA",
            partial(wheel_with, change=other_metadata),
            marks=pytest.mark.fault(34),
            id="34-a",
        ),
        pytest.param(
            "FERRY-WHEEL-006",
            "tiny-1.0-py3-none-win_amd64.whl",
            partial(renamed, tag="py3-none-win_amd64"),
            marks=pytest.mark.fault(35),
            id="35-a",
        ),
        pytest.param(
            "FERRY-WHEEL-006",
            "tiny-1.0-cp27-cp27m-any.whl",
            partial(renamed, tag="cp27-cp27m-any"),
            marks=pytest.mark.fault(35),
            id="35-b",
        ),
        pytest.param(
            "FERRY-WHEEL-006",
            "tiny-1.0-py3-none-manylinux_2_999_x86_64.whl",
            partial(renamed, tag="py3-none-manylinux_2_999_x86_64"),
            marks=pytest.mark.fault(35),
            id="35-c",
        ),
        pytest.param(
            "FERRY-BUNDLE-007",
            manifest.NAME,
            partial(listed, change=list_sdist),
            marks=pytest.mark.fault(36),
            id="36-a",
        ),
        pytest.param(
            "FERRY-BUNDLE-007",
            "tiny-1.0.tar.gz",
            partial(listed, change=want_sdist),
            marks=pytest.mark.fault(36),
            id="36-b",
        ),
    ],
)
def test_a_fault_is_refused_by_its_code_its_file_is_named_and_nothing_else_has_changed(
    depot, bring, tmp_path, refused, snapshot, code, words, make
):
    make(bring)
    before, published = snapshot(tmp_path), memory.newest(depot.root, "tf")
    for check_mode in (True, False):
        with refused(code, words):
            opening.open_newest(depot.root, "tf", bring.trusted, NOW, check_mode)
        assert snapshot(tmp_path) == before
    assert memory.newest(depot.root, "tf") == published and published["serial"] == CREATED


def test_without_a_fault_the_same_bundle_is_published(depot, bring):
    """Or the test above would prove nothing."""
    wheel_with(bring, lambda archive: None)
    assert opening.open_newest(depot.root, "tf", bring.trusted, NOW, False)[1]
