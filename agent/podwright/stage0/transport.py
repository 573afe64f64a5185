# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTPS GET with the standard library: bounded in time, size and redirects.

TLS 1.2 or newer, the system's authorities and those in `ca.d` of the system and local
configuration. At most five redirects, never from https to http. No credentials are sent, so none
can leak. A connection is kept for the next request to the same server.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import stat
import threading
import time
from urllib.parse import unquote, urljoin, urlsplit

import podwright
from podwright.errors import FetchError
from podwright.stage0 import urls
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout

CONNECT_TIMEOUT = 20.0
HEAD_TIMEOUT = 60.0
SMALL_TIMEOUT = 60.0
MAX_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)


class Reply:
    """The head of an answer, and its body still to be read."""

    def __init__(self, url: urls.Url, connection: Any, inner: http.client.HTTPResponse) -> None:
        self.url = url
        self.status = inner.status
        self.connection = connection
        self._inner = inner

    def header(self, name: str) -> str:
        """A header's value, or ""."""
        return self._inner.headers.get(name, "")

    @property
    def length(self) -> Optional[int]:
        """Content-Length, or None."""
        text = self.header("Content-Length")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def read(self, size: int) -> bytes:
        """Some bytes of the body, as soon as there are any; b"" at its end."""
        try:
            return self._inner.read1(size)
        except (OSError, http.client.HTTPException) as err:
            raise _failure(self.url, err) from None

    def body(self, limit: int, deadline: float, *, truncate: bool = False) -> bytes:
        """All of a small body, or with `truncate` its first `limit` bytes."""
        parts: list[bytes] = []
        left = limit + (not truncate)
        while left > 0:
            part = self.read(min(left, 65536))
            if not part:
                break
            parts.append(part)
            left -= len(part)
            if time.monotonic() > deadline:
                raise _slow(self.url)
        data = b"".join(parts)
        if len(data) > limit:
            raise FetchError(
                f"{self.url} answers more than {limit} bytes",
                object=str(self.url),
                reason="too-large",
            )
        if not truncate and self.length not in (None, len(data)):
            raise FetchError(
                f"{self.url}: the connection broke in the middle", "try again", object=str(self.url)
            )
        return data

    @property
    def finished(self) -> bool:
        """Whether the body was read to its end and the server keeps the connection."""
        return self._inner.isclosed() and not self._inner.will_close

    def close(self) -> None:
        """Read no more."""
        self._inner.close()


class Client:
    """Makes requests for one fetch; a context manager that closes what it kept.

    insecure  words of A12: `tls` lifts certificate checks, `http` allows plain http
    """

    def __init__(self, layout: Layout, insecure: frozenset[str] = frozenset()) -> None:
        self.insecure = insecure
        self._layout = layout
        self._context: Optional[ssl.SSLContext] = None
        self._idle: dict[tuple[str, str, int], Any] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._idle.values():
            connection.close()
        self._idle.clear()

    def get(self, url: str, limit: int, *, truncate: bool = False, deadline: float = 0.0) -> bytes:
        """The body of a small answer with status 200. FetchError's reason is `http-STATUS` else."""
        deadline = deadline or time.monotonic() + SMALL_TIMEOUT
        reply = self.open(url, deadline=deadline)
        try:
            if reply.status != 200:
                raise status_error(reply)
            return reply.body(limit, deadline, truncate=truncate)
        finally:
            self.done(reply)

    def open(
        self, url: str, headers: Optional[dict[str, str]] = None, *, deadline: float = 0.0
    ) -> Reply:
        """Send a GET, follow redirects, and return the answer with its body unread.

        Give the reply back with `done`.
        """
        target = urls.parse(url, self.insecure)
        for _ in range(MAX_REDIRECTS + 1):
            if deadline and time.monotonic() > deadline:
                raise _slow(target)
            reply = self._request(target, headers or {}, deadline)
            if reply.status not in REDIRECTS:
                return reply
            location = reply.header("Location")
            self._close(reply)
            following = urls.parse(urljoin(str(target), location), self.insecure)
            if target.scheme == "https" and following.scheme != "https":
                raise FetchError(
                    f"{target} redirects from https to {following}, which is refused",
                    object=str(target),
                    reason="downgrade",
                )
            target = following
        raise FetchError(
            f"{url} redirects more than {MAX_REDIRECTS} times", object=url, reason="redirects"
        )

    def done(self, reply: Reply) -> None:
        """Keep the connection when it is in order, close it otherwise."""
        if reply.finished:
            self._idle[_place(reply.url)] = reply.connection
        else:
            self._close(reply)

    def _close(self, reply: Reply) -> None:
        reply.close()
        reply.connection.close()

    def _request(self, url: urls.Url, headers: dict[str, str], deadline: float) -> Reply:
        kept = self._idle.pop(_place(url), None)
        if kept is not None:
            try:
                return self._send(kept, url, headers, deadline)
            except FetchError:
                pass  # the server had closed it meanwhile
        return self._send(self._connection(url), url, headers, deadline)

    def _send(
        self, connection: Any, url: urls.Url, headers: dict[str, str], deadline: float
    ) -> Reply:
        left = HEAD_TIMEOUT if not deadline else min(HEAD_TIMEOUT, deadline - time.monotonic())
        watchdog = threading.Timer(max(left, 0.1), connection.cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            connection.request(
                "GET",
                connection.target_prefix + url.target,
                headers={
                    "User-Agent": f"podwright/{podwright.__version__}",
                    "Accept": "*/*",
                    "Accept-Encoding": "identity",
                    **headers,
                },
            )
            return Reply(url, connection, connection.getresponse())
        except (OSError, http.client.HTTPException, ValueError) as err:
            connection.close()
            raise (_slow(url) if connection.was_cut else _failure(url, err)) from None
        finally:
            watchdog.cancel()

    def _connection(self, url: urls.Url) -> Any:
        proxy = _proxy(url)
        if url.scheme == "http":
            plain = _Plain(proxy[0] if proxy else url.host, proxy[1] if proxy else url.port)
            plain.target_prefix = str(url)[: -len(url.target)] if proxy else ""
            return plain
        if self._context is None:
            self._context = tls_context(self._layout, "tls" in self.insecure)
        host, port, headers = proxy if proxy else (url.host, url.port, {})
        secure = _Secure(host, port, context=self._context)
        if proxy:
            secure.set_tunnel(url.host, url.port, headers)
        return secure


class _Cuttable:
    """Lets another thread end a connection that takes too long, in whatever phase it is."""

    target_prefix = ""
    was_cut = False
    _handle: Optional[socket.socket] = None

    def _connect(self, *args: Any, **kwargs: Any) -> socket.socket:
        made = socket.create_connection(*args, **kwargs)
        self._drop_handle()
        self._handle = made.dup()
        return made

    def cut(self) -> None:
        """End the connection now."""
        self.was_cut = True
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def _drop_handle(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


class _Plain(_Cuttable, http.client.HTTPConnection):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port, timeout=CONNECT_TIMEOUT)
        self._create_connection = self._connect

    def close(self) -> None:
        super().close()
        self._drop_handle()


class _Secure(_Cuttable, http.client.HTTPSConnection):
    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=CONNECT_TIMEOUT, context=context)
        self._create_connection = self._connect

    def close(self) -> None:
        super().close()
        self._drop_handle()


