#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.network."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network
short_description: Configure the networks that pods can be on
version_added: 0.1.0
description:
  - Writes and removes network configurations of the administrator, each in a file of its own below
    C(net.d); one by the module's own options or many with O(networks).
  - A configuration is what the CNI specification calls a list of plugins. The agent checks it before
    anything is written; keys that a built-in type does not know are refused.
  - A configuration counts for pods that start from then on. Pods that run keep what they have.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.network_options
seealso:
  - module: podwright.fleet.network_info
  - module: podwright.fleet.pod
"""

EXAMPLES = r"""
- name: Pods of the shop share a bridge and reach the outside with the host's address
  podwright.fleet.network:
    name: shop
    plugins:
      - type: bridge
        bridge: shop0
        isGateway: true
        ipMasq: true
        ipam:
          type: host-local
          ranges:
            - - subnet: 10.20.0.0/24
            - - subnet: fd20:73:68:6f::/64
          routes:
            - dst: 0.0.0.0/0
            - dst: ::/0

- name: Two networks, of which one limits what its pods send, and one that is no more
  podwright.fleet.network:
    networks:
      - name: backup
        order: 20
        plugins:
          - type: macvlan
            master: eno2
            ipam:
              type: dhcp
          - type: bandwidth
            egressRate: 100000000
            egressBurst: 10000000
      - name: lab
        config: "{{ lookup('ansible.builtin.file', 'lab.conflist') | from_json }}"
      - name: old
        state: absent
"""

RETURN = r"""
networks:
  description: What was done, or would be done in check mode, for each network in the order of the request.
  returned: when the agent was asked
  type: list
  elements: dict
  contains:
    name:
      description: Name of the network.
      type: str
      returned: always
      sample: shop
    path:
      description: Its file, or the one that was removed; empty if there is and was none.
      type: str
      returned: always
      sample: /etc/podwright/net.d/50-shop.conflist
    changed:
      description: Whether anything was changed for this network.
      type: bool
      returned: always
    action:
      description: What was done, one of write, remove, none.
      type: str
      returned: always
      sample: write
    state:
      description:
        - What there is of the network now, V(present), V(absent), or without a file of the
          administrator still one that is V(shipped) or V(built-in).
      type: str
      returned: always
      sample: present
diff:
  description:
    - In C(before) and C(after), below C(networks), for each network that is different the C(path) of
      its file and the C(config) in it.
  returned: in diff mode
  type: dict
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: in-use
stage:
  description: The step that failed, one of input, host.
  returned: on failure
  type: str
  sample: input
object:
  description: The network, option or path that it failed for.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.objects import Kind, manage
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
)

STATES = ("present", "absent")
WHOLE = {"plugins": "plugins", "cni_version": "cniVersion", "disable_check": "disableCheck"}
"""Options that a configuration is made of -> its keys."""

NETWORK: Table = {
    "plugins": Option("list", elements="dict", field="-"),
    "cni_version": Option(field="-"),
    "disable_check": Option("bool", field="-"),
    "config": Option("dict"),
    "order": Option("int"),
    "force": Option("bool"),
}
"""A network without its name and state."""


def make_config(out: dict[str, Any], given: dict[str, Any], path: str) -> None:
    """Make one configuration of the options that say it in parts. Raises OptionError."""
    parts = [name for name in WHOLE if given.get(name) is not None]
    start = f"{path}." if path else ""
    if parts and given.get("config") is not None:
        raise OptionError(f"{start}{parts[0]}: cannot stand beside config; say it in there")
    if out.get("state") == "absent":
        return
    if given.get("config") is not None:
        return
    if "plugins" not in parts:
        raise OptionError(f"{start}plugins: is missing; say what the network is, or state: absent")
    out["config"] = {WHOLE[name]: given[name] for name in parts}


KIND = Kind("networks", "name", STATES, NETWORK, make_config)


def main() -> None:
    """Make networks be configured or not."""
    manage(KIND)


if __name__ == "__main__":
    main()
