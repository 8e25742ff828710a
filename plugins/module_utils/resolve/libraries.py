# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The third parties of this room, from the tools environment. Without one the room can be imported, as gates and documentation do, and not run."""

from __future__ import annotations

try:
    import tomllib

    from license_expression import Licensing
    from packageurl import PackageURL
    from packaging import pylock as pep751
    from packaging import tags
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
    from packaging.metadata import parse_email
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
    from packaging.version import InvalidVersion, Version
except ImportError:  # staging.require_libraries tells the operator, before anything of this room is called
    InvalidLicenseExpression = Licensing = PackageURL = canonicalize_license_expression = None
    InvalidRequirement = InvalidSpecifier = InvalidVersion = InvalidWheelFilename = Requirement = SpecifierSet = None
    UndefinedComparison = UndefinedEnvironmentName = Version = canonicalize_name = parse_email = None
    parse_wheel_filename = pep751 = tags = tomllib = None


def attestations():
    """The library for PEP 740, or None where it is missing. Asked for when it is needed: it takes half a second to import."""
    try:
        import pypi_attestations
    except ImportError:
        return None
    return pypi_attestations


def cyclonedx():
    """The library for SBOMs. Asked for when it is needed: it takes most of a second to import."""
    import cyclonedx.model.bom
    import cyclonedx.output.json
    import cyclonedx.schema
    import cyclonedx.spdx
    import cyclonedx.validation.json

    return cyclonedx


__all__ = [
    "InvalidLicenseExpression",
    "InvalidRequirement",
    "InvalidSpecifier",
    "InvalidVersion",
    "InvalidWheelFilename",
    "Licensing",
    "PackageURL",
    "Requirement",
    "SpecifierSet",
    "UndefinedComparison",
    "UndefinedEnvironmentName",
    "Version",
    "attestations",
    "canonicalize_license_expression",
    "canonicalize_name",
    "cyclonedx",
    "parse_email",
    "parse_wheel_filename",
    "pep751",
    "tags",
    "tomllib",
]
