# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Xen host: pods run as domains, made by libvirt and by xl, and nothing is left of them, whoever is killed.

All is seen in one boot of the host, which takes long. While one writes tests, a host at hand does as well:
`PODWRIGHT_VM_TESTS=1 PODWRIGHT_XEN_HOST=lab pytest tests/vm/test_xen.py` (`python -m tests.vm.xen start lab`).
"""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support import kvm_image, tiny_image
from tests.support.paths import CACHE, CHECKOUT
from tests.vm import bed, inside, xen
from tests.vm.conftest import Machines
from tools import collection

pytestmark = pytest.mark.vm_full

PLACE = "/root/payload"
"""On dom0's disk, where volumes can have owners of the pod's: what is in memory cannot, with its kernel."""
SECONDS = 3000.0
UNPACK = f"rm -rf {PLACE} {bed.PLACE}; mkdir {PLACE}; ln -s {PLACE} {bed.PLACE}; cd {PLACE}; tar x"
PLAY = f"""\
systemd-run --quiet --wait --pipe --collect --property=Delegate=yes --working-directory={PLACE} \\
    --setenv=PYTHONPATH={PLACE} sh -c 'exec python3 -u "$0" 2>&1' "$0"
"""


@pytest.fixture(scope="module")
def host(machines: Machines) -> Iterator[xen.Host]:
    """A Xen host; no other machine is in its way."""
    machines.close()
    with ExitStack() as stack:
        name = os.environ.get("PODWRIGHT_XEN_HOST")
        yield xen.Host(xen.BEDS / name) if name else stack.enter_context(xen.host())


@pytest.fixture(scope="module")
def unpacked(host: xen.Host, tmp_path_factory: pytest.TempPathFactory) -> xen.Host:
    """The host, with all that scenarios need."""
    payload = tmp_path_factory.mktemp("xen") / "payload.tar"
    _pack(payload)
    with payload.open("rb") as given:
        subprocess.run(
            host.ssh_command("sh", "-ec", UNPACK), stdin=given, timeout=SECONDS, check=True
        )
    return host


@pytest.fixture(scope="module")
def seen(unpacked: xen.Host) -> dict[str, Any]:
    """What the scenario has told."""
    return _told(unpacked, "scenario_xen.py")


@pytest.fixture(scope="module")
def driven(unpacked: xen.Host) -> dict[str, Any]:
    """What the one with a driver domain has told."""
    return _told(unpacked, "scenario_xen_network.py")


def _told(host: xen.Host, scenario: str) -> dict[str, Any]:
    done = host.ssh("sh", "-c", PLAY, scenario, check=False, timeout=SECONDS)
    output = done.stdout + done.stderr
    assert done.returncode == 0, f"{output[-6000:]}\n{host.console()[-3000:]}"
    print(output)
    return inside.told(output)


def _pack(target: Path) -> None:
    """The agent, the images and the scenarios, as one archive."""
    here = Path(__file__).parent
    files = {
        "agent": CHECKOUT / "agent",
        "stage1.aci": kvm_image.image("xen"),
        "tiny.aci": tiny_image.build("example.com/tiny"),
    }
    with tarfile.open(target, "w") as archive:
        for name, path in files.items():
            archive.add(path, name)
        for name in ("inside.py", "xen_inside.py", "scenario_xen.py", "scenario_xen_network.py"):
            archive.add(here / name, name)


@pytest.mark.parametrize("runner", ["xl", "libvirt"])
def test_an_apps_output_and_status_come_back_from_a_domain(
    seen: dict[str, Any], runner: str
) -> None:
    status, out, err, left = seen[f"ends_{runner}"]
    assert (status, left) == (7, [])
    lines = out.splitlines()
    assert (lines[0], lines[2], lines[3]) == ("out", "0", "/made")
    assert lines[1].endswith("-amd64"), "a kernel of its own"
    assert "err" in err.splitlines()


def test_status_shows_the_domain(seen: dict[str, Any]) -> None:
    assert seen["domains"] == [f"podwright-{seen['uuid']}"]
    machine = seen["status"]["machine"]
    assert (machine["accelerator"], machine["kind"]) == ("xen", "pv")
    assert (machine["runner"], machine["cpus"]) == ("libvirt", 1)
    assert machine["memory"] >= 96 + 128


@pytest.mark.parametrize(
    "asked", [pytest.param("answer", id="libvirt"), pytest.param("answer_xl", id="xl")]
)
def test_a_published_port_is_the_guests(seen: dict[str, Any], asked: str) -> None:
    assert seen[asked] == "hello from a domain"


def test_no_network_device_of_a_domain_stays_among_the_hosts(seen: dict[str, Any]) -> None:
    assert not [name for name in seen["interfaces"] if name.startswith("vif")]


def test_volumes_are_the_hosts_directories(seen: dict[str, Any]) -> None:
    assert seen["written"] == "guest\n"
    status, out, err = seen["entered"]
    assert (status, out.splitlines()[-1]) == (0, "host"), err


def test_a_block_device_is_the_guests(seen: dict[str, Any]) -> None:
    status, out, err, written, left = seen["disk"]
    assert (status, out, written) == (0, "host\n", "guest"), err
    assert left == []


def test_limits_of_apps_are_kept_in_the_guest(seen: dict[str, Any]) -> None:
    limit, memory, _ = seen["entered"][1].splitlines()
    assert int(limit) == 64 * 2**20
    assert int(memory.split()[1]) < (96 + 128) * 1024, "the domain is made for its apps"


@pytest.mark.threat("T79")
def test_what_serves_a_guest_has_an_end_in_dom0(seen: dict[str, Any]) -> None:
    assert seen["most"] == [f"{256 * 2**20}\n", "128\n"]


@pytest.mark.threat("T79")
def test_a_guest_says_of_its_console_no_more_than_where_it_is(seen: dict[str, Any]) -> None:
    side = "/local/domain/N/device/console"
    lines = [line for line in seen["nodes"] if line.startswith(side)]
    assert lines, seen["nodes"]
    owners = {line.split(" = ")[0]: line.rpartition("(")[2].strip(")") for line in lines}
    own = {f"{side}/1/{name}" for name in ("ring-ref", "port", "state")}
    assert {path for path, owner in owners.items() if owner == "nN,r0"} == own
    assert {owner for path, owner in owners.items() if path not in own} == {"n0,rN"}


@pytest.mark.threat("T79")
def test_qemu_is_nobody_of_the_hosts(seen: dict[str, Any]) -> None:
    said = dict(line.split(":", 1) for line in seen["qemu"].splitlines())
    assert all(int(number) > 65535 for number in said["Uid"].split())
    assert said["NoNewPrivs"].strip() == "1"
    assert int(said["CapBnd"], 16) == int(said["CapEff"], 16) == 0x8800001B
    assert set(seen["roots"]) <= {"usr", "lib", "lib32", "lib64", "libx32", "etc", "dev", "share", "proc"}  # fmt: skip


def test_a_stopped_pod_ends_by_its_apps_own_status(seen: dict[str, Any]) -> None:
    assert (seen["stopped"], seen["after_stop"]) == ([0, 3], [])


@pytest.mark.parametrize(
    "who", [pytest.param("podwright-init", id="keeper"), pytest.param("podwright-xen", id="holder"), ""]
)  # fmt: skip
def test_whoever_is_killed_no_domain_is_left(seen: dict[str, Any], who: str) -> None:
    status, left = seen[f"killed_{who}"]
    assert left == []
    assert status != 0


def test_stop_by_force_leaves_nothing(seen: dict[str, Any]) -> None:
    status, _, left = seen["forced"]
    assert (status, left) == (0, [])


def test_gc_ends_a_domain_that_nobody_holds(seen: dict[str, Any]) -> None:
    alive, status, left = seen["swept"]
    assert len(alive) == 1, "the control: nobody has ended it before"
    assert (status, left) == (0, [])


def test_a_guest_without_a_host_ends_by_itself(seen: dict[str, Any]) -> None:
    alive, status, left = seen["all_killed"]
    assert len(alive) == 1, "the control: nobody else has ended it"
    assert (status, left) == (0, [])


@pytest.mark.parametrize("runner", ["xl", "libvirt"])
def test_a_pods_network_is_that_of_its_driver_domain(driven: dict[str, Any], runner: str) -> None:
    out, there, here, *ended = driven[f"driver_{runner}"]
    lines = out.splitlines()
    assert "inet 10.77.0.2" in out
    assert lines[-1] == "hello from the driver domain"
    assert 'bridge = "xenbr0"' in [line.split("   ")[0] for line in there]
    assert here == [], "dom0 serves no network device"
    assert ended == [0, 3, []]


def test_a_pod_of_a_driver_domains_network_publishes_no_ports(driven: dict[str, Any]) -> None:
    status, said = driven["driver_ports"]
    assert status != 0
    assert "ports cannot be published: the domain netd connects networks of pods" in said


def test_nothing_is_left_of_a_driver_domain(driven: dict[str, Any]) -> None:
    assert driven["driver_gone"] == []


HOSTED = f"""\
cd {PLACE}; agent={bed.PLACE}/agent/bin/podwright; lifted=--insecure-options=image; rm -f hosted
$agent $lifted fetch stage1.aci >&2
systemd-run --quiet --unit=hosted --collect --property=Delegate=yes --working-directory={PLACE} \\
    $agent $lifted run --stage1-name=xen --net=none --uuid-file-save=hosted tiny.aci --name=app --memory=40Mi \\
    --exec=/bin/sh -- -c 'while :; do sleep 1; done'
