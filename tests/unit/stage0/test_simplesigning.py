# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simple signing: signatures made by the real skopeo and gpg, judged by policies."""

from __future__ import annotations

import bz2
import dataclasses
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import VerifyError
from podwright.host.paths import Layout
from podwright.model.policy import Requirement, SignedIdentity
from podwright.stage0.judge import pgp, policykeys, signedmessage, simplesigning
from podwright.stage0.verdict import Signature, Subject
from tests.support.gpglab import GpgLab, Key
from tests.support.ocisigning import digest_of, simple_sign

MANIFEST = b'{"schemaVersion":2,"an":"image manifest"}'
REFERENCE = "r.io/team/app:1"
SUBJECT = Subject("docker", REFERENCE, "r.io/team/app", digest_of(MANIFEST))


@dataclasses.dataclass(frozen=True)
class Bench:
    """Keys, and ways to sign what skopeo would not."""

    lab: GpgLab
    scratch: Path
    key: Key
    other: Key

    def sign(self, content: bytes, *options: str, key: Key | None = None) -> bytes:
        """An inline signed message of any content."""
        source, target = self.scratch / "content", self.scratch / "signed"
        source.write_bytes(content)
        self.lab.gpg(
            "--yes", "--output", str(target), "--local-user", (key or self.key).fingerprint,
            "--digest-algo", "SHA256", *(options or ("--sign",)), str(source),
        )  # fmt: skip
        return target.read_bytes()

    def requirement(self, *keys: Key, **more: Any) -> Requirement:
        """`signedBy` these keys."""
        armoured = "".join(key.armoured for key in keys or (self.key,))
        return Requirement("signedBy", data=(armoured.encode(),), **more)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with GpgLab() as lab:
        key, other = lab.generate("Key <k@example.com>"), lab.generate("Other <o@example.com>")
        yield Bench(lab, tmp_path_factory.mktemp("simple"), key, other)


def judge(
    requirement: Requirement, *messages: bytes, subject: Subject = SUBJECT
) -> tuple[Signature, ...]:
    """The accepted signatures."""
    keys = policykeys.openpgp_keys(Layout(), subject, requirement)
    return simplesigning.verify(subject, requirement, messages, keys)


def refusal(requirement: Requirement, *messages: bytes, subject: Subject = SUBJECT) -> str:
    """The reason of the refusal."""
    with pytest.raises(VerifyError) as caught:
        judge(requirement, *messages, subject=subject)
    assert "\n" not in caught.value.sentence()
    return caught.value.reason


def claim(**changes: Any) -> dict[str, Any]:
    """What skopeo signs, with changes to `critical`."""
    critical: dict[str, Any] = {
        "type": "atomic container signature",
        "image": {"docker-manifest-digest": SUBJECT.digest},
        "identity": {"docker-reference": REFERENCE},
    }
    return {"critical": {**critical, **changes}, "optional": {"creator": "test", "timestamp": 1}}


def test_what_skopeo_signs_is_accepted_and_described(bench: Bench) -> None:
    (found,) = judge(bench.requirement(), simple_sign(bench.key, MANIFEST, REFERENCE))
    assert (found.kind, found.key) == ("simple-signing", bench.key.fingerprint.lower())
    assert found.identity == REFERENCE
    assert found.signed_at.startswith("20")
    assert len(found.key_sha256) == 64


@pytest.mark.threat("T45")
def test_one_good_signature_is_enough_in_any_order(bench: Bench) -> None:
    good = simple_sign(bench.key, MANIFEST, REFERENCE)
    unknown = simple_sign(bench.other, MANIFEST, REFERENCE)
    elsewhere = simple_sign(bench.key, MANIFEST, "r.io/team/app:2")
    for messages in ([good, unknown, elsewhere, b"junk"], [b"junk", elsewhere, unknown, good]):
        (found,) = judge(bench.requirement(), *messages)
        assert found.identity == REFERENCE
    assert len(judge(bench.requirement(bench.key, bench.other), unknown, good, good)) == 2


@pytest.mark.threat("T49")
def test_an_unknown_key_is_refused(bench: Bench) -> None:
    unknown = simple_sign(bench.other, MANIFEST, REFERENCE)
    assert refusal(bench.requirement(), unknown) == "not-trusted"


@pytest.mark.threat("T56")
@pytest.mark.parametrize(
    ("manifest", "reference"),
    [
        (b"another manifest", REFERENCE),
        (MANIFEST, "r.io/team/app:2"),
        (MANIFEST, "r.io/team/other:1"),
        (MANIFEST, "evil.io/team/app:1"),
    ],
)
def test_the_signature_of_another_image_is_refused(
    bench: Bench, manifest: bytes, reference: str
) -> None:
    replayed = simple_sign(bench.key, manifest, reference)
    assert refusal(bench.requirement(), replayed) == "other-image"


