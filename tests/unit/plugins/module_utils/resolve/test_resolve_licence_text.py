# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wheel's licence is what its METADATA says beyond doubt, in SPDX's words, or it is not known."""

from __future__ import annotations

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import licence_text

MIT = "Classifier: License :: OSI Approved :: MIT License"
BSD = "Classifier: License :: OSI Approved :: BSD License"
APACHE = "Classifier: License :: OSI Approved :: Apache Software License"
PROPRIETARY = "Classifier: License :: Other/Proprietary License"
MPL = "Classifier: License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)"
LGPL = "Classifier: License :: OSI Approved :: GNU Lesser General Public License v3 or later (LGPLv3+)"
GRANT = "Permission is hereby granted, free of charge, to any\n        person obtaining a copy"
TEXT = "License: MIT License\n        \n        Copyright (c) 2020 Somebody\n        Permission is hereby granted"


def of(*fields, body="A description.\n"):
    return licence_text.of("\n".join(["Metadata-Version: 2.1", "Name: one", "Version: 1.0", *fields, "", body]))


# As published wheels say it; in brackets one that does.
KNOWN = {
    "an expression (keras)": (["License-Expression: Apache-2.0"], "Apache-2.0", "License-Expression"),
    "an expression in another case": (
        ["License-Expression: mit or APACHE-2.0"],
        "MIT OR Apache-2.0",
        "License-Expression",
    ),
    "an expression and what is older": (
        ["License-Expression: MIT", "License: BSD", APACHE],
        "MIT",
        "License-Expression",
    ),
    "a reference (nvidia-cublas)": (
        ["License-Expression: LicenseRef-NVIDIA-Proprietary", PROPRIETARY],
        "LicenseRef-NVIDIA-Proprietary",
        "License-Expression",
    ),
    "what SPDX deprecated": (
        ["License-Expression: GPL-2.0 OR LGPL-3.0+"],
        "GPL-2.0-only OR LGPL-3.0-or-later",
        "License-Expression",
    ),
    "a reference that only looks so": (
        ["License-Expression: LicenseRef-GPL-2.0"],
        "LicenseRef-GPL-2.0",
        "License-Expression",
    ),
    "an identifier (certifi)": (
        ["License: MPL-2.0", "Classifier: License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)"],
        "MPL-2.0",
        "License",
    ),
    "an expression in the old field (sniffio)": (
        ["License: MIT OR Apache-2.0", MIT, APACHE],
        "MIT OR Apache-2.0",
        "License",
    ),
    "a name and its family (tensorboard)": (["License: Apache 2.0", APACHE], "Apache-2.0", "License"),
    "a long name (overrides)": (["License: Apache License, Version 2.0"], "Apache-2.0", "License"),
    "a name in brackets (trimesh)": (["License: The MIT License (MIT)", MIT], "MIT", "License"),
    "a name of a variant (gast)": (["License: BSD 3-Clause", BSD], "BSD-3-Clause", "License"),
    "a name of a variant alone (protobuf)": (["License: 3-Clause BSD License"], "BSD-3-Clause", "License"),
    "above its classifier (future)": (["License: MIT", "Classifier: License :: OSI Approved", MIT], "MIT", "License"),
    "a classifier (ezdxf)": ([MIT], "MIT", "Classifier"),
    "a classifier and UNKNOWN (mergedeep)": (["License: UNKNOWN", MIT], "MIT", "Classifier"),
    "a classifier twice": ([MIT, MIT], "MIT", "Classifier"),
    "a classifier that names a text (wandb)": ([TEXT, MIT], "MIT", "Classifier"),
    "a classifier of a text without its name (python-discovery)": (["License: " + GRANT, MIT], "MIT", "Classifier"),
    "a classifier of a text below its copyright (polars)": (
        ["License: Copyright (c) 2025 Somebody\n        and others\n        \n        " + GRANT, MIT],
        "MIT",
        "Classifier",
    ),
    "a classifier of a text with a title (cysignals)": (
        ["License:           GNU LESSER GENERAL PUBLIC LICENSE\n             Version 3, 29 June 2007", LGPL],
        "LGPL-3.0-or-later",
        "Classifier",
    ),
}


@pytest.mark.parametrize("fields, expression, source", KNOWN.values(), ids=KNOWN)
def test_one_licence_beyond_doubt_is_known_by_its_canonical_expression(fields, expression, source):
    found = of(*fields)
    assert (found["expression"], found["source"]) == (expression, source) and found["said"]


