# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses that are asked for, that a DHCP server gives, and that the agent before has given."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.agent.dhcp_bed import (
    Dnsmasq,
    addresses,
    clients,
    in_pod,
    is_alive,
    liar,
    wait_until,
)
from tests.agent.network_bed import HOST, OUTSIDE, Bed, Pod, ask, refused, serving
from tests.conftest import Keys
from tests.support import network_services
from tests.support.network_lab import SLEEP, Lab
from tests.support.network_services import Services

LAN: dict[str, Any] = {"type": "macvlan", "master": "uplink0", "ipam": {"type": "dhcp"}}


def configure(bed: Bed, name: str, conf: dict[str, Any]) -> None:
    bed.confs.mkdir(exist_ok=True)
    text = json.dumps({"cniVersion": "1.0.0", "name": name, **conf})
    (bed.confs / f"10-{name}.conf").write_text(text)


def server(bed: Bed, *options: str, **more: Any) -> Dnsmasq:
    return Dnsmasq(bed.net.parent, bed.outside.command, options=options, **more)


def lease(bed: Bed, name: str = "web", ports: Sequence[str] = (), **more: Any) -> Pod:
    """Start a pod on `lan` whose first process has a PID namespace, as all real ones have."""
    return bed.launch(name, ports, net="lan", first=True, **more)


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    """A fresh host, an outside and an other neighbour; `lan` is the outside's link, with DHCP."""
    with Bed(tmp_path) as made:
        configure(made, "lan", LAN)
        yield made


def test_the_very_addresses_that_are_asked_for(bed: Bed) -> None:
    wanted = "IP=172.16.28.77+fd70:6f64:7772:1c::77"
    pod = bed.launch("web", net=f"default:{wanted}")
    assert pod.answer["result"]["addresses"] == ["172.16.28.77/24", "fd70:6f64:7772:1c::77/64"]
    before = bed.ledger()
    refused = bed.launch("shop", net="default:IP=172.16.28.77")
    assert refused.error == (
        "network default: address 172.16.28.77 is already in use by pod web;"
        " ask for another address, or stop what uses it"
    )
    assert bed.settled(before) == before
    pod.down()
    assert bed.launch("shop", net="default:IP=172.16.28.77").up


def test_a_pod_gets_and_gives_back_an_address_of_a_real_server(bed: Bed) -> None:
    before = bed.ledger()
    conf = {
        "provide": [{"option": "host-name", "fromArg": "HOSTNAME"}, {"option": "77", "value": "x"}]
    }
    configure(bed, "lan", {**LAN, "ipam": {**LAN["ipam"], **conf, "daemonSocketPath": "/run/x"}})
    routes = "121,10.9.0.0/16,192.0.2.3,0.0.0.0/0,192.0.2.2"
    names = ("option:dns-server,192.0.2.2", "option:domain-search,a.example,b.example")
    with server(bed, routes, *names) as dhcp:
        pod = bed.launch("web", net="lan:HOSTNAME=web-one", first=True)
        assert pod.up, pod.error
        assert "web-one" in dhcp.said()
        (network,) = pod.answer["result"]["networks"]
        assert addresses(pod) == network["addresses"] == [f"{pod.ip}/25"]
        assert pod.ip.startswith("192.0.2.2")
        assert network["gateway"] == OUTSIDE
        shown = in_pod(pod, "ip", "route")
        assert "default via 192.0.2.2 dev eth0" in shown
        assert "10.9.0.0/16 via 192.0.2.3 dev eth0" in shown
        assert "inet6" not in in_pod(pod, "ip", "address", "show", "eth0")
        held = json.loads((bed.net / "pods" / pod.uuid).read_text())["attachments"][0]
        assert held["dns"]["nameservers"] == ["192.0.2.2"]
        assert held["dns"]["search"] == ["a.example", "b.example"]
        with serving(pod.pid, "0.0.0.0", 80):
            assert ask(bed.outside.pid, pod.ip, 80) == OUTSIDE
        (client,), mine = clients(pod), pod.ip
        pod.down()
        dhcp.await_said(f"DHCPRELEASE(wire) {mine}")
        assert not is_alive(client)
    assert bed.settled(before) == before


