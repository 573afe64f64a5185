# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real systemd host with the agent on it, and one image with real software."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import hosts, software_image
from tests.support.fleet import Fleet, Host
from tests.support.gpglab import Key
from tests.support.paths import AGENT
from tests.support.private_host import Result

PORTS = (
    {"name": "client", "protocol": "tcp", "port": 6379},
    {"name": "http", "protocol": "tcp", "port": 8000},
)
PATIENCE = 60.0
INSTALL = """
mkdir -p /usr/lib/podwright /etc/podwright/trustedkeys/prefix.d/example.com
tar -C /usr/lib/podwright -x
ln -s ../lib/podwright/bin/podwright /usr/bin/podwright
groupadd --system podwright; useradd --system --no-create-home podwright -g podwright
"""


class Machine:
    """One of them. `said` runs a shell script there that must succeed; what it prints."""

    def __init__(self, fleet: Fleet, host: Host) -> None:
        self.fleet = fleet
        self.host = host
        options = ("-oBatchMode=yes", "-oConnectTimeout=10")
        self._ssh = ["ssh", "-F", str(fleet.ssh_config), *options, host.name]

    def run(self, script: str, stdin: bytes | None = None, timeout: float = 240) -> Result:
        """Run a shell script; how it ended."""
        done = subprocess.run(
            [*self._ssh, f"set -e; {script}"],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        out, err = (each.decode(errors="replace") for each in (done.stdout, done.stderr))
        return Result((script,), done.returncode, out, err)

    def said(self, script: str, stdin: bytes | None = None) -> str:
        """Run a script that must succeed."""
        return self.run(script, stdin).check().stdout

    def write(self, path: str, text: str) -> None:
        """Make a file."""
        self.said(f"mkdir -p {shlex.quote(str(Path(path).parent))}; cat > {path}", text.encode())

    def apply(self, *pods: Mapping[str, Any], flags: str = "") -> dict[str, Any]:
        """Apply a desired state; the answer, good or bad."""
        state = json.dumps({"pods": list(pods)}).encode()
        done = self.run(f"podwright apply {flags}", state)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def wait(self, script: str, good: Callable[[str], object]) -> str:
        """Run a script until what it prints is good."""
        deadline = time.monotonic() + PATIENCE
        while True:
            seen = self.run(script)
            if good(seen.stdout):
                return seen.stdout
            assert time.monotonic() < deadline, seen
            time.sleep(0.2)

    def state(self, unit: str, wanted: str = "active") -> None:
        """Wait for the state of a unit."""
        show = f"systemctl show -P ActiveState {unit}; systemctl status --no-pager {unit} || :"
        self.wait(show, lambda said: said.split("\n")[0] == wanted)

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        """What systemd knows of a unit."""
        wanted = " ".join(f"-p {name}" for name in names)
        lines = self.said(f"systemctl show {wanted} {unit}").splitlines()
        return dict(line.split("=", 1) for line in lines)


@contextmanager
def machine_with(state: Path, key: Key) -> Iterator[Machine]:
    """Boot a host, install the agent from this checkout, and fetch the image, `example.com/software`."""
    image = state.with_name("software.aci")
    image.hardlink_to(software_image.with_ports(PORTS))
    key.sign(image)
    packed = subprocess.run(
        ["tar", "-C", AGENT.parents[1], "--exclude=__pycache__", "-c", "."],
        check=True,
        capture_output=True,
    ).stdout
    try:
        fleet = hosts.create(state, 1)
        machine = Machine(fleet, fleet.hosts[0])
        for file in (image, image.with_suffix(".aci.asc")):
            (machine.host.var / file.name).write_bytes(file.read_bytes())
        machine.said(INSTALL, packed)
        trusted = "/etc/podwright/trustedkeys/prefix.d/example.com"
        machine.write(f"{trusted}/{key.fingerprint.lower()}", key.armoured)
        machine.said("podwright fetch /var/software.aci")
        yield machine
    finally:
        hosts.destroy(state)
