# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of a pod's control socket that has a process started in an app and stays with it.

PID 1 starts the process (`stage2.entered`), so that no pid is looked up, nothing of the image is
touched from outside, and no namespace is entered by us.
"""

from __future__ import annotations

import os

from podwright.errors import HostError, LaunchError, UsageError
from podwright.host.cgrouptree import leaf
from podwright.host.ownedgroup import OwnedGroup
from podwright.kernel import signals, terminal, unixsocket
from podwright.stage1.namespaces import link, record
from podwright.stage1.namespaces.relay import Shown
from podwright.stage2 import entered
from podwright.stage2.control import FAILED, MOST_BYTES, NAME
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Any, Optional

FORWARDED = (
    *(signals.SIGTERM, signals.SIGINT, signals.SIGQUIT),
    *(signals.SIGUSR1, signals.SIGUSR2),
)
KILLED = 128 + signals.SIGKILL
QUIET = 0.1
"""Seconds without output after which a terminal that others still have open is left to them."""


@value
class Request:
    """What is to be started.

    argv         its command line; () = a shell of the image
    environment  variables besides the app's
    privileged   as root of the pod, with all its capabilities, instead of as the app
    terminals    which of our 0, 1, 2 are to be a terminal of the app's own instead of ours
    user, group, directory   instead of the app's ("": the app's); names or numbers of the image
    """

    pod: str
    app: str
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    privileged: bool
    terminals: tuple[int, ...]
    user: str = ""
    group: str = ""
    directory: str = ""


LAST = 1.0
"""Seconds for all output after the end."""


class _HungUp(Exception):
    """Our terminal has gone, or whoever waits for us told us so."""


class _Enough(Exception):
    """We were told to end, and only the last output is still being shown."""


def enter(pod_dir: str, request: Request) -> tuple[int, str]:
    """Run a process in an app to its end: its status, and a sentence about it or "".

    Must be called from the main thread, since it handles signals meanwhile. Raises LaunchError
    when it could not be started, UsageError for what cannot be passed.
    """
    channel = connect(pod_dir, request.pod)
    try:
        group = _group(pod_dir, request.app)
        try:
            passed = tuple(fd for fd in range(3) if fd not in request.terminals)
            fds = (*passed, *group.family, *group.files)
            send(channel, _message(request, group.kind), fds)
            return _Session(channel, request).follow()
        finally:
            channel.close()
            group.end()
    except BaseException:
        channel.close()
        raise


def _message(request: Request, kind: str) -> bytes:
    verb, mode = entered.SPAWN, entered.PRIVILEGED if request.privileged else ""
    if request.user or request.directory:
        verb, mode = entered.SPAWN_AS, f"{request.user}:{request.group}:{request.directory}"
    words = (*request.argv, *(text for pair in request.environment for text in pair), mode)
    if any("\0" in word for word in words):
        raise UsageError("a command line cannot have a NUL in it")
    shown = terminal.size(request.terminals[0]) if request.terminals else (0, 0)
    data = link.encode(
        verb,
        request.app,
        mode,
        "".join(str(number) for number in request.terminals),
        kind,
        *(str(number) for number in shown),
        str(len(request.environment)),
        *(f"{key}={text}" for key, text in request.environment),
        *request.argv,
    )
    if len(data) > MOST_BYTES:
        raise UsageError(
            f"a command line of {len(data)} bytes is too long: at most {MOST_BYTES}",
            "give the text on standard input",
        )
    return data


def connect(pod_dir: str, pod: str) -> _socket.socket:
    """A connection to the PID 1 of a pod. Raises LaunchError."""
    directory = os.open(pod_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return unixsocket.connect(directory, NAME)
    except FileNotFoundError:
        raise LaunchError(
            f"pod {pod} has no control socket",
            "it is just being started, or was started by an older agent",
            object=pod,
        ) from None
    except ConnectionRefusedError:
        raise LaunchError(f"pod {pod} has just ended", object=pod) from None
    finally:
        os.close(directory)


def _group(pod_dir: str, app: str) -> OwnedGroup:
    known = record.read(pod_dir)
    above = [f"{path}/{app}" for path in known.cgroups] if known is not None else []
    try:
        return OwnedGroup([leaf(path) for path in above if os.path.isdir(path)])
    except OSError as err:
        raise HostError(
            f"app {app}: a control group for the process cannot be made: {safe(err)}", object=app
        ) from err


def send(channel: _socket.socket, data: bytes, fds: tuple[int, ...] = ()) -> None:
    """Send all of a message. When the pod has gone, reading will say so."""
    try:
        while data:
            data = data[unixsocket.send(channel, data, fds) :]
            fds = ()
    except OSError:
        return


class _Session:
    """From the request to the end of the process. Signals that we get go to the process."""

    def __init__(self, channel: _socket.socket, request: Request) -> None:
        self.channel = channel
        self.request = request
        self.shown: Optional[Shown] = None
        self.handlers: dict[int, Any] = {}
        self.result: Optional[tuple[int, str]] = None
        self.data = b""
        self.draining = False

    def follow(self) -> tuple[int, str]:
        """Stay with the process until it has ended."""
        self._handle()
        try:
            while self.result is None:
                self._wait()
            self._drain()
            return self.result
        except _HungUp:
            return 128 + signals.SIGHUP, ""
        finally:
            for number, handler in self.handlers.items():
                signals.signal(number, handler)
            if self.shown is not None:
                self.shown.end()

    def _drain(self) -> None:
        """Show the last output; there is nobody to pass a signal on to any more."""
        if self.shown is None:
            return
        try:
            self.draining = True
            self.shown.drain(QUIET, LAST)
            self.draining = False
        except _Enough:
            return

    def _handle(self) -> None:
        def forward(number: int, _frame: object) -> None:
            if self.draining:
                self.draining = False
                raise _Enough
            send(self.channel, link.encode(entered.SIGNAL, str(number)))

        def hung_up(_number: int, _frame: object) -> None:
            raise _HungUp

        def resized(_number: int, _frame: object) -> None:
            if self.shown is not None:
                self.shown.resized()

        for number in FORWARDED:
            self.handlers[number] = signals.signal(number, forward)
        self.handlers[signals.SIGHUP] = signals.signal(signals.SIGHUP, hung_up)
        self.handlers[signals.SIGWINCH] = signals.signal(signals.SIGWINCH, resized)

    def _wait(self) -> None:
        """Wait for the pod, and meanwhile show and type."""
        if self.shown is None or self.shown.wait(self.channel.fileno()):
            piece, fds = unixsocket.receive(self.channel, 65536)
            if fds:
                self.shown = Shown(fds[0], self.request.terminals)
                self.shown.start()
            *lines, self.data = (self.data + piece).split(b"\n")
            for line in lines:
                self._told(link.decode(line))
            if not piece and self.result is None:
                name = safe(self.request.argv[0], 60) if self.request.argv else "the shell"
                text = f"pod {self.request.pod} has ended, and {name} with it"
                self.result = (KILLED, text)

    def _told(self, message: list[str]) -> None:
        kind, *fields = message
        if kind == entered.EXITED:
            self.result = (int(fields[0]), "")
        elif kind == FAILED:
            status, sentence = int(fields[0]), f"app {self.request.app}: {fields[1]}"
            if status == 254:
                raise LaunchError(sentence, object=self.request.app)
            self.result = (status, sentence)
