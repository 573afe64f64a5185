# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a TPM as bytes: the templates that ours are made of, and what their public parts say. Pure.

Structures and numbers are those of the TPM 2.0 library specification, part 2; the template of the
endorsement key is L-1 of the TCG's EK credential profile.
"""

from __future__ import annotations

from base64 import b64encode

from podwright.errors import HostError
from podwright.model.measured import digest
from podwright.values import value

AK_ECC, AK_RSA, EK = "ak-ecc", "ak-rsa", "ek"
CERTIFICATE = 0x01C00002
"""Where a TPM keeps the certificate of that endorsement key, if its maker has left one."""
_ECC = 0x0023
_SHA256 = "000b"
_AK = "00050472"
"""fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign.

Without noDA each loss of power after a use counts as a wrong password, until the TPM locks the key up.
"""
_EK = "000300b2"
"""fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt."""
_EK_POLICY = "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
TEMPLATES = {
    AK_ECC: bytes.fromhex(f"0023{_SHA256}{_AK}000000100018000b0003001000000000"),
    AK_RSA: bytes.fromhex(f"0001{_SHA256}{_AK}000000100014000b0800000000000000"),
    EK: bytes.fromhex(f"0001{_SHA256}{_EK}0020{_EK_POLICY}00060080004300100800000000000100")
    + bytes(256),
}
"""TPMT_PUBLIC of each; the unique part is empty, or, of L-1, zeros."""


@value
class PublicKey:
    """The public part of a key.

    area  TPMT_PUBLIC
    """

    area: bytes

    @property
    def name(self) -> str:
        """What the TPM calls it: the hash's algorithm and the hash of its public area, hex."""
        return f"{_SHA256}{digest(self.area)}"

    @property
    def sized(self) -> bytes:
        """TPM2B_PUBLIC"""
        return len(self.area).to_bytes(2, "big") + self.area

    @property
    def pem(self) -> str:
        """SubjectPublicKeyInfo (RFC 5280), as PEM."""
        text = b64encode(_info(self.area)).decode()
        lines = [text[start : start + 64] for start in range(0, len(text), 64)]
        return "\n".join(("-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""))


def of_sized(data: bytes) -> PublicKey:
    """Of a TPM2B_PUBLIC. Raises HostError for what is none, or has a name by another hash."""
    area = data[2:]
    if len(area) < 10 or int.from_bytes(data[:2], "big") != len(area) or area[2:4].hex() != _SHA256:
        raise HostError("the TPM has answered with no public key", reason="tpm-failed")
    return PublicKey(area)


def to_json(key: PublicKey) -> dict[str, str]:
    """As the verbs print it."""
    return {"public": b64encode(key.sized).decode(), "name": key.name, "pem": key.pem}


def _info(area: bytes) -> bytes:
    """DER of SubjectPublicKeyInfo."""
    kind = int.from_bytes(area[:2], "big")
    rest = area[10 + int.from_bytes(area[8:10], "big") :]
    if kind == _ECC:
        x, rest = _sized(rest[10:])  # behind symmetric, scheme with its hash, curve and kdf of ours
        y, _ = _sized(rest)
        point = b"\x04" + x.rjust(32, b"\0") + y.rjust(32, b"\0")
        curve = bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107")
        return _der(0x30, _der(0x30, curve) + _der(0x03, b"\0" + point))
    modulus, _ = _sized(rest[_rsa_unique(rest) :])
    number = _der(0x02, b"\0" + modulus) + _der(0x02, b"\x01\x00\x01")
    algorithm = _der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return _der(0x30, algorithm + _der(0x03, b"\0" + _der(0x30, number)))


def _rsa_unique(parameters: bytes) -> int:
    """Where the modulus begins: behind symmetric, scheme, bits and exponent."""
    at = 2 if parameters[:2] == b"\x00\x10" else 6
    at += 2 if parameters[at : at + 2] == b"\x00\x10" else 4
    return at + 6


def _sized(data: bytes) -> tuple[bytes, bytes]:
    end = 2 + int.from_bytes(data[:2], "big")
    return data[2:end], data[end:]


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
