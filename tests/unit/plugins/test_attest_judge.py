# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a controller finds out about a host: quotes of a real TPM in software, and what an attacker makes of them."""

from __future__ import annotations

import copy
import datetime
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    attest_judge,
    tpm_keys,
    tpm_structures,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_allow import Allowed
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_judge import (
    Report,
    Seen,
    Wanted,
)
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from tests.support import attesting
from tests.support.attesting import Bench, app, baseline, digest, end, record, start, uuid

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
Log = list[dict[str, Any]]


@pytest.fixture(scope="module")
def only_bench() -> Iterator[Bench]:
    """A TPM in software, for all tests here."""
    with tempfile.TemporaryDirectory(prefix="pwtest-", dir="/tmp") as directory:
        bench = Bench(Path(directory), pcr=23)
        try:
            bench.make_keys()
            yield bench
        finally:
            bench.close()


@pytest.fixture
def bench(only_bench: Bench) -> Bench:
    """It, with nothing measured."""
    only_bench.fresh()
    return only_bench


@pytest.fixture
def host(bench: Bench) -> Bench:
    """A host on which two pods run, and a third did."""
    bench.measure(start(1), start(2), start(3), end(2))
    bench.runs(1, 3)
    return bench


def wanted(bench: Bench, nonce: bytes, **more: Any) -> Wanted:
    """What the controller wants of the host."""
    return Wanted(nonce, bench.name, bench.pcr, "sha256", Allowed(), NOW)._replace(**more)


def judged(bench: Bench, **more: Any) -> Report:
    """The report about a host; `more` replaces what it says."""
    nonce = attesting.nonce()
    return attest_judge.judge(bench.answer(nonce, **more), wanted(bench, nonce))


def reasons(report: Report) -> list[str]:
    """The words for what is wrong."""
    out = attest_judge.described(report, Wanted(b"", b"", 23, "sha256", Allowed(), NOW))
    assert out["trusted"] == (not out["verdicts"])
    assert all(one["message"].isprintable() for one in out["verdicts"])
    return [one["reason"] for one in out["verdicts"]]


def test_a_host_that_says_the_truth_is_trusted(host: Bench) -> None:
    report = judged(host)
    assert report.trusted
    out = attest_judge.described(report, wanted(host, b""))
    assert [pod["name"] for pod in out["pods"]] == ["pod1", "pod3"]
    assert out["pods"][0]["apps"][0]["image_name"] == "example.com/web:1.0"
    assert (out["records"], out["started"], out["ended"], out["running"]) == (5, 3, 1, 2)
    assert out["value"] == attesting.values(host.log)[-1]
    assert out["resets"] >= 1 and out["clock"] > 0 and out["safe"] is True
    assert int(out["firmware"], 16) > 0


def test_a_host_that_runs_nothing_is_trusted(bench: Bench) -> None:
    bench.measure(baseline())
    assert judged(bench).trusted


def changed(log: Log) -> Log:
    """A record says something else."""
    log[1]["content"]["apps"] = [app("example.com/harmless:1.0")]
    return log


def changed_with_its_digest(log: Log) -> Log:
    """And its digest fits."""
    return [record(one["recnum"], one["content"], 23) for one in changed(log)]


def renumbered(log: Log) -> Log:
    return [{**one, "recnum": number} for number, one in enumerate(log)]


