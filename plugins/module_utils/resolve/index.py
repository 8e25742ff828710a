# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One index for uv and pip alike: pip's own configuration, unless a mirror or an address is named."""

from __future__ import annotations

import os
import re
import subprocess
import urllib.parse

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
_LINE = re.compile(r"(?P<section>[^.=]+)\.(?P<option>[^=]+)='(?P<value>.*)'")


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
    for option, value in options.items():
        for_pip, for_uv = _OPTIONS[option]
        clean[for_pip] = value
        for name in for_uv:
            clean[name] = value
    return clean


def shown(environment_: dict):
    """The index's address without credentials, or None where pip's built-in default is used."""
    return without_credentials(environment_["PIP_INDEX_URL"]) if "PIP_INDEX_URL" in environment_ else None


def without_credentials(url: str) -> str:
    """``url`` without user, password, query and fragment."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def scrub(text: str) -> str:
    """``text`` with every ``user:password@`` of an address replaced, for messages and records."""
    return re.sub(r"(?<=://)[^/\s@]+@", "***@", text)


def _pip_configuration(python):
    """What ``pip config list`` says, the stronger source last: global and download sections of the files, then the environment."""
    listing = subprocess.run(
        [python, "-m", "pip", "config", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        text=True,
    ).stdout
    found = {}
    for section in ("global", "download", ":env:"):
        for line in listing.splitlines():
            match = _LINE.fullmatch(line)
            if match and match.group("section") == section:
                option = _ALIASES.get(match.group("option"), match.group("option"))
                if option in _OPTIONS:
                    found[option] = match.group("value")
    return found
