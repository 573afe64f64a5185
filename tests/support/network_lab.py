# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hosts and an outside network, joined by a bridge, IPv4 and IPv6, with the real agent and real software.

    with Lab(tmp_path, key) as lab:                       # about two seconds, with `software` four more
        lab.one.network({"name": "back", "type": "bridge", …})     # its net.d
        web = lab.one.run("web", NGINX, "--net=back", "--port=80-tcp:8080")
        assert "nginx" in lab.outside.curl(V4.one, 8080)
        web.stop()
        assert lab.one.settled(before) == before

Hosts are `PrivateHost`s: own network, mounts, processes, /run and host name. `lab.outside` is the neighbour and the
hosts' way to everything else; `lab.one.address(4)`, `lab.outside.address(6)`. Nothing of pods is routed there.
A `Place` is whatever has a network: a host, a pod, the outside. Programs run there with its network only, so that
curl(1) and redis-cli(1) of the machine serve for every pod.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support import aci, redis_image, software_image, tiny_image
from tests.support.agent import Agent
from tests.support.gpglab import Key
from tests.support.namespaces import in_network
from tests.support.patience import patient, until
from tests.support.private_host import PrivateHost

PATIENCE = patient(60.0)
"""Seconds until something that must happen has not: a loaded machine is slow."""
ADDRESSES = {
    "one": ("192.0.2.1", "2001:db8::1"),
    "two": ("192.0.2.2", "2001:db8::2"),
    "outside": ("192.0.2.254", "2001:db8::fe"),
}
LENGTHS = ("24", "64")
TINY, REDIS, SOFTWARE = tiny_image.NAME, "example.com/redis", software_image.NAME
SLEEP = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
NGINX = "exec nginx -g 'daemon off;'"
LEDGER = """
echo links; ip -o link | sed -E 's/^[0-9]+: //; s/@if[0-9]+/@if/; s/ link-netnsid [0-9]+//'
echo addresses; ip -o address | sed -E 's/^[0-9]+: //' | grep -v ' fe80:'
echo routes; (ip route show table all; ip -6 route show table all) | grep -v -e fe80: -e ff00: | sort -u
echo rules; ip rule; ip -6 rule
echo firewall; nft list ruleset
echo namespaces; ls /run/netns /var/run/netns 2>/dev/null
echo settings; cd /proc/sys/net; for key in ipv4/ip_forward ipv4/conf/*/route_localnet ipv4/conf/*/forwarding \\
    ipv6/conf/*/forwarding ipv6/conf/*/accept_ra; do echo $key $(cat $key); done
echo mounts; cut -d' ' -f5 /proc/self/mountinfo | sort
echo groups; cd /sys/fs/cgroup; find . -type d | sort
echo processes; ps -e -o pid= -o ppid= -o args= | awk -v me=$$ '$1 != me && $2 != me { $1 = $2 = ""; print }' | sort
echo files; find /run/podwright -type f -o -type l | grep -v -e /lock -e '/turns/' | sort
"""
"""All that a pod's network, and a pod, may leave on a host; link numbers and link-local addresses do not count."""


