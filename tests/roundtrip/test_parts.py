# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle on small media, and an older one that comes back because somebody said so."""

from __future__ import annotations

import json
import subprocess

DEPOT = ("--limit", "ferry_depot")


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def serials(site):
    """The serials that staging has built, the oldest first."""
    return sorted(int(path.name.rpartition("-")[2]) for path in (site.root / "staging" / "bundles").glob("tf-*"))


def test_a_bundle_goes_over_in_parts_and_a_damaged_part_is_named(sent):
    site = sent.copy()
    zone = site.root / "sticks"
    zone.mkdir()
    in_parts = {"ferry_zone": {"path": str(zone), "part_size": "4MiB"}}
    stem = "tf-%d" % serials(site)[-1]
    built = site.root / "staging" / "bundles" / stem

    assert site.must("transfer", "--check", "--limit", "ferry_staging", **in_parts).changed == {"staging": 1}
    assert list(zone.iterdir()) == []
    assert site.must("transfer", "--limit", "ferry_staging", **in_parts).changed == {"staging": 1}
    parts = sorted(zone.glob(stem + ".tar.*"))
    assert len(parts) > 2 and {part.stat().st_size for part in parts[:-1]} == {4 << 20}

    before, good = site.snapshot("depot"), parts[1].read_bytes()
    parts[1].write_bytes(good[:-1])
    run = site.play("transfer", *DEPOT, **in_parts)
    assert run.code != 0 and run.message().startswith("FERRY-PART-001: %s: " % parts[1]), run.output
    assert site.snapshot("depot") == before
    parts[1].write_bytes(good)

    assert site.must("transfer", *DEPOT, **in_parts).changed == {"depot": 1}
    assert files_in(site.root / "depot" / "incoming" / stem) == files_in(built)
    assert site.must("transfer", **in_parts).changed == {"staging": 0, "depot": 0}

    by_hand = site.root / "by-hand"
    by_hand.mkdir()
    command = "sha256sum -c --quiet %s.sha256 && cat %s.tar.* | tar x -C %s" % (stem, stem, by_hand)
    done = subprocess.run(["sh", "-c", command], cwd=zone, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert files_in(by_hand) == files_in(built)

    run = site.play("transfer", ferry_zone={"path": str(zone), "part_size": "8MiB"})
    assert run.message().startswith("FERRY-PART-007") and stem in run.message(), run.output
    run = site.play("transfer", ferry_zone={"path": str(zone), "part_size": "8 bytes"})
    assert run.message().startswith("FERRY-VAR-002") and "ferry_zone.part_size" in run.message(), run.output


def test_an_older_bundle_comes_back_by_its_serial_alone_and_the_record_says_so(quarantined):
    site = quarantined.copy()
    old, new = serials(site)
    site.must("deploy", *DEPOT)
    assert site.must("transfer", *DEPOT).changed == {"depot": 0}, "what is older is left in the zone"

    allowed = {"ferry_allow_serial": old}
    assert site.must("transfer", "--check", *DEPOT, **allowed).changed == {"depot": 1}
    assert site.must("transfer", *DEPOT, **allowed).changed == {"depot": 1}
    run = site.play("deploy", *DEPOT)
    assert run.message().startswith("FERRY-BUNDLE-008") and str(old) in run.message(), run.output

    assert site.must("deploy", "--check", *DEPOT, **allowed).changed == {"depot": 1}
    back = site.must("deploy", *DEPOT, ferry_change="BACK-1", **allowed)
    assert back.changed == {"depot": 1} and "accepted %d" % new in back.output
    bundle = json.loads((site.root / "records" / "BACK-1" / "record.json").read_text())["runs"][0]["bundle"]
    assert (bundle["serial"], bundle["allowed"], bundle["replaced"]) == (old, True, new)
    page = (site.root / "records" / "BACK-1" / "record.html").read_text()
    assert "older serial %d by explicit allowance, instead of %d" % (old, new) in page

    for options in ({}, allowed):
        assert site.must("transfer", *DEPOT, **options).changed == {"depot": 0}
        assert site.must("deploy", *DEPOT, **options).changed == {"depot": 0}
    forward = {"ferry_allow_serial": new}
    site.must("transfer", *DEPOT, **forward)
    assert site.must("deploy", *DEPOT, **forward).changed == {"depot": 1}