UNKNOWN = {
    "nothing (namex)": ([], None, None),
    "UNKNOWN": (["License: UNKNOWN"], None, None),
    "no licence at all but the general (none)": (["Classifier: License :: OSI Approved"], None, None),
    "an expression that is none": (["License-Expression: My own"], "My own", "License-Expression"),
    "an expression that is none is not helped by a classifier": (
        ["License-Expression: My own", MIT],
        "My own",
        "License-Expression",
    ),
    "two expressions": (["License-Expression: MIT", "License-Expression: ISC"], "MIT; ISC", "License-Expression"),
    "a family (wrapt)": (["License: BSD", BSD], "BSD; License :: OSI Approved :: BSD License", "License"),
    "a family's classifier (jinja2)": ([BSD], "License :: OSI Approved :: BSD License", "Classifier"),
    "a classifier that PEP 639 forbids to take for one (etils)": (
        [APACHE],
        "License :: OSI Approved :: Apache Software License",
        "Classifier",
    ),
    "two classifiers": (
        [MIT, APACHE],
        "License :: OSI Approved :: MIT License; License :: OSI Approved :: Apache Software License",
        "Classifier",
    ),
    "a classifier nobody knows": (["Classifier: License :: Ours"], "License :: Ours", "Classifier"),
    "a name without version (pyqt5)": (["License: GPL v3"], "GPL v3", "License"),
    "a name that another contradicts (nvidia-nvtx)": (
        ["License: Apache 2.0", PROPRIETARY],
        "Apache 2.0; License :: Other/Proprietary License",
        "License",
    ),
    "a name among several (uvloop)": (
        ["License: MIT License", APACHE, MIT],
        "MIT License; License :: OSI Approved :: Apache Software License; License :: OSI Approved :: MIT License",
        "License",
    ),
    "words beside a classifier": (
        ["License: Commercial", MIT],
        "Commercial; License :: OSI Approved :: MIT License",
        "License",
    ),
    "a text alone (tiktoken)": ([TEXT], "MIT License ...", "License"),
    "an expression torn apart": (["License: MIT, (Apache-2.0)"], "MIT, (Apache-2.0)", "License"),
    "an expression that its brackets would change": (
        ["License: the MIT AND (ISC OR GPL-2.0-only) licence"],
        "the MIT AND (ISC OR GPL-2.0-only) licence",
        "License",
    ),
    "lines that a classifier contradicts": (
        ["License: MIT AND\n        ISC", "Classifier: License :: OSI Approved :: The Unlicense (Unlicense)"],
        "MIT AND ...; License :: OSI Approved :: The Unlicense (Unlicense)",
        "License",
    ),
    "another licence's text beside a classifier": (
        [
            "License: GNU AFFERO GENERAL PUBLIC LICENSE\n        Version 3, 19 November 2007\n        \n        "
            + GRANT,
            MIT,
        ],
        "GNU AFFERO GENERAL PUBLIC LICENSE ...; License :: OSI Approved :: MIT License",
        "License",
    ),
    "terms of one's own beside a classifier": (
        ["License: Proprietary. All rights reserved.\n        No redistribution.", MIT],
        "Proprietary. All rights reserved. ...; License :: OSI Approved :: MIT License",
        "License",
    ),
    "terms of one's own below a copyright": (
        ["License: Copyright (c) 2025 Somebody\n        No redistribution.", MIT],
        "Copyright (c) 2025 Somebody ...; License :: OSI Approved :: MIT License",
        "License",
    ),
    "a text in another version": (
        ["License: GNU LESSER GENERAL PUBLIC LICENSE\n        Version 2.1, February 1999", LGPL],
        "GNU LESSER GENERAL PUBLIC LICENSE ...; "
        "License :: OSI Approved :: GNU Lesser General Public License v3 or later (LGPLv3+)",
        "License",
    ),
    "a text whose beginning is not known": (
        ["License: Mozilla terms\n        as follows", MPL],
        "Mozilla terms ...; License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)",
        "License",
    ),
    "two licence fields": (["License: MIT", "License: ISC"], "MIT ...", "License"),
    "a second field that contradicts the classifier": (
        ["License: MIT", "License: ISC", MIT],
        "MIT ...; License :: OSI Approved :: MIT License",
        "License",
    ),
}


@pytest.mark.parametrize("fields, said, source", UNKNOWN.values(), ids=UNKNOWN)
def test_what_leaves_a_doubt_is_not_known_and_is_told_as_it_was_said(fields, said, source):
    assert of(*fields) == {"expression": None, "said": said, "source": source}


def test_a_text_that_a_classifier_names_is_told_by_its_first_line():
    assert of(TEXT, MIT)["said"] == "MIT License ...; License :: OSI Approved :: MIT License"


def test_a_licence_in_the_description_is_none():
    assert of(body="License-Expression: MIT\nLicense: MIT\n" + MIT + "\n")["source"] is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "License-Expression:",
        "License-Expression: " + "(" * 300 + "MIT" + ")" * 300,
        "License-Expression: " + " AND ".join(["MIT"] * 100_000),
        "License-Expression: MIT AND (",
        "License-Expression: MIT WITH",
        "License-Expression: \ufffd",
        "License: " + "x" * 1_000_000,
        "License: (c)" + "\n        x" * 100_000 + "\n" + MIT,
        "Classifier: License :: " + "x" * 1_000_000,
    ],
)
def test_metadata_of_any_kind_gives_an_answer(text):
    assert licence_text.of(text)["expression"] is None


def test_a_long_word_is_shown_shortened():
    assert len(of("License: " + "word " * 10_000)["said"]) < 120


def test_every_licence_that_the_tables_name_is_one_of_spdx():
    tables = [*licence_text._NAMES.values(), *licence_text._CLASSIFIERS.values()]
    for name in tables:
        if isinstance(name, str):
            assert licence_text.expression(name) == name


def test_no_classifier_of_those_that_pep_639_calls_ambiguous_names_a_licence():
    ambiguous = [
        "Academic Free License (AFL)",
        "Apache Software License",
        "Apple Public Source License",
        "Artistic License",
        "BSD License",
        "GNU Affero General Public License v3",
        "GNU Free Documentation License (FDL)",
        "GNU General Public License (GPL)",
        "GNU General Public License v2 (GPLv2)",
        "GNU General Public License v3 (GPLv3)",
        "GNU Lesser General Public License v2 (LGPLv2)",
        "GNU Lesser General Public License v2 or later (LGPLv2+)",
        "GNU Lesser General Public License v3 (LGPLv3)",
        "GNU Library or Lesser General Public License (LGPL)",
    ]
    for name in ambiguous:
        assert of("Classifier: License :: OSI Approved :: " + name)["expression"] is None, name
