# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The host that a pod is on, as a connection.

OpenSSH and the local host go through Ansible's plugins, paramiko through ours. Only a line of shell with
its input passes, and nothing is stored on that host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible import constants as C
from ansible import errors
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.loader import become_loader, connection_loader
from ansible_collections.podwright.fleet.plugins.plugin_utils.connection_paramiko import Paramiko

OMITTED: Any = getattr(errors, "AnsibleValueOmittedError", ())
"""What ansible-core 2.19 and later raise for `omit`."""
SSH = ("ssh", "smart", "ansible.builtin.ssh")
PARAMIKO = ("paramiko", "paramiko_ssh", "ansible.builtin.paramiko", "ansible.builtin.paramiko_ssh")
LOCAL = ("local", "ansible.builtin.local")
OURS = "podwright.fleet.pod"
USERS = ("ansible_ssh_user", "ansible_user")
PASSWORDS = ("ansible_become_password", "ansible_become_pass")
ALWAYS = {"ansible_pipelining": True, "ansible_ssh_pipelining": True, "ansible_ssh_use_tty": False}
"""Our input is the command's, and never a terminal's."""
ADDRESSES = ("ansible_host", "ansible_ssh_host")


class Outer:
    """A host, and how to run a command line on it as root.

    name       as people know it
    variables  of the host, templated when they are read
    """

    def __init__(self, name: str, variables: Mapping[str, Any], play_context: Any) -> None:
        self.name = name
        self._variables = variables
        self._context = _context(play_context)
        self._become: Any = None
        self._plugin = self._load()

    def get(self, *names: str) -> Any:
        """The first of these variables that is set, or None."""
        for name in names:
            if name in self._variables:
                try:
                    found = self._variables[name]
                except OMITTED:
                    continue
                if found is not None:
                    return found
        return None

    def run(self, line: str, data: bytes | None) -> tuple[int, bytes, bytes]:
        """Run a line of shell as root: status, standard output, standard error.

        Raises AnsibleConnectionFailure when the host cannot be reached.
        """
        if self._become is not None:
            line = self._become.build_become_command(line, self._plugin._shell)
        # Some input always: without any, Ansible's plugin would use a terminal.
        done = self._plugin.exec_command(line, in_data=data or b"\n", sudoable=bool(self._become))
        status, out, err = done
        return int(status), bytes(out), bytes(err)

    def reset(self) -> None:
        """Forget the connection."""
        self._plugin.reset()

    def close(self) -> None:
        """End it."""
        self._plugin.close()

    def _load(self) -> Any:
        wanted = str(
            self.get("ansible_connection") or C.config.get_config_value("DEFAULT_TRANSPORT")
        )
        if wanted == OURS:
            raise AnsibleError(
                f"host {self.name} is a pod itself: podwright_host is the host that a pod is on"
            )
        if wanted in PARAMIKO:
            plugin: Any = Paramiko(self._context, self.get)
        else:
            plugin = self._core("ssh" if wanted in SSH else wanted)
        if self._wants_become(wanted):
            self._become = self._load_become()
            plugin.set_become_plugin(self._become)
        return plugin

    def _core(self, wanted: str) -> Any:
        """A plugin of Ansible's, with the options that the host's variables give it."""
        plugin = connection_loader.get(wanted, self._context, None)
        if plugin is None:
            raise AnsibleError(f"host {self.name}: there is no connection plugin {wanted}")
        if not plugin.has_pipelining:
            raise AnsibleError(
                f"host {self.name}: connection {wanted} passes no input on, which entering a pod"
                " needs; use ssh, paramiko or local"
            )
        names = C.config.get_plugin_vars("connection", plugin._load_name)
        options = {**self._values(names), **ALWAYS}
        if wanted not in LOCAL:
            self._context.remote_addr = str(self.get(*ADDRESSES) or self.name)
            options["ansible_host"] = self._context.remote_addr
        plugin.set_options(task_keys={"timeout": self._context.timeout}, var_options=options)
        return plugin

    def _values(self, names: Any) -> dict[str, Any]:
        found = {name: self.get(name) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    def _wants_become(self, wanted: str) -> bool:
        asked = self.get("podwright_host_become", "ansible_become")
        # As Ansible does: nobody becomes who he is.
        is_root = wanted not in LOCAL and self.get(*USERS) == "root"
        return asked is not None and bool(boolean(asked)) and not is_root

    def _load_become(self) -> Any:
        method = str(
            self.get("ansible_become_method") or C.config.get_config_value("DEFAULT_BECOME_METHOD")
        )
        plugin = become_loader.get(method)
        if plugin is None:
            raise AnsibleError(f"host {self.name}: there is no become plugin {method}")
        names = C.config.get_plugin_vars("become", plugin._load_name)
        options = {**self._values(names), "ansible_become_user": "root"}
        password = self.get(*PASSWORDS) or self._context.become_pass or None
        direct = {"become_pass": str(password)} if password else {}
        plugin.set_options(task_keys={"become_user": "root"}, var_options=options, direct=direct)
        return plugin


def local() -> dict[str, Any]:
    """The variables of the host that Ansible runs on."""
    return {"ansible_connection": "local"}


def variables_of(name: str, hostvars: Any, own: Mapping[str, Any]) -> dict[str, Any] | _Both:
    """What is known of a host: `own` first, then what the inventory says; unknown: its name is its address."""
    if hostvars is not None and name in hostvars:
        return _Both(own, hostvars[name], f"host {name}")
    return dict(own)


def refuse_told(variables: Mapping[str, Any], name: str, who: str) -> None:
    """Raise AnsibleError when a variable that says how `who` is reached is a fact, which `who` has told.

    Facts come before what the inventory says, and Ansible takes away only the names that it knows itself.
    """
    facts = variables.get("ansible_facts", {})
    bare = name.removeprefix("ansible_")
    # `ansible_port` and `port` are one fact; which one was told is seen by whether it has become the variable.
    same = bare != name and bare in facts and name in variables and facts[bare] == variables[name]
    if name in facts or same:
        raise AnsibleError(
            f"{who} has told a fact {name}, and nobody says himself how he is reached; do not trust it, or"
            " forget its facts (meta: clear_facts) if that was your own set_fact"
        )


class _Both(Mapping[str, Any]):
    """What is said for a host and what the inventory knows, which is templated only when it is read."""

    def __init__(self, first: Mapping[str, Any], second: Mapping[str, Any], who: str) -> None:
        self._both = (first, second)
        self._who = who

    def __getitem__(self, name: str) -> Any:
        first, second = self._both
        if name in first:
            return first[name]
        if name in second:
            refuse_told(second, name, self._who)
            return second[name]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(name in each for each in self._both)

    def __iter__(self) -> Any:
        return iter({name for each in self._both for name in each})

    def __len__(self) -> int:
        return len(list(iter(self)))


def _context(given: Any) -> Any:
    """The context of the task without what is the pod's."""
    context = given.copy()
    context.remote_addr = context.remote_user = context.port = context.prompt = None
    context.become = False
    return context


__all__ = ["AnsibleConnectionFailure", "Outer", "local", "refuse_told", "variables_of"]
