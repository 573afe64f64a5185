# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a container image (OCI image-spec config.md), as an immutable value.

Only read here; what an image may ask for is decided in `convert`. Fields that nobody knows are
ignored, as the specification wants: none of them reaches the host.
"""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.oci import MAX_DOCUMENT, Platform, refused
from podwright.model.ociref import is_digest
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import TypeVar

    T = TypeVar("T")

MAX_ITEMS = 4096
"""Of environment variables, labels, arguments, volumes or ports."""


@value
class Config:
    """`environment` as written (NAME=VALUE); `ports` and `volumes` in lexical order."""

    platform: Platform
    diff_ids: tuple[str, ...]
    created: str = ""
    author: str = ""
    user: str = ""
    environment: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_directory: str = ""
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    stop_signal: str = ""
    parent: str = ""


def parse_config(data: bytes, layers: int, where: str) -> Config:
    """Read the configuration of an image with so many layers. Raises ImageError."""
    try:
        fields = Fields(jsonio.loads(data, "configuration", limit=MAX_DOCUMENT), "configuration")
        found = _config(fields)
    except UsageError as err:
        raise refused(where, err.message, reason="bad-config") from None
    if len(found.diff_ids) != layers:
        raise refused(
            where,
            f"has {layers} layers, but its configuration names {len(found.diff_ids)}",
            reason="bad-config",
        )
    return found


def _config(fields: Fields) -> Config:
    root = fields.child("rootfs")
    if root is None:
        raise UsageError("configuration.rootfs: is missing")
    root.choice("type", ("layers",), ...)
    diff_ids = root.texts("diff_ids")
    for digest in diff_ids:
        if not is_digest(digest) or not digest.startswith("sha256:"):
            raise UsageError(f"configuration.rootfs.diff_ids: {safe(digest, 80)!r} is no digest")
    inner = fields.child("config") or Fields({}, "configuration.config")
    return Config(
        platform=Platform(
            fields.text("os", ...), fields.text("architecture", ...), fields.text("variant")
        ),
        diff_ids=diff_ids,
        created=fields.text("created"),
        author=fields.text("author"),
        user=inner.text("User"),
        environment=_bounded(inner, "Env", inner.texts("Env")),
        entrypoint=_bounded(inner, "Entrypoint", inner.texts("Entrypoint")),
        command=_bounded(inner, "Cmd", inner.texts("Cmd")),
        working_directory=inner.text("WorkingDir"),
        ports=_keys(inner, "ExposedPorts"),
        volumes=_keys(inner, "Volumes"),
        labels=tuple(sorted(_bounded(inner, "Labels", inner.mapping("Labels").items()))),
        stop_signal=inner.text("StopSignal"),
        parent=fields.text("parent"),
    )


def _keys(fields: Fields, name: str) -> tuple[str, ...]:
    """The keys of an object whose values say nothing: how Go writes a set."""
    found = fields.raw(name, {})
    if not isinstance(found, dict) or any("\0" in key for key in found):
        raise UsageError(f"{fields.at(name)}: is not a set of strings")
    return tuple(sorted(_bounded(fields, name, found)))


def _bounded(fields: Fields, name: str, found: Collection[T]) -> tuple[T, ...]:
    if len(found) > MAX_ITEMS:
        raise UsageError(f"{fields.at(name)}: has more than {MAX_ITEMS} entries")
    return tuple(found)
