# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The profile `system`: Debian's systemd is PID 1 of its app, and what it may do ends at its own namespaces.

Controls: what is allowed is tried by the same means beside what is denied, and other pods have nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.enter_bed import House
from tests.agent.launch_bed import Bed, Pod, app, isolator
from tests.conftest import Keys
from tests.support import system_image
from tests.support.agent import Agent
from tests.support.private_host import PrivateHost, Result

SYSTEM = {"profile": "system"}


class Booted:
    """A pod of systemd that has finished to boot."""

    def __init__(self, house: House, pod: Pod) -> None:
        self.house = house
        self.pod = pod

    def sh(self, script: str, *options: str) -> Result:
        """Run a script in it, as `podwright enter` does."""
        return self.house.enter(self.pod, "sh", "-c", script, options=options)

    def says(self, script: str, *options: str) -> str:
        """What a script that succeeds prints."""
        return self.sh(script, *options).check().stdout


def init(**section: Any) -> dict[str, Any]:
    """The app whose program is systemd."""
    return app("app", "/sbin/init", tree=system_image.rootfs(), **section)


@pytest.fixture
def house(private_host: PrivateHost, tmp_path: Path) -> House:
    return House(Bed(private_host, tmp_path))


@pytest.fixture
def booted(house: House) -> Iterator[Booted]:
    with house.start(init(), wait=False, annotations=SYSTEM) as pod:
        pod.wait_ready()
        one = Booted(house, pod)
        state = one.sh("systemctl is-system-running --wait")
        assert state.stdout == "running\n", one.sh("systemctl --failed; journalctl -b | tail -40")
        yield one


def test_systemd_boots_and_runs_services_for_those_who_enter(booted: Booted) -> None:
    assert (
        booted.says("cat /proc/1/comm; systemctl is-active cron dbus")
        == "systemd\nactive\nactive\n"
    )
    booted.says("systemctl restart cron; systemctl is-active cron")
    unit = "[Service]\\nExecStart=/bin/sh -c 'echo hello from a unit; sleep 1000'\\nPrivateTmp=yes\\nProtectSystem=full"
    booted.says(
        f'printf "{unit}\\n" > /etc/systemd/system/own.service; systemctl daemon-reload; systemctl start own'
    )
    assert booted.says("systemctl is-active own") == "active\n"
    assert "hello from a unit" in booted.says("journalctl --sync; journalctl -u own")
    assert "own.service" in booted.says("cat /proc/$(systemctl show -P MainPID own)/cgroup")


def test_sudo_works_for_who_may(booted: Booted) -> None:
    assert booted.says("id -un; sudo -n id -un", "--user=deploy") == "deploy\nroot\n"
    assert booted.sh("sudo -n id -un", "--user=nobody").exit != 0


def test_it_stops_in_an_orderly_way(booted: Booted) -> None:
    unit = "[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\nExecStop=/usr/bin/touch /stopped"
    booted.says(f"printf '{unit}\\n' > /etc/systemd/system/last.service; systemctl start last")
    booted.pod.signal(15)
    ended = booted.pod.ended()
    assert ended.outcome == [0, "stopped"], ended
    assert (booted.pod.pod_dir / "overlay/app/upper/stopped").exists()


def test_the_status_of_the_pod_is_what_its_init_exits_with(booted: Booted) -> None:
    booted.sh("systemctl exit 7")
    ended = booted.pod.ended()
    assert ended.apps == {"app": 7}, ended


def test_a_second_life_has_its_own_namespaces(house: House) -> None:
    script = "test -e /run/before; echo $$ $? >> /lives; touch /run/before; exit 5"
    again = app(
        "app", "/bin/sh", "-c", script, tree=system_image.rootfs(), life={"restart": "on-failure"}
    )
    with house.start(again, wait=False, annotations=SYSTEM, backoff=0.01) as pod:
        lives = pod.pod_dir / "overlay/app/upper/lives"
        pod.wait_until(lambda: lives.exists() and lives.read_text().count("\n") > 1, "two lives")
        assert lives.read_text().splitlines()[:2] == ["1 1", "1 1"]


