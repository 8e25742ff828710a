# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""scikit-learn, JAX and (where asked) PyTorch compute on hosts that reach nothing, from one bundle, locked like TensorFlow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

testinfra_hosts = ["ssh://server-bullseye", "ssh://server-bookworm", "ssh://server-trixie"]

VARIABLES = Path(__file__).parents[1] / "vars" / (os.environ["FERRY_FRAMEWORKS"] + ".yml")
PROFILES = yaml.safe_load(VARIABLES.read_text())["ferry_profiles"]

# Each prints one number that a framework computed: a fit of y = 3x + 2 asked for x = 10, and the slope of x² at 5.
COMPUTE = {
    "scikit-learn": (
        "import numpy; from sklearn.linear_model import LinearRegression\n"
        "x = numpy.arange(8.0).reshape(-1, 1)\n"
        "print(LinearRegression().fit(x, 3 * x[:, 0] + 2).predict([[10.0]])[0])",
        32,
    ),
    "jax": ("import jax; print(float(jax.jit(jax.grad(lambda x: x**2))(5.0)))", 10),
    "torch": (
        "import torch; x = torch.tensor(5.0, requires_grad=True); (x**2).backward(); print(float(x.grad))",
        10,
    ),
}


def test_the_host_computes_with_what_was_locked(release):
    (requirement,) = PROFILES[release.facts["profile"]]["requirements"]
    name, version = requirement.split("==")
    assert release.version(name) == version == release.facts["packages"][name]
    code, expected = COMPUTE[name]
    assert float(release.run(code).splitlines()[-1]) == pytest.approx(expected)


def test_the_check_of_tensorflow_does_not_ask_for_it_here(host, lab):
    entry = lab.runs()[0]["hosts"][host.backend.hostname]
    assert entry["status"] == "changed" and all(verdict["ok"] for verdict in entry["verdicts"])
    assert not any("tensorflow" in verdict["message"] for verdict in entry["verdicts"])
