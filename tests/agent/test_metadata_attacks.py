# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the metadata service keeps from pods, and pods from each other (threats.md T75)."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.metadata_bed import (
    V1,
    Member,
    Service,
    ask,
    connect,
    host_with_image,
    inside,
    raw,
    records,
    start,
)
from tests.conftest import Keys
from tests.support import tiny_image
from tests.support.network_lab import SLEEP, Host, wait_until
from tests.support.paths import CHECKOUT


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Host]:
    with host_with_image(tmp_path_factory.mktemp("metadata"), lab.key) as made:
        yield made


@pytest.fixture(scope="module")
def pods(host: Host) -> tuple[Member, Member]:
    """Two registered pods; every test has another life of the service."""
    with Service(host):
        return start(host, "a"), start(host, "b")


@pytest.fixture
def a(pods: tuple[Member, Member]) -> Member:
    return pods[0]


@pytest.fixture
def b(pods: tuple[Member, Member]) -> Member:
    return pods[1]


@pytest.fixture
def service(host: Host, pods: tuple[Member, Member]) -> Iterator[Service]:
    with Service(host) as running:
        yield running


@pytest.mark.threat("T75")
def test_a_token_works_only_from_the_addresses_of_its_own_pod(
    host: Host, service: Service, a: Member, b: Member
) -> None:
    assert ask(b.pod, f"{b.url}/{V1}/pod/uuid").text == b.uuid
    stolen = ask(a.pod, f"{b.url}/{V1}/pod/uuid")
    assert (stolen.status, b.uuid in stolen.text) == (403, False)
    assert f"pod {a.uuid}: the token is that of pod {b.uuid}" in service.line()
    for path in ("pod/manifest", "pod/hmac/sign", "x"):
        assert ask(a.pod, f"{b.url}/{V1}/{path}", "content=x").status == 403
    # Neither is the host such an address, by none of its own.
    for source in ("", "127.0.0.1", "172.16.28.1"):
        assert ask(host, f"{b.url}/{V1}/pod/uuid", source=source).status == 403
    said = service.stop()
    assert not any(token in line for line in said for token in (a.token, b.token)), said


@pytest.mark.threat("T75")
def test_a_pod_that_is_not_registered_is_nobody(host: Host, service: Service, b: Member) -> None:
    other = host.run("other", SLEEP)
    assert ask(other, f"{b.url}/{V1}/pod/uuid").status == 403
    assert f"refused {other.address()}: no registered pod has this address" in service.line()
    other.stop()


@pytest.mark.threat("T75")
@pytest.mark.usefixtures("service")
def test_neither_a_uuid_nor_half_a_token_is_a_token(a: Member) -> None:
    base = a.url.removesuffix(a.token)
    plain = a.uuid.replace("-", "")
    for guess in (
        a.uuid,
        plain,
        plain * 2,
        a.token[:-1],
        a.token + "0",
        a.token.upper(),
        "",
        "%00",
    ):
        assert ask(a.pod, f"{base}{guess}/{V1}/pod/uuid").status == 403, guess
    assert len(a.token) == 64
    assert int(a.token, 16)
    assert ask(a.pod, f"{base}{a.token}/{V1}/pod/uuid").status == 200


def take_address(thief: Member, victim: Member, link: str = "eth0") -> None:
    """Root of one pod, with every right in its network, takes the address of another."""
    address = victim.pod.address()
    thief.pod.says("ip", "address", "add", f"{address}/32", "dev", link)
    try:
        with pytest.raises(OSError, match="timed out"):
            connect(thief.pod, victim.url, address, seconds=1)
    finally:
        thief.pod.says("ip", "address", "del", f"{address}/32", "dev", link)
    assert ask(victim.pod, f"{victim.url}/{V1}/pod/uuid", source=address).text == victim.uuid


@pytest.mark.threat("T75")
@pytest.mark.usefixtures("service")
def test_a_pod_that_takes_the_address_of_another_is_not_answered(a: Member, b: Member) -> None:
    take_address(a, b)


@pytest.mark.threat("T75")
@pytest.mark.usefixtures("service")
def test_neighbours_on_a_bridge_cannot_pass_for_each_other(host: Host) -> None:
    ipam = {"type": "host-local", "subnet": "10.78.0.0/24"}
    bridge = {"type": "bridge", "bridge": "near0", "isGateway": True, "ipam": ipam}
    host.network({"name": "near", **bridge})
    c, d = start(host, "c", "--net=near"), start(host, "d", "--net=near")
    assert d.url == f"http://10.78.0.1:18112/{d.token}"
    assert ask(c.pod, f"{d.url}/{V1}/pod/uuid").status == 403
    take_address(c, d)
    for member in (c, d):
        member.pod.stop()


