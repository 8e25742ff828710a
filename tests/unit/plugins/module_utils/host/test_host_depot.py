# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The depot as a host sees it: every byte by its hash, every failure with a code, nothing half-made, nothing fetched twice."""

from __future__ import annotations

import errno
import http.client
import http.server
import io
import os
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import types

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import files, manifest
from ansible_collections.airgap.ferry.plugins.module_utils.host import depot as depot_module
from ansible_collections.airgap.ferry.plugins.module_utils.host.depot import Depot
import contextlib

TINY = "wheels/tiny-1.0-py3-none-any.whl"


@pytest.fixture
def served(tmp_path, signed):
    """A folder of published bundles, and a host's empty cache."""
    folder = tmp_path / "depot" / "bundles" / signed.id
    shutil.copytree(signed.path, str(folder))
    return types.SimpleNamespace(
        folder=folder, base=folder.parent, cache=tmp_path / "cache", id=signed.id, listed=dict(signed.manifest["files"])
    )


@pytest.fixture
def server(served):
    """A real web server on the published bundles: ``url``, ``asked`` (paths), and ``answer`` to misbehave for a path's end."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(served.base))

        def do_GET(self):
            state.asked.append(self.path)
            for end, answer in state.answer.items():
                if self.path.endswith(end):
                    answer(self, (pathlib.Path(str(served.base)) / self.path.lstrip("/")).read_bytes())
                    return
            super().do_GET()

        def log_message(self, *_arguments):
            pass

    state = types.SimpleNamespace(asked=[], answer={})
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.url = "http://127.0.0.1:%d" % listening.server_address[1]
    yield state
    listening.shutdown()
    listening.server_close()
    thread.join()


def whole(handler, data, length=None, body=None):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data) if length is None else length))
    handler.end_headers()
    handler.wfile.write(data if body is None else body)


def wrong_bytes(handler, data):
    whole(handler, data[:-1] + bytes([data[-1] ^ 1]))


def shorter(handler, data):
    whole(handler, data[:-1])


def truncated(handler, data):
    whole(handler, data, body=data[: len(data) // 2])
    handler.close_connection = True


def nothing(handler, _data):
    whole(handler, b"")


def longer(handler, data):
    whole(handler, data + b"x" * (5 << 20))


def endless(handler, data):
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    try:
        for _turn in range(2000):
            handler.wfile.write(b"x" * (1 << 20))
    except OSError:
        handler.server.endless_was_cut = True
        return
    handler.server.endless_was_cut = False


def login_page(handler, _data):
    whole(handler, b"<html>please log in</html>")


def chunks_that_break_off(handler, data):
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"ffff\r\n" + data[:10])
    handler.close_connection = True


def reset(handler):
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def reset_in_the_middle(handler, data):
    whole(handler, data, length=len(data) + (1 << 20), body=data[:10])
    reset(handler)


def hang_up(handler, _data):
    reset(handler)


def end_without_an_answer(handler, _data):
    handler.close_connection = True


def garbage(handler, _data):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    handler.close_connection = True


def absurd_header(handler, _data):
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nX: " + b"x" * (1 << 17) + b"\r\n\r\n")
    handler.close_connection = True


def status(number):
    return lambda handler, _data: handler.send_error(number)


DIFFERENT = [wrong_bytes, shorter, truncated, nothing, longer, login_page]
UNREACHABLE = [
    chunks_that_break_off,
    reset_in_the_middle,
    hang_up,
    end_without_an_answer,
    garbage,
    absurd_header,
    status(404),
    status(403),
    status(500),
    status(503),
]


def left_over(cache):
    return [os.path.join(folder, name) for folder, _folders, names in os.walk(str(cache)) for name in names]


@pytest.fixture(params=["http", "file"])
def url(request, served):
    """The depot's address, by a web server and on a mounted medium."""
    return request.getfixturevalue("server").url if request.param == "http" else served.base.as_uri()


