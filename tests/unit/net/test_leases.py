# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lease files: what is read, what is given out, and when a lease is alive."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import NetworkError
from podwright.host.clock import boot_id
from podwright.net import leases
from podwright.net.plan import Lease, NetRequest, PortMap

UUID = "0123abcd-89ab-4def-8123-456789abcdef"
GOOD: dict[str, Any] = {
    "uuid": UUID,
    "name": "web",
    "boot": "b",
    "host_if": "podw0123abcd89",
    "run_dir": "/srv/pods/run",
    "ports": [["tcp", "", 8080, 80]],
}


def request(net_dir: Path) -> NetRequest:
    return NetRequest(
        UUID, "web", "default", (PortMap("tcp", "", 8080, 80),), str(net_dir), str(net_dir / "run")
    )


def put(net_dir: Path, ip: str, raw: object) -> None:
    (net_dir / "default").mkdir(exist_ok=True)
    (net_dir / "default" / ip).write_text(json.dumps(raw))


def test_a_lease_is_read_as_it_was_written(tmp_path: Path) -> None:
    lease, hold = leases.take(request(tmp_path), ())
    os.close(hold)
    assert lease == Lease(
        "172.16.28.2",
        UUID,
        "web",
        boot_id(),
        "podw0123abcd89",
        f"{tmp_path}/run",
        request(tmp_path).ports,
    )
    assert leases.read_all(str(tmp_path)).leases == (lease,)


def test_addresses_are_given_in_turn_and_the_free_one_is_found(tmp_path: Path) -> None:
    given = []
    taken: list[Lease] = []
    for _ in range(253):
        lease, hold = leases.take(request(tmp_path), tuple(taken))
        os.close(hold)
        taken.append(lease)
        given.append(leases.number(lease.ip))
    assert given == list(range(2, 255))
    with pytest.raises(NetworkError, match="all 253 addresses"):
        leases.take(request(tmp_path), tuple(taken))
    free = taken.pop(100)
    assert leases.take(request(tmp_path), tuple(taken))[0].ip == free.ip


@pytest.mark.parametrize(
    "change",
    [
        {"uuid": "../../../etc"},
        {"uuid": 1},
        {"host_if": "eth0"},
        {"host_if": 'podw" } ; flush ruleset'},
        {"ports": [["tcp", "", "8080", 80]]},
        {"ports": [["sctp", "", 8080, 80]]},
        {"ports": [["tcp", "} ; flush ruleset", 8080, 80]]},
        {"ports": [["tcp", "", 8080]]},
        {"ports": [["tcp", "", True, 80]]},
        {"ports": 1},
        {"name": None},
        {"boot": None},
        {"host_if": 1},
        {"run_dir": None},
        {"run_dir": ""},
        {"run_dir": "pods/run"},
        {"run_dir": "/srv/../etc"},
        {"run_dir": "/srv\0"},
    ],
    ids=str,
)
def test_what_could_reach_a_command_or_a_path_is_checked(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    put(tmp_path, "172.16.28.2", GOOD)
    assert leases.read(str(tmp_path), "172.16.28.2")
    put(tmp_path, "172.16.28.2", {**GOOD, **change})
    assert leases.read(str(tmp_path), "172.16.28.2") is None


@pytest.mark.parametrize(
    "name", ["172.16.28.1", "172.16.28.255", "172.16.29.2", "x", "172.16.28.02", "172.16.28.٣"]
)
def test_files_with_other_names_are_no_leases(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, GOOD)
    found = leases.read_all(str(tmp_path))
    assert found.leases == ()
    assert found.broken == (f"{tmp_path}/default/{name}",)


def alive(net_dir: Path, boot: str = "") -> bool:
    run_dir = str(net_dir / "run")
    lease = Lease("172.16.28.2", UUID, "web", boot or boot_id(), "podw0123abcd89", run_dir, ())
    return leases.is_alive(str(net_dir), lease, boot_id())


def test_alive_is_a_locked_pod_directory_of_this_boot(tmp_path: Path) -> None:
    pod = tmp_path / "run" / UUID
    assert not alive(tmp_path)
    pod.mkdir(parents=True)
    assert not alive(tmp_path)
    fd = os.open(pod, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert alive(tmp_path)
    assert not alive(tmp_path, boot="another")
    os.close(fd)
    assert not alive(tmp_path)


def test_what_cannot_be_looked_at_is_not_taken_from_its_pod(tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to("run")
    assert alive(tmp_path)
    (tmp_path / "run").unlink()
    (tmp_path / "run").write_text("the data directory is gone, something else is there")
    assert not alive(tmp_path)


def test_alive_is_also_a_lease_that_a_worker_holds(tmp_path: Path) -> None:
    _, hold = leases.take(request(tmp_path), ())
    assert alive(tmp_path)
    os.close(hold)
    assert not alive(tmp_path)
