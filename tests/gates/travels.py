# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels to hosts and depots, old machines all, in AnsiballZ or zipped as one package: the one list of it, printed."""

import pathlib

PLUGINS = pathlib.Path(__file__).resolve().parents[2] / "plugins"
_UTILS = PLUGINS / "module_utils"
ROOMS = tuple(_UTILS / name for name in ("host", "bundle", "zone", "codes"))
SHARED = tuple(_UTILS / name for name in ("errors.py", "mutex.py", "running.py"))
MODULES = tuple(
    PLUGINS / "modules" / name
    for name in ("bundle_open.py", "bundle_receive.py", "gpu_info.py", "host_info.py", "pip_offline.py")
)
UTILS = (*sorted(path for room in ROOMS for path in room.glob("*.py")), *SHARED)

if __name__ == "__main__":
    print("\n".join(str(path) for path in (*UTILS, *MODULES)))
