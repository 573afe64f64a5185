# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gRPC server on a private unix socket, and the door before it (`door.py`)."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading

from podwright.api import schema
from podwright.api.door import Door
from podwright.api.events import Events
from podwright.api.service import Service, code_of
from podwright.errors import PodwrightError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from typing import Any

    from podwright.cli.context import Context

THREADS = 48
STREAMS = 32
"""Calls that may go on for ever; the other threads are for those that do not."""
MOST_REQUEST = 1 << 20
OPTIONS = (
    ("grpc.max_receive_message_length", MOST_REQUEST),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_metadata_size", 16384),
    ("grpc.max_concurrent_streams", 32),
    ("grpc.max_connection_idle_ms", 600_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.so_reuseport", 0),
)


def run(
    context: Context,
    sockets: list[socket.socket],
    idle: float,
    note: Callable[[str], None],
    on_ready: Callable[[], None],
) -> None:
    """Serve until a signal, or until nobody was there for `idle` seconds (0: for ever)."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    known = schema.load()
    try:
        import grpc
    except ImportError as err:
        raise schema.missing(err) from None
    from concurrent.futures import ThreadPoolExecutor

    events = Events(context.layout, note)
    pool = ThreadPoolExecutor(THREADS)
    server = grpc.server(pool, options=OPTIONS, maximum_concurrent_rpcs=THREADS)
    calls = _Calls(grpc, Service(context, known, events), events, note)
    server.add_generic_rpc_handlers((calls.handlers(known),))
    try:
        with tempfile.TemporaryDirectory(prefix="podwright-api-") as private:
            server.add_insecure_port(f"unix:{private}/grpc")
            server.start()
            asyncio.run(Door(sockets, f"{private}/grpc", idle).run(on_ready))
            calls.stopping = True
            events.wake()
            server.stop(1.0).wait(5.0)
    finally:
        events.stop()


class _Calls:
    """Calls as gRPC has them: errors become its statuses, streams are counted."""

    def __init__(
        self, grpc: Any, service: Service, events: Events, note: Callable[[str], None]
    ) -> None:
        self._grpc = grpc
        self._service = service
        self._events = events
        self._note = note
        self._streams = threading.BoundedSemaphore(STREAMS)
        self.stopping = False

    def handlers(self, known: schema.Schema) -> Any:
        """For all methods of the schema."""
        made = {}
        for one in known.methods:
            make = (
                self._grpc.unary_stream_rpc_method_handler
                if one.stream
                else self._grpc.unary_unary_rpc_method_handler
            )
            call = getattr(self._service, one.name)
            made[one.name] = make(
                self._stream(call) if one.stream else self._single(call),
                request_deserializer=known.messages[one.takes].FromString,
                response_serializer=known.messages[one.answers].SerializeToString,
            )
        return self._grpc.method_handlers_generic_handler(known.service, made)

    def _single(self, call: Any) -> Any:
        def answer(request: Any, context: Any) -> Any:
            try:
                return call(request, context.is_active)
            except Exception as err:
                self._fail(context, err)

        return answer

    def _stream(self, call: Any) -> Any:
        def answer(request: Any, context: Any) -> Iterator[Any]:
            if not self._streams.acquire(blocking=False):
                code = self._grpc.StatusCode.RESOURCE_EXHAUSTED
                context.abort(code, f"more than {STREAMS} streams at once")
            try:
                context.add_callback(self._events.wake)
                yield from call(request, lambda: context.is_active() and not self.stopping)
            except Exception as err:
                self._fail(context, err)
            finally:
                self._streams.release()

        return answer

    def _fail(self, context: Any, err: Exception) -> None:
        """End a call with a status. What we did not expect is for our log only."""
        codes = self._grpc.StatusCode
        if isinstance(err, PodwrightError):
            context.abort(getattr(codes, code_of(err)), safe(err.sentence(), 1000))
        self._note(f"internal error: {type(err).__name__}: {safe(err, 300)}")
        context.abort(codes.INTERNAL, "internal error; the service's log says more")
