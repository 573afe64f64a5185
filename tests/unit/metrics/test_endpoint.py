# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoint of metrics: who says nothing keeps nobody out."""

from __future__ import annotations

import asyncio

import pytest

from podwright.metrics import endpoint

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _scrape_beside(sent: bytes) -> bytes:
    """What a scraper gets while others hold more connections than there are places."""
    served = endpoint.Endpoint([], list, lambda text: None, 0)
    server = await asyncio.start_server(served._serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    held: list[Streams] = []
    try:
        for _ in range(endpoint.MOST + 20):
            held.append(await asyncio.open_connection("127.0.0.1", port))
            held[-1][1].write(sent)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        held.append((reader, writer))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        return await asyncio.wait_for(reader.readline(), 60)
    finally:
        for _, each in held:
            each.transport.abort()
        server.close()


@pytest.mark.threat("T73")
@pytest.mark.parametrize("sent", [b"", b"GET /metrics", b"GET /metrics HTTP/1.1\r\n\r\n"])
def test_who_never_ends_does_not_shut_monitoring_out(sent: bytes) -> None:
    assert asyncio.run(_scrape_beside(sent)) == b"HTTP/1.1 200 OK\r\n"
