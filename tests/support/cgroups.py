# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cgroup of our own in every mounted hierarchy, so that whatever a test creates below it can be found and removed.

Works on cgroup v1, hybrid and v2 machines (cgroups(7)).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
ENTER = 'while [ "$1" != -- ]; do echo 0 > "$1"; shift; done; shift; exec "$@"'
"""Shell text: join the cgroups named before `--`, then become the command after it."""


RUNNER = "pwtest-runner"
"""Beside a cgroup of this name others are made: under cgroup v2 only one without processes divides its controllers."""


@dataclasses.dataclass(frozen=True)
class Hierarchy:
    """One mounted hierarchy: where it is mounted, its type, and the mount options that name it."""

    mount: Path
    fstype: str
    options: str

    def own_cgroup(self) -> Path:
        """Return the directory of the cgroup that this process is in."""
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == (self.options if self.fstype == "cgroup" else ""):
                own = self.mount / path.lstrip("/")
                return own.parent if own.name == RUNNER else own
        return self.mount


def hierarchies() -> list[Hierarchy]:
    """Return the hierarchies mounted under /sys/fs/cgroup, once each."""
    found: dict[Path, Hierarchy] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        fstype, _, super_options = rest.split(" ", 2)
        mount = Path(fields.split(" ")[4])
        if fstype in ("cgroup", "cgroup2") and mount.is_relative_to(ROOT):
            names = [
                o
                for o in super_options.split(",")
                if o not in ("rw", "ro", "xattr", "clone_children")
            ]
            named = [o for o in names if o.startswith("name=")]
            options = (
                ",".join(named or [o for o in names if "=" not in o]) if fstype == "cgroup" else ""
            )
            found[mount] = Hierarchy(mount, fstype, options)
    return list(found.values())


def sweep(prefix: str) -> None:
    """Remove what killed test processes left: the cgroups `<prefix>-<pid>-…` below our own whose process is gone."""
    for hierarchy in hierarchies():
        for path in hierarchy.own_cgroup().glob(f"{prefix}-*"):
            owner = path.name.removeprefix(f"{prefix}-").split("-")[0]
            if owner.isdigit() and not Path(f"/proc/{owner}").exists():
                remove_trees([path])


DIVIDED = """
for one in "$1/podwright-supervisor" "$1"; do
    if { echo 0 >"$one/cgroup.procs"; } 2>/dev/null; then break; fi
done
shift
exec "$@"
"""
"""Shell text: join the cgroup named first, or where its members are once it is divided; then become the rest."""
WAIT = """
own=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
while grep -q '^0$' "$own/cgroup.procs"; do sleep 0.01; done
exec "$@"
"""
"""Shell text: wait until no member is of another pid namespace (such a one has the number 0), then become the rest."""


def alone() -> bool:
    """Whether cgroup v2 is all there is."""
    return (ROOT / "cgroup.procs").exists()


class CgroupSet:
    """The cgroup `name` below our own, in every hierarchy."""

    def __init__(self, name: str) -> None:
        self.hierarchies = hierarchies()
        self.paths = [hierarchy.own_cgroup() / name for hierarchy in self.hierarchies]
        for hierarchy, path in zip(self.hierarchies, self.paths, strict=True):
            path.mkdir(parents=True, exist_ok=True)
            if hierarchy.fstype == "cgroup":
                _inherit_cpuset(path)
            if path.is_relative_to(ROOT) and alone():
                # cgroup v2 alone: as a service manager does, and without it the agent makes no groups there.
                os.setxattr(path, "trusted.delegate", b"1")

    def enter_command(self, command: Sequence[str]) -> list[str]:
        """Return `command` wrapped so that it starts as a member of these cgroups."""
        return [
            "/bin/sh",
            "-c",
            ENTER,
            "sh",
            *(str(path / "cgroup.procs") for path in self.paths),
            "--",
            *command,
        ]

    def commands(
        self, wrap: Callable[[Sequence[str]], list[str]], command: Sequence[str]
    ) -> list[str]:
        """Return `command`, wrapped by `wrap` into a command that enters other namespaces, as a member of these.

        Under cgroup v2 the agent moves all members a level down before it divides the controllers, and cannot move
        processes of another pid namespace: there the command waits until its parent has left, see `leave`.
        """
        if not alone():
            return self.enter_command(wrap(command))
        inner = wrap(["/bin/sh", "-c", WAIT, "sh", *command])
        return ["/bin/sh", "-c", DIVIDED, "sh", str(self.paths[0]), *inner]

    def leave(self, process: subprocess.Popen[str]) -> None:
        """Take a process of ours out again, when the one that it starts is there."""
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        own = self.hierarchies[0].own_cgroup()
        runner = own / RUNNER
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            while process.poll() is None and not children.read_text():
                time.sleep(0.005)
            members = (runner if runner.is_dir() else own) / "cgroup.procs"
            members.write_text(str(process.pid))

    def remount_script(self) -> str:
        """Return shell text that shows these cgroups as all of /sys/fs/cgroup, in new cgroup and mount namespaces."""
        lines = (
            []
            if any(h.mount == ROOT for h in self.hierarchies)
            else [f"mount -t tmpfs -o mode=755 tmpfs {ROOT}"]
        )
        for hierarchy in self.hierarchies:
            mount = shlex.quote(str(hierarchy.mount))
            options = f"-o {shlex.quote(hierarchy.options)} " if hierarchy.options else ""
            lines += [f"mkdir -p {mount}", f"mount -t {hierarchy.fstype} {options}cgroup {mount}"]
        return "\n".join(lines)

    def remove(self) -> None:
        """Remove these cgroups and all below them; their processes must have ended."""
        remove_trees(self.paths)


def remove_trees(paths: Sequence[Path]) -> None:
    """Remove cgroup directories from the leaves up, waiting up to five seconds for exited members to be forgotten."""
    deadline = time.monotonic() + 5
    for path in paths:
        for directory in sorted((d for d in path.rglob("*") if d.is_dir()), reverse=True):
            _remove(directory, deadline)
        _remove(path, deadline)


def _remove(directory: Path, deadline: float) -> None:
    while True:
        try:
            directory.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _inherit_cpuset(path: Path) -> None:
    # A new v1 cpuset has no cpus and takes no members until it has some (cpusets(7)).
    for name in ("cpuset.cpus", "cpuset.mems"):
        target = path / name
        if target.exists() and not target.read_text().strip():
            _inherit_cpuset(path.parent)
            target.write_text((path.parent / name).read_text())
