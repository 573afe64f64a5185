# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory plugin podwright.fleet.pods."""

from __future__ import annotations

DOCUMENTATION = r"""
name: pods
short_description: The pods of a fleet as hosts
version_added: 0.1.0
description:
  - Asks hosts for their pods, all at the same time and each with one call of its agent, and adds the pods as hosts
    that P(podwright.fleet.pod#connection) reaches through them.
  - The hosts are those of inventory sources that come before this one, so give those first.
  - A pod is called C(POD.HOST), by its name or the beginning of its UUID.
  - Groups are C(podwright_pods), C(podwright_host_HOST), C(podwright_image_IMAGE), C(podwright_label_KEY_VALUE),
    C(podwright_stage1_STAGE1) and C(podwright_state_STATE).
  - What hosts answer is data. It sets variables C(podwright_...) and nothing else, is never templated, and never
    takes the name of a host that there is already.
author:
  - The podwright authors (@podwright)
requirements:
  - The podwright agent on the hosts.
notes:
  - The file is called C(NAME.podwright.yml) or C(NAME.podwright.yaml).
  - Passwords that Ansible asks for at its start (C(--ask-pass), C(--ask-become-pass)) are not known to inventories;
    put them into variables of the hosts, encrypted.
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: Says that the file is for this plugin.
    type: str
    required: true
    choices: [podwright.fleet.pods]
  hosts:
    description:
      - Hosts and groups of the inventory whose pods are wanted. Pods among them are left out.
      - A name that is not in the inventory is an address for OpenSSH; C(localhost) is this host.
    type: list
    elements: str
    default: [all]
  per:
    description: Whether a pod is a host, or each of its apps. The host of a pod with several apps is its first one.
    type: str
    choices: [pod, app]
    default: pod
  states:
    description: States of the pods that are wanted; an empty list means all.
    type: list
    elements: str
    default: [running]
  filters:
    description:
      - Jinja2 conditions over a pod's variables that must all hold.
      - A pod for which one of them, or O(name), cannot be told is left out with a warning, with O(strict) a failure.
    type: list
    elements: str
    default: []
  name:
    description: A Jinja2 expression over a pod's variables that gives its name in the inventory.
    type: str
  agent_path:
    description: The agent on the hosts, which also is that of the pods' connections.
    type: str
    default: /usr/bin/podwright
  data_dir:
    description: Where the agent keeps images and pods, if not where it does by itself.
    type: str
  local_config:
    description: The agent's configuration, if not where it is by itself.
    type: str
  forks:
    description: How many hosts are asked at a time.
    type: int
    default: 50
  timeout:
    description: Seconds after which hosts that have not answered count as unreachable.
    type: float
    default: 30
  unreachable:
    description: What to do about hosts that do not answer, V(warn) and go on without their pods, or V(fail).
    type: str
    choices: [warn, fail]
    default: warn
"""

EXAMPLES = r"""
# pods.podwright.yml, used as: ansible -i hosts.yml -i pods.podwright.yml podwright_pods -m ping
plugin: podwright.fleet.pods
hosts: [web, db]

# Another file: only pods of one label, each app as a host, cached for five minutes
# plugin: podwright.fleet.pods
# hosts: [fleet]
# per: app
# filters:
#   - podwright_labels.tier | default('') == 'frontend'
# name: podwright_app ~ '-' ~ podwright_host
# keyed_groups:
#   - key: podwright_labels.team | default('none')
#     prefix: team
# compose:
#   ansible_user: "'www-data'"
# cache: true
# cache_plugin: ansible.builtin.jsonfile
# cache_connection: ~/.cache/podwright
# cache_timeout: 300
"""

from collections.abc import Mapping
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.helpers import get_group_vars
from ansible.playbook.play_context import PlayContext
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var
from ansible.utils.vars import combine_vars
from ansible.vars.plugins import get_vars_from_inventory_sources
from ansible_collections.podwright.fleet.plugins.module_utils import strangers
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    connection_outer as outer,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    connection_words as words,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    inventory_ask,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    inventory_pods as pods,
)

