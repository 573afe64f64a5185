# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log in to a registry as its challenge asks: basic, or a token from its token server.

Sources: distribution token authentication specification; RFC 9110, 11.6.1. What the challenge says
decides little: the scope is ours, and our log-in goes only to hosts that are known to belong to the
registry (threats.md T32, CVE-2020-15157, CVE-2026-33540).
"""

from __future__ import annotations

import re
import time
from urllib.parse import urlencode

from podwright import jsonio
from podwright.errors import FetchError, PodwrightError, UsageError
from podwright.stage0.web import urls
from podwright.stage0.web.transport import SMALL_TIMEOUT
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.stage0.web.credentials import RegistryAccess
    from podwright.stage0.web.transport import Client

MAX_CHALLENGE = 8192
MAX_ANSWER = 1024 * 1024
MAX_TOKEN = 64 * 1024
_SCHEME = re.compile(r"(?:^|,\s*)(Basic|Bearer)(?:\s+|$)", re.IGNORECASE)
_PARAMETER = re.compile(r'([a-z_]+)\s*=\s*(?:"([^"\\]*)"|([^\s",]+))\s*(?:,\s*|$)', re.IGNORECASE)


def parse_challenge(text: str) -> dict[str, dict[str, str]]:
    """The parameters of the schemes `basic` and `bearer` in a WWW-Authenticate header."""
    out: dict[str, dict[str, str]] = {}
    if len(text) > MAX_CHALLENGE:
        return out
    found = list(_SCHEME.finditer(text))
    for number, match in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else len(text)
        at, parameters = match.end(), {}
        while at < end and (part := _PARAMETER.match(text, at, end)):
            parameters[part[1].lower()] = part[2] if part[2] is not None else part[3]
            at = part.end()
        out.setdefault(match[1].lower(), parameters)
    return out


def authorize(
    client: Client, server: urls.Url, challenge: str, access: RegistryAccess, scope: str
) -> str:
    """The Authorization header that a challenge of `server` asks for; raises FetchError.

    scope  what we want to do, `repository:NAME:pull`
    """
    offered = parse_challenge(challenge)
    checked = server.scheme == "https" and "tls" not in client.insecure
    usable = access if checked else replace(access, login=None)
    try:
        if "bearer" in offered:
            return f"Bearer {_token(client, server, offered['bearer'], usable, scope)}"
        if "basic" in offered and usable.login is not None and not usable.login.token:
            return usable.login.header()
        raise refused(server, usable)
    except FetchError as err:
        if err.reason == "unauthorized" and usable != access:
            raise _withheld(server, access) from None
        raise


def _withheld(server: urls.Url, access: RegistryAccess) -> FetchError:
    return FetchError(
        f"registry {safe(access.shown or server.host, 300)} wants a log-in, which is not sent to a"
        " server whose certificate is not checked",
        f"put its authority into {access.config}/ca.d, and do not lift the check",
        object=server.host,
        reason="unauthorized",
    )


def refused(server: urls.Url, access: RegistryAccess) -> FetchError:
    """The error for a registry that does not let us in."""
    if access.login is None:
        why = "wants a log-in, or has no such image"
        hint = (
            f"put one into {access.config}/auth.d (rktKind dockerAuth), into ~/.docker/config.json or"
            " the file that REGISTRY_AUTH_FILE names, or give the module registry_auth or credentials;"
            " or check the image's name"
        )
    else:
        came = f", which came from {safe(access.login.where, 300)}" if access.login.where else ""
        why = f"does not accept the log-in for this image{came}"
        hint = "check user and password, and what they may read"
    return FetchError(
        f"registry {safe(access.shown or server.host, 300)} {why}",
        hint,
        object=server.host,
        reason="unauthorized",
    )


def _token(
    client: Client,
    server: urls.Url,
    parameters: dict[str, str],
    access: RegistryAccess,
    scope: str,
) -> str:
    if access.login is not None and access.login.token and not access.login.identity:
        return access.login.token
    realm = _realm(client, server, parameters.get("realm", ""))
    service = parameters.get("service", "")
    if len(service) > 255 or not (service.isprintable() and service.isascii()):
        raise _bad(server, "names a service that is not plain text")
    if access.login is not None and not _belongs(realm, access):
        raise FetchError(
            f"registry {server.host} wants its log-in to be sent to {_place(realm)}, "
            f"which is not known to belong to it",
            f"if it does: name {_place(realm)} in `realms` of a dockerAuth file in auth.d",
            object=server.host,
            reason="foreign-realm",
        )
    query = {"service": service, "scope": scope}
    try:
        answer = _ask(client, server, realm, query, access)
    except FetchError as err:
        if err.reason in ("http-401", "http-403"):
            raise refused(server, access) from None
        raise
    return _read_token(server, answer)


def _realm(client: Client, server: urls.Url, text: str) -> urls.Url:
    try:
        return urls.parse(text, client.insecure)
    except FetchError as err:
        raise _bad(server, f"has a token server that is refused: {err.message}") from None


def _place(realm: urls.Url) -> str:
    """A token server as `realms` names it."""
    return realm.host if realm.port == 443 else f"{realm.host}:{realm.port}"


def _belongs(realm: urls.Url, access: RegistryAccess) -> bool:
    host = f"[{realm.host}]" if ":" in realm.host else realm.host
    known = {f"{host}:{realm.port}"} | ({host} if realm.port == 443 else set())
    return any(each in known for each in access.realms)


def _ask(
    client: Client,
    server: urls.Url,
    realm: urls.Url,
    query: dict[str, str],
    access: RegistryAccess,
) -> bytes:
    """The token server's answer to our request."""
    login = access.login
    deadline = time.monotonic() + SMALL_TIMEOUT
    if login is not None and login.identity:
        form = {"grant_type": "refresh_token", "client_id": "podwright", **query}
        body = urlencode({**form, "refresh_token": login.token}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if realm.scheme != "https":
            raise _bad(server, "has a token server that is not https")
        reply = client.open(
            str(realm), headers, deadline=deadline, method="POST", body=body, near=server.host
        )
    else:
        joiner = "&" if "?" in realm.target else "?"
        headers = {"Authorization": login.header()} if login is not None else {}
        reply = client.open(
            f"{realm}{joiner}{urlencode(query)}", headers, deadline=deadline, near=server.host
        )
    try:
        if reply.status != 200:
            raise FetchError(
                f"the token server {realm.host} of registry {server.host} answers with status "
                f"{reply.status}",
                "try again later",
                object=server.host,
                reason=f"http-{reply.status}",
            )
        return reply.body(MAX_ANSWER, deadline)
    finally:
        client.done(reply)


def _read_token(server: urls.Url, data: bytes) -> str:
    try:
        answer: Any = jsonio.loads(data, "token")
    except UsageError as err:
        raise _bad(server, f"has a token server that answers badly: {err.message}") from None
    fields = answer if isinstance(answer, dict) else {}
    token = fields.get("token") or fields.get("access_token")
    if (
        not isinstance(token, str)
        or not 0 < len(token) <= MAX_TOKEN
        or not token.isascii()
        or not token.isprintable()
        or " " in token
    ):
        raise _bad(server, "has a token server that gives no token")
    return token


def _bad(server: urls.Url, why: str) -> PodwrightError:
    return FetchError(
        f"registry {server.host} {safe(why, 300)}",
        "ask whoever runs it",
        object=server.host,
        reason="bad-realm",
    )
