# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our firewall table beside those of others: podman's containers, firewalld, and who flushes everything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import tiny_image
from tests.support.network_lab import SLEEP, Host, Lab, Place, wait_until
from tests.support.network_services import Services, ask, denied

SERVER = "busybox httpd -f -p 80 -h /etc"
LIMITS = ("--ulimit=nofile=1024:4096", "--ulimit=nproc=1000:1000")
BUS = """<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen>
<auth>EXTERNAL</auth><policy context="default"><allow own="*"/><allow send_destination="*"/>
<allow receive_sender="*"/><allow user="*"/></policy></busconfig>"""


@pytest.fixture
def lab_of_two(tmp_path: Path, lab: Keys) -> Iterator[Lab]:
    """Two hosts; what is started on them ends with them."""
    with Lab(tmp_path, lab.key) as made:
        yield made


def podman(host: Host, scratch: Path, *command: str) -> str:
    """Run podman on the host, with everything of it below `scratch`."""
    base = ["podman", f"--root={scratch}/root", "--runroot=/run/containers",
            f"--network-config-dir={scratch}/networks", f"--volumepath={scratch}/volumes",
            "--tmpdir=/run/libpod", "--cgroup-manager=cgroupfs", "--events-backend=file",
            "--storage-driver=vfs"]  # fmt: skip
    return host.base.run([*base, *command], timeout=120).check().stdout


@pytest.fixture
def container(lab_of_two: Lab, tmp_path: Path) -> Iterator[Place]:
    """A container of podman on its bridge, with port 8090 published: it has its address, and a web server."""
    host, scratch = lab_of_two.one, tmp_path / "podman"
    (scratch / "rootfs").mkdir(parents=True)
    tiny_image.make_rootfs(scratch / "rootfs", {})
    archive = scratch / "tiny.tar"
    subprocess.run(["tar", "-C", scratch / "rootfs", "-cf", archive, "."], check=True)
    podman(host, scratch, "import", str(archive), "localhost/tiny")
    run = ("run", "-d", "--name=theirs", *LIMITS, "--publish=8090:80", "localhost/tiny")
    podman(host, scratch, *run, "/bin/sh", "-c", f"exec {SERVER}")
    (seen,) = json.loads(podman(host, scratch, "inspect", "theirs"))
    network = next(iter(seen["NetworkSettings"]["Networks"].values()))
    pid = seen["State"]["Pid"]
    path = f"/proc/{host.base.pid}/root/proc/{pid}/ns/net"
    place = Place("container", path, (network["IPAddress"], ""))
    place.await_listener(80)
    yield place
    podman(host, scratch, "rm", "--force", "--time=0", "theirs")


def theirs(host: Host) -> str:
    """The rules that are not ours, without counters."""
    tables = host.says("nft", "-s", "list", "ruleset").removeprefix("table ").split("\ntable ")
    return "\n".join(one.strip() for one in tables if " podwright {" not in one.splitlines()[0])


def test_a_container_of_podman_works_before_during_and_after_pods(
    lab_of_two: Lab, container: Place
) -> None:
    host, outside = lab_of_two.one, lab_of_two.outside
    with Services() as services:
        services.tcp(outside, "0.0.0.0", 7020, "outside")

        def container_works() -> None:
            assert ask(container, "tcp", outside.address(), 7020) == f"outside {host.address()}"
            assert "root:x:0" in outside.says(*_get(host.address(), 8090))
            assert "root:x:0" in host.says(*_get("127.0.0.1", 8090))

        container_works()
        before = theirs(host)
        pod = host.run("ours", f"exec {SERVER}", "--port=http:8080")
        pod.await_listener(80)
        container_works()
        assert theirs(host) == before
        assert ask(pod, "tcp", outside.address(), 7020) == f"outside {host.address()}"
        assert "root:x:0" in outside.says(*_get(host.address(), 8080))
        assert "root:x:0" in pod.says(*_get(host.address(), 8090)), "published ports of each other"
        assert "root:x:0" in container.says(*_get(host.address(), 8080))
        services.tcp(pod, "0.0.0.0", 7010, "pod")
        assert denied(container, "tcp", pod.address(), 7010), "past the published port"
        pod.stop()
        container_works()
        assert theirs(host) == before
        assert "podwright" not in host.says("nft", "list", "ruleset")


def _get(address: str, port: int) -> list[str]:
    return ["curl", "-sS", "--max-time", "60", f"http://{address}:{port}/passwd"]


def test_the_next_pod_repairs_what_somebody_flushed(lab_of_two: Lab) -> None:
    host, outside = lab_of_two.one, lab_of_two.outside
    pod = host.run("web", f"exec {SERVER}", "--port=http:8080")
    pod.await_listener(80)
    assert "root:x:0" in outside.says(*_get(host.address(), 8080))
    host.says("nft", "flush", "ruleset")
    assert outside.no_curl(host.address(), 8080)
    host.run("next", SLEEP)
    assert "root:x:0" in outside.says(*_get(host.address(), 8080))


@pytest.fixture
def firewalld(lab_of_two: Lab, tmp_path: Path) -> Iterator[Host]:
    """The first host with firewalld, the real one, which needs a message bus and no more."""
    host = lab_of_two.one
    (tmp_path / "bus.conf").write_text(BUS)
    host.says("mkdir", "-p", "/run/dbus", "/run/firewalld")
    bus = host.base.popen(["dbus-daemon", f"--config-file={tmp_path}/bus.conf", "--nofork"])
    (tmp_path / "etc").mkdir()
    host.says("mount", "--bind", str(tmp_path / "etc"), "/etc/firewalld")
    wait_until(lambda: host.status("test", "-S", "/run/dbus/system_bus_socket") == 0, "no bus")
    daemon = host.base.popen(["firewalld", "--nofork", "--nopid", "--log-target=console"])
    wait_until(lambda: host.status("firewall-cmd", "--state") == 0, "firewalld does not start")
    host.says("firewall-cmd", "--permanent", "--zone=public", "--add-interface=uplink")
    host.says("firewall-cmd", "--reload")
    yield host
    for process in (daemon, bus):
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("reload", ["--reload", "--complete-reload"])
def test_published_ports_work_through_a_reload_of_firewalld(
    lab_of_two: Lab, firewalld: Host, reload: str
) -> None:
    """Links of pods are in its default zone, which forwards to itself; where it does not, docs/networking.md helps."""
    outside = lab_of_two.outside
    pod = firewalld.run("web", f"exec {SERVER}", "--port=http:8080")
    pod.await_listener(80)
    with Services() as services:
        services.tcp(outside, "0.0.0.0", 7020, "outside")

        def works() -> None:
            assert "root:x:0" in outside.says(*_get(firewalld.address(), 8080))
            assert ask(pod, "tcp", outside.address(), 7020) == f"outside {firewalld.address()}"

        works()
        ours = firewalld.says("nft", "-s", "list", "table", "inet", "podwright")
        firewalld.says("firewall-cmd", reload)
        works()
        assert firewalld.says("nft", "-s", "list", "table", "inet", "podwright") == ours
        assert "firewalld" in firewalld.says("nft", "list", "tables")
