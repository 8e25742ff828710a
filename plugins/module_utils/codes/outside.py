# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes of the operator's variables, of every machine, and of the staging host."""

from __future__ import annotations

CODES = {
    "FERRY-VAR-001": (
        "A ferry_ variable is not one that any role knows.",
        "Correct the name; the message gives the nearest known one.",
    ),
    "FERRY-VAR-002": (
        "A ferry_ variable has the wrong type or shape.",
        "Give the value in the shape that the message names.",
    ),
    "FERRY-VAR-003": (
        "A host names a profile that ferry_profiles does not define, or names none.",
        "Set ferry_profile to a defined profile, or define it.",
    ),
    "FERRY-VAR-004": (
        "A profile is not valid.",
        "Correct the key of ferry_profiles or ferry_kit_profile that the message names.",
    ),
    "FERRY-VAR-005": ("A variable that this step needs is not set.", "Set it in the inventory."),
    "FERRY-IO-001": ("The disk is full.", "Free space where the message says, then run the same playbook again."),
    "FERRY-IO-002": (
        "A file or directory cannot be read or written.",
        "Correct the permission, mount or path that the message names.",
    ),
    "FERRY-IO-003": (
        "Another run holds the lock.",
        "Wait for the process that the message names, or end it; its lock goes with it.",
    ),
    "FERRY-TOOL-001": (
        "The staging tools environment cannot be made.",
        "Follow the message: usually the venv package or the index is missing.",
    ),
    "FERRY-TOOL-002": ("A program that this step needs is missing.", "Install the package that the message names."),
    "FERRY-INDEX-001": (
        "The package index cannot be reached.",
        "Check the address, proxy and CA in pip's configuration or ferry_index_url.",
    ),
    "FERRY-INDEX-002": (
        "An address with credentials would be written into pip's configuration.",
        "Write the address without them, and user and password into ~/.netrc, which pip and uv read.",
    ),
    "FERRY-INDEX-003": (
        "The package index does not say when its files were uploaded.",
        "Name an index that does (PEP 700; PyPI does), or drop ferry_lock_as_of.",
    ),
    "FERRY-LOCK-001": (
        "A requirement cannot be satisfied from the index.",
        "Correct the requirement; the message carries the resolver's reason.",
    ),
    "FERRY-LOCK-002": (
        "A locked package has no wheel that fits the profile.",
        "Choose another version, or raise the profile's libc or Python.",
    ),
    "FERRY-LOCK-003": ("A lock file is missing or not valid.", "Run lock.yml again, or restore the approved lock."),
    "FERRY-LOCK-004": (
        "A requirement or constraint is not a valid requirement string.",
        "Correct it: name, optional extras, version specifier, marker.",
    ),
    "FERRY-LOCK-005": (
        "A lock lacks a package or an extra that something in it asks for.",
        "Lock again with ferry_lock_refresh, or name the package in ferry_requirements.",
    ),
    "FERRY-LOCK-006": (
        "A locked version is not one that a wheel, a requirement or a constraint asks for, or a package is locked twice.",
        "Lock again with ferry_lock_refresh, or correct ferry_requirements and ferry_constraints.",
    ),
    "FERRY-LOCK-007": (
        "A locked wheel refuses the profile's Python, at its floor or at its newest patch.",
        "Choose another version in ferry_constraints, or raise the profile's python.",
    ),
    "FERRY-LOCK-008": (
        "A lock holds a package that nothing asks for.",
        "Ask who added it; lock again with ferry_lock_refresh, or name it in ferry_requirements.",
    ),
    "FERRY-LOCK-009": (
        "A locked file is no wheel, does not fit the profile, or its METADATA is not usable or of another package.",
        "Choose another version, or correct the profile; ask who changed the file.",
    ),
    "FERRY-LOCK-010": (
        "A second index serves another file under the name of a locked one.",
        "Use neither before you know which is right; compare with a third, and tell the mirror's operators.",
    ),
    "FERRY-LOCK-011": (
        "A second index lacks a locked file, or its sha256.",
        "Wait until it has caught up, or name another ferry_crosscheck_index_url.",
    ),
    "FERRY-TRIM-001": (
        "A reduction was never tested with what the profile locks.",
        "Choose a release that the message names, or drop trim from the profile.",
    ),
    "FERRY-TRIM-002": (
        "A profile cannot be trimmed, because the index does not tell enough of its wheels.",
        "Drop trim from the profile, or lock from an index that gives METADATA and sizes, as PyPI does.",
    ),
    "FERRY-TRIM-003": (
        "Nothing can be left out of a profile, because its other requirements need all of it.",
        "Drop trim from the profile.",
    ),
    "FERRY-COMPAT-001": (
        "A GPU is asked for on native Windows with a TensorFlow newer than 2.10.",
        "Set the accelerator to none, take TensorFlow 2.10.1, or serve the hosts as a Linux profile in WSL2.",
    ),
    "FERRY-COMPAT-002": (
        "A Windows profile asks for tensorflow[and-cuda], whose libraries exist for Linux only.",
        "Drop the extra there, with an environment marker or in the profile's own requirements.",
    ),
    "FERRY-COMPAT-003": ("A release has a known fault.", "Take the release that the message names."),
    "FERRY-COMPAT-004": (
        "TensorFlow's wheels need a newer glibc than the profile's floor.",
        "Raise libc where all hosts have it, or take the release that the message names.",
    ),
    "FERRY-COMPAT-005": (
        "A TensorFlow release has no wheel for the profile's Python, system or architecture.",
        "Choose one of the Pythons or releases that the message names.",
    ),
    "FERRY-COMPAT-006": (
        "A build without GPU support is asked for in a GPU profile.",
        "Take tensorflow[and-cuda], or set the accelerator to none.",
    ),
    "FERRY-COMPAT-007": (
        "A GPU profile brings no CUDA libraries (a warning).",
        "Add the extra and-cuda, or see that every host has the CUDA and cuDNN that the message names.",
    ),
    "FERRY-COMPAT-008": (
        "A profile without accelerator carries GPU code (a warning).",
        "Take tensorflow-cpu: the same, and smaller.",
    ),
    "FERRY-COMPAT-009": (
        "TensorBoard's command will not start beside the setuptools that gets locked (a warning).",
        "Add the constraint that the message names.",
    ),
    "FERRY-COMPAT-010": (
        "TensorFlow is not pinned (a warning).",
        "Pin it, so that a new lock changes only what was meant.",
    ),
    "FERRY-COMPAT-011": (
        "The floor of a profile's Python is an X.Y.0, which a bare X.Y means too (a warning).",
        "Write the oldest full Python version of its hosts, such as 3.9.19.",
    ),
    "FERRY-COMPAT-012": (
        "The lock of a profile without accelerator carries CUDA libraries (a warning).",
        "Look for a build without GPU support, or set the accelerator to cuda.",
    ),
    "FERRY-BUILD-001": (
        "A locked wheel cannot be downloaded.",
        "Check the index; if the file is gone from it, lock again with ferry_lock_refresh.",
    ),
    "FERRY-BUILD-002": (
        "A downloaded wheel differs from its lock.",
        "Do not use it: the index or a proxy serves another file than was locked.",
    ),
    "FERRY-BUILD-003": ("Two profiles lock different files under one wheel name.", "Lock all profiles from one index."),
    "FERRY-BUILD-004": (
        "A bundle that was built on the staging host cannot be read any more.",
        "Move its folder away and run prepare.yml again; suspect the disk.",
    ),
    "FERRY-SBOM-001": (
        "The SBOM of a profile is not valid by CycloneDX's own schema, so the bundle was not built.",
        "Look at what the lock and the METADATA say of the wheel that the message names; else report a fault of this collection.",
    ),
    "FERRY-GATE-001": (
        "A gate that is enforced could not judge.",
        "Give it what the message says that it lacks, or set its enforce to false.",
    ),
    "FERRY-GATE-002": (
        "An allow-list of ferry_approvals cannot be read as one.",
        "Correct the line that the message names: name==version --hash=sha256:..., or a comment.",
    ),
    "FERRY-GATE-003": (
        "A locked wheel is not approved.",
        "Have the lines of locks/approvals-request.txt reviewed, which lock.yml writes, and add those to the allow-list that are right.",
    ),
    "FERRY-GATE-004": (
        "The licence of a locked wheel is not allowed.",
        "Allow it in ferry_licences, judge the package in its overrides with a reason, or leave it out.",
    ),
    "FERRY-GATE-005": (
        "A locked wheel does not say for certain which licence it has.",
        "Read its licence, and judge the package in the overrides of ferry_licences with a reason.",
    ),
    "FERRY-GATE-006": (
        "A locked package has a known vulnerability that no waiver excuses.",
        "Lock a release that has it no more, or waive it in ferry_advisories with its id, a reason and a last day.",
    ),
    "FERRY-GATE-007": (
        "The advisory data is damaged, or holds what is no OSV record.",
        "Do not use it: fetch it again, and compare its sha256.",
    ),
    "FERRY-GATE-008": (
        "A waiver does not say what it must: an id, a reason, and a last day.",
        "Correct the entry of ferry_advisories.waivers that the message names.",
    ),
    "FERRY-GATE-009": (
        "The provenance that the index gives of a file does not verify.",
        "Do not use the file: it may be another than its publisher made. Where its keys are newer than this collection, update that.",
    ),
    "FERRY-GATE-010": (
        "The provenance of a package is of another publisher than expected.",
        "Ask why the project publishes from elsewhere before you correct ferry_provenance.publishers.",
    ),
    "FERRY-GATE-011": (
        "Provenance is required of a package, and the index gives none.",
        "Take a release that has it, or an index that gives it (PyPI does); or drop the name from ferry_provenance.",
    ),
    "FERRY-GATE-012": (
        "Provenance is required of a package, and the index does not tell whether there is any.",
        "See that the index and the address that the message names can be reached, and that the index has JSON pages (PEP 691).",
    ),
    "FERRY-SIGN-001": (
        "The bundle cannot be signed.",
        "Check ferry_signing (or ferry_approver): the key, its home or agent, and its passphrase.",
    ),
    "FERRY-SIGN-002": (
        "The newest built bundle is not the one that the approver has reviewed.",
        "Review the newest one and approve it by its own id (ferry_bundle_id); ask who built it, if you did not expect it.",
    ),
}