class Place:
    """Something with a network of its own: `netns` is the file of its namespace."""

    def __init__(self, name: str, netns: str, addresses: Sequence[str] = ()) -> None:
        self.name, self.netns = name, netns
        self._addresses = tuple(addresses)

    def address(self, family: int = 4) -> str:
        """Its address of a family."""
        return self._addresses[0 if family == 4 else 1]

    def wrapped(self, *command: str) -> list[str]:
        """A command that runs with this network."""
        return ["nsenter", f"--net={self.netns}", *command]

    def status(self, *command: str) -> int:
        """Run a command; its exit status."""
        return subprocess.run(self.wrapped(*command), capture_output=True, check=False).returncode

    def says(self, *command: str, stdin: str = "") -> str:
        """Run a command that must succeed; what it prints."""
        done = subprocess.run(
            self.wrapped(*command), input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{self.name}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def curl(self, address: str, port: int, seconds: float = PATIENCE) -> str:
        """What a web server answers; fails when it does not."""
        return self.says(*_curl(address, port, seconds))

    def no_curl(self, address: str, port: int, seconds: float = 0.7) -> bool:
        """Whether there is no answer: refused, unreachable, or nothing within `seconds`."""
        return self.status(*_curl(address, port, seconds)) != 0

    def redis(self, address: str, port: int, *command: str) -> str:
        """What redis-cli prints."""
        return self.says("timeout", str(PATIENCE), "redis-cli", "-h", address, "-p", str(port),
                         *command).strip()  # fmt: skip

    def socket(self, make: Callable[[], socket.socket]) -> socket.socket:
        """A socket of this network, for this process."""
        return in_network(self.netns, make)

    def listens(self, port: int) -> bool:
        """Whether something here listens on a TCP port."""
        return f":{port} " in self.says("ss", "-Hltn")

    def await_listener(self, port: int) -> None:
        """Wait for that."""
        wait_until(lambda: self.listens(port), f"{self.name}: nothing listens on {port}")


def _curl(address: str, port: int, seconds: float) -> list[str]:
    host = f"[{address}]" if ":" in address else address
    return ["curl", "-sSg", "--max-time", str(seconds), f"http://{host}:{port}/"]


PORTS = (
    {"name": "http", "protocol": "tcp", "port": 80},
    {"name": "redis", "protocol": "tcp", "port": 6379},
    {"name": "7010-tcp", "protocol": "tcp", "port": 7010},
    {"name": "7011-udp", "protocol": "udp", "port": 7011},
    {"name": "7020-tcp", "protocol": "tcp", "port": 7020, "count": 3},
)
"""What the apps of the images declare, for whoever publishes it."""


def wait_until(done: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for a condition, generously."""
    until(done, what, seconds)


class Pod(Place):
    """A pod that `podwright run` holds in the foreground."""

    def __init__(self, host: Host, name: str, command: Sequence[str], uuid_file: Path) -> None:
        self.host = host
        self.process = host.base.popen(command)
        assert self.process.stdout is not None
        # Its app runs, and so its network is up.
        if self.process.stdout.readline() != "up\n":
            raise AssertionError(f"pod {name} does not start: {self.process.communicate()}")
        self.uuid = uuid_file.read_text().strip()
        self.pid = int((self.directory / "pid").read_text())
        super().__init__(name, f"/proc/{host.base.pid}/root/proc/{self.pid}/ns/net")

    @property
    def directory(self) -> Path:
        """Its pod directory."""
        return self.host.agent.data / "pods/run" / self.uuid

    @property
    def networks(self) -> list[dict[str, Any]]:
        """What `status` says."""
        one = json.loads(self.host.agent.ok("status", "--format=json", self.uuid))
        return list(one["networks"])

    def links(self) -> list[dict[str, Any]]:
        """The links that it has, with their addresses, as ip(8) lists them."""
        return list(json.loads(self.says("ip", "-j", "address")))

    def address(self, family: int = 4, link: str = "eth0") -> str:
        """Its global address on a link."""
        wanted = "inet" if family == 4 else "inet6"
        for one in self.links():
            for address in one["addr_info"]:
                if (one["ifname"], address["family"], address["scope"]) == (link, wanted, "global"):
                    return str(address["local"])
        raise AssertionError(f"{self.name} has no IPv{family} address on {link}")

    def stop(self) -> None:
        """Stop it as an operator does, and wait for its end."""
        self.host.agent.ok("stop", self.uuid)
        self.process.communicate(timeout=PATIENCE)

    def kill(self) -> None:
        """kill -9 of the process that waits for it; with it the pod dies, and nobody tidies up."""
        parent = (self.directory / "ppid").read_text().strip()
        self.host.says("kill", "-9", parent)
        self.process.communicate(timeout=PATIENCE)

    def close(self) -> None:
        """End the program that runs it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(ValueError):
            self.process.communicate()


class Host(Place):
    """A host with an agent whose store has the images."""

    def __init__(self, scratch: Path, name: str, key: Key) -> None:
        (scratch / name).mkdir()
        self.base = PrivateHost(scratch / name)
        super().__init__(name, f"/proc/{self.base.pid}/ns/net", ADDRESSES[name])
        self.agent = Agent(self.base, scratch / f"{name}-agent")
        self.agent.trust(key, "example.com")
        self.pods: list[Pod] = []
        self._scratch = scratch

    def wrapped(self, *command: str) -> list[str]:
        """On a host, commands have all of its namespaces."""
        pid = str(self.base.pid)
        return ["nsenter", "--target", pid, "--net", "--mount", "--pid", "--uts", "--ipc",
                "--wdns=/", *command]  # fmt: skip

    def network(self, conf: Mapping[str, Any], name: str = "") -> None:
        """Write a network's configuration to its net.d."""
        chain = "plugins" in conf
        path = self.agent.local / "net.d" / f"10-{name or conf['name']}.conf{'list' * chain}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"cniVersion": "1.0.0", **conf}))

    def run(self, name: str, script: str, *options: str, image: str = TINY, app: Sequence[str] = ()
            ) -> Pod:  # fmt: skip
        """Start a pod whose only app is a shell script; `options` are of `run`, `app` of the app."""
        uuid_file = self._scratch / f"{self.name}-{name}-{len(self.pods)}.uuid"
        command = [*self.agent.command, "run", f"--uuid-file-save={uuid_file}", "--hostname", name]
        command += [*options, image, "--exec=/bin/sh", *app, "--", "-c", f"echo up; {script}"]
        pod = Pod(self, name, command, uuid_file)
        self.pods.append(pod)
        return pod

    def end_pods(self) -> None:
        """End the programs that run pods."""
        for pod in self.pods:
            pod.close()

    def ledger(self) -> dict[str, str]:
        """What is there: section -> text."""
        found: dict[str, str] = {}
        section = ""
        for line in self.says("sh", "-c", LEDGER).splitlines():
            if line in SECTIONS:
                section = line
            found[section] = found.get(section, "") + f"{line}\n"
        return found

    def settled(self, expected: Mapping[str, str], seconds: float = PATIENCE) -> dict[str, str]:
        """The ledger as soon as it is as expected; the kernel ends links in the background."""
        deadline = time.monotonic() + seconds
        while (now := self.ledger()) != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        return now


SECTIONS = frozenset(
    line.split(";")[0].removeprefix("echo ") for line in LEDGER.splitlines() if line[:5] == "echo "
)


class Lab:
    """See the module. `software`: host one has the image with nginx, redis and Python, host two that of redis."""

    def __init__(self, scratch: Path, key: Key, *, software: bool = False) -> None:
        self._exit = contextlib.ExitStack()
        self._scratch, self._key = scratch, key
        with contextlib.ExitStack() as undo:
            (scratch / "outside").mkdir()
            neighbour = undo.enter_context(PrivateHost(scratch / "outside"))
            self.outside = Place("outside", f"/proc/{neighbour.pid}/ns/net", ADDRESSES["outside"])
            self.one = self._host(scratch, "one", key, undo)
            self.two = self._host(scratch, "two", key, undo)
            self._join()
            self._store(scratch, key, software)
            self._exit = undo.pop_all()

    def _host(self, scratch: Path, name: str, key: Key, undo: contextlib.ExitStack) -> Host:
        host = Host(scratch, name, key)
        undo.callback(host.base.close)
        undo.callback(host.end_pods)
        return host

    def _join(self) -> None:
        pid = {place.name: place.netns.split("/")[2] for place in (self.one, self.two)}
        for place in (self.outside, self.one, self.two):
            place.says("sh", "-c", QUIET)
        self.outside.says("ip", "link", "add", "lan", "type", "bridge")
        for host in (self.one, self.two):
            self.outside.says("ip", "link", "add", host.name, "type", "veth", "peer", "name",
                              "uplink", "netns", pid[host.name])  # fmt: skip
            self.outside.says("ip", "link", "set", host.name, "master", "lan", "up")
            _address(host, "uplink")
            for family in (4, 6):
                host.says("ip", "route", "add", "default", "via", self.outside.address(family))
        _address(self.outside, "lan")
        for host in (self.one, self.two):
            wait_until(partial(_is_up, host), "the hosts' link does not come up")

    def fetch_redis(self, host: Host) -> None:
        """Store the image of redis on a host."""
        self._fetch(self._scratch, self._key, REDIS, redis_image.build(REDIS), (host,))

    def _store(self, scratch: Path, key: Key, software: bool) -> None:
        small = tiny_image.build(app=aci.app(["/bin/sh"], ports=PORTS))
        self._fetch(scratch, key, TINY, small, (self.one, self.two))
        if software:
            self.fetch_redis(self.two)
            self._fetch(scratch, key, SOFTWARE, software_image.with_ports(PORTS), (self.one,))

    def _fetch(
        self, scratch: Path, key: Key, name: str, built: Path, hosts: Sequence[Host]
    ) -> None:
        image = scratch / f"{name.rpartition('/')[2]}.aci"
        image.hardlink_to(built)
        key.sign(image)
        for host in hosts:
            host.agent.ok("fetch", image, timeout=120)

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._exit.close()


QUIET = """
echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
for name in all default; do echo 0 >/proc/sys/net/ipv6/conf/$name/accept_dad; done
"""
"""A new namespace has settings of the machine's own, which may be a router; addresses are there at once."""


def _is_up(host: Host) -> bool:
    return "state UP" in host.says("ip", "link", "show", "uplink")


def _address(place: Place, link: str) -> None:
    for address, length in zip((place.address(4), place.address(6)), LENGTHS):
        place.says("ip", "address", "add", f"{address}/{length}", "dev", link)
    place.says("ip", "link", "set", link, "up")
