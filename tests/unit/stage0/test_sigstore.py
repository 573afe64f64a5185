# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sigstore signatures in cosign's layout, made by openssl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import PodwrightError, VerifyError
from podwright.model.policy import Requirement, SignedIdentity
from podwright.stage0.judge import signatures, sigstore
from podwright.stage0.judge.signatures import Sigstore
from podwright.stage0.verdict import Signature, Subject
from tests.support.ocisigning import CosignKey, attachment, digest_of, payload

MANIFEST = b'{"schemaVersion":2}'
REFERENCE = "r.io/team/app:1"
SUBJECT = Subject("docker", REFERENCE, "r.io/team/app", digest_of(MANIFEST))


class Registry:
    """What `find` is given: one tag's manifest, and blobs."""

    def __init__(self, manifest: bytes, blobs: dict[str, bytes]) -> None:
        self.manifest, self.blobs = manifest, blobs
        self.asked: list[str] = []

    def tag_manifest(self, tag: str) -> tuple[bytes, str] | None:
        self.asked.append(tag)
        return (self.manifest, "") if self.manifest else None

    def blob(self, digest: str, limit: int) -> bytes:
        assert limit <= 4 << 20
        return self.blobs[digest]


def require(*keys: CosignKey, identity: str = "matchRepoDigestOrExact") -> Requirement:
    """`sigstoreSigned` by any of these keys."""
    data = tuple(key.pem for key in keys)
    return Requirement("sigstoreSigned", data=data, identity=SignedIdentity(identity))


def signed(key: CosignKey, document: bytes = b"") -> Sigstore:
    """One signature, of the right payload by default."""
    document = document or payload(SUBJECT.digest, REFERENCE)
    return Sigstore(document, key.sign(document))


def refusal(requirement: Requirement, *found: Sigstore) -> str:
    """The reason of the refusal."""
    with pytest.raises(PodwrightError) as caught:
        sigstore.verify(SUBJECT, requirement, found)
    assert "\n" not in caught.value.sentence()
    return caught.value.reason


@pytest.mark.parametrize("kind", ["P-256", "P-384", "ed25519"])
def test_a_signature_by_the_key_is_accepted_and_described(tmp_path: Path, kind: str) -> None:
    key = CosignKey(tmp_path, kind)
    (found,) = sigstore.verify(SUBJECT, require(key), (signed(key),))
    assert found.kind == "sigstore"
    assert (len(found.key), len(found.key_sha256)) == (64, 64)
    assert (found.identity, found.signed_at) == (REFERENCE, "")


def test_what_skopeo_writes_with_a_time_brings_it(tmp_path: Path) -> None:
    key = CosignKey(tmp_path)
    document = payload(SUBJECT.digest, REFERENCE, creator="x", timestamp=1_700_000_000)
    (found,) = sigstore.verify(SUBJECT, require(key), (signed(key, document),))
    assert found.signed_at.startswith("2023-11-14")


def test_cosigns_own_reference_has_no_tag_and_needs_match_repository(tmp_path: Path) -> None:
    key = CosignKey(tmp_path)
    found = signed(key, payload(SUBJECT.digest, "r.io/team/app"))
    assert sigstore.verify(SUBJECT, require(key, identity="matchRepository"), (found,))
    assert refusal(require(key), found) == "other-image"


@pytest.mark.threat("T45")
def test_one_good_signature_is_enough_in_any_order(tmp_path: Path) -> None:
    key, other = CosignKey(tmp_path), CosignKey(tmp_path)
    bad = Sigstore(payload(SUBJECT.digest, REFERENCE), b"\x30\x06\x02\x01\x01\x02\x01\x01")
    elsewhere = signed(key, payload(digest_of(b"other"), REFERENCE))
    found = (bad, signed(other), elsewhere, signed(key))
    for order in (found, tuple(reversed(found))):
        assert len(sigstore.verify(SUBJECT, require(key), order)) == 1
    assert len(sigstore.verify(SUBJECT, require(key, other), found)) == 2


