# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canaries in every place for a log-in, through real plays against a real registry: nobody sees one (T93)."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.modules.conftest import AdHoc
from tests.support import leaks, ocilayout
from tests.support.private_host import Result
from tests.support.registry import PASSWORD, USER, Registry

WRONG = """Wrong-canary-'"\\%{}-of-the-registry"""
TOKEN = "token-canary.of-the-registry"
BEGINNINGS = {"s3cret-canary", "Wrong-canary", "token-canary"}
"""Of the secrets: what is left of them however the rest is quoted."""
TEXTS = sorted(
    BEGINNINGS.union(*(leaks.spellings(secret, USER) for secret in (PASSWORD, WRONG, TOKEN)))
)
UNSIGNED = {"insecure_options": ["image"]}


@dataclasses.dataclass(frozen=True)
class Plays:
    """Runs plays on the host; what they leave behind lies below `home`, what they are made of does not."""

    adhoc: AdHoc
    registry: Registry
    base: Path

    @property
    def home(self) -> Path:
        """Ansible's home, temporary directories and job files."""
        return self.base / "home"

    def run(self, tasks: list[dict[str, Any]], *flags: str, **env: str) -> Result:
        """Run a play whose variables hold the secrets; every task may fail."""
        source = self.base / "source"
        for directory in (source, self.home / "tmp", self.home / "async"):
            directory.mkdir(parents=True, exist_ok=True)
        variables = {"right": PASSWORD, "wrong": WRONG, "token": TOKEN, "shapes": SHAPES}
        (source / "vars.json").write_text(json.dumps(variables))
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "vars_files": [str(source / "vars.json")],
            "module_defaults": {"group/podwright.fleet.podwright": self.adhoc.common},
            "tasks": [{**task, "ignore_errors": True} for task in tasks],
        }
        (source / "play.json").write_text(json.dumps([play]))
        settings = {
            **self.adhoc.env,
            "ANSIBLE_HOME": str(self.home),
            "ANSIBLE_LOCAL_TEMP": str(self.home / "local"),
            "ANSIBLE_REMOTE_TEMP": str(self.home / "remote"),
            "ANSIBLE_ASYNC_DIR": str(self.home / "async"),
            "TMPDIR": str(self.home / "tmp"),
            **env,
        }
        command = ["ansible-playbook", str(source / "play.json"), *flags]
        done = self.adhoc.agent.host.run(command, env=settings, timeout=300)
        assert done.exit == 0, done
        return done

    def leaked(self, *said: str) -> list[str]:
        """Where one of the secrets is, of all places that a play writes to, and in what was said."""
        places = [self.home, self.adhoc.agent.data, self.adhoc.agent.local]
        found = leaks.in_files(TEXTS, *(place for place in places if place.exists()))
        return found + [text for text in TEXTS for each in said if text in each]


@pytest.fixture
def plays(adhoc: AdHoc, registry: Registry, tmp_path: Path) -> Plays:
    """A host, and a registry with two images that want a log-in."""
    for name in ("web", "job"):
        layout = ocilayout.busybox_layout(tmp_path / name, config={"Cmd": ["/bin/sleep", "1000"]})
        registry.push_layout(layout.path, f"app/{name}:1.0")
    return Plays(adhoc, registry, tmp_path / "plays")


def image(plays: Plays, name: str = "web", **options: Any) -> dict[str, Any]:
    """A task with the module image."""
    reference = plays.registry.reference(f"app/{name}:1.0")
    return {"podwright.fleet.image": {"name": reference, **UNSIGNED, **options}}


def pod(plays: Plays, **options: Any) -> dict[str, Any]:
    """A task with the module pod."""
    spec = {
        "name": "web",
        "image": plays.registry.reference("app/web:1.0"),
        "net": "none",
        "ready": {"seconds": 0.1},
        **UNSIGNED,
    }
    return {"podwright.fleet.pod": {**spec, **options}}


def login(secret: str) -> dict[str, str]:
    """User and password, the latter by the name of a variable."""
    return {"username": USER, "password": f"{{{{ {secret} }}}}"}


def slots(plays: Plays, secret: str) -> list[dict[str, Any]]:
    """A task for every place that takes a log-in."""
    host = plays.registry.host
    by_place = [{"registry": host, **login(secret)}]
    one = {
        "name": plays.registry.reference("app/job:1.0"),
        **UNSIGNED,
        "credentials": login(secret),
    }
    web = pod(plays)["podwright.fleet.pod"]
    return [
        image(plays, credentials=login(secret), state="latest"),
        image(plays, credentials={"token": "{{ token }}"}, state="latest"),
        image(plays, "job", registry_auth=by_place, state="latest"),
        image(plays, "job", registry_auth=[{"registry": host, "token": "{{ token }}"}]),
        {"podwright.fleet.image": {"images": [one], "state": "latest"}},
        pod(plays, registry_auth=by_place, pull_policy="update"),
        {"podwright.fleet.pod": {"pods": [{**web, "registry_auth": by_place}]}},
        {"podwright.fleet.pod": {"pods": [web], "registry_auth": by_place}},
        {"podwright.fleet.image_info": {}, "register": "images"},
        {"ansible.builtin.debug": {"var": "images"}},
    ]


SHAPES: Mapping[str, Any] = {
    "text": WRONG,
    "list": [WRONG],
    "lists": [[WRONG]],
    "pairs": [["password", WRONG]],
    "mapping": {"password": {"value": WRONG}},
    "misspelt": {"username": USER, "pasword": WRONG},
    "misspelt_list": [{"registry": "r.example.com", "user": USER, "passwd": WRONG}],
    "mixed": [{"registry": "r.example.com", "password": [WRONG, {"a": WRONG}]}],
    "no_registry": [{"username": USER, "password": WRONG}],
    "as_text": f"username={USER} password={TOKEN}",
    "as_json": json.dumps({"username": USER, "password": WRONG}),
    "as_registry": [{"registry": {"password": WRONG}}],
}


