#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.attest: its part on the host, which only fetches."""

from __future__ import annotations

DOCUMENTATION = r"""
module: attest
short_description: Find out from a host's TPM which pods it has run
version_added: 0.1.0
description:
  - Asks a host for a quote by its TPM over a fresh nonce, and verifies on the controller that it is signed
    by the host's own key, that the host's event log is what the TPM has measured, and that
    all pods in it are of images, policies and agents that are allowed. Nothing on the host is changed.
  - The host is not trusted. It only fetches what its TPM says; what is wrong with that is returned as verdicts.
  - Before that, a host is enrolled once, which pins the key of its TPM on the controller.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.common_options
  - podwright.fleet.attest_options
attributes:
  check_mode:
    description: Can run without changing anything and tell what it would change.
    support: full
    details:
      - With O(state=attested) it does all the same, and remembers nothing. Keys are not pinned or forgotten.
  diff_mode:
    description: Tells what is different, before and after.
    support: none
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  action:
    description: Has a part that runs on the controller, which makes the nonce and verifies everything.
    support: full
seealso:
  - module: podwright.fleet.policy
  - module: podwright.fleet.pod_info
requirements:
  - cryptography >= 42 on the controller; ansible-core brings cryptography with it.
  - A TPM 2.0 on the managed host, and C(podwright_agent_tpm) of the role P(podwright.fleet.agent#role), so that
    pods are measured.
"""

EXAMPLES = r"""
- name: Pin the key of each host's TPM, which a maker of TPMs vouches for
  podwright.fleet.attest:
    state: enrolled
    keys: "{{ inventory_dir }}/keys"
    ca_certificates: [tpm-makers.pem]

- name: Stop where something else runs than what we have rolled out
  podwright.fleet.attest:
    keys: "{{ inventory_dir }}/keys"
    allow:
      images: [example.com/redis, 'example.com/web/*']
      policies: ["sha256:{{ lookup('ansible.builtin.file', 'policy.json', rstrip=false) | hash('sha256') }}"]
      agents: [collection]
      minimum_stage1: namespaces

- name: Look, and go on
  podwright.fleet.attest:
    keys: "{{ inventory_dir }}/keys"
    scope: running
    fail_on_untrusted: false
  register: attested

- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ attested.verdicts | map(attribute='message') }}"
"""

