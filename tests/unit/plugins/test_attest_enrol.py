# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enrolment: an attestation key is bound to a TPM that somebody vouches for, and pinned."""

from __future__ import annotations

import datetime
import json
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    attest_enrol,
    attest_pins,
    tpm_certificate,
    tpm_credential,
    tpm_keys,
    tpm_structures,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_enrol import Trust
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_failure import Failure
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_judge import Seen
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_pins import Pin
from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_structures import TpmError

from tests.support import attesting, ekcerts
from tests.support.attesting import Bench, encoded

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
FIRST = Trust((), None, True)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """A TPM in software with its keys."""
    with tempfile.TemporaryDirectory(prefix="pwtest-", dir="/tmp") as directory:
        bench = Bench(Path(directory))
        try:
            bench.make_keys()
            yield bench
        finally:
            bench.close()


def answer(bench: Bench, certificate: bytes = b"", **more: Any) -> str:
    """What `podwright tpm key` prints."""
    ak = {"public": encoded(bench.public)}
    ek = {"public": encoded(bench.endorsement), "certificate": encoded(certificate)}
    return json.dumps({"format": 1, "ak": ak, "ek": ek, **more})


def refused(text: str, trust: Trust) -> tuple[str, str]:
    """Reason and sentence."""
    with pytest.raises(TpmError) as error:
        attest_enrol.keys(text, trust, NOW)
    return error.value.reason, str(error.value)


def opened(bench: Bench, challenge: attest_enrol.Challenge) -> str:
    """What the host answers to a challenge."""
    return json.dumps(
        {"format": 1, "credential": encoded(bench.activate(challenge.credential.file()))}
    )


def test_a_tpm_opens_what_is_made_for_it(bench: Bench) -> None:
    found = attest_enrol.keys(answer(bench), FIRST)
    challenge = attest_enrol.challenge(found)
    challenge.check(opened(bench, challenge))
    pin = found.pin(NOW)
    assert pin.key == bench.name.hex()
    assert (pin.by, pin.certificate, pin.time) == ("first_use", "", "2026-06-01T00:00:00Z")


def test_secrets_are_never_the_same(bench: Bench) -> None:
    found = attest_enrol.keys(answer(bench), FIRST)
    made = [attest_enrol.challenge(found) for _each in range(5)]
    assert len({one.secret for one in made}) == len({one.credential for one in made}) == 5


def test_what_was_not_opened_is_not_believed(bench: Bench) -> None:
    challenge = attest_enrol.challenge(attest_enrol.keys(answer(bench), FIRST))
    for guess in (b"", bytes(32), challenge.secret[:-1], challenge.secret + b"\0"):
        with pytest.raises(TpmError) as error:
            challenge.check(json.dumps({"format": 1, "credential": encoded(guess)}))
        assert error.value.reason == "not-activated"


def test_a_tpm_does_not_open_what_is_made_for_another_key(bench: Bench) -> None:
    """A key in software beside a real endorsement key: the TPM does not hold it."""
    public = tpm_structures.public(bench.endorsement)
    other = tpm_credential.make(public, b"\0\x0b" + os.urandom(32), os.urandom(32))
    with pytest.raises(AssertionError, match="integrity"):
        bench.activate(other.file())


@pytest.mark.parametrize("bits", ["ecc256", "ecc384", "rsa2048"])
def test_endorsement_keys_of_other_kinds(bench: Bench, bits: str, tmp_path: Path) -> None:
    """A storage key of each kind, in the place of the endorsement key."""
    attributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt"
    hash_name = "sha384" if bits == "ecc384" else "sha256"
    tool = bench.tpm.tool
    given = ("-C", "e", "-g", hash_name, "-G", f"{bits}:null:aes128cfb", "-a", attributes)
    tool("createprimary", *given, "-c", "store.ctx")
    tool("readpublic", "-c", "store.ctx", "-o", "store.pub")
    tool("flushcontext", "-t")
    store = tpm_structures.public((bench.files / "store.pub").read_bytes())
    assert tpm_credential.lacks(store) == []
    secret = os.urandom(32)
    (bench.files / "credential").write_bytes(tpm_credential.make(store, bench.name, secret).file())
    files = ("-i", "credential", "-o", "opened")
    tool("activatecredential", "-c", "ak.ctx", "-C", "store.ctx", *files)
    tool("flushcontext", "-t")
    assert (bench.files / "opened").read_bytes() == secret


