# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A `transport.Client` whose connections are made by a confined process.

TLS, HTTP and name resolution read what strangers send, so they happen in a child without root's
identity, without files to write and without any other way out (kernel/confine.py). The agent hands
it one end of a stream for each request and reads head and body from the other one
(stage0/web/netframes.py). It believes the child as much as it would believe the server.

Certificate authorities and log-ins are in the child's memory before it is confined.
"""

from __future__ import annotations

import contextlib
import email.message
import io
import os
import socket
import threading
import time

from podwright.errors import FetchError, PodwrightError
from podwright.kernel import confine, confinederrors
from podwright.stage0.web import netframes, urls
from podwright.stage0.web.sources import GRACE, SLOWEST
from podwright.stage0.web.transport import HEAD_TIMEOUT, MAX_REDIRECTS, Client, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.web.credentials import Keyring

WHAT = "the network process"
HEAD_WAIT = (MAX_REDIRECTS + 1) * (HEAD_TIMEOUT + 20.0)
"""Seconds until a whole head must be there; the child gives up earlier."""
LATE = 20.0
"""Seconds after a request's own deadline in which the child may say so."""
BODY_WAIT = 40.0
GATHER_SECONDS = 0.05
MAX_HEADERS = 256


class RemoteClient(Client):
    """See `Client`. Make it before starting threads; close it from the same thread."""

    def __init__(
        self,
        layout: Layout,
        insecure: frozenset[str] = frozenset(),
        credentials: Optional[Keyring] = None,
    ) -> None:
        super().__init__(layout, insecure)
        server = _Server(Client(layout, insecure, credentials))
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._child = confine.spawn(
                lambda: server.serve(theirs),
                pass_fds=(theirs.fileno(),),
                network=True,
                read_paths=(os.path.dirname(os.__file__),),
                before=server.prepare,
                what=WHAT,
            )

    def __exit__(self, *_: object) -> None:
        self._control.close()
        self._child.kill()

    def open(
        self,
        url: str,
        headers: Optional[dict[str, str]] = None,
        *,
        deadline: float = 0.0,
        method: str = "GET",
        body: Optional[bytes] = None,
        near: str = "",
    ) -> Reply:
        """See `Client.open`."""
        request = {
            "url": url,
            "headers": headers or {},
            "deadline": deadline,
            "method": method,
            "near": near,
            "has_body": body is not None,
        }
        ours, theirs = socket.socketpair()
        until = time.monotonic() + HEAD_WAIT
        answer = _Answer(ours, min(until, deadline + LATE) if deadline else until)
        try:
            with theirs:
                socket.send_fds(self._control, [b"+"], [theirs.fileno()])
            ours.settimeout(HEAD_WAIT)
            ours.sendall(netframes.small(netframes.REQUEST, request))
            ours.sendall(netframes.framed(netframes.BODY, body or b""))
            reply = answer.head(self.insecure)
        except OSError:
            answer.close()
            raise self._gone() from None
        except PodwrightError as err:
            answer.close()
            if err.reason == "network-process":
                raise self._gone() from None
            raise
        return reply

    def done(self, reply: Reply) -> None:
        """See `Client.done`: the child keeps the connection when it is in order."""
        reply.close()

    def _gone(self) -> PodwrightError:
        """Why the child does not answer."""
        try:
            self._child.wait(1.0)
        except PodwrightError as err:
            return FetchError(err.message, err.hint, reason="network-process")
        return netframes.broken("ended unexpectedly")


class _Patience(io.RawIOBase):
    """A stream that is read for a limited time, however it drips: TimeoutError then.

    First until a moment; after `be_paced`, as long as no more time is spent waiting for it than
    sources.py gives a server. What its reader does meanwhile is not counted.
    """

    def __init__(self, stream: socket.socket, until: float) -> None:
        self._stream = stream
        self._until: Optional[float] = until
        self._waited = 0.0
        self._received = 0

    def readable(self) -> bool:
        return True

    def be_paced(self) -> None:
        """From here on, a rate counts."""
        self._until = None

    def readinto(self, buffer: Any) -> int:
        began = time.monotonic()
        if self._until is not None:
            left = self._until - began
        else:
            left = min(BODY_WAIT, GRACE + self._received / SLOWEST - self._waited)
        if left <= 0:
            raise TimeoutError
        self._stream.settimeout(left)
        count = self._stream.recv_into(buffer)
        if self._until is None:
            self._waited += time.monotonic() - began
            self._received += count
        return count


