# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No locked package with a known vulnerability passes without a waiver in force, and no data is never clean."""

from __future__ import annotations

import datetime
import errno
import hashlib
import json
import os
import random
import struct
import subprocess
import zipfile

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.gates import advisories, osv

TODAY = datetime.date(2026, 11, 24)


def package(name, version, *profiles):
    wheel = "%s-%s-py3-none-any.whl" % (name.replace("-", "_"), version)
    return {
        "name": name,
        "version": version,
        "wheel": wheel,
        "sha256": "0" * 64,
        "profiles": list(profiles or ("linux",)),
    }


def record(name, identity, *aliases, fixed="2.0.6", **more):
    made = {
        "schema_version": "1.7.0",
        "id": identity,
        "modified": "2026-11-20T10:00:00.123456789Z",
        "aliases": list(aliases),
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": name, "purl": "pkg:pypi/" + name},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
            }
        ],
    }
    return dict(made, **more)


# One vulnerability as three databases have it.
GHSA = record(
    "urllib3",
    "GHSA-v845-jxx5-vc9f",
    "CVE-2023-43804",
    summary="`Cookie` HTTP header\nisn't stripped on cross-origin redirects.",
    database_specific={"severity": "MODERATE"},
)
PYSEC = record("urllib3", "PYSEC-2023-192", "CVE-2023-43804", details="More.", severity=[])
OTHER = record("requests", "GHSA-9wx4-h78v-vm56", "CVE-2024-35195", fixed="2.32.0")
ELSEWHERE = dict(
    record("urllib3", "GHSA-e"), affected=[{"package": {"ecosystem": "npm", "name": "urllib3"}, "versions": ["1"]}]
)
URLLIB3, REQUESTS, SIX = (
    package("urllib3", "2.0.5"),
    package("requests", "2.31.0", "linux", "gpu"),
    package("six", "1.16.0"),
)


@pytest.fixture(params=["directory", "archive"])
def brought(request, tmp_path):
    """Bring records, or bytes, as an operator does: in a directory of some depth, or in an archive; their place."""

    def bring(*records, names=None):
        texts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
        named = list(zip(names or ["%d/%d.json" % (number % 3, number) for number in range(len(texts))], texts))
        if request.param == "archive":
            path = tmp_path / "all.zip"
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, data in named:
                    archive.writestr(name, data)
            return str(path)
        (tmp_path / "osv").mkdir()
        for name, data in named:
            path = tmp_path / "osv" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return str(tmp_path / "osv")

    return bring


def check(data, packages, *waivers, age=30, today=TODAY):
    return advisories.check(list(packages), data, list(waivers), today, True, age)


def texts(answer):
    return [found["text"] for found in answer["findings"]]


def waiver(identity, expires="2026-12-31", **more):
    return dict({"id": identity, "reason": "we send no cookies", "expires": expires}, **more)


# What is found


def test_a_vulnerability_under_several_ids_is_one_finding_with_all_of_them(brought):
    answer = check(brought(GHSA, OTHER, PYSEC), [URLLIB3, SIX])
    assert (answer["gate"], answer["state"], answer["enforced"]) == ("advisories", "refused", True)
    (found,) = answer["findings"]
    assert found["text"] == (
        "urllib3==2.0.5 has the known vulnerability CVE-2023-43804, GHSA-v845-jxx5-vc9f, PYSEC-2023-192 "
        "(MODERATE: `Cookie` HTTP header isn't stripped on cross-origin redirects); fixed in 2.0.6"
    )
    assert (found["code"], found["package"], found["waived"]) == ("FERRY-GATE-006", "urllib3==2.0.5", None)


def test_what_is_locked_without_a_known_vulnerability_passes_and_the_data_is_told(brought):
    place = brought(GHSA, PYSEC, dict(OTHER, modified="2026-11-01T00:00:00Z"))
    answer = check(place, [package("urllib3", "2.0.6"), SIX])
    assert (answer["state"], answer["findings"]) == ("passed", [])
    (told,) = answer["told"]
    assert told.startswith("3 records about PyPI in %s, the newest of 2026-11-20, sha256 " % os.path.basename(place))


