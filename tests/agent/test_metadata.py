# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metadata service with real pods on a host of namespaces (threats.md T75, behaviour.md B13)."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.metadata_bed import (
    ANNOTATIONS,
    RECORDS,
    V1,
    Member,
    Service,
    ask,
    connect,
    desired,
    host_with_image,
    raw,
    start,
)
from tests.conftest import Keys
from tests.support import tiny_image
from tests.support.network_lab import PATIENCE, SLEEP, Host, Pod, wait_until
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


def inside(host: Host, path: str) -> Path:
    """A path of the host as this process sees it."""
    return Path(f"/proc/{host.base.pid}/root/{path}")


def records(host: Host) -> list[str]:
    """The pods that there are records of."""
    return sorted(os.listdir(inside(host, RECORDS)))


def test_an_app_asks_who_it_is(host: Host, service: Service) -> None:
    c = start(host, "c", script="wget -qO- $AC_METADATA_URL/acMetadata/v1/pod/uuid; echo;")
    assert c.pod.process.stdout is not None
    assert c.pod.process.stdout.readline().strip() == c.uuid
    said = host.agent.ok("enter", c.uuid, "/bin/sh", "-c", "echo $AC_METADATA_URL")
    assert said.strip() == c.url == f"http://172.16.28.1:18112/{c.token}"
    c.pod.stop()
    assert records(host) == sorted(one for one in records(host) if one != c.uuid)


@pytest.mark.usefixtures("service")
def test_the_whole_table_is_answered(host: Host, a: Member) -> None:
    manifest = json.loads(host.agent.ok("cat-manifest", a.uuid))
    (app,) = manifest["apps"]
    image = f"apps/{app['name']}"
    assert (a.get("pod/uuid").text, a.get("pod/uuid").kind) == (
        a.uuid,
        "text/plain; charset=us-ascii",
    )
    assert a.get("pod/manifest").json == manifest
    assert a.get("pod/annotations").json == manifest["annotations"]
    assert a.get("pod/annotations/").json == manifest["annotations"]
    first = manifest["annotations"][0]
    assert a.get(f"pod/annotations/{first['name']}").text == first["value"]
    assert a.get(f"{image}/image/id").text == app["image"]["id"]
    assert a.get(f"{image}/image/manifest").json["name"] == tiny_image.NAME
    assert a.get(f"{image}/image/manifest").kind == "application/json"
    assert a.get(f"{image}/annotations").json == ANNOTATIONS
    assert a.get(f"{image}/annotations/authors").text == "us"
    for wrong in ("", "pod", "pod/x", "pod/annotations/x", "apps/x/image/id", f"{image}/x", "x"):
        assert a.get(wrong).status == 404, wrong
    assert a.get("pod/hmac/sign").status == 405
    assert a.post("pod/uuid").status == 405


def test_annotations_of_the_pod_are_laid_over_those_of_the_image(
    host: Host, service: Service, tmp_path: Path
) -> None:
    image = json.loads(host.agent.ok("image", "cat-manifest", tiny_image.NAME))
    (listed,) = json.loads(host.agent.ok("image", "list", "--format=json"))
    over = [{"name": "authors", "value": "them"}, {"name": "example.com/more", "value": "pod"}]
    script = f"echo up; echo $AC_METADATA_URL; {SLEEP}"
    app = {**image["app"], "exec": ["/bin/sh", "-c", script]}
    manifest = {
        "acVersion": "0.8.11",
        "acKind": "PodManifest",
        "apps": [
            {"name": "x", "image": {"id": listed["id"]}, "app": app, "annotations": over},
        ],
        "annotations": [{"name": "example.com/pod", "value": "grüße"}],
    }
    (tmp_path / "pod.json").write_text(json.dumps(manifest))
    options = [f"--uuid-file-save={tmp_path}/uuid", f"--pod-manifest={tmp_path}/pod.json"]
    command = [*host.agent.command, "run", "--mds-register", *options]
    c = Member(Pod(host, "x", command, tmp_path / "uuid"))
    host.pods.append(c.pod)
    assert c.get("apps/x/annotations").json == [
        {"name": "authors", "value": "them"},
        {"name": "example.com/of", "value": "image"},
        {"name": "example.com/more", "value": "pod"},
    ]
    assert c.get("apps/x/annotations/authors").text == "them"
    assert c.get("pod/annotations/example.com%2fpod").text == "grüße"
    c.pod.stop()


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
    # Nobody deregistered it, and somebody has its address: the host itself.
    assert c.uuid in records(host)
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


