# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of a change record, and the one way to fill them: fold what the tasks reported into the planned run.

A task result becomes journal lines (``observe``); a run and its lines become the finished run (``finish``). Both are pure,
so the record of a killed run, made later from its journal, is made by the very code that ends a healthy one.
"""

from __future__ import annotations

import copy
import math
import re
import time
from typing import Any, Dict, Iterable, List, Optional

TYPE = "airgap.ferry/record/v1"
# A run in one of these has not ended, or nobody was there to write down that it did.
OPEN = ("planned", "running")
# Stages that act on a managed host; the others (build, send, open, ...) act on the way to it.
HOST_STAGES = ("install", "switch", "rollback", "verify", "prune", "survey")
# Enough for any sentence of ours; a foreign module's message may be a whole log.
MESSAGE_LIMIT = 2000

_TEXT = str
_BUNDLE_KEYS = {
    "name": _TEXT,
    "id": _TEXT,
    "serial": int,
    "created": _TEXT,
    "builder": _TEXT,
    "size": int,
    "files": int,
    "allowed": bool,
    "replaced": int,
}
_SIGNER_KEYS = {"name": _TEXT, "fingerprint": _TEXT, "backend": _TEXT}
_GATE_KEYS = {"state": _TEXT, "enforced": bool, "findings": int, "waived": int}
# What is not said of a gate is no pass.
_NO_GATE = {"state": "not checked", "enforced": False, "findings": 0, "waived": 0}
_EVENT_KEYS = {"profile": _TEXT, "before": _TEXT, "after": _TEXT, "release": _TEXT}
_CODE_PREFIX = re.compile(r"(FERRY-[A-Z]+-\d{3}): ")

Json = Dict[str, Any]


def utc(seconds: Optional[float] = None) -> str:
    """``seconds`` since the epoch (default: now) as ``2026-11-22T17:00:00Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def new_record(change: Optional[str]) -> Json:
    """An empty record of one ticket (``None``: a run without a ticket)."""
    return {"type": TYPE, "change": change, "runs": []}


def new_run(
    run_id: str,
    *,
    started: str,
    operator: str,
    controller: str,
    routes: Optional[int],
    versions: Json,
    bundle: Optional[str],
    hosts: List[Json],
    playbook: Optional[str] = None,
) -> Json:
    """A planned run. ``hosts``: ``[{"name": str, "profile": str | None}]``; ``routes``: as ``host.facts.routes`` counts them."""
    run = {
        "id": run_id,
        "playbook": playbook,
        "status": "planned",
        "operator": operator,
        "controller": controller,
        "started": started,
        "finished": None,
        "seconds": None,
        "versions": versions,
        "network": {"routes": routes},
        "planned": {"bundle": bundle, "hosts": hosts},
    }
    run.update(_nothing_done(hosts))
    return run


def _nothing_done(hosts: List[Json]) -> Json:
    return {
        "bundle": None,
        "gates": {},
        "stages": [],
        "hosts": {host["name"]: _new_host(host["profile"]) for host in hosts},
        "errors": [],
    }


def _new_host(profile: Optional[str]) -> Json:
    return {
        "profile": profile,
        "status": "planned",
        "before": None,
        "after": None,
        "removed": [],
        "packages": {"added": {}, "removed": {}, "upgraded": {}},
        "verdicts": [],
        "network": {"routes": None},
        "error": None,
    }


def observe(result: Json, host: str, task: str, status: str, at: str, *, ignored: bool = False) -> List[Json]:
    """The journal lines of one task result: one per loop item that has something to say, else one or none.

    ``status`` is what Ansible called the task: ok, changed, failed or unreachable. Only named keys are taken, never the
    whole result: a result can hold secrets, a record must not.
    """
    about = {"at": at, "host": host, "task": task, "ignored": ignored}
    items = result.get("results")
    lines = []
    if isinstance(items, list) and not isinstance(result.get("event"), dict):
        for item in items:
            item_status = _item_status(item)
            if item_status:
                lines += _line(item, item_status, about)
    # A loop that failed before its first item, and anything else that is called failed, must not pass in silence.
    return lines or _line(result, status, about)


