# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's variables are judged by the roles' argument specs, in words that say what to do."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.profile import Secret
from ansible_collections.airgap.ferry.plugins.plugin_utils.variables import (
    Unreadable,
    check_names,
    check_values,
    known_options,
)

SSH_FINGERPRINT = "SHA256:lbrUHBsYDwmoucA23tjQye7SHujMu4QJiHNoC4LS/i4"
PROFILES = {"gpu": {"os": "linux", "arch": "x86_64", "libc": "glibc-2.28", "python": "3.11.2", "accelerator": "cuda"}}
FINGERPRINT = "0123456789ABCDEF0123456789abcdef01234567"
KNOWN = {
    "ferry_bundle": {"type": "str", "required": True},
    "ferry_requirements": {"type": "list", "elements": "str", "default": []},
    "ferry_profile": {"type": "str"},
    "ferry_profiles": {"type": "dict"},
    "ferry_index_url": {"type": "str"},
    "ferry_mirror": {"type": "str", "choices": ["tuna", "ustc"]},
    "ferry_root": {"type": "path"},
    "ferry_flag": {"type": "bool", "default": False},
    "ferry_level": {"type": "int", "choices": [0, 1, 2], "default": 2},
    "ferry_serial": {"type": "raw", "default": "100%"},
    "ferry_max_fail_percentage": {"type": "int", "default": 0},
    "ferry_gpu_count": {"type": "int", "default": 1},
    "ferry_gpu_timeout": {"type": "int", "default": 300},
    "ferry_bundle_id": {"type": "str"},
    "ferry_depot_url": {"type": "str"},
    "ferry_release": {"type": "str"},
    "ferry_allow_serial": {"type": "int"},
    "ferry_zone": {"type": "dict", "options": {"part_size": {"type": "raw"}}},
    "ferry_signing": {
        "type": "dict",
        "options": {
            "backend": {"type": "str", "choices": ["gpg", "ssh"], "default": "gpg"},
            "key": {"type": "str", "required": True},
            "home": {"type": "path"},
            "passphrase_file": {"type": "path"},
            "passphrase": {"type": "str"},
        },
    },
    "ferry_required_signatures": {
        "type": "dict",
        "options": {"builder": {"type": "int", "default": 1}, "approver": {"type": "int", "default": 0}},
    },
    "ferry_trusted_keys": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "fingerprint": {"type": "str", "required": True},
            "roles": {"type": "list", "elements": "str", "choices": ["builder", "approver"], "default": ["builder"]},
            "expires": {"type": "str"},
        },
    },
}
SIGNING = {"backend": "gpg", "key": FINGERPRINT, "home": None}
KEY = {"name": "build", "fingerprint": FINGERPRINT, "roles": ["builder"]}


def accept(values, managed=()):
    check_values({"a": values}, managed, KNOWN)


def refuse(values, code="FERRY-VAR-002", managed=()):
    with pytest.raises(FerryError) as caught:
        check_values({"a": values}, managed, KNOWN)
    assert caught.value.code == code
    assert "\n" not in caught.value.message
    return caught.value.message


# Names


def test_known_names_pass():
    check_names({"a": ["ferry_bundle"], "b": []}, KNOWN)


def test_a_misspelt_name_is_refused_with_its_host_and_the_nearest_name():
    with pytest.raises(FerryError) as caught:
        check_names({"a": ["ferry_bundle"], "b": ["ferry_requirments"]}, KNOWN)
    assert str(caught.value) == (
        "FERRY-VAR-001: ferry_requirments on host b is not a variable of any role; the nearest known one is ferry_requirements."
    )


def test_all_misspelt_names_are_in_one_message():
    with pytest.raises(FerryError) as caught:
        check_names({"a": ["ferry_bundel"], "b": ["ferry_zzzzzzzz"]}, KNOWN)
    assert "ferry_bundel on host a" in caught.value.message
    assert "ferry_zzzzzzzz on host b" in caught.value.message and "remove it" in caught.value.message


def test_a_problem_of_many_hosts_is_said_once():
    with pytest.raises(FerryError) as caught:
        check_names({"h%d" % number: ["ferry_bundel"] for number in range(5)}, KNOWN)
    assert caught.value.message.count("ferry_bundel") == 1
    assert "on hosts h0, h1, h2 and 2 more " in caught.value.message


def test_the_known_names_are_those_of_every_entry_point_of_every_role(tmp_path):
    for role, entry_points in {
        "one": "{lock: {options: {ferry_a: {type: str}}}, main: {options: {ferry_a: {type: str, required: true}}}}",
        "two": "{main: {options: {ferry_a: {type: str}, ferry_b: {type: int}}}}",
        "three": "{main: {short_description: none}}",
    }.items():
        meta = tmp_path / role / "meta"
        meta.mkdir(parents=True)
        (meta / "argument_specs.yml").write_text("argument_specs: " + entry_points, encoding="utf-8")
    known = known_options(tmp_path)
    assert sorted(known) == ["ferry_a", "ferry_b"]
    assert known["ferry_a"]["required"] and not known["ferry_b"]["required"]


