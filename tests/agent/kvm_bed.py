# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods in virtual machines on a private host, emulated: `Machines(base, key).start(...)` returns a `Live` pod.

A machine boots in two seconds, or in ten beside others: tests share one where they can.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support import kvm_image, tiny_image
from tests.support.agent import Agent
from tests.support.gpglab import Key
from tests.support.patience import until
from tests.support.private_host import PrivateHost, Result

PATIENCE = 120.0
"""Seconds after which what we wait for is not going to happen."""
TERMINAL = Path(__file__).with_name("launch_terminal.py")
CHOICE = ("--stage1-name=kvm", "--kvm-accelerator=tcg")
STAYS = "echo up; trap 'echo bye; exit 5' TERM; while :; do sleep 0.1; done"


class Machines:
    """A private host with an agent that has the stage1 image and trusts an image `tiny.aci`."""

    def __init__(self, base: Path, key: Key) -> None:
        self.base = base
        (base / "host").mkdir()
        self.host = PrivateHost(base / "host")
        self.agent = Agent(self.host, base / "agent")
        for prefix in ("example.com", "podwright.io"):
            self.agent.trust(key, prefix)
        self.image = self.signed(tiny_image.build("example.com/tiny"), "tiny.aci", key)
        self.ok("fetch", str(self.signed(kvm_image.image(), "stage1.aci", key)))

    def signed(self, source: Path, name: str, key: Key) -> Path:
        """A copy of an image, with its signature."""
        target = self.base / name
        shutil.copyfile(source, target)
        key.sign(target)
        return target

    def ok(self, *words: str) -> str:
        """Run the agent, which must succeed: its output."""
        return self.agent.ok(*words, timeout=PATIENCE)

    def close(self) -> None:
        """End everything."""
        self.host.close()

    def words(
        self, *apps: Mapping[str, Any], options: Sequence[str] = (), net: str = "none"
    ) -> list[str]:
        """The command line that runs a pod; an app has name, script and options, and `image` if it is another one."""
        words = ["run", *CHOICE, f"--net={net}", *options]
        for number, app in enumerate(apps):
            words += ["---"] if number else []
            words += [str(app.get("image", self.image)), f"--name={app['name']}"]
            words += app.get("options", ())
            words += ["--exec=/bin/sh", "--", "-c", app["script"]]
        return words

    def run(self, script: str, *options: str, stdin: str = "", net: str = "none") -> Result:
        """Run a pod of one app to its end."""
        words = self.words({"name": "app", "script": script}, options=options, net=net)
        return self.agent(*words, stdin=stdin, timeout=PATIENCE)

    def start(
        self, *apps: Mapping[str, Any], options: Sequence[str] = (), net: str = "none"
    ) -> Live:
        """Start a pod whose apps say `up` when they are there."""
        return Live(self, apps, options, net)

    def shell(self, script: str) -> str:
        """The output of a script on the host."""
        return self.host.run(["sh", "-c", script], timeout=PATIENCE).stdout


class Live:
    """A pod that runs; its output is kept in a file."""

    def __init__(
        self,
        machines: Machines,
        apps: Sequence[Mapping[str, Any]],
        options: Sequence[str],
        net: str = "none",
    ) -> None:
        self.machines = machines
        self.agent = machines.agent
        number = len(list(machines.base.glob("out-*")))
        self.out = machines.base / f"out-{number}"
        self.err = machines.base / f"err-{number}"
        saved = machines.base / f"uuid-{number}"
        words = machines.words(*apps, options=(f"--uuid-file-save={saved}", *options), net=net)
        command = [*self.agent.command, *words]
        script = f'exec "$@" >{self.out} 2>{self.err} </dev/null'
        self.process = machines.host.popen(["sh", "-c", script, "sh", *command])
        self.uuid = until(
            lambda: saved.exists() and saved.read_text().strip(), "the pod has a number"
        )
        self.directory = self.agent.data / "pods/run" / self.uuid

    def __enter__(self) -> Live:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.agent("stop", "--force", self.uuid, timeout=PATIENCE)
        self.process.communicate(timeout=PATIENCE)

    def up(self, lines: int = 1) -> Live:
        """Wait until so many apps have said that they are up."""

        def holds() -> bool:
            assert self.process.poll() is None, (self.err.read_text(), self.out.read_text())
            return self.out.exists() and self.out.read_text().splitlines().count("up") >= lines

        until(holds, "its apps are up")
        return self

    def enter(self, *words: str, app: str = "app", stdin: str = "") -> Result:
        """Run a command in it, without a terminal."""
        return self.agent("enter", f"--app={app}", self.uuid, *words, stdin=stdin, timeout=PATIENCE)

    def says(self, script: str, app: str = "app", stdin: str = "") -> str:
        """The output of a shell script that must succeed."""
        return self.enter("/bin/sh", "-c", script, app=app, stdin=stdin).check().stdout

    def at_terminal(
        self, steps: Sequence[tuple[str, str]], *words: str, app: str = "app"
    ) -> Result:
        """Run a command for a user at a terminal, who types the second text of a step after the first."""
        command = [*self.agent.command, "enter", f"--app={app}", self.uuid, *words]
        user = ["/usr/bin/python3", str(TERMINAL), json.dumps(list(steps))]
        return self.machines.host.run([*user, *command], timeout=2 * PATIENCE)

    def ended(self) -> int:
        """Wait for its end; what `run` returned."""
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode

    def status(self) -> Any:
        """What `status` says."""
        return json.loads(self.machines.ok("status", "--format=json", self.uuid))

    def helpers(self) -> dict[str, int]:
        """The processes of the host's side: (init, qemu, virtiofsd) -> pid as the private host counts."""
        init = int((self.directory / "pid").read_text())
        lines = self.machines.shell(f"ps -o pid= -o args= --ppid {init}").splitlines()
        found = {"init": init}
        for line in lines:
            pid, program = line.split()[:2]
            found["qemu" if "qemu-system" in program else Path(program).name] = int(pid)
        return found

    def kill(self, pid: int) -> None:
        """Kill a process of the host."""
        self.machines.host.run(["kill", "-9", str(pid)], timeout=PATIENCE).check()