@pytest.mark.threat("T48", "T49", "T56")
def test_what_is_not_signed_by_the_key_for_this_image_is_refused(tmp_path: Path) -> None:
    key, other = CosignKey(tmp_path), CosignKey(tmp_path)
    good = signed(key)
    assert refusal(require(key), signed(other)) == "not-trusted"
    assert refusal(require(key), Sigstore(good.payload + b" ", good.signature)) == "not-trusted"
    for broken in (b"", b"\0" * 64, good.signature[:-1], good.signature + b"\0"):
        assert refusal(require(key), Sigstore(good.payload, broken)) == "not-trusted"
    for document in (payload(digest_of(b"x"), REFERENCE), payload(SUBJECT.digest, "r.io/team/app:2"),
                     payload(SUBJECT.digest, "evil.io/team/app:1")):  # fmt: skip
        assert refusal(require(key), signed(key, document)) == "other-image"
    for text in (b"{}", payload(SUBJECT.digest, REFERENCE).replace(b"cosign container", b"x")):
        assert refusal(require(key), signed(key, text)) == "bad-payload"


@pytest.mark.threat("T48", "T53")
@pytest.mark.parametrize("kind", ["rsa", "P-521", "P-224", "junk", "private", "empty"])
def test_other_keys_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    good = CosignKey(tmp_path)
    pem = {
        "junk": b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "private": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "empty": b"\n",
    }.get(kind) or CosignKey(tmp_path, kind).pem
    path = tmp_path / "key.pem"
    path.write_bytes(pem)
    path.chmod(0o644)
    requirement = Requirement("sigstoreSigned", paths=(str(path),))
    with pytest.raises(VerifyError, match=str(path)) as caught:
        sigstore.verify(SUBJECT, requirement, (signed(good),))
    assert caught.value.reason == "bad-policy"


def test_the_tag_is_found_read_and_kept(tmp_path: Path) -> None:
    key = CosignKey(tmp_path)
    found = signed(key)
    registry = Registry(*attachment([(found.payload, found.signature)]))
    assert sigstore.find(registry, SUBJECT) == (found,)
    assert registry.asked == [f"sha256-{SUBJECT.digest[7:]}.sig"]
    assert sigstore.find(Registry(b"", {}), SUBJECT) == ()
    blobs = signatures.SignatureBlobs((b"\x00\xff",), (found,), ("here",))
    assert signatures.decode(signatures.encode(blobs), "signatures.json") == blobs


@pytest.mark.threat("T26", "T45")
def test_a_manifest_that_is_none_of_signatures_is_refused(tmp_path: Path) -> None:
    key = CosignKey(tmp_path)
    document = payload(SUBJECT.digest, REFERENCE)
    pair = (document, key.sign(document))
    manifest, blobs = attachment([pair])
    raw: dict[str, Any] = json.loads(manifest)
    layer = raw["layers"][0]

    def reason(changed: Any, served: dict[str, bytes] | None = None) -> str:
        data = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        with pytest.raises(PodwrightError) as caught:
            sigstore.find(Registry(data, blobs if served is None else served), SUBJECT)
        return caught.value.reason

    assert reason(b"{") == "bad-signatures"
    assert reason([]) == "bad-signatures"
    assert reason({**raw, "layers": None}) == "bad-signatures"
    assert reason({**raw, "layers": [layer] * 1001}) == "bad-signatures"
    assert reason({**raw, "layers": [{}]}) == "bad-signatures"
    assert reason({**raw, "layers": [{**layer, "digest": "sha256:../x"}]}) == "bad-signatures"
    assert reason({**raw, "layers": [{**layer, "annotations": {}}]}) == "bad-signatures"
    assert reason({**raw, "layers": [layer] * 9}) == "too-many"
    assert reason(raw, {layer["digest"]: b"other"}) == "bad-digest"
    other = {**layer, "mediaType": "application/json"}
    assert (
        sigstore.find(Registry(json.dumps({**raw, "layers": [other]}).encode(), {}), SUBJECT) == ()
    )


def test_without_the_library_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = signed(CosignKey(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "cryptography.exceptions", None)
    with pytest.raises(PodwrightError, match="not installed") as caught:
        sigstore.verify(SUBJECT, require(CosignKey(tmp_path)), (found,))
    assert "python3-cryptography" in caught.value.hint


def test_the_recorded_signature_is_plain_data() -> None:
    recorded = Signature("sigstore", "a" * 64, "b" * 64, identity=REFERENCE)
    assert Signature(**recorded.__dict__) == recorded
