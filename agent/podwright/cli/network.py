# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright network list`, `network inspect` and `network check`."""

from __future__ import annotations

from podwright import jsonio
from podwright.cli import table
from podwright.cli.context import Context, note, say
from podwright.errors import UsageError
from podwright.net import lookup, shown
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments

BROKEN = 254
BUILT_IN = "built in"
_TITLES = ("NETWORK", "TYPE", "SUBNETS", "PODS", "SOURCE")


def list_(context: Context, args: Arguments) -> int:
    """Print every network; what cannot be used is told of on standard error, too."""
    found = shown.view(context.layout)
    if not _as_json(list(found.networks), args.text("format")):
        rows = [_row(one) for one in found.networks]
        say(table.render(_TITLES, rows, not args.true("no-legend")))
    _tell(found)
    return 0


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["name"] or "-",
        ",".join(one["plugins"]) or "cannot be used",
        ",".join(one["subnets"]) or "-",
        "?" if one["pods"] is None else str(len(one["pods"])),
        one["source"] or BUILT_IN,
    )


def _tell(found: shown.View) -> None:
    for one in found.networks:
        if one["error"]:
            note(f"warning: {one['error']}")
    for warning in found.warnings:
        note(f"warning: {warning}")


def inspect(context: Context, args: Arguments) -> int:
    """0 when all of the networks can be used."""
    if not args.rest:
        raise UsageError("network inspect needs a network", "podwright network inspect NAME...")
    found = shown.view(context.layout)
    wanted = [_find(name, found, context) for name in args.rest]
    if not _as_json(wanted, args.text("format")):
        say("\n\n".join(_text(one) for one in wanted))
    return BROKEN if any(one["error"] for one in wanted) else 0


def check(context: Context, args: Arguments) -> int:
    """Compare what running pods hold with what the kernel has."""
    from podwright.cli import network_check

    return network_check.check(context, args)


def _find(name: str, found: shown.View, context: Context) -> dict[str, Any]:
    for one in found.networks:
        if one["name"] == name:
            return one
    raise lookup.unknown(name, lookup.read(context.layout.net_dirs()))


def _as_json(found: list[dict[str, Any]], form: str) -> bool:
    if form:
        say(jsonio.pretty(found) if form == "json-pretty" else jsonio.dumps(found))
    return bool(form)


def _text(one: dict[str, Any]) -> str:
    rows = [("source", one["source"] or BUILT_IN)]
    if one["error"]:
        rows.append(("error", one["error"]))
    else:
        rows += [
            ("type", ", ".join(one["plugins"])),
            ("subnets", ", ".join(one["subnets"]) or "-"),
        ]
    lines: list[str] = [safe(one["name"], 100)]
    lines += [f"  {title + ':':9}{safe(text, 1000)}" for title, text in rows]
    if one["pods"]:
        lines.append("  pods:")
    for pod in one["pods"] or ():
        addresses = ", ".join(pod["addresses"]) or "no address"
        lines.append(f"    {safe(pod['name'] or pod['uuid'], 100)}  {pod['ifname']}  {addresses}")
    if one["config"] is not None:
        lines.append("  configuration:")
        lines += [f"    {line}" for line in jsonio.pretty(one["config"]).split("\n")]
    return "\n".join(lines)
