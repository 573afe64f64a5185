# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest with cgroup v2: groups of named, mutable and fly pods, who enters, what is counted, and delegation."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

from inside import AGENT, call, podwright, tell, wait_for

COMMON = ("--insecure-options=image",)
IMAGE = podwright(*COMMON, "fetch", "tiny.aci").stdout.strip()
HOOKED = podwright(*COMMON, "fetch", "hooked.aci").stdout.strip()
MIB = 2**20
GROUPS = Path("/sys/fs/cgroup")
UNIT = GROUPS / "machine.slice/podwright-web.service"
HOG = "dd if=/dev/zero of=/dev/null bs=80M count=1 2>/dev/null"
FORKS = "i=0; while [ $i -lt 30 ]; do sleep 9 & i=$((i+1)); done; echo all $i"
OWN = "sed s/-.*// /proc/self/cgroup"
DELEGATED = ("systemd-run", "--wait", "--pipe", "-q", "-p", "Delegate=yes")
DATA = Path("/srv/data")


def said(*command: str) -> str:
    """Status, output and errors of a command, on one line."""
    ran = call(*command)
    return f"{ran.returncode} {ran.stdout.strip()} {ran.stderr.strip()}"


def run(
    *options: str, script: str, before: tuple[str, ...] = (), unit: tuple[str, ...] = ()
) -> str:
    """What a pod says whose only app is a shell."""
    words = (*COMMON, "run", *before, IMAGE, "--exec=/bin/sh")
    return said(*unit, AGENT, *words, *options, "--", "-c", script)


def reason() -> str:
    """Why the pod that was made last has ended."""
    shown = json.loads(podwright("list", "--format=json").stdout)
    last = max(shown, key=lambda pod: str(pod["created_at"]))
    return str(last["apps"][0]["exit_reason"])


def limit(name: str, text: object) -> dict[str, Any]:
    return {"name": f"resource/{name}", "value": {"limit": text}}


def named() -> None:
    """A named pod of two apps: hooks and probes are in its groups, and so is who enters it."""
    DATA.mkdir(exist_ok=True)
    DATA.chmod(0o777)
    reads = "while :; do dd if=/data/big of=/dev/null bs=64k iflag=direct 2>/dev/null; done"
    (DATA / "big").write_bytes(b"x" * MIB)
    a = {
        "name": "a",
        "image": HOOKED,
        "exec": ["/bin/sh", "-c", f"echo main >>/data/seen; {OWN} >>/data/seen; {reads}"],
        "mounts": [{"volume": "data", "path": "/data"}],
        "isolators": [limit("memory", "64Mi"), limit("pids", 20), limit("cpu", "200m")],
        "ready": {"exec": ["/bin/sh", "-c", f"{OWN} >/data/probe"]},
    }
    b = {"name": "b", "image": IMAGE, "exec": ["/bin/sleep", "1000"]}
    pod = {"name": "web", "net": "none", "apps": [a, b], "insecure_options": ["image"]}
    pod["volumes"] = [{"name": "data", "kind": "host", "source": str(DATA)}]
    Path("/run/state.json").write_text(json.dumps({"version": 1, "pods": [pod]}))
    tell(applied=said(AGENT, "apply", "/run/state.json"))
    (group,) = UNIT.glob("podwright-*-*")
    uuid = group.name.partition("-")[2]
    tell(
        tree=sorted(
            str(path.relative_to(UNIT)).replace(uuid, "UUID")
            for path in UNIT.rglob("*")
            if path.is_dir()
        )
    )
    tell(places={name: (DATA / name).read_text().split() for name in ("hook", "probe", "seen")})
    tell(
        shown=call("systemctl", "status", "--no-pager", "podwright-web").stdout.replace(
            uuid, "UUID"
        )
    )
    tell(listed=call("systemd-cgls", "--no-pager", "-u", "podwright-web.service").stdout)
    before = (group / "a").stat().st_ino
    enter(uuid)
    tell(no_group_of_enter=[path.name for path in (group / "a").rglob("enter-*")])
    tell(same_group=before == (group / "a").stat().st_ino)
    counted(group)
    tell(
        complaints=complaints(),
        stopped=said("systemctl", "stop", "podwright-web"),
        left=UNIT.exists(),
    )


