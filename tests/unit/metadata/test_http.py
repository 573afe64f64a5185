# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests are read within bounds, and answers end with their connection."""

from __future__ import annotations

import asyncio

import pytest

from podwright.metadata import http


class Wire:
    """Takes the place of the connection's other half; only `100 Continue` is ever written there."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


def read(data: bytes, most: int = 100, wire: Wire | None = None) -> http.Request:
    async def run() -> http.Request:
        reader = asyncio.StreamReader(limit=http.MOST_HEAD)
        reader.feed_data(data)
        reader.feed_eof()
        return await http.read(reader, wire or Wire(), most)  # type: ignore[arg-type]

    return asyncio.run(run())


def test_a_request_comes_in_parts() -> None:
    assert read(
        b"PUT /pods/a%20b/?token=x%21 HTTP/1.1\r\n"
        b"CONTENT-type: Text/Plain; charset=x\r\nContent-Length:  2\r\n\r\nok..."
    ) == http.Request("PUT", ("pods", "a b", ""), "token=x%21", "text/plain", b"ok")


def test_content_may_wait_to_be_asked_for() -> None:
    wire = Wire()
    head = b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\nok"
    assert read(head, wire=wire).body == b"ok"
    assert wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_too_much_is_not_asked_for() -> None:
    wire = Wire()
    with pytest.raises(http.Failure, match="longer than 100 bytes") as caught:
        read(b"POST / HTTP/1.1\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n", wire=wire)
    assert (caught.value.status, wire.written) == (413, b"")


def test_a_client_that_says_nothing_is_gone() -> None:
    with pytest.raises(EOFError):
        read(b"")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"content=a%00%FF+b", {"content": b"a\0\xff b"}),
        (b"content=gr%C3%BC%C3%9Fe", {"content": "grüße".encode()}),
    ],
)
def test_a_form_is_bytes(content: bytes, said: dict[str, bytes]) -> None:
    assert http.form(http.Request("POST", (), "", http.FORM, content), ("content",)) == said


@pytest.mark.parametrize(
    "content", [b"", b"content", b"content=", b"x=y", b"content=a&x=y", b"\xff"]
)
def test_a_form_has_its_fields_and_no_others(content: bytes) -> None:
    with pytest.raises(http.Failure) as caught:
        http.form(http.Request("POST", (), "", http.FORM, content), ("content",))
    assert caught.value.status == 400


def test_an_answer_ends_the_connection() -> None:
    assert http.render(http.sentence(403, "no")) == (
        b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n"
        b"Cache-Control: no-store\r\nConnection: close\r\n\r\nno\n"
    )
