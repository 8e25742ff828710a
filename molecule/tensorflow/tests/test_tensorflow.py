# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TensorFlow works on hosts that reach nothing: imported, a SavedModel written and loaded, a Keras model trained and asked."""

from __future__ import annotations

import json

import pytest

testinfra_hosts = ["ssh://server-bullseye", "ssh://server-bookworm", "ssh://server-trixie"]

VERSION = {
    "server-bullseye": ("3.9", "2.15.1"),
    "server-bookworm": ("3.11", "2.18.1"),
    "server-trixie": ("3.13", "2.21.0"),
}

# y = 3x + 2, learnt, saved in both formats, loaded again in a process of its own, and asked for x = 10.
TRAIN = """
import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import json, sys, numpy, tensorflow as tf
x = numpy.linspace(-1, 1, 64, dtype="float32").reshape(-1, 1)
model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1)])
model.compile(tf.keras.optimizers.Adam(0.1), "mse")
model.fit(x, 3 * x + 2, epochs=60, verbose=0)
model.save("/tmp/ferry.keras")
tf.saved_model.save(model, "/tmp/ferry.saved")
print(json.dumps({"version": tf.__version__, "python": "%d.%d" % sys.version_info[:2]}))
"""
ASK = """
import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import json, tensorflow as tf
asked = tf.constant([[10.0]])
keras = tf.keras.models.load_model("/tmp/ferry.keras").predict(asked, verbose=0)
saved = tf.saved_model.load("/tmp/ferry.saved").signatures["serving_default"](asked)
print(json.dumps({"keras": float(keras[0][0]), "saved": float(list(saved.values())[0][0][0])}))
"""


@pytest.fixture
def expected(host):
    """The host's ``(Python, TensorFlow)``."""
    return VERSION[host.backend.hostname]


def test_a_model_is_trained_saved_loaded_and_asked(release, expected):
    assert json.loads(release.run(TRAIN).splitlines()[-1]) == {"python": expected[0], "version": expected[1]}
    answers = json.loads(release.run(ASK).splitlines()[-1])
    assert answers["keras"] == pytest.approx(32, abs=1) and answers["saved"] == pytest.approx(
        answers["keras"], rel=1e-5
    )


def test_the_release_is_the_locked_set_whole(host, release, expected):
    """importlib-metadata is there for Python 3.9 alone: a set resolved by the staging host's own Python would lack it."""
    packages = release.facts["packages"]
    assert packages["tensorflow-cpu"] == expected[1]
    assert ("importlib-metadata" in packages) == (expected[0] == "3.9")
    assert len(packages) >= 30
    assert host.check_output("ls /opt/ferry/releases") == release.name


def test_one_bundle_from_a_staging_host_with_another_python_carries_all_three(lab, release):
    staging = lab.host("staging").check_output("python3 -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'")
    # Another than any; where the mirror has no newer Debian (the gate's note says so), than any but one.
    assert [python for python, _version in VERSION.values()].count(staging) <= 1
    depot = lab.host("depot")
    assert release.facts["bundle"] == depot.check_output("ls /srv/depot/bundles")
    names = depot.check_output("ls /srv/depot/bundles/*/wheels")
    for python, version in VERSION.values():
        assert "tensorflow_cpu-%s-cp%s-" % (version, python.replace(".", "")) in names


def test_the_record_holds_what_each_host_computed(host, lab, expected):
    entry = lab.runs()[0]["hosts"][host.backend.hostname]
    said = [verdict["message"] for verdict in entry["verdicts"] if verdict["ok"]]
    assert entry["status"] == "changed" and len(said) == len(entry["verdicts"])
    assert "tensorflow %s, a cpu build" % expected[1] in said, said
    assert any("a compiled graph computes and agrees" in message for message in said), said
