# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts: what is known not to work is refused with the nearest choice, what is risky is said, what is not known is not guessed."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import verdicts

LINUX = {}
CUDA = {"accelerator": "cuda"}
WINDOWS = {"os": "windows", "python": "3.10.11"}
WINDOWS_CUDA = {**WINDOWS, **CUDA}
ARM = {"arch": "aarch64"}

# (profile, requirements, constraints, code, words of the sentence)
IMPOSSIBLE = [
    (
        {**WINDOWS_CUDA, "python": "3.11.9"},
        ["tensorflow==2.18.1"],
        [],
        "FERRY-COMPAT-001",
        "tensorflow==2.18.1: expected a release up to 2.10.1, the last with GPU support on native Windows, because this profile's accelerator "
        "is cuda, found 2.18.1; choose accelerator none, or tensorflow==2.10.1 with Python 3.8, 3.9 or 3.10, or WSL2 on these hosts and a "
        "Linux profile for it.",
    ),
    (
        WINDOWS_CUDA,
        ["tensorflow<2.12"],
        [],
        "FERRY-COMPAT-001",
        "found 2.11.1; choose accelerator none, or tensorflow==2.10.1, or",
    ),
    (WINDOWS_CUDA, ["tensorflow"], [], "FERRY-COMPAT-001", "found 2.21.0; choose accelerator none"),
    (WINDOWS_CUDA, ["tensorflow"], ["tensorflow==2.15.1"], "FERRY-COMPAT-001", "found 2.15.1"),
    (
        WINDOWS,
        ["tensorflow[and-cuda]==2.18.1"],
        [],
        "FERRY-COMPAT-002",
        "tensorflow[and-cuda]==2.18.1 asks for CUDA libraries that exist for Linux only, and this profile is for Windows; drop [and-cuda] here, "
        "or write the line twice: with [and-cuda] and ; sys_platform == 'linux', without it and ; sys_platform == 'win32'.",
    ),
    (WINDOWS, ["TensorFlow[and_CUDA]"], [], "FERRY-COMPAT-002", "tensorflow[and-cuda] asks for CUDA libraries"),
    (
        CUDA,
        ["tensorflow[and-cuda]==2.15.0"],
        [],
        "FERRY-COMPAT-003",
        "tensorflow[and-cuda]==2.15.0 cannot be installed: its extra and-cuda asks for tensorrt 8.6.1.post1, which is only a source "
        "distribution; choose tensorflow[and-cuda]==2.15.1.",
    ),
    (
        {"libc": "glibc-2.26"},
        ["tensorflow-cpu==2.21.0"],
        [],
        "FERRY-COMPAT-004",
        "tensorflow-cpu==2.21.0: expected glibc 2.27 or newer, which its wheels need, found the floor glibc-2.26; raise libc if all hosts have "
        "it, or choose tensorflow-cpu 2.20.0, the nearest that fits this profile as it is (lines 2.12 to 2.20 fit).",
    ),
    (
        {"python": "3.12.3"},
        ["tensorflow-cpu==2.15.1"],
        [],
        "FERRY-COMPAT-005",
        "tensorflow-cpu==2.15.1: expected Python 3.9, 3.10 or 3.11, which have a wheel of it for Linux x86_64, found Python 3.12; give its hosts "
        "one of those, or choose tensorflow-cpu 2.16.1, the nearest that fits this profile as it is (lines 2.16 to 2.21 fit).",
    ),
    (
        {"python": "3.12.3"},
        ["tensorflow-cpu>=2.10,<2.12"],
        [],
        "FERRY-COMPAT-005",
        "tensorflow-cpu<2.12,>=2.10 (2.11.1): expected Python 3.8, 3.9 or 3.10",
    ),
    (
        {"python": "3.14.1"},
        ["tensorflow-cpu==2.21.0"],
        [],
        "FERRY-COMPAT-005",
        "or wait for a newer release, because none known so far fits this profile as it is.",
    ),
    (
        ARM,
        ["tensorflow-cpu==2.21.0"],
        [],
        "FERRY-COMPAT-005",
        "tensorflow-cpu==2.21.0 has no wheel for Linux aarch64; choose tensorflow 2.21.0, the nearest that fits",
    ),
    (ARM, ["tensorflow-cpu"], [], "FERRY-COMPAT-005", "has no wheel for Linux aarch64"),
    (ARM, ["tensorflow==2.9.3"], [], "FERRY-COMPAT-005", "has no wheel for Linux aarch64; choose tensorflow 2.12.0"),
    (
        WINDOWS,
        ["tensorflow==2.15.0.post1"],
        [],
        "FERRY-COMPAT-005",
        "has no wheel for Windows x86_64; choose tensorflow 2.15.1",
    ),
    (
        LINUX,
        ["tensorflow-intel==2.15.1"],
        [],
        "FERRY-COMPAT-005",
        "has no wheel for Linux x86_64; choose tensorflow 2.15.1",
    ),
    (
        CUDA,
        ["tensorflow-cpu==2.18.1"],
        [],
        "FERRY-COMPAT-006",
        "tensorflow-cpu==2.18.1 is built without GPU support, and this profile's accelerator is cuda; choose tensorflow[and-cuda]==2.18.1, or "
        "accelerator none.",
    ),
    (CUDA, ["tensorflow-cpu==2.13.1"], [], "FERRY-COMPAT-006", "choose tensorflow==2.13.1, or accelerator none."),
    (
        WINDOWS_CUDA,
        ["tensorflow-cpu==2.10.1"],
        [],
        "FERRY-COMPAT-006",
        "choose tensorflow==2.10.1, or accelerator none.",
    ),
]

