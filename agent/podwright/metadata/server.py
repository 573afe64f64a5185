# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service's one loop: connections of pods and of root, each of bounded size, time and number.

A pod has a number of connections of its own, so that it cannot take those of others; whoever is
no registered pod shares a few, only to be told so.
"""

from __future__ import annotations

import asyncio
import signal
import time
from functools import partial

from podwright.kernel import unixsocket
from podwright.metadata import http, registration, service
from podwright.metadata.records import Refused
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from podwright.metadata.key import Key
    from podwright.metadata.records import Records
    from podwright.metadata.refusals import Refusals
    from podwright.metadata.sockets import Listening

SECONDS = 10.0
"""For a whole connection, from its beginning until the answer is taken."""
PER_POD = 8
STRANGERS = 16
ROOTS = 64
ROOT = "root"
MOST_LEFT = 1 << 18
"""Bytes behind a request that are read and dropped while the answer is on its way."""
LAST_SECONDS = 2.0
"""For what is under way when the service is stopped."""
POLL = 1.0
"""Between looks whether anybody needs the service."""


class Server:
    """Answers until it is told to stop."""

    def __init__(
        self,
        listening: Listening,
        records: Records,
        key: Key,
        refusals: Refusals,
        uid: int,
        idle: float = 0.0,
    ) -> None:
        """idle: end after so many seconds in which no registered pod ran; 0: never."""
        self._idle = idle
        self._listening = listening
        self._places = listening.places()
        self._records = records
        self._key = key
        self._refusals = refusals
        self._uid = uid
        self._open: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT, or nobody needs it; then let go of what is idle, and end."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        servers = [
            await asyncio.start_server(self._pod, sock=each, limit=http.MOST_HEAD)
            for each in self._listening.pods
        ]
        servers.append(
            await asyncio.start_unix_server(
                self._root, sock=self._listening.root, limit=http.MOST_HEAD
            )
        )
        on_ready()
        await self._needed(stop)
        for server in servers:
            server.close()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
        self._listening.close()

    async def _needed(self, stop: asyncio.Event) -> None:
        """Until it is to stop, or has not been needed for a while."""
        last = time.monotonic()
        while not stop.is_set():
            if not self._idle or self._tasks or self._records.any_runs():
                last = time.monotonic()
            elif time.monotonic() - last > self._idle:
                return
            try:
                await asyncio.wait_for(stop.wait(), POLL if self._idle else None)
            except asyncio.TimeoutError:
                continue

    def _pod(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = str(writer.get_extra_info("peername", ("",))[0])
        if source in self._records.sources:
            whose, most = f"pod {self._records.sources[source]}", PER_POD
        else:
            whose, most = "strangers", STRANGERS
        self._begin(whose, most, source, writer, partial(self._ask, source), reader)

    def _root(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = unixsocket.peer(writer.get_extra_info("socket"))[1]
        if uid not in (0, self._uid):
            self._refusals.tell(f"user {uid}", "only root registers pods")
            writer.transport.abort()
            return
        self._begin(ROOT, ROOTS, ROOT, writer, self._register, reader)

    def _begin(
        self,
        whose: str,
        most: int,
        source: str,
        writer: asyncio.StreamWriter,
        work: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[http.Response]],
        reader: asyncio.StreamReader,
    ) -> None:
        """Serve a connection, unless there are too many of its kind."""
        if self._open.get(whose, 0) >= most:
            self._refuse(source, f"{whose}: more than {most} connections at once")
            writer.transport.abort()
            return
        self._open[whose] = self._open.get(whose, 0) + 1
        task = asyncio.ensure_future(self._serve(source, work, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(partial(self._end, whose))

    def _refuse(self, source: str, what: str) -> None:
        stranger = source != ROOT and source not in self._records.sources
        self._refusals.tell(source, what, stranger=stranger)

    def _end(self, whose: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._open[whose] -= 1
        if not self._open[whose]:
            del self._open[whose]

    async def _serve(
        self,
        source: str,
        work: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[http.Response]],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """One connection from its beginning to its end; nothing that it does ends more than it."""
        try:
            await asyncio.wait_for(self._converse(source, work, reader, writer), SECONDS)
        except asyncio.TimeoutError:
            self._refuse(source, f"not done after {SECONDS:g} s")
        except (EOFError, OSError):
            pass  # it went away
        except asyncio.CancelledError:
            pass  # we are stopping
        finally:
            writer.transport.abort()

    async def _converse(
        self,
        source: str,
        work: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[http.Response]],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            response = await work(reader, writer)
        except http.Failure as failure:
            self._refuse(source, f"{failure.status} {failure.text}")
            response = http.sentence(failure.status, failure.text)
        except (EOFError, OSError):
            raise
        except Exception as err:
            self._refuse(source, f"internal error: {type(err).__name__}: {safe(err, 200)}")
            response = http.sentence(500, "internal error")
        writer.write(http.render(response))
        await writer.drain()
        writer.write_eof()
        for _ in range(MOST_LEFT // http.MOST_HEAD):  # else it would cut the answer off
            if not await reader.read(http.MOST_HEAD):
                break

    async def _ask(
        self, source: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> http.Response:
        request = await http.read(reader, writer, service.MOST_BODY)
        try:
            record = self._records.identify(source, request.path[0])
        except Refused as refused:
            self._refuse(source, str(refused))
            return http.sentence(403, "this is not for you")
        return service.answer(request, record, self._key)

    async def _register(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> http.Response:
        request = await http.read(reader, writer, registration.MOST_BODY)
        return registration.answer(request, self._records, self._places)
