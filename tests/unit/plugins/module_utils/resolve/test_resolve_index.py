# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip's configuration, and only its one index, for uv and pip alike."""

from __future__ import annotations

import sys

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Give pip a configuration file of its own; the environment that index.environment makes of it."""

    def make(text, index_url=None, mirror=None, **variables):
        for name in (
            "PIP_INDEX_URL",
            "PIP_CERT",
            "PIP_FIND_LINKS",
            "PIP_DEFAULT_TIMEOUT",
            "UV_DEFAULT_INDEX",
            "UV_INDEX",
        ):
            monkeypatch.delenv(name, raising=False)
        (tmp_path / "pip.conf").write_text(text)
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return index.environment(sys.executable, index_url, mirror)

    return make


def test_pips_configuration_serves_uv_too(configured):
    found = configured(
        "[global]\nindex-url = http://one.invalid/simple\ncert = /ca.pem\nproxy = http://proxy.invalid:3128\n[download]\ntimeout = 7\n"
    )
    assert (found["PIP_INDEX_URL"], found["UV_DEFAULT_INDEX"]) == ("http://one.invalid/simple",) * 2
    assert (found["PIP_CERT"], found["SSL_CERT_FILE"]) == ("/ca.pem", "/ca.pem")
    assert found["HTTPS_PROXY"] == found["PIP_PROXY"] == "http://proxy.invalid:3128"
    assert found["UV_HTTP_TIMEOUT"] == "7"


def test_the_environment_is_stronger_than_a_file_and_a_named_index_than_both(configured):
    text = "[global]\nindex-url = http://file.invalid/simple\n"
    assert (
        configured(text, PIP_INDEX_URL="http://env.invalid/simple")["UV_DEFAULT_INDEX"] == "http://env.invalid/simple"
    )
    assert configured(text, index_url="http://named.invalid/simple")["PIP_INDEX_URL"] == "http://named.invalid/simple"
    assert configured(text, mirror="tuna")["UV_DEFAULT_INDEX"] == index.MIRRORS["tuna"]


def test_there_is_never_a_second_index(configured):
    found = configured(
        "[global]\nextra-index-url = http://second.invalid/simple\nfind-links = /somewhere\n",
        PIP_EXTRA_INDEX_URL="http://third.invalid/simple",
        UV_INDEX="http://fourth.invalid/simple",
        UV_EXTRA_INDEX_URL="http://fifth.invalid/simple",
    )
    assert not [value for value in found.values() if ".invalid" in value or value == "/somewhere"]
    assert found["PIP_CONFIG_FILE"] == "/dev/null" and found["UV_NO_CONFIG"] == "1"
    assert index.shown(found) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@index.invalid/simple", "https://index.invalid/simple"),
        ("https://token@index.invalid:8443/simple?x=secret#y", "https://index.invalid:8443/simple"),
        ("https://index.invalid/simple", "https://index.invalid/simple"),
    ],
)
def test_an_address_is_shown_without_credentials(url, shown):
    assert index.without_credentials(url) == shown
    assert "secret@" not in index.scrub("cannot reach %s now" % url)
