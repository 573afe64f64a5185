# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signature matrix (bar B9): key state x digest x packet type x count x prefix, one verdict each."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import VerifyError
from podwright.host.paths import Layout
from podwright.kernel import confine
from podwright.stage0 import trust
from podwright.stage0.judge import gpg as gpgmodule
from podwright.stage0.judge import pgp, signedmessage, verify
from podwright.stage0.verdict import Signature
from tests.support import pgpbench
from tests.support.gpglab import GpgLab, Key

NAME = "example.com/app"
PAST, LATER, FUTURE = "20200101T000000", "20200110T000000", "20990101T000000"
ACCEPTED = "accepted"


@dataclasses.dataclass(frozen=True)
class State:
    """A signature file, the armoured keys that are trusted, and the verdict: ACCEPTED or a reason."""

    signature: bytes
    keys: tuple[str, ...]
    verdict: str
    prefix: str = "example.com"
    name: str = NAME
    says: str = ""


class Matrix:
    """Makes every state once."""

    def __init__(self, lab: GpgLab, scratch: Path) -> None:
        self.lab, self.scratch = lab, scratch
        self.data = scratch / "data"
        self.data.write_bytes(os.urandom(10_000))
        self.other = scratch / "other"
        self.other.write_bytes(b"something else")
        self.good = lab.generate("Good <g@example.com>")
        self.twin = pgpbench.generate_any(lab, "Good <g@example.com>")
        self.rsa = lab.generate("Rsa <r@example.com>", "rsa2048")
        self.states: dict[str, State] = {}
        self.key_states()
        self.subkey_states()
        self.digests_and_algorithms()
        self.packet_types()
        self.counts()
        self.prefixes()

    def sign(
        self, key: Key | str, *options: str, data: Path | None = None, armour: bool = False
    ) -> bytes:
        """A detached signature, SHA-512 unless options say otherwise."""
        who = key if isinstance(key, str) else key.fingerprint
        target = self.scratch / "out"
        digest = () if "--digest-algo" in options else ("--digest-algo", "SHA512")
        action = () if {"--sign", "--clearsign"} & set(options) else ("--detach-sign",)
        self.lab.gpg(
            "--yes", "--output", str(target), "--local-user", who, *digest,
            *(("--armor",) if armour else ()), *options, *action, str(data or self.data),
        )  # fmt: skip
        return target.read_bytes()

    def add(
        self, title: str, signature: bytes, verdict: str, *keys: Key | str, **more: str
    ) -> None:
        texts = tuple(key if isinstance(key, str) else key.armoured for key in keys)
        self.states[title] = State(signature, texts, verdict, **more)

    def key_states(self) -> None:
        lab, good = self.lab, self.good
        self.add("key good", self.sign(good), ACCEPTED, good)
        self.add("key good, armoured", self.sign(good, armour=True), ACCEPTED, good)
        expired = pgpbench.generate_at(lab, PAST, "Expired <e@example.com>", "30d")
        old = self.sign(expired, "--faked-system-time", LATER)
        self.add("key expired", old, "key-expired", expired, says="2020-01-31")
        revoked = lab.generate("Revoked <v@example.com>")
        signature = self.sign(revoked)
        certificate = pgpbench.revoke(revoked, self.scratch)
        self.add("key revoked", signature, "key-revoked", revoked)
        self.add("key revoked, only the certificate", certificate, "wrong-class", revoked, good)
        unborn = pgpbench.generate_at(lab, FUTURE, "Unborn <u@example.com>")
        ahead = self.sign(unborn, "--faked-system-time", FUTURE)
        self.add("key not yet valid", ahead, "key-not-yet-valid", unborn)
        young = pgpbench.generate_at(lab, "20220101T000000", "Young <y@example.com>")
        early = self.sign(young, "--faked-system-time", "20200601T000000", "--ignore-time-conflict")
        self.add("signature older than its key", early, "older-than-key", young)
        long_ago = pgpbench.generate_at(lab, PAST, "Old <o@example.com>")
        brief = self.sign(long_ago, "--faked-system-time", LATER, "--default-sig-expire", "5d")
        self.add("signature expired", brief, "signature-expired", long_ago, says="2020-01-15")
        self.add(
            "signature old and unlimited",
            self.sign(long_ago, "--faked-system-time", LATER),
            ACCEPTED,
            long_ago,
        )
        ahead = self.sign(good, "--faked-system-time", FUTURE)
        self.add("signature from the future", ahead, "from-the-future", good)
        self.add("key unknown", self.sign(self.twin), "not-trusted", good)
        self.add("key unknown with the same user ID", self.sign(self.twin), "not-trusted", good)
        self.add("no key", self.sign(good), "no-key")
        forged = f"[GNUPG:] VALIDSIG {good.fingerprint} 2026-01-01 1 0 4 0 22 10 00"
        forger = pgpbench.generate_any(lab, f"Evil\n{forged} {good.fingerprint}")
        self.add(
            "user ID that forges status lines",
            self.sign(forger, data=self.other),
            "bad-signature",
            forger,
            good,
        )

    def subkey_states(self) -> None:
        lab = self.lab

        def one(name: str, when: str = "", expire: str = "never") -> tuple[Key, str]:
            key = pgpbench.generate_at(lab, when, name) if when else lab.generate(name)
            return key, pgpbench.add_subkey(key, expire, when)

        fine, subkey = one("Subkey <s1@example.com>")
        signature = self.sign(f"{subkey}!")
        self.add("subkey good", signature, ACCEPTED, fine)
        lone = pgpbench.without_back_signature(pgpbench.exported(fine))
        self.add(
            "subkey without back-signature",
            signature,
            "unconfirmed-subkey",
            pgpbench.armour(lab, lone),
        )
        stolen = b"".join(
            pgpbench.packet(tag, body)
            for tag, body in pgpbench.packets(pgpbench.exported(self.good))
        )
        parts = [pgpbench.packet(t, b) for t, b in pgpbench.packets(pgpbench.exported(fine))]
        adopted = pgpbench.armour(lab, stolen + b"".join(parts[-2:]))
        self.add("subkey of another key", signature, "unconfirmed-subkey", adopted)
        expired, subkey = one("Subkey <s2@example.com>", PAST, "30d")
        late = self.sign(f"{subkey}!", "--faked-system-time", LATER)
        self.add("subkey expired", late, "key-expired", expired)
        revoked, subkey = one("Subkey <s3@example.com>")
        signature = self.sign(f"{subkey}!")
        pgpbench.edit(revoked, "key 1", "revkey", "y", "0", "", "y")
        self.add("subkey revoked", signature, "key-revoked", revoked)
        wrong, subkey = one("Subkey <s4@example.com>")
        signature = self.sign(f"{subkey}!")
        pgpbench.edit(wrong, "key 1", "change-usage", "a", "s", "q")
        self.add("subkey not for signing", signature, "not-for-signing", wrong)

    def digests_and_algorithms(self) -> None:
        for digest in ("SHA256", "SHA384", "SHA512"):
            for kind, key in (("EdDSA", self.good), ("RSA", self.rsa)):
                signature = self.sign(key, "--digest-algo", digest)
                self.add(f"{kind} {digest}", signature, ACCEPTED, key)
        curve = self.lab.generate("Ecdsa <c@example.com>", "nistp256")
        self.add("ECDSA", self.sign(curve, "--digest-algo", "SHA256"), ACCEPTED, curve)
        for digest in ("SHA1", "SHA224", "RIPEMD160", "MD5"):
            signature = self.sign(self.rsa, "--digest-algo", digest, "--allow-weak-digest-algos")
            self.add(f"RSA {digest}", signature, "weak-digest", self.rsa)
        for algorithm in ("rsa1024", "dsa1024", "dsa2048"):
            key = self.lab.generate(f"Weak <{algorithm}@example.com>", algorithm)
            signature = self.sign(key, "--digest-algo", "SHA256")
            self.add(algorithm, signature, "weak-key", key)

    def packet_types(self) -> None:
        good = self.good
        for name, options in {
            "inline": ("--sign",),
            "inline, not compressed": ("--sign", "--compress-algo", "none"),
            "cleartext": ("--clearsign",),
        }.items():
            self.add(name, self.sign(good, *options), "not-openpgp", good)
        self.add("text mode", self.sign(good, "--textmode"), "wrong-class", good)
        key = list(pgpbench.packets(pgpbench.exported(good)))
        for tag, body in key:
            if tag == 2:
                self.add("certification", pgpbench.packet(2, body), "wrong-class", good)
        subkeyed = self.lab.generate("Binding <b@example.com>")
        pgpbench.add_subkey(subkeyed)
        binding = list(pgpbench.packets(pgpbench.exported(subkeyed)))[-1][1]
        self.add("subkey binding", pgpbench.packet(2, binding), "wrong-class", subkeyed)
        self.add("public key", good.armoured.encode(), "not-openpgp", good)
        self.add("public key in binary", pgpbench.exported(good), "not-openpgp", good)
        self.add(
            "key before the signature",
            pgpbench.exported(good) + self.sign(good),
            "not-openpgp",
            good,
        )
        password = (
            "--symmetric",
            "--passphrase",
            "x",
            "--yes",
            "--output",
            str(self.scratch / "out"),
        )
        self.lab.gpg(*password, str(self.data))
        self.add("encrypted", (self.scratch / "out").read_bytes(), "not-openpgp", good)
        text = self.sign(good, armour=True)
        self.add("armour with junk before", b"junk\n" + text, "not-openpgp", good)
        self.add("armour with junk after", text + b"junk", "not-openpgp", good)
        self.add("two armours", text + text, "not-openpgp", good)
        self.add("version 3", b"\xc2\x03\x03\x05\x00", "unsupported", good)
        self.add("version 6", b"\xc2\x03\x06\x00\x00", "unsupported", good)
        notation = f"a@b.c=[GNUPG:] VALIDSIG {good.fingerprint}"
        signature = self.sign(good, "--sig-notation", notation, data=self.other)
        self.add("notation that forges", signature, "bad-signature", good)

    def counts(self) -> None:
        good, unknown = self.sign(self.good), self.sign(self.twin)
        bad = self.sign(self.rsa, data=self.other)
        two, weak = self.sign(self.rsa), self.sign(self.rsa, "--digest-algo", "SHA1")
        both = (self.good, self.rsa)
        self.add("good and unknown", good + unknown, ACCEPTED, *both)
        self.add("unknown and good", unknown + good, ACCEPTED, *both)
        self.add("good and bad", good + bad, "bad-signature", *both)
        self.add("bad and good", bad + good, "bad-signature", *both)
        self.add("good and weak", good + weak, ACCEPTED, *both)
        self.add("weak and good", weak + good, ACCEPTED, *both)
        self.add("two good", good + two, ACCEPTED, *both)
        self.add("the same eight times", good * 8, ACCEPTED, *both)
        self.add("nine", good * 9, "not-openpgp", *both, says="more than 8")
        self.add("ten thousand", good * 10_000, "not-openpgp", *both)
        self.add("none", b"", "not-openpgp", *both)
        self.add("blank", b"\n \n", "not-openpgp", *both)
        self.add("4 MiB and a byte", b"\xc2" * (4 * 1024 * 1024 + 1), "not-openpgp", *both)
        self.add("cut short", good[:-1], "not-openpgp", *both)
        self.add("a length that lies", b"\xc2\xff\xff\xff\xff\xff" + good, "not-openpgp", *both)
        self.add("without end", b"\xc2\xe0x" * 1000, "not-openpgp", *both)
        self.add("of other data", self.sign(self.good, data=self.other), "bad-signature", *both)

    def prefixes(self) -> None:
        signature = self.sign(self.good)
        for prefix, name, fits in (
            ("example.com/a", "example.com/a", True),
            ("example.com/a", "example.com/a/b", True),
            ("example.com/a", "example.com/ab", False),
            ("example.com/a", "example.com", False),
            ("example.com/a", "example.comx/a", False),
            ("example.com/a", "evil.com/example.com/a", False),
            ("example.com", "example.com.evil.org", False),
        ):
            verdict, where = ACCEPTED if fits else "no-key", f"prefix {prefix} for {name}"
            self.add(where, signature, verdict, self.good, prefix=prefix, name=name)


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with GpgLab() as lab:
        yield Matrix(lab, tmp_path_factory.mktemp("matrix"))


