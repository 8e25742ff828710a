# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module pip_config, with the real pip in a home of its own: one setting of the user's, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.airgap.ferry.plugins.modules import pip_config

COLLECTIONS = Path(__file__).resolve().parents[5] / ".ansible" / "collections"
ONE, TWO = "https://one.invalid/simple", "https://two.invalid/simple"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home without any variable of pip's."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def file(home):
    """The user's pip.conf, which is not there yet."""
    (home / ".config" / "pip").mkdir(parents=True)
    return home / ".config" / "pip" / "pip.conf"


class Ran(dict):
    """A result, and the warnings ``told`` beside it."""


@pytest.fixture
def run(home):
    """Run the module's work."""

    def act(check_mode=False, python=None, mirror=None, **options):
        told = []
        params = {"index_url": options.get("index_url"), "mirror": mirror, "python": python}
        result = Ran(pip_config.configure(params, check_mode, told.append))
        result.told = told
        return result

    return act


def pips_own(*arguments, python=sys.executable):
    """What pip itself says, as a person asks it; nothing where there is no pip."""
    command = [python, "-m", "pip", "config", *arguments]
    if not os.path.exists(python):
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def test_the_index_is_set_where_pip_reads_it_and_the_second_run_changes_nothing(run, home):
    first = run(mirror="tuna")
    assert first["changed"] and first["before"] is None and first["backup_file"] is None
    # What the machine itself adds is told too, but an address alone is nothing to warn of.
    assert bool(first.told) == bool(first["extra_index_urls"])
    assert not any(entry["path"].startswith(str(home)) for entry in first["extra_index_urls"])
    assert first["path"] == str(home / ".config" / "pip" / "pip.conf")
    assert pips_own("--user", "get", "global.index-url") == first["after"] == pip_config.index.MIRRORS["tuna"]
    before = Path(first["path"]).stat()
    second = run(mirror="tuna")
    assert not second["changed"] and second["before"] == second["after"] and second["path"] == first["path"]
    assert Path(first["path"]).stat() == before
    assert run(index_url=ONE)["changed"] and pips_own("--user", "get", "global.index-url") == ONE


def test_the_folder_that_the_user_names_is_pips_too(run, home, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "elsewhere"))
    assert run(index_url=ONE)["path"] == str(home / "elsewhere" / "pip" / "pip.conf")
    assert "one.invalid" in (home / "elsewhere" / "pip" / "pip.conf").read_text()


@pytest.mark.parametrize("text", [None, "[global]\ntimeout = 7\n", "[global]\nindex-url = %s\n" % TWO])
def test_a_dry_run_writes_nothing_and_foretells_the_same(run, file, snapshot, home, text):
    if text:
        file.write_text(text)
    before = snapshot(home)
    foretold = run(check_mode=True, index_url=ONE)
    assert snapshot(home) == before
    assert foretold == run(index_url=ONE)
    assert run(check_mode=True, index_url=ONE)["changed"] is False


def test_the_diff_is_the_one_setting(run, file):
    file.write_text("[global]\nindex-url = %s\ntimeout = 7\n" % TWO)
    diff = run(check_mode=True, index_url=ONE)["diff"]
    assert diff["before_header"] == diff["after_header"] == str(file)
    assert (diff["before"], diff["after"]) == ("global.index-url = %s\n" % TWO, "global.index-url = %s\n" % ONE)


def test_other_settings_stay_and_the_file_as_it_was_is_kept_once(run, file):
    text = (
        "# ours\n[global]\nindex_url = %s\ntrusted-host =\n    a.invalid\n    b.invalid\n[install]\nno-compile = yes\n"
        % TWO
    )
    file.write_text(text)
    file.chmod(0o640)
    first = run(index_url=ONE)
    backup = Path(first["backup_file"])
    assert backup.read_text() == text and backup.parent == file.parent
    assert oct(backup.stat().st_mode) == oct(file.stat().st_mode) == "0o100640"
    for key, value in {"index-url": ONE, "trusted-host": "a.invalid\nb.invalid"}.items():
        assert pips_own("--user", "get", "global." + key) == value
    assert pips_own("--user", "get", "install.no-compile") == "yes"
    assert run(index_url=TWO)["backup_file"] is None
    assert backup.read_text() == text, "the first one is the person's own"
    assert sorted(path.name for path in file.parent.iterdir()) == ["pip.conf", "pip.conf.ferry-backup"]


