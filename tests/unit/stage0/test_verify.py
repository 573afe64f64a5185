# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signature matrix, with the real gpg: every state of key, signature, packet and count has one verdict."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from podwright.errors import VerifyError
from podwright.host.paths import Layout
from podwright.kernel import confine
from podwright.stage0 import trust, verdict
from podwright.stage0.judge import gpg as gpgmodule
from podwright.stage0.judge import verify
from podwright.stage0.verdict import Signature, Verdict, aci
from podwright.values import replace
from tests.support.gpglab import GpgLab, Key

NAME = "example.com/app"
PAST = "20200101T000000"
LATER = "20200601T000000"


@dataclasses.dataclass(frozen=True)
class Bench:
    """A data file, keys in many states, and ways to sign."""

    lab: GpgLab
    data: Path
    good: Key
    stranger: Key
    rsa: Key
    expired: Key
    old: Key
    revoked: Key
    weak_rsa: Key
    dsa: Key
    subkeys: Key

    def sign(self, key: Key, *options: str, data: Path | None = None) -> bytes:
        """A detached signature of the data by `key`: armoured and SHA-512, unless options say otherwise."""
        return self.run("--local-user", key.fingerprint, *options, "--detach-sign", data=data)

    def run(self, *options: str, data: Path | None = None) -> bytes:
        """What gpg makes of the data with these options."""
        out = self.data.with_suffix(".out")
        digest = () if "--digest-algo" in options else ("--digest-algo", "SHA512")
        armour = () if "--no-armor" in options else ("--armor",)
        self.lab.gpg(
            "--yes", "--output", str(out), *armour, *digest, *options, str(data or self.data)
        )  # fmt: skip
        return out.read_bytes()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    data = tmp_path_factory.mktemp("bench") / "data"
    data.write_bytes(os.urandom(100_000))
    with GpgLab() as lab:
        subkeys = lab.generate("Subkeys <s@example.com>")
        lab.gpg("--passphrase", "", "--quick-add-key", subkeys.fingerprint, "ed25519", "sign", "2y")
        yield Bench(
            lab,
            data,
            good=lab.generate("Good <g@example.com>"),
            stranger=lab.generate("Stranger <x@example.org>"),
            rsa=lab.generate("Rsa <a@example.com>", "rsa2048"),
            expired=generate_in_the_past(lab, "Expired <e@example.com>", "30d"),
            old=generate_in_the_past(lab, "Old <o@example.com>", "never"),
            revoked=lab.generate("Revoked <r@example.com>"),
            weak_rsa=lab.generate("Weak <w@example.com>", "rsa1024"),
            dsa=lab.generate("Dsa <d@example.com>", "dsa2048"),
            subkeys=subkeys,
        )


def generate_in_the_past(lab: GpgLab, user_id: str, expire: str) -> Key:
    """A key made at the beginning of 2020."""
    out = lab.gpg(
        "--faked-system-time", PAST, "--status-fd", "1", "--passphrase", "",
        "--quick-generate-key", user_id, "ed25519", "sign", expire,
    )  # fmt: skip
    return Key(lab, next(line.split()[3] for line in out.splitlines() if "KEY_CREATED" in line))


def revoke(bench: Bench, key: Key) -> None:
    """Import the revocation certificate that gpg made with the key."""
    text = (bench.lab.home / f"openpgp-revocs.d/{key.fingerprint}.rev").read_text()
    path = bench.data.with_suffix(".rev")
    path.write_text(text[text.index(":-----BEGIN") + 1 :])
    bench.lab.gpg("--import", str(path))


@pytest.fixture
def judge(bench: Bench, tmp_path: Path) -> Callable[..., Signature]:
    """Give the verdict on the bench's data, or on `data`, by a signature file; trusting `keys`."""
    layout = Layout(
        data=f"{tmp_path}/data", system_config=f"{tmp_path}/sys", local_config=f"{tmp_path}/etc"
    )

    def give(
        signature: bytes,
        *keys: Key,
        name: str = NAME,
        prefix: str = "example.com",
        data: Path | None = None,
    ) -> Signature:
        for key in keys:
            trust.add_key(layout, key.armoured.encode(), prefix=prefix)
        fd = os.open(data or bench.data, os.O_RDONLY)
        try:
            found = verify.read_signatures(signature, "x.aci.asc")
            return verify.verify(name, fd, found, trust.keys_for(layout, name))[0]
        finally:
            os.close(fd)

    return give


