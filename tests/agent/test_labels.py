# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""SELinux and AppArmor asked for on a host without them (tests/vm is the host that has them)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podwright.kernel.relabel import label_of
from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

Build = Callable[..., Path]
SELINUX = {
    "name": "os/linux/selinux-context",
    "value": {"user": "u", "role": "r", "type": "t", "level": "s0"},
}
APPARMOR = {"name": "os/linux/apparmor-profile", "value": "tight"}


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


def shell(script: str, **more: Any) -> dict[str, Any]:
    return {**aci.app(["/bin/sh", "-c", script]), **more}


def pods_of(agent: Agent) -> list[Any]:
    found: list[Any] = json.loads(agent.ok("list", "--format=json"))
    return found


def test_require_is_refused_and_nothing_is_made(trusting: Agent, signed_image: Build) -> None:
    image = signed_image(app=shell("echo ran"))
    line = trusting.refused("run", "--net=none", "--selinux=require", image)
    assert "selinux: require: SELinux is not enabled on this host" in line
    assert "say selinux: auto" in line
    assert pods_of(trusting) == []


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_other_modes_run_without_a_word(trusting: Agent, signed_image: Build, mode: str) -> None:
    """The control of the refusal; that it is off is no warning."""
    ran = trusting("run", "--net=none", f"--selinux={mode}", signed_image(app=shell("echo ran")))
    assert (ran.exit, ran.stdout, ran.stderr) == (0, "ran\n", "")
    (pod,) = pods_of(trusting)
    why = "not enabled on this host" if mode == "auto" else "as asked"
    assert f"selinux=off ({why})\n" in trusting.ok("status", pod["name"])


def test_a_mode_that_is_not_known_is_refused(trusting: Agent, signed_image: Build) -> None:
    line = trusting.refused("run", "--net=none", "--selinux=always", signed_image())
    assert "--selinux" in line
    assert "require" in line


def desired(image: Path, **fields: Any) -> dict[str, Any]:
    pod = {"name": "web", "image": str(image), "net": "none", "state": "prepared", **fields}
    return {"pods": [pod]}


@pytest.mark.parametrize("flags", [(), ("--check",)])
@pytest.mark.parametrize(
    "asked, said",
    [
        ({"selinux": "require"}, "SELinux is not enabled on this host"),
        ({"isolators": [SELINUX]}, "isolator os/linux/selinux-context cannot be enforced"),
        ({"isolators": [APPARMOR]}, "isolator os/linux/apparmor-profile cannot be enforced"),
    ],
)
def test_apply_refuses_what_the_host_does_not_have(
    trusting: Agent,
    signed_image: Build,
    asked: dict[str, Any],
    said: str,
    flags: tuple[str, ...],
) -> None:
    image = signed_image()
    trusting.ok("fetch", image)
    ran = trusting("apply", *flags, stdin=json.dumps(desired(image, **asked)))
    assert ran.exit == 254
    assert said in json.loads(ran.stdout)["pods"][0]["error"]["message"]
    assert pods_of(trusting) == []


@pytest.mark.parametrize("isolator", [SELINUX, APPARMOR])
def test_optional_isolators_are_told_and_stand_in_the_status(
    trusting: Agent, signed_image: Build, isolator: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {"isolators": [{**isolator, "optional": True}], "state": "started"}
    asked["ready"] = {"seconds": 0.1}
    (part,) = trusting.apply(desired(signed_image(), **asked))["pods"]
    assert part["error"] is None
    told = f"isolator {isolator['name']} is not enforced: "
    assert any(told in text for text in part["reports"]), part
    assert told in trusting.ok("status", "web")
    trusting.apply({"pods": [{"name": "web", "state": "absent"}]})


@pytest.mark.parametrize("isolator", [SELINUX, APPARMOR])
def test_an_image_cannot_choose_its_own_label(
    trusting: Agent, signed_image: Build, isolator: dict[str, Any]
) -> None:
    image = signed_image(app=shell("echo ran", isolators=[isolator]))
    line = trusting.refused("run", "--net=none", image)
    assert "beyond the default" in line
    assert isolator["name"] in line


@pytest.mark.threat("T66")
@pytest.mark.parametrize("kind", ["private", "shared"])
def test_a_directory_of_the_host_is_not_relabelled(
    trusting: Agent, signed_image: Build, tmp_path: Path, kind: str
) -> None:
    image = signed_image(app=shell("echo ran"))
    link = tmp_path / "innocent"
    link.symlink_to("/etc")
    before = label_of("/etc")
    line = trusting.refused(
        "run", "--net=none", f"--volume=data,kind=host,source={link},relabel={kind}", image,
        "--mount=volume=data,target=/data",
    )  # fmt: skip
    assert "is /etc of the host and is not relabelled" in line
    assert label_of("/etc") == before


def test_a_volume_keeps_its_label_where_selinux_is_off(
    trusting: Agent, signed_image: Build, tmp_path: Path
) -> None:
    """The control of the refusal: another directory is taken, and there is nothing to do."""
    place = tmp_path / "data"
    place.mkdir()
    os.setxattr(place, "security.selinux", b"u:r:t:s0\0")
    volume = f"--volume=data,kind=host,source={place},relabel=private"
    image = signed_image(app=shell("echo x >/data/file"))
    trusting.ok("run", "--net=none", volume, image, "--mount=volume=data,target=/data")
    assert label_of(str(place)) == "u:r:t:s0"
    assert label_of(str(place / "file")) == ""


def test_verify_says_that_there_is_no_label(trusting: Agent, signed_image: Build) -> None:
    trusting.ok("run", "--net=none", signed_image(app=shell("echo ran")))
    (pod,) = pods_of(trusting)
    line = trusting.refused("selinux", "verify", pod["name"])
    assert "was started without an SELinux label" in line
