# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest whose kernel has VLANs and ipvlan: pods on them, who reaches whom, and what is left."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from inside import AGENT, call, podwright, tell, wait_for

COMMON = ("--insecure-options=image",)
IMAGE = podwright(*COMMON, "fetch", "tiny.aci").stdout.strip()
PODS = Path("/var/lib/podwright/pods/run")
SERVE = """
import socket
server = socket.create_server(("", 80))
print("up", flush=True)
while True:
    connection, client = server.accept()
    connection.sendall(client[0].encode())
    connection.close()
"""
ASK = """
import socket, sys
try:
    print(socket.create_connection((sys.argv[1], 80), 4).recv(99).decode())
except OSError:
    print("nothing")
"""


def network(name: str, **plugin: object) -> None:
    path = Path("/etc/podwright/net.d") / f"{name}.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cniVersion": "1.0.0", "name": name, **plugin}))


def local(subnet: str) -> dict[str, str]:
    return {"type": "host-local", "subnet": subnet}


class Pod:
    """A pod with something that answers on port 80 with the caller's address."""

    def __init__(self, net: str) -> None:
        save = Path(f"/run/uuid-{net}-{id(self)}")
        run = (*COMMON, "run", f"--net={net}", f"--uuid-file-save={save}", IMAGE)
        self.process = subprocess.Popen([AGENT, *run, "--exec=/bin/sleep", "--", "9999"])
        wait_for(lambda: save.exists() and self.found(save), f"a pod on {net}")
        self.server = subprocess.Popen(
            [*self.inside, "python3", "-c", SERVE], stdout=subprocess.PIPE, text=True
        )
        assert self.server.stdout is not None
        self.server.stdout.readline()

    def found(self, save: Path) -> bool:
        """Whether it runs."""
        text = save.read_text().strip()
        status = json.loads(podwright("status", "--format=json", text).stdout or "{}")
        shown = status[0] if isinstance(status, list) else status
        pid = PODS / text / "pid"
        if shown.get("state") != "running" or not pid.exists() or not shown.get("networks"):
            return False
        self.uuid = text
        self.address = shown["networks"][0]["ip"]
        self.link = shown["networks"][0]["hostIf"]
        self.inside = ["nsenter", f"--net=/proc/{pid.read_text().strip()}/ns/net"]
        return True

    def ask(self, address: str) -> str:
        """What the server at an address answers to this pod."""
        return str(call(*self.inside, "python3", "-c", ASK, address).stdout.strip())

    def end(self) -> None:
        self.server.kill()
        podwright("stop", self.uuid)
        self.process.wait(120)


def ask(address: str, *inside: str) -> str:
    return str(call(*inside, "python3", "-c", ASK, address).stdout.strip())


def links() -> str:
    return str(call("ip", "-br", "link").stdout)


def ipvlan() -> None:
    """Pods on a wire to a neighbour, in each mode."""
    for command in (
        "ip netns add neighbour",
        "ip link add uplink type veth peer name wire netns neighbour",
        "ip address add 192.0.2.1/24 dev uplink",
        "ip link set uplink up",
        "ip -n neighbour address add 192.0.2.2/24 dev wire",
        "ip -n neighbour link set wire up",
        "ip -n neighbour route add 10.5.0.0/24 via 192.0.2.1",
    ):
        call(*command.split())
    neighbour = ("ip", "netns", "exec", "neighbour")
    server = subprocess.Popen(
        [*neighbour, "python3", "-c", SERVE], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    server.stdout.readline()
    before = links()
    for mode in ("l2", "l3", "l3s"):
        # In l3 modes nobody answers ARP: a subnet of its own, to which neighbours have a route.
        ipam: dict[str, object] = {**local("10.5.0.0/24"), "routes": [{"dst": "0.0.0.0/0"}]}
        if mode == "l2":
            ipam = {**local("192.0.2.0/24"), "rangeStart": "192.0.2.100"}
        network("wire", type="ipvlan", master="uplink", mode=mode, ipam=ipam)
        one, two = Pod("wire"), Pod("wire")
        shown = json.loads(call(*one.inside, "ip", "-d", "-j", "link", "show", "eth0").stdout)
        seen = {
            "mode": shown[0]["linkinfo"]["info_data"]["mode"],
            "neighbour to pod": ask(one.address, *neighbour),
            "pod to neighbour": one.ask("192.0.2.2") == one.address,
            "pod to pod": two.ask(one.address) == two.address,
        }
        one.end()
        two.end()
        tell(**{f"ipvlan_{mode}": seen})
    tell(ipvlan_left=links() == before)
    server.kill()


def vlans() -> None:
    """Two networks with the same bridge, told apart by their VLANs."""
    before = links()
    common = {"type": "bridge", "bridge": "trunk", "isGateway": True, "preserveDefaultVlan": False}
    network("ten", vlan=10, ipam=local("10.1.0.0/24"), **common)
    network("twenty", vlan=20, ipam=local("10.2.0.0/24"), **common)
    network("plain", **{**common, "bridge": "other"}, ipam=local("10.3.0.0/24"))
    one, two, other = Pod("ten"), Pod("ten"), Pod("twenty")
    shown = json.loads(call("bridge", "-j", "vlan").stdout)
    tell(
        vlan_ports={item["ifname"]: [v["vlan"] for v in item["vlans"]] for item in shown},
        vlan_expected={one.link: [10], other.link: [20]},
        vlan_host=ask(one.address),
        vlan_same=one.ask(two.address) == one.address,
        vlan_other=one.ask(other.address),
    )
    # The same addresses on both sides, so that only the VLAN is between them.
    for pod, address in ((one, "10.4.0.1/24"), (other, "10.4.0.2/24")):
        call(*pod.inside, "ip", "address", "add", address, "dev", "eth0")
    for table in ("bridge", "inet"):
        call("nft", "flush", "chain", table, "podwright", "guard")
    tell(vlan_wire=one.ask("10.4.0.2"))
    call("bridge", "vlan", "add", "dev", other.link, "vid", "10", "pvid", "untagged")
    tell(vlan_wire_control=one.ask("10.4.0.2"))
    for pod in (one, two, other):
        pod.end()
    tell(vlan_left=links() == before, vlan_links=links())


ipvlan()
vlans()
