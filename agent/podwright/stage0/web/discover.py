# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Meta discovery: from an image name to the URLs of image, signature and keys (behaviour.md A5).

The page `https://NAME?ac-discovery=1` is asked, and when it has no tag that covers the name, the
page of the name one element shorter, down to the bare host. A tag covers a name at path element
boundaries. The first tag, in the order of the page, whose template can be filled is the one.
"""

from __future__ import annotations

import re
import time

from podwright.errors import FetchError
from podwright.model.imageref import format_ref
from podwright.model.names import is_words, within_prefix
from podwright.stage0.platform import OS, host_arch
from podwright.stage0.web import metatags, urls
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional, TypeVar

    from podwright.stage0.web.transport import Client

    _T = TypeVar("_T")

TIME_CAP = 60.0
MAX_TAGS = 64
NOT_ASKED = ("no-such-host", "fetch-failed", "bad-certificate")
"""Reasons that say nothing about the name, only about the way to its server."""
REGISTRIES = ("docker.io", "quay.io", "ghcr.io", "gcr.io", "mcr.microsoft.com", "public.ecr.aws")
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@value
class Endpoint:
    """Where an image is served; `prefix` is the name prefix that the tag answers for."""

    image: str
    signature: str
    prefix: str


def wanted_labels(labels: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The labels that the image must have: those asked for, os and arch filled from the host."""
    return {"os": OS, "arch": host_arch(), **dict(labels)}


def find_image(client: Client, name: str, labels: tuple[tuple[str, str], ...]) -> Endpoint:
    """Discover an image. Raises FetchError with what the last page answered."""
    variables = {"version": "latest", **wanted_labels(labels), "name": name}

    def endpoint(prefix: str, template: str, _page: str) -> Optional[Endpoint]:
        image = _expand(template, {**variables, "ext": "aci"}, client.insecure)
        signature = _expand(template, {**variables, "ext": "aci.asc"}, client.insecure)
        if image is None or signature is None or image == signature:
            return None
        return Endpoint(image, signature, prefix)

    found, why, failure = _walk(client, name, "ac-discovery", endpoint)
    shown = safe(format_ref(name, labels), 200)
    if failure is not None:
        raise _unreachable(f"image {shown}", failure, _registry(name, shown))
    if not found:
        raise FetchError(
            f"image {shown}: no place to get it from was found ({why})",
            f"https://{name}?ac-discovery=1 must answer a page with an ac-discovery meta tag",
            object=name,
            reason="not-discovered",
        )
    return found[0]


def find_keys(client: Client, name: str) -> list[tuple[str, str]]:
    """(prefix, URL) of the public keys announced for an image name; empty when there are none.

    Raises FetchError when nobody could be asked.

    A page speaks for its own place and what is below: where `example.com/a` announces a key for
    `example.com`, whoever may write below `a` would give the whole site a key. It counts for
    `example.com/a`.
    """

    def key(prefix: str, url: str, page: str) -> Optional[tuple[str, str]]:
        covered = prefix if within_prefix(prefix, page) else page
        return covered, str(urls.parse(url, client.insecure))

    found, _, failure = _walk(client, name, "ac-discovery-pubkeys", key)
    if failure is not None:
        raise _unreachable(f"keys for {name}", failure, "")
    return found


def _unreachable(what: str, failure: FetchError, more: str) -> FetchError:
    return FetchError(
        f"{what}: {failure.message}",
        f"{failure.hint}{more}",
        object=failure.object,
        reason=failure.reason,
    )


def _registry(name: str, shown: str) -> str:
    """The end of a hint, for a name that more likely is one in a registry."""
    host = name.partition("/")[0]
    likely = "." not in host or host in REGISTRIES or host.startswith(("registry.", "docker."))
    return f"; an image of a registry is docker://{shown}" if likely else ""


def _walk(
    client: Client,
    name: str,
    tag: str,
    read: Callable[[str, str, str], Optional[_T]],
) -> tuple[list[_T], str, Optional[FetchError]]:
    """What `read` makes of the matching tags of the first page that has any, or the reason, and
    the error when no page could be asked for.

    read  called with prefix and second word of a tag, and the place of its page
    """
    deadline = time.monotonic() + TIME_CAP
    why = ""
    failure: Optional[FetchError] = None
    parts = name.split("/")
    while parts:
        location = "/".join(parts)
        parts.pop()
        try:
            page = _page(client, location, deadline)
        except FetchError as err:
            why, failure = err.message, err if err.reason in NOT_ASKED else None
            if err.reason == "time-cap":
                break
            continue
        failure = None
        try:
            matches = _matching(page, tag, name)
        except FetchError as err:
            why = err.message
            continue
        found = [item for item in (read(*match, location) for match in matches) if item is not None]
        if found:
            return found, "", None
        why = (
            f"https://{location} has no {tag} tag for it"
            if not matches
            else (f"the {tag} tags of https://{location} need a label that was not given")
        )
    return [], why, failure


def _page(client: Client, location: str, deadline: float) -> bytes:
    schemes = ("https", "http") if "http" in client.insecure else ("https",)
    for scheme in schemes:
        try:
            return client.get(
                f"{scheme}://{location}?ac-discovery=1",
                metatags.MAX_PAGE,
                truncate=True,
                deadline=deadline,
            )
        except FetchError:
            if scheme == schemes[-1]:
                raise
    raise AssertionError


def _matching(page: bytes, tag: str, name: str) -> list[tuple[str, str]]:
    """(prefix, second word) of the tags that cover the name."""
    out: list[tuple[str, str]] = []
    for number, (found, content) in enumerate(metatags.meta_tags(page)):
        if number >= MAX_TAGS * 16 or len(out) >= MAX_TAGS:
            break
        words = content.split()
        if found != tag or len(words) != 2 or not is_words(words[0], "-._~/"):
            continue
        if within_prefix(name, words[0]):
            out.append((words[0], words[1]))
    return out


def _expand(template: str, variables: dict[str, str], insecure: frozenset[str]) -> Optional[str]:
    """The checked URL that a template gives; None when it has a variable that is not known."""
    if any(word not in variables for word in _VARIABLE.findall(template)):
        return None
    filled = _VARIABLE.sub(
        lambda match: _quote(variables[match.group(1)], match.group(1)), template
    )
    return str(urls.parse(filled, insecure))


def _quote(text: str, variable: str) -> str:
    """Percent-encode a value; only the name may bring slashes."""
    kept = _UNRESERVED | {"/"} if variable == "name" else _UNRESERVED
    return "".join(c if c in kept else "".join(f"%{b:02X}" for b in c.encode()) for c in text)
