# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drive the agent as a user does: its command line in, exit status and texts out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.certs import ServerFiles
from tests.support.gpglab import Key
from tests.support.paths import AGENT
from tests.support.private_host import PrivateHost, Result
from tests.support.webserver import ImageServer

AGENT_ERROR = 254
"""The exit status of the agent's own errors (behaviour.md, B9)."""


class Agent:
    """`agent("list", "--full")` runs `podwright --dir=… --local-config=… … list --full` on a private host.

    `data`, `local`, `system` and `user` are its data and configuration directories, empty at first.
    """

    def __init__(self, host: PrivateHost, base: Path) -> None:
        self.host = host
        self.data, self.local = base / "data", base / "local"
        self.system, self.user = base / "system", base / "user"
        for directory in (self.local, self.system, self.user):
            directory.mkdir(parents=True)

    @property
    def command(self) -> list[str]:
        """The agent with its global options, for tests that build their own command line."""
        options = {
            "dir": self.data,
            "local-config": self.local,
            "system-config": self.system,
            "user-config": self.user,
        }
        return [
            "/usr/bin/python3",
            "-IS",
            str(AGENT),
            *(f"--{name}={path}" for name, path in options.items()),
        ]

    def __call__(
        self,
        *arguments: str | Path,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
        directory: Path | None = None,
    ) -> Result:
        """Run the agent and return how it ended, whatever the status."""
        command = [*self.command, *map(str, arguments)]
        return self.host.run(command, stdin=stdin, env=env, timeout=timeout, directory=directory)

    def ok(self, *arguments: str | Path, stdin: str | None = None, timeout: float = 60) -> str:
        """Run the agent, which must succeed, and return its standard output."""
        return self(*arguments, stdin=stdin, timeout=timeout).check().stdout

    def refused(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run the agent, which must refuse in one line, and return that line.

        Every refusal is exit 254, nothing on standard output, one line on standard error and no traceback.
        """
        result = self(*arguments, stdin=stdin)
        assert result.exit == AGENT_ERROR, result
        assert result.stdout == "", result
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result
        return lines[0]

    def apply(
        self, desired: Mapping[str, Any], *options: str, timeout: float = 60
    ) -> dict[str, Any]:
        """Apply a desired state and return the agent's answer; the agent must succeed."""
        answer = json.loads(self.ok("apply", *options, stdin=json.dumps(desired), timeout=timeout))
        assert isinstance(answer, dict)
        return answer

    def trust(self, key: Key, prefix: str) -> None:
        """Trust a key for an image name prefix by writing the trust store as behaviour.md A11 lays it out."""
        directory = self.local / "trustedkeys" / "prefix.d" / prefix
        directory.mkdir(parents=True, exist_ok=True)
        (directory / key.fingerprint.lower()).write_text(key.armoured)

    def accept_certificates_of(self, server: ImageServer) -> None:
        """Install the server's CA where the agent looks for further authorities: `ca.d` of the local configuration."""
        self.accept_authority(server.host, server.files)

    def accept_authority(self, name: str, files: ServerFiles) -> None:
        """Install a certificate authority under a name of its own."""
        target = self.local / "ca.d" / f"{name}.pem"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(files.ca.read_bytes())
