# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How every module of the collection ends: a result with an ``event`` for the record, or one sentence with a code."""

from __future__ import annotations

import time

from . import mutex
from .errors import FerryError, from_os_error


def finish(module, stage, work):
    """Call ``work()`` (returns the result as a dict; its ``warnings`` are shown) and leave through ``exit_json`` or ``fail_json``.

    The result gets ``event``: ``{"stage": str, "seconds": float, ...}``; keys that ``work`` put under ``event`` are kept.
    The callback plugin ``change_record`` collects these events.
    """
    started = time.monotonic()

    def event(more):
        merged = {"stage": stage}
        merged.update(more)
        merged["seconds"] = round(time.monotonic() - started, 3)
        return merged

    try:
        result = work()
    except OSError as error:
        failure = from_os_error(error, "running the stage " + stage)
        module.fail_json(msg=str(failure), code=failure.code, event=event({}))
    except FerryError as failure:
        module.fail_json(msg=str(failure), code=failure.code, event=event(failure.event))
    for warning in result.pop("warnings", ()):
        module.warn(warning)
    result["event"] = event(result.get("event", {}))
    module.exit_json(**result)


def finish_alone(module, stage, folder, act):
    """:func:`finish` with ``act(params, check_mode)``, which changes ``folder``: one run at a time, and no lock where nothing changes."""

    def work():
        if module.check_mode:
            return act(module.params, True)
        with mutex.only_run(folder):
            return act(module.params, False)

    finish(module, stage, work)