def _item_status(item: Any) -> Optional[str]:
    if not isinstance(item, dict) or item.get("skipped"):
        return None
    if item.get("unreachable"):
        return "unreachable"
    if item.get("failed_when_result", item.get("failed")):
        return "failed"
    return "changed" if item.get("changed") else "ok"


def _line(result: Json, status: str, about: Json) -> List[Json]:
    event = _clean_event(result.get("event"))
    trouble = status in ("failed", "unreachable")
    if not event and not trouble:
        return []
    line = dict(about, status=status, event=event)
    if trouble:
        line.update(_cause(result))
    return [line]


def _cause(result: Json) -> Json:
    """Code and message of a failed result; our messages start with their code, and roles pass them on in ``msg``."""
    message = str(result.get("msg") or "The task failed and gave no message.").strip()
    code = result.get("code")
    said = _CODE_PREFIX.match(message)
    if said:
        code, message = said.group(1), _CODE_PREFIX.sub("", message, count=1)
    return {"code": code if isinstance(code, str) else None, "message": message[:MESSAGE_LIMIT]}


def _clean_event(event: Any) -> Optional[Json]:
    """``event`` with known keys of the right type only; a value of another type is dropped, not trusted."""
    if not isinstance(event, dict) or not isinstance(event.get("stage"), str) or event["stage"] == "record":
        return None  # also for the record's own making, which is no part of the change
    clean = _pick(event, _EVENT_KEYS)
    clean["stage"] = event["stage"]
    clean["seconds"] = _number(event.get("seconds"))
    if isinstance(event.get("bundle"), dict):
        clean["bundle"] = _pick(event["bundle"], _BUNDLE_KEYS)
        if isinstance(event["bundle"].get("signers"), list):
            signers = [signer for signer in event["bundle"]["signers"] if isinstance(signer, dict)]
            clean["bundle"]["signers"] = [_signer(signer) for signer in signers]
    if isinstance(event.get("gates"), dict):
        gates = {str(name): gate for name, gate in event["gates"].items() if isinstance(gate, dict)}
        clean["gates"] = {name: dict(_NO_GATE, **_pick(gate, _GATE_KEYS)) for name, gate in gates.items()}
    for key in ("packages_before", "packages_after"):
        if isinstance(event.get(key), dict):
            clean[key] = {str(name): str(version) for name, version in event[key].items()}
    if isinstance(event.get("removed"), list):
        clean["removed"] = [str(release) for release in event["removed"]]
    if isinstance(event.get("verdicts"), list):
        clean["verdicts"] = [_verdict(verdict) for verdict in event["verdicts"] if isinstance(verdict, dict)]
    if isinstance(event.get("network"), dict):
        clean["network"] = _pick(event["network"], {"routes": int})
    return clean


def _pick(source: Json, keys: Json) -> Json:
    return {key: source[key] for key, kind in keys.items() if isinstance(source.get(key), kind)}


def _signer(signer: Json) -> Json:
    roles = signer.get("roles")
    roles = [str(role) for role in roles] if isinstance(roles, list) else []
    return dict(dict.fromkeys(_SIGNER_KEYS), **_pick(signer, _SIGNER_KEYS), roles=roles)


def _number(value: Any) -> Optional[float]:
    return round(float(value), 3) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _verdict(verdict: Json) -> Json:
    code = verdict.get("code")
    # Fails closed: only a true True is a pass.
    return {
        "code": code if isinstance(code, str) else None,
        "ok": verdict.get("ok") is True,
        "message": str(verdict.get("message", ""))[:MESSAGE_LIMIT],
    }


