# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a host is to be trusted, by what its TPM has signed: pure, from bytes to verdicts.

First it is found out whether the log is what the TPM has measured. Only if it is, what stands in
it is looked at.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional

from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    attest_answer,
    attest_pods,
    tpm_keys,
    tpm_log,
    tpm_structures,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_allow import Allowed
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_answer import Evidence
from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_log import Log, LogError
from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_structures import (
    Quote,
    TpmError,
)

MOST = 50
"""Verdicts that one host gets; more say nothing more."""
CLOCKS = 300
"""Seconds that the clocks of host and controller may differ."""


class Seen(NamedTuple):
    """What a host's TPM said the last time that it was believed."""

    boot_id: str
    resets: int
    restarts: int
    clock: int
    records: int
    value: str


class Wanted(NamedTuple):
    """What the host was asked, and what it has to be.

    name     of the attestation key that is the host's
    whole    whether all that happened since the boot must be allowed, and not only what runs
    max_age  seconds that a pod may have run, if that matters
    sleeps   the host is one that sleeps: its TPM goes on after that, and counts a restart
    """

    nonce: bytes
    name: bytes
    pcr: int
    bank: str
    rules: Allowed
    now: datetime.datetime
    whole: bool = True
    max_age: Optional[int] = None
    seen: Optional[Seen] = None
    sleeps: bool = False


class Verdict(NamedTuple):
    """One thing that is wrong: a stable word, a sentence, and the record and pod that it is about."""

    reason: str
    message: str
    record: Optional[int] = None
    pod: str = ""


class Report(NamedTuple):
    """What was found out. Without `quote` and `log`, nothing that the host said is to be believed."""

    verdicts: tuple[Verdict, ...]
    evidence: Optional[Evidence] = None
    quote: Optional[Quote] = None
    log: Optional[Log] = None

    @property
    def trusted(self) -> bool:
        """Whether nothing is wrong."""
        return not self.verdicts

    @property
    def seen(self) -> Optional[Seen]:
        """What to remember for the next time, if the log is what the TPM has measured."""
        if self.quote is None or self.log is None:
            return None
        quote, log = self.quote, self.log
        boot = log.baseline["boot_id"]
        counts = (quote.resets, quote.restarts, quote.clock, len(log.records))
        return Seen(boot, *counts, log.value)


def judge(text: str, wanted: Wanted) -> Report:
    """The report about a host that has answered `text`."""
    try:
        evidence = attest_answer.evidence(text)
        quote = _believed(evidence, wanted)
    except TpmError as error:
        return Report((Verdict(error.reason, str(error)),))
    try:
        log = tpm_log.read(evidence.log, wanted.pcr, wanted.bank)
    except LogError as error:
        return _no_log(Verdict(error.reason, str(error), _number(error.record)), evidence)
    if not _measured(quote, log):
        return _no_log(_mismatch(quote, log), evidence)
    return Report(tuple(_bounded(_all(evidence, quote, log, wanted))), evidence, quote, log)


def _no_log(verdict: Verdict, evidence: Evidence) -> Report:
    return Report(tuple(_bounded(iter((verdict, *_problems(evidence))))))


def _number(record: int) -> int | None:
    return None if record < 0 else record


def _believed(evidence: Evidence, wanted: Wanted) -> Quote:
    """The quote, if the host's key has signed it now, over what was asked for. Raises TpmError."""
    key = tpm_structures.public(evidence.public)
    if tpm_keys.name(key) != wanted.name:
        raise TpmError(
            f"the host's TPM has another key, {tpm_keys.fingerprint(key)}, than the one that the"
            f" host was enrolled with, {wanted.name.hex()}: another TPM, or none",
            "key-replaced",
        )
    lacks = tpm_keys.lacks(key)
    if lacks:
        raise TpmError(f"the key is no attestation key: it {' and '.join(lacks)}", "key-unfit")
    signature = tpm_structures.signature(evidence.signature)
    if not tpm_keys.signed(key, signature, evidence.quote):
        raise TpmError("the quote is not signed by the host's key", "bad-signature")
    quote = tpm_structures.quote(evidence.quote)
    if quote.nonce != wanted.nonce:
        raise TpmError(
            "the quote answers another question than the one that was asked now: it is an old one",
            "replayed-quote",
        )
    if [(one.bank, one.pcrs) for one in quote.selections] != [(wanted.bank, (wanted.pcr,))]:
        raise TpmError(
            f"the quote is of {_selected(quote)}, and not of PCR {wanted.pcr} of bank"
            f" {wanted.bank}",
            "wrong-pcr",
        )
    return quote


