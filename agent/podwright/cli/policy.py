# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright policy check | show`: why the admission policy admits an image or not, and what it says."""

from __future__ import annotations

from podwright import jsonio
from podwright.cli.context import Context, say
from podwright.errors import UsageError
from podwright.stage0.images import FetchOptions
from podwright.stage0.judge import explain
from podwright.text import safe
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments
    from podwright.stage0.judge.explain import Explanation, Finding

REFUSED = 254
_WORDS = {"holds": "holds", "fails": "does not hold", "open": "is open"}


def show(context: Context, args: Arguments) -> int:
    """0 when it is in order, or there is none."""
    from podwright.cli.context import answer, note
    from podwright.stage0.judge import policy

    path, document, problem = "", None, ""
    try:
        path, document = policy.read(context.layout) or ("", None)
        policy.load(context.layout)
    except policy.PolicyError as err:
        path, problem = err.object, err.message
    facts = {"path": path, "document": document, "problem": problem}
    if not answer(args, facts) and (document is not None or not problem):
        say(jsonio.pretty(document) if path else "there is no policy file: the trust store decides")
    if problem:
        note(safe(problem, 1000))
    return REFUSED if problem else 0


def check(context: Context, args: Arguments) -> int:
    """0 when every image is admitted, or nothing speaks against it yet; 254 when one is refused,
    could not be looked at, or needs an isolation that this host has not.
    """
    if not args.rest:
        raise UsageError("policy check needs an image", "podwright policy check IMAGE...")
    options = FetchOptions(insecure=context.insecure - {"image"}, signature=args.text("signature"))
    found = [explain.explain(context.layout, text, options) for text in args.rest]
    form = args.text("format")
    if form:
        show = jsonio.pretty if form == "json-pretty" else jsonio.dumps
        say(show(to_json(found)))
    else:
        say("\n\n".join(_text(each) for each in found))
    fine = all(each.decision != "refused" and each.isolation and not each.error for each in found)
    return 0 if fine else REFUSED


def _text(found: Explanation) -> str:
    if found.policy:
        scope = f"{found.scope} ({found.policy})"
    else:
        scope = "none: there is no policy file, so the trust store decides"
    rows = []
    if found.transport:
        judged = "the stored copy" if found.stored else "the image where it is, not fetched"
        rows = [
            ("image", f"{found.transport} {found.identity}"),
            ("judged", "nothing: see the error" if found.error else judged),
            ("scope", scope),
            *((f"requirement {n}", _shown(each)) for n, each in enumerate(found.requirements, 1)),
        ]
        if found.stage1:
            rows.append(("isolation", f"{found.stage1} or stronger"))
        rows.append(("recorded", found.verdict if found.stored else "not in the store"))
    if found.error:
        rows.append(("error", found.error))
    rows.append(("decision", _decision(found)))
    lines = (f"  {title + ':':16}{safe(text, 1000)}" for title, text in rows)
    return "\n".join([str(safe(found.image, 300)), *lines])


def _decision(found: Explanation) -> str:
    if found.isolation or found.decision != "admitted":
        return found.decision
    return f"admitted only in {found.stage1} or stronger isolation, which this host has not"


def _shown(finding: Finding) -> str:
    keys = f" ({finding.keys})" if finding.keys else ""
    return f"{finding.requirement}{keys} {_WORDS[finding.state]}: {finding.why}"
