# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ledger files: what is read, what is believed, and when a holding is alive; those of the agent before."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import NetworkError
from podwright.host.clock import boot_id
from podwright.net import ledger, older
from podwright.net.values import (
    Address,
    Attachment,
    Dns,
    Holding,
    NetConf,
    PortMap,
    Route,
)
from podwright.values import replace
from podwright.values_json import to_json

UUID = "0123abcd-89ab-4def-8123-456789abcdef"
OTHER = "1123abcd-89ab-4def-8123-456789abcdef"
ATTACHED = Attachment(
    net="back",
    kind="bridge",
    ifname="eth0",
    conf=NetConf("back", "1.0.0", ({"type": "bridge"}, {"type": "tuning"}), "/etc/x.conf"),
    args=(("IP", "10.0.0.5"),),
    host_if="podw0123abcd89",
    bridge="br0",
    mac="02:00:00:00:00:01",
    addresses=(Address("10.0.0.5", 24, "10.0.0.1"), Address("fd00::5", 64)),
    routes=(Route("0.0.0.0/0"), Route("10.9.0.0/16", "10.0.0.9", mtu=1400)),
    dns=Dns(("10.0.0.53",), ("a.example",), ("rotate",), "example.com"),
    zone="back",
    results=({"cniVersion": "1.0.0"},),
    state=(("gateway", True), ("dhcp", ["10.0.0.1", "02:00:00:00:00:01", "01"])),
)


def holding(net_dir: Path, **changes: Any) -> Holding:
    whole = Holding(
        UUID,
        "web",
        "web",
        ("nginx",),
        boot_id(),
        str(net_dir / "run"),
        (ATTACHED,),
        (PortMap("tcp", "::1", 8080, 80),),
    )
    return replace(whole, **changes)


def put(net_dir: Path, one: Holding) -> None:
    os.close(ledger.put(str(net_dir), one))


def test_a_holding_is_read_as_it_was_written(tmp_path: Path) -> None:
    one, two = holding(tmp_path), holding(tmp_path, uuid=OTHER, name="", ports=())
    put(tmp_path, two)
    put(tmp_path, one)
    assert ledger.read(str(tmp_path), UUID) == one
    assert ledger.read_all(str(tmp_path)) == ledger.Found((one, two), ())
    ledger.drop(str(tmp_path), UUID)
    assert ledger.read(str(tmp_path), UUID) is None
    assert ledger.read_all(str(tmp_path)).holdings == (two,)


def test_a_change_keeps_it_held(tmp_path: Path) -> None:
    held = ledger.put(str(tmp_path), holding(tmp_path))
    held = ledger.change(str(tmp_path), holding(tmp_path, name="shop"), held)
    found = ledger.read(str(tmp_path), UUID)
    assert found is not None
    assert found.name == "shop"
    assert ledger.is_alive(str(tmp_path), found, boot_id())
    os.close(held)
    assert not ledger.is_alive(str(tmp_path), found, boot_id())


HOSTILE = '"} ; flush ruleset'


