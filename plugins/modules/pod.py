#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.pod."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pod
short_description: Run signed container pods
version_added: 0.1.0
description:
  - Makes pods be as described, one by the module's own options or many with O(pods).
  - The images are found by name, fetched, and their signatures verified against the keys trusted
    for that name, before anything that runs is touched. When a changed pod does not become ready,
    the one that ran before runs again and the module fails.
  - Whatever the number of pods, the agent is called once per host.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.pod_options
seealso:
  - module: podwright.fleet.pod_info
  - module: podwright.fleet.trust
"""

EXAMPLES = r"""
- name: Run redis, published on port 6379 of the host
  podwright.fleet.pod:
    name: redis
    image: example.com/redis:7.0.15
    ports:
      - 6379-tcp:6379
    ready:
      tcp: 6379

- name: Run the same pod in a virtual machine of its own
  podwright.fleet.pod:
    name: redis
    image: example.com/redis:7.0.15
    stage1: kvm
    stage1_image:
      name: podwright.io/stage1-kvm:1.0
    ports:
      - 6379-tcp:6379

- name: Run two pods, and see that a third one is gone
  podwright.fleet.pod:
    pods:
      - name: web
        image: example.com/nginx:1.22
        ports:
          - name: http
            host_port: 8080
        volumes:
          - name: content
            kind: host
            source: /srv/www
            read_only: true
        mounts:
          - volume: content
            path: /var/www
      - name: worker
        image: example.com/worker:3
        net: none
        environment:
          QUEUE: images
        isolators:
          - name: resource/memory
            value:
              limit: 256M
      - name: old-worker
        state: absent

- name: Run a container image of a private registry, pinned by its digest
  podwright.fleet.pod:
    name: team-api
    image: docker://registry.example.com/team/api:2.1@sha256:0d17b565c37bcbd895e9d92315a05c1c3c9a29f762b011a10c54a66cd53c9b31
    registry_auth:
      - registry: registry.example.com/team
        username: fleet
        password: "{{ vault_registry_password }}"

- name: Bring redis back to its revision 3
  podwright.fleet.pod:
    name: redis
    revision: 3

- name: Start redis anew
  podwright.fleet.pod:
    name: redis
    image: example.com/redis:7.0.15
    ports:
      - 6379-tcp:6379
    ready:
      tcp: 6379
    state: restarted
"""

RETURN = r"""
pods:
  description: What was done, or would be done in check mode, for each pod in the order of the request.
  returned: when the agent was asked
  type: list
  elements: dict
  contains:
    name:
      description: Name of the pod.
      type: str
      returned: always
      sample: redis
    changed:
      description: Whether anything was changed for this pod.
      type: bool
      returned: always
    actions:
      description: What was done, in order. With C(start) before C(stop), the new pod has started beside the old one.
      type: list
      elements: str
      returned: always
      sample: [fetch, prepare, stop, start]
    state:
      description: What the pod is now.
      type: str
      returned: always
      sample: running
    uuid:
      description: The pod's UUID, new whenever it is replaced.
      type: str
      returned: when there is a pod
      sample: 6733c088-a507-4694-aabf-edd7fa12d3a4
    pid:
      description: Process that is the pod's PID 1, as the host sees it.
      type: int
      returned: when the pod runs
      sample: 4711
    ip:
      description: Address on the pod network.
      type: str
      returned: when the pod runs on the default network
      sample: 172.16.28.2
    image_ids:
      description: ID of each app's image.
      type: dict
      returned: when there is a pod
      sample: {"redis": "sha512-96b1de6dbd8f3aed9e9ac45bd4c9f4a5b1b9f6e09bd4ae2a5b2f5db5e7d9f3f0"}
    revision:
      description: Counts how often the pod was changed.
      type: int
      returned: when there is a pod
      sample: 2
    selinux:
      description: SELinux context of the pod's processes; empty when it has none.
      type: str
      returned: except in check mode
      sample: system_u:system_r:container_t:s0:c189,c872
    ready:
      description: Whether the pod runs and is ready.
      type: bool
      returned: except in check mode
    rolled_back:
      description: Whether the pod did not become ready, and the one before it runs again.
      type: bool
      returned: except in check mode
    reports:
      description: Protection that is the default and that the pod does not have, in sentences.
        They are warnings of the call that has changed the pod.
      type: list
      elements: str
      returned: except in check mode
      sample: []
    error:
      description: Why it failed for this pod; C(null) if it did not.
      type: dict
      returned: always
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: not-verified
stage:
  description: The step that failed, one of input, fetch, verify, policy, render, prepare, launch, network, host.
  returned: on failure
  type: str
  sample: verify
object:
  description: The pod, image or path that it failed for.
  returned: on failure
  type: str
  sample: example.com/redis:7.0.15
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from ansible_collections.podwright.fleet.plugins.module_utils.objects import Kind, manage
from ansible_collections.podwright.fleet.plugins.module_utils.spec import LOGINS
from ansible_collections.podwright.fleet.plugins.module_utils.spec_pod import POD, POD_STATES

KIND = Kind("pods", "name", POD_STATES, POD, shared=LOGINS)


def main() -> None:
    """Make pods be as described."""
    manage(KIND)


if __name__ == "__main__":
    main()
