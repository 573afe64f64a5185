# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client in a confined process is the same client; and what a process that was taken over says is not believed."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from podwright.errors import FetchError, PodwrightError
from podwright.host.paths import Layout
from podwright.kernel import confine
from podwright.stage0.web import netchild, netframes
from podwright.stage0.web.netchild import RemoteClient
from tests.support.webserver import Handler, ImageServer

NONE: frozenset[str] = frozenset()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[ImageServer, str]]:
    """A server on a free port of the loopback, and its URL."""
    root = tmp_path / "www"
    root.mkdir()
    made = ImageServer(root, ["localhost"])
    port = made.serve_on(socket.create_server(("127.0.0.1", 0)))
    yield made, f"https://localhost:{port}"
    made.close()


@pytest.fixture
def layout(server: tuple[ImageServer, str], tmp_path: Path) -> Layout:
    """A configuration that accepts the server."""
    authorities = tmp_path / "etc/ca.d"
    authorities.mkdir(parents=True)
    (authorities / "test.pem").write_bytes(server[0].files.ca.read_bytes())
    return Layout(system_config=f"{tmp_path}/sys", local_config=f"{tmp_path}/etc")


def test_bodies_arrive_whole_whatever_their_size(
    server: tuple[ImageServer, str], layout: Layout
) -> None:
    web, url = server
    sizes = (0, 1, netframes.DATA_BYTES - 1, netframes.DATA_BYTES, 3 * netframes.DATA_BYTES + 7)
    with RemoteClient(layout) as client:
        for size in sizes:
            content = os.urandom(size)
            (web.root / f"file{size}").write_bytes(content)
            assert client.get(f"{url}/file{size}", 1 << 22) == content
            assert client.get(f"{url}/file{size}", size, truncate=True) == content


def test_several_threads_use_one_client(server: tuple[ImageServer, str], layout: Layout) -> None:
    web, url = server
    content = {f"file{n}": os.urandom(400_000 + n) for n in range(6)}
    for name, data in content.items():
        (web.root / name).write_bytes(data)
    got: dict[str, bytes] = {}
    with RemoteClient(layout) as client:

        def get(name: str) -> None:
            got[name] = client.get(f"{url}/{name}", 1 << 20)

        threads = [threading.Thread(target=get, args=(name,)) for name in content]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert got == content


def test_a_body_that_is_not_read_is_no_harm(
    server: tuple[ImageServer, str], layout: Layout
) -> None:
    web, url = server
    (web.root / "large").write_bytes(bytes(5_000_000))
    (web.root / "small").write_bytes(b"x")
    with RemoteClient(layout) as client:
        for _ in range(3):
            reply = client.open(f"{url}/large")
            assert reply.length == 5_000_000
            assert reply.header("ETag")
            client.done(reply)
            assert client.get(f"{url}/small", 10) == b"x"