@pytest.mark.parametrize(
    "change",
    [
        {"uuid": "../../../etc"},
        {"uuid": 1},
        {"uuid": OTHER},
        {"name": None},
        {"hostname": 5},
        {"boot": None},
        {"run_dir": None},
        {"run_dir": ""},
        {"run_dir": "pods/run"},
        {"run_dir": "/srv/../etc"},
        {"run_dir": "/srv\0"},
        {"ports": 1},
        {"ports": [{"proto": "icmp", "host_ip": "", "host_port": 1, "pod_port": 1}]},
        {"ports": [{"proto": "tcp", "host_ip": HOSTILE, "host_port": 1, "pod_port": 1}]},
        {"ports": [{"proto": "tcp", "host_ip": "", "host_port": "1", "pod_port": 1}]},
        {"ports": [{"proto": "tcp", "host_ip": "", "host_port": True, "pod_port": 1}]},
        {"ports": [{"proto": "tcp", "host_ip": "", "host_port": 1}]},
        {"attachments": [1]},
        {"allow": 1},
        {"allow": [{"from": HOSTILE}]},
        {"allow": [{"to": "pod a", "ports": [HOSTILE]}]},
        *(
            {"attachments": [{**to_json(ATTACHED), **inner}]}
            for inner in (
                {"host_if": HOSTILE},
                {"host_if": "../../all"},
                {"host_if": 1},
                {"bridge": HOSTILE},
                {"ifname": "a" * 16},
                {"zone": HOSTILE},
                {"zone": None},
                {"reach": HOSTILE},
                {"state": [["via", HOSTILE]]},
                {"net": "../x"},
                {"mac": HOSTILE},
                {"addresses": [{"ip": HOSTILE, "prefix": 24, "gateway": ""}]},
                {"addresses": [{"ip": "10.0.0.05", "prefix": 24, "gateway": ""}]},
                {"addresses": [{"ip": "10.0.0.5"}]},
                {"conf": None},
                {"dns": None},
            )
        ),
    ],
    ids=str,
)
def test_what_could_reach_a_command_or_a_path_is_checked(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    put(tmp_path, holding(tmp_path))
    path = tmp_path / "pods" / UUID
    assert ledger.read(str(tmp_path), UUID)
    path.write_text(json.dumps({**to_json(holding(tmp_path)), **change}))
    assert ledger.read(str(tmp_path), UUID) is None
    assert ledger.read_all(str(tmp_path)) == ledger.Found((), (str(path),))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00" * 100, "1"])
def test_damaged_files_hold_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "pods").mkdir()
    (tmp_path / "pods" / UUID).write_text(text)
    (tmp_path / "lock.4711.new").touch()
    assert ledger.read_all(str(tmp_path)) == ledger.Found(
        (), (f"{tmp_path}/lock.4711.new", f"{tmp_path}/pods/{UUID}")
    )


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"format": ledger.FORMAT + 1},
        {"attachments": [{**to_json(ATTACHED), "surprise": 1}]},
        {"attachments": [{**to_json(ATTACHED), "dns": {**to_json(ATTACHED.dns), "more": 1}}]},
    ],
    ids=str,
)
def test_a_newer_agents_holding_is_respected(tmp_path: Path, change: dict[str, Any]) -> None:
    one = holding(tmp_path)
    put(tmp_path, one)
    path = tmp_path / "pods" / UUID
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert ledger.read_all(str(tmp_path)) == ledger.Found((one,), ())


