# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The origin of a wheel is what a signature says for its very bytes; what an index only claims, or does not say, never passes."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import socket
import sys
import threading
from pathlib import Path

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.gates import provenance
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import client, index, libraries

DATA = Path(__file__).with_name("data")
JSON = "application/vnd.pypi.simple.v1+json"
# Real files of PyPI; see data/README.md.
GITHUB = {
    "name": "pypi-attestations",
    "version": "0.0.19",
    "wheel": "pypi_attestations-0.0.19.tar.gz",
    "sha256": "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3",
    "profiles": ["linux"],
}
CIRCLE = {
    "name": "circleci-sign-publish-example",
    "version": "0.0.1.dev137",
    "wheel": "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl",
    "sha256": "8cb34da1e27336f11a2c43f3f9c7433bd76f24f470c904724f06ad7f131d9e9f",
    "profiles": ["linux", "windows"],
}
PLAIN = {
    "name": "plain",
    "version": "1.0",
    "wheel": "plain-1.0-py3-none-any.whl",
    "sha256": "0" * 64,
    "profiles": ["linux"],
}
ALL = [CIRCLE, PLAIN, GITHUB]


def real(package):
    return (DATA / (package["wheel"] + ".provenance")).read_bytes()


@functools.lru_cache(maxsize=None)
def _settings():
    return dict(index.environment(sys.executable, "http://none"), PIP_RETRIES="0", PIP_DEFAULT_TIMEOUT="5")


def settings(url):
    """What asks the index at ``url`` and no other."""
    return index.at(_settings(), url)


class Index:
    """An index on loopback: JSON pages (PEP 691, 740) with what tests lay into it."""

    def __init__(self):
        # Project -> its files' entries; wheel -> its provenance object; path -> (type, bytes) in place of either.
        self.files, self.objects, self.instead = {}, {}, {}
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, self.headers.get("Accept")))
                kind, body = outer.answer(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_words):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.root = "http://127.0.0.1:%d" % self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, package, data=None, **entry):
        """List a wheel, with the provenance ``data`` unless the entry says another place."""
        if data is not None:
            self.objects[package["wheel"]] = data
            entry.setdefault("provenance", "/integrity/%s" % package["wheel"])
        entry = dict({"filename": package["wheel"], "hashes": {"sha256": package["sha256"]}}, **entry)
        self.files.setdefault(package["name"], []).append(entry)

    def answer(self, path):
        parts = path.strip("/").split("/")
        if path in self.instead:
            return self.instead[path]
        if parts[0] == "simple" and parts[1] in self.files:
            page = {"meta": {"api-version": "1.3"}, "name": parts[1], "files": self.files[parts[1]]}
            return JSON, json.dumps(page).encode()
        return "application/json", self.objects.get(parts[-1])

    def environment(self):
        return settings(self.root + "/simple")

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def served():
    made = Index()
    yield made
    made.close()


@pytest.fixture
def check(served):
    """Ask the gate about ``packages``; unenforced, as the gate itself refuses nothing."""

    def run(*packages, required=(), publishers=None):
        return provenance.check(list(packages), served.environment(), list(required), publishers or {}, True)

    return run


def codes(answer):
    return [found["code"] for found in answer["findings"]]


def changed(package, path, change):
    """The real provenance of a package with the value at ``path`` under its first attestation changed."""
    whole = json.loads(real(package))
    place = whole["attestation_bundles"][0]["attestations"][0]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = change(place[path[-1]])
    return json.dumps(whole).encode()


def published_by(package, **publisher):
    whole = json.loads(real(package))
    whole["attestation_bundles"][0]["publisher"].update(publisher)
    return json.dumps(whole).encode()


# What is good


def test_real_attestations_of_the_locked_bytes_verify_and_the_others_are_told(served, check):
    served.add(CIRCLE, real(CIRCLE))
    served.add(PLAIN)
    served.add(GITHUB, real(GITHUB))
    answer = check(*ALL, required=["PyPI_Attestations"])
    assert (answer["state"], answer["findings"], answer["enforced"]) == ("passed", [], True)
    assert answer["told"][0] == "provenance verified of 2 of 3 wheels"
    assert "GitHub trailofbits/pypi-attestations release.yml vouches for %s" % GITHUB["wheel"] in answer["told"]
    assert {kind for path, kind in served.asked if path.startswith("/simple/")} == {JSON}


