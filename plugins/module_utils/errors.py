# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error type and the registry of its stable codes.

This file travels to hosts (AnsiballZ, Windows helper): stdlib only, Python 3.8+.
``docs/codes.md`` is made from ``CODES`` by ``tests/docs/make_codes.py``; a unit test holds them equal.
"""

from __future__ import annotations

import errno

# code: (what it means, what to do next). A code is never given another meaning and never used again.
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
    "FERRY-VAR-004": ("A profile is not valid.", "Correct the key of ferry_profiles that the message names."),
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
    "FERRY-SIGN-001": (
        "The bundle cannot be signed.",
        "Check ferry_signing: the key, its home and its passphrase file.",
    ),
    "FERRY-ZONE-001": (
        "The zone does not hold what this step needs.",
        "Mount the medium or run the sending side first.",
    ),
    "FERRY-ZONE-002": (
        "A file in the zone differs from what was sent.",
        "Remove the copy that the message names and send again; suspect the medium.",
    ),
    "FERRY-ZONE-003": (
        "A bundle in the zone is incomplete or has foreign files.",
        "Send it again, or wait until the copy has finished.",
    ),
    "FERRY-ZONE-004": ("No bundle has been built under this name.", "Run prepare.yml on the staging host first."),
    "FERRY-BUNDLE-001": (
        "The bundle is not signed.",
        "Have it built again with ferry_signing set; never install it as it is.",
    ),
    "FERRY-BUNDLE-002": (
        "The signature is not good.",
        "Do not use the bundle: the statement or the signature was changed.",
    ),
    "FERRY-BUNDLE-003": (
        "The signer is not a trusted builder.",
        "Compare the fingerprint with the builder's by another channel before adding it to ferry_trusted_keys.",
    ),
    "FERRY-BUNDLE-004": ("A signed file differs from its hash.", "Do not use the bundle; transfer it again."),
    "FERRY-BUNDLE-005": (
        "The bundle holds a file that its manifest does not list.",
        "Do not use the bundle; ask who added the file.",
    ),
    "FERRY-BUNDLE-006": ("A file that the manifest lists is missing.", "Transfer the bundle again."),
    "FERRY-BUNDLE-007": ("A manifest or statement is malformed.", "Do not use the bundle; build it again."),
    "FERRY-BUNDLE-008": (
        "The bundle is older than one already accepted.",
        "Build it again from its locks: that gives it a newer serial.",
    ),
    "FERRY-BUNDLE-009": (
        "The bundle's time is absurd: from the future, or expired.",
        "Check both clocks; build the bundle again.",
    ),
    "FERRY-BUNDLE-010": (
        "The bundle holds something other than plain files and directories.",
        "Do not use the bundle; ask who added it.",
    ),
    "FERRY-BUNDLE-011": ("The signature uses a weak hash.", "Sign with SHA-256 or stronger."),
    "FERRY-WHEEL-001": (
        "A wheel is no sound archive, or one that two readers would unpack in two ways.",
        "Do not use the bundle; ask the builder for the wheel's origin and build it again from the index.",
    ),
    "FERRY-WHEEL-002": (
        "A member of a wheel has a name or a kind that could leave its place: a path, a link, a device, set-uid, two names that collide.",
        "Do not use the bundle; treat it as an attack until its builder explains it.",
    ),
    "FERRY-WHEEL-003": (
        "A wheel holds far more than its size lets expect, or other sizes than it says.",
        "Do not use the bundle; treat it as an attack until its builder explains it.",
    ),
    "FERRY-WHEEL-004": (
        "A wheel differs from its RECORD: a file changed, added or missing.",
        "Do not use the bundle; ask its builder to compare the wheel with the index.",
    ),
    "FERRY-WHEEL-005": (
        "A wheel's METADATA is of another name or version than its file name.",
        "Do not use the bundle; ask its builder to compare the wheel with the index.",
    ),
    "FERRY-WHEEL-006": (
        "A bundle gives a profile a wheel that its hosts cannot take.",
        "Ask the builder to lock that profile again; its locks and its wheels do not belong together.",
    ),
    "FERRY-DEPOT-001": ("The depot holds no bundle of this name.", "Run transfer.yml first."),
    "FERRY-DEPOT-002": (
        "The depot cannot be reached or does not serve the file.",
        "Check ferry_depot_url and the depot's web server.",
    ),
    "FERRY-DEPOT-003": (
        "What the depot serves differs from what the controller asked for.",
        "Remove that bundle and its note in names/ at the depot, then run transfer.yml and deploy.yml.",
    ),
    "FERRY-HOST-001": ("The host has no fitting Python.", "Install it, or name it in ferry_python."),
    "FERRY-HOST-002": (
        "The host does not fit its profile.",
        "Give the host another profile, or change the host as the message says.",
    ),
    "FERRY-HOST-003": (
        "There is too little space for the release.",
        "Free the space that the message names; nothing was written.",
    ),
    "FERRY-INSTALL-001": (
        "The installer refused or failed.",
        "Read the reason in the message; the live release is untouched.",
    ),
    "FERRY-INSTALL-002": (
        "An installed file differs from its wheel's RECORD.",
        "The release was removed and the live one is untouched; run again, suspect the disk.",
    ),
    "FERRY-INSTALL-003": ("There is no release to go back to.", "Name one with ferry_release, or deploy a bundle."),
    "FERRY-INSTALL-004": ("The release is not on this host or not complete.", "Run deploy.yml."),
    "FERRY-GPU-001": (
        "The framework cannot be imported.",
        "Read the reason in the message; the release was not made live.",
    ),
    "FERRY-GPU-002": (
        "The framework's version is not the locked one.",
        "It was changed after it was built: run rollback.yml, remove that release, then run deploy.yml.",
    ),
    "FERRY-GPU-003": ("A CPU-only build is on a GPU profile.", "Lock tensorflow[and-cuda] for this profile."),
    "FERRY-GPU-004": (
        "Fewer GPUs are seen than expected.",
        "Check the driver and the devices; nvidia-smi's answer is in the message.",
    ),
    "FERRY-GPU-005": (
        "The check did not finish in its time limit.",
        "Look for a hung driver (dmesg, nvidia-smi), or raise ferry_gpu_timeout.",
    ),
    "FERRY-GPU-006": (
        "A computation failed or disagrees with the CPU.",
        "Take the device out of service and check it.",
    ),
    "FERRY-GPU-007": (
        "The driver does not answer.",
        "Install or repair the NVIDIA driver; nvidia-smi must list the devices.",
    ),
    "FERRY-RECORD-001": ("The record cannot be written.", "Check ferry_record_dir on the controller."),
    "FERRY-SURVEY-001": (
        "The survey cannot be written to this file.",
        "Set ferry_survey_file to a name that ends in .json, where nothing but an earlier survey lies.",
    ),
}


class FerryError(Exception):
    """One sentence for an operator (object, expected, found, next step) and its stable code."""

    def __init__(self, code: str, message: str):
        if code not in CODES:
            raise KeyError("unregistered code " + code)
        # File names and programs' words come in here: one line, and nothing that drives a terminal.
        message = "".join(
            character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
            for character in message
        )
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return "%s: %s" % (self.code, self.message)


def from_os_error(error: OSError, doing: str) -> FerryError:
    """Turn the operating system's error into ours; ``doing`` completes "while ..."."""
    where = error.filename2 or error.filename or "an unnamed file"
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return disk_full(where, doing)
    return FerryError(
        "FERRY-IO-002", "%s: %s while %s; correct it and run again." % (where, error.strerror or error, doing)
    )


def disk_full(where: str, doing: str) -> FerryError:
    """The one sentence for a full disk; also for programs that say so in their output."""
    return FerryError("FERRY-IO-001", "%s: no space left while %s; free space there and run again." % (where, doing))


def says_disk_full(output: str) -> bool:
    """Whether a program's output (pip, uv, venv) says that the disk is full."""
    return "No space left on device" in output or "os error 28" in output
