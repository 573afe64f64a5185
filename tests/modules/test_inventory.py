# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of pods of hosts that lie: what they say stays data and names nothing of ours (T95). Names, cache."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.paths import CACHE
from tests.support.private_host import PrivateHost, Result

UUID = "11111111-2222-4333-8444-55555555555{}"
LIAR = """\
#!/bin/sh
echo asked >> {base}/asked
cat {base}/answer
exit $(cat {base}/status)
"""
HOSTS = """\
all:
  vars: {{ansible_connection: local}}
  hosts:
    source:
    trap.source: {{ansible_connection: ssh, ansible_host: "127.0.0.1", mine: "yes"}}
"""


class Lying:
    """A host whose agent says what a test wants; asked on a private host."""

    def __init__(self, host: PrivateHost, base: Path, collections: Path) -> None:
        self.host, self.base = host, base
        self.collections = collections
        agent = base / "agent"
        agent.write_text(LIAR.format(base=base))
        agent.chmod(0o755)
        (base / "hosts.yml").write_text(HOSTS.format())
        (base / "asked").touch()
        self.say([])

    def say(self, pods: Any, status: int = 0) -> None:
        """What the agent answers from now on: an object, or bytes."""
        data = pods if isinstance(pods, bytes) else json.dumps(pods).encode()
        (self.base / "answer").write_bytes(data)
        (self.base / "status").write_text(str(status))

    def asked(self) -> int:
        """How often it was."""
        return len((self.base / "asked").read_text().split())

    def run(self, *words: str, **options: Any) -> Result:
        """Run one of Ansible's programs with the inventory of its pods."""
        given = {
            "plugin": "podwright.fleet.pods",
            "hosts": ["source"],
            "agent_path": str(self.base / "agent"),
            "timeout": 120,
            **options,
        }
        (self.base / "its.podwright.yml").write_text(yaml.safe_dump(given))
        both = ["-i", str(self.base / "hosts.yml"), "-i", str(self.base / "its.podwright.yml")]
        env = {
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_HOME": str(self.base / "home"),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{CACHE}/venv/bin:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
        }
        done = self.host.run([words[0], *both, *words[1:]], env=env, timeout=120)
        assert "Traceback" not in done.stdout + done.stderr, done
        return done

    def listed(self, **options: Any) -> dict[str, Any]:
        """What `ansible-inventory --list` shows."""
        found = json.loads(self.run("ansible-inventory", "--list", **options).check().stdout)
        assert isinstance(found, dict)
        return found

    def variables(self, **options: Any) -> dict[str, dict[str, Any]]:
        """The variables of every host."""
        found = self.listed(**options)["_meta"]["hostvars"]
        return {name: {key: plain(one) for key, one in own.items()} for name, own in found.items()}


def plain(value: Any) -> Any:
    """A value without the mark that it is not to be templated."""
    if isinstance(value, dict):
        if value.keys() == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def lying(private_host: PrivateHost, tmp_path: Path, collections: Path) -> Lying:
    return Lying(private_host, tmp_path, collections)


def pod(number: int, name: str = "web", **more: Any) -> dict[str, Any]:
    """What an agent says of a pod."""
    apps = [{"name": "app", "image_name": "example.com/tiny", "image_version": "1.0"}]
    said = {"name": UUID.format(number), "pod_name": name, "state": "running", "ready": True}
    return {**said, "stage1": "namespaces", "apps": apps, "networks": [], **more}


