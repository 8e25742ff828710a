# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An index on loopback with what another index says, and every wheel's METADATA beside it (PEP 658), as PyPI has it.

Many mirrors lack that; pip then downloads whole wheels to resolve, and a resolver would be compared with a line. What was asked for once is
kept in memory, so later runs find the same index, at the same distance.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from ansible_collections.airgap.ferry.plugins.module_utils.resolve import metadata

_JSON = "application/vnd.pypi.simple.v1+json"


class Near:
    """``with Near(environment, folder) as index``: what the index that pip is configured for (``environment``) says, at ``index.url``.

    ``delay``: seconds before each answer, as a distance would make them. ``wheels_asked``: how often more than METADATA was wanted.
    """

    def __init__(self, environment, folder):
        self._environment = environment
        self._folder = str(folder)
        self._upstream = environment.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
        self._answers = {}
        self._wheels = {}
        self.wheels_asked = 0
        self.delay = 0.0
        near = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # One packet for each answer: two of them wait 40 ms for each other, and who asks one thing at a time would pay for it.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_GET(self):
                near._answer(self)

            def log_message(self, *_words):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = "http://127.0.0.1:%d/simple" % self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request):
        if request.path not in self._answers:
            place, _slash, name = request.path.strip("/").partition("/")
            self._answers[request.path] = self._page(name.strip("/")) if place == "simple" else self._metadata(name)
        body = self._answers[request.path]
        time.sleep(self.delay)
        tag = '"%s"' % hashlib.sha256(body or b"").hexdigest()
        known = request.headers.get("If-None-Match") == tag
        if known:
            body = b""
        request.send_response(404 if body is None else 304 if known else 200)
        request.send_header("Content-Type", _JSON if request.path.startswith("/simple/") else "text/plain")
        request.send_header("Content-Length", str(len(body or b"")))
        # As PyPI has them, so that caches are worth what they are there.
        request.send_header("Cache-Control", "max-age=600, public")
        request.send_header("ETag", tag)
        request.end_headers()
        request.wfile.write(body or b"")

    def _page(self, project):
        address = "%s/%s/" % (self._upstream, project)
        try:
            with urllib.request.urlopen(urllib.request.Request(address, headers={"Accept": _JSON})) as response:
                page = json.load(response)
        except urllib.error.HTTPError:
            return None
        for file in page["files"]:
            if file["filename"].endswith(".whl"):
                url = urllib.parse.urljoin(address, file["url"])
                self._wheels[file["filename"]] = {
                    "wheel": file["filename"],
                    "sha256": file["hashes"]["sha256"],
                    "url": url,
                    "size": file.get("size"),
                }
                file["core-metadata"] = True
            file["url"] = "/files/" + file["filename"]
        return json.dumps(page).encode("utf-8")

    def _metadata(self, name):
        wheel = self._wheels.get(name.rpartition(".metadata")[0])
        if wheel is None:
            # A wheel itself: nobody who only resolves has to ask for one.
            self.wheels_asked += 1
            return None
        text = metadata.fetch(self._folder, [wheel], self._environment)[wheel["wheel"]]
        return None if text is None else text.encode("utf-8")
