#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.stage1."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stage1
short_description: Have the stage1 image of virtual machines on a host
version_added: 0.1.0
description:
  - Pods with O(podwright.fleet.pod#module:stage1=kvm) or V(xen) need an image with a kernel. This module builds it on
    the managed host, signs it, and verifies and stores it like every image; or takes a file that was built
    elsewhere and carried here.
  - The same kernel and Python give the same bytes, so a second run changes nothing.
  - The role P(podwright.fleet.stage1#role) builds it on one host, and carries it to all others.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.stage1_options
seealso:
  - module: podwright.fleet.stage1_info
  - module: podwright.fleet.pod
  - module: podwright.fleet.image
  - module: podwright.fleet.trust
"""

EXAMPLES = r"""
- name: Build, sign and store the image on this host
  podwright.fleet.stage1:
    kind: kvm
    path: /srv/stage1/stage1-kvm.aci
    sign_key: release@example.com

- name: Store one that was copied here with its signature, by a key that is trusted for podwright.io/stage1-kvm
  podwright.fleet.stage1:
    kind: kvm
    path: /srv/stage1/stage1-kvm.aci
    build: false

- name: Build one of a kernel of ours, for others to store
  podwright.fleet.stage1:
    kind: xen
    path: /srv/stage1/stage1-xen.aci
    kernel: /boot/vmlinuz-6.1.0-44-amd64
    modules: /lib/modules/6.1.0-44-amd64
    sign_secret_key: "{{ lookup('ansible.builtin.file', 'release.key') }}"
    sign_passphrase: "{{ release_passphrase }}"
    store: false

- name: Have those of both kinds, of one key
  podwright.fleet.stage1:
    sign_key: release@example.com
    images:
      - kind: kvm
        path: /srv/stage1/stage1-kvm.aci
      - kind: xen
        path: /srv/stage1/stage1-xen.aci

- name: Run no virtual machines here any more
  podwright.fleet.stage1:
    kind: kvm
    path: /srv/stage1/stage1-kvm.aci
    state: absent
"""

RETURN = r"""
images:
  description:
    - The images, each with C(kind), C(path), C(changed), and C(image), C(signature) and C(stored) as below. When one
      fails, those before it.
  returned: with O(images)
  type: list
  elements: dict
image:
  description: The image's file.
  returned: when O(state=present), without O(images)
  type: dict
  contains:
    path:
      description: Where it is.
      type: str
      returned: always
      sample: /srv/stage1/stage1-kvm.aci
    id:
      description: The image's ID.
      type: str
      returned: always
      sample: sha512-96b1de6dbd8f3aed9e9ac45bd4c9f4a5b1b9f6e09bd4ae2a5b2f5db5e7d9f3f0
    changed:
      description: Whether it was written.
      type: bool
      returned: always
    kernel:
      description: Release of its kernel.
      type: str
      returned: when it is built
      sample: 6.1.0-44-cloud-amd64
    kinds:
      description: Whose pods it serves.
      type: list
      elements: str
      returned: when it is built
      sample: [kvm]
signature:
  description: Its signature, with C(path), C(fingerprint) and C(changed).
  returned: with a key to sign with
  type: dict
stored:
  description: The image in the store, with C(id), C(changed) and C(verdict).
  returned: unless O(store=false)
  type: dict
diff:
  description: The image's C(id), who it is C(signed_by), and whether it is C(stored), before and after.
  returned: in diff mode
  type: dict
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: not-verified
stage:
  description: The step that failed, one of input, fetch, verify, policy, render, host.
  returned: on failure
  type: str
  sample: verify
object:
  description: The image, file or option that it failed for.
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
    result,
    warn,
)
from ansible_collections.podwright.fleet.plugins.module_utils.module import Module
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
    argument_spec,
    desired,
)
from ansible_collections.podwright.fleet.plugins.module_utils.spec_build import (
    SIGN,
    several,
    signer,
)

MADE: Table = {
    "kernel": Option(),
    "modules": Option("path"),
    "version": Option(),
    "compression": Option(choices=("gzip", "zstd", "xz", "bzip2", "none")),
}
"""What is said to make it."""

ONE: Table = {
    "kind": Option(choices=("kvm", "xen")),
    "state": Option(choices=("present", "absent")),
    "path": Option("path"),
    "build": Option("bool", field="-"),
    "store": Option("bool"),
    "insecure_options": Option("list", elements="str"),
    **{name: option._replace(field="-") for name, option in {**MADE, **SIGN}.items()},
}
"""What is said of an image."""

DEFAULTS: dict[str, Any] = {"kind": "kvm", "state": "present", "build": True, "store": True}

OPTIONS: Table = {
    **{name: option._replace(default=DEFAULTS.get(name)) for name, option in ONE.items()},
    "images": Option("list", elements="dict", table=ONE),
}


def order(params: dict[str, Any]) -> dict[str, Any]:
    """What the agent is asked for: one image, or several, which get what they do not say. Raises OptionError."""
    if params["images"] is None:
        return _one(params, "")
    said = several(params, "images")
    return {"images": [_one(one, f"images[{index}].") for index, one in enumerate(said)]}


def _one(params: dict[str, Any], where: str) -> dict[str, Any]:
    """The order for an image. Raises OptionError."""
    out = desired(ONE, params)
    made = desired(MADE, params)
    if params["state"] == "absent":
        out.pop("store")
        given = [*made, *(name for name in SIGN if params.get(name) is not None)]
        if given:
            raise OptionError(f"{where}{given[0]}: is only for state present")
        return out
    if not out.get("path"):
        raise OptionError(f"{where}path: is missing; say where the image's file is")
    if params["build"]:
        out["build"] = made
    elif made:
        raise OptionError(f"{where}{min(made)}: says how to build, but build is false")
    return {**out, **signer(params, where)}


def main() -> None:
    """Have the image, or not."""
    module = Module(
        argument_spec={**COMMON_SPEC, **argument_spec(OPTIONS)},
        mutually_exclusive=[
            ("sign_key", "sign_secret_key"),
            ("sign_passphrase", "sign_passphrase_file"),
            ("images", "path"),
        ],
        supports_check_mode=True,
    )
    try:
        answer = Agent(module).make_stage1(order(module.params))
    except OptionError as error:
        module.fail_json(msg=str(error), object=error.path, hint=error.hint)
    except AgentError as error:
        module.fail_json(**error.failure)
    warn(module, answer)
    known = ("image", "signature", "stored", "images", *(("diff",) if module._diff else ()))
    module.exit_json(**result(answer, *known))


if __name__ == "__main__":
    main()
