# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections for `transport`: TLS settings, proxies, a way to cut them off, and where they must
not lead."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
from urllib.parse import unquote, urlsplit

from podwright.errors import FetchError
from podwright.stage0.web import configfiles
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.web import urls

CONNECT_TIMEOUT = 20.0


class _Cuttable:
    """Lets another thread end a connection that takes too long, in whatever phase it is."""

    target_prefix = ""
    was_cut = False
    near = ""
    _handle: Optional[socket.socket] = None

    def _connect(self, place: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
        made = socket.create_connection(place, *args, **kwargs)
        if self.near:
            try:
                _check_address(made.getpeername()[0], place[0], self.near)
            except FetchError:
                made.close()
                raise
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


class Plain(_Cuttable, http.client.HTTPConnection):
    """Plain http; `target_prefix` goes before the target when a proxy is asked."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port, timeout=CONNECT_TIMEOUT)
        self._create_connection = self._connect

    def close(self) -> None:
        super().close()
        self._drop_handle()


class Secure(_Cuttable, http.client.HTTPSConnection):
    """https."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=CONNECT_TIMEOUT, context=context)
        self._create_connection = self._connect

    def close(self) -> None:
        super().close()
        self._drop_handle()


def refuse_local(url: urls.Url, near: str) -> None:
    """Raise FetchError when a URL that `near` has named leads to an address local to this host."""
    for address in _addresses(url.host):
        _check_address(address, url.host, near)


def _check_address(address: str, host: str, near: str) -> None:
    kind = _locality(address)
    if kind and kind not in map(_locality, _addresses(near)):
        raise _local(host, near)


def _addresses(host: str) -> list[str]:
    """The addresses of a host; none when it cannot be resolved, which connecting will say."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(place[0]) for _, _, _, _, place in found]


def _locality(address: str) -> str:
    """How an address is local to this host or its link (metadata services are there), or ""."""
    import ipaddress

    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    plain = getattr(parsed, "ipv4_mapped", None) or parsed
    if plain.is_loopback or plain.is_unspecified:
        return "loopback"
    return "link-local" if plain.is_link_local or plain.is_multicast else ""


def _local(host: str, near: str) -> FetchError:
    return FetchError(
        f"{near} refers to {host}, an address that only this host can reach, which is refused",
        "ask whoever runs that server",
        object=near,
        reason="local-address",
    )


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
        if not configfiles.only_ours(os.stat(path)):
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


def proxy(url: urls.Url) -> Optional[tuple[str, int, dict[str, str]]]:
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
