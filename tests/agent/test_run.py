# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`run`, `prepare` + `run-prepared`, and what `list` and `status` say about them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Build = Callable[..., Path]


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


def shell(script: str) -> dict[str, object]:
    """An app that runs a script."""
    return aci.app(["/bin/sh", "-c", script])


@pytest.mark.parametrize("status", [0, 3, 255])
def test_run_returns_the_status_of_the_app(
    trusting: Agent, signed_image: Build, status: int
) -> None:
    image = signed_image(app=shell(f"exit {status}"))
    assert trusting("run", "--net=none", image).exit == status


def test_an_app_killed_by_a_signal_gives_128_plus_its_number(
    trusting: Agent, signed_image: Build
) -> None:
    image = signed_image(app=shell("kill -9 $$"))
    assert trusting("run", "--net=none", image).exit == 128 + 9


def test_arguments_after_two_dashes_are_appended(trusting: Agent, signed_image: Build) -> None:
    image = signed_image(app=aci.app(["/bin/echo", "one"]))
    assert (
        trusting.ok("run", "--net=none", image, "--", "two words", "--three")
        == "one two words --three\n"
    )


def test_exec_replaces_the_whole_command(trusting: Agent, signed_image: Build) -> None:
    image = signed_image(app=aci.app(["/bin/false", "x"]))
    out = trusting.ok("run", "--net=none", image, "--exec=/bin/echo", "--", "hello")
    assert out == "hello\n"


def test_several_apps_have_one_network_and_own_arguments(
    trusting: Agent, signed_image: Build
) -> None:
    image = signed_image(app=shell("exit 7"))
    command = ["run", "--net=none", str(image), "--name=one", "--exec=/bin/echo", "--", "first"]
    command += ["---", str(image), "--name=two", "--exec=/bin/echo", "--", "second"]
    assert sorted(trusting.ok(*command).splitlines()) == ["first", "second"]


def test_two_apps_of_one_name_are_refused(trusting: Agent, signed_image: Build) -> None:
    image = signed_image()
    line = trusting.refused("run", "--net=none", image, "---", image)
    assert "two apps of the pod are called tiny" in line
    assert "--name" in line


def test_environment_later_sources_win(
    trusting: Agent, signed_image: Build, tmp_path: Path
) -> None:
    app = aci.app(
        ["/bin/env"], environment={"A": "image", "B": "image", "C": "image", "D": "image"}
    )
    image = signed_image(app=app)
    (tmp_path / "env").write_text("# comment\nB=file\nC=file\nD=file\n")
    command = [
        "run",
        "--net=none",
        "--inherit-env",
        f"--set-env-file={tmp_path / 'env'}",
        "--set-env=C=set",
    ]
    command += ["--set-env=D=set", str(image), "--environment=D=app"]
    result = trusting(*command, env={"A": "inherited", "E": "inherited"}).check()
    lines = dict(line.split("=", 1) for line in result.stdout.splitlines())
    found = {name: lines.get(name) for name in "ABCDE"}
    assert found == {"A": "image", "B": "file", "C": "set", "D": "app", "E": "inherited"}


def test_nothing_of_the_callers_environment_reaches_the_app(
    trusting: Agent, signed_image: Build
) -> None:
    image = signed_image(app=aci.app(["/bin/env"]))
    result = trusting("run", "--net=none", image, env={"CANARY": "leaked"}).check()
    assert "CANARY" not in result.stdout


def test_prepare_then_run_prepared_by_a_short_uuid(trusting: Agent, signed_image: Build) -> None:
    image = signed_image(app=shell("echo ran; exit 5"))
    uuid = trusting.ok("prepare", "--quiet", image).strip()
    assert UUID.fullmatch(uuid)
    assert "state=prepared" in trusting.ok("status", uuid)
    result = trusting("run-prepared", "--net=none", uuid[:8])
    assert (result.exit, result.stdout) == (5, "ran\n")
    status = trusting.ok("status", uuid)
    assert "state=exited" in status and "app-tiny=5" in status
    again = trusting("run-prepared", "--net=none", uuid)
    assert (again.exit, again.stdout) == (5, "ran\n")