# Types and shapes


@pytest.mark.parametrize(
    "values",
    [
        {"ferry_requirements": []},
        {"ferry_requirements": ["numpy", "keras"]},
        {"ferry_flag": True},
        {"ferry_flag": "yes"},
        {"ferry_level": 2},
        {"ferry_level": "2"},
        {"ferry_serial": 10},
        {"ferry_serial": "25%"},
        {"ferry_serial": [1, "10%", "100%"]},
        {"ferry_max_fail_percentage": 100},
        {"ferry_gpu_count": 0},
        {"ferry_index_url": None},
        {"ferry_index_url": None, "ferry_mirror": "tuna"},
        {"ferry_index_url": "https://index/simple"},
        {"ferry_depot_url": "file:///srv/depot/bundles"},
        {"ferry_bundle_id": "0" * 64},
        {"ferry_release": "linux-py311-0123456789ab"},
        {"ferry_signing": SIGNING},
        {"ferry_signing": {"backend": "ssh", "key": "~/.ssh/id_ed25519", "passphrase": Secret("hunter2")}},
        {"ferry_signing": {"backend": "ssh", "key": "/etc/ferry/key.pub"}},
        {"ferry_required_signatures": {"builder": 1, "approver": 2}},
        {"ferry_trusted_keys": [dict(KEY, fingerprint=SSH_FINGERPRINT, expires="2030-03-01")]},
        {"ferry_trusted_keys": [KEY]},
        {"ferry_trusted_keys": [{"name": "build", "fingerprint": FINGERPRINT}]},
        {"ferry_bundle": Secret("tf")},
        {"ferry_allow_serial": 1795000000},
        {"ferry_allow_serial": "1795000000"},
        {"ferry_zone": {"part_size": 700000000}},
        {"ferry_zone": {"part_size": "650MB"}},
        {"ferry_zone": {"part_size": "4095 MiB"}},
        {"ferry_zone": {}},
    ],
)
def test_a_value_as_its_spec_says_passes(values):
    accept(values)


def test_a_string_is_not_a_list():
    assert refuse({"ferry_requirements": "x"}) == (
        "ferry_requirements on host a: expected a list of strings, found the string 'x'; write it as a YAML list."
    )


