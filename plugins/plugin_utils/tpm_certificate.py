# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates of endorsement keys: what a TPM's maker says about the TPM.

They are no certificates of servers: the subject is empty, the alternative name a directory's, so
what checks servers refuses them. Checked here: signatures up to a certificate that the operator
has given, validity, who may issue, and that it is about this key (TCG EK Credential Profile).
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TypeVar

from ansible_collections.podwright.fleet.plugins.plugin_utils import tpm_keys
from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_structures import (
    Public,
    TpmError,
)

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
except ImportError:
    pass  # the action plugin says so

_EK_USE = "2.23.133.8.1"
"""tcg-kp-EKCertificate."""

_Kind = TypeVar("_Kind", bound="x509.ExtensionType")
_DEEPEST = 6
_OLD_HASHES = ("md5", "sha1")


def authorities(files: Sequence[bytes]) -> list[x509.Certificate]:
    """Certificates in files of PEM or DER. Raises TpmError."""
    found: list[x509.Certificate] = []
    for content in files:
        found += _read(content, "a file of ca_certificates")
    return found


def endorsement(content: bytes) -> x509.Certificate:
    """An endorsement key's certificate in PEM or DER; what a TPM pads it with is cut off."""
    return _read(_unpadded(content), "the certificate of the endorsement key")[0]


def _read(content: bytes, what: str) -> list[x509.Certificate]:
    try:
        if b"-----BEGIN" in content:
            return x509.load_pem_x509_certificates(content)
        return [x509.load_der_x509_certificate(content)]
    except (ValueError, x509.InvalidVersion):
        raise TpmError(f"{what} has no certificate in PEM or DER", "bad-certificate") from None


def _unpadded(content: bytes) -> bytes:
    """DER without what follows it: an index of a TPM's memory may be longer than its certificate."""
    if content[:2] != b"\x30\x82" or len(content) < 4:
        return content
    return content[: 4 + int.from_bytes(content[2:4], "big")]


def check(
    found: x509.Certificate,
    key: Public,
    given: Sequence[x509.Certificate],
    between: Sequence[x509.Certificate] = (),
    now: datetime.datetime | None = None,
) -> None:
    """Certificate `found` must be about `key`, and lead by `between` to one of `given`.

    Raises TpmError with reason `bad-certificate`.
    """
    now = now or datetime.datetime.now(datetime.timezone.utc)
    try:
        if _certified(found) != _encoded(tpm_keys.public_key(key)):
            raise _bad("is about another key")
        _check_use(found)
        _lead(found, given, between, now)
    except TpmError:
        raise
    except Exception:
        # Much of a certificate is read only when it is asked for, and what is wrong then has errors of many kinds.
        raise _bad("has something that cannot be read") from None


def _check_use(found: x509.Certificate) -> None:
    basic = _extension(found, x509.BasicConstraints)
    if basic is not None and basic.ca:
        raise _bad("is one of an authority")
    uses = _extension(found, x509.ExtendedKeyUsage)
    if uses is not None and _EK_USE not in [use.dotted_string for use in uses]:
        raise _bad("is not for an endorsement key")


def _lead(
    found: x509.Certificate,
    given: Sequence[x509.Certificate],
    between: Sequence[x509.Certificate],
    now: datetime.datetime,
) -> None:
    """Go from issuer to issuer. A certificate that was given ends the way, whoever issued it."""
    current = found
    for depth in range(_DEEPEST):
        _check_time(current, now)
        if current in given:
            return
        issuer = _issuer(current, given, depth) or _issuer(current, between, depth)
        if issuer is None:
            raise _bad("does not lead to any of ca_certificates")
        current = issuer
    raise _bad("has too many issuers")


def _issuer(
    current: x509.Certificate, candidates: Sequence[x509.Certificate], depth: int
) -> x509.Certificate | None:
    return next((one for one in candidates if _issued(current, one, depth)), None)


def _issued(current: x509.Certificate, issuer: x509.Certificate, depth: int) -> bool:
    """Whether `issuer` may issue certificates, and has issued this one, with `depth` below it."""
    basic = _extension(issuer, x509.BasicConstraints)
    if basic is None or not basic.ca:
        return False
    if basic.path_length is not None and basic.path_length < depth:
        return False
    usage = _extension(issuer, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        return False
    algorithm = current.signature_hash_algorithm
    if algorithm is None or algorithm.name in _OLD_HASHES:
        return False
    try:
        current.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _check_time(one: x509.Certificate, now: datetime.datetime) -> None:
    if now < one.not_valid_before_utc:
        raise _bad(f"has {one.subject.rfc4514_string()[:200]!r}, which is not valid yet")
    if now > one.not_valid_after_utc:
        raise _bad(f"has {one.subject.rfc4514_string()[:200]!r}, which has expired")


def _extension(one: x509.Certificate, kind: type[_Kind]) -> _Kind | None:
    try:
        return one.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except ValueError:
        raise _bad("has extensions that cannot be read") from None


def _certified(found: x509.Certificate) -> bytes:
    try:
        key = found.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise _bad("is about a key of an unknown kind") from None
    return _encoded(key)


def _encoded(key: CertificatePublicKeyTypes) -> bytes:
    encoding, layout = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(encoding, layout)


def fingerprint(found: x509.Certificate) -> str:
    """SHA-256 of a certificate, in hexadecimal."""
    return found.fingerprint(hashes.SHA256()).hex()


def _bad(how: str) -> TpmError:
    return TpmError(f"the certificate of the endorsement key {how}", "bad-certificate")