def by_link(pod: Pod) -> str:
    """The pod's routes over links; not those that refuse it metadata."""
    lines = in_pod(pod, "ip", "route").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("prohibit"))


def test_a_lease_is_renewed_lost_and_found_again(bed: Bed) -> None:
    configure(bed, "lan", {**LAN, "ipam": {"type": "dhcp", "priority": 77}})
    with server(bed, "option:router,192.0.2.2") as dhcp:
        pod = lease(bed)
        assert pod.up, pod.error
        (client,) = clients(pod)
        mine, routes = addresses(pod), by_link(pod)
        assert "default via 192.0.2.2 dev eth0 proto static metric 77" in routes
        os.kill(client, signal.SIGUSR1)  # as when half of the time is over
        dhcp.await_said("DHCPACK(wire)", 2)
        assert addresses(pod) == mine
        os.kill(client, signal.SIGUSR2)  # as when all of it is over
        wait_until(lambda: addresses(pod) == [], "an address whose lease is lost stays")
        assert by_link(pod) == ""
        os.kill(client, signal.SIGUSR1)
        wait_until(lambda: addresses(pod) == mine, "the address does not come back")
        wait_until(lambda: by_link(pod) == routes, "nor do the routes")
        os.kill(client, signal.SIGUSR2)
        wait_until(lambda: addresses(pod) == [], "it stays")
    with server(bed, first="192.0.2.40", last="192.0.2.49") as dhcp, monitor(pod) as seen:
        os.kill(client, signal.SIGUSR1)
        dhcp.await_said("DHCPACK(wire)")
        os.kill(client, signal.SIGUSR2)
        os.kill(client, signal.SIGUSR1)
        dhcp.await_said("DHCPDISCOVER(wire)", 2)  # the lease before has been told of by now
        in_pod(pod, "ip", "address", "add", "192.0.2.99/32", "dev", "lo")
        wait_until(lambda: "192.0.2.99" in seen.read_text(), "nothing is seen")
        assert "192.0.2.4" not in seen.read_text(), "the ledger says another address"


@contextmanager
def monitor(pod: Pod) -> Iterator[Path]:
    """A file to which changes of addresses in the pod are written."""
    path = Path(f"{tempfile.mkdtemp()}/addresses")
    with path.open("w") as file:
        command = ["nsenter", "--target", str(pod.pid), "--net", "ip", "-4", "-o", "monitor"]
        process = subprocess.Popen([*command, "address"], stdout=file)

    def stirred() -> bool:
        in_pod(pod, "ip", "address", "replace", "192.0.2.98/32", "dev", "lo", "label", "lo:x")
        in_pod(pod, "ip", "address", "delete", "192.0.2.98/32", "dev", "lo")
        return "192.0.2.98" in path.read_text()

    try:
        wait_until(stirred, "the monitor does not start")
        yield path
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(path.parent)


def on_bridge(bed: Bed) -> None:
    """Make the host's first link a port of a bridge of the operator's, which has the host's address."""
    for command in (
        "ip link add lan0 type bridge",
        "sysctl -qw net.ipv6.conf.lan0.disable_ipv6=1",
        "ip address flush dev uplink0",
        "ip link set uplink0 master lan0",
        f"ip address add {HOST}/25 dev lan0",
        "ip link set lan0 up",
    ):
        bed.host.run(*command.split())
    wait_until(lambda: "state UP" in bed.host.run("ip", "link", "show", "lan0"), "lan0 is down")


