# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the supervisor leaves for whoever waits for the pod."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podwright.cli import supervise
from podwright.cli.context import Context
from podwright.host import supervisor
from podwright.host.paths import Layout
from podwright.reconcile.revisions import Revision
from podwright.stage1.contract import Outcome

NOTE = "app web: cannot execute /bin/no: No such file or directory"


@pytest.mark.parametrize(
    "notes, problem",
    [
        ((), "it ended with status 203"),
        (("first", NOTE), f"it ended with status 203: {NOTE}"),
    ],
)
def test_a_pod_that_ended_says_why_and_not_only_its_status(
    tmp_path: Path, notes: tuple[str, ...], problem: str
) -> None:
    layout = Layout(data=f"{tmp_path}/data")
    os.makedirs(f"{layout.named}/web")
    context = Context(layout, frozenset(), False, False, ())
    life = supervise.Life("web", False, 0, 0.0)
    revision = Revision(1, "", {}, {}, {}, "")
    outcome = Outcome(203, "failed", {}, notes)
    assert supervise.conclude(context, life, revision, lambda: outcome) == 203
    assert supervisor.problem(layout, "web") == problem
