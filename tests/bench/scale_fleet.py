# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet to measure with: systemd hosts with the agent, installed by the role, and the ways to change their pods.

Each host has six pods of the same image: two for each way (`SETS`), so that no way finds what another one did. A
change gives the first of the two another environment, which replaces that pod; the image is there already.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shutil
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import meter
from tests.modules.pod_hosts import Controller
from tests.support import cgroups, hosts, tiny_image
from tests.support.certs import server_files
from tests.support.fleet import BRIDGE, GATEWAY, IMAGE_HOST, Fleet
from tests.support.gpglab import GpgLab, Key
from tests.support.namespaces import in_network_of, only_child
from tests.support.paths import AGENT
from tests.support.processes import Running
from tests.support.webserver import ImageServer
from tools import collection

NAME = f"{IMAGE_HOST}/tiny"
OWNER = "scale"
PORT = 8443
SETS = {"module": "push", "rollout": "roll", "pull": "pull"}
"""How the pods of each way are called: push1, push2, ..."""
PODS = 2
FORKS = 25
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
"""The services of a host have some ten each, and the hosts here are all root's."""
PER_HOST = 30
WATCH = """\
[Path]
PathModified=/var/lib/scale/go
Unit=podwright-pull.service

[Install]
WantedBy=multi-user.target
"""
TELL = """\
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStopPost=/bin/sh -c 'echo $SERVICE_RESULT > /var/lib/scale/done.new; mv /var/lib/scale/done.new /var/lib/scale/done'
"""


@dataclasses.dataclass(frozen=True)
class Turn:
    """One way on some of the hosts: what it cost the controller, the hosts, and the server of bundles."""

    way: str
    hosts: int
    controller: meter.Cost | None
    wall: float
    host_cpu: float
    requests: Mapping[str, int]
    sent: int


