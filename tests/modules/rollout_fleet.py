# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small fleet for rollouts: several agents with directories of their own, on one private host.

To Ansible each is a host. `kill` makes one unreachable: its connection is then one that nobody answers.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support import aci
from tests.support.agent import Agent
from tests.support.gpglab import Key
from tests.support.paths import AGENT, CACHE
from tests.support.private_host import PrivateHost, Result

NAMES = ("a", "b", "c")
RECORDER = '''\
"""Writes the events of a rollout to the file in ROLLOUT_EVENTS, one JSON object a line."""
import json
import os
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "recorder"

    def _note(self, result, **unused):
        found = result._result
        events = found.get("podwright_events") or [found.get("podwright_event")]
        with open(os.environ["ROLLOUT_EVENTS"], "a") as file:
            for event in filter(None, events):
                file.write(json.dumps(event, default=str) + "\\n")

    v2_runner_on_ok = v2_runner_on_failed = v2_runner_on_unreachable = _note
'''


def three_hosts(
    agent: Agent,
    key: Key,
    published: Callable[..., Path],
    tmp_path: Path,
    pods: list[dict[str, Any]],
) -> Fleet:
    """Hosts a, b and c, which run these pods; of their image there are a 1.0 and a 2.0."""
    agent.trust(key, "example.com")
    for version in ("1.0", "2.0"):
        published(version, app=aci.app(["/bin/sh", "-c", "exec sleep 3600"]))
    made = Fleet(agent.host, tmp_path / "fleet", NAMES, agent.local).prepare()
    made.seed(pods)
    return made


@dataclasses.dataclass
class Fleet:
    """`fleet.roll(pods)` is `ansible-playbook podwright.fleet.rollout -e '{"podwright_rollout_pods": …}'`."""

    host: PrivateHost
    base: Path
    names: tuple[str, ...]
    local: Path

    def prepare(self) -> Fleet:
        """Write the inventory and the recorder of events."""
        (self.base / "callbacks").mkdir(parents=True)
        (self.base / "callbacks/recorder.py").write_text(RECORDER)
        (self.base / "dead").mkdir()
        dead = (
            "{{ 'ssh' if ('"
            + str(self.base)
            + "/dead/' ~ inventory_hostname) is exists else 'local' }}"
        )
        hosts = {name: {"podwright_rollout_data_dir": str(self.data(name))} for name in self.names}
        common = {
            "ansible_connection": dead,
            "ansible_host": "127.0.0.1",
            "ansible_port": 1,
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_become": False,
            "podwright_rollout_agent_path": str(AGENT),
            "podwright_rollout_local_config": str(self.local),
            "podwright_rollout_journal": str(self.base / "journal"),
            "podwright_rollout_settle": 0,
        }
        inventory = {"all": {"vars": common, "hosts": hosts}}
        (self.base / "inventory.json").write_text(json.dumps(inventory))
        return self

    def data(self, name: str) -> Path:
        """The data directory of a host."""
        return self.base / "hosts" / name / "data"

    def agent(self, name: str) -> Agent:
        """The agent of a host."""
        agent = object.__new__(Agent)
        agent.host, agent.data, agent.local = self.host, self.data(name), self.local
        agent.system, agent.user = self.base / "none", self.base / "none"
        return agent

    def kill(self, name: str) -> None:
        """Make a host unreachable."""
        (self.base / "dead" / name).touch()

    def revive(self, name: str) -> None:
        """Make it reachable again."""
        (self.base / "dead" / name).unlink()

    @property
    def env(self) -> Mapping[str, str]:
        """The controller's environment."""
        home = self.base / "ansible"
        return {
            "ANSIBLE_COLLECTIONS_PATH": str(CACHE / "collections"),
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_LOCAL_TEMP": str(home / "local"),
            "ANSIBLE_REMOTE_TEMP": str(home / "remote"),
            "ANSIBLE_FORKS": "6",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_CALLBACK_PLUGINS": str(self.base / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            "ROLLOUT_EVENTS": str(self.base / "events"),
            "PATH": f"{CACHE}/venv/bin:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
        }

    def command(
        self,
        pods: list[dict[str, Any]],
        *flags: str,
        journal: str = "journal",
        playbook: str = "podwright.fleet.rollout",
        **more: Any,
    ) -> list[str]:
        """The command line; `more` are variables of the role without their prefix."""
        (self.base / "events").unlink(missing_ok=True)
        (self.base / "report.json").unlink(missing_ok=True)
        given = {
            "pods": pods,
            "report": str(self.base / "report.json"),
            "journal": str(self.base / journal),
            **more,
        }
        said = json.dumps({f"podwright_rollout_{name}": value for name, value in given.items()})
        inventory = str(self.base / "inventory.json")
        return ["ansible-playbook", playbook, "-i", inventory, "-e", said, *flags]

    def seed(self, pods: list[dict[str, Any]]) -> None:
        """Bring pods up on all hosts without a rollout."""
        for name in self.names:
            self.agent(name).apply({"pods": pods})

    def roll(self, pods: list[dict[str, Any]], *flags: str, **more: Any) -> Result:
        """Roll out and wait for the end, whatever that is."""
        done = self.host.run(self.command(pods, *flags, **more), env=self.env, timeout=900)
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return done

    def start(self, pods: list[dict[str, Any]], *flags: str, **more: Any) -> subprocess.Popen[str]:
        """Begin to roll out."""
        return self.host.popen(self.command(pods, *flags, **more), env=self.env)

    def results(self) -> dict[str, str]:
        """The result of each host, of the report."""
        return {host: known["result"] for host, known in self.report()["hosts"].items()}

    def report(self) -> dict[str, Any]:
        """What was written for programs."""
        found: dict[str, Any] = json.loads((self.base / "report.json").read_text())
        return found

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind."""
        return [event for event in self.events() if event["event"] == kind]

    def events(self) -> list[dict[str, Any]]:
        """What callbacks were told, in order."""
        path = self.base / "events"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def versions(self, pod: str = "web") -> dict[str, str]:
        """Which version of an image runs, by host; empty where none does."""
        return {name: self.version(name, pod) for name in self.names}

    def version(self, name: str, pod: str = "web") -> str:
        """Which version of the image runs on a host."""
        for one in json.loads(self.agent(name).ok("list", "--format=json")):
            if one["pod_name"] == pod and one["state"] == "running":
                current = next(each for each in one["history"] if each["current"])
                return str(current["images"][0]["version"])
        return ""

    def state(self, name: str) -> dict[str, Any]:
        """Leases and records of a host."""
        path = self.data(name) / "rollouts/state.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def stop(self) -> None:
        """Remove the pods."""
        for name in self.names:
            self.agent(name)("apply", stdin='{"pods": [{"name": "web", "state": "absent"}]}')
