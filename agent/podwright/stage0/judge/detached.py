# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detached signatures: get the one that belongs to an image, and refuse early what it rules out."""

from __future__ import annotations

import os
import time

from podwright.errors import FetchError, VerifyError
from podwright.stage0 import keyfit, trust, verdict
from podwright.stage0.judge import admission, pgp, verify
from podwright.stage0.web import discover, sources
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.stage0.images import AcceptKey, FetchOptions
    from podwright.stage0.spots import Spot
    from podwright.stage0.web.transport import Client

SMALL_KEY = 1024 * 1024
LOOK_SECONDS = 10.0


class Signature:
    """The signature file of one fetch: read now, or later when the server asked for patience."""

    def __init__(self, where: str, load: Callable[[], Optional[bytes]]) -> None:
        self.where = where
        self._load = load
        loaded = load()
        self.pending = loaded is None
        self.data = loaded or b""

    def packets(self) -> tuple[pgp.Signature, ...]:
        """The signatures; asks once more when there was none before."""
        if self.pending:
            loaded = self._load()
            if loaded is None:
                raise VerifyError(
                    f"the signature {self.where} is not ready",
                    "try again later",
                    reason="no-signature",
                )
            self.data, self.pending = loaded, False
        return verify.read_signatures(self.data, self.where)


def read(
    layout: Layout, client: Optional[Client], spot: Spot, options: FetchOptions, cwd: Optional[str]
) -> Optional[Signature]:
    """The signature file that belongs to the image; None when the check is lifted, or when there
    is none and a policy is to say whether one is needed.
    """
    if "image" in options.insecure:
        return None
    try:
        if options.signature or client is None:
            base = cwd if cwd is not None else os.getcwd()
            path = os.path.join(base, options.signature) if options.signature else spot.signature
            return Signature(path, lambda: _signature_file(path, spot.image))
        known = client
        return Signature(spot.signature, lambda: _signature_url(known, spot))
    except VerifyError as err:
        if err.reason != "no-signature" or options.signature or not verdict.has_policy(layout):
            raise
        return None


def _signature_file(path: str, image: str) -> bytes:
    if not os.path.exists(path):
        raise _unsigned(image, path)
    fd = sources.open_regular(path, "signature")
    with open(fd, "rb") as file:
        return file.read(pgp.MAX_SIGNATURE_BYTES + 1)


def _signature_url(client: Client, spot: Spot) -> Optional[bytes]:
    """The signature's bytes; None when the server says that it is still being made."""
    try:
        return client.get(spot.signature, pgp.MAX_SIGNATURE_BYTES)
    except FetchError as err:
        if err.reason == "http-202":
            return None
        if err.reason in ("http-404", "http-410", "http-403"):
            _look_for(client, spot)
            raise _unsigned(spot.name or spot.image, spot.signature) from None
        raise


def _look_for(client: Client, spot: Spot) -> None:
    """Raise FetchError when the image itself is not there: then no signature is to be missed."""
    reply = client.open(spot.image, deadline=time.monotonic() + LOOK_SECONDS)
    client.done(reply)
    if reply.status in (404, 410):
        version = dict(spot.labels).get("version", "latest")
        raise FetchError(
            f"image {safe(f'{spot.name}:{version}' if spot.name else spot.image, 200)}:"
            f" {reply.url} answers with status {reply.status}, there is no such image",
            "check its name and version",
            object=safe(spot.name or spot.image, 200),
            reason=f"http-{reply.status}",
        )


def _unsigned(image: str, where: str) -> VerifyError:
    return VerifyError(
        f"image {safe(image, 200)}: there is no signature at {safe(where, 300)}",
        "have it signed, or run it unverified with --insecure-options=image",
        object=safe(image, 200),
        reason="no-signature",
    )


def reject_early(
    layout: Layout,
    client: Client,
    name: str,
    signature: Optional[Signature],
    options: FetchOptions,
) -> None:
    """Refuse before the download what cannot be accepted after it."""
    subject = verdict.aci(name)
    rule = admission.rule_for(layout, subject)
    admission.refuse_rejected(rule, subject)
    if "image" in options.insecure:
        return
    ours = any(each.trust_store for each in rule.requirements)
    if options.accept_key is not None and ours and not trust.keys_for(layout, name):
        _trust_discovered(layout, client, name, options.accept_key)
    packets: Optional[tuple[pgp.Signature, ...]] = None
    if signature is not None:
        packets = () if signature.pending else signature.packets()
    try:
        admission.reject_early(layout, subject, rule, packets)
    except VerifyError as err:
        if err.reason == "no-key" and ours and options.accept_key is None:
            err.hint += (
                ", or give --trust-keys-from-https to take the keys that discovery announces"
            )
        raise


def _trust_discovered(layout: Layout, client: Client, name: str, accept: AcceptKey) -> None:
    """Offer the keys that discovery announces; never over an unchecked connection by itself."""
    if client.insecure & {"tls", "http"} and "pubkey" not in client.insecure:
        return
    for prefix, url in discover.find_keys(client, name):
        armoured = client.get(url, SMALL_KEY)
        info = trust.inspect_key(armoured, f"key {url}")
        keyfit.require(info)
        if accept(info, prefix, url):
            keyfit.admit_key(layout, armoured, prefix=prefix, location=url)
