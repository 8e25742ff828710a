# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of stable codes: ``CODES`` is ``{code: (what it means, what to do next)}``.

A code is never given another meaning and never used again. ``docs/codes.md`` is made from here by ``tests/docs/make_codes.py``; a
unit test holds them equal. Like ``errors.py`` this travels to hosts: stdlib only, Python 3.8+.
"""

from __future__ import annotations

from . import inside, outside

CODES = dict(outside.CODES, **inside.CODES)
