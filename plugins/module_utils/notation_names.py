# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a pod finds names: a word, or mappings; entries of its hosts file also as text."""

from __future__ import annotations

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    OptionError,
    text,
    texts,
)


def dns(value: Any, path: str) -> Any:
    """`host`, `none`, or a mapping of servers, domain, search and options."""
    if not isinstance(value, dict):
        return text(value, path)
    out: dict[str, Any] = {}
    for name, content in value.items():
        where = f"{path}.{name}"
        if name == "domain":
            out[name] = text(content, where)
        elif content is not None:
            out[name] = texts(content if isinstance(content, list) else [content], where)
    return out


def hosts(value: Any, path: str) -> Any:
    """`host`, or entries: mappings of ip and names, or texts `IP=NAME[,IP=NAME...]`."""
    if value == "host":
        return value
    items = value if isinstance(value, list) else [value]
    return [
        entry for index, item in enumerate(items) for entry in _entries(item, f"{path}[{index}]")
    ]


def _entries(item: Any, path: str) -> list[dict[str, Any]]:
    if isinstance(item, dict):
        names = item.get("names")
        listed = names if isinstance(names, list) or names is None else [names]
        return [{**item, "names": listed and texts(listed, f"{path}.names")}]
    out: list[dict[str, Any]] = []
    for part in text(item, path).split(","):
        address, equals, name = part.strip().partition("=")
        if equals and address and name:
            out.append({"ip": address, "names": [name]})
        elif address and not equals and out:
            out[-1]["names"].append(address)
        else:
            raise OptionError(
                f"{path}: {item!r} is not an entry; write IP=NAME, or a mapping of ip and names"
            )
    return out
