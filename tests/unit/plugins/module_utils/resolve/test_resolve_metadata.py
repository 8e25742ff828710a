# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""METADATA without the wheel: each asked for once, from whatever a mirror has, whole or not at all."""

from __future__ import annotations

import hashlib
import http.server
import os
import subprocess
import sys
import threading

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import files
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index, metadata


@pytest.fixture
def entry(tmp_path, served):
    """A served wheel as the lock names it."""

    def make(name, host=None):
        data = (tmp_path / "served" / name).read_bytes()
        address = host or served.url.rpartition("/")[0]
        return {
            "wheel": name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "url": "%s/files/%s" % (address, name),
            "size": None,
        }

    return make


@pytest.fixture
def fetched(tmp_path, served):
    """Fetch the METADATA of wheels."""

    def run(*wheels, environment=None, keep=True):
        return metadata.fetch(str(tmp_path / "work"), list(wheels), environment or served.environment(), keep)

    return run


def cache(tmp_path):
    folder = tmp_path / "work" / "metadata"
    return sorted(os.listdir(str(folder))) if folder.exists() else []


def test_metadata_beside_the_wheel_is_taken_once_and_the_wheel_never(tmp_path, publish, served, entry, fetched):
    wheel = entry(publish("root", requires=("leaf",)))
    found = fetched(wheel)
    assert "Requires-Dist: leaf" in found["root-1.0-py3-none-any.whl"]
    assert cache(tmp_path) == [wheel["sha256"]]
    assert fetched(wheel) == found and served.asked_beside == [wheel["wheel"]]
    assert served.asked == [] and served.spans == []


