# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine's guest is told of its pod: all that it must do, and nothing of the host (T79)."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.host.cgrouplimits import Limits
from podwright.stage1.contract import Ready
from podwright.stage1.kvm import codec, plan, protocol
from podwright.stage1.kvm.machine import TCG, Disk, End, Nic, Settings
from podwright.stage1.kvm.plan import Ends, Parts
from podwright.stage1.kvm.sizing import Size
from podwright.stage1.kvm.virtiofsd import C, Server
from podwright.stage1.namespaces.mountplan import Bind, Device, EmptyVolume, SecretPlan
from podwright.stage1.namespaces.plan import HERE, THERE, AppPlan, PodPlan, UserRange
from podwright.stage1.namespaces.restrict import Restrictions

HOST = "/host/of/the/pod"
UUID = "5c5c9c2e-6a0f-4c8e-9e7e-0f5d0f3f7a11"


def restrictions() -> Restrictions:
    """Any."""
    fields: dict[str, Any] = dict.fromkeys(vars(Restrictions)["__fields__"])
    return Restrictions(**fields)


def app() -> AppPlan:
    """An app whose every path of the host begins with HOST."""
    bind = Bind("/data", f"{HOST}/data", read_only=True, noexec=True, volume="data", label="l:l")
    return AppPlan(
        name="web",
        trees=(f"{HOST}/tree",),
        writable=f"{HOST}/layer",
        root="opt/stage2/web/rootfs",
        overlay=True,
        read_only_root=False,
        binds=(bind,),
        late_binds=(Bind("/dev/x", f"{HOST}/x"),),
        hidden=(),
        read_only=(),
        sys="ro",
        exec=("/bin/web",),
        pre_start=(),
        post_stop=(),
        environment=(),
        user="0",
        group="0",
        supplementary_gids=(),
        directory="/",
        restrictions=restrictions(),
        limits=Limits(memory=1 << 26),
        attributes=(("exec", "label"),),
        stop_timeout=3.0,
    )


def pod() -> PodPlan:
    """A pod of it."""
    return PodPlan(
        uuid=UUID,
        pod_dir=HOST,
        root=f"{HOST}/root",
        hostname="web",
        host_net=False,
        volumes=(EmptyVolume(f"{HOST}/own", 0o755, 0, 0, trees=(f"{HOST}/t",), image_path="/x"),),
        apps=(app(),),
        ready=Ready(),
        stop_timeout=10.0,
        interactive=False,
        devices=(Device("web", "b", 8, 0, "r"),),
        secrets=(SecretPlan("s", "/run/secrets/s", 0o400, None, None, ("web",), f"{HOST}/secret"),),
        users=UserRange(100000),
        sysctls=(("net.core.somaxconn", "5", False),),
        journal=f"{HOST}/journal",
    )


def parts() -> Parts:
    """A machine's."""
    return Parts(
        f"{HOST}/vmlinuz",
        f"{HOST}/initrd",
        Settings(TCG),
        Size(256, 1),
        "/usr/bin/qemu",
        Server("/usr/v", C),
    )


@pytest.mark.threat("T79")
def test_the_guest_is_told_nothing_of_the_host() -> None:
    told = codec.encode(plan.start(pod(), {"web": b"\0" * 8}, 5))
    assert HOST.encode() not in told
    found = codec.decode(told)
    assert isinstance(found, protocol.Start)
    assert found.plan.machine == THERE and found.plan.users is None and found.plan.label is None
    assert found.plan.apps[0].binds[0].read_only and found.plan.apps[0].binds[0].noexec
    assert found.plan.apps[0].limits.memory == 1 << 26
    assert found.plan.sysctls == pod().sysctls


def test_the_host_makes_roots_and_limits_no_app() -> None:
    assert plan.host(pod()).machine == HERE
    assert plan.host(pod()).apps == pod().apps
    assert plan.grouped(pod()).apps == ()
    assert plan.grouped(pod()).limits.memory is None


@pytest.mark.threat("T79")
def test_the_machine_is_named_by_its_uuid_and_knows_its_devices_modules() -> None:
    ends = Ends(End(3), End(4), End(5))
    bare = plan.machine(pod(), parts(), ends)
    assert bare.name == f"podwright-{UUID}" and HOST not in repr(bare)
    assert not [word for word in bare.parameters if word.startswith("podwright.modules")]
    ends = Ends(End(3), End(4), End(5), (Nic("02:00:00:00:00:01", End(6)),), (Disk("d", End(7)),))
    assert (
        "podwright.modules=virtio_net,virtio_blk" in plan.machine(pod(), parts(), ends).parameters
    )


def test_a_guest_has_the_time_that_its_apps_have_to_end_and_some_more() -> None:
    assert plan.patience(pod()) == 3.0 + plan.MORE
