# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""resolv.conf(5): the host's, as far as a pod can use it, and the text of a pod's own."""

from __future__ import annotations

from podwright.net import ip
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HOST = "/etc/resolv.conf"
RESOLVED = "/run/systemd/resolve/resolv.conf"
"""The servers behind systemd-resolved's own address (systemd-resolved.service(8))."""
LIMIT = 1 << 16
SOURCE = "# As the host has it; name servers that pods cannot reach are left out.\n"


@value
class Servers:
    """A resolv.conf for pods; `text` is "" when it names no server that a pod can reach.

    unusable   the servers that were left out
    """

    text: str
    unusable: tuple[str, ...] = ()


def render(
    servers: Sequence[str], search: Sequence[str], options: Sequence[str], domain: str
) -> str:
    """The text of a resolv.conf, in the order of lines that B7 has."""
    lines = [f"search {' '.join(search)}"] if search else []
    lines += [f"nameserver {server}" for server in servers]
    lines += [f"options {' '.join(options)}"] if options else []
    lines += [f"domain {domain}"] if domain else []
    return "".join(f"{line}\n" for line in lines)


def of_host(*, own_network: bool) -> Servers:
    """The host's file; for a pod with a network of its own, without what it cannot reach there."""
    text = _read(HOST)
    if not own_network:
        return Servers(text)
    found = usable(text)
    if not found.text and any(server.startswith("127.") for server in found.unusable):
        behind = usable(_read(RESOLVED))
        if behind.text:
            return behind
    return found


def servers(*, own_network: bool) -> tuple[str, ...]:
    """The name servers in the host's file, as `of_host` gives it."""
    lines = (line.split() for line in of_host(own_network=own_network).text.splitlines())
    return tuple(words[1] for words in lines if len(words) > 1 and words[0] == "nameserver")


def usable(text: str) -> Servers:
    """The file without servers on the host's loopback and on link-local addresses. Pure."""
    kept, unusable, any_server = [], [], False
    for line in text.splitlines():
        words = line.split()
        if not words or words[0][0] in "#;":
            continue
        if words[0] == "nameserver" and len(words) > 1:
            if not is_reachable(words[1]):
                unusable.append(words[1])
                continue
            any_server = True
        kept.append(" ".join(words))
    shown = SOURCE + "".join(f"{line}\n" for line in kept)
    return Servers(shown if any_server else "", tuple(unusable))


def is_reachable(server: str) -> bool:
    """Whether a pod may reach it: no loopback, link-local or unspecified address."""
    try:
        number = ip.number(server)
    except ValueError:
        return False  # also one with a link's name behind a %
    if ip.family(server) == 6:
        if number >> 32 == 0xFFFF:
            return is_reachable(ip.text(number & 0xFFFFFFFF, 4))
        return number > 1 and number >> 118 != 0xFE80 >> 6
    return number >> 24 not in (0, 127) and number >> 16 != 0xA9FE


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(LIMIT).decode("utf-8", "replace")
    except OSError:
        return ""
