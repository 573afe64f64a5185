# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices, control groups and exhaustion: what a hostile app does about them (threats.md T71, T72, T73)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podwright.host.cgrouplimits import USUAL_DEVICES
from tests.agent.launch_bed import Bed, Pod, isolator, sh
from tests.support.paths import CHECKOUT
from tests.support.private_host import PrivateHost

MOUNTER = [
    isolator(
        "os/linux/capabilities-retain-set",
        {"set": ["CAP_MKNOD", "CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_DAC_OVERRIDE"]},
    )
]
FUSE = "mount -t tmpfs none /mnt && mknod /mnt/fuse c 10 229 && exec 5<>/mnt/fuse && echo open"
AGENT_MEMORY = 256 * 1024


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


@pytest.mark.threat("T71")
def test_even_an_app_that_can_mount_opens_no_device_that_is_not_its_own(bed: Bed) -> None:
    fuse = {"name": "fuse", "kind": "device", "source": "/dev/fuse"}
    mounted: dict[str, Any] = {"mounts": [{"volume": "fuse", "path": "/dev/fuse"}]}
    # On the host's users, since a user namespace alone would keep it from making the node.
    denied = bed.run(sh("app", f"mkdir -p /mnt; {FUSE}", isolators=MOUNTER), private_users="")
    assert denied.stdout == "" and denied.outcome[0] != 0
    assert "can't create /mnt/fuse: Operation not permitted" in denied.stderr, denied
    # The control: its devices group lets it, because the same device is one of its volumes.
    control = sh("app", f"mkdir -p /mnt; {FUSE}", isolators=MOUNTER, **mounted)
    ended = bed.run(control, volumes=[fuse], private_users="")
    assert ended.stdout == "open\n", ended


@pytest.mark.threat("T71")
def test_the_group_of_an_app_lists_its_devices(bed: Bed) -> None:
    with bed.start(sh("app", "sleep 1000")) as pod:
        pod.wait_ready()
        (group,) = [path for path in pod.init()["cgroups"] if "/devices/" in path]
        listed = bed.host.run(["cat", f"{group}/app/devices.list"]).check().stdout.splitlines()
    assert sorted(listed) == sorted(USUAL_DEVICES)


FILTER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from podwright.kernel import devicefilter
group = sys.argv[2]
def tries():
    out = []
    for path, flags in (("/dev/null", os.O_RDWR), ("/dev/zero", os.O_RDONLY),
                        ("/dev/zero", os.O_RDWR), ("/dev/fuse", os.O_RDWR)):
        try:
            os.close(os.open(path, flags))
            out.append("open")
        except PermissionError:
            out.append("refused")
    return out
with open(group + "/cgroup.procs", "w") as file:
    file.write("0")
print(*tries())
devicefilter.attach(group, ("c 1:3 rw", "c 1:5 r", "c 136:* rw", "c *:* m", "b *:* m"))
print(*tries())
os.mknod("/tmp/device-node", 0o020600, os.makedev(1, 11))
os.unlink("/tmp/device-node")
"""


@pytest.mark.threat("T71")
def test_devices_of_a_v2_group_are_watched_by_a_program(private_host: PrivateHost) -> None:
    found = private_host.run(["findmnt", "-n", "-t", "cgroup2", "-o", "TARGET"]).check()
    group = f"{found.stdout.split()[0]}/device-test"
    private_host.run(["mkdir", group]).check()
    agent = str(CHECKOUT / "agent")
    said = private_host.run(["/usr/bin/python3", "-IS", "-c", FILTER, agent, group]).check().stdout
    private_host.run(["rmdir", group]).check()
    assert said.splitlines() == ["open open open open", "open open refused refused"]


ATTACKS = """
exec 2>&1
ls /sys/fs/cgroup | head
find / -name memory.limit_in_bytes -o -name pids.max -o -name release_agent -o -name cgroup.procs
grep cgroup /proc/self/mountinfo && echo mounted
mkdir /tmp/c && mount -t cgroup -o memory none /tmp/c && echo mounted
mount -t cgroup2 none /tmp/c && echo mounted
cut -d: -f3 /proc/self/cgroup | sort -u
"""


@pytest.mark.threat("T72")
def test_an_app_sees_no_control_group_and_cannot_mount_one(bed: Bed) -> None:
    said = bed.says(f"{ATTACKS}\ntrue", isolators=[isolator("resource/pids", {"limit": 50})])
    assert "mounted" not in said and "memory.limit" not in said and "release_agent" not in said
    assert said.splitlines()[-1] == "/", said


@pytest.mark.threat("T72")
def test_an_app_that_mounts_its_control_groups_sees_no_more_than_its_own(bed: Bed) -> None:
    # With CAP_SYS_ADMIN it can mount one (in its own user namespace it may not change it).
    escape = (
        "mkdir -p /mnt; mount -t cgroup -o pids none /mnt 2>/dev/null || exit 0;"
        " echo max >/mnt/pids.max && echo raised; mkdir /mnt/x && echo made; "
        "echo /bin/true >/mnt/release_agent && echo agent; true"
    )
    limit = isolator("resource/pids", {"limit": 20})
    ended = bed.run(sh("app", escape, isolators=[*MOUNTER, limit]), private_users="true")
    assert ended.outcome == [0, "exited"], ended
    assert ended.stdout == "", ended
    # The control: on the host's users that capability is the host's, and the limit is its own to set.
    ended = bed.run(sh("app", escape, isolators=[*MOUNTER, limit]), private_users="")
    assert ended.stdout == "raised\nmade\n" and "release_agent" in ended.stderr


def agent_memory(bed: Bed, pod: Pod) -> int:
    """The most memory, in KiB, that the pod's waiting parent has ever had."""
    parent = (pod.pod_dir / "ppid").read_text().strip()
    status = bed.host.run(["cat", f"/proc/{parent}/status"]).check().stdout
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])


