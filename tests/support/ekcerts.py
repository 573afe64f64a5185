# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A maker of TPMs: an authority, one below it, and certificates of endorsement keys, good ones and bad ones."""

from __future__ import annotations

import datetime
from typing import Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.x509.oid import NameOID, ObjectIdentifier

EK_USE = "2.23.133.8.1"
SINCE = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
UNTIL = datetime.datetime(2035, 1, 1, tzinfo=datetime.timezone.utc)
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Maker:
    """`root` and `between` are PEM; `certificate()` is DER, of an endorsement key by `between`."""

    def __init__(self, key: CertificateIssuerPublicKeyTypes) -> None:
        self.key = key
        self._root_key, self._key, self._weak, self._old = (
            ec.generate_private_key(ec.SECP256R1()) for _each in range(4)
        )
        root = self._authority("root", self._root_key)
        self.root = root.public_bytes(PEM)
        self.between = self._authority("between", self._key).public_bytes(PEM)
        weak = self._authority("weak", self._weak, authority=False)
        old = self._authority("old", self._old, until=SINCE + datetime.timedelta(days=1))
        self.others = (weak.public_bytes(PEM), old.public_bytes(PEM))

    def _authority(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        authority: bool = True,
        until: datetime.datetime = UNTIL,
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name("root"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(SINCE)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .sign(self._root_key, hashes.SHA256())
        )

    def certificate(
        self,
        *,
        other_key: bool = False,
        since: datetime.datetime = SINCE,
        until: datetime.datetime = UNTIL,
        authority: bool = False,
        use: Optional[str] = EK_USE,
        by_itself: bool = False,
        weak_issuer: bool = False,
        old_issuer: bool = False,
    ) -> bytes:
        """A certificate of the endorsement key, as the TCG's profile has it, or with one thing wrong."""
        name, signer = "between", self._key
        if weak_issuer:
            name, signer = "weak", self._weak
        if old_issuer:
            name, signer = "old", self._old
        if by_itself:
            name, signer = "itself", ec.generate_private_key(ec.SECP256R1())
        made = x509.DirectoryName(_name("id:49424d00"))  # of whom the TPM is, by the TCG's registry
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(_name(name))
            .public_key(self._weak.public_key() if other_key else self.key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([made]), critical=True)
        )
        if use is not None:
            uses = x509.ExtendedKeyUsage([ObjectIdentifier(use)])
            builder = builder.add_extension(uses, critical=False)
        return builder.sign(signer, hashes.SHA256()).public_bytes(DER)
