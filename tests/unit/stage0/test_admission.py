# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging by the policy: broken files refuse everything, all requirements hold, records decide later."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import PodwrightError, VerifyError
from podwright.host.paths import Layout
from podwright.stage0 import trust, verdict
from podwright.stage0.judge import admission, verify
from podwright.stage0.judge.admission import SignatureBlobs
from podwright.stage0.judge.policy import PolicyError
from podwright.stage0.verdict import Subject, Verdict, aci
from podwright.values import replace
from podwright.values_json import to_json
from tests.support.gpglab import GpgLab, Key
from tests.support.ocisigning import digest_of, simple_sign

NONE: frozenset[str] = frozenset()
IMAGE = frozenset({"image"})
NAME = "example.com/app"
REJECT: Any = {"type": "reject"}
ACCEPT: Any = {"type": "insecureAcceptAnything"}
SIGNED: Any = {"type": "signedBy", "keyType": "GPGKeys"}
MANIFEST = b"{}"
OCI = Subject("docker", "r.io/app:1", "r.io/app", digest_of(MANIFEST))
STAGE1_IMAGE = "sha512-" + "cd" * 32


@pytest.fixture(scope="module")
def lab() -> Iterator[GpgLab]:
    with GpgLab() as home:
        yield home


@pytest.fixture(scope="module")
def key(lab: GpgLab) -> Key:
    return lab.generate("Key <k@example.com>")


@pytest.fixture(scope="module")
def other(lab: GpgLab) -> Key:
    return lab.generate("Other <o@example.com>")