def test_a_pod_on_a_bridge_with_a_server_behind_it(bed: Bed) -> None:
    on_bridge(bed)
    configure(bed, "lan", {"type": "bridge", "bridge": "lan0", "ipam": {"type": "dhcp"}})
    before = bed.ledger()
    with server(bed, "option:router,192.0.2.2") as dhcp:
        pod = lease(bed)
        assert pod.up, pod.error
        with serving(pod.pid, "0.0.0.0", 80):
            assert ask(bed.outside.pid, pod.ip, 80) == OUTSIDE
            assert ask(bed.host.pid, pod.ip, 80) == HOST
        mine = pod.ip
        pod.down()
        dhcp.await_said(f"DHCPRELEASE(wire) {mine}")
    assert bed.settled(before) == before


def test_a_pod_behind_our_rules_asks_a_server_on_a_wire_of_its_bridge(bed: Bed) -> None:
    configure(bed, "lan", {"type": "bridge", "bridge": "podwlan", "ipam": {"type": "dhcp"}})
    before = bed.ledger()

    def wire() -> None:
        """The operator's part, who cannot do it before the bridge is there."""
        wait_until(lambda: "podwlan" in bed.host.run("ip", "link"), "there is no bridge")
        bed.host.run("ip", "link", "set", "uplink0", "master", "podwlan")

    with server(bed) as dhcp:
        operator = threading.Thread(target=wire)
        operator.start()
        pod = lease(bed)
        operator.join()
        assert pod.up, f"{pod.error} {dhcp.said()}"
        mine = pod.ip
        with serving(pod.pid, "0.0.0.0", 80):
            assert ask(bed.outside.pid, mine, 80) == OUTSIDE
            in_pod(pod, "ip", "address", "add", "192.0.2.77/25", "dev", "eth0")
            assert refused(bed.outside.pid, "192.0.2.77", 80), "it is not the pod's"
        pod.down()
        dhcp.await_said(f"DHCPRELEASE(wire) {mine}")
    bed.host.run("ip", "link", "set", "uplink0", "nomaster")
    bed.reclaim()
    assert bed.settled(before) == before


def test_an_executable_further_down_the_chain_is_told_of_the_lease(bed: Bed) -> None:
    chain = {"cniVersion": "1.0.0", "name": "lan", "plugins": [LAN, {"type": "sbr"}]}
    (bed.confs / "10-lan.conf").rename(bed.confs / "10-lan.conflist")
    (bed.confs / "10-lan.conflist").write_text(json.dumps(chain))
    before = bed.ledger()
    request = {**bed.request("web", net="lan"), "plugin_dirs": ["/usr/lib/cni"]}
    with server(bed, "option:router,192.0.2.2"):
        pod = Pod(bed, request, {}, first=True)
        bed.pods.append(pod)
        assert pod.up, pod.error
        assert f"from {pod.ip} lookup 100" in in_pod(pod, "ip", "rule")
        pod.down()
    assert bed.settled(before) == before


def test_without_a_server_the_pod_does_not_start(bed: Bed) -> None:
    before = bed.ledger()
    pod = lease(bed)
    assert pod.error == (
        "network lan: dhcp: no server on the network of uplink0 gives an address;"
        " see whether one is there, and has any left"
    )
    assert pod.answer["reason"] == "no-lease"
    assert bed.settled(before) == before
    with server(bed):
        assert lease(bed).up


