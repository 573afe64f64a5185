# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names pods have for each other (behaviour.md B7), and that one bad file hurts no other."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from podwright.net import hostsedit, hostsfile, names
from podwright.net.values import Address, Attachment, Dns, Holding, NetConf

UUID = "00000000-0000-4000-8000-0000000000%02d"


def attached(net: str, *ips: str, zone: str = "", dns: Dns | None = None) -> Attachment:
    """A network that a pod is on."""
    found = tuple(Address(ip, 24) for ip in ips)
    conf = NetConf(net, "1.0.0", ({"type": "ptp"},))
    return Attachment(net, "ptp", "eth0", conf, addresses=found, zone=zone, dns=dns or Dns())


def pod(
    number: int,
    name: str,
    apps: tuple[str, ...],
    *attachments: Attachment,
    hostname: str = "",
    hosts: tuple[str, ...] = (),
    run_dir: str = "/run",
) -> Holding:
    """A pod, on the default network unless said otherwise."""
    uuid = UUID % number
    networks = attachments or (attached("default", f"172.16.28.{number}", zone="default"),)
    own = hostname or name or f"rkt-{uuid}"
    return Holding(uuid, name, own, apps, "b", run_dir, networks, hosts=hosts)


WEB = pod(2, "web", ("nginx", "cache"))
DB = pod(3, "db", ("redis",))


def test_pods_have_their_name_and_those_of_their_apps() -> None:
    assert names.entries(DB, (WEB,)) == (
        ("172.16.28.2", ("web", "nginx.web", "cache.web", "nginx", "cache")),
    )
    assert names.entries(DB, ()) == ()


def test_both_families() -> None:
    six = pod(4, "six", ("a",), attached("default", "172.16.28.4", "fd00::4", zone="default"))
    assert [ip for ip, _ in names.entries(DB, (six,))] == ["172.16.28.4", "fd00::4"]


def test_an_unnamed_pod_is_called_by_its_uuid() -> None:
    unnamed = pod(5, "", ("a",))
    label = f"rkt-{UUID % 5}"
    assert names.entries(DB, (unnamed,)) == (("172.16.28.5", (label, f"a.{label}", "a")),)


def test_an_app_of_two_pods_has_no_name_of_its_own() -> None:
    other = pod(6, "other", ("redis",))
    assert names.entries(WEB, (DB, other)) == (
        ("172.16.28.3", ("db", "redis.db")),
        ("172.16.28.6", ("other", "redis.other")),
    )
    assert names.entries(DB, (other,)) == (("172.16.28.6", ("other", "redis.other")),), "it has one"


def test_an_app_that_is_called_like_a_pod_gives_way_to_it() -> None:
    sly = pod(7, "sly", ("db", "web"))
    assert names.entries(WEB, (sly, DB)) == (
        ("172.16.28.3", ("db", "redis.db", "redis")),
        ("172.16.28.7", ("sly", "db.sly", "web.sly")),
    )


def test_names_that_a_pod_has_already_are_nobody_elses() -> None:
    mine = pod(8, "mine", ("app",), hostname="front.example", hosts=("DB", "nginx.web"))
    sly = pod(9, "front", ("mine", "localhost", "x"))
    assert names.entries(mine, (DB, WEB, sly)) == (
        ("172.16.28.3", ("redis.db", "redis")),
        ("172.16.28.9", ("front", "mine.front", "localhost.front", "x.front", "x")),
        ("172.16.28.2", ("web", "cache.web", "nginx", "cache")),
    )
    assert "localhost" not in dict(names.entries(DB, (pod(1, "localhost", ()),))).get(
        "172.16.28.1", ()
    )


def test_pods_of_other_networks_are_not_seen() -> None:
    inner = attached("inner", "10.1.0.2", zone="inner")
    both = pod(10, "both", ("a",), attached("default", "172.16.28.10", zone="default"), inner)
    alone = pod(11, "alone", ("b",), attached("inner", "10.1.0.3", zone="inner"))
    assert names.entries(WEB, (alone,)) == ()
    assert [ip for ip, _ in names.entries(WEB, (both,))] == ["172.16.28.10"]
    assert [ip for ip, _ in names.entries(alone, (both, WEB))] == ["10.1.0.2"]
    assert {ip for ip, _ in names.entries(both, (alone, WEB))} == {"10.1.0.3", "172.16.28.2"}


