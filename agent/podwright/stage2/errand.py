# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client of the control socket waits for, and what was said meanwhile."""

from __future__ import annotations

from podwright.stage1.namespaces import link as messages
from podwright.stage2.appstate import NEVER
from podwright.stage2.control import Gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.stage1.namespaces.link import Inside
    from podwright.stage2.control import Client


class Overheard(messages.Inside):
    """The link to the parent, of which the last sentence about each app is kept."""

    def __init__(self, link: Inside) -> None:
        self.__dict__.update(link.__dict__)
        self.last: dict[str, str] = {}

    def report(self, kind: str, *fields: str) -> None:
        """See `Inside`."""
        if kind == messages.NOTE and fields[0].startswith("app "):
            name, _, text = fields[0][4:].partition(": ")
            self.last[name] = text
        super().report(kind, *fields)


class Errand:
    """A task of the control socket that ends when `look` has an answer."""

    def __init__(self, client: Client, look: Callable[[], Optional[tuple[str, ...]]]) -> None:
        self.client = client
        self.look = look
        self.over = False

    def asked(self, _message: list[str]) -> None:
        """There is nothing more to ask."""
        raise Gone

    def gone(self) -> None:
        """Nobody waits any more; what was asked for goes on."""
        self.over = True

    def tick(self) -> None:
        """Answer, if it is time to."""
        answer = None if self.over else self.look()
        if answer is not None:
            self.over = True
            try:
                self.client.reply(*answer)
            except Gone:
                return

    def ended(self, _pid: int, _status: int) -> bool:
        """It has no children."""
        return False

    def due(self) -> float:
        """It waits for the supervisor."""
        return NEVER
