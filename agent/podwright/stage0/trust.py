# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trust store for people and modules: list, inspect, add and remove keys.

Reading for a decision is in `stage0/trustring.py`. What is written here always lands in the
administrator's store (`<local_config>/trustedkeys`); the shipped one is masked, not changed.
"""

from __future__ import annotations

import os
import re
import stat

from podwright.errors import UsageError
from podwright.host import clock
from podwright.model.names import ac_identifier
from podwright.stage0 import trustfiles, trustring
from podwright.stage0.judge import pgp
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Optional

    from podwright.host.paths import Layout

_GIVEN = re.compile(r"[0-9A-Fa-f]{40}\Z")


@value
class TrustedKey:
    """A key that may sign images of one name; `prefix` is "" for a root key."""

    fingerprint: str
    path: str
    prefix: str
    sha256: str
    block: pgp.KeyBlock


@value
class KeyInfo:
    """What a key says of itself; text is as in the key, hence hostile: show it with `safe`.

    fingerprint  40 lower-case hex digits; subkeys: fingerprints likewise
    created, expires  RFC 3339; expires is "" for never
    state        `valid`, `expired` or `revoked`
    """

    fingerprint: str
    user_ids: tuple[str, ...]
    subkeys: tuple[str, ...]
    created: str
    expires: str
    algo: str
    bits: int
    state: str


@value
class KeyChange:
    """What adding a key did, or would do.

    before, after  {fingerprint, prefix, state: trusted|masked, sha256}, or None when the key
                   is not in the administrator's store
    """

    fingerprint: str
    prefix: str
    path: str
    changed: bool
    before: Optional[dict[str, str]]
    after: Optional[dict[str, str]]


@value
class ListedKey:
    """One file of the trust store: `state` is `trusted` or, for an empty file, `masked`."""

    fingerprint: str
    prefix: str
    path: str
    state: str
    sha256: str


def keys_for(layout: Layout, image_name: str) -> list[TrustedKey]:
    """The keys that may sign images of this name, root keys first."""
    return trusted_keys(trustring.ring(layout, image_name))


def trusted_keys(files: list[trustring.KeyFile]) -> list[TrustedKey]:
    """Read key files; each must hold exactly the key that its name says."""
    out = []
    for file in files:
        try:
            block = pgp.key_block(file.data)
        except pgp.Malformed as err:
            raise trustring.TrustError(
                f"trust store: {file.path} {err.message}",
                "replace it by the armoured public key, or remove it",
                object=file.path,
            ) from None
        if block.primary.fingerprint != file.fingerprint.upper():
            raise trustring.TrustError(
                f"trust store: {file.path} holds the key {block.primary.fingerprint}",
                "a key file is named by the fingerprint of its primary key",
                object=file.path,
            )
        digest = trustring.sha256(file.data)
        out.append(TrustedKey(file.fingerprint, file.path, file.prefix, digest, block))
    return out


def list_keys(layout: Layout) -> list[ListedKey]:
    """Every file of the trust store, shipped ones first."""
    out = []
    for base in layout.trust_dirs():
        fleets = [
            (below, trustring.PULL + name)
            for below, name in _prefix_dirs(base, "pull.d", "")
            if base in layout.fleet_trust_dirs()
        ]
        for below, prefix in [("root.d", ""), *_prefix_dirs(base, "prefix.d", ""), *fleets]:
            for fingerprint, path, data in trustring.key_files(base, below):
                state = "trusted" if data else "masked"
                digest = trustring.sha256(data) if data else ""
                out.append(ListedKey(fingerprint, prefix, path, state, digest))
    return out


def _prefix_dirs(base: str, below: str, prefix: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    fd = trustring.open_below(base, below)
    if fd is None or depth > 128:
        return
    try:
        names = [
            name
            for name in sorted(os.listdir(fd))
            if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
        ]
    finally:
        os.close(fd)
    for name in names:
        inner = f"{prefix}/{name}" if prefix else name
        yield f"{below}/{name}", inner
        yield from _prefix_dirs(base, f"{below}/{name}", inner, depth + 1)


def inspect_key(armoured: bytes, what: str = "key") -> KeyInfo:
    """Read one armoured public key. Raises UsageError, which begins with `what`, when it is not."""
    block = _parse(armoured, what)
    from podwright.stage0.judge.gpg import Gpg

    with Gpg(block.packets) as gpg:
        listed = list(gpg.list_keys())
    if len(listed) != 1 or listed[0]["fingerprint"] != block.primary.fingerprint:
        raise UsageError(f"key {block.primary.fingerprint}: gpg cannot use it")
    key: dict[str, Any] = listed[0]
    number = int(key["algo"]) if key["algo"].isdigit() else 0
    return KeyInfo(
        fingerprint=key["fingerprint"].lower(),
        user_ids=tuple(key["uids"]),
        subkeys=tuple(subkey.fingerprint.lower() for subkey in block.subkeys),
        created=clock.rfc3339(block.primary.created),
        expires=clock.rfc3339(int(key["expires"])) if key["expires"].isdigit() else "",
        algo=pgp.ALGORITHMS.get(number, str(number)),
        bits=int(key["length"]) if key["length"].isdigit() else 0,
        state={"r": "revoked", "e": "expired"}.get(key["trust"], "valid"),
    )


def add_key(
    layout: Layout,
    armoured: bytes,
    *,
    prefix: Optional[str],
    fingerprint: Optional[str] = None,
    dry_run: bool = False,
) -> KeyChange:
    """Trust a key for a prefix (also `pull:FLEET`), or with None for every image.

    fingerprint  when given, all 40 hex digits (spaces allowed), and the key must be that one
    dry_run      only say what would change
    Adding the same bytes again changes nothing; a renewed key replaces the old file; a mask in
    the administrator's store is lifted.
    """
    block = _parse(armoured)
    own = block.primary.fingerprint.lower()
    if fingerprint is not None and _full(fingerprint) != own:
        raise UsageError(
            f"key: its fingerprint is {own.upper()}, not {safe(fingerprint, 60).upper()}",
            "get the right key, or the right fingerprint, from its owner",
            object=own,
            reason="wrong-key",
        )
    below, shown = _place(prefix)
    before = _state(layout.local_config, below, own, shown)
    after = {
        "fingerprint": own,
        "prefix": shown,
        "state": "trusted",
        "sha256": trustring.sha256(armoured),
    }
    path = f"{layout.local_config}/trustedkeys/{below}/{own}"
    if before != after and not dry_run:
        trustfiles.write(layout, below, own, armoured)
    return KeyChange(own, shown, path, before != after, before, after)


def plan_removal(layout: Layout, fingerprint: str, prefix: Optional[str]) -> KeyChange:
    """What `remove_key` would do; `before` is the shipped key where only that one is there."""
    own = _full(fingerprint)
    below, shown = _place(prefix)
    local = _state(layout.local_config, below, own, shown)
    shipped = _state(layout.system_config, below, own, shown)
    if shipped is not None and shipped["state"] == "masked":
        shipped = None
    masked = {"fingerprint": own, "prefix": shown, "state": "masked", "sha256": ""}
    after = masked if shipped else None
    path = f"{layout.local_config}/trustedkeys/{below}/{own}"
    return KeyChange(own, shown, path, local != after, local or shipped, after)


def remove_key(
    layout: Layout, fingerprint: str, prefix: Optional[str], *, dry_run: bool = False
) -> bool:
    """Stop trusting a key for a prefix (None: as a root key); whether that changed anything.

    The file in the administrator's store goes; a key that is shipped under the same prefix is
    masked by an empty file. The key may still be trusted through another prefix.
    """
    planned = plan_removal(layout, fingerprint, prefix)
    if planned.changed and not dry_run:
        below, own = directory(prefix), planned.fingerprint
        if planned.after:
            trustfiles.remove(layout, below, f".{own}.from")
            trustfiles.write(layout, below, own, b"")
        else:
            trustfiles.remove(layout, below, f".{own}.from", own)
    return planned.changed


def _parse(armoured: bytes, what: str = "key") -> pgp.KeyBlock:
    try:
        return pgp.key_block(armoured)
    except pgp.Malformed as err:
        raise UsageError(
            f"{what}: it {err.message}",
            "export it with: gpg --armor --export FINGERPRINT",
            reason=err.reason,
        ) from None


def _full(fingerprint: str) -> str:
    """A full fingerprint, lower-case; key IDs of any length are refused (threats.md T49)."""
    joined = fingerprint.replace(" ", "")
    if not _GIVEN.match(joined):
        raise UsageError(
            f"key fingerprint {safe(fingerprint, 80)!r} is not one",
            "give all 40 hexadecimal digits: gpg --show-keys --fingerprint FILE prints them",
            reason="short-fingerprint",
        )
    return joined.lower()


def directory(prefix: Optional[str]) -> str:
    """Where the keys of a prefix (None: root keys) lie, below `trustedkeys`."""
    return _place(prefix)[0]


def _place(prefix: Optional[str]) -> tuple[str, str]:
    """(directory below trustedkeys, prefix as shown)."""
    if prefix is None:
        return "root.d", ""
    if prefix.startswith(trustring.PULL):
        fleet = ac_identifier(prefix[len(trustring.PULL) :], "fleet name of the trust prefix")
        return f"pull.d/{fleet}", prefix
    ac_identifier(prefix, "trust prefix")
    return f"prefix.d/{prefix}", prefix


def _state(config: str, below: str, fingerprint: str, shown: str) -> Optional[dict[str, str]]:
    """What the trust store of a configuration directory says of a key at one place."""
    for _, _, data in trustring.key_files(f"{config}/trustedkeys", below, fingerprint):
        return {
            "fingerprint": fingerprint,
            "prefix": shown,
            "state": "trusted" if data else "masked",
            "sha256": trustring.sha256(data) if data else "",
        }
    return None
