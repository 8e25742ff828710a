# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lock.yml with ferry_pip_config: the staging user's own pip configuration names the index, and only where it was asked for."""

from __future__ import annotations

import pytest

TUNA = "https://pypi.tuna.tsinghua.edu.cn/simple"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The pip.conf of a staging user with a home of their own; the locks are kept, so no index is asked."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path / ".config" / "pip" / "pip.conf"


def test_the_index_is_foretold_written_once_and_left_alone_without_the_switch(deployed, file):
    assert deployed.must("lock", ferry_mirror="tuna").changed == {"staging": 0} and not file.exists()
    foretold = deployed.must("lock", "--check", "--diff", ferry_mirror="tuna", ferry_pip_config=True)
    assert foretold.changed == {"staging": 1} and not file.exists()
    assert "+global.index-url = " + TUNA in foretold.output
    assert deployed.must("lock", ferry_mirror="tuna", ferry_pip_config=True).changed == {"staging": 1}
    assert file.read_text().split() == ["[global]", "index-url", "=", TUNA]
    # As the command line gives it, it is text.
    assert deployed.must("lock", "-e", "ferry_pip_config=yes", ferry_mirror="tuna").changed == {"staging": 0}


@pytest.mark.parametrize(
    ("extra", "code"),
    [({}, "FERRY-VAR-005"), ({"ferry_index_url": "https://user:canary@index.invalid/simple"}, "FERRY-INDEX-002")],
)
def test_without_an_index_or_with_its_password_nothing_is_written_or_shown(deployed, file, extra, code):
    before = deployed.snapshot("staging")
    run = deployed.play("lock", "-vvv", ferry_pip_config=True, **extra)
    assert run.code != 0 and run.message().startswith(code + ": "), run.output
    assert "canary" not in run.output and not file.exists()
    assert deployed.snapshot("staging") == before
