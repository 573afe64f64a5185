#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.bundle_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_info
short_description: Tell what bundles that hosts pull say
version_added: 0.1.0
description:
  - Tells what files with bundles say of themselves, and which desired state a host gets from each. Mostly it runs where
    the bundles are made, with C(delegate_to=localhost); the agent must be there.
  - Whether a signature is good is not looked at. That is for the hosts, which know whom they trust.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.bundle_info_options
seealso:
  - module: podwright.fleet.bundle
  - module: podwright.fleet.pull_info
"""

EXAMPLES = r"""
- name: See what web-1 gets from the bundle that is published
  podwright.fleet.bundle_info:
    paths: [/srv/www/fleet/shop.json]
    name: web-1
    groups: [web]
  register: found

- name: Insist that it is good for a week more
  ansible.builtin.assert:
    that:
      - found.bundles[0].exists
      - ((found.bundles[0].expires | to_datetime('%Y-%m-%dT%H:%M:%SZ')) - now(utc=true)).days >= 7
"""

RETURN = r"""
bundles:
  description: The bundles in the order of the request.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: Its file.
      type: str
      returned: always
      sample: /srv/www/fleet/shop.json
    exists:
      description: Whether there is such a file. If not, nothing else is told.
      type: bool
      returned: always
    fleet:
      description: The fleet that it is for.
      type: str
      returned: when it exists
      sample: acme/shop
    serial:
      description: Its serial number.
      type: int
      returned: when it exists
      sample: 7
    not_before:
      description: From when on hosts follow it; empty if that is not said.
      type: str
      returned: when it exists
    expires:
      description: Until when hosts follow it.
      type: str
      returned: when it exists
      sample: "2026-12-23T14:00:00Z"
    expired:
      description: Whether that is over.
      type: bool
      returned: when it exists
    minimum_agent:
      description: The oldest agent that follows it; empty if that is not said.
      type: str
      returned: when it exists
    rollout:
      description: Which share of the hosts follows it from when on, as the option of P(podwright.fleet.bundle#module).
      type: list
      elements: dict
      returned: when it exists
    sha256:
      description: SHA-256 of its bytes.
      type: str
      returned: when it exists
    signers:
      description:
        - Fingerprints or key IDs of those who have signed it, by what the signature beside it says. Not verified.
        - Empty if it is not signed, and no host follows it.
      type: list
      elements: str
      returned: when it exists
    state:
      description: The desired state that the host gets, as C(podwright apply) reads it.
      type: dict
      returned: when it exists
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: no-agent
stage:
  description: The step that failed.
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

from ansible_collections.podwright.fleet.plugins.module_utils.agent import Agent, AgentError
from ansible_collections.podwright.fleet.plugins.module_utils.info import report
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
)

OPTIONS: Table = {
    "paths": Option("list", elements="path", required=True),
    "name": Option(),
    "groups": Option("list", elements="str"),
    "labels": Option("dict"),
}


def look(agent: Agent, wanted: dict[str, Any]) -> dict[str, Any]:
    """What the bundles say. Raises OptionError, AgentError."""
    for index, path in enumerate(wanted["paths"]):
        if not path.startswith("/"):
            raise OptionError(f"paths[{index}]: must be absolute; say where the bundle is")
    flags = [f"--host={wanted['name']}"] if wanted.get("name") else []
    flags += [f"--group={group}" for group in wanted.get("groups") or ()]
    flags += [f"--label={name}={text}" for name, text in (wanted.get("labels") or {}).items()]
    return {"bundles": [_one(agent, path, flags) for path in wanted["paths"]]}


def _one(agent: Agent, path: str, flags: list[str]) -> dict[str, Any]:
    try:
        told = agent.told("bundle", "show", "--about", *flags, words=(path,))
    except AgentError as error:
        if error.failure.get("reason") == "not-found":
            return {"path": path, "exists": False}
        raise
    return {**told, "exists": True}


def main() -> None:
    """Tell what bundles say."""
    report(OPTIONS, look)


if __name__ == "__main__":
    main()