RISKY = [
    (
        CUDA,
        ["tensorflow[and-cuda]==2.16.1"],
        ["setuptools<81"],
        "FERRY-COMPAT-003",
        "tensorflow 2.16.1: users report that it does not find the CUDA libraries that its extra and-cuda brings, and sees no GPU; choose "
        "2.15.1 or 2.18.1, or try 2.16.1 on one host first.",
    ),
    (
        CUDA,
        ["tensorflow==2.21.0"],
        [],
        "FERRY-COMPAT-007",
        "tensorflow==2.21.0 brings no CUDA libraries; choose tensorflow[and-cuda]==2.21.0, else every host needs CUDA 12.5 and cuDNN 9.3 "
        "installed system-wide.",
    ),
    (
        CUDA,
        ["tensorflow[and-cuda]==2.13.1"],
        ["setuptools<81"],
        "FERRY-COMPAT-007",
        "tensorflow[and-cuda]==2.13.1 brings no CUDA libraries (releases before 2.14.0 cannot); every host needs CUDA 11.8 and cuDNN 8.6 "
        "installed system-wide.",
    ),
    (WINDOWS_CUDA, ["tensorflow==2.10.1"], ["setuptools<81"], "FERRY-COMPAT-007", "needs CUDA 11.2 and cuDNN 8.1"),
    (
        LINUX,
        ["tensorflow==2.21.0"],
        [],
        "FERRY-COMPAT-008",
        "tensorflow==2.21.0 is a GPU build on Linux, and this profile's accelerator is none; choose tensorflow-cpu==2.21.0, the same without GPU "
        "support and some 299 MB smaller.",
    ),
    (
        LINUX,
        ["tensorflow[and-cuda]==2.21.0"],
        [],
        "FERRY-COMPAT-008",
        "tensorflow[and-cuda]==2.21.0 carries CUDA libraries (more than 2100 MB), and this profile's accelerator is none; choose "
        "tensorflow-cpu==2.21.0, or accelerator cuda where its hosts have GPUs.",
    ),
    (ARM, ["tensorflow[and-cuda]==2.21.0"], [], "FERRY-COMPAT-008", "choose tensorflow==2.21.0, or"),
    (
        LINUX,
        ["tensorflow-cpu==2.15.1"],
        [],
        "FERRY-COMPAT-009",
        "tensorflow-cpu==2.15.1 brings TensorBoard, whose command ends in an error beside setuptools 82 or newer; add setuptools<81 to "
        "ferry_constraints.",
    ),
    (LINUX, ["tensorflow-cpu==2.20.0"], ["setuptools>=70"], "FERRY-COMPAT-009", "add setuptools<81"),
    (LINUX, ["tensorboard==2.20.0"], [], "FERRY-COMPAT-009", "tensorboard==2.20.0: its command ends in an error"),
    (
        LINUX,
        ["tensorflow-cpu>=2.15"],
        [],
        "FERRY-COMPAT-010",
        "tensorflow-cpu>=2.15 has no upper bound, so every new lock can bring another release; pin it, such as tensorflow-cpu==2.21.0.",
    ),
    (
        {"python": "3.9"},
        ["numpy==2.0.2"],
        [],
        "FERRY-COMPAT-011",
        "the floor is Python 3.9.0 (a bare 3.9 means that), so packages that refuse early patch releases are locked at older versions than its "
        "hosts could run; write the oldest full Python version of its hosts.",
    ),
]