def test_profiles_that_are_locked_side_by_side_ask_for_each_wheel_once(publish, served, entry, fetched):
    wheels = [entry(publish("w%d" % number)) for number in range(12)]
    served.pause = 0.1
    threads = [threading.Thread(target=fetched, args=wheels) for _profile in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(served.asked_beside) == sorted(wheel["wheel"] for wheel in wheels)


def test_a_mirror_without_metadata_is_asked_for_ranges_of_the_wheel(tmp_path, publish, served, entry, make_wheel):
    served.beside = False
    name = publish("small")
    # Larger than one look ahead, with its METADATA in the middle of the archive.
    big = {"big/0.bin": os.urandom(90_000), "big-1.0.dist-info/METADATA": b""}
    big.update({"big/%s.bin" % number: os.urandom(90_000) for number in range(1, 4)})
    wheels = [entry(name), entry(served.add(make_wheel(tmp_path / "made", "big", contents=big)))]
    for known in (None, "size"):
        for wheel in wheels:
            wheel["size"] = os.path.getsize(str(tmp_path / "served" / wheel["wheel"])) if known else None
        found = metadata.fetch(str(tmp_path / str(known)), wheels, served.environment())
        assert all("Metadata-Version: 2.1" in text for text in found.values())
    assert served.asked == []
    assert sum(last - first + 1 for file, first, last in served.spans if file.startswith("big")) < 2 * 300_000
    # Every one is a connection: what lies side by side comes at once.
    assert len(served.spans) <= 8


def test_where_ranges_fail_too_the_answer_is_none_and_prepare_will_check(tmp_path, publish, served, entry, fetched):
    served.beside = served.ranges = False
    wheel = entry(publish("root"))
    assert fetched(wheel) == {wheel["wheel"]: None}
    assert cache(tmp_path) == []


def test_a_lock_from_such_a_mirror_is_made_and_names_what_was_not_checked(publish, served, profile, locked):
    publish("root", requires=("leaf",))
    publish("leaf")
    served.beside = served.ranges = False
    answer = locked(profile(), ["root"])
    assert answer["unchecked"] == ["leaf-1.0-py3-none-any.whl", "root-1.0-py3-none-any.whl"]
    served.ranges = True
    assert locked(profile(), ["root"], refresh=True)["unchecked"] == []


def test_a_connection_that_is_cut_is_tried_again_and_half_an_answer_never_kept(
    tmp_path, publish, served, entry, fetched, refused
):
    wheel = entry(publish("root"))
    beside = "/files/%s.metadata" % wheel["wheel"]
    served.cut[beside] = 9
    with refused("FERRY-INDEX-001", wheel["wheel"]):
        fetched(wheel)
    assert cache(tmp_path) == []
    served.cut[beside] = 1
    assert fetched(wheel, environment=dict(served.environment(), PIP_RETRIES="1"))[wheel["wheel"]].endswith("1.0\n")
    assert cache(tmp_path) == [wheel["sha256"]]


def test_a_range_that_is_cut_is_not_taken_for_whole(tmp_path, publish, served, entry, fetched, refused):
    served.beside = False
    wheel = entry(publish("root"))
    wheel["size"] = os.path.getsize(str(tmp_path / "served" / wheel["wheel"]))
    served.cut["/files/" + wheel["wheel"]] = 1
    with refused("FERRY-INDEX-001", wheel["wheel"]):
        fetched(wheel)
    assert "Name: root" in fetched(wheel)[wheel["wheel"]]


def test_an_index_that_is_down_is_named_without_credentials(publish, served, entry, fetched, refused):
    wheel = entry(publish("root"), host="http://user:canary@127.0.0.1:9")
    with refused("FERRY-INDEX-001", "http://127.0.0.1:9/") as caught:
        fetched(wheel)
    assert "canary" not in caught.message


@pytest.fixture
def page():
    """A server that answers every path with one page, and says what headers it was sent."""
    seen = []
    answer = {"status": 200, "headers": {"Content-Length": "13"}, "body": b"<html></html>"}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(dict(self.headers, path=self.path))
            self.send_response(answer["status"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer["body"])

        def log_message(self, *_words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.seen, server.answer = seen, answer
    server.url = "http://127.0.0.1:%d" % server.server_address[1]
    yield server
    server.shutdown()
    server.server_close()


def test_a_page_for_people_is_not_taken_for_metadata(tmp_path, publish, entry, fetched, page):
    wheel = entry(publish("root"), host=page.url)
    assert fetched(wheel) == {wheel["wheel"]: None} and cache(tmp_path) == []


@pytest.mark.parametrize("told", ["bytes 0-12/13", "bytes 5-17/20", "nonsense"])
def test_another_range_than_was_asked_for_is_not_taken(publish, entry, fetched, page, told):
    page.answer.update(status=206, headers={"Content-Length": "13", "Content-Range": told})
    wheel = dict(entry(publish("root"), host=page.url), size=20)
    assert fetched(wheel) == {wheel["wheel"]: None}


def test_an_answer_of_unknown_length_is_not_taken_for_whole(tmp_path, publish, entry, fetched, page):
    page.answer.update(headers={}, body=b"Metadata-Version: 2.1\nName: root\n")
    wheel = entry(publish("root"), host=page.url)
    assert fetched(wheel) == {wheel["wheel"]: None} and cache(tmp_path) == []


def test_a_damaged_cache_is_asked_for_anew(tmp_path, publish, served, entry, fetched):
    wheel = entry(publish("root"))
    fetched(wheel)
    (tmp_path / "work" / "metadata" / wheel["sha256"]).write_bytes(b"")
    assert "Name: root" in fetched(wheel)[wheel["wheel"]]


def test_a_full_disk_leaves_no_half_metadata(tmp_path, publish, entry, fetched, refused, full_disk):
    wheel = entry(publish("root"))
    full_disk(files, 1)
    with refused("FERRY-IO-001"):
        fetched(wheel)
    assert cache(tmp_path) == []


@pytest.mark.parametrize("way", ["beside", "ranges"])
def test_the_indexs_credentials_are_given_to_its_host(publish, served, entry, fetched, way):
    served.credentials = "us er:can@ary"
    served.beside = way == "beside"
    wheel = entry(publish("root"))
    assert fetched(wheel) == {wheel["wheel"]: None}
    address = served.url.replace("//", "//us%20er:can%40ary@")
    assert fetched(wheel, environment=dict(served.environment(), PIP_INDEX_URL=address))[wheel["wheel"]]


def test_netrc_gives_credentials_where_the_address_has_none(tmp_path, publish, served, entry, fetched):
    served.credentials = "somebody:canary"
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password canary\n")
    wheel = entry(publish("root"))
    assert fetched(wheel, environment=dict(served.environment(), NETRC=str(tmp_path / "netrc")))[wheel["wheel"]]


def test_credentials_go_to_no_other_host_not_even_by_redirect(publish, served, entry, fetched, page):
    wheel = entry(publish("root"), host=page.url)
    environment = dict(
        served.environment(), PIP_INDEX_URL=served.url.replace("//", "//user:canary@"), NETRC="/dev/null"
    )
    assert fetched(wheel, environment=environment) == {wheel["wheel"]: None}
    assert page.seen and not any(request.get("Authorization") for request in page.seen)
    page.answer.update(status=302, headers={"Location": page.url.replace("127.0.0.1", "localhost") + "/there"})
    environment["PIP_INDEX_URL"] = page.url.replace("//", "//user:canary@") + "/simple"
    fetched(wheel, environment=environment)
    given = [bool(request.get("Authorization")) for request in page.seen]
    there = [bool(request.get("Authorization")) for request in page.seen if request["path"] == "/there"]
    assert any(given) and there and not any(there)


def test_pips_proxy_is_used(publish, entry, fetched, page, served):
    page.answer.update(status=404)
    wheel = entry(publish("root"), host="http://index.invalid")
    assert fetched(wheel, environment=dict(served.environment(), PIP_PROXY=page.url)) == {wheel["wheel"]: None}
    assert {request["Host"] for request in page.seen} == {"index.invalid"}
    # urllib knows no SOCKS: not known, rather than a lock that cannot be made.
    environment = dict(served.environment(), PIP_PROXY="socks5://127.0.0.1:9")
    assert fetched(wheel, environment=environment) == {wheel["wheel"]: None}


@pytest.fixture
def tls(tmp_path):
    """A certificate for 127.0.0.1 that nobody has signed but itself."""
    pytest.importorskip("ssl")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ferry"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    return key, certificate


def test_an_authority_that_pip_knows_and_a_trusted_host_are_believed_and_nobody_else(
    publish, entry, fetched, served, page, tls, refused
):
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls[1], tls[0])
    page.socket = context.wrap_socket(page.socket, server_side=True)
    body = b"Metadata-Version: 2.1\nName: root\nVersion: 1.0\n"
    page.answer.update(headers={"Content-Length": str(len(body))}, body=body)
    wheel = entry(publish("root"), host=page.url.replace("http:", "https:"))
    plain = {name: value for name, value in served.environment().items() if name not in ("PIP_CERT", "SSL_CERT_FILE")}
    with refused("FERRY-INDEX-001", "certificate"):
        fetched(wheel, environment=dict(plain, PIP_RETRIES="5"), keep=False)
    assert fetched(wheel, environment=dict(plain, PIP_CERT=tls[1]), keep=False)[wheel["wheel"]]
    assert fetched(wheel, environment=dict(plain, PIP_TRUSTED_HOST="127.0.0.1"), keep=False)[wheel["wheel"]]


def test_an_index_on_a_disk_is_read_from_there(tmp_path, publish, profile, locked):
    name = publish("root")
    folder = tmp_path / "disk" / "root"
    folder.mkdir(parents=True)
    os.replace(str(tmp_path / "served" / name), str(folder / name))
    digest = files.sha256_file(str(folder / name))
    (folder / "index.html").write_text('<html><body><a href="%s#sha256=%s">%s</a></body></html>' % (name, digest, name))
    environment = index.environment(sys.executable, "file://%s" % (tmp_path / "disk"))
    answer = locked(profile(), ["root"], environment=environment)
    assert answer["unchecked"] == [] and cache(tmp_path) == [digest]
    gone = {"wheel": name, "sha256": "0" * 64, "url": "file:///nowhere/" + name}
    assert metadata.fetch(str(tmp_path / "work"), [gone], environment) == {name: None}


@pytest.mark.parametrize("damage", ["no archive", "no metadata", "two metadata"])
def test_a_wheel_without_one_metadata_has_none(tmp_path, make_wheel, damage):
    more = {"other-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: other\n"} if damage.startswith("two") else {}
    path = make_wheel(tmp_path, "root", unlisted=more)
    if damage == "no archive":
        with open(path, "r+b") as stream:
            stream.truncate(100)
    elif damage == "no metadata":
        import zipfile

        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("root/__init__.py", b"")
    assert metadata.of_wheel(path) == ""
