# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright trust list` and `podwright trust remove`."""

from __future__ import annotations

from podwright.cli.context import Context, answer, note, say
from podwright.cli.table import render
from podwright.errors import NotFoundError, UsageError
from podwright.stage0 import keyfit, trust, trustlist
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments
    from podwright.stage0.trustlist import Row

TITLES = ("PREFIX", "FINGERPRINT", "IDENTITY", "KEY", "EXPIRES", "STATE", "SCOPE")
ROOT = "(every image)"


def list_(context: Context, args: Arguments) -> int:
    """Print every key file of the trust store, or those of one prefix."""
    found = trustlist.rows(context.layout)
    if args.given("prefix"):
        found = [row for row in found if row.key.prefix == args.text("prefix")]
    if args.true("root"):
        found = [row for row in found if not row.key.prefix]
    if answer(args, [trustlist.as_json(row) for row in found]):
        return 0
    legend = not args.true("no-legend")
    if found or legend:
        say(render(TITLES, [_cells(row, args.true("full")) for row in found], legend))
    for row in found:
        for line in keyfit.warnings(row.info) if row.info else ():
            note(f"warning: {line}")
    return 0


def _cells(row: Row, full: bool) -> tuple[str, ...]:
    info = row.info
    return (
        row.key.prefix or ROOT,
        row.key.fingerprint if full else f"{row.key.fingerprint[:8]}...{row.key.fingerprint[-8:]}",
        (info.user_ids or ("",))[0] if info else "",
        trustlist.algorithm(info) if info else "",
        (info.expires[:10] or "never") if info else "",
        _state(row),
        row.scope,
    )


def _state(row: Row) -> str:
    if row.problem:
        return f"broken: {row.problem}"
    if row.key.state == "masked":
        return "mask"
    if row.masked_by:
        return f"masked by {row.masked_by}"
    state = "trusted" if row.info and row.info.state == "valid" else row.info and row.info.state
    return f"{state}, except {', '.join(row.masked_for)}" if row.masked_for else str(state)


def remove(context: Context, args: Arguments) -> int:
    """Stop trusting keys for a prefix or as root keys."""
    prefix = args.text("prefix")
    if args.true("root") == bool(prefix):
        raise UsageError("trust remove needs either --prefix=PREFIX or --root")
    if not args.rest:
        raise UsageError(
            "trust remove needs the fingerprint of a key", "podwright trust list --full shows them"
        )
    context.need_admin("trust remove")
    where = f"prefix {prefix}" if prefix else "every image"
    gone = []
    for fingerprint in args.rest:
        changed = trust.remove_key(context.layout, fingerprint, prefix or None)
        own = fingerprint.replace(" ", "").lower()
        here = [row for row in trustlist.rows(context.layout) if row.key.fingerprint == own]
        masked = any(row.key.state == "masked" and row.key.prefix == prefix for row in here)
        if not changed and not masked:
            raise NotFoundError(
                f"key {own.upper()} is not trusted for {where}",
                _elsewhere(here) or "podwright trust list shows what is trusted",
                object=own,
            )
        done = "masked" if masked else "removed"
        gone.append({"fingerprint": own, "prefix": prefix, "state": done, "changed": changed})
        if not args.text("format"):
            say(f"{done if changed else f'already {done}'} {own} for {where}")
        if hint := _elsewhere([row for row in here if row.key.prefix != prefix]):
            note(f"warning: {hint}")
    answer(args, gone)
    return 0


def _elsewhere(rows: list[Row]) -> str:
    """Where a key still counts."""
    left = [row for row in rows if row.key.state == "trusted" and not row.masked_by]
    places = ", ".join(dict.fromkeys(row.key.prefix or "every image" for row in left))
    return f"it is still trusted for {safe(places, 300)}" if left else ""
