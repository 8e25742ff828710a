# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts before anything is resolved: what is known to be impossible, risky or good, from the tables of ``compat/``.

Only what the tables decide is said. A release that they do not know gets no verdict, and the resolver has the word.
"""

from __future__ import annotations

import re

from . import target
from .libraries import InvalidRequirement, Requirement
from ..compat import tensorflow
from ..errors import FerryError
from ..profile import Profile
from ..record.words import plural, size

_LEVELS = ("impossible", "risky", "good")
# Newer than any release: a requirement that admits it has no upper bound.
_ANY_NEWER = "9999"
# Python's view of the driver: small, and no part of CUDA.
_NO_LIBRARY = "nvidia-ml-py"


def judge_all(profiles: list, requirements: list, constraints: list) -> dict:
    """The verdicts of every profile by its name, none of them impossible.

    FerryError with the first impossible verdict's code; its message has every impossible verdict of every profile.
    """
    verdicts = {profile.name: judge(profile, requirements, constraints) for profile in profiles}
    refused = [
        (name, verdict) for name, found in verdicts.items() for verdict in found if verdict["level"] == "impossible"
    ]
    if refused:
        raise FerryError(
            refused[0][1]["code"], " ".join("profile %s: %s" % (name, verdict["message"]) for name, verdict in refused)
        )
    return verdicts


def of_lock(profile: Profile, found: list, wheels: list) -> list:
    """``found``, the verdicts of a profile, and what its lock itself shows; ``wheels``: as :func:`.review.wheels_of` gives them.

    The tables know TensorFlow alone, and other frameworks bring CUDA libraries too: PyTorch's wheels for Linux do on the ordinary index.
    """
    known = any(verdict["code"] == "FERRY-COMPAT-008" for verdict in found)
    libraries = [wheel for wheel in wheels if wheel["name"].startswith("nvidia-") and wheel["name"] != _NO_LIBRARY]
    if profile.accelerator != "none" or not libraries or known:
        return found
    known_sizes = [wheel["size"] for wheel in libraries if wheel["size"] is not None]
    verdict = _risky(
        "FERRY-COMPAT-012",
        "its lock carries CUDA libraries (%s, %s%s), and this profile's accelerator is none; look for a build without GPU support, which may "
        "be on an index of the project's own, or choose accelerator cuda where its hosts have GPUs."
        % (
            plural(len(libraries), "wheel"),
            max(libraries, key=lambda wheel: wheel["size"] or 0)["name"],
            ", " + size(sum(known_sizes)) if len(known_sizes) == len(libraries) else "",
        ),
    )
    return sorted([*found, verdict], key=lambda verdict: _LEVELS.index(verdict["level"]))


def judge(profile: Profile, requirements: list, constraints: list) -> list:
    """``[{"level": "impossible" | "risky" | "good", "code": str or None, "message": str}]``, worst first; asks no index.

    ``requirements`` and ``constraints`` are the bundle's; the profile's own are added. Those whose environment marker is false for the
    profile do not count, nor do malformed ones, which locking refuses.
    """
    asked = _applying(profile, [*requirements, *profile.requirements])
    bounds = asked + _applying(profile, [*constraints, *profile.constraints])
    found = []
    for package in tensorflow.PLACES:
        if any(name == package for name, _requirement in asked):
            found += _Judgement(profile, _Ask(package, asked, bounds), asked, bounds).verdicts()
    found += _tensorboard(profile, asked, bounds)
    if profile.python.endswith(".0"):
        found.append(
            _risky(
                "FERRY-COMPAT-011",
                "the floor is Python %s (a bare %s means that), so packages that refuse early patch releases are locked at older "
                "versions than its hosts could run; write the oldest full Python version of its hosts."
                % (profile.python, profile.python_xy),
            )
        )
    return sorted(found, key=lambda verdict: _LEVELS.index(verdict["level"]))


class _Ask:
    """What is asked of one package: all its requirements and constraints together."""

    def __init__(self, package, asked, bounds):
        self.package = package
        self.extras = {_normalised(extra) for name, one in asked if name == package for extra in one.extras}
        self.specifier = None
        for name, one in bounds:
            if name == package:
                self.specifier = one.specifier if self.specifier is None else self.specifier & one.specifier
        self.exact = any(one.operator in ("==", "===") and not one.version.endswith(".*") for one in self.specifier)
        self.open = self.specifier.contains(_ANY_NEWER)
        self.and_cuda = "and-cuda" in self.extras

    def admits(self, release):
        return self.specifier.contains(release)

    def __str__(self):
        return "%s%s%s" % (
            self.package,
            "[%s]" % ",".join(sorted(self.extras)) if self.extras else "",
            self.specifier,
        )


class _Judgement:
    """One ask of one of TensorFlow's packages in one profile; the resolver's pick is the newest release that is admitted and fits."""

    def __init__(self, profile, ask, asked, bounds):
        self.profile, self.ask, self.asked, self.bounds = profile, ask, asked, bounds
        self.cuda = profile.accelerator == "cuda"
        self.windows = profile.os == "windows"
        self.place = "%s %s" % ("Windows" if self.windows else "Linux", profile.arch)
        self.admitted = [release for release in tensorflow.LINE_OF if ask.admits(release)]
        self.fitting = [release for release in self.admitted if self._fits(release)]
        self.pick = self.fitting[-1] if self.fitting else None

    def verdicts(self):
        found = list(self._impossible())
        if not found:
            found = list(self._risky())
        if not found and self.pick and self.ask.exact:
            tested = (
                "; it was built and tested with CUDA %s and cuDNN %s" % (self._line().cuda, self._line().cudnn)
                if self.cuda
                else ""
            )
            libc = " and %s" % self.profile.libc if self.profile.libc else ""
            found.append(
                {
                    "level": "good",
                    "code": None,
                    "message": "%s has wheels for %s, Python %s%s%s."
                    % (self.ask, self.place, self.profile.python_xy, libc, tested),
                }
            )
        return found

    def _impossible(self):
        ask, newest = self.ask, self.pick or (self.admitted[-1] if self.admitted else None)
        if self.windows and self.cuda and newest and self._is_after(newest, tensorflow.LAST_WINDOWS_GPU):
            last = tensorflow.LINES[tensorflow.LAST_WINDOWS_GPU].releases[-1]
            served = tensorflow.pythons("tensorflow", last, "windows", self.profile.arch)
            yield _impossible(
                "FERRY-COMPAT-001",
                "%s: expected a release up to %s, the last with GPU support on native Windows, because this profile's accelerator is "
                "cuda, found %s; choose accelerator none, or tensorflow==%s%s, or WSL2 on these hosts and a Linux profile for it."
                % (
                    ask,
                    last,
                    newest,
                    last,
                    "" if self.profile.python_xy in served else " with Python " + _either(served),
                ),
            )
        elif self.cuda and ask.package != "tensorflow":
            yield _impossible(
                "FERRY-COMPAT-006",
                "%s is built without GPU support, and this profile's accelerator is cuda; choose %s, or accelerator none."
                % (ask, self._with_cuda(newest)),
            )
        if self.windows and ask.and_cuda:
            yield _impossible(
                "FERRY-COMPAT-002",
                "%s asks for CUDA libraries that exist for Linux only, and this profile is for Windows; drop [and-cuda] here, or write "
                "the line twice: with [and-cuda] and ; sys_platform == 'linux', without it and ; sys_platform == 'win32'."
                % ask,
            )
        if not self.fitting and self.admitted and not self._newer_may_fit():
            yield self._unfit(self.admitted[-1])

    def _risky(self):
        ask, pick = self.ask, self.pick
        if pick and self.cuda and not self._brings_cuda():
            yield _risky("FERRY-COMPAT-007", self._without_libraries())
        if pick and not self.cuda and not self.windows:
            if ask.and_cuda:
                yield _risky(
                    "FERRY-COMPAT-008",
                    "%s carries CUDA libraries (more than %d MB), and this profile's accelerator is none; choose %s, or accelerator cuda "
                    "where its hosts have GPUs." % (ask, tensorflow.AND_CUDA_MEGABYTES, self._without_cuda()),
                )
            elif ask.package == "tensorflow" and self.profile.arch == "x86_64":
                yield _risky(
                    "FERRY-COMPAT-008",
                    "%s is a GPU build on Linux, and this profile's accelerator is none; choose %s, the same without GPU support and some "
                    "%d MB smaller." % (ask, self._without_cuda(), self._line().megabytes - self._line().cpu_megabytes),
                )
        fault = self._fault(pick)
        if fault and not ask.open:
            yield _risky("FERRY-COMPAT-003", "%s %s: %s; choose %s." % (ask.package, pick, *fault[1:]))
        if ask.open:
            yield _risky(
                "FERRY-COMPAT-010",
                "%s has no upper bound, so every new lock can bring another release; pin it%s."
                % (ask, ", such as %s" % self._named(pick) if pick else ""),
            )
        elif pick and not self.profile.trim and not self._is_after(pick, tensorflow.LAST_WITH_TENSORBOARD):
            yield from _setuptools(self.profile, str(ask) + " brings TensorBoard, whose", self.bounds)

    def _fits(self, release, package=None):
        known_bad = (self._fault(release) or (False,))[0]
        has_wheel = self.profile.python_xy in self._pythons(release, package)
        return has_wheel and self._libc_fits(release) and not known_bad

    def _fault(self, release):
        # On Windows the extra itself is refused, and without it these releases are good there.
        return None if self.windows else tensorflow.FAULTS.get((release, self.ask.and_cuda))

    def _libc_fits(self, release):
        return self.windows or self._glibc() >= self._line(release).glibc

    def _glibc(self):
        return int(self.profile.libc.rpartition(".")[2])

    def _pythons(self, release, package=None):
        return tensorflow.pythons(package or self.ask.package, release, self.profile.os, self.profile.arch)

    def _line(self, release=None):
        return tensorflow.LINES[tensorflow.LINE_OF[release or self.pick]]

    def _is_after(self, release, line):
        return tensorflow.key(tensorflow.LINE_OF[release]) > tensorflow.key(line)

    def _newer_may_fit(self):
        """Whether a release that the tables do not know yet is admitted and may have wheels there."""
        place = tensorflow.PLACES[self.ask.package].get((self.profile.os, self.profile.arch))
        return self.ask.open and place is not None and place[1] is None

    def _brings_cuda(self):
        if any(name.startswith("nvidia-") for name, _requirement in self.asked):
            return True  # the operator chose the libraries one by one
        return self.ask.and_cuda and not self._before_and_cuda(self.pick)

    def _before_and_cuda(self, release):
        return tensorflow.key(tensorflow.LINE_OF[release]) < tensorflow.key(tensorflow.FIRST_AND_CUDA)

    def _without_libraries(self):
        line = self._line()
        hosts = "every host needs CUDA %s and cuDNN %s installed system-wide" % (line.cuda, line.cudnn)
        if self._before_and_cuda(self.pick):
            return "%s brings no CUDA libraries (releases before %s cannot); %s." % (
                self.ask,
                tensorflow.LINES[tensorflow.FIRST_AND_CUDA].releases[0],
                hosts,
            )
        return "%s brings no CUDA libraries; choose %s, else %s." % (self.ask, self._with_cuda(self.pick), hosts)

    def _with_cuda(self, release):
        """The requirement for a GPU in place of this one, at the same release where one is known."""
        if release is None:
            return "tensorflow[and-cuda]"
        extra = "" if self.windows or self._before_and_cuda(release) else "[and-cuda]"
        return "tensorflow%s==%s" % (extra, release)

    def _without_cuda(self):
        name = "tensorflow-cpu" if self.profile.arch == "x86_64" else "tensorflow"
        return "%s==%s" % (name, self.pick)

    def _named(self, release):
        return "%s%s==%s" % (self.ask.package, "[and-cuda]" if self.ask.and_cuda else "", release)

    def _unfit(self, release):
        """Why ``release``, the newest one admitted, cannot be installed in this profile."""
        subject = str(self.ask) if self.ask.exact else "%s (%s)" % (self.ask, release)
        served, wanted = self._pythons(release), self.profile.python_xy
        if not served:
            return _impossible(
                "FERRY-COMPAT-005", "%s has no wheel for %s; %s." % (subject, self.place, self._elsewhere(release))
            )
        if wanted not in served:
            return _impossible(
                "FERRY-COMPAT-005",
                "%s: expected Python %s, which have a wheel of it for %s, found Python %s; give its hosts one of those, or %s."
                % (subject, _either(served), self.place, wanted, self._elsewhere(release)),
            )
        if not self._libc_fits(release):
            return _impossible(
                "FERRY-COMPAT-004",
                "%s: expected glibc 2.%d or newer, which its wheels need, found the floor %s; raise libc if all hosts have it, or %s."
                % (subject, self._line(release).glibc, self.profile.libc, self._elsewhere(release)),
            )
        _refused, reason, instead = self._fault(release)
        return _impossible(
            "FERRY-COMPAT-003", "%s cannot be installed: %s; choose %s." % (subject, reason, self._named(instead))
        )

    def _elsewhere(self, release):
        """The nearest possible choice: a release that fits the profile as it is, of this package or else of tensorflow itself."""
        order = list(tensorflow.LINE_OF)
        for package in dict.fromkeys((self.ask.package, "tensorflow")):
            others = [one for one in order if self._fits(one, package)]
            if others:
                nearest = min(reversed(others), key=lambda one: abs(order.index(one) - order.index(release)))
                first, last = tensorflow.LINE_OF[others[0]], tensorflow.LINE_OF[others[-1]]
                lines = "lines %s to %s fit" % (first, last) if first != last else "only line %s fits" % first
                return "choose %s %s, the nearest that fits this profile as it is (%s)" % (package, nearest, lines)
        return "wait for a newer release, because none known so far fits this profile as it is"


def _tensorboard(profile, asked, bounds):
    """TensorBoard asked for by its own name, at a version whose command is known to need pkg_resources."""
    if not any(name == "tensorboard" for name, _requirement in asked):
        return []
    ask = _Ask("tensorboard", asked, bounds)
    old = Requirement("tensorboard<=" + tensorflow.LAST_TENSORBOARD_WITH_PKG_RESOURCES).specifier
    pins = [one.version for one in ask.specifier if one.operator == "==" and not one.version.endswith(".*")]
    if not pins or not all(old.contains(pin) for pin in pins):
        return []
    return list(_setuptools(profile, "%s: its" % ask, bounds))


def _setuptools(profile, subject, bounds):
    if tensorflow.key(profile.python_xy) < tensorflow.key(tensorflow.SETUPTOOLS_PYTHON):
        return
    if any(name == "setuptools" and any(_bounds_setuptools(one) for one in ask.specifier) for name, ask in bounds):
        return
    yield _risky(
        "FERRY-COMPAT-009",
        "%s command ends in an error beside setuptools %d or newer; add %s to ferry_constraints."
        % (subject, tensorflow.SETUPTOOLS_WITHOUT, tensorflow.SETUPTOOLS_CONSTRAINT),
    )


def _bounds_setuptools(one):
    """Whether one specifier keeps setuptools below the first version without pkg_resources."""
    release = re.match(r"[0-9]+(\.[0-9]+)*", one.version)
    numbers = [int(part) for part in release.group().split(".")] if release else [tensorflow.SETUPTOOLS_WITHOUT]
    if one.operator == "<":
        return numbers[0] < tensorflow.SETUPTOOLS_WITHOUT or (
            numbers[0] == tensorflow.SETUPTOOLS_WITHOUT and not any(numbers[1:])
        )
    return one.operator in ("<=", "==", "===", "~=") and numbers[0] < tensorflow.SETUPTOOLS_WITHOUT


def _applying(profile, texts):
    """``[(normalised name, Requirement)]`` of those that are well-formed and whose marker is true for the profile."""
    environment = dict(target.marker_environment(profile), extra="")
    found = []
    for text in texts:
        try:
            parsed = Requirement(text)
        except InvalidRequirement:
            continue
        if not parsed.url and (parsed.marker is None or parsed.marker.evaluate(environment)):
            found.append((_normalised(parsed.name), parsed))
    return found


def _normalised(name):
    return re.sub("[-_.]+", "-", name).lower()


def _either(values):
    return " or ".join([", ".join(values[:-1]), values[-1]] if len(values) > 1 else values)


def _impossible(code, message):
    return {"level": "impossible", "code": code, "message": message}


def _risky(code, message):
    return {"level": "risky", "code": code, "message": message}
