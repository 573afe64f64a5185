#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.host_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Tell what a host can enforce
version_added: 0.1.0
description:
  - Tells what a host can enforce on pods, as C(podwright check-host) does. What can be tried is
    tried, and nothing is left behind.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.host_info_options
seealso:
  - module: podwright.fleet.pod
"""

EXAMPLES = r"""
- name: See what the host can enforce
  podwright.fleet.host_info:
  register: host

- name: Stop where pods would not get users of their own
  ansible.builtin.assert:
    that: found['user-namespaces'] == 'ok'
  vars:
    found: "{{ host.checks | items2dict(key_name='name', value_name='status') }}"

- name: Show what is to be done
  ansible.builtin.debug:
    msg: "{{ host.checks | rejectattr('status', 'eq', 'ok') | map(attribute='hint') }}"
"""

RETURN = r"""
checks:
  description: What was looked at, as C(podwright check-host --format=json) tells it.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description:
        - What it is about, one of kernel, mount-namespaces, pid-namespaces, net-namespaces,
          ipc-namespaces, uts-namespaces, cgroup-namespaces, time-namespaces, user-namespaces,
          overlay, idmapped-mounts, cgroups, seccomp, selinux, apparmor, landlock, kvm, qemu,
          virtiofsd, libvirt, stage1-kvm, xen, qemu-xen, stage1-xen, tpm, systemd, journald,
          machine-journals, gpg, nftables.
      type: str
      returned: always
      sample: kvm
    status:
      description: V(ok), V(limited) if not all of it is there, or V(missing).
      type: str
      returned: always
      sample: limited
    detail:
      description: What was found.
      type: str
      returned: always
      sample: "present, but a guest does not run: no answer in time"
    hint:
      description: What to install or enable; empty if there is nothing to do.
      type: str
      returned: always
      sample: enable virtualisation in the firmware
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

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.info import tell
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
)

OPTIONS: Table = {"name": Option("list", elements="str")}


def selected(checks: list[dict[str, Any]], wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """The checks that the options ask for; raises OptionError for a name that none has."""
    names = wanted.get("name")
    known = [str(check.get("name")) for check in checks]
    for name in names or ():
        if name not in known:
            raise OptionError(f"name: no check is called {name!r}; known are {', '.join(known)}")
    return [check for check in checks if names is None or check.get("name") in names]


def main() -> None:
    """Tell what the host can enforce."""
    tell("checks", ("check-host",), OPTIONS, selected)


if __name__ == "__main__":
    main()
