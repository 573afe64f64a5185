#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.pod_logs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_logs
short_description: Tell what the apps of pods have written
version_added: 0.1.0
description:
  - Tells the last lines that the apps of named pods have written, of one pod, of several, or of all of a host, in one
    call.
  - What is told of a pod is bounded in lines and in bytes, and has no characters that a terminal obeys.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.pod_logs_options
notes:
  - What apps write may hold secrets. Give the task C(no_log) where theirs does.
  - A pod that was started in a shell writes to that shell, and has no log.
seealso:
  - module: podwright.fleet.pod
  - module: podwright.fleet.pod_info
  - module: podwright.fleet.pod_exec
"""

EXAMPLES = r"""
- name: Show what the shop has said in the last ten minutes
  podwright.fleet.pod_logs:
    name: shop
    since: 10m
  register: shop

- name: Insist that nothing was refused
  ansible.builtin.assert:
    that: shop.logs[0].lines | selectattr('message', 'search', 'refused') | length == 0

- name: Look at two pods, each in its own way
  podwright.fleet.pod_logs:
    lines: 20
    pods:
      - name: web
        stream: stderr
      - name: shop
        app: db
        previous: true

- name: Keep the end of all logs of the host when a play has failed
  podwright.fleet.pod_logs:
    max_size: 65536
"""

RETURN = r"""
logs:
  description: The logs, in the order of O(pods); by the names of the pods when all are told.
  returned: success, and on failure those that were asked for
  type: list
  elements: dict
  contains:
    name:
      description: Name of the pod; empty for one without a name.
      type: str
      returned: always
      sample: shop
    uuid:
      description: UUID of the instance whose log it is; empty if none was found.
      type: str
      returned: always
    lines:
      description: The lines, the oldest first.
      type: list
      elements: dict
      returned: always
      contains:
        time:
          description: When it was written, in UTC.
          type: str
          returned: always
          sample: "2026-11-21T22:08:13.072215Z"
        app:
          description: The app that has written it.
          type: str
          returned: always
          sample: db
        stream:
          description: V(stdout) or V(stderr).
          type: str
          returned: always
          sample: stderr
        message:
          description:
            - What it has written. Characters that are not printable, but for tabs, are escapes such as C(\x1b).
          type: str
          returned: always
    truncated:
      description: Whether O(max_size) left lines out, or the rest of a line.
      type: bool
      returned: always
    error:
      description:
        - Why it cannot be read, with C(message), C(hint), C(reason), C(stage) and C(object); C(null) if it can.
      type: dict
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

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.agent import Agent
from ansible_collections.podwright.fleet.plugins.module_utils.info import report
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
    desired,
)

LOG: Table = {
    "app": Option(),
    "stream": Option(choices=("stdout", "stderr")),
    "since": Option(),
    "lines": Option("int"),
    "max_size": Option("int"),
    "previous": Option("bool"),
}
"""What is said of a log besides whose it is."""

OPTIONS: Table = {
    "name": Option(),
    **LOG,
    "pods": Option("list", elements="dict", table={"name": Option(required=True), **LOG}),
}


def order(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """What the agent is asked for: elements that say nothing get what is said for all. Raises OptionError."""
    every = desired(LOG, wanted)
    pods = [{"name": wanted.get("name")}] if wanted.get("pods") is None else wanted["pods"]
    for index, pod in enumerate(pods):
        if pod["name"] == "":
            where = "name" if wanted.get("pods") is None else f"pods[{index}].name"
            raise OptionError(f"{where}: is empty; name the pod")
    return [{**every, **pod} for pod in pods]


def look(agent: Agent, wanted: dict[str, Any]) -> dict[str, Any]:
    """The logs."""
    answer = agent.ask(["read-logs"], {"pods": order(wanted)})
    return {"logs": answer.get("logs", [])}


def main() -> None:
    """Tell what apps have written."""
    report(OPTIONS, look, mutually_exclusive=[("name", "pods")])


if __name__ == "__main__":
    main()
