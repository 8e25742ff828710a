# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package index on loopback that tests fill with tiny wheels, count the requests of, and break."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import http.server
import json
import os
import re
import shutil
import sys
import threading
import time
import zipfile

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils import staging
from ansible_collections.airgap.ferry.plugins.module_utils.gates import report
from ansible_collections.airgap.ferry.plugins.module_utils.profile import Profile
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import (
    build,
    index,
    installers,
    lock,
    resolver,
    store,
)
from ansible_collections.airgap.ferry.plugins.modules import bundle_lock


class Index:
    """A simple index (PEP 503) of the wheels in ``folder``; ``asked`` lists the files that were downloaded.

    ``asked_beside`` lists the wheels whose metadata was asked for, ``spans`` the range requests as ``(file, first, last)``.
    """

    def __init__(self, folder):
        self.folder = folder
        self.asked = []
        self.asked_beside = []
        self.spans = []
        self.broken = set()
        # What a mirror may lack: METADATA beside wheels, ranges, patience with those who give no "user:password".
        self.beside = True
        self.ranges = True
        self.credentials = None
        # Wheel -> its Requires-Python as the page says it.
        self.pythons = {}
        # Seconds that METADATA takes to come.
        self.pause = 0
        # Wheel -> when it was uploaded; where there is one, pages are JSON (PEP 691, 700) and say it.
        self.uploaded = {}
        # Path -> how many times its answer is cut off in the middle.
        self.cut = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer._answer(self)

            def do_HEAD(self):
                outer._answer(self)

            def log_message(self, *_words):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/simple" % self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, path, platform=None):
        """Serve the file at ``path``; ``platform`` renames a py3-none-any wheel to one for that platform alone."""
        name = os.path.basename(path)
        if platform:
            name = name.replace("-any.whl", "-%s.whl" % platform)
        shutil.copyfile(path, os.path.join(self.folder, name))
        return name

    def environment(self):
        """What uv and pip need to ask this index and no other."""
        return dict(index.environment(sys.executable, self.url), PIP_RETRIES="0", UV_HTTP_RETRIES="0")

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request):
        parts = request.path.strip("/").split("/")
        body, span, kind = None, None, "text/html"
        if self.credentials and request.headers.get("Authorization") != self._authorization():
            request.send_response(401)
            request.send_header("WWW-Authenticate", "Basic")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        if parts[0] == "simple" and len(parts) == 2:
            body = self._dated_page(parts[1]) if self.uploaded else self._page(parts[1])
            kind = "application/vnd.pypi.simple.v1+json" if self.uploaded else kind
        elif parts[0] == "files" and parts[1].endswith(".metadata"):
            self.asked_beside.append(parts[1][: -len(".metadata")])
            time.sleep(self.pause)
            body = self._metadata(parts[1][: -len(".metadata")]) if self.beside else None
        elif parts[0] == "files" and parts[1] not in self.broken:
            body = self._bytes(parts[1])
            asked = re.fullmatch("bytes=([0-9]+)-([0-9]+)", request.headers.get("Range", ""))
            if asked and self.ranges:
                span = int(asked.group(1)), min(int(asked.group(2)), len(body) - 1)
                self.spans.append((parts[1], *span))
            elif request.command == "GET":
                self.asked.append(parts[1])
        request.send_response(206 if span else 200 if body else 404)
        if span:
            request.send_header("Content-Range", "bytes %d-%d/%d" % (*span, len(body)))
            body = body[span[0] : span[1] + 1]
        if self.ranges:
            request.send_header("Accept-Ranges", "bytes")
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body or b"")))
        request.end_headers()
        if request.command == "HEAD":
            return
        if self.cut.get(request.path, 0) > 0:
            self.cut[request.path] -= 1
            body = body[: len(body) // 2]
        request.wfile.write(body or b"")

    def _authorization(self):
        return "Basic " + base64.b64encode(self.credentials.encode()).decode()

    def _bytes(self, name):
        with open(os.path.join(self.folder, name), "rb") as stream:
            return stream.read()

    def _metadata(self, name):
        with zipfile.ZipFile(os.path.join(self.folder, name)) as archive:
            return archive.read(next(member for member in archive.namelist() if member.endswith(".dist-info/METADATA")))

    def _files(self, project):
        names = sorted(os.listdir(self.folder))
        return [name for name in names if re.sub(r"[-_.]+", "-", name.split("-")[0]).lower() == project]

    def _dated_page(self, project):
        found = [
            {
                "filename": name,
                "url": "/files/" + name,
                "hashes": {"sha256": hashlib.sha256(self._bytes(name)).hexdigest()},
                "core-metadata": self.beside,
                "upload-time": self.uploaded[name],
                "size": len(self._bytes(name)),
            }
            for name in self._files(project)
        ]
        page = {"meta": {"api-version": "1.1"}, "name": project, "files": found}
        return json.dumps(page).encode() if found else None

    def _page(self, project):
        links = []
        for name in self._files(project):
            digest = hashlib.sha256(self._bytes(name)).hexdigest()
            # Metadata beside the wheel (PEP 658), as the great indexes have it: resolving asks for no wheel.
            more = ' data-core-metadata="true"' if name.endswith(".whl") and self.beside else ""
            if name in self.pythons:
                more += ' data-requires-python="%s"' % html.escape(self.pythons[name])
            links.append('<a href="/files/%s#sha256=%s"%s>%s</a>' % (name, digest, more, name))
        return ("<!DOCTYPE html><html><body>%s</body></html>" % "\n".join(links)).encode() if links else None


@pytest.fixture
def make_index(tmp_path):
    """Make an index without wheels, which serves the folder of this name."""
    made = []

    def make(name):
        (tmp_path / name).mkdir()
        made.append(Index(str(tmp_path / name)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def served(make_index):
    """An index without wheels."""
    return make_index("served")


@pytest.fixture
def publish(tmp_path, served, make_wheel):
    """Serve a tiny wheel whose METADATA says more than its name; its file name. ``said``: the version that METADATA has instead."""

    def make(name, version="1.0", requires=(), python=None, extras=(), platform=None, said=None, more=()):
        lines = ["Metadata-Version: 2.1", "Name: %s" % name, "Version: %s" % (said or version)]
        lines += ["Requires-Python: %s" % python] if python else []
        lines += ["Provides-Extra: %s" % extra for extra in extras]
        lines += ["Requires-Dist: %s" % entry for entry in requires]
        text = "\n".join([*lines, *more, ""]).encode()
        file = served.add(make_wheel(tmp_path / "published", name, version, metadata=text), platform)
        if python:
            served.pythons[file] = python
        return file

    return make


@pytest.fixture
def uv():
    """uv of this environment, as a command."""
    return [os.path.join(os.path.dirname(sys.executable), "uv")]


@pytest.fixture
def locked(tmp_path, served, uv):
    """Make and write the lock of one profile from the index on loopback. ``how`` are the fields of resolver.How.

    What lock.make gave, and ``changed``, and what of its note the tests ask most for.
    """

    def run(profile, requirements, constraints=(), folder=None, environment=None, **how):
        how = resolver.How(uv, environment or served.environment(), **how)
        made = lock.make(str(folder or tmp_path / "work"), profile, list(requirements), list(constraints), how)
        if not how.check_mode:
            lock.write([made])
        told = {key: made["note"][key] for key in ("excluded", "unchecked")}
        return dict(made, changed=made["after"] != made["before"], **told)

    return run


@pytest.fixture
def bundle_locked(tmp_path, served):
    """Do the work of bundle_lock for ``profiles`` (specs by name); its result and its warnings."""

    def run(profiles, requirements, check_mode=False, **params):
        defaults = {name: option.get("default") for name, option in staging.LOCK_OPTIONS.items()}
        given = {"name": "tf", "workdir": str(tmp_path / "work"), "profiles": profiles, "requirements": requirements}
        warnings = []
        params = {**defaults, "index_url": served.url, **given, **params}
        return bundle_lock.lock(params, check_mode, warnings.append), warnings

    return run


@pytest.fixture
def pip():
    """pip of this environment, as a command."""
    return [sys.executable, "-m", "pip"]


@pytest.fixture
def profile():
    """Make a profile; by default Linux, x86-64, glibc 2.28, Python 3.11.2, no accelerator."""

    def make(name="linux", **changes):
        spec = {"os": "linux", "arch": "x86_64", "libc": "glibc-2.28", "python": "3.11.2", "accelerator": "none"}
        spec.update(changes)
        if spec["os"] == "windows":
            del spec["libc"]
        return Profile.from_spec(name, spec)

    return make


@pytest.fixture
def work(tmp_path, served, make_wheel, profile, locked, pip, monkeypatch, keys):
    """A staging host with an index of six wheels; tiny stand-ins for pip and uv, which are too large to serve here."""
    for name in ("one", "two", "three"):
        served.add(make_wheel(tmp_path / "made", name))
    carried = []
    for name in ("pip", "uv"):
        served.add(make_wheel(tmp_path / "made", name))
        file = "%s-1.0-py3-none-any.whl" % name
        digest = hashlib.sha256((tmp_path / "made" / file).read_bytes()).hexdigest()
        carried.append({"name": name, "version": "1.0", "wheel": file, "sha256": digest})
    monkeypatch.setattr(installers, "installers", lambda _profile: carried)
    monkeypatch.setattr(build, "installers", lambda _profile: carried)

    class Work:
        environment = served.environment()
        key = keys.make("builder")

        def lock(self, folder, *profiles, requirements=("one", "two", "three")):
            for one in profiles:
                locked(one, requirements, folder=folder, environment=self.environment)

        def fetch(self, folder, one, packages):
            return store.fetch(str(folder), one, packages, pip, self.environment)

        def order(self, folder, *profiles, **changes):
            signing = {"backend": "gpg", "key": self.key, "home": keys.home}
            gates = {"type": report.TYPE, "gates": []}
            order = build.Order(str(folder), "tf", list(profiles), self.environment, signing, gates)
            return dataclasses.replace(order, **changes)

        def build(self, folder, *profiles, **changes):
            locked, _wheels = build.plan(str(folder), list(profiles))
            for one in profiles:
                self.fetch(folder, one, locked[one.name])
                self.fetch(folder, one, carried)
            order = self.order(folder, *profiles, **changes)
            return build.write(order, *build.describe(order, locked))

    return Work()
