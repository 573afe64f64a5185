# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-ins for image servers and registries: where they come from, and for which host each is.

    <config>/auth.d/*.json               rktKind `auth` (hosts of ACIs), `dockerAuth` (registries)
    $REGISTRY_AUTH_FILE, or $XDG_RUNTIME_DIR/containers/auth.json and ~/.docker/config.json
                                         {"auths": {"REGISTRY[/REPOSITORY]": {"auth": BASE64}}}
    the caller                           a module's parameters, over standard input

A secret is a `Login`, which never shows itself: not in `repr`, not in messages. Files that others
may write are refused, since they could send our log-in of one host to another.
"""

from __future__ import annotations

import base64

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.stage0.web.configfiles import documents
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.stage0.web.urls import Url

KINDS = ("auth", "dockerAuth")
MAX_SECRET = 16384
DOCKER_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io")
"""How `docker login` names docker.io."""

REALMS = {"registry-1.docker.io": ("auth.docker.io",), "registry.gitlab.com": ("gitlab.com",)}
"""Token servers of well-known registries that are hosts of their own."""


@value
class Login:
    """User and password, or a token; one of the two.

    identity  whether `token` is an identity token, which token servers change into access tokens
    where     the file or parameter that it came from, for messages
    """

    user: str = ""
    password: str = ""
    token: str = ""
    identity: bool = False
    where: str = ""

    def __repr__(self) -> str:
        return "Login(...)"

    def header(self) -> str:
        """The value of an Authorization header."""
        if self.token:
            return f"Bearer {self.token}"
        pair = f"{self.user}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")


def login(user: str, password: str, token: str, where: str) -> Login:
    """A checked log-in; `where` names its origin in the error, which never holds the secret."""
    why = ""
    if bool(token) == bool(user or password):
        why = "needs a user with a password, or a token"
    elif ":" in user:
        why = "has a user with a colon, which cannot be sent"
    elif not all(_sendable(text) for text in (user, password)) or not _is_token(token):
        why = "has characters that cannot be sent, or is too long"
    if why:
        raise UsageError(f"{where}: the log-in {why}", object=where)
    return Login(user, password, token, where=where)


def _sendable(text: str) -> bool:
    return len(text) <= MAX_SECRET and (not text or text.isprintable())


def _is_token(text: str) -> bool:
    return len(text) <= MAX_SECRET and text.isascii() and not set(text) & set(" \t\r\n\0\x7f")


class Keyring:
    """The log-ins of rktKind `auth`: for servers of ACIs, by host and port."""

    def __init__(self, logins: dict[str, Login]) -> None:
        self._logins = logins

    def header(self, url: Url) -> str:
        """The Authorization header for a URL, or ""; only for https."""
        if url.scheme != "https":
            return ""
        found = self._logins.get(f"{_bracketed(url.host)}:{url.port}")
        if found is None and url.port == 443:
            found = self._logins.get(_bracketed(url.host))
        return found.header() if found else ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def for_servers(layout: Layout) -> Keyring:
    """The log-ins for servers of ACIs that the configuration holds."""
    merged: dict[str, Login] = {}
    for directory in documents(layout, "auth.d", KINDS):
        mine: dict[str, Login] = {}
        for fields in directory:
            if fields.text("rktKind") != "auth":
                continue
            domains, found = fields.texts("domains"), _auth_kind(fields)
            fields.finish()
            for domain in domains:
                _once(mine, _domain(domain, fields), found, fields.path)
        merged.update(mine)
    return Keyring(merged)


def _auth_kind(fields: Fields) -> Login:
    kind = fields.choice("type", ("basic", "oauth", "aws"), ...)
    inner = fields.child("credentials")
    if inner is None:
        raise UsageError(f"{fields.at('credentials')}: is missing", object=fields.path)
    if kind == "aws":
        raise UsageError(
            f"{fields.path}: log-ins of type aws are not supported",
            "serve the bucket through a server that takes basic or oauth, or over a public URL",
            object=fields.path,
        )
    if kind == "basic":
        made = login(inner.text("user", ...), inner.text("password", ...), "", fields.path)
    else:
        made = login("", "", inner.text("token", ...), fields.path)
    inner.finish()
    return made


def _domain(text: str, fields: Fields) -> str:
    host = text.lower()
    if not host or "/" in host or "@" in host or not host.isascii():
        raise UsageError(f"{fields.at('domains')}: {safe(text, 80)!r} is not HOST or HOST:PORT")
    return host


@value
class RegistryAccess:
    """What we may say to one registry: the log-in, and the hosts of token servers for it.

    shown   registry and repository, for messages
    config  the directory with the `auth.d` for log-ins of this host
    """

    login: Optional[Login]
    realms: tuple[str, ...]
    shown: str = ""
    config: str = "/etc/podwright"


def for_registry(
    layout: Layout, registry: str, repository: str, given: Optional[Login] = None
) -> RegistryAccess:
    """The log-in for a repository of a registry (`docker.io`, `host:port`), and its token servers.

    given  the caller's, which comes before all others
    The longest entry that covers the repository wins, at path boundaries; of equal ones auth.d's
    before those of other programs' files.
    """
    from podwright.stage0.web import authfiles

    own, realms = _docker_auth(layout, registry, repository)
    found = given or own or authfiles.find(registry, repository)
    host = "registry-1.docker.io" if registry == "docker.io" else registry
    shown = f"{registry}/{repository}"
    return RegistryAccess(found, (host, *REALMS.get(host, ()), *realms), shown, layout.local_config)


def _docker_auth(
    layout: Layout, registry: str, repository: str
) -> tuple[Optional[Login], tuple[str, ...]]:
    merged: dict[str, Login] = {}
    realms: list[str] = []
    for directory in documents(layout, "auth.d", KINDS):
        mine: dict[str, Login] = {}
        for fields in directory:
            if fields.text("rktKind") != "dockerAuth":
                continue
            inner, names = fields.child("credentials"), fields.texts("registries")
            hosts = fields.texts("realms")
            fields.finish()
            if inner is not None:
                made = login(
                    inner.text("user"), inner.text("password"), inner.text("token"), fields.path
                )
                inner.finish()
                for name in names:
                    _once(mine, docker_key(name), made, fields.path)
            if any(covers(docker_key(name), registry, repository) for name in names):
                realms += [host.lower() for host in hosts]
        merged.update(mine)
    return longest(merged, registry, repository), tuple(realms)


def _once(mine: dict[str, Login], key: str, made: Login, path: str) -> None:
    if key in mine:
        raise UsageError(
            f"{path}: {safe(key, 200)} already has a log-in in this directory",
            "remove one of the two",
            object=path,
        )
    mine[key] = made


def docker_key(text: str) -> str:
    """A registry, or a repository in one, as the programs of the field write it."""
    if text in DOCKER_KEYS:
        return "docker.io"
    plain = text.partition("://")[2] if text.startswith(("https://", "http://")) else text
    plain = plain.rstrip("/")
    if text != plain:  # the old form of docker's file: a URL of the registry
        plain = plain.partition("/")[0]
    host, slash, rest = plain.partition("/")
    return f"{'docker.io' if host in DOCKER_KEYS else host.lower()}{slash}{rest}"


def covers(key: str, registry: str, repository: str) -> bool:
    """Whether a log-in for `key` (`host[:port][/path]`) is for this repository."""
    whole = f"{registry}/{repository}"
    return whole == key or whole.startswith(f"{key}/")


def longest(logins: dict[str, Login], registry: str, repository: str) -> Optional[Login]:
    """The log-in of the longest key that covers a repository."""
    fitting = [key for key in logins if covers(key, registry, repository)]
    return logins[max(fitting, key=len)] if fitting else None