@pytest.mark.threat("T33")
@pytest.mark.parametrize(
    ("path", "reason"),
    [("/missing", "http-404"), ("http://x/", "bad-url"), ("/cut", "fetch-failed")],
)
def test_errors_are_those_of_the_client(
    server: tuple[ImageServer, str], layout: Layout, path: str, reason: str
) -> None:
    web, url = server

    def cut(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    web.answers["/cut"] = cut
    with RemoteClient(layout) as client, pytest.raises(FetchError) as caught:
        client.get(path if "://" in path else f"{url}{path}", 1000)
    assert caught.value.reason == reason
    assert path in caught.value.message


@pytest.mark.threat("T33")
def test_a_certificate_of_another_authority_is_refused(
    server: tuple[ImageServer, str], tmp_path: Path
) -> None:
    nothing = Layout(system_config=f"{tmp_path}/none", local_config=f"{tmp_path}/none")
    with RemoteClient(nothing) as client, pytest.raises(FetchError) as caught:
        client.get(f"{server[1]}/x", 10)
    assert caught.value.reason == "bad-certificate"


def test_a_broken_authority_file_is_named(server: tuple[ImageServer, str], layout: Layout) -> None:
    (Path(layout.local_config) / "ca.d/bad.pem").write_text("no certificate")
    with RemoteClient(layout) as client, pytest.raises(FetchError, match=r"bad\.pem"):
        client.get(f"{server[1]}/x", 10)


def test_no_process_and_no_descriptor_is_left(
    server: tuple[ImageServer, str], layout: Layout
) -> None:
    (server[0].root / "x").write_bytes(b"x")
    with RemoteClient(layout) as client:
        client.get(f"{server[1]}/x", 10)
    before = sorted(os.listdir("/proc/self/fd"))
    with RemoteClient(layout) as client:
        client.get(f"{server[1]}/x", 10)
        pid = client._child.pid  # type: ignore[attr-defined]
        assert os.stat(f"/proc/{pid}").st_uid in (0, confine.NOBODY)
    assert not os.path.exists(f"/proc/{pid}")
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_process_that_was_killed_is_an_error(
    server: tuple[ImageServer, str], layout: Layout
) -> None:
    with RemoteClient(layout) as client:
        client._child.kill()  # type: ignore[attr-defined]
        with pytest.raises(FetchError) as caught:
            client.get(f"{server[1]}/x", 10)
        assert caught.value.reason == "network-process"


HEAD = netframes.small(
    netframes.HEAD, {"status": 200, "url": "https://a/", "headers": [["Content-Length", "3"]]}
)
END = netframes.small(netframes.END, {})
DATA = netframes.framed(netframes.DATA, b"abc")


def saying(data: bytes) -> Callable[[netchild._Server, socket.socket], None]:
    """A process that was taken over: it answers every request with `data`."""

    def serve(_server: netchild._Server, control: socket.socket) -> None:
        while True:
            word, fds, _, _ = socket.recv_fds(control, 1, 1)
            if not word:
                return
            with socket.socket(fileno=fds[0]) as stream:
                stream.sendall(data)

    return serve


def test_what_is_in_order_is_taken(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netchild._Server, "serve", saying(HEAD + DATA + END))
    with RemoteClient(layout) as client:
        assert client.get("https://a/", 10) == b"abc"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"H",
        HEAD,
        HEAD[:-1],
        DATA,
        END,
        HEAD + HEAD,
        HEAD + DATA,
        HEAD + struct.pack(">cI", b"D", 0),
        HEAD + struct.pack(">cI", b"D", netframes.DATA_BYTES + 1),
        HEAD + struct.pack(">cI", b"D", 0xFFFFFFFF),
        HEAD + struct.pack(">cI", b"Z", 1) + b"x",
        struct.pack(">cI", b"H", 0xFFFFFFFF),
        netframes.framed(b"H", b"{"),
        netframes.framed(b"H", b"[]"),
        netframes.framed(b"H", b'{"status": 200}'),
        netframes.small(b"H", {"status": "200", "url": "https://a/", "headers": []}),
        netframes.small(b"H", {"status": 99, "url": "https://a/", "headers": []}),
        netframes.small(b"H", {"status": 200, "url": "http://a/", "headers": []}),
        netframes.small(b"H", {"status": 200, "url": 5, "headers": []}),
        netframes.small(b"H", {"status": 200, "url": "https://a/", "headers": [["x"]]}),
        netframes.small(b"H", {"status": 200, "url": "https://a/", "headers": 7}),
        netframes.small(b"H", {"status": 200, "url": "https://a/", "headers": [[1, 2]]}),
        netframes.small(b"H", {"status": 200, "url": "https://a/", "headers": ["ab"]}),
        netframes.small(b"H", {"status": True, "url": "https://a/", "headers": []}),
        netframes.small(b"H", [1, 2]),
        netframes.framed(b"H", b"[" * 200_000),
        netframes.small(b"X", {}),
        netframes.small(b"X", {"kind": "SystemExit", "message": "x"}),
        HEAD + netframes.small(b"X", {"kind": "FetchError", "message": "\x1b]0;x\x07"}),
        os.urandom(4096),
    ],
)
def test_what_a_process_that_was_taken_over_says_is_refused(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr(netchild._Server, "serve", saying(data))
    with RemoteClient(layout) as client, pytest.raises(PodwrightError) as caught:
        client.get("https://a/", 10)
    assert caught.value.sentence().isprintable()


@pytest.mark.threat("T51")
@pytest.mark.parametrize("ahead", [0, len(HEAD)])
def test_a_process_that_sends_byte_by_byte_is_given_up(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """Whether in the head or in the body; and the whole answer would be in order."""
    answer = HEAD + DATA + END

    def drip(_server: netchild._Server, control: socket.socket) -> None:
        _, fds, _, _ = socket.recv_fds(control, 1, 1)
        with socket.socket(fileno=fds[0]) as stream, contextlib.suppress(BrokenPipeError):
            stream.sendall(answer[:ahead])
            for byte in answer[ahead:]:
                time.sleep(0.2)
                stream.sendall(bytes([byte]))

    monkeypatch.setattr(netchild._Server, "serve", drip)
    monkeypatch.setattr(netchild, "HEAD_WAIT", 1.0)
    monkeypatch.setattr(netchild, "GRACE", 1.0)
    with RemoteClient(layout) as client, pytest.raises(FetchError, match="does not answer"):
        client.get("https://a/", 10)


@pytest.mark.parametrize(
    "said",
    [
        [1, 2],
        {"status": 200, "url": 5, "headers": []},
        {"status": "200", "url": "https://a/", "headers": []},
        {"status": 200, "url": "https://a/", "headers": [[1, 2]]},
    ],
)
def test_fields_of_wrong_types_are_said_to_be_that(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, said: object
) -> None:
    monkeypatch.setattr(netchild._Server, "serve", saying(netframes.small(b"H", said)))
    with RemoteClient(layout) as client, pytest.raises(FetchError, match="not in order") as caught:
        client.get("https://a/", 10)
    assert caught.value.reason == "bad-answer"
