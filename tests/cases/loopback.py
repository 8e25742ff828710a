# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package index on loopback: pages as JSON (PEP 691) and METADATA beside the wheels (PEP 658), and never a wheel.

What it serves it has from a source: the recording here, or the live index in live.py.
"""

from __future__ import annotations

import http.server
import json
import sys
import threading
from pathlib import Path

from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index

FOLDER = Path(__file__).resolve().parent / "recorded"
_PAGE = "application/vnd.pypi.simple.v1+json"


class Recording:
    """What ``make cases`` wrote: one file a project."""

    def __init__(self, folder=FOLDER):
        self._folder = folder
        self._projects = {}

    def page(self, project):
        """The files of a project, ``[{"filename", "sha256", "size", ...}]``; None where there is no such project."""
        return self._read(project)["files"] if self._read(project) else None

    def metadata(self, project, wheel):
        """The METADATA of a wheel as bytes; None where nobody asked for it while it was recorded."""
        for entry in (self._read(project) or {"metadata": []})["metadata"]:
            if wheel in entry["wheels"]:
                return ("\n".join(entry["headers"]) + "\n").encode("utf-8")
        return None

    def _read(self, project):
        if project not in self._projects:
            path = self._folder / (project + ".json")
            self._projects[project] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        return self._projects[project]


class Loopback:
    """Serves ``source``; ``absent`` lists the paths that it did not have."""

    def __init__(self, source):
        self.absent = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            # One connection for many questions, and one packet for an answer: a lock asks a hundred times.
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self):
                outer._answer(self, source)

            do_HEAD = do_GET

            def log_message(self, *_words):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/simple" % self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def environment(self, cache):
        """What uv and pip need to ask this index and no other; ``cache`` is a folder, as another index had this port before."""
        return dict(index.environment(sys.executable, self.url), UV_CACHE_DIR=str(cache), PIP_NO_CACHE_DIR="1")

    def close(self):
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request, source):
        parts = request.path.strip("/").split("/")
        body, kind = None, "text/plain"
        if parts[0] == "simple" and len(parts) == 2:
            kind, body = _PAGE, _page(parts[1], source.page(parts[1]))
        elif parts[0] == "files" and len(parts) == 3 and parts[2].endswith(".metadata"):
            body = source.metadata(parts[1], parts[2][: -len(".metadata")])
        if body is None:
            self.absent.append(request.path)
        request.send_response(404 if body is None else 200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body or b"")))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body or b"")


def _page(project, files):
    if files is None:
        return None
    told = [
        {key: value for key, value in file.items() if key != "sha256"}
        | {
            "hashes": {"sha256": file["sha256"]},
            "url": "../../files/%s/%s" % (project, file["filename"]),
            "core-metadata": file["filename"].endswith(".whl"),
        }
        for file in files
    ]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": told}).encode("utf-8")