def test_list_shows_the_pod_for_people_and_programs(trusting: Agent, signed_image: Build) -> None:
    image = signed_image(app=shell("exit 0"))
    trusting.ok("run", "--net=none", image)
    title, line = trusting.ok("list").splitlines()
    assert title.split("\t")[0].strip() == "UUID"
    assert "tiny" in line and "example.com/tiny:1.0" in line and "exited" in line
    (pod,) = json.loads(trusting.ok("list", "--format=json"))
    assert UUID.fullmatch(pod["name"])
    assert pod["state"] == "exited"
    assert pod["apps"][0]["exit_code"] == 0
    assert pod["apps"][0]["image_id"].startswith("sha512-")
    assert re.match(r"\d{4}-\d\d-\d\dT", pod["finished_at"])


def test_what_keeps_an_app_from_starting_is_said_also_when_its_network_goes_with_it(
    trusting: Agent, signed_image: Build
) -> None:
    image = signed_image(app=aci.app(["/bin/true"], user="nobody-here"))
    line = trusting.refused("run", image)
    assert "nobody-here" in line and "network" not in line


def test_uuid_file_is_written_and_read(
    trusting: Agent, signed_image: Build, tmp_path: Path
) -> None:
    image = signed_image(app=shell("exit 0"))
    saved = tmp_path / "uuid"
    trusting.ok("run", "--net=none", f"--uuid-file-save={saved}", image)
    assert UUID.fullmatch(saved.read_text().strip())
    assert "state=exited" in trusting.ok("status", f"--uuid-file={saved}")
    trusting.ok("rm", f"--uuid-file={saved}")
    assert trusting.ok("list", "--no-legend") == ""


def test_cat_manifest_is_a_pod_manifest(trusting: Agent, signed_image: Build) -> None:
    uuid = trusting.ok("prepare", "--quiet", signed_image()).strip()
    manifest = json.loads(trusting.ok("cat-manifest", uuid))
    assert manifest["acKind"] == "PodManifest"
    assert manifest["apps"][0]["name"] == "tiny"


def test_gc_removes_ended_pods_and_keeps_young_ones(trusting: Agent, signed_image: Build) -> None:
    trusting.ok("run", "--net=none", signed_image(app=shell("exit 0")))
    prepared = trusting.ok("prepare", "--quiet", signed_image()).strip()
    trusting.ok("gc")
    states = {pod["state"] for pod in json.loads(trusting.ok("list", "--format=json"))}
    assert states == {"prepared", "exited garbage"}
    trusting.ok("gc", "--grace-period=0s")
    (pod,) = json.loads(trusting.ok("list", "--format=json"))
    assert pod["name"] == prepared
    trusting.ok("gc", "--grace-period=0s", "--expire-prepared=0s")
    assert json.loads(trusting.ok("list", "--format=json")) == []


def test_an_image_in_use_cannot_be_removed(trusting: Agent, signed_image: Build) -> None:
    uuid = trusting.ok("prepare", "--quiet", signed_image()).strip()
    assert f"is used by pod {uuid}" in trusting.refused("image", "rm", "example.com/tiny")
    trusting.ok("rm", uuid)
    assert "removed sha512-" in trusting.ok("image", "rm", "example.com/tiny")
    assert trusting.ok("image", "list", "--no-legend") == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "run needs an image"),
        (["run", "--nett=none", "x"], "unknown option --nett; did you mean --net?"),
        (["run", "--net=moon", "example.com/x"], "network moon: does not exist"),
        (["run", "--port=nonsense", "example.com/x"], "NAME:[HOSTIP:]HOSTPORT"),
        (["run", "--stage1-name=warp", "example.com/x"], "stage1 'warp' is not available"),
        (["run", "example.com/x", "--memory=lots"], "is not a quantity"),
        (["run", "example.com/x", "--caps-retain=ALL"], "is not a capability name"),
        (["run", "--user=x", "example.com/x"], "--user must follow the image"),
        (["stat"], "status needs a pod"),
        (["status", "nothing-here"], "no pod is called 'nothing-here'"),
        (["frobnicate"], "unknown command 'frobnicate'"),
        (["image", "list", "--fields=colour"], "unknown column 'colour'"),
        (["--insecure-options=everything", "list"], "everything"),
        (["status", "x\x1b[31m"], "x\\x1b[31m"),
    ],
)
def test_bad_usage_is_one_sentence_and_changes_nothing(
    agent: Agent, arguments: list[str], said: str
) -> None:
    assert said in agent.refused(*arguments)
    assert not agent.data.exists() or not any(agent.data.glob("pods/*/*"))
