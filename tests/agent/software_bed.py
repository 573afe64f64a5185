# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose store has the image of real software, and pods of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import software_image
from tests.support.agent import Agent
from tests.support.gpglab import Key
from tests.support.private_host import PrivateHost, Result


class Software:
    """An agent whose store has the image."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def run(self, script: str, *options: str) -> Result:
        """Run a shell script in a pod of its own."""
        command = ["run", "--net=none", software_image.NAME, *options, "--exec=/bin/sh"]
        return self.agent(*command, "--", "-c", script, timeout=120)

    def says(self, script: str, *options: str) -> str:
        """What a script that must succeed prints."""
        return self.run(script, *options).check().stdout

    @contextmanager
    def pod(self, script: str, check: str, **fields: Any) -> Iterator[dict[str, Any]]:
        """A named pod that is ready when `check` succeeds in it; what `apply` answers about it."""
        wanted = {
            "name": "software",
            "image": software_image.NAME,
            "net": "none",
            "exec": "/bin/sh",
            "args": ["-c", script],
            "restart": "no",
            "ready": {"exec": ["/bin/sh", "-c", check], "timeout": 60},
            **fields,
        }
        try:
            yield self._apply(wanted)
        finally:
            self._apply({"name": "software", "state": "absent"})

    def _apply(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        result = self.agent("apply", stdin=json.dumps({"pods": [wanted]}), timeout=120)
        (part,) = json.loads(result.stdout)["pods"]
        assert isinstance(part, dict)
        return part

    def log(self) -> str:
        """What the pod has written, and its supervisor."""
        files = sorted((self.agent.data / "logs").rglob("*.log"))
        return "".join(path.read_text(errors="replace") for path in files)


@contextmanager
def software_on(base: Path, key: Key) -> Iterator[Software]:
    """One host for many tests, since unpacking the image takes a while."""
    (base / "host").mkdir()
    image = base / "software.aci"
    image.hardlink_to(software_image.build())
    key.sign(image)
    with PrivateHost(base / "host") as host:
        agent = Agent(host, base / "agent")
        agent.trust(key, "example.com")
        agent.ok("fetch", image, timeout=120)
        yield Software(agent)
