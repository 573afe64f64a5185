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
  - Tells which images are in the host's store, and what is known of their signatures.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.reads
seealso:
  - module: podwright.fleet.image
options:
  name:
    description:
      - Only images with one of these names, written with or without the version as
        C(NAME[:VERSION]), or with one of these IDs. A name that no image has is not an error.
      - All images if omitted.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: See all versions of redis that are on the host
  podwright.fleet.image_info:
    name: example.com/redis
  register: found
"""

RETURN = r"""
images:
  description: The images, as C(podwright image list --format=json) tells them.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The image's ID.
      type: str
      returned: always
      sample: sha512-96b1de6dbd8f3aed9e9ac45bd4c9f4a5b1b9f6e09bd4ae2a5b2f5db5e7d9f3f0
    name:
      description: The name that the image gives itself, with its version.
      type: str
      returned: always
      sample: example.com/redis:7.0.15
    labels:
      description: The image's labels.
      type: raw
      returned: always
    import_time:
      description: When it came into the store.
      type: str
      returned: always
      sample: "2026-11-21T22:08:13Z"
    last_used_time:
      description: When a pod was last made of it.
      type: str
      returned: always
    size:
      description: Bytes that it takes in the store.
      type: int
      returned: always
      sample: 10485760
    verdict:
      description: What is known of its signature.
      type: raw
      returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podwright.fleet.plugins.module_utils.agent import (
    COMMON_SPEC,
    Agent,
    AgentError,
)


def selected(images: list[dict[str, Any]], names: list[str] | None) -> list[dict[str, Any]]:
    """The images that go by one of `names`, or all if it is None."""
    if names is None:
        return images
    return [image for image in images if _goes_by(image, names)]


def _goes_by(image: dict[str, Any], names: list[str]) -> bool:
    full = str(image.get("name", ""))
    return image.get("id") in names or full in names or full.partition(":")[0] in names


def main() -> None:
    """Tell which images are in the store."""
    module = AnsibleModule(
        argument_spec={**COMMON_SPEC, "name": {"type": "list", "elements": "str"}},
        supports_check_mode=True,
    )
    try:
        images = Agent(module).read("image", "list")
    except AgentError as error:
        module.fail_json(**error.failure)
    module.exit_json(changed=False, images=selected(images, module.params["name"]))


if __name__ == "__main__":
    main()
