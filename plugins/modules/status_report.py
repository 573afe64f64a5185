#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.status_report, all of which is its action plugin."""

from __future__ import annotations

DOCUMENTATION = r"""
module: status_report
short_description: Write what a fleet's hosts have told as a report
version_added: 0.1.0
description:
  - Makes a report of what the module M(podwright.fleet.status_info) has told on each host of the play, as one
    HTML page that needs no network, as Markdown, or as JSON.
  - It runs on the controller, once for all hosts, and connects to none. Hosts without an answer are in the report, too.
  - The files are replaced in one step, and can be read by all. The report has names of hosts, pods and images, and
    what they say; it has no secrets of pods.
author:
  - The podwright authors (@podwright)
attributes:
  check_mode:
    description: Can run without changing anything and tell what it would change.
    support: full
    details:
      - Reports are written in check mode, too, since they are what it is called for and no state of a host.
  diff_mode:
    description: Tells what is different, before and after.
    support: N/A
    details:
      - Reports are made anew each time.
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
    details:
      - A report is never counted as a change.
  platform:
    description: Target systems that can be operated against.
    support: full
    platforms: posix
seealso:
  - module: podwright.fleet.status_info
options:
  files:
    description:
      - Files on the controller to write, whose names end with C(.html), C(.md) or C(.json). If relative, below
        the directory in which C(ansible-playbook) was called. Their directories must exist.
    type: list
    elements: path
    default: []
  told:
    description:
      - Name of the variable of each host that has the result of M(podwright.fleet.status_info).
    type: str
    default: podwright_status
  desired:
    description:
      - Name of the variable of each host that has the result of M(podwright.fleet.pod) in check mode, for drift from
        what is wanted. Hosts that have none are not compared with it.
    type: str
    default: podwright_status_wanted
  title:
    description:
      - What the report is called.
    type: str
    default: Fleet
"""

EXAMPLES = r"""
- name: Ask
  podwright.fleet.status_info:
  register: podwright_status
  ignore_unreachable: true
  ignore_errors: true

- name: Write
  podwright.fleet.status_report:
    files: [fleet.html, fleet.json]
    title: The shop
  run_once: true
"""

RETURN = r"""
files:
  description: The files that were written.
  returned: success
  type: list
  elements: str
summary:
  description:
    - Numbers of C(hosts), of those C(reached), C(failed) and C(unreachable), of C(pods), C(running), C(serving),
      C(not_serving), C(drifted) and C(unsigned), and of C(errors) and C(warnings).
  returned: success
  type: dict
attention:
  description: What is worth a look, the worst first, at most 100.
  returned: success
  type: list
  elements: dict
lines:
  description: The report for a terminal.
  returned: success
  type: list
  elements: str
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: bad-input
stage:
  description: The step that failed, one of input, write.
  returned: on failure
  type: str
  sample: write
object:
  description: What it failed for, if that is known.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""
