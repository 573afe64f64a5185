# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod is replaced while it runs on a host with systemd: its unit never stops, and keeps its name."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.test_replace import Client
from tests.conftest import Keys
from tests.support import aci, hosts, tiny_image
from tests.support.fleet import Fleet
from tests.support.namespaces import only_child
from tests.support.network_lab import PATIENCE, wait_until
from tests.support.paths import AGENT
from tests.support.processes import Running

UNIT = "podwright-web.service"
HOST6, OUTSIDE6 = "2001:db8:6::1", "2001:db8:6::2"
SERVER = "mkdir -p /www; echo -n $REVISION >/www/index.html; exec httpd -f -p 80 -h /www"


class Machine:
    """A host with systemd and the agent, as somebody sees it who is logged in."""

    def __init__(self, fleet: Fleet, scratch: Path, keys: Keys) -> None:
        self.fleet, self.host = fleet, fleet.hosts[0]
        running = Running.load(fleet.state / "running.json")
        assert running is not None
        self.outside = only_child(running.pid)
        self._copy(AGENT.parent.parent, "/opt/podwright", "--exclude=__pycache__")
        image = scratch / "tiny.aci"
        port = {"name": "http", "protocol": "tcp", "port": 80}
        image.hardlink_to(tiny_image.build(app=aci.app(["/bin/sh"], ports=[port])))
        keys.key.sign(image)
        self._copy(scratch, "/root/images", image.name, f"{image.name}.asc")
        trusted = "/etc/podwright/trustedkeys/prefix.d/example.com"
        self.ok("mkdir", "-p", trusted)
        self.ok("tee", f"{trusted}/{keys.key.fingerprint.lower()}", stdin=keys.key.armoured)
        self.podwright("fetch", f"/root/images/{image.name}")
        self.ok("ip", "-6", "address", "add", f"{HOST6}/64", "dev", "host0", "nodad")
        bridge = ["ip", "-6", "address", "add", f"{OUTSIDE6}/64", "nodad", "dev"]
        links = json.loads(self.beyond("ip", "-j", "address"))
        (link,) = [one["ifname"] for one in links if "10.99.0." in json.dumps(one["addr_info"])]
        self.beyond(*bridge, link)

    def _copy(self, source: Path, target: str, *what: str) -> None:
        pack = ["tar", "-C", str(source), "-c", *(what if "--" not in what[0] else (*what, "."))]
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as tar:
            unpack = f"mkdir -p {target} && tar -x -C {target}"
            subprocess.run([*self._ssh(), unpack], stdin=tar.stdout, check=True)

    def _ssh(self) -> list[str]:
        return ["ssh", "-F", str(self.fleet.ssh_config), "-oBatchMode=yes", self.host.name]

    def __call__(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command there."""
        return subprocess.run([*self._ssh(), shlex.join(command)], check=False, input=stdin,
                              capture_output=True, text=True, timeout=180)  # fmt: skip

    def ok(self, *command: str, stdin: str = "") -> str:
        """The same; it must succeed."""
        done = self(*command, stdin=stdin)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def podwright(self, *arguments: str, stdin: str = "") -> str:
        """The agent there; it must succeed."""
        return self.ok("/opt/podwright/bin/podwright", *arguments, stdin=stdin)

    def outside_of(self, *command: str) -> list[str]:
        """A command that runs on the other side of the host's link."""
        return ["nsenter", f"--net=/proc/{self.outside}/ns/net", *command]

    def beyond(self, *command: str) -> str:
        """What such a command prints."""
        done = subprocess.run(self.outside_of(*command), check=True, capture_output=True, text=True)
        return done.stdout

    def show(self, name: str) -> str:
        """A property of the pod's unit."""
        return self.ok("systemctl", "show", f"--property={name}", "--value", UNIT).strip()

    def apply(self, revision: str, **changes: Any) -> dict[str, Any]:
        """Bring about the web server of a revision."""
        answer = json.loads(self.podwright("apply", stdin=json.dumps(pod(revision, **changes))))
        assert isinstance(answer, dict)
        return answer

    def says(self) -> str:
        """What the web server answers."""
        return self.beyond(
            "curl", "-sS", "--max-time", str(PATIENCE), f"http://{self.host.address}:8080/"
        )


def pod(revision: str, **changes: Any) -> dict[str, Any]:
    body = {
        "name": "web",
        "image": tiny_image.NAME,
        "exec": ["/bin/sh", "-c", SERVER],
        "environment": {"REVISION": revision},
        "ports": [{"name": "http", "host_port": 8080}],
        "ready": {"tcp": 80},
        "replace": "start-first",
    }
    return {"pods": [{**body, **changes}]}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Machine]:
    scratch = tmp_path_factory.mktemp("systemd")
    state = scratch / "fleet"
    (scratch / "images").mkdir()
    try:
        yield Machine(hosts.create(state, 1), scratch / "images", lab)
    finally:
        hosts.destroy(state)


def test_the_unit_goes_on_while_the_pod_is_replaced(machine: Machine, tmp_path: Path) -> None:
    machine.apply("1")
    began = machine.show("ActiveEnterTimestampMonotonic"), machine.show("InvocationID")
    first = machine.show("MainPID")
    wrap = machine.outside_of()
    addresses = (machine.host.address, HOST6)
    clients = [Client(wrap, one, tmp_path / one.replace(":", "-")) for one in addresses]
    try:
        for client in clients:
            client.await_answer("1")
        answer = machine.apply("2")
        assert answer["pods"][0]["actions"] == ["prepare", "start", "stop"]
        for client in clients:
            client.await_answer("2")
    finally:
        for client in clients:
            client.end()
    assert [client.said() for client in clients] == [["1", "2"], ["1", "2"]]
    assert machine.show("ActiveState") == "active" and machine.show("NRestarts") == "0"
    assert (machine.show("ActiveEnterTimestampMonotonic"), machine.show("InvocationID")) == began
    main = machine.show("MainPID")
    status = json.loads(machine.podwright("status", "web", "--format=json"))
    parent = machine.ok("ps", "-o", "ppid=", "-p", str(status["pid"])).strip()
    assert main == parent != first
    assert machine.apply("2")["changed"] is False

    machine.ok("kill", "-9", main)  # systemd notices, as of any main process, and starts it again
    wait_until(lambda: machine.show("NRestarts") == "1" and machine.show("SubState") == "running",
               "the unit does not come back")  # fmt: skip
    assert machine.says() == "2"
    machine.ok("systemctl", "restart", UNIT)
    assert machine.says() == "2"
    machine.podwright("stop", "web")
    assert machine.show("ActiveState") == "inactive"
    machine.podwright("start", "web")
    assert machine.says() == "2"


def test_what_does_not_become_ready_leaves_the_unit_alone(machine: Machine) -> None:
    machine.apply("1")
    main = machine.show("MainPID")
    bad = json.dumps(pod("2", exec=["/bin/sh", "-c", "exit 7"]))
    done = machine("/opt/podwright/bin/podwright", "apply", stdin=bad)
    answer = json.loads(done.stdout)
    assert answer["pods"][0]["rolled_back"] is True and "status 7" in answer["error"]["message"]
    assert (machine.show("MainPID"), machine.show("NRestarts")) == (main, "0")
    assert machine.says() == "1"
    machine.podwright("rollback", "web", "--to=1")
    machine.podwright("apply", stdin=json.dumps({"pods": [{"name": "web", "state": "absent"}]}))
    assert machine.ok("sh", "-c", "ls /etc/systemd/system | grep podwright- || true") == ""
