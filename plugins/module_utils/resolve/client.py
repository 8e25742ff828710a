# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading from an index as pip does: files, and wheels of which only parts are asked for."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import io
import netrc
import os
import socket
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from . import index
from ..errors import FerryError

# More than any METADATA has.
LIMIT = 1 << 24
# What one range request brings at least: for most wheels the end of the archive with its directory and its METADATA.
_AHEAD = 1 << 16
# As pip and uv have it: a server that says these may say something else in a moment.
_BUSY = (429, 500, 502, 503, 504)


class Absent(Exception):
    """The index does not give this; another way may."""


def of(environment: dict) -> Client:
    """The one client of :func:`.index.environment`'s: reading the authorities takes longer than many an answer."""
    return _of(tuple(sorted(environment.items())))


@functools.lru_cache(maxsize=8)
def _of(settings):
    return Client(dict(settings))


class Client:
    """Asks as pip does: its proxy, CA, client certificate, trusted hosts, time limit, retries and credentials."""

    def __init__(self, environment):
        self._index = urllib.parse.urlsplit(environment.get("PIP_INDEX_URL", ""))
        self._timeout = float(environment.get("PIP_DEFAULT_TIMEOUT", "15"))
        self._retries = int(environment.get("PIP_RETRIES", "5"))
        self._trusted = environment.get("PIP_TRUSTED_HOST", "").split()
        self._netrc = environment.get("NETRC") or os.path.expanduser("~/.netrc")
        proxies = urllib.request.getproxies()
        proxy = environment.get("PIP_PROXY")
        if proxy:
            proxies.update(dict.fromkeys(("http", "https"), proxy))
        # urllib knows no SOCKS; uv does, so its locks are checked when the wheels are there.
        self._unable = any(proxies.get(scheme, "").startswith("socks") for scheme in ("http", "https"))
        self._authority = environment.get("PIP_CERT") or environment.get("REQUESTS_CA_BUNDLE")
        self._certificate = environment.get("PIP_CLIENT_CERT")
        self._proxies = _Everywhere(proxies) if proxy else urllib.request.ProxyHandler(proxies)

    @functools.cached_property
    def _verified(self):
        return _opener(self._proxies, self._context())

    @functools.cached_property
    def _unverified(self):
        context = self._context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return _opener(self._proxies, context)

    def _context(self):
        # The authorities that are named take the place of the system's, as in pip.
        kind = "capath" if self._authority and os.path.isdir(self._authority) else "cafile"
        context = ssl.create_default_context(**{kind: self._authority})
        if self._certificate:
            context.load_cert_chain(self._certificate)
        return context

    def size(self, url):
        """The size of the file at ``url`` in bytes; Absent where the server gives no ranges of it."""
        return self.get(url, (0, 0), _total)

    def get(self, url, span=None, read=None, accept=None):
        """The bytes at ``url``, or of its ``span`` (first, last): Absent where the server has no such thing to give.

        ``accept`` is the media type to ask for.
        """
        if self._unable:
            raise Absent
        for attempt in range(self._retries + 1):
            if attempt:
                time.sleep(min(0.25 * 2 ** (attempt - 1), 8))
            try:
                return self._once(url, span, read or _whole, accept)
            except urllib.error.HTTPError as error:
                error.close()
                if error.code not in _BUSY or attempt == self._retries:
                    raise Absent
            except (OSError, http.client.HTTPException) as error:
                cause = getattr(error, "reason", error)
                if attempt == self._retries or isinstance(cause, ssl.SSLCertVerificationError):
                    raise FerryError(
                        "FERRY-INDEX-001",
                        "%s cannot be read: %s; check pip's configuration (index, proxy, CA) or ferry_index_url."
                        % (index.without_credentials(url), index.scrub(str(cause) or type(cause).__name__)[:300]),
                    )
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _once(self, url, span, read, accept):
        parts = urllib.parse.urlsplit(url)
        bare = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
        request = urllib.request.Request(bare, headers={"Accept-Encoding": "identity", "User-Agent": "airgap.ferry"})
        credentials = self._credentials(parts)
        if credentials:
            # Not to follow a redirect: another host has no business with them.
            request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(credentials).decode("ascii"))
        if accept:
            request.add_header("Accept", accept)
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


class _Everywhere(urllib.request.ProxyHandler):
    """The proxy for every host: where pip is given one, it has no regard for no_proxy."""

    def proxy_open(self, req, proxy, type):
        parts = urllib.parse.urlsplit(proxy if "://" in proxy else "http://" + proxy)
        if parts.username is not None:
            pair = ":".join(urllib.parse.unquote(text or "") for text in (parts.username, parts.password))
            given = base64.b64encode(pair.encode("utf-8")).decode("ascii")
            req.add_header("Proxy-authorization", "Basic " + given)
        req.set_proxy(parts.netloc.rpartition("@")[2], parts.scheme)


def _opener(proxy_handler, context):
    handlers = (_Http(), _Https(context=context))
    for handler in handlers:
        handler.addresses = _Addresses()
    return urllib.request.build_opener(proxy_handler, *handlers)


def _total(response, span):
    """The size of the whole, from the answer to a range request."""
    told, _slash, total = response.headers.get("Content-Range", "").partition("/")
    # A server without ranges answers with the wheel from its beginning: hundreds of megabytes that nobody asked for.
    if response.status != 206 or told != "bytes %d-%d" % span or not total.isdecimal():
        raise Absent
    return int(total)


def _whole(response, span):
    """The body of a response, or an error where it may be only a half of it."""
    length = response.headers.get("Content-Length")
    if span:
        _total(response, span)
        length = span[1] - span[0] + 1
    elif length is None and not response.chunked:
        raise Absent
    data = response.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise Absent
    if length is not None and len(data) != int(length):
        raise http.client.IncompleteRead(data, int(length) - len(data))
    return data


class Remote(io.RawIOBase):
    """A wheel on a server as a file that zipfile can read: only what it looks at is asked for."""

    def __init__(self, client, url, size):
        super().__init__()
        self._client = client
        self._url = url
        self._size = size or client.size(url)
        self._position = 0
        self._start, self._data = 0, b""
        self._left = LIMIT

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
            raise Absent
        self._start, self._data = first, self._client.get(self._url, (first, last))