def finish(
    run: Json, lines: List[Json], at: Optional[str], seconds: Optional[float], stats: Optional[Json] = None
) -> Json:
    """The finished copy of ``run``, with ``lines`` folded in.

    ``stats``: ``{"failed": [host], "unreachable": [host]}``, Ansible's last word: a host that is in neither was rescued, and
    its failures are no errors. ``None``: the run was interrupted and nobody knows; then every failure is kept.
    """
    run = copy.deepcopy(run)
    # A run that goes on after it was finished (a second playbook on one command line) is folded anew from all its lines.
    run.update(_nothing_done(run["planned"]["hosts"]))
    told: Dict[str, List[Json]] = {}
    for line in lines:
        event = line["event"]
        if event:
            run["stages"].append(
                {"stage": event["stage"], "host": line["host"], "status": line["status"], "seconds": event["seconds"]}
            )
            _merge_bundle(run, event.get("bundle"))
            run["gates"].update(event.get("gates", {}))
            if event["stage"] in HOST_STAGES:
                run["hosts"].setdefault(line["host"], _new_host(None))
        told.setdefault(line["host"], []).append(line)

    troubles = [line for line in lines if line["status"] in ("failed", "unreachable") and not line["ignored"]]
    if stats is None:
        unreachable = {line["host"] for line in troubles if line["status"] == "unreachable"}
        broken = {line["host"] for line in troubles}
    else:
        unreachable = set(stats["unreachable"])
        broken = unreachable.union(stats["failed"])

    troubles = [line for line in troubles if line["host"] in broken]
    run["errors"] = [_error(line, ("host", "code", "message", "task")) for line in troubles]
    for name, host in run["hosts"].items():
        lines_of_host = told.get(name, [])
        _fold_host(host, lines_of_host)
        if name in broken:
            host["status"] = "unreachable" if name in unreachable else "failed"
            host["error"] = _main_error([line for line in troubles if line["host"] == name])
        elif not lines_of_host:
            host["status"] = "not reached"
        else:
            host["status"] = "changed" if any(line["status"] == "changed" for line in lines_of_host) else "unchanged"

    run["finished"], run["seconds"] = at, seconds
    run["status"] = "interrupted" if stats is None else "failed" if broken else "succeeded"
    return run


def _merge_bundle(run: Json, more: Optional[Json]) -> None:
    if more:
        known = run["bundle"] or {}
        if not known or None not in (known["serial"], more.get("serial")) and known["serial"] != more["serial"]:
            # The first, or another than was sent or received before: nothing of the one may be said of the other.
            run["bundle"] = dict(dict.fromkeys(_BUNDLE_KEYS), signers=[])
        run["bundle"].update(more)


def _fold_host(host: Json, lines: List[Json]) -> None:
    events = [line["event"] for line in lines if line["event"]]
    for event in events:
        host["profile"] = event.get("profile", host["profile"])
        if host["before"] is None:
            host["before"] = event.get("before")
        host["after"] = event.get("after", host["after"])
        host["removed"] += [release for release in event.get("removed", []) if release not in host["removed"]]
        host["network"].update(event.get("network", {}))
        host["verdicts"] += [verdict for verdict in event.get("verdicts", []) if verdict not in host["verdicts"]]
    if events and all(event["stage"] == "verify" for event in events):
        # A run that only looks finds one release, live before and after it.
        release = events[-1].get("release")
        host["before"], host["after"] = host["before"] or release, host["after"] or release

    befores = [event["packages_before"] for event in events if "packages_before" in event]
    afters = [event["packages_after"] for event in events if "packages_after" in event]
    # Packages of a release that never became the live one changed nothing on the host. Without a release before there were no
    # packages before; without knowing that, "all of them are new" would be invented.
    if afters and host["after"] not in (None, host["before"]) and (befores or host["before"] is None):
        host["packages"] = package_changes(befores[0] if befores else {}, afters[-1])


def package_changes(before: Dict[str, str], after: Dict[str, str]) -> Json:
    """What turns ``before`` into ``after``; ``upgraded`` holds every change of version, ``{name: [old, new]}``."""
    return {
        "added": {name: version for name, version in after.items() if name not in before},
        "removed": {name: version for name, version in before.items() if name not in after},
        "upgraded": {
            name: [before[name], version] for name, version in after.items() if before.get(name, version) != version
        },
    }


def _main_error(troubles: List[Json]) -> Optional[Json]:
    """The error to show beside a host: the last with a code, since a role's last word ("rolled back") often has none."""
    if not troubles:
        return None
    return _error(([line for line in troubles if line["code"]] or troubles)[-1], ("code", "message", "task"))


def _error(line: Json, keys: Iterable[str]) -> Json:
    return {key: line[key] for key in keys}
