#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.status_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: status_info
short_description: Tell how a host and its pods are, in one call
version_added: 0.1.0
description:
  - Tells what a report about a fleet needs of one host, its pods, their images with the verdicts on them,
    what they use, what the host can enforce, and the host's own state.
  - What one part cannot tell is in RV(problems), and the other parts are still there, so that a host in trouble
    is seen and not lost.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.status_info_options
seealso:
  - module: podwright.fleet.pod_info
  - module: podwright.fleet.image_info
  - module: podwright.fleet.host_info
  - module: podwright.fleet.status_report
"""

EXAMPLES = r"""
- name: See how the host is
  podwright.fleet.status_info:
  register: found

- name: Show pods that run and do not serve
  ansible.builtin.debug:
    msg: "{{ found.pods | selectattr('state', 'eq', 'running') | rejectattr('ready') | map(attribute='pod_name') }}"
"""

RETURN = r"""
agent:
  description: The agent, as C(podwright version --format=json) tells it.
  returned: success
  type: dict
  sample: {"podwright": "0.1.0", "python": "3.11.2"}
host:
  description:
    - The host, with C(kernel), C(os), C(arch), C(cpus), C(memory_total), C(memory_available), C(load) of one, five and
      fifteen minutes, C(uptime) in seconds, C(selinux) and C(time), its own clock.
  returned: success
  type: dict
pods:
  description: The pods, as M(podwright.fleet.pod_info) tells them, with their last three revisions.
  returned: success
  type: list
  elements: dict
images:
  description: The images, as M(podwright.fleet.image_info) tells them.
  returned: success
  type: list
  elements: dict
usage:
  description: What running pods use, as C(podwright top --format=json) tells it.
  returned: success
  type: list
  elements: dict
checks:
  description: What the host can enforce, as M(podwright.fleet.host_info) tells it.
  returned: success
  type: list
  elements: dict
problems:
  description: Parts that could not be told, with C(part), C(msg), C(reason), C(stage), C(object) and C(hint).
  returned: success
  type: list
  elements: dict
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

import os
import time
from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.agent import Agent, AgentError
from ansible_collections.podwright.fleet.plugins.module_utils.info import report
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
)

OPTIONS: Table = {
    "interval": Option("float", default=0.5),
    "checks": Option("bool", default=True),
}
REVISIONS = 3
"""Of each pod; a report needs the current one and the last."""

TOO_MUCH = ("allow", "lives", "app_names", "user_annotations", "metadata")
"""Fields of pods that no report has; a fleet's reports add up on the controller."""


def facts() -> dict[str, Any]:
    """What the host's kernel tells of the host."""
    system = os.uname()
    memory = _pairs("/proc/meminfo", ":")
    return {
        "kernel": system.release,
        "arch": system.machine,
        "os": _pairs("/etc/os-release", "=").get("PRETTY_NAME", "").strip('"'),
        "cpus": os.cpu_count(),
        "memory_total": _kib(memory.get("MemTotal", "")),
        "memory_available": _kib(memory.get("MemAvailable", "")),
        "load": list(os.getloadavg()),
        "uptime": int(float((_text("/proc/uptime").split() or ["0"])[0])),
        "selinux": {"1": "enforcing", "0": "permissive"}.get(
            _text("/sys/fs/selinux/enforce").strip(), "off"
        ),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _text(path: str) -> str:
    try:
        with open(path, errors="replace") as file:
            return file.read(65536)
    except OSError:
        return ""


def _pairs(path: str, between: str) -> dict[str, str]:
    lines = (line.partition(between) for line in _text(path).splitlines())
    return {name.strip(): text.strip() for name, _colon, text in lines}


def _kib(text: str) -> int | None:
    number = (text.split() or [""])[0]
    return int(number) * 1024 if number.isdigit() else None


def trimmed(pod: dict[str, Any]) -> dict[str, Any]:
    """A pod without what no report shows."""
    out = {name: content for name, content in pod.items() if name not in TOO_MUCH}
    if isinstance(out.get("history"), list):
        out["history"] = out["history"][-REVISIONS:]
    return out


def collect(agent: Agent, params: dict[str, Any]) -> dict[str, Any]:
    """All parts, each with one call of the agent. Raises AgentError when the first one fails already."""
    out: dict[str, Any] = {"agent": agent.told("version")}
    parts: dict[str, tuple[str, ...]] = {"pods": ("list",), "images": ("image", "list")}
    if params["interval"]:
        parts["usage"] = ("top", f"--interval={int(params['interval'] * 1000)}ms")
    if params["checks"]:
        parts["checks"] = ("check-host",)
    out.update({name: [] for name in ("pods", "images", "usage", "checks", "problems")})
    for name, verb in parts.items():
        try:
            out[name] = agent.read(*verb)
        except AgentError as error:
            out["problems"].append({"part": name, **error.failure})
    out["pods"] = [trimmed(pod) for pod in out["pods"]]
    return out


def look(agent: Agent, wanted: dict[str, Any]) -> dict[str, Any]:
    """How the host and its pods are."""
    interval = wanted["interval"]
    if interval and not 0.1 <= interval <= 60:
        raise OptionError(f"interval: {interval:g} is neither 0 nor from 0.1 to 60 seconds")
    return {"host": facts(), **collect(agent, wanted)}


def main() -> None:
    """Tell how the host and its pods are."""
    report(OPTIONS, look)


if __name__ == "__main__":
    main()
