# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for, combined with the images that answer it (behaviour.md B1-B4)."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from podwright.errors import UsageError
from podwright.model.build import build_manifest
from podwright.model.image import ImageManifest, Port, parse_image
from podwright.model.pod import HostPort, PodApp, PodManifest
from podwright.model.podspec import AppSpec, PodSpec
from podwright.model.volume import Mount, Volume
from podwright.net.ports import plan_ports

ID = "sha512-" + "0a" * 32


def image(name: str = "example.com/web", app: Optional[dict[str, Any]] = None) -> ImageManifest:
    """An image; its app runs /bin/web as www unless `app` says otherwise."""
    raw: dict[str, Any] = {"acKind": "ImageManifest", "acVersion": "0.8.11", "name": name}
    raw["app"] = {"exec": ["/bin/web", "-d"], "user": "www", "group": "www", **(app or {})}
    return parse_image(raw)


WITHOUT_APP = parse_image(
    {"acKind": "ImageManifest", "acVersion": "0.8.11", "name": "example.com/base"}
)


def build(
    *images: ImageManifest, apps: Optional[list[AppSpec]] = None, **spec: Any
) -> tuple[PodManifest, list[str]]:
    """Build a pod of these images."""
    asked = apps or [AppSpec(found.name) for found in images]
    return build_manifest(
        PodSpec(spec.pop("name", ""), tuple(asked), **spec), [(ID, found) for found in images]
    )


def only(found: tuple[PodManifest, list[str]]) -> PodApp:
    """The only app of a pod."""
    (app,) = found[0].apps
    return app


def test_an_app_as_its_image_says() -> None:
    found, warnings = build(image(), name="front")
    assert warnings == []
    assert found.annotations == (
        ("podwright.io/stage1", "namespaces"),
        ("podwright.io/name", "front"),
    )
    app = only((found, warnings))
    assert (app.name, app.image_id, app.image_name) == ("web", ID, "example.com/web")
    assert (app.app.exec, app.app.user, app.app.group) == (("/bin/web", "-d"), "www", "www")


@pytest.mark.parametrize(
    "asked, command",
    [
        (AppSpec("x", args=("-v", "")), ("/bin/web", "-d", "-v", "")),
        (AppSpec("x", exec="/bin/sh"), ("/bin/sh",)),
        (AppSpec("x", exec="/bin/sh", args=("-c", "true")), ("/bin/sh", "-c", "true")),
    ],
)
def test_exec_replaces_the_command_and_arguments_are_appended(
    asked: AppSpec, command: tuple[str, ...]
) -> None:
    assert only(build(image(), apps=[asked])).app.exec == command


def test_what_is_asked_for_beats_the_image() -> None:
    base = image(app={"supplementaryGIDs": [5], "workingDirectory": "/srv"})
    app = only(build(base, apps=[AppSpec("x", name="front", user="7", working_dir="/tmp")]))
    assert (app.name, app.app.user, app.app.group) == ("front", "7", "www")
    assert (app.app.working_directory, app.app.supplementary_gids) == ("/tmp", (5,))
    app = only(build(base, apps=[AppSpec("x", group="8", supplementary_gids=())]))
    assert (app.app.user, app.app.group, app.app.supplementary_gids) == ("www", "8", ())


LAYERS = (
    ("inherited", "inherit"),
    ("image", "image"),
    ("environment", "pod"),
    ("app", "app"),
)


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("last", range(4))
def test_environment_precedence(first: int, last: int) -> None:
    """inherit < image < pod wide (file, --set-env) < --environment."""
    said = {layer: (("X", text),) for layer, text in LAYERS[first : last + 1]}
    base = image(app={"environment": [{"name": n, "value": v} for n, v in said.get("image", ())]})
    app = only(
        build(
            base,
            apps=[AppSpec("x", environment=said.get("app", ()))],
            inherited=said.get("inherited", ()),
            environment=said.get("environment", ()),
        )
    )
    expected = {"X": LAYERS[last][1]} if first <= last else {}
    assert dict(app.app.environment) == expected


def test_a_variable_said_twice_for_an_app_has_its_last_value() -> None:
    app = only(build(image(), apps=[AppSpec("x", environment=(("A", "1"), ("A", "2")))]))
    assert app.app.environment == (("A", "2"),)


