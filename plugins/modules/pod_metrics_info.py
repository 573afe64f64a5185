#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.pod_metrics_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_metrics_info
short_description: Tell what running pods use
version_added: 0.1.0
description:
  - Tells what the running pods of a host and their apps use of processors, memory, disks and network, and how
    often they were restarted, as C(podwright top) does.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.pod_metrics_info_options
seealso:
  - module: podwright.fleet.pod_info
  - module: podwright.fleet.status_info
"""

EXAMPLES = r"""
- name: See what the pods of the host use
  podwright.fleet.pod_metrics_info:
  register: used

- name: Insist that no app was restarted or killed for want of memory
  ansible.builtin.assert:
    that:
      - used.pods | map(attribute='restarts') | sum == 0
      - used.pods | selectattr('oom_kills') | length == 0

- name: Measure one pod for longer
  podwright.fleet.pod_metrics_info:
    name: [shop]
    interval: 10
"""

RETURN = r"""
pods:
  description:
    - The running pods, as C(podwright top --format=json) tells them, those first that use most of the processors.
    - What the host does not count is C(null).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The pod's UUID.
      type: str
      returned: always
    pod_name:
      description: The pod's name; empty if it has none.
      type: str
      returned: always
      sample: shop
    started_at:
      description: When it was started.
      type: str
      returned: always
    ready:
      description: Whether it is ready.
      type: bool
      returned: always
    restarts:
      description: How often its apps were restarted.
      type: int
      returned: always
    cpu_percent:
      description: Use of processors over O(interval), in percent of one processor.
      type: float
      returned: always
      sample: 12.5
    memory:
      description: Memory that is used, in bytes.
      type: int
      returned: always
      sample: 73400320
    memory_limit:
      description: What it may use at most, in bytes; C(null) if there is no limit.
      type: int
      returned: always
    swap:
      description: Swap space that is used, in bytes.
      type: int
      returned: always
    pids:
      description: Processes and threads.
      type: int
      returned: always
    pids_limit:
      description: How many it may have at most; C(null) if there is no limit.
      type: int
      returned: always
    oom_kills:
      description: Processes that the kernel has killed for want of memory.
      type: int
      returned: always
    io_read:
      description: Bytes per second that are read from disks.
      type: int
      returned: always
    io_written:
      description: Bytes per second that are written to disks.
      type: int
      returned: always
    throttled_percent:
      description: Part of the time, in percent, that it was held up by its limit of processors.
      type: float
      returned: always
    cpu_waiting_percent:
      description: Part of the time, in percent, that some of it waited for a processor.
      type: float
      returned: always
    memory_waiting_percent:
      description: Part of the time, in percent, that some of it waited for memory.
      type: float
      returned: always
    io_waiting_percent:
      description: Part of the time, in percent, that some of it waited for disks.
      type: float
      returned: always
    network_in:
      description: Bytes per second that come in from its networks.
      type: int
      returned: always
    network_out:
      description: Bytes per second that go out to its networks.
      type: int
      returned: always
    apps:
      description: Its apps.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: Name of the app.
          type: str
          returned: always
          sample: db
        state:
          description: What it does, such as V(running).
          type: str
          returned: always
          sample: running
        restarts:
          description: How often it was restarted.
          type: int
          returned: always
        started_at:
          description: When it was started last.
          type: str
          returned: always
        cpu_percent:
          description: Use of processors over O(interval), in percent of one processor.
          type: float
          returned: always
          sample: 12.5
        memory:
          description: Memory that is used, in bytes.
          type: int
          returned: always
          sample: 73400320
        memory_limit:
          description: What it may use at most, in bytes; C(null) if there is no limit.
          type: int
          returned: always
        swap:
          description: Swap space that is used, in bytes.
          type: int
          returned: always
        pids:
          description: Processes and threads.
          type: int
          returned: always
        pids_limit:
          description: How many it may have at most; C(null) if there is no limit.
          type: int
          returned: always
        oom_kills:
          description: Processes that the kernel has killed for want of memory.
          type: int
          returned: always
        io_read:
          description: Bytes per second that are read from disks.
          type: int
          returned: always
        io_written:
          description: Bytes per second that are written to disks.
          type: int
          returned: always
        throttled_percent:
          description: Part of the time, in percent, that it was held up by its limit of processors.
          type: float
          returned: always
        cpu_waiting_percent:
          description: Part of the time, in percent, that some of it waited for a processor.
          type: float
          returned: always
        memory_waiting_percent:
          description: Part of the time, in percent, that some of it waited for memory.
          type: float
          returned: always
        io_waiting_percent:
          description: Part of the time, in percent, that some of it waited for disks.
          type: float
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

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.agent import Agent
from ansible_collections.podwright.fleet.plugins.module_utils.info import named, report
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
)

OPTIONS: Table = {
    "name": Option("list", elements="str"),
    "interval": Option("float", default=0.5),
}
chosen = named("pod_name", "name")


def look(agent: Agent, wanted: dict[str, Any]) -> dict[str, Any]:
    """What the pods use."""
    interval = wanted["interval"]
    if not 0.1 <= interval <= 60:
        raise OptionError(f"interval: {interval:g} is not from 0.1 to 60; write seconds")
    found = agent.read("top", f"--interval={round(interval * 1000)}ms")
    return {"pods": chosen(found, wanted)}


def main() -> None:
    """Tell what running pods use."""
    report(OPTIONS, look)


if __name__ == "__main__":
    main()
