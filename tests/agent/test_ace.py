# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The App Container specification's executor section, clause by clause, from inside (see `tests.support.ace`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import ace, aci
from tests.support.agent import Agent
from tests.support.private_host import PrivateHost, Result

NAMESPACES = {
    "plain": ["--net=none", "--private-users=false"],
    "user-namespaced": ["--net=none", "--private-users=true"],
}
FLY = ["--stage1-name=fly", "--net=host"]
IN_NAMESPACES = [
    clause for parts in (*ace.CLAUSES.values(), *ace.HOOKS.values()) for clause in parts
]
IN_FLY = [clause for clause in ace.CLAUSES["main"] if clause not in ace.FLY_CANNOT]


class Executor:
    """An agent with the validator's images in its store, and what its pods have said."""

    def __init__(self, agent: Agent, base: Path, images: dict[str, str]) -> None:
        self.agent = agent
        self.base = base
        self.images = images
        self.host = base / "volumes"
        self.host.mkdir()
        self._said: dict[str, dict[str, str]] = {}

    def run(self, manifest: dict[str, Any], options: list[str]) -> Result:
        """Run a pod that is given whole."""
        path = self.base / "pod.json"
        path.write_text(json.dumps(manifest))
        return self.agent("run", *options, f"--pod-manifest={path}", env={"LEAK": "1"})

    def pod(self) -> dict[str, Any]:
        """The validator's pod."""
        return ace.manifest(self.images[ace.MAIN], self.images[ace.SIDE], self.host)

    def says(self, flavour: str) -> dict[str, str]:
        """What the validator says about every clause in a flavour."""
        if flavour not in self._said:
            options = FLY if flavour == "fly" else NAMESPACES[flavour]
            whole = (
                ace.fly_manifest(self.images[ace.MAIN], self.host)
                if flavour == "fly"
                else self.pod()
            )
            self._said[flavour] = ace.results(self.run(whole, options).check().stdout)
        return self._said[flavour]


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Executor]:
    base = tmp_path_factory.mktemp("ace")
    (base / "host").mkdir()
    base.chmod(0o755)
    images = {}
    with PrivateHost(base / "host") as host:
        agent = Agent(host, base / "agent")
        agent.trust(lab.key, "example.com")
        for name in (ace.MAIN, ace.SIDE):
            image = base / f"{name.rpartition('/')[2]}.aci"
            image.hardlink_to(ace.image(name))
            lab.key.sign(image)
            agent.ok("fetch", image)
            images[name] = aci.image_id(image)[:71]
        yield Executor(agent, base, images)


@pytest.mark.parametrize("flavour", NAMESPACES)
@pytest.mark.parametrize("clause", IN_NAMESPACES)
def test_clause(executor: Executor, clause: str, flavour: str) -> None:
    assert executor.says(flavour)[clause] == "ok"


@pytest.mark.parametrize("clause", IN_FLY)
def test_clause_in_fly(executor: Executor, clause: str) -> None:
    assert executor.says("fly")[clause] == "ok"


def test_what_fly_cannot_offer_is_known() -> None:
    assert set(ace.CLAUSES["main"]) >= ace.FLY_CANNOT


@pytest.mark.parametrize("flavour", NAMESPACES)
def test_every_execution_starts_from_a_clean_copy(executor: Executor, flavour: str) -> None:
    """The pod of `test_clause` has left a file behind in its root; this one does not see it."""
    assert executor.says(flavour)["execution_starts_from_a_clean_copy"] == "ok"
    again = ace.results(executor.run(executor.pod(), NAMESPACES[flavour]).check().stdout)
    assert again["execution_starts_from_a_clean_copy"] == "ok"


def shell(executor: Executor, script: str, **fields: Any) -> dict[str, Any]:
    """A pod of one app that runs a script."""
    outer = {key: fields.pop(key) for key in ("volumes",) if key in fields}
    command = {"exec": ["/bin/sh", "-c", script], "user": "0", "group": "0", **fields}
    app = {"name": "app", "image": {"id": executor.images[ace.MAIN]}, "app": command}
    return {"acKind": "PodManifest", "acVersion": aci.AC_VERSION, "apps": [app], **outer}


