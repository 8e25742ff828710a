# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installers that a bundle carries: pinned by file name and sha256, the newest that runs on each target. Read 2026-11."""

from __future__ import annotations

from . import target
from ..profile import Profile

# (oldest Python that it runs on, the entry); the first that fits is taken.
_PIP = (
    (
        (3, 10),
        ("26.3", "pip-26.3-py3-none-any.whl", "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"),
    ),
    (
        (3, 9),
        ("26.0.1", "pip-26.0.1-py3-none-any.whl", "bdb1b08f4274833d62c1aa29e20907365a2ceb950410df15fc9521bad440122b"),
    ),
    (
        (3, 8),
        ("25.0.1", "pip-25.0.1-py3-none-any.whl", "c46efd13b6aa8279f33f2864459c8ce587ea6a1a59ee20de055868d8f7688f7f"),
    ),
)
_UV = {
    ("linux", "x86_64"): (
        "0.13.9",
        "uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
    ("linux", "aarch64"): (
        "0.13.9",
        "uv-0.13.9-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
        "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    ),
    ("windows", "x86_64"): (
        "0.13.9",
        "uv-0.13.9-py3-none-win_amd64.whl",
        "6a44b2ed8111d2f60d2b92627c5dccda3f7ed7570b18ce115e569cd68c28246b",
    ),
}


def installers(profile: Profile) -> list:
    """pip and uv for hosts of the profile, as packages in the shape of :func:`..pylock.write`."""
    pip = next(entry for oldest, entry in _PIP if target.python_xy(profile) >= oldest)
    return [_package("pip", pip), _package("uv", _UV[(profile.os, profile.arch)])]


def _package(name, entry):
    return {"name": name, "version": entry[0], "wheel": entry[1], "sha256": entry[2]}