def test_only_the_users_own_value_counts(run, file, home, monkeypatch):
    """What the environment says is neither taken for it nor written to."""
    other = home / "other.conf"
    other.write_text("[global]\nindex-url = %s\n" % ONE)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(other))
    monkeypatch.setenv("PIP_INDEX_URL", ONE)
    monkeypatch.setenv("PIP_ISOLATED", "1")
    monkeypatch.setenv("PIP_QUIET", "3")
    assert run(index_url=ONE)["changed"] and file.read_text().count(ONE) == 1
    assert not run(index_url=ONE)["changed"]
    assert run(index_url=TWO)["changed"] and TWO in file.read_text()
    assert other.read_text() == "[global]\nindex-url = %s\n" % ONE
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert not run(index_url=TWO)["changed"]


def test_a_site_file_of_the_environment_is_not_the_users(run, file, tmp_path):
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    (environment / "pip.conf").write_text("[global]\nindex-url = %s\n" % ONE)
    assert run(index_url=ONE, python=str(environment / "bin" / "python"))["changed"]
    assert ONE in file.read_text()
    assert run(index_url=TWO, python=str(environment / "bin" / "python"))["changed"]
    assert ONE in (environment / "pip.conf").read_text()


def test_of_two_files_of_the_user_pip_decides(run, file, home):
    legacy = home / ".pip" / "pip.conf"
    legacy.parent.mkdir()
    legacy.write_text("[global]\nindex-url = %s\n" % ONE)
    same = run(index_url=ONE)
    assert not same["changed"] and same["path"] == str(legacy)
    other = run(index_url=TWO)
    assert other["changed"] and other["path"] == str(file) and other["before"] == ONE
    assert pips_own("--user", "get", "global.index-url") == TWO and ONE in legacy.read_text()
    assert other["backup_file"] is None and not run(index_url=TWO)["changed"]


@pytest.mark.parametrize(
    "address",
    [
        "https://user:canary@one.invalid/simple",
        "https://canary@one.invalid/simple",
        "https://one.invalid/simple?token=canary",
        "https://user:cana/ry@one.invalid/canary",
    ],
)
def test_an_address_with_credentials_is_refused_and_not_shown(run, home, refused, snapshot, address):
    with refused("FERRY-INDEX-002", "netrc") as caught:
        run(index_url=address)
    assert "canary" not in caught.message and snapshot(home) == {}


@pytest.mark.parametrize(
    "address",
    ["ftp://user:canary@one.invalid/", "user:canary@one.invalid", "https://one.invalid https://canary@two.invalid"],
)
def test_what_is_no_address_is_refused_and_no_secret_in_it_shown(run, home, refused, snapshot, address):
    with refused("FERRY-VAR-002", "index_url", "http") as caught:
        run(index_url=address)
    assert "canary" not in caught.message and snapshot(home) == {}


def test_a_name_with_an_at_sign_in_the_path_is_no_credential(run):
    assert run(index_url="https://one.invalid/feed@Local/simple")["after"] == "https://one.invalid/feed@Local/simple"


def test_no_output_of_the_module_shows_credentials_not_even_its_arguments(home):
    """As Ansible runs it: the whole result, with the invocation that -vvv shows."""
    arguments = {"ANSIBLE_MODULE_ARGS": {"index_url": "https://user:canary@one.invalid/simple"}}
    done = subprocess.run(
        [sys.executable, "-m", "ansible_collections.airgap.ferry.plugins.modules.pip_config"],
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ, PYTHONPATH=str(COLLECTIONS)),
    )
    result = json.loads(done.stdout)
    assert result["failed"] and result["code"] == "FERRY-INDEX-002" and result["event"]["stage"] == "pip_config"
    assert "canary" not in done.stdout + done.stderr and "invocation" in result


