# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gate could not do here: one file a gate under tests/output/left-out, so that a green run ends by naming it.

``left_out.py clear``, ``left_out.py show``, ``left_out.py note GATE [SENTENCE]...``: no sentence means that nothing was left out.
"""

import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "output" / "left-out"


def note(gate, sentences):
    """Replace what the gate said before: a sentence names what was left out, and why."""
    path = FOLDER / (gate + ".txt")
    if path.exists():
        path.unlink()
    if sentences:
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(" ".join(sentence.split()) + "\n" for sentence in sentences), encoding="utf-8")


def clear():
    """Forget earlier runs."""
    for path in FOLDER.glob("*.txt"):
        path.unlink()


def show():
    """Everything that any gate left out, or that nothing was."""
    lines = [
        "  %s: %s" % (path.stem, line)
        for path in sorted(FOLDER.glob("*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    print("\n".join(["Left out:", *lines] if lines else ["Nothing was left out."]))


if __name__ == "__main__":
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "note":
        note(arguments[0], arguments[1:])
        print("\n".join("left out: %s" % sentence for sentence in arguments[1:]))
    else:
        {"clear": clear, "show": show}[command]()
