# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a virtual machine cannot have, and that it can have everything else."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model import kvm, privateusers
from podwright.model.build import build_manifest
from podwright.model.fields import Fields
from podwright.model.image import parse_image
from podwright.model.podspec import AppSpec, PodSpec, parse_pod_spec
from podwright.model.volume import Volume
from podwright.values import replace
from tests.support import aci

ID = "sha512-" + "0" * 64


def spec(**fields: Any) -> PodSpec:
    body = {"name": "web", "image": "example.com/tiny", "stage1": "kvm", **fields}
    return parse_pod_spec(Fields(body, "pods[0]"), None)


def admitted(pod: PodSpec, nodes: dict[str, str] | None = None, missing: str = "") -> list[str]:
    app = aci.app(["/app"], isolators=[], ports=[{"name": "http", "protocol": "tcp", "port": 80}])
    image = parse_image(aci.image_manifest("example.com/tiny", "1.0", app))
    manifest, _ = build_manifest(pod, [(ID, image)])
    return kvm.admit(pod, manifest, nodes or {}, missing)[1]


def disk(**more: Any) -> dict[str, Any]:
    return {"name": "data", "kind": "device", "source": "/dev/sda1", **more}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"net": "host"}, "net host: a machine has a kernel", "choose a network"),
    ({"private_users": "false"}, "private users: false: what serves", "leave it out"),
    (
        {"ports": [{"name": "http", "host_port": 80}], "sockets": ["http"]},
        "socket activation (port http): a socket of the host's",
        "publish the port",
    ),
    (
        {"volumes": [disk()]},
        "volume data: /dev/sda1, which is no block device",
        "leave the device out",
    ),
    (
        {"volumes": [{"name": "x", "kind": "host", "source": "/srv", "propagation": "shared"}]},
        "volume x with propagation shared: what a guest mounts",
        "choose propagation slave",
    ),
]