def test_a_real_pod_has_its_lease_from_before_its_apps_to_its_end(
    tmp_path: Path, lab: Keys
) -> None:
    """Also when the process that waits for it has become small in between."""
    with Lab(tmp_path, lab.key) as made:
        host = made.one
        host.network(
            {"name": "lan", "type": "macvlan", "master": "uplink", "ipam": {"type": "dhcp"}}
        )
        before = host.ledger()
        with Dnsmasq(
            tmp_path,
            lambda command: made.outside.wrapped(*command),
            link="lan",
            first="192.0.2.100",
            last="192.0.2.109",
            mask="255.255.255.0",
            options=("option:dns-server,192.0.2.254", "option:domain-search,a.example"),
        ) as dhcp:
            shown = "cat /etc/resolv.conf; ip -4 -o address show eth0; echo end"
            pod = host.run("web", f"{shown}; {SLEEP}", "--net=lan")
            assert pod.process.stdout is not None
            said = "".join(iter(pod.process.stdout.readline, "end\n"))
            assert "nameserver 192.0.2.254" in said
            assert "search a.example" in said
            mine = pod.address()
            assert f"inet {mine}/24" in said
            with Services() as services:
                services.tcp(pod, "0.0.0.0", 80, "web")
                assert network_services.ask(made.two, "tcp", mine, 80) == "web 192.0.2.2"
            parent = int((pod.directory / "ppid").read_text())
            comm = f"/proc/{host.base.pid}/root/proc/{parent}/comm"
            wait_until(lambda: Path(comm).read_text() == "podwright-wait\n", "it does not wait")
            pod.stop()
            dhcp.await_said(f"DHCPRELEASE(lan) {mine}")
            killed = host.run("shop", SLEEP, "--net=lan", "--private-users")
            killed.kill()
            wait_until(
                lambda: host.status("pgrep", "-f", "udhcpc") != 0, "a client outlives its pod"
            )
        host.agent.ok("gc", "--grace-period=0s", "--expire-prepared=0s")
        host.agent.ok("gc", "--grace-period=0s", "--expire-prepared=0s")
        assert host.settled(before) == before


@pytest.mark.threat("T85")
@pytest.mark.parametrize("killed", ["pod", "launcher"])
def test_the_client_ends_with_its_pod_however_that_ends(bed: Bed, killed: str) -> None:
    with server(bed) as dhcp:
        pod = lease(bed)
        assert pod.up, pod.error
        (client,), mine = clients(pod), pod.ip
        if killed == "pod":
            os.kill(pod.pid, signal.SIGKILL)
        else:
            pod.kill()
        wait_until(lambda: not is_alive(client), "the client outlives its pod")
        if killed == "pod":
            pod.down()  # the launcher notices
            dhcp.await_said("DHCPRELEASE(wire)")
    pod.close()
    assert bed.reclaim() == ([] if killed == "pod" else [f"{mine} of pod web"])


@pytest.mark.threat("T74")
def test_the_client_sees_programs_only_and_can_do_nothing_but_its_work(bed: Bed) -> None:
    with server(bed):
        pod = lease(bed)
        (client,) = clients(pod)
    root = f"/proc/{client}/root"
    found = set(os.listdir(root))
    system = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"}
    top = str(Path(__file__).resolve()).split("/")[1]
    assert found <= {*system, "event", "held", top}
    assert not found & {"proc", "etc", "run", "var", "dev", "sys"}
    mounts = Path(f"/proc/{client}/mountinfo").read_text().splitlines()
    assert all(line.split()[5].startswith("ro,") for line in mounts if line.split()[4] != "/")
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{client}/status").read_text().splitlines()
    )
    work = f"{1 << 10 | 1 << 12 | 1 << 13:016x}"
    assert (status["CapPrm"], status["CapBnd"], status["NoNewPrivs"]) == (work, work, "1")
    assert len(status["NSpid"].split()) > 1
    assert status["PPid"] == str(pod.pid)


def ip(text: str) -> bytes:
    return socket.inet_aton(text)


MASK = ip("255.255.255.128")


@pytest.mark.parametrize(
    ("address", "mask", "said"),
    [
        ("127.0.0.1", "255.0.0.0", "offers 127.0.0.1/8, which is not an address that a pod"),
        ("224.0.0.9", "255.255.255.0", "offers 224.0.0.9/24, which is not an address that a pod"),
        ("169.254.169.254", "255.255.0.0", "offers 169.254.169.254/16, which is not an address"),
        ("192.0.2.127", "255.255.255.128", "offers 192.0.2.127/25, which is not an address"),
        (HOST, "255.255.255.128", f"offers {HOST}, which this host has already"),
        ("172.16.28.2", "255.255.255.0", "offers 172.16.28.2, which pod shop has already"),
    ],
)
def test_an_answer_that_would_be_somebody_elses_is_refused(
    bed: Bed, address: str, mask: str, said: str
) -> None:
    shop = bed.pod("shop")
    assert shop.ip == "172.16.28.2"
    before = bed.ledger()
    with liar(bed.outside, address, {1: ip(mask)}):
        pod = lease(bed)
    assert said in pod.error
    assert pod.answer["reason"] == "bad-lease"
    assert bed.settled(before) == before


