# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet of one host: bundles made, signed and served, and the agent that pulls them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.gpglab import Key
from tests.support.private_host import Result
from tests.support.webserver import ImageServer

FLEET = "acme/shop"
URL = "https://example.com/fleet.json"
IMAGE = "example.com/tiny"
DAY = 86400.0


def when(seconds: float) -> str:
    """A time so many seconds from now, as bundles have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def pod(name: str = "web", **changes: Any) -> dict[str, Any]:
    """A pod of a desired state."""
    body = {"name": name, "image": f"{IMAGE}:1.0", "net": "none", "ready": {"seconds": 0.1}}
    return {**body, **changes}


class Fleet:
    """See the module. The host trusts the lab's key for images and `stranger` for the fleet: two classes of keys."""

    def __init__(self, agent: Agent, server: ImageServer, lab: Keys) -> None:
        self.agent, self.server, self.lab = agent, server, lab
        self.key: Key = lab.stranger
        self.file = server.root / "fleet.json"
        agent.trust(lab.key, "example.com")
        self.trust(self.key, FLEET)

    def trust(self, key: Key, fleet: str) -> Path:
        """Trust a key for a fleet, with the trust store laid out by hand."""
        directory = self.agent.local / "trustedkeys" / "pull.d" / fleet
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / key.fingerprint.lower()
        file.write_text(key.armoured)
        return file

    def document(self, serial: int = 1, *pods: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A bundle with these pods for every host."""
        document = {
            "kind": "podwright-fleet",
            "version": 1,
            "fleet": FLEET,
            "serial": serial,
            "expires": when(DAY),
            "hosts": [{"state": {"pods": list(pods)}}],
            **changes,
        }
        return {name: one for name, one in document.items() if one is not None}

    def serve(self, document: dict[str, Any] | bytes, key: Key | None = None) -> None:
        """Publish a bundle with its signature."""
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.file.write_bytes(data)
        (key or self.key).sign(self.file)

    def publish(self, serial: int = 1, *pods: dict[str, Any], **changes: Any) -> None:
        """`document`, served."""
        self.serve(self.document(serial, *pods, **changes))

    def run(self, *options: str, url: str = URL, **more: Any) -> Result:
        """Pull, whatever comes of it."""
        return self.agent("pull", url, f"--fleet={FLEET}", "--format=json", *options, **more)

    def pull(self, *options: str, url: str = URL, **more: Any) -> dict[str, Any]:
        """Pull, which must succeed; the result."""
        result: dict[str, Any] = json.loads(self.run(*options, url=url, **more).check().stdout)
        return result

    def refused(self, *options: str, url: str = URL, **more: Any) -> dict[str, Any]:
        """Pull, which must fail with one sentence; the error."""
        ended = self.run(*options, url=url, **more)
        assert ended.exit == 254, ended
        assert len(ended.stderr.splitlines()) == 1 and "Traceback" not in ended.stderr, ended
        error: dict[str, Any] = json.loads(ended.stdout)["error"]
        assert error["message"] and error["message"][:300] in ended.stderr, ended
        return error

    def pods(self) -> dict[str, str]:
        """Named pods that run, and their UUIDs."""
        listed = json.loads(self.agent.ok("list", "--full", "--format=json"))
        return {one["pod_name"]: one["name"] for one in listed if one["state"] == "running"}

    def status(self) -> dict[str, Any]:
        """What the host says of this fleet."""
        (one,) = json.loads(self.agent("pull", "--status", "--format=json").stdout)
        assert isinstance(one, dict)
        return one

    def memory(self) -> dict[str, bytes]:
        """What the host remembers for good, by file name."""
        found = sorted((self.agent.data / "pull").glob("*/*")) if self.agent.data.exists() else []
        return {file.name: file.read_bytes() for file in found if file.name != "result.json"}

    def end(self) -> None:
        """Remove all pods."""
        listed = json.loads(self.agent.ok("list", "--format=json"))
        names = sorted({one["pod_name"] for one in listed if one["pod_name"]})
        self.agent.apply({"pods": [{"name": name, "state": "absent"} for name in names]})
