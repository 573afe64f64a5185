# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The launcher's side: register a pod, over the service's unix socket.

It runs in the process that waits for the pod, so it is a few lines of HTTP and no library.
"""

from __future__ import annotations

import _socket
import os

from podwright import jsonio
from podwright.errors import NetworkError
from podwright.text import safe

TOKEN_BYTES = 32
SECONDS = 30.0
MOST_ANSWER = 65536


def check(path: str) -> None:
    """Refuse early when nobody listens on the service's socket."""
    _connect(path).close()


def register(path: str, uuid: str, pod_dir: str) -> str:
    """Register a pod whose network is up; the URL for its apps, with a new token of 256 bits.

    The URL is what the pod is known by: it goes to its apps, and nowhere else.
    """
    token = os.urandom(TOKEN_BYTES).hex()
    answer = _put(path, f"/pods/{uuid}?token={token}", _read(f"{pod_dir}/pod"), uuid)
    for app in sorted(os.listdir(f"{pod_dir}/appsinfo")):
        _put(path, f"/pods/{uuid}/{app}", _read(f"{pod_dir}/appsinfo/{app}/manifest"), uuid)
    url = jsonio.loads(answer, "metadata service")["url"]
    return f"{url}/{token}"


def update(path: str, uuid: str, pod_dir: str, app: str = "") -> None:
    """Tell what apps a registered pod has now; `app` is a new one of them."""
    _put(path, f"/pods/{uuid}", _read(f"{pod_dir}/pod"), uuid)
    if app:
        _put(path, f"/pods/{uuid}/{app}", _read(f"{pod_dir}/appsinfo/{app}/manifest"), uuid)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _connect(path: str) -> _socket.socket:
    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        channel.settimeout(SECONDS)
        channel.connect(path)
    except OSError:
        channel.close()
        raise NetworkError(
            "the metadata service does not run on this host",
            "start it: systemctl start podwright-metadata.socket, or podwright metadata-service;"
            " or run the pod without --mds-register (metadata: true)",
            object=path,
            reason="no-metadata-service",
        ) from None
    return channel


def _put(path: str, target: str, body: bytes, uuid: str) -> bytes:
    """One request; the body of the answer. Raises NetworkError with what the service said."""
    channel = _connect(path)
    head = f"PUT {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    try:
        channel.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        status, text = _answer(channel)
    except (OSError, ValueError) as err:
        raise NetworkError(
            f"pod {uuid}: the metadata service gave no answer: {safe(err, 200)}",
            "see its log: journalctl -u podwright-metadata",
            object=uuid,
        ) from None
    finally:
        channel.close()
    if status not in (200, 201):
        raise NetworkError(
            f"pod {uuid}: the metadata service did not register it: {safe(text.strip(), 300)}",
            object=uuid,
            reason="not-registered",
        )
    return text


def _answer(channel: _socket.socket) -> tuple[int, bytes]:
    """Status and body; the connection ends with them. Raises OSError, ValueError."""
    data = b""
    while piece := channel.recv(MOST_ANSWER):
        data += piece
        if len(data) > MOST_ANSWER:
            raise ValueError("the answer is too long")
    head, _, body = data.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1."):
        raise ValueError("the connection was closed" if not data else "that is not HTTP")
    return int(words[1]), body