until $agent enter $(cat hosted) /bin/true >&2; do systemctl is-active --quiet hosted; sleep 1; done
cat hosted
"""
"""Starts a pod and waits until it can be entered; what it says is the pod's UUID."""


def test_a_pod_in_a_domain_is_a_host(unpacked: xen.Host, tmp_path: Path) -> None:
    """Over OpenSSH to dom0, and into the domain from there."""
    uuid = unpacked.ssh("sh", "-ec", HOSTED, timeout=SECONDS).stdout.split()[-1]
    try:
        found = _played(unpacked, uuid, tmp_path)
    finally:
        unpacked.ssh("systemctl", "stop", "hosted", check=False)
    raw, who, script, missing = found
    assert (raw["rc"], raw["stdout"], raw["stderr"]) == (255, "out", "err")
    assert who["stdout_lines"][0] == "1000"
    assert who["stdout_lines"][1] != unpacked.ssh("cat", BOOT).stdout.strip(), "a kernel of its own"
    assert (script["rc"], script["stdout_lines"]) == (3, ["script word"])
    assert missing["unreachable"] and "user 'nobody9' cannot be used" in missing["msg"]


BOOT = "/proc/sys/kernel/random/boot_id"


def _played(host: xen.Host, uuid: str, base: Path) -> list[dict[str, Any]]:
    """The results of tasks in the pod."""
    (base / "script").write_text("#!/bin/sh\necho script $1; exit 3\n")
    options = " ".join(f"-o{name}={value}" for name, value in host.ssh_settings().items())
    dom0 = {
        "ansible_host": "127.0.0.1", "ansible_port": host.forwards()[22], "ansible_user": "root",
        "ansible_ssh_common_args": f"-F none {options}",
    }  # fmt: skip
    pod = {
        "ansible_connection": "podwright.fleet.pod", "podwright_host": "dom0", "podwright_pod": uuid,
        "podwright_agent_path": f"{bed.PLACE}/agent/bin/podwright",
    }  # fmt: skip
    tasks: list[dict[str, Any]] = [
        {"ansible.builtin.raw": "printf out; printf err >&2; exit 255"},
        {"ansible.builtin.raw": f"id -u; cat {BOOT}", "become": True, "become_user": "tiny"},
        {"ansible.builtin.script": f"{base}/script word"},
        {"ansible.builtin.raw": "true", "become": True, "become_user": "nobody9"},
    ]
    settings = {"ignore_errors": True, "ignore_unreachable": True}
    steps = [{**task, **settings, "register": f"r{at}"} for at, task in enumerate(tasks)]
    keep = {
        "ansible.builtin.copy": {
            "content": "{{ [r0, r1, r2, r3] | to_json }}",
            "dest": f"{base}/answers",
        },
        "delegate_to": "localhost",
        "vars": {"ansible_connection": "local"},
    }
    play = {"hosts": "pod", "gather_facts": False, "tasks": [*steps, keep]}
    (base / "play.json").write_text(json.dumps([play]))
    (base / "hosts.json").write_text(json.dumps({"all": {"hosts": {"dom0": dom0, "pod": pod}}}))
    command = ["ansible-playbook", "-i", str(base / "hosts.json"), str(base / "play.json")]
    env = {
        **os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collection.installed()), "ANSIBLE_HOME": str(base / "home"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(base / "cp"), "ANSIBLE_TIMEOUT": "300",
        "PATH": f"{CACHE}/venv/bin:{os.environ['PATH']}",
    }  # fmt: skip
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads((base / "answers").read_text())
    return found
