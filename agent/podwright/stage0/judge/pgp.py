# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP packets, just enough to look before gpg does (RFC 4880, RFC 9580).

What is read here is never trusted: it decides which signatures are worth a download, refuses
what is not a list of detached signatures, and gives a key file its fingerprint. Whether a
signature is good is for gpg alone to say (`stage0/judge/verify.py`). gpg is handed the packets that
were read here, never the armour around them.
"""

from __future__ import annotations

import binascii
import re

from podwright.errors import VerifyError
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SIGNATURE_BYTES = 4 * 1024 * 1024
MAX_SIGNATURES = 8
MAX_KEY_BYTES = 1024 * 1024
MAX_KEY_PACKETS = 10_000

SIGNATURE, SECRET_KEY, PUBLIC_KEY, SECRET_SUBKEY, PUBLIC_SUBKEY = 2, 5, 6, 7, 14
_MARKER, _TRUST, _PADDING = 10, 12, 21
_KEY_PARTS = (SIGNATURE, PUBLIC_SUBKEY, 13, 17, _TRUST, _MARKER, _PADDING)

_HEADER = re.compile(rb"-----BEGIN PGP ([A-Z ]{3,40})-----\Z")
_KEY_VALUE = re.compile(rb"[A-Za-z][A-Za-z0-9-]*: ?[^\x00-\x08\x0a-\x1f]*\Z")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}\Z")
_CHECKSUM = re.compile(rb"=[A-Za-z0-9+/]{4}\Z")

ALGORITHMS = {
    1: "RSA",
    2: "RSA",
    3: "RSA",
    16: "ElGamal",
    17: "DSA",
    18: "ECDH",
    19: "ECDSA",
    22: "EdDSA",
}


@value
class Signature:
    """What a signature packet says of itself.

    kind        signature class: 0x00 is a detached signature over binary data
    issuers     fingerprints (40 upper-case hex) or key IDs (16) named as issuer; may be empty
    packet      the whole packet, header included
    """

    version: int
    kind: int
    algorithm: int
    digest: int
    issuers: tuple[str, ...]
    packet: bytes


@value
class PublicKey:
    """A primary key or subkey: fingerprint in upper-case hex, size in bits (0: not RSA or DSA)."""

    fingerprint: str
    algorithm: int
    bits: int
    created: int


@value
class KeyBlock:
    """One primary key with its subkeys.

    packets  the block without armour and without trust packets, in which gpg would believe
             that signatures on the key have been checked already
    """

    primary: PublicKey
    subkeys: tuple[PublicKey, ...]
    packets: bytes

    def names(self) -> frozenset[str]:
        """Every fingerprint and every 16-digit key ID by which a signature may name this key."""
        prints = [key.fingerprint for key in (self.primary, *self.subkeys)]
        return frozenset(prints + [text[-16:] for text in prints])


class Malformed(VerifyError):
    """Not the OpenPGP data that was expected; the message lacks the name of the file."""

    reason = "not-openpgp"


def signatures(data: bytes) -> tuple[Signature, ...]:
    """The detached signatures in a signature file, armoured or binary.

    Raises Malformed when it holds anything else, none, or more than MAX_SIGNATURES.
    """
    if len(data) > MAX_SIGNATURE_BYTES:
        raise Malformed(f"is larger than {MAX_SIGNATURE_BYTES} bytes")
    if not data.strip():
        raise Malformed("is empty")
    found: list[Signature] = []
    for tag, body, packet in packets(data if data[0] & 0x80 else dearmour(data, b"SIGNATURE")):
        if tag in (_MARKER, _PADDING):
            continue
        if tag != SIGNATURE:
            raise Malformed(
                f"is not a detached signature (it holds an OpenPGP packet of type {tag})"
            )
        if len(found) == MAX_SIGNATURES:
            raise Malformed(f"holds more than {MAX_SIGNATURES} signatures")
        found.append(_signature(body, packet))
    if not found:
        raise Malformed("holds no signature")
    return tuple(found)


def key_block(data: bytes) -> KeyBlock:
    """The one public key in an armoured key file.

    Raises Malformed for several keys, secret keys, old key versions, binary files.
    """
    _check_size(data)
    blocks = _key_blocks(dearmour(data, b"PUBLIC KEY BLOCK"))
    if len(blocks) != 1:
        raise Malformed("does not hold exactly one public key")
    return blocks[0]


def key_ring(data: bytes) -> tuple[KeyBlock, ...]:
    """The public keys in a keyring file: binary, or armoured blocks with any text between them.

    Raises Malformed; also for a file without a key.
    """
    _check_size(data)
    if data and data[0] & 0x80:
        return _key_blocks(data)
    begin, end = b"-----BEGIN PGP PUBLIC KEY BLOCK-----", b"-----END PGP PUBLIC KEY BLOCK-----"
    found: list[KeyBlock] = []
    for part in data.split(begin)[1:]:
        body, marker, _ = part.partition(end)
        found += _key_blocks(dearmour(begin + body + marker, b"PUBLIC KEY BLOCK"))
    if not found:
        raise Malformed("holds no public key")
    return tuple(found)


def _check_size(data: bytes) -> None:
    if len(data) > MAX_KEY_BYTES:
        raise Malformed(f"is larger than {MAX_KEY_BYTES} bytes")


def _key_blocks(data: bytes) -> tuple[KeyBlock, ...]:
    """Each primary key with what follows it."""
    blocks: list[tuple[list[PublicKey], list[bytes]]] = []
    for number, (tag, body, packet) in enumerate(packets(data)):
        if tag in (SECRET_KEY, SECRET_SUBKEY):
            raise Malformed("holds a secret key")
        if number > MAX_KEY_PACKETS:
            raise Malformed(f"holds more than {MAX_KEY_PACKETS} packets")
        if tag == PUBLIC_KEY:
            blocks.append(([], []))
        elif not blocks:
            raise Malformed("does not begin with a public key")
        keys, kept = blocks[-1]
        if tag in (PUBLIC_KEY, PUBLIC_SUBKEY):
            keys.append(_public_key(body))
        elif tag not in _KEY_PARTS:
            raise Malformed(f"holds an OpenPGP packet of type {tag}, which no public key has")
        if tag not in (_TRUST, _MARKER, _PADDING):
            kept.append(packet)
    if not blocks:
        raise Malformed("holds no public key")
    return tuple(KeyBlock(keys[0], tuple(keys[1:]), b"".join(kept)) for keys, kept in blocks)


def dearmour(data: bytes, kind: bytes) -> bytes:
    """The bytes in the one armoured block that `data` is; nothing may stand around it."""
    lines = [line.rstrip(b" \t\r") for line in data.strip(b" \t\r\n").split(b"\n")]
    head = _HEADER.match(lines[0])
    if not head:
        raise Malformed("is not ASCII-armoured OpenPGP data")
    if head.group(1) != kind:
        found = head.group(1).decode().lower()
        raise Malformed(f"is not a {kind.decode().lower()} but a {found}")
    if len(lines) < 3 or lines[-1] != b"-----END PGP " + kind + b"-----":
        raise Malformed("has no end line, or something behind it")
    start = 1
    while start < len(lines) - 1 and _KEY_VALUE.match(lines[start]):
        start += 1
    if lines[start] == b"":
        start += 1
    elif start > 1:
        raise Malformed("has no empty line after its armour headers")
    body = lines[start:-1]
    if body and _CHECKSUM.match(body[-1]):
        body.pop()
    joined = b"".join(body)
    if not _BASE64.match(joined):
        raise Malformed("has armour with characters that are not base64")
    try:
        return binascii.a2b_base64(joined)
    except binascii.Error:
        raise Malformed("has armour that is not whole base64") from None


def packets(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(tag, body, whole packet) of each packet; partial and indefinite lengths are refused."""
    at = 0
    while at < len(data):
        first = data[at]
        try:
            if first & 0xC0 == 0xC0:
                tag, (size, head) = first & 0x3F, _new_length(data, at + 1)
            elif first & 0x80:
                width = (1, 2, 4, 0)[first & 3]
                tag, head = (first >> 2) & 0x0F, width
                size = int.from_bytes(data[at + 1 : at + 1 + width], "big") if width else len(data)
            else:
                raise Malformed("is not a series of OpenPGP packets")
        except IndexError:
            raise Malformed("ends inside a packet") from None
        begin = at + 1 + head
        end = begin + size
        if end > len(data):
            raise Malformed("ends inside a packet")
        yield tag, data[begin:end], data[at:end]
        at = end