def test_every_file_of_a_bundle_arrives_whole(served, url):
    depot = Depot(url, served.id, str(served.cache))
    assert depot.manifest()["files"] == served.listed
    assert depot.missing(served.listed) == served.listed
    fetched = depot.fetch(served.listed)
    assert fetched == {"files": len(served.listed), "bytes": sum(entry["size"] for entry in served.listed.values())}
    for path, entry in served.listed.items():
        assert files.sha256_file(depot.place(entry, path)) == entry["sha256"]
    assert depot.missing(served.listed) == {}


def test_a_trailing_slash_in_the_address_makes_no_difference(served, server):
    Depot(server.url + "/", served.id, str(served.cache)).manifest()
    assert server.asked == ["/%s/manifest.json" % served.id]


def test_what_the_cache_has_is_not_asked_for_again(served, server):
    for _run in range(2):
        depot = Depot(server.url, served.id, str(served.cache))
        depot.fetch(depot.manifest()["files"])
    assert len(server.asked) == len(served.listed) + 1
    assert depot.fetch(served.listed) == {"files": 0, "bytes": 0}


def test_only_what_the_cache_lacks_is_asked_for(served, server):
    depot = Depot(server.url, served.id, str(served.cache))
    depot.fetch({TINY: served.listed[TINY]})
    server.asked.clear()
    fetched = depot.fetch(served.listed)
    assert fetched["files"] == len(served.listed) - 1 and not any(path.endswith(TINY) for path in server.asked)


def test_a_given_manifest_is_used_without_the_depot_and_kept_only_when_told(served, signed):
    depot = Depot("http://127.0.0.1:9", served.id, str(served.cache))
    assert depot.manifest(given=signed.text, keep=False)["files"] == served.listed
    assert not served.cache.exists()
    depot.manifest(given=signed.text, keep=True)
    assert depot.manifest() == signed.manifest


def test_a_check_run_keeps_nothing(served, url):
    Depot(url, served.id, str(served.cache)).manifest(keep=False)
    assert not served.cache.exists()


def test_a_manifest_with_another_id_is_refused_wherever_it_comes_from(served, url, refused, flip, signed):
    flip(served.folder / manifest.NAME, 20)
    depot = Depot(url, served.id, str(served.cache))
    with refused("FERRY-DEPOT-003", "manifest.json", served.id):
        depot.manifest()
    with refused("FERRY-DEPOT-003", "manifest.json", served.id):
        depot.manifest(given=signed.text.replace("tiny", "tinx"))
    assert left_over(served.cache) == []


def test_another_bundles_manifest_under_this_id_is_refused(served, url, refused, tmp_path, make_bundle, wheels):
    other = make_bundle(tmp_path / "other", wheels.packages[:1], wheels.installers)
    shutil.copy(os.path.join(other.path, manifest.NAME), str(served.folder / manifest.NAME))
    with refused("FERRY-DEPOT-003", other.id):
        Depot(url, served.id, str(served.cache)).manifest()


def test_a_manifest_that_was_changed_in_the_cache_is_refused(served, url, refused, flip):
    depot = Depot(url, served.id, str(served.cache))
    depot.manifest()
    flip(left_over(served.cache)[0], 20)
    with refused("FERRY-DEPOT-003", left_over(served.cache)[0]):
        depot.manifest()


@pytest.mark.parametrize("answer", [*DIFFERENT, endless], ids=lambda answer: answer.__name__)
def test_a_wrong_manifest_from_the_server_is_refused(served, server, refused, answer):
    server.answer[manifest.NAME] = answer
    with refused("FERRY-DEPOT-003", "manifest.json"):
        Depot(server.url, served.id, str(served.cache)).manifest()
    assert left_over(served.cache) == []


