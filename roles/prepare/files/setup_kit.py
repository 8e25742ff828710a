# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a controller of this machine from a bundle's kit: ansible-core and the collection airgap.ferry, with nothing but a Python.

::

    python3 kit/setup_kit.py --bundle-id ID --to /opt/ferry-controller [--python /usr/bin/python3.11]

Trust hangs on one value, the bundle's id, which is the sha256 of its manifest.json: take it from the builder by another channel, or
check the statement's signature by hand. This script is a file of the bundle too, so check it before it runs: `sha256sum manifest.json`
has to be the id, and manifest.json has to list the sha256 of kit/setup_kit.py. docs/kit.md has the commands.

Under --to it makes `releases/<12 hex>/`, one environment with its collection, built at its final place and never modified, `current`,
the link to the live one, and `ansible.cfg`, which is yours once it is there. Again, or after a kill, it converges.

It stands alone and is old-fashioned on purpose: whatever Python 3 this machine has can run it, and Python 2 can say why not.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys

_PROFILE = "ferry-kit"
_COLLECTION = r"kit/airgap-ferry-[0-9A-Za-z.+-]+\.tar"
_LIMIT = 16 << 20
_CHUNK = 1 << 20
_SECONDS = 1800
_MACHINES = {"x86_64": ("x86_64", "amd64"), "aarch64": ("aarch64", "arm64")}
_DESCRIBE = (
    "import json,platform,sys;print(json.dumps({'implementation':sys.implementation.name,'version':platform.python_version(),"
    "'base':sys.base_prefix,'machine':platform.machine(),'libc':'-'.join(platform.libc_ver())}))"
)
_CONFIGURATION = """\
# Made by the kit of airgap.ferry, once; it is yours from then on.
[defaults]
collections_path = %s
callbacks_enabled = airgap.ferry.change_record
pipelining = True
"""
_NEXT = """\
This machine is a controller now. In the folder of your inventory:

  export ANSIBLE_CONFIG=%(configuration)s
  %(bin)s/ansible-playbook -i INVENTORY airgap.ferry.deploy --check --diff
  %(bin)s/ansible-playbook -i INVENTORY airgap.ferry.deploy
"""


class Refusal(Exception):
    """One sentence for an operator (object, expected, found, next step) and its stable code, as in docs/codes.md."""

    def __init__(self, code, message):
        # File names and programs' words come in here: one line, and nothing that drives a terminal.
        message = "".join(
            character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
            for character in message
        )
        super().__init__("%s: %s" % (code, message))


def main(arguments=None):
    """0 where the controller is there; 1 and one sentence where it cannot be."""
    if sys.version_info < (3, 6) or os.name != "posix":
        sys.stderr.write(
            "setup_kit: FERRY-KIT-007: expected Python 3.6 or newer on Linux, found Python %s on %s; run this with another python3.\n"
            % (sys.version.split()[0], sys.platform)
        )
        return 1
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--bundle-id", required=True, help="the sha256 of manifest.json, from a channel that you trust")
    parser.add_argument("--to", required=True, help="the folder of the controller, made where it is missing")
    parser.add_argument(
        "--python", default=sys.executable, help="the Python to build on; the one that runs this if not given"
    )
    parser.add_argument(
        "--bundle", default=os.path.dirname(os.path.dirname(os.path.abspath(__file__))), help=argparse.SUPPRESS
    )
    options = parser.parse_args(arguments)
    if os.sep in options.python:
        # Its steps run elsewhere.
        options.python = os.path.join(os.getcwd(), options.python)
    try:
        sys.stdout.write(set_up(options.bundle, options.bundle_id, os.path.abspath(options.to), options.python))
    except Refusal as refusal:
        sys.stderr.write("setup_kit: %s\n" % refusal)
        return 1
    except OSError as error:
        where = error.filename2 or error.filename or options.to
        refusal = Refusal("FERRY-KIT-008", "%s: %s; correct it and run again." % (where, error.strerror or error))
        sys.stderr.write("setup_kit: %s\n" % refusal)
        return 1
    return 0


