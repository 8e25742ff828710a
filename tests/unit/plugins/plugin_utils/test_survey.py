# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what hosts are to the profiles that they need: who agrees shares one, its floors are the lowest, nobody is left out in silence."""

from __future__ import annotations

import copy
import json

import pytest
import yaml
from ansible_collections.airgap.ferry.plugins.module_utils.profile import Profile
from ansible_collections.airgap.ferry.plugins.plugin_utils import survey

H200 = {
    "outcome": "ok",
    "reason": None,
    "version": "580.65.06",
    "devices": [{"name": "NVIDIA H200", "memory_mib": 143771}],
}
ABSENT = {"outcome": "absent", "reason": "nvidia-smi is not on PATH", "version": None, "devices": []}


def python(version="3.11.2", **changes):
    """An interpreter as host_info tells of it."""
    return dict(
        {
            "path": "/usr/bin/python" + ".".join(version.split(".")[:2]),
            "origin": "path",
            "version": version,
            "implementation": "cpython",
            "bits": 64,
            "libc": "glibc-2.36",
            "venv": True,
            "ensurepip": False,
            "distutils": True,
            "tag": "cp{0}-cp{0}-linux_x86_64".format("".join(version.split(".")[:2])),
            "markers": {},
        },
        **changes,
    )


def host(*versions, libc="glibc-2.36", **changes):
    """A host as host_info tells of it."""
    return dict(
        {
            "os": "linux",
            "arch": "x86_64",
            "libc": libc,
            "distribution": {"name": "Debian GNU/Linux", "version": "12"},
            "kernel": "6.1.0",
            "cpu": {
                "model": "AMD EPYC",
                "count": 64,
                "flags": {"avx": True, "avx2": True, "fma": True, "avx512f": True},
            },
            "memory_bytes": 10**12,
            "root": {"path": "/opt/ferry", "free_bytes": 10**12, "free_inodes": 10**6, "noexec": False},
            "selinux": "disabled",
            "long_paths": None,
            "driver": copy.deepcopy(ABSENT),
            "named_python": None,
            "pythons": [python(version, libc=libc) for version in versions or ("3.11.2",)],
        },
        **changes,
    )


def profile(xy="3.11.2", **changes):
    return dict({"os": "linux", "arch": "x86_64", "libc": "glibc-2.36", "python": xy, "accelerator": "none"}, **changes)


def windows(*versions, **changes):
    pythons = [python(version, libc=None, path="C:\\Python\\python.exe") for version in versions or ("3.11.2",)]
    return host(os="windows", libc=None, pythons=pythons, **changes)


PROPOSALS = {
    "fifty hosts that agree share one profile": (
        {"gpu%03d" % number: host("3.11.2") for number in range(50)},
        {"linux-py311": profile()},
    ),
    "the lowest patch is the floor": (
        {"a": host("3.11.10"), "b": host("3.11.9"), "c": host("3.11.14")},
        {"linux-py311": profile("3.11.9")},
    ),
    "the lowest libc is the floor, by number": (
        {"a": host(libc="glibc-2.36"), "b": host(libc="glibc-2.5"), "c": host(libc="glibc-2.28")},
        {"linux-py311": profile(libc="glibc-2.5")},
    ),
    "both floors, of different hosts": (
        {"a": host("3.9.2", libc="glibc-2.31"), "b": host("3.9.19", libc="glibc-2.28")},
        {"linux-py39": profile("3.9.2", libc="glibc-2.28")},
    ),
    "with and without GPUs are two": (
        {"a": host(driver=H200), "b": host()},
        {"linux-py311": profile(), "linux-py311-cuda": profile(accelerator="cuda")},
    ),
    "a driver without GPUs is none": ({"a": host(driver=dict(H200, devices=[]))}, {"linux-py311": profile()}),
    "a driver that hangs is none": (
        {"a": host(driver=dict(H200, outcome="timeout"))},
        {"linux-py311": profile()},
    ),
    "another X.Y is another": (
        {"a": host("3.9.2"), "b": host("3.10.4")},
        {"linux-py39": profile("3.9.2"), "linux-py310": profile("3.10.4")},
    ),
    "another architecture is another": (
        {"a": host(), "b": host(arch="aarch64")},
        {"linux-py311": profile(), "linux-aarch64-py311": profile(arch="aarch64")},
    ),
    "aarch64 with GPUs is served without CUDA": (
        {"a": host(arch="aarch64", driver=H200)},
        {"linux-aarch64-py311": profile(arch="aarch64")},
    ),
    "windows has no libc": (
        {"a": windows(driver=H200)},
        {"windows-py311-cuda": {"os": "windows", "arch": "x86_64", "python": "3.11.2", "accelerator": "cuda"}},
    ),
    "the newest Python with TensorFlow wheels is chosen, by number": (
        {"a": host("3.9.2", "3.14.0", "3.12.3", "3.10.1", "3.8.10")},
        {"linux-py312": profile("3.12.3")},
    ),
    "of one X.Y the first is chosen, as for a deployment": (
        {"a": host("3.11.2", "3.11.9")},
        {"linux-py311": profile()},
    ),
    "only an old one is better than none": ({"a": host("3.8.10")}, {"linux-py38": profile("3.8.10")}),
    "only a new one is better than none": ({"a": host("3.14.1", "3.8.1")}, {"linux-py314": profile("3.14.1")}),
    "a pre-release counts as its release": ({"a": host("3.13.0rc2")}, {"linux-py313": profile("3.13.0")}),
    "nothing proposes nothing": ({}, {}),
}


