# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For scenarios, in the guest: run the agent, and tell the test on the host what was seen."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

AGENT = "/run/payload/agent/bin/podwright"


def call(*command: str, timeout: float = 900.0) -> subprocess.CompletedProcess[str]:
    """Run a command; its output is text, its status is not checked."""
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, errors="backslashreplace"
    )


def podwright(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the agent."""
    return call(AGENT, *arguments)


def tell(**seen: Any) -> None:
    """Print one JSON object on a line of its own; `seen` on the host reads them."""
    print("@ " + json.dumps(seen), flush=True)


def told(output: str) -> dict[str, Any]:
    """On the host: all that a scenario has told."""
    out: dict[str, Any] = {}
    for line in output.splitlines():
        if line.startswith("@ "):
            out.update(json.loads(line[2:]))
    return out


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 600.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)