def misuses(plays: Plays) -> list[dict[str, Any]]:
    """Tasks that Ansible or the agent must refuse."""
    tasks = []
    for shape in SHAPES:
        value = f"{{{{ shapes.{shape} }}}}"
        tasks += [
            image(plays, credentials=value),
            image(plays, registry_auth=value),
            pod(plays, registry_auth=value),
            {"podwright.fleet.image": {"images": [{"name": "x", "credentials": value}]}},
        ]
    return [
        *tasks,
        image(plays, credentials=login("wrong"), colour="red"),
        image(plays, credentials={**login("wrong"), "colour": "red"}),
        image(plays, password="{{ wrong }}"),
        image(plays, registry_password="{{ wrong }}"),
        image(plays, credentials=login("wrong"), images=[]),
        image(plays, credentials=login("wrong"), state="presnt"),
        pod(plays, registry_auth=[{"registry": "u@h", **login("wrong")}]),
    ]


@pytest.mark.threat("T93")
@pytest.mark.parametrize("secret", ["right", "wrong"])
def test_no_log_in_is_seen_in_a_play(plays: Plays, tmp_path: Path, secret: str) -> None:
    control = "control-of-the-watch"
    with leaks.Watch(plays.adhoc.agent.host, tmp_path, [*TEXTS, control]) as watch:
        plays.adhoc.agent.host.run(["/bin/sleep", "0.5"], env={"CONTROL": control}).check()
        tasks = slots(plays, secret)
        said = [plays.run(tasks, "--check", "--diff", "-vvvv"), plays.run(tasks, "--diff", "-vvvv")]
        said += [plays.run(tasks)]
    assert [each for each in watch.processes if control not in each] == []
    assert any(control in each for each in watch.processes)  # it does see what is there
    assert "ansible-podwright.fleet.image: Invoked with" in watch.syslog
    assert (
        plays.leaked(watch.syslog, *(text for each in said for text in (each.stdout, each.stderr)))
        == []
    )
    running = plays.adhoc.agent.ok("list", "--no-legend")
    assert ("running" in running) == (secret == "right")
    refused = said[1].stdout.count('"reason": "unauthorized"')
    # the registry takes no tokens, but one of the two images is there by then; pods tell it twice
    assert refused == (1 if secret == "right" else 11)
    plays.adhoc("pod", "name=web state=absent")


def test_no_log_in_is_seen_when_it_is_in_the_wrong_place(plays: Plays, tmp_path: Path) -> None:
    with leaks.Watch(plays.adhoc.agent.host, tmp_path, TEXTS) as watch:
        tasks = misuses(plays)
        done = plays.run(tasks, "--diff", "-vvvv", ANSIBLE_DISPLAY_TRACEBACK="always")
    assert f"failed=0    skipped=0    rescued=0    ignored={len(tasks)}" in done.stdout
    assert watch.processes == []
    assert plays.leaked(watch.syslog, done.stdout, done.stderr) == []


def test_no_log_in_is_seen_in_job_files(plays: Plays, tmp_path: Path) -> None:
    jobs = [
        {**task, "async": 60, "poll": 1}
        for secret in ("wrong", "right")
        for task in (
            image(plays, credentials=login(secret)),
            image(plays, "job", registry_auth=[{"registry": plays.registry.host, **login(secret)}]),
        )
    ]
    jobs.append({**image(plays, credentials="{{ shapes.list }}"), "async": 60, "poll": 1})
    kept = {**image(plays, credentials=login("wrong"), state="latest"), "async": 60, "poll": 0}
    with leaks.Watch(plays.adhoc.agent.host, tmp_path, TEXTS) as watch:
        done = plays.run([*jobs, kept], "-vvvv")
        leaks.wrappers_have_ended(plays.home / "remote")
    assert os.listdir(plays.home / "async") != []
    assert watch.processes == []
    assert plays.leaked(watch.syslog, done.stdout, done.stderr) == []


def test_another_password_is_no_change_of_a_pod(plays: Plays) -> None:
    host = plays.registry.host
    wanted = pod(plays)["podwright.fleet.pod"]
    auth = [{"registry": host, "username": USER, "password": PASSWORD}]
    first = plays.adhoc("pod", {**wanted, "registry_auth": auth})
    for options in ({}, {"registry_auth": [{"registry": host, "token": TOKEN}]}):
        again = plays.adhoc("pod", {**wanted, **options}, "--diff")
        assert again["changed"] is False
        assert again["pods"][0]["uuid"] == first["pods"][0]["uuid"]
    assert plays.adhoc("pod", "name=web state=absent")["changed"] is True


def test_no_log_in_is_seen_in_the_agents_own_words(plays: Plays) -> None:
    reference = plays.registry.reference("app/web:1.0")
    for secret in (PASSWORD, WRONG):
        for level in ("images", "all"):
            auth = [{"registry": plays.registry.host, "username": USER, "password": secret}]
            wanted: dict[str, Any] = {"images": [{"name": reference, **UNSIGNED}]}
            (wanted["images"][0] if level == "images" else wanted)["registry_auth"] = auth
            agent = plays.adhoc.agent
            done = agent("--debug", "apply", "--diff", "-", stdin=json.dumps(wanted))
            assert (done.exit == 0) == (secret == PASSWORD), done
            assert plays.leaked(done.stdout, done.stderr) == []
            agent("image", "rm", reference)
