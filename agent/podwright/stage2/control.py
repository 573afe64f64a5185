# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod's control socket, as its PID 1 serves it between its other duties.

A client of the host connects, asks for one thing (a verb), and keeps the connection as long as
that lasts. Messages are the lines of `link`. PID 1 never waits for a client: reads and writes
take what is there, and who says too much, too late or nonsense is dropped.
"""

from __future__ import annotations

import _socket
import os
import time

from podwright.kernel import unixsocket
from podwright.stage1.namespaces import link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional, Protocol

    class Task(Protocol):
        """What a client has asked for. `over`: nothing is left to do."""

        over: bool

        def asked(self, message: list[str]) -> None:
            """A further message of the client."""

        def gone(self) -> None:
            """The client has gone."""

        def tick(self) -> None:
            """Something may be ready, or due."""

        def ended(self, pid: int, status: int) -> bool:
            """A child of PID 1 ended; whether it was the task's."""

        def due(self) -> float:
            """When `tick` is wanted without an event (monotonic), or inf."""


NAME = "control"
"""The socket in the pod's directory."""
FAILED = "failed"
"""status, sentence: what was asked for cannot be done."""

MOST_CLIENTS = 32
MOST_BYTES = 1 << 18
"""Of a message."""
MOST_FDS = unixsocket.MOST_DESCRIPTORS
PATIENCE = 10.0
"""Seconds in which a client says what it wants."""
NEVER = float("inf")
REFUSED = 254
"""The status of what was refused."""


class Gone(Exception):
    """The client has gone, or is to go."""


class Refused(Exception):
    """What a client asked for cannot be done; the sentence says why."""

    def __init__(self, sentence: str, status: int = REFUSED) -> None:
        super().__init__(sentence)
        self.status = status


class Client:
    """One connection. `fds` came with the message that is read now; who keeps one takes it out."""

    def __init__(self, channel: _socket.socket) -> None:
        self.channel = channel
        self.fds: list[int] = []
        self.task: Optional[Task] = None
        self.expires = time.monotonic() + PATIENCE
        self._data = b""
        unixsocket.notify(channel.fileno())

    def read(self) -> Optional[list[str]]:
        """The next whole message, or None when none is there yet. Raises Gone."""
        while b"\n" not in self._data:
            try:
                piece, fds = unixsocket.receive(self.channel, 65536)
            except BlockingIOError:
                return None
            except OSError:
                raise Gone from None
            self.fds += fds
            self._data += piece
            if not piece or len(self._data) > MOST_BYTES or len(self.fds) > MOST_FDS:
                raise Gone
        line, _, self._data = self._data.partition(b"\n")
        return link.decode(line)

    def reply(self, kind: str, *fields: str, fds: tuple[int, ...] = ()) -> None:
        """Send a message, at once and whole: who does not read is dropped. Raises Gone."""
        data = link.encode(kind, *fields)
        try:
            if unixsocket.send(self.channel, data, fds) == len(data):
                return
        except OSError:
            pass
        raise Gone

    def close(self) -> None:
        """End the connection; what the client handed over and nobody took is closed."""
        for fd in self.fds:
            os.close(fd)
        self.fds = []
        self.channel.close()


class Control:
    """Serves the clients of one pod.

    verbs     first word of a first message -> what makes a task of it, or raises Refused
    mapped    we are in a user namespace of the pod, where the host's root has no number
    """

    def __init__(
        self,
        server: int,
        verbs: dict[str, Callable[[Client, list[str]], Task]],
        mapped: bool,
    ) -> None:
        self.server = _socket.socket(fileno=server)
        self.verbs = verbs
        self.mapped = mapped
        self.clients: list[Client] = []
        self.tasks: list[Task] = []
        self.retry = NEVER
        unixsocket.notify(server)
        self.signalled()  # who connected before this has made no signal

    def signalled(self) -> None:
        """Take what came on any connection, without waiting."""
        self._admit()
        for client in list(self.clients):
            self._serve(client)
        for task in list(self.tasks):
            try:
                task.tick()
            except Exception as err:
                self._broken(task, err)
        self._forget()

    def ended(self, pid: int, status: int) -> bool:
        """A child of ours ended; whether it was one of a task's."""
        found = any(self._ended(task, pid, status) for task in list(self.tasks))
        self._forget()
        return found

    def _ended(self, task: Task, pid: int, status: int) -> bool:
        try:
            return task.ended(pid, status)
        except Exception as err:
            self._broken(task, err)
            return False

    def _broken(self, task: Task, err: Exception) -> None:
        """Whatever goes wrong in a task ends that task, and nothing else."""
        task.over = True
        for client in [one for one in self.clients if one.task is task]:
            self._refuse(client, _unexpected(err))

    def due(self) -> float:
        """When `signalled` is wanted without a signal."""
        waiting = [client.expires for client in self.clients if client.task is None]
        return min([self.retry, *waiting, *(task.due() for task in self.tasks)])

    def _admit(self) -> None:
        self.retry = NEVER
        try:
            while True:
                channel = unixsocket.accept(self.server)
                if channel is None:
                    return
                if len(self.clients) < MOST_CLIENTS and self._may(channel):
                    self.clients.append(Client(channel))
                else:
                    channel.close()
        except OSError:  # out of descriptors or memory
            self.retry = time.monotonic() + 1.0

    def _may(self, channel: _socket.socket) -> bool:
        """Whether the host's root connected.

        The file's mode, and the directories that it lies in, let nobody else do it. Here it shows
        as who has no number in our namespaces, which nobody in the pod is.
        """
        pid, uid = unixsocket.peer(channel)
        return (uid == 0) is not self.mapped and (pid == 0 or os.getpid() != 1)

    def _serve(self, client: Client) -> None:
        try:
            while True:
                message = client.read()
                if message is None:
                    break
                self._act(client, message)
            if client.task is None and time.monotonic() >= client.expires:
                raise Gone
        except Gone:
            self._drop(client)
        except Refused as err:
            self._refuse(client, err)
        except Exception as err:  # whatever it is, it concerns this client only
            self._refuse(client, _unexpected(err))

    def _act(self, client: Client, message: list[str]) -> None:
        if client.task is not None:
            client.task.asked(message)
            return
        verb = self.verbs.get(message[0])
        if verb is None:
            raise Refused("the pod was started by an agent that cannot do this")
        client.task = verb(client, message[1:])
        self.tasks.append(client.task)

    def _refuse(self, client: Client, why: Refused) -> None:
        try:
            client.reply(FAILED, str(why.status), str(why))
        except Gone:
            return
        finally:
            self._drop(client)

    def _drop(self, client: Client) -> None:
        if client in self.clients:
            self.clients.remove(client)
        if client.task is not None:
            try:
                client.task.gone()
            except Exception:
                client.task.over = True
        client.close()

    def _forget(self) -> None:
        self.tasks = [task for task in self.tasks if not task.over]
        for client in list(self.clients):
            if client.task is not None and client.task.over:
                self._drop(client)


def _unexpected(err: Exception) -> Refused:
    return Refused(f"{type(err).__name__}: {err}")