def test_the_signed_identity_of_the_requirement_decides(bench: Bench) -> None:
    vendor = simple_sign(bench.key, MANIFEST, "vendor.io/app:1")
    exact = SignedIdentity("exactReference", "vendor.io/app:1")
    assert judge(bench.requirement(identity=exact), vendor)
    other = SignedIdentity("exactReference", "vendor.io/app:2")
    assert refusal(bench.requirement(identity=other), vendor) == "other-image"
    layout = Subject("oci", "/srv/layout:1", "oci/layout", SUBJECT.digest)
    assert judge(bench.requirement(identity=exact), vendor, subject=layout)
    assert refusal(bench.requirement(), vendor, subject=layout) == "other-image"


@pytest.mark.threat("T46")
@pytest.mark.parametrize(
    "options",
    ["", "--armor", "--compress-algo=none", "--compress-algo=zlib", "--compress-algo=bzip2"],
)
def test_however_the_message_is_wrapped(bench: Bench, options: str) -> None:
    message = bench.sign(json.dumps(claim()).encode(), "--sign", *options.split())
    assert judge(bench.requirement(), message)


@pytest.mark.threat("T46")
def test_what_is_no_signed_message_is_refused(bench: Bench) -> None:
    content = json.dumps(claim()).encode()
    kinds = {
        "detached": bench.sign(content, "--detach-sign"),
        "cleartext": bench.sign(content, "--clearsign"),
        "unsigned": bench.sign(content, "--store"),
        "text": bench.sign(content, "--sign", "--textmode"),
        "two signers": bench.sign(content, "--local-user", bench.other.fingerprint, "--sign"),
        "key": bench.key.armoured.encode(),
        "json": content,
        "empty": b"",
        "two": bench.sign(content) * 2,
        "junk behind": bench.sign(content) + b"\x99",
    }
    for what, message in kinds.items():
        reason = refusal(bench.requirement(bench.key, bench.other), message)
        assert reason in ("not-openpgp", "wrong-class"), what


@pytest.mark.threat("T45")
def test_sizes_are_bounded(bench: Bench) -> None:
    bomb = bench.sign(b" " * (3 << 20), "--sign", "--compress-algo=zlib")
    assert len(bomb) < 100_000
    assert refusal(bench.requirement(), bomb) == "not-openpgp"
    for packed in (
        b"\xa3\x01" + zlib.compress(b"x" * (64 << 20)),
        b"\xa3\x03" + bz2.compress(b"x" * (64 << 20)),
    ):
        with pytest.raises(pgp.Malformed):
            signedmessage.open_message(packed)
    with pytest.raises(pgp.Malformed, match="larger"):
        signedmessage.open_message(b"\xa3" * (pgp.MAX_SIGNATURE_BYTES + 1))


@pytest.mark.threat("T47")
@pytest.mark.parametrize(
    "document",
    [
        b" ", b"null", b"[]", b"{}", b'"x"', b"{",
        json.dumps({**claim(), "more": 1}).encode(),
        json.dumps({"critical": claim()["critical"]}).encode(),
        json.dumps({**claim(), "optional": None}).encode(),
        json.dumps({**claim(), "optional": {"timestamp": "1"}}).encode(),
        json.dumps({**claim(), "optional": {"creator": 1}}).encode(),
        json.dumps(claim(type="cosign container image signature")).encode(),
        json.dumps(claim(type="Atomic container signature")).encode(),
        json.dumps(claim(extra="x")).encode(),
        json.dumps(claim(image={"docker-manifest-digest": SUBJECT.digest, "x": 1})).encode(),
        json.dumps(claim(image={"oci-digest": SUBJECT.digest})).encode(),
        json.dumps(claim(image={"docker-manifest-digest": 5})).encode(),
        json.dumps(claim(identity={"docker-reference": [REFERENCE]})).encode(),
        json.dumps(claim(identity={"docker-reference": ""})).encode(),
        json.dumps(claim()).encode().replace(b'"type":', b'"type": "x", "type":'),
        json.dumps(claim()).encode() + b"{}",
        b"\xff" + json.dumps(claim()).encode(),
    ],
)  # fmt: skip
def test_a_payload_that_is_not_exactly_one_is_refused(bench: Bench, document: bytes) -> None:
    reason = refusal(bench.requirement(), bench.sign(document))
    assert reason in ("bad-payload", "other-image")


@pytest.mark.threat("T45", "T46")
def test_no_change_of_a_byte_is_accepted_and_none_crashes(bench: Bench) -> None:
    """Every byte of an uncompressed message is changed; what is still accepted says the same."""
    message = bytearray(bench.sign(json.dumps(claim()).encode(), "--sign", "--compress-algo=none"))
    opened = signedmessage.open_message(bytes(message))[1]
    changed = 0
    for at in range(len(message)):
        message[at] ^= 0x15
        try:
            signature, content = signedmessage.open_message(bytes(message))
        except pgp.Malformed:
            changed += 1
        else:
            assert signature.kind in range(256)
            assert len(content) <= len(opened)
        message[at] ^= 0x15
    assert changed > 20