def refusal(
    give: Callable[..., Signature], *arguments: object, **options: object
) -> tuple[str, str]:
    """(reason, sentence) of the refusal."""
    with pytest.raises(VerifyError) as caught:
        give(*arguments, **options)
    return caught.value.reason, caught.value.sentence()


@pytest.mark.parametrize("digest", ["SHA256", "SHA384", "SHA512"])
@pytest.mark.parametrize("kind", ["good", "rsa"])
def test_a_good_signature_is_accepted_and_described(
    bench: Bench, judge: Callable[..., Signature], digest: str, kind: str
) -> None:
    key: Key = getattr(bench, kind)
    found = judge(bench.sign(key, "--digest-algo", digest), key)
    assert (found.kind, found.key) == ("openpgp", key.fingerprint.lower())
    assert (found.prefix, found.digest, found.expires) == ("example.com", digest.lower(), "")
    assert found.signed_at.startswith("20")


def test_a_binary_signature_file_is_as_good(bench: Bench, judge: Callable[..., Signature]) -> None:
    assert judge(bench.sign(bench.good, "--no-armor"), bench.good).kind == "openpgp"


@pytest.mark.threat("T44")
def test_a_signing_subkey_counts_as_its_primary_key_and_brings_its_expiry(
    bench: Bench, judge: Callable[..., Signature]
) -> None:
    found = judge(bench.sign(bench.subkeys), bench.subkeys)
    assert found.key == bench.subkeys.fingerprint.lower()
    assert found.expires > "2026"


@pytest.mark.threat("T49")
def test_an_unknown_key_is_named(bench: Bench, judge: Callable[..., Signature]) -> None:
    reason, sentence = refusal(judge, bench.sign(bench.stranger), bench.good)
    assert reason == "not-trusted"
    assert f"signed by {bench.stranger.fingerprint}, which is not trusted for {NAME}" in sentence


@pytest.mark.threat("T49")
def test_without_trusted_keys_nothing_is_accepted(
    bench: Bench, judge: Callable[..., Signature]
) -> None:
    assert refusal(judge, bench.sign(bench.good))[0] == "no-key"


@pytest.mark.threat("T49", "T54")
@pytest.mark.parametrize(
    ("prefix", "name", "accepted"),
    [
        ("example.com", "example.com/app", True),
        ("example.com/app", "example.com/app", True),
        ("example.com/app", "example.com/app/db", True),
        ("example.com/app", "example.com/apps", False),
        ("example.com/app", "example.com", False),
        ("example.com/app", "evil.com/example.com/app", False),
    ],
)
def test_a_prefix_counts_at_path_elements(
    bench: Bench, judge: Callable[..., Signature], prefix: str, name: str, accepted: bool
) -> None:
    signature = bench.sign(bench.good)
    if accepted:
        assert judge(signature, bench.good, prefix=prefix, name=name).prefix == prefix
    else:
        assert refusal(judge, signature, bench.good, prefix=prefix, name=name)[0] == "no-key"


