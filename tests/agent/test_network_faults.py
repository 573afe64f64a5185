# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks that fail, and those that are killed: one clear sentence, and nothing left (threats.md T85, T91)."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.network_bed import HOST, OUTSIDE, Bed, ask, serving
from tests.support import thorough
from tests.support.namespaces import in_network_of
from tests.support.patience import until

STEPS = 60
"""More than a set-up has; the loop over steps ends where it succeeds."""


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    """A fresh host, an outside and an other neighbour."""
    with Bed(tmp_path) as made:
        yield made


@pytest.mark.parametrize("launcher", ["lives", "is killed too"])
def test_killed_at_any_step_the_worker_leaves_nothing(bed: Bed, launcher: str) -> None:
    before = bed.ledger()
    for number in thorough.steps(STEPS, 3):
        pod = bed.launch(
            "web",
            ["8080:80", f"{HOST}:8081:81"],
            env={"PODWRIGHT_FAULT": f"kill@{number}"},
            die_on_error=launcher != "lives",
        )
        if pod.up:
            break
        if launcher == "lives":
            assert "killed by signal 9" in pod.error
            pod.close()  # while its launcher lives, its lease does
            if "run gc" in pod.error:  # what takes back was killed at that step too
                bed.reclaim()
        else:
            assert pod.close()[0] == -9
            bed.reclaim()
        assert bed.settled(before) == before, f"killed at step {number}"
    assert number > 15, "the steps were counted"
    assert pod.up
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE


HARMLESS = 2
"""Steps in a row that may fail without harm: on a full disk nobody is told who holds a lock."""


@pytest.mark.parametrize("error", ["ENOSPC", "EROFS"])
def test_an_error_at_any_step_is_one_sentence_and_leaves_nothing(bed: Bed, error: str) -> None:
    before = bed.ledger()
    fine = 0
    for number in thorough.steps(STEPS, 3):
        pod = bed.launch("web", ["8080:80"], env={"PODWRIGHT_FAULT": f"{error}@{number}"})
        fine = fine + 1 if pod.up else 0
        if fine > HARMLESS:
            break
        if not pod.up:
            assert os.strerror(getattr(__import__("errno"), error)) in pod.error
            assert "\n" not in pod.error
        pod.close()  # while its launcher lives, its lease does
        bed.reclaim()
        assert bed.settled(before) == before, f"{error} at step {number}"
    assert number > 15, "the steps were counted"


def test_killed_at_any_step_of_the_teardown_gc_finishes_it(bed: Bed) -> None:
    before = bed.ledger()
    code = "from podwright.net.gc import reclaim; reclaim(NET)"
    for number in range(1, STEPS):
        pod = bed.pod("web", "8080:80")
        pod.kill()
        pod.process.wait()
        fault = f"import os; os.environ['PODWRIGHT_FAULT'] = 'kill@{number}'\n"
        killed = bed.host.status(*bed.agent_command(fault + code)) == -9
        bed.reclaim()
        assert bed.settled(before) == before, f"killed at step {number}"
        if not killed:
            break
    assert number > 3, "the steps were counted"