def enter(uuid: str) -> None:
    """Who enters has the app's limits, its namespace, and its end; a process of the host's is the control."""
    shell = (AGENT, "enter", "--app=a", uuid, "/bin/sh", "-c")
    facts = f"{OWN}; cat /sys/fs/cgroup/memory.max; readlink /proc/self/ns/cgroup"
    tell(
        entered=said(*shell, facts),
        entered_forks=said(*shell, FORKS),
        entered_hog=said(*shell, f"{HOG}; echo $?"),
    )
    tell(host_hog=said("sh", "-c", f"{HOG}; echo $?"))
    whole = (AGENT, "enter", "--app=a", "--privileged", uuid, "/bin/sh", "-c")
    raises = "mount -o remount,rw,bind /sys/fs/cgroup; for f in memory.max pids.max cgroup.kill ../memory.max; do"
    raises += " echo max >/sys/fs/cgroup/$f && echo raised; done; cat /sys/fs/cgroup/../memory.max"
    tell(privileged=said(*whole, raises))


def counted(group: Path) -> None:
    """What top and metrics say is what the kernel counts."""

    def throttled() -> bool:
        """In either of the app's two groups, whose limits are the same."""
        found = [(group / "a" / name).read_text() for name in ("cpu.stat", "_app/cpu.stat")]
        return any("nr_throttled 0" not in text for text in found)

    wait_for(throttled, "throttling")
    kernel = {
        name: (group / name).read_text()
        for name in ("a/memory.events", "a/memory.max", "b/pids.max")
    }
    (row,) = json.loads(podwright("top", "--format=json").stdout)
    tell(kernel=kernel, top={app["name"]: app for app in row["apps"]})
    points = {}
    for line in podwright("metrics").stdout.splitlines():
        found = re.match(r'podwright_(app_\w+)\{.*app="(\w)".*\} ([0-9.e+]+)$', line)
        if found:
            points[f"{found[1]} {found[2]}"] = float(found[3])
    tell(metrics=points)


def complaints() -> list[str]:
    """What systemd had to say about our units, other than that they start and end."""
    text = call("journalctl", "--no-pager", "-o", "cat", "-b", "-p", "warning", "_PID=1").stdout
    return [line for line in text.splitlines() if "podwright" in line]


def mutable() -> None:
    """Apps that come later have groups and limits, too, and are not touched when another one goes."""
    sandbox = ("app", "sandbox", "--net=none")
    tell(
        sandbox=said(
            *DELEGATED[:1],
            "-q",
            "-p",
            "Delegate=yes",
            "--unit=podwright-box",
            AGENT,
            *COMMON,
            *sandbox,
        )
    )
    found: list[Path] = []

    def up() -> bool:
        found[:] = GROUPS.glob("system.slice/podwright-box.service/podwright-*-*/_init")
        return bool(found) and found[0].joinpath("cgroup.procs").read_text() != ""

    wait_for(up, "the pod's init")
    group = found[0].parent
    uuid = group.name.partition("-")[2]
    add = (AGENT, *COMMON, "app", "add", uuid, IMAGE)
    for name, most in (("one", "32Mi"), ("two", "48Mi")):
        tell(
            **{
                f"add_{name}": said(
                    *add, f"--name={name}", f"--memory={most}", "--exec=/bin/sleep", "--", "1000"
                )
            }
        )
        tell(**{f"start_{name}": said(AGENT, "app", "start", uuid, f"--app={name}")})
    shell = ("/bin/sh", "-c", f"{OWN}; cat /sys/fs/cgroup/memory.max")
    tell(
        sees={name: said(AGENT, "enter", f"--app={name}", uuid, *shell) for name in ("one", "two")}
    )
    tell(
        removed=said(AGENT, "app", "stop", uuid, "--app=one")
        + said(AGENT, "app", "rm", uuid, "--app=one")
    )
    tell(groups=sorted(path.name for path in group.iterdir() if path.is_dir()))
    tell(two_lives=(group / "two/_app/cgroup.procs").read_text() != "")
    said("systemctl", "stop", "podwright-box")
    tell(box_left=group.exists())


def fly() -> None:
    """Fly sees the host's groups, and its limits hold all the same."""
    before = ("--stage1-name=fly",)
    own = "cat /sys/fs/cgroup$(sed s/^0::// /proc/self/cgroup)/memory.max"
    tell(fly=run("--memory=32Mi", script=f"{own}; exec {HOG}", before=before), fly_reason=reason())


def taken() -> None:
    """Where a volume is in the group's place it stays."""
    DATA.mkdir(exist_ok=True)
    (DATA / "mine").write_text("")
    volume = (
        "--volume=g,kind=host,source=/srv/data",
        "--mount=volume=g,target=/sys/fs/cgroup",
        "--net=none",
    )
    tell(
        volume=run(
            "--memory=64Mi",
            script="cd /sys/fs/cgroup; ls mine; ls memory.max 2>/dev/null; true",
            before=volume,
        )
    )


