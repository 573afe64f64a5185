# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `<meta>` tags in the head of an HTML page, read by a small bounded scanner.

html.parser takes 22 seconds for 60 KB of `<a ` and reports tags inside <textarea> and <title>
(threats.md, section 0). This one looks at the first 64 KiB only, in one pass, passes over
comments and over elements whose content is text, and stops at the first thing that cannot stand
in a head: from there on a page may show what its visitors wrote.
"""

from __future__ import annotations

import re

from podwright.errors import FetchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PAGE = 64 * 1024
_TEXT_ELEMENTS = (b"title", b"style", b"script", b"noscript", b"template")
_HEAD_ELEMENTS = (b"html", b"head", b"meta", b"link", b"base", *_TEXT_ELEMENTS)
_NAME = re.compile(rb"[a-z][a-z0-9:-]{0,31}(?=[\s/>])")
_SPACE = re.compile(rb"[\s/]*")
_ATTRIBUTE = re.compile(
    rb"""([^\s"'<>/=\x00]{1,64})(?:\s{0,64}=\s{0,64}(?:"([^"]*)"|'([^']*)'|([^\s"'<>=`]+)))?"""
)


def meta_tags(page: bytes) -> Iterator[tuple[str, str]]:
    """(name, content) of each meta tag in the head, in order.

    Raises FetchError when a tag repeats an attribute, since readers differ in which one counts.
    """
    data = page[:MAX_PAGE]
    lower = data.lower()
    at = 0
    while True:
        at = data.find(b"<", at)
        if at < 0:
            return
        if data.startswith(b"<!--", at):
            at = data.find(b"-->", at + 4) + 3
            if at == 2:
                return
            continue
        if data[at + 1 : at + 2] in (b"!", b"?"):
            at = data.find(b">", at) + 1
            if not at:
                return
            continue
        match = _NAME.match(lower, at + 1)
        if not match or match.group() not in _HEAD_ELEMENTS:
            return  # the end of the head, or its content
        found = _attributes(data, match.end())
        if found is None:
            return
        at, attributes = found
        element = match.group()
        if element == b"meta":
            name, content = attributes.get(b"name"), attributes.get(b"content")
            if name is not None and content is not None:
                yield _decoded(name), _decoded(content)
        elif element in _TEXT_ELEMENTS:
            close = re.compile(rb"</" + element + rb"[\s/]*>").search(lower, at)
            if not close:
                return
            at = close.end()


def _attributes(data: bytes, at: int) -> tuple[int, dict[bytes, bytes]] | None:
    """(position behind the tag, attributes); None when the tag does not end."""
    out: dict[bytes, bytes] = {}
    while True:
        at = _SPACE.match(data, at).end()  # type: ignore[union-attr]
        if data[at : at + 1] == b">":
            return at + 1, out
        match = _ATTRIBUTE.match(data, at)
        if not match:
            return None
        name = match.group(1).lower()
        if name in out:
            raise FetchError(f"discovery page: a tag has two attributes {name.decode('latin-1')!r}")
        out[name] = match.group(2) or match.group(3) or match.group(4) or b""
        at = match.end()


def _decoded(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    if "&" in text:
        from html import unescape

        text = unescape(text)
    return text
