# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest whose kernel follows connections on bridges and has SCTP: rules between pods of one bridge, SCTP ports."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from inside import AGENT, call, podwright, tell, wait_for

COMMON = ("--insecure-options=image",)
IMAGE = podwright(*COMMON, "fetch", "tiny.aci").stdout.strip()
PODS = Path("/var/lib/podwright/pods/run")
SERVE = """
import socket, sys
kind = 132 if sys.argv[1] == "sctp" else 6
family = socket.AF_INET6 if sys.argv[2] == "6" else socket.AF_INET
server = socket.socket(family, socket.SOCK_STREAM, kind)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if family == socket.AF_INET6:
    server.setsockopt(41, 26, 1)
server.bind(("", int(sys.argv[3])))
server.listen()
print("up", flush=True)
while True:
    connection, client = server.accept()
    connection.sendall(client[0].encode())
    connection.close()
"""
ASK = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
client = socket.socket(family, socket.SOCK_STREAM, 132 if sys.argv[1] == "sctp" else 6)
client.settimeout(float(sys.argv[4]))
try:
    client.connect((sys.argv[2], int(sys.argv[3])))
    print(client.recv(99).decode())
except OSError:
    print("nothing")
"""
SERVERS: list[subprocess.Popen[str]] = []


def serve(inside: list[str], proto: str, family: str, port: int) -> None:
    command = [*inside, "python3", "-c", SERVE, proto, family, str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline() == "up\n", (proto, family, port)
    SERVERS.append(server)


def ask(inside: list[str], proto: str, address: str, port: int, seconds: int = 30) -> str:
    command = [*inside, "python3", "-c", ASK, proto, address, str(port), str(seconds)]
    return str(call(*command).stdout.strip())


class Pod:
    """A pod that sleeps; servers are put into its network from here."""

    def __init__(self, *options: str) -> None:
        save = Path(f"/run/uuid-{id(self)}")
        run = (*COMMON, "run", *options, f"--uuid-file-save={save}", IMAGE)
        self.process = subprocess.Popen([AGENT, *run, "--exec=/bin/sleep", "--", "9999"])
        wait_for(lambda: save.exists() and self.found(save), "a pod")

    def found(self, save: Path) -> bool:
        """Whether it runs."""
        text = save.read_text().strip()
        shown = json.loads(podwright("status", "--format=json", text).stdout or "{}")
        pid = PODS / text / "pid"
        if shown.get("state") != "running" or not pid.exists() or not shown.get("networks"):
            return False
        self.uuid = text
        self.address, self.six = (
            one.partition("/")[0] for one in shown["networks"][0]["addresses"]
        )
        self.inside = ["nsenter", f"--net=/proc/{pid.read_text().strip()}/ns/net"]
        return True

    def end(self) -> None:
        podwright("stop", self.uuid)
        self.process.wait(120)


def rules() -> None:
    """Three pods on a bridge: one that another one may call, which may call only that one."""
    path = Path("/etc/podwright/net.d/back.conf")
    path.parent.mkdir(parents=True, exist_ok=True)
    ranges = [[{"subnet": "10.7.0.0/24"}], [{"subnet": "fd07::/64"}]]
    plugin = {"type": "bridge", "bridge": "back0", "ipam": {"type": "host-local", "ranges": ranges}}
    path.write_text(json.dumps({"cniVersion": "1.0.0", "name": "back", **plugin}))
    friend = Pod("--net=back:IP=10.7.0.3+fd07::3")
    stranger = Pod("--net=back:IP=10.7.0.4+fd07::4")
    closed = Pod(
        "--net=back:IP=10.7.0.2+fd07::2",
        "--allow=from=10.7.0.3,ports=80/tcp",
        "--allow=from=fd07::3,ports=80/tcp",
        "--allow=to=10.7.0.3",
    )
    for pod in (closed, friend, stranger):
        for family in ("4", "6"):
            serve(pod.inside, "tcp", family, 80)
    serve(closed.inside, "tcp", "4", 81)
    denied = {
        "in, v4": (stranger, closed.address, 80),
        "in, v6": (stranger, closed.six, 80),
        "in, other port": (friend, closed.address, 81),
        "out, v4": (closed, stranger.address, 80),
        "out, v6": (closed, friend.six, 80),
    }
    tell(
        friend=[ask(friend.inside, "tcp", one, 80) for one in (closed.address, closed.six)],
        out=ask(closed.inside, "tcp", friend.address, 80),
        denied={
            name: ask(pod.inside, "tcp", address, port, 2)
            for name, (pod, address, port) in denied.items()
        },
        check=podwright("network", "check").returncode,
    )
    for chain in ("enter", "leave"):
        call("nft", "flush", "chain", "bridge", "podwright", f"{chain}_{closed.uuid}")
    tell(
        control={
            name: ask(pod.inside, "tcp", address, port)
            for name, (pod, address, port) in denied.items()
        }
    )
    for pod in (closed, friend, stranger):
        pod.end()
    tell(left=call("nft", "list", "ruleset").stdout)


def sctp() -> None:
    """A port of SCTP, called from a neighbour and from the host."""
    for command in (
        "ip netns add neighbour",
        "ip link add uplink type veth peer name wire netns neighbour",
        "ip address add 192.0.2.1/24 dev uplink",
        "ip address add 2001:db8::1/64 dev uplink nodad",
        "ip link set uplink up",
        "ip -n neighbour address add 192.0.2.2/24 dev wire",
        "ip -n neighbour address add 2001:db8::2/64 dev wire nodad",
        "ip -n neighbour link set wire up",
    ):
        call(*command.split())
    neighbour = ["ip", "netns", "exec", "neighbour"]
    pod = Pod("--port=diameter:3868", "--allow=from=192.0.2.2,ports=3868/sctp")
    for family in ("4", "6"):
        serve(pod.inside, "sctp", family, 3868)
    tell(
        sctp_neighbour=ask(neighbour, "sctp", "192.0.2.1", 3868),
        sctp_denied=ask(neighbour, "sctp", "2001:db8::1", 3868, 3),
        sctp_host=ask([], "sctp", "127.0.0.1", 3868),
        sctp_gateway=ask([], "sctp", "192.0.2.1", 3868),
    )
    call("nft", "flush", "chain", "inet", "podwright", f"enter_{pod.uuid}")
    tell(sctp_control=ask(neighbour, "sctp", "2001:db8::1", 3868))
    pod.end()


rules()
sctp()
for server in SERVERS:
    server.kill()
