# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A "host" and an "outside" in network namespaces of their own, joined by a veth pair, and pods on the host.

The host is 192.0.2.1, the outside 192.0.2.2 with the host as the way to everything else; a second neighbour, "other",
192.0.2.130 on another link, shows whether the host routes between its links. Nothing touches the machine's network.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.namespaces import in_network_of
from tests.support.paths import CHECKOUT
from tests.support.patience import patient

LAUNCHER = Path(__file__).with_name("network_launcher.py")
PYTHON = ["/usr/bin/python3", "-IS"]
HOST, OUTSIDE, HOST_OTHER, OTHER = "192.0.2.1", "192.0.2.2", "192.0.2.129", "192.0.2.130"
METADATA = "169.254.169.254"


class Namespace:
    """A network namespace, held by a sleeping process that ends with the test process."""

    def __init__(self, *wrap: str) -> None:
        # A new namespace has the settings of the machine's own, which may be a router.
        script = "ip link set lo up && echo 0 >/proc/sys/net/ipv4/ip_forward && echo up && exec sleep 3600"
        command = ["unshare", "--net", *wrap, "setpriv", "--pdeathsig", "KILL", "sh", "-c", script]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "up\n"
        self.pid = self.process.pid

    def command(self, command: Sequence[str]) -> list[str]:
        """The command, wrapped to run here."""
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", *command]

    def run(self, *command: str, stdin: str = "") -> str:
        """Run a command here that must succeed; returns its output."""
        done = subprocess.run(
            self.command(command), input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def status(self, *command: str) -> int:
        """Run a command here; returns its exit status."""
        return subprocess.run(self.command(command), capture_output=True, check=False).returncode

    def close(self) -> None:
        """End the holder."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Pod:
    """A pod as the launcher sees it; `up` when its network works, else `error` says why not."""

    def __init__(
        self, bed: Bed, request: dict[str, Any], env: dict[str, str], **options: Any
    ) -> None:
        self.uuid: str = request["uuid"]
        text = json.dumps({"request": request, **options})
        self.process = subprocess.Popen(
            bed.host.command([*PYTHON, str(LAUNCHER), str(CHECKOUT / "agent"), text]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
        )
        self.answer: dict[str, Any] = {}
        if not options.get("hold_before_start"):
            self.read()

    def read(self) -> dict[str, Any]:
        """The launcher's next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.answer = json.loads(line) if line else {}
        return self.answer

    @property
    def up(self) -> bool:
        return "result" in self.answer

    @property
    def error(self) -> str:
        return str(self.answer.get("error", ""))

    @property
    def ip(self) -> str:
        return str(self.answer["result"]["ip"])

    @property
    def link(self) -> str:
        return str(self.answer["result"]["hostIf"])

    @property
    def pid(self) -> int:
        return int(self.answer["pod"])

    @property
    def netns(self) -> int:
        """A process in the namespace that the host makes the network in: also where `pid` is in a guest."""
        return int(self.answer["netns"])

    def down(self) -> dict[str, Any]:
        """End the pod and tear its network down, as at a pod's end."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.read()

    def kill(self) -> None:
        """Kill the launcher, and with it everything of the pod."""
        self.process.kill()

    def close(self) -> tuple[int, str]:
        """Kill what is left; returns the exit status and what it said on standard error."""
        self.process.kill()
        _, said = self.process.communicate()
        return self.process.returncode, said


class Bed:
    """See the module. `net` is the agent's net directory, `run_dir` that of running pods, `confs` of configurations.

    machine   pods are in virtual machines, as far as their network goes (see the launcher)
    """

    def __init__(self, scratch: Path, *wrap: str, machine: bool = False) -> None:
        self.machine = machine
        self.net = scratch / "net"
        self.run_dir = scratch / "run"
        self.run_dir.mkdir()
        self.confs = scratch / "net.d"
        self.host = Namespace(*wrap)
        self.outside = Namespace()
        self.other = Namespace()
        self.pods: list[Pod] = []
        self._join(self.outside, "uplink0", HOST, OUTSIDE)
        self._join(self.other, "uplink1", HOST_OTHER, OTHER)

    def _join(self, neighbour: Namespace, link: str, here: str, there: str) -> None:
        pid = str(neighbour.pid)
        self.host.run(
            "ip", "link", "add", link, "type", "veth", "peer", "name", "wire", "netns", pid
        )
        self.host.run("sysctl", "-qw", f"net.ipv6.conf.{link}.disable_ipv6=1")
        self.host.run("ip", "address", "add", f"{here}/25", "dev", link)
        self.host.run("ip", "link", "set", link, "up")
        neighbour.run("ip", "address", "add", f"{there}/25", "dev", "wire")
        neighbour.run("ip", "link", "set", "wire", "up")
        neighbour.run("ip", "route", "add", "default", "via", here)
        # The kernel notices the carrier in its own time; a ledger from before would differ.
        deadline = time.monotonic() + patient(30)
        while "state UP" not in self.host.run("ip", "-o", "link", "show", link):
            assert time.monotonic() < deadline, f"{link} does not come up"
            time.sleep(0.02)

    def address(self, address: str, link: str) -> None:
        """Give the host an address, and wait until its kernel has made the routes to it (IPv6's come later)."""
        self.host.run("ip", "address", "add", address, "dev", link, "nodad")
        family = "-6" if ":" in address else "-4"
        local = f"local {address.partition('/')[0]} dev {link}"
        deadline = time.monotonic() + patient(30)
        while local not in self.host.run("ip", family, "route", "show", "table", "local"):
            assert time.monotonic() < deadline, f"no route to {address}"
            time.sleep(0.02)

    def with_ipv6(self) -> None:
        """Give the uplinks addresses of IPv6, too, and the neighbours routes to everything through the host."""
        for neighbour, link, subnet in (
            (self.outside, "uplink0", "2001:db8:0:1"),
            (self.other, "uplink1", "2001:db8:0:2"),
        ):
            self.host.run("sysctl", "-qw", f"net.ipv6.conf.{link}.accept_dad=0")
            self.host.run("sysctl", "-qw", f"net.ipv6.conf.{link}.disable_ipv6=0")
            self.address(f"{subnet}::1/64", link)
            neighbour.run("ip", "address", "add", f"{subnet}::2/64", "dev", "wire", "nodad")
            neighbour.run("ip", "-6", "route", "add", "default", "via", f"{subnet}::1")

    def __enter__(self) -> Bed:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        for pod in self.pods:
            pod.close()
        for namespace in (self.host, self.outside, self.other):
            namespace.close()

    def request(
        self, name: str = "", ports: Sequence[str] = (), net: str = "default"
    ) -> dict[str, Any]:
        """A request as JSON; ports are `[ADDRESS:]HOSTPORT:PODPORT[/udp]`."""
        parsed = []
        for text in ports:
            rest, _, proto = text.partition("/")
            address, host_port, pod_port = (
                rest.rsplit(":", 2) if rest.count(":") > 1 else ("", *rest.split(":"))
            )
            parsed.append(
                {
                    "proto": proto or "tcp",
                    "host_ip": address.strip("[]"),
                    "host_port": int(host_port),
                    "pod_port": int(pod_port),
                }
            )
        return {
            "uuid": str(uuid.uuid4()),
            "name": name,
            "nets": net,
            "ports": parsed,
            "net_dir": str(self.net),
            "alive": str(self.run_dir),
            "conf_dirs": [str(self.confs)],
        }

    def network(self, name: str, *plugins: Mapping[str, Any]) -> None:
        """Write the configuration of a network."""
        self.confs.mkdir(exist_ok=True)
        chain = {"cniVersion": "1.0.0", "name": name, "plugins": plugins}
        (self.confs / f"10-{name}.conflist").write_text(json.dumps(chain))

    def launch(
        self,
        name: str = "",
        ports: Sequence[str] = (),
        env: dict[str, str] | None = None,
        **options: Any,
    ) -> Pod:
        """Start a pod; whether its network came up is for the caller to see."""
        net = options.pop("net", "default")
        request = {**self.request(name, ports, net), "allow": options.pop("allow", [])}
        if self.machine:
            options.setdefault("machine", True)
        pod = Pod(self, request, env or {}, **options)
        self.pods.append(pod)
        return pod

    def pod(self, name: str = "", *ports: str) -> Pod:
        """Start a pod whose network must come up."""
        pod = self.launch(name, ports)
        assert pod.up, pod.answer or pod.close()
        return pod

    def agent_command(self, code: str) -> list[str]:
        """Python code with the agent's modules; `NET` and `RUN` are the directories."""
        start = (
            f"import sys; sys.path.insert(0, {str(CHECKOUT / 'agent')!r})\n"
            f"NET, RUN = {str(self.net)!r}, {str(self.run_dir)!r}\n"
        )
        return [*PYTHON, "-c", start + code]

    def agent(self, code: str) -> str:
        """Run Python code with the agent's modules on the host."""
        return self.host.run(*self.agent_command(code))

    def reclaim(self) -> list[str]:
        """What gc does for the network."""
        taken = self.agent(
            "import json; from podwright.net.gc import reclaim; print(json.dumps(reclaim(NET)))"
        )
        return [str(line) for line in json.loads(taken)]

    def ledger(self) -> dict[str, str]:
        """All that networking can leave on a host."""
        leases = self.net / "pods"
        files = set(os.listdir(self.net)) if self.net.exists() else set()
        return {
            "links": self.host.run("ip", "-o", "link"),
            # Not the kernel's own ones of links, which come and are looked for in use when it has time.
            "addresses": "".join(
                line
                for line in self.host.run("ip", "-o", "address").splitlines(keepends=True)
                if " inet6 fe80:" not in line
            ),
            "routes": self.host.run("ip", "-4", "route", "show", "table", "all"),
            # The kernel adds its own ones of IPv6 when it has time; they follow from the addresses above.
            "routes6": "".join(
                line
                for line in self.host.run("ip", "-6", "route", "show", "table", "all").splitlines(
                    keepends=True
                )
                if " proto kernel " not in line
            ),
            "nft": self.host.run("nft", "list", "ruleset"),
            "forwarding": self.host.run("cat", "/proc/sys/net/ipv4/ip_forward"),
            "leases": str(sorted(os.listdir(leases))) if leases.exists() else "[]",
            "files": str(sorted(files - {"pods", "turns", "lock"})),
        }

    def settled(self, expected: dict[str, str], seconds: float = 10) -> dict[str, str]:
        """The ledger, when it has become `expected` (links end in the background), else as it is in the end."""
        deadline = time.monotonic() + patient(seconds)
        while (now := self.ledger()) != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        return now


@contextmanager
def serving(pid: int, address: str, port: int) -> Iterator[None]:
    """Answer TCP connections in a namespace with the address of the client, until the block ends."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = in_network_of(pid, lambda: socket.create_server((address, port), family=family))

    def serve() -> None:
        while True:
            try:
                connection, client = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(client[0].encode())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def ask(pid: int, address: str, port: int, timeout: float = 3, source: str = "") -> str:
    """Connect from a namespace and read what `serving` says: our address as the server sees it."""

    def connect() -> socket.socket:
        return socket.create_connection(
            (address, port), patient(timeout), (source, 0) if source else None
        )

    with in_network_of(pid, connect) as connection:
        return connection.recv(100).decode()


def refused(pid: int, address: str, port: int, timeout: float = 0.5, source: str = "") -> bool:
    """Whether a connection is refused or times out."""
    try:
        ask(pid, address, port, timeout, source)
    except OSError:
        return True
    return False


def datagram(
    pid: int, address: str, port: int, receiver: Callable[[], socket.socket], there: int
) -> str:
    """Send a datagram to an address; returns what comes back after a receiver in `there` has echoed the sender."""
    server = in_network_of(there, receiver)
    client = in_network_of(pid, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with server, client:
        server.settimeout(patient(3))
        client.settimeout(patient(3))
        client.sendto(b"?", (address, port))
        _, sender = server.recvfrom(100)
        server.sendto(sender[0].encode(), sender)
        return client.recv(100).decode()