@pytest.mark.threat("T75")
def test_a_token_stands_nowhere_but_in_the_environment_of_its_apps(
    host: Host, service: Service, a: Member
) -> None:
    token = a.token.encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("environ", "cmdline"):
            try:
                if token in (process / name).read_bytes():
                    found[process.name, name] = (process / "root").readlink()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    assert {name for _, name in found} == {"environ"}, found
    space = Path(f"{a.pod.netns[: -len('net')]}pid").readlink()
    for number, _ in found:
        assert Path(f"/proc/{number}/ns/pid").readlink() == space
        assert b"podwright-init" not in Path(f"/proc/{number}/comm").read_bytes()
    assert found, "the app has it"
    for command in (
        ["status", a.uuid],
        ["list", "--full", "--format=json"],
        ["cat-manifest", a.uuid],
    ):
        assert a.token not in host.agent.ok(*command)
    for top in (host.agent.data, inside(host, "run/podwright")):
        for directory, _, names in os.walk(top):
            for name in names:
                file = Path(directory) / name
                if file.is_file() and not file.is_symlink():
                    assert token not in file.read_bytes(), file


@pytest.mark.threat("T75")
def test_a_token_dies_with_its_pod(host: Host, service: Service) -> None:
    c = start(host, "c")
    address = c.pod.address()
    assert c.get("pod/uuid").text == c.uuid
    c.pod.kill()
    # Nobody deregistered it, and somebody has its address: the host itself, whose firewall forgot.
    assert c.uuid in records(host)
    host.says("nft", "delete", "table", "inet", "podwright")
    host.says("ip", "address", "add", f"{address}/32", "dev", "lo")
    try:
        assert ask(host, f"{c.url}/{V1}/pod/uuid", source=address).status == 403
        assert f"pod {c.uuid} has ended" in service.line()
    finally:
        host.says("ip", "address", "del", f"{address}/32", "dev", "lo")
    assert c.uuid not in records(host)


@pytest.mark.threat("T75")
def test_gc_removes_the_record_of_a_pod_that_was_killed(host: Host) -> None:
    with Service(host):
        c = start(host, "c")
    c.pod.kill()
    assert c.uuid in records(host)
    host.agent.ok("gc")
    assert c.uuid not in records(host)


@pytest.mark.threat("T75")
@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("content", ["a message", b"\0\xff+%&=\r\n", "grüße", "x" * 20000])
def test_a_signature_tells_who_signed_what(a: Member, b: Member, content: str | bytes) -> None:
    signed = a.post("pod/hmac/sign", content=content)
    assert (signed.status, signed.kind) == (200, "text/plain; charset=us-ascii")
    assert len(base64.b64decode(signed.text, validate=True)) == 64
    form = {"content": content, "uuid": a.uuid, "signature": signed.text}
    assert b.post("pod/hmac/verify", **form).status == 200
    assert b.post("pod/hmac/verify", **{**form, "uuid": b.uuid}).status == 403
    assert b.post("pod/hmac/verify", **{**form, "content": "another"}).status == 403
    assert (
        b.post("pod/hmac/verify", **{**form, "signature": "AAAA" + signed.text[4:]}).status == 403
    )
    assert b.post("pod/hmac/sign", content=content).text != signed.text


@pytest.mark.usefixtures("service")
def test_what_is_no_form_of_these_fields_is_refused(a: Member) -> None:
    assert a.post("pod/hmac/sign").status == 400
    assert a.post("pod/hmac/sign", content="").status == 400
    assert a.post("pod/hmac/sign", content="x", more="y").status == 400
    assert a.post("pod/hmac/verify", content="x", uuid="x", signature="x").status == 400
    assert a.post("pod/hmac/verify", content="x", uuid=a.uuid).status == 400
    part = f"POST /{a.token}/{V1}/pod/hmac/sign HTTP/1.1\r\nContent-Type: multipart/form-data\r\n"
    assert b" 415 " in raw(a.pod, a.url, f"{part}Content-Length: 1\r\n\r\nx".encode())


