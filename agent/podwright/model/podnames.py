# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a pod's names: its resolv.conf and its hosts file (B7). Values and their checks."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.net import ip
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.model.fields import Fields

MAX_SERVERS = 3
"""More are not asked by any C library (resolv.conf(5))."""
MAX_SEARCH = 32
MAX_SEARCH_TEXT = 2048
MAX_ENTRIES = 1024
FLAGS = (
    *("debug", "rotate", "no-aaaa", "no-check-names", "inet6", "ip6-bytestring", "ip6-dotint"),
    *("no-ip6-dotint", "edns0", "single-request", "single-request-reopen", "no-tld-query"),
    *("use-vc", "no-reload", "trust-ad"),
)
NUMBERS = ("ndots", "timeout", "attempts")
"""Options of resolv.conf(5): those that stand alone, and those that take a number."""
DNS_FIELDS = ("servers", "domain", "search", "options")


@value
class PodNames:
    """How a pod finds names. Nothing said: what its networks, a volume or its image say.

    dns      `host`: the host's resolv.conf; `none`: the image's, whatever networks say; or ""
    servers, domain, search, options   what to write into resolv.conf
    hosts    `host`: the host's hosts file; or ""
    entries  (address, names) to write into the hosts file
    """

    dns: str = ""
    servers: tuple[str, ...] = ()
    domain: str = ""
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    hosts: str = ""
    entries: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def says_dns(self) -> bool:
        """Whether it says what to write into resolv.conf."""
        return bool(self.servers or self.domain or self.search or self.options)

    def taken(self) -> tuple[str, ...]:
        """Names that its entries are of, which no other pod gets in this one."""
        return tuple(name for _, names in self.entries for name in names)


def parse(fields: Fields) -> Optional[PodNames]:
    """Read the fields `dns` and `hosts` of a pod; None when nothing is said."""
    dns, hosts = fields.raw("dns"), fields.raw("hosts")
    if dns is None and hosts is None:
        return None
    said: dict[str, Any] = {}
    if dns is not None:
        said.update(_dns(dns, fields.at("dns")))
    if isinstance(hosts, str):
        said["hosts"] = _word(hosts, ("host",), fields.at("hosts"), "a list of entries")
    else:
        said["entries"] = tuple(_entry(item) for item in fields.objects("hosts"))
    return checked(PodNames(**said), fields.at("dns"), fields.at("hosts"))


def _dns(raw: Any, where: str) -> dict[str, Any]:
    if isinstance(raw, str):
        return {"dns": _word(raw, ("host", "none"), where, "an object")}
    from podwright.model.fields import Fields

    fields = Fields(raw, where)
    out = {
        "servers": fields.texts("servers"),
        "domain": fields.text("domain"),
        "search": fields.texts("search"),
        "options": fields.texts("options"),
    }
    fields.finish()
    return out


def _word(text: str, allowed: tuple[str, ...], where: str, other: str) -> str:
    if text not in allowed:
        raise UsageError(
            f"{where}: {safe(text, 60)!r} is not {' or '.join(allowed)}",
            f"or give {other}",
            object=where,
        )
    return text


def _entry(fields: Fields) -> tuple[str, tuple[str, ...]]:
    address, names = fields.text("ip", ...), fields.texts("names")
    if not names:
        raise UsageError(f"{fields.at('names')}: is missing", object=fields.at("names"))
    fields.finish()
    return address, names


def checked(said: PodNames, dns: str, hosts: str) -> Optional[PodNames]:
    """The same with addresses in one form, or None when it says nothing.

    dns, hosts   where it stands, for messages
    Raises UsageError for what is no address, name or option, or more than resolv.conf takes.
    """
    flags = dns.startswith("--")
    search, opt, domain = (
        f"{dns}-{one}" if flags else f"{dns}.{field}"
        for one, field in (("search", "search"), ("opt", "options"), ("domain", "domain"))
    )
    _check_search(said, search)
    for option in said.options:
        _check_option(option, opt)
    if len(said.servers) > MAX_SERVERS:
        raise UsageError(
            f"{dns}: {len(said.servers)} name servers are more than resolv.conf takes",
            f"give at most {MAX_SERVERS}",
            object=dns,
        )
    if len(said.entries) > MAX_ENTRIES:
        raise UsageError(f"{hosts}: more than {MAX_ENTRIES} entries", object=hosts)
    found = PodNames(
        said.dns,
        tuple(address(text, dns) for text in said.servers),
        _domain(said.domain, domain) if said.domain else "",
        said.search,
        said.options,
        said.hosts,
        tuple(
            (address(text, hosts), tuple(_domain(name, hosts) for name in names))
            for text, names in said.entries
        ),
    )
    return None if found == PodNames() else found


