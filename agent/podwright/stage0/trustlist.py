# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole trust store as people want to see it: every key file, whose it is, and what masks it."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.names import within_prefix
from podwright.stage0 import trust, trustring
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.trust import KeyInfo, ListedKey


@value
class Row:
    """One key file.

    scope      `system` (shipped) or `local` (the administrator's)
    masked_by  the file that makes it count for nothing, "" when it counts
    masked_for longer prefixes for which alone it is masked
    info       what the key says of itself; None for a mask, which holds no key
    problem    why the file cannot be read, "" when it can
    """

    scope: str
    key: ListedKey
    masked_by: str
    masked_for: tuple[str, ...]
    info: Optional[KeyInfo]
    problem: str


def rows(layout: Layout) -> list[Row]:
    """Every file of the trust store in the order in which they are read.

    Raises TrustError, naming it, for a file or directory that is not in order.
    """
    listed = [(_rank(layout, key), key) for key in trust.list_keys(layout)]
    listed.sort(key=lambda item: (item[0], item[1].fingerprint))
    out = []
    for rank, key in listed:
        masks = [
            (other.prefix, other.path)
            for at, other in listed
            if other.state == "masked" and other.fingerprint == key.fingerprint and at > rank
        ]
        whole = [path for prefix, path in masks if _covers(prefix, key.prefix)]
        part = tuple(
            dict.fromkeys(prefix for prefix, _ in masks if not _covers(prefix, key.prefix))
        )
        part = tuple(prefix for prefix in part if _covers(key.prefix, prefix))
        scope = "local" if _place(layout, key) % 2 else "system"
        info, problem = _info(key) if key.state == "trusted" else (None, "")
        out.append(Row(scope, key, whole[-1] if whole else "", part, info, problem))
    return out


def _rank(layout: Layout, key: ListedKey) -> tuple[int, int, int]:
    """Place in the order of evaluation: root before prefix, system before local, short first."""
    depth = key.prefix.count("/") + 1 if key.prefix else 0
    return (1 if key.prefix else 0), _place(layout, key), depth


def _place(layout: Layout, key: ListedKey) -> int:
    """In which trust root a key lies: shipped ones have even numbers, the administrator's odd ones."""
    roots = layout.trust_dirs()
    return next(at for at, root in enumerate(roots) if key.path.startswith(f"{root}/"))


def _covers(prefix: str, other: str) -> bool:
    """Whether what is said for `prefix` ("": for all names) also concerns all names of `other`.

    Keys of images and of fleets have nothing to do with each other.
    """
    if prefix.startswith(trustring.PULL) != other.startswith(trustring.PULL):
        return False
    return not prefix or (bool(other) and within_prefix(other, prefix))


def _info(key: ListedKey) -> tuple[Optional[KeyInfo], str]:
    try:
        data = _content(key.path)
        info = trust.inspect_key(data, "the file")
    except UsageError as err:
        return None, err.message
    if info.fingerprint != key.fingerprint:
        return None, f"the file holds the key {info.fingerprint.upper()}"
    return info, ""


def _content(path: str) -> bytes:
    base, _, below = path.rpartition("/trustedkeys/")
    directory, _, name = below.rpartition("/")
    found = list(trustring.key_files(f"{base}/trustedkeys", directory, name))
    return found[0][2] if found else b""


def as_json(row: Row) -> dict[str, Any]:
    """One object of `trust list --format=json`; an empty prefix stands for every image."""
    info = row.info
    return {
        "scope": row.scope,
        "prefix": row.key.prefix,
        "fingerprint": row.key.fingerprint,
        "state": "masked" if row.masked_by else "mask" if row.key.state == "masked" else "trusted",
        "identities": list(info.user_ids) if info else [],
        "algorithm": algorithm(info) if info else "",
        "created": info.created if info else "",
        "expires": info.expires if info else "",
        "key_state": info.state if info else "",
        "file": row.key.path,
        "masked_by": row.masked_by,
        "masked_for": list(row.masked_for),
        "problem": row.problem,
    }


def algorithm(info: KeyInfo) -> str:
    """`EdDSA`, `RSA 4096`."""
    return f"{info.algo} {info.bits}" if info.algo in ("RSA", "DSA", "ElGamal") else info.algo
