#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.image_export."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_export
short_description: Write images of a host's store as files
version_added: 0.1.0
description:
  - Writes images of the host's store as ACI files, such as for a host without a network. An ACI comes out as it was
    served, byte for byte, so that its signature stays good. Of another kind of image one is made, the same each time.
  - A file that is the image already is left alone, whatever it was compressed with.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.image_export_options
seealso:
  - module: podwright.fleet.image
  - module: podwright.fleet.image_info
"""

EXAMPLES = r"""
- name: Take two images along
  podwright.fleet.image_export:
    images:
      - name: example.com/redis:7.0.15
        path: /srv/images/redis.aci
      - name: example.com/shop:1.4
        path: /srv/images/shop.aci

- name: Replace whatever has that name
  podwright.fleet.image_export:
    images:
      - name: example.com/redis:7.0.15
        path: /srv/images/redis.aci
    overwrite: true
"""

RETURN = r"""
images:
  description: The images in the order of the request. When one fails, those before it.
  returned: when the agent was asked
  type: list
  elements: dict
  contains:
    id:
      description: ID of the image in the store.
      type: str
      returned: always
    path:
      description: Its file.
      type: str
      returned: always
      sample: /srv/images/redis.aci
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
    "images": Option(
        "list",
        elements="dict",
        required=True,
        table={"name": Option(required=True), "path": Option("path", required=True)},
    ),
    "overwrite": Option("bool", default=False),
}


def calls(params: dict[str, Any]) -> Calls:
    """How the agent is asked for each."""
    for image in params["images"]:
        yield ("image", "export"), (image["name"], image["path"])


def main() -> None:
    """Have the files."""
    run(OPTIONS, "images", calls)


if __name__ == "__main__":
    main()