@pytest.mark.parametrize("hosts, expected", PROPOSALS.values(), ids=PROPOSALS)
def test_hosts_that_agree_share_a_profile(hosts, expected):
    proposal = survey.propose(hosts)
    assert proposal["profiles"] == expected
    assert sorted(proposal["hosts"]) == sorted(hosts) and not proposal["unfit"]
    for name, entry in proposal["profiles"].items():
        Profile.from_spec(name, entry)
    for lines in proposal["hosts"].values():
        assert lines["ferry_profile"] in expected


@pytest.mark.parametrize(
    "facts, reason",
    [
        (host(libc="musl-1.2.5"), "expected glibc, found musl-1.2.5, for which TensorFlow has no wheels"),
        (host(pythons=[]), "expected a 64-bit CPython of at least 3.8 with venv, found none"),
        (host(pythons=[python(venv=False)]), "found cpython 3.11.2 (64 bits, no venv)"),
        (host(pythons=[python(bits=32)]), "found cpython 3.11.2 (32 bits)"),
        (host(pythons=[python(implementation="pypy", tag=None)]), "found pypy 3.11.2"),
        (
            host(pythons=[python("3.13.5", tag="cp313-cp313t-linux_x86_64")]),
            "found cpython 3.13.5 (64 bits, ABI cp313t)",
        ),
        (host(named_python="/opt/python", pythons=[python()]), "found that ferry_python does not run"),
        (host(libc=None, pythons=[python(libc=None)]), "a libc that does not say its version"),
        (host(os="darwin"), "found darwin"),
        (host(arch="ppc64le"), "found ppc64le"),
        (host(arch=None), "found nothing"),
        (windows(arch="aarch64"), "windows"),
    ],
    ids=lambda value: value[-40:] if isinstance(value, str) else "",
)
def test_a_host_that_no_profile_fits_is_named_with_the_reason(facts, reason):
    proposal = survey.propose({"odd": facts, "good": host()})
    assert list(proposal["unfit"]) == ["odd"] and reason in proposal["unfit"]["odd"]
    assert list(proposal["hosts"]) == ["good"] and list(proposal["profiles"]) == ["linux-py311"]
    assert "odd: " + proposal["unfit"]["odd"] in survey.proposal_yaml({"odd": facts}, [], False)


