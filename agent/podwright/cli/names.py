# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how a pod finds names: --dns, --dns-*, --hosts-entry (B7)."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.podnames import PodNames, checked
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.cli.options import Arguments

    Entries = list[tuple[str, tuple[str, ...]]]


def parse(args: Arguments) -> Optional[PodNames]:
    """What the options say; None when that is nothing."""
    servers = tuple(one for text in args.texts("dns") for one in text.split(","))
    word = next((one for one in servers if one in ("host", "none")), "")
    others = [flag for flag in ("dns-domain", "dns-search", "dns-opt") if args.given(flag)]
    if word and (len(servers) > 1 or others):
        with_what = f"--{others[0]}" if others else "another --dns"
        raise UsageError(f"--dns={word} and {with_what} exclude each other", "leave one out")
    said = PodNames(
        dns=word,
        servers=() if word else servers,
        domain=args.text("dns-domain"),
        search=tuple(args.texts("dns-search")),
        options=tuple(args.texts("dns-opt")),
        **_hosts(args.texts("hosts-entry")),
    )
    return checked(said, "--dns", "--hosts-entry")


def _hosts(texts: list[str]) -> dict[str, Any]:
    entries: Entries = []
    for text in texts:
        if text == "host":
            if len(texts) > 1:
                raise UsageError(
                    "--hosts-entry=host and another --hosts-entry exclude each other",
                    "leave one out",
                )
            return {"hosts": "host"}
        _add(entries, text)
    return {"entries": tuple(entries)}


def _add(entries: Entries, text: str) -> None:
    """Add `IP=NAME[,IP=NAME...]`; a part without = is one more name of the address before it."""
    for index, part in enumerate(text.split(",")):
        address, equals, name = part.partition("=")
        if equals and address and name:
            entries.append((address, (name,)))
        elif part and not equals and index:
            before, names = entries[-1]
            entries[-1] = (before, (*names, part))
        else:
            raise UsageError(
                f"--hosts-entry: {safe(text, 120)!r} is not IP=NAME[,IP=NAME...] or host",
                "write it like 192.0.2.7=db,192.0.2.8=cache",
            )
