# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of a web root: meta tags for discovery (behaviour.md A5), and a list for people.

A page that is there already stays as it is but for one marked block at the beginning of its head.
Whatever is written is read back by the parser that hosts use.
"""

from __future__ import annotations

import re
from html import escape

from podwright.errors import UsageError
from podwright.stage0.web import metatags
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

    Tag = tuple[str, str]

_HEAD = re.compile(
    rb"<!--.*?(?:-->|\Z)|<(title|script|style)\b.*?(?:</\1|\Z)|(?P<head><head(?:\s[^>]{0,1000})?>)",
    re.IGNORECASE | re.DOTALL,
)
_BLOCK = re.compile(rb"\n?<!-- podwright: discovery -->.*?<!-- podwright: end -->", re.DOTALL)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
</head>
<body>
{body}
</body>
</html>
"""


def tags_for(prefix: str, host: str, fingerprints: Iterable[str]) -> list[Tag]:
    """The tags with which hosts find the images of a prefix, and the keys that sign them."""
    template = f"{prefix} https://{host}/images/{{name}}-{{version}}-{{os}}-{{arch}}.{{ext}}"
    keys = [
        ("ac-discovery-pubkeys", f"{prefix} https://{host}/pubkeys/{fingerprint}.asc")
        for fingerprint in sorted(set(fingerprints))
    ]
    return [("ac-discovery", template), *keys]


def merged(existing: Optional[bytes], prefix: str, tags: list[Tag], path: str) -> bytes:
    """The page with exactly these tags of ours, and everything else that it had.

    Raises UsageError, naming `path`, for a page that hosts would not read as we mean it.
    """
    page = existing
    if page is None:
        body = f'<p><a href="/images/">Images of {escape(prefix)}</a></p>'
        page = _PAGE.format(title=escape(prefix), body=body).encode()
    page = _BLOCK.sub(b"", page)
    head = next((match for match in _HEAD.finditer(page) if match.group("head")), None)
    lines = [f'<meta name="{escape(name)}" content="{escape(text)}">' for name, text in tags]
    block = "\n".join(("", "<!-- podwright: discovery -->", *lines, "<!-- podwright: end -->"))
    at = head.end() if head else 0
    made = page[:at] + block.encode() + page[at:]
    if head is None or list(metatags.meta_tags(made))[: len(tags)] != tags:
        raise UsageError(
            f"{safe(path, 300)} is a page into which no tags can be put: hosts would not find them",
            "let it begin with <html><head>, or move it away",
            object=safe(path, 300),
        )
    return made


def listing(host: str, images: list[dict[str, Any]]) -> bytes:
    """The page for people: what there is, and how to get it."""
    rows = [
        "<tr>"
        f'<td><a href="/images/{escape(_href(image["file"]))}">{escape(image["name"])}</a></td>'
        f"<td>{escape(image['version'])}</td>"
        f"<td>{escape(image['os'])}/{escape(image['arch'])}</td>"
        f"<td>{int(image['size']) // 1024} KiB</td>"
        f'<td><a href="/pubkeys/{escape(image["key"])}.asc">{escape(image["key"])}</a></td>'
        f"<td><code>{escape(image['id'])}</code></td></tr>"
        for image in images
    ]
    names = sorted({image["name"] for image in images})
    trust = "\n".join(f"podwright trust --prefix={escape(name)}" for name in names)
    body = "\n".join(
        (
            f"<h1>Images of {escape(host)}</h1>",
            "<p>Trust the key of an image, then run it:</p>",
            f"<pre>{trust}\npodwright run NAME:VERSION</pre>",
            "<table>",
            "<tr><th>Name</th><th>Version</th><th>For</th><th>Size</th><th>Key</th><th>ID</th></tr>",
            *rows,
            "</table>",
        )
    )
    return _PAGE.format(title=f"Images of {escape(host)}", body=body).encode()


def _href(path: str) -> str:
    from urllib.parse import quote

    return quote(path)