def set_up(bundle, identity, root, python):
    """Check everything, then build, then switch; what to tell."""
    manifest = read_manifest(bundle, identity)
    profile, wanted = parts(manifest)
    for path, entry in sorted(wanted.items()):
        check_file(bundle, path, entry)
    found = describe(python)
    check_python(python, found, profile)
    check_place(root, bundle)
    release = name_of(identity, found)
    with only_run(root):
        clean(root)
        told = "%s is set up already from this bundle; nothing changed.\n" % os.path.join(root, "releases", release)
        folder = os.path.join(root, "releases", release)
        if not is_complete(folder):
            build(bundle, wanted, profile, python, folder, dict(found, bundle=identity))
            told = "Set up %s.\n" % folder
        told += configure(root)
        if switch(root, release):
            told += "%s points to it.\n" % os.path.join(root, "current")
    places = {"configuration": os.path.join(root, "ansible.cfg"), "bin": os.path.join(root, "current", "bin")}
    return told + "\n" + _NEXT % places


# What is used, and whether it is what the id says.


def read_manifest(bundle, identity):
    """The manifest of the bundle with this id; nothing else in the bundle is believed before."""
    if not re.match(r"[0-9a-f]{64}\Z", identity):
        raise Refusal(
            "FERRY-KIT-005",
            "--bundle-id: expected 64 lower-case hexadecimal digits, found %r; take them from the builder." % identity,
        )
    path = os.path.join(bundle, "manifest.json")
    if not is_file(path):
        raise Refusal(
            "FERRY-KIT-005",
            "%s: expected a bundle's manifest, found none; run the script in the bundle's folder." % path,
        )
    with open(path, "rb") as stream:
        data = stream.read(_LIMIT + 1)
    digest = hashlib.sha256(data).hexdigest()
    if digest != identity:
        raise Refusal(
            "FERRY-KIT-005",
            "%s: expected the manifest of bundle %s, found that of %s; do not use it before you know which is right."
            % (path, identity, digest),
        )
    try:
        return json.loads(data.decode("ascii"))
    except ValueError:
        raise Refusal("FERRY-KIT-005", "%s: expected JSON, found something else; have the bundle built again." % path)


def parts(manifest):
    """``(the kit's profile, {path: {"size", "sha256"}} of all that is used)``."""
    try:
        files, profile = manifest["files"], manifest["profiles"].get(_PROFILE)
        archives = [path for path in files if re.match(_COLLECTION + r"\Z", path)]
        if profile is None or len(archives) != 1:
            raise Refusal("FERRY-KIT-006", "this bundle carries no kit; have it built with ferry_kit: true.")
        used = archives + [profile["installers"]["pip"], profile["requirements"]]
        used += ["wheels/" + wheel for wheel in profile["wheels"]]
        wanted = {path: {"size": files[path]["size"], "sha256": files[path]["sha256"]} for path in used}
        for key in ("os", "arch", "libc", "python"):
            profile[key].partition("-")
    except (AttributeError, KeyError, TypeError):
        raise Refusal(
            "FERRY-KIT-005",
            "manifest.json: expected the shape of a bundle's, found another; have the bundle built again.",
        )
    return profile, wanted


def check_file(bundle, path, entry):
    """Refuse a file of the bundle that is not the one that the manifest lists."""
    place = os.path.join(bundle, path)
    if not is_file(place):
        raise Refusal("FERRY-KIT-005", "%s is missing, or no plain file; transfer the bundle again." % place)
    digest = hashlib.sha256()
    with open(place, "rb") as stream:
        copy_hashed(stream, None, digest)
    refuse_other(place, digest, entry)


def copy_file(bundle, path, entry, folder):
    """The same file in ``folder``, hashed once more on its way: what is used is what was checked, whatever happens to the medium."""
    place = os.path.join(folder, os.path.basename(path))
    digest = hashlib.sha256()
    with open(os.path.join(bundle, path), "rb") as reader, open(place, "xb") as writer:
        copy_hashed(reader, writer, digest)
    refuse_other(os.path.join(bundle, path), digest, entry)
    return place


def copy_hashed(reader, writer, digest):
    for chunk in iter(lambda: reader.read(_CHUNK), b""):
        digest.update(chunk)
        if writer is not None:
            writer.write(chunk)


def refuse_other(place, digest, entry):
    if digest.hexdigest() != entry["sha256"]:
        raise Refusal(
            "FERRY-KIT-005",
            "%s: expected sha256 %s, found %s; do not use it, transfer the bundle again."
            % (place, entry["sha256"], digest.hexdigest()),
        )