def judge(layout: Layout, matrix: Matrix, state: State) -> tuple[Signature, ...]:
    """Give the verdict with just this state's keys trusted."""
    for text in state.keys:
        block = pgp.key_block(text.encode())
        place = Path(layout.local_config, "trustedkeys/prefix.d", state.prefix)
        place.mkdir(parents=True, exist_ok=True)
        (place / block.primary.fingerprint.lower()).write_text(text)
    fd = os.open(matrix.data, os.O_RDONLY)
    try:
        found = verify.read_signatures(state.signature, "x.aci.asc")
        return verify.verify(state.name, fd, found, trust.keys_for(layout, state.name))
    finally:
        os.close(fd)


@pytest.mark.threat("T44", "T45", "T46", "T47", "T48", "T49")
def test_every_state_has_its_one_verdict(matrix: Matrix, tmp_path: Path) -> None:
    assert len(matrix.states) >= 60
    wrong = []
    for number, (name, state) in enumerate(matrix.states.items()):
        layout = Layout(system_config=f"{tmp_path}/sys", local_config=f"{tmp_path}/{number}")
        try:
            found = judge(layout, matrix, state)
        except VerifyError as err:
            verdict, said = err.reason, err.sentence()
            assert "\n" not in said
            fits = verdict == state.verdict and state.says in said
        else:
            verdict, said = ACCEPTED, ""
            fits = state.verdict == ACCEPTED
            trusted = {
                pgp.key_block(key.encode()).primary.fingerprint.lower() for key in state.keys
            }
            assert {each.key for each in found} <= trusted
        if not fits:
            wrong.append(f"{name}: {verdict} ({said}), not {state.verdict}")
    assert wrong == []


