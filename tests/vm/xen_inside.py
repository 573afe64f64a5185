# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For scenarios in dom0 of a Xen host: pods that run, what they answer, and what is left of them."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Collection
from pathlib import Path

from inside import AGENT, call, wait_for

HERE = Path.cwd()
LIFTED = "--insecure-options=image"
RUN = (AGENT, LIFTED, "run", "--stage1-name=xen")
SETTINGS = Path("/etc/podwright/xen.d/runner.json")


class Pod:
    """One that runs."""

    def __init__(self, name: str, *words: str) -> None:
        self.out = HERE / f"out-{name}"
        self.saved = HERE / f"uuid-{name}"
        with self.out.open("w") as out:
            self.process = subprocess.Popen(
                [*RUN, f"--uuid-file-save={self.saved}", *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def says(self, line: str) -> None:
        """Wait for a line of its output."""
        wait_for(lambda: self.over() or line in self.text().splitlines(), f"{line}: {self.text()}")
        assert not self.over(), self.text()

    def text(self) -> str:
        return self.out.read_text(errors="backslashreplace")

    def over(self) -> bool:
        return self.process.poll() is not None

    @property
    def uuid(self) -> str:
        return self.saved.read_text().strip()

    def children(self) -> dict[str, int]:
        """Its processes on the host, by name."""
        return below(self.process.pid)


def below(pid: int) -> dict[str, int]:
    """Processes below a process, by name."""
    found: dict[str, int] = {}
    for line in call("ps", "-eo", "pid=,ppid=,comm=").stdout.splitlines():
        own, parent, name = line.split(None, 2)
        if int(parent) in (pid, *found.values()):
            found[name] = int(own)
    return found


def domains() -> list[str]:
    """Names of domains but dom0."""
    listed = json.loads(call("xl", "list", "-l").stdout or "[]")
    return [str(one["config"]["c_info"]["name"]) for one in listed if one["domid"] > 0]


def nodes() -> list[str]:
    """What Xenstore has of devices of domains."""
    found = []
    for path in ("/local/domain/0/backend", "/local/domain/0/device-model"):
        for line in call("xenstore-ls", "-f", path).stdout.splitlines():
            parts = line.split(" = ")[0].removeprefix(path).strip("/").split("/")
            number = parts[1] if "backend" in path and len(parts) > 1 else parts[0]
            if number.isdigit() and number != "0":
                found.append(line)
    return found


def left() -> list[str]:
    """What a pod might leave on the host; nothing, when it is well."""
    links = [line.split(":")[1].strip() for line in call("ip", "-o", "link").stdout.splitlines()]
    ours = [name for name in links if name.startswith(("vif", "podw", "tap"))]
    ps = call("ps", "-eo", "args=").stdout.splitlines()
    running = [
        line for line in ps if "podwright-" in line or ("-xen-domid" in line and "dom0" not in line)
    ]
    place = Path("/run/podwright/xen")
    files = [str(path) for path in place.iterdir()] if place.exists() else []
    return [*domains(), *nodes(), *ours, *running, *files]


def nothing_left(others: Collection[str] = ()) -> list[str]:
    """What is left once all had the time to go, besides what is of others."""
    until = time.monotonic() + 240
    while (found := [one for one in left() if one not in others]) and time.monotonic() < until:
        time.sleep(0.2)
    return found


def choose(runner: str, **more: str) -> None:
    """What is to make the domains."""
    SETTINGS.parent.mkdir(parents=True, exist_ok=True)
    said = {"rktKind": "xen", "rktVersion": "v1", "runner": runner, **more}
    SETTINGS.write_text(json.dumps(said))


def asked(port: int) -> str:
    """What a pod answers at a port of the host, once it listens."""
    answers: list[str] = []

    def answered() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), 120) as client:
                answers.append(client.recv(100).decode().strip())
        except ConnectionError:
            return False
        return True

    wait_for(answered, f"nobody answers at port {port}")
    return answers[0]