def test_registrations_and_signatures_outlive_the_service(host: Host, a: Member, b: Member) -> None:
    with Service(host) as first:
        signature = a.post("pod/hmac/sign", content="x").text
        first.kill()
    with pytest.raises(ConnectionRefusedError):
        a.get("pod/uuid")
    with Service(host):
        assert a.get("pod/uuid").text == a.uuid
        verified = b.post("pod/hmac/verify", content="x", uuid=a.uuid, signature=signature)
        assert verified.status == 200
    for path in ("run/podwright/metadata/key", f"{RECORDS}/{a.uuid}"):
        assert inside(host, path).stat().st_mode & 0o7777 == 0o600
    assert inside(host, "run/podwright/metadata").stat().st_mode & 0o7777 == 0o700


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


ACTIVATE = """
import os, socket, sys
unix = socket.socket(socket.AF_UNIX)
unix.bind("/run/podwright/metadata-svc.sock")
unix.listen()
tcp = socket.create_server(("0.0.0.0", 18113))
os.dup2(unix.fileno(), 13)
os.dup2(tcp.fileno(), 14)
os.dup2(13, 3)
os.dup2(14, 4)
os.environ.update(LISTEN_FDS="2", LISTEN_PID=str(os.getpid()), NOTIFY_SOCKET="/run/notify")
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_sockets_of_systemd_are_taken_over(host: Host, pods: tuple[Member, Member]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(inside(host, "run/notify")))
        systemd.settimeout(PATIENCE)
        with Service(host, wrap=["/usr/bin/python3", "-IS", "-c", ACTIVATE]) as service:
            assert systemd.recv(100) == b"READY=1"
            assert "0.0.0.0 port 18113;" in service.said[0]
            c = start(host, "c")
            assert c.url.startswith("http://172.16.28.1:18113/")
            assert c.get("pod/uuid").text == c.uuid
            c.pod.stop()
        assert systemd.recv(100) == b"STOPPING=1"
    made = inside(host, "run/podwright/metadata-svc.sock")
    assert made.exists(), "it is systemd's"
    with Service(host):
        assert made.stat().st_mode & 0o7777 == 0o660
    assert not made.exists()


def test_it_runs_once_on_a_host(host: Host, service: Service) -> None:
    said = host.agent.refused("metadata-service", "--listen-port=18200")
    assert said == "podwright: the metadata service runs already"
    for option, text in {
        "--listen-port=0": "is not a port number",
        "--listen-port=65536": "is not a port number",
        "--listen-address=localhost": "is not an IP address",
    }.items():
        assert text in host.agent.refused("metadata-service", option)


def test_a_port_that_is_taken_is_told(host: Host, pods: tuple[Member, Member]) -> None:
    with host.socket(lambda: socket.create_server(("0.0.0.0", 18300))):
        said = host.agent.refused("metadata-service", "--listen-port=18300")
    assert "cannot listen on 0.0.0.0 port 18300: Address already in use" in said


def test_without_the_service_a_pod_is_refused_before_anything_is_made(host: Host) -> None:
    before = host.agent.ok("list", "--full")
    said = host.agent.refused("run", "--mds-register", tiny_image.NAME)
    assert "the metadata service does not run on this host; start it" in said
    answer = host.agent("apply", "--check", stdin=json.dumps(desired("named")))
    assert "the metadata service does not run" in answer.stdout
    assert host.agent.ok("list", "--full") == before


@pytest.mark.parametrize("net", ["none", "host"])
def test_a_pod_without_an_address_of_its_own_is_refused(host: Host, net: str) -> None:
    said = host.agent.refused("run", "--mds-register", f"--net={net}", tiny_image.NAME)
    assert f"--mds-register: a pod with net {net} cannot use the metadata service" in said
    answer = host.agent("apply", stdin=json.dumps(desired("named", net=net)))
    assert f"pods[0].metadata: a pod with net {net} cannot" in answer.stdout + answer.stderr
    uuid = host.agent.ok("prepare", "--quiet", tiny_image.NAME).strip()
    said = host.agent.refused("run-prepared", "--mds-register", f"--net={net}", uuid)
    assert f"--mds-register: a pod with net {net} cannot" in said
    host.agent.ok("rm", uuid)


@pytest.mark.usefixtures("service")
def test_a_network_that_does_not_lead_to_the_host_is_refused(host: Host) -> None:
    ipam = {"type": "host-local", "subnet": "10.77.0.0/24"}
    host.network({"name": "apart", "type": "bridge", "bridge": "apart0", "ipam": ipam})
    result = host.agent("run", "--mds-register", "--net=apart", tiny_image.NAME)
    assert result.exit == 254, result
    assert "none of its networks leads to this host" in result.stderr


def test_a_service_that_listens_elsewhere_is_told(host: Host, pods: tuple[Member, Member]) -> None:
    with Service(host, "--listen-address=127.0.0.1"):
        result = host.agent("run", "--mds-register", tiny_image.NAME)
    assert result.exit == 254, result
    assert "the service does not listen on 172.16.28.1" in result.stderr
    with Service(host, "--listen-address=172.16.28.1"):
        assert pods[0].get("pod/uuid").status == 200


@pytest.mark.threat("T75")
def test_a_pod_that_has_published_the_port_does_not_get_the_tokens_of_others(
    host: Host, pods: tuple[Member, Member]
) -> None:
    thief = host.run("thief", SLEEP, "--port=web:18112")
    with Service(host):
        result = host.agent("run", "--mds-register", tiny_image.NAME)
        assert (result.exit, "leads to pod" in result.stderr) == (254, True), result
        thief.stop()
        assert pods[0].get("pod/uuid").text == pods[0].uuid


@pytest.mark.usefixtures("service")
def test_a_network_of_ipv6_alone(host: Host) -> None:
    ipam = {"type": "host-local", "ranges": [[{"subnet": "fd00:77::/64"}]]}
    host.network({"name": "six", "type": "ptp", "ipMasq": True, "ipam": ipam})
    c = start(host, "c", "--net=six")
    assert c.url.startswith("http://[fd00:77::1]:18112/")
    assert c.get("pod/uuid").text == c.uuid
    c.pod.stop()


@pytest.mark.usefixtures("service")
def test_a_pod_is_known_by_all_of_its_addresses(host: Host, a: Member, b: Member) -> None:
    six = a.pod.address(6)
    url = a.url.replace("172.16.28.1", "[fd70:6f64:7772:1c::1]")
    assert ask(a.pod, f"{url}/{V1}/pod/uuid", source=six).text == a.uuid
    assert ask(b.pod, f"{url}/{V1}/pod/uuid").status == 403


@pytest.mark.usefixtures("service")
def test_a_prepared_pod_and_a_named_one_are_registered_too(host: Host, tmp_path: Path) -> None:
    host.agent.ok("apply", stdin=json.dumps(desired("named")))
    again = json.loads(host.agent.ok("apply", stdin=json.dumps(desired("named"))))
    assert not again["changed"], again
    named = json.loads(host.agent.ok("status", "--format=json", "named"))
    assert named["name"] in records(host)
    said = host.agent.ok("enter", "named", "/bin/sh", "-c", "echo $AC_METADATA_URL")
    assert said.startswith("http://172.16.28.1:18112/")
    host.agent.apply({"pods": [{"name": "named", "state": "absent"}]})
    assert named["name"] not in records(host)
    app = ["--exec=/bin/sh", "--", "-c", "echo $AC_METADATA_URL"]
    uuid = host.agent.ok("prepare", "--quiet", tiny_image.NAME, *app).strip()
    assert "http://172.16.28.1" in host.agent.ok("run-prepared", "--mds-register", uuid)


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


def test_registration_over_the_socket(host: Host, service: Service) -> None:
    """What other programs than ours do, as behaviour.md B13 has it."""
    pod = host.run("late", SLEEP)
    manifest = host.agent.ok("cat-manifest", pod.uuid)
    image = host.agent.ok("image", "cat-manifest", tiny_image.NAME)
    base, token = f"http://localhost/pods/{pod.uuid}", "5e" * 32

    def put(url: str, body: str) -> tuple[str, str]:
        command = ["curl", "-sS", "--unix-socket", "/run/podwright/metadata-svc.sock"]
        command += ["-X", "PUT", "--data-binary", "@-", "-w", "\n%{http_code}", url]
        text, _, status = host.base.run(command, stdin=body).check().stdout.rpartition("\n")
        return status, text

    assert put(f"{base}?token=5e5e", manifest)[0] == "400"
    assert put(f"{base}?token={token}", "{}")[0] == "400"
    assert (
        put(f"http://localhost/pods/{'0' * 8}-0000-4000-8000-{'0' * 12}?token={token}", manifest)[0]
        == "409"
    )
    status, text = put(f"{base}?token={token}", manifest)
    assert (status, json.loads(text)) == ("201", {"url": "http://172.16.28.1:18112"})
    assert put(f"{base}/nobody", image)[0] == "404"
    assert put(f"{base}/tiny", "[]")[0] == "400"
    assert put(f"{base}/tiny", image)[0] == "201"
    url = f"http://172.16.28.1:18112/{token}/{V1}"
    assert ask(pod, f"{url}/apps/tiny/annotations/authors").text == "us"
    gone = ["curl", "-sS", "--unix-socket", "/run/podwright/metadata-svc.sock", "-X", "DELETE"]
    host.base.run([*gone, f"{base}?token={'00' * 32}"])
    assert ask(pod, f"{url}/pod/uuid").status == 200
    host.base.run([*gone, f"{base}?token={token}"]).check()
    assert ask(pod, f"{url}/pod/uuid").status == 403
    pod.stop()
