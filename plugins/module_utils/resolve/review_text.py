# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A review to be read: lines for a terminal, and Markdown for a pull request or a ticket."""

from __future__ import annotations

from . import pages, review
from ..record.words import plural, size

_HEADS = ("profile", "for", "wheels", "size", "new", "to carry")
_LABEL = 10


def lines(whole: dict) -> list:
    """The review of :func:`.review.whole` as lines of at most 118 characters, an address or a long name apart."""
    rows = [_HEADS, *_rows(whole)]
    out = [_headline(whole), *_approvals(whole), "", *pages.table(rows)]
    for name, part in sorted(whole["profiles"].items()):
        out += ["", name, *pages.details(_details(part, whole["against"]), _LABEL)]
    return out


def markdown(whole: dict) -> str:
    """The same as Markdown, with every wheel."""
    out = [
        "# Review of bundle `%s`" % whole["bundle"],
        "",
        _headline(whole),
        *["\n" + line for line in _approvals(whole)],
        "",
        pages.row(_HEADS),
        pages.row(["---"] * len(_HEADS)),
    ]
    out += [pages.row(cells) for cells in _rows(whole)]
    for name, part in sorted(whole["profiles"].items()):
        out += ["", "## %s" % name, ""]
        out += ["- **%s**: %s" % (label, text.replace("|", "\\|")) for label, text in _details(part, whole["against"])]
        out += ["", pages.row(("package", "version", "wheel", "size", "new")), pages.row(["---"] * 5)]
        out += [
            pages.row(
                (wheel["name"], wheel["version"], "`%s`" % wheel["file"], _size(wheel), "yes" if wheel["new"] else "")
            )
            for wheel in part["wheels"]
        ]
    return "\n".join(out) + "\n"


def _headline(whole):
    total = whole["total"]
    return "Bundle %s: %s, %s, %s. %s: %s, %s.%s" % (
        whole["bundle"],
        plural(len(whole["profiles"]), "profile"),
        plural(total["wheels"], "wheel"),
        _sum(total, "bytes"),
        "New against " + whole["against"] if whole["against"] else "No other was built here, so all is new",
        plural(total["new"], "wheel"),
        _sum(total, "carry"),
        " Cross-checked with %s." % whole["crosschecked"] if whole["crosschecked"] else "",
    )


def _approvals(whole):
    asked = whole["approvals"]
    if asked is None:
        return []
    if not asked["waiting"]:
        return ["Approvals: every wheel is approved."]
    return [
        "Approvals: %s to be approved; the lines to add: %s" % (plural(asked["waiting"], "wheel"), asked["request"])
    ]


def _rows(whole):
    for name, part in sorted(whole["profiles"].items()):
        profile, total = part["profile"], review.totals(part["wheels"])
        about = [profile["os"], profile["arch"], profile["libc"], "Python " + profile["python"]]
        about += [profile["accelerator"]] if profile["accelerator"] != "none" else []
        yield (
            name,
            ", ".join(word for word in about if word),
            str(total["wheels"]),
            _sum(total, "bytes"),
            str(total["new"]),
            _sum(total, "carry"),
        )


def _details(part, against):
    """``(label, text)`` of everything that is to be said of one profile."""
    if part["compared"]:
        changes = [
            ("upgraded", ["%s %s → %s" % (name, old, new) for name, (old, new) in sorted(part["upgraded"].items())]),
            ("added", _named(part["added"])),
            ("removed", _named(part["removed"])),
        ]
        if not any(names for _label, names in changes):
            yield "changes", "none against %s" % against
    else:
        changes = [("packages", _named(part["added"]))]
        if against:
            yield "changes", "%s has no such profile" % against
    for label, names in changes:
        if names:
            yield label, "%d: %s" % (len(names), ", ".join(names))
    trimmed = part["trimmed"]
    if trimmed:
        yield (
            "trimmed",
            "%s leaves out %s (%s): %s; that loses %s; pip check calls them missing"
            % (
                trimmed["name"],
                plural(len(trimmed["left_out"]), "package"),
                size(trimmed["saved"]),
                ", ".join(package["name"] for package in trimmed["left_out"]),
                trimmed["loses"],
            ),
        )
    if part["held_back"]:
        held = ["%s %s instead of %s" % (name, *pair) for name, pair in sorted(part["held_back"].items())]
        yield "held back", "by the floor Python %s: %s" % (part["profile"]["python"], ", ".join(held))
    if part["excluded"]:
        told = ["%s (refuses Python %s)" % (entry["constraint"], entry["python"]) for entry in part["excluded"]]
        yield "excluded", ", ".join(told)
    if part["unchecked"] is None:
        yield "unchecked", "this lock was brought along: what was excluded, held back or not checked is not known here"
    if part["held_back"] is None and part["unchecked"] is not None:
        yield "held back", "by the floor Python %s: not known" % part["profile"]["python"]
    if part["unchecked"]:
        yield (
            "unchecked",
            "the index gives no METADATA of %s; it is checked when a bundle is built" % ", ".join(part["unchecked"]),
        )
    for verdict in part["verdicts"]:
        yield verdict["level"], ": ".join(word for word in (verdict["code"], verdict["message"]) if word)


def _named(versions):
    return ["%s %s" % pair for pair in sorted(versions.items())]


def _sum(total, key):
    return size(total[key]) + (" and %d of unknown size" % total["unknown"] if total["unknown"] else "")


def _size(wheel):
    return "unknown" if wheel["size"] is None else size(wheel["size"])