def test_the_digest_that_is_told_is_one_that_can_be_made_by_hand(brought):
    place = brought(GHSA, PYSEC, ELSEWHERE, names=["a/1.json", "2.JSON", "3.json"])
    if os.path.isdir(place):
        by_hand = "find . -iname '*.json' -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
        expected = subprocess.check_output(by_hand, shell=True, cwd=place).decode().split()[0]
    else:
        with open(place, "rb") as stream:
            expected = hashlib.sha256(stream.read()).hexdigest()
    assert check(place, [SIX])["told"][0].endswith("sha256 " + expected)


def test_every_wheel_of_a_release_has_its_finding_with_its_profiles(brought):
    windows = dict(package("urllib3", "2.0.5", "win"), wheel="urllib3-2.0.5-py3-none-win_amd64.whl")
    answer = check(brought(GHSA), [URLLIB3, windows])
    assert [(found["wheel"], found["profiles"]) for found in answer["findings"]] == [
        (URLLIB3["wheel"], ["linux"]),
        (windows["wheel"], ["win"]),
    ]


def test_a_withdrawn_record_is_no_finding(brought):
    assert check(brought(dict(GHSA, withdrawn="2026-01-01T00:00:00Z")), [URLLIB3])["state"] == "passed"


def test_a_record_that_cannot_be_compared_is_a_finding_that_says_so(brought):
    (text,) = texts(check(brought(record("urllib3", "X-1", fixed="dev-r1")), [URLLIB3]))
    assert "may have a vulnerability whose versions cannot be compared, X-1" in text
    assert "no release without it is named" in text


def test_what_records_say_stays_one_printable_line(brought):
    hostile = record(
        "urllib3", "X-1\n\x1b[2J", summary="a\r\nb\x1b[31m \ud800" + "c" * 500, database_specific={"severity": ["x"]}
    )
    (text,) = texts(check(brought(hostile), [URLLIB3]))
    assert text.isprintable() and len(text) < 400
    text.encode("utf-8")


# Waivers


@pytest.mark.parametrize("identity", ["GHSA-v845-jxx5-vc9f", "PYSEC-2023-192", "CVE-2023-43804", "cve-2023-43804"])
def test_a_waiver_for_any_of_the_ids_excuses_it_and_its_reason_is_shown(brought, identity):
    answer = check(brought(GHSA, PYSEC), [URLLIB3], waiver(identity))
    assert answer["state"] == "passed"
    assert answer["findings"][0]["waived"] == "we send no cookies (until 2026-12-31)"


def test_the_id_of_a_record_that_means_other_releases_is_one_of_its_ids(brought):
    narrow = record("urllib3", "PYSEC-2023-192", "CVE-2023-43804", fixed="1.0")
    answer = check(brought(narrow, GHSA), [URLLIB3], waiver("PYSEC-2023-192"))
    assert answer["state"] == "passed" and "PYSEC-2023-192" in texts(answer)[0]


def test_a_waiver_holds_through_its_last_day_and_no_longer(brought):
    place = brought(GHSA)
    assert check(place, [URLLIB3], waiver("CVE-2023-43804", "2026-11-24"))["state"] == "passed"
    answer = check(place, [URLLIB3], waiver("CVE-2023-43804", "2026-11-23"))
    assert answer["state"] == "refused" and texts(answer)[0].endswith("its waiver expired on 2026-11-23")
    both = [waiver("CVE-2023-43804", "2026-11-23"), waiver("CVE-2023-43804", "2027-01-01", reason="new")]
    assert check(place, [URLLIB3], *both)["findings"][0]["waived"] == "new (until 2027-01-01)"


def test_a_waiver_for_one_package_excuses_no_other(brought):
    shared = record("urllib3", "GHSA-x", "CVE-1")
    shared["affected"] += record("Requests", "GHSA-x", fixed="2.32")["affected"]
    answer = check(brought(shared), [URLLIB3, REQUESTS], waiver("CVE-1", package="URLlib3"))
    assert [bool(found["waived"]) for found in answer["findings"]] == [True, False]
    assert answer["state"] == "refused"


