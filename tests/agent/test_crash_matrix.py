# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every verb that changes something, killed or failing at its steps: a rerun gets there, and gc leaves nothing.

`make test` tries each step that has a name of its own, with the faults in turn; `make crash-tests` every step of every
verb with kill -9, ENOSPC, EIO, EROFS and EMFILE (`PODWRIGHT_MATRIX_STRIDE=1`), tells how far it is in the file
`PODWRIGHT_MATRIX_REPORT`, and ends with a table there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.paths import CHECKOUT

STRIDE = int(os.environ.get("PODWRIGHT_MATRIX_STRIDE", "0"))
REPORT = os.environ.get("PODWRIGHT_MATRIX_REPORT", "")
SHARES = int(os.environ.get("PODWRIGHT_MATRIX_SHARES", "1"))
"""Into how many tests each verb is divided, so that they can run beside each other."""
VERBS = (
    *("fetch", "prepare", "run", "stop", "rm", "gc", "export", "apply a new pod"),
    *("apply a changed pod", "apply an absent pod", "image rm", "image gc"),
    *(("run --net=none --no-overlay", "rm of a killed pod") if STRIDE else ()),
)


@pytest.mark.threat("T83", "T84", "T85", "T87")
@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("verb", VERBS)
def test_after_any_fault_a_rerun_gets_there_and_nothing_is_left(
    agent: Agent,
    signed_image: Callable[..., Path],
    lab: Keys,
    tmp_path: Path,
    verb: str,
    share: int,
) -> None:
    agent.trust(lab.key, "example.com")
    task = {
        "verb": verb,
        "command": agent.command,
        "data": str(agent.data),
        "image": str(signed_image()),
        "scratch": str(tmp_path / "scratch"),
        "stride": STRIDE,
        "share": share,
        "shares": SHARES,
        "report": REPORT,
        "most": 3 if not STRIDE else 50,
    }
    (tmp_path / "scratch").mkdir()
    script = [sys.executable, "-m", "tests.support.crashmatrix"]
    done = agent.host.run(script, stdin=json.dumps(task), timeout=36000, directory=CHECKOUT).check()
    seen = json.loads(done.stdout)
    assert seen["bad"] == []
    assert seen["cells"] >= 5 and seen["met"] >= 1