def test_keys_that_are_not_what_they_have_to_be(bench: Bench) -> None:
    ak, ek = (
        {"public": encoded(key), "certificate": ""} for key in (bench.public, bench.endorsement)
    )
    reason, said = refused(answer(bench, ak=ek), FIRST)
    assert reason == "key-unfit" and "is not sign" in said
    reason, said = refused(answer(bench, ek=ak), FIRST)
    assert reason == "key-unfit" and "is not decrypt" in said
    for bad in (b"", b"\0", bench.public[:-1], bench.public + b"\0", bytes(90), bytes(5000)):
        broken = {"public": encoded(bad), "certificate": ""}
        assert refused(answer(bench, ak=broken), FIRST)[0] == "malformed"
        assert refused(answer(bench, ek=broken), FIRST)[0] == "malformed"


def test_every_bit_of_a_public_area_is_in_its_name(bench: Bench) -> None:
    for key in (bench.public, bench.endorsement):
        name = tpm_keys.name(tpm_structures.public(key))
        for at in range(2, len(key)):
            bad = bytearray(key)
            bad[at] ^= 1 << at % 8
            try:
                assert tpm_keys.name(tpm_structures.public(bytes(bad))) != name
            except TpmError as error:
                assert error.reason == "malformed"


def test_an_endorsement_key_that_is_known(bench: Bench) -> None:
    name = tpm_keys.fingerprint(tpm_structures.public(bench.endorsement))
    assert attest_enrol.keys(answer(bench), Trust((), name, False)).by == "endorsement_key"
    other = f"000b{'00' * 32}"
    assert refused(answer(bench), Trust((), other, False))[0] == "endorsement-unknown"


def test_something_must_vouch() -> None:
    for trust in (Trust((b"x",), None, False), Trust((), "x", False), FIRST):
        trust.check()
    with pytest.raises(Failure, match="nothing says"):
        Trust((), None, False).check()


@pytest.fixture(scope="module")
def maker(bench: Bench) -> ekcerts.Maker:
    """Who has made the TPM."""
    return ekcerts.Maker(tpm_keys.public_key(tpm_structures.public(bench.endorsement)))


def test_a_certificate_that_leads_to_its_maker(bench: Bench, maker: ekcerts.Maker) -> None:
    certificate = maker.certificate()
    assert b"BEGIN" not in certificate
    for given in (maker.root, maker.between, maker.root + maker.between):
        files = (given, ekcerts.Maker(maker.key).root)
        if given == maker.root:
            assert (
                refused(answer(bench, certificate), Trust(files, None, False))[0]
                == "bad-certificate"
            )
            continue
        found = attest_enrol.keys(answer(bench, certificate), Trust(files, None, False), NOW)
        assert found.by == "certificate"
        assert len(found.pin(NOW).certificate) == 64
    trust = Trust((maker.root, maker.between), None, False)
    padded = certificate + b"\xff" * 300
    assert attest_enrol.keys(answer(bench, padded), trust, NOW).by == "certificate"


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "of another key": ({"other_key": True}, "about another key"),
    "expired": ({"until": NOW - datetime.timedelta(days=1)}, "has expired"),
    "not valid yet": ({"since": NOW + datetime.timedelta(days=1)}, "not valid yet"),
    "of an authority": ({"authority": True}, "one of an authority"),
    "of a web server": ({"use": "1.3.6.1.5.5.7.3.1"}, "not for an endorsement key"),
    "signed by itself": ({"by_itself": True}, "does not lead to"),
    "whose issuer may not issue": ({"weak_issuer": True}, "does not lead to"),
    "whose issuer has expired": ({"old_issuer": True}, "has expired"),
}


@pytest.mark.parametrize("how", BAD)
def test_certificates_that_vouch_for_nothing(bench: Bench, maker: ekcerts.Maker, how: str) -> None:
    options, says = BAD[how]
    certificate = maker.certificate(**options)
    trust = Trust((maker.root, maker.between, *maker.others), None, True)
    reason, said = refused(answer(bench, certificate), trust)
    assert reason == "bad-certificate"
    assert says in said


def test_a_certificate_of_a_maker_that_is_not_ours(bench: Bench, maker: ekcerts.Maker) -> None:
    other = ekcerts.Maker(maker.key)
    trust = Trust((other.root, other.between), None, True)
    reason, said = refused(answer(bench, maker.certificate()), trust)
    assert (reason, "does not lead to" in said) == ("bad-certificate", True)
    assert refused(answer(bench), trust)[0] == "no-certificate"
    for junk in (b"x", b"\x30\x82\x01\x00", b"\x30\x82" + bytes(5000), os.urandom(500)):
        assert refused(answer(bench, junk), trust)[0] == "bad-certificate"
    with pytest.raises(TpmError, match="a file of ca_certificates"):
        tpm_certificate.authorities([b"junk"])


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.threat("T95")
def test_a_certificate_with_any_byte_changed_is_refused_in_words(
    bench: Bench, maker: ekcerts.Maker
) -> None:
    """Much of a certificate is only read when it is asked for, and may then be found to be nonsense."""
    whole = maker.certificate(until=NOW - datetime.timedelta(days=1))
    trust = Trust((maker.root, maker.between), None, False)
    for at in range(len(whole)):
        for flip in (0x01, 0x80):
            changed = whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
            assert refused(answer(bench, changed), trust)[0] == "bad-certificate", (at, flip)


