# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs as we accept them: absolute, https, plain ASCII, normalised, without credentials."""

from __future__ import annotations

import re

from podwright.errors import FetchError
from podwright.text import safe
from podwright.values import value

_URL = re.compile(r"(https?)://([^/?#]+)(/[^?#]*)?(\?[^#]*)?\Z", re.IGNORECASE)
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)*\Z"
)
_IPV6 = re.compile(r"\[[0-9a-f:.]{2,45}\]\Z")
_TARGET = re.compile(r"(?:[A-Za-z0-9._~:@!$&'()*+,;=/?-]|%[0-9A-Fa-f]{2})*\Z")
_USER = re.compile(r"//[^/?#]*@")
MAX_LENGTH = 4096
PORTS = {"https": 443, "http": 80}


@value
class Url:
    """A checked URL: `host` is lower-case (an IPv6 address without brackets), `target` is path
    and query as sent to the server.
    """

    scheme: str
    host: str
    port: int
    target: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"


def parse(text: str, insecure: frozenset[str] = frozenset()) -> Url:
    """Check a URL. Raises FetchError naming it and the reason; http needs the option `http`."""
    match = _URL.match(text)
    why = ""
    if len(text) > MAX_LENGTH or not match:
        why = "is not an absolute https URL"
    else:
        scheme, authority = match.group(1).lower(), match.group(2).lower()
        host, port = _split(authority)
        target = (match.group(3) or "/") + (match.group(4) or "")
        if "@" in authority:
            why = "carries credentials, which are not accepted in URLs"
        elif not (_HOST.match(host) or _IPV6.match(host)) or not 0 <= port <= 65535:
            why = "has no plain host name and port"
        elif not _TARGET.match(target):
            why = "has characters that a URL must encode"
        elif {".", ".."} & set(_decoded_dots(match.group(3) or "")) or "//" in (
            match.group(3) or ""
        ):
            why = "has empty, . or .. path elements"
        elif scheme == "http" and "http" not in insecure:
            why = "is not https"
        else:
            return Url(scheme, host.strip("[]"), port or PORTS[scheme], target)
    shown = safe(_USER.sub("//...@", text), 300)  # a log-in is not repeated
    raise FetchError(
        f"URL {shown!r} {why}",
        "use an https URL (plain http needs --insecure-options=http)",
        object=shown,
        reason="bad-url",
    )


def _decoded_dots(path: str) -> list[str]:
    return re.sub(r"%2[eE]", ".", path).split("/")


def _split(authority: str) -> tuple[str, int]:
    """(host, port or 0) of an authority part; -1 for a malformed port."""
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        return authority, 0
    return host, int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else -1
