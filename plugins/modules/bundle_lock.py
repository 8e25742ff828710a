#!/usr/bin/python
# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lock every profile."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_lock
short_description: Lock the wheels of every profile, for the target's platform and Python
version_added: 0.1.0
author: The airgap.ferry authors (@airgap-ferry)
description:
  - Resolves the requirements of each profile with uv for the I(target's) operating system, architecture, libc and full Python
    version, wheels only, and writes C(<workdir>/locks/<profile>/pylock.toml) (PEP 751) with one hashed wheel for each package.
  - A lock stays as it is while the requirements, the constraints and the profile are the same; the index moves, a second run must not.
  - Downloads no wheel. No address of an index is in a lock.
  - Writes a review of all locks, to be read before anything is downloaded, as text, Markdown and JSON to C(<workdir>/locks/review.txt),
    C(review.md) and C(review.json). It compares with the newest bundle of this name that was built in O(workdir) from other locks, so it
    stays as it is while the locks do. Locks and review are written when all profiles have a lock, and not before.
  - Before anything is resolved, the requirements of every profile are judged by what is known of TensorFlow's releases, their Pythons,
    CUDA, libc and wheels. What is impossible is refused for all profiles at once, with the nearest possible choices; what is risky is a warning,
    and so are CUDA libraries in the lock of a profile without accelerator.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details: Resolves (which reads the index) and writes nothing.
  diff_mode:
    support: full
  platform:
    support: full
    platforms: posix
options:
  name:
    description: Name of the bundle that the locks are for; the review compares with the newest one of it.
    type: str
    required: true
  workdir:
    description: Folder of the staging host that keeps locks, wheel store and bundles.
    type: path
    required: true
  profiles:
    description:
      - Profiles by name; each a dictionary with V(os) (linux, windows), V(arch) (x86_64, aarch64), V(libc) (C(glibc-2.N), Linux only),
        V(python) (full version, a floor), V(accelerator) (none, cuda) and, where wanted, V(requirements) and V(constraints) of its own.
      - V(trim) names a reduction. C(inference) leaves out what a tested release of C(tensorflow-cpu) does not need to load, ask and fit models;
        the lock says what that is, what it loses and how many bytes it saves.
    type: dict
    required: true
  kit:
    description:
      - For what controller the profile C(ferry-kit) is locked too - a dictionary as in O(profiles), of a Linux machine, without C(accelerator).
      - It holds ansible-core, and none of O(requirements).
    type: dict
  requirements:
    description: Requirement strings (PEP 508, without addresses) for every profile.
    type: list
    elements: str
    default: []
  constraints:
    description: Constraint strings for every profile.
    type: list
    elements: str
    default: []
  index_url:
    description: Index to use instead of the one in pip's configuration. Exclusive with O(mirror).
    type: str
  mirror:
    description: A well-known public mirror by name.
    type: str
    choices: [tuna, aliyun, ustc]
  refresh:
    description: Resolve anew even where the inputs are the same.
    type: bool
    default: false
  prefer:
    description:
      - Which versions to take where several satisfy what is asked. V(newest) are the newest ones. V(previous) are those of the lock that is there,
        so that a patch release of one package changes few others.
      - It matters where a lock is made anew, because its inputs changed or O(refresh) is set.
    type: str
    choices: [newest, previous]
    default: newest
  as_of:
    description:
      - A day (V(YYYY-MM-DD), UTC). Nothing that was uploaded after it is taken, so the same lock can be made again later.
      - Needs an index that says when its files were uploaded (PEP 700), as PyPI does.
    type: str
  crosscheck_index_url:
    description:
      - Address of a second index that has to serve every locked file with the same sha256; a difference is refused. It is asked on each run.
      - Nothing is ever locked or downloaded from it.
    type: str
  approvals:
    description:
      - The allow-lists that say which wheels are approved. For the wheels that none of them has, C(<workdir>/locks/approvals-request.txt) gets
        the lines to add, and the review says how many they are. Where nothing is left to approve there is no such file.
      - Nothing is refused here; M(airgap.ferry.bundle_build) refuses what is not approved.
    type: dict
    suboptions:
      files:
        description: Allow-lists, and directories whose C(*.txt) are allow-lists. Their lines are C(name==version --hash=sha256:...), as pip writes them.
          One that is not there yet approves nothing.
        type: list
        elements: path
        required: true
      enforce:
        description: Whether M(airgap.ferry.bundle_build) refuses what is not approved. It changes nothing here.
        type: bool
        default: true
requirements:
  - uv, pip and packaging in the interpreter that runs the module (M(airgap.ferry.staging_tools) makes it)
seealso:
  - module: airgap.ferry.bundle_build
"""

EXAMPLES = r"""
- name: Lock
  airgap.ferry.bundle_lock:
    name: tf
    workdir: /srv/ferry
    requirements:
      - tensorflow==2.18.1
    profiles:
      windows-py311:
        os: windows
        arch: x86_64
        python: 3.11.9
        accelerator: none
"""

RETURN = r"""
locks:
  description:
    - By profile, the lock's path, its number of wheels and whether it was kept.
    - C(excluded) are versions that were kept out because their Requires-Python refuses the profile's Python, and C(unchecked) are wheels whose
      METADATA the index does not give, which M(airgap.ferry.bundle_build) checks. Both are none for a lock that was brought along.
  type: dict
  returned: success
  sample:
    windows-py311:
      path: /srv/ferry/locks/windows-py311/pylock.toml
      wheels: 38
      kept: false
      excluded: []
      unchecked: []
review:
  description: What an approver reads.
  type: dict
  returned: success
  contains:
    lines:
      description: The text, a line each.
      type: list
      elements: str
    path:
      description: Where the Markdown lies, with the text and the JSON beside it; in check mode nothing is written.
      type: str
    total:
      description:
        - Number of different C(wheels), their C(bytes), how many are C(new), how many bytes these are (C(carry)), and how many wheels have a size
          that is C(unknown) and missing in the sums.
      type: dict
      sample: {"wheels": 92, "bytes": 2900000000, "new": 1, "carry": 645000000, "unknown": 0}
verdicts:
  description:
    - By profile, what is known beforehand of the requirements; also where the lock was kept. A profile of which nothing is known has an empty list.
    - C(level) is V(risky), also given as a warning, or V(good). C(code) is the stable code of a risky one, as in docs/codes.md, none for a good one.
      C(message) is one sentence.
  type: dict
  returned: success
  sample:
    windows-py311:
      - level: good
        code: null
        message: tensorflow==2.21.0 has wheels for Windows x86_64, Python 3.11.
approvals:
  description: None where O(approvals) is not set.
  type: dict
  returned: success
  contains:
    waiting:
      description: How many wheels wait for approval.
      type: int
    request:
      description: Where the lines to add lie, if any; in check mode nothing is written.
      type: str
event:
  description: What the change record keeps of this task.
  type: dict
  returned: always
code:
  description: The stable code of the error, as in docs/codes.md.
  type: str
  returned: failure
"""

import datetime
import os
from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.airgap.ferry.plugins.module_utils import running, staging
from ansible_collections.airgap.ferry.plugins.module_utils.errors import FerryError
from ansible_collections.airgap.ferry.plugins.module_utils.resolve import index, kit


def lock(params, check_mode, warn):
    """The result of the module; see RETURN. ``warn`` is called with each sentence that the operator must read in any case."""
    # Here and not above: it needs the third-party libraries that require_libraries looks for.
    from ansible_collections.airgap.ferry.plugins.module_utils.gates import approvals, run
    from ansible_collections.airgap.ferry.plugins.module_utils.resolve import lock as locking
    from ansible_collections.airgap.ferry.plugins.module_utils.resolve import resolver, review, review_text, verdicts

    _check(params)
    workdir, crosscheck = params["workdir"], params["crosscheck_index_url"]
    lists = (params["approvals"] or {"files": []})["files"]
    # Before anything is asked of an index: a list that cannot be read is refused either way.
    approvals.read(lists)
    for sentence in approvals.absent(lists):
        warn("ferry_approvals.files: %s." % sentence)
    tools = staging.Tools(params["index_url"], params["mirror"])
    profiles = kit.profiles(params["profiles"], params["kit"], params["requirements"], params["constraints"])
    judged = verdicts.judge_all(profiles, [], [])
    how = resolver.How(
        uv=tools.uv,
        environment=tools.environment,
        refresh=params["refresh"],
        check_mode=check_mode,
        prefer=params["prefer"],
        as_of=params["as_of"],
        crosscheck=crosscheck,
    )

    def one(profile):
        return locking.make(workdir, profile, [], [], how)

    with ThreadPoolExecutor(max_workers=4) as pool:
        done = {profile.name: (profile, answer) for profile, answer in zip(profiles, pool.map(one, profiles))}
    for name, (profile, answer) in done.items():
        judged[name] = verdicts.of_lock(profile, judged[name], review.wheels_of(answer))
        for verdict in judged[name]:
            if verdict["level"] == "risky":
                warn("%s: profile %s: %s" % (verdict["code"], name, verdict["message"]))
    against = review.baseline(
        workdir, params["name"], {name: answer["after"] for name, (_profile, answer) in done.items()}
    )
    confirmed = index.without_credentials(crosscheck) if crosscheck else None
    request, waiting = "", None
    if params["approvals"] is not None:
        packages = run.packages_of({name: answer["packages"] for name, (_profile, answer) in done.items()}, profiles)
        request = approvals.request(packages, lists)
        waiting = {"waiting": request.count("\n"), "request": approvals.path_of_request(workdir)}
    whole = review.whole(params["name"], done, judged, against, confirmed, waiting)
    lines = review_text.lines(whole)
    answers = [answer for _profile, answer in done.values()]
    changed = [answer for answer in answers if answer["after"] != answer["before"]]
    texts = [(answer["path"], answer["before"], answer["after"]) for answer in changed]
    laid = approvals.requested(workdir)
    if request != laid:
        texts.append((approvals.path_of_request(workdir), laid, request))
    if not check_mode:
        locking.write(answers)
        pages = {"review.txt": "\n".join(lines) + "\n", "review.md": review_text.markdown(whole)}
        review.write(workdir, dict(pages, **{review.NAME: review.dumps(whole)}))
        approvals.lay(workdir, request)
    return {
        "changed": bool(texts),
        "locks": {
            name: {
                "path": answer["path"],
                "wheels": len(answer["packages"]),
                "kept": answer not in changed,
                "excluded": answer["note"]["excluded"],
                "unchecked": answer["note"]["unchecked"],
            }
            for name, (_profile, answer) in done.items()
        },
        "verdicts": judged,
        "review": {
            "lines": lines,
            "path": os.path.join(workdir, "locks", "review.md"),
            "total": whole["total"],
        },
        "approvals": waiting,
        "diff": [
            {"before": before, "after": after, "before_header": path, "after_header": path}
            for path, before, after in texts
        ],
    }


def _check(params):
    """What argument_spec cannot say; FERRY-VAR-002."""
    for name in ("index_url", "crosscheck_index_url"):
        index.check_address("ferry_" + name, params[name])
    day = params["as_of"]
    if day is not None and not _is_over(day):
        raise FerryError(
            "FERRY-VAR-002",
            "ferry_lock_as_of: expected a day that is over (UTC), as YYYY-MM-DD, found %r; correct it." % day,
        )


def _is_over(day):
    """A day that is not over yet would give another lock tomorrow."""
    try:
        date = datetime.date.fromisoformat(day)
    except ValueError:
        return False
    # Newer Pythons read other spellings too.
    return date.isoformat() == day and date < datetime.datetime.now(datetime.timezone.utc).date()


def main():
    module = AnsibleModule(
        argument_spec=staging.LOCK_OPTIONS, mutually_exclusive=[("index_url", "mirror")], supports_check_mode=True
    )
    staging.hide_credentials(module)
    staging.require_libraries(module)

    def act(params, check_mode):
        return lock(params, check_mode, module.warn)

    running.finish_alone(module, "lock", module.params["workdir"], act)


if __name__ == "__main__":
    main()
