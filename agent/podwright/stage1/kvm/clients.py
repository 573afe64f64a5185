# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of a pod's control socket whose pod is in a machine: `enter` and `attach` (`stage2.entered`, `attached`).

Their lines go through to the PID 1 in the guest, and what they hand over becomes streams. What
the guest answers is checked, and held back until all that came before it is delivered, however
long the client takes to read that.
"""

from __future__ import annotations

import os
import time

from podwright.kernel import signals
from podwright.stage1.kvm import copier
from podwright.stage1.kvm.channel import Channel, Stream
from podwright.stage1.kvm.frames import Nonsense
from podwright.stage1.kvm.ports import Copied, Port, Terminal, raw_pair
from podwright.stage1.kvm.protocol import BOTH, CONTROL, IN, OUT, PASSED
from podwright.stage1.namespaces import link
from podwright.stage2.attached import ATTACH, ATTACHED, ENDED, MISSED
from podwright.stage2.control import FAILED, MOST_BYTES, NEVER, Client, Control, Gone
from podwright.stage2.entered import EXITED, SPAWN, SPAWN_AS, STARTED
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

AGAIN = 0.005
LONGEST = 2000
NAMES = ("stdin", "stdout", "stderr", "tty-in", "tty-out")
REASONS = 40


def answer(line: bytes) -> list[str]:
    """What a guest says to a client. Raises Nonsense."""
    try:
        kind, *fields = link.decode(line)
        return [kind, *_checked(kind, fields)]
    except ValueError:
        raise Nonsense("an answer to a client that makes no sense") from None


def _checked(kind: str, fields: list[str]) -> list[str]:
    if kind in (STARTED, ATTACHED) and not fields:
        return []
    if kind == FAILED and len(fields) == 2:
        return [_number(fields[0], 255), safe(fields[1], LONGEST)]
    if kind == EXITED and len(fields) == 1:
        return [_number(fields[0], 255)]
    if kind == MISSED and len(fields) == 2 and fields[0] in NAMES:
        return [fields[0], _number(fields[1], 1 << 62)]
    if kind == ENDED and len(fields) == 2:
        return [_number(fields[0], 255) if fields[0] else "", safe(fields[1], REASONS)]
    raise ValueError


def _number(text: str, most: int) -> str:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
        raise ValueError
    return text


class Lines(Stream):
    """The stream of one client."""

    task: Optional[Proxied] = None

    def __init__(self, channel: Channel, number: int, asked: Any) -> None:
        super().__init__(channel, number, asked)
        self._rest = b""
        self._held = 0

    def on_data(self, data: bytes) -> None:
        """Lines of the guest's PID 1. Raises Nonsense."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MOST_BYTES:
            raise Nonsense("an answer to a client without an end")
        self._held += len(data)
        for line in lines:
            if self.task is not None:
                self.task.answered(answer(line))
        self.delivered()

    def delivered(self) -> None:
        """The guest may say more once nothing of what it said waits for the client."""
        if self._held and (self.task is None or not self.task.answers):
            held, self._held = self._held, 0
            self.taken(held)

    def on_close(self) -> None:
        """The guest has nothing more to say."""
        if self.task is not None:
            self.task.finish()


