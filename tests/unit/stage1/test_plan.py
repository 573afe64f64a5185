# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans from manifests: nothing here touches the host."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import LaunchError
from podwright.model import isolators
from podwright.model.pod import parse_pod
from podwright.stage1.contract import Launch, Ready
from podwright.stage1.namespaces import restrict
from podwright.stage1.namespaces.mountplan import Bind, EmptyVolume
from podwright.stage1.namespaces.plan import PodPlan, compile_pod, describe
from podwright.values import replace

POD_DIR = "/data/pods/run/u"


def launch(
    *apps: dict[str, Any], volumes: list[dict[str, Any]] | None = None, **options: Any
) -> Launch:
    sections = [
        {
            "name": app.pop("name", f"a{number}"),
            "image": {"id": "sha512-" + "0" * 64},
            "mounts": app.pop("mounts", []),
            "app": {"exec": ["/bin/x"], "user": "0", "group": "0", **app},
        }
        for number, app in enumerate(apps)
    ]
    manifest = parse_pod(
        {"acKind": "PodManifest", "acVersion": "0.8.11", "apps": sections, "volumes": volumes or []}
    )
    trees: dict[str, tuple[str, ...]] = {app.name: (f"/trees/{app.name}",) for app in manifest.apps}
    return Launch("u", "", POD_DIR, 3, manifest, trees, **options)


def binds(plan: PodPlan) -> list[Bind]:
    return [*plan.apps[0].binds, *plan.apps[0].late_binds]


def test_volumes_bind_by_mount_then_by_mount_point_name_then_implicitly() -> None:
    plan = compile_pod(
        launch(
            {
                "mounts": [{"volume": "logs", "path": "/var/log/"}],
                "mountPoints": [
                    {"name": "conf", "path": "/etc/app", "readOnly": True},
                    {"name": "other", "path": "/var/log"},
                    {"name": "scratch", "path": "/scratch"},
                ],
            },
            volumes=[
                {"name": "logs", "kind": "host", "source": "/srv/logs"},
                {"name": "conf", "kind": "host", "source": "/srv/conf", "recursive": False},
            ],
        )
    )
    scratch = f"{POD_DIR}/sharedVolumes/a0-scratch"
    assert binds(plan) == [
        Bind("/scratch", scratch, False, False, volume="a0-scratch", kind="empty"),
        Bind("/var/log", "/srv/logs", False, True, volume="logs"),
        Bind("/etc/app", "/srv/conf", True, False, volume="conf", device="r"),
    ]
    assert plan.volumes == (EmptyVolume(scratch, 0o755, 0, 0),)


@pytest.mark.parametrize("order", [1, -1])
def test_a_setting_that_one_app_calls_optional_and_another_needs_was_only_reported(
    order: int,
) -> None:
    setting: dict[str, Any] = {
        "name": "os/unix/sysctl",
        "value": {"net.core.somaxconn": "9"},
    }
    lists = [{**setting, "optional": True}, setting][::order]
    manifest = launch(*({"isolators": [one]} for one in lists)).manifest
    assert restrict.sysctls(manifest, "none") == (("net.core.somaxconn", "9", False),)
    with pytest.raises(LaunchError, match=r"net\.core\.somaxconn cannot be set"):
        restrict.sysctls(manifest, "host")


def test_a_setting_is_optional_when_the_pod_and_all_its_apps_say_so() -> None:
    setting = {"name": "os/unix/sysctl", "value": {"net.core.somaxconn": "9"}}
    optional = {**setting, "optional": True}
    for of_pod, of_app, expected in (
        (optional, optional, True),
        (optional, setting, False),
        (setting, optional, False),
    ):
        manifest = replace(
            launch({"isolators": [of_app]}).manifest,
            isolators=isolators.parse([of_pod], "pod", pod=True),
        )
        assert restrict.sysctls(manifest, "host" if expected else "none") == (
            ("net.core.somaxconn", "9", expected),
        )


