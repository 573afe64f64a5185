# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""DHCP for network tests: dnsmasq(8) as the real server, a server that lies, and the clients of pods."""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from tests.agent.network_bed import OUTSIDE, Namespace, Pod
from tests.support.namespaces import in_network_of

PATIENCE = 60.0
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
MAGIC = b"\x63\x82\x53\x63"


def wait_until(done: Callable[[], bool], what: str) -> None:
    """Wait for a condition, generously."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Dnsmasq:
    """A DHCP server on a link of a namespace, which gives addresses of one range."""

    def __init__(
        self,
        scratch: Path,
        command: Callable[[Sequence[str]], list[str]],
        link: str = "wire",
        first: str = "192.0.2.20",
        last: str = "192.0.2.29",
        mask: str = "255.255.255.128",
        options: Sequence[str] = (),
    ) -> None:
        self.log = scratch / "dnsmasq.log"
        self.leases = scratch / "dnsmasq.leases"
        self._from = self.log.stat().st_size if self.log.exists() else 0
        arguments = [
            *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root"),
            *(f"--interface={link}", "--bind-interfaces", "--port=0", "--no-ping", "--pid-file="),
            *("--dhcp-authoritative", f"--dhcp-range={first},{last},{mask},120"),
            *(f"--dhcp-leasefile={self.leases}", f"--log-facility={self.log}"),
            *(f"--dhcp-option={option}" for option in options),
        ]
        self.process = subprocess.Popen(command(arguments))
        wait_until(lambda: "sockets bound" in self.said(), "dnsmasq does not start")

    def said(self) -> str:
        """What it has logged."""
        if not self.log.exists():
            return ""
        return self.log.read_bytes()[self._from :].decode()

    def await_said(self, text: str, times: int = 1) -> None:
        """Wait until it has logged something so often."""
        wait_until(lambda: self.said().count(text) >= times, f"{text}: {self.said()}")

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()

    def __enter__(self) -> Dnsmasq:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def liar(namespace: Namespace, ip: str, options: Mapping[int, bytes]) -> Iterator[None]:
    """A server on `wire` that gives everybody this address and these options, whatever they are."""
    wire = in_network_of(namespace.pid, _listener)
    end, told = os.pipe()

    def serve() -> None:
        while select.select([wire.fileno(), end], [], [])[0] == [wire.fileno()]:
            data = wire.recv(4096)
            kind = data[data.index(MAGIC) + 4 :][2]
            answer = {DISCOVER: OFFER, REQUEST: ACK}.get(kind)
            if answer is not None:
                wire.sendto(_answer(data, answer, ip, options), ("255.255.255.255", 68))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        os.write(told, b".")
        thread.join()
        wire.close()
        os.close(end)
        os.close(told)


def _listener() -> socket.socket:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wire\0")
    server.bind(("0.0.0.0", 67))
    return server


def _answer(asked: bytes, kind: int, ip: str, options: Mapping[int, bytes]) -> bytes:
    head = struct.pack("!BBBB", 2, 1, 6, 0) + asked[4:8] + bytes(8)
    head += socket.inet_aton(ip) + socket.inet_aton(OUTSIDE) + bytes(4) + asked[28:236] + MAGIC
    whole = {53: bytes((kind,)), 54: socket.inet_aton(OUTSIDE), 51: struct.pack("!I", 3600)}
    body = b"".join(bytes((code, len(data))) + data for code, data in {**whole, **options}.items())
    return (head + body + b"\xff").ljust(300, b"\0")


def clients(pod: Pod) -> list[int]:
    """The DHCP clients in a pod's network, by process id."""
    wanted = os.stat(f"/proc/{pod.netns}/ns/net").st_ino
    out = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}/ns/net").st_ino == wanted:
                command = Path(f"/proc/{name}/cmdline").read_bytes()
                out += [int(name)] if b"-i\0" in command else []
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return out


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def in_pod(pod: Pod, *command: str) -> str:
    """Run a command with a pod's network."""
    return subprocess.run(
        ["nsenter", "--target", str(pod.pid), "--net", *command],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def addresses(pod: Pod) -> list[str]:
    """The IPv4 addresses of its eth0."""
    lines = in_pod(pod, "ip", "-4", "-o", "address", "show", "eth0").splitlines()
    return [line.split()[3] for line in lines]
