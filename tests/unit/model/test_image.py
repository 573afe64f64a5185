# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image manifest (behaviour.md A2)."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model.image import App, Handler, MountPoint, Port, parse_image
from podwright.model.isolators import Isolators
from podwright.model.pod import dump_app

CPU = {"name": "resource/cpu", "value": {"limit": "500m"}}


def image(**fields: Any) -> dict[str, Any]:
    """A minimal image manifest with these fields besides; None takes one away."""
    raw = {"acKind": "ImageManifest", "acVersion": "0.8.11", "name": "example.com/web", **fields}
    return {key: item for key, item in raw.items() if item is not None}


def app(**fields: Any) -> dict[str, Any]:
    """An image manifest whose app has these fields."""
    raw = {"exec": ["/bin/web"], "user": "0", "group": "0", **fields}
    return image(app={key: item for key, item in raw.items() if item is not None})


def test_what_cannot_be_enforced_does_not_keep_an_image_away_when_it_is_optional() -> None:
    isolator = {"name": "resource/gpu", "value": {"limit": "1G"}}
    with pytest.raises(UsageError, match="unknown isolator"):
        parse_image(app(isolators=[isolator]))
    found = parse_image(app(isolators=[{**isolator, "optional": True}])).app
    assert found is not None and found.isolators.unknown == (isolator["name"],)


def test_a_manifest_without_app() -> None:
    found = parse_image(image(labels=[{"name": "version", "value": "1.0"}]))
    assert (found.name, found.app, found.label("version"), found.label("os")) == (
        "example.com/web",
        None,
        "1.0",
        "",
    )


FULL = app(
    user="www",
    group="/data",
    supplementaryGIDs=[5, 6],
    workingDirectory="/srv",
    environment=[{"name": "A", "value": ""}, {"name": "x.y-z", "value": "1"}],
    eventHandlers=[{"name": "pre-start", "exec": ["/bin/init"]}],
    mountPoints=[{"name": "data", "path": "/data", "readOnly": True}],
    ports=[
        {"name": "http", "protocol": "tcp", "port": 80},
        {"name": "many", "protocol": "udp", "port": 65000, "count": 536, "socketActivated": True},
    ],
    isolators=[CPU],
)


def test_every_field_of_an_app() -> None:
    assert parse_image(FULL).app == App(
        exec=("/bin/web",),
        user="www",
        group="/data",
        supplementary_gids=(5, 6),
        working_directory="/srv",
        environment=(("A", ""), ("x.y-z", "1")),
        handlers=(Handler("pre-start", ("/bin/init",)),),
        mount_points=(MountPoint("data", "/data", True),),
        ports=(Port("http", "tcp", 80), Port("many", "udp", 65000, 536, True)),
        isolators=Isolators(cpu_milli=500),
        isolators_json=(CPU,),
    )


@pytest.mark.parametrize("raw", [app(), FULL])
def test_an_app_reads_back_as_it_was_written(raw: dict[str, Any]) -> None:
    first = parse_image(raw).app
    assert first is not None
    assert parse_image(image(app=dump_app(first))).app == first


NAMED = {"name": "a", "path": "/a"}
HTTP = {"name": "http", "protocol": "tcp", "port": 80}


@pytest.mark.threat("T27")
@pytest.mark.parametrize(
    "raw, message",
    [
        ([], "manifest: must be an object, not a list"),
        (image(acKind=None), "manifest.acKind: is missing"),
        (image(acKind="PodManifest"), "manifest.acKind: is 'PodManifest', not ImageManifest"),
        (image(acVersion=None), "manifest.acVersion: is missing"),
        (image(acVersion="1.0.0"), "manifest.acVersion: '1.0.0' is not a 0.x version"),
        (image(acVersion="0.8"), "manifest.acVersion: '0.8' is not a 0.x version"),
        (image(name=None), "manifest.name: is missing"),
        (image(name="Example.com/web"), "manifest.name: 'Example.com/web' is not an AC identifier"),
        (image(name="a/../b"), "manifest.name: 'a/../b' is not an AC identifier"),
        (
            image(labels=[{"name": "name", "value": "x"}]),
            "manifest.labels: a label cannot be called",
        ),
        (
            image(labels=[{"name": "A", "value": "x"}]),
            "manifest.labels: 'A' is not an AC identifier",
        ),
        (image(labels=[{"name": "os"}]), "manifest.labels[0].value: is missing"),
        (
            image(labels=[{"name": "os", "value": "linux"}] * 2),
            "manifest.labels[1].name: 'os' appears twice",
        ),
        (image(pathWhitelist="/a"), "manifest.pathWhitelist: must be a list, not a string"),
        (app(user=None), "manifest.app.user: is missing"),
        (app(group=None), "manifest.app.group: is missing"),
        (app(user=""), "manifest.app: user and group must both be named"),
        (app(user=0), "manifest.app.user: must be a string, not a whole number"),
        (app(exec="/bin/web"), "manifest.app.exec: must be a list, not a string"),
        (app(exec=[""]), "manifest.app.exec[0]: is empty"),
        (app(supplementaryGIDs=["5"]), "manifest.app.supplementaryGIDs[0]: must be a group number"),
        (
            app(workingDirectory="srv"),
            "manifest.app.workingDirectory: 'srv' is not an absolute path",
        ),
        (
            app(workingDirectory="/../x"),
            "manifest.app.workingDirectory: '/../x' is not an absolute",
        ),
        (
            app(environment=[{"name": "1A", "value": ""}]),
            "manifest.app.environment: '1A' is not a variable name",
        ),
        (
            app(environment=[{"name": "A", "value": ""}] * 2),
            "manifest.app.environment[1].name: 'A' appears twice",
        ),
        (
            app(environment=[{"name": "A", "value": "\0"}]),
            "manifest.app.environment[0].value: contains a NUL character",
        ),
        (
            app(eventHandlers=[{"name": "post-start", "exec": ["/x"]}]),
            "manifest.app.eventHandlers[0].name: 'post-start' is not one of pre-start, post-stop",
        ),
        (
            app(eventHandlers=[{"name": "pre-start", "exec": ["/x"]}] * 2),
            "manifest.app.eventHandlers[1]: a second pre-start handler",
        ),
        (
            app(mountPoints=[{"name": "data", "path": "data"}]),
            "manifest.app.mountPoints[0].path: 'data' is not an absolute path without ..",
        ),
        (app(mountPoints=[NAMED, NAMED]), "manifest.app.mountPoints[1].name: 'a' appears twice"),
        (app(ports=[{**HTTP, "port": 0}]), "manifest.app.ports[0].port: 0 is not between 1 and"),
        (
            app(ports=[{**HTTP, "protocol": "dccp"}]),
            "manifest.app.ports[0].protocol: 'dccp' is not",
        ),
        (
            app(ports=[{**HTTP, "port": 65535, "count": 2}]),
            "manifest.app.ports[0].count: 2 is not between 1 and 1",
        ),
        (app(ports=[HTTP, HTTP]), "manifest.app.ports[1].name: 'http' appears twice"),
        (
            app(isolators=[{"name": "os/linux/magic", "value": {}}]),
            "manifest.app.isolators[0].name: unknown isolator 'os/linux/magic'",
        ),
    ],
)
def test_a_bad_field_is_named_by_its_path(raw: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_image(raw)
    assert caught.value.message[: len(message)] == message
