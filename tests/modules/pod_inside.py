# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod in a virtual machine on a private host, whose apps are hosts of Ansible's, which runs on the same private host.

How another host is reached has nothing to do with what a pod runs in: that is test_connection.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.agent.kvm_bed import STAYS, Live, Machines
from tests.conftest import Keys
from tests.support import software_image
from tests.support.paths import CACHE
from tests.support.private_host import Result
from tools import collection

TIMEOUT = 900.0
"""Python in a machine in software emulation takes half a minute to begin, on a busy host more."""
Tasks = list[dict[str, Any]]

DRIVER = """
import json, sys
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader, init_plugin_loader
init_plugin_loader()
connection = connection_loader.get("podwright.fleet.pod", PlayContext(), None)
connection.set_options(var_options=json.loads(sys.argv[1]))
for source, place, back in json.loads(sys.argv[2]):
    connection.put_file(source, place)
    connection.fetch_file(place, back)
"""
"""Uses the plugin itself, since all modules that fetch files want Python in the pod."""


class Inside:
    """Ansible on the pod's host, whose inventory has each app of the pod as hosts, by other users too."""

    def __init__(self, pod: Live, base: Path, collections: Path) -> None:
        self.pod = pod
        self.base = base
        self._env = {
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_HOME": str(base / "home"),
            "ANSIBLE_LOCAL_TEMP": str(base / "local"),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{CACHE}/venv/bin:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
        }
        self._vars = {
            "ansible_connection": "podwright.fleet.pod",
            "ansible_python_interpreter": "/usr/bin/python3",
            "podwright_pod": pod.uuid,
            "podwright_app": "app",
            "podwright_agent_path": str(collections / collection.PLACE / "agent/bin/podwright"),
            "podwright_data_dir": str(pod.agent.data),
            "podwright_local_config": str(pod.agent.local),
        }

    def play(self, hosts: Mapping[str, Mapping[str, str]], tasks: Tasks) -> dict[str, Tasks]:
        """What each task has given, by host; tasks may fail."""
        answers = self.base / "answers"
        steps = [
            {**task, "register": f"r{number}", "ignore_errors": True, "ignore_unreachable": True}
            for number, task in enumerate(tasks)
        ]
        names = ", ".join(f"r{number}" for number in range(len(steps)))
        keep = {
            "ansible.builtin.copy": {
                "content": f"{{{{ [{names}] | to_json }}}}",
                "dest": f"{answers}-{{{{ inventory_hostname }}}}",
            },
            "delegate_to": "localhost",
            "connection": "local",
            "become": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        }
        play = {"hosts": "pods", "gather_facts": False, "tasks": [*steps, keep]}
        done = self._run(hosts, play)
        assert done.exit == 0, done
        return {name: json.loads(Path(f"{answers}-{name}").read_text()) for name in hosts}

    def _run(self, hosts: Mapping[str, Mapping[str, str]], play: dict[str, Any]) -> Result:
        pods = {"vars": self._vars, "hosts": {name: dict(own) for name, own in hosts.items()}}
        source, book = self.base / "hosts.json", self.base / "play.json"
        source.write_text(json.dumps({"all": {"children": {"pods": pods}}}))
        book.write_text(json.dumps([play]))
        command = ["ansible-playbook", "-i", str(source), str(book)]
        done = self.pod.machines.host.run(command, env=self._env, timeout=TIMEOUT)
        assert "Traceback" not in done.stdout + done.stderr, done
        return done

    def carry(self, files: Sequence[tuple[Path, str, Path]], **own: str) -> None:
        """Put files into the pod, and fetch them again: (source, place in the pod, target)."""
        words = [
            json.dumps({**self._vars, **own}),
            json.dumps([[str(p) for p in f] for f in files]),
        ]
        command = [f"{CACHE}/venv/bin/python", "-c", DRIVER, *words]
        self.pod.machines.host.run(command, env=self._env, timeout=TIMEOUT).check()


@contextmanager
def inside_machine(base: Path, lab: Keys, collections: Path) -> Iterator[Inside]:
    """A machine with an app that has Python, `app`, and one with busybox alone, `bare`."""
    for name in ("machines", "ansible"):
        (base / name).mkdir()
    machines = Machines(base / "machines", lab.key)
    try:
        software = machines.signed(software_image.build(), "software.aci", lab.key)
        apps = (
            {"name": "app", "script": STAYS, "image": software},
            {"name": "bare", "script": STAYS},
        )
        with machines.start(*apps) as pod:
            yield Inside(pod.up(2), base / "ansible", collections)
    finally:
        machines.close()