def gets(lock: int) -> bool:
    """Whether a file can be locked, which it is then."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def test_the_worker_dies_with_the_launcher_and_holds_no_lock_of_it(bed: Bed) -> None:
    before = bed.ledger()
    pod = bed.launch("web", ["8080:80"], hold_before_start=True)
    assert pod.read() == {"waiting": True}
    pod.kill()
    pod.process.wait()
    lock = os.open(bed.run_dir / pod.uuid, os.O_RDONLY)
    # A worker that was only just forked has all that the launcher had, until it has its first turn.
    until(lambda: gets(lock), "the lock is free")
    os.close(lock)
    bed.settled({**before, "leases": f"['{pod.uuid}']"}, 1)
    bed.reclaim()
    assert bed.settled(before) == before


def test_the_next_pod_takes_back_what_dead_pods_left(bed: Bed) -> None:
    dead = bed.pod("web", "8080:80")
    link = dead.link
    dead.kill()
    dead.process.wait()
    pod = bed.pod("web", "8080:80")
    ledger = bed.ledger()
    assert ledger["leases"] == f"['{pod.uuid}']"
    assert link not in ledger["nft"]
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE


def test_a_living_pod_is_not_reclaimed(bed: Bed) -> None:
    pod = bed.pod("web", "8080:80")
    before = bed.ledger()
    assert bed.reclaim() == []
    assert bed.ledger() == before
    pod.kill()
    pod.process.wait()
    assert bed.reclaim() == ["172.16.28.2 fd70:6f64:7772:1c::2 of pod web"]


def test_a_link_whose_lease_is_lost_is_reclaimed(bed: Bed) -> None:
    before = bed.ledger()
    pod = bed.pod("web")
    (bed.net / "pods" / pod.uuid).write_bytes(b"")
    assert bed.reclaim() == [f"link {pod.link}"]
    assert bed.ledger() == before


def test_after_a_reboot_no_lease_is_alive(tmp_path: Path) -> None:
    """T91: the lock files and leases are there, the boot is another; even a locked pod directory means nothing."""
    boot = tmp_path / "boot_id"
    boot.write_text("11111111-1111-4111-8111-111111111111\n")
    with Bed(tmp_path, "--mount") as bed:
        before = bed.ledger()
        pod = bed.pod("web", "8080:80")
        bed.host.run("mount", "--bind", str(boot), "/proc/sys/kernel/random/boot_id")
        assert bed.reclaim() == ["172.16.28.2 fd70:6f64:7772:1c::2 of pod web"]
        assert bed.settled({**before, "forwarding": "1\n"}) == {**before, "forwarding": "1\n"}
        assert pod.up


def test_a_port_of_another_pod_is_refused_before_anything_starts(bed: Bed) -> None:
    bed.pod("web", "8080:80")
    before = bed.ledger()
    for wanted in ("8080:80", f"{HOST}:8080:80"):
        pod = bed.launch("shop", [wanted])
        assert "already in use by pod web" in pod.error
        assert pod.answer["reason"] == "port-taken"
    assert bed.launch("shop", ["8080:80/udp"]).up, "the other protocol is free"
    bed.pods[-1].down()
    assert bed.settled(before) == before


def test_ports_on_different_addresses_do_not_conflict(bed: Bed) -> None:
    one = bed.pod("one", f"{HOST}:8080:80")
    two = bed.pod("two", "127.0.0.1:8080:80")
    assert one.ip != two.ip
    assert "in use by pod two" in bed.launch("three", ["127.0.0.1:8080:80"]).error


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_port_of_a_process_on_the_host_is_refused(bed: Bed, kind: str) -> None:
    def listen() -> socket.socket:
        server = socket.socket(
            socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
        )
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 8080))
        if kind == "tcp":
            server.listen()
        return server

    before = bed.ledger()
    with in_network_of(bed.host.pid, listen):
        pod = bed.launch("web", [f"8080:80/{kind}"])
        assert pod.error.startswith(
            f"{kind} port 8080: is already in use by a process on the host; choose another"
        )
    assert bed.settled(before) == before
    assert bed.launch("web", [f"8080:80/{kind}"]).up


def test_a_closed_connection_of_the_host_is_not_in_the_way(bed: Bed) -> None:
    """A server that was just stopped leaves TIME_WAIT on its port."""
    server = in_network_of(bed.host.pid, lambda: socket.create_server((HOST, 8080)))
    client = in_network_of(bed.outside.pid, lambda: socket.create_connection((HOST, 8080)))
    connection, _ = server.accept()
    connection.close()
    client.recv(1)
    client.close()
    server.close()
    assert "TIME-WAIT" in bed.host.run("ss", "-tan")
    assert bed.launch("web", ["8080:80"]).up


def test_an_address_that_the_host_has_not_is_refused(bed: Bed) -> None:
    pod = bed.launch("web", ["203.0.113.9:8080:80"])
    assert pod.error.startswith(
        "tcp port 203.0.113.9:8080: 203.0.113.9 is not an address of this host"
    )


def test_check_ports_answers_without_touching_anything(bed: Bed) -> None:
    bed.pod("web", "8080:80")
    before = bed.ledger()
    code = """if True:
        import json
        from podwright.errors import NetworkError
        from podwright.net.check import check_ports
        from podwright.net.values import NetRequest, PortMap
        for name, port, run in (
            ("shop", 8080, RUN), ("web", 8080, RUN), ("shop", 8081, RUN), ("web", 8080, "/srv")
        ):
            try:
                check_ports(NetRequest("x", name, "default", (PortMap("tcp", "", port, 80),), NET, run))
                print("free")
            except NetworkError as err:
                print(err.message)
    """
    assert bed.agent(code).splitlines() == [
        "tcp port 8080: is already in use by pod web",
        "free",
        "free",
        f"tcp port 8080: is already in use by pod web in {bed.run_dir}",
    ]
    assert bed.ledger() == before


@pytest.mark.parametrize("what", ["link", "parent is a link", "foreign", "writable", "file"])
def test_a_lease_directory_that_others_could_write_is_refused(bed: Bed, what: str) -> None:
    before = bed.ledger()
    elsewhere = bed.run_dir / "elsewhere"
    elsewhere.mkdir()
    if what == "link":
        bed.net.symlink_to(elsewhere)
    elif what == "file":
        bed.net.touch()
    elif what == "parent is a link":
        bed.run_dir.joinpath("link").symlink_to(elsewhere)
        bed.net = bed.run_dir / "link" / "net"
    else:
        bed.net.mkdir(0o700)
        if what == "foreign":
            os.chown(bed.net, 1000, 0)
        else:
            bed.net.chmod(0o770)
    pod = bed.launch("web")
    path = bed.net.parent if what == "parent is a link" else bed.net
    assert pod.error == (
        f"{path}: is not a directory that only its owner 0 can write to;"
        " find out who made it, and remove it"
    )
    assert list(elsewhere.iterdir()) == []
    if what != "file":
        assert bed.settled(before) == before


def test_gc_removes_the_lease_directory_when_no_pod_is_left(bed: Bed) -> None:
    first, second = bed.pod("first"), bed.pod("second")
    assert bed.net.stat().st_mode & 0o7777 == 0o700
    first.down()
    assert bed.reclaim() == []
    assert os.listdir(bed.net / "pods") == [second.uuid]
    second.down()
    assert bed.reclaim() == []
    assert not bed.net.exists()
    assert bed.pod("third").up


def test_a_new_link_is_not_running_before_its_peer_is_up(bed: Bed) -> None:
    """Its first packets were lost when the kernel was slow to take note of the carrier."""
    code = """if True:
        import os
        from podwright.kernel.rtnl import Rtnl, delete_link, if_nametoindex, is_running
        from podwright.net.messages import Messages
        from podwright.net.plan import Veth
        make, rtnl = Messages(), Rtnl()
        here = os.open("/proc/self/ns/net", os.O_RDONLY)
        early = 0
        for turn in range(50):
            rtnl.call("veth", make.veth(Veth("podwtest", "peer"), here))
            rtnl.call("up", make.up(if_nametoindex("podwtest")))
            early += is_running("podwtest")
            rtnl.call("up", make.up(if_nametoindex("peer")))
            while not is_running("podwtest"):
                pass
            delete_link("podwtest")
        print(early)
    """
    assert bed.agent(code) == "0\n"


def test_the_hosts_own_namespace_is_never_configured(bed: Bed) -> None:
    before = bed.ledger()
    pod = bed.launch("web", no_namespace=True)
    assert "shares the host's network namespace" in pod.error
    assert bed.settled(before) == before


def test_an_unknown_network_is_refused(bed: Bed) -> None:
    assert bed.launch("web", net="backend").error.startswith("network backend: does not exist")


@pytest.mark.parametrize(
    ("hidden", "package"),
    [
        ("/usr/lib/x86_64-linux-gnu/libnftables.so.1", "libnftables1"),
        ("/usr/lib/python3/dist-packages/pyroute2", "python3-pyroute2"),
    ],
)
def test_a_missing_library_is_named_with_its_package(
    tmp_path: Path, hidden: str, package: str
) -> None:
    path = Path(hidden)
    if not path.exists():
        path = next(Path("/usr/lib").glob(f"*/{path.name}"))
    with Bed(tmp_path, "--mount") as bed:
        before = bed.ledger()
        empty = tmp_path / "empty"
        if path.is_dir():
            empty.mkdir()
        else:
            empty.touch()
        bed.host.run("mount", "--bind", str(empty), str(path.resolve()))
        pod = bed.launch("web")
        assert f"package {package}" in pod.error
        if path.is_dir():
            assert bed.settled(before) == before


def test_a_full_pool_is_refused(bed: Bed) -> None:
    first = bed.pod("first")
    file = bed.net / "pods" / first.uuid
    lease = json.loads(file.read_text())
    four = lease["attachments"][0]["addresses"][0]
    lease["attachments"][0]["addresses"] = [
        {**four, "ip": f"172.16.28.{number}"} for number in range(2, 255)
    ]
    file.write_text(json.dumps(lease))
    pod = bed.launch("web")
    assert pod.error == (
        "network default: all 253 addresses of 172.16.28.0/24 are in use by 1 pod;"
        " stop a pod first, or make the range larger"
    )
    lease["attachments"][0]["addresses"].pop()
    file.write_text(json.dumps(lease))
    assert bed.pod("web").ip == "172.16.28.254"


def test_damaged_leases_count_as_free(bed: Bed) -> None:
    folder = bed.net / "pods"
    folder.mkdir(parents=True)
    for text in ("", "{", "[]", '{"uuid": "../../x"}', "\x00" * 100):
        (folder / str(uuid.uuid4())).write_text(text)
    (folder / f"{uuid.uuid4()}.4711.new").write_text("left by a killed writer")
    pod = bed.pod("web")
    assert bed.ledger()["leases"] == f"['{pod.uuid}']"


def test_getting_ready_before_the_request_is_known(bed: Bed) -> None:
    pod = bed.launch("web", ["8080:80"], early=True)
    assert pod.up
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE


def test_seven_processes_take_many_addresses_each_and_none_twice_while_gc_runs(
    bed: Bed, tmp_path: Path
) -> None:
    claims = tmp_path / "claims"
    claims.mkdir()
    code = f"""if True:
        import os, random, sys, uuid
        from podwright.kernel.nft import Nft
        from podwright.net import allocate, gc, ledger
        from podwright.net.values import NetRequest
        def claim(lease):
            for of in (4, 6):
                os.close(os.open({str(claims)!r} + "/" + lease.target(of), os.O_CREAT | os.O_EXCL))
        def unclaim(lease):
            for of in (4, 6):
                os.unlink({str(claims)!r} + "/" + lease.target(of))
        children = []
        for child in range(8):
            pid = os.fork()
            if pid:
                children.append(pid)
                continue
            status = 1
            try:
                nft = Nft()
                held = []
                for turn in range(120 if child == 0 else 0):
                    gc.reclaim(NET)  # removes the directory whenever nobody has an address
                for turn in range(35 if child else 0):
                    request = NetRequest(str(uuid.uuid4()), "", "default", (), NET, RUN)
                    taken = allocate.allocate(request, nft)
                    lease, hold = taken.holding, taken.held
                    claim(lease)
                    held.append((lease, hold))
                    if len(held) > random.randrange(1, 20):
                        lease, hold = held.pop(0)
                        unclaim(lease)
                        with ledger.lock(NET, "test"):
                            os.close(hold)
                            gc.give_back(NET, (lease,), nft)
                for lease, hold in held:
                    unclaim(lease)
                status = 0
            finally:
                os._exit(status)
        print([os.waitpid(pid, 0)[1] for pid in children])
    """
    assert bed.agent(code).strip() == str([0] * 8)
