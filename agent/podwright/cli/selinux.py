# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright selinux verify POD`: whether what runs carries the pod's label."""

from __future__ import annotations

from podwright import jsonio
from podwright.cli import table, which
from podwright.cli.context import Context, say
from podwright.stage0 import labelcheck, pods
from podwright.stage0.start import read_manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments
    from podwright.stage0.labelcheck import Verdict

MISLABELLED = 1


def verify(context: Context, args: Arguments) -> int:
    """0 when everything carries the label, 1 when something does not, 254 when there is none."""
    context.need_root("selinux verify")
    pod = pods.find(context.layout, which.one(args, "selinux verify"))
    verdict = labelcheck.verify(pod, read_manifest(pod.path))
    form = args.text("format")
    if form:
        show = jsonio.pretty if form == "json-pretty" else jsonio.dumps
        say(show(_json(pod.uuid, verdict)))
    else:
        say(_text(verdict))
    return 0 if verdict.verified else MISLABELLED


def _json(uuid: str, verdict: Verdict) -> dict[str, object]:
    return {
        "pod": uuid,
        "mode": verdict.mode,
        "process": verdict.process,
        "file": verdict.file,
        "verified": verdict.verified,
        "findings": [
            {"kind": one.kind, "what": one.what, "expected": one.expected, "seen": one.seen,
             "right": one.right}
            for one in verdict.findings
        ],
    }  # fmt: skip


def _text(verdict: Verdict) -> str:
    rows: list[tuple[str, ...]] = [
        (one.kind, one.what, "ok" if one.right else "WRONG", one.seen) for one in verdict.findings
    ]
    lines = [table.render(("KIND", "WHAT", "LABEL", "SEEN"), rows)]
    wrong = sum(not one.right for one in verdict.findings)
    lines.append(f"SELinux is {verdict.mode}; {wrong} of {len(rows)} are wrong")
    return "\n".join(lines)
