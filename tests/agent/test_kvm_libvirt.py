# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod whose machine libvirt runs: found by virsh, entered, reached, and gone with the pod, however that ends."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator

import pytest

from tests.agent.kvm_bed import STAYS, Machines
from tests.conftest import Keys
from tests.support.patience import until

DAEMON = """
set -e
for each in etc lib log cache; do
    directory=/var/$each/libvirt; [ $each = etc ] && directory=/etc/libvirt
    cp -a $directory /run/copy-$each
    mount --bind /run/copy-$each $directory
done
# Nothing of another libvirtd, and no control groups, which are not there in a private host.
rm -rf /var/lib/libvirt/qemu/domain-* /etc/libvirt/qemu/autostart /etc/libvirt/qemu/networks
echo 'cgroup_controllers = []' >> /etc/libvirt/qemu.conf
mkdir -p /run/libvirt
virtlogd -d
libvirtd -d
"""
KNOCK = "import socket,sys; s = socket.socket(); s.settimeout(100); sys.exit(s.connect_ex((sys.argv[1], 9)))"
VIRSH = "virsh -q -c qemu:///system"


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Machines]:
    made = Machines(tmp_path_factory.mktemp("machines"), lab.key)
    made.host.run(["sh", "-c", DAEMON]).check()
    until(lambda: made.host.run(["sh", "-c", f"{VIRSH} list"]).exit == 0, "libvirtd answers")
    yield made
    made.close()


def test_a_pod_through_libvirt_from_its_start_to_the_end_of_its_holder(machines: Machines) -> None:
    with machines.start({"name": "app", "script": STAYS}, net="default").up() as pod:
        name = f"podwright-{pod.uuid}"
        assert machines.shell(f"{VIRSH} list --name").split() == [name]
        assert machines.shell(f"{VIRSH} domuuid {name}").split() == [pod.uuid]
        said = pod.status()["machine"]
        assert (said["runner"], said["accelerator"], said["kind"]) == ("libvirt", "tcg", "q35"), (
            said
        )
        assert pod.says("hostname").strip() == f"rkt-{pod.uuid}"

        (net,) = pod.status()["networks"]
        assert net["ip"] in pod.says("ip -4 addr show eth0"), net
        assert machines.host.run(["python3", "-c", KNOCK, net["ip"]]).exit == errno.ECONNREFUSED
        # What it came by is not there any more: sockets, and taps of the host's.
        assert sorted(machines.shell("ls /run/podwright/kvm").split()) == sorted(
            [f"{pod.uuid}.lock", "boot"]
        )
        assert "pk" not in machines.shell("ls /sys/class/net")

        user = machines.shell("ps -C qemu-system-x86_64 -o user:20=").strip()
        assert user == "libvirt-qemu"
        argv = machines.shell("tr '\\0' ' ' < /proc/$(pgrep qemu-system)/cmdline")
        denied = "obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
        assert f"-sandbox on,{denied}" in argv

        holder = int(machines.shell("pgrep -f ^podwright-libvirt"))
        pod.kill(holder)
        assert pod.ended() != 0
        until(lambda: not machines.shell(f"{VIRSH} list --name").split(), "the domain is gone")
    ended = json.loads(machines.agent.ok("status", "--format=json", pod.uuid))
    assert ended["state"] == "exited", ended


def test_an_end_of_the_guests_own_is_the_pods_and_leaves_nothing(machines: Machines) -> None:
    done = machines.run("echo hello from $(uname -s); exit 7")
    assert (done.exit, done.stdout) == (7, "hello from Linux\n"), done
    assert machines.shell(f"{VIRSH} list --all --name").split() == []
    machines.agent.ok("gc", "--grace-period=0s")
    assert machines.shell("ls /run/podwright/kvm 2>/dev/null").split() == []