TAMPERED: dict[str, tuple[Callable[[Log], Any], str]] = {
    "a record was changed": (changed, "bad-log"),
    "a record was changed and its digest, too": (changed_with_its_digest, "log-mismatch"),
    "a record was removed": (lambda log: log[:2] + log[3:], "bad-log"),
    "a record was removed, the rest renumbered": (
        lambda log: renumbered(log[:2] + log[3:]),
        "log-mismatch",
    ),
    "the last record was removed": (lambda log: log[:-1], "log-mismatch"),
    "two records have changed places": (
        lambda log: [log[0], log[2], log[1], *log[3:]],
        "bad-log",
    ),
    "two records have changed places and numbers": (
        lambda log: renumbered([log[0], log[2], log[1], *log[3:]]),
        "log-mismatch",
    ),
    "a record was put in": (
        lambda log: renumbered([*log[:2], record(2, start(9), 23), *log[2:]]),
        "log-mismatch",
    ),
    "a record was put at the end": (
        lambda log: [*log, record(len(log), start(9), 23)],
        "log-mismatch",
    ),
    "a record was repeated": (lambda log: renumbered([*log[:2], *log[1:]]), "log-mismatch"),
    "the baseline was removed": (lambda log: renumbered(log[1:]), "bad-log"),
    "there are two baselines": (lambda log: renumbered([log[0], *log]), "bad-log"),
    "there are no records": (lambda _log: [], "bad-log"),
    "the log is an object": (lambda log: {"0": log[0]}, "bad-log"),
    "the log is null": (lambda _log: None, "bad-log"),
    "it is the log of another PCR": (
        lambda log: [record(one["recnum"], one["content"], 16) for one in log],
        "bad-log",
    ),
    "it is the log of another bank": (
        lambda log: [record(one["recnum"], one["content"], 23, "sha384") for one in log],
        "bad-log",
    ),
    "a record has a second digest": (
        lambda log: [{**one, "digests": one["digests"] * 2} for one in log],
        "bad-log",
    ),
    "a record has a field more": (lambda log: [{**one, "x": 1} for one in log], "bad-log"),
    "it is somebody else's": (
        lambda log: [{**one, "content_type": "pcclient_std"} for one in log],
        "bad-log",
    ),
    "a number is true": (lambda log: [log[0], {**log[1], "recnum": True}, *log[2:]], "bad-log"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_tampered_log_is_noticed(host: Bench, how: str) -> None:
    tamper, reason = TAMPERED[how]
    log = tamper(copy.deepcopy(host.log))
    report = judged(host, log=log)
    assert reasons(report) == [reason]
    assert not attest_judge.described(report, wanted(host, b""))["pods"]
    assert judged(host).trusted, "it is the log, and nothing else"


def test_it_is_said_where_the_log_is_longer_than_what_was_measured(host: Bench) -> None:
    more = [record(5, start(8), 23), record(6, start(9), 23)]
    (verdict,) = judged(host, log=[*host.log, *more]).verdicts
    assert "2 record(s) more" in verdict.message
    assert verdict.record == 5


def test_a_measurement_that_is_not_in_the_log_is_noticed(host: Bench) -> None:
    host.extend("ab" * 32)
    assert reasons(judged(host)) == ["log-mismatch"]


def test_another_key_is_noticed(host: Bench) -> None:
    host.primary("other", "rsa2048:rsassa-sha256:null", attesting.AK_ATTRIBUTES)
    nonce = attesting.nonce()
    said = host.said(nonce, *host.quote(nonce, key="other"))
    assert reasons(attest_judge.judge(json.dumps(said), wanted(host, nonce))) == ["bad-signature"]
    said["ak"]["public"] = attesting.encoded((host.files / "other.pub").read_bytes())
    assert reasons(attest_judge.judge(json.dumps(said), wanted(host, nonce))) == ["key-replaced"]


def test_an_old_quote_is_noticed(host: Bench) -> None:
    old = host.answer(attesting.nonce())
    nonce = attesting.nonce()
    assert reasons(attest_judge.judge(old, wanted(host, nonce))) == ["replayed-quote"]
    lying = {**json.loads(old), "nonce": nonce.hex()}
    report = attest_judge.judge(json.dumps(lying), wanted(host, nonce))
    assert reasons(report) == ["replayed-quote"]


@pytest.mark.parametrize(
    "selection", ["sha256:16", "sha384:23", "sha256:16,23", "sha256:23+sha1:23"]
)
def test_a_quote_of_another_pcr_is_noticed(host: Bench, selection: str) -> None:
    nonce = attesting.nonce()
    report = attest_judge.judge(host.answer(nonce, selection), wanted(host, nonce))
    assert reasons(report) == ["wrong-pcr"]


def test_every_bit_of_quote_and_signature_counts(host: Bench) -> None:
    nonce = attesting.nonce()
    quote, signature = host.quote(nonce)
    for which, data in enumerate((quote, signature)):
        for at in range(len(data)):
            bad = bytearray(data)
            bad[at] ^= 1 << at % 8
            parts = [quote, signature]
            parts[which] = bytes(bad)
            said = json.dumps(host.said(nonce, *parts))
            (reason,) = reasons(attest_judge.judge(said, wanted(host, nonce)))
            assert reason in ("bad-signature", "malformed"), at
    good = attest_judge.judge(json.dumps(host.said(nonce, quote, signature)), wanted(host, nonce))
    assert good.trusted


def test_what_is_cut_off_or_too_long_is_no_quote(host: Bench) -> None:
    nonce = attesting.nonce()
    quote, signature = host.quote(nonce)
    pairs = [(quote[:at], signature) for at in range(len(quote))]
    pairs += [(quote, signature[:at]) for at in range(len(signature))]
    pairs += [
        (quote + b"\0", signature),
        (quote, signature + b"\0"),
        (b"", b""),
        (bytes(5000),) * 2,
    ]
    for one, other in pairs:
        said = json.dumps(host.said(nonce, one, other))
        (reason,) = reasons(attest_judge.judge(said, wanted(host, nonce)))
        assert reason in ("bad-signature", "malformed")


@pytest.mark.parametrize("missing", ["fixedtpm|fixedparent", "sensitivedataorigin", "restricted"])
def test_a_key_that_could_sign_anything_is_none(host: Bench, missing: str) -> None:
    """It is not the host's fault: such a key was pinned by mistake."""
    attributes = [
        word for word in attesting.AK_ATTRIBUTES.split("|") if word not in missing.split("|")
    ]
    bits = sum(tpm_attribute(word) for word in attributes)
    public = bytearray(host.public)
    public[6:10] = bits.to_bytes(4, "big")
    nonce = attesting.nonce()
    said = host.said(nonce, *host.quote(nonce))
    said["ak"]["public"] = attesting.encoded(bytes(public))
    name = tpm_keys.name(tpm_structures.public(bytes(public)))
    report = attest_judge.judge(json.dumps(said), wanted(host, nonce, name=name))
    assert reasons(report) == ["key-unfit"]
    assert missing.split("|")[0] in report.verdicts[0].message


def tpm_attribute(word: str) -> int:
    return tpm_structures.ATTRIBUTES[word]


def test_a_key_of_the_tpm_that_is_not_restricted_is_none(host: Bench) -> None:
    """It signs a forged quote: whatever begins with TPM_GENERATED_VALUE."""
    attributes = attesting.AK_ATTRIBUTES.replace("restricted|", "")
    host.primary("free", "ecc256:ecdsa-sha256:null", attributes)
    nonce = attesting.nonce()
    forged = host.quote(nonce)[0]
    (host.files / "forged").write_bytes(forged)
    host.tpm.tool("sign", "-c", "free.ctx", "-g", "sha256", "-o", "forged.sig", "forged")
    host.tpm.tool("flushcontext", "-t")
    said = host.said(nonce, forged, (host.files / "forged.sig").read_bytes())
    public = (host.files / "free.pub").read_bytes()
    said["ak"]["public"] = attesting.encoded(public)
    name = tpm_keys.name(tpm_structures.public(public))
    assert tpm_keys.signed(
        tpm_structures.public(public),
        tpm_structures.signature((host.files / "forged.sig").read_bytes()),
        forged,
    ), "the signature is good"
    report = attest_judge.judge(json.dumps(said), wanted(host, nonce, name=name))
    assert reasons(report) == ["key-unfit"]
    assert "is not restricted" in report.verdicts[0].message


@pytest.mark.parametrize(
    ("begin", "reason"),
    [
        (b"\xffTCH\x80\x18", "not-generated"),
        (b"\0\0\0\0\x80\x18", "not-generated"),
        (b"\xffTCG\x80\x17", "not-a-quote"),
        (b"\xffTCG\x80\x14", "not-a-quote"),
    ],
)
def test_what_no_tpm_has_made_or_what_is_no_quote(host: Bench, begin: bytes, reason: str) -> None:
    """Signed by a key in software that claims to be one of a TPM, and was pinned."""
    nonce = attesting.nonce()
    quote = host.quote(nonce)[0]
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    point = b"".join(b"\0\x20" + axis.to_bytes(32, "big") for axis in (numbers.x, numbers.y))
    public = host.public[:-68] + point
    name = tpm_keys.name(tpm_structures.public(public))

    def judge(data: bytes) -> list[str]:
        r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        parts = b"".join(b"\0\x20" + part.to_bytes(32, "big") for part in (r, s))
        said = host.said(nonce, data, b"\0\x18\0\x0b" + parts)
        said["ak"]["public"] = attesting.encoded(public)
        return reasons(attest_judge.judge(json.dumps(said), wanted(host, nonce, name=name)))

    assert judge(quote) == [], "the key signs well"
    assert judge(begin + quote[6:]) == [reason]


def test_a_pod_whose_start_was_not_measured_is_noticed(host: Bench) -> None:
    host.runs(1, 2, 3)
    report = judged(host)
    assert reasons(report) == ["unmeasured-pod"]
    assert report.verdicts[0].pod == uuid(2), "it was measured as ended"
    host.runs(1, 3, 7)
    (verdict,) = judged(host).verdicts
    assert (verdict.reason, verdict.pod) == ("unmeasured-pod", uuid(7))


def test_a_pod_that_the_host_does_not_name_was_not_judged_in_scope_running(host: Bench) -> None:
    """Without an end in the log it runs, whatever the host says."""
    rules = Allowed(images=("example.com/web",))
    host.measure(
        start(4, app("example.com/miner:1.0")), start(5, app("example.com/old:1.0")), end(5)
    )
    nonce = attesting.nonce()
    text = host.answer(nonce)
    running = wanted(host, nonce, rules=rules, whole=False)
    assert reasons(attest_judge.judge(text, running)) == ["image-not-allowed"]
    assert attest_judge.judge(text, running).verdicts[0].pod == uuid(4)
    old = running._replace(rules=Allowed(), max_age=86000)
    assert [one.pod for one in attest_judge.judge(text, old).verdicts] == [
        uuid(1),
        uuid(3),
        uuid(4),
    ]


def test_what_ran_unmeasured_in_mode_log_left_no_trace(host: Bench) -> None:
    assert judged(host).trusted, "control"
    host.measure(attesting.missed(7), attesting.missed(1, "late"))
    report = judged(host)
    found = [(one.reason, one.pod, one.record) for one in report.verdicts]
    assert found == [("unmeasured-pod", uuid(7), 5), ("unmeasured-pod", uuid(1), 6)]
    assert "app late of pod" in report.verdicts[1].message
    nonce = attesting.nonce()
    running = wanted(host, nonce, whole=False)
    (only,) = attest_judge.judge(host.answer(nonce), running).verdicts
    assert only.pod == uuid(1), "the other one runs no more"


def test_an_app_that_was_added_unmeasured_to_a_measured_pod_was_invisible(host: Bench) -> None:
    measured = app("example.com/web:1.0")
    host.pods[0]["apps"] = [{"name": measured["name"], "image": measured["image"]}]
    assert judged(host).trusted, "control"
    host.pods[0]["apps"].append({"name": "late\x1b", "image": attesting.image_id("miner")})
    (verdict,) = judged(host).verdicts
    assert (verdict.reason, verdict.pod) == ("unmeasured-app", uuid(1))
    host.pods[0]["apps"] = [{"name": measured["name"], "image": attesting.image_id("miner")}]
    assert reasons(judged(host)) == ["unmeasured-app"], "by a measured app's name"


def test_a_pod_that_has_gone_before_its_end_was_measured_is_told(host: Bench) -> None:
    host.runs(1)
    report = judged(host)
    assert report.trusted
    pods = attest_judge.described(report, wanted(host, b""))["pods"]
    assert [pod["state"] for pod in pods] == ["running", "gone"]


def test_a_log_that_begins_with_somebody_elses_measurements_is_noticed(bench: Bench) -> None:
    bench.extend("ab" * 32)
    value = attesting.values([{"digests": [{"digest": "ab" * 32}]}])[0]
    bench.measure(baseline(value), start(1))
    bench.runs(1)
    report = judged(bench)
    assert reasons(report) == ["foreign-baseline"]
    assert report.verdicts[0].record == 0


def test_a_baseline_that_lies_about_zeros_is_noticed(bench: Bench) -> None:
    bench.extend("ab" * 32)
    bench.measure(start(1))
    assert reasons(judged(bench)) == ["log-mismatch"]


def test_a_measurement_of_somebody_else_that_the_agent_has_told_is_noticed(host: Bench) -> None:
    before = attesting.values(host.log)[-1]
    host.extend("ab" * 32)
    found = attesting.values([*host.log, {"digests": [{"digest": "ab" * 32}]}])[-1]
    time = "2026-01-01T00:00:03.000Z"
    host.measure({"event": "mismatch", "time": time, "value": found, "expected": before}, start(4))
    host.runs(1, 3, 4)
    report = judged(host)
    assert reasons(report) == ["foreign-measurement"]
    assert report.verdicts[0].record == 5


def test_the_log_of_another_boot_is_noticed(host: Bench) -> None:
    assert reasons(judged(host, boot_id="b0070000-0000-4000-8000-00000000000f")) == ["other-boot"]


def seen_by(report: Report) -> Seen:
    assert report.seen is not None
    return report.seen


def again(bench: Bench, seen: Seen, **more: Any) -> list[str]:
    nonce = attesting.nonce()
    text = bench.answer(nonce, **more)
    return reasons(attest_judge.judge(text, wanted(bench, nonce, seen=seen)))


def test_a_host_goes_on_from_what_was_seen(host: Bench) -> None:
    seen = seen_by(judged(host))
    assert again(host, seen) == []
    host.measure(start(4))
    assert again(host, seen) == []


def test_a_pcr_that_was_reset_for_another_history_is_noticed(host: Bench) -> None:
    """PCR 23 can be reset by root of the host; the log that comes then adds up."""
    host.measure(start(6, app("example.com/evil:1.0")))
    seen = seen_by(judged(host))
    host.fresh()
    host.measure(start(1), start(2), start(3), end(2))
    assert judged(host).trusted, "nothing in the quote tells it"
    assert again(host, seen) == ["history-changed"]


def test_a_tpm_that_was_reset_while_the_host_did_not_boot_is_noticed(host: Bench) -> None:
    seen = seen_by(judged(host))
    name = host.name
    host.boot()
    assert host.name == name
    host.measure(start(1))
    assert again(host, seen) == ["tpm-reset"]
    other = "b0070000-0000-4000-8000-000000000002"
    host.fresh()
    host.measure(baseline(boot_id=other), start(1))
    assert again(host, seen, boot_id=other) == [], "after a boot that is as it should be"


def test_a_tpm_that_was_restarted_rolled_the_history_back_unnoticed(host: Bench) -> None:
    """Root lets the TPM save its state and cuts the power; its PCRs begin anew, and no reset is counted."""
    host.measure(start(6, app("example.com/miner:1.0")))
    seen = seen_by(judged(host))
    host.tpm.tool("shutdown")
    host.tpm.stop()
    host.tpm.start()
    host.make_keys()
    host.log = []
    host.measure(start(1), start(2))
    host.runs(1, 2)
    report = judged(host)
    assert report.trusted and report.quote is not None, "nothing in the quote itself tells it"
    assert (report.quote.resets, report.quote.restarts) == (seen.resets, seen.restarts + 1)
    assert again(host, seen) == ["tpm-reset"]
    same = seen._replace(restarts=seen.restarts + 1)
    assert again(host, same._replace(restarts=seen.restarts + 2)) == ["rolled-back"]
    assert again(host, same) == ["history-changed"]


def test_a_host_that_sleeps_says_so(host: Bench) -> None:
    seen = seen_by(judged(host))
    seen = seen._replace(restarts=seen.restarts - 1)
    assert again(host, seen) == ["tpm-reset"]
    nonce = attesting.nonce()
    asleep = wanted(host, nonce, seen=seen, sleeps=True)
    assert attest_judge.judge(host.answer(nonce), asleep).trusted


def test_another_boot_without_a_reset_of_the_tpm_is_noticed(host: Bench) -> None:
    seen = seen_by(judged(host))
    other = "b0070000-0000-4000-8000-000000000002"
    host.fresh()
    host.measure(baseline(boot_id=other), start(1))
    assert again(host, seen, boot_id=other) == ["tpm-reset"]


def test_a_tpm_that_counts_less_than_before_is_noticed(host: Bench) -> None:
    seen = seen_by(judged(host))
    assert again(host, seen._replace(resets=seen.resets + 1)) == ["rolled-back"]
    assert again(host, seen._replace(clock=seen.clock + 10**9)) == ["rolled-back"]


def test_a_pod_that_runs_for_too_long_is_noticed(host: Bench) -> None:
    nonce = attesting.nonce()
    text = host.answer(nonce)
    young = wanted(host, nonce, max_age=86400)
    assert attest_judge.judge(text, young).trusted
    report = attest_judge.judge(text, young._replace(max_age=86000))
    assert [(one.reason, one.pod) for one in report.verdicts] == [
        ("too-old", uuid(1)),
        ("too-old", uuid(3)),
    ]


def test_a_pod_that_was_started_in_the_future_was_never_too_old(bench: Bench) -> None:
    bench.measure(
        start(1, time="2999-01-01T00:00:00.000Z"), start(2, time="2026-01-02T00:01:00.000Z")
    )
    nonce = attesting.nonce()
    text = bench.answer(nonce)
    (only,) = attest_judge.judge(text, wanted(bench, nonce, max_age=10**9)).verdicts
    assert (only.reason, only.pod) == ("too-old", uuid(1)), "a clock may be a minute fast"
    assert attest_judge.judge(text, wanted(bench, nonce)).trusted


def test_texts_of_the_host_are_plain_in_results(bench: Bench) -> None:
    bench.measure(start(1, app("example.com/\x9b31m", "\u202e"), name="\x9b31m", time="\x07"))
    out = attest_judge.described(judged(bench), wanted(bench, b""))
    (pod,) = out["pods"]
    texts = (pod["name"], pod["started"], pod["apps"][0]["name"], pod["apps"][0]["image_name"])
    assert texts == ("\\x9b31m", "\\x07", "\\u202e", "example.com/\\x9b31m")
    assert reasons(judged(bench, mode="\x9b31m")) == ["bad-answer"]


def test_what_the_host_itself_says_is_wrong_is_shown_as_plain_text(host: Bench) -> None:
    report = judged(host, problems=["a\x1b[31m{{ 1 }}\n", 7])
    assert reasons(report) == ["host-problem"]
    assert report.verdicts[0].message == "the host says: a\\x1b[31m{{ 1 }}\\n"


def test_no_more_is_said_than_somebody_reads(host: Bench) -> None:
    host.runs(*range(100, 300))
    report = judged(host)
    assert len(report.verdicts) == attest_judge.MOST + 1
    assert report.verdicts[-1].reason == "more"


def test_digests_are_as_the_agent_makes_them() -> None:
    content = {"event": "x", "b": [1, None, True], "a": 'ä\n\x01"'}
    from podwright.model import measured

    assert measured.digest(measured.canonical(content)) == digest(content)
    assert measured.to_json(measured.record(3, 13, "sha256", content)) == record(3, content)