CONNECTION = "podwright.fleet.pod"
REACHED_BY = ("ansible_", "inventory_", "podwright_host_")
"""What the variables begin with that say how a host is reached; others may be templates of much else."""
ENDINGS = (".podwright.yml", ".podwright.yaml")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Pods as hosts."""

    NAME = "podwright.fleet.pods"
    inventory: Any

    def verify_file(self, path: str) -> bool:
        """Whether the file's name is one of ours."""
        return bool(super().verify_file(path)) and path.endswith(ENDINGS)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Ask, and add what was answered."""
        super().parse(inventory, loader, path, cache)
        self._refuse_unknown(path, self._read_config_data(path))
        if int(self._option("forks")) < 1:
            raise AnsibleParserError(f"{path}: forks: nobody would be asked; write 1 or more")
        for name, found in self._found(path, cache).items():
            for entry in pods.entries(name, found, self._option("states"), self._option("per")):
                self._add(name, entry)

    def _refuse_unknown(self, path: str, given: Mapping[str, Any]) -> None:
        """Raise AnsibleParserError for an option that there is not: Ansible would not say a word about it."""
        known = C.config.get_configuration_definitions("inventory", self._load_name)
        spec: dict[str, Any] = {name: {} for name in (*known, "plugin")}
        found = strangers.unknown(spec, dict(given), f"ansible-doc -t inventory {self.NAME}")
        if found is not None:
            raise AnsibleParserError(f"{path}: {found.text}")

    def _option(self, name: str) -> Any:
        return self.get_option(name)

    def _found(self, path: str, cache: bool) -> dict[str, list[dict[str, Any]]]:
        """The pods by host, from the cache where that is allowed."""
        self.load_cache_plugin()
        key, wanted = self.get_cache_key(path), bool(self._option("cache"))
        if wanted and cache:
            try:
                return dict(self._cache[key])
            except KeyError:
                pass
        found, complete = self._ask()
        if wanted and complete:  # what was not reached is asked again next time
            self._cache[key] = found
        return found

    def _ask(self) -> tuple[dict[str, list[dict[str, Any]]], bool]:
        """What the hosts say, and whether all of them did."""
        agent = words.Agent(
            self._option("agent_path"), self._option("data_dir"), self._option("local_config")
        )
        line = words.line([*agent.words(), "list", "--format=json"], reads=False)
        asks = {name: self._asking(name, line) for name in self._sources()}
        answers, problems = inventory_ask.ask(
            asks, int(self._option("forks")), float(self._option("timeout"))
        )
        for name, problem in sorted(problems.items()):
            text = f"the pods of host {name} are not known: {words.printable(problem)[:500]}"
            if self._option("unreachable") == "fail":
                raise AnsibleParserError(text)
            self.display.warning(text)
        return {name: answers[name] for name in asks if name in answers}, not problems

    def _asking(self, name: str, line: str) -> Any:
        """What asks one host. Its variables and plugins are loaded now: Ansible's loader knows one thread."""
        try:
            host = outer.Outer(name, self._variables(name), PlayContext())
        except Exception as err:  # whatever its variables are, it concerns this host only
            problem = err

            def refuse() -> list[dict[str, Any]]:
                raise problem

            return refuse

        def ask() -> list[dict[str, Any]]:
            try:
                status, out, err = host.run(line, None)
            finally:
                host.close()
            if status:
                said = words.last_line(err) or f"status {status}"
                raise AnsibleError(f"its agent cannot list them: {said}")
            return pods.read(out)

        return ask

    def _sources(self) -> list[str]:
        """The names of the hosts to be asked, each once."""
        out: dict[str, None] = {}
        for wanted in self._option("hosts"):
            group = self.inventory.groups.get(wanted)
            for name in [host.name for host in group.get_hosts()] if group else [wanted]:
                if not self._is_pod(name):
                    out[str(name)] = None
        return list(out)

    def _is_pod(self, name: str) -> bool:
        try:
            return bool(self._variables(name).get("ansible_connection") == CONNECTION)
        except Exception:  # who cannot be templated is told of when its turn comes
            return False

    def _variables(self, name: str) -> Mapping[str, Any]:
        """What the inventory says about how a host is reached, templated."""
        host = self.inventory.hosts.get(name)
        if host is None:
            return outer.local() if name == "localhost" else {"inventory_hostname": name}
        sources = getattr(self.inventory, "processed_sources", [])
        groups = host.get_groups()
        known = combine_vars(
            get_group_vars(groups),
            get_vars_from_inventory_sources(self.loader, sources, groups, "all"),
        )
        known = combine_vars(known, host.get_vars())
        known = combine_vars(
            known, get_vars_from_inventory_sources(self.loader, sources, [host], "all")
        )
        known = {"inventory_hostname": name, **known}
        self.templar.available_variables = known
        wanted = [key for key in known if key.startswith(REACHED_BY)]
        return {key: self.templar.template(known[key]) for key in wanted}

    def _leave_out(self, host: str, why: str) -> None:
        self.display.warning(f"a pod of host {host} is left out: {words.printable(why)[:500]}")

    def _add(self, host: str, entry: pods.Entry) -> None:
        """Add a pod, if its name is one and still free."""
        own = {
            name: wrap_var(value) for name, value in entry.variables.items() if value is not None
        }
        known = {
            **own,
            "podwright_host": host,
            "podwright_agent_path": self._option("agent_path"),
            "ansible_connection": CONNECTION,
        }
        for name in ("data_dir", "local_config"):
            if self._option(name):
                known[f"podwright_{name}"] = self._option(name)
        if host == "localhost" and host not in self.inventory.hosts:
            known["podwright_host"] = ""
        strict = bool(self._option("strict"))
        try:
            if not all(self._compose(condition, known) for condition in self._option("filters")):
                return
            template = self._option("name")
            name = str(self._compose(template, known)) if template else entry.name
        except Exception as err:  # what a host says of a pod is nothing that templates can count on
            if strict:
                raise
            self._leave_out(host, f"{entry.name}: {' '.join(str(err).split())}")
            return
        if (
            not pods.NAME.match(name)
            or name in self.inventory.hosts
            or name in self.inventory.groups
        ):
            why = "is there already" if pods.NAME.match(name) else "is no name for a host"
            self._leave_out(host, f"{words.printable(name)[:100]!r} {why}")
            return
        self.inventory.add_host(name)
        for group in entry.groups:
            if group not in self.inventory.hosts:
                self.inventory.add_child(self.inventory.add_group(group), name)
        for key, value in known.items():
            self.inventory.set_variable(name, key, value)
        self._set_composite_vars(self._option("compose"), known, name, strict=strict)
        self._add_host_to_composed_groups(self._option("groups"), known, name, strict=strict)
        self._add_host_to_keyed_groups(self._option("keyed_groups"), known, name, strict=strict)