def test_networks_that_do_not_pass_our_firewall_are_told_apart_by_name() -> None:
    lan, dmz = attached("lan", "192.0.2.5"), attached("dmz", "198.51.100.5")
    one, two = pod(12, "one", (), lan), pod(13, "two", (), attached("lan", "192.0.2.6"))
    assert names.entries(one, (two, pod(14, "three", (), dmz))) == (("192.0.2.6", ("two",)),)
    zone = attached("x", "203.0.113.1", zone="lan")
    assert names.entries(one, (pod(15, "four", (), zone),)) == ()


def _file(run_dir: Path, holding: Holding) -> Path:
    path = run_dir / holding.uuid / "hosts"
    path.parent.mkdir()
    path.write_bytes(hostsfile.own(holding.hostname, (), (), peers=True))
    return path


def test_a_pod_whose_file_is_bad_hurts_no_other(tmp_path: Path) -> None:
    pods = [pod(n, f"p{n}", (), run_dir=str(tmp_path)) for n in range(1, 7)]
    files = [_file(tmp_path, each) for each in pods]
    canary = tmp_path / "canary"
    canary.write_bytes(hostsfile.MARK)
    files[0].unlink()
    files[0].parent.rmdir()
    files[1].unlink()
    files[1].symlink_to(canary)
    files[2].unlink()
    files[2].mkdir()
    files[3].write_text("# of the image\n")
    names.refresh(pods)
    assert canary.read_bytes() == hostsfile.MARK
    assert files[3].read_text() == "# of the image\n"
    for own, other in ((4, 5), (5, 4)):
        text = files[own].read_text()
        assert f"172.16.28.{other + 1} p{other + 1}\n" in text
        assert f"p{own + 1}\n" in text.partition("\n")[0] + "\n"
    names.refresh(pods[4:5])
    os.utime(files[4], (0, 0))
    names.refresh(pods[4:5])
    assert files[4].read_bytes().endswith(hostsfile.MARK)


def test_a_reader_of_the_real_file_sees_whole_lines_only(tmp_path: Path) -> None:
    reader = pod(1, "reader", (), run_dir=str(tmp_path))
    peers = [pod(n, f"p{n}", ("app",) * (n % 3)) for n in range(2, 60)]
    path = _file(tmp_path, reader)
    allowed = {line for line in path.read_bytes().split(b"\n") if not line.startswith(b"#")}
    for some in (peers, peers[::2], peers[::3], peers[1::2]):
        allowed |= set(hostsfile.lines_of(names.entries(reader, some)))
    begun, done = threading.Event(), threading.Event()

    def change() -> None:
        begun.wait()
        for _ in range(60):
            for some in (peers, peers[::2], peers[::3], peers[1::2]):
                names.refresh([reader, *some])
        done.set()

    writer = threading.Thread(target=change)
    writer.start()
    seen: set[bytes] = set()
    begun.set()
    while not done.is_set():
        with path.open("rb", buffering=0) as file:
            text = b"".join(iter(lambda: file.read(hostsedit.BLOCK), b""))
        seen |= {line.partition(b"#")[0].strip() for line in text.split(b"\n")} - {b""}
    writer.join()
    assert seen <= allowed
    assert len(seen) > 40


def test_what_networks_say_is_checked() -> None:
    silent = attached("a", "192.0.2.5")
    assert names.resolv(pod(1, "p", (), silent)) == ""
    evil = Dns(
        ("192.0.2.53", "6.6.6.6 x", "::1%eth0", "2001:db8::53"),
        ("good.example", "bad\nnameserver 6.6.6.6"),
        ("ndots:2", "no such"),
        "example.com\nx",
    )
    later = attached("c", "192.0.2.7", dns=Dns(("192.0.2.54",)))
    assert names.resolv(pod(1, "p", (), silent, attached("b", "192.0.2.6", dns=evil), later)) == (
        "search good.example\nnameserver 192.0.2.53\nnameserver 2001:db8::53\noptions ndots:2\n"
    )
