# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a release's Python, from stdin: what TensorFlow is, what it sees and what it computes.

Stands alone (its source is piped), and prints one JSON line a step, so that a hang or a crash is known by the step that is missing.
Arguments: the level; 1 imports and lists devices, 2 also computes.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def say(step, **found):
    """Print one step's findings."""
    sys.stdout.write("FERRY " + json.dumps(dict(found, step=step), sort_keys=True) + "\n")
    sys.stdout.flush()


def compute(tf, device):
    """A compiled graph on ``device``: the largest difference of its float32 matrix product from NumPy's in float64, on the CPU."""
    import numpy

    generator = numpy.random.default_rng(7)
    left, right = (generator.standard_normal((256, 256)).astype("float32") for _side in range(2))

    @tf.function
    def product(first, second):
        return tf.matmul(first, second)

    with tf.device(device):
        result = product(tf.constant(left), tf.constant(right))
    placed = result.device.lower()
    if device.lower() not in placed:
        raise RuntimeError("asked for %s, it ran on %s" % (device, placed))
    return float(numpy.abs(result.numpy() - left.astype("float64") @ right.astype("float64")).max())


def main(level):
    started = time.monotonic()
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    say(
        "import",
        version=tf.__version__,
        build="cuda" if tf.test.is_built_with_cuda() else "cpu",
        cuda=build.get("cuda_version"),
        cudnn=build.get("cudnn_version"),
        seconds=round(time.monotonic() - started, 2),
    )
    devices = []
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device) if device.device_type == "GPU" else {}
        devices.append(
            {
                "name": device.name.replace("physical_device:", ""),
                "type": device.device_type,
                "model": details.get("device_name"),
            }
        )
    say("devices", devices=devices)
    if level < 2:
        return
    computed = []
    for device in devices:
        if device["type"] in ("CPU", "GPU"):
            try:
                computed.append(
                    {"device": device["name"], "error": compute(tf, device["name"].strip("/")), "reason": None}
                )
            except Exception as problem:  # whatever the framework raises is the finding
                computed.append(
                    {"device": device["name"], "error": None, "reason": str(problem).split("\n", maxsplit=1)[0][:300]}
                )
    say("compute", computed=computed)


if __name__ == "__main__":
    main(int(sys.argv[1]))
