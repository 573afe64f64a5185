# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Isolators by what they do to an app, each with a control without it (behaviour.md B3; T67, T69)."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.launch_bed import Bed, Pod, isolator, sh
from tests.support.private_host import PrivateHost

SLEEPS = "trap 'exit 0' TERM; sleep 1000 & wait"
BUSY = "trap 'exit 0' TERM; while :; do :; done"
READY_AT_ONCE = {"seconds": 0}
NET_BIND = 1 << 10
SETTINGS = {
    "net.core.somaxconn": "321",
    "net.ipv4.conf.all.log_martians": "1",
    "kernel.msgmax": "4321",
    "kernel.sem": "1000 2000 30 40",
    "fs.mqueue.msg_max": "33",
}


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


def cgroup(bed: Bed, pod: Pod, controller: str, file: str) -> str:
    """A cgroup file of the pod (`app/cpu.stat`) in the hierarchy of a controller."""
    (path,) = [one for one in pod.init()["cgroups"] if f"/{controller}/" in one]
    return bed.host.run(["cat", f"{path}/{file}"]).check().stdout.strip()


def stop(pod: Pod) -> None:
    pod.signal(signal.SIGTERM)
    assert pod.ended().outcome[1] == "stopped"


def test_memory_and_swap_together_have_the_limit(bed: Bed) -> None:
    asked = [isolator("resource/memory", {"limit": "32Mi", "request": "16Mi"})]
    with bed.start(sh("app", SLEEPS, isolators=asked)) as pod:
        pod.wait_ready()
        for file in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
            assert cgroup(bed, pod, "memory", f"app/{file}") == str(32 * 2**20)
        stop(pod)


def test_a_memory_limit_of_the_pod_is_for_its_apps_together(bed: Bed) -> None:
    fills = "dd if=/dev/zero of=/dev/null bs=40M count=1 2>/dev/null; exit $?"
    limit = isolator("resource/memory", {"limit": "32Mi"})
    assert bed.run(sh("app", fills), pod_isolators=[limit]).outcome[0] == 137
    assert bed.run(sh("app", fills)).outcome == [0, "exited"]


def test_a_limit_on_the_pods_processes_is_for_its_apps_together(bed: Bed) -> None:
    forks = "i=0; while [ $i -lt 20 ]; do sleep 5 & i=$((i+1)); done; echo all $i"
    limit = isolator("resource/pids", {"limit": 15})
    assert "all 20" not in bed.run(sh("app", forks), pod_isolators=[limit]).stdout
    assert "all 20" in bed.run(sh("app", forks)).stdout


def test_a_busy_app_is_throttled_at_its_cpu_limit(bed: Bed) -> None:
    limit = [isolator("resource/cpu", {"limit": "50m"})]

    def throttled(pod: Pod, who: str) -> int:
        stat = dict(line.split() for line in cgroup(bed, pod, "cpu", f"{who}cpu.stat").splitlines())
        return int(stat["nr_throttled"])

    for app, pod_limit, who in ((limit, [], "app/"), ([], limit, "")):
        with bed.start(sh("app", BUSY, isolators=app), pod_isolators=pod_limit) as pod:
            pod.wait_ready()
            pod.wait_until(lambda: throttled(pod, who) > 2, "throttled")  # noqa: B023
            stop(pod)
    shares = [isolator("os/linux/cpu-shares", 512)]
    with bed.start(sh("app", BUSY, isolators=shares)) as pod:
        pod.wait_ready()
        assert throttled(pod, "app/") == 0
        assert cgroup(bed, pod, "cpu", "app/cpu.shares") == "512"
        stop(pod)


def limits(text: str) -> list[str]:
    return text.split()


SHOW_LIMITS = "ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc"


