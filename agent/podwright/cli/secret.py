# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright secret list | put | rm`: secrets that this host keeps by name."""

from __future__ import annotations

import os
import sys

from podwright.cli import table
from podwright.cli.context import Context, answer, note, say
from podwright.errors import UsageError
from podwright.host import secretstore
from podwright.host.lock import HostLock
from podwright.model.names import ac_name
from podwright.model.secret import LARGEST, Content
from podwright.model.spec import KeptSecretSpec
from podwright.reconcile import keptsecrets
from podwright.stage0 import storewriter
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments

_TITLES = ("SECRET", "KEPT", "SIZE", "CHANGED", "PODS")
PATIENCE = 60.0
"""Seconds to wait for another apply."""


def list_(context: Context, args: Arguments) -> int:
    """Print every secret, without its content."""
    context.need_root("secret list")
    found = secretstore.shown(context.layout)
    if not answer(args, found):
        say(table.render(_TITLES, [_row(one) for one in found], not args.true("no-legend")))
    for one in found:
        if one["problem"]:
            note(f"warning: secret {one['name']}: {one['problem']}")
    return 0


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["name"],
        "encrypted" if one["encrypted"] else "file",
        "?" if one["size"] is None else str(one["size"]),
        one["changed_at"] or "?",
        ",".join(one["pods"]) or "-",
    )


def put(context: Context, args: Arguments) -> int:
    """Keep a secret; one that is kept already, with that content, is left alone."""
    if len(args.rest) not in (1, 2):
        raise UsageError("secret put needs a name", "podwright secret put NAME [FILE|-]")
    context.need_root("secret put")
    content = Content(_read(args.rest[1] if len(args.rest) == 2 else "-"))
    return _apply(
        context, args, [KeptSecretSpec(_name(args.rest[0]), content, args.text("encrypt", "auto"))]
    )


def rm_(context: Context, args: Arguments) -> int:
    """Remove secrets."""
    if not args.rest:
        raise UsageError("secret rm needs a name", "podwright secret rm NAME...")
    context.need_root("secret rm")
    return _apply(context, args, [KeptSecretSpec(_name(name)) for name in args.rest])


def _name(text: str) -> str:
    return ac_name(text, "the name of a secret")


def _read(path: str) -> bytes:
    if path == "-" and sys.stdin.isatty():
        raise UsageError(
            "the secret is read from standard input", "podwright secret put NAME <FILE"
        )
    try:
        with open(0 if path == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as err:
        raise UsageError(f"{safe(path, 200)}: {err.strerror}", object=safe(path, 200)) from None
    if len(data) > LARGEST:
        raise UsageError(f"the secret is larger than {LARGEST} bytes", "a secret is a small file")
    if not data:  # what was to write it has failed: the secret that is kept stays
        where = "standard input" if path == "-" else safe(path, 200)
        raise UsageError(f"the secret is empty: {where} has nothing", "see what was to write it")
    return data


def _apply(context: Context, args: Arguments, specs: list[KeptSecretSpec]) -> int:
    """Under the lock of `apply`, since pods are made of what is here."""
    storewriter.ensure(context.layout)
    with HostLock(f"{context.layout.locks}/apply", "apply", PATIENCE):
        parts = [keptsecrets.apply_secret(context.layout, one, False, {}) for one in specs]
    told = [
        {key: part[key] for key in ("name", "changed", "action", "state", "encrypted")}
        for part in parts
    ]
    if not answer(args, told):
        for part in told:
            how = " encrypted" if part["encrypted"] else ""
            say(f"secret {part['name']}: {part['action'] if part['changed'] else 'unchanged'}{how}")
    return 0