@pytest.mark.threat("T29", "T44")
def test_other_data_is_a_bad_signature(
    bench: Bench, judge: Callable[..., Signature], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_bytes(bench.data.read_bytes() + b"x")
    reason, sentence = refusal(judge, bench.sign(bench.good), bench.good, data=other)
    assert reason == "bad-signature"
    assert "not what was signed" in sentence


@pytest.mark.threat("T44")
def test_an_expired_key_is_refused_though_gpg_exits_0(
    bench: Bench, judge: Callable[..., Signature]
) -> None:
    signature = bench.sign(bench.expired, "--faked-system-time", "20200110T000000")
    reason, sentence = refusal(judge, signature, bench.expired)
    assert reason == "key-expired"
    assert "expired on 2020-01-31" in sentence


@pytest.mark.threat("T44")
def test_a_revoked_key_is_refused_though_gpg_exits_0(
    bench: Bench, judge: Callable[..., Signature]
) -> None:
    signature = bench.sign(bench.revoked)
    revoke(bench, bench.revoked)
    assert refusal(judge, signature, bench.revoked)[0] == "key-revoked"


@pytest.mark.threat("T44")
def test_an_expired_signature_is_refused(bench: Bench, judge: Callable[..., Signature]) -> None:
    options = ("--faked-system-time", LATER, "--default-sig-expire", "5d")
    reason, sentence = refusal(judge, bench.sign(bench.old, *options), bench.old)
    assert reason == "signature-expired"
    assert "expired on 2020-06-06" in sentence
    assert (
        judge(bench.sign(bench.old, "--faked-system-time", LATER), bench.old).signed_at[:7]
        == "2020-06"
    )


@pytest.mark.threat("T44")
def test_a_signature_from_the_future_is_refused(
    bench: Bench, judge: Callable[..., Signature]
) -> None:
    signature = bench.sign(bench.good, "--faked-system-time", "20990101T000000")
    assert refusal(judge, signature, bench.good)[0] == "from-the-future"


@pytest.mark.threat("T44")
def test_an_expiring_signature_brings_its_expiry(
    bench: Bench, judge: Callable[..., Signature]
) -> None:
    found = judge(bench.sign(bench.good, "--default-sig-expire", "5d"), bench.good)
    assert found.expires > found.signed_at


@pytest.mark.threat("T48")
@pytest.mark.parametrize("digest", ["SHA1", "RIPEMD160", "SHA224"])
def test_weak_digests_are_refused_though_gpg_accepts_them(
    bench: Bench, judge: Callable[..., Signature], digest: str
) -> None:
    reason, sentence = refusal(judge, bench.sign(bench.rsa, "--digest-algo", digest), bench.rsa)
    assert reason == "weak-digest"
    assert bench.rsa.fingerprint in sentence


@pytest.mark.threat("T48")
@pytest.mark.parametrize("kind", ["weak_rsa", "dsa"])
def test_weak_keys_are_refused(bench: Bench, judge: Callable[..., Signature], kind: str) -> None:
    key: Key = getattr(bench, kind)
    assert refusal(judge, bench.sign(key, "--digest-algo", "SHA256"), key)[0] == "weak-key"


@pytest.mark.threat("T46")
@pytest.mark.parametrize(
    ("what", "options", "reason"),
    [
        ("inline", ("--sign",), "not-openpgp"),
        ("inline binary", ("--no-armor", "--sign"), "not-openpgp"),
        ("cleartext", ("--clearsign",), "not-openpgp"),
        ("text mode", ("--textmode", "--detach-sign"), "wrong-class"),
    ],
)
def test_only_detached_signatures_over_binary_data_count(
    bench: Bench, judge: Callable[..., Signature], what: str, options: tuple[str, ...], reason: str
) -> None:
    signature = bench.run("--local-user", bench.good.fingerprint, *options)
    assert refusal(judge, signature, bench.good)[0] == reason


@pytest.mark.threat("T45")
def test_good_and_bad_is_refused_in_both_orders(
    bench: Bench, judge: Callable[..., Signature], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"something else")
    good = bench.sign(bench.good, "--no-armor")
    bad = bench.sign(bench.rsa, "--no-armor", data=other)
    for file in (good + bad, bad + good):
        assert refusal(judge, file, bench.good, bench.rsa)[0] == "bad-signature"


@pytest.mark.threat("T45")
def test_good_and_unknown_is_accepted_in_both_orders(
    bench: Bench, judge: Callable[..., Signature]
) -> None:
    good = bench.sign(bench.good, "--no-armor")
    unknown = bench.sign(bench.stranger, "--no-armor")
    for file in (good + unknown, unknown + good, good + good):
        assert judge(file, bench.good).key == bench.good.fingerprint.lower()


@pytest.mark.threat("T45")
def test_good_and_weak_is_accepted_in_both_orders_weak_alone_is_not(
    bench: Bench, judge: Callable[..., Signature]
) -> None:
    good = bench.sign(bench.good, "--no-armor")
    weak = bench.sign(bench.rsa, "--no-armor", "--digest-algo", "SHA1")
    for file in (good + weak, weak + good):
        assert judge(file, bench.good, bench.rsa).key == bench.good.fingerprint.lower()
    assert refusal(judge, weak + weak, bench.rsa)[0] == "weak-digest"


@pytest.mark.threat("T45")
def test_nine_signatures_are_too_many(bench: Bench, judge: Callable[..., Signature]) -> None:
    good = bench.sign(bench.good, "--no-armor")
    assert judge(good * 8, bench.good).kind == "openpgp"
    assert "more than 8" in refusal(judge, good * 9, bench.good)[1]


@pytest.mark.threat("T46")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: b"",
        lambda text: b"\n\n",
        lambda text: b"junk\n" + text,
        lambda text: text + b"junk\n",
        lambda text: text + text,
        lambda text: text.replace(b"-----END", b"-----ENDE"),
        lambda text: text[: len(text) // 2],
        lambda text: text.replace(b"\n\n", b"\nComment: \x1b[2J\n\n"),
        lambda text: b"\x99" + text,
        lambda text: b"x" * (4 * 1024 * 1024 + 1),
        lambda text: text.replace(b"SIGNATURE", b"MESSAGE"),
    ],
)
def test_a_signature_file_with_anything_else_in_it_is_refused(
    bench: Bench, judge: Callable[..., Signature], spoil: Callable[[bytes], bytes]
) -> None:
    signature = bench.sign(bench.good)
    assert judge(signature, bench.good)
    assert refusal(judge, spoil(signature), bench.good)[0] == "not-openpgp"


