# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright trust`: add a key to the trust store, after its fingerprint was looked at."""

from __future__ import annotations

import os
import sys

from podwright.cli.context import Context, note, say
from podwright.errors import UsageError, VerifyError
from podwright.stage0 import trust
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments
    from podwright.stage0.trust import KeyInfo

MAX_KEY = 4 * 1024 * 1024


def run(context: Context, args: Arguments) -> int:
    """Trust each key named; refused without a terminal unless the fingerprint is given."""
    prefix = args.text("prefix")
    if args.true("root") == bool(prefix):
        raise UsageError("trust needs either --prefix=PREFIX or --root")
    if "://" in prefix:
        raise UsageError("--prefix is an image name, without https://")
    locations = args.rest or _discovered(context, prefix)
    for location in locations:
        armoured = _read(context, location, args.true("insecure-allow-http"))
        info = trust.inspect_key(armoured, f"key {safe(location, 200)}")
        asked = args.text("fingerprint")
        _show(info, prefix)
        if not asked and not (
            args.true("skip-fingerprint-review") or context.trust_keys_from_https
        ):
            _review()
        change = trust.add_key(
            context.layout, armoured, prefix=prefix or None, fingerprint=asked or info.fingerprint
        )
        where = f"prefix {prefix}" if prefix else "every image"
        say(f"{'trusted' if change.changed else 'already trusted'} {info.fingerprint} for {where}")
    return 0


def _discovered(context: Context, prefix: str) -> list[str]:
    """Key locations from discovery."""
    if not prefix:
        raise UsageError("trust --root needs a key", "podwright trust --root key.asc")
    from podwright.errors import NotFoundError
    from podwright.stage0 import discover
    from podwright.stage0.transport import Client

    with Client(context.layout, context.insecure) as client:
        found = [url for _, url in discover.find_keys(client, prefix)]
    if not found:
        raise NotFoundError(
            f"discovery of {prefix} names no keys", "give the key as a file", object=prefix
        )
    return found


def _read(context: Context, location: str, allow_http: bool) -> bytes:
    if location.startswith(("https://", "http://")):
        if location.startswith("http://") and not allow_http:
            raise VerifyError(
                f"key {safe(location, 200)} is not served over https",
                "use https, or --insecure-allow-http",
            )
        from podwright.stage0.transport import Client

        insecure = context.insecure | ({"http"} if allow_http else set())
        with Client(context.layout, insecure) as client:
            return client.get(location, MAX_KEY)
    try:
        with open(location, "rb") as file:
            return file.read(MAX_KEY)
    except OSError as err:
        raise UsageError(
            f"key {safe(location, 200)}: {err.strerror}", object=safe(location, 200)
        ) from None


def _show(info: KeyInfo, prefix: str) -> None:
    note(f"key for {prefix or 'every image'}:")
    note(f"  fingerprint {info.fingerprint}")
    for user in info.user_ids:
        note(f"  {safe(user, 200)}")


def _review() -> None:
    """Ask; anything but the word yes, and everything without a terminal, refuses."""
    if not (os.isatty(0) and os.isatty(2)):
        raise VerifyError(
            "the key was not reviewed: there is no terminal to ask on",
            "give its full --fingerprint, or --skip-fingerprint-review",
        )
    while True:
        sys.stderr.write("Are you sure you want to trust this key (yes/no)? ")
        sys.stderr.flush()
        word = sys.stdin.readline()
        if word.strip() == "yes":
            return
        if word.strip() == "no" or not word:
            raise VerifyError("the key was not accepted")
