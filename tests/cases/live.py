# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live index as a source for loopback.py, which notes what it was asked for; and the little of it that a replay needs."""

from __future__ import annotations

import json
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from email.parser import HeaderParser

from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index, metadata
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from pip._internal.models.index import PyPI  # pip's own default: no address of an index is written here

_KEPT = ("filename", "size", "requires-python", "upload-time", "yanked")
# What a resolver reads of METADATA; a licence or a description may be a hundred times as long.
_HEADERS = ("Metadata-Version", "Name", "Version", "Requires-Python", "Requires-Dist", "Provides-Extra")


class Live:
    """The index of ``environment`` (resolve/index.py's), each thing asked for once and kept under ``workdir`` or in memory."""

    def __init__(self, environment, workdir):
        self._environment = environment
        self._workdir = workdir
        self._index = environment.get("PIP_INDEX_URL", PyPI.simple_url).rstrip("/")
        proxy = environment.get("PIP_PROXY")
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=environment.get("PIP_CERT"))),
        )
        self._guard = threading.Lock()
        self._pages = {}
        self._texts = {}

    def page(self, project):
        """As Recording's."""
        with self._guard:
            if project not in self._pages:
                self._pages[project] = self._ask(project)
        files = self._pages[project]
        return None if files is None else [{key: file[key] for key in file if key != "url"} for file in files]

    def metadata(self, project, wheel):
        """As Recording's: the headers that a resolver reads."""
        if (project, wheel) not in self._texts:
            file = next((one for one in self._pages[project] or () if one["filename"] == wheel), None)
            if file is None:
                return None
            asked = {"wheel": wheel, "sha256": file["sha256"], "url": file["url"], "size": file.get("size")}
            text = metadata.fetch(self._workdir, [asked], self._environment)[wheel]
            self._texts[(project, wheel)] = None if text is None else _reduced(text)
        return self._texts[(project, wheel)]

    @property
    def projects(self):
        """Every project that was asked for and is there."""
        return sorted(project for project, files in self._pages.items() if files is not None)

    @property
    def asked(self):
        """``{project: {wheel whose METADATA was asked for}}``."""
        found = {}
        for project, wheel in list(self._texts):
            found.setdefault(project, set()).add(wheel)
        return found

    def _ask(self, project):
        url = "%s/%s/" % (self._index, project)
        request = urllib.request.Request(url, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        try:
            with self._opener.open(request, timeout=120) as answer:
                files = json.load(answer)["files"]
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None
        return [
            {key: file[key] for key in _KEPT if file.get(key)}
            | {"sha256": file["hashes"]["sha256"], "url": urllib.parse.urljoin(url, file["url"])}
            for file in files
            if "sha256" in file["hashes"]
        ]


def version_of(file_name):
    """The version of a file on a page; None where its name says none that counts."""
    try:
        if file_name.endswith(".whl"):
            return parse_wheel_filename(file_name)[1]
        return parse_sdist_filename(file_name)[1]
    except ValueError:
        return None


def shown(environment):
    """The index's address without credentials, for a person at the screen."""
    return index.shown(environment) or "pip's default index"


def _reduced(text):
    message = HeaderParser().parsestr(text)
    lines = ["%s: %s" % (name, " ".join(value.split())) for name in _HEADERS for value in message.get_all(name, ())]
    return ("\n".join(lines) + "\n").encode("utf-8")
