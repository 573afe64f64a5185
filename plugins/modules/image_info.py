#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.image_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Tell which images are on the host
version_added: 0.1.0
description:
  - Tells which images are in the host's store, where they come from, why they may run, and what needs
    them.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
  - podwright.fleet.common_options
  - podwright.fleet.image_info_options
seealso:
  - module: podwright.fleet.image
"""

EXAMPLES = r"""
- name: See all versions of redis that are on the host
  podwright.fleet.image_info:
    name: example.com/redis
  register: found

- name: See what runs without a signature
  podwright.fleet.image_info:
    unsigned_only: true
  register: unsigned

- name: Insist that there is nothing
  ansible.builtin.assert:
    that: unsigned.images | length == 0

- name: Look for images that nothing needs
  podwright.fleet.image_info:
    unused: true
  register: old

- name: Remove them
  podwright.fleet.image:
    name: "{{ item.id }}"
    state: absent
  loop: "{{ old.images }}"
"""

RETURN = r"""
images:
  description: The images, as C(podwright image list --format=json) tells them, oldest first.
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
      description: The name that the image gives itself, or gets from its reference, with its version.
      type: str
      returned: always
      sample: example.com/redis:7.0.15
    labels:
      description: The image's labels.
      type: dict
      returned: always
      sample: {"os": "linux", "arch": "amd64", "version": "7.0.15"}
    import_time:
      description: When it came into the store.
      type: str
      returned: always
      sample: "2026-11-21T22:08:13Z"
    last_used_time:
      description: When a pod was last made of it.
      type: str
      returned: always
      sample: "2026-11-21T22:08:13Z"
    size:
      description: Bytes that it takes in the store, layers that it shares with others included.
      type: int
      returned: always
      sample: 10485760
    verdict:
      description:
        - Why the image may run, with C(text) for people, and C(kind), C(signatures), C(options) and
          C(scope) as the module M(podwright.fleet.image) tells them.
      type: dict
      returned: always
    transport:
      description: Where the admission policy looks, one of appc, docker, oci, docker-archive, oci-archive.
      type: str
      returned: always
      sample: docker
    identity:
      description: What the admission policy calls it.
      type: str
      returned: always
      sample: registry.example.com/team/api:2.1
    digest:
      description: Digest of the image's manifest; the image's ID for an ACI.
      type: str
      returned: always
      sample: sha256:0d17b565c37bcbd895e9d92315a05c1c3c9a29f762b011a10c54a66cd53c9b31
    source:
      description: Where it came from, with C(kind), C(ref), C(url) and C(signature) as far as they apply.
      type: dict
      returned: always
    latest:
      description: Whether it is what discovery answers for its name without a version.
      type: bool
      returned: always
    layers:
      description: Of how many layers its root is stacked.
      type: int
      returned: always
      sample: 3
    dependencies:
      description: IDs of the images that it is built on, lowest first.
      type: list
      elements: str
      returned: always
    used_by:
      description:
        - A pod or image that needs it, in words; empty if there is none, C(null) if that cannot be
          told.
      type: str
      returned: always
      sample: pod redis, which starts it again
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: bad-store
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
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    Table,
    mapping,
)

OPTIONS: Table = {
    "name": Option("list", elements="str"),
    "labels": Option("dict", convert=mapping),
    "unsigned_only": Option("bool", default=False),
    "unused": Option("bool", default=False),
}


def selected(images: list[dict[str, Any]], wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """The images that the options ask for."""
    return [image for image in images if _is_wanted(image, wanted)]


def _is_wanted(image: dict[str, Any], wanted: dict[str, Any]) -> bool:
    names, labels = wanted.get("name"), wanted.get("labels") or {}
    verdict = image.get("verdict") or {}
    return (
        (names is None or any(_goes_by(image, name) for name in names))
        and all(image.get("labels", {}).get(key) == text for key, text in labels.items())
        and not (wanted.get("unsigned_only") and verdict.get("signatures"))
        and not (wanted.get("unused") and image.get("used_by") != "")
    )


def _goes_by(image: dict[str, Any], name: str) -> bool:
    full = str(image.get("name", ""))
    known = {full, full.partition(":")[0], image.get("id"), image.get("digest")}
    if image.get("transport") != "appc":
        identity = f"{image.get('identity')}"
        slashes = "//" if image.get("transport") == "docker" else ""
        known |= {identity, f"{image.get('transport')}:{slashes}{identity}"}
        known.add(str(image.get("source", {}).get("ref")))
    return name in known


def main() -> None:
    """Tell which images are in the store."""
    tell("images", ("image", "list"), OPTIONS, selected)


if __name__ == "__main__":
    main()
