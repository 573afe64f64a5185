# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry that says exactly what a test wants: the blobs of an OCI layout, and lies where they are planted.

script = ScriptedRegistry(https_server, layout, "a/b")
script.tag("1.0", descriptor)
script.blob(digest, body=b"...")                     # another body, headers, status or type for a blob
script.manifest(reference, body=..., headers={"Docker-Content-Digest": "..."})
script.asked("blobs")                                # the paths below /v2/a/b/blobs/ that were asked for
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.support.ocilayout import INDEX, MANIFEST, OciLayout
from tests.support.webserver import Answer, Handler, ImageServer


@dataclasses.dataclass
class Said:
    """One answer."""

    body: bytes
    kind: str
    headers: Mapping[str, str]
    status: int


class ScriptedRegistry:
    """See the module."""

    def __init__(self, server: ImageServer, layout: OciLayout, repository: str) -> None:
        self._server = server
        self._repository = repository
        self.reference = f"docker://{server.host}/{repository}"
        for blob in sorted(layout.blobs.iterdir()):
            self._add(blob)

    def _add(self, path: Path) -> None:
        data = path.read_bytes()
        digest = f"sha256:{path.name}"
        self.blob(digest, body=data)
        try:
            document = json.loads(data)
        except ValueError:
            return
        if isinstance(document, dict) and "schemaVersion" in document:
            kind = INDEX if "manifests" in document else MANIFEST
            self.manifest(digest, body=data, kind=document.get("mediaType") or kind)

    def tag(self, name: str, descriptor: Mapping[str, Any]) -> str:
        """Give a tag to what a descriptor names; return what the agent is given for it."""
        self._server.answers[self._path("manifests", name)] = self._server.answers[
            self._path("manifests", descriptor["digest"])
        ]
        return f"{self.reference}:{name}"

    def blob(
        self,
        digest: str,
        body: bytes = b"",
        kind: str = "application/octet-stream",
        headers: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> None:
        """Say something about a blob."""
        self.answer("blobs", digest, saying(Said(body, kind, headers or {}, status)))

    def manifest(
        self,
        reference: str,
        body: bytes = b"",
        kind: str = MANIFEST,
        headers: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> None:
        """Say something about a manifest."""
        self.answer("manifests", reference, saying(Said(body, kind, headers or {}, status)))

    def answer(self, what: str, reference: str, answer: Answer) -> None:
        """Plant an answer of a test's own."""
        self._server.answers[self._path(what, reference)] = answer

    def asked(self, what: str) -> list[str]:
        """What was asked for below `blobs` or `manifests`, in order."""
        base = self._path(what, "")
        paths = [request.path for request in self._server.requests]
        return [path[len(base) :] for path in paths if path.startswith(base)]

    def _path(self, what: str, reference: str) -> str:
        return f"/v2/{self._repository}/{what}/{reference}"


def saying(said: Said) -> Answer:
    """An answer that always says the same."""

    def answer(handler: Handler) -> None:
        handler.send_response(said.status)
        handler.send_header("Content-Type", said.kind)
        handler.send_header("Content-Length", str(len(said.body)))
        for name, text in said.headers.items():
            handler.send_header(name, text)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(said.body)

    return answer


def redirect(location: str, status: HTTPStatus = HTTPStatus.FOUND) -> Answer:
    """An answer that sends the client elsewhere."""
    return saying(Said(b"", "text/plain", {"Location": location}, status))


def log_in_wanted(challenge: str, then: Answer) -> Answer:
    """An answer that wants an Authorization header of any kind."""

    def answer(handler: Handler) -> None:
        if handler.headers.get("Authorization"):
            then(handler)
        else:
            saying(Said(b"", "text/plain", {"WWW-Authenticate": challenge}, 401))(handler)

    return answer
