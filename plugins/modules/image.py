#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: Fetch, verify and remove container images
version_added: 0.1.0
description:
  - Makes images be on the host, or not be there, one by the module's own options or many with
    O(images).
  - An image is found by its name, fetched, and its signature verified against the keys trusted for
    that name. Nothing of an image that is refused is kept.
  - Pods fetch what they need by themselves; this module is for fetching ahead of time and for
    cleaning up.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
seealso:
  - module: podwright.fleet.image_info
  - module: podwright.fleet.trust
options:
  name:
    description:
      - The image, as C(NAME[:VERSION]).
      - Mutually exclusive with O(images); one of the two is required.
    type: str
  state:
    description:
      - V(present), fetched unless it is on the host.
      - V(latest), fetched if there is a newer one than the host has.
      - V(absent), not on the host.
      - With O(images) this is the state of images that do not say their own.
    type: str
    choices: [present, latest, absent]
    default: present
  <<: &spec
    signature:
      description:
        - Where the detached signature is, a path on the managed host or a URL. Found by discovery,
          or beside the image, if omitted.
      type: str
    insecure_options:
      description:
        - Checks to leave out, one by one, such as V(image) for the signature. Nothing is left out
          unless it is named here.
      type: list
      elements: str
  images:
    description:
      - Many images, each with the options that are described above for one.
      - Mutually exclusive with all of these except O(state).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The image, as C(NAME[:VERSION]).
        type: str
        required: true
      state:
        description:
          - State of this image, see O(state), whose value is taken if this one is omitted.
        type: str
        choices: [present, latest, absent]
      <<: *spec
"""

EXAMPLES = r"""
- name: Fetch and verify an image ahead of time
  podwright.fleet.image:
    name: example.com/redis:7.0.15

- name: Remove two images
  podwright.fleet.image:
    state: absent
    images:
      - name: example.com/redis:6.2.0
      - name: example.com/nginx:1.20
"""

RETURN = r"""
images:
  description: What was done, or would be done in check mode, for each image in the order of the request.
  returned: when the agent was asked
  type: list
  elements: dict
  contains:
    name:
      description: The image as it was asked for.
      type: str
      returned: always
      sample: example.com/redis:7.0.15
    id:
      description: The image's ID.
      type: str
      returned: when it is known
      sample: sha512-96b1de6dbd8f3aed9e9ac45bd4c9f4a5b1b9f6e09bd4ae2a5b2f5db5e7d9f3f0
    changed:
      description: Whether anything was changed for this image.
      type: bool
      returned: always
    action:
      description: What was done.
      type: str
      returned: always
      sample: fetch
    verdict:
      description: What is known of its signature.
      type: raw
      returned: when it is known
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
  description: The image or path that it failed for.
  returned: on failure
  type: str
  sample: example.com/redis:7.0.15
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from ansible_collections.podwright.fleet.plugins.module_utils.objects import Kind, manage
from ansible_collections.podwright.fleet.plugins.module_utils.spec import IMAGE, IMAGE_STATES


def main() -> None:
    """Make images be on the host or not."""
    manage(Kind("images", "name", IMAGE_STATES, IMAGE))


if __name__ == "__main__":
    main()
