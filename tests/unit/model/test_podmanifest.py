# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pod manifests given whole: what is refused, by which path, and what is made of them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model.build import build_manifest
from podwright.model.image import ImageManifest, Port, parse_image
from podwright.model.pod import HostPort, PodManifest, dump_pod, parse_pod
from podwright.model.podmanifest import fill
from podwright.model.podspec import PodSpec
from podwright.model.spec import parse_desired
from podwright.net.ports import plan_ports
from podwright.reconcile import canonical

ID = "sha512-" + "0a" * 32
RUN = {"exec": ["/bin/run"], "user": "0", "group": "0"}


def image(app: dict[str, Any] | None = None) -> ImageManifest:
    """The image that the manifests name."""
    raw = {
        "acKind": "ImageManifest",
        "acVersion": "0.8.11",
        "name": "example.com/web",
        "labels": [{"name": "version", "value": "1"}],
        **({} if app is None else {"app": app}),
    }
    return parse_image(raw)


def pod(*apps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A manifest with these apps."""
    return {
        "acKind": "PodManifest",
        "acVersion": "0.8.11",
        "apps": [{"name": f"app-{n}", "image": {"id": ID}, **app} for n, app in enumerate(apps)],
        **fields,
    }


def complete(raw: dict[str, Any], app: dict[str, Any] | None = None) -> PodManifest:
    """What is run for a manifest, when every app's image has this app."""
    spec = fill(PodSpec("", ()), raw)
    return build_manifest(spec, [(ID, image(app))] * len(spec.apps))[0]


def warnings(raw: dict[str, Any]) -> list[str]:
    """What people are told about a manifest."""
    spec = fill(PodSpec("", ()), raw)
    return build_manifest(spec, [(ID, image(RUN))] * len(spec.apps))[1]


def test_an_app_without_app_is_what_its_image_says() -> None:
    of_image, of_pod = complete(pod({}, {"app": {**RUN, "user": "7"}}), RUN).apps
    assert (of_image.app.exec, of_image.app.user) == (("/bin/run",), "0")
    assert of_pod.app.user == "7"
    assert of_image.image_name == "example.com/web"
    assert dict(of_image.image_labels) == {"version": "1"}


def test_it_is_written_back_with_all_it_says() -> None:
    given = pod(
        {
            "app": {**RUN, "userLabels": {"a": "b"}, "userAnnotations": {"c": "d"}},
            "annotations": [{"name": "podwright.io/stop-signal", "value": "SIGQUIT"}],
            "readOnlyRootFS": True,
            "mounts": [{"volume": "v", "path": "/v"}],
        },
        volumes=[{"name": "v", "kind": "empty", "mode": "0700"}],
        isolators=[{"name": "resource/memory", "value": {"limit": "1G"}}],
        annotations=[{"name": "who", "value": "me"}],
        userAnnotations={"x": "y"},
        userLabels={"tier": "front"},
        ports=[{"name": "web", "hostPort": 80, "hostIP": "127.0.0.1",
                "podPort": {"name": "web", "protocol": "tcp", "port": 8080}}],
    )  # fmt: skip
    written = dump_pod(complete(given))
    assert written["annotations"][0] == {"name": "who", "value": "me"}
    for field in ("isolators", "userAnnotations", "userLabels"):
        assert written[field] == given[field], field
    (app,) = written["apps"]
    assert app["app"]["userLabels"] == {"a": "b"}
    assert app["annotations"] == given["apps"][0]["annotations"]
    assert app["readOnlyRootFS"] is True
    assert written["ports"][0]["podPort"]["port"] == 8080
    assert complete(written) == parse_pod(written), "what was printed can be given again"


def test_a_pod_port_needs_no_port_of_an_app() -> None:
    port = {"name": "web", "protocol": "tcp", "port": 8080}
    manifest = complete(pod({"app": RUN}, ports=[{"name": "web", "hostPort": 80, "podPort": port}]))
    assert manifest.ports == (HostPort("web", 80, "", Port("web", "tcp", 8080)),)
    assert [(each.host_port, each.pod_port) for each in plan_ports(manifest)] == [(80, 8080)]


def test_a_volume_of_one_app_is_called_after_it() -> None:
    mount = {"volume": "v", "path": "/v", "appVolume": {"name": "v", "kind": "empty"}}
    manifest = complete(pod({"app": RUN, "mounts": [mount]}, {"app": RUN, "mounts": [mount]}))
    assert [volume.name for volume in manifest.volumes] == ["app-0-v", "app-1-v"]
    assert [app.mounts[0].volume for app in manifest.apps] == ["app-0-v", "app-1-v"]


def test_a_mount_point_without_a_volume_gets_an_empty_one_as_always() -> None:
    given = pod({"app": {**RUN, "mountPoints": [{"name": "data", "path": "/data"}]}})
    assert [volume.name for volume in complete(given).volumes] == ["app-0-data"]
    assert "no volume for mount point data" in warnings(given)[0]


def test_an_image_id_may_be_written_in_full() -> None:
    assert complete(pod({"app": RUN, "image": {"id": ID + "0" * 64}})).apps[0].image_id == ID


BAD: list[tuple[dict[str, Any], str]] = [
    (pod(), "apps: a pod needs at least one app"),
    (pod({}, frob=1), "frob: unknown field"),
    (pod({"frob": 1}), "apps[0].frob: unknown field"),
    (pod({"app": {**RUN, "frob": 1}}), "apps[0].app.frob: unknown field"),
    (pod({"app": {"exec": ["/x"], "group": "0"}}), "apps[0].app.user: is missing"),
    (pod({"image": {}}), "apps[0].image.id: is missing"),
    (pod({"image": {"id": "sha512-00"}}), "apps[0].image.id: 'sha512-00' is not an image ID"),
    (pod({}, {"name": "app-0"}), "apps: names must be unique"),
    (pod({"mounts": [{"volume": "v", "path": "/v"}]}), "apps[0].mounts[0].volume: v is not"),
    (
        pod(
            {"mounts": [{"volume": "v", "path": "/v"}, {"volume": "v", "path": "/./v/"}]},
            volumes=[{"name": "v", "kind": "empty"}],
        ),
        "apps[0].mounts[1].path: another mount of app app-0 is there",
    ),
    (pod({"mounts": [{"volume": "v", "path": "v"}]}), "apps[0].mounts[0].path: 'v' is not an abs"),
    (pod({"mounts": [{"volume": "v", "path": "/v", "frob": 1}]}), "apps[0].mounts[0].frob: unkn"),
    (pod({"app": {**RUN, "isolators": [{"name": "os/frob", "value": 1}]}}), "apps[0].app.isolat"),
    (pod({}, isolators=[{"name": "os/frob", "value": 1}]), "isolators"),
    (pod({}, volumes=[{"name": "v", "kind": "tape"}]), "volumes[0].kind: 'tape'"),
    (pod({}, volumes=[{"name": "v", "kind": "empty", "x": 1}]), "volumes[0].x: unknown field"),
    (pod(*({} for _ in range(101))), "apps: 101 apps are more than the 100"),
    (pod({}, ports=[{"name": "p", "hostPort": 0}]), "ports[0].hostPort: 0 is not between"),
    (pod({}, ports=[{"name": "p", "hostPort": 1, "hostIP": "x"}]), "ports[0].hostIP: 'x' is not"),
    (pod({}, ports=[{"name": "p", "hostPort": 1, "podPort": {}}]), "ports[0].podPort.name: is mi"),
    (pod({}, annotations=[{"name": "a", "value": "1"}] * 2), "annotations[1].name: 'a' appears"),
    (pod({}, userLabels={"a": 1}), "userLabels.a: must be a string"),
    ({**pod({}), "acKind": "ImageManifest"}, "acKind: is 'ImageManifest'"),
    ({**pod({}), "acVersion": "1.0.0"}, "acVersion: '1.0.0' is not a 0.x version"),
    ({**pod({}), "apps": {}}, "apps: must be a list"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "says"), BAD)
def test_a_bad_field_is_refused_early_by_its_path(raw: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as error:
        fill(PodSpec("", ()), copy.deepcopy(raw))
    assert error.value.message.startswith(f"pod manifest.{says}")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (pod({}), "apps[0].app: is missing, and image example.com/web has none either"),
        (pod({"image": {"id": ID, "name": "example.com/other"}}), "example.com/other is not the"),
        (
            pod({"image": {"id": ID, "labels": [{"name": "version", "value": "2"}]}}),
            "label version of image example.com/web is 1",
        ),
        (pod({"app": RUN}, ports=[{"name": "p", "hostPort": 1}]), "port p is not a port of any"),
        (pod({"app": {"user": "0", "group": "0"}}), "app app-0: says no command"),
    ],
)
def test_what_only_the_images_tell_is_refused_too(raw: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as error:
        complete(raw)
    assert says in error.value.message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image", "example.com/x"),
        ("volumes", [{"name": "v", "kind": "empty"}]),
        ("ports", [{"name": "p", "host_port": 1}]),
        ("labels", {"a": "b"}),
        ("pull_policy", "update"),
    ],
)
def test_the_desired_state_says_it_once(field: str, value: object) -> None:
    wanted = {"name": "web", "pod_manifest": pod({}), field: value}
    with pytest.raises(UsageError, match=rf"pods\[0\]\.{field}: cannot stand beside pod_manifest"):
        parse_desired({"pods": [wanted]})


def test_a_revision_knows_it_again() -> None:
    wanted = {
        "name": "web",
        "net": "default",
        "pod_manifest": pod({"app": RUN}, volumes=[{"name": "v", "kind": "empty"}]),
    }
    (spec,) = parse_desired({"pods": [wanted]}).pods
    runtime = canonical.runtime(spec, [ID])
    again = canonical.respec("web", runtime, canonical.settings(spec))
    assert canonical.runtime(again, [ID]) == runtime
    assert again.apps[0].image == ID
    assert again.manifest == spec.manifest
