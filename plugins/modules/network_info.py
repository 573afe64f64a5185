#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.network_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: Tell which networks there are and which pods are on them
version_added: 0.1.0
description:
  - Tells which networks pods of the host can be on, built-in ones too, where they are configured, and
    which running pods are on them with which addresses.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.network_info_options
seealso:
  - module: podwright.fleet.network
  - module: podwright.fleet.pod_info
"""

EXAMPLES = r"""
- name: See who is on the network of the shop
  podwright.fleet.network_info:
    name: [shop]
  register: shop

- name: Insist that every configuration can be used
  ansible.builtin.assert:
    that: shop.networks | selectattr('error') | length == 0
"""

RETURN = r"""
networks:
  description:
    - The networks, as C(podwright network list --format=json) tells them, in the order in which a
      pod's links are made.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the network; empty if its configuration cannot even be read.
      type: str
      returned: always
      sample: shop
    type:
      description: Type of the plugin that makes its links.
      type: str
      returned: always
      sample: bridge
    plugins:
      description: The types of all of its plugins.
      type: list
      elements: str
      returned: always
      sample: [bridge, bandwidth]
    subnets:
      description: The subnets that addresses are taken from, as far as the configuration says.
      type: list
      elements: str
      returned: always
      sample: [10.20.0.0/24]
    source:
      description: The file that it is configured in; empty for a built-in network.
      type: str
      returned: always
      sample: /etc/podwright/net.d/50-shop.conflist
    config:
      description: The configuration, as a list of plugins; null if it cannot be used.
      type: dict
      returned: always
    pods:
      description: The running pods on it; null for users who may not know.
      type: list
      elements: dict
      returned: always
      contains:
        uuid:
          description: The pod's UUID.
          type: str
          returned: always
        name:
          description: The pod's name, empty if it has none.
          type: str
          returned: always
          sample: web
        ifname:
          description: Name of the link in the pod.
          type: str
          returned: always
          sample: eth0
        addresses:
          description: The link's addresses.
          type: list
          elements: str
          returned: always
          sample: [10.20.0.2/24]
        mac:
          description: The link's hardware address, if it was chosen; else empty.
          type: str
          returned: always
        host_if:
          description: Name of the host's end of the link; empty if there is none.
          type: str
          returned: always
          sample: podw28b6f2a1c0
    error:
      description: Why its configuration cannot be used; empty if it can.
      type: str
      returned: always
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: no-agent
stage:
  description: The step that failed, one of input, host.
  returned: on failure
  type: str
  sample: host
object:
  description: What it failed for, if that is known.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from ansible_collections.podwright.fleet.plugins.module_utils.info import named, tell
from ansible_collections.podwright.fleet.plugins.module_utils.options import Option, Table

OPTIONS: Table = {"name": Option("list", elements="str")}


def main() -> None:
    """Tell which networks there are."""
    tell("networks", ("network", "list"), OPTIONS, named("name"))


if __name__ == "__main__":
    main()
