# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What wheels ask of the hardware: data with source and date.

Sources, read 2026-11: tensorflow/docs install/pip.md (AVX), NVIDIA "CUDA minor version compatibility" (driver minima).
"""

from __future__ import annotations

# Packages whose x86-64 wheels die with SIGILL on a processor without AVX.
AVX_PACKAGES = frozenset({"tensorflow", "tensorflow-cpu", "tensorflow-intel"})

# (CUDA major version, os) -> the oldest driver that runs it.
DRIVER_MINIMUM = {
    (11, "linux"): "450.80.02",
    (11, "windows"): "452.39",
    (12, "linux"): "525.60.13",
    (12, "windows"): "527.41",
    (13, "linux"): "580.65.06",
    (13, "windows"): "580.88",
}

# The wheel of the CUDA runtime carries its major version in its name up to 12, in its version from 13 on.
CUDA_RUNTIME = {"nvidia-cuda-runtime-cu11": 11, "nvidia-cuda-runtime-cu12": 12, "nvidia-cuda-runtime": 13}


def requirements(profile_os: str, arch: str, packages) -> dict:
    """``{"avx": bool, "driver": minimum version or None}`` of a set of normalised package names."""
    majors = [CUDA_RUNTIME[name] for name in packages if name in CUDA_RUNTIME]
    return {
        "avx": arch == "x86_64" and not AVX_PACKAGES.isdisjoint(packages),
        "driver": DRIVER_MINIMUM[(max(majors), profile_os)] if majors else None,
    }