def test_the_ids_of_a_withdrawn_record_widen_no_waiver(brought):
    withdrawn = record("urllib3", "X-1", "CVE-2023-43804", "CVE-2000-1", withdrawn="2026-01-01T00:00:00Z")
    answer = check(brought(withdrawn, GHSA), [URLLIB3], waiver("CVE-2000-1"))
    assert answer["state"] == "refused" and "CVE-2000-1" not in texts(answer)[0]


def test_records_that_share_an_alias_are_one_vulnerability_as_the_schema_has_it(brought):
    mine, other = record("urllib3", "PYSEC-1", "GHSA-x"), record("urllib3", "PYSEC-2", "GHSA-x", "CVE-2020-1")
    answer = check(brought(mine, other), [URLLIB3], waiver("PYSEC-1"))
    assert answer["state"] == "passed" and "CVE-2020-1, GHSA-x, PYSEC-1, PYSEC-2" in texts(answer)[0]


def test_a_waiver_of_one_cve_excuses_no_record_of_another_whatever_alias_they_share(brought):
    place = brought(
        record("urllib3", "PYSEC-1", "GHSA-x", "CVE-2020-1"), record("urllib3", "PYSEC-2", "GHSA-x", "CVE-2020-2")
    )
    answer = check(place, [URLLIB3], waiver("CVE-2020-1"))
    assert answer["state"] == "refused" and [bool(found["waived"]) for found in answer["findings"]] == [True, False]
    assert "CVE-2020-2, GHSA-x, PYSEC-2" in texts(answer)[1] and "CVE-2020-2" not in texts(answer)[0]
    assert check(place, [URLLIB3], waiver("GHSA-x"))["state"] == "passed"


def test_a_waiver_that_meets_nothing_is_told(brought):
    answer = check(brought(GHSA), [URLLIB3], waiver("CVE-2023-43804"), waiver("CVE-2000-1", package="six"))
    assert answer["told"][1:] == ["the waiver of CVE-2000-1 for six meets nothing; remove it"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reason": " "}, "a text as its reason"),
        ({"reason": None}, "a text as its reason"),
        ({"id": ""}, "a text as its id"),
        ({"expires": "2026-02-30"}, "a day as YYYY-MM-DD in expires, found 2026-02-30"),
        ({"expires": "never"}, "found never"),
        ({"expires": "20261231"}, "found 20261231"),
        ({"expires": None}, "a text as its expires"),
        ({"package": ""}, "a package's name as its package, or none, found ''"),
        ({"package": " "}, "a package's name"),
        ({"package": "*"}, "a package's name"),
        ({"package": 5}, "a package's name"),
    ],
)
def test_a_waiver_without_reason_or_day_is_refused_by_its_place_though_nothing_is_known(
    tmp_path, refused, changes, told
):
    with refused("FERRY-GATE-008", "ferry_advisories.waivers[1]", told):
        check(str(tmp_path / "none"), [SIX], waiver("A-1"), dict(waiver("A-2"), **changes))


# No data, and data that is no longer good


def test_no_data_is_not_checked_and_never_clean(tmp_path):
    (tmp_path / "empty" / "deep").mkdir(parents=True)
    (tmp_path / "empty" / "README.md").write_text("no record")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    for data in (None, "", *(str(tmp_path / name) for name in ("missing", "empty", "empty.zip"))):
        answer = check(data, [SIX])
        assert (answer["state"], answer["enforced"], answer["findings"]) == ("not checked", True, []), data
        assert len(answer["told"]) == 1 and "advisory data" in answer["told"][0]


def test_records_of_other_ecosystems_alone_are_no_data(brought):
    answer = check(brought(ELSEWHERE, dict(GHSA, affected=[])), [SIX])
    assert answer["state"] == "not checked" and "no record (*.json) of a package on PyPI" in answer["told"][0]