RETURN = r"""
trusted:
  description:
    - Whether nothing is wrong. Unless it is true, RV(pods) and all that stands below it are at best what the host says.
  returned: when O(state=attested)
  type: bool
reason:
  description:
    - One stable word for why it failed, or for the first of RV(verdicts); empty if there is none.
  returned: when O(state=attested), or on failure
  type: str
  sample: unmeasured-pod
verdicts:
  description: Everything that is wrong, the gravest first; empty for a host that is trusted.
  returned: when O(state=attested)
  type: list
  elements: dict
  contains:
    reason:
      description:
        - C(no-agent), C(no-tpm), C(tpm-off), C(tpm-failed), C(tpm-timeout), C(log-busy), C(not-measured),
          C(unsafe-directory), C(no-quote), C(timed-out) - the host gives no quote.
        - C(bad-answer), C(malformed) - what it gives is not what an agent or a TPM writes.
        - C(key-replaced), C(key-unfit), C(bad-signature), C(not-generated), C(not-a-quote) - the quote is not one by
          the host's own key.
        - C(replayed-quote), C(wrong-pcr) - it is an old one, or of another PCR or bank.
        - C(bad-log), C(log-mismatch) - the event log is not what the TPM has measured.
        - C(foreign-baseline), C(foreign-measurement) - somebody else has changed the PCR, too.
        - C(other-boot), C(rolled-back), C(tpm-reset), C(history-changed) - the log or the TPM does not go on from
          what was seen.
        - C(unmeasured-pod) - a pod runs whose start is not in the log, or the log says that one ran.
        - C(unmeasured-app) - a measured pod has an app that was added without being measured.
        - C(image-not-allowed), C(signer-not-allowed), C(stage1-not-allowed), C(policy-not-allowed),
          C(agent-not-allowed), C(flavour-not-allowed), C(network-not-allowed), C(user-ids-not-allowed),
          C(insecure) - it is not in O(allow).
        - C(too-old) - a pod runs for longer than O(max_age).
        - C(host-problem) - the host itself says that something is wrong.
      type: str
      returned: always
    message:
      description: The same for people.
      type: str
      returned: always
    record:
      description: Number of the record in the event log that it is about, or null.
      type: int
      returned: always
    pod:
      description: UUID of the pod that it is about, or empty.
      type: str
      returned: always
pods:
  description:
    - Pods that were started and did not end, by the event log. Empty if the log is not what the TPM has measured.
  returned: when O(state=attested)
  type: list
  elements: dict
  contains:
    uuid:
      description: Its UUID.
      type: str
      returned: always
    name:
      description: Its name, empty if it has none.
      type: str
      returned: always
    state:
      description:
        - V(running), or V(gone) if the host says that it does not run. Then its end is not measured yet, or the host
          hides it; so it is judged as one that runs.
      type: str
      returned: always
    flavour:
      description: How it is isolated.
      type: str
      returned: always
    started:
      description: When it was measured, by the host's clock.
      type: str
      returned: always
    record:
      description: Number of the record of its start.
      type: int
      returned: always
    manifest:
      description: Digest of its manifest when it was started.
      type: str
      returned: always
    policy:
      description: Digest of the admission policy, or V(none).
      type: str
      returned: always
    insecure:
      description: Checks that were lifted.
      type: list
      elements: str
      returned: always
    agent:
      description: Digest of the agent that has started it.
      type: str
      returned: always
    stage1:
      description: ID of its stage1 image, empty if it has none.
      type: str
      returned: always
    apps:
      description:
        - Its apps, with C(name), C(image) (ID), C(image_name), C(root) (digest of the rendered image), C(verdict) (how
          the image was accepted) and C(keys) (whose signatures).
      type: list
      elements: dict
      returned: always
compared:
  description:
    - Which options of O(allow) say what may have run. Empty if none does, so that anything may have, but for lifted
      checks; there is a warning, then.
  returned: when O(state=attested)
  type: list
  elements: str
key:
  description: Name of the key that the quote must be signed by.
  returned: when O(state=attested)
  type: str
pcr:
  description: The PCR that was quoted.
  returned: when O(state=attested)
  type: int
bank:
  description: Its bank.
  returned: when O(state=attested)
  type: str
value:
  description: What the PCR was, in hexadecimal.
  returned: when the event log is what the TPM has measured
  type: str
mode:
  description: What the host says of how it measures, V(log) or V(require).
  returned: when the event log is what the TPM has measured
  type: str
boot_id:
  description: The boot that the log is of.
  returned: when the event log is what the TPM has measured
  type: str
records:
  description: Number of records in the log.
  returned: when the event log is what the TPM has measured
  type: int
started:
  description: Number of pods that were started in this boot.
  returned: when the event log is what the TPM has measured
  type: int
ended:
  description: Number of pods that have ended.
  returned: when the event log is what the TPM has measured
  type: int
running:
  description: Number of pods that the host says run.
  returned: when the event log is what the TPM has measured
  type: int
clock:
  description: Milliseconds that the TPM has been powered since it was cleared.
  returned: when the event log is what the TPM has measured
  type: int
safe:
  description: Whether the TPM has never told a greater clock.
  returned: when the event log is what the TPM has measured
  type: bool
resets:
  description: How often the TPM was reset, which each boot does.
  returned: when the event log is what the TPM has measured
  type: int
restarts:
  description: How often it was resumed since then.
  returned: when the event log is what the TPM has measured
  type: int
firmware:
  description: Version of the TPM's firmware.
  returned: when the event log is what the TPM has measured
  type: str
pin:
  description:
    - What is pinned. C(path) of the file, C(key) and C(endorsement), the names of both keys, C(certificate), SHA-256
      of the endorsement key's certificate, C(by), one of C(certificate), C(endorsement_key) and C(first_use), and
      C(time).
  returned: when O(state=enrolled)
  type: dict
stage:
  description: The step that failed, one of input, pin, host, verify, attest.
  returned: on failure
  type: str
  sample: attest
object:
  description: What it failed for, the host, an option, or a file.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from ansible_collections.podwright.fleet.plugins.module_utils import attest_options
from ansible_collections.podwright.fleet.plugins.module_utils.agent import Agent, AgentError
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module

OPTIONS = attest_options.OPTIONS


def main() -> None:
    """Fetch what the controller wants to know, as text: it is for the controller to read it."""
    module = Module(argument_spec=attest_options.spec(), supports_check_mode=True)
    ask = module.params["ask"]
    if ask is None:
        module.fail_json(msg="this module is used through its action plugin")
    flags = [
        f"--{name}={ask[name]}"
        for name in ("nonce", "credential", "secret")
        if ask[name] is not None
    ]
    try:
        answer = Agent(module).text("tpm", ask["verb"], *flags, "--format=json")
    except AgentError as error:
        module.fail_json(**error.failure)
    module.exit_json(changed=False, answer=answer)


if __name__ == "__main__":
    main()