@pytest.mark.parametrize(("fields", "text", "hint"), REFUSED)
def test_refused_with_a_reason_and_a_way_out(fields: dict[str, Any], text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        admitted(spec(**fields))
    assert caught.value.message.startswith(f"stage1 kvm cannot have {text}"), caught.value.message
    assert caught.value.hint.startswith(hint)
    assert caught.value.reason == "not-in-kvm"


def test_a_character_device_is_refused_however_it_is_said() -> None:
    for kind in ("device", "host"):
        volume = {"name": "data", "kind": kind, "source": "/dev/null"}
        with pytest.raises(UsageError, match="/dev/null, which is no block device"):
            admitted(spec(volumes=[volume]), {"data": kvm.CHARACTER})


@pytest.mark.parametrize("kind", ["device", "host"])
def test_a_disk_can_be_had(kind: str) -> None:
    assert admitted(spec(volumes=[disk(kind=kind)]), {"data": kvm.BLOCK}) == []


def test_pods_that_change_are_refused() -> None:
    with pytest.raises(UsageError, match="apps that come and go"):
        kvm.check_pod(replace(spec(), mutable=True))


def test_a_host_without_user_namespaces_has_no_machines() -> None:
    with pytest.raises(UsageError, match="cannot have what it needs of this host: they are off"):
        admitted(spec(), missing="they are off")


def test_sockets_that_were_handed_to_us_are_refused() -> None:
    kvm.check_listening(())
    with pytest.raises(UsageError, match=r"socket activation \(web.socket\)"):
        kvm.check_listening(("web.socket",))


def test_ipc_is_private() -> None:
    for asked in ("auto", "private"):
        kvm.check_ipc(asked)
    with pytest.raises(UsageError, match="--ipc=parent"):
        kvm.check_ipc("parent")


@pytest.mark.parametrize("name", sorted(kvm.UNENFORCEABLE))
def test_isolators_that_nothing_would_enforce(name: str) -> None:
    values: dict[str, Any] = {
        "os/linux/io-weight": 200,
        "os/linux/apparmor-profile": "web",
        "os/linux/selinux-context": {"user": "u", "role": "r", "type": "t", "level": "s0"},
    }
    isolator = {"name": name, "value": values.get(name, {"limit": "10M"})}
    with pytest.raises(UsageError) as caught:
        admitted(spec(isolators=[isolator]))
    assert kvm.UNENFORCEABLE[name] in caught.value.message
    reports = admitted(spec(isolators=[{**isolator, "optional": True}]))
    assert len(reports) == 1
    assert reports[0].startswith(f"app tiny: isolator {name} is not enforced by stage1 kvm: ")


ALLOWED: dict[str, dict[str, Any]] = {
    "a network": {"net": "back"},
    "no network": {"net": "none"},
    "published ports": {"ports": [{"name": "http", "host_port": 8080}]},
    "rules": {"allow": [{"from": "host"}]},
    "names": {"dns": {"servers": ["192.0.2.1"]}, "hostname": "web"},
    "volumes": {
        "volumes": [
            {
                "name": "a",
                "kind": "host",
                "source": "/srv",
                "propagation": "slave",
                "readOnly": True,
            },
            {"name": "b", "kind": "empty", "size": "10Mi"},
            {"name": "c", "kind": "tmpfs"},
        ]
    },
    "secrets": {"secrets": [{"name": "key", "content": "x"}]},
    "users": {"private_users": "true"},
    "users without a copy": {"private_users": "idmapped"},
    "metadata": {"metadata": True},
    "restarts": {"restart": "always", "replace": "start-first", "exit_policy": "all-ended"},
    "probes": {"liveness": {"tcp": "80"}, "readiness": {"exec": ["/ok"]}, "startup": {"tcp": "80"}},
    "notify": {"notify": True, "watchdog": 3.0},
    "streams": {"stdin": "tty", "stdout": "tty", "stderr": "tty"},
    "a read-only root": {"readonly_rootfs": True, "user": "1000", "group": "1000"},
    "SELinux of the host": {"selinux": "require"},
    "settings": {
        "pod_isolators": [{"name": "os/unix/sysctl", "value": {"net.core.somaxconn": "99"}}]
    },
    "limits": {
        "isolators": [
            {"name": "resource/memory", "value": {"limit": "64M"}},
            {"name": "resource/cpu", "value": {"limit": "500m"}},
            {"name": "resource/pids", "value": {"limit": 10}},
            {"name": "resource/network-bandwidth", "value": {"default": True, "limit": "1M"}},
            {"name": "os/linux/cpu-shares", "value": 512},
            {"name": "os/linux/oom-score-adj", "value": 10},
            {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_CHOWN"]}},
            {"name": "os/linux/seccomp-remove-set", "value": {"set": ["@rkt/default-blacklist"]}},
            {"name": "os/linux/no-new-privileges", "value": True},
        ]
    },
}


@pytest.mark.parametrize("what", sorted(ALLOWED))
def test_everything_else_is_the_same(what: str) -> None:
    assert admitted(spec(**ALLOWED[what])) == []


def test_several_apps() -> None:
    app = AppSpec("example.com/tiny", "a")
    kvm.check_pod(replace(spec(), apps=(app, replace(app, name="b"))))


def test_a_disk_is_no_reason_to_go_without_own_users() -> None:
    assert privateusers.decide("", "kvm", "default", ("data",)).on
    assert not privateusers.decide("", "namespaces", "default", ("data",)).on


def test_rank_of_a_machine() -> None:
    assert privateusers.rank("kvm", True, ID) == "vm"
    assert privateusers.rank("kvm", True, ID, emulated=True) == "user-namespaced"
    assert privateusers.rank("kvm", False, ID, emulated=True) == "namespaces"
    assert privateusers.rank("image", True, ID) == ID
    assert privateusers.rank("fly", True) == "fly"


def test_a_volume_that_is_not_there_is_for_others_to_refuse() -> None:
    kvm.check_volume(Volume("x", "host", "/nowhere"), "")
