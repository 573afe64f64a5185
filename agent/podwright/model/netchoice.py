# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which networks a pod is on, as `--net` and the desired state say it (behaviour.md D1). Pure.

    host | none | all | NAME[:KEY=VALUE[;KEY=VALUE...]][,NAME...]

A pod keeps its choice as text, in one form for each choice.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.model.fields import Fields

HOST, NONE, ALL, DEFAULT, RESTRICTED = "host", "none", "all", "default", "default-restricted"
WORDS = (HOST, NONE, ALL)
"""What stands alone, and is the name of no network."""
MEANING = {
    HOST: "a pod with it has the host's own network",
    NONE: "a pod with it has lo and nothing else",
    ALL: "a pod with it is on every network that there is",
}
KNOWN = (DEFAULT, RESTRICTED, *WORDS)
"""What every host knows."""
MAX_NAME = 64
MAX_NETWORKS = 16
MAX_ARGS = 4096
_FORM = "write NAME, or NAME:KEY=VALUE;KEY=VALUE"


@value
class Wanted:
    """One network by name, and its CNI arguments, sorted by key."""

    name: str
    args: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """As it is written."""
        return f"{self.name}:{';'.join(map('='.join, self.args))}" if self.args else self.name


@value
class NetChoice:
    """What was chosen.

    word      one of WORDS, or ""
    networks  sorted by name: in which order they are made, the configuration says
    """

    word: str = ""
    networks: tuple[Wanted, ...] = ()

    def text(self) -> str:
        """The one form of this choice."""
        return self.word or ",".join(wanted.text() for wanted in self.networks)


def is_network_name(text: object) -> bool:
    """Whether a network can be called so: the name becomes part of paths, chains and messages."""
    return (
        isinstance(text, str)
        and len(text) <= MAX_NAME
        and made_of(text, LETTERS + DIGITS + "_.-")
        and text[0] in LETTERS + DIGITS
        and text not in WORDS
    )


def parse(text: str, where: str = "--net") -> NetChoice:
    """Read a choice. Raises UsageError that begins with `where`."""
    return _choice(text.split(","), where)


def _choice(parts: list[str], where: str) -> NetChoice:
    if len(parts) > MAX_NETWORKS:
        raise UsageError(f"{where}: names more than {MAX_NETWORKS} networks", object=where)
    networks: list[Wanted] = []
    for part in parts:
        name, colon, args = part.partition(":")
        if name in WORDS:
            _check_alone(name, colon, len(parts), where)
            return NetChoice(name)
        if not is_network_name(name):
            raise UsageError(
                f"{where}: {safe(name, 80)!r} is not a network name",
                f"use {', '.join(KNOWN)}, or names of networks with commas between them",
                object=where,
            )
        if any(name == other.name for other in networks):
            raise UsageError(f"{where}: network {name} is named twice", object=name)
        networks.append(Wanted(name, _args(args, name, where) if colon else ()))
    return NetChoice("", tuple(sorted(networks, key=lambda wanted: wanted.name)))


def _check_alone(word: str, colon: str, parts: int, where: str) -> None:
    if colon:
        raise UsageError(f"{where}: {word} takes no arguments", f"write {word} alone", object=where)
    if parts > 1:
        raise UsageError(
            f"{where}: {word} cannot stand beside other networks",
            f"write {word} alone, or leave it out",
            object=where,
        )


def _args(text: str, name: str, where: str) -> tuple[tuple[str, str], ...]:
    """CNI arguments; they reach plugins in the environment, joined by `;`."""
    found: dict[str, str] = {}
    for pair in text.split(";"):
        key, equals, content = pair.partition("=")
        if not equals or not content or not content.isprintable():
            raise _bad(where, name, f"{safe(pair, 80)!r} is not KEY=VALUE")
        if not made_of(key, LETTERS + DIGITS + "_.-"):
            raise _bad(where, name, f"{safe(key, 80)!r} is not the name of an argument")
        if key in found:
            raise _bad(where, name, f"argument {key} is given twice")
        found[key] = content
    if len(text) > MAX_ARGS:
        raise _bad(where, name, f"its arguments are longer than {MAX_ARGS} characters")
    return tuple(sorted(found.items()))


def _bad(where: str, name: str, why: str) -> UsageError:
    return UsageError(f"{where}: network {name}: {why}", _FORM, object=name)


def of_field(fields: Fields, name: str, default: str) -> str:
    """The choice in a field that is text or a list of texts, in its one form."""
    raw: Any = fields.raw(name)
    if raw is None:
        return default
    if not isinstance(raw, (list, str)):
        from podwright.model.fields import wrong

        raise wrong(fields.at(name), "a string or a list of strings", raw)
    if not isinstance(raw, list):
        return parse(fields.text(name), fields.at(name)).text()
    parts = list(fields.texts(name))
    if not parts:
        raise UsageError(f"{fields.at(name)}: names no network", "write none", object=name)
    for index, part in enumerate(parts):
        if "," in part:
            raise UsageError(
                f"{fields.at(name)}[{index}]: {safe(part, 80)!r} has a comma",
                "make it several elements",
                object=f"{fields.at(name)}[{index}]",
            )
    return _choice(parts, fields.at(name)).text()


def has_own_network(net: str) -> bool:
    """Whether a pod with this choice has links to be made for it."""
    return net not in (HOST, NONE)


def can_publish(net: str) -> bool:
    """Whether ports of the host can lead to a pod with this choice."""
    return has_own_network(net)


def no_ports_hint(net: str) -> str:
    """What to do where ports cannot be published."""
    if net == HOST:
        return "leave them out: the apps listen on the host's own network"
    return "choose a network, such as default"