@pytest.fixture(scope="module")
def key_and_signature(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Key, Path, bytes]]:
    """A key, a file, and its detached signature in binary."""
    with GpgLab() as lab:
        key = lab.generate("Key <k@example.com>")
        data = tmp_path_factory.mktemp("one") / "data"
        data.write_bytes(b"x" * 1000)
        signature = data.with_suffix(".sig")
        lab.gpg("--digest-algo", "SHA512", "--output", str(signature), "--detach-sign", str(data))
        yield key, data, signature.read_bytes()


def check(tmp_path: Path, key: Key, data: Path, signature: bytes) -> tuple[Signature, ...]:
    """Verify with one key trusted for example.com."""
    layout = Layout(system_config=f"{tmp_path}/sys", local_config=f"{tmp_path}/etc")
    trust.add_key(layout, key.armoured.encode(), prefix="example.com")
    with open(data, "rb") as file:
        found = verify.read_signatures(signature, "x.aci.asc")
        return verify.verify(NAME, file.fileno(), found, trust.keys_for(layout, NAME))


HONEST = "is the real one after all"
SHIMS = {
    HONEST: 'exec /usr/bin/gpg "$@"',
    "exits 0 whatever it is asked": "exit 0",
    "prints nothing and fails": "exit 2",
    "is killed": "kill -9 $$",
    "says good, then crashes": "printf '{good}' >&$fd; kill -SEGV $$",
    "says good and exits 1": "printf '{good}' >&$fd; exit 1",
    "says good on standard output": "printf '{good}'; exit 0",
    "says good on standard error": "printf '{good}' >&2; exit 0",
    "says good for another key": "printf '{stranger}' >&$fd; exit 0",
    "says good with a short key ID": "printf '{short}' >&$fd; exit 0",
    "says good twice": "printf '{good}{good}' >&$fd; exit 0",
    "says good and bad": "printf '{good}[GNUPG:] BADSIG 0 x\\n' >&$fd; exit 0",
    "says good and expired": "printf '{good}[GNUPG:] EXPKEYSIG 0 x\\n' >&$fd; exit 0",
    "says good of another digest": "printf '{sha1}' >&$fd; exit 0",
    "says good without its end": "printf '{good}[GNUPG:] TRUST_ULT' >&$fd; exit 0",
    "says good among other lines": "printf 'hello\\n{good}' >&$fd; exit 0",
    "says good after a carriage return": "printf 'x\\r{good}' >&$fd; exit 0",
    "writes a gigabyte of status": "yes '[GNUPG:] NEWSIG' | head -c 1000000000 >&$fd; exit 0",
    "writes a gigabyte of errors": "head -c 1000000000 /dev/zero >&2; exit 0",
    "meets a full disk": "printf '{good}' >/dev/full; exit 2",
    "hangs": "exec sleep 600.25",
    "hangs with its status closed": "exec {{fd}}>&-; exec sleep 600.25",
    "leaves a child that hangs": "sleep 600.25 & printf '{good}' >&$fd; exit 1",
    "is not there": "",
}