def test_what_else_a_hostile_server_says_is_values_or_nothing(bed: Bed, tmp_path: Path) -> None:
    evil = f"a\nb;`touch {tmp_path}/evil`".encode()  # a packet has room for two
    options = {
        1: MASK,
        3: ip("127.0.0.1") + ip("0.0.0.0") + ip("192.0.2.3"),
        6: ip("255.255.255.255") + ip("192.0.2.53"),
        12: evil,
        15: evil,
        119: b"\x05a;b c\x00\x02ok\x00",
        121: bytes((99,)) + ip("1.2.3.4"),
    }
    with liar(bed.outside, "192.0.2.30", options):
        pod = lease(bed)
    assert pod.up, pod.error
    held = json.loads((bed.net / "pods" / pod.uuid).read_text())["attachments"][0]
    assert held["addresses"] == [{"ip": "192.0.2.30", "prefix": 25, "gateway": "192.0.2.3"}]
    assert held["dns"]["nameservers"] == ["192.0.2.53"]
    assert held["dns"]["domain"] == ""
    assert set(held["dns"]["search"]) <= {"c", "ok"}, "words, of which none is more than a name"
    assert [route["dst"] for route in held["routes"]] == ["192.0.2.0/25", "0.0.0.0/0"]
    assert not (tmp_path / "evil").exists()
    assert "evil" not in json.dumps(held)


