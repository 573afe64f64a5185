# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that a requirement of the policy names: files, data in the policy, or the trust store.

Whether a record still holds takes only the files' digests: nothing of OpenPGP is loaded for that.
"""

from __future__ import annotations

from podwright.stage0 import trustring
from podwright.stage0.judge import policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout
    from podwright.model.policy import Requirement
    from podwright.stage0.trust import TrustedKey
    from podwright.stage0.verdict import Subject

MAX_BYTES = 1024 * 1024
INLINE = "keyData of the policy"


def sources(requirement: Requirement) -> list[tuple[str, bytes]]:
    """(path or `INLINE`, content) of each key file. Raises PolicyError for a file that is not fine."""
    found = [(INLINE, data) for data in requirement.data]
    for path in requirement.paths:
        data = policy.read_owned(path, MAX_BYTES, policy.KEY)
        if data is None:
            raise policy.broken(
                path,
                "is named by the policy and is not there",
                "put the key there, or correct the policy",
                policy.KEY,
            )
        found.append((path, data))
    return found


def unreadable(path: str, why: str) -> policy.PolicyError:
    """The error for a file that holds no OpenPGP keys."""
    return policy.broken(
        path, why, "export the key again: gpg --armor --export FINGERPRINT", policy.KEY
    )


def digests(requirement: Requirement) -> frozenset[str]:
    """SHA-256 of each key file, as recorded with the signatures that it vouched for."""
    return frozenset(trustring.sha256(data) for _, data in sources(requirement))


def openpgp_keys(layout: Layout, subject: Subject, requirement: Requirement) -> list[TrustedKey]:
    """The OpenPGP keys that may sign for a `signedBy` requirement."""
    from podwright.stage0.judge import pgp
    from podwright.stage0.trust import TrustedKey, keys_for

    if requirement.trust_store:
        return keys_for(layout, subject.name)
    found: dict[str, TrustedKey] = {}
    for path, data in sources(requirement):
        try:
            blocks = pgp.key_ring(data)
        except pgp.Malformed as err:
            raise unreadable(path, err.message) from None
        digest = trustring.sha256(data)
        for block in blocks:
            name = block.primary.fingerprint.lower()
            key = TrustedKey(name, path, "", digest, block)
            if found.setdefault(name, key).block.packets != block.packets:
                raise policy.broken(
                    path,
                    f"holds another copy of key {name.upper()}",
                    "keep one of the two",
                    policy.KEY,
                )
    return list(found.values())
