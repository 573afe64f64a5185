# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole pods whose network is made by Debian's plugins, under names that are not built in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support.network_lab import REDIS, Host, Lab, wait_until

DEBIAN = Path("/usr/lib/cni")
SUBNET, GATEWAY = "10.77.0.0/24", "10.77.0.1"


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Lab]:
    """Two hosts; the first has networks of executables."""
    with Lab(tmp_path_factory.mktemp("lab"), lab.key) as made:
        made.fetch_redis(made.one)
        prepare(made.one)
        yield made


def prepare(host: Host) -> None:
    """Networks `back`: bridge, tuning of ours, and portmap; `flat`: ptp of 0.4.0."""
    plugins = host.agent.local / "net.d"
    plugins.mkdir(exist_ok=True)
    for name in ("bridge", "ptp", "host-local", "portmap"):
        shutil.copy(DEBIAN / name, plugins / f"debian-{name}")
    ipam = {
        "type": "debian-host-local",
        "subnet": SUBNET,
        "dataDir": "/run/leases",
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "debian-bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": True,
        "ipam": ipam,
    }
    tuning = {"type": "tuning", "sysctl": {"net.core.somaxconn": "777"}}
    portmap = {"type": "debian-portmap", "capabilities": {"portMappings": True}}
    # Debian's portmap 1.1.1 objects to its own work wherever there is ip6tables.
    host.network({"name": "back", "plugins": [bridge, tuning, portmap], "disableCheck": True})
    ptp = {"type": "debian-ptp", "ipam": {**ipam, "subnet": "10.78.0.0/24"}}
    host.network({"name": "flat", "cniVersion": "0.4.0", **ptp})


class Redis:
    """A pod of redis alone on networks of executables, which `podwright run` holds in the foreground."""

    def __init__(self, lab: Lab, scratch: Path, net: str) -> None:
        self.lab, self.host = lab, lab.one
        saved = scratch / "uuid"
        command = [*self.host.agent.command, "run", f"--uuid-file-save={saved}", f"--net={net}"]
        self.process = self.host.base.popen([*command, "--port=6379-tcp:6380", REDIS])
        wait_until(
            lambda: self.answers() or self.process.poll() is not None, "redis does not answer"
        )
        assert self.process.poll() is None, self.process.communicate()
        self.uuid = saved.read_text().strip()

    def answers(self) -> bool:
        """Whether the outside reaches it by its published port."""
        ping = ("timeout", "2", "redis-cli", "-h", self.host.address(), "-p", "6380", "ping")
        return self.lab.outside.status(*ping) == 0

    def networks(self) -> list[tuple[str, str, str]]:
        """Name, link and address of each network, as `status` says."""
        status = json.loads(self.host.agent.ok("status", "--format=json", self.uuid))
        return [(net["netName"], net["ifName"], net["ip"]) for net in status["networks"]]

    def inside(self, *command: str) -> str:
        """Run a command with its network."""
        pid = (self.host.agent.data / "pods/run" / self.uuid / "pid").read_text().strip()
        return self.host.says("nsenter", "-t", pid, "-n", *command)

    def stop(self) -> None:
        self.host.agent.ok("stop", self.uuid)
        self.process.communicate(timeout=60)

    def kill(self) -> None:
        """kill -9 of its parent: nobody tidies up."""
        parent = (self.host.agent.data / "pods/run" / self.uuid / "ppid").read_text().strip()
        self.host.says("kill", "-9", parent)
        self.process.communicate(timeout=60)


def leases(host: Host) -> list[str]:
    found = host.says("sh", "-c", "cd /run/leases && ls -d */[0-9]* || true")
    return found.split()


@pytest.fixture
def start(hosts: Lab, tmp_path: Path) -> Iterator[Callable[[str], Redis]]:
    """Start redis on networks; it ends with the test."""
    started: list[Redis] = []

    def run(net: str) -> Redis:
        started.append(Redis(hosts, tmp_path, net))
        return started[-1]

    yield run
    for pod in started:
        if pod.process.poll() is None:
            pod.stop()


def test_redis_on_networks_of_executables(hosts: Lab, start: Callable[[str], Redis]) -> None:
    host = hosts.one
    pod = start("back,flat")
    assert pod.networks() == [("back", "eth0", "10.77.0.2"), ("flat", "eth1", "10.78.0.2")]
    assert pod.inside("cat", "/proc/sys/net/core/somaxconn") == "777\n"
    assert hosts.outside.redis(host.address(), 6380, "set", "key", "value") == "OK"
    assert host.redis("10.77.0.2", 6379, "get", "key") == "value"
    assert host.redis("10.78.0.2", 6379, "get", "key") == "value"
    host.agent.ok("network", "check", pod.uuid)
    pod.inside("ip", "address", "flush", "dev", "eth1")
    assert (
        "network flat: plugin debian-ptp: CHECK: "
        in host.agent("network", "check", pod.uuid).stdout
    )
    assert leases(host) == ["back/10.77.0.2", "flat/10.78.0.2"]
    pod.stop()
    assert leases(host) == []
    assert "6380" not in host.says("iptables-save")
    assert "veth" not in host.says("ip", "-o", "link", "show", "type", "veth").replace("uplink", "")


def test_a_killed_pod_is_not_removed_before_its_plugins_are_done(
    hosts: Lab, start: Callable[[str], Redis]
) -> None:
    host = hosts.one
    pod = start("back")
    pod.kill()
    assert len(leases(host)) == 1
    plugin = host.agent.local / "net.d" / "debian-bridge"
    away = plugin.rename(plugin.with_name("away"))
    assert "install debian-bridge again" in host.agent.refused("rm", pod.uuid)
    assert len(leases(host)) == 1
    away.rename(plugin)
    host.agent.ok("rm", pod.uuid)
    assert leases(host) == []
    assert "6380" not in host.says("iptables-save")


def test_gc_calls_del_for_a_pod_that_was_killed(hosts: Lab, start: Callable[[str], Redis]) -> None:
    host = hosts.one
    pod = start("back,flat")
    pod.kill()
    assert len(leases(host)) == 2
    host.agent.ok("gc", "--grace-period=0s")
    assert leases(host) == []
    assert pod.uuid not in host.agent.ok("list", "--full")
