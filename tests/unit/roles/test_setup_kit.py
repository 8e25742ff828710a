# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kit's script, run as an operator runs it: it refuses before it writes, leaves nothing half-made, and converges after a kill.

The wheels are a real pip and a tiny stand-in for ansible-core; the scenario kit has the real ones.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import io
import json
import os
import pathlib
import platform
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import types
import zipfile

import pytest
from ansible_collections.airgap.ferry.plugins.module_utils.codes.registry import CODES

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
SCRIPT = REPOSITORY / "roles" / "prepare" / "files" / "setup_kit.py"
PYTHON = platform.python_version()
# Installs as Galaxy does where it was told, and fails or hangs where a test says so.
ANSIBLE = """
import os, sys, tarfile, time
place = os.environ["ANSIBLE_COLLECTIONS_PATH"] + "/ansible_collections/airgap/ferry"
astray = [name for name in os.environ if name.startswith(("PYTHON", "ANSIBLE_GALAXY", "PIP_IN"))]
assert not astray and os.environ["ANSIBLE_CONFIG"].endswith("/scratch/ansible.cfg"), os.environ
if os.environ.get("FERRY_TEST_HANGS"):
    time.sleep(float(os.environ["FERRY_TEST_HANGS"]))
if os.environ.get("FERRY_TEST_FAILS") == sys.argv[1]:
    sys.exit("it cannot\\n\\x1b[31mdo that")
if sys.argv[1] == "galaxy":
    with tarfile.open(sys.argv[-1]) as archive:
        archive.extractall(place)
else:
    assert sys.argv[-1] == "airgap.ferry.deploy" and os.path.exists(place + "/MANIFEST.json")
"""