def test_a_host_without_a_client_says_what_to_install(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch(0o644)
    with Bed(tmp_path, "--mount") as bed:
        configure(bed, "lan", LAN)
        before = bed.ledger()
        for path in {os.path.realpath("/usr/sbin/udhcpc"), os.path.realpath("/usr/bin/busybox")}:
            bed.host.run("mount", "--bind", str(empty), path)
        with server(bed):
            pod = lease(bed)
        assert pod.error == (
            "network lan: dhcp: there is no client on this host;"
            " install the package udhcpc, or a busybox that has it"
        )
        assert bed.settled(before) == before


def test_a_busybox_that_has_the_client_will_do(bed: Bed) -> None:
    code = """if True:
        from podwright.net.dhcp import client
        client.CLIENTS = tuple(one for one in client.CLIENTS if len(one) > 1)
        print(client.find())
    """
    assert bed.agent(code) == "('/usr/bin/busybox', 'udhcpc')\n"


@pytest.mark.parametrize(
    ("conf", "net", "said"),
    [
        ({"type": "ptp"}, "lan", "ipam.type: dhcp needs a link to a wire with a server on it"),
        ({}, "lan:IP=192.0.2.7", "argument IP: the address is the DHCP server's to choose"),
        (
            {"ipam": {"type": "dhcp", "provide": [{"option": "12", "fromArg": "NAME"}]}},
            "lan",
            "ipam.provide[0].fromArg: argument NAME is not given",
        ),
        (
            {"ipam": {"type": "dhcp", "provide": [{"option": "54", "value": "x"}]}},
            "lan",
            "ipam.provide[0].option: '54' is not an option that can be set",
        ),
        (
            {"ipam": {"type": "dhcp", "request": [{"option": "nonsense"}]}},
            "lan",
            "ipam.request[0].option: 'nonsense' is not an option that can be set",
        ),
        ({"ipam": {"type": "dhcp", "subnet": "10.0.0.0/8"}}, "lan", "has no such key"),
    ],
)
def test_what_dhcp_cannot_do_is_refused_before_anything_starts(
    bed: Bed, conf: dict[str, Any], net: str, said: str
) -> None:
    plain = {"ipam": LAN["ipam"]} if conf.get("type") == "ptp" else LAN
    configure(bed, "lan", {**plain, **conf})
    before = bed.ledger()
    pod = bed.launch("web", net=net, first=True)
    assert said in pod.error
    assert bed.settled(before) == before


def test_a_pod_without_a_pid_namespace_cannot_have_a_client(bed: Bed) -> None:
    assert "has no PID namespace of its own" in bed.launch("web", net="lan").error


OLD_TABLE = """
table inet podwright {
  set sources { type ifname . ipv4_addr; }
  set pods { type ipv4_addr; }
  map any_ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname "podw*" meta nfproto != ipv4 drop
  }
}
add element inet podwright sources { "LINK" . 172.16.28.2 }
add element inet podwright pods { 172.16.28.2 }
"""


class Former:
    """A pod that the agent before has started: its lease, link, rules and lock."""

    def __init__(self, bed: Bed) -> None:
        self.uuid = str(uuid.uuid4())
        self.link = f"podw{self.uuid.replace('-', '')[:10]}"
        pod_dir = bed.run_dir / self.uuid
        pod_dir.mkdir()
        self.lock = os.open(pod_dir, os.O_RDONLY)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        folder = bed.net / "default"
        folder.mkdir(parents=True)
        bed.net.chmod(0o700)
        record = {
            "uuid": self.uuid,
            "name": "old",
            "boot": boot,
            "host_if": self.link,
            "run_dir": str(bed.run_dir),
            "ports": [["tcp", "", 8080, 80]],
        }
        (folder / "172.16.28.2").write_text(json.dumps(record))
        (bed.net / "last").write_text("2")
        links = {"boot": boot, "links": ["uplink0", "uplink1"]}
        (bed.net / "forwarding").write_text(json.dumps(links))
        bed.host.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        bed.host.run("nft", "-f", "-", stdin=OLD_TABLE.replace("LINK", self.link))
        bed.host.run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "peer")


def test_pods_of_the_agent_before_keep_what_they_have_and_give_it_back(bed: Bed) -> None:
    before = bed.ledger()
    old = Former(bed)
    assert "tcp port 8080: is already in use by pod old" in bed.launch("web", ["8080:80"]).error
    pod = bed.pod("web", "8081:80")
    assert pod.ip == "172.16.28.3"
    assert bed.reclaim() == []
    rules = bed.host.run("nft", "list", "table", "inet", "podwright")
    assert f'"{old.link}" . 172.16.28.2' in rules
    assert '"uplink0"' in rules, "the host still does not route between its links"
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8081) == OUTSIDE
    os.close(old.lock)
    assert bed.reclaim() == ["172.16.28.2 of pod old"]
    assert "172.16.28.2" not in bed.host.run("nft", "list", "ruleset")
    pod.down()
    bed.reclaim()
    assert bed.settled(before) == before


@pytest.mark.parametrize("others", [False, True])
def test_a_parent_of_before_that_goes_on_gives_everything_back(bed: Bed, others: bool) -> None:
    before = bed.ledger()
    old = Former(bed)
    if others:
        bed.pod("web")
    state = {"net_dir": str(bed.net), "ip": "172.16.28.2", "host_if": old.link}
    bed.agent(f"""if True:
        from podwright.stage1.namespaces import resume
        raw = {{"lock": -1, "cgroups": [], "network": {state!r}, "label": None, "users": None,
               "nspawn": ["", -1]}}
        resume._give_back({old.uuid!r}, RUN + "/x", resume._owned(raw), None)
    """)
    os.close(old.lock)
    assert old.link not in bed.host.run("ip", "-o", "link")
    assert "172.16.28.2" not in bed.host.run("nft", "list", "ruleset")
    if others:
        bed.pods[-1].down()
    bed.reclaim()
    assert bed.settled(before) == before
