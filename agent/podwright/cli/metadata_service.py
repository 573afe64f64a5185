# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright metadata-service`: runs until it is stopped, or, started on demand, nobody needs it."""

from __future__ import annotations

import os

from podwright.cli import durations
from podwright.cli.context import note
from podwright.errors import LockedError, UsageError
from podwright.host import systemd
from podwright.host.lock import HostLock
from podwright.metadata import sockets
from podwright.net import place
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.cli.context import Context
    from podwright.cli.options import Arguments
    from podwright.host.paths import Layout

MOST_DESCRIPTORS = 65536
IDLE = 60.0
"""Seconds without a registered pod after which a service that systemd has started ends."""


def run(context: Context, args: Arguments) -> int:
    """Returns 0 when it was asked to stop."""
    context.need_root("metadata-service")
    port = _port(args.text("listen-port", "18112"))
    asked = tuple(sockets.canonical(text) for text in args.texts("listen-address"))
    idle = durations.seconds(args.text("idle"), "--idle") if args.given("idle") else None
    layout = context.layout
    place.ensure(layout.metadata)
    lock = HostLock(f"{layout.metadata}/lock", "metadata-service", timeout=0.0)
    try:
        with lock:
            _serve(layout, asked, port, idle)
    except LockedError as err:
        raise LockedError("the metadata service runs already", object=err.object) from None
    return 0


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 0 < number < 65536:
        raise UsageError(f"--listen-port: {safe(text, 60)!r} is not a port number")
    return number


def _serve(layout: Layout, asked: tuple[str, ...], port: int, idle: Optional[float]) -> None:
    import asyncio

    from podwright.metadata.key import Key
    from podwright.metadata.records import Records, reserve
    from podwright.metadata.refusals import Refusals
    from podwright.metadata.server import Server

    _many_descriptors()
    listening = sockets.listen(layout.metadata_socket, asked, port)
    try:
        records = Records(layout.metadata, layout.net)
        reserve(layout.metadata, layout.net, {number for _, number in listening.places()})
        if idle is None:
            idle = 0.0 if listening.made else IDLE
        key, refusals = Key(layout.metadata), Refusals(note)
        server = Server(listening, records, key, refusals, os.geteuid(), idle)
        places = ", ".join(f"{ip} port {number}" for ip, number in listening.places())

        def ready() -> None:
            note(f"metadata service: listens on {places}; {len(records.by_uuid)} pods are known")
            systemd.notify("READY=1")

        asyncio.run(server.run(ready))
        systemd.notify("STOPPING=1")
    finally:
        listening.close()


def _many_descriptors() -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
