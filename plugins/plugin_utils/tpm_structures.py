# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a TPM says, from bytes to values: quotes, public areas of keys, signatures.

The bytes come from a host that may be in anybody's hands. So exactly one spelling of each structure
is taken: sizes are bounded, what is unknown is refused, and nothing may follow. The structures
are those of the TPM 2.0 Library specification, part 2.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Optional

GENERATED = 0xFF544347
"""TPM_GENERATED_VALUE: what a restricted key signs begins with it only when the TPM has made it."""

QUOTE = 0x8018
RSA, ECC, NULL = 0x0001, 0x0023, 0x0010
RSASSA, RSAPSS, ECDSA = 0x0014, 0x0016, 0x0018
AES, CFB = 0x0006, 0x0043
HASHES = {0x0004: "sha1", 0x000B: "sha256", 0x000C: "sha384", 0x000D: "sha512"}
SIZES = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
CURVES = {0x0003: ("P-256", 32), 0x0004: ("P-384", 48), 0x0005: ("P-521", 66)}

ATTRIBUTES = {
    "fixedtpm": 1 << 1,
    "stclear": 1 << 2,
    "fixedparent": 1 << 4,
    "sensitivedataorigin": 1 << 5,
    "userwithauth": 1 << 6,
    "adminwithpolicy": 1 << 7,
    "noda": 1 << 10,
    "encryptedduplication": 1 << 11,
    "restricted": 1 << 16,
    "decrypt": 1 << 17,
    "sign": 1 << 18,
    "x509sign": 1 << 19,
}
"""Names of the bits of TPMA_OBJECT."""

_LONGEST = 4096
"""Bytes of the largest structure that is looked at; a key of 4096 bits has 600."""


class TpmError(ValueError):
    """Bytes that are not what they should be; `reason` is one stable word for it."""

    def __init__(self, message: str, reason: str = "malformed") -> None:
        super().__init__(message)
        self.reason = reason


class Selection(NamedTuple):
    """PCRs of one bank."""

    bank: str
    pcrs: tuple[int, ...]


class Quote(NamedTuple):
    """TPMS_ATTEST of a quote: what the TPM signs.

    clock   milliseconds that the TPM has been powered, since it was cleared
    resets  how often it was reset (a boot of the machine), restarts  how often it was resumed
    safe    whether no greater clock was ever told
    """

    signer: bytes
    nonce: bytes
    clock: int
    resets: int
    restarts: int
    safe: bool
    firmware: int
    selections: tuple[Selection, ...]
    pcr_digest: bytes


class Public(NamedTuple):
    """TPMT_PUBLIC: a key, what it may be used for, and how. `raw` are its bytes.

    scheme, scheme_hash  how it signs, None if that is chosen when it signs
    modulus, exponent    of an RSA key;  curve, x, y  of an ECC key
    symmetric_bits       of the AES key with which a storage key protects; 0 if it is none
    """

    raw: bytes
    kind: int
    name_hash: str
    attributes: int
    policy: bytes
    symmetric_bits: int
    scheme: Optional[int]
    scheme_hash: Optional[str]
    modulus: int = 0
    exponent: int = 0
    curve: str = ""
    x: int = 0
    y: int = 0


class Signature(NamedTuple):
    """TPMT_SIGNATURE. `data` of an RSA key, `r` and `s` of an ECC key."""

    scheme: int
    hash: str
    data: bytes = b""
    r: int = 0
    s: int = 0


def whole(found: object) -> bool:
    """Whether something from JSON is a whole number, which `true` is not."""
    return isinstance(found, int) and not isinstance(found, bool)


class Reader:
    """Takes a structure's fields off its bytes; `what` is what errors call it."""

    def __init__(self, data: bytes, what: str) -> None:
        if len(data) > _LONGEST:
            raise TpmError(f"{what} has {len(data)} bytes, more than any TPM writes")
        self._data, self._at, self._what = data, 0, what

    def take(self, count: int) -> bytes:
        """So many bytes."""
        end = self._at + count
        if end > len(self._data):
            raise self.wrong("ends too early")
        self._at, start = end, self._at
        return self._data[start:end]

    def number(self, size: int) -> int:
        """An unsigned number of so many bytes."""
        return int.from_bytes(self.take(size), "big")

    def sized(self, limit: int) -> bytes:
        """A TPM2B: a size of two bytes, and so many bytes."""
        size = self.number(2)
        if size > limit:
            raise self.wrong(f"has a field of {size} bytes where {limit} are the most")
        return self.take(size)

    def hash(self) -> str:
        """The name of a hash algorithm."""
        found = self.number(2)
        if found not in HASHES:
            raise self.wrong(f"names hash algorithm {found:#06x}, which is not supported")
        return HASHES[found]

    def done(self) -> None:
        """Nothing may be left."""
        left = len(self._data) - self._at
        if left:
            raise self.wrong(f"has {left} bytes too many")

    def wrong(self, how: str) -> TpmError:
        """The error for this structure."""
        return TpmError(f"{self._what} {how}")


