# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API service, asked by clients that were generated from its declaration (behaviour.md B14)."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.metadata_bed import host_with_image
from tests.conftest import Keys
from tests.hostile.snapshot import snapshot
from tests.support import tiny_image
from tests.support.network_lab import PATIENCE, SLEEP, Host, Pod
from tests.support.paths import CHECKOUT

API = CHECKOUT / "agent/podwright/api"
TCP = "127.0.0.1:15441"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What protoc makes of our declaration."""
    out = tmp_path_factory.mktemp("generated")
    options = [f"--proto_path={API}", f"--python_out={out}", f"--grpc_python_out={out}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", *options, "api.proto"]
    subprocess.run(command, check=True, cwd=API)
    return out


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Host]:
    with host_with_image(tmp_path_factory.mktemp("api"), lab.key) as made:
        yield made


@pytest.fixture(scope="module")
def pod(host: Host) -> Pod:
    return host.run("a", SLEEP, app=("--annotation=example.com/of=app",))


class Service:
    """`podwright api-service` from the moment when it listens."""

    def __init__(self, host: Host, *options: str) -> None:
        self.host = host
        self.process = host.base.popen([*host.agent.command, "api-service", *options])
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert "listens on" in line, (line, self.process.communicate())

    def stop(self) -> str:
        """Stop it as systemd does; what it has said."""
        if self.process.poll() is None:
            self.host.status("pkill", "-TERM", "-f", "[a]pi-service")  # it may end by itself
        _, said = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, said
        return said


class Client:
    """A program that asks."""

    def __init__(self, host: Host, generated: Path, target: str = TCP) -> None:
        script = Path(__file__).with_name("api_client.py")
        self.process = host.base.popen([sys.executable, str(script), str(generated), target])

    def begin(self, method: str, seconds: float = PATIENCE, **request: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([method, request, seconds]) + "\n")
        self.process.stdin.flush()

    def next(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    def ask(self, method: str, **request: Any) -> dict[str, Any]:
        """The only answer."""
        self.begin(method, **request)
        answer = self.next()
        if "end" not in answer:
            assert self.next() == {"end": "OK"}
        return answer

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture(scope="module")
def service(host: Host) -> Iterator[Service]:
    running = Service(host)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(service: Service, host: Host, generated: Path) -> Iterator[Client]:
    assert service.process.poll() is None
    made = Client(host, generated)
    yield made
    made.close()


def test_what_it_is(client: Client, host: Host) -> None:
    info = client.ask("GetInfo")["info"]
    assert info["rkt_version"].count(".") == 2
    assert (info["appc_version"], info["api_version"]) == ("0.8.11", "1.0.0-alpha")
    assert info["global_flags"]["dir"] == str(host.agent.data)


def test_a_running_pod(client: Client, host: Host, pod: Pod) -> None:
    (one,) = client.ask("ListPods", filters=[{"ids": [pod.uuid]}])["pods"]
    assert one["state"] == "POD_STATE_RUNNING"
    assert "manifest" not in one and "state" not in one["apps"][0]
    found = client.ask("InspectPod", id=pod.uuid)["pod"]
    assert found["pid"] == pod.pid
    assert int(found["started_at"]) > 10**18
    manifest = json.loads(base64.b64decode(found["manifest"]))
    assert manifest == json.loads(host.agent.ok("cat-manifest", pod.uuid))
    (app,) = found["apps"]
    assert (app["name"], app["state"]) == ("tiny", "APP_STATE_RUNNING")
    assert app["image"]["name"] == tiny_image.NAME.partition(":")[0]
    (net,) = [one for one in found["networks"] if one["name"] == "default"]
    assert net["ipv4"] == pod.address()
    assert {"Key": "example.com/of", "value": "app"} in app["annotations"]
    assert found["annotations"] == [
        {"Key": pair["name"], "value": pair["value"]} for pair in manifest["annotations"]
    ]
    assert found["cgroup"].startswith("/")


def test_an_ended_pod(client: Client, host: Host) -> None:
    result = host.agent(
        "run", "--net=none", tiny_image.NAME, "--exec=/bin/sh", "--", "-c", "exit 3"
    )
    assert result.exit == 3
    (one,) = client.ask("ListPods", filters=[{"states": ["POD_STATE_EXITED"]}], detail=True)["pods"]
    assert [(app["state"], app["exit_code"]) for app in one["apps"]] == [("APP_STATE_EXITED", 3)]
    assert "networks" not in one and "cgroup" not in one


def test_filters_on_pods(client: Client, pod: Pod) -> None:
    def found(*filters: dict[str, Any]) -> bool:
        pods = client.ask("ListPods", filters=list(filters)).get("pods", [])
        return pod.uuid in [one["id"] for one in pods]

    whole = client.ask("InspectPod", id=pod.uuid)["pod"]
    yes: list[dict[str, Any]] = [
        {"ids": ["x", pod.uuid]},
        {"states": ["POD_STATE_PREPARED", "POD_STATE_RUNNING"]},
        {"app_names": ["tiny"]},
        {"image_ids": [whole["apps"][0]["image"]["id"]]},
        {"network_names": ["default"]},
        {"annotations": whole["annotations"]},
        {"cgroups": ["/x", whole["cgroup"]]},
        {"pod_sub_cgroups": [whole["cgroup"] + "/tiny"]},
    ]
    no: list[dict[str, Any]] = [
        {"ids": ["x"]},
        {"states": ["POD_STATE_EXITED"]},
        {"app_names": ["tiny", "other"]},
        {"image_ids": ["sha512-x"]},
        {"network_names": ["default", "other"]},
        {"annotations": [{"Key": "example.com/of", "value": "other"}]},
        {"cgroups": [whole["cgroup"] + "/tiny"]},
        {"pod_sub_cgroups": [whole["cgroup"] + "x"]},
    ]
    assert found()
    assert [found(one) for one in yes] == [True] * len(yes)
    assert [found(one) for one in no] == [False] * len(no)
    assert found({key: text for one in yes for key, text in one.items()})
    assert not found({**yes[0], **no[1]})  # AND inside of one
    assert found(no[0], yes[1])  # OR across several


def test_images_and_filters_on_them(client: Client) -> None:
    (image,) = client.ask("ListImages")["images"]
    name = image["name"]
    assert image["base_format"]["type"] == "IMAGE_TYPE_APPC"
    assert "manifest" not in image
    assert {"Key": "authors", "value": "us"} in image["annotations"]
    whole = client.ask("InspectImage", id=image["id"])["image"]
    assert json.loads(base64.b64decode(whole.pop("manifest")))["acKind"] == "ImageManifest"
    assert whole == image
    assert client.ask("InspectImage", id=image["id"][:20])["image"]["id"] == image["id"]
    when = int(image["import_timestamp"])
    yes: list[dict[str, Any]] = [
        {"ids": [image["id"]]},
        {"prefixes": ["x", name[:5]]},
        {"base_names": [name.rpartition("/")[2]]},
        {"keywords": [name[3:8]]},
        {"full_names": [name]},
        {"labels": image["labels"][:1]},
        {"annotations": [{"Key": "authors", "value": "us"}]},
        {"imported_after": when - 1, "imported_before": when + 1},
    ]
    no: list[dict[str, Any]] = [
        {"ids": [image["id"][:20]]},
        {"prefixes": ["/"]},
        {"base_names": [name]},
        {"keywords": ["nothing"]},
        {"full_names": [name[:-1]]},
        {"labels": [{"Key": "arch", "value": "pdp11"}]},
        {"annotations": [{"Key": "authors", "value": "you"}]},
        {"imported_after": when},
    ]
    for filters, count in [*((one, 1) for one in yes), *((one, 0) for one in no)]:
        found = client.ask("ListImages", filters=[filters]).get("images", [])
        assert len(found) == count, filters


def test_what_is_not_there_is_said(client: Client) -> None:
    for method, request, status in (
        ("InspectPod", {"id": "nobody"}, "NOT_FOUND"),
        ("InspectPod", {}, "INVALID_ARGUMENT"),
        ("InspectImage", {"id": "sha512-" + "0" * 64}, "NOT_FOUND"),
        ("InspectPod", {"id": "../../etc"}, "NOT_FOUND"),
        ("InspectPod", {"id": "x" * 5000}, "INVALID_ARGUMENT"),
        ("GetLogs", {"pod_id": "nobody"}, "NOT_FOUND"),
    ):
        answer = client.ask(method, **request)
        assert answer["end"] == status, (method, request, answer)


def logged(client: Client, uuid: str, **request: Any) -> list[str]:
    """What GetLogs gives, without times."""
    client.begin("GetLogs", pod_id=uuid, **request)
    found = []
    while "end" not in (answer := client.next()):
        found += [line.partition(" ")[2] for line in answer["lines"]]
    assert answer == {"end": "OK"}
    return found


def test_logs_of_a_named_pod(host: Host, client: Client, listener: Client) -> None:
    script = "echo one; echo two; printf 'bad\\033[2J\\n'; read line < /go; echo three"
    wanted: dict[str, Any] = {
        "name": "talks",
        "image": tiny_image.NAME,
        "exec": "/bin/sh",
        "net": "none",
    }
    wanted |= {"args": ["-c", f"mkfifo /go; {script}"], "restart": "no"}
    (part,) = host.agent.apply({"pods": [wanted]})["pods"]
    uuid = part["uuid"]
    listener.begin("GetLogs", pod_id=uuid, follow=True)
    found: list[str] = []
    while len(found) < 3:
        found += [line.partition(" ")[2] for line in listener.next()["lines"]]
    assert found[:2] == ["tiny: one", "tiny: two"]
    assert logged(client, uuid, app_name="tiny", lines=2)[0] == "tiny: two"
    assert logged(client, uuid, until_time=1) == []
    assert logged(client, uuid, since_time=client_time(host) + 1000) == []
    assert client.ask("GetLogs", pod_id=uuid, app_name="other")["end"] == "NOT_FOUND"
    host.agent("enter", "talks", "/bin/sh", "-c", "echo > /go")  # the pod's end may be its own, too
    assert [line.partition(" ")[2] for line in listener.next()["lines"]] == ["tiny: three"]
    host.agent.ok("status", "--wait=60s", uuid)
    assert logged(client, uuid)[-1] == "tiny: three"
    host.agent.apply({"pods": [{"name": "talks", "state": "absent"}]})


@pytest.fixture
def listener(host: Host, service: Service, generated: Path) -> Iterator[Client]:
    assert service.process.poll() is None
    made = Client(host, generated)
    made.ask("GetInfo")
    yield made
    made.close()


def told(listener: Client, until: str) -> list[tuple[str, str, dict[str, str]]]:
    """Events up to one of a kind: kind, ID, data."""
    found: list[tuple[str, str, dict[str, str]]] = []
    while not found or found[-1][0] != until:
        for one in listener.next()["events"]:
            data = {pair["Key"]: pair.get("value", "") for pair in one.get("data", ())}
            found.append((one["type"].removeprefix("EVENT_TYPE_"), one["id"], data))
    return found


def test_the_life_of_a_pod_in_events(host: Host, client: Client, listener: Client) -> None:
    since = client_time(host)
    uuid_file = host.agent.data.parent / "events.uuid"
    command = ["run", f"--uuid-file-save={uuid_file}", "--net=none", tiny_image.NAME]
    assert host.agent(*command, "--exec=/bin/sh", "--", "-c", "exit 5").exit == 5
    uuid = uuid_file.read_text().strip()
    # It is over, and asked for afterwards: since_time is enough.
    listener.begin("ListenEvents", filter={"since_time": since, "ids": [uuid]})
    found = told(listener, "POD_EXITED")
    assert [kind for kind, _, _ in found] == [
        "POD_PREPARED", "POD_STARTED", "APP_STARTED", "APP_EXITED", "POD_EXITED",
    ]  # fmt: skip
    assert found[3][2]["exit_code"] == "5"
    host.agent.ok("rm", uuid)
    assert told(listener, "POD_GARBAGE_COLLECTED")[-1][1] == uuid
    assert client.ask("GetInfo")


def client_time(host: Host) -> int:
    return int(host.says("date", "+%s"))


def test_events_of_images_and_the_end_of_a_stream(
    host: Host, listener: Client, generated: Path, lab: Keys, tmp_path: Path
) -> None:
    since = client_time(host)
    image = tmp_path / "other.aci"
    image.write_bytes(tiny_image.build(name="example.com/other").read_bytes())
    lab.key.sign(image)
    host.agent.ok("fetch", image)
    host.agent.ok("image", "rm", "example.com/other")
    kinds = ["EVENT_TYPE_IMAGE_IMPORTED", "EVENT_TYPE_IMAGE_REMOVED"]
    wanted = {"since_time": since, "types": kinds, "names": ["example.com/other"]}
    listener.begin("ListenEvents", filter=wanted)
    assert [kind for kind, _, _ in told(listener, "IMAGE_REMOVED")] == [
        "IMAGE_IMPORTED", "IMAGE_REMOVED",
    ]  # fmt: skip
    other = {"until_time": client_time(host) - 1}
    second = Client(host, generated)
    try:
        second.begin("ListenEvents", filter=other)
        assert second.next() == {"end": "OK"}  # that was before now
    finally:
        second.close()


def test_many_listeners_keep_nobody_from_asking(
    host: Host, service: Service, client: Client, generated: Path
) -> None:
    assert service.process.poll() is None
    clients = [Client(host, generated) for _ in range(3)]
    try:
        for one in clients:
            one.begin("ListenEvents")
        assert client.ask("GetInfo")
    finally:
        for one in clients:
            one.close()
    assert client.ask("ListPods") is not None


def raw(host: Host, data: bytes) -> bytes:
    answer = b""
    place = (TCP.partition(":")[0], int(TCP.partition(":")[2]))
    with (
        host.socket(lambda: socket.create_connection(place, PATIENCE)) as connection,
        contextlib.suppress(OSError),
    ):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            answer += piece
    return answer


@pytest.mark.threat("T78")
def test_garbage_and_floods_end_nobody_else(host: Host, client: Client) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for data in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 100_000,
        preface + b"\xff" * 100_000,
        preface + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" * 10_000,
    ):
        raw(host, data)
        assert client.ask("GetInfo")["info"]["api_version"]
    huge = client.ask("ListPods", filters=[{"ids": ["x" * 2_000_000]}])
    assert huge["end"] == "RESOURCE_EXHAUSTED"
    many = client.ask("ListPods", filters=[{"ids": ["x"]}] * 10_000)
    assert many == {}
    idle = [
        host.socket(lambda: socket.create_connection(("127.0.0.1", 15441), PATIENCE))
        for _ in range(100)
    ]
    for one in idle:
        one.close()
    assert client.ask("GetInfo")["info"]["api_version"]


def test_it_changes_nothing(host: Host, client: Client, pod: Pod) -> None:
    before = snapshot(host.agent.data), snapshot(host.agent.local)
    for method, request in (
        ("GetInfo", {}),
        ("ListPods", {"detail": True}),
        ("InspectPod", {"id": pod.uuid}),
        ("ListImages", {"detail": True}),
        ("GetLogs", {"pod_id": pod.uuid}),
    ):
        client.begin(method, **request)
        while "end" not in client.next():
            continue
    assert (snapshot(host.agent.data), snapshot(host.agent.local)) == before


def test_a_socket_of_systemd_starts_it_and_it_ends_when_nobody_is_there(
    host: Host, generated: Path, tmp_path: Path
) -> None:
    path = tmp_path / "api.sock"
    command = ["systemd-socket-activate", f"--listen={path}", *host.agent.command]
    process = host.base.popen([*command, "api-service", "--idle=1s"])
    assert process.stderr is not None
    assert "Listening on" in process.stderr.readline()
    client = Client(host, generated, f"unix:{path}")
    assert client.ask("GetInfo")["info"]["api_version"] == "1.0.0-alpha"
    assert process.poll() is None
    client.close()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_a_unix_socket_is_for_the_group(host: Host, generated: Path, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    running = Service(host, f"--listen=unix:{path}")
    assert path.stat().st_mode & 0o777 == 0o660
    said = host.agent.refused("api-service", f"--listen=unix:{path}")
    assert "cannot listen" in said
    client = Client(host, generated, f"unix:{path}")
    assert client.ask("GetInfo")
    client.close()
    running.stop()
    assert not path.exists()


def test_nonsense_is_refused(host: Host) -> None:
    assert "ADDRESS:PORT" in host.agent.refused("api-service", "--listen=here")
    assert "absolute path" in host.agent.refused("api-service", "--listen=unix:here")
