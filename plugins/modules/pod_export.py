#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.pod_export."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_export
short_description: Write what apps of ended pods have as their root as images
version_added: 0.1.0
description:
  - Writes what an app of a pod that has ended has as its root, the image's files with what the app changed, as an ACI
    with the image's manifest, such as to look into a failure elsewhere. What is in volumes is not part of it.
  - A file that is that already is left alone, whatever it was compressed with. To find that out, it is made once more
    in the store, so that a run takes the time and, for a while, the room of the file.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.pod_export_options
seealso:
  - module: podwright.fleet.pod
  - module: podwright.fleet.pod_info
  - module: podwright.fleet.image_export
"""

EXAMPLES = r"""
- name: Stop the shop, and keep what its app has changed
  podwright.fleet.pod:
    name: shop
    state: stopped

- name: Write it
  podwright.fleet.pod_export:
    pods:
      - name: shop
        app: web
        path: /srv/evidence/shop-web.aci
"""

RETURN = r"""
pods:
  description: What was written, in the order of the request. When one fails, those before it.
  returned: when the agent was asked
  type: list
  elements: dict
  contains:
    pod:
      description: UUID of the pod.
      type: str
      returned: always
    app:
      description: Its app.
      type: str
      returned: always
      sample: web
    path:
      description: The file.
      type: str
      returned: always
      sample: /srv/evidence/shop-web.aci
    image_id:
      description: The ID that the file has as an image.
      type: str
      returned: always
    size:
      description: Bytes of the file as it is, or would be, written.
      type: int
      returned: always
    volumes:
      description: Paths in the app where volumes are, whose content is not in the file.
      type: list
      elements: str
      returned: always
    left_out:
      description: What else is not in the file, and why.
      type: list
      elements: str
      returned: always
    changed:
      description: Whether the file was written, or would be in check mode.
      type: bool
      returned: always
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: bad-input
stage:
  description: The step that failed.
  returned: on failure
  type: str
  sample: input
object:
  description: The file or option that it failed for.
  returned: on failure
  type: str
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.options import Option, Table
from ansible_collections.podwright.fleet.plugins.module_utils.writing import Calls, run

OPTIONS: Table = {
    "pods": Option(
        "list",
        elements="dict",
        required=True,
        table={
            "name": Option(required=True),
            "app": Option(),
            "path": Option("path", required=True),
        },
    ),
    "overwrite": Option("bool", default=False),
}


def calls(params: dict[str, Any]) -> Calls:
    """How the agent is asked for each."""
    for pod in params["pods"]:
        flags = (f"--app={pod['app']}",) if pod["app"] else ()
        yield ("export", *flags), (pod["name"], pod["path"])


def main() -> None:
    """Have the files."""
    run(OPTIONS, "pods", calls)


if __name__ == "__main__":
    main()
