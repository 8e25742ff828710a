# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The third parties of this room, from the tools environment. Without one the room can be imported, as gates and documentation do, and not run."""

from __future__ import annotations

try:
    import tomllib

    from packaging import pylock as pep751
    from packaging import tags
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
    from packaging.metadata import parse_email
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
    from packaging.version import InvalidVersion, Version
except ImportError:  # staging.require_libraries tells the operator, before anything of this room is called
    InvalidRequirement = InvalidSpecifier = InvalidVersion = InvalidWheelFilename = Requirement = SpecifierSet = None
    UndefinedComparison = UndefinedEnvironmentName = Version = canonicalize_name = parse_email = None
    parse_wheel_filename = pep751 = tags = tomllib = None

__all__ = [
    "InvalidRequirement",
    "InvalidSpecifier",
    "InvalidVersion",
    "InvalidWheelFilename",
    "Requirement",
    "SpecifierSet",
    "UndefinedComparison",
    "UndefinedEnvironmentName",
    "Version",
    "canonicalize_name",
    "parse_email",
    "parse_wheel_filename",
    "pep751",
    "tags",
    "tomllib",
]
