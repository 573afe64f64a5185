# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signatures of an OCI image: collected before the download, kept with the image.

They are kept as they were found, accepted or not, so that a policy that has changed meanwhile
can be asked again without network.
"""

from __future__ import annotations

import binascii

from podwright import jsonio
from podwright.errors import UsageError, VerifyError
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.host.paths import Layout
    from podwright.stage0.judge.rule import Rule
    from podwright.stage0.verdict import Subject

MAX_SIGNATURES = 8
"""Of each kind, for one image."""
MAX_SIMPLE = 4 * 1024 * 1024
MAX_STORED = 2 * MAX_SIGNATURES * MAX_SIMPLE


@value
class Sigstore:
    """One signature in cosign's layout: the payload, and the signature over it, decoded."""

    payload: bytes
    signature: bytes


@value
class SignatureBlobs:
    """What was found.

    simple    OpenPGP messages as containers-signature(5) describes them
    sigstore  signatures in cosign's layout
    searched  the places that were looked at, for the sentence that says that there are none
    """

    simple: tuple[bytes, ...] = ()
    sigstore: tuple[Sigstore, ...] = ()
    searched: tuple[str, ...] = ()


def encode(blobs: SignatureBlobs) -> bytes:
    """The content of `signatures.json`."""
    found: dict[str, Any] = {
        "format": 1,
        "simple": [_text(each) for each in blobs.simple],
        "sigstore": [
            {"payload": _text(each.payload), "signature": _text(each.signature)}
            for each in blobs.sigstore
        ],
        "searched": list(blobs.searched),
    }
    return jsonio.dumps(found).encode()


def decode(data: bytes, where: str) -> SignatureBlobs:
    """Read `signatures.json`. Raises VerifyError when it is damaged."""
    try:
        raw = jsonio.loads(data, where, limit=MAX_STORED)
        if raw["format"] != 1:
            raise ValueError("its format is newer")
        return SignatureBlobs(
            tuple(binascii.a2b_base64(each) for each in raw["simple"]),
            tuple(
                Sigstore(
                    binascii.a2b_base64(each["payload"]), binascii.a2b_base64(each["signature"])
                )
                for each in raw["sigstore"]
            ),
            tuple(str(each) for each in raw["searched"]),
        )
    except (UsageError, KeyError, TypeError, ValueError) as err:
        raise VerifyError(
            f"the stored signatures {where} are damaged ({err})",
            "remove the image and fetch it again",
            object=where,
        ) from None


def _text(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def collect(
    layout: Layout, client: Any, registry: Any, subject: Subject, rule: Rule, *, given: str = ""
) -> SignatureBlobs:
    """The signatures that the rule may ask for, from the lookaside and the registry.

    client    the transport, for lookasides; None when the image does not come from a registry
    registry  `tag_manifest(tag) -> (bytes, type) or None`, `blob(digest, limit) -> bytes`
    given     path of a simple signature that the user names, in place of a lookaside
    """
    kinds = {each.kind for each in rule.requirements if each.needs_signature}
    simple: tuple[bytes, ...] = ()
    sigstore: tuple[Sigstore, ...] = ()
    searched: list[str] = []
    if "signedBy" in kinds and given:
        simple, searched = (_given(given),), [given]
    elif "signedBy" in kinds and subject.transport == "docker":
        from podwright.stage0.judge import lookaside

        simple, where = lookaside.find(layout, client, subject)
        searched.append(where)
    if "sigstoreSigned" in kinds and subject.transport == "docker":
        from podwright.stage0.judge import sigstore as cosign

        sigstore = cosign.find(registry, subject)
        searched.append(f"the tag {cosign.tag(subject.digest)} of its repository")
    return SignatureBlobs(simple, sigstore, tuple(searched))


def _given(path: str) -> bytes:
    from podwright.stage0.web import sources

    fd = sources.open_regular(path, "signature")
    with open(fd, "rb") as file:
        data = file.read(MAX_SIMPLE + 1)
    if len(data) > MAX_SIMPLE:
        raise VerifyError(f"signature {path} is larger than {MAX_SIMPLE} bytes", object=path)
    return data