def _selected(quote: Quote) -> str:
    found = [f"PCR {', '.join(map(str, one.pcrs))} of bank {one.bank}" for one in quote.selections]
    return " and ".join(found) or "no PCR"


def _measured(quote: Quote, log: Log) -> bool:
    return tpm_keys.digest_of(log.value) == quote.pcr_digest


def _mismatch(quote: Quote, log: Log) -> Verdict:
    """The TPM has measured something else than stands in the log."""
    behind = next(
        (one.number for one in log.records if tpm_keys.digest_of(one.value) == quote.pcr_digest),
        None,
    )
    if behind is not None:
        more = len(log.records) - behind - 1
        return Verdict(
            "log-mismatch",
            f"the event log has {more} record(s) more than the TPM has measured",
            behind + 1,
        )
    return Verdict(
        "log-mismatch",
        "the event log does not add up to what the TPM has measured: records were changed,"
        " removed or put in, or the PCR belongs to somebody else too",
    )


def _all(evidence: Evidence, quote: Quote, log: Log, wanted: Wanted) -> Iterator[Verdict]:
    yield from _foreign(log)
    yield from _history(evidence, quote, log, wanted)
    pods = attest_pods.running(log.records)
    yield from _unmeasured(evidence, pods)
    yield from _missed(log, pods, wanted)
    yield from _not_allowed(log, pods, wanted)
    yield from _old(pods, wanted)
    yield from _problems(evidence)


def _problems(evidence: Evidence) -> Iterator[Verdict]:
    """What the host has found to be wrong itself."""
    for problem in evidence.problems:
        yield Verdict("host-problem", f"the host says: {attest_answer.shown(problem)}")


def _foreign(log: Log) -> Iterator[Verdict]:
    for number in log.foreign:
        if number:
            message = "somebody else has changed the PCR, or the log, between two measurements"
            yield Verdict("foreign-measurement", message, number)
        else:
            message = "the PCR was not zero when the log began: what was measured before is unknown"
            yield Verdict("foreign-baseline", message, number)


def _history(evidence: Evidence, quote: Quote, log: Log, wanted: Wanted) -> Iterator[Verdict]:
    """What contradicts the boot, and what was seen the last time."""
    seen, boot = wanted.seen, log.baseline["boot_id"]
    if evidence.boot_id != boot:
        yield Verdict("other-boot", "the event log is not that of the boot which the host is in", 0)
    if seen is None:
        return
    same_boot = boot == seen.boot_id
    now, before = (quote.resets, quote.restarts), (seen.resets, seen.restarts)
    if now < before or (quote.resets == seen.resets and quote.clock < seen.clock):
        yield Verdict(
            "rolled-back",
            "the TPM counts fewer resets, or less time, than the last time: it was cleared, or put"
            " back to an earlier state",
        )
    elif same_boot and quote.resets != seen.resets:
        yield Verdict(
            "tpm-reset",
            f"the TPM was reset {quote.resets - seen.resets} time(s) while the host did not boot",
        )
    elif same_boot and now != before and not wanted.sleeps:
        yield Verdict(
            "tpm-reset",
            f"the TPM was restarted {quote.restarts - seen.restarts} time(s) while the host did not"
            " boot, after which its PCRs may begin anew; if the host sleeps, say so (sleeps)",
        )
    elif not same_boot and quote.resets == seen.resets:
        yield Verdict(
            "tpm-reset",
            "the host says that it has booted, and its TPM was not reset, as a boot does",
        )
    elif same_boot and not _continues(log, seen):
        yield Verdict(
            "history-changed",
            "the event log does not go on from what was seen the last time: the PCR was reset, and"
            " another history was measured",
        )


def _continues(log: Log, seen: Seen) -> bool:
    return (
        0 < seen.records <= len(log.records) and log.records[seen.records - 1].value == seen.value
    )