def _new_length(data: bytes, at: int) -> tuple[int, int]:
    """(body length, bytes of the length field) of a new-format packet."""
    one = data[at]
    if one < 192:
        return one, 1
    if one < 224:
        return ((one - 192) << 8) + data[at + 1] + 192, 2
    if one < 255:
        raise Malformed("holds a packet in parts, which a signature or key never is")
    return int.from_bytes(data[at + 1 : at + 5], "big"), 5


def _signature(body: bytes, packet: bytes) -> Signature:
    try:
        if body[0] != 4:
            return Signature(body[0], -1, 0, 0, (), packet)
        hashed = int.from_bytes(body[4:6], "big")
        rest = 6 + hashed
        unhashed = int.from_bytes(body[rest : rest + 2], "big")
        issuers = _issuers(body[6:rest]) + _issuers(body[rest + 2 : rest + 2 + unhashed])
        return Signature(body[0], body[1], body[2], body[3], tuple(dict.fromkeys(issuers)), packet)
    except IndexError:
        raise Malformed("holds a signature that is cut short") from None


def _issuers(area: bytes) -> list[str]:
    """Issuer key IDs (subpacket 16) and v4 issuer fingerprints (33) of a subpacket area."""
    out = []
    at = 0
    while at < len(area):
        size, head = _new_length(area, at) if area[at] < 192 or area[at] == 255 else _two(area, at)
        begin = at + head
        if size < 1 or begin + size > len(area):
            raise Malformed("holds a signature whose fields overlap its end")
        kind, content = area[begin] & 0x7F, area[begin + 1 : begin + size]
        if kind == 16 and len(content) == 8:
            out.append(content.hex().upper())
        elif kind == 33 and len(content) == 21 and content[0] == 4:
            out.append(content[1:].hex().upper())
        at = begin + size
    return out


def _two(area: bytes, at: int) -> tuple[int, int]:
    """Subpackets use two-byte lengths up to 254, where packets have partial ones (5.2.3.1)."""
    return ((area[at] - 192) << 8) + area[at + 1] + 192, 2


def _public_key(body: bytes) -> PublicKey:
    if len(body) < 8 or body[0] != 4:
        raise Malformed(
            f"holds a key of version {body[0] if body else 0}; only version 4 is accepted"
        )
    from hashlib import sha1

    framed = b"\x99" + len(body).to_bytes(2, "big") + body
    fingerprint = sha1(framed, usedforsecurity=False).hexdigest().upper()
    algorithm = body[5]
    bits = int.from_bytes(body[6:8], "big") if algorithm in (1, 2, 3, 16, 17) else 0
    return PublicKey(fingerprint, algorithm, bits, int.from_bytes(body[1:5], "big"))
