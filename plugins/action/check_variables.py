# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers the ferry_ variables of all hosts; ``plugin_utils/variables.py`` judges them."""

from __future__ import annotations

import time
from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible.plugins.test.core import vault_encrypted
from ansible.template import Templar

from ..module_utils.errors import FerryError
from ..module_utils.profile import Secret
from ..plugin_utils.variables import Unreadable, check_names, check_values, known_options

MANAGED = "ferry_hosts"
GROUPS = ("ferry_staging", "ferry_depot", MANAGED)
ROLES = Path(__file__).resolve().parents[2] / "roles"


class ActionModule(ActionBase):
    """Every play's first task: nothing runs on a misspelt or misshapen variable."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        self.validate_argument_spec(argument_spec={})
        started = time.monotonic()
        try:
            self._check(task_vars)
        except FerryError as failure:
            result.update(failed=True, msg=str(failure), code=failure.code)
        result.update(changed=False, event={"stage": "variables", "seconds": round(time.monotonic() - started, 3)})
        return result

    def _check(self, task_vars):
        known = known_options(ROLES)
        groups, hostvars = task_vars["groups"], task_vars["hostvars"]
        hosts = sorted(set(task_vars["ansible_play_hosts_all"]).union(*(groups.get(group, []) for group in GROUPS)))

        # hostvars knows only the inventory; what the play adds (its vars, its roles' defaults) holds for all hosts.
        inventory = {host: hostvars.raw_get(host) for host in hosts}
        own = inventory[task_vars["inventory_hostname"]]
        play = {name: value for name, value in task_vars.items() if name not in own}
        check_names({host: _ferry({**play, **inventory[host]}) for host in hosts}, known)

        # A role's default is not the operator's to correct, and some cost much to resolve for every host.
        added = [name for name in _ferry(play) if "default" not in known[name] or play[name] != known[name]["default"]]
        values = {host: self._resolved(play, inventory[host], added) for host in hosts}
        check_values(values, groups.get(MANAGED, []), known)

    def _resolved(self, play, inventory, added):
        """One host's values of the inventory's ferry_ variables and of those in ``added``, which come from the play."""
        variables = {**play, **inventory}
        templar = Templar(loader=self._loader, variables=variables)
        values = {}
        for name in sorted({*_ferry(inventory), *added}):
            try:
                values[name] = _plain(templar.template(variables[name]))
            except Exception as error:  # pylint: disable=broad-except  # a template runs lookups and filters, which may raise anything
                # A play may set a variable to what its own tasks find out, so there may be no value yet.
                if name in inventory:
                    values[name] = Unreadable(str(error).partition("\n")[0])
        return values


def _ferry(variables):
    """The names that are the operator's; the roles' own results begin with ``__ferry_``."""
    return sorted(name for name in variables if name.startswith("ferry_"))


def _plain(value):
    """Strip Ansible's own types; vaulted text stays secret."""
    if vault_encrypted(value):
        return Secret(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
