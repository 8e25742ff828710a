# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement is read strictly, and its times are judged against the depot's clock."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.bundle import canonical, manifest, statement

DAY = 86400
NOW = 1_795_000_000
ENTRY = {"size": 3, "sha256": "b" * 64}
FILES = {path: ENTRY for path in statement.SIGNED}
GOOD = {
    "type": statement.TYPE,
    "name": "tf",
    "serial": NOW,
    "created": "2026-11-18T11:06:40Z",
    "expires": "2027-11-18T11:06:40Z",
    "builder": "builder@staging",
    "previous": "c" * 64,
    "files": FILES,
}


def build(**changes):
    arguments = dict(
        {
            "name": "tf",
            "serial": NOW,
            "created": NOW,
            "builder": "builder@staging",
            "previous": "c" * 64,
            "files": FILES,
            "expires": NOW + 365 * DAY,
        },
        **changes,
    )
    return statement.build(**arguments)


def test_what_is_built_is_read_back():
    assert statement.parse(build()) == GOOD
    assert statement.parse(build(expires=None, previous=None)) == dict(GOOD, expires=None, previous=None)


@pytest.mark.parametrize("key", sorted(GOOD))
def test_an_absent_field_is_refused(refused, key):
    with refused("FERRY-BUNDLE-007", "statement.json"):
        statement.parse(canonical.dumps({name: value for name, value in GOOD.items() if name != key}))


def test_an_unknown_field_is_refused(refused):
    with refused("FERRY-BUNDLE-007", "statement.json"):
        statement.parse(canonical.dumps(dict(GOOD, more=1)))


@pytest.mark.parametrize("key", sorted(GOOD))
def test_a_field_of_another_type_is_refused(refused, key):
    for value in (None, True, 0, -1, "", [], ["x"], {}, {"x": 1}):
        if value is None and key in ("expires", "previous"):
            continue
        with refused("FERRY-BUNDLE-007", "statement.json"):
            statement.parse(canonical.dumps(dict(GOOD, **{key: value})))


@pytest.mark.parametrize(
    "key, value",
    [
        ("type", manifest.TYPE),
        ("type", "airgap.ferry/statement/v2"),
        ("name", "TF"),
        ("name", "../tf"),
        ("name", "tf\n"),
        ("name", "t" * 33),
        ("serial", "5"),
        ("serial", 1 << 40),
        ("created", "2026-11-18T11:06:40"),
        ("created", "2026-11-18 11:06:40Z"),
        ("created", "2026-1-18T11:06:40Z"),
        ("created", "2026-02-30T00:00:00Z"),
        ("created", "2026-11-18T12:26:60Z"),
        ("created", "0001-01-01T00:00:00Z"),
        ("created", "\uff12026-11-18T11:06:40Z"),
        ("created", NOW),
        ("expires", "never"),
        ("builder", "x" * 129),
        ("builder", "line\nfeed"),
        ("builder", "\x1b[31m"),
        ("builder", "\ud800"),
        ("previous", "c" * 63),
        ("previous", "C" * 64),
        ("files", {manifest.NAME: ENTRY}),
        ("files", dict(FILES, more=ENTRY)),
        ("files", dict(FILES, **{"manifest.json": {"size": 3}})),
        ("files", dict(FILES, **{"manifest.json": dict(ENTRY, size=-1)})),
        ("files", dict(FILES, **{"manifest.json": dict(ENTRY, sha256="x")})),
    ],
)
def test_a_value_out_of_range_is_refused(refused, key, value):
    with refused("FERRY-BUNDLE-007", "statement.json"):
        statement.parse(canonical.dumps(dict(GOOD, **{key: value})))


def test_what_could_not_be_read_is_not_built(refused):
    for changes in ({"name": "../x"}, {"serial": 0}, {"builder": ""}, {"files": {}}, {"previous": "x"}):
        with refused("FERRY-BUNDLE-007"):
            build(**changes)


def test_an_oversize_statement_is_refused(refused):
    with refused("FERRY-BUNDLE-007", "at most"):
        statement.parse(b" " * (statement.LIMIT + 1))


def test_times_go_to_text_and_back():
    for seconds in (0, 951782400, NOW, 4102444799):
        assert statement.to_seconds(statement.to_text(seconds)) == seconds


def said(**changes):
    return statement.parse(build(**changes))


def test_a_statement_of_now_is_accepted():
    statement.check_time(said(), NOW)
    statement.check_time(said(expires=None), NOW + 20 * 365 * DAY)


def test_a_day_of_clock_skew_is_accepted_and_a_second_more_is_refused(refused):
    statement.check_time(said(), NOW - DAY)
    with refused("FERRY-BUNDLE-009", "bundle tf", "2026-11-18T11:06:40Z", "clock"):
        statement.check_time(said(), NOW - DAY - 1)


def test_a_date_of_the_future_is_refused_whatever_the_serial_says(refused):
    with refused("FERRY-BUNDLE-009", "more than a day"):
        statement.check_time(said(serial=5, created=NOW + DAY + 1), NOW)


def test_a_depot_whose_clock_is_a_year_behind_refuses(refused):
    with refused("FERRY-BUNDLE-009", "more than a day"):
        statement.check_time(said(), NOW - 365 * DAY)


def test_an_absurd_serial_is_refused_whatever_the_date_says(refused):
    statement.check_time(said(serial=NOW + DAY), NOW)
    with refused("FERRY-BUNDLE-009", "serial %d" % (NOW + DAY + 1)):
        statement.check_time(said(serial=NOW + DAY + 1), NOW)


def test_an_expired_statement_is_refused_from_that_second_on(refused):
    paper = said(expires=NOW + 10)
    statement.check_time(paper, NOW + 9)
    with refused("FERRY-BUNDLE-009", "expired at"):
        statement.check_time(paper, NOW + 10)
