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
    """One probe. What follows its target are `,NAME=VALUE`; commas in a command stay its own."""
    flag = f"--{role}"
    kind, colon, rest = text.partition(":")
    if kind == "https":
        raise probe.no_https(flag)
    if not colon or kind not in (EXEC, HTTP, TCP):
        raise UsageError(f"{flag}: {safe(text, 80)!r} is not a probe", HINT, object=flag)
    target, said = _split(rest, flag)
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
    names = [name for name, _ in said if name != "header"]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise UsageError(f"{flag}: {twice} is said twice", object=flag)
    return rest, said


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