def test_a_fresh_record_of_another_ecosystem_makes_none_of_pypi_fresh(brought):
    place = brought(dict(GHSA, modified="2026-01-01T00:00:00Z"), ELSEWHERE)
    answer = check(place, [SIX])
    assert answer["state"] == "not checked" and "days old" in answer["told"][0]
    assert answer["told"][1].startswith("1 records about PyPI in ")


def test_a_record_is_read_whatever_the_case_of_its_ending(brought):
    assert check(brought(GHSA, ELSEWHERE, names=["1.JSON", "2.json"]), [URLLIB3])["state"] == "refused"


def test_data_that_is_too_old_does_not_acquit(brought):
    place = brought(GHSA, OTHER)
    assert check(place, [SIX], today=datetime.date(2026, 12, 20))["state"] == "passed"
    answer = check(place, [SIX], today=datetime.date(2026, 12, 21))
    assert answer["state"] == "not checked" and "is 31 days old, and may be 30" in answer["told"][0]
    assert check(place, [SIX], age=365, today=datetime.date(2026, 12, 21))["state"] == "passed"


def test_data_that_is_too_old_still_accuses(brought):
    old = datetime.date(2027, 6, 1)
    assert check(brought(GHSA), [URLLIB3], today=old)["state"] == "refused"


def test_old_data_with_a_waived_finding_is_not_checked_and_keeps_the_finding(brought):
    answer = check(brought(GHSA), [URLLIB3], waiver("CVE-2023-43804", "2028-01-01"), today=datetime.date(2027, 6, 1))
    assert answer["state"] == "not checked" and answer["findings"][0]["waived"]


def test_one_record_from_the_future_does_not_keep_data_fresh(brought, refused):
    with refused("FERRY-GATE-007", "1.json", "2999-01-01", "2026-11-24"):
        check(brought(GHSA, dict(OTHER, modified="2999-01-01T00:00:00Z")), [SIX])


# Data that is damaged


def entry(**changes):
    return dict(GHSA, affected=[dict(GHSA["affected"][0], **changes)])


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b'{"id": "X-1", ',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"n": ' + b"9" * 5000 + b"}",
        b"[]",
        b'"GHSA"',
        {},
        dict(GHSA, id=None),
        dict(GHSA, id=""),
        dict(GHSA, modified=None),
        dict(GHSA, modified="yesterday"),
        dict(GHSA, modified="2026-13-01T00:00:00Z"),
        dict(GHSA, withdrawn=False),
        dict(GHSA, aliases="CVE-1"),
        dict(GHSA, aliases=[1]),
        dict(GHSA, affected={}),
        dict(GHSA, affected=[1]),
        entry(package=[]),
        entry(package={"name": "urllib3"}),
        entry(package={"ecosystem": "PyPI", "name": None}),
        entry(versions="1.0"),
        entry(versions=[1.0]),
        entry(ranges={"type": "ECOSYSTEM"}),
        entry(ranges=[{"events": [{"introduced": "0"}]}]),
        entry(ranges=[{"type": "ECOSYSTEM"}]),
        entry(ranges=[{"type": "ECOSYSTEM", "events": []}]),
        entry(ranges=[{"type": "ECOSYSTEM", "events": [{}]}]),
        entry(ranges=[{"type": "ECOSYSTEM", "events": [{"introduced": 0}]}]),
        entry(ranges=[{"type": "ECOSYSTEM", "events": [{"introduced": "0", "fixed": "1"}]}]),
        b" " * (osv.LIMIT + 1),
        json.dumps(GHSA)[:-1].encode() + b', "affected": []}',
        json.dumps(GHSA).replace('"name":', '"name": "other", "name":').encode(),
    ],
    ids=range(33),
)
def test_one_record_that_is_none_makes_the_data_refused_by_its_name(brought, refused, bad):
    with refused("FERRY-GATE-007", "2.json", "do not use this advisory data") as caught:
        check(brought(OTHER, PYSEC, bad), [SIX])
    assert len(caught.message) < 600