class _Answer:
    """The agent's end of one request: what `Reply` wants of an HTTPResponse."""

    will_close = False

    def __init__(self, stream: socket.socket, until: float) -> None:
        self._stream = stream
        self._source = _Patience(stream, until)
        self._file: Any = io.BufferedReader(self._source, netframes.DATA_BYTES)
        self._left = 0
        self._ended = False
        self.status = 0
        self.headers = email.message.Message()

    def head(self, insecure: frozenset[str]) -> Reply:
        """Read and check the head."""
        said = self._next({netframes.HEAD: netframes.SMALL_BYTES})
        if not _is_head(said):
            raise netframes.disorder()
        self.status = said["status"]
        for name, text in said["headers"][:MAX_HEADERS]:
            self.headers[name] = text
        self._source.be_paced()
        return Reply(urls.parse(said["url"], insecure), None, self)  # type: ignore[arg-type]

    def read1(self, size: int) -> bytes:
        """Some bytes of the body; b"" at its end."""
        if not self._left:
            if self._ended:
                return b""
            allowed = {netframes.DATA: netframes.DATA_BYTES, netframes.END: netframes.SMALL_BYTES}
            if self._next(allowed) is not None:
                self._ended = True
                return b""
        length = min(size, self._left)
        self._left -= length
        return netframes.exactly(self._file, length)

    def _next(self, allowed: dict[bytes, int]) -> Any:
        """The content of the next frame; None for data, which is still to be read."""
        kind, length = netframes.head(
            self._file, {**allowed, netframes.ERROR: confinederrors.MAX_BYTES}
        )
        if kind == netframes.DATA:
            if not length:
                raise netframes.disorder()
            self._left = length
            return None
        said = netframes.content(self._file, length)
        if kind == netframes.ERROR:
            raise confinederrors.restore(said, WHAT)
        return said

    def isclosed(self) -> bool:
        """Whether the body has been read to its end."""
        return self._ended

    def close(self) -> None:
        """Read no more: the child notices, and ends the connection."""
        self._file.close()
        self._stream.close()


def _is_head(said: Any) -> bool:
    """Whether it has the fields of a head, each of its type."""
    return (
        isinstance(said, dict)
        and type(said.get("status")) is int
        and 100 <= said["status"] <= 599
        and isinstance(said.get("url"), str)
        and isinstance(said.get("headers"), list)
        and all(
            isinstance(pair, list)
            and len(pair) == 2
            and all(isinstance(text, str) for text in pair)
            for pair in said["headers"]
        )
    )


class _Server:
    """The child: a thread for each request, one client for all."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._problem: Optional[PodwrightError] = None

    def prepare(self) -> None:
        """Read authorities and load what is loaded late, while that is possible."""
        "host".encode("idna")
        try:
            self._client.prepare()
        except PodwrightError as err:
            self._problem = err

    def serve(self, control: socket.socket) -> None:
        """Answer requests until the agent closes the control socket."""
        while True:
            word, fds, _, _ = socket.recv_fds(control, 1, 1)
            if not word:
                return
            stream = socket.socket(fileno=fds[0])
            threading.Thread(target=self._answer, args=(stream,), daemon=True).start()

    def _answer(self, stream: socket.socket) -> None:
        with stream, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            try:
                reply = self._open(stream)
                try:
                    stream.sendall(_head_frame(reply))
                    _pump(reply, stream)
                finally:
                    self._client.done(reply)
                stream.sendall(netframes.small(netframes.END, {}))
            except (BrokenPipeError, ConnectionResetError):
                raise
            except Exception as err:
                stream.sendall(netframes.small(netframes.ERROR, confinederrors.describe(err)))

    def _open(self, stream: socket.socket) -> Reply:
        with stream.makefile("rb") as file:
            _, length = netframes.head(file, {netframes.REQUEST: netframes.SMALL_BYTES})
            request = netframes.content(file, length)
            _, length = netframes.head(file, {netframes.BODY: netframes.BODY_BYTES})
            body = netframes.exactly(file, length)
        if self._problem is not None and request["url"].lower().startswith("https:"):
            raise self._problem
        return self._client.open(
            request["url"],
            request["headers"],
            deadline=request["deadline"],
            method=request["method"],
            body=body if request["has_body"] else None,
            near=request["near"],
        )


def _head_frame(reply: Reply) -> bytes:
    headers = [[name, text] for name, text in reply.headers()][:MAX_HEADERS]
    told = {"status": reply.status, "url": str(reply.url), "headers": headers}
    return netframes.small(netframes.HEAD, told)


def _pump(reply: Reply, stream: socket.socket) -> None:
    """Pass the body on, in large pieces when it comes fast and at once when it does not."""
    parts: list[bytes] = []
    size, since = 0, time.monotonic()
    try:
        while part := reply.read(netframes.DATA_BYTES - size):
            parts.append(part)
            size += len(part)
            if size == netframes.DATA_BYTES or time.monotonic() - since > GATHER_SECONDS:
                stream.sendall(netframes.framed(netframes.DATA, *parts))
                parts, size, since = [], 0, time.monotonic()
    finally:
        if parts:
            stream.sendall(netframes.framed(netframes.DATA, *parts))
