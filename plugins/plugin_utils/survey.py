# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what hosts are (host_info) to the profiles that they need, and to the two papers that say so. Pure: no file, no clock."""

from __future__ import annotations

import copy
import json
import re

import yaml

from ..module_utils.bundle import canonical
from ..module_utils.errors import FerryError
from ..module_utils.host.python import numbers
from ..module_utils.profile import Profile

TYPE = "airgap.ferry/survey/v1"
# The first line of every proposal, by which the next survey knows that it may write over one.
HEAD = "# Proposed by airgap.ferry survey.yml."

_OLDEST = (3, 8)
# The Pythons that TensorFlow has wheels for: the tags of its releases 2.5 (cp39) to 2.21 (cp313) on PyPI, read 2026-11.
_TENSORFLOW = ((3, 9), (3, 13))
_ARCHITECTURES = ("x86_64", "aarch64")
# Plain versions and paths alone come into the proposal: it ends in an inventory, where Ansible would run a template of a hostile host.
_VERSION = re.compile(r"3\.[0-9]{1,3}\.[0-9]{1,3}([a-z][a-z0-9.+]*|\+)?", re.ASCII)
_PATH = re.compile(r"(/|[A-Za-z]:[/\\])[A-Za-z0-9_./\\ ()+~-]*", re.ASCII)
# What changes by itself from hour to hour is written anew only where it moved by more than a tenth.
_VOLATILE = ("free_bytes", "free_inodes")


def propose(hosts: dict) -> dict:
    """One profile for all hosts that agree on system, architecture, Python X.Y and accelerator, with their lowest patch and libc.

    ``hosts``: ``{name: host_info's host}``. Returns ``{"profiles": {name: entry of ferry_profiles}, "hosts": {name: {"ferry_profile",
    and "ferry_python" where a deployment would not find it}}, "unfit": {name: reason}, "remarks": {name: [sentence]}}``.
    """
    members, lines, unfit, remarks = {}, {}, {}, {}
    for host, facts in sorted(hosts.items()):
        entry, reason = _fit(facts)
        if entry:
            try:
                name = _name(entry)
                Profile.from_spec(name, entry)
            except FerryError as error:
                entry, reason = None, error.message
        if entry is None:
            unfit[host] = reason
            continue
        members.setdefault(name, []).append(entry)
        lines[host] = {"ferry_profile": name}
        python = _chosen(facts)
        if python["origin"] != "path":
            lines[host]["ferry_python"] = python["path"]
        said = _remarks(facts, entry)
        if said:
            remarks[host] = said
    return {
        "profiles": {name: _floors(entries) for name, entries in members.items()},
        "hosts": lines,
        "unfit": unfit,
        "remarks": remarks,
    }


def _fit(facts):
    """``(the profile's entry that this host alone would have, None)``, or ``(None, why no profile fits)``."""
    if facts["os"] not in ("linux", "windows"):
        return None, "profiles are for linux and windows, found %s" % (facts["os"] or "nothing")
    if facts["arch"] not in _ARCHITECTURES:
        return None, "profiles are for %s, found %s" % (" and ".join(_ARCHITECTURES), facts["arch"] or "nothing")
    if (facts["libc"] or "").startswith("musl"):
        return None, "expected glibc, found %s, for which TensorFlow has no wheels" % facts["libc"]
    python = _chosen(facts)
    if python is None:
        return None, _without_python(facts)
    entry = {"os": facts["os"], "arch": facts["arch"]}
    if facts["os"] == "linux":
        libc = re.match(r"glibc-(2\.[0-9]+)", python["libc"] or facts["libc"] or "")
        if libc is None:
            return None, "expected glibc, found %s" % (python["libc"] or "a libc that does not say its version")
        entry["libc"] = "glibc-" + libc.group(1)
    entry["python"] = _release(python["version"])
    # No CUDA wheels exist for aarch64, so its hosts are served as those without GPUs; a remark says so.
    entry["accelerator"] = "cuda" if _gpus(facts) and facts["arch"] == "x86_64" else "none"
    return entry, None