PIN = Pin(f"000b{'ab' * 32}", f"000b{'cd' * 32}", "", "first_use", "2026-06-01T00:00:00Z")
SEEN = Seen(attesting.BOOT, 1, 0, 2, 3, "00" * 32)


def test_pins_are_files_of_a_directory(tmp_path: Path) -> None:
    keys = str(tmp_path / "keys")
    assert attest_pins.load(keys, "web1") is None
    attest_pins.save(keys, "web1", PIN)
    assert attest_pins.load(keys, "web1") == PIN
    assert attest_pins.load(keys, "web2") is None
    assert attest_pins.holder(keys, PIN, "web2") == f"{keys}/web1.json"
    assert attest_pins.holder(keys, PIN, "web1") == ""
    attest_pins.remember(keys, "web1", PIN.key, SEEN)
    assert attest_pins.last_seen(keys, "web1", PIN.key) == SEEN
    assert attest_pins.last_seen(keys, "web1", f"000b{'00' * 32}") is None, "of another key"
    attest_pins.save(keys, "web1", PIN._replace(by="certificate"))
    assert attest_pins.last_seen(keys, "web1", PIN.key) is None
    attest_pins.remember(keys, "web1", PIN.key, SEEN)
    assert sorted(os.listdir(keys)) == ["web1.json", "web1.seen"]
    attest_pins.forget(keys, "web1")
    assert os.listdir(keys) == []
    attest_pins.forget(keys, "web1")


@pytest.mark.parametrize("host", ["x/../y", "a/b", "[::1]", "ä", "a b", "x\ny", "web.json"])
def test_whatever_a_host_is_called_its_pin_is_in_the_directory(tmp_path: Path, host: str) -> None:
    place = Path(attest_pins.place(str(tmp_path), host))
    assert place.parent == tmp_path
    attest_pins.save(str(tmp_path), host, PIN)
    assert attest_pins.load(str(tmp_path), host) == PIN


@pytest.mark.parametrize("host", ["", ".", "..", "../x", ".hidden", "x" * 300])
def test_hosts_after_which_no_file_can_be_named(tmp_path: Path, host: str) -> None:
    with pytest.raises(attest_pins.PinError):
        attest_pins.place(str(tmp_path), host)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "x", '{"key": 7}', json.dumps({"format": 2, **PIN._asdict()})]
)
def test_a_pin_that_was_damaged_is_not_taken_for_none(tmp_path: Path, text: str) -> None:
    """Else anybody who can break it could enrol another key."""
    (tmp_path / "web.json").write_text(text)
    with pytest.raises(attest_pins.PinError) as error:
        attest_pins.load(str(tmp_path), "web")
    assert error.value.reason == "bad-pin"


@pytest.mark.parametrize("text", ["", "{}", "[]", "x", '{"key": "x"}'])
def test_what_was_seen_and_is_damaged_is_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / "web.seen").write_text(text)
    assert attest_pins.last_seen(str(tmp_path), "web", PIN.key) is None


def test_one_tpm_was_enrolled_as_two_hosts_by_another_attestation_key(tmp_path: Path) -> None:
    keys = str(tmp_path)
    attest_pins.save(keys, "web1", PIN)
    borrowed = PIN._replace(key=f"000b{'12' * 32}")
    assert attest_pins.holder(keys, borrowed, "web2") == f"{keys}/web1.json"
    own = borrowed._replace(endorsement=f"000b{'34' * 32}")
    assert attest_pins.holder(keys, own, "web2") == "", "control: of another TPM"


def test_two_enrolments_at_once_pinned_one_key_for_two_hosts(tmp_path: Path) -> None:
    keys = str(tmp_path)

    def enrol(host: str) -> bool:
        with attest_pins.alone(keys):
            if attest_pins.holder(keys, PIN, host):
                return False
            attest_pins.save(keys, host, PIN)
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(enrol, [f"web{at}" for at in range(8)])) == [*[False] * 7, True]