def rlimits(*items: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [isolator("os/linux/rlimits", {"set": list(items)}, **more)]


def test_process_limits(bed: Bed) -> None:
    before = limits(bed.says(SHOW_LIMITS))
    asked = rlimits(
        {"name": "nofile", "soft": 100, "hard": 200}, {"name": "RLIMIT_CORE", "soft": 0}
    )
    assert limits(bed.says(SHOW_LIMITS, isolators=asked)) == ["100", "200", "0", "0"] != before
    opens = "exec 9</dev/null && echo opened"
    few = rlimits({"name": "nofile", "soft": 9})
    assert bed.says(opens) == "opened\n"
    ended = bed.run(sh("app", opens, isolators=few))
    assert ended.stdout == "" and ended.outcome[0] != 0


def test_one_apps_process_limits_are_not_those_of_another(bed: Bed) -> None:
    before = limits(bed.says(SHOW_LIMITS))
    shared = bed.base / "shared"
    shared.mkdir()
    ended = bed.run(
        sh("a", "ulimit -Sn >/shared/a; ulimit -Hn >>/shared/a", isolators=rlimits(NOFILE), **SEES),
        sh("b", "ulimit -Sn >/shared/b; ulimit -Hn >>/shared/b", **SEES),
        sh("c", "sleep 0.1", isolators=rlimits({"name": "nofile", "soft": 64}), **SEES),
        volumes=[{"name": "shared", "kind": "host", "source": str(shared)}],
    )
    assert ended.outcome == [0, "exited"], ended
    assert limits((shared / "a").read_text()) == ["100", "200"]
    assert limits((shared / "b").read_text()) == before[:2]


NOFILE = {"name": "nofile", "soft": 100, "hard": 200}
SEES: dict[str, Any] = {"mounts": [{"volume": "shared", "path": "/shared"}]}


def test_a_process_limit_that_cannot_be_raised_is_refused_or_reported(bed: Bed) -> None:
    beyond = {"name": "nofile", "soft": 100, "hard": 2**40}  # more than fs.nr_open ever is
    ended = bed.run(sh("app", "echo never", isolators=rlimits(beyond)))
    assert "app app: limit nofile cannot be raised above" in ended.refused
    hard = limits(bed.says(SHOW_LIMITS))[1]
    ended = bed.run(sh("app", SHOW_LIMITS, isolators=rlimits(beyond, optional=True)))
    assert limits(ended.stdout)[:2] == ["100", hard]
    assert list(ended.reports) == [f"app app: limit nofile cannot be raised above {hard}"]


@pytest.mark.parametrize("private_users", ["true", ""])
def test_an_optional_score_that_cannot_be_had_is_reported(bed: Bed, private_users: str) -> None:
    # The private host has no CAP_SYS_RESOURCE here, or loses it for this pod.
    asked = isolator("os/linux/oom-score-adj", -500)
    show = "cat /proc/self/oom_score_adj"
    without = ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
    own = bed.says(show)
    ended = bed.run(
        sh("app", show, isolators=[{**asked, "optional": True}]),
        private_users=private_users,
        wrap=without,
    )
    assert (ended.stdout, ended.outcome) == (own, [0, "exited"]), ended
    said = f"app app: oom-score-adj -500 is not set: the agent's is {own.strip()}"
    assert list(ended.reports) == [said]
    ended = bed.run(sh("app", show, isolators=[asked]), private_users=private_users, wrap=without)
    assert ended.outcome != [0, "exited"] and ended.stdout == ""
    more = isolator("os/linux/oom-score-adj", 500, optional=True)
    assert bed.says(show, isolators=[more]) == "500\n"


def test_kernel_settings_of_the_pods_own_namespaces(bed: Bed) -> None:
    files = [f"/proc/sys/{key.replace('.', '/')}" for key in SETTINGS]
    show = f"for f in {' '.join(files)}; do cat $f; done"
    on_host = bed.host.run(["cat", *files]).check().stdout
    before = bed.says(show).splitlines()
    asked = [isolator("os/unix/sysctl", SETTINGS)]
    assert bed.says(show, pod_isolators=asked).split() == " ".join(SETTINGS.values()).split()
    assert all(value not in before for value in SETTINGS.values())
    assert bed.host.run(["cat", *files]).check().stdout == on_host


def test_apps_share_settings_and_cannot_contradict_each_other(bed: Bed) -> None:
    first, second = (
        [isolator("os/unix/sysctl", {"kernel.msgmax": text})] for text in ("4000", "5000")
    )
    ended = bed.run(sh("a", "true", isolators=first), sh("b", "true", isolators=second))
    assert ended.refused.startswith("app b: another app of the pod wants kernel.msgmax")
    ended = bed.run(
        sh("a", "cat /proc/sys/kernel/msgmax", isolators=first),
        sh("b", "true", isolators=second),
        pod_isolators=[isolator("os/unix/sysctl", {"kernel.msgmax": "6000"})],
    )
    assert (ended.stdout, ended.refused) == ("6000\n", "")


@pytest.mark.threat("T67")
def test_a_setting_that_is_not_the_pods_is_refused_or_reported(bed: Bed) -> None:
    setting = {"net.core.somaxconn": "77"}
    ended = bed.run(
        sh("app", "true"), pod_isolators=[isolator("os/unix/sysctl", setting)], net="host"
    )
    assert ended.refused.startswith("net.core.somaxconn cannot be set: with net host")
    optional = [isolator("os/unix/sysctl", setting, optional=True)]
    ended = bed.run(sh("app", "true"), pod_isolators=optional, net="host")
    assert ended.outcome == [0, "exited"]
    assert list(ended.reports) == ["net.core.somaxconn is not set: with net host it is the host's"]
    assert bed.host.run(["cat", "/proc/sys/net/core/somaxconn"]).stdout.strip() != "77"
    unknown = [isolator("os/unix/sysctl", {"net.ipv4.conf.eth9.rp_filter": "1"})]
    ended = bed.run(sh("app", "true"), pod_isolators=unknown)
    assert "net.ipv4.conf.eth9.rp_filter cannot be set to '1'" in ended.refused
    wrong = [isolator("os/unix/sysctl", {"kernel.msgmax": "many"})]
    assert (
        "kernel.msgmax cannot be set to 'many'"
        in bed.run(sh("a", "true"), pod_isolators=wrong).refused
    )


CAPS = "grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status"


def caps(text: str) -> dict[str, int]:
    return {line.split()[0][3:-1]: int(line.split()[1], 16) for line in text.splitlines()}


@pytest.mark.threat("T69")
def test_a_user_really_has_the_capabilities_that_were_retained(bed: Bed) -> None:
    retain = [isolator("os/linux/capabilities-retain-set", {"set": ["CAP_NET_BIND_SERVICE"]})]
    as_user = caps(bed.says(CAPS, user="1000", group="1000", isolators=retain))
    assert as_user == dict.fromkeys(("Inh", "Prm", "Eff", "Bnd", "Amb"), NET_BIND)
    as_root = caps(bed.says(CAPS, isolators=retain))
    assert as_root == {**as_user, "Inh": 0, "Amb": 0}
    plain = caps(bed.says(CAPS, user="1000", group="1000"))
    assert {**plain, "Bnd": 0} == dict.fromkeys(as_user, 0)


@pytest.mark.threat("T69")
def test_an_ordinary_user_binds_a_low_port_with_the_capability_only(bed: Bed) -> None:
    bind = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 80)); print('bound')"
    retain = [isolator("os/linux/capabilities-retain-set", {"set": ["CAP_NET_BIND_SERVICE"]})]
    assert bed.python(bind, user="1000", group="1000", isolators=retain) == "bound\n"
    attempt = f"try:\n    {bind}\nexcept PermissionError:\n    print('refused')"
    assert bed.python(attempt, user="1000", group="1000") == "refused\n"


