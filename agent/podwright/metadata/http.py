# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much HTTP/1.1 as the service needs: one request per connection, of bounded size."""

from __future__ import annotations

from asyncio import IncompleteReadError, LimitOverrunError, StreamReader, StreamWriter
from urllib.parse import parse_qsl, unquote

from podwright.values import value

MOST_HEAD = 8192
"""Bytes of the request line and all headers; also the limit to give to the stream."""
TEXT = "text/plain; charset=utf-8"
ASCII = "text/plain; charset=us-ascii"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
REASONS = {
    200: "OK",
    201: "Created",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Failure(Exception):
    """A request that is answered with an error status and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@value
class Request:
    """A request as it came. `path` is in its parts, decoded; `query`, `kind` and `accept` as written."""

    method: str
    path: tuple[str, ...]
    query: str = ""
    kind: str = ""
    body: bytes = b""
    accept: str = ""


@value
class Response:
    """An answer. `kind` is its media type."""

    status: int
    body: bytes = b""
    kind: str = TEXT


def sentence(status: int, text: str) -> Response:
    """An answer for people."""
    return Response(status, f"{text}\n".encode())


async def read(reader: StreamReader, writer: StreamWriter, most_body: int) -> Request:
    """Read one request. Raises Failure; EOFError when the client went away without one."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except LimitOverrunError:
        raise Failure(431, f"the headers are longer than {MOST_HEAD} bytes") from None
    except IncompleteReadError as err:
        if not err.partial:
            raise EOFError from None
        raise Failure(400, "the request ends in its headers") from None
    method, target, fields = _head(head)
    path, _, query = target.partition("?")
    parts = tuple(unquote(part, errors="replace") for part in path.split("/")[1:])
    length = _length(method, fields, most_body)
    if length and fields.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        body = await reader.readexactly(length)
    except IncompleteReadError:
        raise Failure(400, "the request ends before its content") from None
    kind = fields.get("content-type", "").partition(";")[0].strip().lower()
    return Request(method, parts, query, kind, body, fields.get("accept", ""))


def _head(head: bytes) -> tuple[str, str, dict[str, str]]:
    """Method, target, and headers by their names in lower case."""
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
        raise Failure(400, "that is no HTTP/1.1 request for a path")
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, text = line.partition(":")
        name = name.lower()
        if not colon or not name or name != name.strip():
            raise Failure(400, "a header is malformed")
        if name in fields and name in ("content-length", "transfer-encoding"):
            raise Failure(400, f"{name} is given twice")
        fields[name] = text.strip()
    return words[0], words[1], fields


def _length(method: str, fields: dict[str, str], most: int) -> int:
    """Bytes of the content."""
    if "transfer-encoding" in fields:
        raise Failure(411, "say Content-Length; other encodings are not taken")
    text = fields.get("content-length")
    if text is None:
        if method in ("POST", "PUT"):
            raise Failure(411, "Content-Length is missing")
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise Failure(400, "Content-Length is no number")
    if int(text) > most:
        raise Failure(413, f"the content is longer than {most} bytes")
    return int(text)


def form(request: Request, names: tuple[str, ...]) -> dict[str, bytes]:
    """The fields of a form, all of which must be there once and not empty, as bytes."""
    if request.kind != FORM:
        raise Failure(415, f"send a form as {FORM}")
    try:
        pairs = parse_qsl(
            request.body.decode("ascii"), True, encoding="latin-1", max_num_fields=len(names)
        )
    except ValueError:
        raise Failure(400, f"the form has the fields {', '.join(names)}, each once") from None
    found = {name: text.encode("latin-1") for name, text in pairs}
    missing = [name for name in names if not found.get(name)]
    if missing:
        raise Failure(400, f"{missing[0]}: is missing in the form")
    return found


def render(response: Response) -> bytes:
    """The bytes of an answer, after which the connection ends."""
    head = (
        f"HTTP/1.1 {response.status} {REASONS[response.status]}\r\n"
        f"Content-Type: {response.kind}\r\n"
        f"Content-Length: {len(response.body)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + response.body