def quote(data: bytes) -> Quote:
    """A TPMS_ATTEST that is a quote. Raises TpmError."""
    reader = Reader(data, "the quote")
    if reader.number(4) != GENERATED:
        raise TpmError("what was signed was not made by a TPM", "not-generated")
    kind = reader.number(2)
    if kind != QUOTE:
        raise TpmError(f"what the TPM signed is no quote (type {kind:#06x})", "not-a-quote")
    signer, nonce = reader.sized(2 + 64), reader.sized(2 + 64)
    clock, resets, restarts = reader.number(8), reader.number(4), reader.number(4)
    safe = reader.number(1)
    if safe > 1:
        raise reader.wrong("has a flag that is neither yes nor no")
    firmware = reader.number(8)
    selections = _selections(reader)
    digest = reader.sized(64)
    reader.done()
    return Quote(signer, nonce, clock, resets, restarts, safe == 1, firmware, selections, digest)


def _selections(reader: Reader) -> tuple[Selection, ...]:
    """A TPML_PCR_SELECTION, without banks of which nothing is selected."""
    count = reader.number(4)
    if count > 16:
        raise reader.wrong(f"selects {count} banks of PCRs")
    found = []
    for _each in range(count):
        bank, size = reader.hash(), reader.number(1)
        if size > 4:
            raise reader.wrong(f"has a selection of {size} bytes")
        bits = int.from_bytes(reader.take(size), "little")
        if bits:
            found.append(Selection(bank, tuple(n for n in range(8 * size) if bits >> n & 1)))
    return tuple(found)


def public(data: bytes) -> Public:
    """A TPMT_PUBLIC, or a TPM2B_PUBLIC, which has a size before it. Raises TpmError."""
    if len(data) >= 2 and struct.unpack(">H", data[:2])[0] == len(data) - 2:
        data = data[2:]
    reader = Reader(data, "the public area of the key")
    kind, name_hash = reader.number(2), reader.hash()
    if kind not in (RSA, ECC):
        raise reader.wrong(f"is of type {kind:#06x}, neither RSA nor ECC")
    attributes, policy = reader.number(4), reader.sized(64)
    symmetric = _symmetric(reader)
    scheme, scheme_hash = _scheme(reader)
    common = (data, kind, name_hash, attributes, policy, symmetric, scheme, scheme_hash)
    found = _rsa(reader, common) if kind == RSA else _ecc(reader, common)
    reader.done()
    return found


_Common = tuple[bytes, int, str, int, bytes, int, Optional[int], Optional[str]]


def _symmetric(reader: Reader) -> int:
    """TPMT_SYM_DEF_OBJECT: only what storage keys have, AES in CFB mode."""
    algorithm = reader.number(2)
    if algorithm == NULL:
        return 0
    bits, mode = reader.number(2), reader.number(2)
    if (algorithm, mode) != (AES, CFB) or bits not in (128, 192, 256):
        raise reader.wrong("protects with another cipher than AES in CFB mode")
    return bits


def _scheme(reader: Reader) -> tuple[Optional[int], Optional[str]]:
    scheme = reader.number(2)
    if scheme == NULL:
        return None, None
    if scheme not in (RSASSA, RSAPSS, ECDSA):
        raise reader.wrong(f"has scheme {scheme:#06x}, which is not supported")
    return scheme, reader.hash()


def _rsa(reader: Reader, common: _Common) -> Public:
    bits, exponent = reader.number(2), reader.number(4) or 65537
    raw = reader.sized(512)
    modulus = int.from_bytes(raw, "big")
    if bits not in (2048, 3072, 4096) or modulus.bit_length() != bits or len(raw) * 8 != bits:
        raise reader.wrong(f"is an RSA key of {modulus.bit_length()} bits")
    return Public(*common, modulus=modulus, exponent=exponent)


def _ecc(reader: Reader, common: _Common) -> Public:
    curve = reader.number(2)
    if curve not in CURVES:
        raise reader.wrong(f"is on curve {curve:#06x}, which is not supported")
    if reader.number(2) != NULL:
        raise reader.wrong("has a key derivation of its own")
    name, size = CURVES[curve]
    x, y = (int.from_bytes(reader.sized(size), "big") for _axis in "xy")
    return Public(*common, curve=name, x=x, y=y)


def signature(data: bytes) -> Signature:
    """A TPMT_SIGNATURE. Raises TpmError."""
    reader = Reader(data, "the signature")
    scheme = reader.number(2)
    if scheme not in (RSASSA, RSAPSS, ECDSA):
        raise reader.wrong(f"has scheme {scheme:#06x}, which is not supported")
    hash_name = reader.hash()
    if scheme == ECDSA:
        r, s = (int.from_bytes(reader.sized(66), "big") for _part in "rs")
        found = Signature(scheme, hash_name, r=r, s=s)
    else:
        found = Signature(scheme, hash_name, data=reader.sized(512))
    reader.done()
    return found