def test_output_and_errors_are_captured(executor: Executor) -> None:
    ended = executor.run(shell(executor, "echo out; echo err >&2"), ["--net=none"])
    assert ended.stdout == "out\n"
    assert "err" in ended.stderr.splitlines()


def test_a_missing_volume_source_is_an_error_and_nothing_is_made(executor: Executor) -> None:
    source = executor.host / "missing"
    pod = shell(
        executor,
        "echo never",
        mountPoints=[{"name": "v", "path": "/v"}],
        volumes=[{"name": "v", "kind": "host", "source": str(source)}],
    )
    ended = executor.run(pod, ["--net=none"])
    assert (ended.exit, ended.stdout) == (254, "")
    assert f"{source} does not exist" in ended.stderr
    assert not source.exists()


def test_a_pod_has_a_uuid(executor: Executor) -> None:
    path = executor.base / "uuid"
    executor.run(shell(executor, "true"), ["--net=none", f"--uuid-file-save={path}"]).check()
    fields = path.read_text().strip().split("-")
    assert [len(field) for field in fields] == [8, 4, 4, 4, 12]
    assert fields[2][0] == "4", "RFC 4122, version 4"


def isolator(name: str, value: object) -> dict[str, Any]:
    """One isolator."""
    return {"name": name, "value": value}


EATS = "dd if=/dev/zero of=/dev/null bs=64M count=1"
ENDS: list[tuple[str, object, str, int]] = [
    ("resource/memory", {"limit": "32M"}, EATS, 137),
    ("os/linux/seccomp-remove-set", {"set": ["mkdir", "mkdirat"]}, "mkdir /x", 159),
    ("os/linux/seccomp-retain-set", {"set": ["@appc.io/all"]}, "mkdir /x", 0),
    ("os/linux/capabilities-remove-set", {"set": ["CAP_CHOWN"]}, "chown 7 /only-in-main", 1),
    ("os/linux/oom-score-adj", "500", "test $(cat /proc/self/oom_score_adj) = 500", 0),
]


@pytest.mark.parametrize(("name", "value", "script", "status"), ENDS, ids=[e[0] for e in ENDS])
def test_isolator_of_an_app(
    executor: Executor, name: str, value: object, script: str, status: int
) -> None:
    ended = executor.run(shell(executor, script, isolators=[isolator(name, value)]), ["--net=none"])
    assert ended.exit == status, ended.stderr


def test_the_same_without_isolators_ends_well(executor: Executor) -> None:
    """The control of the isolators above."""
    script = f"{EATS} && mkdir /x && chown 7 /only-in-main && echo well"
    assert executor.run(shell(executor, script), ["--net=none"]).check().stdout == "well\n"


def test_memory_of_the_pod_bounds_that_of_its_apps(executor: Executor) -> None:
    small, large = (isolator("resource/memory", {"limit": limit}) for limit in ("32M", "512M"))
    pod = {**shell(executor, EATS, isolators=[large]), "isolators": [small]}
    assert executor.run(pod, ["--net=none"]).exit == 137


def test_what_is_ignored_is_told(executor: Executor) -> None:
    """An isolator that nobody can enforce is refused, and reported when it may be missing."""
    unknown = isolator(
        "os/linux/selinux-context",
        {"user": "system_u", "role": "system_r", "type": "dhcpc_t", "level": "s0"},
    )
    ended = executor.run(shell(executor, "echo ran", isolators=[unknown]), ["--net=none"])
    assert (ended.exit, ended.stdout) == (254, "")
    path = executor.base / "ignored"
    options = ["--net=none", f"--uuid-file-save={path}"]
    ended = executor.run(
        shell(executor, "echo ran", isolators=[{**unknown, "optional": True}]), options
    )
    assert ended.stdout == "ran\n", ended
    assert "note: " in ended.stderr
    status = executor.agent.ok("status", path.read_text().strip())
    assert any(line.startswith("report=") and "selinux" in line for line in status.splitlines())
