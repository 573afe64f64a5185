# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-ins that come with a desired state, over standard input, and are for this call only.

They are kept in memory, never shown, and cannot be written: `Credentials` is not a value, so
`to_json` leaves it as it is and no JSON encoder takes it. What they are for is a place, and they go
there and nowhere else: a registry, a repository or a part of a registry, a server of ACIs.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.imageref import parse_ref
from podwright.stage0.web import urls
from podwright.stage0.web.credentials import Keyring, Login, docker_key, for_servers, login, longest
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.model.fields import Fields
    from podwright.stage0.web.urls import Url

HINT = "write HOST, HOST:PORT, or HOST/REPOSITORY for a part of a registry"


class Credentials:
    """Log-ins by the place that they are for: `host[:port]` or `host[:port]/repository`."""

    __slots__ = ("_logins",)

    def __init__(self, logins: dict[str, Login]) -> None:
        self._logins = logins

    def __repr__(self) -> str:
        return "Credentials(...)"

    def for_registry(self, registry: str, repository: str) -> Optional[Login]:
        """The log-in of the longest place that covers a repository."""
        return longest(self._logins, registry, repository)

    def for_server(self, url: Url) -> Optional[Login]:
        """The log-in for a server of ACIs, by host and port."""
        host = f"[{url.host}]" if ":" in url.host else url.host
        found = self._logins.get(f"{host}:{url.port}")
        return found or (self._logins.get(host) if url.port == 443 else None)

    def over(self, others: Optional[Credentials]) -> Credentials:
        """These, and what the others have for other places."""
        return Credentials({**others._logins, **self._logins}) if others else self


class _Given(Keyring):
    """The log-ins of the call before those of the configuration."""

    def __init__(self, given: Credentials, configured: Keyring) -> None:
        super().__init__({})
        self._given = given
        self._configured = configured

    def header(self, url: Url) -> str:
        """See `Keyring.header`."""
        found = self._given.for_server(url) if url.scheme == "https" else None
        return found.header() if found else self._configured.header(url)


def keyring(layout: Layout, given: Optional[Credentials]) -> Keyring:
    """The log-ins for servers of ACIs: those of the call, then those of the configuration."""
    configured = for_servers(layout)
    return _Given(given, configured) if given else configured


def parse_list(fields: Fields) -> Optional[Credentials]:
    """Read `registry_auth`: [{registry, username and password, or token}]. None without any."""
    logins: dict[str, Login] = {}
    for item in fields.objects("registry_auth"):
        place = _place(item.text("registry", ...), item.at("registry"))
        made = _login(item)
        if place in logins:
            raise UsageError(
                f"{item.at('registry')}: {safe(place, 200)} has a log-in already",
                "give one for each place",
                object=safe(place, 200),
            )
        logins[place] = made
    return Credentials(logins) if logins else None


def parse_own(fields: Fields, image: str) -> Optional[Credentials]:
    """Read `credentials`, the log-in for where the image itself comes from. None without one."""
    inner = fields.child("credentials")
    if inner is None:
        return None
    made = _login(inner)
    return Credentials({_place_of(image, inner.path): made})


def _login(fields: Fields) -> Login:
    user, password, token = (fields.text(name) for name in ("username", "password", "token"))
    fields.finish()
    if bool(user) != bool(password) or bool(token) == bool(user):
        raise UsageError(
            f"{fields.path}: needs username and password, or a token",
            "look whether the variable with the secret is empty",
            object=fields.path,
        )
    return login(user, password, token, fields.path)


def _place(text: str, where: str) -> str:
    place = docker_key(text)
    host = place.partition("/")[0]
    plain = place.isascii() and place.isprintable() and len(place) <= 512
    if not host or not plain or set(place) & set("@?# ") or "//" in place or place.endswith("/"):
        shown = safe(text.rpartition("@")[2], 200)  # what is before an @ may be a log-in
        raise UsageError(f"{where}: {shown!r} is not a registry", HINT, object=where)
    return place


def _place_of(image: str, where: str) -> str:
    """The place that an image argument is fetched from."""
    ref = parse_ref(image, lambda _: False)
    if ref.kind == "docker":
        from podwright.model.ociref import parse_docker

        docker = parse_docker(ref.location)
        return f"{docker.registry}/{docker.repository}"
    if ref.kind == "url":
        url = urls.parse(ref.location, frozenset({"http"}))
        return f"[{url.host}]:{url.port}" if ":" in url.host else f"{url.host}:{url.port}"
    if ref.kind == "name":
        return ref.name.partition("/")[0]
    raise UsageError(
        f"{where}: image {safe(image, 200)} does not come from a server",
        "leave them out",
        object=safe(image, 200),
    )
