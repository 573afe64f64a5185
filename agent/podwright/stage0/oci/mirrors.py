# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mirrors of registries: `<config>/mirrors.d/*.json`.

    {"rktKind": "registryMirrors", "rktVersion": "v1", "registry": "docker.io",
     "mirrors": ["https://mirror.example.com", "https://cache.example.com/hub"]}

They are asked in this order, then the registry itself. Where content comes from does not matter:
its digest and its signature decide. A file of a later directory replaces the earlier ones' word for
its registry (behaviour.md A10); it is read with the same care as log-ins, since a mirror that
anyone could name would see which images we fetch.
"""

from __future__ import annotations

from podwright.errors import FetchError, UsageError
from podwright.model.fields import Fields
from podwright.stage0.web import urls
from podwright.stage0.web.configfiles import documents
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout

MAX_MIRRORS = 8


def mirrors_of(layout: Layout, registry: str) -> tuple[urls.Url, ...]:
    """The mirrors that are configured for a registry, as URLs whose path goes before the
    repository's."""
    found: dict[str, tuple[urls.Url, ...]] = {}
    for directory in documents(layout, "mirrors.d", ("registryMirrors",)):
        mine: dict[str, tuple[urls.Url, ...]] = {}
        for fields in directory:
            name = fields.text("registry", ...).lower()
            if name in mine:
                raise UsageError(
                    f"{fields.path}: {safe(name, 80)} already has mirrors in this directory",
                    "write them into one file",
                    object=fields.path,
                )
            mine[name] = _urls(fields)
            fields.finish()
        found.update(mine)
    return found.get(registry, ())


def _urls(fields: Fields) -> tuple[urls.Url, ...]:
    texts = fields.texts("mirrors")
    if len(texts) > MAX_MIRRORS:
        raise UsageError(f"{fields.at('mirrors')}: are more than {MAX_MIRRORS}")
    try:
        found = tuple(urls.parse(text.rstrip("/")) for text in texts)
    except FetchError as err:
        raise UsageError(f"{fields.at('mirrors')}: {err.message}", err.hint) from None
    if any("?" in url.target for url in found):
        raise UsageError(f"{fields.at('mirrors')}: a mirror's URL cannot have a query")
    return found
