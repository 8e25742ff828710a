# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/compatibility.md from the tables of plugins/module_utils/compat/; a unit test holds the two equal."""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "compatibility.md"
sys.path.insert(0, str(REPOSITORY / ".ansible" / "collections"))

from ansible_collections.airgap.ferry.plugins.module_utils.compat import hardware, reductions, tensorflow  # noqa: E402

HEAD = """# Compatibility

What `lock.yml` knows of TensorFlow before it resolves anything: it refuses what cannot work and warns of what is risky (the
`FERRY-COMPAT-` codes of [codes.md](codes.md)). A release that is not here is left to the resolver. This page is made from
`plugins/module_utils/compat/` by `make codes`.

Sources: releases, Pythons, glibc and sizes from the wheels on the Python Package Index, read on 2026-11-24; CUDA, cuDNN and the end
of GPU support on native Windows from tensorflow/docs (`install/source.md`, `install/source_windows.md`, `install/pip.md`), read in
2026-11. Pythons older than 3.8 and macOS are left out.

## Releases

Python and glibc are those of the Linux x86_64 wheels; sizes are of the newest release of the line there.

| TensorFlow | releases | Python | glibc | CUDA | cuDNN | GPU on Linux | GPU on native Windows | tensorflow, MB | tensorflow-cpu, MB |
|---|---|---|---|---|---|---|---|---|---|
"""

PLACES_HEAD = """
## Which lines have wheels where

| package | system | lines |
|---|---|---|
"""

MISSING_HEAD = """
These releases lack wheels that their line has:

| package | release | system | Python |
|---|---|---|---|
"""

FAULTS_HEAD = """
## Releases with a known fault

Sources: resolved against the index, wheels only, on 2026-11-24 (2.15.0); tensorflow/tensorflow issue 63362, read in 2026-11 (2.16.1).

| asked for | what is wrong | verdict | choose |
|---|---|---|---|
"""

ADVICE = """
## TensorBoard's command

TensorFlow up to {last} brings TensorBoard, whose command (up to TensorBoard {tensorboard}) imports `pkg_resources` at its start.
setuptools {without} and newer have none, and Python {python} and newer get one of these: add `{constraint}` to `ferry_constraints`.
Measured on 2026-11-24: TensorBoard 2.10.1 to 2.20.0 read; the command of 2.20.0 run beside setuptools 80.10.2 and 81.0.0 (good),
82.0.0 and 84.2.1 (it ends in an error).

## Driver

The oldest NVIDIA driver for a CUDA version (NVIDIA, "CUDA minor version compatibility", read in 2026-11):

| CUDA | Linux | Windows |
|---|---|---|
"""

TRIMS_HEAD = """
## Reductions

What `trim` in a profile leaves out of a release's own dependencies; any other release is refused (`FERRY-TRIM-001`). Found on
2026-11-24 by taking packages away one after the other; `molecule/trimmed` proves each on cut-off hosts. `pip check` calls what was left
out missing.

| trim | release | system | leaves out | loses |
|---|---|---|---|---|
"""


def render():
    """The page's text."""
    return "".join(
        [
            HEAD,
            *_lines(),
            PLACES_HEAD,
            *_places(),
            MISSING_HEAD,
            *_missing(),
            FAULTS_HEAD,
            *_faults(),
            _advice(),
            *_drivers(),
            TRIMS_HEAD,
            *_trims(),
        ]
    )


def _lines():
    for name, line in reversed(tensorflow.LINES.items()):
        extra = tensorflow.key(name) >= tensorflow.key(tensorflow.FIRST_AND_CUDA)
        windows = tensorflow.key(name) <= tensorflow.key(tensorflow.LAST_WINDOWS_GPU)
        yield _row(
            name,
            ", ".join(line.releases),
            ", ".join(line.pythons),
            "2.%d" % line.glibc,
            line.cuda,
            line.cudnn,
            "`[and-cuda]`" if extra else "CUDA installed on the host",
            "CUDA installed on the host" if windows else "no",
            line.megabytes,
            line.cpu_megabytes,
        )


def _places():
    for package, places in tensorflow.PLACES.items():
        for place, (first, last) in places.items():
            yield _row(package, _system(*place), "%s to %s" % (first, last) if last else "%s and newer" % first)


def _missing():
    for (package, release, *place), pythons in tensorflow.MISSING.items():
        yield _row(package, release, _system(*place), ", ".join(pythons) if pythons else "all")


def _faults():
    for (release, extra), (impossible, wrong, instead) in tensorflow.FAULTS.items():
        asked = "`tensorflow%s==%s`" % ("[and-cuda]" if extra else "", release)
        yield _row(asked, wrong, "refused" if impossible else "warning", instead)


def _advice():
    return ADVICE.format(
        last=tensorflow.LAST_WITH_TENSORBOARD,
        tensorboard=tensorflow.LAST_TENSORBOARD_WITH_PKG_RESOURCES,
        without=tensorflow.SETUPTOOLS_WITHOUT,
        python=tensorflow.SETUPTOOLS_PYTHON,
        constraint=tensorflow.SETUPTOOLS_CONSTRAINT,
    )


def _drivers():
    for major in sorted({major for major, _os in hardware.DRIVER_MINIMUM}):
        yield _row(
            "%d.x" % major, hardware.DRIVER_MINIMUM[(major, "linux")], hardware.DRIVER_MINIMUM[(major, "windows")]
        )


def _trims():
    for name, entries in reductions.REDUCTIONS.items():
        for entry in entries:
            release = "`%s==%s`" % (entry.package, entry.release)
            yield _row("`%s`" % name, release, _system(*entry.place), ", ".join(sorted(entry.leaves_out)), entry.loses)


def _system(os, arch):
    return "%s %s" % (os.capitalize(), arch)


def _row(*cells):
    return "| %s |\n" % " | ".join(str(cell) for cell in cells)


if __name__ == "__main__":
    PAGE.write_text(render())