GOOD = [
    (WINDOWS, ["tensorflow==2.21.0"], [], "tensorflow==2.21.0 has wheels for Windows x86_64, Python 3.10."),
    (ARM, ["tensorflow==2.21.0"], [], "tensorflow==2.21.0 has wheels for Linux aarch64, Python 3.11 and glibc-2.28."),
    (
        CUDA,
        ["tensorflow[and-cuda]==2.21.0"],
        [],
        "tensorflow[and-cuda]==2.21.0 has wheels for Linux x86_64, Python 3.11 and glibc-2.28; it was built and tested with CUDA 12.5 and "
        "cuDNN 9.3.",
    ),
    (
        LINUX,
        ["tensorflow-cpu==2.15.1"],
        ["setuptools<81"],
        "tensorflow-cpu==2.15.1 has wheels for Linux x86_64, Python 3.11 and glibc-2.28.",
    ),
    (
        CUDA,
        ["tensorflow[and-cuda]==2.15.0.post1", "setuptools==80.9.0"],
        [],
        "tensorflow[and-cuda]==2.15.0.post1 has wheels",
    ),
]

# Nothing is known that decides: nothing is said.
SILENT = [
    (LINUX, ["torch==2.9.0", "jax", "scikit-learn"], []),
    (LINUX, ["tensorflow-cpu==2.22.0"], []),
    (LINUX, ["tensorflow-cpu==2.19.7"], []),
    (LINUX, ["tensorflow-cpu~=2.21.0"], []),
    (LINUX, ["tensorboard"], []),
    (LINUX, ["tensorboard==2.20.0"], ["setuptools<82"]),
    (LINUX, ["tensorflow-cpu == not a version", "name @ file:///wheel"], []),
    # A constraint alone asks for nothing.
    (WINDOWS_CUDA, ["numpy"], ["tensorflow==2.18.1"]),
]


def judged(profile, changes, requirements, constraints):
    return verdicts.judge(profile(**changes), requirements, constraints)


def named(case):
    return "%s-%s" % ("-".join(map(str, case[0].values())) or "linux", ",".join([*case[1], *case[2]]))


@pytest.mark.parametrize("case", IMPOSSIBLE, ids=named)
def test_what_cannot_work_is_refused_with_the_nearest_choice(profile, refused, case):
    *asked, code, words = case
    first = judged(profile, *asked)[0]
    assert (first["level"], first["code"]) == ("impossible", code)
    assert words in first["message"]
    with refused(code, "profile linux: " + first["message"]):
        verdicts.judge_all([profile(**case[0])], case[1], case[2])