def test_one_bit_of_an_archive_is_refused_or_changes_no_record(tmp_path, refused):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr("GHSA-%d.json" % number, json.dumps(dict(GHSA, id="GHSA-%d" % number)))
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with refused("FERRY-GATE-007", "all.zip", "a sound ZIP archive"):
            check(str(path), [SIX])
    # A directory that says it lies further on: its members then lie before the file's beginning.
    moved = bytearray(whole)
    struct.pack_into("<L", moved, len(whole) - 6, struct.unpack_from("<L", whole, len(whole) - 6)[0] + 16)
    with refused("FERRY-GATE-007", "all.zip", "a sound ZIP archive"):
        check(write(path, bytes(moved)), [SIX])
    chance = random.Random(7)
    good = texts(check(write(path, whole), [URLLIB3]))
    for _turn in range(500):
        bad = bytearray(whole)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        try:
            assert texts(check(write(path, bytes(bad)), [URLLIB3])) == good
        except osv.FerryError as error:
            assert error.code == "FERRY-GATE-007"


def write(path, data):
    path.write_bytes(data)
    return str(path)


def test_a_member_that_hides_its_size_or_wants_a_password_is_refused(tmp_path, refused):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.json", b" " * (osv.LIMIT * 8))
    whole = bytearray(path.read_bytes())
    with refused("FERRY-GATE-007", "bomb.json", "at most %d bytes" % osv.LIMIT):
        check(str(path), [SIX])
    place = whole.index(b"PK\x01\x02")
    lying = bytearray(whole)
    struct.pack_into("<L", lying, place + 24, 100)
    with refused("FERRY-GATE-007", "bomb.json"):
        check(write(path, bytes(lying)), [SIX])
    locked = bytearray(whole)
    struct.pack_into("<L", locked, place + 24, 100)
    for offset in (6, place + 8):
        locked[offset] |= 1
    with refused("FERRY-GATE-007", "bomb.json", "a sound ZIP archive"):
        check(write(path, bytes(locked)), [SIX])


def test_more_than_memory_or_time_allows_is_refused(brought, refused, monkeypatch):
    place = brought(GHSA, PYSEC, OTHER)
    for name, value in (("_MOST", 2), ("_TOTAL", 1000)):
        with monkeypatch.context() as patch, refused("FERRY-GATE-007", "at most", ".json"):
            patch.setattr(osv, name, value)
            check(place, [SIX])
    if place.endswith(".zip"):
        monkeypatch.setattr(osv.files, "CHUNK", 50)
        monkeypatch.setattr(osv, "_DIRECTORY", 100)
        with refused("FERRY-GATE-007", "a directory of"):
            check(place, [SIX])


def test_names_that_would_leave_their_place_write_nothing(tmp_path, snapshot):
    path = tmp_path / "some" / "where" / "all.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../escaped.json", json.dumps(GHSA))
        archive.writestr("/etc/escaped.json", json.dumps(PYSEC))
    before = snapshot(tmp_path)
    assert check(str(path), [URLLIB3])["state"] == "refused"
    assert snapshot(tmp_path) == before


def test_what_is_no_plain_record_is_refused_or_named_and_never_waited_for(tmp_path, refused):
    folder = tmp_path / "osv"
    folder.mkdir()
    (folder / "1.json").write_text(json.dumps(GHSA))
    os.mkfifo(folder / "2.json")
    with refused("FERRY-GATE-007", "2.json", "a plain file"):
        check(str(folder), [SIX])
    os.unlink(folder / "2.json")
    os.symlink(tmp_path, folder / "more")
    with refused("FERRY-GATE-007", "more", "a link to one"):
        check(str(folder), [SIX])
    os.mkfifo(tmp_path / "pipe")
    with refused("FERRY-GATE-007", "pipe", "a directory or a ZIP archive"):
        check(str(tmp_path / "pipe"), [SIX])


def test_data_that_may_not_be_read_is_named(brought, refused, monkeypatch):
    place = brought(GHSA)

    def closed(path, *_more, **_named):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(osv.files, "read_limited", closed)
    monkeypatch.setattr(osv, "_Archive", closed)
    with refused("FERRY-IO-002", place):
        check(place, [SIX])