def is_file(path):
    """True for a plain file: a FIFO would hold the script up for ever."""
    return os.path.exists(path) and stat.S_ISREG(os.stat(path).st_mode)


# The Python that it is built on.


def describe(python):
    """What that interpreter says of itself; None where it does not run."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", _DESCRIBE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
            env=environment(),
        )
        return json.loads(done.stdout.decode("utf-8")) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def check_python(python, found, profile):
    """Refuse an interpreter on which the kit's wheels would not run."""
    floor = profile["python"]
    short = ".".join(floor.split(".")[:2])
    wanted = "CPython %s.x of at least %s" % (short, floor)
    step = "name one with --python, or have the bundle built with another ferry_kit_profile"
    if found is None:
        raise Refusal("FERRY-KIT-007", "%s: expected %s, found nothing that runs; %s." % (python, wanted, step))
    have, need = numbers(found["version"]), numbers(floor)
    if found["implementation"] != "cpython" or have[:2] != need[:2] or have < need:
        raise Refusal(
            "FERRY-KIT-007",
            "%s: expected %s, found %s %s; %s." % (python, wanted, found["implementation"], found["version"], step),
        )
    if found["machine"].lower() not in _MACHINES.get(profile["arch"], (profile["arch"],)):
        raise Refusal(
            "FERRY-KIT-007", "%s: expected %s, found %s; %s." % (python, profile["arch"], found["machine"], step)
        )
    name, _dash, oldest = profile["libc"].partition("-")
    found_name, _dash, libc = found["libc"].partition("-")
    if found_name != name or numbers(libc) < numbers(oldest):
        raise Refusal(
            "FERRY-KIT-007",
            "%s: expected %s or newer, found %s; %s."
            % (python, profile["libc"], found["libc"].strip("-") or "another libc", step),
        )


def numbers(version):
    """``(3, 11, 2)`` of "3.11.2" or "3.11.2+"."""
    return tuple(int(re.match("[0-9]*", part).group() or 0) for part in version.split("."))


# The place where it is built.


def check_place(root, bundle):
    """Refuse a place that nothing could be built in, before anything is written."""
    if not re.match(r"[\w/.+@-]+\Z", root):
        raise Refusal(
            "FERRY-KIT-008",
            "--to: expected a path of letters, digits and any of / . _ + @ -, found %r; ansible.cfg would read another."
            % root,
        )
    real, inside = os.path.realpath(root), os.path.realpath(bundle)
    if real == inside or real.startswith(inside + os.sep):
        raise Refusal("FERRY-KIT-008", "%s lies in the bundle, where nothing may be added; choose another --to." % root)
    nearest = root
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest):
        raise Refusal("FERRY-KIT-008", "%s: expected a folder, found something else; choose another --to." % nearest)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise Refusal(
            "FERRY-KIT-008",
            "%s cannot be written to by this user; choose another --to, or have it made for you." % nearest,
        )
    current = os.path.join(root, "current")
    if os.path.lexists(current) and not os.path.islink(current):
        raise Refusal(
            "FERRY-KIT-008",
            "%s: expected a link of an earlier kit, found something else; choose another --to." % current,
        )


class only_run:
    """One run at a time in ``root``; the system drops the lock when the process ends."""

    def __init__(self, root):
        self._path = os.path.join(root, ".lock")

    def __enter__(self):
        import fcntl

        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        # For the programs that this starts too: one that outlives a kill still writes.
        os.set_inheritable(self._handle, True)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise Refusal(
                "FERRY-KIT-008", "%s is held by another run; wait until that has finished, then run again." % self._path
            )

    def __exit__(self, *_error):
        os.close(self._handle)


def name_of(identity, found):
    """A release is of one bundle on one Python: where either changes, another is built beside."""
    text = "\n".join([identity, found["base"], found["version"]])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def is_complete(folder):
    """The note is written last."""
    return os.path.exists(os.path.join(folder, "kit.json"))


def clean(root):
    """Remove what a killed run left half-made."""
    releases = os.path.join(root, "releases")
    for name in os.listdir(releases) if os.path.isdir(releases) else ():
        if re.match(r"[0-9a-f]{12}\Z", name) and not is_complete(os.path.join(releases, name)):
            shutil.rmtree(os.path.join(releases, name))


