# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person has set for pip holds for the real uv and the real pip alike, as the product runs them: uv locks, pip fetches."""

from __future__ import annotations

import base64
import hashlib
import http.client
import http.server
import os
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index, store

_OURS = ("PIP_", "UV_", "XDG_", "SSL_", "REQUESTS_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Write the user's pip.conf in a home of its own, and set variables; the environment that the product makes of them."""
    for name in list(os.environ):
        if name.startswith(_OURS) or name.lower() in _PROXIES or name == "NETRC":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    file = tmp_path / "home" / ".config" / "pip" / "pip.conf"
    file.parent.mkdir(parents=True)

    def write(*lines, **variables):
        file.write_text("\n".join(("[global]", "retries = 0", *lines)) + "\n")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return index.environment(sys.executable)

    return write


@pytest.fixture(params=["uv", "pip"])
def ask(request, tmp_path, served, publish, profile, locked, pip):
    """Ask for the wheel ``root``, by uv or by pip; the version that came."""
    wheel = publish("root")
    with open(os.path.join(served.folder, wheel), "rb") as stream:
        digest = hashlib.sha256(stream.read()).hexdigest()
    runs = iter(range(9))

    def by_uv(environment):
        answer = locked(profile(), ["root"], folder=tmp_path / ("work%d" % next(runs)), environment=environment)
        assert answer["unchecked"] == []
        return answer["packages"][0]["version"]

    def by_pip(environment):
        package = {"name": "root", "version": "1.0", "wheel": wheel, "sha256": digest}
        folder = str(tmp_path / ("work%d" % next(runs)))
        assert store.fetch(folder, profile(), [package], pip, environment) == 1
        return "1.0"

    return {"uv": by_uv, "pip": by_pip}[request.param]


def loopback(handler):
    """A server in a thread; ``handler`` is its class."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def proxy(served):
    """A proxy for http and https that wants a password and takes every name to the index on loopback; ``.seen``: what was asked of it."""
    target = urllib.parse.urlsplit(served.url).netloc

    class Handler(http.server.BaseHTTPRequestHandler):
        def is_welcome(self):
            known = self.headers.get("Proxy-Authorization") == "Basic " + base64.b64encode(b"us er:pa@ss").decode()
            if known:
                server.seen.append("%s %s" % (self.command, self.path))
            else:
                self.send_response(407)
                self.send_header("Proxy-Authenticate", "Basic")
                self.send_header("Content-Length", "0")
                self.end_headers()
            return known

        def do_GET(self):
            if not self.is_welcome():
                return
            connection = http.client.HTTPConnection(target)
            parts = urllib.parse.urlsplit(self.path)
            headers = {
                name: value
                for name, value in self.headers.items()
                if not name.lower().startswith(("host", "connection", "proxy-"))
            }
            connection.request(self.command, parts.path, headers=dict(headers, Connection="close"))
            answer = connection.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.read())

        do_HEAD = do_GET

        def do_CONNECT(self):
            if not self.is_welcome():
                return
            self.send_response(200)
            self.end_headers()
            host, _colon, port = target.partition(":")
            with socket.create_connection((host, int(port))) as there:
                ends = {self.connection: there, there: self.connection}
                while True:
                    for end in select.select(list(ends), [], [])[0]:
                        data = end.recv(1 << 16)
                        if not data:
                            return
                        ends[end].sendall(data)

        def log_message(self, *_words):
            pass

    server = loopback(Handler)
    server.seen = []
    server.url = "http://us%%20er:pa%%40ss@127.0.0.1:%d" % server.server_address[1]
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A CA of our own, and certificates by it: ``.ca``, ``.server`` (127.0.0.1, index.invalid) and ``.client``, each with its key."""
    folder = tmp_path_factory.mktemp("authority")

    def make(name, *more):
        paths = [str(folder / (name + end)) for end in (".pem", ".key")]
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-days", "2", "-subj", "/CN=ferry " + name, "-out", paths[0], "-keyout", paths[1], *more]
        subprocess.run(command, check=True, capture_output=True)
        return paths

    class Made:
        ca, key = make("ca")
        _leaf = ["-CA", ca, "-CAkey", key, "-addext", "basicConstraints=critical,CA:FALSE"]
        server = make("server", *_leaf, "-addext", "subjectAltName=IP:127.0.0.1,DNS:index.invalid")
        client = make("client", *_leaf, "-addext", "extendedKeyUsage=clientAuth")

    # As pip's client-cert has it: certificate and key in one file.
    Made.both = str(folder / "both.pem")
    with open(Made.both, "w", encoding="ascii") as out:
        for path in Made.client:
            with open(path, encoding="ascii") as stream:
                out.write(stream.read())
    return Made


@pytest.fixture
def over_tls(served, authority):
    """The index speaks TLS from now on; ``strict``: with those alone whom our CA knows. Its address."""

    def turn(strict=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.server)
        if strict:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(authority.ca)
        served._server.socket = context.wrap_socket(served._server.socket, server_side=True)
        served.url = served.url.replace("http:", "https:")
        return served.url

    return turn


def test_the_index_of_pip_conf_is_asked(configured, ask, served, refused):
    with refused("FERRY-INDEX-001", "127.0.0.1:9"):
        ask(configured("index-url = http://127.0.0.1:9/simple"))
    assert ask(configured("index-url = " + served.url)) == "1.0"


@pytest.mark.parametrize("place", ["~/.netrc", "NETRC"])
def test_netrc_gives_the_indexs_user_and_password(configured, ask, served, tmp_path, place):
    served.credentials = "somebody:canary"
    line = "index-url = " + served.url
    with pytest.raises(FerryError, match="FERRY-(INDEX|LOCK)-001: .*401"):
        ask(configured(line))
    file = tmp_path / "home" / ".netrc" if place == "~/.netrc" else tmp_path / "other"
    file.write_text("machine 127.0.0.1 login somebody password canary\n")
    file.chmod(0o600)
    variables = {"NETRC": str(file)} if place == "NETRC" else {}
    assert ask(configured(line, **variables)) == "1.0"


@pytest.mark.parametrize("no_proxy", [None, "index.invalid"])
def test_the_proxy_of_pip_conf_is_used_for_http(configured, ask, proxy, refused, no_proxy):
    """Whatever no_proxy says: where pip has a proxy of its own, it has no regard for that."""
    lines = ["index-url = http://index.invalid/simple", "trusted-host = index.invalid"]
    with refused("FERRY-INDEX-001", "index.invalid"):
        ask(configured(*lines))
    variables = {name: no_proxy for name in ("NO_PROXY", "no_proxy") if no_proxy}
    assert ask(configured(*lines, "proxy = " + proxy.url, **variables)) == "1.0"
    assert "GET http://index.invalid/simple/root/" in proxy.seen
    assert [line for line in proxy.seen if "/files/" in line], "for the wheel or its METADATA too"


def test_the_proxy_of_pip_conf_is_used_for_https(configured, ask, proxy, over_tls, authority):
    over_tls()
    lines = ["index-url = https://index.invalid/simple", "cert = " + authority.ca, "proxy = " + proxy.url]
    assert ask(configured(*lines)) == "1.0"
    assert set(proxy.seen) == {"CONNECT index.invalid:443"}


def test_the_authority_of_pip_conf_is_believed_and_no_other(configured, ask, over_tls, authority, refused):
    line = "index-url = " + over_tls()
    with refused("FERRY-INDEX-001", "https://127.0.0.1"):
        ask(configured(line))
    assert ask(configured(line, "cert = " + authority.ca)) == "1.0"


def test_the_client_certificate_of_pip_conf_is_shown(configured, ask, over_tls, authority, refused):
    lines = ["index-url = " + over_tls(strict=True), "cert = " + authority.ca]
    with refused("FERRY-INDEX-001"):
        ask(configured(*lines))
    assert ask(configured(*lines, "client-cert = " + authority.both)) == "1.0"


@pytest.mark.parametrize("hosts", ["127.0.0.1", "\n    other.invalid\n    127.0.0.1"])
def test_the_trusted_hosts_of_pip_conf_are_not_checked(configured, ask, over_tls, hosts):
    assert ask(configured("index-url = " + over_tls(), "trusted-host = " + hosts)) == "1.0"


@pytest.fixture
def silent():
    """An index that takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield "http://127.0.0.1:%d/simple" % listening.getsockname()[1]


@pytest.mark.parametrize("seconds", ["2", "2.5"])
def test_the_time_limit_of_pip_conf_ends_the_wait_for_an_index_that_never_answers(
    configured, ask, silent, refused, seconds
):
    environment = configured("index-url = " + silent, "timeout = " + seconds)
    started = time.monotonic()
    with refused("FERRY-INDEX-001", silent):
        ask(environment)
    # Not before; and the programs' own start, not another round, is what may come on top.
    assert float(seconds) - 0.6 <= time.monotonic() - started < float(seconds) + 6


def test_another_index_and_find_links_of_pip_conf_are_not_asked(configured, ask, served, tmp_path, make_wheel):
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            self.send_error(404)

        def log_message(self, *_words):
            pass

    other = loopback(Handler)
    make_wheel(tmp_path / "wheels", "root", "2.0")
    lines = ["extra-index-url = http://127.0.0.1:%d/simple" % other.server_address[1]]
    lines += ["find-links = %s" % (tmp_path / "wheels")]
    try:
        assert ask(configured("index-url = " + served.url, *lines)) == "1.0"
    finally:
        other.shutdown()
        other.server_close()
    assert seen == []