def test_isolators_asked_for_replace_the_images() -> None:
    said = [
        {"name": "resource/memory", "value": {"limit": "64Mi"}},
        {"name": "os/linux/capabilities-remove-set", "value": {"set": ["CAP_CHOWN"]}},
    ]
    asked = (
        {"name": "resource/memory", "value": {"limit": "1Gi"}},
        {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_KILL"]}},
    )
    app = only(build(image(app={"isolators": said}), apps=[AppSpec("x", isolators=asked)])).app
    assert (app.isolators.memory, app.isolators.caps_retain) == (2**30, ("CAP_KILL",))
    assert app.isolators.caps_remove is None
    assert app.isolators_json == asked


POINTS = {
    "mountPoints": [
        {"name": "data", "path": "/data"},
        {"name": "logs", "path": "/logs", "readOnly": True},
    ]
}


def test_mount_points_bind_by_name_and_the_rest_get_empty_volumes() -> None:
    found, warnings = build(image(app=POINTS), volumes=(Volume("data", "host", "/srv"),))
    assert only((found, [])).mounts == (Mount("data", "/data"), Mount("web-logs", "/logs"))
    assert found.volumes == (Volume("data", "host", "/srv"), Volume("web-logs", "empty"))
    (warning,) = warnings
    assert warning.startswith("app web: no volume for mount point logs (/logs): using an empty")


def test_a_volume_that_nobody_mounts_is_a_warning() -> None:
    volumes = (Volume("data", "empty"), Volume("lost", "host", "/srv"), Volume("logs", "empty"))
    _, (warning,) = build(image(app=POINTS), volumes=volumes)
    assert warning.startswith("no app mounts volume lost:")


def test_a_mount_at_the_same_path_takes_the_place_of_a_mount_point() -> None:
    found, warnings = build(
        image(app=POINTS),
        volumes=(Volume("data", "empty"), Volume("other", "empty")),
        mounts=(Mount("other", "/data"), Mount("other", "/logs"), Mount("data", "/more")),
    )
    assert set(only((found, [])).mounts) == {
        Mount("other", "/data"),
        Mount("other", "/logs"),
        Mount("data", "/more"),
    }
    assert warnings == []


def test_pod_wide_mounts_reach_every_app_and_an_apps_own_mount_wins() -> None:
    found, _ = build(
        image("example.com/a"),
        image("example.com/b"),
        apps=[AppSpec("a", mounts=(Mount("own", "/x"),)), AppSpec("b")],
        volumes=(Volume("own", "empty"), Volume("all", "empty")),
        mounts=(Mount("all", "/x"),),
    )
    assert [app.mounts for app in found.apps] == [(Mount("own", "/x"),), (Mount("all", "/x"),)]


def test_a_volume_declared_under_the_implicit_name_is_used_for_the_mount_point() -> None:
    volume = Volume("web-data", "host", "/srv")
    point = {"mountPoints": [{"name": "data", "path": "/data"}]}
    found, warnings = build(image(app=point), volumes=(volume,))
    assert (only((found, [])).mounts, found.volumes) == ((Mount("web-data", "/data"),), (volume,))
    assert warnings == []


def two_apps(**spec: Any) -> tuple[PodManifest, list[str]]:
    """App a with the point b-c, and app a-b with the point c."""
    first = image(app={"mountPoints": [{"name": "b-c", "path": "/x"}]})
    second = image(app={"mountPoints": [{"name": "c", "path": "/x"}]})
    apps = spec.pop("apps", [AppSpec("x", name="a"), AppSpec("x", name="a-b")])
    return build(first, second, apps=apps, **spec)


@pytest.mark.parametrize("volumes", [(), (Volume("a-b-c", "host", "/srv"),)])
def test_two_apps_whose_names_run_together_shared_an_empty_volume(
    volumes: tuple[Volume, ...],
) -> None:
    found, _ = two_apps(volumes=volumes)
    assert [app.mounts[0].volume for app in found.apps] == ["a-b-c", "a-b-c-2"]
    assert [volume.name for volume in found.volumes] == ["a-b-c", "a-b-c-2"]


def test_a_numbered_name_is_not_one_that_the_operator_declared() -> None:
    found, _ = two_apps(volumes=(Volume("a-b-c-2", "host", "/srv"),))
    assert [app.mounts[0].volume for app in found.apps] == ["a-b-c", "a-b-c-3"]


def test_an_image_that_took_another_apps_volume_by_its_name_was_not_told_of() -> None:
    given = AppSpec("x", name="a", mounts=(Mount("c", "/keys"),))
    volumes = (Volume("c", "host", "/srv"),)
    _, warnings = two_apps(apps=[given, AppSpec("x", name="a-b")], volumes=volumes)
    said = "app a-b: its mount point c (/x) gets volume c, which a mount of app a names"
    assert [warning for warning in warnings if warning.startswith(said)]
    both = AppSpec("x", name="a-b", mounts=(Mount("c", "/own"),))
    _, warnings = two_apps(apps=[given, both], volumes=volumes)  # the control
    assert not [warning for warning in warnings if warning.startswith(said)]


PORTS = {"ports": [{"name": "http", "protocol": "tcp", "port": 80}]}


def test_ports_are_those_of_the_images() -> None:
    found, _ = build(image(app=PORTS), ports=(HostPort("http", 8080),))
    assert found.ports == (HostPort("http", 8080),)


@pytest.mark.parametrize(
    "name, count, expected",
    [
        ("81", 1, Port("81", "tcp", 81)),
        ("81-tcp", 1, Port("81-tcp", "tcp", 81)),
        ("53-udp", 4, Port("53-udp", "udp", 53, 4)),
        ("80", 1, Port("80", "tcp", 80)),
    ],
)
def test_a_port_is_published_by_its_number_though_no_app_declares_it(
    name: str, count: int, expected: Port
) -> None:
    found, _ = build(image(app=PORTS), ports=(HostPort(name, 8080, count=count),))
    assert found.ports == (HostPort(name, 8080, pod_port=expected, count=count),)
    assert [(one.proto, one.host_port, one.pod_port) for one in plan_ports(found)] == [
        (expected.protocol, 8080 + i, expected.port + i) for i in range(count)
    ]


def test_a_port_that_an_app_calls_like_a_number_is_the_apps() -> None:
    declared = {"ports": [{"name": "80-tcp", "protocol": "tcp", "port": 8000, "count": 2}]}
    found, _ = build(image(app=declared), ports=(HostPort("80-tcp", 80),))
    assert found.ports == (HostPort("80-tcp", 80),)


@pytest.mark.parametrize("name", ["0", "65536", "080", "80-xyz", "80-tcp-x", "123456"])
def test_what_is_no_number_of_a_port_is_the_name_of_one(name: str) -> None:
    with pytest.raises(UsageError, match=f"port {name} is not a port of any app"):
        build(image(app=PORTS), ports=(HostPort(name, 8080),))


def test_ports_by_number_end_at_65535() -> None:
    with pytest.raises(UsageError, match="port 65535: 2 ports from 65535 end beyond 65535"):
        build(image(app=PORTS), ports=(HostPort("65535", 8080, count=2),))


@pytest.mark.parametrize(
    "images, spec, message, hint",
    [
        (
            [image(), image()],
            {},
            "two apps of the pod are called web",
            "give one of them another --name",
        ),
        (
            [image(app=PORTS)],
            {"ports": (HostPort("https", 443),)},
            "port https is not a port of any app of the pod",
            "the images declare: http; numbers are like 80 or 53/udp",
        ),
        (
            [image()],
            {"mounts": (Mount("data", "/data"),)},
            "app web: mount at /data names the unknown volume data",
            "declare it with --volume data,kind=...",
        ),
        ([WITHOUT_APP], {}, "image example.com/base has no app", "say what to run with --exec"),
        (
            [image(app={"exec": []})],
            {},
            "app web: image example.com/web says no command",
            "say what to run with --exec",
        ),
    ],
)
def test_refused(
    images: list[ImageManifest], spec: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        build(*images, **spec)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_an_image_without_app_runs_what_is_asked_for_as_root() -> None:
    app = only(build(WITHOUT_APP, apps=[AppSpec("x", exec="/bin/sh")])).app
    assert (app.exec, app.user, app.group) == (("/bin/sh",), "0", "0")
