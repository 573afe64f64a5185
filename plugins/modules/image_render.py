#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.image_render."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_render
short_description: Write what images hold into directories
version_added: 0.1.0
description:
  - Writes the root of images of the host's store, with all that they are built on, into directories, such as to look
    into them, or to have files of an image on the host. Owners, modes, times, links and attributes are as in the image.
  - A directory that holds just that already is left alone. To find that out, the image's files are made once more in
    the store and compared, so that a run takes the time and, for a while, the room of the image.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
  - podwright.fleet.common_options
  - podwright.fleet.image_render_options
seealso:
  - module: podwright.fleet.image
  - module: podwright.fleet.image_export
  - module: podwright.fleet.image_info
"""

EXAMPLES = r"""
- name: Have the files of two images, one of them as a root without its manifest
  podwright.fleet.image_render:
    images:
      - name: example.com/redis:7.0.15
        path: /srv/look/redis
      - name: example.com/site:1.4
        path: /srv/www/site
        rootfs_only: true
    overwrite: true

- name: Only what the image itself brings, without what it is built on
  podwright.fleet.image_render:
    images:
      - name: example.com/shop:1.4
        path: /srv/look/shop
        whole: false
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
      description: Its directory.
      type: str
      returned: always
      sample: /srv/look/redis
    changed:
      description: Whether the directory was written, or would be in check mode.
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
  description: The directory or option that it failed for.
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
        table={
            "name": Option(required=True),
            "path": Option("path", required=True),
            "whole": Option("bool", default=True),
            "rootfs_only": Option("bool", default=False),
        },
    ),
    "overwrite": Option("bool", default=False),
}


def calls(params: dict[str, Any]) -> Calls:
    """How the agent is asked for each."""
    for image in params["images"]:
        verb = ("image", "render" if image["whole"] else "extract")
        flags = ("--rootfs-only",) if image["rootfs_only"] else ()
        yield (*verb, *flags), (image["name"], image["path"])


def main() -> None:
    """Have the directories."""
    run(OPTIONS, "images", calls)


if __name__ == "__main__":
    main()
