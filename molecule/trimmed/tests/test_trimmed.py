# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reduced sets can and cannot do, on hosts that reach nothing; the models come from a whole TensorFlow on another host."""

from __future__ import annotations

import json
import subprocess

import pytest

testinfra_hosts = ["ssh://server-bullseye", "ssh://server-trixie"]

WHOLE = "server-bookworm"
VERSION = {"server-bullseye": "2.15.1", "server-trixie": "2.21.0"}
QUIET = 'import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"\n'

# y = 3x + 2, learnt by the whole TensorFlow, and written as a SavedModel, with a padded batch of what it answers.
TRAIN = (
    QUIET
    + """
import json, numpy, tensorflow as tf
x = numpy.linspace(-1, 1, 64, dtype="float32").reshape(-1, 1)
model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(8, "relu"), tf.keras.layers.Dense(1)])
model.compile(tf.keras.optimizers.Adam(0.05), "mse")
model.fit(x, 3 * x + 2, epochs=80, verbose=0)
tf.saved_model.save(model, "/tmp/model/saved")
print(json.dumps(model.predict(numpy.array([[-0.5], [0.0], [0.5]], dtype="float32"), verbose=0)[:, 0].tolist()))
"""
)
SERVE = (
    QUIET
    + """
import json, tensorflow as tf
asked = tf.constant([[-0.5], [0.0], [0.5]])
served = tf.saved_model.load("/tmp/model/saved").signatures["serving_default"](asked)
print(json.dumps({"version": tf.__version__, "answers": list(served.values())[0][:, 0].numpy().tolist()}))
"""
)
# Keras 3 does not read what Keras 2 saved, so each host makes its own.
KERAS = (
    QUIET
    + """
import json, numpy, tensorflow as tf
x = numpy.linspace(-1, 1, 64, dtype="float32").reshape(-1, 1)
model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(8, "relu"), tf.keras.layers.Dense(1)])
model.compile(tf.keras.optimizers.Adam(0.05), "mse")
model.fit(tf.data.Dataset.from_tensor_slices((x, 3 * x + 2)).batch(16), epochs=40, verbose=0)
model.save("/tmp/model/own.keras")
tf.saved_model.save(model, "/tmp/model/own")
asked = tf.constant([[-0.5], [0.0], [0.5]])
loaded = tf.keras.models.load_model("/tmp/model/own.keras").predict(asked, verbose=0)[:, 0].tolist()
served = list(tf.saved_model.load("/tmp/model/own").signatures["serving_default"](asked).values())[0][:, 0].numpy().tolist()
print(json.dumps([model.predict(asked, verbose=0)[:, 0].tolist(), loaded, served]))
"""
)


@pytest.fixture(scope="session")
def models(lab, tmp_path_factory):
    """What the whole TensorFlow answers; its models lie on every host then, carried by this controller."""
    folder = tmp_path_factory.mktemp("model")
    configuration = str(lab.folder / "ssh_config")
    whole = lab.host(WHOLE)
    whole.check_output("rm -rf /tmp/model && mkdir /tmp/model")
    done = whole.run("/opt/ferry/current/bin/python -c %s", TRAIN)
    assert done.rc == 0, done.stderr
    subprocess.run(["scp", "-qrF", configuration, "%s:/tmp/model" % WHOLE, str(folder)], check=True)
    for name in VERSION:
        lab.host(name).check_output("rm -rf /tmp/model")
        subprocess.run(["scp", "-qrF", configuration, str(folder / "model"), "%s:/tmp" % name], check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def expected(host):
    return VERSION[host.backend.hostname]


@pytest.fixture
def trimmed(host, lab, release):
    """What the lock on the staging host says that it left out."""
    staging = lab.host("staging")
    review = json.loads(staging.file("/srv/ferry/locks/review.json").content_string)
    return review["profiles"][release.facts["profile"]]["trimmed"]


def test_a_saved_model_of_the_whole_tensorflow_is_loaded_and_asked(release, models, expected):
    answer = json.loads(release.run(SERVE).splitlines()[-1])
    assert answer["version"] == expected
    assert answer["answers"] == pytest.approx(models, rel=1e-4) and models == pytest.approx([0.5, 2, 3.5], abs=0.4)


def test_a_keras_model_is_made_fitted_saved_in_both_formats_and_loaded(release, models):
    made, loaded, served = json.loads(release.run(KERAS).splitlines()[-1])
    assert loaded == pytest.approx(made, rel=1e-4) and served == pytest.approx(made, rel=1e-4)


def test_the_release_is_the_reduced_set_and_verified(release, trimmed, expected):
    packages = release.facts["packages"]
    assert packages["tensorflow-cpu"] == expected
    left_out = {package["name"] for package in trimmed["left_out"]}
    assert len(left_out) >= 5 and left_out.isdisjoint(packages) and trimmed["saved"] > 30_000_000
    assert len(packages) == {"2.15.1": 22, "2.21.0": 26}[expected]


def test_what_the_review_says_is_lost_is_lost(release, trimmed, expected):
    """So that nobody finds it out at night: the sentence in the lock is true."""
    lost = {
        "tf_upgrade_v2": "import tensorflow.tools.compatibility.tf_upgrade_v2",
        "tfdbg over gRPC": "import tensorflow.python.debug.lib.grpc_debug_server",
        "tf.distribute.experimental.rpc": "import tensorflow.distribute.experimental.rpc.proto.tf_rpc_service_pb2_grpc",
    }
    if expected == "2.15.1":
        lost["tf.summary"] = "import tensorflow as tf; tf.summary.scalar"
        lost["Estimators"] = "import tensorflow as tf; tf.estimator.Estimator"
    assert all(words in trimmed["loses"] for words in lost)
    tries = "\n".join(
        "try:\n    %s\n    print(%r)\nexcept (ImportError, AttributeError):\n    pass" % (code, words)
        for words, code in lost.items()
    )
    assert release.run(QUIET + tries) == ""


def test_the_record_says_that_each_host_is_trimmed_and_computed(host, lab, release):
    entry = lab.runs()[0]["hosts"][host.backend.hostname]
    said = [verdict["message"] for verdict in entry["verdicts"] if verdict["ok"]]
    assert len(said) == len(entry["verdicts"]) and any("a compiled graph computes and agrees" in one for one in said)
    assert "%d distributions, each at its locked version, trimmed: inference" % len(release.facts["packages"]) in said
