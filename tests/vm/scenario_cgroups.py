# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest with cgroup v2: what is written for every isolator, and what it does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Optional

from inside import AGENT, call, podwright, tell, wait_for

COMMON = ("--insecure-options=image",)
IMAGE = podwright(*COMMON, "fetch", "tiny.aci").stdout.strip()
OWN = Path("/sys/fs/cgroup/system.slice/podwright-scenario.service")
MIB = 2**20


def command(*options: str, script: str, before: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A pod whose only app is a shell."""
    run = ("run", "--net=none", *before, IMAGE, "--exec=/bin/sh", *options, "--", "-c", script)
    return (*COMMON, *run)


def run(*options: str, script: str, before: tuple[str, ...] = ()) -> str:
    """What it says."""
    ran = podwright(*command(*options, script=script, before=before))
    return f"{ran.returncode} {ran.stdout.strip()} {ran.stderr.strip()}"


class Running:
    """A pod that runs meanwhile; `group` is its control group."""

    def __init__(self, *options: str, script: str, before: tuple[str, ...] = ()) -> None:
        known = set(OWN.glob("podwright-*-*"))
        self.process = subprocess.Popen([AGENT, *command(*options, script=script, before=before)])
        self.group: Optional[Path] = None

        def found() -> bool:
            new = [path for path in OWN.glob("podwright-*-*") if path not in known]
            self.group = new[0] if new else None
            return bool(new) and self.read("tiny/_app/cgroup.procs") != ""

        wait_for(found, f"a pod with {options}")

    def read(self, name: str) -> str:
        try:
            return (self.group / name).read_text().strip() if self.group else ""
        except OSError:
            return ""

    def end(self) -> bool:
        """Stop it; whether its control group is gone."""
        self.process.terminate()
        self.process.wait(120)
        return self.group is not None and not self.group.exists()


FILES = ("memory.max", "memory.swap.max", "cpu.max", "cpu.weight", "pids.max", "io.max")
LIMITS = ("--memory=64Mi", "--cpu=500m", "--cpu-shares=512", "--pids=50")
IO = ("--block-bandwidth=1M", "--block-iops=100")


def files() -> None:
    """Limits of an app as files, all gone with the pod."""
    pod = Running(*LIMITS, *IO, script="exec sleep 1000")
    tell(files={name: pod.read(f"tiny/{name}") for name in FILES})
    tell(disk=call("findmnt", "-n", "-o", "MAJ:MIN", "/").stdout.strip())
    tell(own_group=Path("/proc/self/cgroup").read_text(), gone=pod.end())
    plain = Running(script="exec sleep 1000")
    tell(plain={name: plain.read(f"tiny/{name}") for name in ("pids.max", "memory.max")})
    plain.end()
    disk = call("findmnt", "-n", "-o", "MAJ:MIN", "/").stdout.strip()
    Path(f"/sys/dev/block/{disk}/queue/scheduler").write_text("none")
    tell(io_weight_idle=run("--io-weight=50", script="echo started"))
    Path("/sys/fs/cgroup/io.cost.qos").write_text(f"{disk} enable=1")
    tell(io_weight=run("--io-weight=50", script="echo started"))
    Path("/sys/fs/cgroup/io.cost.qos").write_text(f"{disk} enable=0")


def effects() -> None:
    """Each with its control."""
    fills = "dd if=/dev/zero of=/dev/null bs=80M count=1 2>/dev/null; echo ended $?"
    tell(memory=run("--memory=32Mi", script=fills), memory_free=run(script=fills))
    forks = "i=0; while [ $i -lt 20 ]; do sleep 9 & i=$((i+1)); done; echo all $i"
    tell(pids=run("--pids=12", script=forks), pids_free=run(script=forks))
    busy = Running("--cpu=50m", script="while :; do :; done")

    def throttled() -> bool:
        """In either of the app's two groups, whose limits are the same."""
        found = [busy.read(f"tiny/{name}") for name in ("cpu.stat", "_app/cpu.stat")]
        return any("nr_throttled 0" not in text for text in found)

    wait_for(throttled, "throttling")
    busy.end()
    free = Running(script="i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exec sleep 1000")
    tell(
        cpu_free="nr_throttled 0" in free.read("tiny/cpu.stat")
        or "nr_throttled" not in free.read("tiny/cpu.stat")
    )
    free.end()


def io() -> None:
    """A throttled reader has read little when a free one has read all."""
    Path("/srv/data").mkdir(exist_ok=True)
    with open("/srv/data/file", "wb") as file:
        file.write(b"x" * (8 * MIB))
    call("sync")
    reads = "dd if=/data/file of=/dev/null bs=64k iflag=direct 2>/dev/null && echo all"
    volume = ("--volume=data,kind=host,source=/srv/data", "--mount=volume=data,target=/data")
    slow = Running("--block-bandwidth=64Ki", script=reads, before=volume)
    tell(io_free=run(script=reads, before=volume))
    stat = [word for word in slow.read("tiny/io.stat").split() if word.startswith("rbytes=")]
    tell(
        io_read=[int(word.partition("=")[2]) for word in stat],
        io_running=slow.process.poll() is None,
    )
    slow.end()


CAPS = "--caps-retain=CAP_MKNOD,CAP_SYS_ADMIN,CAP_DAC_OVERRIDE"


def devices() -> None:
    """Nodes that an app makes where nodes work are still closed, unless the device is its own."""
    number = call("findmnt", "-n", "-o", "MAJ:MIN", "/").stdout.strip().replace(":", " ")
    reads = "dd if=/mnt/d of=/dev/null count=1 2>&1"
    script = f"mkdir -p /mnt; mount -t tmpfs none /mnt && mknod /mnt/d b {number} && {reads}"
    host = "--private-users=false"
    disk = ("--volume=d,kind=device,source=/dev/vda", "--mount=volume=d,target=/dev/disk", host)
    tell(device=run(CAPS, script=script, before=(host,)))
    tell(device_own=run(CAPS, script=script, before=disk))


def attacks() -> None:
    """An app does not get at its own limits, even where it can mount control groups (T72)."""
    script = (
        "mkdir -p /mnt; ls /sys/fs/cgroup 2>/dev/null; cat /proc/self/cgroup; mount -t cgroup2 none /mnt ||"
        " exit 0; echo mounted; echo max >/mnt/pids.max && echo raised; mkdir /mnt/x && echo made; true"
    )
    tell(attack=run("--pids=30", CAPS, script=script), attack_plain=run("--pids=30", script=script))


def whole_pods() -> None:
    """Limits of a pod as a whole, under its own unit of systemd."""
    pod = {
        "name": "limited",
        "image": IMAGE,
        "net": "none",
        "exec": "/bin/sh",
        "args": ["-c", "exec sleep 1000"],
        "insecure_options": ["image"],
        "isolators": [{"name": "resource/pids", "value": {"limit": 20}}],
        "pod_isolators": [
            {"name": "resource/memory", "value": {"limit": "96Mi"}},
            {"name": "resource/cpu", "value": {"limit": "1500m"}},
            {"name": "resource/pids", "value": {"limit": 40}},
            {"name": "resource/block-iops", "value": {"limit": 77}},
            {"name": "os/unix/sysctl", "value": {"kernel.msgmax": "4321"}},
        ],
        "ready": {"exec": ["/bin/grep", "-q", "4321", "/proc/sys/kernel/msgmax"]},
    }
    Path("/run/state.json").write_text(json.dumps({"version": 1, "pods": [pod]}))
    applied = podwright("apply", "/run/state.json")
    tell(applied=applied.returncode, apply_said=f"{applied.stdout} {applied.stderr}"[-3000:])
    groups = list(Path("/sys/fs/cgroup").glob("**/podwright-limited.service/podwright-*-*"))
    tell(groups=[str(path) for path in groups])
    for path in groups[:1]:
        tell(whole={name: (path / name).read_text().strip() for name in FILES})
        tell(of_app=(path / "tiny/pids.max").read_text().strip())
        tell(members=sorted(one.name for one in path.iterdir() if one.is_dir()))
    print(call("journalctl", "-u", "podwright-limited", "--no-pager").stdout[-2000:])


def not_delegated() -> None:
    """In a control group of somebody else's nothing is touched, and what cannot be enforced is refused."""
    unit = ("systemd-run", "--wait", "--pipe", "-q", "-p", "Delegate=no", AGENT)
    ran = call(*unit, *command("--memory=64Mi", script="echo never"))
    tell(undelegated=f"{ran.returncode} {ran.stdout.strip()} {ran.stderr.strip()}")
    ran = call(*unit, *command(script="echo started"))
    tell(undelegated_plain=f"{ran.returncode} {ran.stdout.strip()} {ran.stderr.strip()}")


for part in (files, effects, io, devices, attacks, whole_pods, not_delegated):
    try:
        part()
    except BaseException as err:  # the other parts are worth knowing all the same
        tell(**{f"failed_{part.__name__}": repr(err)})
