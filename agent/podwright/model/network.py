# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of the desired state: which configuration file there is to be."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.netchoice import WORDS, is_network_name
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.fields import Fields

VERSION = "1.0.0"
"""cniVersion of a configuration that says none."""
LAST_ORDER = 98
"""What is built in has 99."""


@value
class NetworkSpec:
    """A network: present with this configuration, or absent.

    order     number that its file's name begins with, or None: as it is, or 50
    document  the configuration as a list of plugins; None: absent
    force     take it away even if pods use it
    """

    name: str
    order: Optional[int] = None
    document: Optional[dict[str, Any]] = None
    force: bool = False


def parse_network(fields: Fields) -> NetworkSpec:
    """Read one network. Raises UsageError with the path of the bad field."""
    name = fields.text("name", ...)
    if not is_network_name(name):
        raise UsageError(
            f"{fields.at('name')}: {safe(name, 80)!r} is not a network name",
            f"use letters, digits, - _ and ., and none of the words {', '.join(WORDS)}",
            object=fields.at("name"),
        )
    state = fields.choice("state", ("present", "absent"), "present")
    order = None
    if fields.raw("order") is not None:
        order = fields.integer("order", 0, 0, LAST_ORDER)
    config = fields.child("config")
    force = fields.boolean("force")
    fields.finish()
    if state == "absent":
        return NetworkSpec(name, force=force)
    if config is None:
        raise UsageError(f"{fields.at('config')}: is missing", object=fields.at("config"))
    document = as_list(config.obj, name, config.at("name"))
    from podwright.net import conf

    conf.parse(document, config.path)
    return NetworkSpec(name, order, document, force)


def as_list(raw: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    """A configuration with its name and version, its plugins in a list even if it is one plugin's."""
    said = raw.get("name")
    if said is not None and said != name:
        raise UsageError(
            f"{where}: {safe(said, 80)!r} is not {name}", "say the name once", object=where
        )
    from podwright.net.kinds import TOP_KEYS

    whole = {key: found for key, found in raw.items() if found is not None}
    if "plugins" not in whole:
        top = {key: found for key, found in whole.items() if key in TOP_KEYS}
        own = {key: found for key, found in whole.items() if key not in TOP_KEYS}
        whole = {**top, "plugins": [own]}
    if "cniVersions" not in whole:
        whole.setdefault("cniVersion", VERSION)
    return {**whole, "name": name}
