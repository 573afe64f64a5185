# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network of a pod in a real (emulated) machine: one pod on several networks, and who reaches it how (D6).

What depends on the host's side only is tested with a stand-in for the machine, see `test_kvm_network.py`.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.agent.kvm_bed import PATIENCE, Live, Machines
from tests.agent.network_bed import Namespace
from tests.conftest import Keys
from tests.support.namespaces import in_network_of

HOST, OUTSIDE, HOST_SIX, OUTSIDE_SIX = "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"
SERVES = """
mkdir -p /www
head -c 3000000 /dev/urandom > /www/data
httpd -p 80 -h /www
echo up; trap 'exit 0' TERM; while :; do sleep 0.1; done
"""
RANGES = [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd09::/64"}]]
BACK: dict[str, Any] = {
    "cniVersion": "1.0.0",
    "name": "back",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "back0",
            "isGateway": True,
            "mtu": 1400,
            "ipam": {"type": "host-local", "ranges": RANGES},
        },
        {"type": "tuning", "sysctl": {"net.core.somaxconn": "77"}},
    ],
}
WIRE: dict[str, Any] = {
    "cniVersion": "1.0.0",
    "name": "wire",
    "plugins": [
        {
            "type": "macvlan",
            "master": "uplink0",
            "ipam": {"type": "host-local", "subnet": "192.0.2.0/24", "rangeStart": "192.0.2.20"},
        }
    ],
}


@pytest.fixture(scope="module")
def outside() -> Iterator[Namespace]:
    """A neighbour of the host."""
    made = Namespace()
    yield made
    made.close()


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory, lab: Keys, outside: Namespace) -> Iterator[Live]:
    """A pod on three networks that serves files at port 80, published as 8080 of the host."""
    machines = Machines(tmp_path_factory.mktemp("machines"), lab.key)
    join(machines, outside)
    confs = machines.agent.local / "net.d"
    confs.mkdir(parents=True)
    for conf in (BACK, WIRE):
        (confs / f"10-{conf['name']}.conflist").write_text(json.dumps(conf))
    options = ("--port=80-tcp:8080", "--dns=" + OUTSIDE)
    app = {
        "name": "app",
        "script": SERVES,
        "options": ("--caps-retain=CAP_NET_RAW,CAP_NET_BIND_SERVICE",),
    }
    try:
        with machines.start(app, options=options, net="default,back,wire") as live:
            yield live.up()
    finally:
        machines.close()


def join(machines: Machines, outside: Namespace) -> None:
    """Connect host and neighbour."""
    script = f"""set -e
        ip link add uplink0 type veth peer name wire netns {outside.pid}
        ip address add {HOST}/24 dev uplink0
        ip address add {HOST_SIX}/64 dev uplink0 nodad
        ip link set uplink0 up
        """
    host = ["nsenter", f"--target={machines.host.pid}", "--net"]
    subprocess.run([*host, "sh", "-c", script], check=True)
    outside.run("ip", "address", "add", f"{OUTSIDE}/24", "dev", "wire")
    outside.run("ip", "address", "add", f"{OUTSIDE_SIX}/64", "dev", "wire", "nodad")
    outside.run("ip", "link", "set", "wire", "up")


def served(pid: int, url: str) -> str:
    """The digest of what is served at a URL, as somebody in a network namespace gets it."""
    address, port = url.rsplit(":", 1)
    with in_network_of(
        pid, lambda: socket.create_connection((address, int(port)), PATIENCE)
    ) as connection:
        connection.sendall(b"GET /data HTTP/1.0\r\n\r\n")
        with connection.makefile("rb") as file:
            _, _, body = file.read().partition(b"\r\n\r\n")
    return hashlib.sha256(body).hexdigest()


def digest(pod: Live) -> str:
    """That of the pod's own file."""
    return pod.says("sha256sum /www/data").split()[0]


def test_the_guest_has_what_the_pod_was_given_and_the_settings_of_its_networks(pod: Live) -> None:
    """In the order of the networks' files; no address waits for anything."""
    shown = pod.says("ip address")
    for link, ip, mtu in (
        ("eth0", "10.9.0.2/24", 1400),
        ("eth0", "fd09::2/64", 1400),
        ("eth1", "192.0.2.20/24", 1500),
        ("eth2", "172.16.28.2/24", 1500),
        ("eth2", "fd70:6f64:7772:1c::2/64", 1500),
    ):
        (part,) = [one for one in re.split(r"(?m)^\d+: ", shown) if one.startswith(f"{link}:")]
        assert f" {ip} " in part
        assert f"mtu {mtu} " in part
        assert "tentative" not in part
    assert pod.says("cat /proc/sys/net/core/somaxconn") == "77\n"
    networks = json.loads(pod.agent.ok("status", "--format=json", pod.uuid))["networks"]
    macs = pod.says("cat /sys/class/net/eth0/address /sys/class/net/eth1/address").split()
    assert macs == [one["mac"] for one in networks][:2]


