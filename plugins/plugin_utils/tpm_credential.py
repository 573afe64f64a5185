# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A secret that only one TPM can open, and only if it holds one certain key beside it.

That is how a controller learns that an attestation key is in the same TPM as an endorsement key:
TPM2_MakeCredential without a TPM (TPM 2.0 Library specification, part 1, 24 and annexes B.10.4,
C.6.4). The host answers with what TPM2_ActivateCredential gives it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import NamedTuple

from ansible_collections.podwright.fleet.plugins.plugin_utils import tpm_keys
from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_structures import (
    ATTRIBUTES,
    SIZES,
    Public,
    TpmError,
)

try:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
except ImportError:
    pass  # the action plugin says so

SECRET = 32
"""Bytes of the secret."""

_MUST = ("fixedtpm", "fixedparent", "sensitivedataorigin", "restricted", "decrypt")
_HASHES = ("sha256", "sha384", "sha512")


class Credential(NamedTuple):
    """What is sent to the host: a TPM2B_ID_OBJECT and a TPM2B_ENCRYPTED_SECRET."""

    blob: bytes
    secret: bytes

    def file(self) -> bytes:
        """Both as tpm2-tools keep them in a file."""
        return bytes.fromhex("badcc0de00000001") + self.blob + self.secret


def lacks(key: Public) -> list[str]:
    """Why a key cannot be an endorsement key, in words; empty if it can."""
    out = [f"is not {word}" for word in _MUST if not key.attributes & ATTRIBUTES[word]]
    if key.attributes & ATTRIBUTES["sign"]:
        out.append("is sign")
    if key.name_hash not in _HASHES:
        out.append("has a name of SHA-1")
    if not key.symmetric_bits:
        out.append("protects nothing")
    return out


def make(endorsement: Public, name: bytes, secret: bytes) -> Credential:
    """Enclose `secret` for the TPM of `endorsement` if that holds the key with this name."""
    if lacks(endorsement):
        raise TpmError(f"the endorsement key {' and '.join(lacks(endorsement))}", "bad-key")
    seed, sealed = _share_seed(endorsement)
    protect = _kdfa(endorsement.name_hash, seed, "STORAGE", name, endorsement.symmetric_bits)
    identity = _cfb(protect, _sized(secret))
    size = SIZES[endorsement.name_hash]
    integrity = _kdfa(endorsement.name_hash, seed, "INTEGRITY", b"", size * 8)
    proof = hmac.new(integrity, identity + name, endorsement.name_hash).digest()
    return Credential(_sized(_sized(proof) + identity), _sized(sealed))


def _share_seed(endorsement: Public) -> tuple[bytes, bytes]:
    """A fresh seed, and what the TPM needs to know it."""
    key = tpm_keys.public_key(endorsement)
    algorithm = _algorithm(endorsement.name_hash)
    if isinstance(key, rsa.RSAPublicKey):
        seed = os.urandom(SIZES[endorsement.name_hash])
        mask = padding.MGF1(algorithm)
        return seed, key.encrypt(seed, padding.OAEP(mask, algorithm, b"IDENTITY\0"))
    return _agree(key, endorsement.name_hash)


def _algorithm(name: str) -> hashes.HashAlgorithm:
    known: dict[str, hashes.HashAlgorithm] = {
        "sha256": hashes.SHA256(),
        "sha384": hashes.SHA384(),
        "sha512": hashes.SHA512(),
    }
    return known[name]


def _agree(key: ec.EllipticCurvePublicKey, hash_name: str) -> tuple[bytes, bytes]:
    """The seed of a key agreement with a key of our own that is used once."""
    width = (key.curve.key_size + 7) // 8
    own = ec.generate_private_key(key.curve)
    ours, theirs = own.public_key().public_numbers(), key.public_numbers()
    shared = own.exchange(ec.ECDH(), key)
    seed = _kdfe(hash_name, shared, ours.x.to_bytes(width, "big"), theirs.x.to_bytes(width, "big"))
    point = _sized(ours.x.to_bytes(width, "big")) + _sized(ours.y.to_bytes(width, "big"))
    return seed, point


def _kdfe(hash_name: str, shared: bytes, ours: bytes, theirs: bytes) -> bytes:
    """KDFe for as many bits as the hash has (part 1, 11.4.10.3)."""
    start = (1).to_bytes(4, "big")
    return hashlib.new(hash_name, start + shared + b"IDENTITY\0" + ours + theirs).digest()


def _kdfa(hash_name: str, key: bytes, label: str, context: bytes, bits: int) -> bytes:
    """KDFa: counter mode of SP 800-108 with HMAC (part 1, 11.4.10.2)."""
    out, counter = b"", 0
    fixed = label.encode() + b"\0" + context + bits.to_bytes(4, "big")
    while len(out) * 8 < bits:
        counter += 1
        out += hmac.new(key, counter.to_bytes(4, "big") + fixed, hash_name).digest()
    return out[: bits // 8]


def _cfb(key: bytes, data: bytes) -> bytes:
    """AES in CFB mode with an initial vector of zeros; `cryptography` is about to drop that mode."""
    encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    out, previous = b"", bytes(16)
    for at in range(0, len(data), 16):
        block = data[at : at + 16]
        previous = bytes(a ^ b for a, b in zip(block, encrypt.update(previous)))
        out += previous
    return out


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
