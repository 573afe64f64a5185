# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quickstart's HTTPS server, in the background: started once, found again, stopped for good."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.paths import CHECKOUT
from tests.support.processes import Running, start_detached

ADDRESS = "127.0.0.1:443"
PATIENCE = 15.0


class PortTakenError(Exception):
    """The server cannot listen, and why."""


def start(state: Path, host: str) -> None:
    """Serve `state/www` as `https://host` on loopback, unless the server of an earlier call still does.

    Port 443 and no other: image names have no port, so discovery by name cannot find one elsewhere.
    """
    record = state / "server.json"
    running = Running.load(record)
    if running is not None and running.alive:
        return
    command = [
        sys.executable, "-m", "tests.support.webserver", "--root", str(state / "www"), "--tls", str(state / "tls"),
        "--name", host, "--listen", ADDRESS,
    ]  # fmt: skip
    output, theirs = os.pipe()
    with open(output) as said, (state / "server.log").open("w") as log:
        with open(theirs, "w") as pipe:
            start_detached(command, CHECKOUT, pipe, log).save(record)
        # The server's first line, or its end, tells whether it listens.
        listens = bool(select.select([said], [], [], PATIENCE)[0] and said.readline())
    if not listens:
        stop(state)
        raise PortTakenError(_why(state))


def stop(state: Path) -> None:
    """Stop the server if it runs."""
    record = state / "server.json"
    running = Running.load(record)
    if running is not None and running.alive:
        running.end(signal.SIGTERM)
    record.unlink(missing_ok=True)


def _why(state: Path) -> str:
    said = (state / "server.log").read_text().strip() or "the server did not start"
    command = [
        "ss",
        "--no-header",
        "--listening",
        "--tcp",
        "--numeric",
        "--processes",
        "sport = :443",
    ]
    holder = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    owner = re.search(r'\(\("([^"]+)",pid=(\d+)', holder)
    by = f" by {owner[1]}, process {owner[2]}" if owner else ""
    return f"{said}{by}; stop what listens there, then run 'make quickstart' again"
