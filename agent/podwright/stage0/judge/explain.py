# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the policy admits an image or not, requirement by requirement, without fetching it.

Of a stored image the record decides, or else the stored bytes; of others the manifest and the
signatures are fetched. An ACI that is not stored is not downloaded: for it only what its
signatures claim is known.
"""

from __future__ import annotations

import os

from podwright.errors import PodwrightError, UsageError, VerifyError
from podwright.model import policy as model
from podwright.stage0 import images, store, verdict
from podwright.stage0.judge import policy, policykeys, requirements
from podwright.stage0.judge.policy import PolicyError
from podwright.stage0.judge.rule import minimum_stage1, rule_for
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.policy import Requirement
    from podwright.stage0.images import FetchOptions
    from podwright.stage0.judge.rule import Rule
    from podwright.stage0.verdict import Signature, Subject

    Satisfy = Callable[[Requirement], tuple[Signature, ...]]


@value
class Finding:
    """One requirement.

    requirement  its type
    keys         where its keys come from, in words
    state        holds, fails, or open: only the whole image tells
    why          the key that holds it, or the reason
    """

    requirement: str
    keys: str
    state: str
    why: str


@value
class Explanation:
    """What the policy says about one image.

    image       as it was asked for; name, transport, identity as in `Subject`
    stored      whether it is in the store
    policy      the policy file that counts, "" without one
    scope       the scope that decides, "" without a policy file
    decision    admitted, refused, or open
    stage1      the weakest isolation that is allowed, or ""
    verdict     the recorded verdict in words, "" when it is not stored
    isolation   whether this version offers an isolation that is strong enough
    error       why it could not be looked at, or ""; the decision is then refused or open
    """

    image: str
    name: str
    transport: str
    identity: str
    stored: bool
    policy: str
    scope: str
    decision: str
    stage1: str
    verdict: str
    requirements: tuple[Finding, ...]
    isolation: bool = True
    error: str = ""


def explain(
    layout: Layout, text: str, options: FetchOptions, cwd: Optional[str] = None
) -> Explanation:
    """Look at one image; what goes wrong stands in `error`. Raises PolicyError for a broken policy."""
    policy.load(layout)
    try:
        return _explain(layout, text, options, cwd)
    except PodwrightError as err:
        refused = "refused" if isinstance(err, VerifyError) else "open"
        return Explanation(
            text, "", "", "", False, _policy_file(layout), "", refused, "", "", (),
            error=err.sentence(),
        )  # fmt: skip


def _explain(layout: Layout, text: str, options: FetchOptions, cwd: Optional[str]) -> Explanation:
    found = images.find_images(layout, text)
    if found:
        return _stored(layout, text, found[-1])
    ref = images.parse(text, options, cwd)
    if ref.kind in ("id", "file", "url"):
        raise UsageError(
            f"image {safe(text, 200)} is not in the store, and only in it stands its name",
            "fetch it first, or ask for it by name",
            object=safe(text, 200),
        )
    if ref.kind == "name":
        subject = verdict.aci(ref.name)
        look = _aci
    else:
        from podwright.stage0.oci.place import Place

        subject = Place(layout, ref, options, cwd).subject
        look = _oci
    try:
        return look(layout, text, ref, options, cwd)
    except PolicyError:
        raise
    except PodwrightError as err:
        return _out_of_reach(layout, text, subject, err)


def _out_of_reach(layout: Layout, text: str, subject: Subject, err: PodwrightError) -> Explanation:
    """What the policy asks of an image that cannot be looked at."""
    rule = rule_for(layout, subject)
    findings = []
    for requirement in rule.requirements:
        if requirement.needs_signature:
            state, why = "open", "the image could not be looked at"
            try:
                policykeys.sources(requirement)
            except PolicyError as broken:
                state, why = "fails", broken.message
            findings.append(_finding(requirement, state, why))
        else:
            findings += _findings(rule, _never, (requirement,))
    found = _explanation(layout, text, subject, rule, tuple(findings))
    decision = "refused" if found.decision == "refused" else "open"
    return replace(found, decision=decision, error=err.sentence())


def _oci(
    layout: Layout, text: str, ref: Any, options: FetchOptions, cwd: Optional[str]
) -> Explanation:
    from podwright.stage0.oci import acquire

    subject, _, blobs = acquire.signed(layout, ref, options, cwd)
    rule = rule_for(layout, subject)
    found_now = _findings(
        rule, lambda each: requirements.oci_signatures(layout, subject, each, blobs)
    )
    return _explanation(layout, text, subject, rule, found_now)


def _stored(layout: Layout, text: str, image: Any) -> Explanation:
    record = store.read_record(layout, image.id)
    assert record is not None
    subject = verdict.subject_of(record)
    rule = rule_for(layout, subject)

    def satisfy(requirement: Requirement) -> tuple[Signature, ...]:
        try:
            return (requirements.holding(layout, subject, requirement, record.verdict),)
        except verdict.Stale:
            return requirements.stored_signatures(layout, record, requirement)

    found = _findings(rule, satisfy)
    return _explanation(layout, text, subject, rule, found, verdict.text(record.verdict))


def _aci(
    layout: Layout, text: str, ref: Any, options: FetchOptions, cwd: Optional[str]
) -> Explanation:
    """An ACI that is not stored: its signatures only claim to be by somebody."""
    from podwright.stage0 import acquire, spots
    from podwright.stage0.judge import detached, verify

    subject = verdict.aci(ref.name)
    rule = rule_for(layout, subject)
    packets = None
    if rule.needs_signature:
        with acquire.Road(layout, options, None, cwd) as road:
            spot = spots.find(road.client, ref)
            try:
                read = detached.read(layout, road.client, spot, options, cwd)
            except VerifyError as err:
                if err.reason != "no-signature":
                    raise
                read = None
            packets = read.packets() if read is not None and not read.pending else None
    findings = []
    for requirement in rule.requirements:
        state, why = "open", "the signature is checked when the image is fetched"
        if requirement.needs_signature:
            try:
                keys = policykeys.openpgp_keys(layout, subject, requirement)
                verify.check_issuer(subject.name, packets or (), keys)
                if packets is None:
                    raise requirements.no_signature(subject, ())
            except VerifyError as err:
                state, why = "fails", err.message
            findings.append(_finding(requirement, state, why))
        else:
            findings += _findings(rule, _never, (requirement,))
    return _explanation(layout, text, subject, rule, tuple(findings))


def _never(requirement: Requirement) -> tuple[Signature, ...]:
    raise AssertionError(requirement.kind)


def _findings(
    rule: Rule, satisfy: Satisfy, only: Optional[tuple[Requirement, ...]] = None
) -> tuple[Finding, ...]:
    out = []
    for requirement in rule.requirements if only is None else only:
        if requirement.kind == model.REJECT:
            out.append(_finding(requirement, "fails", "every image of this scope is rejected"))
        elif requirement.kind == model.ACCEPT:
            out.append(_finding(requirement, "holds", "no signature is asked for"))
        else:
            try:
                signed = satisfy(requirement)
                who = ", ".join(dict.fromkeys(each.key for each in signed))
                out.append(_finding(requirement, "holds", f"signed by {who}"))
            except VerifyError as err:
                out.append(_finding(requirement, "fails", err.message))
    return tuple(out)


def _finding(requirement: Requirement, state: str, why: str) -> Finding:
    keys = list(requirement.paths)
    if requirement.data:
        keys.append(policykeys.INLINE)
    if requirement.trust_store:
        keys.append("trust store")
    return Finding(requirement.kind, ", ".join(keys), state, why)


def _explanation(
    layout: Layout,
    text: str,
    subject: Subject,
    rule: Rule,
    findings: tuple[Finding, ...],
    recorded: str = "",
) -> Explanation:
    states = {each.state for each in findings}
    decision = "refused" if "fails" in states else "open" if "open" in states else "admitted"
    stage1 = minimum_stage1(rule)
    return Explanation(
        image=text,
        name=subject.name,
        transport=subject.transport,
        identity=subject.identity,
        stored=bool(recorded),
        policy=_policy_file(layout),
        scope=rule.scope,
        decision=decision,
        stage1=stage1,
        verdict=recorded,
        requirements=findings,
        isolation=stage1 != "vm" or any(map(os.path.exists, ("/dev/kvm", "/proc/xen/privcmd"))),
    )


def _policy_file(layout: Layout) -> str:
    paths = [f"{place}/policy.json" for place in (layout.local_config, layout.system_config)]
    return next((path for path in paths if os.path.lexists(path)), "")
