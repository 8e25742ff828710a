# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The licence that a wheel's METADATA names, as an SPDX expression, where it names one beyond doubt.

A ``License-Expression`` (PEP 639) is taken as it is. The older ``License`` is free text and a classifier often only a family, so these count
where they name one licence and do not contradict each other. Nothing is guessed: PEP 639 forbids to infer a licence from, say, the
classifier "BSD License" or "Apache Software License". A classifier names a text of several lines only where that text begins as this licence does.
"""

from __future__ import annotations

import re

from .libraries import InvalidLicenseExpression, canonicalize_license_expression, parse_email

# Far more than any real expression; what reads one goes into its parentheses.
_LIMIT = 1000
_SHOWN = 100
_PREFIX = "License :: "
# Above others, and true of many licences: they say nothing of which one.
_GENERAL = ("License :: OSI Approved", "License :: DFSG approved")
# What SPDX calls deprecated: the GNU licences without saying whether later versions count.
_BARE_GNU = re.compile(r"(?<![A-Za-z0-9.-])((?:AGPL|GPL|LGPL|GFDL)-[0-9]\.[0-9])(\+|(?=[ )]|$))")

# Classifiers (pypi.org/classifiers) and what they name: one SPDX identifier, or, in a tuple, the beginnings of those that it may mean.
# Ambiguous are those that PEP 639's appendix "Mapping License Classifiers to SPDX Identifiers" lists, and those of which SPDX's list 3.27
# has several. Read in November 2026.
_CLASSIFIERS = {
    "Aladdin Free Public License (AFPL)": "Aladdin",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "CeCILL-B Free Software License Agreement (CECILL-B)": "CECILL-B",
    "CeCILL-C Free Software License Agreement (CECILL-C)": "CECILL-C",
    "Other/Proprietary License": ("LicenseRef-",),
    "Public Domain": ("CC0-1.0", "Unlicense", "LicenseRef-"),
    "OSI Approved :: Academic Free License (AFL)": ("AFL-",),
    "OSI Approved :: Apache Software License": ("Apache-",),
    "OSI Approved :: Artistic License": ("Artistic-",),
    "OSI Approved :: Blue Oak Model License (BlueOak-1.0.0)": "BlueOak-1.0.0",
    "OSI Approved :: Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "OSI Approved :: BSD License": ("BSD-", "0BSD"),
    "OSI Approved :: CEA CNRS Inria Logiciel Libre License, version 2.1 (CeCILL-2.1)": "CECILL-2.1",
    "OSI Approved :: CMU License (MIT-CMU)": "MIT-CMU",
    "OSI Approved :: Eclipse Public License 1.0 (EPL-1.0)": "EPL-1.0",
    "OSI Approved :: Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "OSI Approved :: European Union Public Licence 1.1 (EUPL 1.1)": "EUPL-1.1",
    "OSI Approved :: European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "OSI Approved :: GNU Affero General Public License v3": ("AGPL-3.0-",),
    "OSI Approved :: GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "OSI Approved :: GNU General Public License (GPL)": ("GPL-",),
    "OSI Approved :: GNU General Public License v2 (GPLv2)": ("GPL-2.0-",),
    "OSI Approved :: GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "OSI Approved :: GNU General Public License v3 (GPLv3)": ("GPL-3.0-",),
    "OSI Approved :: GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "OSI Approved :: GNU Lesser General Public License v2 (LGPLv2)": ("LGPL-2.",),
    "OSI Approved :: GNU Lesser General Public License v2 or later (LGPLv2+)": ("LGPL-2.",),
    "OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)": ("LGPL-3.0-",),
    "OSI Approved :: GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "OSI Approved :: GNU Library or Lesser General Public License (LGPL)": ("LGPL-",),
    "OSI Approved :: Historical Permission Notice and Disclaimer (HPND)": ("HPND",),
    "OSI Approved :: ISC License (ISCL)": "ISC",
    "OSI Approved :: MIT License": "MIT",
    "OSI Approved :: MIT No Attribution License (MIT-0)": "MIT-0",
    "OSI Approved :: Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "OSI Approved :: PostgreSQL License": "PostgreSQL",
    "OSI Approved :: Python License (CNRI Python License)": "CNRI-Python",
    "OSI Approved :: Python Software Foundation License": ("PSF-", "Python-2.0"),
    "OSI Approved :: SIL Open Font License 1.1 (OFL-1.1)": ("OFL-1.1",),
    "OSI Approved :: The Unlicense (Unlicense)": "Unlicense",
    "OSI Approved :: Universal Permissive License (UPL)": "UPL-1.0",
    "OSI Approved :: University of Illinois/NCSA Open Source License": "NCSA",
    "OSI Approved :: W3C License": ("W3C",),
    "OSI Approved :: Zope Public License": ("ZPL-",),
    "OSI Approved :: zlib/libpng License": "Zlib",
}

# Names that ``License`` has in published wheels, without "the", "licence", "version" and punctuation, and the one licence that SPDX's list or
# the Open Source Initiative calls so. Not here, because they name several: BSD, Apache, GPL, GPL v3, LGPL, PSF, public domain.
_NAMES = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache v2": "Apache-2.0",
    "apache v2.0": "Apache-2.0",
    "apache2.0": "Apache-2.0",
    "apache software 2.0": "Apache-2.0",
    "2-clause bsd": "BSD-2-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "revised bsd": "BSD-3-Clause",
    "boost software 1.0": "BSL-1.0",
    "agplv3+": "AGPL-3.0-or-later",
    "gplv2+": "GPL-2.0-or-later",
    "gplv3+": "GPL-3.0-or-later",
    "gnu lesser general public v3 or later lgplv3+": "LGPL-3.0-or-later",
    "lgplv3+": "LGPL-3.0-or-later",
    "expat": "MIT",
    "mit expat": "MIT",
    "mit mit": "MIT",
    "mit no attribution": "MIT-0",
    "mozilla public 2.0": "MPL-2.0",
    "mozilla public 2.0 mpl 2.0": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "mpl2.0": "MPL-2.0",
}

# How the texts of licences begin, in small letters and with single spaces; of those that a classifier names beyond doubt.
_OPENINGS = {
    "AGPL-3.0-or-later": "gnu affero general public license version 3",
    "BSL-1.0": "boost software license - version 1.0",
    "GPL-2.0-or-later": "gnu general public license version 2",
    "GPL-3.0-or-later": "gnu general public license version 3",
    "ISC": "permission to use, copy, modify, and/or distribute this software for any purpose",
    "LGPL-3.0-or-later": "gnu lesser general public license version 3",
    "MIT": "permission is hereby granted, free of charge, to any person obtaining",
    "MPL-2.0": "mozilla public license version 2.0",
    "Unlicense": "this is free and unencumbered software released into the public domain.",
}
_COPYRIGHT = re.compile(r"[#*\s]*(copyright\b|\(c\)|©)", re.IGNORECASE)


def of(metadata_text: str) -> dict:
    """``{"expression": canonical SPDX expression, or None where it is not sure, "said": what METADATA says, in words, or None, "source"}``.

    ``source`` is the field that it was taken from, or that says the unclear thing: ``License-Expression``, ``License``, ``Classifier``; None
    where METADATA says nothing.
    """
    raw, unread = parse_email(metadata_text)
    stated = [raw["license_expression"]] if "license_expression" in raw else unread.get("license-expression", [])
    if stated:
        sole = expression(stated[0]) if len(stated) == 1 else None
        return {"expression": sole, "said": _shown("; ".join(stated)), "source": "License-Expression"}
    return _older([raw["license"]] if "license" in raw else unread.get("license", []), raw.get("classifiers", []))


def expression(text: str):
    """``text`` as an SPDX expression in its canonical spelling, or None where it is none."""
    if len(text) > _LIMIT:
        return None
    try:
        found = canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return None
    return _BARE_GNU.sub(lambda match: match.group(1) + ("-or-later" if match.group(2) else "-only"), found)


def _older(texts, classifiers):
    text = "\n".join(texts).strip()
    text = "" if text.lower() in ("unknown", "none") else text
    named = [name for name in dict.fromkeys(classifiers) if name.startswith(_PREFIX) and name not in _GENERAL]
    meanings = [_CLASSIFIERS.get(name.removeprefix(_PREFIX), ()) for name in named]
    sole = _named(text) if len(texts) == 1 else None
    if sole and all(_agrees(meaning, sole) for meaning in meanings):
        return {"expression": sole, "said": _shown(text), "source": "License"}
    said = "; ".join(([_shown(text)] if text else []) + named) or None
    # Several lines may be the licence's own text, of which a classifier gives the name; one line that is not understood may say anything.
    meaning = meanings[0] if len(meanings) == 1 and isinstance(meanings[0], str) else None
    if meaning and (not text or (len(texts) == 1 and not sole and _is_text_of(meaning, text))):
        return {"expression": meaning, "said": said, "source": "Classifier"}
    return {"expression": None, "said": said, "source": "License" if text else "Classifier" if named else None}


def _is_text_of(licence, text):
    """Whether several lines begin as the text of that licence does: with its name, or its first words, which copyright notices may precede."""
    lines = [" ".join(line.split()) for line in text.split("\n") if line.strip()]
    if len(lines) < 2 or _named(lines[0]) == licence:
        return len(lines) > 1
    # First words may be wrapped, and a title has its version on the next line.
    after = [*lines[1:], "", "", ""]
    heads = map(" ".join, zip(lines, after, after[1:], after[2:]))
    if not _COPYRIGHT.match(lines[0]):
        heads = [next(heads)]
    opening = _OPENINGS.get(licence)
    return opening is not None and any(head.lower().startswith(opening) for head in heads)


def _named(text):
    """The one licence that the words of ``License`` name, or None."""
    found = expression(text)
    if found or "\n" in text:
        return found
    words = " ".join(re.sub(r"\b(the|licen[cs]e|version)\b|[,()\"]", " ", text.lower()).split())
    # Without its parentheses an expression would be another one.
    return _NAMES.get(words) or (expression(words) if words and " " not in words else None)


def _agrees(meaning, found):
    """Whether the expression ``found`` holds what a classifier means."""
    identifiers = re.findall(r"[^ ()]+", found)
    return meaning in identifiers if isinstance(meaning, str) else any(name.startswith(meaning) for name in identifiers)


def _shown(text):
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return first if first == text and len(first) <= _SHOWN else first[:_SHOWN] + " ..."
