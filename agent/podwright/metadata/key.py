# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key of signatures: one per host and boot, made when it is first needed, for root only."""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import b64encode

from podwright import jsonio
from podwright.errors import PodwrightError
from podwright.host import clock
from podwright.kernel import fs

KEY_BYTES = 64
"""The block of SHA-512 is longer, its output is not."""


class Key:
    """Signs for pods. What is signed is a pod's UUID, 16 bytes, and after it the content."""

    def __init__(self, directory: str) -> None:
        self._path = f"{directory}/key"
        self._key = b""

    def sign(self, uuid: str, content: bytes) -> bytes:
        """HMAC-SHA512 in base64."""
        if not self._key:
            self._key = self._read() or self._make()
        signed = bytes.fromhex(uuid.replace("-", "")) + content
        return b64encode(hmac.new(self._key, signed, hashlib.sha512).digest())

    def verify(self, uuid: str, content: bytes, signature: bytes) -> bool:
        """Whether `sign` gave this signature for that pod."""
        return hmac.compare_digest(self.sign(uuid, content), signature)

    def _read(self) -> bytes:
        """The key of this boot, or b""."""
        try:
            with open(self._path, "rb") as file:
                raw = jsonio.loads(file.read(4096), self._path)
            key = bytes.fromhex(raw["key"]) if raw["boot"] == clock.boot_id() else b""
        except (OSError, PodwrightError, KeyError, TypeError, ValueError):
            return b""
        return key if len(key) == KEY_BYTES else b""

    def _make(self) -> bytes:
        key = os.urandom(KEY_BYTES)
        data = jsonio.dumps({"boot": clock.boot_id(), "key": key.hex()}).encode()
        fs.write_atomic(self._path, data, 0o600, durable=False)
        return key
