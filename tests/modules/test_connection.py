# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods as hosts, over OpenSSH and paramiko, on two real hosts: modules, files, users, failures; their inventory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.modules.pod_hosts import TRANSPORTS, Controller, log_in, on, settle
from tests.support import hosts
from tests.support.fleet import Fleet
from tests.support.patience import until

PASSWORD = "canary-of-sudo"
ODD = "/tmp/-odd \"na'me\n$x"
PY = {"podwright_host": "host1", "podwright_pod": "py"}
BARE = {"podwright_host": "host1", "podwright_pod": "bare"}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Fleet]:
    """Two hosts with their pods."""
    state = tmp_path_factory.mktemp("fleet")
    made = hosts.create(state, 2)
    try:
        settle(made, lab.key)
        yield made
    finally:
        hosts.destroy(state)


@pytest.fixture(scope="module")
def controller(
    fleet: Fleet, tmp_path_factory: pytest.TempPathFactory, collections: Path
) -> Controller:
    """Ansible, which knows the hosts' keys."""
    base = tmp_path_factory.mktemp("controller")
    (base / ".ssh").mkdir(mode=0o700)
    keys = [
        f"{host.address} {on(fleet, host.name, 'cat /etc/ssh/ssh_host_ed25519_key.pub')}"
        for host in fleet.hosts
    ]
    (base / ".ssh/known_hosts").write_text("".join(keys))
    return Controller(base, fleet, collections)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_pod_of_the_fleet_answers(controller: Controller, transport: str) -> None:
    """By the inventory alone, which asks each host once."""
    source = controller.inventory(f"hosts-{transport}", {"fleet": controller.hosts(transport)})
    pods = controller.base / "all.podwright.yml"
    pods.write_text("plugin: podwright.fleet.pods\nhosts: [fleet]\ntimeout: 120\n")
    both = ["-i", str(source), "-i", str(pods)]
    graph = controller.run("ansible-inventory", *both, "--graph").check().stdout
    for group in ("image_example_com_tiny", "state_running", "stage1_namespaces"):
        assert f"|--@podwright_{group}:" in graph
    done = controller.run("ansible", *both, "podwright_label_tier_web", "-m", "ping")
    assert done.stdout.count('"ping": "pong"') == 2, done
    assert "py.host1 | SUCCESS" in done.stdout and "py.host2 | SUCCESS" in done.stdout
    raw = controller.run(
        "ansible", *both, "podwright_pods", "-m", "raw", "-a", "cat /proc/sys/kernel/hostname"
    )
    for name, said in (("py.host1", "py"), ("bare.host2", "bare")):
        assert f"{name} | CHANGED | rc=0 >>\n{said}\n" in raw.stdout, raw


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_files_of_any_name_and_size_go_there_and_back(
    controller: Controller, transport: str
) -> None:
    """More than a piece, nothing, and a name that a shell, Ansible and a line would take for something else."""
    base = controller.base
    big = base / "big"
    big.write_bytes(os.urandom(9 << 20) + b"\0\n\r")
    (base / "empty").write_bytes(b"")
    inventory = controller.pods(transport, {"py": PY})
    files = {"big": ODD, "empty": "/tmp/empty"}
    for name in files:
        (base / f"back-{name}").unlink(missing_ok=True)
    tasks: list[dict[str, Any]] = [
        {"raw": "rm -rf /tmp/*"},
        *({"copy": {"src": str(base / n), "dest": at, "mode": "0640"}} for n, at in files.items()),
        *(
            {"fetch": {"src": at, "dest": str(base / f"back-{n}"), "flat": True}}
            for n, at in files.items()
        ),
        {"command": {"argv": ["stat", "-c", "%a %s", *files.values()]}, "register": "seen"},
        {"debug": {"var": "seen.stdout_lines"}},
    ]
    done = controller.play(inventory, tasks).check()
    for name in files:
        assert (base / f"back-{name}").read_bytes() == (base / name).read_bytes()
    assert f"640 {big.stat().st_size}" in done.stdout and '"640 0"' in done.stdout


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_statuses_and_outputs_are_the_commands_own(controller: Controller, transport: str) -> None:
    """255 is no failure of ssh, and 254 none of the agent; what ssh says itself is nobody's output."""
    inventory = controller.pods(transport, {"bare": BARE})
    for status in (0, 3, 254, 255):
        script = f"printf out; printf err >&2; exit {status}"
        (found,) = controller.results(inventory, "bare", "raw", "-a", script).values()
        assert (found["rc"], found["stdout"], found["stderr"]) == (status, "out", "err")
        assert not found.get("unreachable")


