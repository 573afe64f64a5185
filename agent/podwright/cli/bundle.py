# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright bundle`: make, publish and show what hosts of a fleet pull. Needs neither root nor a store."""

from __future__ import annotations

import time

from podwright import jsonio
from podwright.cli.build import open_signer
from podwright.cli.context import Context, answer, note, print_document, say
from podwright.cli.options import Arguments
from podwright.errors import NotFoundError, PodwrightError, UsageError
from podwright.model import fleetstate
from podwright.pull import make as making
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def make(context: Context, args: Arguments) -> int:
    """Make a bundle and sign it."""
    if args.rest == ["-"]:
        return _orders(context, args)
    if len(args.rest) != 2:
        raise UsageError(
            "bundle make needs a desired state and the file to write",
            "podwright bundle make --fleet=NAME --serial=1 --expires=720h state.json bundle.json",
        )
    state, output = args.rest
    for name in ("fleet", "serial", "expires"):
        if not args.text(name):
            raise UsageError(f"bundle make needs --{name}", "--help says what it is")
    head = making.Head(
        args.text("fleet"),
        _serial(args.text("serial"), output),
        until(args.text("expires"), "--expires"),
        args.text("not-before"),
        args.text("minimum-agent"),
    )
    data = making.compose(_json(state), head, safe(state, 200))
    signer = open_signer(args, args.text("sign-by")) if args.given("sign-by") else None
    try:
        changed = making.write(output, data, signer, dry_run=args.true("check"))
    finally:
        if signer is not None:
            signer.close()
    facts = {"fleet": head.fleet, "serial": head.serial, "expires": head.expires}
    facts["bytes"] = len(data)
    if not answer(args, {**facts, "changed": changed, "signed": signer is not None}):
        word = ("would be written" if args.true("check") else "written") if changed else "unchanged"
        say(f"bundle {head.serial} of fleet {head.fleet}: {word}")
    if signer is None:
        note("the bundle is not signed: hosts refuse it until OUTPUT.asc is beside it")
    return 0


def _orders(context: Context, args: Arguments) -> int:
    """What the module bundle asks for on standard input; 254 when anything was refused or failed."""
    import sys

    from podwright.cli import bundle_orders

    try:
        data = sys.stdin.buffer.read(fleetstate.MAX_BYTES + 1)
        raw = jsonio.loads(data, "standard input", limit=fleetstate.MAX_BYTES)
        orders = bundle_orders.read(raw)
        found = bundle_orders.every(
            context.layout, orders, context.insecure, check=args.true("check")
        )
    except PodwrightError as err:
        from podwright.reconcile.answer import error_json

        note(safe(err.sentence(), 1000))
        found = {"changed": False, "warnings": [], "error": error_json(err)}
    say(jsonio.dumps(found))
    return 254 if "error" in found else 0


def push(context: Context, args: Arguments) -> int:
    """Publish it in a registry; prints the artifact's digest."""
    if len(args.rest) != 2:
        raise UsageError(
            "bundle push needs a bundle and a place",
            "podwright bundle push bundle.json oci://registry.example.com/fleet:stable",
        )
    digest, changed = making.push(
        context.layout, args.rest[0], args.rest[1], context.insecure, dry_run=args.true("check")
    )
    if not answer(args, {"digest": digest, "changed": changed}):
        if not changed:
            note("it is up to date")
        say(digest)
    return 0


def show(context: Context, args: Arguments) -> int:
    """The desired state that a host gets."""
    del context
    from podwright.cli.pull import selectors

    if len(args.rest) != 1:
        raise UsageError("bundle show needs a bundle", "podwright bundle show bundle.json")
    path = safe(args.rest[0], 200)
    data = making.read(args.rest[0])
    if data is None:
        raise NotFoundError(
            f"{path}: there is no such file", "podwright bundle make makes bundles", object=path
        )
    state = fleetstate.parse(data, path)
    wanted = fleetstate.for_host(state, selectors(args).selected())
    if args.true("about"):
        wanted = {**_about(args.rest[0], data), "state": wanted}
    print_document(args, wanted)
    return 0


def _about(path: str, data: bytes) -> dict[str, Any]:
    """What a bundle, which can be read, says of itself, and who has signed it by what the signature says."""
    from podwright.stage0.trustring import sha256

    document = jsonio.loads(data, safe(path, 200), limit=fleetstate.MAX_BYTES)
    return {
        "path": path,
        **{name: document[name] for name in ("fleet", "serial", "expires")},
        **{name: document.get(name) or "" for name in ("not_before", "minimum_agent")},
        "rollout": document.get("rollout") or [],
        "expired": fleetstate.moment(document["expires"], "expires") <= time.time(),
        "sha256": sha256(data),
        "signers": _signers(path),
    }


def _signers(path: str) -> list[str]:
    """Fingerprints or key IDs of those who have signed a bundle by what its signature says, in lower case."""
    from podwright.stage0.judge import pgp

    try:
        found = pgp.signatures(making.read(f"{path}.asc") or b"")
    except pgp.Malformed:
        return []
    return sorted({one.issuers[0].lower() for one in found if one.issuers})


def _json(path: str) -> Any:
    from podwright.stage0.web.sources import open_regular

    with open(open_regular(path, "desired state"), "rb") as file:
        data = file.read(fleetstate.MAX_BYTES + 1)
    return jsonio.loads(data, safe(path, 200), limit=fleetstate.MAX_BYTES)


def _serial(text: str, output: str) -> int:
    if text == "next":
        return making.next_serial(output)
    if not (text.isascii() and text.isdigit() and len(text) < 17):
        raise UsageError(f"--serial: {safe(text, 40)!r} is neither a number nor next")
    return int(text)


def until(text: str, where: str) -> str:
    """A time as it stands in the document, of one or of a duration from now. Raises UsageError."""
    if "T" in text:
        return text
    from podwright.cli import durations

    moment = time.time() + durations.seconds(text, where)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
