# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on a container image, by its own manifest or by the index that led to it.

Tools sign either: an index vouches for its images by their digests, which were checked on the way.
"""

from __future__ import annotations

from podwright.errors import VerifyError
from podwright.stage0 import fetch
from podwright.stage0.judge import admission, signatures
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.stage0.oci.place import Opened
    from podwright.stage0.oci.source import Found
    from podwright.stage0.verdict import Subject, Verdict


@value
class Judged:
    """The verdict, what it came from, and the document that it is about, with its digest."""

    verdict: Verdict
    blobs: signatures.SignatureBlobs
    digest: str
    document: bytes


def judge(
    layout: Layout,
    opened: Opened,
    found: Found,
    subject: Subject,
    insecure: frozenset[str],
) -> Judged:
    """Judge an image before any of its layers is fetched. Raises VerifyError, PolicyError.

    subject  of the image, with any digest
    """
    lifted = tuple(word for word in fetch.FETCH_WORDS if word in insecure)
    failure: Optional[VerifyError] = None
    for digest, document in documents(found):
        about = replace(subject, digest=digest)
        try:
            blobs = collect(layout, opened, about, insecure)
            verdict = admission.judge_oci(layout, about, document, blobs, lifted)
        except VerifyError as err:
            # What is wrong with a signature says more than that another one is missing.
            if failure is None or failure.reason == "no-signature":
                failure = err
            continue
        return Judged(verdict, blobs, digest, document)
    assert failure is not None
    raise failure


def documents(found: Found) -> list[tuple[str, bytes]]:
    """(digest, bytes) of what may be signed, the image's own manifest first."""
    out = [(found.digest, found.raw_manifest)]
    return out if found.top == found.digest else [*out, (found.top, found.raw_top)]


def collect(
    layout: Layout, opened: Opened, subject: Subject, insecure: frozenset[str]
) -> signatures.SignatureBlobs:
    """The signatures that the policy may ask for; none where their check is lifted."""
    if "image" in insecure:
        return signatures.SignatureBlobs()
    rule = admission.rule_for(layout, subject)
    return admission.collect_signatures(
        layout, opened.client, opened.source, subject, rule, given=opened.signature
    )