@pytest.mark.threat("T61")
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_becoming_somebody_is_entering_as_them(controller: Controller, transport: str) -> None:
    users = {
        "app": PY,
        "redis": {**PY, "ansible_user": "redis"},
        "number": {**PY, "ansible_user": "102"},
        "unknown": {**PY, "ansible_user": "nobody9"},
    }
    inventory = controller.pods(transport, users)
    found = controller.results(inventory, "pods", "command", "-a", "id -un")
    seen = {name: one.get("stdout", "") for name, one in found.items()}
    assert seen == {"app": "root", "redis": "redis", "number": "postgres", "unknown": ""}
    assert "user 'nobody9' cannot be used: /etc/passwd in its image" in found["unknown"]["msg"]
    become = ["-b", "--become-user=postgres", "-a", "id -un"]
    found = controller.results(inventory, "app,redis", "command", *become)
    assert {one["stdout"] for one in found.values()} == {"postgres"}
    nobody = controller.results(inventory, "app", "raw", "-a", "grep NoNewPrivs /proc/self/status")
    assert nobody["app"]["stdout"].split() == ["NoNewPrivs:", "1"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_is_not_there_is_unreachable_and_says_why_in_a_sentence(
    controller: Controller, transport: str
) -> None:
    on(
        controller.fleet,
        "host2",
        "podwright apply -",
        b'{"pods": [{"name": "bare", "state": "stopped"}]}',
    )
    pods = {
        "unknown": {**PY, "podwright_pod": "nothing"},
        "option": {**PY, "podwright_pod": "--privileged"},
        "stopped": {"podwright_host": "host2", "podwright_pod": "bare"},
        "app": {**PY, "podwright_app": "other"},
        "shell": {**PY, "podwright_executable": "/bin/none"},
        "agent": {**PY, "podwright_agent_path": "/opt/none"},
        "itself": {"podwright_host": "itself"},
        "fine": BARE,
    }
    inventory = controller.pods(transport, pods)
    found = controller.results(inventory, "pods", "raw", "-a", "echo here")
    expected = {
        "unknown": "host host1: no pod is called 'nothing'; podwright list shows the pods",
        "option": "host host1: ",
        "stopped": "host host2: ",
        "app": "has no app called 'other'; it has software",
        "shell": "cannot execute /bin/none: /bin/none does not exist in its image",
        "agent": "apply the role podwright.fleet.agent to that host",
        "itself": "host itself is a pod itself",
    }
    for name, words in expected.items():
        assert words in found[name]["msg"], (name, found[name])
        assert "\n" not in found[name]["msg"]
        assert bool(found[name].get("unreachable")) is (name != "itself"), found[name]
    assert "here" in found["fine"]["stdout"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_pod_that_ends_in_the_middle_is_no_result(controller: Controller, transport: str) -> None:
    name = f"short-{transport}"
    image = '"image": "/var/tmp/tiny.aci", "net": "none", "restart": "no"'
    on(
        controller.fleet,
        "host1",
        "podwright apply -",
        f'{{"pods": [{{"name": "{name}", {image}}}]}}'.encode(),
    )
    inventory = controller.pods(transport, {"short": {**BARE, "podwright_pod": name}})
    command = [
        "ansible",
        "-i",
        str(inventory),
        "short",
        "-m",
        "raw",
        "-a",
        "echo begun; sleep 1000",
    ]
    with subprocess.Popen(
        command, env=controller.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        look = f"podwright enter {name} /bin/busybox ps; true"
        until(lambda: "sleep 1000" in on(controller.fleet, "host1", look), "it runs")
        on(controller.fleet, "host1", f"podwright stop --force {name}")
        out, _ = process.communicate()
    assert process.returncode == 4, out
    assert "short | UNREACHABLE!" in out and "has ended" in out, out


@pytest.mark.threat("T93")
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_hosts_root_is_reached_by_sudo(controller: Controller, transport: str) -> None:
    """With and without a password, which stands in no output; a wrong one is refused."""
    fleet = controller.fleet
    if "asked" not in on(fleet, "host1", "cat /etc/passwd"):
        log_in(fleet, "host1", PASSWORD)
    become = {"ansible_become": True}

    def through(user: str, **more: object) -> dict[str, Any]:
        return {**PY, "podwright_host_vars": {"ansible_user": user, **become, **more}}

    pods: dict[str, dict[str, Any]] = {
        "free": through("free"),
        "asked": through("asked", ansible_become_password=PASSWORD),
        "wrong": through("asked", ansible_become_password="canary-wrong"),
        "none": through("asked"),
        "nobody": {**PY, "podwright_host_vars": {"ansible_user": "free"}},
    }
    inventory = controller.pods(transport, pods)
    found = controller.results(inventory, "pods", "command", "-vvv", "-a", "id -un")
    assert controller.last is not None
    said = controller.last.stdout + controller.last.stderr
    assert [found[name].get("stdout") for name in ("free", "asked")] == ["root", "root"], found
    assert "Incorrect sudo password" in found["wrong"]["msg"]
    assert "Missing sudo password" in found["none"]["msg"]
    assert "enter must be run as root" in found["nobody"]["msg"]
    assert "canary" not in said.replace(str(controller.base), "")
    assert controller.results(inventory, "asked", "ping")["asked"]["ping"] == "pong"


@pytest.mark.threat("T93")
def test_a_host_whose_key_is_not_known_is_not_talked_to(controller: Controller) -> None:
    inventory = controller.pods("paramiko", {"py": PY})
    known = controller.base / ".ssh/known_hosts"
    text = known.read_text()
    try:
        known.write_text("")
        unknown = controller.results(inventory, "py", "ping")["py"]
        known.write_text(f"10.99.0.11 {controller.fleet.ssh_key.with_suffix('.pub').read_text()}")
        another = controller.results(inventory, "py", "ping")["py"]
    finally:
        known.write_text(text)
    assert unknown["unreachable"] and "not found in known_hosts" in unknown["msg"]
    assert another["unreachable"] and "does not match" in another["msg"]
    assert controller.results(inventory, "py", "ping")["py"]["ping"] == "pong"


def test_one_task_is_one_call_of_the_agent(controller: Controller) -> None:
    inventory = controller.pods(
        "ssh", {"py": {**PY, "ansible_python_interpreter": "/usr/bin/python3"}}
    )
    controller.results(inventory, "py", "command", "-vvvv", "-a", "true")
    assert controller.last is not None
    said = controller.last.stdout + controller.last.stderr
    assert said.count("ENTER py:") == 1, said


def test_hosts_that_do_not_answer_cost_their_own_pods_only(controller: Controller) -> None:
    groups = {
        "fleet": controller.hosts("ssh"),
        "gone": {"hosts": {"lost": {"ansible_host": "127.0.0.1", "ansible_port": 1}}},
    }
    source = controller.inventory("partly", groups)
    pods = controller.base / "partly.podwright.yml"
    for how, status in (("warn", 0), ("fail", None)):
        pods.write_text(f"plugin: podwright.fleet.pods\nhosts: [fleet, gone]\nunreachable: {how}\n")
        both = ["-i", str(source), "-i", str(pods)]
        env = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
        done = controller.run("ansible-inventory", *both, "--graph", **env)
        assert "the pods of host lost are not known: " in done.stdout + done.stderr
        if status == 0:
            assert done.exit == 0 and "py.host1" in done.stdout
        else:
            assert done.exit != 0
