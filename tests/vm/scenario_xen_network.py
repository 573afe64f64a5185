# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In dom0 of a Xen host: a second domain, which is no pod, connects the networks of pods (a driver domain)."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from inside import call, podwright, tell, wait_for
from xen_inside import HERE, LIFTED, RUN, SETTINGS, Pod, choose, left, nothing_left

NAME, BRIDGE = "netd", "xenbr0"
HELLO = "hello from the driver domain"
ADDRESS, PORT = "10.77.0.1", "8080"
STAY = "trap 'exit 3' TERM; while :; do sleep 1; done"
MODULES = ("net/llc/llc", "net/802/stp", "net/bridge/bridge", "drivers/net/xen-netback/xen-netback")
KERNEL = Path("/lib/modules", os.uname().release, "kernel")
NETWORK = Path("/etc/podwright/net.d/50-driver.conf")
CONF = {
    "cniVersion": "1.0.0",
    "name": "driver",
    "type": "bridge",
    "bridge": "unused0",
    "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "10.77.0.0/24", "rangeStart": "10.77.0.20", "gateway": ADDRESS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    },
}
# It does what Xen's script for bridges would do there: a link of a guest becomes a port of the bridge, and Xenstore is
# told (a message of type 11, write) that the link is connected.
INIT = rf"""#!/bin/busybox sh
/bin/busybox mkdir -p /usr/bin /usr/sbin /sbin /proc /sys /dev /tmp
/bin/busybox --install -s
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for name in {" ".join(MODULES)}; do insmod /modules/${{name##*/}}.ko; done
brctl addbr {BRIDGE}; ip addr add {ADDRESS}/24 dev {BRIDGE}; ip link set {BRIDGE} up
(while :; do echo {HELLO} | nc -l -p {PORT}; done) &
echo driver domain is up
while :; do
    for device in /sys/class/net/vif*; do
        vif=${{device##*/}}
        [ -e "$device" ] && [ ! -e /tmp/$vif ] || continue
        touch /tmp/$vif; brctl addif {BRIDGE} $vif; ip link set $vif up
        numbers=${{vif#vif}}
        path=backend/vif/${{numbers%.*}}/${{numbers#*.}}/hotplug-status
        length=$(printf %03o $((${{#path}} + 10)))
        printf "\013\0\0\0\0\0\0\0\0\0\0\0\$length\0\0\0$path\0connected" > /dev/xen/xenbus
    done
    sleep 1
done
"""
DOMAIN = f"""
name = "{NAME}"
type = "pv"
kernel = "/boot/vmlinuz-{os.uname().release}"
ramdisk = "{HERE}/netd.img"
memory = 160
extra = "console=hvc0 panic=-1 quiet"
on_crash = "destroy"
driver_domain = 1
"""


def initrd() -> None:
    """Busybox, the modules and INIT."""
    tree = HERE / NAME
    (tree / "bin").mkdir(parents=True)
    call("tar", "--extract", f"--file={HERE}/tiny.aci", f"--directory={HERE}", "rootfs/bin/busybox")
    shutil.copy(HERE / "rootfs/bin/busybox", tree / "bin")
    (tree / "modules").mkdir()
    for name in MODULES:
        shutil.copy(KERNEL / f"{name}.ko", tree / "modules")
    (tree / "init").write_text(INIT)
    (tree / "init").chmod(0o755)
    made = call("sh", "-c", f"cd {tree} && find . | cpio -o -H newc --quiet > {HERE}/netd.img")
    assert made.returncode == 0, made.stderr


def driver() -> str:
    """Start the driver domain; its number."""
    initrd()
    (HERE / "netd.cfg").write_text(DOMAIN)
    made = call("xl", "create", "-e", str(HERE / "netd.cfg"))
    assert made.returncode == 0, made.stderr
    log = Path(f"/var/log/xen/console/guest-{NAME}.log")
    wait_for(lambda: log.exists() and "driver domain is up" in log.read_text(), f"{log}: is up")
    return str(call("xl", "domid", NAME).stdout.strip())


def connected(runner: str, number: str, others: list[str]) -> None:
    """A pod on a network that the driver domain connects."""
    choose(runner, network_backend=NAME, network_bridge=BRIDGE)
    script = f"ip -4 -o addr show dev eth0; while ! nc {ADDRESS} {PORT}; do sleep 1; done; {STAY}"
    app = ("tiny.aci", "--name=app", "--memory=40Mi", "--exec=/bin/sh", "--", "-c", script)
    pod = Pod(runner, "--net=driver", *app)
    pod.says(HELLO)
    there, here = vifs(number), vifs("0")
    stopped = podwright("stop", pod.uuid).returncode
    said = [pod.text(), there, here, stopped, pod.process.wait(240), nothing_left(others)]
    tell(**{f"driver_{runner}": said})


def vifs(domain: str) -> list[str]:
    """What that domain serves, by the last parts of the nodes' names."""
    listed = call("xenstore-ls", "-f", f"/local/domain/{domain}/backend/vif").stdout.splitlines()
    return [line.rpartition("/0/")[2] for line in listed if "/0/" in line]


def refused() -> None:
    """Ports of dom0's would lead nowhere."""
    done = call(*RUN, "--net=driver", "--port=8080/tcp:8081", "tiny.aci")
    tell(driver_ports=[done.returncode, done.stderr])


def main() -> None:
    """By either toolstack."""
    fetched = podwright(LIFTED, "fetch", "stage1.aci")
    assert fetched.returncode == 0, fetched.stderr
    NETWORK.parent.mkdir(parents=True, exist_ok=True)
    NETWORK.write_text(json.dumps(CONF))
    number = driver()
    others = left()
    for runner in ("libvirt", "xl"):
        connected(runner, number, others)
    refused()
    call("xl", "destroy", NAME)
    tell(driver_gone=nothing_left())
    call("ip", "link", "delete", "unused0")
    NETWORK.unlink()
    SETTINGS.unlink()


main()