@pytest.mark.parametrize("case", RISKY, ids=named)
def test_what_is_risky_is_said_and_not_refused(profile, case):
    *asked, code, words = case
    (found,) = judged(profile, *asked)
    assert (found["level"], found["code"]) == ("risky", code)
    assert words in found["message"]


@pytest.mark.parametrize("case", GOOD, ids=named)
def test_what_is_known_good_is_called_so(profile, case):
    *asked, words = case
    (found,) = judged(profile, *asked)
    assert (found["level"], found["code"]) == ("good", None)
    assert words in found["message"]


@pytest.mark.parametrize("case", SILENT, ids=named)
def test_what_is_not_known_is_not_guessed(profile, case):
    assert judged(profile, *case) == []


def test_a_newer_release_that_may_fit_is_left_to_the_resolver(profile):
    found = judged(profile, {"python": "3.14.1"}, ["tensorflow-cpu>=2.20"], [])
    assert [verdict["code"] for verdict in found] == ["FERRY-COMPAT-010"]


def test_a_requirement_counts_only_where_its_marker_is_true(profile):
    lines = ["tensorflow[and-cuda]==2.21.0; sys_platform == 'linux'", "tensorflow==2.21.0; sys_platform == 'win32'"]
    for changes, asked in ((CUDA, "tensorflow[and-cuda]"), (WINDOWS, "tensorflow")):
        (found,) = judged(profile, changes, lines, [])
        assert found["level"] == "good" and found["message"].startswith(asked + "==2.21.0 has wheels")


def test_the_profiles_own_requirements_and_constraints_count(profile):
    own = {"requirements": ["tensorflow-cpu"], "constraints": ["tensorflow-cpu==2.15.1", "setuptools<81"]}
    (found,) = judged(profile, own, [], [])
    assert found["message"].startswith("tensorflow-cpu==2.15.1 has wheels")


def test_cuda_libraries_that_the_operator_names_are_enough(profile):
    lines = ["tensorflow==2.21.0", "nvidia-cudnn-cu12==9.3.0.75"]
    assert [verdict["level"] for verdict in judged(profile, CUDA, lines, [])] == ["good"]


def test_a_python_that_gets_no_such_setuptools_is_not_warned(profile):
    (found,) = judged(profile, {"python": "3.8.10"}, ["tensorflow-cpu==2.13.1"], [])
    assert found["level"] == "good"


@pytest.mark.parametrize(
    ("constraint", "bounds"),
    [
        ("setuptools<82", True),
        ("setuptools<82.0.1", False),
        ("setuptools<=81.0.0", True),
        ("setuptools~=80.9", True),
        ("setuptools==82.0.0", False),
        ("setuptools!=82.0.0", False),
        ("Setuptools<81; python_version < '3.10'", False),
    ],
)
def test_only_a_bound_that_keeps_setuptools_below_82_quiets_the_warning(profile, constraint, bounds):
    levels = [verdict["level"] for verdict in judged(profile, LINUX, ["tensorflow-cpu==2.18.1"], [constraint])]
    assert levels == (["good"] if bounds else ["risky"])


def test_all_that_is_impossible_in_all_profiles_is_one_refusal_under_the_first_code(profile, refused):
    profiles = [profile("gpu-win", **WINDOWS_CUDA), profile("old", libc="glibc-2.17"), profile("fine")]
    with refused("FERRY-COMPAT-001", "profile gpu-win: tensorflow[", " profile gpu-win: ", " profile old: ") as caught:
        verdicts.judge_all(profiles, ["tensorflow[and-cuda]==2.21.0"], [])
    assert caught.message.count("profile gpu-win: ") == 2  # also [and-cuda] on Windows: one correction mends all
    assert "profile fine" not in caught.message


def test_the_faults_of_a_linux_extra_are_not_told_to_windows(profile):
    found = judged(profile, WINDOWS, ["tensorflow[and-cuda]==2.15.0"], [])
    assert [verdict["code"] for verdict in found] == ["FERRY-COMPAT-002"]


