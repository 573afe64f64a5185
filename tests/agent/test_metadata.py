# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metadata service with real pods on a host of namespaces (threats.md T75, behaviour.md B13)."""

from __future__ import annotations

import json
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
    desired,
    host_with_image,
    inside,
    records,
    start,
)
from tests.conftest import Keys
from tests.support import tiny_image
from tests.support.network_lab import PATIENCE, SLEEP, Host, Pod


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


def test_on_demand_it_lives_as_long_as_registered_pods(
    tmp_path_factory: pytest.TempPathFactory, lab: Keys
) -> None:
    with host_with_image(tmp_path_factory.mktemp("demand"), lab.key) as other:
        path = "/run/podwright/metadata-svc.sock"
        other.says("mkdir", "-m", "755", "/run/podwright")
        command = ["systemd-socket-activate", f"--listen={path}", *other.agent.command]
        process = other.base.popen([*command, "metadata-service", "--idle=1s"])
        assert process.stderr is not None
        assert "Listening on" in process.stderr.readline()
        member = start(other, "d")  # begins the service
        assert "metadata=registered" in other.agent.ok("status", member.uuid).splitlines()
        assert member.get("pod/uuid").text == member.uuid
        assert process.poll() is None
        member.pod.stop()
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert other.says("ls", f"/{RECORDS}").split() == []