def _unmeasured(evidence: Evidence, pods: dict[str, attest_pods.Running]) -> Iterator[Verdict]:
    for pod in evidence.pods:
        if pod.uuid not in pods:
            name = attest_answer.shown(pod.name or pod.uuid)
            message = f"pod {name} runs, and its start was not measured"
            yield Verdict("unmeasured-pod", message, None, pod.uuid)
            continue
        known = {(app["name"], app["image"]) for _record, app in pods[pod.uuid].apps}
        for app, image in pod.apps:
            if (app, image) not in known:
                what = f"app {attest_answer.shown(app)} ({attest_answer.shown(image)})"
                message = f"{what} is in pod {pod.uuid}, and was not measured"
                yield Verdict("unmeasured-app", message, None, pod.uuid)


def _missed(log: Log, pods: dict[str, attest_pods.Running], wanted: Wanted) -> Iterator[Verdict]:
    """What the host could not measure, and ran all the same (mode `log`)."""
    for one in log.records:
        uuid = one.content.get("uuid", "")
        if one.event == "missed" and (wanted.whole or uuid in pods):
            app = attest_answer.shown(one.content["app"])
            what = f"app {app} of pod {uuid}" if app else f"pod {uuid}"
            message = f"{what} ran, and its start could not be measured"
            yield Verdict("unmeasured-pod", message, one.number, uuid)


def _not_allowed(
    log: Log, pods: dict[str, attest_pods.Running], wanted: Wanted
) -> Iterator[Verdict]:
    """Each thing that is not allowed once, where it is first met.

    A pod runs until the log has its end: whatever the host says, which could leave one out.
    """
    met = set()
    if wanted.whole:
        found = [
            (one.number, one.content.get("uuid", ""), fault)
            for one, fault in attest_pods.faults_of_all(log.records, wanted.rules)
        ]
    else:
        found = [
            (number, pod.uuid, fault)
            for pod in pods.values()
            for number, fault in attest_pods.faults_of_running([pod], wanted.rules)
        ]
    for number, uuid, fault in found:
        if (fault.reason, fault.subject) not in met:
            met.add((fault.reason, fault.subject))
            yield Verdict(fault.reason, f"{fault.message}, which is not allowed", number, uuid)


def _old(pods: dict[str, attest_pods.Running], wanted: Wanted) -> Iterator[Verdict]:
    if wanted.max_age is None:
        return
    for pod in pods.values():
        age = attest_pods.age(pod, wanted.now)
        name = attest_answer.shown(pod.name or pod.uuid)
        if age is None or age < -CLOCKS:
            message = f"pod {name} was started in the future, by the host's clock, or at no time"
            yield Verdict("too-old", message, pod.record, pod.uuid)
        elif age > wanted.max_age:
            message = f"pod {name} has run for longer than max_age"
            yield Verdict("too-old", message, pod.record, pod.uuid)


def _bounded(found: Iterator[Verdict]) -> Iterator[Verdict]:
    for count, verdict in enumerate(found):
        if count == MOST:
            yield Verdict("more", f"more than {MOST} things are wrong; the rest is not shown")
            return
        yield verdict


def described(report: Report, wanted: Wanted) -> dict[str, Any]:
    """The report as a module's result has it."""
    reason = report.verdicts[0].reason if report.verdicts else ""
    out: dict[str, Any] = {
        "trusted": report.trusted,
        "reason": reason,
        "verdicts": [verdict._asdict() for verdict in report.verdicts],
        "compared": wanted.rules.compared,
        "key": wanted.name.hex(),
        "pcr": wanted.pcr,
        "bank": wanted.bank,
        "pods": [],
    }
    if report.evidence is None or report.quote is None or report.log is None:
        return out
    evidence, quote, log = report.evidence, report.quote, report.log
    said = {pod.uuid for pod in evidence.pods}
    pods = attest_pods.running(log.records)
    count = {
        event: sum(one.event == event for one in log.records) for event in ("pod-start", "pod-end")
    }
    return {
        **out,
        "pods": [attest_pods.described(pod, pod.uuid in said) for pod in pods.values()],
        "mode": evidence.mode,
        "boot_id": log.baseline["boot_id"],
        "value": log.value,
        "records": len(log.records),
        "started": count["pod-start"],
        "ended": count["pod-end"],
        "running": len(said),
        "clock": quote.clock,
        "safe": quote.safe,
        "resets": quote.resets,
        "restarts": quote.restarts,
        "firmware": f"{quote.firmware:#018x}",
    }
