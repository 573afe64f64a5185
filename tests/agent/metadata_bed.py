# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with the metadata service, pods that are registered with it, and requests from anywhere."""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support import tiny_image
from tests.support.gpglab import Key
from tests.support.network_lab import PATIENCE, SLEEP, Host, Place, Pod

PORT = 18112
V1 = "acMetadata/v1"
ANNOTATIONS = [{"name": "authors", "value": "us"}, {"name": "example.com/of", "value": "image"}]
RECORDS = "run/podwright/metadata/pods"


class Service:
    """`podwright metadata-service` on a host, from the moment when it listens; a context manager."""

    def __init__(self, host: Host, *options: str, wrap: Sequence[str] = ()) -> None:
        self.host = host
        command = [*host.agent.command, "metadata-service", *options]
        self.process = host.base.popen([*wrap, *command])
        assert self.process.stderr is not None
        self.said = [self.process.stderr.readline()]
        if "listens on" not in self.said[0]:
            raise AssertionError([self.said, self.process.communicate()])

    def line(self) -> str:
        """What it logs next."""
        assert self.process.stderr is not None
        self.said.append(self.process.stderr.readline())
        return self.said[-1]

    def pid(self) -> str:
        """Its process on the host."""
        return self.host.says("sh", "-c", "grep -o '[0-9]*' /run/podwright/metadata/lock").split()[
            0
        ]

    def stop(self) -> list[str]:
        """Stop it as systemd does; all that it has logged."""
        if self.process.poll() is None:
            self.host.says("kill", "-TERM", self.pid())
            _, rest = self.process.communicate(timeout=PATIENCE)
            assert self.process.returncode == 0, rest
            self.said += rest.splitlines(keepends=True)
        return self.said

    def kill(self) -> None:
        """kill -9."""
        self.host.says("kill", "-KILL", self.pid())
        self.process.communicate(timeout=PATIENCE)

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop()


class Member:
    """A registered pod, and the URL that its app was given."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.uuid = pod.uuid
        assert pod.process.stdout is not None
        self.url = pod.process.stdout.readline().strip()
        self.token = self.url.rpartition("/")[2]

    def get(self, path: str) -> Answer:
        """Ask for something below its own URL."""
        return ask(self.pod, f"{self.url}/{V1}/{path}")

    def post(self, path: str, **form: str | bytes) -> Answer:
        """Send a form there."""
        return ask(self.pod, f"{self.url}/{V1}/{path}", urlencode(form))


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    text: str
    kind: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def ask(place: Place, url: str, form: str | None = None, source: str = "") -> Answer:
    """One request from a network; `form` is the encoded content of a POST."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    connection.sock = connect(place, url, source)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        connection.request("GET" if form is None else "POST", parts.path, form, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read().decode(), answer.headers["Content-Type"])
    finally:
        connection.close()


def connect(place: Place, url: str, source: str = "", seconds: float = PATIENCE) -> socket.socket:
    """A connection to whatever serves a URL."""
    parts = urlsplit(url)
    where = (parts.hostname, parts.port)
    return place.socket(
        lambda: socket.create_connection(where, seconds, (source, 0) if source else None)
    )


def raw(place: Place, url: str, data: bytes) -> bytes:
    """Send bytes, and the end of them; all that comes back."""
    with connect(place, url) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def start(host: Host, name: str, *options: str, script: str = "") -> Member:
    """Run a pod whose app says its URL."""
    text = f"echo $AC_METADATA_URL; {script} {SLEEP}"
    return Member(host.run(name, text, "--mds-register", *options))


@contextmanager
def host_with_image(base: Path, key: Key) -> Iterator[Host]:
    """A host whose store has one small image with annotations."""
    base.chmod(0o755)
    image = base / "tiny.aci"
    port = {"name": "web", "protocol": "tcp", "port": 80}
    app = {**tiny_image.sleeper(), "ports": [port]}
    image.hardlink_to(tiny_image.build(app=app, annotations=ANNOTATIONS))
    key.sign(image)
    host = Host(base, "one", key)
    try:
        host.agent.ok("fetch", image)
        yield host
    finally:
        host.base.close()  # with it everything that runs there ends
        for pod in host.pods:
            pod.close()


def desired(name: str, **fields: Any) -> Mapping[str, Any]:
    """The desired state of one pod that sleeps."""
    app = {"exec": "/bin/sh", "args": ["-c", SLEEP], "restart": "no", "metadata": True}
    return {"pods": [{"name": name, "image": tiny_image.NAME, **app, **fields}]}


def inside(host: Host, path: str) -> Path:
    """A path of the host as this process sees it."""
    return Path(f"/proc/{host.base.pid}/root/{path}")


def records(host: Host) -> list[str]:
    """The pods that there are records of."""
    return sorted(os.listdir(inside(host, RECORDS)))