def _chosen(facts):
    """ferry_python where it is given, else the newest X.Y that TensorFlow has wheels for, else the newest; None where none serves.

    Of two with one X.Y it is the first, as for a deployment.
    """
    serving = [python for python in facts["pythons"] if _serves(python)]
    if facts["named_python"]:
        serving = [python for python in serving if python["origin"] == "named"]
    best = None
    for python in serving:
        if best is None or _rank(python) > _rank(best):
            best = python
    return best


def _serves(python):
    return (
        python["implementation"] == "cpython"
        and python["bits"] == 64
        and python["venv"]
        and _is_ordinary(python)
        and _VERSION.fullmatch(python["version"])
        and _PATH.fullmatch(python["path"])
        and numbers(python["version"])[:2] >= _OLDEST
    )


def _is_ordinary(python):
    """Whether wheels for its X.Y fit: not a free-threaded (cp313t) nor a debug build, which have an ABI of their own."""
    return re.fullmatch(r"(cp3[0-9]+)-\1-[a-z0-9_]+", python["tag"] or "") is not None


def _rank(python):
    version = numbers(python["version"])[:2]
    return _TENSORFLOW[0] <= version <= _TENSORFLOW[1], version


def _without_python(facts):
    wanted = "expected a 64-bit CPython of at least %d.%d with venv, found " % _OLDEST
    found = [python for python in facts["pythons"] if not facts["named_python"] or python["origin"] == "named"]
    if not found:
        return wanted + ("that ferry_python does not run" if facts["named_python"] else "none")
    return wanted + ", ".join(
        "%s %s (%d bits%s%s)"
        % (
            python["implementation"],
            python["version"],
            python["bits"],
            "" if python["venv"] else ", no venv",
            ", ABI " + python["tag"].split("-")[1] if python["tag"] and not _is_ordinary(python) else "",
        )
        for python in found
    )


def _gpus(facts):
    return facts["driver"]["devices"] if facts["driver"]["outcome"] == "ok" else []


def _remarks(facts, entry):
    """What an operator should know of a host that has a profile; no paths and no names in it."""
    said = []
    version = tuple(numbers(entry["python"])[:2])
    if not _TENSORFLOW[0] <= version <= _TENSORFLOW[1]:
        said.append("Python %d.%d is none of those that TensorFlow has current wheels for" % version)
    if entry["arch"] == "x86_64" and facts["cpu"]["flags"]["avx"] is False:
        said.append("the processor has no AVX: TensorFlow dies with SIGILL there")
    if _gpus(facts) and entry["accelerator"] == "none":
        said.append("it has GPUs, but there are no CUDA wheels for aarch64")
    if facts["driver"]["outcome"] in ("failed", "timeout"):
        said.append(
            "nvidia-smi is there but gave no answer (%s): taken for a host without GPUs" % facts["driver"]["outcome"]
        )
    elif facts["driver"]["outcome"] == "ok" and not _gpus(facts):
        said.append("the NVIDIA driver lists no GPU")
    if facts["root"]["noexec"]:
        said.append("the file system of ferry_root is mounted noexec: no release runs there")
    return said


def _name(entry):
    """``linux-py311``, ``linux-py311-cuda``, ``linux-aarch64-py311``: all that hosts of one profile agree on."""
    parts = [entry["os"]]
    if entry["arch"] != _ARCHITECTURES[0]:
        parts.append(entry["arch"])
    parts.append("py%d%d" % numbers(entry["python"])[:2])
    if entry["accelerator"] != "none":
        parts.append(entry["accelerator"])
    return "-".join(parts)


def _floors(entries):
    """The entry that all of ``entries`` fit."""
    lowest = dict(entries[0])
    for key in ("libc", "python"):
        if key in lowest:
            lowest[key] = min((entry[key] for entry in entries), key=lambda text: numbers(text.replace("glibc-", "")))
    return lowest


def _release(version):
    """``3.13.0`` of "3.13.0rc2": what a floor may say."""
    return ".".join(str(number) for number in numbers(version)[:3])


