# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is attached to an app's input and output, over the pod's control socket (`podwright attach`).

Request, by fields:
  attach  app, what to attach to ("stdin,stdout"), rows, columns
          with a socket for each of them
  resize  rows, columns
  eof     nothing more is sent to stdin, whose end the app is to see
Answers: `attached`, or `failed` with a status and a sentence; then `missed` with what was missed
and how many bytes, as often as somebody reads too slowly; `ended` with the app's status, when it
has ended for good and all of its output was passed on.
"""

from __future__ import annotations

import _socket
import time

from podwright.kernel import unixsocket
from podwright.stage2.control import NEVER, Gone, Refused
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage2.control import Client
    from podwright.stage2.streams import Input, Streams

ATTACH = "attach"
RESIZE = "resize"
EOF = "eof"
ATTACHED = "attached"
MISSED = "missed"
ENDED = "ended"
INPUTS = ("stdin", "tty-in")
BUFFER = 1 << 17
"""Bytes that wait for somebody who reads slowly, besides those that its socket holds."""
PIECE = 16384
AGAIN = 0.05
"""Seconds until somebody who did not read is tried again."""
LAST = 1.0
"""Seconds to read the last of it, when the app has ended."""
LARGEST = 65535


class Copy:
    """An output on its way to one client; a listener of `streams.Output`."""

    def __init__(self, name: str, channel: _socket.socket) -> None:
        self.name = name
        self.channel = channel
        self.waiting = b""
        self.missed = 0

    def take(self, data: bytes) -> None:
        """Send it, keep it, or miss it, and then all until the client has caught up."""
        if self.missed or len(self.waiting) + len(data) > BUFFER:
            self.missed += len(data)
            return
        self.waiting += data
        self.flush()

    def flush(self) -> bool:
        """Send what the client takes; whether nothing waits any more."""
        try:
            while self.waiting:
                sent = self.channel.send(self.waiting, _socket.MSG_NOSIGNAL)
                self.waiting = self.waiting[sent:]
        except BlockingIOError:
            return False
        except OSError:  # it does not read this any more
            self.waiting = b""
        return True


class Feed:
    """What one client sends to an app. `said`: that this was all; `done`: it was."""

    def __init__(self, channel: _socket.socket, target: Input) -> None:
        self.channel = channel
        self.target = target
        self.said = self.done = False

    def pump(self) -> None:
        """Take what has come, as far as the app takes it."""
        while not self.done:
            room = min(PIECE, self.target.room())
            if not room:
                return
            try:
                data = self.channel.recv(room)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if data:
                self.target.put(data)
            elif self.said:
                self.done = True
                self.target.end()
            else:
                return


class Attached:
    """One client; a task of `control.Control`."""

    def __init__(
        self, client: Client, streams: Streams, app: str, channels: dict[str, _socket.socket]
    ) -> None:
        self.client = client
        self.streams = streams
        self.app = app
        self.over = False
        self.channels = channels
        self.kill_at = NEVER
        own = streams.of[app]
        self.copies = [Copy(name, channels[name]) for name in channels if name not in INPUTS]
        self.feeds = [Feed(channels[name], own.inputs[name]) for name in channels if name in INPUTS]
        for copy in self.copies:
            own.outputs[copy.name].listeners.append(copy)

    def asked(self, message: list[str]) -> None:
        """`resize` and `eof`. Raises Gone for anything else."""
        kind, *fields = message
        if kind == EOF:
            for feed in self.feeds:
                feed.said = "stdin" in self.channels
        elif kind == RESIZE and len(fields) == 2:
            self.streams.of[self.app].resize(*_size(fields))
        else:
            raise Gone
        self.tick()

    def gone(self) -> None:
        """The client has gone."""
        self.over = True
        for output in self.streams.of[self.app].outputs.values():
            output.listeners = [each for each in output.listeners if each not in self.copies]
        for channel in self.channels.values():
            channel.close()
        self.channels = {}

    def tick(self) -> None:
        """Pass on what can be; tell what was missed, and the end."""
        if self.over:
            return
        ended = self.streams.ended(self.app)
        current = self.streams.of[self.app].inputs
        for name, feed in zip((name for name in self.channels if name in INPUTS), self.feeds):
            feed.target = current.get(name, feed.target)  # each life of the app has its own
            feed.pump()
        sent = not [copy for copy in self.copies if not copy.flush()]
        if ended is not None:
            if self.kill_at == NEVER:
                self.kill_at = time.monotonic() + LAST
            sent = sent or time.monotonic() >= self.kill_at
        try:
            self._tell_missed(ended is not None and sent)
            if ended is not None and sent:
                for channel in self.channels.values():
                    channel.close()
                status = "" if ended.status is None else str(ended.status)
                self.client.reply(ENDED, status, ended.reason)
                self.gone()
        except Gone:
            self.gone()

    def _tell_missed(self, last: bool) -> None:
        for copy in self.copies:
            if copy.missed and (last or not copy.waiting):
                missed, copy.missed = copy.missed, 0
                self.client.reply(MISSED, copy.name, str(missed))

    def ended(self, pid: int, status: int) -> bool:
        """It has no process."""
        return False

    def due(self) -> float:
        """When `tick` is wanted without a signal."""
        if self.kill_at == NEVER and self.streams.over(self.app) is not None:
            return 0.0  # no descriptor tells that an app of several has ended
        if any(copy.waiting for copy in self.copies) or self.kill_at != NEVER:
            return time.monotonic() + AGAIN
        waits = any(not feed.done and not feed.target.room() for feed in self.feeds)
        return time.monotonic() + AGAIN if waits else NEVER


def attach(streams: Streams, client: Client, fields: list[str]) -> Attached:
    """Make a task of an `attach` request. Raises Refused, or Gone for what makes no sense."""
    if len(fields) != 4:
        raise Gone
    app, listed, *size = fields
    names = listed.split(",")
    own = streams.of.get(app)
    if own is None:
        if all(one.name != app for one in streams.pod.apps):
            raise Refused(f"it has no app {safe(app, 60)}")
        raise Refused(f"app {safe(app, 60)} has not been started yet")
    lacks = [name for name in names if name not in own.attachable()]
    if lacks:
        raise Refused(f"app {app} has no {safe(lacks[0], 40)} to attach to")
    if len(set(names)) != len(names) or len(client.fds) != len(names):
        raise Gone
    for name in names:
        if name in INPUTS and own.inputs[name].fd < 0:
            raise Refused(f"app {app}: its {name} has been ended by who was attached before")
    channels = {name: _socket.socket(fileno=fd) for name, fd in zip(names, client.fds)}
    client.fds = []
    for channel in channels.values():
        unixsocket.notify(channel.fileno())
        channel.setblocking(False)
    task = Attached(client, streams, app, channels)
    if size != ["0", "0"]:
        own.resize(*_size(size))
    client.reply(ATTACHED)
    streams.tasks = [*(each for each in streams.tasks if not each.over), task]
    task.tick()
    return task


def _size(fields: list[str]) -> tuple[int, int]:
    try:
        rows, columns = (int(text) for text in fields)
    except ValueError:
        raise Gone from None
    if not (0 <= rows <= LARGEST and 0 <= columns <= LARGEST):
        raise Gone
    return rows, columns