@pytest.mark.threat("T51", "T47")
@pytest.mark.parametrize("what", SHIMS)
def test_a_gpg_that_lies_or_fails_accepts_nothing(
    key_and_signature: tuple[Key, Path, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    """A stand-in answers everything but the verification like gpg."""
    key, data, signature = key_and_signature
    assert check(tmp_path, key, data, signature)
    fpr, stranger = key.fingerprint, "0123456789ABCDEF" * 2 + "01234567"

    def lines(fingerprint: str, digest: str = "10") -> str:
        valid = f"VALIDSIG {fingerprint} 2026-01-01 1700000000 0 4 0 22 {digest} 00 {fingerprint}"
        good = f"GOODSIG {fingerprint[-16:]} x"
        return "".join(f"[GNUPG:] {line}\\n" for line in ("NEWSIG", good, valid))

    texts = {
        "good": lines(fpr),
        "stranger": lines(stranger),
        "short": lines(fpr[-16:]),
        "sha1": lines(fpr, "2"),
    }
    place = Path("/var/tmp", f"podwright-shim-{os.getpid()}")
    if SHIMS[what]:
        place.write_text(
            "#!/bin/bash\nfd=$(sed 's/.*--status-fd \\([0-9]*\\).*/\\1/' <<<\"$*\")\n"
            'case "$*" in *--verify*) ;; *) exec /usr/bin/gpg "$@" ;; esac\n'
            + SHIMS[what].format(**texts)
            + "\n"
        )
        place.chmod(0o755)
    monkeypatch.setattr(gpgmodule, "BINARIES", (str(place),))
    monkeypatch.setattr(confine, "LIBRARY_PATHS", ("/usr", "/bin", "/lib", "/lib64", "/dev"))
    monkeypatch.setattr(gpgmodule.Gpg.__init__, "__kwdefaults__", {"binary": "", "timeout": 3.0})
    before = children()
    try:
        if what == HONEST:
            assert check(tmp_path, key, data, signature)
            return
        with pytest.raises(VerifyError) as caught:
            check(tmp_path, key, data, signature)
    finally:
        place.unlink(missing_ok=True)
    assert caught.value.reason in ("gpg-failed", "not-trusted")
    assert "\n" not in caught.value.sentence()
    assert children() == before
    for _ in range(200):  # a killed process whose parent is gone may take a moment to go
        if not sleeping():
            break
        time.sleep(0.05)
    assert sleeping() == 0


def sleeping() -> int:
    """How many of the shims' sleepers are left, whosever children they are by now."""
    return sum(command_of(path) == b"sleep\x00600.25\x00" for path in Path("/proc").glob("[0-9]*"))


def command_of(process: Path) -> bytes:
    """The command line of a process; nothing of one that is gone by now."""
    try:
        return (process / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def children() -> set[int]:
    """Processes whose parent this is."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return {int(word) for word in listed.split()}


@pytest.mark.threat("T50")
def test_no_name_of_a_file_or_key_is_ever_an_argument_of_gpg(
    key_and_signature: tuple[Key, Path, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorder in gpg's place writes down its arguments; files are named like options."""
    key, data, signature = key_and_signature
    canary = tmp_path / "canary"
    hostile = tmp_path / f"--output={canary}".replace("/", "_")
    hostile.write_bytes(data.read_bytes())
    recorded: list[list[str]] = []
    popen = subprocess.Popen

    def record(arguments: list[str], **options: Any) -> Any:
        recorded.append(list(arguments))
        return popen(arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", record)
    for name in (hostile, tmp_path / "-x", tmp_path / "a\nb:c d"):
        name.write_bytes(data.read_bytes())
        assert check(tmp_path, key, name, signature)
    recorded = [
        arguments for arguments in recorded if arguments[0].startswith("/")
    ]  # not the lab's
    verifications = [arguments for arguments in recorded if "--verify" in arguments]
    assert len(verifications) == 3
    for arguments in recorded:
        joined = "\n".join(arguments)
        assert str(tmp_path) not in joined
        assert "canary" not in joined
        assert key.fingerprint not in joined
    for arguments in verifications:
        assert arguments[arguments.index("--verify") :][1] == "--"
    assert not canary.exists()


@pytest.mark.threat("T52")
def test_a_hostile_home_is_ignored_and_nothing_is_left_running(
    key_and_signature: tuple[Key, Path, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, data, signature = key_and_signature
    home = tmp_path / ".gnupg"
    home.mkdir(mode=0o700)
    canary = tmp_path / "canary"
    (home / "gpg.conf").write_text(
        f"auto-key-retrieve\nkeyserver hkp://127.0.0.1:9\nkeyring {tmp_path}/other.gpg\n"
        f"log-file {canary}\ntrusted-key {'0' * 16}\nno-such-option\n"
    )
    (home / "gpg-agent.conf").write_text(f"log-file {canary}\n")
    (home / "dirmngr.conf").write_text(f"log-file {canary}\n")
    helpers = ("gpg-agent", "dirmngr", "keyboxd", "scdaemon")

    def running() -> int:
        names = [path.read_text() for path in Path("/proc").glob("[0-9]*/comm") if path.exists()]
        return sum(name.strip() in helpers for name in names)

    before = running()
    for value in (str(home), "", None):
        for name in ("GNUPGHOME", "HOME"):
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
        assert check(tmp_path, key, data, signature)
    assert not canary.exists()
    assert sorted(path.name for path in home.iterdir()) == [
        "dirmngr.conf",
        "gpg-agent.conf",
        "gpg.conf",
    ]
    assert running() == before


@pytest.mark.threat("T45", "T46")
@pytest.mark.parametrize("seed", range(4))
def test_mutated_signature_files_are_read_or_refused_and_never_crash(
    key_and_signature: tuple[Key, Path, bytes], seed: int
) -> None:
    """500 mutations each of a signature file, a key and a signed message."""
    import random

    key, _, signature = key_and_signature
    randomness = random.Random(seed)
    sources: list[tuple[bytes, Callable[[bytes], object]]] = [
        (signature, pgp.signatures),
        (pgpbench.exported(key), pgp.key_ring),
        (key.armoured.encode(), pgp.key_ring),
        (key.armoured.encode(), pgp.key_block),
        (signature, signedmessage.open_message),
    ]
    refused = 0
    for _ in range(500):
        for data, read in sources:
            changed = bytearray(data)
            for _ in range(randomness.randint(1, 4)):
                where = randomness.randrange(len(changed))
                kind = randomness.randrange(4)
                if kind == 0:
                    changed[where] = randomness.randrange(256)
                elif kind == 1:
                    changed[where : where + randomness.randrange(8)] = b""
                elif kind == 2:
                    changed[where:where] = randomness.randbytes(4)
                else:
                    changed += changed[where : where + 64]
                if not changed:
                    changed = bytearray(b"\0")
            try:
                read(bytes(changed))
            except pgp.Malformed:
                refused += 1
    assert refused > 500


@pytest.mark.threat("T53")
@pytest.mark.parametrize("how", ["mode 000", "other-writable", "file", "fifo", "link", "loop", "foreign",
                                 "strange name", "key mode 000", "key fifo", "key other-writable",
                                 "key of another name", "key truncated", "key garbage", "key link"])  # fmt: skip
def test_a_trust_store_that_is_not_in_order_trusts_nobody_and_is_named(
    key_and_signature: tuple[Key, Path, bytes], tmp_path: Path, how: str
) -> None:
    key, data, signature = key_and_signature
    assert check(tmp_path, key, data, signature)
    place = tmp_path / "etc/trustedkeys/prefix.d/example.com"
    file = place / key.fingerprint.lower()
    what = file if how.startswith("key") else place
    if how in ("mode 000", "key mode 000"):
        what.chmod(0)
    elif how in ("other-writable", "key other-writable"):
        what.chmod(what.stat().st_mode | 0o002)
    elif how == "foreign":
        os.chown(place, 12345, 12345)
    elif how == "strange name":
        (place / "README").write_text("hello")
    elif how == "key of another name":
        file.rename(place / ("0" * 40))
        what = place / ("0" * 40)
    elif how == "key truncated":
        file.write_text(key.armoured[:100])
    elif how == "key garbage":
        file.write_text("junk")
    else:
        target = tmp_path / "elsewhere"
        what.rename(target)
        if "fifo" in how:
            os.mkfifo(what)
        elif how == "file":
            what.write_text("")
        else:
            what.symlink_to(what.name if how == "loop" else target)
    layout = Layout(system_config=f"{tmp_path}/sys", local_config=f"{tmp_path}/etc")
    with pytest.raises(VerifyError) as caught, open(data, "rb") as archive:
        found = verify.read_signatures(signature, "x.aci.asc")
        verify.verify(NAME, archive.fileno(), found, trust.keys_for(layout, NAME))
    assert caught.value.reason == "bad-trust-store"
    assert str(what) in caught.value.sentence()
    assert "\n" not in caught.value.sentence()


@pytest.mark.threat("T44", "T53")
def test_a_masked_key_and_an_empty_store_trust_nobody(
    key_and_signature: tuple[Key, Path, bytes], tmp_path: Path
) -> None:
    """Disabling a key is a mask here: an empty file of its name."""
    key, data, signature = key_and_signature
    assert check(tmp_path, key, data, signature)
    place = tmp_path / "etc/trustedkeys/prefix.d/example.com" / key.fingerprint.lower()
    layout = Layout(system_config=f"{tmp_path}/sys", local_config=f"{tmp_path}/etc")
    for state in ("masked", "empty"):
        if state == "masked":
            place.write_text("")
        else:
            place.unlink()
        with pytest.raises(VerifyError) as caught, open(data, "rb") as archive:
            found = verify.read_signatures(signature, "x.aci.asc")
            verify.verify(NAME, archive.fileno(), found, trust.keys_for(layout, NAME))
        assert caught.value.reason == "no-key"
