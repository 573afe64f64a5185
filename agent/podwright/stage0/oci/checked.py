# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest in a layer's name, when it is no SHA-256."""

from __future__ import annotations

import hashlib

from podwright.errors import VerifyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Checked:
    """A digest with another algorithm than the SHA-256 that every stream gets."""

    def __init__(self, digest: str) -> None:
        algorithm, _, self._wanted = digest.partition(":")
        self.expect = self._wanted if algorithm == "sha256" else ""
        self._hash: Any = None if self.expect else hashlib.new(algorithm)

    def pass_on(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The same chunks."""
        for chunk in chunks:
            if self._hash is not None:
                self._hash.update(chunk)
            yield chunk

    def check(self, what: str) -> None:
        """Raise VerifyError unless what passed has the digest."""
        if self._hash is not None and self._hash.hexdigest() != self._wanted:
            raise VerifyError(
                f"{what} has another digest than its name", "fetch it again", reason="wrong-digest"
            )