@pytest.mark.parametrize(
    "change", [{"name": None}, {"attachments": [{"host_if": "podw0123abcd89", "more": 1}]}], ids=str
)
def test_what_is_not_understood_counts_while_its_pod_runs(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    one = holding(tmp_path, run_dir=str(tmp_path / "run"), boot=boot_id())
    put(tmp_path, one)
    path = tmp_path / "pods" / UUID
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert ledger.read_all(str(tmp_path)).broken == (str(path),)
    (tmp_path / "run" / UUID).mkdir(parents=True)
    held = os.open(tmp_path / "run" / UUID, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    found = ledger.read_all(str(tmp_path))
    assert (found.holdings, found.broken) == ((), ())
    assert [link.host_if for link in found.unclear[0].attachments] == ["podw0123abcd89"]
    assert ledger.may_run(str(tmp_path), UUID, boot_id())
    path.write_text("{")
    assert ledger.read_all(str(tmp_path)).broken == (str(path),), "nobody knows where it runs"
    (unclear,) = ledger.read_all(str(tmp_path), str(tmp_path / "run")).unclear
    assert unclear.attachments[0].host_if == "podw0123abcd89"
    os.close(held)
    assert ledger.read_all(str(tmp_path), str(tmp_path / "run")).broken == (str(path),)


@pytest.mark.parametrize("inner", [{"mac": "02-00-00-00-00-07"}, {"results": ()}])
def test_what_could_not_be_read_back_is_not_written(tmp_path: Path, inner: dict[str, Any]) -> None:
    deep: dict[str, Any] = {}
    for _ in range(61):
        deep = {"a": deep}
    changes = {"results": (deep,)} if "results" in inner else inner
    one = holding(tmp_path, attachments=(replace(ATTACHED, **changes),))
    with pytest.raises(NetworkError, match="cannot be recorded"):
        put(tmp_path, one)
    assert os.listdir(tmp_path / "pods") == []


def test_links_have_the_names_of_their_pod() -> None:
    assert ledger.host_link(UUID, 0) == "podw0123abcd89"
    assert ledger.host_link(UUID, 1) == "podw0123abcd89a"
    assert len(ledger.host_link(UUID, 15)) == 15
    assert all(ledger.is_host_link(ledger.host_link(UUID, index)) for index in range(16))
    for name in ("podw0", "podw0123abcd8", "podw0123abcd8x", "podw0123abcd89A", "eth0", ""):
        assert not ledger.is_host_link(name), name


def alive(net_dir: Path, boot: str = "") -> bool:
    return ledger.is_alive(str(net_dir), holding(net_dir, boot=boot or boot_id()), boot_id())


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


LEASE: dict[str, Any] = {
    "uuid": UUID,
    "name": "web",
    "boot": "b",
    "host_if": "podw0123abcd89",
    "run_dir": "/srv/pods/run",
    "ports": [["tcp", "", 8080, 80], ["udp", "127.0.0.1", 53, 5353]],
}


def lease(net_dir: Path, ip: str = "172.16.28.2", **changes: Any) -> Holding | None:
    (net_dir / "default").mkdir(exist_ok=True)
    (net_dir / "default" / ip).write_text(json.dumps({**LEASE, **changes}))
    return older.read(str(net_dir), ip)


def test_a_lease_of_the_agent_before_is_a_holding(tmp_path: Path) -> None:
    found = lease(tmp_path)
    assert found is not None
    assert (found.uuid, found.name, found.boot) == (UUID, "web", "b")
    assert found.pod_dir == f"/srv/pods/run/{UUID}"
    assert found.ports == (
        PortMap("tcp", "", 8080, 80),
        PortMap("udp", "127.0.0.1", 53, 5353),
    )
    assert found.target(4) == "172.16.28.2"
    (attached,) = found.attachments
    assert (attached.net, attached.zone, attached.host_if) == (
        "default",
        "default",
        "podw0123abcd89",
    )
    assert attached.addresses == (Address("172.16.28.2", 24, "172.16.28.1"),)


@pytest.mark.parametrize(
    "change",
    [
        {"uuid": "../../../etc"},
        {"uuid": 1},
        {"host_if": "eth0"},
        {"host_if": HOSTILE},
        {"host_if": 1},
        {"ports": [["tcp", "", "8080", 80]]},
        {"ports": [["tcp", HOSTILE, 8080, 80]]},
        {"ports": [["tcp", "", 8080]]},
        {"ports": 1},
        {"name": None},
        {"boot": None},
        {"run_dir": None},
        {"run_dir": "/srv/../etc"},
    ],
    ids=str,
)
def test_what_the_agent_before_left_is_checked_as_well(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    assert lease(tmp_path, **change) is None


@pytest.mark.parametrize(
    "name",
    ["172.16.28.1", "172.16.29.2", "x", "172.16.28.02", "172.16.28.٣", "fd00::1"],
)
def test_files_with_other_names_are_no_leases(tmp_path: Path, name: str) -> None:
    assert lease(tmp_path, name) is None


def test_ports_and_names_go_over_by_one_word_of_the_successor(tmp_path: Path) -> None:
    old = holding(tmp_path)
    other = "11111111-2222-4333-8444-555555555555"
    new = replace(old, uuid=other, after=old.uuid, waits=True)

    def serving(*holdings: Holding) -> list[bool]:
        return [bool(one.own_ports()) for one in ledger.in_service(holdings)]

    assert old.ports
    assert serving(old, new) == [True, False]
    assert serving(old, replace(new, waits=False)) == [False, True]
    assert serving(new) == [True], "there is nobody any more whom it could wait for"
    assert ledger.related((old,), (new,)) and ledger.related((new,), (old,))
    assert not ledger.related((old,), (replace(new, after=""),))


def test_a_successor_is_read_as_it_was_written(tmp_path: Path) -> None:
    old = holding(tmp_path)
    after = "11111111-2222-4333-8444-555555555555"
    put(tmp_path, replace(old, after=after))
    found = ledger.read(tmp_path.as_posix(), old.uuid)
    assert found is not None and found.after == after
    for bad in ({"after": "../x"}, {"after": 1}, {"waits": 1}):
        with pytest.raises((ValueError, TypeError, AttributeError)):
            ledger.checked(replace(old, **bad))