def _check_search(said: PodNames, where: str) -> None:
    if len(said.search) > MAX_SEARCH or len(" ".join(said.search)) > MAX_SEARCH_TEXT:
        raise UsageError(
            f"{where}: the search list is longer than resolv.conf takes",
            f"give at most {MAX_SEARCH} domains, {MAX_SEARCH_TEXT} characters in all",
            object=where,
        )
    for name in said.search:
        if name != ".":
            _domain(name, where)


def address(text: str, where: str) -> str:
    """Check an IPv4 or IPv6 address; returns its usual form."""
    try:
        return ip.canonical(text)
    except ValueError:
        raise UsageError(
            f"{where}: {safe(text, 60)!r} is not an IP address",
            "write it like 192.0.2.53 or 2001:db8::53",
            object=where,
        ) from None


def _domain(text: str, where: str) -> str:
    """Check a name of the DNS; underscores are in use, too, and a last dot."""
    labels = text[:-1].split(".") if text.endswith(".") else text.split(".")
    if len(text) > 253 or not all(_is_label(label) for label in labels):
        raise UsageError(
            f"{where}: {safe(text, 80)!r} is not a host or domain name",
            "use letters, digits, inner hyphens and underscores, with dots between labels",
            object=where,
        )
    return text


def _is_label(text: str) -> bool:
    ends = len(text) == len(text.strip("-")) <= 63
    return ends and made_of(text, LETTERS + DIGITS + "-_")


def _check_option(text: str, where: str) -> None:
    name, colon, number = text.partition(":")
    numbered = name in NUMBERS and made_of(number, DIGITS) and len(number) <= 3
    if not (numbered if colon else name in FLAGS):
        raise UsageError(
            f"{where}: {safe(text, 60)!r} is not an option of resolv.conf",
            f"there are {', '.join(f'{one}:NUMBER' for one in NUMBERS)}, {', '.join(FLAGS)}",
            object=where,
        )


def acceptable(
    servers: tuple[str, ...], search: tuple[str, ...], options: tuple[str, ...], domain: str
) -> tuple[list[str], list[str], list[str], str]:
    """The part of it that resolv.conf takes: what a network says may be anything."""
    names = [name for name in search if name == "." or _passes(_domain, name)]
    return (
        [server for server in servers if _passes(address, server)][:MAX_SERVERS],
        names[:MAX_SEARCH],
        [option for option in options if _passes(_check_option, option)],
        domain if _passes(_domain, domain) else "",
    )


def _passes(check: Callable[[str, str], object], text: str) -> bool:
    try:
        check(text, "")
    except (UsageError, TypeError, AttributeError):
        return False
    return True


def dump(names: PodNames) -> dict[str, Any]:
    """As the fields `dns` and `hosts` of a desired state, only what is said."""
    out: dict[str, Any] = {}
    if names.dns:
        out["dns"] = names.dns
    elif names.says_dns():
        said = {key: getattr(names, key) for key in DNS_FIELDS}
        out["dns"] = {
            key: list(found) if key != "domain" else found for key, found in said.items() if found
        }
    if names.hosts:
        out["hosts"] = names.hosts
    elif names.entries:
        out["hosts"] = [{"ip": text, "names": list(of)} for text, of in names.entries]
    return out


def load(raw: dict[str, Any]) -> Optional[PodNames]:
    """What `dump` wrote."""
    from podwright.model.fields import Fields

    return parse(Fields(raw, "")) if raw else None