class Site:
    """Configuration directories, an archive, and ways to judge it."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.layout = Layout(
            data=f"{base}/data", system_config=f"{base}/usr", local_config=f"{base}/etc"
        )
        for name in ("etc", "usr"):
            (base / name).mkdir(mode=0o755)
        self.file = base / "etc/policy.json"
        self.archive = base / "archive"
        self.archive.write_bytes(b"the archive")

    def policy(self, document: Any, file: Path | None = None) -> Path:
        """Write a policy; a list is the default of one without scopes."""
        path = file or self.file
        path.write_text(
            json.dumps({"default": document} if isinstance(document, list) else document)
        )
        path.chmod(0o644)
        return path

    def key_file(self, *keys: Key) -> str:
        """A keyring that a policy can name."""
        path = self.base / f"keys-{len(list(self.base.iterdir()))}.asc"
        path.write_text("".join(key.armoured for key in keys))
        path.chmod(0o644)
        return str(path)

    def judge(self, *keys: Key, options: tuple[str, ...] = (), name: str = NAME) -> Verdict:
        """The verdict on the archive signed by these keys."""
        packets = None
        if keys:
            signed = [key.sign(self.archive).read_bytes() for key in keys]
            found = [verify.read_signatures(data, "x.asc") for data in signed]
            packets = tuple(packet for each in found for packet in each)
        fd = os.open(self.archive, os.O_RDONLY)
        try:
            return admission.judge_aci(self.layout, aci(name), fd, packets, options)
        finally:
            os.close(fd)

    def refusal(self, *keys: Key, **options: Any) -> tuple[str, str]:
        """(reason, sentence) of a refusal to judge."""
        return caught(lambda: self.judge(*keys, **options))

    def again(self, found: Verdict, insecure: frozenset[str] = NONE, stage1: str = "") -> None:
        """Evaluate a verdict again."""
        verdict.reevaluate(self.layout, aci(NAME), found, insecure, stage1=stage1)


def caught(run: Callable[[], object]) -> tuple[str, str]:
    """(reason, sentence) of the refusal, which is one line."""
    with pytest.raises(PodwrightError) as failed:
        run()
    sentence = failed.value.sentence()
    assert "\n" not in sentence
    return failed.value.reason, sentence


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def break_policy(path: Path, how: str) -> None:
    """Make the policy file be broken in one way."""
    path.unlink(missing_ok=True)
    fine = json.dumps({"default": [ACCEPT]})
    texts = {
        "empty": "",
        "blank": "\n",
        "garbage": "\x00\x01\x02",
        "truncated": fine[:-2],
        "array": "[]",
        "no default": "{}",
        "unknown key": json.dumps({"default": [ACCEPT], "defualt": []}),
        "duplicate key": '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}',
        "huge": fine + " " * (1 << 20),
        "deep": "[" * 100_000,
    }
    if how in texts:
        path.write_text(texts[how])
        path.chmod(0o644)
        return
    if how == "directory":
        path.mkdir()
    elif how == "fifo":
        os.mkfifo(path)
    elif how == "loop":
        path.symlink_to(path.name)
    elif how == "link":
        target = path.with_name("elsewhere")
        target.write_text(fine)
        path.symlink_to(target)
    elif how == "dangling":
        path.symlink_to("/nonexistent/policy.json")
    elif how == "device":
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))
    else:
        path.write_text(fine)
        path.chmod(
            {"mode 000": 0, "group-writable": 0o664, "other-writable": 0o646}.get(how, 0o644)
        )
        if how == "foreign":
            os.chown(path, 12345, 12345)
        if how == "open directory":
            path.parent.chmod(0o777)


BROKEN: tuple[str, ...] = (
    "empty", "blank", "garbage", "truncated", "array", "no default", "unknown key", "duplicate key",
    "huge", "deep", "directory", "fifo", "loop", "link", "dangling", "mode 000",
    "group-writable", "other-writable", "open directory",
)  # fmt: skip


if os.geteuid() == 0:
    BROKEN = (*BROKEN, "device", "foreign")


@pytest.mark.threat("T53")
@pytest.mark.parametrize("place", ["etc", "usr"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_policy_refuses_everything_and_is_named(
    site: Site, key: Key, place: str, how: str
) -> None:
    trust.add_key(site.layout, key.armoured.encode(), prefix="example.com")
    good = site.judge(key)
    path = site.base / place / "policy.json"
    break_policy(path, how)
    for attempt in (
        lambda: site.judge(key),
        lambda: site.judge(),
        lambda: site.judge(options=("image",)),
        lambda: site.again(good),
        lambda: site.again(good, IMAGE),
        lambda: site.again(Verdict("accepted"), IMAGE),
        lambda: admission.judge_oci(site.layout, OCI, MANIFEST, SignatureBlobs(), ("image",)),
        lambda: verdict.check_stage1(site.layout, aci(NAME), "vm"),
    ):
        reason, sentence = caught(attempt)
        assert reason == "bad-policy"
        assert str(path) in sentence
        assert "no image is accepted" in sentence


@pytest.mark.threat("T53")
def test_the_administrators_policy_wins_as_a_whole(site: Site) -> None:
    shipped = site.policy([REJECT], site.base / "usr/policy.json")
    assert site.refusal()[0] == "rejected"
    site.policy([ACCEPT])
    assert site.judge().kind == "accepted"
    shipped.write_text("junk")
    assert site.judge().scope == "default"


@pytest.mark.threat("T53")
@pytest.mark.parametrize(
    "how", ["missing", "garbage", "mode 000", "other-writable", "fifo", "secret", "two"]
)
def test_a_key_file_that_is_not_fine_refuses_and_is_named(
    site: Site, key: Key, other: Key, how: str
) -> None:
    path = Path(site.key_file(key))
    site.policy([{**SIGNED, "keyPath": str(path)}])
    good = site.judge(key)
    if how in ("missing", "fifo"):
        path.unlink()
    if how == "fifo":
        os.mkfifo(path)
    if how == "garbage":
        path.write_text("junk")
    if how == "secret":
        path.write_text(key.lab.gpg("--armor", "--export-secret-keys", key.fingerprint))
    if how == "two":  # two copies of one key that differ
        key.lab.gpg(
            "--passphrase", "", "--quick-add-uid", key.fingerprint, "Second <s@example.com>"
        )
        path.write_text(path.read_text() + key.armoured)
    if how in ("mode 000", "other-writable"):
        path.chmod(0 if how == "mode 000" else 0o646)
    reason, sentence = site.refusal(key)
    assert reason == "bad-policy"
    assert str(path) in sentence
    with pytest.raises(VerifyError):
        site.again(good)


def test_the_hint_for_a_broken_file_fits_what_is_wrong_with_it(site: Site, key: Key) -> None:
    site.file.write_text('{"default":\n junk}')
    site.file.chmod(0o644)
    _, sentence = site.refusal(key)
    assert sentence.endswith("correct line 2")
    assert "it:" not in sentence
    site.policy([ACCEPT])
    site.file.chmod(0o666)
    assert "only root can write" in site.refusal(key)[1]
    path = site.key_file(key)
    site.policy([{**SIGNED, "keyPath": path}])
    Path(path).write_text("junk")
    sentence = site.refusal(key)[1]
    assert sentence.startswith(f"key file {path}")
    assert "gpg --armor --export" in sentence


def test_all_requirements_must_hold(site: Site, key: Key, other: Key) -> None:
    vendor, reviewer = site.key_file(key), site.key_file(other)
    site.policy([{**SIGNED, "keyPath": vendor}, {**SIGNED, "keyPath": reviewer}])
    assert site.refusal(key)[0] == "not-trusted"
    assert site.refusal(other)[0] == "not-trusted"
    assert site.refusal()[0] == "no-signature"
    found = site.judge(key, other)
    assert [each.key for each in found.signatures] == [
        key.fingerprint.lower(), other.fingerprint.lower(),
    ]  # fmt: skip
    site.again(found)
    site.policy([{**SIGNED, "keyPath": vendor}, REJECT])
    assert site.refusal(key)[0] == "rejected"
    site.policy([{**SIGNED, "keyPath": vendor}, ACCEPT])
    assert site.judge(key).kind == "signed"
    assert site.refusal(other)[0] == "not-trusted"


def test_keys_of_the_trust_store_and_of_files_are_told_apart(
    site: Site, key: Key, other: Key
) -> None:
    trust.add_key(site.layout, key.armoured.encode(), prefix="example.com")
    site.policy([SIGNED])
    (found,) = site.judge(key).signatures
    assert (found.prefix, found.kind) == ("example.com", "openpgp")
    site.policy([{**SIGNED, "keyPath": site.key_file(other)}])
    assert site.refusal(key)[0] == "not-trusted"
    site.policy([{**SIGNED, "keyPaths": [site.key_file(other), site.key_file(key)]}])
    assert site.judge(key).signatures[0].prefix == ""


@pytest.mark.threat("T55")
def test_lifting_the_signature_check_lifts_nothing_else(site: Site, key: Key) -> None:
    site.policy([{**SIGNED, "keyPath": site.key_file(key), "minimumStage1": "vm"}])
    lifted = site.judge(options=("image", "tls"))
    assert (lifted.kind, lifted.options) == ("insecure", ("image", "tls"))
    with pytest.raises(VerifyError, match="without a signature check"):
        site.again(lifted)
    with pytest.raises(VerifyError, match="connection that was not checked"):
        site.again(lifted, IMAGE)
    site.again(lifted, frozenset({"image", "tls"}))
    with pytest.raises(PolicyError, match="must run in vm"):
        site.again(lifted, frozenset({"image", "tls"}), "namespaces")
    site.policy([REJECT])
    assert site.refusal(options=("image",))[0] == "rejected"
    with pytest.raises(PolicyError, match="rejected by the policy"):
        site.again(lifted, frozenset({"image", "tls"}))


@pytest.mark.threat("T55")
def test_what_a_policy_accepts_unsigned_still_needs_a_checked_connection(site: Site) -> None:
    site.policy([ACCEPT])
    over_http = site.judge(options=("http",))
    assert over_http.kind == "accepted"
    with pytest.raises(VerifyError, match="connection that was not checked"):
        site.again(over_http)
    site.again(site.judge())


@pytest.mark.threat("T56")
def test_a_policy_that_is_tightened_after_the_fetch_counts(
    site: Site, key: Key, other: Key
) -> None:
    vendor = site.key_file(key)
    site.policy([ACCEPT])
    accepted = site.judge()
    site.policy([{**SIGNED, "keyPath": vendor}])
    signed = site.judge(key)
    site.again(signed)
    with pytest.raises(verdict.Stale):
        site.again(accepted)
    site.policy([{**SIGNED, "keyPath": site.key_file(other)}])
    with pytest.raises(verdict.Stale):
        site.again(signed)
    site.file.unlink()
    trust.add_key(site.layout, key.armoured.encode(), prefix="example.com")
    for found in (signed, accepted):  # made by other rules than those of now
        with pytest.raises(verdict.Stale):
            site.again(found)
    trust.remove_key(site.layout, key.fingerprint, "example.com")
    trust.add_key(site.layout, key.armoured.encode(), prefix="example.com")
    site.again(site.judge(key))
    site.policy([REJECT])
    with pytest.raises(PolicyError):
        site.again(signed)


class Record:
    """What `judge_stored` needs of a record."""

    id, name, transport, identity, digest = STAGE1_IMAGE, NAME, "appc", NAME, ""

    def __init__(self, found: Verdict) -> None:
        self.verdict = found


@pytest.mark.threat("T55", "T56")
def test_stored_bytes_are_judged_without_what_was_lifted_when_they_came(
    site: Site, key: Key, other: Key
) -> None:
    base = Path(site.layout.images, Record.id)
    base.mkdir(parents=True)
    (base / "aci").write_bytes(site.archive.read_bytes())
    site.policy([ACCEPT])
    lifted = site.judge(options=("image",))
    assert lifted.kind == "accepted"
    site.policy([{**SIGNED, "keyPath": site.key_file(key)}])
    with pytest.raises(verdict.Stale):
        site.again(lifted)
    assert caught(lambda: admission.judge_stored(site.layout, Record(lifted)))[0] == "no-signature"
    (base / "aci.asc").write_bytes(key.sign(site.archive).read_bytes())
    found = admission.judge_stored(site.layout, Record(lifted))
    assert (found.kind, found.options) == ("signed", ())
    site.again(found)
    (base / "aci").write_bytes(b"something else")
    reason, _ = caught(lambda: admission.judge_stored(site.layout, Record(found)))
    assert reason == "bad-signature"
    site.file.unlink()
    trust.add_key(site.layout, other.armoured.encode(), prefix="example.com")
    assert caught(lambda: admission.judge_stored(site.layout, Record(found)))[0] == "not-trusted"


@pytest.mark.threat("T56")
def test_an_old_signature_is_refused_at_fetch_and_later(site: Site, lab: GpgLab) -> None:
    out = lab.gpg(
        "--faked-system-time", "20200101T000000", "--status-fd", "1", "--passphrase", "",
        "--quick-generate-key", "Old <old@example.com>", "ed25519", "sign", "never",
    )  # fmt: skip
    old = Key(lab, next(line.split()[3] for line in out.splitlines() if "KEY_CREATED" in line))
    path = site.key_file(old)
    target = site.base / "old.asc"
    lab.gpg(
        "--faked-system-time", "20200601T000000", "--yes", "--local-user", old.fingerprint,
        "--digest-algo", "SHA512", "--output", str(target), "--detach-sign", str(site.archive),
    )  # fmt: skip
    packets = verify.read_signatures(target.read_bytes(), "old.asc")

    def judge() -> Verdict:
        fd = os.open(site.archive, os.O_RDONLY)
        try:
            return admission.judge_aci(site.layout, aci(NAME), fd, packets, ())
        finally:
            os.close(fd)

    site.policy([{**SIGNED, "keyPath": path}])
    found = judge()
    site.again(found)
    site.policy([{**SIGNED, "keyPath": path, "maximumSignatureAge": "90d"}])
    reason, sentence = caught(judge)
    assert reason == "signature-too-old"
    assert "2020-06-01" in sentence
    with pytest.raises(verdict.Stale):
        site.again(found)
    site.policy([{**SIGNED, "keyPath": path, "maximumSignatureAge": "9000w"}])
    site.again(judge())


@pytest.mark.parametrize(
    ("least", "rank", "allowed"),
    [
        ("", "fly", True),
        ("fly", "fly", True),
        ("namespaces", "fly", False),
        ("namespaces", "namespaces", True),
        ("user-namespaced", "namespaces", False),
        ("user-namespaced", "user-namespaced", True),
        ("user-namespaced", "vm", True),
        ("vm", "user-namespaced", False),
        ("vm", "vm", True),
        ("namespaces", STAGE1_IMAGE, False),
        ("fly", STAGE1_IMAGE, True),
    ],
)
def test_the_minimum_isolation(site: Site, least: str, rank: str, allowed: bool) -> None:
    site.policy([{**ACCEPT, "minimumStage1": least} if least else ACCEPT])
    found = site.judge()
    if allowed:
        site.again(found, stage1=rank)
        verdict.check_stage1(site.layout, aci(NAME), rank)
        return
    for attempt in (
        lambda: site.again(found, IMAGE, stage1=rank),
        lambda: verdict.check_stage1(site.layout, aci(NAME), rank),
    ):
        reason, sentence = caught(attempt)
        assert reason == "stage1-too-weak"
        assert least in sentence


def test_a_stage1_image_has_the_rank_that_the_policy_gives_its_id(site: Site) -> None:
    default = [{**ACCEPT, "minimumStage1": "user-namespaced"}]
    site.policy({"default": default, "stage1Ranks": {STAGE1_IMAGE: "vm"}})
    verdict.check_stage1(site.layout, aci(NAME), STAGE1_IMAGE)
    with pytest.raises(PolicyError, match="not in fly"):
        verdict.check_stage1(site.layout, aci(NAME), STAGE1_IMAGE[:-2] + "00")


@pytest.mark.threat("T56")
def test_an_oci_image_without_a_policy_needs_a_key_of_the_trust_store(site: Site, key: Key) -> None:
    signed = SignatureBlobs((simple_sign(key, MANIFEST, "r.io/app:1"),))

    def judge(blobs: SignatureBlobs = signed, subject: Subject = OCI) -> Verdict:
        return admission.judge_oci(site.layout, subject, MANIFEST, blobs, ())

    assert caught(judge)[0] == "no-key"
    trust.add_key(site.layout, key.armoured.encode(), prefix="r.io")
    found = judge()
    assert (found.kind, found.signatures[0].identity) == ("signed", "r.io/app:1")
    verdict.reevaluate(site.layout, OCI, found, NONE)
    none = SignatureBlobs(searched=("https://sigs.example.com/app",))
    reason, sentence = caught(lambda: judge(none))
    assert reason == "no-signature"
    assert "https://sigs.example.com/app" in sentence
    assert caught(lambda: judge(signed, replace(OCI, digest=digest_of(b"x"))))[0] == "bad-digest"
    assert caught(lambda: judge(signed, replace(OCI, identity="r.io/app:2")))[0] == "other-image"


@pytest.mark.threat("T56")
def test_a_recorded_signature_for_another_reference_does_not_hold(site: Site, key: Key) -> None:
    path = site.key_file(key)
    site.policy([{**SIGNED, "keyPath": path}])
    blobs = SignatureBlobs((simple_sign(key, MANIFEST, "r.io/app:1"),))
    found = admission.judge_oci(site.layout, OCI, MANIFEST, blobs, ())
    verdict.reevaluate(site.layout, OCI, found, NONE)
    for identity in ("r.io/app:2", "r.io/other:1"):
        with pytest.raises(verdict.Stale):
            verdict.reevaluate(site.layout, replace(OCI, identity=identity), found, NONE)
    exact = {"type": "exactRepository", "dockerRepository": "r.io/vendor"}
    site.policy([{**SIGNED, "keyPath": path, "signedIdentity": exact}])
    with pytest.raises(verdict.Stale):
        verdict.reevaluate(site.layout, OCI, found, NONE)


def test_verdicts_are_read_as_they_were_written_and_from_the_first_format(
    site: Site, key: Key
) -> None:
    site.policy([{**SIGNED, "keyPath": site.key_file(key)}])
    found = site.judge(key)
    assert verdict.read(json.loads(json.dumps(to_json(found)))) == found
    old = {
        "kind": "openpgp", "fingerprint": "ab" * 20, "prefix": "example.com", "key_sha256": "cd" * 32,
        "signed_at": "2026-01-01T00:00:00.000Z", "digest": "sha512", "options": [], "expires": "",
    }  # fmt: skip
    read = verdict.read(dict(old))
    assert (read.kind, read.fingerprint, read.prefix) == ("signed", "ab" * 20, "example.com")
    assert verdict.read({**old, "kind": "insecure", "options": ["image"]}) == Verdict(
        "insecure", (), ("image",)
    )
    assert verdict.text(read) == f"signed by {'ab' * 20}"
    assert (
        verdict.text(Verdict("accepted", scope="docker:r.io")) == "accepted by policy (docker:r.io)"
    )
