# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright network check`: is what running pods hold of the network still there?"""

from __future__ import annotations

from podwright.cli import table, which
from podwright.cli.context import Context, answer, say
from podwright.errors import UsageError
from podwright.net import verify
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments
    from podwright.net.values import Holding

BROKEN = 254
_TITLES = ("POD", "NETWORKS", "ADDRESSES", "FOUND")


def check(context: Context, args: Arguments) -> int:
    """0 when nothing is missing; prints what is, pod by pod."""
    context.need_root("network check")  # what pods hold, and their namespaces, are root's
    found = verify.running(context.layout.net)
    named = which.names(args, "network check") if args.rest or args.given("uuid-file") else ()
    chosen = [_find(text, found) for text in named] if named else list(found)
    host = verify.look()
    answers = [_answer(one, host) for one in chosen]
    if answer(args, answers):
        pass
    elif answers:
        rows = [row for one in answers for row in _rows(one)]
        say(table.render(_TITLES, rows, not args.true("no-legend")))
    else:
        say("no running pod has a network of its own")
    return BROKEN if any(one["problems"] for one in answers) else 0


def _find(text: str, found: tuple[Holding, ...]) -> Holding:
    """A running pod by name, UUID or the beginning of one."""
    named = [one for one in found if text in (one.name, one.uuid)]
    begun = [one for one in found if len(text) >= 2 and one.uuid.startswith(text)]
    matching = named or begun
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UsageError(f"pod {safe(text, 60)}: is ambiguous", "say more of its UUID")
    raise UsageError(
        f"pod {safe(text, 60)}: does not run with a network of its own",
        "podwright list shows what runs",
        object=text,
    )


def _answer(holding: Holding, host: verify.Seen) -> dict[str, Any]:
    return {
        "uuid": holding.uuid,
        "name": holding.name,
        "networks": [one.net for one in holding.attachments],
        "addresses": [a.ip for one in holding.attachments for a in one.addresses],
        "problems": verify.problems(holding, host),
    }


def _rows(one: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row per problem, or one that says that there is none."""
    who = (one["name"] or one["uuid"][:8], ",".join(one["networks"]), ",".join(one["addresses"]))
    first, *further = one["problems"] or ["as it was made"]
    return [(*who, safe(first, 300)), *(("", "", "", safe(text, 300)) for text in further)]
