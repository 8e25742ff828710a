# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package index on loopback that tests fill with tiny wheels, count the requests of, and break."""

from __future__ import annotations

import hashlib
import http.server
import os
import re
import shutil
import sys
import threading
import zipfile

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.profile import Profile
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index


class Index:
    """A simple index (PEP 503) of the wheels in ``folder``; ``asked`` lists the files that were downloaded."""

    def __init__(self, folder):
        self.folder = folder
        self.asked = []
        self.broken = set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
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
        body = None
        if parts[0] == "simple" and len(parts) == 2:
            body = self._page(parts[1])
        elif parts[0] == "files" and parts[1].endswith(".metadata"):
            body = self._metadata(parts[1][: -len(".metadata")])
        elif parts[0] == "files" and parts[1] not in self.broken:
            self.asked.append(parts[1])
            body = self._bytes(parts[1])
        request.send_response(200 if body else 404)
        request.send_header("Content-Type", "text/html")
        request.send_header("Content-Length", str(len(body or b"")))
        request.end_headers()
        request.wfile.write(body or b"")

    def _bytes(self, name):
        with open(os.path.join(self.folder, name), "rb") as stream:
            return stream.read()

    def _metadata(self, name):
        with zipfile.ZipFile(os.path.join(self.folder, name)) as archive:
            return archive.read(next(member for member in archive.namelist() if member.endswith(".dist-info/METADATA")))

    def _page(self, project):
        links = []
        for name in sorted(os.listdir(self.folder)):
            if re.sub(r"[-_.]+", "-", name.split("-")[0]).lower() == project:
                digest = hashlib.sha256(self._bytes(name)).hexdigest()
                # Metadata beside the wheel (PEP 658), as the great indexes have it: resolving asks for no wheel.
                beside = ' data-core-metadata="true"' if name.endswith(".whl") else ""
                links.append('<a href="/files/%s#sha256=%s"%s>%s</a>' % (name, digest, beside, name))
        return ("<!DOCTYPE html><html><body>%s</body></html>" % "\n".join(links)).encode() if links else None


@pytest.fixture
def served(tmp_path):
    """An index without wheels."""
    (tmp_path / "served").mkdir()
    made = Index(str(tmp_path / "served"))
    yield made
    made.close()


@pytest.fixture
def uv():
    """uv of this environment, as a command."""
    return [os.path.join(os.path.dirname(sys.executable), "uv")]


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
