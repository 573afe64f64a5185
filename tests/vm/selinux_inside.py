# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For scenarios in a guest with SELinux: pods that run, what they say, and what the kernel has denied."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inside import AGENT, call, podwright, wait_for

LABEL = "cat /proc/self/attr/current"
SLEEP = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
COMMON = ("--insecure-options=image",)
PODS = "system_u:object_r:podwright_shared_t:s0"
"""The label of what every pod may use."""
FOREIGN = "system_u:object_r:var_t:s0"
"""Of what belongs to the host, and no pod."""
LIBRARY = "system_u:object_r:lib_t:s0"
"""Of what every domain may open and read, and no pod may write."""
DENIAL = re.compile(
    r"avc: +denied +\{ (?P<what>[^}]+) \}.* scontext=(?P<by>\S+) tcontext=(?P<on>\S+) tclass=(?P<kind>\w+)"
    r"(?: permissive=(?P<permissive>\d))?"
)


class Pod:
    """A pod that runs until it is stopped; `verb` and what follows is how it is started."""

    def __init__(
        self, name: str, *options: str, verb: tuple[str, ...] = ("run",), ready: bool = True
    ) -> None:
        self.file = Path(f"/run/{name}.uuid")
        self.name = name
        command = [AGENT, *COMMON, *verb, f"--uuid-file-save={self.file}", *options]
        self.log = Path(f"/run/{name}.log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(self._runs if ready else self._begun, f"pod {name} runs")

    def _begun(self) -> bool:
        """It is there and has a PID 1."""
        return self._told("pid")

    def _runs(self) -> bool:
        return self._told("ready")

    def _told(self, field: str) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {self.text()}")
        if not self.file.exists():
            return False
        self.uuid = self.file.read_text().strip()
        found = podwright("status", self.uuid, "--format=json")
        return found.returncode == 0 and bool(json.loads(found.stdout)[field])

    def text(self) -> str:
        """What it has said."""
        return self.log.read_text()

    def status(self) -> Any:
        """What `status` says."""
        return json.loads(podwright("status", self.uuid, "--format=json").stdout)

    def label(self) -> str:
        """The context of its processes, as allocated."""
        return str(self.status()["selinux"].get("process"))

    def level(self) -> str:
        """Its pair of categories."""
        return self.label().split(":", 3)[3]

    def inside(self) -> list[int]:
        """The host's pids of processes in it, but for its PID 1."""
        init = self.status()["pid"]
        space = link(f"/proc/{init}/ns/pid")
        names = (pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != init)
        return [int(pid) for pid in names if link(f"/proc/{pid}/ns/pid") == space]

    def stop(self) -> None:
        """End it."""
        podwright("stop", self.uuid)
        self.process.wait(120)


def link(path: str) -> str:
    """What a link says, "" when it is gone."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def said(*arguments: str, stdin: str = "") -> str:
    """Status and output of the agent, through a pipe as any shell has them."""
    ran = subprocess.run(
        [AGENT, *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    shown = ran.stdout.replace("\0", "\n").strip()
    return f"{ran.returncode} {shown}"


def label(path: str, context: str) -> None:
    """Give a file or a directory and all in it a label."""
    call("chcon", "-R", context, path)


def label_of(path: str) -> str:
    """The label of a file."""
    return os.getxattr(path, "security.selinux").rstrip(b"\0").decode()


def context_of(pid: int) -> str:
    """The label of a process."""
    return Path(f"/proc/{pid}/attr/current").read_text().strip("\0\n")


def write_pods(*pods: dict[str, Any]) -> str:
    """A desired state with these pods."""
    place = Path("/run/pods.json")
    place.write_text(json.dumps({"version": 1, "pods": list(pods)}))
    return str(place)


def manifest(image: str, script: str, *, mounts: dict[str, str], **app: Any) -> str:
    """A pod manifest with one app; `mounts` are paths of the host by name, seen at /NAME."""
    place = Path("/run/manifest.json")
    volumes = [{"name": name, "kind": "host", "source": source} for name, source in mounts.items()]
    whole = {
        "acVersion": "0.8.11",
        "acKind": "PodManifest",
        "apps": [
            {
                "name": "app",
                "image": {"id": image},
                "app": {"exec": ["/bin/sh", "-c", script], "user": "0", "group": "0", **app},
                "mounts": [{"volume": name, "path": f"/{name}"} for name in mounts],
            }
        ],
        "volumes": volumes,
    }
    place.write_text(json.dumps(whole))
    return str(place)


def mode(enforcing: bool) -> None:
    """Have denials denied, or only logged."""
    subprocess.run(("setenforce", "1" if enforcing else "0"), check=True)


def timed(part: Callable[[], None]) -> None:
    """Do it, and say how long that took."""
    begun = time.monotonic()
    part()
    print(f"{part.__name__}: {time.monotonic() - begun:.0f} s", flush=True)


class Denials:
    """What the kernel has denied pods, and whoever reached for what is theirs, since this was made."""

    def __init__(self) -> None:
        shown = call("journalctl", "--quiet", "--lines=0", "--show-cursor").stdout
        self.cursor = shown.strip().rpartition("cursor: ")[2]

    def found(self, last: str, what: str = "signull") -> list[list[str]]:
        """Each kind once: by, on, class, what, whether the levels are the same, and enforcing or not.

        `last` is the level of a pod that was denied `what` in the end: when that is in the journal, all is.
        """
        marker = re.compile(rf"\{{ {what} \}}.* scontext=\S+:podwright_pod_t:{last} ")
        wait_for(lambda: bool(marker.search(self._text())), "the journal has the last denial")
        return sorted(self._kinds())

    def _text(self) -> str:
        shown: str = call(
            "journalctl",
            "--quiet",
            "--output=cat",
            f"--after-cursor={self.cursor}",
            "--grep=denied",
        ).stdout
        return shown

    def _kinds(self) -> list[list[str]]:
        kinds = set()
        for match in DENIAL.finditer(self._text()):
            by, on = match["by"].split(":", 3), match["on"].split(":", 3)
            if not any(name[2].startswith("podwright_") for name in (by, on)):
                continue
            levels = "own" if by[3] == on[3] else "other"
            state = "logged" if match["permissive"] == "1" else "denied"
            kinds.add(
                (
                    by[2],
                    on[2],
                    match["kind"],
                    " ".join(sorted(match["what"].split())),
                    levels,
                    state,
                )
            )
        return [list(kind) for kind in kinds]