def test_a_changed_byte_in_any_file_is_refused_by_name(served, url, refused, flip):
    for path, entry in served.listed.items():
        for position in (0, -1):
            flip(served.folder / path, position)
            with refused("FERRY-DEPOT-003", path, entry["sha256"]):
                Depot(url, served.id, str(served.cache)).fetch({path: entry})
            flip(served.folder / path, position)
    assert left_over(served.cache) == []


@pytest.mark.parametrize("answer", DIFFERENT, ids=lambda answer: answer.__name__)
def test_another_body_is_refused_and_leaves_nothing(served, server, refused, answer):
    server.answer[TINY] = answer
    with refused("FERRY-DEPOT-003", TINY):
        Depot(server.url, served.id, str(served.cache)).fetch({TINY: served.listed[TINY]})
    assert left_over(served.cache) == []


def test_a_body_without_end_is_cut_soon_after_the_listed_size(served, server, refused):
    server.answer[TINY] = endless
    with refused("FERRY-DEPOT-003", TINY) as caught:
        Depot(server.url, served.id, str(served.cache)).fetch({TINY: served.listed[TINY]})
    assert "found %d bytes" % files.CHUNK in caught.message
    assert left_over(served.cache) == []


@pytest.mark.parametrize("answer", UNREACHABLE, ids=lambda answer: getattr(answer, "__name__", "status"))
def test_a_server_that_fails_is_told_by_address_and_leaves_nothing(served, server, refused, answer):
    for path in (TINY, manifest.NAME):
        server.answer[path] = answer
        depot = Depot(server.url, served.id, str(served.cache))
        with refused("FERRY-DEPOT-002", "%s/%s/%s" % (server.url, served.id, path)):
            depot.manifest() if path == manifest.NAME else depot.fetch({path: served.listed[path]})
        assert left_over(served.cache) == []


def test_a_file_that_is_not_published_is_told_by_name(served, url, refused):
    (served.folder / TINY).unlink()
    with refused("FERRY-DEPOT-002", TINY):
        Depot(url, served.id, str(served.cache)).fetch(served.listed)
    assert not any(path.endswith(".part") for path in left_over(served.cache))


def test_a_depot_that_refuses_the_connection_is_told_by_address(served, refused):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:%d" % free.getsockname()[1]
    with refused("FERRY-DEPOT-002", url, "ferry_depot_url"):
        Depot(url, served.id, str(served.cache)).manifest()


def test_a_depot_that_never_answers_is_given_up_in_time(served, refused, monkeypatch):
    monkeypatch.setattr(depot_module, "_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        with refused("FERRY-DEPOT-002", "127.0.0.1"):
            Depot("http://127.0.0.1:%d" % silent.getsockname()[1], served.id, str(served.cache)).manifest()


class _OldTimeout(OSError):
    """What a timeout is in Python 3.8 and 3.9: an OSError, and no TimeoutError."""


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EHOSTUNREACH, "No route to host"),
        OSError(errno.ENETDOWN, "Network is down"),
        ssl.SSLError(1, "bad record mac"),
        _OldTimeout("timed out"),
        http.client.IncompleteRead(b""),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("where", ["open", "read"])
def test_whatever_the_network_does_is_told_by_address(served, refused, monkeypatch, error, where):
    def fail(*_arguments, **_options):
        raise error

    class Reader(io.BytesIO):
        read = fail

    answer = fail if where == "open" else lambda *_arguments, **_options: Reader()
    monkeypatch.setattr(depot_module, "_OPENER", types.SimpleNamespace(open=answer))
    depot = Depot("http://depot.inside", served.id, str(served.cache))
    for path, ask in ((manifest.NAME, depot.manifest), (TINY, lambda: depot.fetch({TINY: served.listed[TINY]}))):
        with refused("FERRY-DEPOT-002", "http://depot.inside/%s/%s" % (served.id, path)):
            ask()
    assert left_over(served.cache) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "depot",
        "gopher://x/y",
        "http://",
        "http://[::1",
        "http://x y/z",
        "http://127.0.0.1:port/",
        "file:///no/such/folder",
        "http://nowhere.invalid",
    ],
)
def test_an_address_that_is_none_is_told(served, refused, url):
    with refused("FERRY-DEPOT-002", "ferry_depot_url"):
        Depot(url, served.id, str(served.cache)).manifest()


