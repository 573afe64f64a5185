# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a running pod holds stays its own: whoever copies its directory, removes or damages what is recorded of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.metadata_bed import host_with_image, inside
from tests.conftest import Keys
from tests.support import tiny_image
from tests.support.network_lab import SLEEP, Host, Pod, wait_until

NET = "run/podwright/net"
GC = ("gc", "--grace-period=0s")
LOG = "run/plugin.log"
PLUGIN = f"""#!/usr/bin/python3 -IS
import os, sys, json
conf = json.load(sys.stdin)
open("/{LOG}", "a").write(os.environ["CNI_COMMAND"] + "\\n")
if os.environ["CNI_COMMAND"] == "ADD":
    link = {{"name": os.environ["CNI_IFNAME"], "sandbox": os.environ["CNI_NETNS"]}}
    address = {{"address": "10.99.0.7/24", "interface": 0}}
    print(json.dumps({{"cniVersion": "1.0.0", "interfaces": [link], "ips": [address]}}))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Host]:
    """A host with an agent and an image."""
    with host_with_image(tmp_path_factory.mktemp("holdings"), lab.key) as host:
        yield host


@pytest.fixture
def host(made: Host) -> Iterator[Host]:
    """The same, without the pods of the test before."""
    yield made
    for pod in made.pods:
        pod.close()
    made.pods.clear()
    made.agent.ok(*GC)


def links(host: Host) -> str:
    return host.says("ip", "-o", "link")


def link_of(pod: Pod, letter: str = "") -> str:
    return f"podw{pod.uuid.replace('-', '')[:10]}{letter}@"


def copy(host: Host) -> tuple[Path, list[str]]:
    """A copy of the data directory, and the command of an agent that uses it."""
    data = str(host.agent.data)
    other = f"{data}-copy"
    subprocess.run(["cp", "-a", data, other], check=True)
    return Path(other), [
        one.replace(data, other) if one.startswith("--dir") else one for one in host.agent.command
    ]


@pytest.mark.threat("T85")
def test_gc_and_rm_in_a_copy_of_the_data_directory_leave_the_running_pod_alone(host: Host) -> None:
    host.agent.local.chmod(0o755)
    plugins = host.agent.local / "net.d"
    plugins.mkdir(mode=0o755)
    (plugins / "lan").write_text(PLUGIN)
    (plugins / "lan").chmod(0o755)
    host.network({"name": "lan", "type": "lan"})
    pod = host.run("web", SLEEP, "--net=lan,default")
    for verb in (GC, ("rm", pod.uuid)):
        other, command = copy(host)
        done = host.base.run([*command, *verb])
        assert done.exit == 0, done.stderr
        assert not list(other.glob(f"pods/*/{pod.uuid}")), "the copy is gone"
        shutil.rmtree(other)
        assert pod.process.poll() is None
        assert link_of(pod, "a") in links(host)
        assert inside(host, LOG).read_text() == "ADD\n"
    pod.kill()
    wait_until(lambda: pod.process.poll() is not None, "the pod does not end")
    host.agent.ok(*GC)
    assert inside(host, LOG).read_text() == "ADD\nDEL\n", "the original's own gc takes it back"


@pytest.mark.threat("T85")
def test_a_start_that_fails_in_a_copy_leaves_the_network_of_the_same_uuid(host: Host) -> None:
    volume = host.agent.data.parent / "volume"
    volume.mkdir()
    options = (
        f"--volume=v,kind=host,source={volume}",
        tiny_image.NAME,
        "--mount=volume=v,target=/v",
    )
    script = ("--exec=/bin/sh", "--", "-c", f"echo up; {SLEEP}")
    uuid = host.agent.ok("prepare", *options, *script).split()[-1]
    other, command = copy(host)
    process = host.base.popen([*host.agent.command, "run-prepared", uuid])
    holding = inside(host, f"{NET}/pods/{uuid}")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n", (
        "its app runs, so nothing of it is looked for any more"
    )
    volume.rename(volume.with_name("moved"))
    done = host.base.run([*command, "run-prepared", uuid])
    assert "No such file" in done.stderr
    assert holding.exists()
    assert f"podw{uuid.replace('-', '')[:10]}@" in links(host)
    assert "podwright" in host.says("nft", "list", "tables")
    host.agent.ok("stop", uuid)
    process.communicate(timeout=60)
    shutil.rmtree(other)


def test_what_a_newer_agent_has_recorded_of_a_running_pod_is_kept(host: Host) -> None:
    first = host.run("first", SLEEP)
    path = inside(host, f"{NET}/pods/{first.uuid}")
    raw = json.loads(path.read_text())
    raw["attachments"][0]["future"] = raw["future"] = 1
    path.write_text(json.dumps({**raw, "format": 2}))
    host.agent.ok(*GC)
    second = host.run("second", SLEEP)
    assert first.address() != second.address()
    assert path.exists()
    assert link_of(first) in links(host)
    assert link_of(first)[:-1] in host.says("nft", "list", "ruleset")


@pytest.mark.parametrize("how", ["removed", "damaged"])
def test_no_pod_gets_a_running_pods_address_when_the_ledger_is_lost(host: Host, how: str) -> None:
    first = host.run("first", SLEEP)
    if how == "removed":
        host.says("rm", "-r", "/run/podwright")
    else:
        inside(host, f"{NET}/pods/{first.uuid}").write_text("{")
    with pytest.raises(AssertionError, match=f"pod {first.uuid}: runs, and what it has of the net"):
        host.run("second", SLEEP)
    host.agent.ok(*GC)
    assert link_of(first) in links(host)
    first.stop()
    assert host.run("second", SLEEP).address()


def test_damaged_records_of_our_bridge_and_of_forwarding_lose_nothing(host: Host) -> None:
    host.says("sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward")
    pool = {"type": "host-local", "subnet": "10.20.0.0/24"}
    shop = {"name": "shop", "type": "bridge", "bridge": "shop0", "isGateway": True, "ipam": pool}
    host.network(shop)
    first = host.run("first", SLEEP, "--net=shop")
    inside(host, f"{NET}/bridges/shop0").write_text('{"made":true,')
    inside(host, f"{NET}/forwarding").write_text("{")
    second = host.run("second", SLEEP, "--net=shop")
    known = json.loads(inside(host, f"{NET}/pods/{second.uuid}").read_text())
    assert known["attachments"][0]["zone"] == "shop"
    for pod in (first, second):
        pod.stop()
    host.agent.ok(*GC)
    wait_until(lambda: "shop0" not in links(host), "the bridge stays")
    assert host.says("cat", "/proc/sys/net/ipv4/ip_forward") == "0\n"