@pytest.mark.parametrize(
    ("package", "publisher"),
    [
        (GITHUB, {"kind": "GitHub", "repository": "TrailOfBits/pypi-attestations", "workflow": None}),
        (GITHUB, {"kind": "GitHub", "repository": "trailofbits/pypi-attestations", "workflow": "release.yml"}),
        (CIRCLE, {"kind": "CircleCI", "project_id": "fdd9283f-e619-46af-8f9c-851f7d3e8b2b"}),
    ],
)
def test_the_expected_publisher_passes(served, check, package, publisher):
    served.add(package, real(package))
    assert check(package, publishers={package["name"].replace("-", "_"): publisher})["state"] == "passed"


def test_the_roots_of_trust_are_those_inside_sigstore_whatever_lies_in_the_users_cache(
    served, check, tmp_path, monkeypatch, snapshot
):
    planted = tmp_path / ".cache" / "sigstore-python" / "tuf" / "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
    planted.mkdir(parents=True)
    (planted / "trusted_root.json").write_text("{}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    before = snapshot(tmp_path)
    served.add(GITHUB, real(GITHUB))
    assert check(GITHUB)["state"] == "passed"
    assert snapshot(tmp_path) == before


# What is not


@pytest.mark.parametrize("package", [GITHUB, CIRCLE], ids=["github", "circleci"])
@pytest.mark.parametrize(
    "path",
    [("envelope", "statement"), ("envelope", "signature"), ("verification_material", "certificate")],
    ids=lambda path: path[-1],
)
def test_one_bit_of_an_attestation_is_refused_wherever_it_is(package, path):
    size = len(
        base64.b64decode(json.loads(real(package))["attestation_bundles"][0]["attestations"][0][path[0]][path[1]])
    )
    for place in range(0, size, max(1, size // 40)):

        def flip(text, place=place):
            data = bytearray(base64.b64decode(text))
            data[place] ^= 1 << place % 8
            return base64.b64encode(bytes(data)).decode()

        with pytest.raises(provenance._Refused) as caught:
            provenance._verified(package, changed(package, path, flip), None)
        assert caught.value.args[0] == "FERRY-GATE-009"


@pytest.mark.parametrize(
    ("path", "change"),
    [
        # Its certificate was good for ten minutes: at another time it had expired, or was not yet.
        (("integratedTime",), lambda seconds: str(int(seconds) + 3600)),
        (("integratedTime",), lambda seconds: str(int(seconds) - 3600)),
        (("integratedTime",), lambda _seconds: "9" * 30),
        (("logIndex",), lambda number: str(int(number) + 1)),
        (("inclusionProof", "hashes", 0), lambda text: base64.b64encode(bytes(32)).decode()),
        (("canonicalizedBody",), lambda text: base64.b64encode(b"{}").decode()),
    ],
)
def test_another_entry_of_the_transparency_log_is_refused(served, check, path, change):
    served.add(GITHUB, changed(GITHUB, ("verification_material", "transparency_entries", 0, *path), change))
    assert codes(check(GITHUB)) == ["FERRY-GATE-009"]


@pytest.mark.parametrize(
    "other",
    [{"sha256": "0" * 64}, {"wheel": "pypi_attestations-0.0.20.tar.gz"}, {"sha256": CIRCLE["sha256"]}],
    ids=["digest", "name", "another wheel's digest"],
)
def test_an_attestation_of_other_bytes_or_another_name_is_refused_though_nobody_required_it(served, check, other):
    package = dict(GITHUB, **other)
    served.add(package, real(GITHUB))
    answer = check(package, PLAIN)
    assert (answer["state"], codes(answer)) == ("refused", ["FERRY-GATE-009"])
    assert "does not verify for this file" in answer["findings"][0]["text"]
    assert answer["findings"][0]["package"] == "pypi-attestations==0.0.19"


@pytest.mark.parametrize(
    ("package", "publisher"),
    [
        (GITHUB, {"repository": "trailofbits/other"}),
        (GITHUB, {"workflow": "other.yml"}),
        (GITHUB, {"kind": "GitLab", "workflow_filepath": ".gitlab-ci.yml"}),
        (GITHUB, {"kind": "Google", "email": "a@example.org"}),
        (CIRCLE, {"project_id": "00000000-e619-46af-8f9c-851f7d3e8b2b"}),
    ],
)
def test_a_publisher_that_the_index_made_up_is_refused(served, check, package, publisher):
    served.add(package, published_by(package, **publisher))
    assert codes(check(package)) == ["FERRY-GATE-009"]


@pytest.mark.parametrize(
    "publisher",
    [
        {"kind": "GitHub", "repository": "pypi/pypi-attestations"},
        {"kind": "GitHub", "repository": "trailofbits/pypi-attestations", "workflow": "other.yml"},
        {"kind": "GitLab", "repository": "trailofbits/pypi-attestations"},
        {"kind": "Google", "email": "a@example.org"},
    ],
)
def test_another_publisher_than_expected_is_refused_and_both_are_named(served, check, publisher):
    served.add(GITHUB, real(GITHUB))
    answer = check(GITHUB, publishers={"pypi-attestations": publisher})
    assert (answer["state"], codes(answer)) == ("refused", ["FERRY-GATE-010"])
    assert "GitHub trailofbits/pypi-attestations release.yml" in answer["findings"][0]["text"]
    assert "expects " + " ".join(publisher.values()) in answer["findings"][0]["text"]


def test_a_second_bundle_of_another_publisher_does_not_ride_along(served, check):
    whole = json.loads(real(GITHUB))
    whole["attestation_bundles"] += json.loads(real(CIRCLE))["attestation_bundles"]
    served.add(GITHUB, json.dumps(whole).encode())
    assert codes(check(GITHUB)) == ["FERRY-GATE-009"]


def test_every_bundle_has_to_be_of_the_expected_publisher(served, check):
    origin = {"vcs_origin": "github.com/CircleCI-Public/sign-and-publish-examples"}
    expected = {"kind": "CircleCI", "project_id": "fdd9283f-e619-46af-8f9c-851f7d3e8b2b", **origin}
    whole = json.loads(real(CIRCLE))
    served.add(CIRCLE, json.dumps(whole).encode())
    assert check(CIRCLE, publishers={CIRCLE["name"]: expected})["state"] == "passed"
    # The same attestation for a publisher that says less: it verifies, and says nothing of where the code is from.
    whole["attestation_bundles"] += json.loads(published_by(CIRCLE, vcs_origin=None))["attestation_bundles"]
    served.objects[CIRCLE["wheel"]] = json.dumps(whole).encode()
    assert check(CIRCLE)["state"] == "passed"
    assert codes(check(CIRCLE, publishers={CIRCLE["name"]: expected})) == ["FERRY-GATE-010"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no JSON",
        b"[" * 100_000,
        b"{}",
        b'{"version": 2, "attestation_bundles": []}',
        b'{"version": 1, "attestation_bundles": []}',
        b'{"version": 1, "attestation_bundles": [{"publisher": {"kind": "GitHub", "repository": "a/b", "workflow": "c"}, "attestations": []}]}',
        b'{"version": 1, "attestation_bundles": [{"publisher": {"kind": "Elsewhere"}, "attestations": [1]}]}',
        real(GITHUB) + b" " * (1 << 20),
    ],
    ids=["nothing", "text", "deep", "empty", "version", "no bundle", "no attestation", "unknown publisher", "large"],
)
def test_what_is_no_provenance_is_refused(served, check, data):
    served.add(GITHUB, data)
    # An empty answer is an answer too.
    served.instead["/integrity/" + GITHUB["wheel"]] = ("application/json", data)
    assert codes(check(GITHUB)) == ["FERRY-GATE-009"]


# What is not there, or not told


@pytest.mark.parametrize("required", [["plain"], ["*"]])
def test_required_provenance_that_is_missing_is_a_finding(served, check, required):
    served.add(PLAIN)
    served.add(GITHUB, real(GITHUB))
    answer = check(PLAIN, GITHUB, required=required)
    assert (answer["state"], codes(answer)) == ("refused", ["FERRY-GATE-011"])
    assert answer["findings"][0]["wheel"] == PLAIN["wheel"]


def test_a_package_with_an_expected_publisher_is_required(served, check):
    served.add(PLAIN)
    answer = check(PLAIN, publishers={"plain": {"kind": "GitHub", "repository": "a/b"}})
    assert codes(answer) == ["FERRY-GATE-011"]


def test_a_wheel_that_the_page_does_not_list_has_none(served, check):
    served.add(dict(PLAIN, wheel="plain-2.0-py3-none-any.whl"), real(GITHUB))
    assert codes(check(PLAIN, required=["plain"])) == ["FERRY-GATE-011"]


def test_an_index_without_any_provenance_is_not_checked(served, check):
    served.add(PLAIN)
    answer = check(PLAIN)
    assert (answer["state"], answer["enforced"], answer["findings"]) == ("not checked", True, [])
    assert answer["told"][0] == "the index gives no provenance"


BROKEN = {
    "no page": lambda served: served.files.clear(),
    "an HTML page": lambda served: served.instead.update({"/simple/plain/": ("text/html", b"<html></html>")}),
    "a page of other JSON": lambda served: served.instead.update({"/simple/plain/": (JSON, b'{"files": [[]]}')}),
    "a deep page": lambda served: served.instead.update({"/simple/plain/": (JSON, b"[" * 100_000)}),
    "nothing at its address": lambda served: served.files["plain"][0].update(provenance="/integrity/gone"),
    "a file's address": lambda served: served.files["plain"][0].update(provenance="file:///etc/passwd"),
    "a file's address with a host": lambda served: served.files["plain"][0].update(
        provenance="file://localhost" + str(DATA / (GITHUB["wheel"] + ".provenance"))
    ),
    "no address": lambda served: served.files["plain"][0].update(provenance="http://[::1"),
    "an address that is none": lambda served: served.files["plain"][0].update(provenance="http://\u00e4:x/\u00fc"),
    "a number": lambda served: served.files["plain"][0].update(provenance=1),
    "an empty address": lambda served: served.files["plain"][0].update(provenance=""),
    "a closed port": lambda served: served.files["plain"][0].update(provenance="http://127.0.0.1:1/x"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_the_index_does_not_tell_is_a_finding_where_required_and_else_not_checked(served, check, broken):
    served.add(PLAIN)
    served.add(GITHUB, real(GITHUB))
    BROKEN[broken](served)
    packages = [PLAIN] if broken == "no page" else [PLAIN, GITHUB]
    answer = check(*packages, required=["plain"])
    assert (answer["state"], codes(answer)) == ("refused", ["FERRY-GATE-012"])
    answer = check(*packages)
    assert (answer["state"], answer["findings"]) == ("not checked", [])
    assert "does not tell of all" in answer["told"][0]


def test_an_index_that_cannot_be_reached_is_asked_a_few_times_and_never_passes(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = "http://user:secret@127.0.0.1:%d/simple" % free.getsockname()[1]
    tried = []
    once = client.Client._once
    monkeypatch.setattr(client.Client, "_once", lambda self, *given: tried.append(given) or once(self, *given))
    packages = [dict(PLAIN, name="p%d" % number) for number in range(60)]
    answer = provenance.check(packages, settings(url), ["p7"], {}, True)
    assert codes(answer) == ["FERRY-GATE-012"] and "cannot be read" in answer["findings"][0]["text"]
    assert len(tried) <= 16
    answer = provenance.check(packages, settings(url), [], {}, True)
    assert answer["state"] == "not checked" and "secret" not in json.dumps(answer)


def test_an_index_of_files_is_not_checked():
    answer = provenance.check([PLAIN], settings("file:///nowhere/simple"), [], {}, False)
    assert (answer["state"], answer["enforced"]) == ("not checked", False)
    assert "no address that can be asked over HTTP" in answer["told"][0]


def test_names_that_are_not_locked_are_told(served, check):
    served.add(GITHUB, real(GITHUB))
    answer = check(GITHUB, required=["Misspelt_Name", "*"], publishers={"other": {"kind": "Google", "email": "a@b"}})
    assert answer["state"] == "passed"
    assert answer["told"][-1] == "ferry_provenance names packages that are not locked: misspelt-name, other"


@pytest.mark.parametrize(
    ("publisher", "told"),
    [
        ("GitHub", "expected a dictionary with kind"),
        ({"kind": "Github", "repository": "a/b"}, "the nearest known one is GitHub"),
        ({"kind": ["GitHub"]}, "expected a dictionary with kind"),
        ({"kind": "GitHub"}, "expected the key repository"),
        ({"kind": "GitHub", "repository": "a/b", "worfklow": "c"}, "the nearest known one is workflow"),
        ({"kind": "GitHub", "repository": 1}, "expected a text as repository"),
        (
            {"kind": "GitHub", "repository": "a/b", "environment": "pypi"},
            "expected the keys kind, repository, workflow",
        ),
    ],
)
def test_a_publisher_that_cannot_be_is_refused_before_anything_is_asked(served, check, refused, publisher, told):
    with refused("FERRY-VAR-002", "ferry_provenance.publishers.plain", told):
        check(PLAIN, publishers={"plain": publisher})
    assert served.asked == []


def test_two_publishers_of_one_package_are_refused(served, check, refused):
    publisher = {"kind": "GitHub", "repository": "a/b"}
    with refused("FERRY-VAR-002", "ferry_provenance.publishers.Plain", "one entry for a package"):
        check(PLAIN, publishers={"plain": publisher, "Plain": publisher})
    assert served.asked == []


def test_without_the_library_nothing_is_believed(served, check, refused, monkeypatch):
    monkeypatch.setattr(libraries, "attestations", lambda: None)
    served.add(GITHUB, real(GITHUB))
    with refused("FERRY-TOOL-001", "pypi-attestations"):
        check(GITHUB)
