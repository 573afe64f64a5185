#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin podwright.fleet.rollout, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: One decision of a rollout, on the controller
version_added: 0.1.0
description:
  - What the role P(podwright.fleet.rollout#role) does on the controller between its phases. It plans who comes when,
    judges what hosts have answered, and keeps the journal. It connects to no host.
  - Use the role, or the playbook C(podwright.fleet.rollout).
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent.attributes
attributes:
  check_mode:
    description: Can run without changing anything and tell what it would change.
    support: full
    details:
      - It plans and judges, and keeps no journal.
  diff_mode:
    description: Tells what is different, before and after.
    support: N/A
    details:
      - It changes no host.
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
seealso:
  - module: podwright.fleet.rollout_host
notes:
  - The options mean what the variables of the role mean that are called alike, with C(podwright_rollout_) before them.
options:
  step:
    description: Which decision.
    type: str
    choices: [open, plan, staged, judge, end, resume, close, confirm, finish]
    required: true
  state:
    description: What the step before has returned.
    type: dict
  name:
    description: Name of the rollout.
    type: str
  journal:
    description: Directory on the controller for the journal.
    type: path
  canary:
    description: How many hosts come first, as a number or percentage, or which.
    type: raw
  batches:
    description: Sizes of the batches.
    type: raw
  max_failures:
    description: How many hosts may fail, as a number or percentage.
    type: raw
  rollback:
    description: What goes back when hosts fail.
    type: str
  pause:
    description: After what it pauses, of V(canary) and V(batch).
    type: list
    elements: str
  pause_for:
    description: V(stop), V(prompt), or seconds.
    type: raw
  accept_drift:
    description: Whether hosts may have drifted, or which.
    type: raw
  force_unlock:
    description: Whether leases of others count no more.
    type: bool
  lease:
    description:
      - Seconds after which a run counts as ended that another machine, which shares the journal, has not heard of.
    type: int
    default: 3600
  single:
    description: Whether there is one batch, as in plays with C(serial) of their own.
    type: bool
  direction:
    description: V(forth), or V(back) to what ran before the last rollout, as the playbook C(podwright.fleet.rollback).
    type: str
    choices: [forth, back]
    default: forth
  answer:
    description: What was answered at the prompt.
    type: str
  report:
    description: File on the controller that the report is written to.
    type: path
"""

EXAMPLES = r"""
- name: Begin a rollout
  podwright.fleet.rollout:
    step: open
    name: web
    batches: ["25%"]
    canary: 1
    max_failures: 0
    rollback: host
    pause: []
    pause_for: stop
  run_once: true
"""

RETURN = r"""
state:
  description: What the next step is given.
  returned: success
  type: dict
lines:
  description: The plan, or the summary, for people.
  returned: with O(step=plan) and O(step=finish)
  type: list
  elements: str
report:
  description: The end of the rollout for programs, with the result of each host.
  returned: with O(step=finish)
  type: dict
podwright_event:
  description: What is told to callbacks, see the collection's C(docs/rollout.md).
  returned: when there is something to tell
  type: dict
podwright_events:
  description: All of it in order, if there is more than one.
  returned: when there is more than one
  type: list
  elements: dict
reason:
  description: One stable word for why it was refused.
  returned: on failure
  type: str
  sample: drift
"""
