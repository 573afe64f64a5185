# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical form: what is written to disk and read back compares equal, and makes the same pod."""

from __future__ import annotations

from typing import Any

import pytest

from podwright import jsonio
from podwright.model.podspec import AppSpec, PodSpec
from podwright.model.spec import parse_desired
from podwright.model.volume import Mount
from podwright.reconcile import canonical
from podwright.values import replace

IDS = ["sha512-" + "0a" * 32, "sha512-" + "0b" * 32]
FULL: dict[str, Any] = {
    "name": "web",
    "apps": [
        {"image": "example.com/a:1"},
        {
            "image": "example.com/b:2",
            "name": "second",
            "exec": "/b",
            "args": ["", "\u00e9\n"],
            "environment": {"B": "2", "A": ""},
            "user": "u",
            "group": "g",
            "supplementary_gids": [],
            "working_dir": "/w",
            "mounts": [{"volume": "z", "path": "/z"}, {"volume": "a", "path": "/a"}],
            "isolators": [
                {"name": "resource/cpu", "value": {"limit": 0.5}},
                {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_KILL"]}},
            ],
            "readonly_rootfs": True,
        },
    ],
    "hostname": "front",
    "ports": [
        {"name": "https", "host_port": 8443, "host_ip": "127.0.0.1"},
        {"name": "http", "host_port": 8080},
        {"name": "dns", "pod_port": 53, "protocol": "udp", "host_port": 53, "count": 2},
        {"pod_port": 81, "host_port": 8081},
    ],
    "volumes": [
        {"name": "z", "kind": "empty", "mode": "1777", "uid": 5},
        {"name": "a", "kind": "host", "source": "/srv", "readOnly": False, "recursive": True},
    ],
    "insecure_options": ["all-run"],
    "restart": "always",
    "ready": {"exec": ["/bin/ok", "-q"], "app": "second", "seconds": 0.1, "timeout": 7},
    "stop_timeout": 0.5,
    "annotations": {"b": "2", "a": "1"},
    "labels": {"tier": "front"},
}
MINIMAL = {"name": "web", "image": "example.com/a"}
FROM_COMMAND_LINE = PodSpec(
    "cli",
    (AppSpec("a", environment=(("B", "1"), ("A", "2")), supplementary_gids=(7,)),),
    net="none",
    mounts=(Mount("v", "/v"),),
    environment=(("Z", "1"), ("A", "2")),
    overlay=False,
)


def spec_of(raw: dict[str, Any]) -> PodSpec:
    """The spec of a pod in a desired state."""
    return parse_desired({"pods": [raw]}).pods[0]


def stored(value: Any) -> Any:
    """A canonical form after it was written to disk and read back."""
    return jsonio.loads(jsonio.dumps(value), "revision")


SPECS = {"full": spec_of(FULL), "minimal": spec_of(MINIMAL), "command line": FROM_COMMAND_LINE}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_revision_makes_the_same_pod_again(spec: PodSpec) -> None:
    runtime = canonical.runtime(spec, IDS[: len(spec.apps)])
    settings = canonical.settings(spec)
    assert (stored(runtime), stored(settings)) == (runtime, settings)

    again = canonical.respec(spec.name, stored(runtime), stored(settings))
    ids = [app.image for app in again.apps]
    assert ids == IDS[: len(spec.apps)]
    assert again.pull_policy == "never"
    assert canonical.runtime(again, ids) == runtime
    assert canonical.settings(again) == settings

    twice = canonical.respec(spec.name, stored(canonical.runtime(again, ids)), stored(settings))
    assert twice == again
    assert (hash(again.apps[0].args), again.ready) == (hash(spec.apps[0].args), spec.ready)


def test_only_names_of_images_and_how_to_find_them_are_lost() -> None:
    spec = SPECS["full"]
    again = canonical.respec(
        spec.name, stored(canonical.runtime(spec, IDS)), stored(canonical.settings(spec))
    )
    assert again == replace(
        spec,
        apps=tuple(replace(app, image=image_id) for app, image_id in zip(spec.apps, IDS)),
        ports=again.ports,
        volumes=again.volumes,
        pull_policy="never",
    )
    assert sorted(again.ports, key=str) == sorted(spec.ports, key=str)
    assert sorted(again.volumes, key=str) == sorted(spec.volumes, key=str)


def changed(**fields: Any) -> PodSpec:
    """The full spec with some fields changed."""
    return spec_of({**FULL, **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"ports": list(reversed(FULL["ports"]))},
        {"volumes": list(reversed(FULL["volumes"]))},
        {"labels": {"tier": "front"}, "annotations": {"a": "1", "b": "2"}},
        {"insecure_options": ["seccomp", "paths", "capabilities", "none"]},
        {"pull_policy": "update"},
        {"state": "stopped"},
        {"enabled": False},
    ],
)
def test_what_makes_no_difference(fields: dict[str, Any]) -> None:
    spec = changed(**fields)
    assert canonical.runtime(spec, IDS) == canonical.runtime(SPECS["full"], IDS)
    assert canonical.settings(spec) == canonical.settings(SPECS["full"])


