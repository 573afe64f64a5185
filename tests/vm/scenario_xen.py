# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In dom0 of a Xen host: pods as domains, from their start to their end, and what is left of them then."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from inside import call, podwright, tell, wait_for
from xen_inside import HERE, LIFTED, RUN, SETTINGS, Pod, asked, choose, domains, nothing_left

SHARED = HERE / "shared"
HELLO = "hello from a domain"
SERVE = f"(while :; do echo {HELLO} | nc -l -p 8080; done) & "
WEB = f'echo up $WHO; cat /data/in; echo guest > /data/out; {SERVE} trap "exit 3" TERM; while :; do sleep 1; done'
SECOND = "while ! cat /scratch/said; do sleep 1; done; echo second; while :; do sleep 1; done"


def to_its_end(runner: str) -> None:
    """A pod that ends by itself."""
    choose(runner)
    script = "echo out; echo err >&2; uname -r; id -u; mkdir /made; echo $(ls -d /made); exit 7"
    app = ("tiny.aci", "--name=app", "--memory=40Mi", "--exec=/bin/sh", "--", "-c", script)
    done = call(*RUN, "--net=none", *app)
    tell(**{f"ends_{runner}": [done.returncode, done.stdout, done.stderr, nothing_left()]})


def disk() -> None:
    """A block device of the host's, which the guest reads and writes."""
    choose("xl")
    file = HERE / "disk"
    file.write_bytes(b"host".ljust(1 << 20))
    loop = call("losetup", "--find", "--show", str(file)).stdout.strip()
    script = "dd if=/disk bs=4 count=1 2>/dev/null; echo; echo guest | dd of=/disk conv=fsync"
    app = ("tiny.aci", "--name=app", "--memory=40Mi", "--mount=volume=disk,target=/disk")
    volume = f"--volume=disk,kind=device,source={loop}"
    done = call(*RUN, "--net=none", volume, *app, "--exec=/bin/sh", "--", "-c", script)
    call("losetup", "--detach", loop)
    written = file.read_bytes()[:5].decode()
    tell(disk=[done.returncode, done.stdout, done.stderr, written, nothing_left()])


def whole() -> None:
    """Two apps with all that pods have."""
    choose("libvirt")
    SHARED.mkdir()
    (SHARED / "in").write_text("host\n")
    scratch = "--mount=volume=scratch,target=/scratch"
    pod = Pod(
        *("whole", "--port=8080/tcp:8081", f"--volume=data,kind=host,source={SHARED}"),
        *("--volume=scratch,kind=empty", "--set-env=WHO=all", "tiny.aci", "--name=web"),
        *("--memory=64Mi", "--cpu=500m", "--mount=volume=data,target=/data", scratch),
        *("--exec=/bin/sh", "--", "-c", f"echo x > /scratch/said; {WEB}"),
        *("---", "tiny.aci", "--name=second", "--memory=32Mi", "--cpu=500m", scratch),
        *("--exec=/bin/sh", "--", "-c", SECOND),
    )
    pod.says("second")
    pod.says("up all")
    pod.says("host")
    status = json.loads(podwright("status", "--format=json", pod.uuid).stdout)
    tell(answer=asked(8081), status=status, domains=domains(), uuid=pod.uuid)
    qemu = next(pid for name, pid in pod.children().items() if "qemu" in name)
    tell(qemu=Path(f"/proc/{qemu}/status").read_text(), roots=os.listdir(f"/proc/{qemu}/root"))
    group = Path(f"/proc/{qemu}/cgroup").read_text().splitlines()[-1].partition("::")[2]
    above = Path(f"/sys/fs/cgroup{group}").parent
    tell(most=[(above / name).read_text() for name in ("memory.max", "pids.max")])
    domid = call("xl", "domid", f"podwright-{pod.uuid}").stdout.strip()
    side = f"/local/domain/{domid}/device"
    listed = call("xenstore-ls", "-f", "-p", side).stdout
    for around in ("/local/domain/%s/", "(n%s,", ",r%s)"):
        listed = listed.replace(around % domid, around % "N")
    tell(nodes=listed.splitlines())
    tell(interfaces=os.listdir("/sys/class/net"))
    limit = "cat /sys/fs/cgroup/memory.max; grep MemTotal /proc/meminfo; cat /data/in"
    entered = podwright("enter", "--app=web", pod.uuid, "/bin/sh", "-c", limit)
    tell(entered=[entered.returncode, entered.stdout, entered.stderr])
    wait_for((SHARED / "out").exists, "the guest writes a file of the host's")
    tell(written=(SHARED / "out").read_text())
    stopped = podwright("stop", pod.uuid)
    tell(stopped=[stopped.returncode, pod.process.wait(240)], after_stop=nothing_left())


def simple(name: str, *options: str) -> Pod:
    """A pod that stays."""
    words = (*options, "tiny.aci", "--memory=40Mi", "--exec=/bin/sh", "--", "-c")
    pod = Pod(name, *words, f"{SERVE} echo up; while :; do sleep 1; done")
    pod.says("up")
    return pod


def kills() -> None:
    """Whoever is killed: the domain ends, and nothing is left."""
    for runner, who in (("libvirt", "podwright-init"), ("xl", "podwright-xen"), ("xl", "")):
        choose(runner)
        pod = simple(f"killed-{who}")
        os.kill(pod.children()[who] if who else pod.process.pid, signal.SIGKILL)
        status = pod.process.wait(240)
        tell(**{f"killed_{who}": [status, nothing_left()]})
    choose("xl")
    pod = simple("forced", "--port=8080/tcp:8082")
    tell(answer_xl=asked(8082))
    forced = podwright("stop", "--force", pod.uuid)
    tell(forced=[forced.returncode, pod.process.wait(240), nothing_left()])


def all_at_once() -> None:
    """There is nobody who could end the domain, which does that by itself; `gc` clears away the rest."""
    choose("libvirt")
    pod = simple("all")
    for pid in (pod.process.pid, *pod.children().values()):
        os.kill(pid, signal.SIGSTOP)  # nobody sees another one's end
    every = (pod.process.pid, *pod.children().values())
    for pid in every:
        os.kill(pid, signal.SIGKILL)
    pod.process.wait(60)
    alive = domains()
    wait_for(lambda: not domains(), "the guest powers itself off", 600)
    tell(all_killed=[alive, podwright("gc", "--grace-period=0s").returncode, nothing_left()])


def swept() -> None:
    """`gc` does not wait for a domain that nobody holds."""
    choose("xl")
    pod = simple("swept")
    for pid in (pod.process.pid, *pod.children().values()):
        os.kill(pid, signal.SIGSTOP)
    for pid in (pod.process.pid, *pod.children().values()):
        os.kill(pid, signal.SIGKILL)
    pod.process.wait(60)
    tell(swept=[domains(), podwright("gc", "--grace-period=0s").returncode, nothing_left()])


def main() -> None:
    """One after the other: there is memory for two domains."""
    fetched = podwright(LIFTED, "fetch", "stage1.aci")
    assert fetched.returncode == 0, fetched.stderr
    to_its_end("xl")
    to_its_end("libvirt")
    disk()
    whole()
    kills()
    swept()
    all_at_once()
    SETTINGS.unlink()


main()
