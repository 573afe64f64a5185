# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections from our listening sockets to the gRPC server's private one.

gRPC's library for Python cannot take sockets over from systemd. What it serves is behind this
door, which counts who is inside: so the service can end when nobody is.
"""

from __future__ import annotations

import asyncio
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

MOST = 64
"""Connections at a time; one more is closed at once."""
PIECE = 65536
POLL = 0.5


class Door:
    """Open until a signal, or until nobody was inside for `idle` seconds (0: for ever)."""

    def __init__(self, sockets: list[socket.socket], behind: str, idle: float) -> None:
        self._sockets = sockets
        self._behind = behind
        self._idle = idle
        self._last = time.monotonic()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Let in whoever comes."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        servers = [await self._open(each) for each in self._sockets]
        on_ready()
        while not stop.is_set() and not self._is_idle():
            try:
                await asyncio.wait_for(stop.wait(), POLL)
            except asyncio.TimeoutError:
                continue
        for server in servers:
            server.close()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2.0)

    async def _open(self, each: socket.socket) -> asyncio.AbstractServer:
        import _socket

        if each.family == _socket.AF_UNIX:
            return await asyncio.start_unix_server(self._enter, sock=each)
        return await asyncio.start_server(self._enter, sock=each)

    def _is_idle(self) -> bool:
        if self._tasks:
            self._last = time.monotonic()
        return bool(self._idle and time.monotonic() - self._last > self._idle)

    def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._last = time.monotonic()
        if len(self._tasks) >= MOST:
            writer.transport.abort()
            return
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner, outer = await asyncio.open_unix_connection(self._behind)
        except OSError:
            writer.transport.abort()
            return
        ways = [
            asyncio.ensure_future(_copy(reader, outer)),
            asyncio.ensure_future(_copy(inner, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if ways[0].done():  # the client says no more: the server ends the conversation
                await asyncio.wait(ways, timeout=5.0)
        finally:
            for way in ways:
                way.cancel()
            outer.transport.abort()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        return  # one of them went away