def test_a_depot_under_a_path_with_a_space_is_read(served, tmp_path):
    shutil.copytree(str(served.base), str(tmp_path / "my depot"))
    assert Depot((tmp_path / "my depot").as_uri(), served.id, str(served.cache)).manifest()
    shutil.rmtree(str(served.cache))
    assert Depot("file://%s" % (tmp_path / "my depot"), served.id, str(served.cache)).manifest()


ASK = """
import sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.airgap.ferry.plugins.module_utils.host.depot import Depot
Depot(*sys.argv[2:]).manifest()
"""


def test_a_proxy_of_the_environment_is_not_asked(served, server):
    collections = str(pathlib.Path(__file__).resolve().parents[5] / ".ansible" / "collections")
    proxied = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
    proxied.update(http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")
    command = [sys.executable, "-c", ASK, collections, server.url, served.id, str(served.cache)]
    done = subprocess.run(command, env=proxied, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(server.asked) == 1


def test_what_a_killed_run_left_is_overwritten(served, url):
    depot = Depot(url, served.id, str(served.cache))
    place = depot.place(served.listed[TINY], TINY)
    os.makedirs(os.path.dirname(place))
    pathlib.Path(place + ".part").write_bytes(b"x" * (1 << 20))
    depot.fetch({TINY: served.listed[TINY]})
    assert left_over(served.cache) == [place]


def test_one_failed_file_keeps_those_that_arrived_and_no_half(served, server, refused):
    server.answer[TINY] = truncated
    depot = Depot(server.url, served.id, str(served.cache))
    with refused("FERRY-DEPOT-003", TINY):
        depot.fetch(served.listed)
    assert not any(path.endswith(".part") for path in left_over(served.cache))
    assert TINY in depot.missing(served.listed)
    server.answer.clear()
    depot.fetch(served.listed)
    assert depot.missing(served.listed) == {}


def test_a_full_disk_leaves_nothing_half_made_and_names_the_place(served, url, refused, full_disk):
    full_disk(depot_module, 1)
    with refused("FERRY-IO-001", str(served.cache)):
        Depot(url, served.id, str(served.cache)).fetch({TINY: served.listed[TINY]})
    assert left_over(served.cache) == []


def test_a_kill_at_any_point_leaves_no_wrong_file_and_the_next_run_is_whole(served, killed_at):
    depot, step = Depot(served.base.as_uri(), served.id, str(served.cache)), 1
    while killed_at(step, lambda: depot.fetch(served.listed)):
        for path, entry in served.listed.items():
            if path not in depot.missing(served.listed):
                assert files.sha256_file(depot.place(entry, path)) == entry["sha256"]
        step += 1
    assert step > 4 and depot.missing(served.listed) == {}
    assert len(left_over(served.cache)) == len(served.listed)


def test_one_file_under_two_paths_is_fetched_without_a_race(served, server):
    # A profile that locks pip itself: the same wheel lies under wheels/ and under tools/.
    name = "pip-26.3-py3-none-any.whl"
    shutil.copy(str(served.folder / "tools" / name), str(served.folder / "wheels" / name))
    entry = served.listed["tools/" + name]
    together = threading.Barrier(2, timeout=0.2)

    def at_once(handler, data):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait()
        handler.wfile.write(data)

    server.answer[name] = at_once
    depot = Depot(server.url, served.id, str(served.cache))
    for _run in range(3):
        depot.fetch({"tools/" + name: entry, "wheels/" + name: entry})
        assert files.sha256_file(depot.place(entry, "wheels/" + name)) == entry["sha256"]
        os.unlink(depot.place(entry, "wheels/" + name))
        together.reset()
