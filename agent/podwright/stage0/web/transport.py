# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTPS requests with the standard library: bounded in time, size and redirects.

TLS 1.2 or newer, the system's authorities and those in `ca.d` of the system and local
configuration. At most five redirects, never from https to http, and never from a server elsewhere
to an address that is local to this host. An Authorization header goes to the host and port that it
was given for and nowhere else (threats.md T31): not to where that one redirects, not over http, not
to a server whose certificate was not checked. A connection is kept for the next request to the same
server.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from urllib.parse import urljoin

import podwright
from podwright.errors import FetchError
from podwright.stage0.web import connections, urls
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.web.credentials import Keyring

HEAD_TIMEOUT = 60.0
SMALL_TIMEOUT = 60.0
MAX_REDIRECTS = 5
_OTHER_NAME = (62, 64)
"""OpenSSL's verification results for a host name, and for an address, that does not fit."""
REDIRECTS = (301, 302, 303, 307, 308)


class Reply:
    """The head of an answer, and its body still to be read."""

    def __init__(self, url: urls.Url, connection: Any, inner: http.client.HTTPResponse) -> None:
        self.url = url
        self.status = inner.status
        self.connection = connection
        self._inner = inner

    def header(self, name: str) -> str:
        """A header's value, or ""; a list that came in several headers is joined."""
        if name == "WWW-Authenticate":
            return ", ".join(self._inner.headers.get_all(name, []))
        return self._inner.headers.get(name, "")

    def headers(self) -> list[tuple[str, str]]:
        """All headers, in the order in which they came."""
        return self._inner.headers.items()

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

    insecure     words of A12: `tls` lifts certificate checks, `http` allows plain http
    credentials  log-ins of the configuration (rktKind auth), sent unasked to the hosts they are for

    Several threads may use one client, each with replies of its own.
    """

    def __init__(
        self,
        layout: Layout,
        insecure: frozenset[str] = frozenset(),
        credentials: Optional[Keyring] = None,
    ) -> None:
        self.insecure = insecure
        self._layout = layout
        self._credentials = credentials
        self._context: Optional[ssl.SSLContext] = None
        self._idle: dict[tuple[str, str, int], Any] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._idle.values():
            connection.close()
        self._idle.clear()

    def prepare(self) -> ssl.SSLContext:
        """Read the certificate authorities, once. Raises FetchError when one is not in order."""
        if self._context is None:
            self._context = connections.tls_context(self._layout, "tls" in self.insecure)
        return self._context

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
        self,
        url: str,
        headers: Optional[dict[str, str]] = None,
        *,
        deadline: float = 0.0,
        method: str = "GET",
        body: Optional[bytes] = None,
        near: str = "",
    ) -> Reply:
        """Send a request, follow redirects of a GET or HEAD, and return the answer, body unread.

        near  a host name: addresses local to this host (loopback, link-local) are refused unless
              that host has such an address too; for URLs that a server has named
        Give the reply back with `done`.
        """
        sent = dict(headers or {})
        first = target = urls.parse(url, self.insecure)
        own = sent.pop("Authorization", "")
        secret = own or (self._credentials.header(first) if self._credentials else "")
        for _ in range(MAX_REDIRECTS + 1):
            if deadline and time.monotonic() > deadline:
                raise _slow(target)
            if secret and self._may_know(first, target):
                sent["Authorization"] = secret
            else:
                sent.pop("Authorization", None)
            request = _Request(method, target, sent, body, near)
            reply = self._request(request, deadline)
            if reply.status not in REDIRECTS or method not in ("GET", "HEAD"):
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
            if following.host != target.host:
                near = near or target.host
            target = following
        raise FetchError(
            f"{url} redirects more than {MAX_REDIRECTS} times", object=url, reason="redirects"
        )

    def _may_know(self, first: urls.Url, target: urls.Url) -> bool:
        """Whether a secret that is meant for the server of `first` may go to `target`."""
        return (
            _place(target) == _place(first)
            and target.scheme == "https"
            and "tls" not in self.insecure
        )

    def done(self, reply: Reply) -> None:
        """Keep the connection when it is in order, close it otherwise."""
        if not reply.finished:
            self._close(reply)
            return
        other = self._idle.pop(_place(reply.url), None)
        self._idle[_place(reply.url)] = reply.connection
        if other is not None:
            other.close()

    def _close(self, reply: Reply) -> None:
        reply.close()
        reply.connection.close()

    def _request(self, request: _Request, deadline: float) -> Reply:
        kept = self._idle.pop(_place(request.url), None)
        if kept is not None:
            try:
                return self._send(kept, request, deadline)
            except FetchError:
                if request.method not in ("GET", "HEAD"):
                    raise
                # else: the server had closed it meanwhile
        return self._send(self._connection(request), request, deadline)

    def _send(self, connection: Any, request: _Request, deadline: float) -> Reply:
        left = HEAD_TIMEOUT if not deadline else min(HEAD_TIMEOUT, deadline - time.monotonic())
        watchdog = threading.Timer(max(left, 0.1), connection.cut)
        watchdog.daemon = True
        watchdog.start()
        url = request.url
        try:
            connection.request(
                request.method,
                connection.target_prefix + url.target,
                body=request.body,
                headers={
                    "User-Agent": f"podwright/{podwright.__version__}",
                    "Accept": "*/*",
                    "Accept-Encoding": "identity",
                    **request.headers,
                },
            )
            return Reply(url, connection, connection.getresponse())
        except (OSError, http.client.HTTPException, ValueError) as err:
            connection.close()
            raise (_slow(url) if connection.was_cut else _failure(url, err)) from None
        except FetchError:
            connection.close()
            raise
        finally:
            watchdog.cancel()

    def _connection(self, request: _Request) -> Any:
        url = request.url
        proxy = connections.proxy(url)
        if request.near:
            connections.refuse_local(url, request.near)
        if url.scheme == "http":
            plain = connections.Plain(
                proxy[0] if proxy else url.host, proxy[1] if proxy else url.port
            )
            plain.target_prefix = str(url)[: -len(url.target)] if proxy else ""
            return plain
        host, port, headers = proxy if proxy else (url.host, url.port, {})
        secure = connections.Secure(host, port, context=self.prepare())
        secure.near = "" if proxy else request.near
        if proxy:
            secure.set_tunnel(url.host, url.port, headers)
        return secure


@value
class _Request:
    """One request, before redirects; `near` as in `Client.open`."""

    method: str
    url: urls.Url
    headers: dict[str, str]
    body: Optional[bytes]
    near: str


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
        why = f"its certificate is not accepted ({safe(err.verify_message, 200).rstrip('.')})"
        hint, reason = (
            "put its authority into /etc/podwright/ca.d as a .pem file",
            "bad-certificate",
        )
        if err.verify_code in _OTHER_NAME:
            hint = "check the name or address: the certificate is for another one"
    elif isinstance(err, ssl.SSLError):
        why = f"TLS failed ({safe(err.reason or err, 100)})"
    elif isinstance(err, socket.gaierror):
        return FetchError(
            f"host {url.host} cannot be resolved (for {url})",
            "check the name, and the network and name servers of this host",
            object=str(url),
            reason="no-such-host",
        )
    elif isinstance(err, TimeoutError):
        why = "it does not answer"
    elif isinstance(err, http.client.HTTPException):
        why = f"its answer is not HTTP, or was cut short ({type(err).__name__})"
    else:
        why = safe(getattr(err, "strerror", None) or err, 100)
    return FetchError(f"cannot get {url}: {why}", hint, object=str(url), reason=reason)
