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
    O(images). All are one call of the agent.
  - An image is found, fetched, and judged by the host's admission policy; without a policy it must
    be signed by a key that is trusted for its name. Nothing of an image that is refused is kept.
  - Pods fetch what they need by themselves; this module is for fetching ahead of time, for pinning
    and for cleaning up.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.image_options
notes:
  - In check mode with O(state=latest) the server is asked too. An image that is not on the host is told
    as to be fetched, and only the download shows whether it is accepted.
seealso:
  - module: podwright.fleet.image_info
  - module: podwright.fleet.trust
"""

EXAMPLES = r"""
- name: Fetch and verify an image ahead of time
  podwright.fleet.image:
    name: example.com/redis:7.0.15

- name: Have exactly this image, whatever the tag means elsewhere
  podwright.fleet.image:
    name: docker://registry.example.com/team/api:2.1
    digest: sha256:0d17b565c37bcbd895e9d92315a05c1c3c9a29f762b011a10c54a66cd53c9b31
    credentials:
      username: fleet
      password: "{{ vault_registry_password }}"

- name: Bring several images of one registry up to date
  podwright.fleet.image:
    state: latest
    images:
      - name: docker://registry.example.com/team/api:2
      - name: docker://registry.example.com/team/worker:2
    registry_auth:
      - registry: registry.example.com/team
        token: "{{ vault_registry_token }}"

- name: Load an image that was copied to the host, without a signature
  podwright.fleet.image:
    name: oci-archive:/srv/images/tool.tar
    insecure_options: [image]

- name: Remove two images, if no pod needs them
  podwright.fleet.image:
    state: absent
    images:
      - name: example.com/redis:6.2.0
      - name: sha512-96b1de6dbd8f3aed9e9ac45bd4c9f4a5
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
      description: The image's ID; C(null) where it is not known, or there is no image any more.
      type: str
      returned: always
      sample: sha512-96b1de6dbd8f3aed9e9ac45bd4c9f4a5b1b9f6e09bd4ae2a5b2f5db5e7d9f3f0
    version:
      description: The image's label C(version), which is the tag of an image from a registry.
      type: str
      returned: always
      sample: 7.0.15
    digest:
      description: Digest of the image's manifest; the image's ID for an ACI.
      type: str
      returned: always
      sample: sha256:0d17b565c37bcbd895e9d92315a05c1c3c9a29f762b011a10c54a66cd53c9b31
    changed:
      description: Whether anything was changed for this image.
      type: bool
      returned: always
    action:
      description: What was done, one of fetch, remove, none.
      type: str
      returned: always
      sample: fetch
    verdict:
      description: Why the image may run; C(null) where there is none yet.
      type: dict
      returned: always
      contains:
        text:
          description: The verdict in a few words.
          type: str
          returned: always
          sample: signed by 18ad5014c99ef7e3ba5f6ce950bdd3e0fc8a365e
        kind:
          description:
            - V(signed), V(accepted) (the policy asks for no signature) or V(insecure) (the check was
              left out).
          type: str
          returned: always
          sample: signed
        signatures:
          description:
            - The signatures that were accepted, each with C(kind), C(key), C(key_sha256), C(prefix),
              C(signed_at), C(digest), C(expires) and C(identity).
          type: list
          elements: dict
          returned: always
        options:
          description: The checks that were left out.
          type: list
          elements: str
          returned: always
        scope:
          description: The scope of the admission policy that decided; empty without a policy.
          type: str
          returned: always
diff:
  description:
    - In C(before) and C(after), below C(images), for each image that is different its C(id),
      C(version), C(digest) and C(verdict). What only a download can tell is C(to be fetched).
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
from ansible_collections.podwright.fleet.plugins.module_utils.spec import (
    IMAGE,
    IMAGE_STATES,
    LOGINS,
)

KIND = Kind("images", "name", IMAGE_STATES, IMAGE, shared=LOGINS)


def main() -> None:
    """Make images be on the host or not."""
    manage(KIND)


if __name__ == "__main__":
    main()