@pytest.fixture
def disk(private_host: PrivateHost, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A file system on a disk of its own, a loop device: where it is mounted, and MAJOR:MINOR."""
    image, where = tmp_path / "disk.img", tmp_path / "disk"
    where.mkdir()
    with image.open("wb") as file:
        file.truncate(64 * 2**20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", str(image)], check=True)
    private_host.run(["mount", "-o", "loop", str(image), str(where)]).check()
    fill = "dd if=/dev/zero of=$0/file bs=64k count=128 && sync -f $0/file"
    private_host.run(["sh", "-c", fill, str(where)]).check()
    try:
        device = private_host.run(["findmnt", "-n", "-o", "MAJ:MIN", str(where)]).check()
        yield where, device.stdout.strip()
    finally:
        private_host.run(["umount", "-d", str(where)]).check()


READS = "dd if=/disk/file of=/dev/null bs=64k iflag=direct"
ON_DISK: dict[str, Any] = {"mounts": [{"volume": "disk", "path": "/disk"}]}


def test_io_is_throttled_on_the_disks_of_the_pods_volumes(bed: Bed, disk: tuple[Path, str]) -> None:
    where, number = disk
    volume = {"name": "disk", "kind": "host", "source": str(where)}
    asked = [
        isolator("resource/block-bandwidth", {"default": True, "limit": "64Ki"}),
        isolator("resource/block-iops", {"limit": 50}),
    ]
    with bed.start(sh("app", READS, isolators=asked, **ON_DISK), volumes=[volume]) as pod:
        pod.wait_until(lambda: pod.init()["pid"], "PID 1")
        for file, amount in (("bps", 65536), ("iops", 50)):
            for way in ("read", "write"):
                name = f"app/blkio.throttle.{way}_{file}_device"
                assert f"{number} {amount}" in cgroup(bed, pod, "blkio", name).splitlines()
        # The control, without limits, reads all of it meanwhile, as fast as the disk is.
        free = sh("app", READS, **ON_DISK)
        assert bed.run(free, volumes=[volume]).outcome == [0, "exited"]
        done = cgroup(bed, pod, "blkio", "app/blkio.throttle.io_service_bytes")
        read = [int(line.split()[2]) for line in done.splitlines() if f"{number} Read" in line]
        assert sum(read) < 4 * 2**20
        assert pod.process.poll() is None


def test_an_io_limit_needs_a_disk_or_is_optional(private_host: PrivateHost, tmp_path: Path) -> None:
    # All that the pod reads and writes is in memory.
    bed = Bed(private_host, tmp_path)
    limit = isolator("resource/block-iops", {"limit": 100})
    in_memory = ["unshare", "--mount", "sh", "-c", IN_MEMORY, str(tmp_path)]
    ended = bed.run(sh("app", "echo never", isolators=[limit]), wrap=in_memory)
    assert ended.refused.startswith("app app: its io limit cannot be enforced"), ended
    optional = sh("app", "true", isolators=[{**limit, "optional": True}])
    ended = bed.run(optional, wrap=in_memory)
    assert ended.outcome == [0, "exited"], ended
    said = "app app: its io limit is not enforced: the pod's files are on no disk"
    assert list(ended.reports) == [said]


IN_MEMORY = """
for d in "$0"/data "$0"/tree-*; do
    cp -a "$d" /run/copy && mount -t tmpfs -o mode=755 tmpfs "$d" && cp -a /run/copy/. "$d" && rm -r /run/copy || exit
done
exec "$@"
"""


def test_five_thousandths_of_a_core_were_ten(bed: Bed) -> None:
    asked = [isolator("resource/cpu", {"limit": "5m"})]
    with bed.start(sh("app", SLEEPS, isolators=asked)) as pod:
        pod.wait_ready()
        files = ("cpu.cfs_period_us", "cpu.cfs_quota_us")
        assert [cgroup(bed, pod, "cpu", f"app/{file}") for file in files] == ["1000000", "5000"]
        stop(pod)


@pytest.mark.parametrize("order", [1, -1])
def test_a_setting_that_an_app_requires_is_refused_though_another_calls_it_optional(
    bed: Bed, order: int
) -> None:
    setting = {"net.core.somaxconn": "77"}
    optional = sh("a", "true", isolators=[isolator("os/unix/sysctl", setting, optional=True)])
    required = sh("b", "true", isolators=[isolator("os/unix/sysctl", setting)])
    ended = bed.run(*(optional, required)[::order], net="host")
    assert ended.refused.startswith("net.core.somaxconn cannot be set: with net host")
    assert bed.run(optional, net="host").outcome == [0, "exited"]
