# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module network. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Name of the network, as O(podwright.fleet.pod#module:net) has it. With the name of a built-in
        network, V(default) or V(default-restricted), it takes that one's place.
      - Mutually exclusive with O(networks); one of the two is required.
    type: str
  state:
    description:
      - V(present), there is this configuration, and no other file of the administrator for the
        network.
      - V(absent), there is none. What a package ships, or the built-in network, then counts again.
        It is refused while pods use the network and nothing else has its name, see O(force).
      - With O(networks) this is the state of networks that do not say their own.
    type: str
    choices:
      - present
      - absent
    default: present
  plugins: &id001
    description:
      - The plugins, in the order in which they are run, each as in the CNI specification. The
        first one makes the link; its C(type) is V(ptp), V(bridge), V(macvlan), V(ipvlan), V(loopback),
        V(host-device), V(flannel), or the name of an executable. Those that follow change it,
        such as V(tuning), V(portmap) and V(bandwidth).
      - Either O(plugins) or O(config) is needed, unless O(state=absent).
    type: list
    elements: dict
  cni_version: &id002
    description:
      - The version of the CNI specification that the plugins are called with; V(1.0.0) if omitted.
    type: str
  disable_check: &id003
    description:
      - Do not ask the plugins whether all is as they made it.
    type: bool
  config: &id004
    description:
      - The whole configuration as it would stand in a file, of one plugin or of a list of them,
        in place of O(plugins), O(cni_version) and O(disable_check).
    type: dict
  order: &id005
    description:
      - Number from 0 to 98 that the file's name begins with. A pod's links are made in the order
        of these names.
      - If omitted, it stays what it is; that of a new file is 50.
    type: int
  force: &id006
    description:
      - With O(state=absent), take the network away even if pods use it. Those that run keep what
        they have, and cannot be started again.
    type: bool
  networks:
    description:
      - Many networks, each with the options that are described above for one.
      - Mutually exclusive with all of these except O(state).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the network.
        type: str
        required: true
      state:
        description:
          - State of this network, see O(state), whose value is taken if this one is omitted.
        type: str
        choices:
          - present
          - absent
      plugins: *id001
      cni_version: *id002
      disable_check: *id003
      config: *id004
      order: *id005
      force: *id006
"""