def paper(hosts: dict, unreached: list, anonymous: bool) -> dict:
    """survey.json as a value; with ``anonymous`` without host names, paths and the driver's own words, which may name people and places."""
    hosts, unreached = copy.deepcopy(hosts), sorted(unreached)
    proposal = propose(hosts)
    if anonymous:
        names = pseudonyms([*hosts, *unreached])
        for facts in hosts.values():
            facts["root"]["path"] = facts["named_python"] = facts["driver"]["reason"] = None
            for python in facts["pythons"]:
                python["path"] = None
        for line in proposal["hosts"].values():
            line.pop("ferry_python", None)
        hosts, unreached = _renamed(hosts, names), [names[host] for host in unreached]
        for key in ("hosts", "unfit", "remarks"):
            proposal[key] = _renamed(proposal[key], names)
    return {"type": TYPE, "anonymous": anonymous, "hosts": hosts, "unreached": unreached, "proposal": proposal}


def pseudonyms(names) -> dict:
    """``{name: "host001"}``, numbered in the order of the sorted names."""
    width = max(3, len(str(len(names))))
    return {name: "host%0*d" % (width, number) for number, name in enumerate(sorted(names), 1)}


def _renamed(by_host, names):
    return {names[host]: value for host, value in by_host.items()}


def settled(new: dict, old: dict) -> dict:
    """``new`` with the free space that ``old`` told of, wherever it moved by less than a tenth: a survey of the same hosts is the same."""
    new = copy.deepcopy(new)
    for host, facts in new["hosts"].items():
        before = old["hosts"].get(host, {}).get("root", {})
        for key in _VOLATILE:
            now, then = facts["root"][key], before.get(key)
            if isinstance(now, int) and isinstance(then, int) and abs(now - then) * 10 <= then:
                facts["root"][key] = then
    return new


def dumps(survey: dict) -> bytes:
    """survey.json: canonical JSON."""
    return canonical.dumps(survey)


def loads(data: bytes):
    """A survey that was written before, or None for anything else."""
    try:
        survey = json.loads(data.decode("ascii"))
    except ValueError:
        return None
    return survey if isinstance(survey, dict) and survey.get("type") == TYPE else None


def proposal_yaml(hosts: dict, unreached: list, anonymous: bool) -> str:
    """survey.yml: an inventory with the proposed ferry_profiles, and for each host its lines; with names, since it stays inside."""
    proposal = propose(hosts)
    numbered = pseudonyms([*hosts, *unreached]) if anonymous else {}
    text = [
        HEAD,
        "# Paste from it into the inventory, or give it to ansible-playbook as one more -i. The next survey writes it anew.",
    ]
    if anonymous:
        text.append("# It names hosts and stays inside; survey.json calls them by the numbers behind them.")
    text.append("---")
    if proposal["profiles"]:
        text += ["all:", "  vars:", "    ferry_profiles:"]
        for name, entry in sorted(proposal["profiles"].items()):
            text.append("      %s:" % name)
            # python in quotes: an edited 3.10 without them would be the number 3.1.
            text += [
                "        %s: %s" % (key, json.dumps(value) if key == "python" else value)
                for key, value in entry.items()
            ]
        text += ["ferry_hosts:", "  hosts:"]
        for host, lines in sorted(proposal["hosts"].items()):
            text.append("    %s:%s" % (_scalar(host), "  # " + numbered[host] if anonymous else ""))
            text += ["      # %s" % _plain(remark) for remark in proposal["remarks"].get(host, [])]
            text += ["      %s: %s" % (key, _scalar(value)) for key, value in lines.items()]
    else:
        text.append("{}")
    if proposal["unfit"]:
        text.append("# No profile fits:")
        text += ["#   %s: %s" % (_plain(host), _plain(reason)) for host, reason in sorted(proposal["unfit"].items())]
    if unreached:
        text += ["# Could not be looked at:", *("#   " + _plain(host) for host in sorted(unreached))]
    return "\n".join(text) + "\n"


def _scalar(text):
    """A string as YAML reads it back; in quotes where it would be read as something else."""
    if re.fullmatch("[A-Za-z/][A-Za-z0-9_./-]*", text) and yaml.safe_load(text) == text:
        return str(text)
    return json.dumps(text)


def _plain(text):
    """Hosts' own words in a comment: on one line, whatever they say."""
    return "".join(character if character.isprintable() else " " for character in text)