def wheel(path, members):
    """Write a wheel of these members; pip asks for METADATA, WHEEL and RECORD."""
    name, version = path.name.split("-")[:2]
    info = "%s-%s.dist-info/" % (name, version)
    whole = dict(members)
    whole.setdefault(info + "METADATA", "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version))
    whole.setdefault(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    whole.setdefault(info + "RECORD", "".join("%s,,\n" % member for member in [*whole, info + "RECORD"]))
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in whole.items():
            archive.writestr(member, data)
    return path


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The wheels and the archive that every bundle here carries."""
    folder = tmp_path_factory.mktemp("parts")
    pip = importlib.metadata.distribution("pip")
    own = {
        str(path): path.read_binary()
        for path in pip.files
        if path.parts[0] == "pip" and not path.name.endswith(".pyc") or path.name in ("METADATA", "WHEEL", "RECORD")
    }
    archive = folder / "airgap-ferry-0.1.0.tar"
    with tarfile.open(archive, "w") as stream:
        member = tarfile.TarInfo("MANIFEST.json")
        member.size = 2
        stream.addfile(member, io.BytesIO(b"{}"))
    return {
        "tools/pip-%s-py3-none-any.whl" % pip.version: wheel(folder / ("pip-%s-py3-none-any.whl" % pip.version), own),
        "wheels/ansible_core-2.99.0-py3-none-any.whl": wheel(
            folder / "ansible_core-2.99.0-py3-none-any.whl", {"ansible/__init__.py": "", "ansible/__main__.py": ANSIBLE}
        ),
        "kit/airgap-ferry-0.1.0.tar": archive,
        "kit/setup_kit.py": SCRIPT,
    }


@pytest.fixture
def kit(tmp_path, parts):
    """A bundle with a kit for this machine, and the script in it."""
    root = tmp_path / "bundle"

    def write(**changes):
        contents = {path: origin.read_bytes() for path, origin in parts.items()}
        (core,) = [path for path in contents if "ansible_core" in path]
        digest = hashlib.sha256(contents[core]).hexdigest()
        contents["profiles/ferry-kit/requirements.txt"] = (
            b"ansible_core==2.99.0 --hash=sha256:" + digest.encode() + b"\n"
        )
        profile = {
            "os": "linux",
            "arch": "aarch64" if platform.machine() == "aarch64" else "x86_64",
            "libc": "glibc-2.17",
            "python": PYTHON,
            "requirements": "profiles/ferry-kit/requirements.txt",
            "installers": {"pip": next(path for path in contents if path.startswith("tools/"))},
            "wheels": [os.path.basename(core)],
        }
        profile.update(changes)
        files = {
            path: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for path, data in contents.items()
        }
        for path, data in contents.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        return sign({"files": files, "profiles": {"ferry-kit": profile, "cpu": {}}})

    def sign(manifest):
        data = (json.dumps(manifest, sort_keys=True, separators=(",", ":")) + "\n").encode()
        (root / "manifest.json").write_bytes(data)
        made.id, made.manifest = hashlib.sha256(data).hexdigest(), manifest

    made = types.SimpleNamespace(path=root, to=tmp_path / "controller", write=write, sign=sign)
    write()
    return made


@pytest.fixture
def run(kit):
    """Run the script in the bundle; what it said, in one sentence where it refused."""

    def call(identity=None, to=None, python=None, **environment):
        command = [sys.executable, str(kit.path / "kit" / "setup_kit.py"), "--bundle-id", identity or kit.id]
        command += ["--to", str(to or kit.to), *(["--python", str(python)] if python else [])]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=dict(os.environ, **environment),
            cwd=kit.path.parent,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return call


@pytest.fixture
def refuses(run, kit):
    """Run the script, which has to refuse with this code and these words, in one sentence."""

    def call(code, *told, **how):
        done = run(**how)
        assert done.returncode == 1 and done.stdout == "", done.stdout + done.stderr
        sentence = re.fullmatch(r"setup_kit: (FERRY-KIT-[0-9]{3}): (.*\.)\n", done.stderr)
        assert sentence and sentence.group(1) == code, done.stderr
        for words in told:
            assert str(words) in sentence.group(2), done.stderr

    return call


def everything(root):
    """What lies under a folder, and when it was last written."""
    paths = sorted(root.rglob("*")) if root.exists() else []
    return {str(path): path.lstat().st_mtime_ns for path in paths if path.name != "__pycache__"}


def test_a_bare_machine_gets_an_environment_with_its_collection(kit, run):
    done = run()
    assert done.returncode == 0, done.stderr
    live = kit.to / "current"
    release = os.readlink(live)
    assert re.fullmatch("releases/[0-9a-f]{12}", release) and sorted(os.listdir(kit.to / "releases")) == [release[9:]]
    code = "import importlib.metadata, os, sys; print(importlib.metadata.version('ansible_core'), os.path.realpath(sys.prefix))"
    said = subprocess.run([str(live / "bin" / "python"), "-I", "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["2.99.0", str(kit.to / release)]
    assert (live / "collections/ansible_collections/airgap/ferry/MANIFEST.json").read_text() == "{}"
    assert json.loads((live / "kit.json").read_text())["bundle"] == kit.id
    assert not (live / "scratch").exists() and not (live / "bin" / "pip").exists()
    assert "collections_path = %s/current/collections\n" % kit.to in (kit.to / "ansible.cfg").read_text()
    assert "callbacks_enabled = airgap.ferry.change_record\n" in (kit.to / "ansible.cfg").read_text()
    assert "%s/bin/ansible-playbook -i INVENTORY airgap.ferry.deploy\n" % live in done.stdout


def test_the_carried_pip_may_be_a_locked_one_too(kit, run):
    """Under one name in wheels/ and in tools/, and perhaps of two builds."""
    profile = kit.manifest["profiles"]["ferry-kit"]
    carried = profile["installers"]["pip"]
    name = os.path.basename(carried)
    shutil.copy(kit.path / carried, kit.path / "wheels" / name)
    with zipfile.ZipFile(kit.path / "wheels" / name, "a") as archive:
        archive.comment = b"another build"
    digest = hashlib.sha256((kit.path / "wheels" / name).read_bytes()).hexdigest()
    requirements = kit.path / profile["requirements"]
    line = "pip==%s --hash=sha256:%s\n" % (name.split("-")[1], digest)
    requirements.write_text(requirements.read_text() + line)
    for path in ("wheels/" + name, profile["requirements"]):
        data = (kit.path / path).read_bytes()
        kit.manifest["files"][path] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    profile["wheels"].append(name)
    kit.sign(kit.manifest)
    done = run()
    assert done.returncode == 0, done.stderr
    assert list(kit.to.glob("current/lib/python*/site-packages/pip-*.dist-info/RECORD"))


def test_the_python_may_be_named_from_where_one_stands_or_as_the_path_knows_it(kit, run, tmp_path):
    (tmp_path / "python").symlink_to(sys.executable)
    done = run(python="./python")
    assert done.returncode == 0, done.stderr
    done = run(python=os.path.basename(sys.executable), PATH=os.path.dirname(sys.executable) + ":" + os.environ["PATH"])
    assert done.returncode == 0 and "nothing changed" in done.stdout, done.stderr


@pytest.mark.parametrize("shell", [shell for shell in ("bash", "dash", "sh", "zsh") if shutil.which(shell)])
def test_what_the_guide_has_one_paste_runs_nothing_after_a_check_that_fails(kit, shell):
    """As a person pastes it, into a shell without any option; the script that must not run would leave a witness."""
    block = re.search("^```bash\n(.*?)^```", (REPOSITORY / "docs" / "kit.md").read_text(), re.M | re.S).group(1)
    block = block.replace("/opt/ferry-controller", str(kit.to))
    block = block.replace("python3 ", sys.executable + " ")

    def paste(identity, folder=kit.path):
        typed = block.replace("/media/ferry/tf-1795363200", str(folder)).replace("0123456789abcdef" * 4, identity)
        return subprocess.run([shell], input=typed, capture_output=True, text=True, check=False, cwd=kit.path)

    script, witness = kit.path / "kit" / "setup_kit.py", kit.path.parent / "witness"
    genuine = script.read_text()
    script.write_text("open(%r, 'w')\n" % str(witness))
    assert paste(kit.id).returncode == 1
    script.unlink()
    assert paste(kit.id).returncode == 1
    script.write_text("open(%r, 'w')\n" % str(witness))
    kit.manifest["files"]["kit/setup_kit.py"]["sha256"] = hashlib.sha256(script.read_bytes()).hexdigest()
    approved = kit.id
    kit.sign(kit.manifest)
    assert paste(approved).returncode == 1 and paste(kit.id, kit.path / "nowhere").returncode != 0
    assert not witness.exists() and not kit.to.exists()
    assert paste(kit.id).returncode == 0 and witness.exists()
    script.write_text(genuine)
    kit.manifest["files"]["kit/setup_kit.py"]["sha256"] = hashlib.sha256(script.read_bytes()).hexdigest()
    kit.sign(kit.manifest)
    done = paste(kit.id)
    assert done.returncode == 0 and done.stdout.startswith('manifest.json: OK\n"kit/setup_kit.py":{"sha256":'), (
        done.stdout
    )
    assert (kit.to / "current" / "kit.json").exists()


def test_again_nothing_changes(kit, run):
    run()
    before = everything(kit.to)
    done = run()
    assert done.returncode == 0 and "nothing changed" in done.stdout
    assert everything(kit.to) == before


def test_another_bundle_is_built_beside_and_the_way_back_is_its_own_script(kit, run):
    run()
    first, older = os.readlink(kit.to / "current"), kit.id
    kit.sign(dict(kit.manifest, another=True))
    assert run().returncode == 0
    assert os.readlink(kit.to / "current") != first and len(os.listdir(kit.to / "releases")) == 2
    del kit.manifest["another"]
    kit.sign(kit.manifest)
    assert kit.id == older and run().returncode == 0
    assert os.readlink(kit.to / "current") == first


def test_a_configuration_of_the_operators_own_stays_and_is_told(kit, run):
    kit.to.mkdir()
    (kit.to / "ansible.cfg").write_text("[defaults]\nforks = 50\n")
    done = run()
    assert done.returncode == 0 and "ansible.cfg is not as the kit writes it, and stays" in done.stdout
    assert (kit.to / "ansible.cfg").read_text() == "[defaults]\nforks = 50\n"


def test_settings_of_the_user_lead_nothing_astray(kit, run, tmp_path):
    astray = {
        "PIP_INDEX_URL": "http://127.0.0.1:1/",
        "PIP_TARGET": str(tmp_path / "astray"),
        "PYTHONPATH": str(tmp_path),
    }
    (tmp_path / "venv.py").write_text("raise SystemExit('astray')")
    done = run(ANSIBLE_CONFIG="/nowhere", ANSIBLE_GALAXY_SERVER="http://127.0.0.1:1/", **astray)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "astray").exists()


@pytest.mark.parametrize("identity", ["0" * 64, "0" * 12, "A" * 64, "0" * 64 + "\n", "$(id)"])
def test_another_id_is_refused(kit, refuses, identity):
    refuses("FERRY-KIT-005", "expected", identity=identity)
    assert not kit.to.exists()


def test_every_file_that_is_used_has_to_be_the_one_of_the_manifest(kit, refuses):
    """One bit of each, and each missing, or a link to nothing, or a FIFO; the script itself and what is not used are for people to check."""
    for path in kit.manifest["files"]:
        if path == "kit/setup_kit.py":
            continue
        place = kit.path / path
        data = place.read_bytes()
        place.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        refuses("FERRY-KIT-005", path, "sha256")
        place.unlink()
        refuses("FERRY-KIT-005", path, "missing")
        os.mkfifo(place)
        refuses("FERRY-KIT-005", path, "no plain file")
        place.unlink()
        place.write_bytes(data)
    assert not kit.to.exists()


def test_a_flipped_bit_of_the_manifest_is_refused(kit, refuses):
    identity, data = kit.id, (kit.path / "manifest.json").read_bytes()
    for position in range(0, len(data), max(1, len(data) // 20)):
        (kit.path / "manifest.json").write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        refuses("FERRY-KIT-005", "expected the manifest of bundle " + identity)
    (kit.path / "manifest.json").unlink()
    refuses("FERRY-KIT-005", "found none")
    assert not kit.to.exists()


def test_a_bundle_without_a_kit_is_told_from_one_of_another_shape(kit, refuses):
    whole = kit.manifest
    kit.sign(dict(whole, profiles={"cpu": {}}))
    refuses("FERRY-KIT-006", "ferry_kit: true")
    kit.sign(dict(whole, files={path: entry for path, entry in whole["files"].items() if not path.endswith(".tar")}))
    refuses("FERRY-KIT-006")
    for shape in ([], {"files": {}}, dict(whole, profiles=[]), dict(whole, profiles={"ferry-kit": []}), "text"):
        kit.sign(shape)
        refuses("FERRY-KIT-005", "shape")
    for key in whole["profiles"]["ferry-kit"]:
        kit.sign(dict(whole, profiles={"ferry-kit": dict(whole["profiles"]["ferry-kit"], **{key: None})}))
        refuses("FERRY-KIT-005", "shape")
    (kit.path / "manifest.json").write_bytes(b"{")
    refuses("FERRY-KIT-005", "JSON", identity=hashlib.sha256(b"{").hexdigest())
    assert not kit.to.exists()


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"python": "3.%d.0" % (sys.version_info[1] + 1)}, "expected CPython 3.%d.x" % (sys.version_info[1] + 1)),
        ({"python": "3.%d.0" % (sys.version_info[1] - 1)}, "expected CPython 3.%d.x" % (sys.version_info[1] - 1)),
        (
            {"python": "3.%d.99" % sys.version_info[1]},
            "of at least 3.%d.99, found cpython %s" % (sys.version_info[1], PYTHON),
        ),
        ({"libc": "glibc-2.999"}, "glibc-2.999 or newer, found glibc-2."),
        ({"arch": "aarch64" if platform.machine() == "x86_64" else "x86_64"}, "found " + platform.machine()),
    ],
    ids=["a newer X.Y", "an older X.Y", "an older patch", "an older libc", "another machine"],
)
def test_a_python_that_does_not_fit_is_named_with_the_one_that_does(kit, refuses, changes, told):
    kit.write(**changes)
    refuses("FERRY-KIT-007", sys.executable, told, "--python")
    assert not kit.to.exists()


def test_a_python_that_does_not_run_is_named(kit, refuses, tmp_path):
    (tmp_path / "broken").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "broken").chmod(0o755)
    for python in ("/nowhere/python3", tmp_path / "broken"):
        refuses("FERRY-KIT-007", python, "found nothing that runs", python=python)
    assert not kit.to.exists()


def test_a_place_that_cannot_be_used_is_refused_before_anything_is_written(kit, refuses, tmp_path):
    (tmp_path / "file").write_text("mine")
    refuses("FERRY-KIT-008", "expected a folder", to=tmp_path / "file" / "below")
    refuses("FERRY-KIT-008", "lies in the bundle", to=kit.path / "controller")
    for name in ("a:b", "a b", "a;b", "$HOME", "a%(b)s", "a\nb"):
        refuses("FERRY-KIT-008", "--to: expected a path of letters", to=tmp_path / name)
    (tmp_path / "taken" / "current").mkdir(parents=True)
    refuses("FERRY-KIT-008", "expected a link of an earlier kit", to=tmp_path / "taken")
    assert os.listdir(tmp_path / "taken") == ["current"]
    assert sorted(os.listdir(tmp_path)) == ["bundle", "file", "taken"]


def test_a_folder_that_nothing_can_be_made_in_is_named(refuses):
    """/proc, where even root may not."""
    refuses("FERRY-KIT-008", "/proc", to="/proc/controller")


@pytest.mark.parametrize("step", ["galaxy", "playbook"])
def test_a_step_that_fails_leaves_nothing_and_the_live_one_alone(kit, run, refuses, step):
    run()
    live = os.readlink(kit.to / "current")
    kit.sign(dict(kit.manifest, another=True))
    refuses("FERRY-KIT-009", "it cannot \\x1b[31mdo that", "nothing was changed", FERRY_TEST_FAILS=step)
    assert os.readlink(kit.to / "current") == live and os.listdir(kit.to / "releases") == [live[9:]]
    assert run().returncode == 0 and os.readlink(kit.to / "current") != live


@pytest.mark.parametrize(
    "line, told",
    [
        ("ansible_core==2.99.0 --hash=sha256:" + "0" * 64, "Expected sha256 " + "0" * 64),
        ("ansible_core==2.99.0", "--require-hashes mode"),
    ],
    ids=["another", "none"],
)
def test_pip_is_held_to_the_hashes(kit, refuses, line, told):
    """The manifest is the builder's word for the wheel, the requirements for what pip may install: both have to say the same."""
    path = "profiles/ferry-kit/requirements.txt"
    data = line.encode() + b"\n"
    (kit.path / path).write_bytes(data)
    kit.manifest["files"][path] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    kit.sign(kit.manifest)
    refuses("FERRY-KIT-009", "install ansible-core", told)
    assert os.listdir(kit.to / "releases") == [] and not (kit.to / "current").exists()


def test_after_a_kill_what_it_started_still_holds_the_lock_and_then_it_converges(kit, run, refuses):
    command = [sys.executable, str(kit.path / "kit" / "setup_kit.py"), "--bundle-id", kit.id, "--to", str(kit.to)]
    with subprocess.Popen(command, env=dict(os.environ, FERRY_TEST_HANGS="3"), stderr=subprocess.DEVNULL) as killed:
        limit = time.monotonic() + 60
        while not list(kit.to.glob("releases/*/lib/python*/site-packages/ansible_core*/RECORD")):
            assert time.monotonic() < limit and killed.poll() is None
            time.sleep(0.02)
        time.sleep(0.5)  # pip ends, and Galaxy's stand-in begins to hang
        killed.send_signal(signal.SIGKILL)
    assert not (kit.to / "current").exists() and len(os.listdir(kit.to / "releases")) == 1
    refuses("FERRY-KIT-008", "held by another run")
    while "held by another run" in (done := run()).stderr:
        assert time.monotonic() < limit
        time.sleep(0.1)
    assert done.returncode == 0, done.stderr
    assert (kit.to / "current" / "kit.json").exists() and len(os.listdir(kit.to / "releases")) == 1


def test_a_medium_that_changes_after_it_was_checked_is_found_out_while_it_is_copied(kit, tmp_path):
    """What is used is the copy, and the copy is hashed: a stick may give other bytes the second time."""
    script = runpy.run_path(str(SCRIPT))
    (path,) = [path for path in kit.manifest["files"] if "ansible_core" in path]
    entry = kit.manifest["files"][path]
    script["check_file"](str(kit.path), path, entry)
    with open(kit.path / path, "ab") as stream:
        stream.write(b"more")
    with pytest.raises(script["Refusal"], match="FERRY-KIT-005: .*expected sha256"):
        script["copy_file"](str(kit.path), path, entry, str(tmp_path))


def test_an_old_python_3_can_run_it_and_python_2_is_told(kit):
    text = SCRIPT.read_text(encoding="ascii")
    tree = ast.parse(text, feature_version=(3, 6))
    newer = [node for node in ast.walk(tree) if isinstance(node, (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr))]
    arguments = [node for node in ast.walk(tree) if isinstance(node, ast.arguments)]
    assert not newer and not any(one.kwonlyargs or one.posonlyargs for one in arguments)
    assert not any(node.annotation for node in ast.walk(tree) if isinstance(node, ast.arg))
    assert not any(isinstance(node, ast.FunctionDef) and node.returns for node in ast.walk(tree))
    old = (
        "import sys; sys.version_info = (2, 7); sys.argv = ['x']; import runpy; runpy.run_path(%r, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", old % str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith("setup_kit: FERRY-KIT-007: expected Python 3.6 or newer")


def test_it_needs_the_standard_library_alone_and_its_codes_are_registered():
    text = SCRIPT.read_text(encoding="ascii")
    names = {alias.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for alias in node.names}
    assert names <= set(sys.stdlib_module_names)
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    used = set(re.findall("FERRY-[A-Z]+-[0-9]{3}", text))
    assert used == {"FERRY-KIT-00%d" % number for number in range(5, 10)} and used <= set(CODES)