class Proxied:
    """What one client has asked for; a task of `control.Control`."""

    def __init__(self, client: Client, channel: Channel) -> None:
        self.client = client
        self.channel = channel
        self.over = self.left = False
        self.ports: list[Port] = []
        self.copiers: list[int] = []
        self.masters: list[int] = []
        self.answers: list[list[str]] = []
        self.finishing = False
        self.again = NEVER
        lines = channel.begin(Lines, {"for": CONTROL})
        assert isinstance(lines, Lines)
        self.lines = lines
        lines.task = self

    def hand(self, fd: int, way: str) -> None:
        """A descriptor that came with the first line."""
        source = sink = fd
        kind: type[Port] = Port
        if way != BOTH:
            pid, ours = copier.start(fd, reads=way == IN)
            self.copiers.append(pid)
            os.close(fd)
            source, sink = (ours, -1) if way == IN else (-1, ours)
            kind = Port if way == IN else Copied
        else:
            os.set_blocking(fd, False)
        made = self.channel.begin(kind, {"for": PASSED, "of": self.lines.number, "way": way})
        assert isinstance(made, Port)
        made.source, made.sink = source, sink
        self.ports.append(made)

    def terminal(self, number: int, pts: int, asked: Any, size: tuple[int, int]) -> Stream:
        """The guest has made a terminal, whose master the next answer carries."""
        if self.masters or any(isinstance(port, Terminal) for port in self.ports):
            raise Nonsense("a second terminal for a client")
        master, slave = raw_pair(pts, *size)
        self.masters.append(master)
        made = Terminal(self.channel, number, asked, slave)
        made.size = size
        self.ports.append(made)
        return made

    def asked(self, message: list[str]) -> None:
        """A further line of the client."""
        self.lines.put(link.encode(*message))

    def answered(self, message: list[str]) -> None:
        """A line of the guest."""
        self.answers.append(message)
        self.tick()

    def tick(self) -> None:
        """Pass on the answers, when what came before them is delivered."""
        while self.answers and not self.over:
            if any(port.pending() for port in self.ports):
                self.again = time.monotonic() + AGAIN
                return
            self._reply(self.answers.pop(0))
        if not self.over:
            self.lines.delivered()
        if self.finishing and not self.answers and not self.over:
            self._end()

    def _reply(self, message: list[str]) -> None:
        fds, self.masters = tuple(self.masters), []
        try:
            self.client.reply(*message, fds=fds)
        except Gone:
            self.gone()
        finally:
            for fd in fds:
                os.close(fd)
        if message[0] in (EXITED, FAILED, ENDED):
            self.finishing = True

    def finish(self) -> None:
        """The guest says no more to the client."""
        self.finishing = True
        self.tick()

    def gone(self) -> None:
        """The client has gone."""
        self.left = True
        self._end()

    def _end(self) -> None:
        if self.over:
            return
        self.over = True
        self.answers.clear()
        self.lines.close()
        for port in self.ports:
            if port.open:
                port.close()
        for fd in self.masters:
            os.close(fd)
        self.masters = []
        for pid in self.copiers:
            try:
                os.kill(pid, signals.SIGKILL)
            except ProcessLookupError:
                continue
        self.copiers = []

    def ended(self, pid: int, status: int) -> bool:
        """A copier has ended."""
        if pid not in self.copiers:
            return False
        self.copiers.remove(pid)
        return True

    def due(self) -> float:
        """When answers that wait are tried again."""
        return self.again if self.answers and not self.over else NEVER


class Clients:
    """All of them."""

    def __init__(self, server: int, channel: Channel, mapped: bool) -> None:
        self.channel = channel
        self.tasks: dict[int, Proxied] = {}
        self.sizes: dict[int, tuple[int, int]] = {}
        verbs = {SPAWN: self.spawn, SPAWN_AS: self.spawn_as, ATTACH: self.attach}
        self.control = Control(server, dict(verbs), mapped)

    def spawn_as(self, client: Client, fields: list[str]) -> Proxied:
        """The same for a process of another user."""
        return self.spawn(client, fields, SPAWN_AS)

    def spawn(self, client: Client, fields: list[str], verb: str = SPAWN) -> Proxied:
        """Pass on a request for a process: standard descriptors become streams."""
        try:
            _, _, which, _, rows, columns, *_ = fields
            size = (int(rows), int(columns))
        except ValueError:
            raise Gone from None
        passed = [number for number in range(3) if str(number) not in which]
        if len(client.fds) < len(passed) or not all(0 <= each <= 65535 for each in size):
            raise Gone
        task = self._begin(client)
        self.sizes[task.lines.number] = size
        fds, client.fds = client.fds, []
        for number, fd in zip(passed, fds):
            task.hand(fd, IN if number == 0 else OUT)
        for fd in fds[len(passed) :]:
            os.close(fd)
        task.lines.put(link.encode(verb, *fields))
        return task

    def attach(self, client: Client, fields: list[str]) -> Proxied:
        """Pass on a request to be attached: each descriptor is a socket of the client's."""
        task = self._begin(client)
        fds, client.fds = client.fds, []
        for fd in fds:
            task.hand(fd, BOTH)
        task.lines.put(link.encode(ATTACH, *fields))
        return task

    def _begin(self, client: Client) -> Proxied:
        task = Proxied(client, self.channel)
        self.tasks = {number: one for number, one in self.tasks.items() if not one.over}
        self.tasks[task.lines.number] = task
        return task

    def stirred(self) -> bool:
        """Whether a task has ended without a signal of its client's, which is to be let go."""
        return any(task.over for task in self.control.tasks)

    def terminal(self, number: int, pts: int, asked: Any, of: int) -> Optional[Stream]:
        """A terminal that the guest has made for what was entered."""
        task = self.tasks.get(of)
        if task is None or task.over:
            return None
        return task.terminal(number, pts, asked, self.sizes.get(of, (0, 0)))
