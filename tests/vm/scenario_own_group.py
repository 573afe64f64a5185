# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest with cgroup v2: what an app sees of its own control group, what it can do there, and who was killed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inside import AGENT, call, podwright, tell

COMMON = ("--insecure-options=image",)
IMAGE = podwright(*COMMON, "fetch", "tiny.aci").stdout.strip()
HOST_USERS = "--private-users=false"
CAPS = "--caps-retain=CAP_SYS_ADMIN,CAP_DAC_OVERRIDE,CAP_KILL"
FLY = "--stage1-name=fly"
HOG = "dd if=/dev/zero of=/dev/null bs=80M count=1 2>/dev/null"


def run(
    *options: str, script: str, before: tuple[str, ...] = (), unit: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A pod whose only app is a shell: what it said, and what is known of its end."""
    saved = Path("/run/own-group-uuid")
    saved.unlink(missing_ok=True)
    net = () if FLY in before else ("--net=none",)
    words = ("run", *net, f"--uuid-file-save={saved}", *before, IMAGE, "--exec=/bin/sh")
    ran = call(*unit, AGENT, *COMMON, *words, *options, "--", "-c", script)
    said = {"status": ran.returncode, "out": ran.stdout.strip(), "err": ran.stderr.strip()}
    uuid = saved.read_text().strip() if saved.exists() else ""
    shown = json.loads(podwright("status", "--format=json", uuid).stdout) if uuid else {}
    shown = shown[0] if isinstance(shown, list) else shown
    apps = shown.get("apps") or [{}]
    return {**said, "reason": apps[0].get("exit_reason"), "uuid": uuid}


def seen() -> None:
    """An app reads its own limits, and has no name for anything above."""
    script = (
        "cat /proc/self/cgroup; cd /sys/fs/cgroup; cat memory.max memory.swap.max pids.max cpu.max cpu.weight;"
        " grep ' /sys/fs/cgroup ' /proc/mounts; ls /sys/fs; cat /proc/1/cgroup"
    )
    tell(seen=run("--memory=64Mi", "--pids=50", "--cpu=500m", "--cpu-shares=512", script=script))


ATTACK = """
cd /sys/fs/cgroup && own=$(pwd)
out='1 >$1/cgroup.procs'
if [ $1 = fly ]; then
    own=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)
    out='0 >$1/../../podwright-supervisor/cgroup.procs'
fi
try() {
    if sh -c "$2" 2>/tmp/why; then echo "$1 done"; return; fi
    echo "$1 refused $(sed 's/.*: //' /tmp/why | tail -1)"
}
all() {
    try memory "echo max >$1/memory.max"
    try pids "echo max >$1/pids.max"
    try swap "echo max >$1/memory.swap.max"
    try freeze "echo 0 >$1/cgroup.freeze"
    try out "set -- $1; echo $out"
    try kill "echo 1 >$1/cgroup.kill"
}
cat $own/../cgroup.controllers >/dev/null && echo sees what is above
all $own
mkdir -p /mnt && mount -t cgroup2 none /mnt && echo mounted && all /mnt
mount -o remount,rw,bind /sys/fs/cgroup && echo remounted && all $own
cat /proc/self/cgroup memory.max
"""


def attacks() -> None:
    """Limits of its own, of others, and ways out; flavour fly, which confines nothing, is the control."""
    limits = ("--memory=64Mi", "--pids=30")
    for name, before in (("own_users", ()), ("host_users", (HOST_USERS,))):
        ran = run(*limits, CAPS, script=f"set -- in; {ATTACK}", before=before)
        tell(**{f"attack_{name}": ran})
    tell(attack_fly=run(*limits, script=f"set -- fly; {ATTACK}", before=(FLY,)))


def memory() -> None:
    """Who was killed for want of memory, and why the app has ended."""
    limit = "--memory=32Mi"
    tell(oom_itself=run(limit, script=f"exec {HOG}"))
    tell(oom_child=run(limit, script=f"{HOG}; exit $?"))
    tell(oom_control=run(script=f"exec {HOG}"))


def sessions() -> None:
    """A log-in session is not delegated: the pod gets a scope, and nothing stays of it."""
    session = ("systemd-run", "--scope", "-q", "--unit=session-99", "-p", "Delegate=no")
    began = call("date", "+%s").stdout.strip()
    ran = run("--memory=64Mi", script="cat /sys/fs/cgroup/memory.max", unit=session)
    tell(session=ran)
    journal = call("journalctl", "--no-pager", "-o", "cat", f"--since=@{began}", "_PID=1").stdout
    tell(scope_said=[line for line in journal.splitlines() if ran["uuid"] in line])
    groups = call("find", "/sys/fs/cgroup", "-name", f"*{ran['uuid']}*").stdout
    listing = ("systemctl", "list-units", "--all", "--no-legend")
    units = call(*listing, f"podwright-{ran['uuid']}*").stdout
    tell(scope_left=f"{groups}{units}".strip())


for part in (seen, attacks, memory, sessions):
    try:
        part()
    except BaseException as err:  # the other parts are worth knowing all the same
        tell(**{f"failed_{part.__name__}": repr(err)})
