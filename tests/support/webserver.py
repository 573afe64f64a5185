# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An HTTPS server for images with appc meta discovery (appc spec 0.8.11, "App Container Image Discovery").

The served folder is the whole configuration:

    ROOT/images/NAME-VERSION-OS-ARCH.aci        and .aci.asc beside it; NAME begins with the host
    ROOT/pubkeys/*.asc                          every key file, each announced as ac-discovery-pubkeys

Any path asked with `?ac-discovery=1` answers the meta tags for `prefix`; with `server.static = True` nothing is made
up: a directory answers its `index.html`, as with any web server. Files have an ETag and honour If-None-Match, Range and
If-Range. Discovery by name needs port 443, because AC identifiers have no port.

Run it as `python -m tests.support.webserver --root DIR --name HOST …`, or in-process:

    server = ImageServer(root, names=["example.com"], prefix="example.com/tiny")
    server.serve_on(listening_socket)      # returns at once; a thread serves
    server.requests                        # what was asked so far, as Request values
    server.answers["/images/…aci"] = fn    # fn(handler) sends another answer: faults, redirects, 202, short bodies
    server.close()
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import html
import http.server
import os
import re
import shutil
import signal
import socket
import ssl
import sys
import threading
import urllib.parse
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from tests.support.certs import ServerFiles, server_files

TEMPLATE = "https://{host}/images/{{name}}-{{version}}-{{os}}-{{arch}}.{{ext}}"
RANGE = re.compile(r"bytes=(\d+)-(\d*)\Z")


@dataclasses.dataclass(frozen=True)
class Request:
    """One request as the server saw it; header names are lower-case, `status` is what was answered (0 = nothing)."""

    method: str
    path: str
    headers: dict[str, str]
    status: int


Answer = Callable[["Handler"], None]


class ImageServer:
    """Serves `root` for `names` (the certificate's names; the first is the host in discovery's templates)."""

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        prefix: str | None = None,
        files: ServerFiles | None = None,
    ) -> None:
        self.root = root
        self.host = names[0]
        self.prefix = prefix if prefix is not None else self.host
        self.files = (
            files if files is not None else server_files(root.parent / f"{root.name}-tls", names)
        )
        self.requests: list[Request] = []
        self.answers: dict[str, Answer] = {}
        self.static = False
        self._servers: list[_Listener] = []

    def serve_on(self, listening: socket.socket) -> int:
        """Serve on a bound, listening TCP socket (it may belong to another network namespace); return its port."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.files.certificate, self.files.key)
        server = _Listener(listening, context, self)
        self._servers.append(server)
        threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return int(listening.getsockname()[1])

    def close(self) -> None:
        """Stop serving on every socket and close them."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers.clear()

    def discovery_page(self) -> bytes:
        """Return the HTML page with the meta tags of this server's prefix."""
        tags = [("ac-discovery", TEMPLATE.format(host=self.host))]
        keys = self.root / "pubkeys"
        if keys.is_dir():
            urls = [f"https://{self.host}/pubkeys/{key.name}" for key in sorted(keys.glob("*.asc"))]
            tags += [("ac-discovery-pubkeys", url) for url in urls]
        meta = "\n".join(
            f'    <meta name="{name}" content="{html.escape(f"{self.prefix} {value}")}">'
            for name, value in tags
        )
        return f"<!DOCTYPE html>\n<html>\n  <head>\n    <title>images</title>\n{meta}\n  </head>\n</html>\n".encode()

    def file_for(self, path: str) -> Path | None:
        """Return the regular file below the root that a URL path names, or None."""
        candidate = (self.root / urllib.parse.unquote(path).lstrip("/")).resolve()
        inside = candidate.is_relative_to(self.root.resolve())
        return candidate if inside and candidate.is_file() else None


class _Listener(http.server.ThreadingHTTPServer):
    """One listening socket; the TLS handshake happens in the connection's own thread."""

    daemon_threads = True

    def __init__(
        self, listening: socket.socket, context: ssl.SSLContext, images: ImageServer
    ) -> None:
        super().__init__(("", 0), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.context = context
        self.images = images

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        request.settimeout(30)
        try:
            with self.context.wrap_socket(request, server_side=True) as secure:
                Handler(secure, client_address, self)
        except (OSError, ssl.SSLError):
            # The client went away or refused our certificate: its affair, and some tests do it on purpose.
            return


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection. `send_bytes` and `send_file` are the building blocks for `ImageServer.answers`."""

    protocol_version = "HTTP/1.1"
    server: _Listener
    _status = 0

    def do_GET(self) -> None:
        """Answer discovery, a file, or 404, unless a test has put another answer in place."""
        images = self.server.images
        url = urllib.parse.urlsplit(self.path)
        self._status = 0
        try:
            self._answer(images, url)
        finally:
            headers = {name.lower(): value for name, value in self.headers.items()}
            images.requests.append(Request(self.command, self.path, headers, self._status))

    do_HEAD = do_POST = do_GET

    def _answer(self, images: ImageServer, url: urllib.parse.SplitResult) -> None:
        if url.path in images.answers:
            images.answers[url.path](self)
        elif images.static and images.file_for(f"{url.path.rstrip('/')}/index.html"):
            self._send_directory(images, url)
        elif not images.static and "ac-discovery" in urllib.parse.parse_qs(url.query):
            self.send_bytes(HTTPStatus.OK, images.discovery_page(), "text/html; charset=utf-8")
        elif (path := images.file_for(url.path)) is not None:
            self.send_file(path)
        else:
            self.send_bytes(HTTPStatus.NOT_FOUND, b"not found\n", "text/plain")

    def _send_directory(self, images: ImageServer, url: urllib.parse.SplitResult) -> None:
        """What web servers do with a directory: its index, below a path that ends in a slash."""
        if url.path.endswith("/"):
            page = images.file_for(f"{url.path}index.html")
            assert page is not None
            self.send_bytes(HTTPStatus.OK, page.read_bytes(), "text/html; charset=utf-8")
            return
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", f"{url.path}/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_bytes(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        """Send a complete answer with a small body."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_file(self, path: Path) -> None:
        """Send a file, honouring If-None-Match, Range and If-Range; its ETag is a digest of its content."""
        with path.open("rb") as stream:
            size = path.stat().st_size
            etag = f'"{hashlib.file_digest(stream, "sha256").hexdigest()[:32]}"'
            if self.headers.get("If-None-Match") == etag:
                self.send_response(HTTPStatus.NOT_MODIFIED)
                self.send_header("ETag", etag)
                self.end_headers()
                return
            first, last = self._range(size, etag)
            self._send_file_head(first, last, size, etag)
            if self.command != "HEAD":
                self._send_slice(stream, first, last)

    def _range(self, size: int, etag: str) -> tuple[int, int]:
        match = RANGE.match(self.headers.get("Range", ""))
        if match is None or self.headers.get("If-Range", etag) != etag or int(match[1]) >= size:
            return 0, size - 1
        return int(match[1]), min(int(match[2] or size - 1), size - 1)

    def _send_file_head(self, first: int, last: int, size: int, etag: str) -> None:
        whole = (first, last) == (0, size - 1)
        self.send_response(HTTPStatus.OK if whole else HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", etag)
        if not whole:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()

    def _send_slice(self, stream: BinaryIO, first: int, last: int) -> None:
        stream.seek(first)
        remaining = last - first + 1
        while remaining and (chunk := stream.read(min(1 << 16, remaining))):
            self.wfile.write(chunk)
            remaining -= len(chunk)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        self._status = int(code) if isinstance(code, int) else 0

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: `ImageServer.requests` is the log."""


def publish(
    root: Path, name: str, image: Path, version: str, arch: str, signature: Path | None = None
) -> Path:
    """Put an image (and its signature) where discovery's template finds it; return the served path."""
    target = root / "images" / f"{name}-{version}-linux-{arch}.aci"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(image, target)
    served_signature = target.with_name(target.name + ".asc")
    if signature is None:
        served_signature.unlink(missing_ok=True)
    else:
        shutil.copyfile(signature, served_signature)
    return target


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_server((host, int(port)), backlog=64)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Prints one line per address once it is listening."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.webserver", description=main.__doc__
    )
    parser.add_argument("--root", type=Path, required=True, help="the folder to serve")
    parser.add_argument(
        "--name", action="append", required=True, help="a name to serve; the first is the host"
    )
    parser.add_argument(
        "--prefix", help="the image name prefix that discovery announces (default: the first name)"
    )
    parser.add_argument(
        "--tls", type=Path, help="folder for ca.pem, server.pem, server.key (kept and reused)"
    )
    parser.add_argument(
        "--listen", action="append", default=[], help="ADDRESS:PORT (default 127.0.0.1:443)"
    )
    options = parser.parse_args(arguments)
    tls = (
        options.tls if options.tls is not None else options.root.parent / f"{options.root.name}-tls"
    )
    files = server_files(tls, options.name)
    server = ImageServer(options.root, options.name, options.prefix, files)
    for address in options.listen or ["127.0.0.1:443"]:
        try:
            server.serve_on(_listen(address))
        except OSError as error:
            print(f"cannot listen on {address}: {os.strerror(error.errno or 0)}", file=sys.stderr)
            return 1
        print(f"serving {options.root} as https://{options.name[0]} on {address}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.close()
    return 0


if __name__ == "__main__":
    # Block before any thread starts, so that only the main thread ever takes these signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    sys.exit(main())
