#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.stage1_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stage1_info
short_description: Tell which stage1 images a host has
version_added: 0.1.0
description:
  - Tells which stage1 images are in a host's store, which pods they serve, and which one a pod gets that names none.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.stage1_info_options
seealso:
  - module: podwright.fleet.stage1
  - module: podwright.fleet.image_info
"""

EXAMPLES = r"""
- name: See whether pods can be started as virtual machines
  podwright.fleet.stage1_info:
    kind: kvm
  register: found

- name: Insist that they get the kernel of the last update
  ansible.builtin.assert:
    that: (found.images | selectattr('chosen_for', 'contains', 'kvm') | first).kernel == wanted_kernel
"""

RETURN = r"""
images:
  description: The stage1 images, as C(podwright stage1 list --format=json) tells them, by name, the oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The image's ID.
      type: str
      returned: always
      sample: sha512-96b1de6dbd8f3aed9e9ac45bd4c9f4a5b1b9f6e09bd4ae2a5b2f5db5e7d9f3f0
    name:
      description: Its name with its version.
      type: str
      returned: always
      sample: podwright.io/stage1-kvm:6.1.0-44-cloud-amd64
    labels:
      description: Its labels.
      type: dict
      returned: always
    import_time:
      description: When it came into the store.
      type: str
      returned: always
    size:
      description: Bytes that it takes in the store.
      type: int
      returned: always
    verdict:
      description: Why it may run, as the module M(podwright.fleet.image) tells it.
      type: dict
      returned: always
    used_by:
      description: What needs it, in words; empty if nothing does.
      type: str
      returned: always
    flavours:
      description: Whose pods it serves, V(kvm), V(xen), or V(image) for one of the published contract.
      type: list
      elements: str
      returned: always
      sample: [kvm]
    kernel:
      description: Release of its kernel; empty if it has none.
      type: str
      returned: always
      sample: 6.1.0-44-cloud-amd64
    package:
      description: The package that the kernel is from; empty if it is from none.
      type: str
      returned: always
    python:
      description: Version of its Python.
      type: str
      returned: always
    chosen_for:
      description: The flavours whose pods get it when they name no image.
      type: list
      elements: str
      returned: always
      sample: [kvm]
    problem:
      description: Why it does not fit this host or agent; empty if it does.
      type: str
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

from ansible_collections.podwright.fleet.plugins.module_utils.info import tell
from ansible_collections.podwright.fleet.plugins.module_utils.options import Option, Table

OPTIONS: Table = {"kind": Option(choices=("kvm", "xen", "image"))}


def selected(images: list[dict[str, Any]], wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """The images that the options ask for."""
    kind = wanted.get("kind")
    return [one for one in images if kind is None or kind in one.get("flavours", ())]


def main() -> None:
    """Tell which stage1 images there are."""
    tell("images", ("stage1", "list"), OPTIONS, selected)


if __name__ == "__main__":
    main()
