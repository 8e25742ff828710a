# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes of the zone, the depot, the hosts and the controller."""

from __future__ import annotations

CODES = {
    "FERRY-KIT-001": (
        "A profile has the name of the kit's own.",
        "Rename it; ferry_kit and ferry_kit_profile are for the kit.",
    ),
    "FERRY-KIT-002": (
        "The kit is asked for a system on which no Ansible controller runs.",
        "Name a Linux machine in ferry_kit_profile, or one in WSL2.",
    ),
    "FERRY-KIT-003": (
        "The collection cannot be packed for the kit.",
        "Follow the message; a link in a checkout gives way to its file, an installed collection whose files were changed is installed again.",
    ),
    "FERRY-KIT-004": (
        "A part of the kit is not on the staging host.",
        "Run prepare.yml with ferry_kit, which brings it there.",
    ),
    "FERRY-KIT-005": (
        "What the kit is set up from is not the bundle that was named, or differs from its manifest.",
        "Do not use it; compare the id by another channel, and transfer the bundle again.",
    ),
    "FERRY-KIT-006": ("The bundle carries no kit.", "Have it built with ferry_kit."),
    "FERRY-KIT-007": (
        "The Python that the kit would be set up with does not fit.",
        "Name the one that the message asks for with --python, or have the bundle built for another ferry_kit_profile.",
    ),
    "FERRY-KIT-008": (
        "The kit cannot be set up in that place.",
        "Correct the path, permission, space or other run that the message names; what was live there is untouched.",
    ),
    "FERRY-KIT-009": (
        "A step of setting the kit up failed.",
        "Read the reason in the message; nothing half-made is left, and what was live is untouched.",
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
        "Remove the copy and its list, as the message names them, and send it again.",
    ),
    "FERRY-ZONE-004": ("No bundle has been built under this name.", "Run prepare.yml on the staging host first."),
    "FERRY-PART-001": (
        "A part is cut off or holds other bytes than its list says.",
        "Remove the bundle's parts and its list, send it again, and suspect the medium.",
    ),
    "FERRY-PART-002": (
        "A part is missing, on the medium or in its list.",
        "Bring the parts that the message names, or remove the bundle's parts and its list and send it again.",
    ),
    "FERRY-PART-003": (
        "A file is called like a part, and the list does not name it.",
        "Ask who put it there, and remove it.",
    ),
    "FERRY-PART-004": (
        "Two parts of a bundle were swapped.",
        "Name them as they were, or remove the bundle's parts and its list and send it again.",
    ),
    "FERRY-PART-005": (
        "A part belongs to another bundle.",
        "Bring the right one, or remove the bundle's parts and its list and send it again.",
    ),
    "FERRY-PART-006": (
        "The parts are as their list says, and together no archive that this collection writes.",
        "Do not use them: the list was written by somebody else. Ask who made them.",
    ),
    "FERRY-PART-007": (
        "The bundle lies in the zone in another shape or with parts of another size.",
        "Set ferry_zone.part_size as it was, or remove that copy and run transfer.yml again.",
    ),
    "FERRY-PART-008": ("The bundle would need too many parts.", "Set ferry_zone.part_size to what the message says."),
    "FERRY-PART-009": (
        "The bundle has more files, or deeper folders, than parts carry.",
        "Unset ferry_zone.part_size and send it as a folder.",
    ),
    "FERRY-BUNDLE-001": (
        "The bundle is not signed.",
        "Have it built again with ferry_signing set; never install it as it is.",
    ),
    "FERRY-BUNDLE-002": (
        "The signature is not good.",
        "Do not use the bundle: the statement or the signature was changed.",
    ),
    "FERRY-BUNDLE-003": (
        "The signer is not in ferry_trusted_keys.",
        "Compare the fingerprint with its holder's by another channel before adding it there.",
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
        "Build it again from its locks: that gives it a newer serial. To go back on purpose, name its serial in ferry_allow_serial.",
    ),
    "FERRY-BUNDLE-009": (
        "The bundle's time is absurd: from the future, or expired.",
        "Check both clocks; build the bundle again.",
    ),
    "FERRY-BUNDLE-010": (
        "The bundle holds something other than plain files and directories.",
        "Do not use the bundle; ask who added it.",
    ),
    "FERRY-BUNDLE-011": (
        "The signature uses a hash, an algorithm or a key that is too weak.",
        "Sign with SHA-256 or stronger, and with a key of a kind that the message names.",
    ),
    "FERRY-BUNDLE-012": (
        "Too few of those who have to sign the bundle have signed it.",
        "Have it signed by who is missing (approve.yml), then transfer it again; or change ferry_required_signatures.",
    ),
    "FERRY-BUNDLE-013": (
        "The signature was made for another purpose.",
        "Do not use the bundle: a signature of something else was put beside its statement. Ask the signer.",
    ),
    "FERRY-BUNDLE-014": (
        "The signer's key is revoked or has expired, or the signature itself has.",
        "Have the bundle signed with a key that is in force; put a new key into ferry_trusted_keys only after checking with its holder.",
    ),
    "FERRY-WHEEL-001": (
        "A wheel is no sound archive, or one that two readers would unpack in two ways.",
        "Do not use the bundle; ask the builder for the wheel's origin and build it again from the index.",
    ),
    "FERRY-WHEEL-002": (
        "A member or a command of a wheel could leave its place or take another's: a path, a link, a device, two names, an interpreter's.",
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
        "A wheel's METADATA or dist-info folder is of another name or version than its file name, or not the only one.",
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
        "Remove that bundle's folder in bundles/ at the depot, then run transfer.yml and deploy.yml. Its note in names/ stays: it is the "
        "memory that refuses older bundles.",
    ),
    "FERRY-DEPOT-004": (
        "The depot's memory of a bundle name, names/<name>.json, is damaged.",
        "Restore it from a backup. Without one, find the highest serial in the change records, remove the note, and let nothing older in.",
    ),
    "FERRY-HOST-001": ("The host has no fitting Python.", "Install it, or name it in ferry_python."),
    "FERRY-HOST-002": (
        "The host does not fit its profile.",
        "Give the host another profile, or change the host as the message says.",
    ),
    "FERRY-HOST-003": (
        "There is too little space for the release, or too few inodes.",
        "Free what the message names; nothing was written but wheels into the cache, where the next run finds them.",
    ),
    "FERRY-HOST-004": (
        "A file of the release would have a path that is too long for this Windows host.",
        "Enable long paths there (LongPathsEnabled), or choose a shorter ferry_root; nothing was written.",
    ),
    "FERRY-HOST-005": (
        "Several things keep the release off the host.",
        "The message tells each with its own code; correct them all, then run again. Nothing was written.",
    ),
    "FERRY-HOST-006": (
        "ferry_root lies on a file system that is mounted noexec.",
        "Mount it without noexec, or choose another ferry_root: compiled modules cannot be loaded from there. Nothing was written.",
    ),
    "FERRY-HOST-007": (
        "The user of the run cannot write under ferry_root: permissions, a read-only file system, or something in the way.",
        "Give the places that the message names to that user, set ansible_become, or choose another ferry_root. Nothing was written.",
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
