# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a stage1 image's entry points are told, in every version of the interface (behaviour.md C1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import ImageError, LaunchError
from podwright.stage1.external import contract
from podwright.stage1.external.contract import Contract, Wish
from podwright.values import replace

GOLDEN = Path(__file__).parent / "golden" / "external-arguments.json"
UUID = "9c1f5be6-3a57-4a0f-8d3c-000000000001"
POINTS = {name: f"/{name}" for name in contract.POINTS}
VERSIONS = range(1, contract.NEWEST + 1)
WISHES: dict[str, dict[str, Any]] = {
    "nothing said": {},
    "debug": {"debug": True},
    "networks": {"net": "front,back:IP=10.1.2.3"},
    "interactive": {"interactive": True, "net": "none"},
    "users": {"private_users": "1048576:65536"},
    "metadata": {"mds_token": "0123abcd"},
    "configuration": {"local_config": "/etc/podwright"},
    "default host name": {"hostname": "web"},
    "host name": {"hostname": "web", "explicit": frozenset(("hostname",))},
    "seccomp off": {"insecure": frozenset(("seccomp",))},
    "all restrictions off": {"insecure": frozenset(contract.RESTRICTIONS)},
    "resolv.conf of ours": {
        "dns": ("stage0", "default"),
        "explicit": frozenset(("dns-conf-mode",)),
    },
    "hosts file of ours by default": {"dns": ("default", "stage0")},
    "apps that come and go": {"mutable": True},
    "ipc private": {"ipc": "private"},
    "ipc parent": {"ipc": "parent"},
}


def stage1(version: int, **changes: Any) -> Contract:
    """A stage1 that has every entry point."""
    return Contract("example.com/stage1", POINTS, version, **changes)


def told(version: int, wish: Wish) -> Any:
    """What `run` is told: a command line with what cannot be said, or why it is refused."""
    try:
        found = contract.run_arguments(stage1(version), wish)
    except LaunchError as err:
        return f"refused: {err.sentence()}"
    line = " ".join(found.arguments)
    return [line, *found.reports] if found.reports else line


def matrix() -> dict[str, Any]:
    """Everything that can be said, in every version."""
    run = {
        name: {str(version): told(version, Wish(UUID, **said)) for version in VERSIONS}
        for name, said in WISHES.items()
    }
    wish = Wish(UUID, insecure=frozenset(("paths",)), private_users="1048576:65536")
    return {
        "run": run,
        "enter": contract.enter_arguments(42, "web", ("/bin/sh", "-c", "id; echo --")),
        "gc": {
            str(version): contract.gc_arguments(
                stage1(version), UUID, debug=version == 2, local_config="/etc/podwright"
            )
            for version in VERSIONS
        },
        "stop": [contract.stop_arguments(UUID, force=force) for force in (False, True)],
        "app": [
            contract.app_arguments(stage1(6), point, "web", wish, debug=point == contract.APP_RM)
            for point in contract.MUTABLE
        ],
        "attach": [
            contract.attach_arguments(contract.LIST, "web", frozenset()),
            contract.attach_arguments(contract.AUTO, "web", frozenset()),
            contract.attach_arguments(contract.CUSTOM, "web", frozenset(("stdout", "stdin"))),
        ],
        "crossing": contract.crossing("/pods/run/x/stage1/rootfs/enter", 42, "web"),
    }


def test_what_entry_points_are_told_is_as_written_down() -> None:
    assert json.loads(json.dumps(matrix())) == json.loads(GOLDEN.read_text())


def said_by(**changes: str | None) -> list[tuple[str, str]]:
    """Of a plain stage1 image; None leaves one out."""
    said = {"run": "/run", "enter": "/enter", "gc": "/gc", **changes}
    return [(f"{contract.PREFIX}{name}", text) for name, text in said.items() if text is not None]


def test_a_manifest_without_a_version_means_version_1() -> None:
    found = contract.parse("x", said_by())
    assert (found.version, found.mutable) == (1, False)
    assert found.points == {"run": "/run", "enter": "/enter", "gc": "/gc"}


@pytest.mark.parametrize("missing", ["run", "enter", "gc"])
def test_an_image_without_a_required_entry_point_is_no_stage1(missing: str) -> None:
    with pytest.raises(ImageError, match=f"names no entry point '{missing}'"):
        contract.parse("x", said_by(**{missing: None}))


@pytest.mark.parametrize("text", ["0", "7", "-1", "1.5", "", "six", "00001", "\u0663", "9" * 30])
def test_versions_that_are_not_known_are_refused(text: str) -> None:
    with pytest.raises(ImageError, match="interface version"):
        contract.parse("x", said_by(**{"interface-version": text}))


@pytest.mark.threat("T76")
@pytest.mark.parametrize(
    "path",
    [
        "init",
        "../../bin/sh",
        "/../bin/sh",
        "/a/../../bin/sh",
        "/./init",
        "//init",
        "/",
        "",
        "/a\nb",
        "/" + "a" * 2000,
    ],
)
def test_entry_points_that_are_no_path_inside_the_image_are_refused(path: str) -> None:
    with pytest.raises(ImageError, match="no path inside the image"):
        contract.parse("x", said_by(run=path))


def test_apps_come_and_go_only_where_all_four_entry_points_are_declared() -> None:
    for name in contract.MUTABLE:
        points = {key: path for key, path in POINTS.items() if key != name}
        with pytest.raises(LaunchError, match=f"no entry point '{name}'"):
            contract.check_mutable(replace(stage1(6), points=points))
    contract.check_mutable(stage1(5))
    with pytest.raises(LaunchError, match="needs 5"):
        contract.check_mutable(stage1(4))
