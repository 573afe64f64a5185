# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes as flags: `--liveness=http:8080/healthz,interval=5s,failure-threshold=3`. Pure."""

from __future__ import annotations

from podwright.cli import durations
from podwright.errors import UsageError
from podwright.model import probe
from podwright.model.fields import Fields
from podwright.model.probe import EXEC, HTTP, TCP, TIMES
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.model.probe import Probe

HINT = "write http:PORT/PATH, tcp:PORT or exec:COMMAND, then ,interval=5s,failure-threshold=3"
REQUEST = ("address", "host", "header")
WORDS = tuple(name.replace("_", "-") for name in TIMES)


def parse(text: str, role: str) -> Probe:
    """One probe. What follows its target are `,NAME=VALUE`; commas in a command stay its own.

    Of http and tcp, each comma begins one: one in a path is written %2C, else a misspelt option
    would become a part of the path.
    """
    flag = f"--{role}"
    kind, colon, rest = text.partition(":")
    if kind == "https":
        raise probe.no_https(flag)
    if not colon or kind not in (EXEC, HTTP, TCP):
        raise UsageError(f"{flag}: {safe(text, 80)!r} is not a probe", HINT, object=flag)
    target, said = _split(rest, flag) if kind == EXEC else _split_all(rest, flag)
    raw = _target(kind, target)
    for name, content in said:
        if name in WORDS:
            raw[name.replace("-", "_")] = _number(name, content, flag)
        else:
            _of_request(raw, kind, name, content, flag)
    return probe.parse(Fields(raw, flag), role) or probe.DEFAULTS[role]


def _split(rest: str, flag: str) -> tuple[str, list[tuple[str, str]]]:
    """The target, and what is said after it."""
    said: list[tuple[str, str]] = []
    while True:
        before, comma, last = rest.rpartition(",")
        name, equals, content = last.partition("=")
        if not comma or not equals or name not in (*WORDS, *REQUEST):
            break
        said.append((name, content))
        rest = before
    close = _close(name, WORDS) if comma and equals and name not in REQUEST else ""
    if close:  # part of a command otherwise, which nobody means
        raise _unknown(flag, name, close)
    _check_twice(said, flag)
    return rest, said


def _split_all(rest: str, flag: str) -> tuple[str, list[tuple[str, str]]]:
    """The same of http and tcp: all that follows a comma is said, and known."""
    target, *parts = rest.split(",")
    said = []
    for part in parts:
        name, equals, content = part.partition("=")
        if not equals or name not in (*WORDS, *REQUEST):
            raise _unknown(flag, name, _close(name, (*WORDS, *REQUEST)))
        said.append((name, content))
    _check_twice(said, flag)
    return target, said


def _close(name: str, words: tuple[str, ...]) -> str:
    import difflib

    return next(iter(difflib.get_close_matches(name, words, 1, 0.8)), "")


def _unknown(flag: str, name: str, close: str) -> UsageError:
    meant = f"did you mean {close}=? " if close else f"there are {', '.join((*WORDS, *REQUEST))}; "
    return UsageError(
        f"{flag}: {safe(name, 40)!r} is not an option of a probe",
        f"{meant}write a comma in a path as %2C, and one in a header or in a command's option in a"
        " desired state",
        object=flag,
    )


def _check_twice(said: list[tuple[str, str]], flag: str) -> None:
    names = [name for name, _ in said if name != "header"]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise UsageError(f"{flag}: {twice} is said twice", object=flag)


def _target(kind: str, text: str) -> dict[str, Any]:
    if kind == EXEC:
        return {EXEC: text.split()}
    port, slash, path = text.partition("/")
    return {kind: {"port": port, "path": f"/{path}"} if slash and kind == HTTP else {"port": text}}


def _number(name: str, text: str, flag: str) -> Any:
    if name.endswith("-threshold"):
        if not text.isascii() or not text.isdigit():
            raise UsageError(f"{flag}: {name}={safe(text, 40)} is not a number", object=flag)
        return int(text[:9])
    return durations.seconds(text, f"{flag}: {name}")


def _of_request(raw: dict[str, Any], kind: str, name: str, text: str, flag: str) -> None:
    """`address`, `host` or `header`."""
    if kind == EXEC or (kind == TCP and name != "address"):
        raise UsageError(f"{flag}: {name} is nothing for {kind}", HINT, object=flag)
    if name == "header":
        key, _, content = text.partition(":")
        raw[kind].setdefault("headers", {})[key.strip()] = content.strip()
    else:
        raw[kind][name] = text
