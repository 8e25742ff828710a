# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The METADATA of wheels that are not downloaded: beside the wheel (PEP 658), or by range requests from the wheel itself.

It is kept by the wheel's sha256 under ``<workdir>/metadata/``, for all profiles, and trusted as the index is while locking;
:mod:`.build` checks again from the wheels themselves, by then hashed.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import netrc
import os
import socket
import ssl
import struct
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

from . import index
from ..bundle import files
from ..errors import FerryError

FOLDER = "metadata"
_AT_ONCE = 8
_LIMIT = 1 << 24
# What one range request brings at least: for most wheels the end of the archive with its directory and its METADATA.
_AHEAD = 1 << 16
# As pip and uv have it: a server that says these may say something else in a moment.
_BUSY = (429, 500, 502, 503, 504)
# Whatever zipfile says of an archive that is none, or one that its directory lies about.
_UNSOUND = (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, ValueError, KeyError)

# One lock for each place in a cache: profiles are locked side by side and share most wheels.
_guard = threading.Lock()
_under_way: dict = {}


class _Absent(Exception):
    """The index does not give this; another way may."""


def fetch(workdir: str, wheels: list, environment: dict, keep: bool = True) -> dict:
    """``{wheel file name: METADATA text, or None where the index gives it in no way}``.

    ``wheels``: ``[{"wheel", "sha256", "url", "size" in bytes or None}]``. ``environment`` is :func:`.index.environment`'s. ``keep=False``
    writes nothing. FERRY-INDEX-001 where a server cannot be reached.
    """
    client = _Client(environment)
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        jobs = {wheel["wheel"]: pool.submit(_one, workdir, wheel, client, keep) for wheel in wheels}
        try:
            found = {name: job.result() for name, job in jobs.items()}
        finally:
            for job in jobs.values():
                job.cancel()
    return {name: None if data is None else data.decode("utf-8", "replace") for name, data in found.items()}


def of_wheel(wheel) -> str:
    """The METADATA text of the wheel at a path (or in a readable, seekable file); empty where it has none, or several."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return _member(archive).decode("utf-8", "replace")
    except (_Absent, *_UNSOUND):
        return ""


def _one(workdir, wheel, client, keep):
    place = os.path.join(workdir, FOLDER, wheel["sha256"])
    with _guard:
        alone = _under_way.setdefault(place, threading.Lock())
    with alone:
        if os.path.exists(place):
            data = files.read_limited(place, _LIMIT)
            if _is_metadata(data):
                return data
        data = _ask(wheel, client)
        if keep and data is not None:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            files.write_durably(place, data)
        return data


def _ask(wheel, client):
    parts = urllib.parse.urlsplit(wheel["url"])
    if parts.scheme == "file":
        path = urllib.request.url2pathname(parts.path)
        return of_wheel(path).encode("utf-8") or None if os.path.exists(path) else None
    try:
        # Beside the path, not behind a query: a mirror may sign its addresses.
        data = client.get(urllib.parse.urlunsplit(parts._replace(path=parts.path + ".metadata", fragment="")))
        if _is_metadata(data):
            return data
    except _Absent:
        pass
    try:
        with zipfile.ZipFile(_Remote(client, wheel["url"], wheel.get("size"))) as archive:
            data = _member(archive)
    except (_Absent, *_UNSOUND):
        return None
    return data if _is_metadata(data) else None


def _member(archive):
    names = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")]
    if len(names) != 1 or archive.getinfo(names[0]).file_size > _LIMIT:
        raise _Absent
    return archive.read(names[0])


def _is_metadata(data):
    """Some mirrors answer every path with a page of their own."""
    lines = b"\n" + data[: 1 << 12]
    return b"\nMetadata-Version:" in lines and b"\nName:" in lines


class _Client:
    """Asks as pip does: its proxy, CA, client certificate, trusted hosts, time limit, retries and credentials."""

    def __init__(self, environment):
        self._index = urllib.parse.urlsplit(environment.get("PIP_INDEX_URL", ""))
        self._timeout = float(environment.get("PIP_DEFAULT_TIMEOUT", "15"))
        self._retries = int(environment.get("PIP_RETRIES", "5"))
        self._trusted = environment.get("PIP_TRUSTED_HOST", "").split()
        self._netrc = environment.get("NETRC") or os.path.expanduser("~/.netrc")
        proxies = urllib.request.getproxies()
        if environment.get("PIP_PROXY"):
            proxies.update(dict.fromkeys(("http", "https"), environment["PIP_PROXY"]))
        # urllib knows no SOCKS; uv does, so its locks are checked when the wheels are there.
        self._unable = any(proxies.get(scheme, "").startswith("socks") for scheme in ("http", "https"))
        authority = environment.get("PIP_CERT") or environment.get("REQUESTS_CA_BUNDLE")
        verified = _context(authority, environment.get("PIP_CLIENT_CERT"))
        unverified = _context(authority, environment.get("PIP_CLIENT_CERT"))
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        self._verified, self._unverified = (_opener(proxies, context) for context in (verified, unverified))

    def size(self, url):
        """The size of the file at ``url`` in bytes; _Absent where the server gives no ranges of it."""
        return self.get(url, (0, 0), _total)

    def get(self, url, span=None, read=None):
        """The bytes at ``url``, or of its ``span`` (first, last): _Absent where the server has no such thing to give."""
        if self._unable:
            raise _Absent
        for attempt in range(self._retries + 1):
            if attempt:
                time.sleep(min(0.25 * 2 ** (attempt - 1), 8))
            try:
                return self._once(url, span, read or _whole)
            except urllib.error.HTTPError as error:
                error.close()
                if error.code not in _BUSY or attempt == self._retries:
                    raise _Absent
            except (OSError, http.client.HTTPException) as error:
                cause = getattr(error, "reason", error)
                if attempt == self._retries or isinstance(cause, ssl.SSLCertVerificationError):
                    raise FerryError(
                        "FERRY-INDEX-001",
                        "%s cannot be read: %s; check pip's configuration (index, proxy, CA) or ferry_index_url."
                        % (index.without_credentials(url), index.scrub(str(cause) or type(cause).__name__)[:300]),
                    )
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _once(self, url, span, read):
        parts = urllib.parse.urlsplit(url)
        bare = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
        request = urllib.request.Request(bare, headers={"Accept-Encoding": "identity", "User-Agent": "airgap.ferry"})
        credentials = self._credentials(parts)
        if credentials:
            # Not to follow a redirect: another host has no business with them.
            request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(credentials).decode("ascii"))
        if span:
            request.add_header("Range", "bytes=%d-%d" % span)
        trusted = parts.hostname in self._trusted or "%s:%s" % (parts.hostname, parts.port) in self._trusted
        with (self._unverified if trusted else self._verified).open(request, timeout=self._timeout) as response:
            return read(response, span)

    def _credentials(self, parts):
        """``b"user:password"`` for an address: its own, the index's on the index's host, or those of netrc; else None."""
        same = (parts.scheme, parts.hostname, parts.port) == (
            self._index.scheme,
            self._index.hostname,
            self._index.port,
        )
        for known in (parts, self._index if same else parts):
            if known.username is not None:
                pair = (known.username, known.password or "")
                return ":".join(urllib.parse.unquote(text) for text in pair).encode("utf-8")
        try:
            found = netrc.netrc(self._netrc).authenticators(parts.hostname)
        except (OSError, netrc.NetrcParseError):
            return None
        return ("%s:%s" % (found[0], found[2])).encode("utf-8") if found else None


class _Addresses:
    """Looks each host up once: a hundred look-ups at once make many a resolver drop some, and wait five seconds for them."""

    def __init__(self):
        self._guard = threading.Lock()
        self._found = {}

    def connect(self, address, *arguments):
        """As socket.create_connection."""
        with self._guard:
            if address not in self._found:
                self._found[address] = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        for entry in self._found[address][:-1]:
            with contextlib.suppress(OSError):
                return socket.create_connection(entry[4][:2], *arguments)
        return socket.create_connection(self._found[address][-1][4][:2], *arguments)


class _Patient:
    """For urllib's handlers: connections that take their addresses from ``addresses``."""

    addresses: _Addresses

    def do_open(self, http_class, request, **options):
        def connection(host, **more):
            made = http_class(host, **more)
            made._create_connection = self.addresses.connect
            return made

        return super().do_open(connection, request, **options)