def test_parents_are_mounted_before_what_is_inside_and_devices_last() -> None:
    points = [
        {"name": f"v{i}", "path": p}
        for i, p in enumerate(["/a/b/c", "/dev/x", "/a", "/sys/y", "/a/b"])
    ]
    plan = compile_pod(launch({"mountPoints": points}))
    assert [bind.where for bind in plan.apps[0].binds] == ["/a", "/a/b", "/a/b/c"]
    assert [bind.where for bind in plan.apps[0].late_binds] == ["/dev/x", "/sys/y"]


@pytest.mark.parametrize(
    ("volume", "point", "expected"),
    [(None, False, False), (None, True, True), (False, True, False), (True, False, True)],
)
def test_the_volumes_read_only_beats_the_mount_points(
    volume: bool | None, point: bool, expected: bool
) -> None:
    source: dict[str, Any] = {"name": "v", "kind": "host", "source": "/s"}
    if volume is not None:
        source["readOnly"] = volume
    points = [{"name": "v", "path": "/v", "readOnly": point}]
    assert (
        binds(compile_pod(launch({"mountPoints": points}, volumes=[source])))[0].read_only
        is expected
    )


@pytest.mark.parametrize(
    "path", ["/", "//", "/./", "/proc", "/proc/", "/proc/sys/net", "/dev", "/./dev/"]
)
def test_what_the_pod_provides_cannot_be_covered(path: str) -> None:
    with pytest.raises(LaunchError, match="a volume cannot be mounted at"):
        compile_pod(launch({"mountPoints": [{"name": "v", "path": path}]}))


def test_sys_can_be_replaced_by_a_volume() -> None:
    assert compile_pod(launch({"mountPoints": [{"name": "v", "path": "/sys"}]})).apps[0].sys == ""
    assert compile_pod(launch({})).apps[0].sys == "ro"
    assert compile_pod(launch({}, insecure=frozenset(["paths"]))).apps[0].sys == "rw"


@pytest.mark.parametrize("word", ["paths", "capabilities", "seccomp"])
def test_each_insecure_word_lifts_its_own_restriction(word: str) -> None:
    app = compile_pod(launch({}, insecure=frozenset([word]))).apps[0]
    lifted = {
        "paths": not app.hidden and not app.read_only and app.sys == "rw",
        "capabilities": app.restrictions.capabilities is None,
        "seccomp": app.restrictions.profile is None,
    }
    assert [name for name, is_lifted in lifted.items() if is_lifted] == [word]
    assert app.restrictions.no_new_privileges


def test_an_image_without_a_program_is_refused() -> None:
    with pytest.raises(LaunchError, match="there is nothing to run"):
        compile_pod(launch({"exec": []}))


def test_readiness_must_name_an_app_of_the_pod() -> None:
    assert compile_pod(launch({}, ready=Ready(app="a0"))).ready.app == "a0"
    with pytest.raises(LaunchError, match="readiness names app 'b'"):
        compile_pod(launch({}, ready=Ready(app="b")))


def test_limits_come_from_the_isolators() -> None:
    isolators = [
        {"name": "resource/memory", "value": {"limit": "1Mi"}},
        {"name": "resource/cpu", "value": {"limit": "250m"}},
        {"name": "os/linux/cpu-shares", "value": 7},
    ]
    limits = compile_pod(launch({"isolators": isolators})).apps[0].limits
    assert (limits.memory, limits.cpu_milli, limits.cpu_shares, limits.pids) == (
        1 << 20,
        250,
        7,
        None,
    )
    assert limits.asked() == {"memory", "cpu"}


def test_a_plan_can_be_read_and_hostile_text_in_it_is_escaped() -> None:
    lines = describe(
        compile_pod(launch({"exec": ["/bin/x", "\x1b[2J"], "workingDirectory": "/a\nb"}))
    )
    assert "pod u: root /data/pods/run/u/stage1/rootfs, host name rkt-u" in lines
    assert "  in /a\\x0ab run /bin/x \\x1b[2J" in lines
    assert "  hide /proc/kcore" in lines
    assert all(line.isprintable() for line in lines)
