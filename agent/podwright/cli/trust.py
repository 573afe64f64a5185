# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright trust`: add a key to the trust store, after its fingerprint was looked at."""

from __future__ import annotations

import os
import sys

from podwright.cli.context import Context, answer, note, say
from podwright.errors import NotFoundError, UsageError, VerifyError
from podwright.stage0 import keyfit, trust, trustlist
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments
    from podwright.stage0.trust import KeyInfo

MAX_KEY = 1024 * 1024
TRIES = 5


def run(context: Context, args: Arguments) -> int:
    """Trust each key named; refused without a terminal unless the fingerprint is given."""
    prefix = args.text("prefix")
    if args.true("root") == bool(prefix):
        raise UsageError("trust needs either --prefix=PREFIX or --root")
    if "://" in prefix:
        raise UsageError("--prefix is an image name, without https://")
    trust.directory(prefix or None)
    if prefix.startswith("pull:"):
        context.need_root("trust --prefix=pull:...")
    context.need_admin("trust")
    asked = args.text("fingerprint")
    locations = args.rest or _discovered(context, prefix)
    if asked and len(locations) > 1:
        raise UsageError("--fingerprint is for one key", "trust the keys one by one")
    done = []
    for location in locations:
        armoured = _read(context, location, args.true("insecure-allow-http"))
        info = trust.inspect_key(armoured, f"key {safe(location, 200)}")
        if not asked:
            _accept(context, args, info, location)
        change = keyfit.admit_key(
            context.layout,
            armoured,
            prefix=prefix or None,
            fingerprint=asked or info.fingerprint,
            location=location,
        )
        for line in keyfit.warnings(info):
            note(f"warning: {line}")
        where = f"prefix {prefix}" if prefix else "every image"
        done.append(
            {"key": location, "fingerprint": info.fingerprint}
            | {"prefix": prefix, "changed": change.changed}
        )
        if not args.text("format"):
            word = "trusted" if change.changed else "already trusted"
            say(f"{word} {info.fingerprint} for {where}")
    answer(args, done)
    return 0


def offered(context: Context, info: KeyInfo, prefix: str, location: str) -> bool:
    """Have a key accepted that discovery found while an image was fetched (behaviour.md A6)."""
    unasked = context.trust_keys_from_https and location.startswith("https://")
    for line in review(context, info, prefix, location):
        note(line)
    if unasked:
        keyfit.require_unchanged(context.layout, location, prefix, info.fingerprint)
    else:
        ask()
    return True


def _accept(context: Context, args: Arguments, info: KeyInfo, location: str) -> None:
    """Show the key and have it accepted, by a person or by the option that answers for one."""
    prefix = args.text("prefix") or None
    for line in review(context, info, prefix, location):
        note(line)
    keyfit.require(info)
    over_https = location.startswith("https://") and not (
        "tls" in context.insecure and "pubkey" not in context.insecure
    )
    if args.true("skip-fingerprint-review") or (context.trust_keys_from_https and over_https):
        keyfit.require_unchanged(context.layout, location, prefix, info.fingerprint)
    else:
        ask()


def review(context: Context, info: KeyInfo, prefix: str | None, location: str) -> list[str]:
    """What a person should see before trusting a key."""
    digits = info.fingerprint.upper()
    shown = " ".join(digits[at : at + 4] for at in range(0, 40, 4))
    lines = [
        f"key for {f'prefix {prefix}' if prefix else 'every image'} from {safe(location, 200)}:",
        f"  fingerprint  {shown}",
        (
            f"  key          {trustlist.algorithm(info)}, created {info.created[:10]},"
            f" {f'expires {info.expires[:10]}' if info.expires else 'never expires'}, {info.state}"
        ),
        *(f"  identity     {safe(user, 200)}" for user in info.user_ids[:20]),
        *(f"  subkey       {subkey.upper()}" for subkey in info.subkeys[:20]),
    ]
    hidden = max(len(info.user_ids) - 20, 0) + max(len(info.subkeys) - 20, 0)
    lines += [f"  and {hidden} more identities and subkeys"] if hidden else []
    for before in keyfit.earlier(context.layout, location, prefix):
        if before != info.fingerprint:
            lines.append(f"  CHANGED: this location gave the key {before.upper()} before")
    return lines


def ask() -> None:
    """Only the word yes accepts; no, anything else, and everything without a terminal refuses."""
    if not (os.isatty(0) and os.isatty(2)):
        raise VerifyError(
            "the key was not reviewed: there is no terminal to ask on",
            "give its full --fingerprint, --skip-fingerprint-review, or --trust-keys-from-https for"
            " keys that come over https",
            reason="not-reviewed",
        )
    for _ in range(TRIES):
        sys.stderr.write("Are you sure you want to trust this key (yes/no)? ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if line == "yes\n":
            return
        if line in ("no\n", ""):
            break
        note("answer with the word yes or the word no")
    raise VerifyError("the key was not accepted", reason="not-accepted")


def _discovered(context: Context, prefix: str) -> list[str]:
    """Key locations from discovery."""
    if not prefix:
        raise UsageError("trust --root needs a key", "podwright trust --root key.asc")
    if prefix.startswith("pull:"):
        raise UsageError(
            "keys for fleets are not discovered", f"podwright trust --prefix={prefix} key.asc"
        )
    if context.insecure & {"tls", "http"} and "pubkey" not in context.insecure:
        raise VerifyError(
            f"keys for {prefix} are not looked for over connections that are not checked",
            "add pubkey to --insecure-options, or give the key as a file",
            object=prefix,
            reason="no-discovery",
        )
    from podwright.stage0.web import discover
    from podwright.stage0.web.netchild import RemoteClient

    with RemoteClient(context.layout, context.insecure) as client:
        found = [url for _, url in discover.find_keys(client, prefix)]
    if not found:
        raise NotFoundError(
            f"discovery of {prefix} names no keys", "give the key as a file", object=prefix
        )
    return list(dict.fromkeys(found))


def _read(context: Context, location: str, allow_http: bool) -> bytes:
    """The bytes of a key file or URL."""
    scheme = location.partition("://")[0].lower() if "://" in location else ""
    if scheme in ("https", "http"):
        insecure = context.insecure | ({"http"} if allow_http else set())
        if scheme == "http" and not ("http" in insecure and (allow_http or "pubkey" in insecure)):
            raise VerifyError(
                f"key {safe(location, 200)} is not served over https",
                "use https, or --insecure-allow-http",
                reason="not-https",
            )
        from podwright.stage0.web.netchild import RemoteClient

        with RemoteClient(context.layout, insecure) as client:
            return client.get(location, MAX_KEY)
    if scheme not in ("", "file"):
        raise UsageError(f"key {safe(location, 200)}: only files, https and http URLs are read")
    from podwright.stage0.web.sources import open_regular

    fd = open_regular(location[len("file://") :] if scheme else location, "key")
    with open(fd, "rb") as file:
        return file.read(MAX_KEY + 1)