@pytest.mark.threat("T95")
def test_what_a_host_says_is_never_templated_and_names_no_variable(lying: Lying) -> None:
    """The control: a template of the file's own is."""
    canary = lying.base / "canary"
    jinja = "{{ lookup('pipe', 'touch " + str(canary) + "') }}"
    labels = {
        "evil": jinja,
        jinja: "x",
        "ansible_connection": "local",
        "ansible_ssh_common_args": f"-oProxyCommand='touch {canary}'",
        "ansible_become_exe": "/bin/evil",
    }
    apps = [{"name": "app", "image_name": jinja, "image_version": "{% for x in y %}"}]
    more: dict[str, Any] = {
        "ansible_host": "1.2.3.4",
        "ansible_facts": {"a": 1},
        "podwright_host": "other",
    }
    networks = [{"name": "default", "ip": jinja, "ansible_user": "evil"}]
    said: dict[str, Any] = {
        "user_labels": labels,
        "user_annotations": labels,
        "stage1": jinja,
        "ports": [more],
    }
    lying.say([pod(1, apps=apps, networks=networks, **said, **more)])
    own = lying.variables(compose={"asked": "podwright_name ~ '!'"})["web.source"]
    assert (own["ansible_connection"], own["asked"]) == ("podwright.fleet.pod", "web!")
    assert own["podwright_host"] == "source"
    assert own["podwright_labels"] == own["podwright_annotations"] == labels
    assert (own["podwright_image"], own["podwright_ip"]) == (jinja, jinja)
    assert {name for name in own if not name.startswith("podwright_")} == {
        "ansible_connection",
        "asked",
    }
    shown = "ansible_connection,podwright_image,podwright_labels,podwright_ip"
    for name in shown.split(","):
        lying.run("ansible", "web.source", "-m", "debug", "-a", f"var={name}").check()
    said_again = lying.run(
        "ansible", "web.source", "-m", "debug", "-a", "msg={{ podwright_image }}"
    )
    assert "lookup('pipe'" in said_again.stdout
    assert not canary.exists()


@pytest.mark.threat("T95")
def test_no_pod_takes_the_name_of_a_host_and_no_label_the_name_of_a_group(lying: Lying) -> None:
    names = ["trap", "all", "a,b", "web[1:9]", "-x", "!web", "fine", "../x", "a" * 300, "x\n"]
    pods = [pod(n, name) for n, name in enumerate(names)]
    pods[6]["user_labels"] = {"all": "../../x", "a b": "é\u202e{}", "": ""}
    pods[6]["state"] = "running all"
    lying.say(pods)
    done = lying.run("ansible-inventory", "--list")
    found = json.loads(done.check().stdout)
    hosts = found["_meta"]["hostvars"]
    uuids = {f"{UUID.format(n)[:8]}.source" for n in range(len(names))}
    assert hosts.keys() - {"trap.source", "source"} <= {"fine.source", "all.source", *uuids}
    assert plain(hosts["trap.source"]["ansible_connection"]) == "ssh"
    assert "a pod of host source is left out: 'trap.source' is there already" in done.stderr
    groups = found.keys() - {"_meta", "all", "ungrouped"}
    assert all(name.startswith("podwright_") and name.isidentifier() for name in groups), groups
    assert "fine.source" in found["podwright_state_running"]["hosts"]


@pytest.mark.threat("T95")
@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (b"not json", 0, "its agent's answer is not JSON"),
        (b"{}", 0, "its agent's answer is not a list of up to 10000 pods"),
        (b'[{"name": "../../x"}]', 0, "a pod of its agent's answer has no UUID"),
        (b"[" * 100_000, 0, "its agent's answer is not JSON"),
        (b"[]", 3, "its agent cannot list them: status 3"),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_warning_of_one_line(
    lying: Lying, answer: bytes, status: int, says: str
) -> None:
    lying.say(answer, status)
    done = lying.run("ansible-inventory", "--list")
    assert done.exit == 0
    said = " ".join(done.stderr.split())
    assert f"the pods of host source are not known: {says}" in said
    failed = lying.run("ansible-inventory", "--list", unreachable="fail")
    assert "podwright_pods" not in failed.stdout
    assert says in " ".join((failed.stdout + failed.stderr).split())


def test_names_groups_filters_and_apps_are_the_files_to_say(lying: Lying) -> None:
    apps = [{"name": name, "image_name": f"example.com/{name}"} for name in ("one", "two")]
    more = {"user_labels": {"tier": "db"}, "networks": [{"name": "n", "ip": "10.1.2.3"}]}
    lying.say([pod(1), pod(2, "shop", apps=apps, **more), pod(3, "old", state="exited")])
    assert set(lying.variables()) >= {"web.source", "shop.source"}
    assert lying.variables()["shop.source"]["podwright_app"] == "one"
    assert "old.source" in lying.variables(states=[])
    found = lying.listed(
        per="app",
        filters=["podwright_labels.tier | default('') == 'db'"],
        name="podwright_app ~ '-' ~ podwright_host",
        keyed_groups=[{"key": "podwright_labels.tier", "prefix": "tier"}],
        groups={"reached": "podwright_ip is defined"},
    )
    assert found["podwright_pods"]["hosts"] == ["one-source", "two-source"]
    assert found["tier_db"]["hosts"] == found["reached"]["hosts"] == ["one-source", "two-source"]
    assert found["podwright_image_example_com_two"]["hosts"] == ["two-source"]
    assert plain(found["_meta"]["hostvars"]["two-source"]["podwright_ip"]) == "10.1.2.3"
    ready = lying.listed(filters=["podwright_ready", "podwright_name == 'web'"])
    assert ready["podwright_pods"]["hosts"] == ["web.source"]