@pytest.mark.threat("T46")
def test_a_public_key_is_not_a_signature(bench: Bench, judge: Callable[..., Signature]) -> None:
    assert refusal(judge, bench.good.armoured.encode(), bench.good)[0] == "not-openpgp"


@pytest.mark.threat("T47")
def test_a_notation_cannot_forge_status_lines(
    bench: Bench, judge: Callable[..., Signature], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"something else")
    forged = f"a@example.com=x [GNUPG:] VALIDSIG {bench.good.fingerprint} [GNUPG:] GOODSIG"
    bad = bench.sign(bench.rsa, "--sig-notation", forged, data=other)
    assert refusal(judge, bad, bench.good, bench.rsa)[0] == "bad-signature"
    fine = bench.sign(bench.rsa, "--sig-notation", forged)
    assert judge(fine, bench.good, bench.rsa).key == bench.rsa.fingerprint.lower()


@pytest.mark.threat("T52")
def test_hostile_gpg_configuration_of_the_caller_is_not_read(
    bench: Bench, judge: Callable[..., Signature], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = bench.sign(bench.good)
    home = tmp_path / ".gnupg"
    home.mkdir(mode=0o700)
    (home / "gpg.conf").write_text("no-such-option\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GNUPGHOME", str(home))
    assert judge(signature, bench.good)
    assert [path.name for path in home.iterdir()] == ["gpg.conf"]


GOOD_LINES = (
    "[GNUPG:] NEWSIG\\n[GNUPG:] GOODSIG {keyid} x\\n"
    "[GNUPG:] VALIDSIG {fpr} 2026-01-01 1700000000 0 4 0 22 10 00 {fpr}\\n"
)


@pytest.mark.threat("T51")
@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 0", "no clear answer"),
        ("kill -9 $$", "no clear answer"),
        ("printf '{lines}' >&$fd; exit 2", "no clear answer"),
        ("printf '{lines}' >&2; exit 0", "no clear answer"),
        ("printf '{lines}'; exit 0", "no clear answer"),
        ("printf '{lines}{lines}' >&$fd; exit 0", "no clear answer"),
        ("printf '{lines}[GNUPG:] TRUST' >&$fd; exit 0", "middle of a status line"),
        ("printf '{lines}gpg: all is well\\n' >&$fd; exit 0", "status line that is none"),
        ("head -c 5000000 /dev/zero >&2; exit 0", "wrote more than"),
        ("exec sleep 600", "did not end in time"),
    ],
)
def test_a_gpg_that_fails_in_any_way_accepts_nothing(
    bench: Bench,
    judge: Callable[..., Signature],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    sentence: str,
) -> None:
    """A stand-in answers --version and --list-keys like gpg, and the verification as the case says."""
    fpr = bench.good.fingerprint
    signature = bench.sign(bench.good)
    lines = GOOD_LINES.format(keyid=fpr[-16:], fpr=fpr)
    shim = tmp_path / "gpg"
    shim.write_text(
        "#!/bin/bash\nfd=$(echo \"$*\" | sed 's/.*--status-fd \\([0-9]*\\).*/\\1/')\n"
        'case "$*" in *--verify*) ;; *) exec /usr/bin/gpg "$@" ;; esac\n'
        + script.format(lines=lines)
        + "\n"
    )
    shim.chmod(0o755)
    for upper in (tmp_path, *tmp_path.parents[:-2]):
        upper.chmod(0o711)  # gpg runs as nobody
    monkeypatch.setattr(gpgmodule, "BINARIES", (str(shim),))
    monkeypatch.setattr(confine, "LIBRARY_PATHS", ("/usr", "/bin", "/lib", "/lib64", "/dev"))
    monkeypatch.setattr(gpgmodule.Gpg.__init__, "__kwdefaults__", {"binary": "", "timeout": 3.0})
    assert sentence in refusal(judge, signature, bench.good)[1]


