# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods of a `Bed` that can be entered: `House(bed)`; `house.start(sh("app", LIVE))`, `house.enter(pod, "id")`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.agent.launch_bed import Bed, Pod
from tests.support.agent import Agent
from tests.support.private_host import Result

TERMINAL = Path(__file__).with_name("launch_terminal.py")
LIVE = "echo up > /dev/shm/up; while :; do sleep 1; done"
"""An app that tells when it is there, and stays."""


class House:
    """A bed whose pods the agent's command line knows too."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.agent = Agent(bed.host, bed.base)

    def start(self, *apps: Mapping[str, Any], wait: bool = True, **options: Any) -> Pod:
        """Start a pod; it is up when this returns."""
        pod = self.bed.start(*apps, **options)
        try:
            spec = json.loads((self.bed.base / f"{pod.pod_dir.name}.json").read_text())
            (pod.pod_dir / "pod").write_text(json.dumps(spec["manifest"]))
            if wait:
                pod.init()
                for app in apps:
                    self.enter(
                        pod,
                        "/bin/sh",
                        "-c",
                        "until [ -e /dev/shm/up ]; do sleep 0.01; done",
                        app=app["name"],
                    )
        except BaseException:
            pod.__exit__()
            raise
        return pod

    def command(
        self, pod: Pod, *words: str, app: str = "app", options: Sequence[str] = ()
    ) -> list[str]:
        """The command line that enters a pod."""
        return [*self.agent.command, "enter", f"--app={app}", *options, pod.pod_dir.name, *words]

    def enter(
        self,
        pod: Pod,
        *words: str,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
        **how: Any,
    ) -> Result:
        """Run a command in a pod, without a terminal, to its end."""
        return self.bed.host.run(self.command(pod, *words, **how), stdin=stdin, env=env)

    def says(self, pod: Pod, script: str, **how: Any) -> str:
        """The output of a shell script that must succeed."""
        return self.enter(pod, "/bin/sh", "-c", script, **how).check().stdout

    def begin(
        self, pod: Pod, *words: str, wrap: Sequence[str] = (), **how: Any
    ) -> subprocess.Popen[str]:
        """Start to run a command in a pod; `wrap` goes before the agent's command line."""
        return self.bed.host.popen([*wrap, *self.command(pod, *words, **how)])

    def at_terminal(
        self,
        pod: Pod,
        steps: Sequence[tuple[str, str]],
        *words: str,
        wrap: Sequence[str] = (),
        **how: Any,
    ) -> Result:
        """Run a command in a pod for a user at a terminal, who types the second text of a step after the first."""
        user = ["/usr/bin/python3", str(TERMINAL), json.dumps(list(steps)), *wrap]
        return self.bed.host.run([*user, *self.command(pod, *words, **how)])

    def processes(self, pod: Pod) -> set[str]:
        """The command lines of the pod's processes, as the host sees them, without its PID 1."""
        init = pod.init()["pid"]
        script = (
            f"n=$(readlink /proc/{init}/ns/pid); for p in /proc/[0-9]*; do"
            " [ \"$(readlink $p/ns/pid)\" = \"$n\" ] && tr '\\0' ' ' < $p/cmdline && echo; done; true"
        )
        lines = self.bed.host.run(["sh", "-c", script]).check().stdout.splitlines()
        return {line.strip() for line in lines if line.strip() not in ("", "podwright-init")}

    def cgroups(self, pod: Pod) -> list[str]:
        """The control groups below the pod's, for entered processes."""
        found = pod.init()["cgroups"]
        return self.bed.host.run(["find", *found, "-name", "enter-*"]).check().stdout.split()

    def client(self, pod: Pod) -> str:
        """The pid of the only agent that is in a pod now, by the private host's numbers."""
        name = pod.pod_dir.name
        script = (
            "for p in /proc/[0-9]*; do case $(tr '\\0' ' ' < $p/cmdline) in"
            f' "/usr/bin/python3 -IS "*" enter "*"{name}"*) echo ${{p#/proc/}};; esac; done 2>/dev/null'
        )
        (pid,) = self.bed.host.run(["sh", "-c", script]).stdout.split()
        return pid