def test_a_cached_answer_is_used_until_it_is_flushed(lying: Lying) -> None:
    lying.say([pod(1)])
    options = {
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(lying.base / "cache"),
    }
    assert "web.source" in lying.variables(**options)
    lying.say([pod(2, "new", user_labels={"a": "{{ 1 + 1 }}"})])
    assert "web.source" in lying.variables(**options)
    assert lying.asked() == 1
    flushed = json.loads(
        lying.run("ansible-inventory", "--list", "--flush-cache", **options).check().stdout
    )
    assert "new.source" in flushed["_meta"]["hostvars"]
    cached = lying.variables(**options)["new.source"]
    assert cached["podwright_labels"] == {"a": "{{ 1 + 1 }}"}
    assert lying.asked() == 2


def test_a_file_of_another_name_is_not_taken_for_ours(lying: Lying) -> None:
    other = lying.base / "other.yml"
    other.write_text("plugin: podwright.fleet.pods\n")
    done = lying.run("ansible-inventory", "-i", str(other), "--list")
    assert lying.asked() == 1  # by the file of ours
    assert "other.yml" in done.stderr


def test_a_misspelt_option_is_told_and_nobody_is_asked(lying: Lying) -> None:
    known = {"cache": False, "use_extra_vars": False, "keyed_groups": [], "states": ["running"]}
    assert lying.run("ansible-inventory", "--list", **known).stderr.count("WARNING") == 0
    before = lying.asked()
    done = lying.run("ansible-inventory", "--list", host=["source"])
    said = " ".join(done.stderr.split())
    assert "host: there is no such option; did you mean `hosts`?" in said, said
    assert lying.asked() == before and "web" not in done.stdout


@pytest.mark.threat("T95")
@pytest.mark.parametrize(
    "options",
    [{"filters": ["podwright_labels.tier == 'db'"]}, {"name": "podwright_labels.tier ~ '-1'"}],
)
def test_a_pod_that_templates_cannot_count_on_is_left_out_and_no_other(
    lying: Lying, options: dict[str, Any]
) -> None:
    """Which labels there are is the host's own word."""
    fine = {"user_labels": {"tier": "db"}}
    lying.say([pod(1), pod(2, "shop", **fine)])
    done = lying.run("ansible-inventory", "--list", **options)
    assert done.exit == 0, done
    found = json.loads(done.stdout)["podwright_pods"]["hosts"]
    assert found == ["shop.source" if "filters" in options else "db-1"]
    assert "a pod of host source is left out: web.source: " in " ".join(done.stderr.split())
    strict = lying.run("ansible-inventory", "--list", strict=True, **options)
    assert "podwright_pods" not in strict.stdout


def test_variables_of_a_host_that_cannot_be_templated_cost_its_pods_at_most(lying: Lying) -> None:
    hosts = {
        "source": {"podwright_rollout_pods": "{{ lookup('ansible.builtin.file', '/nowhere') }}"},
        "broken": {"ansible_user": "{{ nobody_has_said_this.at_all }}"},
    }
    inventory = {"all": {"vars": {"ansible_connection": "local"}, "hosts": hosts}}
    (lying.base / "hosts.yml").write_text(json.dumps(inventory))
    lying.say([pod(1)])
    done = lying.run("ansible-inventory", "--list", hosts=["source", "broken"])
    assert done.exit == 0, done
    said = " ".join(done.stderr.split())
    assert "the pods of host broken are not known: " in said, said
    assert json.loads(done.stdout)["podwright_pods"]["hosts"] == ["web.source"]


def test_nobody_would_be_asked_by_no_forks(lying: Lying) -> None:
    done = lying.run("ansible-inventory", "--list", forks=0)
    assert "forks: nobody would be asked" in " ".join(done.stderr.split())
    assert lying.asked() == 0
