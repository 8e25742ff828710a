# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named reductions: what a profile may leave out of a release's own dependencies, and what that loses. Data, each entry tested.

Found on 2026-11-24 by taking one package after the other away from an installed ``tensorflow-cpu`` and asking what was left to import
TensorFlow, load and ask a SavedModel and a Keras model that a whole TensorFlow had saved, fit, save, and read a tf.data pipeline. Only
the ``askers`` may be left without what they ask for; what other packages ask for stays. Proven again on cut-off hosts by
``molecule/trimmed``.
"""

from __future__ import annotations

from typing import NamedTuple


class Reduction(NamedTuple):
    """What is left out of ``package`` at ``release`` on (os, arch) ``place``; names are normalised.

    ``askers`` stay and were tested without what they ask for. ``loses``: what they can no longer do.
    """

    package: str
    release: str
    place: tuple
    askers: frozenset
    leaves_out: frozenset
    loses: str


# Reduction -> its entries, one a release.
REDUCTIONS = {
    "inference": (
        Reduction(
            "tensorflow-cpu",
            "2.15.1",
            ("linux", "x86_64"),
            frozenset({"tensorflow-cpu", "astunparse"}),
            # Those of TensorBoard, then TensorFlow's own; importlib-metadata and zipp are Markdown's on Python 3.9. Not setuptools:
            # this release imports distutils, which a bare Debian's Python lacks and setuptools brings.
            frozenset(
                {
                    "tensorboard",
                    "tensorboard-data-server",
                    "google-auth",
                    "google-auth-oauthlib",
                    "requests-oauthlib",
                    "oauthlib",
                    "pyasn1",
                    "pyasn1-modules",
                    "cryptography",
                    "cffi",
                    "pycparser",
                    "markdown",
                    "importlib-metadata",
                    "zipp",
                    "werkzeug",
                    "markupsafe",
                    "grpcio",
                    "tensorflow-estimator",
                    "tensorflow-io-gcs-filesystem",
                    "google-pasta",
                    "libclang",
                    "wheel",
                }
            ),
            "TensorBoard and tf.summary, Estimators, gs:// paths, tf.distribute.experimental.rpc, tfdbg over gRPC and tf_upgrade_v2",
        ),
        Reduction(
            "tensorflow-cpu",
            "2.21.0",
            ("linux", "x86_64"),
            frozenset({"tensorflow-cpu", "astunparse", "keras"}),
            frozenset(
                {
                    "google-pasta",
                    "grpcio",
                    "libclang",
                    "namex",
                    "setuptools",
                    "wheel",
                }
            ),
            "tf.distribute.experimental.rpc, tfdbg over gRPC and tf_upgrade_v2",
        ),
    ),
}
