# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a container image is: what the place is called, what the policy calls the image, and how it
is opened.

A path is resolved once: what is judged by its path is what is open from then on (threats.md T40).
"""

from __future__ import annotations

import contextlib
import os

from podwright.model.convert import Origin
from podwright.model.ociref import parse_docker, parse_path
from podwright.stage0 import images, storewriter
from podwright.stage0.oci import files
from podwright.stage0.oci.archives import DockerArchive
from podwright.stage0.oci.layout import OciLayout
from podwright.stage0.oci.registry import Registry
from podwright.stage0.verdict import Subject
from podwright.stage0.web import givenlogins
from podwright.stage0.web.netchild import RemoteClient
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.imageref import ImageRef
    from podwright.stage0.images import FetchOptions
    from podwright.stage0.oci.source import Found, Source
    from podwright.stage0.web.transport import Client


@value
class Opened:
    """A place that is open.

    client     the transport, for signatures that lie elsewhere; None without network
    signature  path of a signature that the user named, or ""
    """

    source: Source
    client: Optional[Client]
    signature: str

    def unchanged(self, memory: dict[str, Any]) -> bool:
        """Whether a registry says that its tag still is what is remembered."""
        if not isinstance(self.source, Registry):
            return False
        claim = self.source.head()
        return bool(claim) and claim == memory.get("top")


class Place:
    """Of one argument; a context manager. `name` is what the store remembers it by."""

    def __init__(
        self, layout: Layout, ref: ImageRef, options: FetchOptions, cwd: Optional[str]
    ) -> None:
        self._layout = layout
        self._ref = ref
        self._options = options
        self._cwd = cwd
        self._held: Optional[files.Held] = None
        if ref.kind != "docker":
            asked = os.path.join(cwd or os.getcwd(), parse_path(ref.kind, ref.location).path)
            self._held = files.hold(asked, directory=ref.kind == "oci")
        path = self._held.path if self._held else ""
        self.name = images.place_of(ref, path)
        self.subject = Subject(*images.identity_of(ref, path), ref.name)

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        if self._held is not None:
            os.close(self._held.fd)

    def state(self) -> Optional[list[int]]:
        """Numbers that change when a layout or an archive does; None for a registry."""
        if self._held is None:
            return None
        return images.state_of(self._ref, self._held.path, f"/proc/self/fd/{self._held.fd}")

    def same(self, memory: dict[str, Any], state: Optional[list[int]]) -> bool:
        """Whether it needs no look to say that the place has what is remembered of it."""
        if self._ref.kind == "docker":
            return bool(parse_docker(self._ref.location).digest)
        return state is not None and memory.get("stat") == state

    def origin(self, found: Found) -> Origin:
        """Where the image came from, for its manifest."""
        config = found.manifest.config.digest
        if self._ref.kind != "docker":
            return Origin(self.subject.identity, found.digest, config)
        ref = parse_docker(self._ref.location)
        return Origin(ref.canonical, found.digest, config, ref.registry, ref.repository, ref.tag)

    @contextlib.contextmanager
    def open(self) -> Iterator[Opened]:
        """The place, for as long as it is needed."""
        given = self._options.signature
        signature = os.path.join(self._cwd or os.getcwd(), given) if given else ""
        if self._ref.kind == "docker":
            with self._client() as client:
                yield Opened(self._registry(client), client, signature)
            return
        with self._local() as source:
            yield Opened(source, None, signature)

    def _client(self) -> Client:
        logins = givenlogins.keyring(self._layout, self._options.credentials)
        return RemoteClient(self._layout, self._options.insecure, logins)

    def _registry(self, client: Client) -> Registry:
        ref = parse_docker(self._ref.location)
        given = self._options.credentials
        login = given.for_registry(ref.registry, ref.repository) if given else None
        return Registry(self._layout, client, ref, login)

    @contextlib.contextmanager
    def _local(self) -> Iterator[Source]:
        asked = parse_path(self._ref.kind, self._ref.location)
        held = self._held
        assert held is not None
        shown = safe(self._ref.text, 200)
        if self._ref.kind == "oci":
            with files.Directory(held) as inside:
                yield OciLayout(inside, asked.ref, shown)
            return
        with (
            storewriter.Workspace(self._layout, "archive") as work,
            files.Tar(held, f"{work.path}/plain") as inside,
        ):
            if self._ref.kind == "oci-archive":
                yield OciLayout(inside, asked.ref, shown)
            else:
                yield DockerArchive(inside, asked.ref, shown)
