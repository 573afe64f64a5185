# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever ends a pod, and whenever: the host is as it was (threats.md T85, T91).

`make soak` kills 1,000 pods (`PODWRIGHT_NETWORK_ROUNDS`).
"""

from __future__ import annotations

import json
import os
import random
import shlex
import uuid
from collections.abc import Iterator, Mapping

import pytest

from tests.agent.reachability_bed import BACK
from tests.conftest import Keys
from tests.support.network_lab import SLEEP, TINY, Host, Lab

ROUNDS = int(os.environ.get("PODWRIGHT_NETWORK_ROUNDS", "24"))
"""Pods that are killed; looked at after every eighth."""
PORTS = ("--port=7010-tcp:8000", "--port=7011-udp:8000", "--port=7020-tcp:127.0.0.1:8100-8102")
NETS = "--net=default,back"
GC = ("gc", "--grace-period=0s", "--expire-prepared=0s")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Host]:
    """A host with a bridge network, on which a pod has been before: what is made once and stays is there."""
    with Lab(tmp_path_factory.mktemp("lifetimes"), lab.key) as made:
        made.one.network(BACK)
        made.one.run("first", SLEEP, NETS).stop()
        made.one.agent.ok(*GC)
        yield made.one


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What is more or less than before, by section."""
    out = []
    for section in before:
        was, now = set(before[section].splitlines()), set(after.get(section, "").splitlines())
        out += [f"{section}: gone: {line}" for line in sorted(was - now)]
        out += [f"{section}: left: {line}" for line in sorted(now - was)]
    return out


def collected(host: Host, before: Mapping[str, str], label: object) -> None:
    """Collect, and see that nothing is left."""
    host.agent.ok(*GC)
    host.agent.ok(*GC)
    assert not differences(before, host.settled(before)), label
    left = [str(path) for path in host.agent.data.glob("pods/*/*")]
    # One whose maker may be about to lock it is left alone for a minute.
    assert [path for path in left if "/embryo/" not in path] == []


@pytest.mark.parametrize("way", ["stop", "stop by force", "ends by itself", "kill -9"])
def test_the_end_of_a_pod_leaves_the_host_as_it_was(host: Host, way: str) -> None:
    before = host.ledger()
    script = SLEEP if way != "ends by itself" else "sleep 0.2"
    pod = host.run("web", script, NETS, *PORTS)
    assert differences(before, host.ledger()), "there is something to be seen meanwhile"
    if way == "kill -9":
        pod.kill()
    elif way == "ends by itself":
        pod.process.wait(60)
    elif way == "stop":
        pod.stop()
    else:
        host.agent.ok("stop", "--force", pod.uuid)
        pod.process.wait(60)
    if way != "kill -9":
        assert not differences(before, host.settled(before)), "at once, without gc"
    collected(host, before, way)


@pytest.mark.threat("T85")
def test_pods_killed_at_any_moment_leave_nothing(host: Host) -> None:
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    before = host.ledger()
    run = [*host.agent.command, "run", NETS, *PORTS, TINY]
    for number in range(1, ROUNDS + 1):
        # What is killed: the process that runs the pod, at some moment of its start or its life.
        moment = chance.uniform(0, 0.6)
        script = f"{shlex.join(run)} & p=$!; sleep {moment:.4f}; kill -9 $p; wait $p"
        host.base.run(["/bin/sh", "-c", script])
        if number % 8 == 0:
            collected(host, before, (seed, number))
    collected(host, before, seed)


def reboot(host: Host, run: str) -> None:
    """What is left of a host after a reboot: nothing but files; `run` says what became of /run."""
    for pod in host.pods:
        if pod.process.poll() is None:
            pod.kill()
    boot = host.agent.data / "boot_id"
    known = boot.exists()
    boot.write_text(f"{uuid.uuid4()}\n")
    if not known:
        host.says("mount", "--bind", str(boot), "/proc/sys/kernel/random/boot_id")
    script = (
        "for i in $(ls /sys/class/net); do case $i in podw*|back0) ip link del $i;; esac; done;"
        " nft flush ruleset; echo 0 >/proc/sys/net/ipv4/ip_forward;"
        " echo 0 >/proc/sys/net/ipv6/conf/all/forwarding"
    )
    if run == "empty":
        script += "; umount /run; mount -t tmpfs -o mode=755 tmpfs /run; mkdir /run/lock"
    host.says("sh", "-c", script)


@pytest.mark.threat("T91")
@pytest.mark.parametrize("run", ["empty", "stale"])
@pytest.mark.parametrize("first", ["run", "gc", "list"])
def test_after_a_reboot_the_first_command_reclaims(host: Host, run: str, first: str) -> None:
    old = host.run("web", SLEEP, NETS, *PORTS)
    reboot(host, run)
    if first == "gc":
        host.agent.ok(*GC)
    if first == "list":
        listed = json.loads(host.agent.ok("list", "--format=json"))
        assert [pod["state"] for pod in listed] == ["exited"]
    new = host.run("web", SLEEP, NETS, *PORTS)
    listed = json.loads(host.agent.ok("list", "--format=json"))
    states = {pod["name"]: pod["state"] for pod in listed}
    assert states.pop(new.uuid) == "running"
    assert states == ({} if first == "gc" else {old.uuid: "exited"})
    ledger = host.ledger()
    assert old.uuid not in ledger["files"]
    assert ledger["links"].count("podw") == 2, ledger["links"]
    new.stop()
    host.agent.ok(*GC)
