# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hosts with sshd, on each of them a pod with Python and one with nothing but busybox, and Ansible on this machine.

`Controller.run("ansible", …)` goes to them over OpenSSH or paramiko, as the inventory says: `hosts(transport)`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.support import software_image, tiny_image
from tests.support.debian import package_files
from tests.support.fleet import Fleet
from tests.support.gpglab import Key
from tests.support.paths import AGENT, CACHE
from tests.support.private_host import Result

PLACE = "/opt/podwright"
TIMEOUT = 180.0
TRANSPORTS = ("ssh", "paramiko")
PODS: tuple[Mapping[str, Any], ...] = (
    {
        "name": "py",
        "image": "/var/tmp/software.aci",
        "exec": ["/bin/sleep", "100000"],
        "labels": {"tier": "web"},
        "annotations": {"owner": "somebody"},
    },
    {"name": "bare", "image": "/var/tmp/tiny.aci"},
)


def settle(fleet: Fleet, key: Key) -> None:
    """Put the agent, its trusted key and the pods on every host."""
    images = {"software": software_image.build(), "tiny": tiny_image.build("example.com/tiny")}
    for name, image in images.items():
        shutil.copyfile(image, fleet.state / f"{name}.aci")
        key.sign(fleet.state / f"{name}.aci")
    (fleet.state / "key.asc").write_text(key.armoured)
    names = [*(f"{name}.aci{end}" for name in images for end in ("", ".asc")), "key.asc"]
    pack = ["tar", "--exclude=__pycache__", "-c", "-C", str(fleet.state), *names]
    pack += ["-C", str(AGENT.parents[2]), "agent"]
    data = subprocess.run(pack, check=True, capture_output=True).stdout
    pods = [{**pod, "net": "none", "restart": "no", "ready": {"seconds": 0.1}} for pod in PODS]
    for host in fleet.hosts:
        unpack = f"mkdir -p {PLACE} && tar -x -C /var/tmp && mv /var/tmp/agent {PLACE}"
        link = f"ln -s {PLACE}/agent/bin/podwright /usr/bin/podwright"
        trust = "podwright trust --prefix=example.com --skip-fingerprint-review /var/tmp/key.asc"
        on(fleet, host.name, f"{unpack} && {link} && {trust}", data)
        on(fleet, host.name, "podwright apply -", json.dumps({"pods": pods}).encode())


def log_in(fleet: Fleet, host: str, password: str) -> None:
    """Give a host two users besides root: `free` needs no password for sudo, `asked` does."""
    files = package_files("sudo")
    pack = ["tar", "-c", "--owner=0", "--group=0", "-C", str(files), "."]
    data = subprocess.run(pack, check=True, capture_output=True).stdout
    line = (
        "tar -xp --keep-directory-symlink -C / && chown -R root:root /etc/sudoers /etc/sudoers.d &&"
        " for u in free asked; do useradd -m $u; mkdir -p /home/$u/.ssh;"
        " cp /root/.ssh/authorized_keys /home/$u/.ssh; chown -R $u: /home/$u; done;"
        f" echo 'asked:{password}' | chpasswd;"
        " echo 'free ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/free;"
        " echo 'asked ALL=(ALL) ALL' > /etc/sudoers.d/asked"
    )
    on(fleet, host, line, data)


def on(fleet: Fleet, host: str, line: str, data: bytes = b"") -> str:
    """Run a line of shell on a host as root; its output."""
    command = ["ssh", "-F", str(fleet.ssh_config), host, line]
    done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=TIMEOUT)
    assert done.returncode == 0, (line, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout.decode()


@dataclasses.dataclass
class Controller:
    """Ansible on this machine; `base` is its home."""

    base: Path
    fleet: Fleet
    collections: Path
    last: Result | None = None

    def hosts(self, transport: str, **more: Any) -> dict[str, Any]:
        """The fleet's hosts as a group of an inventory, reached in one of two ways."""
        proxy = re.search(r"ProxyCommand (.*)", self.fleet.ssh_config.read_text())
        assert proxy is not None
        common: dict[str, dict[str, Any]] = {
            "ssh": {"ansible_ssh_common_args": f"-F {self.fleet.ssh_config}"},
            "paramiko": {
                "ansible_connection": "paramiko",
                "ansible_private_key_file": str(self.fleet.ssh_key),
                "ansible_paramiko_proxy_command": proxy.group(1),
            },
        }
        address = transport == "paramiko"
        return {
            "vars": {"ansible_user": "root", **common[transport], **more},
            "hosts": {
                host.name: {"ansible_host": host.address} if address else {}
                for host in self.fleet.hosts
            },
        }

    def inventory(self, name: str, groups: Mapping[str, Any]) -> Path:
        """Write an inventory of these groups."""
        path = self.base / f"{name}.yml"
        path.write_text(yaml.safe_dump({"all": {"children": dict(groups)}}))
        return path

    def pods(self, transport: str, pods: Mapping[str, Mapping[str, Any]], **more: Any) -> Path:
        """Write an inventory of the fleet and of pods, by the variables that differ."""
        connection = {"ansible_connection": "podwright.fleet.pod"}
        groups = {
            "fleet": self.hosts(transport, **more),
            "pods": {"vars": connection, "hosts": {name: dict(own) for name, own in pods.items()}},
        }
        return self.inventory(f"pods-{transport}", groups)

    @property
    def env(self) -> dict[str, str]:
        """The environment, in which nothing of this machine's user counts."""
        return {
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_HOME": str(self.base / "home"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{self.base}/cp",
            "ANSIBLE_LOCAL_TEMP": str(self.base / "local"),
            "ANSIBLE_PYTHON_INTERPRETER": "auto_silent",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_TIMEOUT": "60",
            "HOME": str(self.base),
            "PATH": f"{CACHE}/venv/bin:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
        }

    def run(self, *words: str, **env: str) -> Result:
        """Run one of Ansible's programs to its end."""
        done = subprocess.run(
            words,
            env={**self.env, **env},
            cwd=self.base,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )
        assert "Traceback" not in done.stdout + done.stderr, done
        return Result(words, done.returncode, done.stdout, done.stderr)

    def results(
        self, inventory: Path, pattern: str, module: str, *words: str, **env: str
    ) -> dict[str, dict[str, Any]]:
        """Run a module; its results by host, with `unreachable` and `failed` where that is so."""
        tree = self.base / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        command = ["ansible", "-i", str(inventory), pattern, "-m", module, "-t", str(tree)]
        self.last = self.run(*command, *words, **env)
        return {path.name: json.loads(path.read_text()) for path in tree.iterdir()}

    def play(self, inventory: Path, tasks: Sequence[Mapping[str, Any]], *words: str) -> Result:
        """Run tasks in all pods."""
        book = self.base / "play.yml"
        play = {"hosts": "pods", "gather_facts": False, "tasks": [dict(task) for task in tasks]}
        book.write_text(yaml.safe_dump([play], sort_keys=False))
        return self.run("ansible-playbook", "-i", str(inventory), str(book), *words)