def test_credentials_that_were_there_before_are_not_shown(run, file):
    file.write_text(
        "[global]\nindex-url = https://user:can@ry@one.invalid/simple\nfind-links = https://me:can@ry@two.invalid/\n"
    )
    result = run(index_url=ONE)
    assert result["changed"] and result["before"] == "https://***@one.invalid/simple"
    assert result["extra_index_urls"][0]["addresses"] == ["https://***@two.invalid/"]
    assert "can@ry" not in str(result) and "ry@" not in str(result) + str(result.told)


def test_without_an_index_there_is_nothing_to_write(run, home, refused, snapshot):
    with refused("FERRY-VAR-005", "ferry_mirror", "ferry_index_url"):
        run()
    assert snapshot(home) == {}


def test_a_python_without_pip_is_named(run, home, refused, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    python = str(bare / "bin" / "python")
    with refused("FERRY-TOOL-002", python, "pip", "ferry_staging_python"):
        run(index_url=ONE, python=python)
    with refused("FERRY-TOOL-002", "/nowhere/python"):
        run(index_url=ONE, python="/nowhere/python")
    assert not (home / ".config").exists()


@pytest.mark.parametrize(
    "text",
    [
        "[global\nindex-url = https://user:canary@one.invalid/\n",
        "[global]\nindex-url = x\n/canary/in/a/line/without/a/name\n",
    ],
)
def test_a_file_that_pip_cannot_read_is_named_and_not_repeated(run, file, refused, text):
    file.write_text(text)
    with refused("FERRY-IO-002", str(file)) as caught:
        run(index_url=ONE)
    assert "canary" not in caught.message and file.read_text() == text


def test_a_place_that_cannot_be_written_is_named(run, home, refused):
    (home / ".config").write_text("a file where pip makes a folder")
    with refused("FERRY-IO-002", str(home / ".config" / "pip")):
        run(index_url=ONE)


def test_more_sources_are_warned_of_once_in_one_sentence(run, file, home):
    file.write_text(
        "[global]\nextra-index-url =\n    https://me:canary@a.invalid/simple\n    https://b.invalid\n[install]\nfind-links = /wheels\n"
    )
    result = run(check_mode=True, index_url=ONE)
    own = [entry for entry in result["extra_index_urls"] if entry["path"] == str(file)]
    assert own == [
        {
            "path": str(file),
            "key": "global.extra-index-url",
            "addresses": ["https://***@a.invalid/simple", "https://b.invalid"],
        },
        {"path": str(file), "key": "install.find-links", "addresses": ["/wheels"]},
    ]
    (sentence,) = result.told
    for word in ("global.extra-index-url in %s" % file, "install.find-links", "ignores", "dependency confusion"):
        assert word in sentence
    assert "canary" not in sentence and sentence.endswith(".") and "\n" not in sentence
    run(index_url=ONE)
    assert run(index_url=ONE).told == [sentence], "as long as they are there"


def test_an_older_pip_serves_too(run, file):
    """Before 26 pip says the same settings under each of a user's files."""
    python = next(
        (path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if pips_own("debug", python=path)), None
    )
    if python is None:
        pytest.skip("no Python of the system has a pip")
    file.write_text("[global]\nextra-index-url = %s\n" % TWO)
    first = run(index_url=ONE, python=python)
    assert first["changed"] and first["path"] == str(file) and first.told
    assert [entry["addresses"] for entry in first["extra_index_urls"] if entry["path"] == str(file)] == [[TWO]]
    assert pips_own("--user", "get", "global.index-url", python=python) == ONE
    assert not run(index_url=ONE, python=python)["changed"]
