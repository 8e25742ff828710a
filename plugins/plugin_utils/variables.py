# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check_variables knows: the operator's variables are those of the roles' argument_specs, and must be written as these say.

Ansible's own role validation is not enough: it lets misspelt names pass, splits a string on its commas where a list is
expected, and looks only at the host that the role runs on.
"""

from __future__ import annotations

import re

import yaml
from ansible.module_utils.common.validation import check_type_bool, check_type_int

from ..module_utils.errors import FerryError
from ..module_utils.gates import asked
from ..module_utils.profile import CONFIDENTIAL, NAME, NAME_IN_WORDS, found, nearest, unknown_key
from ..module_utils.resolve import kit

# By type: (in words, in words in a list, how to write it). The Python types that need no conversion are in _PLAIN.
_WORDS = {
    "str": ("a string", "strings", "write it as a string, in quotes"),
    "path": ("a path", "paths", "write it as a string, in quotes"),
    "bool": ("true or false", "truth values", "write true or false"),
    "int": ("a whole number", "whole numbers", "write it in digits"),
    "list": ("a list", "lists", "write it as a YAML list"),
    "dict": ("a dictionary", "dictionaries", "write it as YAML keys and values"),
    "raw": ("a value", "values", "set it"),
}
_PLAIN = {"str": str, "path": str, "list": list, "dict": dict, "raw": object}

# What argument_specs cannot say: the pattern of a text or number, and that pattern in words.
_FINGERPRINT = (
    "[0-9A-Fa-f]{40}|SHA256:[A-Za-z0-9+/]{43}",
    "the full fingerprint of 40 hexadecimal digits, or for ssh SHA256: and 43 characters",
)
_SIGNING_KEY = (
    "[0-9A-Fa-f]{40}|[/~].+",
    "the full fingerprint of 40 hexadecimal digits, or for ssh the path of a key that starts with / or ~",
)
_DAY = ("[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "a day as YYYY-MM-DD, in quotes")
_ADDRESS = (r"(https?|file)://\S+", "one address that starts with http://, https:// or file://")
_WRITTEN = r"(?s).*\S.*"
_LICENCE = r"[A-Za-z0-9.+-]+( +[Ww][Ii][Tt][Hh] +[A-Za-z0-9.-]+)?"
_SHAPES = {
    "ferry_advisories.data": (_WRITTEN, "a path"),
    "ferry_advisories.max_age_days": ("[1-9][0-9]{0,3}", "1 to 9999 days"),
    "ferry_advisories.waivers.expires": _DAY,
    "ferry_advisories.waivers.id": (r"\S+", "one id such as CVE-2023-43804"),
    "ferry_advisories.waivers.package": (asked.PACKAGE, asked.PACKAGE_IN_WORDS),
    "ferry_advisories.waivers.reason": (_WRITTEN, "a reason in words"),
    "ferry_allow_serial": ("[1-9][0-9]{0,12}", "a serial, as it stands behind a bundle's name in the zone"),
    "ferry_approvals.files": (_WRITTEN, "a path"),
    "ferry_bundle": (NAME, NAME_IN_WORDS),
    "ferry_bundle_id": ("[0-9a-f]{64}", "64 lower-case hexadecimal digits"),
    "ferry_depot_url": _ADDRESS,
    "ferry_gpu_count": ("[0-9]+", "0 or more"),
    "ferry_gpu_timeout": ("[1-9][0-9]*", "1 second or more"),
    "ferry_index_url": _ADDRESS,
    "ferry_crosscheck_index_url": _ADDRESS,
    "ferry_keep_releases": ("[1-9][0-9]*", "1 or more"),
    "ferry_lock_as_of": ("[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day as YYYY-MM-DD, in quotes"),
    "ferry_licences.allowed": (
        _LICENCE,
        "one SPDX licence identifier such as MIT, or a pair such as Apache-2.0 WITH LLVM-exception",
    ),
    "ferry_max_fail_percentage": ("[0-9]{1,2}|100", "0 to 100"),
    "ferry_provenance.required": (r"\*|" + asked.PACKAGE, asked.PACKAGE_IN_WORDS + ", or * for all"),
    "ferry_release": (NAME + "-[0-9a-f]{12}", "a profile's name, a hyphen and 12 lower-case hexadecimal digits"),
    "ferry_serial": ("[1-9][0-9]*%?", "a number of hosts, a percentage such as 25%, or a list of these"),
    "ferry_signing.key": _SIGNING_KEY,
    "ferry_approver.key": _SIGNING_KEY,
    "ferry_approver.label": (NAME, NAME_IN_WORDS),
    "ferry_required_signatures.builder": ("[1-9]|1[0-6]", "1 to 16"),
    "ferry_required_signatures.approver": ("[0-9]|1[0-5]", "0 to 15"),
    "ferry_valid_days": ("[1-9][0-9]{0,3}", "1 to 9999 days"),
    "ferry_trusted_keys.expires": _DAY,
    "ferry_trusted_keys.fingerprint": _FINGERPRINT,
    "ferry_zone.part_size": (
        "[1-9][0-9]{6,12}|[1-9][0-9]{0,6} ?([MGT]B|[MGT]iB)",
        "a size like 650MB, 4095MiB or 700000000 (bytes), 1 MiB or more",
    ),
}
_ENTRIES = (
    ("ferry_licences", "overrides", asked.overrides),
    ("ferry_provenance", "publishers", asked.publishers),
)
_EXCLUSIVE = ("ferry_index_url", "ferry_mirror")


class Unreadable:
    """A template that could not be resolved, and why."""

    def __init__(self, reason):
        self.reason = reason


def known_options(roles):
    """Every option of every role under the directory ``roles``: ``{name: option}``, required where any role requires it."""
    known = {}
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        for entry_point in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            for name, option in entry_point.get("options", {}).items():
                required = option.get("required", False) or known.get(name, {}).get("required", False)
                known[name] = dict(option, required=required)
    return known


def check_names(hosts, known):
    """Refuse every name that no role knows; ``hosts`` is ``{host: names}``."""
    _refuse("FERRY-VAR-001", hosts, lambda names: _misspelt(names, known))


def check_values(hosts, managed, known):
    """Refuse the first kind of problem that the values have, all of that kind in one message.

    ``hosts`` is ``{host: {name: value}}`` with names that ``check_names`` let pass; ``managed`` are those that need a profile.
    """
    _refuse("FERRY-VAR-002", hosts, lambda values: _misshapen(values, known))
    _refuse("FERRY-VAR-002", hosts, _bad_entries)
    for code in ("FERRY-VAR-004", "FERRY-KIT-001", "FERRY-KIT-002"):
        _refuse(code, hosts, lambda values, code=code: _bad_profiles(values, code))
    _refuse("FERRY-VAR-003", {host: hosts[host] for host in managed}, _without_profile)


def _refuse(code, hosts, problems_of):
    """Raise all problems as sentences; one that hosts share is said once."""
    where = {}
    for host, content in hosts.items():
        for problem in problems_of(content):
            where.setdefault(problem, []).append(host)
    if where:
        raise FerryError(
            code, " ".join("%s on %s%s." % (name, _in_words(names), text) for (name, text), names in where.items())
        )


def _in_words(hosts):
    if len(hosts) == 1:
        return "host " + hosts[0]
    more = " and %d more" % (len(hosts) - 3) if len(hosts) > 3 else ""
    return "hosts " + ", ".join(hosts[:3]) + more


def _misspelt(names, known):
    for name in names:
        if name not in known:
            yield (
                name,
                " is not a variable of any role; "
                + nearest(name, known, "remove it, or give it a name without the prefix ferry_"),
            )


def _misshapen(values, known):
    for name, value in values.items():
        yield from _misfit(name, value, known[name])
    if all(values.get(name) is not None for name in _EXCLUSIVE):
        yield " and ".join(_EXCLUSIVE), ": expected one of them, found both; remove one"


def _misfit(path, value, option):
    """Where ``value`` differs from ``option``, and in its keys and elements: ``(path, text)``."""
    kind = option.get("type", "str")
    elements = option.get("elements", "raw")
    words, dummy, step = _WORDS[kind]
    if kind == "list":
        words += " of " + _WORDS[elements][1]
    hide = bool(CONFIDENTIAL.search(path))

    if isinstance(value, Unreadable):
        reason = "not shown" if hide or CONFIDENTIAL.search(value.reason) else value.reason
        yield (
            path,
            ": expected %s, found a template that cannot be resolved (%s); define what it names" % (words, reason),
        )
        return
    if value is None:
        # Null stands for "not set", which is only an answer where not setting it is one.
        if option.get("required") or "default" in option:
            yield _expected(path, words, None, "set it or remove the line")
        return
    try:
        value = _converted(kind, value)
    except TypeError:
        yield _expected(path, words, value, step, hide)
        return

    if kind == "list":
        element = {key: option[key] for key in ("choices", "options") if key in option}
        for number, item in enumerate(value):
            yield from _misfit("%s[%d]" % (path, number), item, dict(element, type=elements, required=True))
        return
    if "choices" in option and value not in option["choices"]:
        choices = [str(choice) for choice in option["choices"]]
        yield _expected(path, " or ".join(choices), value, nearest(value, choices, "choose one of them"), hide)
    pattern, shape = _SHAPES.get(re.sub(r"\[\d+\]", "", path), (None, None))
    if pattern:
        for item in value if isinstance(value, list) else [value]:
            if not re.fullmatch(pattern, str(item)):
                yield _expected(path, shape, item, "correct it", hide)
    if "options" in option:
        yield from _misfit_keys(path, value, option["options"])


def _misfit_keys(path, value, options):
    for key in value:
        if key not in options:
            yield path, ": " + unknown_key(key, options)
    for key, option in options.items():
        if key in value or option.get("required"):
            yield from _misfit("%s.%s" % (path, key), value.get(key), option)


def _converted(kind, value):
    """The value as the role sees it; TypeError if it is not of that kind.

    Switches and numbers may be text, as ``-e name=value`` gives them. Nothing else is converted.
    """
    if kind == "bool":
        return check_type_bool(value)
    if kind == "int" and not isinstance(value, bool):
        return check_type_int(value)
    if isinstance(value, _PLAIN.get(kind, ())):
        return value
    raise TypeError(kind)


def _expected(path, words, value, step, hide=False):
    return path, ": expected %s, found %s; %s" % (words, found(value, hide), step)


def _bad_entries(values):
    """What is written under names that the operator chooses."""
    for variable, key, judge in _ENTRIES:
        try:
            judge((values.get(variable) or {}).get(key) or {})
        except FerryError as error:
            path, _colon, text = error.message.rstrip(".").partition(":")
            yield path, ":" + text


def _bad_profiles(values, code):
    """The profiles that are refused with this code, the kit's too; whether a kit is built is asked later."""
    entries = [("ferry_profiles", kit.hosts_profile, entry) for entry in (values.get("ferry_profiles") or {}).items()]
    if values.get("ferry_kit_profile") is not None:
        entries.append(("ferry_kit_profile", kit.profile, (values["ferry_kit_profile"],)))
    for variable, read, arguments in entries:
        try:
            read(*arguments)
        except FerryError as error:
            if error.code == code:
                yield variable, ": " + error.message.rstrip(".")


def _without_profile(values):
    profile, profiles = values.get("ferry_profile"), values.get("ferry_profiles") or {}
    if profile not in profiles:
        choices = "set it to one of " + ", ".join(profiles) if profiles else "define it in ferry_profiles"
        yield _expected(
            "ferry_profile", "a profile that ferry_profiles defines", profile, nearest(profile, profiles, choices)
        )
