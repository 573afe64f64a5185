#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.tpm_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tpm_info
short_description: Tell what a host's TPM says about the pods that were started
version_added: 0.1.0
description:
  - Tells whether a host measures the starts of its pods with its TPM, whether its event log adds up to the TPM's
    register, and if asked for the log itself and the TPM's keys, as C(podwright tpm) does.
  - It is the host's own word. M(podwright.fleet.attest) asks the TPM from the controller, and believes nothing else.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.tpm_info_options
seealso:
  - module: podwright.fleet.attest
  - module: podwright.fleet.host_info
"""

EXAMPLES = r"""
- name: See whether starts of pods are measured
  podwright.fleet.tpm_info:
  register: tpm

- name: Insist that the log adds up
  ansible.builtin.assert:
    that:
      - tpm.status.mode != 'off'
      - tpm.status.verified is not false

- name: See which images were started since the boot
  podwright.fleet.tpm_info:
    log: true
  register: tpm

- name: Show them
  ansible.builtin.debug:
    msg: "{{ tpm.log | map(attribute='content') | selectattr('event', 'eq', 'pod-start')
      | map(attribute='apps') | flatten | map(attribute='image_name') | unique }}"
"""

RETURN = r"""
status:
  description: How measuring goes, as C(podwright tpm status --format=json) tells it.
  returned: success
  type: dict
  contains:
    mode:
      description: V(off), or how much a start depends on being measured, such as V(require).
      type: str
      returned: always
      sample: require
    pcr:
      description: The register that is extended.
      type: int
      returned: always
      sample: 23
    bank:
      description: Its bank.
      type: str
      returned: always
      sample: sha256
    tcti:
      description: How the TPM is reached.
      type: str
      returned: always
      sample: device:/dev/tpmrm0
    present:
      description: Whether a TPM answers.
      type: bool
      returned: always
    boot_id:
      description: The boot that the log is of; empty if no TPM answers.
      type: str
      returned: always
    records:
      description: Events that were measured since the boot.
      type: int
      returned: always
    value:
      description: What the register holds, in hexadecimal digits; empty if no TPM answers.
      type: str
      returned: always
    replayed:
      description: What the log adds up to, in hexadecimal digits.
      type: str
      returned: always
    verified:
      description: Whether both are the same; C(null) if nothing was measured since the boot, or no TPM answers.
      type: bool
      returned: always
    open:
      description: Pods whose start was measured, and whose end was not yet.
      type: int
      returned: always
    problems:
      description: What is wrong, in words.
      type: list
      elements: str
      returned: always
    error:
      description: What went wrong last, or why the TPM does not answer; empty if nothing did.
      type: str
      returned: always
    error_time:
      description: When that was; empty if it was just now, or not at all.
      type: str
      returned: always
log:
  description:
    - What was measured since the boot, the TCG's canonical event log, as C(podwright tpm log --format=json) tells it.
  returned: with O(log=true)
  type: list
  elements: dict
keys:
  description:
    - The attestation key as C(ak) and the endorsement key as C(ek), as C(podwright tpm key --format=json) tells them.
  returned: with O(keys=true)
  type: dict
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: tpm-failed
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
from ansible_collections.podwright.fleet.plugins.module_utils.info import report
from ansible_collections.podwright.fleet.plugins.module_utils.options import Option, Table

OPTIONS: Table = {
    "log": Option("bool", default=False),
    "keys": Option("bool", default=False),
}
KEYS = ("ak", "ek")


def look(agent: Agent, wanted: dict[str, Any]) -> dict[str, Any]:
    """What the TPM says."""
    status = agent.told("tpm", "status")
    out: dict[str, Any] = {"status": {name: status[name] for name in status if name != "format"}}
    if wanted["log"]:
        out["log"] = agent.read("tpm", "log")
    if wanted["keys"]:
        found = agent.told("tpm", "key")
        out["keys"] = {name: found.get(name) for name in KEYS}
    return out


def main() -> None:
    """Tell what the TPM says."""
    report(OPTIONS, look)


if __name__ == "__main__":
    main()