@pytest.mark.parametrize(
    "fields",
    [
        {"hostname": "back"},
        {"ports": FULL["ports"][:1]},
        {"volumes": [{**FULL["volumes"][0], "gid": 1}, FULL["volumes"][1]]},
        {"volumes": [FULL["volumes"][0], {**FULL["volumes"][1], "readOnly": True}]},
        {"apps": [FULL["apps"][0], {**FULL["apps"][1], "args": ["x"]}]},
        {"apps": [FULL["apps"][0], {**FULL["apps"][1], "supplementary_gids": None}]},
        {"apps": [FULL["apps"][0], {**FULL["apps"][1], "environment": {"A": "1"}}]},
        {"apps": list(reversed(FULL["apps"]))},
        {"insecure_options": []},
        {"labels": {}},
    ],
)
def test_what_needs_a_new_pod(fields: dict[str, Any]) -> None:
    assert canonical.runtime(changed(**fields), IDS) != canonical.runtime(SPECS["full"], IDS)


def test_another_image_needs_a_new_pod() -> None:
    spec = SPECS["full"]
    assert canonical.runtime(spec, IDS) != canonical.runtime(spec, list(reversed(IDS)))


@pytest.mark.parametrize(
    "fields", [{"restart": "no"}, {"stop_timeout": 1}, {"ready": {"tcp": 81}}, {"ready": None}]
)
def test_how_it_is_supervised_needs_no_new_pod(fields: dict[str, Any]) -> None:
    spec = changed(**fields)
    assert canonical.runtime(spec, IDS) == canonical.runtime(SPECS["full"], IDS)
    assert canonical.settings(spec) != canonical.settings(SPECS["full"])


def one_pod(**more: Any) -> PodSpec:
    (spec,) = parse_desired({"pods": [{**MINIMAL, **more}]}).pods
    return spec


def test_a_command_as_a_list_is_the_same_pod_as_a_program_and_arguments() -> None:
    listed = one_pod(exec=["/bin/sh", "-c", "exit 3"], args=["x"])
    assert listed == one_pod(exec="/bin/sh", args=["-c", "exit 3", "x"])
    assert one_pod(exec=["/bin/sh"]) == one_pod(exec="/bin/sh")
    assert one_pod(exec="/bin/my program").apps[0].exec == "/bin/my program"


def test_a_kernel_setting_as_a_number_is_the_same_pod() -> None:
    def settings(somaxconn: Any) -> PodSpec:
        isolator = {"name": "os/unix/sysctl", "value": {"net.core.somaxconn": somaxconn}}
        return one_pod(pod_isolators=[isolator], isolators=[isolator])

    assert settings(512) == settings("512")
