# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client runs at each event, in the pod's network: the program that takes no shell.

The first lease goes to the network worker, which gives the pod what it says. From then on the
address is the pod's as long as the server says so: when the lease is lost the link has none,
and when it is given again it is back. Another address is never taken: the host's rules and the ledger
know the first one.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import NetworkError
from podwright.kernel import fs
from podwright.net.dhcp import EVENT_FD, PRIORITY, answer, onlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

HELD = "/held"
"""In the client's own root: the first lease."""


def main(argv: list[str]) -> None:
    """Obey one event."""
    event = argv[1] if len(argv) > 1 else ""
    said = {name: _variable(name) for name in answer.KEYS}
    link = os.environ.get("interface", "")  # noqa: SIM112 -- the client's name for it
    held = _held()
    if held is None:
        if event == "bound":
            _write({**said, "event": event})
        if event in ("bound", "leasefail"):
            _tell({**said, "event": event})
    elif event == "deconfig":
        onlink.take_off(link, answer.parse(held))
    elif event in ("bound", "renew"):
        _again(link, held, said)


def _again(link: str, held: dict[str, str], said: dict[str, str]) -> None:
    before = answer.parse(held, int(os.environ.get(PRIORITY, "0")))
    try:
        now = answer.parse(said)
    except NetworkError:
        now = None
    if now is None or now.address.ip != before.address.ip:
        onlink.take_off(link, before)
    else:
        onlink.put_on(link, before)


def _variable(name: str) -> str:
    """What the client says, in ASCII: nothing that we look at is more."""
    text = os.environ.get(name, "")[: answer.MOST_TEXT]
    return text.encode("ascii", "replace").decode()


def _tell(said: dict[str, str]) -> None:
    """To the worker, while there is one."""
    try:
        fs.write_all(EVENT_FD, jsonio.dumps(said).encode() + b"\n")
    except OSError:
        return


def _held() -> Optional[dict[str, str]]:
    try:
        with open(HELD, "rb") as file:
            found: dict[str, str] = jsonio.loads(file.read(), HELD)
        return found
    except FileNotFoundError:
        return None


def _write(said: dict[str, str]) -> None:
    fs.write_atomic(HELD, jsonio.dumps(said).encode(), 0o600, durable=False)
