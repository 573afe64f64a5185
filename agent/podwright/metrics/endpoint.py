# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics over HTTP: `GET /metrics` and nothing else, on sockets of systemd's or our own."""

from __future__ import annotations

import asyncio
import signal
import socket
import time

from podwright.errors import HostError
from podwright.metadata import http
from podwright.metrics import text
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.metrics.text import Family

SECONDS = 10.0
"""For a whole connection."""
HEAD_SECONDS = 2.0
"""For the request."""
MOST = 64
"""Connections at a time; for one more, the oldest that waits for its client is ended."""
FRESH = 1.0
"""Seconds for which one look is shown to everybody."""
POLL = 0.5


class Endpoint:
    """Answers until it is told to stop, or nobody has asked for `idle` seconds (0: for ever)."""

    def __init__(
        self,
        sockets: list[socket.socket],
        look: Callable[[], list[Family]],
        note: Callable[[str], None],
        idle: float,
    ) -> None:
        self._sockets = sockets
        self._look = look
        self._note = note
        self._idle = idle
        self._open: dict[asyncio.StreamWriter, bool] = {}  # oldest first; whether it waits
        self._seen: list[Family] = []
        self._at = -FRESH
        self._last = time.monotonic()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Serve."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        servers = [
            await asyncio.start_server(self._serve, sock=each, limit=http.MOST_HEAD)
            for each in self._sockets
        ]
        on_ready()
        while not stop.is_set() and not self._is_idle():
            try:
                await asyncio.wait_for(stop.wait(), POLL)
            except asyncio.TimeoutError:
                continue
        for server in servers:
            server.close()

    def _is_idle(self) -> bool:
        return bool(self._idle and not self._open and time.monotonic() - self._last > self._idle)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._last = time.monotonic()
        if len(self._open) >= MOST:
            waiting = [one for one, waits in self._open.items() if waits]
            oldest = (waiting or list(self._open))[0]
            del self._open[oldest]
            oldest.transport.abort()
        self._open[writer] = True
        try:
            await asyncio.wait_for(self._converse(reader, writer), SECONDS)
        except (asyncio.TimeoutError, EOFError, OSError):
            pass  # it went away, or should have
        finally:
            self._open.pop(writer, None)
            self._last = time.monotonic()
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await asyncio.wait_for(http.read(reader, writer, 0), HEAD_SECONDS)
            self._waits(writer, False)
            response = self._answer(request)
        except http.Failure as failure:
            response = http.sentence(failure.status, failure.text)
        except (asyncio.TimeoutError, EOFError, OSError):
            raise
        except Exception as err:
            self._note(f"metrics: internal error: {type(err).__name__}: {safe(err, 200)}")
            response = http.sentence(500, "internal error")
        writer.write(http.render(response))
        await writer.drain()
        self._waits(writer, True)
        writer.write_eof()
        await reader.read(http.MOST_HEAD)  # else what is left unread would cut the answer off

    def _waits(self, writer: asyncio.StreamWriter, waits: bool) -> None:
        if writer in self._open:
            self._open[writer] = waits

    def _answer(self, request: http.Request) -> http.Response:
        if request.path != ("metrics",):
            raise http.Failure(404, "there is only /metrics")
        if request.method != "GET":
            raise http.Failure(405, "only GET works here")
        now = time.monotonic()
        if now - self._at >= FRESH:
            self._seen, self._at = self._look(), now
        form = text.OPENMETRICS if "openmetrics-text" in request.accept else text.PROMETHEUS
        body = text.render(self._seen, form).encode("utf-8", "replace")
        return http.Response(200, body, text.KINDS[form])


def listen(place: str) -> socket.socket:
    """A socket that listens on ADDRESS:PORT or [ADDRESS]:PORT. Raises HostError, ValueError."""
    host, port = split(place)
    made: Optional[socket.socket] = None
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(128)
    except OSError as err:
        if made is not None:
            made.close()
        raise HostError(
            f"cannot listen on {safe(place, 80)}: {err.strerror or err}",
            "choose another with --listen, or end who uses it",
            object=safe(place, 80),
        ) from None
    return made


def split(place: str) -> tuple[str, int]:
    """Address and port; `localhost` is 127.0.0.1. Raises ValueError."""
    from podwright.net import ip

    host, colon, port = place.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65536:
        raise ValueError(place)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(place)
    return ip.canonical("127.0.0.1" if host == "localhost" else host), int(port)