@pytest.mark.threat("T51")
def test_without_gpg_nothing_is_accepted(
    bench: Bench, judge: Callable[..., Signature], monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = bench.sign(bench.good)
    monkeypatch.setattr(gpgmodule, "BINARIES", ("/nonexistent/gpg",))
    assert "gpg is not installed" in refusal(judge, signature, bench.good)[1]


@pytest.mark.threat("T52")
def test_no_descriptor_and_no_process_is_left(
    bench: Bench, judge: Callable[..., Signature]
) -> None:
    signature = bench.sign(bench.good)
    judge(signature, bench.good)
    before = sorted(os.listdir("/proc/self/fd"))
    judge(signature, bench.good)
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.threat("T56")
def test_the_verdict_is_evaluated_again_without_gpg(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(system_config=f"{tmp_path}/sys", local_config=f"{tmp_path}/etc")
    key = trust.add_key(layout, bench.good.armoured.encode(), prefix="example.com")
    given = Signature("openpgp", key.fingerprint, (key.after or {})["sha256"], "example.com")
    made = Verdict("signed", (given,))
    none: frozenset[str] = frozenset()
    monkeypatch.setattr(gpgmodule, "BINARIES", ())
    verdict.reevaluate(layout, aci(NAME), made, none)
    for change in ({"expires": "2020-01-01T00:00:00.000Z"}, {"key_sha256": "0" * 64}):
        stale = replace(made, signatures=(replace(given, **change),))
        with pytest.raises(verdict.Stale):
            verdict.reevaluate(layout, aci(NAME), stale, none)
        # One of several signatures is enough.
        both = replace(made, signatures=(*stale.signatures, given))
        verdict.reevaluate(layout, aci(NAME), both, none)
    with pytest.raises(verdict.Stale, match="not trusted any more"):
        verdict.reevaluate(layout, aci("other.com/x"), made, none)
    assert trust.remove_key(layout, key.fingerprint, "example.com")
    with pytest.raises(verdict.Stale, match="not trusted any more"):
        verdict.reevaluate(layout, aci(NAME), made, none)
    with pytest.raises(VerifyError, match="without a signature check"):
        verdict.reevaluate(layout, aci(NAME), Verdict("insecure"), none)
    verdict.reevaluate(layout, aci(NAME), Verdict("insecure"), frozenset({"image"}))
