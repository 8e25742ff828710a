# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile is read strictly, and a refusal says which key is wrong and what to do."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.profile import Profile, Secret, found, nearest

LINUX = {"os": "linux", "arch": "x86_64", "libc": "glibc-2.28", "python": "3.11.2", "accelerator": "cuda"}
WINDOWS = {"os": "windows", "arch": "x86_64", "python": "3.11", "accelerator": "none"}


def without(spec, key):
    return {name: value for name, value in spec.items() if name != key}


def refusal(spec, name="gpu"):
    with pytest.raises(FerryError) as caught:
        Profile.from_spec(name, spec)
    assert caught.value.code == "FERRY-VAR-004"
    message = caught.value.message
    assert message.endswith(".") and "\n" not in message and "expected" in message and "found" in message
    return message


def test_a_profile_keeps_what_its_spec_says():
    profile = Profile.from_spec("gpu", dict(LINUX, requirements=["numpy"], constraints=["numpy<2"]))
    assert profile == Profile("gpu", "linux", "x86_64", "glibc-2.28", "3.11.2", "cuda", ("numpy",), ("numpy<2",))
    assert profile.python_xy == "3.11"


def test_the_manifest_describes_a_profile_without_its_requirements():
    assert Profile.from_spec("gpu", dict(LINUX, requirements=["numpy"])).spec() == LINUX


@pytest.mark.parametrize("libc", [{}, {"libc": None}])
def test_windows_has_no_libc(libc):
    assert Profile.from_spec("win", dict(WINDOWS, **libc)).spec() == dict(WINDOWS, libc=None, python="3.11.0")


def test_a_python_without_patch_is_the_floor_zero():
    profile = Profile.from_spec("gpu", dict(LINUX, python="3.12"))
    assert (profile.python, profile.python_xy) == ("3.12.0", "3.12")


def test_a_profile_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Profile.from_spec("gpu", LINUX).os = "windows"


@pytest.mark.parametrize("name", ["", "-gpu", "GPU", "gpu_1", "g" * 33, "gpu\n", "../gpu", 311, None])
def test_a_name_that_is_no_safe_directory_name_is_refused(name):
    assert "rename it" in refusal(LINUX, name)


@pytest.mark.parametrize("name", ["a", "0", "g" * 32, "linux-py311"])
def test_a_plain_name_is_accepted(name):
    assert Profile.from_spec(name, LINUX).name == name


@pytest.mark.parametrize("spec", [None, [], "linux"])
def test_a_profile_is_a_dictionary(spec):
    assert "expected a dictionary" in refusal(spec)


@pytest.mark.parametrize("key", ["os", "arch", "libc", "python", "accelerator"])
def test_every_key_that_makes_a_linux_profile_is_required(key):
    assert "key %s: expected" % key in refusal(without(LINUX, key))
    assert "found nothing" in refusal(without(LINUX, key))


@pytest.mark.parametrize(
    "key, value, told",
    [
        ("os", "linx", "the nearest known one is linux"),
        ("os", "darwin", "linux or windows"),
        ("os", ["linux"], "found a list"),
        ("arch", "x86-64", "the nearest known one is x86_64"),
        ("arch", "arm64", "x86_64 or aarch64"),
        ("accelerator", "gpu", "none or cuda"),
        ("libc", "glibc-2", "glibc-2.N"),
        ("libc", "glibc-2.28\n", "glibc-2.N"),
        ("libc", "glibc-2.028", "glibc-2.N"),
        ("libc", 2.28, "found the number 2.28"),
        ("libc", "musl-1.2", "TensorFlow has no musl wheels"),
        ("python", 3.1, "quote it"),
        ("python", 3, "quote it"),
        ("python", True, "found true"),
        ("python", "3", "X.Y or X.Y.Z"),
        ("python", "3.11.2.1", "X.Y or X.Y.Z"),
        ("python", "3.11rc1", "X.Y or X.Y.Z"),
        ("python", "3.11\n", "X.Y or X.Y.Z"),
        ("python", "3.7.9", "3.8 or newer"),
        ("python", "2.7", "3.8 or newer"),
        ("requirements", "numpy", "write it as a YAML list"),
        ("requirements", None, "a list of strings"),
        ("requirements", [1], "found the number 1 in it"),
        ("constraints", [" "], "a list of strings"),
    ],
)
def test_a_wrong_value_is_refused_by_key(key, value, told):
    message = refusal(dict(LINUX, **{key: value}))
    assert message.startswith("profile gpu, key %s: " % key)
    assert told in message


def test_the_oldest_python_is_accepted():
    assert Profile.from_spec("gpu", dict(LINUX, python="3.8")).python_xy == "3.8"


@pytest.mark.parametrize(
    "spec, told",
    [
        (dict(WINDOWS, arch="aarch64"), "no TensorFlow wheels for Windows on aarch64"),
        (dict(LINUX, arch="aarch64"), "no CUDA wheels for aarch64"),
        (dict(WINDOWS, libc="glibc-2.28"), "leave it out"),
    ],
)
def test_a_combination_without_wheels_is_refused(spec, told):
    assert told in refusal(spec)


def test_aarch64_without_an_accelerator_is_accepted():
    assert Profile.from_spec("arm", dict(LINUX, arch="aarch64", accelerator="none")).arch == "aarch64"


@pytest.mark.parametrize(
    "key, told", [("pyhton", "the nearest known one is python"), ("a\nb", "remove it"), (1, "remove it")]
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(key, told):
    message = refusal({**LINUX, key: "x"})
    assert "found the key %r; " % str(key) in message and told in message


def test_a_missing_value_is_not_taken_for_the_word_none():
    assert "the nearest" not in refusal(without(LINUX, "accelerator"))


@pytest.mark.parametrize(
    "value, words",
    [
        (None, "nothing"),
        (False, "false"),
        (3.1, "the number 3.1"),
        ("x", "the string 'x'"),
        ("a\nb", r"the string 'a\nb'"),
        ("x" * 61, "the string '%s...'" % ("x" * 57)),
        ({"password": "hunter2"}, "a dictionary"),
        (["hunter2"], "a list"),
        (object(), "a value of type object"),
        ("password=hunter2", "a string (not shown)"),
        ("https://me:hunter2@index/simple", "a string (not shown)"),
    ],
)
def test_a_value_is_named_on_one_line_and_without_secrets(value, words):
    assert found(value) == words


def test_secret_text_is_never_shown():
    assert "hunter2" not in refusal(dict(LINUX, python=Secret("hunter2")))


@pytest.mark.parametrize("value", ["hunter2", 12345])
def test_a_hidden_value_is_not_shown(value):
    assert str(value) not in found(value, hide=True)


def test_the_nearest_name_is_only_given_when_there_is_one():
    assert nearest("requirments", ["requirements", "os"], "remove it") == "the nearest known one is requirements"
    assert nearest("xyz", ["requirements", "os"], "remove it") == "remove it"
