# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys of TPMs: their names, what an attestation key must be, and whether a quote is signed by it."""

from __future__ import annotations

import hashlib
from typing import Union

from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_structures import (
    ATTRIBUTES,
    ECC,
    ECDSA,
    HASHES,
    RSAPSS,
    Public,
    Signature,
    TpmError,
)

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
except ImportError:
    HAS_CRYPTOGRAPHY = False
else:
    HAS_CRYPTOGRAPHY = True

Key = Union["rsa.RSAPublicKey", "ec.EllipticCurvePublicKey"]

_HASH = "sha256"
"""What all attestation keys of podwright sign with; a quote's own digests are of the same kind."""

_NUMBERS = {name: number for number, name in HASHES.items()}

_MUST = ("fixedtpm", "fixedparent", "sensitivedataorigin", "restricted", "sign")
_MUST_NOT = ("decrypt", "x509sign", "encryptedduplication")


def name(key: Public) -> bytes:
    """A key's name: its name algorithm and the hash of its public area (part 1, 16)."""
    digest = hashlib.new(key.name_hash, key.raw).digest()
    return _NUMBERS[key.name_hash].to_bytes(2, "big") + digest


def fingerprint(key: Public) -> str:
    """A key's name as people compare it, in hexadecimal."""
    return name(key).hex()


def public_key(key: Public) -> Key:
    """The key as `cryptography` has it. Raises TpmError if it is none."""
    try:
        if key.kind == ECC:
            return ec.EllipticCurvePublicNumbers(key.x, key.y, _curve(key.curve)).public_key()
        return rsa.RSAPublicNumbers(key.exponent, key.modulus).public_key()
    except ValueError:
        raise TpmError("the public area is not that of a key") from None


def _curve(name: str) -> ec.EllipticCurve:
    curves: dict[str, ec.EllipticCurve] = {
        "P-256": ec.SECP256R1(),
        "P-384": ec.SECP384R1(),
        "P-521": ec.SECP521R1(),
    }
    return curves[name]


def lacks(key: Public) -> list[str]:
    """Why a key is not an attestation key, in words; empty if it is one.

    Such a key never left its TPM, which has made it, and signs nothing that the TPM has not made.
    """
    out = [f"is not {word}" for word in _MUST if not key.attributes & ATTRIBUTES[word]]
    out += [f"is {word}" for word in _MUST_NOT if key.attributes & ATTRIBUTES[word]]
    if key.name_hash == "sha1":
        out.append("has a name of SHA-1")
    if key.scheme is None:
        out.append("has no signing scheme")
    elif key.scheme_hash != _HASH:
        out.append(f"signs with {key.scheme_hash}")
    return out


def signed(key: Public, signature: Signature, data: bytes) -> bool:
    """Whether `signature` over `data` is this key's, made as the key prescribes."""
    if (signature.scheme, signature.hash) != (key.scheme, _HASH):
        return False
    found = public_key(key)
    try:
        if isinstance(found, ec.EllipticCurvePublicKey):
            if signature.scheme != ECDSA:
                return False
            encoded = utils.encode_dss_signature(signature.r, signature.s)
            found.verify(encoded, data, ec.ECDSA(hashes.SHA256()))
        else:
            found.verify(signature.data, data, _padding(signature), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _padding(signature: Signature) -> padding.AsymmetricPadding:
    if signature.scheme == RSAPSS:
        return padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
    return padding.PKCS1v15()


def digest_of(value: str) -> bytes:
    """What a quote of one PCR has for its value, which is in hexadecimal (part 3, 18.4)."""
    return hashlib.new(_HASH, bytes.fromhex(value)).digest()
