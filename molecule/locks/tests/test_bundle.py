# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two staging hosts with other systems, other Pythons and other keys build the same bundle from the same locks."""

from __future__ import annotations

import json
import types

import pytest

HOSTS = ("staging", "staging-bookworm")
PROFILES = ("linux-py39", "linux-py311", "linux-py313")
WORK = "/srv/ferry/small"
LOCK = WORK + "/locks/%s/pylock.toml"
# What differs from builder to builder, and is signed for that reason: it lies around the manifest, not in it.
PAPERS = {"statement.json", "statement.json.asc", "sources.json", "gates.json"}
SYSTEM = (
    "import platform, sys; print('%d.%d' % sys.version_info[:2], platform.freedesktop_os_release()['VERSION_CODENAME'])"
)


class Builder:
    """A staging host, what it is, and what it builds of the lab's small wheels."""

    def __init__(self, lab, name, folder):
        self._lab = lab
        self._name = name
        self.host = lab.host(name)
        self.system = self.host.check_output("python3 -c %s", SYSTEM).split()
        # As the only staging host, whatever others the inventory has.
        self._inventory = folder / "hosts.json"
        own = {"hosts": {name: {}}}
        self._inventory.write_text(json.dumps({"lab": own, "ferry_staging": own}))
        self._records = folder / "records"

    def fingerprint(self):
        """Of its own key, made here where it has none."""
        listing = self.host.check_output("gpg --batch --with-colons --list-keys")
        if "fpr:" not in listing:
            made = (
                "gpg --batch --passphrase '' --quick-generate-key 'lab second builder (throw-away)' ed25519 sign never"
            )
            assert self.host.run(made).rc == 0
            listing = self.host.check_output("gpg --batch --with-colons --list-keys")
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))

    def prepare(self):
        changes = {
            "ferry_workdir": WORK,
            "ferry_record_dir": str(self._records),
            "ferry_signing": {"backend": "gpg", "key": self.fingerprint()},
        }
        how = ["--inventory", str(self._inventory), "--limit", self._name, "--extra-vars", json.dumps(changes)]
        run = self._lab.play("prepare", *how)
        assert run.code == 0, run.output
        return run

    def take_locks(self, other):
        """The locks alone, as version control would give them, without what was noted of them."""
        for profile in PROFILES:
            place = LOCK % profile
            text = other.host.file(place).content_string
            self.host.check_output("mkdir -p %s", place.rpartition("/")[0])
            self.host.check_output("printf %%s %s > %s", text, place)

    def bundle(self):
        """``{path: sha256}`` of all files of its one bundle, and the parsed statement."""
        (path,) = self.host.check_output("ls -d %s/bundles/*/" % WORK).split()
        listing = self.host.check_output("cd %s && find . -type f -exec sha256sum {} +" % path)
        files = {name[2:]: digest for digest, name in (line.split("  ", 1) for line in listing.splitlines())}
        return types.SimpleNamespace(
            files=files, statement=json.loads(self.host.file(path + "statement.json").content_string)
        )


@pytest.fixture(scope="session")
def builders(lab, tmp_path_factory):
    """Both, when both have built: the first from an index, the second from the locks that the first made."""
    first, second = (Builder(lab, name, tmp_path_factory.mktemp(name)) for name in HOSTS)
    first.prepare()
    second.take_locks(first)
    second.prepare()
    return first, second


def test_the_two_differ_in_system_and_python_and_key(builders):
    first, second = builders
    assert first.system[0] != second.system[0] and first.system[1] != second.system[1]
    assert first.fingerprint() != second.fingerprint()


def test_both_have_the_same_locks_and_the_second_made_none_of_them(builders):
    first, second = builders
    for profile in PROFILES:
        place = LOCK % profile
        assert second.host.file(place).content == first.host.file(place).content
        assert not second.host.file(place.rpartition("/")[0] + "/sources.json").exists


def test_both_built_the_same_bundle_id(builders):
    one, two = (builder.bundle() for builder in builders)
    assert one.files["manifest.json"] == two.files["manifest.json"]
    assert one.statement["files"]["manifest.json"] == two.statement["files"]["manifest.json"]
    assert one.statement["builder"] != two.statement["builder"]


def test_every_file_but_the_papers_is_the_same_byte_for_byte(builders):
    one, two = (builder.bundle().files for builder in builders)
    assert {name: one[name] for name in one.keys() - PAPERS} == {name: two[name] for name in two.keys() - PAPERS}
    assert one.keys() >= PAPERS and one["statement.json"] != two["statement.json"]
    assert sum(name.endswith("/sbom.cdx.json") for name in one) == len(PROFILES)


def test_a_second_run_of_the_second_builder_changes_nothing(builders):
    assert set(builders[1].prepare().changed.values()) <= {0}