DENIED = {
    "uncover": "umount /proc/sys || umount -l /proc/kcore || umount -l /proc/keys || umount -l /sys/firmware",
    "writable again": "mount -o remount,rw /proc/sys || mount -o remount,bind,rw /proc/sys || mount -o remount,rw /sys",
    "settings of the kernel": "echo x > /proc/sys/kernel/core_pattern || echo 1 > /proc/sys/vm/drop_caches",
    "settings of its network": "echo 1 > /proc/sys/net/ipv4/ip_forward",
    "system requests": "echo h > /proc/sysrq-trigger",
    "another view of the kernel": "mount -t proc p /mnt || mount -t sysfs s /mnt || mount -t debugfs d /mnt",
    "devices": "mknod /root/null c 1 3 || mknod /dev/kmsg2 c 1 11",
    "a disk": "mount /dev/vda /mnt || mount -t ext4 /dev/null /mnt",
    "group limits": "echo max > /sys/fs/cgroup/cgroup.max.descendants",
    "group freeze": "echo 1 > /sys/fs/cgroup/cgroup.freeze",
    "host processes": "kill -0 2 && test $(cat /proc/2/comm) = podwright-init",
}
ALLOWED = {
    "memory": "mount -t tmpfs none /mnt && umount /mnt",
    "bind": "mount --bind /usr /mnt && umount /mnt",
    "group": "mkdir /sys/fs/cgroup/own && rmdir /sys/fs/cgroup/own",
    "name": "unshare --mount true",
}
CALLS = """
import ctypes, errno, json, os
libc = ctypes.CDLL(None, use_errno=True)
calls = {"init_module": (175, 0, 0, 0), "finit_module": (313, 0, 0, 0), "kexec_load": (246, 0, 0, 0, 0),
  "reboot": (169, 0xfee1dead, 672274793, 0, 0), "bpf": (321, 0, 0, 0), "open_by_handle_at": (304, 0, 0, 0),
  "perf_event_open": (298, 0, 0, 0, 0, 0), "keyctl": (250, 0, 0), "settimeofday": (164, 0, 0),
  "swapon": (167, 0, 0), "add_key": (248, 0, 0, 0, 0, 0), "userfaultfd": (323, 0), "iopl": (172, 3)}
found = {}
for name, arguments in calls.items():
    libc.syscall(*arguments)
    found[name] = errno.errorcode[ctypes.get_errno()]
print(json.dumps(found))
"""


@pytest.mark.threat("T70")
def test_what_it_may_do_ends_at_what_is_its_own(booted: Booted) -> None:
    for what, script in ALLOWED.items():
        assert booted.sh(f"({script})").exit == 0, (what, booted.sh(script))
    for what, script in DENIED.items():
        for one in script.split(" || "):
            assert booted.sh(f"({one})").exit != 0, (what, one)


@pytest.mark.threat("T68")
def test_system_calls_for_the_host_are_refused(booted: Booted) -> None:
    found = json.loads(booted.house.enter(booted.pod, "python3", "-c", CALLS).check().stdout)
    assert set(found.values()) == {"EPERM"}, found


def test_what_is_asked_for_still_counts(house: House) -> None:
    script = "grep -E 'NoNewPrivs|CapEff' /proc/self/status; mount -t tmpfs none /mnt"
    less = [
        isolator("os/linux/no-new-privileges", True),
        isolator("os/linux/capabilities-remove-set", {"set": ["CAP_SYS_ADMIN"]}),
    ]
    narrow = app("app", "/bin/sh", "-c", script, tree=system_image.rootfs(), isolators=less)
    ended = house.bed.run(narrow, annotations=SYSTEM)
    assert ended.apps["app"] != 0 and "NoNewPrivs:\t1" in ended.stdout, ended
    plain = app("app", "/bin/sh", "-c", script, tree=system_image.rootfs())
    ended = house.bed.run(plain, annotations=SYSTEM)
    assert ended.apps["app"] == 0 and "NoNewPrivs:\t0" in ended.stdout, ended
    ended = house.bed.run(plain)
    assert ended.apps["app"] != 0 and "NoNewPrivs:\t1" in ended.stdout, ended


def test_without_users_of_its_own_it_is_not_started(house: House) -> None:
    ended = house.bed.run(init(), annotations=SYSTEM, private_users="")
    assert "no user namespace" in ended.refused, ended


REFUSED = {
    "--private-users=false": "without a user namespace of the pod's own",
    "--stage1-name=fly": "with stage1 fly",
    "--net=host": "private users cannot be had",
}


def test_it_is_said_refused_and_shown(agent: Agent, lab: Keys) -> None:
    agent.trust(lab.key, "example.com")
    image = agent.local.parent / "system.aci"
    image.hardlink_to(system_image.build())
    lab.key.sign(image)
    agent("fetch", image, timeout=240).check()
    own = (system_image.NAME, "--exec=/bin/true")
    run = ("run", "--net=none", "--profile=system", *own)
    agent(*run).check()
    for option, why in REFUSED.items():
        net = () if option in ("--stage1-name=fly", "--net=host") else ("--net=none",)
        ended = agent("run", option, *net, "--profile=system", *own)
        assert ended.exit == 254 and why in ended.stderr, (option, ended)
    two = agent(*run, system_image.NAME, "--name=other", "--exec=/bin/true")
    assert two.exit == 254 and "its own pod" in two.stderr, two
    uuid = agent("prepare", *run[2:]).check().stdout.strip()
    told = agent("status", uuid).check().stdout
    assert "profile=system\n" in told and "report=wider profile system" in told
    needs = [{"type": "signedBy", "keyType": "GPGKeys", "minimumStage1": "user-namespaced"}]
    (agent.local / "policy.json").write_text(json.dumps({"default": needs}))
    ended = agent(*run)
    assert ended.exit == 254 and "user-namespaced" in ended.stderr, ended
    agent(*(word for word in run if word != "--profile=system")).check()
