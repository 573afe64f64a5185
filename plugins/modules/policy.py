#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.policy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: policy
short_description: Decide which images a host may run
version_added: 0.1.0
description:
  - Writes the admission policy of a host, C(policy.json) in its local configuration, as a whole.
    The grammar is that of C(containers-policy.json(5)), in the words of this collection.
  - The policy counts from the next command on, for images that are on the host already too.
  - The agent checks the policy and the key files that it names before anything is written.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
seealso:
  - module: podwright.fleet.trust
  - module: podwright.fleet.image
options:
  state:
    description:
      - V(present), the policy is just what the other options say.
      - V(absent), there is no policy; then every image must be signed by a key of the trust store.
    type: str
    choices: [present, absent]
    default: present
  default:
    description:
      - What an image must satisfy that no scope in O(transports) covers; all requirements together.
      - Required if O(state=present).
    type: list
    elements: dict
    suboptions:
      type:
        description:
          - V(reject) refuses the image.
          - V(insecureAcceptAnything) asks for no signature.
          - V(signedBy) asks for an OpenPGP signature; detached for ACIs, a simple signature for
            images from registries.
          - V(sigstoreSigned) asks for a sigstore signature made with a key pair.
        type: str
        required: true
        choices: [insecureAcceptAnything, reject, signedBy, sigstoreSigned]
      key_path:
        description:
          - Path on the managed host of a file with the keys, any of which will do.
          - V(signedBy) without any key takes those that the module M(podwright.fleet.trust) manages.
        type: path
      key_paths:
        description:
          - Several such files, in place of O(default[].key_path).
        type: list
        elements: path
      key_data:
        description:
          - The content of such a file in base64, in place of O(default[].key_path).
        type: str
      signed_identity:
        description:
          - Which image the signature must say that it is for. The reference under which the image
            is fetched if omitted.
        type: dict
        suboptions:
          type:
            description:
              - How the reference in the signature is compared, see C(containers-policy.json(5)).
            type: str
            required: true
            choices:
              - matchExact
              - matchRepoDigestOrExact
              - matchRepository
              - exactReference
              - exactRepository
              - remapIdentity
          docker_reference:
            description:
              - The one reference, for V(exactReference).
            type: str
          docker_repository:
            description:
              - The one repository, for V(exactRepository).
            type: str
          prefix:
            description:
              - What is replaced at the beginning of the image's reference, for V(remapIdentity).
            type: str
          signed_prefix:
            description:
              - What it is replaced with, for V(remapIdentity).
            type: str
      minimum_stage1:
        description:
          - The weakest isolation in which the image may run.
        type: str
        choices: [fly, namespaces, user-namespaced, vm]
      maximum_signature_age:
        description:
          - How old a signature may be, such as V(12h), V(90d) or V(8w).
        type: str
  transports:
    description:
      - What images of narrower scopes must satisfy, as a mapping of transports to mappings of scopes
        to lists of requirements, each as in O(default). The most specific scope wins.
      - The transport C(appc) has image names as scopes, and what stands before a slash in them;
        C(docker) has references, repositories, hosts and C(*.DOMAIN); C(oci), C(oci-archive) and
        C(docker-archive) have paths. The scope with the empty name is for all of a transport.
    type: dict
  stage1_ranks:
    description:
      - What isolation external stage1 images count as, by image ID. Others count as C(fly).
    type: dict
"""

EXAMPLES = r"""
- name: Images of ours are signed, those of one vendor by the vendor, all others are refused
  podwright.fleet.policy:
    default:
      - type: reject
    transports:
      appc:
        example.com:
          - type: signedBy
      docker:
        registry.vendor.example/product:
          - type: signedBy
            key_path: /etc/podwright/keys/vendor.asc
            minimum_stage1: user-namespaced

- name: Without a policy all images must be signed by a trusted key
  podwright.fleet.policy:
    state: absent
"""

RETURN = r"""
policy:
  description: What was done, or would be done in check mode.
  returned: when the agent was asked
  type: dict
  contains:
    path:
      description: The policy file.
      type: str
      returned: always
      sample: /etc/podwright/policy.json
    changed:
      description: Whether it was changed.
      type: bool
      returned: always
    action:
      description: What was done, one of write, remove, none.
      type: str
      returned: always
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: bad-policy
stage:
  description: The step that failed, one of input, policy, host.
  returned: on failure
  type: str
  sample: policy
object:
  description: The option or file that it failed for.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from ansible_collections.podwright.fleet.plugins.module_utils.agent import (
    COMMON_SPEC,
    Agent,
    AgentError,
    result,
    warn,
)
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    argument_spec,
)
from ansible_collections.podwright.fleet.plugins.module_utils.policy_spec import (
    REQUIREMENT,
    document,
)

OPTIONS = {
    "state": Option(choices=("present", "absent"), default="present"),
    "default": Option("list", elements="dict", table=REQUIREMENT),
    "transports": Option("dict"),
    "stage1_ranks": Option("dict"),
}


def main() -> None:
    """Make the policy be what is wanted."""
    module = Module(
        argument_spec={**COMMON_SPEC, **argument_spec(OPTIONS)},
        required_if=[("state", "present", ["default"])],
        supports_check_mode=True,
    )
    params = module.params
    try:
        wanted = {"state": params["state"]}
        if params["state"] == "present":
            wanted["document"] = document(params)
        answer = Agent(module).apply({"policy": wanted})
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    warn(module, answer)
    out = result(answer, "policy")
    out["policy"] = out["policy"][0]
    if module._diff:
        out["diff"] = answer["diff"]
    module.exit_json(**out)


if __name__ == "__main__":
    main()