class ScaleFleet:
    """See the module."""

    def __init__(self, state: Path, count: int, lab: GpgLab) -> None:
        self.fleet: Fleet = hosts.create(state, count, boot_timeout=1800)
        self.base = state / "controller"
        self.base.mkdir()
        self.key: Key = lab.generate("Scale <scale@example.com>")
        self.lab = lab
        self.serial = 0
        self.controller = Controller(self.base, self.fleet, collection.installed())
        running = Running.load(state / "running.json")
        assert running is not None
        self.init = only_child(running.pid)
        top = cgroups.CgroupSet(hosts._cgroup(state))  # the same that it was made in
        self.group = meter.accounting(top.paths)
        files = server_files(self.fleet.tls, [IMAGE_HOST])
        self.server = ImageServer(self.fleet.www, [IMAGE_HOST], files=files)
        self.server.serve_on(
            in_network_of(self.init, lambda: socket.create_server((GATEWAY, PORT), backlog=512))
        )

    def close(self) -> None:
        """Nothing of it is left."""
        self.server.close()
        hosts.destroy(self.fleet.state)

    def furnish(self, sizes: Sequence[int]) -> None:
        """Install the agent by its role, and run the pods of all ways."""
        images = self.fleet.www / "images" / IMAGE_HOST
        images.mkdir(parents=True)
        image = images / "tiny-1.0-linux-amd64.aci"
        shutil.copyfile(tiny_image.build(NAME), image)
        self.key.sign(image)
        self.bundle("0")
        self._inventory(sizes)
        self._book("furnish", self._furnishing())
        self.play("furnish", len(self.fleet.hosts), timeout=3600)
        for way in ("module", "rollout"):
            self._change(way, len(self.fleet.hosts), "0", timeout=3600)
        self.pull(len(self.fleet.hosts), timeout=3600)

    def _furnishing(self) -> list[dict[str, Any]]:
        key = {"fingerprint": self.key.fingerprint, "key": self.key.armoured}
        pull = {"url": f"https://{IMAGE_HOST}:{PORT}/fleet.json", "fleet": OWNER, "keys": [key]}
        units = {"bench-pull.path": WATCH, "podwright-pull.service.d/bench.conf": TELL}
        line = "mkdir -p /var/lib/scale /etc/systemd/system/podwright-pull.service.d\n"
        for name, text in units.items():
            line += f"cat >/etc/systemd/system/{name} <<'EOF'\n{text}EOF\n"
        line += "touch /var/lib/scale/go; systemctl daemon-reload; systemctl start bench-pull.path"
        role = {
            "role": "podwright.fleet.agent",
            "vars": {
                "podwright_agent_ca_certificates": [(self.fleet.tls / "ca.pem").read_text()],
                # The timer is to be there, and not to go off in the middle of a measurement.
                "podwright_agent_pull": {**pull, "schedule": "2100-01-01", "splay": "0"},
            },
        }
        return [
            {"ansible.builtin.import_role": {"name": role["role"]}, "vars": role["vars"]},
            {"podwright.fleet.trust": {"prefix": NAME, **key}},
            {"ansible.builtin.shell": line},
        ]

    def _inventory(self, sizes: Sequence[int]) -> None:
        everything = self.controller.hosts("ssh", ansible_python_interpreter="/usr/bin/python3")
        everything["vars"]["ansible_become"] = False
        names = [host.name for host in self.fleet.hosts]
        groups: dict[str, Any] = {
            f"first{size}": {"hosts": {name: {} for name in names[:size]}}
            for size in {*sizes, len(names)}
        }
        self.inventory = self.controller.inventory("fleet", {"fleet": everything, **groups})

    def _book(self, name: str, tasks: Sequence[Mapping[str, Any]], **more: Any) -> None:
        play = {
            "hosts": "{{ target }}",
            "gather_facts": "{{ facts | default(false) }}",
            **more,
            "tasks": list(tasks),
        }
        (self.base / f"{name}.json").write_text(json.dumps([play]))

    def pods(self, way: str, word: str) -> list[dict[str, Any]]:
        """The desired pods of a way; `word` is in the environment of the first."""
        body = {"image": f"{NAME}:1.0", "net": "none", "ready": {"seconds": 0.1}}
        found = [{"name": f"{SETS[way]}{n}", **body} for n in range(PODS)]
        found[0]["environment"] = {"WORD": word}
        return found

    def measured(
        self, *command: str, timeout: float = 900, env: Mapping[str, str] | None = None
    ) -> tuple[meter.Cost, str]:
        """Run one of Ansible's programs in this fleet's environment, with connections that are new."""
        shutil.rmtree(self.base / "cp", ignore_errors=True)
        words = {"ANSIBLE_PIPELINING": "true", "ANSIBLE_FORKS": str(FORKS), **(env or {})}
        return meter.measured(command, {**self.controller.env, **words}, self.base, timeout)

    def play(
        self,
        name: str,
        size: int,
        *flags: str,
        timeout: float = 900,
        env: Mapping[str, str] | None = None,
    ) -> tuple[meter.Cost, str]:
        """Run a playbook on the first hosts."""
        words = ["-i", str(self.inventory), "-e", f"target=first{size}", *flags]
        return self.measured("ansible-playbook", *words, name + ".json", timeout=timeout, env=env)

    def ping(self, size: int) -> tuple[meter.Cost, str]:
        """Ansible's own smallest module on the first hosts."""
        return self.measured(
            "ansible", "-i", str(self.inventory), f"first{size}", "-m", "ansible.builtin.ping"
        )

    def _change(
        self, way: str, size: int, word: str, timeout: float = 900
    ) -> tuple[meter.Cost, str]:
        if way == "module":
            self._book("module", [{"podwright.fleet.pod": {"pods": self.pods(way, word)}}])
            return self.play("module", size, timeout=timeout)
        variables = {
            "target": f"first{size}",
            "podwright_rollout_pods": self.pods(way, word),
            "podwright_rollout_settle": 0,
            "podwright_rollout_journal": str(self.base / "journal"),
            "podwright_rollout_accept_drift": True,
            # The first rollout of all puts the pods there, without caution.
            **({"podwright_rollout_batches": ["100%"]} if timeout > 900 else {}),
        }
        command = ["ansible-playbook", "-i", str(self.inventory), "podwright.fleet.rollout"]
        return self.measured(*command, "-e", json.dumps(variables), timeout=timeout)

    def bundle(self, word: str) -> meter.Cost:
        """Make and sign the next bundle: all that pull mode costs a controller."""
        self.serial += 1
        state = self.base / "state.json"
        state.write_text(json.dumps({"pods": self.pods("pull", word)}))
        make = [str(AGENT), "bundle", "make", f"--fleet={OWNER}", f"--serial={self.serial}"]
        sign = [f"--gpg-home={self.lab.home}", f"--sign-by={self.key.fingerprint}"]
        target = self.fleet.www / "fleet.json"
        said = [*make, "--expires=24h", *sign, str(state), str(target)]
        cost, _ = self.measured(*said)
        return cost

    def pull(self, size: int, timeout: float = 900) -> float:
        """Have hosts pull at the same moment, without a connection to them; seconds until the last one is done."""
        places = [host.var / "lib/scale" for host in self.fleet.hosts[:size]]
        for place in places:
            (place / "done").unlink(missing_ok=True)
        began = time.monotonic()
        for place in places:
            (place / "go").write_text(str(began))
        while not all((place / "done").exists() for place in places):
            if time.monotonic() - began > timeout:
                raise TimeoutError(f"the hosts had not pulled after {timeout:.0f} s")
            time.sleep(0.02)
        wall = time.monotonic() - began
        said = {(place / "done").read_text().strip() for place in places}
        assert said == {"success"}, said
        return wall

    def host_cpu(self, size: int) -> float:
        """Seconds of processor time that the first hosts have used since they were started."""
        return sum(meter.seconds(self.group / host.name) for host in self.fleet.hosts[:size])

    def host_memory(self) -> float:
        """MiB that a host's processes have for themselves, on average, with its pods; files in the cache apart."""
        total = 0
        for host in self.fleet.hosts:
            for listed in (self.group / host.name).rglob("cgroup.procs"):
                total += sum(meter.resident(int(pid)) for pid in listed.read_text().split())
        return total / 1024 / len(self.fleet.hosts)

    def sent(self) -> int:
        """Bytes that have crossed the bridge between the hosts and the servers, frames included."""
        statistics = f"/proc/{self.init}/root/sys/class/net/{BRIDGE}/statistics"
        return sum(int(Path(statistics, f"{way}_bytes").read_text()) for way in ("rx", "tx"))

    def turn(self, way: str, size: int, word: str) -> Turn:
        """Do one way on the first hosts."""
        self.server.requests.clear()
        wire, used = self.sent(), self.host_cpu(size)
        cost: meter.Cost | None = None
        changed = size if way.endswith("update") else 0
        if way == "ping":
            cost, said = self.ping(size)
            assert said.count("pong") == size, said
        elif way.startswith("pull"):
            wall = self.pull(size)
        else:
            cost, said = self._change(way.split()[0], size, word)
            done = len(re.findall(r"^host\d+ .* changed=[1-9]", said, re.MULTILINE))
            assert done == changed and said.count(" unreachable=0 ") >= size, said
        asked: dict[str, int] = {}
        for one in self.server.requests:
            name = f"{one.path} {one.status}"
            asked[name] = asked.get(name, 0) + 1
        if way.startswith("pull"):
            assert asked[f"/fleet.json {200 if changed else 304}"] == size, asked
        took = cost.wall if cost is not None else wall
        return Turn(way, size, cost, took, self.host_cpu(size) - used, asked, self.sent() - wire)


@contextlib.contextmanager
def room(count: int) -> Iterator[None]:
    """Let the kernel watch files for so many hosts, which share one user, and put the limit back."""
    before = INOTIFY.read_text()
    INOTIFY.write_text(str(max(int(before), PER_HOST * count)))
    try:
        yield
    finally:
        INOTIFY.write_text(before)