BOMB = "f() { f | f & }; f & while :; do :; done"
HOGS = {
    "memory": "dd if=/dev/zero of=/dev/null bs=200M count=100000",
    "descriptors": 'i=3; while [ $i -lt 100000 ]; do eval "exec $i</dev/null" || exit; i=$((i+1)); done',
}
LIMITS = [
    isolator("resource/memory", {"limit": "32Mi"}),
    isolator("resource/pids", {"limit": 40}),
    isolator("os/linux/rlimits", {"set": [{"name": "nofile", "soft": 64}]}),
    isolator("resource/cpu", {"limit": "500m"}),
]


@pytest.mark.threat("T73")
@pytest.mark.parametrize("hog", HOGS)
def test_who_takes_too_much_ends_and_nobody_else(bed: Bed, hog: str) -> None:
    ended = bed.run(sh("app", HOGS[hog], isolators=LIMITS))
    assert ended.outcome[0] not in (0, 254), ended


@pytest.mark.threat("T73")
def test_a_fork_bomb_hits_the_limit_of_its_pod(bed: Bed) -> None:
    with bed.start(sh("app", BOMB, isolators=LIMITS)) as pod:
        (group,) = [path for path in pod.init()["cgroups"] if "/pids/" in path]

        def refused_forks() -> bool:
            events = bed.host.run(["cat", f"{group}/app/pids.events"]).stdout.split()
            return bool(events) and int(events[1]) > 0

        pod.wait_until(refused_forks, "forks refused")
        held = int(bed.host.run(["cat", f"{group}/app/pids.current"]).check().stdout)
        assert held <= 40
        assert bed.host.run(["true"]).exit == 0
        assert agent_memory(bed, pod) <= AGENT_MEMORY


TALK = {
    "stdout": "dd if=/dev/zero bs=1M count=10240 2>/dev/null",
    "one line": "dd if=/dev/zero bs=1M count=1024 2>/dev/null | tr '\\\\0' x; echo",
}


@pytest.mark.threat("T73")
@pytest.mark.parametrize("how", TALK)
def test_however_much_an_app_says_the_agent_stays_small(bed: Bed, how: str) -> None:
    # Nobody keeps the output here: what counts is that it does not pass through the agent's memory.
    spec = sh("app", f"{{ {TALK[how]}; }} >/dev/stderr; sleep 1000", isolators=LIMITS)
    sink = ["sh", "-c", 'exec "$@" 2>/dev/null', "sh"]
    with bed.start(spec, wrap=sink) as pod:
        pod.wait_ready()
        assert agent_memory(bed, pod) <= AGENT_MEMORY
        assert bed.host.run(["true"]).exit == 0


@pytest.mark.threat("T73")
def test_an_empty_volume_of_limited_size_takes_no_more_files_than_it_can(bed: Bed) -> None:
    volume = {"name": "v", "kind": "tmpfs", "size": "1Mi", "mode": "0777"}
    mounts = [{"volume": "v", "path": "/v"}]
    many = "i=0; while [ $i -lt 200000 ]; do true >/v/$i || break; i=$((i+1)); done; echo $i"
    ended = bed.run(sh("app", many, mounts=mounts), volumes=[volume])
    assert 0 < int(ended.stdout.split()[-1]) < 200000, ended


def test_the_default_limit_of_processes_holds_without_a_word(bed: Bed) -> None:
    with bed.start(sh("app", "sleep 1000")) as pod:
        pod.wait_ready()
        (group,) = [path for path in pod.init()["cgroups"] if "/pids/" in path]
        assert bed.host.run(["cat", f"{group}/app/pids.max"]).check().stdout == "1024\n"