def test_nobody_in_the_namespace_of_the_host_has_its_addresses(pod: Live) -> None:
    """What is left there passes packets on; and whoever looks after pods knows that."""
    init = (pod.directory / "pid").read_text().strip()
    host = pod.machines.host
    shown = host.run(["nsenter", "--target", init, "--net", "ip", "-o", "address"]).check().stdout
    assert {line.split()[1] for line in shown.splitlines()} == {"lo"}
    checked = pod.agent("network", "check")
    assert (checked.exit, checked.stderr) == (0, ""), checked
    assert "as it was made" in checked.stdout


@pytest.mark.parametrize("url", ["10.9.0.2:80", "fd09::2:80", "172.16.28.2:80"])
def test_the_host_gets_every_byte(pod: Live, url: str) -> None:
    assert served(pod.machines.host.pid, url) == digest(pod)


@pytest.mark.parametrize("url", [f"{HOST}:8080", f"{HOST_SIX}:8080", "192.0.2.20:80"])
def test_the_outside_gets_every_byte(pod: Live, outside: Namespace, url: str) -> None:
    """By published ports of both families, and on the host's wire."""
    assert served(outside.pid, url) == digest(pod)


@pytest.mark.parametrize(
    ("where", "ip"),
    [("host", "10.9.0.1"), ("host", "[fd09::1]"), ("outside", OUTSIDE), ("outside", "[fd70::1]")],
)
def test_the_pod_gets_every_byte(pod: Live, outside: Namespace, where: str, ip: str) -> None:
    """From the host, and from outside: there its address is the host's."""
    data = random.Random(7).randbytes(3_000_000)
    pid = outside.pid if where == "outside" else pod.machines.host.pid
    if ip == "[fd70::1]":
        outside.run("ip", "address", "replace", "fd70::1/128", "dev", "lo", "nodad")
        route = ["ip", "-6", "route", "replace", "fd70::1/128", "via", OUTSIDE_SIX]
        pod.machines.host.run(route).check()
    with serving_file(pid, ip.strip("[]"), data) as callers:
        said = pod.says(f"wget -qO- http://{ip}:8000/ | sha256sum")
    assert said.split()[0] == hashlib.sha256(data).hexdigest()
    if ip == "[fd70::1]":
        assert callers == [HOST_SIX]


@contextmanager
def serving_file(pid: int, ip: str, data: bytes) -> Iterator[list[str]]:
    """Answer one request at port 8000 of an address; who has asked."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    listener = in_network_of(pid, lambda: socket.create_server((ip, 8000), family=family))
    listener.settimeout(PATIENCE)
    callers = []

    def serve() -> None:
        connection, caller = listener.accept()
        callers.append(caller[0])
        with connection:
            connection.recv(10000)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + data)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield callers
    finally:
        thread.join()
        listener.close()


@pytest.mark.parametrize("ip", ["10.9.0.1", "fd09::1", "172.16.28.1", OUTSIDE])
def test_packets_larger_than_the_link_are_cut_and_put_together(pod: Live, ip: str) -> None:
    said = pod.says(f"ping -c 2 -s 5000 {ip}")
    assert "2 packets received" in said


def test_names_are_asked_for_by_datagrams(pod: Live, outside: Namespace) -> None:
    """The pod's name server is outside."""
    server = in_network_of(outside.pid, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    server.bind((OUTSIDE, 53))
    server.settimeout(PATIENCE)

    def serve() -> None:
        while True:
            query, sender = server.recvfrom(2000)
            if query == b"end":
                return
            answer = bytes.fromhex("c00c000100010000000a0004") + bytes((192, 0, 2, 77))
            four = query[-4:-2] == b"\0\1"
            head = query[:2] + bytes.fromhex("8180") + b"\0\1" + (b"\0\1" if four else b"\0\0")
            server.sendto(head + bytes(4) + query[12:] + (answer if four else b""), sender)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert "192.0.2.77" in pod.says("nslookup name.example.com")
    finally:
        ender = in_network_of(outside.pid, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        ender.sendto(b"end", (OUTSIDE, 53))
        ender.close()
        thread.join()
        server.close()


def test_a_pod_in_namespaces_and_one_in_a_machine_reach_each_other_by_name(pod: Live) -> None:
    """The names of both stand in both hosts files, also while they run."""
    script = "wget -qO- http://app/data | sha256sum; mkdir /www; echo other > /www/data; httpd -p 80 -h /www"
    script += "; echo up; trap 'exit 0' TERM; while :; do sleep 0.1; done"
    saved = pod.machines.base / "other"
    command = [*pod.agent.command, "run", "--net=back", f"--uuid-file-save={saved}"]
    app = [str(pod.machines.image), "--name=other", "--exec=/bin/sh", "--", "-c", script]
    with pod.machines.host.popen([*command, *app]) as other:
        assert other.stdout is not None
        said = other.stdout.readline()
        assert said.split()[:1] == [digest(pod)]
        assert other.stdout.readline() == "up\n"
        assert pod.says("wget -qO- http://other/data") == "other\n"
        pod.agent.ok("stop", saved.read_text().strip())
        other.communicate(timeout=PATIENCE)
