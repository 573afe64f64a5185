# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop, rm and gc, killed or with something in their way (threats.md T85): done again, they finish or name it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent.test_crash import ledger, leftovers, settled
from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.network_lab import wait_until

pytestmark = pytest.mark.threat("T85")
IMAGE = "example.com/tiny"
STRIDE = int(os.environ.get("PODWRIGHT_TEARDOWN_STRIDE", "7"))
"""Every how many steps a command is killed; `make crash-tests` sets 1."""
GC = ("gc", "--grace-period=0s", "--expire-prepared=0s")
Make = Callable[..., Path]


STARTED: list[subprocess.Popen[str]] = []
"""What the fixture below ends after each test."""


@pytest.fixture
def stored(agent: Agent, signed_image: Make, lab: Keys) -> Iterator[Agent]:
    """The agent with an image in its store."""
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image())
    yield agent
    while STARTED:
        end(STARTED.pop())


def end(process: subprocess.Popen[str]) -> None:
    """End a command on the host with all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def start(agent: Agent, *command: str, directory: Path | None = None) -> subprocess.Popen[str]:
    """Start a command on the host."""
    STARTED.append(agent.host.popen(command, directory=directory))
    return STARTED[-1]


class Running:
    """A pod in the foreground; its uuid is known when its app runs."""

    def __init__(self, agent: Agent, *options: str) -> None:
        self.agent = agent
        script = "echo up; trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
        saved = agent.data.parent / "uuid"
        command = [*agent.command, "run", f"--uuid-file-save={saved}", *options, IMAGE]
        self.process = start(agent, *command, "--exec=/bin/sh", "--", "-c", script)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "up\n", self.process.communicate()
        self.uuid = saved.read_text().strip()
        path = self.path = agent.data / "pods/run" / self.uuid
        self.parent = (path / "ppid").read_text().strip()
        self.init = (path / "pid").read_text().strip()

    def await_end(self) -> None:
        """Wait until nothing of it runs."""
        self.process.wait(timeout=60)

    def kill(self) -> None:
        """kill -9 of the process that waits for it."""
        self.agent.host.run(["kill", "-9", self.parent]).check()

    def state(self) -> str:
        """What `status` says."""
        return str(json.loads(self.agent.ok("status", "--format=json", self.uuid))["state"])


def numbers(agent: Agent, tmp_path: Path, *command: str) -> range:
    """At which steps a command is killed."""
    counted = tmp_path / "steps"
    counted.unlink(missing_ok=True)
    agent(*command, env={"PODWRIGHT_FAULT": f"count@{counted}"}).check()
    total = len(counted.read_text().splitlines())
    assert total > 0
    return range(1, total + 2, STRIDE)


def killed(agent: Agent, number: int, *command: str) -> None:
    """Run a command that is killed at a step; it may end before it."""
    result = agent(*command, env={"PODWRIGHT_FAULT": f"kill@{number}"})
    assert result.exit in (0, -9, 137), result


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_stop_killed_at_any_step(stored: Agent, tmp_path: Path, force: tuple[str, ...]) -> None:
    before = ledger(stored)
    pod = Running(stored, "--net=none")
    for number in (*numbers(stored, tmp_path, "stop", *force, pod.uuid), None):
        pod.await_end()
        stored.ok("rm", pod.uuid)
        if number is None:
            break
        pod = Running(stored, "--net=none")
        killed(stored, number, "stop", *force, pod.uuid)
        stored.ok("stop", *force, pod.uuid)
    stored.ok(*GC)
    assert leftovers(stored) == []
    assert settled(stored, before) == before


@pytest.mark.parametrize("command", ["rm", "gc"])
@pytest.mark.parametrize("end", ["ended", "killed"])
def test_rm_and_gc_killed_at_any_step(
    stored: Agent, tmp_path: Path, command: str, end: str
) -> None:
    before = ledger(stored)

    def ended() -> Running:
        pod = Running(stored)
        if end == "killed":
            pod.kill()
        else:
            stored.ok("stop", pod.uuid)
        pod.await_end()
        wait_until(lambda: pod.state() != "running", "the killed pod does not end")
        return pod

    def words(pod: Running) -> tuple[str, ...]:
        return ("rm", pod.uuid) if command == "rm" else GC

    for number in numbers(stored, tmp_path, *words(ended())):
        pod = ended()
        killed(stored, number, *words(pod))
        stored.ok(*GC)
        stored.ok(*GC)
        assert leftovers(stored) == [], number
        assert settled(stored, before) == before, number
    assert "no pod" in stored.refused("status", pod.uuid)


def test_a_host_process_that_sits_in_the_pods_directory_is_not_in_the_way(stored: Agent) -> None:
    pod = Running(stored, "--net=none")
    sitting = start(stored, "sleep", "3600", directory=pod.path / "stage1/rootfs")
    stored.ok("stop", pod.uuid)
    pod.await_end()
    stored.ok(*GC)
    assert leftovers(stored) == []
    assert sitting.poll() is None


@pytest.mark.parametrize("overlay", [(), ("--no-overlay",)])
def test_a_root_that_leaked_into_another_mount_namespace_is_not_in_the_way(
    stored: Agent, overlay: tuple[str, ...]
) -> None:
    pod = Running(stored, "--net=none", *overlay)
    python = (
        "import ctypes, os, sys, time\n"
        f"fd = os.open('/proc/{pod.init}/ns/mnt', os.O_RDONLY)\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "assert libc.setns(fd, 0x20000) == 0 and libc.unshare(0x20000) == 0\n"
        "print('held', flush=True)\n"
        "time.sleep(3600)\n"
    )
    holder = start(stored, "/usr/bin/python3", "-IS", "-c", python)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    stored.ok("stop", pod.uuid)
    pod.await_end()
    stored.ok(*GC)
    assert leftovers(stored) == []


@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_what_is_mounted_in_the_pods_directory_is_named_and_not_emptied(
    stored: Agent, tmp_path: Path, kind: str
) -> None:
    """gc emptied a directory of the host that somebody had bind-mounted there."""
    pod = Running(stored, "--net=none")
    stored.ok("stop", pod.uuid)
    pod.await_end()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("of the host")
    place = pod.path / "stage1/rootfs/mnt"
    place.mkdir()
    mount = ["--bind", str(precious)] if kind == "bind" else ["-t", "tmpfs", "tmpfs"]
    stored.host.run(["mount", *mount, str(place)]).check()
    said = stored(*GC).check().stderr
    assert f"pod {pod.uuid} could not be removed: something is mounted there: " in said
    assert "stage1/rootfs/mnt; unmount it; the next gc tries again" in said
    assert (precious / "file").read_text() == "of the host"
    stored.host.run(
        ["sh", "-c", f"umount {stored.data}/pods/*/{pod.uuid}/stage1/rootfs/mnt"]
    ).check()
    stored.ok(*GC)
    assert leftovers(stored) == []


@pytest.fixture
def freezer(stored: Agent) -> Iterator[Path]:
    """A control group that freezes who is in it, by its name on the private host."""
    group = Path("/sys/fs/cgroup/freezer/ice")
    stored.host.run(["mkdir", str(group)]).check()
    yield group
    thaw = f"echo THAWED >{group}/freezer.state; rmdir {group} || true"
    stored.host.run(["sh", "-c", thaw])


def freeze(pod: Running, group: Path, *more: str) -> None:
    """Freeze a pod with everything in it, and its parent."""
    script = (
        f'for p in /proc/[0-9]*; do test "$(readlink $p/ns/pid)" = "$(readlink /proc/{pod.init}/ns/pid)"'
        f" && echo ${{p#/proc/}} >{group}/cgroup.procs; done; "
        f"for p in {' '.join(more)} {pod.parent}; do echo $p >{group}/cgroup.procs; done; "
        f"echo FROZEN >{group}/freezer.state;"
        f" while ! grep -q FROZEN {group}/freezer.state; do :; done"
    )
    pod.agent.host.run(["sh", "-c", script]).check()


def test_stop_names_what_freezes_a_pod_and_force_thaws_it(stored: Agent, freezer: Path) -> None:
    pod = Running(stored)
    freeze(pod, freezer)
    said = stored.refused("stop", pod.uuid)
    assert f"pod {pod.uuid}: is frozen by the control group {freezer}" in said
    assert f"it ends when that is thawed: echo THAWED > {freezer}/freezer.state" in said
    assert stored(*GC).check().stderr == "", "a pod that its operator froze is left alone"
    assert pod.state() == "running"
    stored.ok("stop", "--force", pod.uuid)
    pod.await_end()
    stored.ok(*GC)
    assert leftovers(stored) == []


def test_a_stop_of_a_frozen_pod_takes_effect_when_it_is_thawed(
    stored: Agent, freezer: Path
) -> None:
    pod = Running(stored)
    freeze(pod, freezer)
    stored.refused("stop", pod.uuid)
    stored.host.run(["sh", "-c", f"echo THAWED >{freezer}/freezer.state"]).check()
    pod.await_end()
    stored.ok(*GC)
    assert leftovers(stored) == []


def test_a_frozen_pod_whose_parent_was_killed_is_ended_by_gc(stored: Agent, freezer: Path) -> None:
    before = ledger(stored)
    pod = Running(stored)
    freeze(pod, freezer)
    # It dies at once, since it is in the group no more; the pod's PID 1 cannot.
    stored.host.run(["sh", "-c", f"echo {pod.parent} >/sys/fs/cgroup/freezer/cgroup.procs"])
    pod.kill()
    wait_until(
        lambda: stored.host.run(["test", "-e", f"/proc/{pod.parent}/exe"]).exit != 0, "parent"
    )
    assert pod.state() == "running", "it is still there"
    stored.ok(*GC)
    wait_until(lambda: pod.state() != "running", "the orphan does not end")
    stored.ok(*GC)
    assert leftovers(stored) == []
    assert settled(stored, before) == before
    pod.await_end()


def test_a_frozen_app_of_a_dead_fly_pod_is_ended_by_gc(stored: Agent, freezer: Path) -> None:
    """gc gave up on it after five seconds, and forgot the pod: it stayed for ever."""
    before = ledger(stored)
    pod = Running(stored, "--stage1-name=fly", "--net=host")
    freeze_app = (
        f"for p in $(cat /proc/{pod.init}/task/{pod.init}/children); do"
        f" echo $p >{freezer}/cgroup.procs; done; echo FROZEN >{freezer}/freezer.state;"
        f" while ! grep -q FROZEN {freezer}/freezer.state; do :; done"
    )
    stored.host.run(["sh", "-c", freeze_app]).check()
    assert stored.host.run(["cat", f"{freezer}/cgroup.procs"]).stdout != ""
    stored.host.run(["kill", "-9", pod.parent, pod.init]).check()
    wait_until(lambda: pod.state() != "running", "the pod does not end")
    stored.ok(*GC)
    assert leftovers(stored) == []
    stored.host.run(["rmdir", str(freezer)]).check()
    assert settled(stored, before) == before


def test_a_freezer_that_holds_others_too_is_named_and_left_alone(
    stored: Agent, freezer: Path
) -> None:
    other = start(stored, "sh", "-c", "echo $$; exec sleep 3600")
    assert other.stdout is not None
    pod = Running(stored)
    freeze(pod, freezer, other.stdout.readline().strip())
    said = stored.refused("stop", "--force", pod.uuid)
    assert f"is frozen by the control group {freezer}" in said
    state = stored.host.run(["cat", f"{freezer}/freezer.state"]).stdout
    assert state == "FROZEN\n"
    stored.host.run(["sh", "-c", f"echo THAWED >{freezer}/freezer.state"]).check()
    pod.await_end()
    assert other.poll() is None, "the other lives"
    stored.ok(*GC)
    assert leftovers(stored) == []


@contextlib.contextmanager
def immutable(path: Path) -> Iterator[None]:
    subprocess.run(["chattr", "+i", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


def test_an_immutable_file_is_named_and_other_pods_are_removed(stored: Agent) -> None:
    stuck = Running(stored, "--net=none")
    file = stuck.path / "stage1/rootfs/stays"
    file.write_text("")
    stored.ok("stop", stuck.uuid)
    stuck.await_end()
    stored.ok("gc", "--mark-only")
    (garbage,) = stored.data.glob("pods/*/*/stage1/rootfs/stays")
    for pod in (Running(stored, "--net=none"), Running(stored, "--net=none")):
        stored.ok("stop", pod.uuid)
        pod.await_end()
    with immutable(garbage):
        said = stored(*GC).check().stderr
        assert "could not be removed: Operation not permitted: " in said
        assert f"{stuck.uuid}/stage1/rootfs/stays; it may be immutable (lsattr shows it)" in said
        assert [path.split("/")[2] for path in leftovers(stored)] == [stuck.uuid]
        assert "stage1/rootfs/stays" in stored.refused("rm", stuck.uuid)
    stored.ok(*GC)
    assert leftovers(stored) == []
