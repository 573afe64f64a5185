#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.selinux_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: selinux_info
short_description: Tell whether what runs in pods carries their SELinux labels
version_added: 0.1.0
description:
  - Compares every process of a pod, the mounts that were made for it, and files in it, as the kernel shows them, with
    the pod's label, as C(podwright selinux verify) does.
  - A pod that runs without a label, as all do on a host without SELinux, is told of and is no failure.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.selinux_info_options
seealso:
  - module: podwright.fleet.host_info
  - module: podwright.fleet.pod_info
"""

EXAMPLES = r"""
- name: Look at the labels of all pods that run
  podwright.fleet.selinux_info:
  register: labels

- name: Insist that all are confined, and right
  ansible.builtin.assert:
    that:
      - labels.enabled
      - labels.pods | rejectattr('verified', 'true') | length == 0
"""

RETURN = r"""
enabled:
  description: Whether SELinux is enabled on the host.
  returned: success
  type: bool
pods:
  description: The pods that run, those of O(name) in its order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the pod; empty for one without a name.
      type: str
      returned: always
      sample: web
    uuid:
      description: UUID of the pod.
      type: str
      returned: always
    labelled:
      description: Whether it was started with a label.
      type: bool
      returned: always
    why_not:
      description: Why it has none; empty if it has one.
      type: str
      returned: always
      sample: not enabled on this host
    mode:
      description: V(permissive) or V(enforcing); empty without a label.
      type: str
      returned: always
    process:
      description: The context of its processes; empty without a label.
      type: str
      returned: always
      sample: system_u:system_r:container_t:s0:c1,c2
    file:
      description: The context of its files; empty without a label.
      type: str
      returned: always
      sample: system_u:object_r:container_file_t:s0:c1,c2
    verified:
      description: Whether all that was found carries the label; C(null) without one.
      type: bool
      returned: always
    findings:
      description:
        - What was looked at, with its C(kind) (process, mount, file), C(what) it is, the context C(expected) and
          C(seen), and whether it is C(right).
      type: list
      elements: dict
      returned: always
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: not-found
stage:
  description: The step that failed, one of input, host.
  returned: on failure
  type: str
  sample: input
object:
  description: What it failed for, if that is known.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

import os
from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.agent import Agent, AgentError
from ansible_collections.podwright.fleet.plugins.module_utils.info import report
from ansible_collections.podwright.fleet.plugins.module_utils.options import Option, Table

OPTIONS: Table = {"name": Option("list", elements="str")}
ENABLED = "/sys/fs/selinux/enforce"
MISLABELLED = 1
"""The agent's status when something carries another label."""


def look(agent: Agent, wanted: dict[str, Any]) -> dict[str, Any]:
    """The pods that run, each with what it carries. Raises AgentError."""
    every = [one for one in agent.read("list") if one.get("state") == "running"]
    names = wanted.get("name")
    pods = every if names is None else [_find(every, name) for name in names]
    return {"enabled": os.path.exists(ENABLED), "pods": [_told(agent, pod) for pod in pods]}


def _find(pods: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The pod of a name or UUID. Raises AgentError."""
    for pod in pods:
        if name and name in (pod.get("pod_name"), pod.get("name")):
            return pod
    hint = "podwright.fleet.pod_info tells which pods run"
    raise AgentError(
        f"no pod that runs is called {name!r}; {hint}",
        reason="not-found",
        stage="input",
        object=name,
        hint=hint,
    )


def _told(agent: Agent, pod: dict[str, Any]) -> dict[str, Any]:
    label = pod.get("selinux") or {}
    out: dict[str, Any] = {
        "name": pod.get("pod_name", ""), "uuid": pod["name"], "labelled": "process" in label,
        "why_not": str(label.get("off", "")), "mode": "", "process": "", "file": "",
        "verified": None, "findings": [],
    }  # fmt: skip
    if out["labelled"]:
        found = agent.told("selinux", "verify", fine=(0, MISLABELLED), words=[pod["name"]])
        known = ("mode", "process", "file", "verified", "findings")
        out.update({name: found.get(name) for name in known})
    return out


def main() -> None:
    """Tell what carries which label."""
    report(OPTIONS, look)


if __name__ == "__main__":
    main()