@pytest.mark.parametrize(
    "values, told",
    [
        ({"ferry_requirements": None}, "found nothing; set it or remove the line"),
        (
            {"ferry_requirements": ["numpy", 2.0]},
            "ferry_requirements[1] on host a: expected a string, found the number 2.0",
        ),
        ({"ferry_requirements": [None]}, "ferry_requirements[0] on host a: expected a string, found nothing"),
        ({"ferry_bundle": None}, "found nothing"),
        ({"ferry_bundle": 1}, "write it as a string, in quotes"),
        ({"ferry_bundle": "TF"}, "lower-case"),
        ({"ferry_bundle": "tf\n"}, "lower-case"),
        ({"ferry_root": ["/opt"]}, "expected a path, found a list"),
        ({"ferry_flag": "maybe"}, "write true or false"),
        ({"ferry_level": "high"}, "expected a whole number"),
        ({"ferry_level": True}, "found true"),
        ({"ferry_level": 3}, "expected 0 or 1 or 2, found the number 3"),
        ({"ferry_mirror": "tunna"}, "the nearest known one is tuna"),
        ({"ferry_profiles": ["gpu"]}, "expected a dictionary, found a list"),
        ({"ferry_profiles": "gpu=linux"}, "expected a dictionary"),
        ({"ferry_allow_serial": 0}, "a serial, as it stands behind a bundle's name"),
        ({"ferry_allow_serial": "newest"}, "expected a whole number"),
        ({"ferry_zone": {"part_size": "650 megabytes"}}, "a size like 650MB"),
        ({"ferry_zone": {"part_size": 4096}}, "1 MiB or more"),
        ({"ferry_zone": {"part_size": True}}, "a size like 650MB"),
        ({"ferry_serial": 0}, "a number of hosts"),
        ({"ferry_serial": "fast"}, "a number of hosts"),
        ({"ferry_serial": [1, {}]}, "found a dictionary"),
        ({"ferry_max_fail_percentage": 101}, "expected 0 to 100"),
        ({"ferry_gpu_count": -1}, "expected 0 or more"),
        ({"ferry_gpu_timeout": 0}, "expected 1 second or more"),
        ({"ferry_index_url": "https://one/simple https://two/simple"}, "expected one address"),
        ({"ferry_index_url": "https://one/simple", "ferry_mirror": "tuna"}, "expected one of them, found both"),
        ({"ferry_depot_url": "depot/bundles"}, "http://, https:// or file://"),
        ({"ferry_bundle_id": "0" * 63}, "64 lower-case hexadecimal digits"),
        ({"ferry_release": "../other"}, "12 lower-case hexadecimal digits"),
        ({"ferry_signing": "gpg"}, "expected a dictionary"),
        ({"ferry_signing": {}}, "ferry_signing.key on host a: expected a string, found nothing"),
        ({"ferry_signing": {"key": "01234567"}}, "the full fingerprint of 40 hexadecimal digits"),
        ({"ferry_signing": dict(SIGNING, backend="pgp")}, "the nearest known one is gpg"),
        (
            {"ferry_signing": dict(SIGNING, backend=None)},
            "ferry_signing.backend on host a: expected a string, found nothing",
        ),
        (
            {"ferry_signing": dict(SIGNING, passphrase_fil="/x")},
            "found the key 'passphrase_fil'; the nearest known one is passphrase_file",
        ),
        ({"ferry_signing": dict(SIGNING, key="id_ed25519")}, "the path of a key that starts with / or ~"),
        (
            {"ferry_required_signatures": {"builder": 0}},
            "ferry_required_signatures.builder on host a: expected 1 to 16",
        ),
        ({"ferry_required_signatures": {"approver": 99}}, "expected 0 to 15"),
        ({"ferry_required_signatures": {"aprover": 1}}, "the nearest known one is approver"),
        ({"ferry_trusted_keys": [dict(KEY, fingerprint=SSH_FINGERPRINT[:-1])]}, "for ssh SHA256: and 43 characters"),
        ({"ferry_trusted_keys": [dict(KEY, expires="2030-13-01")]}, "a day as YYYY-MM-DD"),
        ({"ferry_trusted_keys": KEY}, "expected a list of dictionaries, found a dictionary"),
        ({"ferry_trusted_keys": ["build"]}, "ferry_trusted_keys[0] on host a: expected a dictionary"),
        ({"ferry_trusted_keys": [KEY, dict(KEY, fingerprint="0" * 16)]}, "ferry_trusted_keys[1].fingerprint on host a"),
        (
            {"ferry_trusted_keys": [dict(KEY, roles=["buidler"])]},
            "ferry_trusted_keys[0].roles[0] on host a: expected builder or approver",
        ),
        ({"ferry_trusted_keys": [dict(KEY, rolles=[])]}, "the nearest known one is roles"),
        (
            {"ferry_bundle": Unreadable("'tf' is undefined")},
            "found a template that cannot be resolved ('tf' is undefined)",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_name_host_and_next_step(values, told):
    assert told in refuse(values)


@pytest.mark.parametrize(
    "values",
    [
        {"ferry_signing": "key=0123, passphrase=hunter2"},
        {"ferry_signing": dict(SIGNING, passphrase=["hunter2"])},
        {"ferry_signing": dict(SIGNING, passphrase={"hunter2": "hunter2"})},
        {"ferry_signing": dict(SIGNING, pass_phrase="hunter2")},
        {"ferry_signing": dict(SIGNING, passphrase=Unreadable("hunter2 is undefined"))},
        {"ferry_signing": dict(SIGNING, key="passphrase: hunter2")},
        {"ferry_signing": dict(SIGNING, key=Secret("hunter2"))},
        {"ferry_requirements": Secret("hunter2")},
        {"ferry_serial": [Secret("hunter2")]},
        {"ferry_index_url": "ftp://me:hunter2@index/simple"},
        {"ferry_bundle": Unreadable("password hunter2 is undefined")},
    ],
)
def test_a_secret_is_never_in_a_message(values):
    assert "hunter2" not in refuse(values)


def test_a_value_under_a_secret_name_is_never_in_a_message():
    assert "found a number (not shown)" in refuse({"ferry_signing": dict(SIGNING, passphrase_file=4711)})


# Profiles


def test_a_host_with_a_defined_profile_passes():
    accept({"ferry_profile": "gpu", "ferry_profiles": PROFILES}, managed=["a"])


def test_every_profile_is_checked_even_if_no_host_names_it():
    message = refuse({"ferry_profiles": {"gpu": dict(PROFILES["gpu"], python=3.1)}}, "FERRY-VAR-004")
    assert message.startswith("ferry_profiles on host a: profile gpu, key python: ") and "quote it" in message


@pytest.mark.parametrize(
    "values, told",
    [
        (
            {"ferry_profile": "gpus", "ferry_profiles": PROFILES},
            "found the string 'gpus'; the nearest known one is gpu.",
        ),
        ({"ferry_profile": "xyz", "ferry_profiles": PROFILES}, "set it to one of gpu"),
        ({"ferry_profiles": PROFILES}, "found nothing; set it to one of gpu"),
        ({"ferry_profile": "gpu"}, "define it in ferry_profiles"),
    ],
)
def test_a_managed_host_without_a_defined_profile_is_refused(values, told):
    message = refuse(values, "FERRY-VAR-003", managed=["a"])
    assert message.startswith("ferry_profile on host a: ") and told in message


def test_a_host_that_is_not_managed_needs_no_profile():
    accept({"ferry_profile": "another", "ferry_profiles": PROFILES})


def test_the_profiles_that_count_are_those_of_the_host_itself():
    hosts = {"a": {"ferry_profile": "gpu"}, "b": {"ferry_profile": "gpu", "ferry_profiles": PROFILES}}
    with pytest.raises(FerryError, match="ferry_profile on host a:"):
        check_values(hosts, ["a", "b"], KNOWN)