def swapping() -> None:
    """A limit counts what is swapped out: without one on swap, the same lives on."""
    call(
        "sh",
        "-c",
        "dd if=/dev/zero of=/srv/swap bs=1M count=128 && chmod 600 /srv/swap && mkswap /srv/swap",
    )
    tell(swap_on=said("swapon", "/srv/swap"))
    none = ("--net=none",)
    try:
        tell(swap=run("--memory=32Mi", script=f"{HOG}; echo $?", before=none))
        control = (
            "-p",
            "MemoryMax=32M",
            "-p",
            "MemorySwapMax=infinity",
            "sh",
            "-c",
            f"{HOG}; echo $?",
        )
        tell(swap_control=said(*DELEGATED, *control))
    finally:
        call("swapoff", "/srv/swap")
        Path("/srv/swap").unlink()


def disks() -> None:
    """A volume on a disk of its own is limited there as well as on the one with the pod's files."""
    call(
        "sh",
        "-c",
        "modprobe loop; truncate -s 64M /srv/disk && mke2fs -q -t ext4 /srv/disk && mkdir -p /srv/data2",
    )
    tell(loop=said("mount", "-o", "loop", "/srv/disk", "/srv/data2"))
    number = call("findmnt", "-n", "-o", "MAJ:MIN", "/srv/data2").stdout.strip()
    root = call("findmnt", "-n", "-o", "MAJ:MIN", "/").stdout.strip()
    volume = (
        "--volume=d,kind=host,source=/srv/data2",
        "--mount=volume=d,target=/data",
        "--net=none",
    )
    ran = run("--block-iops=55", script="cat /sys/fs/cgroup/io.max", before=volume)
    call("umount", "/srv/data2")
    Path("/srv/disk").unlink()
    Path("/srv/data2").rmdir()
    tell(disk_numbers=[number, root], disk_limits=ran)


def delegation() -> None:
    """A delegated shell runs one pod after the other; a killed one leaves nothing after gc; services that are not
    delegated are refused, or run with less."""
    run_it = f"{AGENT} --insecure-options=image run --net=none {IMAGE} --memory=48Mi"
    pod = f"{run_it} --exec=/bin/cat -- /sys/fs/cgroup/memory.max"
    shell = f"{pod} && {pod} && ls -d /sys/fs/cgroup$(sed 's/^0:://; s,/podwright-supervisor,,' /proc/self/cgroup)/*/"
    scope = ("systemd-run", "--scope", "-q", "--unit=lab", "-p", "Delegate=yes")
    tell(delegated=said(*scope, "sh", "-c", shell))
    wait_for(
        lambda: not (GROUPS / "system.slice/lab.scope").exists(), "the end of the shell's group"
    )
    not_ours = ("systemd-run", "--wait", "--pipe", "-q", "-p", "Delegate=no")
    tell(service=run("--memory=64Mi", script="echo never", before=("--net=none",), unit=not_ours))
    nothing = (
        "systemd-run",
        "--wait",
        "--pipe",
        "-q",
        "-p",
        "MemoryMax=64M",
        "-p",
        "MemorySwapMax=0",
        "-p",
        "Delegate=yes",
    )
    tell(
        of_unit=run(script=f"exec {HOG}", before=("--net=none",), unit=nothing),
        of_unit_reason=reason(),
    )
    call(
        "systemd-run",
        "-q",
        "--collect",
        "--unit=doomed",
        "-p",
        "Delegate=yes",
        AGENT,
        *COMMON,
        "run",
        "--net=none",
        IMAGE,
        "--exec=/bin/sleep",
        "--",
        "1000",
    )
    found: list[Path] = []

    def up() -> bool:
        found[:] = GROUPS.glob("system.slice/doomed.service/podwright-*-*/tiny")
        return bool(found) and found[0].joinpath("_app/cgroup.procs").read_text() != ""

    wait_for(up, "the doomed pod")
    call("systemctl", "kill", f"--signal={signal.SIGKILL.value}", "doomed")
    wait_for(lambda: not found[0].exists(), "the end of its groups")
    podwright("gc", "--grace-period=0s")
    tell(doomed_left=call("find", "/sys/fs/cgroup", "-name", found[0].parent.name).stdout)


def foreign() -> None:
    """Where a process that the agent cannot move keeps its group from being divided, apps have groups all the same."""
    unit = (*DELEGATED, "unshare", "--pid", "--fork", "--mount-proc")
    before = ("--stage1-name=fly",)
    tell(foreign=run(script="cat /proc/self/cgroup", before=before, unit=unit))
    tell(foreign_limit=run("--memory=64Mi", script="echo never", before=before, unit=unit))


for part in (named, mutable, fly, taken, swapping, disks, delegation, foreign):
    try:
        part()
    except BaseException as err:  # the other parts are worth knowing all the same
        tell(**{f"failed_{part.__name__}": repr(err)})
