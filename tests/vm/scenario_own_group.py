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
CAPS = "--caps-retain=CAP_SYS_ADMIN,CAP_DAC_OVERRIDE,CAP_DAC_READ_SEARCH,CAP_KILL"
FLY = "--stage1-name=fly"
TOOLS = ("--volume=usr,kind=host,source=/usr,readOnly=true", "--mount=volume=usr,target=/host")
HOG = "dd if=/dev/zero of=/dev/null bs=80M count=1 2>/dev/null"

TRICKS = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, call):
    try:
        call()
        print(name, "done", flush=True)
    except OSError as err:
        print(name, "refused", err.strerror, flush=True)
def check(status):
    if status < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return status
def put(path, text):
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, text)
    os.close(fd)
def handle():
    # kernfs: the root of a hierarchy is number 1.
    name = ctypes.create_string_buffer(struct.pack("IiQ", 8, 0xfe, 1))
    top = check(libc.open_by_handle_at(os.open(sys.argv[1], os.O_RDONLY), name, os.O_RDONLY))
    os.stat("system.slice/cgroup.procs", dir_fd=top)
attempt("handle", handle)
if sys.argv[2:]:
    sub = sys.argv[1] + "/sub"
    attempt("sub-group", lambda: os.mkdir(sub))
    attempt("sub-join", lambda: put(sub + "/cgroup.procs", b"0"))
    attempt("sub-unshare", lambda: check(libc.unshare(0x02000000)))
    for name in ("memory.max", "memory.swap.max", "cpu.max", "pids.max"):
        attempt("sub-" + name, lambda: put(sys.argv[1] + "/" + name, b"max"))
"""
"""What a shell has no words for: names of files by handle, and a namespace within the namespace."""

ATTACK = """
tricks() {
    lib=$(echo /host/lib/*-linux-gnu)
    PYTHONHOME=/host $lib/ld-linux-*.so.* --library-path $lib /host/bin/python3 -SB -c "$TRICKS" "$@"
}
who=$1
cd /sys/fs/cgroup && own=$(pwd)
out='1 >$1/cgroup.procs'
if [ $who = fly ]; then
    own=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)
    own=${own%/_app}
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
    if [ $who = fly ]; then
        for file in memory.max memory.swap.max; do echo max >$1/_app/$file; done
        tricks $1
        HOG && echo hog lives
    fi
    try kill "echo 1 >$1/cgroup.kill"
}
cat $own/../cgroup.controllers >/dev/null && echo sees what is above
all $own
mkdir -p /mnt && mount -t cgroup2 none /mnt && echo mounted && all /mnt
mount -o remount,rw,bind /sys/fs/cgroup && echo remounted && all $own
cat /proc/self/cgroup memory.max
echo within
tricks /mnt within
cat memory.max pids.max
(i=0; while [ $i -lt 40 ]; do sleep 1000 >/dev/null 2>&1 & i=$((i+1)); done; echo all $i) 2>&1
exec HOG
""".replace("HOG", HOG)


def run(
    *options: str, script: str, before: tuple[str, ...] = (), unit: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A pod whose only app is a shell: what it said, and what is known of its end."""
    saved = Path("/run/own-group-uuid")
    saved.unlink(missing_ok=True)
    net = () if FLY in before else ("--net=none",)
    words = (
        "run",
        *net,
        f"--set-env=TRICKS={TRICKS}",
        f"--uuid-file-save={saved}",
        *before,
        IMAGE,
        "--exec=/bin/sh",
    )
    ran = call(*unit, AGENT, *COMMON, *words, *options, "--", "-c", script)
    said = {"status": ran.returncode, "out": ran.stdout.strip(), "err": ran.stderr.strip()}
    uuid = saved.read_text().strip() if saved.exists() else ""
    shown = json.loads(podwright("status", "--format=json", uuid).stdout) if uuid else {}
    shown = shown[0] if isinstance(shown, list) else shown
    apps = shown.get("apps") or [{}]
    return {**said, "reason": apps[0].get("exit_reason"), "uuid": uuid}


def seen() -> None:
    """An app reads its own limits, and has no name for anything above; with users of its own it changes none."""
    facts = (
        "cat /proc/self/cgroup; cd /sys/fs/cgroup; cat memory.max memory.swap.max pids.max cpu.max cpu.weight;"
        " grep ' /sys/fs/cgroup ' /proc/mounts; ls /sys/fs; cat /proc/1/cgroup; echo facts"
    )
    options = ("--memory=64Mi", "--pids=30", "--cpu=500m", "--cpu-shares=512", CAPS, *TOOLS)
    tell(seen=run(*options, script=f"{facts}; set -- own; {ATTACK}"))


def attacks() -> None:
    """Limits of its own, of others, and ways out, as root of the host; flavour fly, which confines nothing, is
    the control."""
    limits = ("--memory=64Mi", "--pids=30")
    ran = run(*limits, CAPS, *TOOLS, script=f"set -- host; {ATTACK}", before=(HOST_USERS,))
    tell(host_users=ran)
    tell(fly=run(*limits, *TOOLS, script=f"set -- fly; {ATTACK}", before=(FLY,)))


def sessions() -> None:
    """A log-in session is not delegated: the pod gets a scope, and nothing stays of it. One that ends since a child
    was killed."""
    place = ("--slice=user-0.slice", "--unit=session-99")
    session = ("systemd-run", "--scope", "-q", *place, "-p", "Delegate=no")
    began = call("date", "+%s").stdout.strip()
    script = f"cat /sys/fs/cgroup/memory.max; {HOG}; exit $?"
    ran = run("--memory=32Mi", script=script, unit=session)
    tell(session=ran)
    journal = call("journalctl", "--no-pager", "-o", "cat", f"--since=@{began}", "_PID=1").stdout
    tell(scope_said=[line for line in journal.splitlines() if ran["uuid"] in line])
    groups = call("find", "/sys/fs/cgroup", "-name", f"*{ran['uuid']}*").stdout
    listing = ("systemctl", "list-units", "--all", "--no-legend")
    units = call(*listing, f"podwright-{ran['uuid']}*").stdout
    tell(scope_left=f"{groups}{units}".strip())


for part in (seen, attacks, sessions):
    try:
        part()
    except BaseException as err:  # the other parts are worth knowing all the same
        tell(**{f"failed_{part.__name__}": repr(err)})
