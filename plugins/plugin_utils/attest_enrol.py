# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make sure that a host's attestation key is in a TPM that somebody vouches for.

Two steps: who says that the endorsement key is that of a TPM, and, by a secret that only that TPM
opens, that the attestation key is in the same one.
"""

from __future__ import annotations

import base64
import datetime
import hmac
import os
from collections.abc import Sequence
from typing import NamedTuple, Optional

from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    attest_answer,
    tpm_certificate,
    tpm_credential,
    tpm_keys,
    tpm_structures,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_failure import Failure
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_pins import Pin
from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_credential import Credential
from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_structures import (
    Public,
    TpmError,
)


class Trust(NamedTuple):
    """By what an endorsement key is believed to be a TPM's.

    authorities  files with certificates of makers
    key          its name, known from elsewhere
    first_use    whatever it is
    """

    authorities: Sequence[bytes]
    key: Optional[str]
    first_use: bool

    def check(self) -> None:
        """There must be something to believe by. Raises Failure."""
        if not self.authorities and self.key is None and not self.first_use:
            raise Failure(
                "nothing says that the endorsement key is that of a TPM",
                "bad-input",
                "input",
                "ca_certificates",
                "give ca_certificates of the TPMs' makers, or the host's endorsement_key, or, in a"
                " network that you trust, first_use: true",
            )


class Keys(NamedTuple):
    """Keys of a TPM that is believed to be one; not yet that both are of the same."""

    attestation: Public
    endorsement: Public
    certificate: str
    by: str

    def pin(self, now: datetime.datetime) -> Pin:
        """What is written down when that is known, too."""
        return Pin(
            tpm_keys.fingerprint(self.attestation),
            tpm_keys.fingerprint(self.endorsement),
            self.certificate,
            self.by,
            now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )


class Challenge(NamedTuple):
    """A secret, and how it is sent."""

    secret: bytes
    credential: Credential

    def as_options(self) -> tuple[str, str]:
        """What the agent is called with, in base64."""
        return (
            base64.b64encode(self.credential.blob).decode(),
            base64.b64encode(self.credential.secret).decode(),
        )

    def check(self, text: str) -> None:
        """The answer must be the secret. Raises TpmError."""
        if not hmac.compare_digest(attest_answer.credential(text), self.secret):
            raise TpmError(
                "the host could not open the secret that was made for its TPM: its attestation key is"
                " not in the TPM of its endorsement key",
                "not-activated",
            )


def keys(text: str, trust: Trust, now: datetime.datetime | None = None) -> Keys:
    """The keys in an answer, if they are what they have to be. Raises TpmError."""
    answer = attest_answer.keys(text)
    attestation = tpm_structures.public(answer.attestation)
    lacks = tpm_keys.lacks(attestation)
    if lacks:
        raise TpmError(f"the key is no attestation key: it {' and '.join(lacks)}", "key-unfit")
    endorsement = tpm_structures.public(answer.endorsement)
    lacks = tpm_credential.lacks(endorsement)
    if lacks:
        raise TpmError(f"the key is no endorsement key: it {' and '.join(lacks)}", "key-unfit")
    name = tpm_keys.fingerprint(endorsement)
    if trust.key is not None and trust.key != name:
        raise TpmError(
            f"the host's endorsement key is {name}, and not {trust.key}", "endorsement-unknown"
        )
    if not trust.authorities:
        by = "first_use" if trust.key is None else "endorsement_key"
        return Keys(attestation, endorsement, "", by)
    certificate = _certified(answer.certificate, endorsement, trust.authorities, now)
    return Keys(attestation, endorsement, certificate, "certificate")


def _certified(
    content: bytes, key: Public, files: Sequence[bytes], now: datetime.datetime | None
) -> str:
    if not content:
        raise TpmError(
            "the host's TPM has no certificate of its endorsement key; give its endorsement_key in"
            " place of ca_certificates",
            "no-certificate",
        )
    found = tpm_certificate.endorsement(content)
    tpm_certificate.check(found, key, tpm_certificate.authorities(files), now=now)
    return tpm_certificate.fingerprint(found)


def challenge(found: Keys) -> Challenge:
    """A fresh secret for the TPM of the endorsement key, if the attestation key is in it."""
    secret = os.urandom(tpm_credential.SECRET)
    name = tpm_keys.name(found.attestation)
    return Challenge(secret, tpm_credential.make(found.endorsement, name, secret))
