#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.gc."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gc
short_description: Remove what ended pods and unused images leave on a host
version_added: 0.1.0
description:
  - Marks pods that have ended, were aborted or have expired, and removes those that were marked long enough ago, with
    everything that they had of the host. Pods that run, and pods that named pods are to start, stay.
  - With O(images) it also removes images that nothing needs.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.gc_options
seealso:
  - module: podwright.fleet.pod_info
  - module: podwright.fleet.image_info
"""

EXAMPLES = r"""
- name: Clean up, and keep what ended pods leave for a day
  podwright.fleet.gc:
    grace_period: 24h

- name: See what would go, images that were not used for a month included
  podwright.fleet.gc:
    images: true
    image_grace_period: 720h
  check_mode: true
  diff: true

- name: Free what can be freed at once
  podwright.fleet.gc:
    grace_period: 0s
    expire_prepared: 0s
    images: true
    image_grace_period: 0s
"""

RETURN = r"""
marked:
  description: UUIDs of pods that were marked, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [6733c088-a507-4694-aabf-edd7fa12d3a4]
removed:
  description: UUIDs of pods that were removed, or would be in check mode.
  returned: success
  type: list
  elements: str
images:
  description: IDs of images that were removed, or would be in check mode.
  returned: success
  type: list
  elements: str
problems:
  description: What could not be removed, and why, in sentences. They are warnings, too; the next run tries again.
  returned: success
  type: list
  elements: str
diff:
  description: In C(before) the C(pods) and C(images) that go or are marked, in C(after) those that are only marked.
  returned: in diff mode
  type: dict
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: bad-input
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

from ansible_collections.podwright.fleet.plugins.module_utils.agent import (
    COMMON_SPEC,
    Agent,
    AgentError,
)
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    Table,
    argument_spec,
)

OPTIONS: Table = {
    "grace_period": Option(default="30m"),
    "expire_prepared": Option(default="24h"),
    "mark_only": Option("bool", default=False),
    "images": Option("bool", default=False),
    "image_grace_period": Option(default="24h"),
}


def collect(agent: Agent, params: dict[str, Any], check: bool) -> dict[str, list[str]]:
    """Do it, or ask what would be done. Raises AgentError."""
    flags = ["--check"] if check else []
    pods = agent.told(
        "gc",
        f"--grace-period={params['grace_period']}",
        f"--expire-prepared={params['expire_prepared']}",
        *(["--mark-only"] if params["mark_only"] else []),
        *flags,
    )
    out = {name: sorted(pods[name]) for name in ("marked", "removed", "problems")}
    images: dict[str, list[str]] = {"removed": [], "problems": []}
    if params["images"]:
        gone = [f"--without={uuid}" for uuid in (*out["marked"], *out["removed"]) if check]
        age = f"--grace-period={params['image_grace_period']}"
        images = agent.told("image", "gc", age, *flags, *gone)
    return {
        **out,
        "images": sorted(images["removed"]),
        "problems": out["problems"] + images["problems"],
    }


def main() -> None:
    """Remove what is not needed any more."""
    module = Module(
        argument_spec={**COMMON_SPEC, **argument_spec(OPTIONS)}, supports_check_mode=True
    )
    try:
        out = collect(Agent(module), module.params, module.check_mode)
    except AgentError as error:
        module.fail_json(**error.failure)
    for problem in out["problems"]:
        module.warn(problem)
    left = sorted({*out["marked"]} - {*out["removed"]})
    diff = {
        "before": {"pods": sorted({*out["marked"], *out["removed"]}), "images": out["images"]},
        "after": {"pods": left, "images": []},
    }
    changed = bool(out["marked"] or out["removed"] or out["images"])
    more = {"diff": diff} if module._diff and changed else {}
    module.exit_json(changed=changed, **out, **more)


if __name__ == "__main__":
    main()
