# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods whose manifest is given whole (behaviour.md B1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

Build = Callable[..., Path]
RETAIN_ALL = {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_SYS_ADMIN"]}}


class Manifests:
    """An agent that trusts the lab, and pod manifests as files."""

    def __init__(self, agent: Agent, directory: Path, signed_image: Build) -> None:
        self.agent = agent
        self.directory = directory
        self.signed_image = signed_image

    def image(self, script: str, **options: Any) -> str:
        """The ID of a stored image with an app that runs a script."""
        image = self.signed_image(app=aci.app(["/bin/sh", "-c", script], **options))
        self.agent.ok("fetch", image)
        return aci.image_id(image)[:71]

    def write(self, *apps: dict[str, Any], **fields: Any) -> Path:
        """A manifest file."""
        path = self.directory / "pod.json"
        kind = {"acKind": "PodManifest", "acVersion": "0.8.11"}
        path.write_text(json.dumps({**kind, "apps": apps, **fields}))
        return path

    def run(self, *apps: dict[str, Any], **fields: Any) -> str:
        """What the apps of a manifest print."""
        return self.agent.ok("run", "--net=none", f"--pod-manifest={self.write(*apps, **fields)}")


@pytest.fixture
def manifests(agent: Agent, lab: Keys, tmp_path: Path, signed_image: Build) -> Manifests:
    agent.trust(lab.key, "example.com")
    return Manifests(agent, tmp_path, signed_image)


def shell(script: str, **fields: Any) -> dict[str, Any]:
    """The `app` of a pod's app."""
    return {"exec": ["/bin/sh", "-c", script], "user": "0", "group": "0", **fields}


def test_it_says_what_runs_and_the_image_the_rest(manifests: Manifests) -> None:
    image = manifests.image("echo of the image")
    apps: list[dict[str, Any]] = [
        {"name": "one", "image": {"id": image}},
        {
            "name": "two",
            "image": {"id": image},
            "app": shell("echo of the manifest $A; cat /v/f", environment=[
                {"name": "A", "value": "B"},
            ]),
            "mounts": [{"volume": "v", "path": "/v"}],
        },
    ]  # fmt: skip
    source = manifests.directory / "v"
    source.mkdir(mode=0o755)
    (source / "f").write_text("volume\n")
    volumes = [{"name": "v", "kind": "host", "source": str(source), "readOnly": True}]
    out = manifests.run(*apps, volumes=volumes)
    assert sorted(out.splitlines()) == ["of the image", "of the manifest B", "volume"]


def test_cat_manifest_prints_it_and_that_can_be_given_again(manifests: Manifests) -> None:
    image = manifests.image("echo again")
    path = manifests.write(
        {"name": "one", "image": {"id": image}},
        annotations=[{"name": "who", "value": "me"}],
        userLabels={"tier": "front"},
    )
    uuid = manifests.agent.ok("prepare", f"--pod-manifest={path}").split()[-1]
    printed = manifests.agent.ok("cat-manifest", uuid)
    shown = json.loads(printed)
    assert {"name": "who", "value": "me"} in shown["annotations"]
    assert shown["userLabels"] == {"tier": "front"}
    assert shown["apps"][0]["app"]["exec"] == ["/bin/sh", "-c", "echo again"]
    assert manifests.agent.ok("run-prepared", "--net=none", uuid) == "again\n"
    path.write_text(printed)
    assert manifests.agent.ok("run", "--net=none", f"--pod-manifest={path}") == "again\n"


def test_an_image_that_is_not_stored_is_not_fetched(manifests: Manifests) -> None:
    path = manifests.write({"name": "one", "image": {"id": "sha512-" + "0" * 64}})
    line = manifests.agent.refused("run", f"--pod-manifest={path}")
    assert "not in the store" in line


def test_trust_is_asked_again(manifests: Manifests, lab: Keys) -> None:
    image = manifests.image("echo trusted")
    app = {"name": "one", "image": {"id": image}}
    assert manifests.run(app) == "trusted\n"
    for key in (manifests.agent.local / "trustedkeys").rglob(lab.key.fingerprint.lower()):
        key.unlink()
    line = manifests.agent.refused("run", "--net=none", f"--pod-manifest={manifests.write(app)}")
    assert "tiny" in line


@pytest.mark.parametrize(
    "option",
    ["--volume=v,kind=empty", "--port=p:80", "--inherit-env", "--set-env=A=B", "--mount=volume=v,target=/v",
     "--pull-policy=update", "example.com/tiny"],
)  # fmt: skip
def test_what_the_manifest_says_cannot_be_said_beside_it(manifests: Manifests, option: str) -> None:
    path = manifests.write({"name": "one", "image": {"id": "sha512-" + "0" * 64}})
    line = manifests.agent.refused("run", f"--pod-manifest={path}", option)
    assert "--pod-manifest" in line


@pytest.mark.parametrize("name", ["", "wide"])
def test_a_profile_that_there_is_not_widens_no_pod(manifests: Manifests, name: str) -> None:
    """Of no name, it was given like `system`, with no word about it."""
    mount = shell("mount -t tmpfs none /tmp")
    image = manifests.image("true")
    path = manifests.write(
        {"name": "one", "image": {"id": image}, "app": mount},
        annotations=[{"name": "podwright.io/profile", "value": name}],
    )
    line = manifests.agent.refused("run", "--net=none", f"--pod-manifest={path}")
    assert f"there is no profile '{name}'" in line


def test_its_isolators_are_the_operators_word(manifests: Manifests) -> None:
    """The same set is refused when only the image asks for it."""
    image = manifests.image("exit 9", isolators=[RETAIN_ALL])
    script = "grep CapBnd /proc/self/status"
    granted = {"app": shell(script, isolators=[RETAIN_ALL])}
    out = manifests.run({"name": "one", "image": {"id": image}, **granted})
    assert int(out.split()[1], 16) == 1 << 21
    path = manifests.write({"name": "one", "image": {"id": image}})
    line = manifests.agent.refused("run", "--net=none", f"--pod-manifest={path}")
    assert "asks for capabilities beyond the default" in line


def test_what_an_optional_isolator_lacks_is_told_once_and_kept(manifests: Manifests) -> None:
    image = manifests.image("exec sleep 1000")
    label = {"user": "system_u", "role": "system_r", "type": "dhcpc_t", "level": "s0"}
    optional = {"name": "os/linux/selinux-context", "value": label, "optional": True}
    wanted = {"name": "web", "net": "none", "image": image, "isolators": [optional]}
    try:
        answer = manifests.agent.apply({"pods": [wanted]})
        (part,) = answer["pods"]
        assert any("selinux" in text for text in part["reports"])
        assert [f"pod web: {text}" for text in part["reports"]] == answer["warnings"]
        again = manifests.agent.apply({"pods": [wanted]})
        assert again["warnings"] == []
        assert again["pods"][0]["reports"] == part["reports"]
        status = json.loads(manifests.agent.ok("status", "web", "--format=json"))
        assert status["reports"] == part["reports"]
    finally:
        manifests.agent.apply({"pods": [{"name": "web", "state": "absent"}]})


def test_a_named_pod_of_a_manifest_is_idempotent(manifests: Manifests) -> None:
    image = manifests.image("exec sleep 1000")
    manifest: dict[str, Any] = {
        "acKind": "PodManifest",
        "acVersion": "0.8.11",
        "apps": [{"name": "one", "image": {"id": image}}],
    }
    wanted = {"pods": [{"name": "web", "net": "none", "pod_manifest": manifest}]}
    try:
        (part,) = manifests.agent.apply(wanted)["pods"]
        assert (part["state"], part["changed"]) == ("running", True)
        assert manifests.agent.apply(wanted)["changed"] is False
        assert manifests.agent.apply(wanted, "--check")["changed"] is False
        manifest["userLabels"] = {"new": "yes"}
        assert manifests.agent.apply(wanted)["changed"] is True
    finally:
        manifests.agent.apply({"pods": [{"name": "web", "state": "absent"}]})
