# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip's configuration, and only its one index, for uv and pip alike."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

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


def test_of_several_files_the_one_that_is_stronger_for_pip_is_used_whatever_its_name(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("PIP_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    for number, folder in enumerate((".pip", ".config/pip")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "pip.conf").write_text(
            "[global]\nindex-url = http://%s.invalid/simple\ntimeout = %d\n" % (folder.strip("."), number + 7)
        )
        newest = index.environment(sys.executable)
        assert newest["PIP_INDEX_URL"] == "http://%s.invalid/simple" % folder.strip(".")
    # An empty value of the stronger file takes the weaker one's away, and what it does not name is the weaker one's.
    (tmp_path / ".config" / "pip" / "pip.conf").write_text("[global]\nindex-url =\n")
    found = index.environment(sys.executable)
    assert "PIP_INDEX_URL" not in found and "UV_DEFAULT_INDEX" not in found and found["PIP_DEFAULT_TIMEOUT"] == "7"
    # That of a virtual environment is stronger than the user's, and the one that PIP_CONFIG_FILE names than all.
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    monkeypatch.setenv("PYTHONPATH", str(Path(importlib.util.find_spec("pip").origin).parents[1]))
    (tmp_path / "venv" / "pip.conf").write_text("[global]\nindex-url = http://site.invalid/simple\n")
    (tmp_path / ".config" / "pip" / "pip.conf").write_text("[global]\nindex-url = http://user.invalid/simple\n")
    assert index.environment(str(python))["PIP_INDEX_URL"] == "http://site.invalid/simple"
    (tmp_path / "a.conf").write_text("[global]\nindex_url = http://named.invalid/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "a.conf"))
    assert index.environment(str(python))["PIP_INDEX_URL"] == "http://named.invalid/simple"


def test_a_value_of_several_lines_is_several_values_and_quotes_are_as_they_were_written(configured):
    found = configured("[global]\ntrusted-host =\n    one.invalid\n    two.invalid:8443\ncert = /it's/ca.pem\n")
    assert found["PIP_TRUSTED_HOST"] == found["UV_INSECURE_HOST"] == "one.invalid two.invalid:8443"
    assert found["SSL_CERT_FILE"] == "/it's/ca.pem"


def test_a_quiet_pip_is_heard_too(configured):
    found = configured("[global]\nquiet = 3\nindex-url = http://one.invalid/simple\n", PIP_QUIET="2")
    assert found["PIP_INDEX_URL"] == "http://one.invalid/simple" and "PIP_QUIET" not in found


def test_uv_waits_whole_seconds(configured):
    found = configured("[global]\ntimeout = 2.5\n")
    assert (found["PIP_DEFAULT_TIMEOUT"], found["UV_HTTP_TIMEOUT"]) == ("2.5", "3")


def test_a_file_that_pip_cannot_read_is_not_taken_for_an_empty_one(configured, refused, tmp_path):
    with refused("FERRY-IO-002", str(tmp_path / "pip.conf")) as caught:
        configured("[global\nindex-url = http://user:canary@one.invalid/simple\n")
    assert "canary" not in caught.message


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@index.invalid/simple", "https://index.invalid/simple"),
        ("https://user:a@secret@index.invalid/simple", "https://index.invalid/simple"),
        ("https://token@index.invalid:8443/simple?x=secret#y", "https://index.invalid:8443/simple"),
        ("https://index.invalid/simple", "https://index.invalid/simple"),
    ],
)
def test_an_address_is_shown_without_credentials(url, shown):
    assert index.without_credentials(url) == shown
    assert "secret@" not in index.scrub("cannot reach %s now" % url)
    told = index.scrub("(https://host/simple?token=canary) and http://host/a?b=canary: no. What?")
    assert "canary" not in told and told.endswith("no. What?") and "https://host/simple?***)" in told