@pytest.mark.parametrize(
    "facts, remark",
    [
        (host(cpu={"model": None, "count": 1, "flags": {"avx": False}}), "no AVX"),
        (host(driver=dict(H200, outcome="timeout", devices=[])), "nvidia-smi is there but gave no answer"),
        (host(driver=dict(H200, devices=[])), "lists no GPU"),
        (host(arch="aarch64", driver=H200), "no CUDA wheels for aarch64"),
        (host("3.8.10"), "Python 3.8"),
        (host(root={"path": "/opt", "free_bytes": 1, "free_inodes": 1, "noexec": True}), "noexec"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_an_operator_should_know_of_a_host_is_said_beside_it(facts, remark):
    said = survey.propose({"a": facts, "b": host()})["remarks"]
    assert list(said) == ["a"] and len(said["a"]) == 1 and remark in said["a"][0]
    assert "      # " + said["a"][0] in survey.proposal_yaml({"a": facts}, [], False).splitlines()


def test_an_unknown_flag_is_no_missing_one():
    assert not survey.propose({"a": host(cpu={"model": None, "count": 1, "flags": {"avx": None}})})["remarks"]


def test_ferry_python_decides_and_is_said_again():
    named = python("3.10.4", path="/opt/py/bin/python3.10", origin="named")
    proposal = survey.propose({"a": host(named_python=named["path"], pythons=[named, python("3.12.1")])})
    assert proposal["hosts"] == {"a": {"ferry_profile": "linux-py310", "ferry_python": "/opt/py/bin/python3.10"}}


def test_a_python_that_a_deployment_would_not_find_is_named():
    elsewhere = python("3.12.1", path="/opt/py/bin/python3.12", origin="elsewhere")
    proposal = survey.propose({"a": host(pythons=[python(), elsewhere])})
    assert proposal["hosts"] == {"a": {"ferry_profile": "linux-py312", "ferry_python": "/opt/py/bin/python3.12"}}


@pytest.mark.parametrize(
    "changes", [{"path": "/opt/{{ lookup('pipe', 'id') }}/python3"}, {"version": "3.11.{{ x }}"}, {"version": "3.²"}]
)
def test_a_hostile_host_brings_no_template_into_an_inventory(changes):
    evil = python(**dict({"version": "3.11.2", "origin": "elsewhere"}, **changes))
    facts = host(pythons=[evil], driver=dict(ABSENT, outcome="failed", reason="x\nall: {}"))
    proposal = survey.propose({"a": facts})
    assert not proposal["hosts"] and list(proposal["unfit"]) == ["a"]
    assert yaml.safe_load(survey.proposal_yaml({"a": facts}, [], False)) == {}


def test_the_proposal_is_an_inventory():
    elsewhere = python("3.10.1", path="C:\\Program Files\\Python310\\python.exe", origin="elsewhere", libc=None)
    hosts = {
        "no": host(driver=H200),
        "gpu1.inside.example": host(),
        "10.0.0.7": windows(),
        "w": dict(windows(), pythons=[elsewhere]),
    }
    text = survey.proposal_yaml(hosts, ["lost"], False)
    assert text.startswith(survey.HEAD + "\n") and "#   lost\n" in text
    proposal = survey.propose(hosts)
    assert yaml.safe_load(text) == {
        "all": {"vars": {"ferry_profiles": proposal["profiles"]}},
        "ferry_hosts": {"hosts": proposal["hosts"]},
    }


def test_a_survey_is_canonical_and_read_back():
    value = survey.paper({"a": host()}, ["z", "b"], False)
    data = survey.dumps(value)
    assert survey.loads(data) == value and data.count(b"\n") == 1
    assert value["unreached"] == ["b", "z"] and value["hosts"] == {"a": host()}


@pytest.mark.parametrize("data", [b"", b"words", b"[]", b"{}", b'{"type": "airgap.ferry/record/v1"}', b"\xff"])
def test_anything_else_is_no_survey(data):
    assert survey.loads(data) is None


def test_an_anonymous_survey_names_no_host_no_path_and_repeats_no_driver():
    elsewhere = python("3.12.1", path="/home/wang/miniconda3/bin/python3.12", origin="elsewhere")
    hosts = {
        "gpu-b.bank.example": host(
            pythons=[elsewhere], driver=dict(ABSENT, outcome="failed", reason="on gpu-b: broken")
        ),
        "gpu-a.bank.example": host(libc="musl-1.2.5"),
        "gpu-d.bank.example": host(named_python="/home/wang/python", root=dict(host()["root"], noexec=True)),
    }
    before = copy.deepcopy(hosts)
    value = survey.paper(hosts, ["gpu-c.bank.example"], True)
    assert hosts == before
    text = survey.dumps(value).decode()
    for word in ("bank", "gpu-", "wang", "/opt", "/usr", "broken"):
        assert word not in text
    assert sorted(value["hosts"]) == ["host001", "host002", "host004"] and value["unreached"] == ["host003"]
    assert value["proposal"]["hosts"] == {"host002": {"ferry_profile": "linux-py312"}}
    assert sorted(value["proposal"]["unfit"]) == ["host001", "host004"] and list(value["proposal"]["remarks"]) == [
        "host002"
    ]
    beside = survey.proposal_yaml(hosts, ["gpu-c.bank.example"], True)
    assert "gpu-b.bank.example:  # host002" in beside and "stays inside" in beside
    assert yaml.safe_load(beside) == yaml.safe_load(survey.proposal_yaml(hosts, [], False))


def test_numbers_have_room_for_a_large_fleet():
    names = survey.pseudonyms(["gpu%d" % number for number in range(1200)])
    assert names["gpu0"] == "host0001" and len(set(names.values())) == 1200


@pytest.mark.parametrize(
    "then, now, told",
    [(1000, 950, 1000), (1000, 1100, 1000), (1000, 899, 899), (1000, 1101, 1101), (None, 5, 5), (5, None, None)],
)
def test_free_space_is_told_anew_only_where_it_moved(then, now, told):
    def at(free):
        return survey.paper(
            {"a": host(root={"path": "/opt", "free_bytes": free, "free_inodes": free, "noexec": False})}, [], False
        )

    new = at(now)
    assert survey.settled(new, at(then)) == at(told) and new == at(now)


def test_a_host_that_is_new_or_changed_is_told_anew():
    old = survey.paper({"a": host(), "gone": host()}, [], False)
    new = survey.paper({"a": host("3.12.1"), "b": host()}, [], False)
    assert survey.settled(new, old) == new


def test_python_is_written_in_quotes():
    assert '        python: "3.11.2"\n' in survey.proposal_yaml({"a": host()}, [], False)


def test_the_proposal_is_small():
    assert len(survey.dumps(survey.paper({"gpu%03d" % number: host() for number in range(200)}, [], False))) < 500_000
    assert json.loads(survey.dumps(survey.paper({}, ["a"], False)))["proposal"]["profiles"] == {}
