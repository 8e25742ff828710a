# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One index for uv and pip alike: pip's own configuration, unless a mirror or an address is named."""

from __future__ import annotations

import contextlib
import math
import os
import re
import urllib.parse

from . import pip_configuration
from ..errors import FerryError

# Well-known public mirrors of PyPI, by the name that ferry_mirror takes. Read 2026-11 on each mirror's own help page.
MIRRORS = {
    "tuna": "https://pypi.tuna.tsinghua.edu.cn/simple",
    "aliyun": "https://mirrors.aliyun.com/pypi/simple",
    "ustc": "https://mirrors.ustc.edu.cn/pypi/simple",
}

# pip's option -> (pip's variable, uv's variables). Extra indexes and find-links are left out on purpose: one index, or
# whoever registers an internal name on a public index decides what is installed (dependency confusion).
_OPTIONS = {
    "index-url": ("PIP_INDEX_URL", ("UV_DEFAULT_INDEX",)),
    "cert": ("PIP_CERT", ("SSL_CERT_FILE",)),
    "client-cert": ("PIP_CLIENT_CERT", ("SSL_CLIENT_CERT",)),
    "proxy": ("PIP_PROXY", ("HTTP_PROXY", "HTTPS_PROXY")),
    "trusted-host": ("PIP_TRUSTED_HOST", ("UV_INSECURE_HOST",)),
    "timeout": ("PIP_DEFAULT_TIMEOUT", ("UV_HTTP_TIMEOUT",)),
    "retries": ("PIP_RETRIES", ("UV_HTTP_RETRIES",)),
}
_ALIASES = {"default-timeout": "timeout"}
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def environment(python: str, index_url=None, mirror=None) -> dict:
    """The environment in which uv and pip ask the one index.

    ``python`` has pip; its configuration (files, PIP_* variables) gives index, proxy, CA and time limits. ``index_url`` or
    ``mirror`` (a key of :data:`MIRRORS`) takes the place of the index. Everything else of pip's and uv's configuration is kept out.
    """
    options = _pip_configuration(python)
    if index_url or mirror:
        options["index-url"] = index_url or MIRRORS[mirror]
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_", "PYTHON", "VIRTUAL_ENV"))
    }
    clean.update(
        {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INPUT": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_NO_CONFIG": "1",
            "NO_COLOR": "1",
        }
    )
    clean["UV_PYTHON_DOWNLOADS"] = "never"
    if "proxy" in options:
        # Where pip is given a proxy, it has no regard for these, so uv may have none either.
        for name in [name for name in clean if name.lower() in _PROXIES]:
            del clean[name]
    for option, value in options.items():
        _set(clean, option, value)
    return clean


def at(environment_: dict, url: str) -> dict:
    """The same environment, with the index at ``url``."""
    moved = dict(environment_)
    _set(moved, "index-url", url)
    return moved


def check_address(variable: str, address: str | None) -> None:
    """FERRY-VAR-002 for what is no address of an index; the message shows none of it that may be secret."""
    try:
        parts = urllib.parse.urlsplit(address or "https://none")
        good = (
            parts.scheme in ("http", "https", "file") and (parts.scheme == "file" or parts.hostname) and parts.port != 0
        )
    except ValueError:
        good = False
    if not good or re.search(r"\s", address or ""):
        raise FerryError(
            "FERRY-VAR-002",
            "%s: expected one address that starts with http://, https:// or file://, found another text (not shown); correct it."
            % variable,
        )


def shown(environment_: dict):
    """The index's address without credentials, or None where pip's built-in default is used."""
    return without_credentials(environment_["PIP_INDEX_URL"]) if "PIP_INDEX_URL" in environment_ else None


def without_credentials(url: str) -> str:
    """``url`` without user, password, query and fragment."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def scrub(text: str) -> str:
    """``text`` with every ``user:password@`` and every query of an address replaced, for messages and records."""
    return re.sub(r"(://[^\s?]*)\?[^\s)\]\"'`]+", r"\1?***", re.sub(r"(?<=://)[^/\s]+@", "***@", text))


def _set(environment_, option, value):
    for_pip, for_uv = _OPTIONS[option]
    environment_[for_pip] = value
    if option == "timeout":
        with contextlib.suppress(ValueError):
            # pip takes half seconds, uv stops at them.
            value = str(math.ceil(float(value)))
    environment_.update(dict.fromkeys(for_uv, value))


def _pip_configuration(python):
    """What holds for ``pip download``: the files' global section, then its own, then the environment; in each the stronger file."""
    files = pip_configuration.files(python)
    sources = []
    for section in ("global.", "download."):
        keys = [(key, file.values[key]) for file in files for key in file.values if key.startswith(section)]
        sources.append({key.partition(".")[2]: value for key, value in keys})
    variables = [name for name in os.environ if name.startswith("PIP_")]
    sources.append({name[4:].lower().replace("_", "-"): os.environ[name] for name in variables})
    found = {}
    for source in sources:
        for name, text in source.items():
            # As in pip, a variable holds several values with spaces between, and an empty value is none.
            option, value = _ALIASES.get(name, name), " ".join(text.split("\n")).strip()
            if option in _OPTIONS and value:
                found[option] = value
    return found
