# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the policy asks of one image, and the part of it that no signature satisfies."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import policy as model
from podwright.stage0.judge import policy
from podwright.stage0.judge.policy import PolicyError
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout
    from podwright.model.policy import Requirement
    from podwright.stage0.verdict import Subject


@value
class Rule:
    """What the policy asks of one image; `scope` is "" where there is no policy file."""

    scope: str
    requirements: tuple[Requirement, ...]
    ranks: dict[str, str]

    @property
    def needs_signature(self) -> bool:
        """Whether some requirement can only be satisfied by a signature."""
        return any(each.needs_signature for each in self.requirements)


def rule_for(layout: Layout, subject: Subject) -> Rule:
    """The rule of this moment. Raises PolicyError when the policy is broken, whatever the image."""
    found = policy.load(layout)
    if found is None:
        return Rule("", model.NO_POLICY, {})
    try:
        scope, requirements = found.choose(subject.transport, subject.identity)
    except UsageError as err:
        raise PolicyError(err.message, err.hint, object=subject.name) from None
    return Rule(scope, requirements, found.ranks)


def refuse_rejected(rule: Rule, subject: Subject) -> None:
    """Raise PolicyError when the rule rejects the image whatever it is signed with."""
    if any(each.kind == model.REJECT for each in rule.requirements):
        raise PolicyError(
            f"image {subject.name} is rejected by the policy (scope {rule.scope})",
            f"podwright policy check {subject.name} shows which rule decides",
            object=subject.name,
            reason="rejected",
        )


def minimum_stage1(rule: Rule) -> str:
    """The strongest isolation that a requirement of the rule asks for, or ""."""
    asked = [each.minimum_stage1 for each in rule.requirements if each.minimum_stage1]
    return max(asked, key=model.STAGE1.index, default="")


WAYS = {"fly": "fly", "namespaces": "namespaces", "vm": "kvm"}
"""How an isolation is asked for, by --stage1-name."""


def _stronger(least: str) -> str:
    if least == "user-namespaced":
        return (
            "run it in namespaces with users of its own (--private-users), which neither the host's"
            " network nor devices of the host allow"
        )
    emulated = " with hardware virtualisation, since emulation does not count, or xen" * (
        least == "vm"
    )
    return f"choose it: --stage1-name={WAYS[least]}{emulated}"


def require_stage1(rule: Rule, subject: Subject, stage1: str) -> None:
    """An external stage1 image counts as fly unless the policy gives its ID a rank."""
    least = minimum_stage1(rule)
    rank = stage1 if stage1 in model.STAGE1 else rule.ranks.get(stage1, model.STAGE1[0])
    if least and model.STAGE1.index(rank) < model.STAGE1.index(least):
        raise PolicyError(
            f"image {subject.name} must run in {least} or stronger isolation, not in {rank}"
            f" (policy scope {rule.scope})",
            _stronger(least),
            object=subject.name,
            reason="stage1-too-weak",
        )