def test_without_anything_impossible_every_profile_has_its_verdicts(profile):
    found = verdicts.judge_all([profile("a"), profile("b", **WINDOWS)], ["tensorflow==2.21.0"], [])
    assert {name: [verdict["level"] for verdict in listed] for name, listed in found.items()} == {
        "a": ["risky"],
        "b": ["good"],
    }


CUBLAS = ("nvidia-cublas-cu12", 600_000_000)


def of_lock(profile, found, *wheels, **changes):
    """The verdicts of a lock of these (name, size)."""
    return verdicts.of_lock(profile(**changes), found, [{"name": name, "size": size} for name, size in wheels])


def test_cuda_libraries_in_a_lock_without_accelerator_are_a_risk_whatever_framework_brings_them(profile):
    (found,) = of_lock(profile, [], ("torch", 9), CUBLAS, ("nvidia-nccl-cu12", 200_000_000))
    assert (found["level"], found["code"]) == ("risky", "FERRY-COMPAT-012")
    assert "its lock carries CUDA libraries (2 wheels, nvidia-cublas-cu12, 800.0 MB)" in found["message"]
    good = {"level": "good", "code": None, "message": "x"}
    assert [one["level"] for one in of_lock(profile, [good], CUBLAS)] == ["risky", "good"]
    assert "(1 wheel, nvidia-cublas-cu12)," in of_lock(profile, [], (CUBLAS[0], None))[0]["message"]


@pytest.mark.parametrize(
    ("found", "wheels", "accelerator"),
    [
        ([], [CUBLAS], "cuda"),
        ([], [("torch", 9), ("nvidia-ml-py", 9)], "none"),
        # TensorFlow's own table has said it already.
        ([{"level": "risky", "code": "FERRY-COMPAT-008", "message": "x"}], [CUBLAS], "none"),
    ],
)
def test_where_they_are_wanted_absent_or_said_already_nothing_is_added(profile, found, wheels, accelerator):
    assert of_lock(profile, found, *wheels, accelerator=accelerator) == found


def test_a_trimmed_profile_is_not_warned_of_a_tensorboard_that_it_leaves_out(profile):
    asked = ["tensorflow-cpu==2.15.1"]
    codes = [
        [verdict["code"] for verdict in verdicts.judge(profile(**trim), asked, [])]
        for trim in ({}, {"trim": "inference"})
    ]
    assert codes == [["FERRY-COMPAT-009"], [None]]


@pytest.fixture
def lock(tmp_path, served, make_wheel, bundle_locked):
    """Do the work of bundle_lock on one profile; its result and the warnings. The index has a tiny stand-in for tensorflow-cpu."""
    served.add(make_wheel(tmp_path, "tensorflow_cpu", "2.21.0"))
    spec = {"os": "linux", "arch": "x86_64", "libc": "glibc-2.28", "python": "3.11", "accelerator": "none"}

    def call(check_mode, requirement="tensorflow-cpu==2.21.0", **params):
        return bundle_locked({"linux": spec}, [requirement], check_mode, **params)

    return call


def test_an_operator_is_warned_in_check_mode_and_where_the_lock_is_kept_too(lock):
    for check_mode, kept in ((True, False), (False, False), (False, True)):
        result, warnings = lock(check_mode)
        assert result["locks"]["linux"]["kept"] is kept
        assert [(verdict["level"], verdict["code"]) for verdict in result["verdicts"]["linux"]] == [
            ("risky", "FERRY-COMPAT-011"),
            ("good", None),
        ]
        (warning,) = warnings
        assert warning.startswith("FERRY-COMPAT-011: profile linux: the floor is Python 3.11.0")


def test_what_is_impossible_is_refused_before_any_index_is_asked(lock, refused):
    with refused("FERRY-COMPAT-005", "profile linux: tensorflow-intel==2.15.1 has no wheel for Linux x86_64"):
        lock(False, "tensorflow-intel==2.15.1", index_url="http://127.0.0.1:9/simple")