class _Http(_Patient, urllib.request.HTTPHandler):
    pass


class _Https(_Patient, urllib.request.HTTPSHandler):
    pass


def _opener(proxies, context):
    handlers = (_Http(), _Https(context=context))
    for handler in handlers:
        handler.addresses = _Addresses()
    return urllib.request.build_opener(urllib.request.ProxyHandler(proxies), *handlers)


def _context(authority, certificate):
    # The authorities that are named take the place of the system's, as in pip.
    kind = "capath" if authority and os.path.isdir(authority) else "cafile"
    context = ssl.create_default_context(**{kind: authority})
    if certificate:
        context.load_cert_chain(certificate)
    return context


def _total(response, span):
    """The size of the whole, from the answer to a range request."""
    told, _slash, total = response.headers.get("Content-Range", "").partition("/")
    # A server without ranges answers with the wheel from its beginning: hundreds of megabytes that nobody asked for.
    if response.status != 206 or told != "bytes %d-%d" % span or not total.isdecimal():
        raise _Absent
    return int(total)


def _whole(response, span):
    """The body of a response, or an error where it may be only a half of it."""
    length = response.headers.get("Content-Length")
    if span:
        _total(response, span)
        length = span[1] - span[0] + 1
    elif length is None and not response.chunked:
        raise _Absent
    data = response.read(_LIMIT + 1)
    if len(data) > _LIMIT:
        raise _Absent
    if length is not None and len(data) != int(length):
        raise http.client.IncompleteRead(data, int(length) - len(data))
    return data


class _Remote(io.RawIOBase):
    """A wheel on a server as a file that zipfile can read: only what it looks at is asked for."""

    def __init__(self, client, url, size):
        super().__init__()
        self._client = client
        self._url = url
        self._size = size or client.size(url)
        self._position = 0
        self._start, self._data = 0, b""
        self._left = _LIMIT

    def seekable(self):
        return True

    def readable(self):
        return True

    def tell(self):
        return self._position

    def seek(self, offset, whence=os.SEEK_SET):
        self._position = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence])
        return self._position

    def readinto(self, buffer):
        first = self._position
        last = min(first + len(buffer), self._size) - 1
        if last < first:
            return 0
        if first < self._start or last >= self._start + len(self._data):
            # Near its end an archive is read backwards, elsewhere forwards.
            start = min(first, max(0, self._size - _AHEAD))
            self._load(start, min(max(last, start + _AHEAD - 1), self._size - 1))
        begin, end = first - self._start, last - self._start + 1
        chunk = self._data[begin:end]
        buffer[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)

    def _load(self, first, last):
        self._left -= last - first + 1
        if self._left < 0:
            raise _Absent
        self._start, self._data = first, self._client.get(self._url, (first, last))