HOSTILE = {
    "garbage": (b"\0\xff\xfe" * 100 + b"\r\n\r\n", 400),
    "no path": (b"GET http://172.16.28.1/x HTTP/1.1\r\n\r\n", 400),
    "headers without an end": (b"GET / HTTP/1.1\r\nX: " + b"y" * 20000, 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n", 431),
    "cut off": (b"GET / HTTP/1.1\r\nX", 400),
    "a name of spaces": (b"GET / HTTP/1.1\r\n : y\r\n\r\n", 400),
    "too much content": (b"POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", 413),
    "absurd content": (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
    "negative content": (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
    "no content": (b"POST / HTTP/1.1\r\n\r\n", 411),
    "less content": (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx", 400),
    "chunks": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    "two lengths": (b"POST / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\nxy", 400),
    "a way up": (b"GET /../../../etc/passwd HTTP/1.1\r\n\r\n", 403),
    "an encoded way up": (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n\r\n", 403),
    "no token": (b"GET / HTTP/1.1\r\n\r\n", 403),
    "lone surrogates": (b"GET /%ed%a0%80 HTTP/1.1\r\n\r\n", 403),
}


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_request_ends_with_its_own_connection(a: Member, b: Member, kind: str) -> None:
    data, status = HOSTILE[kind]
    answer = raw(a.pod, a.url, data)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert b.get("pod/uuid").text == b.uuid


@pytest.mark.usefixtures("service")
def test_no_path_of_the_host_is_reached_below_a_token(a: Member) -> None:
    for way in (
        "../../../etc/passwd",
        "%2e%2e/%2e%2e/key",
        "pod/manifest/../uuid",
        f"apps/../{a.uuid}",
    ):
        line = f"GET /{a.token}/{V1}/{way} HTTP/1.1\r\n\r\n"
        assert raw(a.pod, a.url, line.encode()).startswith(b"HTTP/1.1 404 ")


def patience(seconds: float) -> list[str]:
    """What has the service give connections another time than ten seconds."""
    code = f"""
import sys
sys.path.insert(0, {str(CHECKOUT / "agent")!r})
from podwright.main import main
from podwright.metadata import server
server.SECONDS = {seconds}
sys.exit(main(sys.argv[4:]))
"""
    return ["/usr/bin/python3", "-IS", "-c", code]


@pytest.fixture
def patient(host: Host, pods: tuple[Member, Member]) -> Iterator[Service]:
    """A service that hangs up on nobody while a test runs, however slow the machine is."""
    with Service(host, wrap=patience(600)) as running:
        yield running


def test_one_pod_cannot_take_the_service_from_another(
    patient: Service, a: Member, b: Member
) -> None:
    held = [connect(a.pod, a.url) for _ in range(8)]
    try:
        for each in held:
            each.sendall(b"GET /slowly")
        # The ninth, and as many more as it likes, end at once. The eight are still being read.
        for _ in range(20):
            with connect(a.pod, a.url) as more:
                assert not ended(more)
            assert b.get("pod/uuid").text == b.uuid
        assert f"pod {a.uuid}: more than 8 connections at once" in patient.line()
        for each in held:
            each.sendall(b".")
    finally:
        for each in held:
            each.close()
    wait_until(lambda: answered(a), "the pod is never answered again")


def ended(connection: socket.socket) -> bytes:
    """What comes until the end of a connection; a reset is an end."""
    try:
        return connection.recv(1)
    except ConnectionResetError:
        return b""


def answered(member: Member) -> bool:
    """Whether the service talks to the pod."""
    try:
        return member.get("pod/uuid").status == 200
    except OSError:
        return False


def test_who_says_nothing_is_hung_up_on(host: Host, a: Member) -> None:
    with Service(host, wrap=patience(0.5)) as service:
        with connect(a.pod, a.url) as silent, connect(a.pod, a.url) as slow:
            slow.sendall(b"GET /")
            assert (ended(silent), ended(slow)) == (b"", b"")
        assert "not done after 0.5 s" in service.line()
        assert a.get("pod/uuid").text == a.uuid


@pytest.mark.usefixtures("patient")
def test_strangers_share_a_few_connections(host: Host, b: Member) -> None:
    held = [connect(host, b.url) for _ in range(16)]
    try:
        with connect(host, b.url) as more:
            assert ended(more) == b""
        assert b.get("pod/uuid").text == b.uuid
    finally:
        for each in held:
            each.close()


@pytest.mark.threat("T75")
def test_the_port_cannot_be_published_while_the_service_is_down_and_pods_know_it(
    host: Host, pods: tuple[Member, Member]
) -> None:
    """Their requests, with their tokens, went to the pod that had published it."""
    with Service(host, "--listen-port=18113"):
        pass
    for port in ("18112", "18113"):
        result = host.agent("run", f"--port=web:{port}", tiny_image.NAME, "--exec=/bin/true")
        assert result.exit == 254
        assert "already in use by the metadata service, of which pod " in result.stderr
    with Service(host):
        assert pods[0].get("pod/uuid").text == pods[0].uuid


@pytest.mark.threat("T75")
def test_a_pod_that_has_published_the_port_does_not_get_the_tokens_of_others(
    host: Host, pods: tuple[Member, Member]
) -> None:
    thief = host.run("thief", SLEEP, "--port=web:18114")
    with Service(host, "--listen-port=18114"):
        result = host.agent("run", "--mds-register", tiny_image.NAME)
        assert (result.exit, "leads to pod" in result.stderr) == (254, True), result
        thief.stop()
    with Service(host):
        assert pods[0].get("pod/uuid").text == pods[0].uuid


def test_only_root_registers_pods(host: Host, service: Service, a: Member) -> None:
    made = inside(host, "run/podwright/metadata-svc.sock")
    mode = made.stat()
    assert (mode.st_mode & 0o7777, mode.st_uid, mode.st_gid) == (0o660, 0, 0)
    ask_as = ["setpriv", "--reuid=65534", "--regid=0", "--clear-groups", "curl", "-sS"]
    target = ["--unix-socket", "/run/podwright/metadata-svc.sock", "-X", "DELETE"]
    command = [*ask_as, *target, f"http://localhost/pods/{a.uuid}"]
    assert host.base.run(command).exit != 0
    assert "refused user 65534: only root registers pods" in service.line()
    assert a.get("pod/uuid").status == 200