def tls_context(layout: Layout, unchecked: bool) -> ssl.SSLContext:
    """The TLS settings; `unchecked` accepts any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if unchecked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.load_default_certs()
    for directory in (f"{layout.system_config}/ca.d", f"{layout.local_config}/ca.d"):
        try:
            names = sorted(os.listdir(directory))
        except FileNotFoundError:
            continue
        for name in names:
            if name.endswith((".pem", ".crt")):
                _load_authority(context, f"{directory}/{name}")
    return context


def _load_authority(context: ssl.SSLContext, path: str) -> None:
    try:
        info = os.stat(path)
        if (
            not stat.S_ISREG(info.st_mode)
            or info.st_uid not in (0, os.geteuid())
            or info.st_mode & 0o022
        ):
            raise FetchError(
                f"certificate authority {safe(path, 300)} may be written by others",
                "it must be a regular file of root's that only root can write",
                object=path,
            )
        context.load_verify_locations(path)
    except (OSError, ssl.SSLError) as err:
        raise FetchError(
            f"certificate authority {safe(path, 300)} cannot be read: {safe(err, 100)}",
            "put PEM certificates there, or remove it",
            object=path,
        ) from None


def _proxy(url: urls.Url) -> Optional[tuple[str, int, dict[str, str]]]:
    """(host, port, headers) of the proxy that the environment names for this URL."""
    names = (f"{url.scheme}_proxy", f"{url.scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    text = next((os.environ[name] for name in names if os.environ.get(name)), "")
    if not text or _bypassed(url.host):
        return None
    parts = urlsplit(text if "://" in text else f"http://{text}")
    if parts.scheme != "http" or not parts.hostname:
        raise FetchError(
            "the proxy that the environment names is not http://HOST:PORT",
            "correct https_proxy, or unset it",
            reason="bad-proxy",
        )
    headers = {}
    if parts.username is not None:
        import base64

        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return parts.hostname, parts.port or 80, headers


def _bypassed(host: str) -> bool:
    text = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    for item in text.lower().split(","):
        name = item.strip().lstrip(".")
        if name and (name == "*" or host == name or host.endswith("." + name)):
            return True
    return False


def _place(url: urls.Url) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port


def status_error(reply: Reply) -> FetchError:
    """The error for an answer with an unexpected status."""
    return FetchError(
        f"{reply.url} answers with status {reply.status}",
        "check the name or URL, and the server",
        object=str(reply.url),
        reason=f"http-{reply.status}",
    )


def _slow(url: urls.Url) -> FetchError:
    return FetchError(
        f"{url} takes too long to answer", "try again later", object=str(url), reason="time-cap"
    )


def _failure(url: urls.Url, err: Exception) -> FetchError:
    """The sentence for a connection that failed."""
    hint, reason = "check the network and the server", "fetch-failed"
    if isinstance(err, ssl.SSLCertVerificationError):
        why = f"its certificate is not accepted ({err.verify_message})"
        hint, reason = (
            "put its authority into /etc/podwright/ca.d as a .pem file",
            "bad-certificate",
        )
    elif isinstance(err, ssl.SSLError):
        why = f"TLS failed ({safe(err.reason or err, 100)})"
    elif isinstance(err, socket.gaierror):
        why, reason = f"host {url.host} cannot be resolved", "no-such-host"
    elif isinstance(err, TimeoutError):
        why = "it does not answer"
    elif isinstance(err, http.client.HTTPException):
        why = f"its answer is not HTTP, or was cut short ({type(err).__name__})"
    else:
        why = safe(getattr(err, "strerror", None) or err, 100)
    return FetchError(f"cannot get {url}: {why}", hint, object=str(url), reason=reason)