def build(bundle, wanted, profile, python, folder, note):
    """The environment with its collection at ``folder``, or nothing."""
    try:
        os.makedirs(os.path.join(folder, "scratch", "wheels"))
        scratch = os.path.join(folder, "scratch")
        wheels = os.path.join(scratch, "wheels")
        placed = {
            # Installed from are the locked wheels alone; the pip that is carried may be the one that is locked too.
            path: copy_file(bundle, path, entry, wheels if path.startswith("wheels/") else scratch)
            for path, entry in wanted.items()
        }
        requirements = placed[profile["requirements"]]
        archive = next(place for path, place in placed.items() if path.startswith("kit/"))
        # --without-pip: Debian keeps ensurepip in a package that a bare machine lacks.
        call([python, "-I", "-m", "venv", "--without-pip", folder], "make an environment")
        own = os.path.join(folder, "bin", "python")
        # A pip wheel runs in place.
        pip = [own, "-I", os.path.join(placed[profile["installers"]["pip"]], "pip"), "install", "--quiet", "--no-input"]
        pip += ["--disable-pip-version-check", "--no-cache-dir", "--no-index", "--find-links", wheels]
        pip += ["--only-binary", ":all:", "--require-hashes", "--requirement", requirements]
        call(pip, "install ansible-core")
        empty = os.path.join(scratch, "ansible.cfg")
        with open(empty, "w"):
            pass
        collections = os.path.join(folder, "collections")
        more = {
            "ANSIBLE_CONFIG": empty,
            "ANSIBLE_HOME": os.path.join(scratch, "home"),
            "ANSIBLE_COLLECTIONS_PATH": collections,
        }
        galaxy = [own, "-I", "-m", "ansible", "galaxy", "collection", "install", "--offline", "--no-deps"]
        call(galaxy + ["--collections-path", collections, archive], "install the collection", more)
        # What an operator will do first, without a host: it fails where a part is missing.
        play = [
            own,
            "-I",
            "-m",
            "ansible",
            "playbook",
            "--inventory",
            "localhost,",
            "--syntax-check",
            "airgap.ferry.deploy",
        ]
        call(play, "read the playbook deploy", more)
        shutil.rmtree(scratch)
        write_durably(os.path.join(folder, "kit.json"), json.dumps(note, sort_keys=True) + "\n")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def call(command, doing, more=None):
    """Run one step to its end, or say its last words."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
            cwd="/",
            close_fds=False,
            env=dict(environment(), **(more or {})),
        )
    except subprocess.TimeoutExpired:
        raise Refusal(
            "FERRY-KIT-009", "could not %s within %d seconds; look at the disk, then run again." % (doing, _SECONDS)
        )
    if done.returncode != 0:
        said = " ".join(done.stdout.decode("utf-8", "replace").split())[-600:]
        raise Refusal("FERRY-KIT-009", "could not %s: %s; nothing was changed." % (doing, said or "it said nothing"))


def environment():
    """This process's environment without what would lead Python, pip or Ansible astray."""
    astray = ("PIP_", "PYTHON", "VIRTUAL_ENV", "ANSIBLE_", "__PYVENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(astray)}
    # Ansible starts in no other encoding.
    return dict(
        kept, PIP_CONFIG_FILE=os.devnull, LC_ALL="C.UTF-8", ANSIBLE_NOCOLOR="1", ANSIBLE_LOCALHOST_WARNING="false"
    )


def configure(root):
    """Write ansible.cfg where there is none; one that says something else is the operator's, who is told. The sentence, or nothing."""
    path = os.path.join(root, "ansible.cfg")
    text = _CONFIGURATION % os.path.join(root, "current", "collections")
    if not os.path.lexists(path):
        write_durably(path, text)
        return ""
    with open(path, "rb") as stream:
        if stream.read(_LIMIT) == text.encode("utf-8"):
            return ""
    return "%s is not as the kit writes it, and stays; see that it has these lines:\n%s" % (
        path,
        text.partition("\n")[2],
    )


def switch(root, release):
    """Let ``current`` point to ``release``, by one rename; False where it does."""
    current, target = os.path.join(root, "current"), os.path.join("releases", release)
    if os.path.islink(current) and os.readlink(current) == target:
        return False
    temporary = current + ".next"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, current)
    return True


def write_durably(path, text):
    temporary = path + ".part"
    with open(temporary, "wb") as stream:
        stream.write(text.encode("utf-8"))
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


if __name__ == "__main__":
    sys.exit(main())
