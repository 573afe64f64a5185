# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attacks on pull mode that its refusals (`test_pull_refused.py`) do not name: secrets told, clocks, whose a pod is."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.pull_bed import DAY, FLEET, URL, Fleet, pod, when
from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.webserver import Handler, ImageServer

CANARY = "canary-5f0c"
WITH_LOG_IN = f"https://reader:{CANARY}@example.com/"


@pytest.fixture
def fleet(
    agent: Agent, https_server: ImageServer, lab: Keys, published: Callable[..., Path]
) -> Iterator[Fleet]:
    """A host that follows serial 5, whose pod runs."""
    published()
    bed = Fleet(agent, https_server, lab)
    bed.publish(5, pod())
    bed.pull()
    yield bed
    bed.end()


def record(fleet: Fleet, name: str) -> Path:
    """A file of what the host remembers."""
    (file,) = (fleet.agent.data / "pull").glob(f"*/{name}")
    return file


@pytest.mark.threat("T93")
def test_a_log_in_in_a_url_is_told_to_nobody(fleet: Fleet) -> None:
    assert stat.S_IMODE(record(fleet, "result.json").stat().st_mode) == 0o600
    for url, options in (
        (f"{WITH_LOG_IN}fleet.json", ()),
        (f"oci://reader:{CANARY}@example.com/fleet:stable", ()),
        (f"https:/reader:{CANARY}@example.com/fleet.json", ()),
        (f"reader:{CANARY}@example.com/fleet.json", ()),
        (URL, (f"--report-url={WITH_LOG_IN}report",)),
    ):
        ended = fleet.run(*options, url=url)
        assert ended.exit == 254 and "auth.d" in ended.stderr, ended
        assert CANARY not in ended.stdout + ended.stderr
        assert CANARY not in record(fleet, "result.json").read_text()
    assert fleet.pull()["state"] == "unchanged"


@pytest.mark.threat("T93")
def test_a_report_says_no_more_than_the_host_keeps_of_the_result(fleet: Fleet) -> None:
    posted: list[dict[str, Any]] = []

    def take(handler: Handler) -> None:
        posted.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        handler.send_response(204)
        handler.end_headers()

    fleet.server.answers["/report"] = take
    fleet.publish(6, pod(environment={"PASSWORD": CANARY}))
    told = fleet.pull("--diff", "--report-url=https://example.com/report")
    assert CANARY in json.dumps(told["diff"]), "whoever asks for the difference sees it"
    assert CANARY not in json.dumps(posted) and posted[0]["serial"] == 6
    assert CANARY not in record(fleet, "result.json").read_text()


@pytest.mark.threat("T92")
def test_no_mark_of_a_server_stops_later_pulls(fleet: Fleet) -> None:
    """Whatever it calls a bundle goes back to it with the next question."""
    etag = ""

    def answer(handler: Handler) -> None:
        data = fleet.file.read_bytes()
        handler.send_response(200)
        handler.send_header("ETag", etag)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    fleet.server.answers["/fleet.json"] = answer
    for serial, etag in enumerate(('"\xe9"', '"\xa0\x85"', "x" * 5000, '"a\tb"', "*"), 6):
        fleet.publish(serial, pod(environment={"A": str(serial)}))
        assert fleet.pull()["changed"], etag
        assert fleet.pull()["state"] == "unchanged", etag


@pytest.mark.threat("T92")
def test_a_newer_bundle_does_not_take_a_clock_back_that_was_believed(fleet: Fleet) -> None:
    known = json.loads(record(fleet, "serial.json").read_text())
    later = {**known, "at": known["at"] + int(DAY), "expires": known["at"] + int(9 * DAY)}
    record(fleet, "serial.json").write_text(json.dumps(later))
    fleet.publish(6, pod(), expires=when(2 * DAY))
    assert fleet.pull()["serial"] == 6, "it has not expired, whatever the clock was"
    fleet.publish(7, pod(), expires=when(DAY / 2))
    assert fleet.refused()["reason"] == "expired"


def by_hand(fleet: Fleet, **change: Any) -> str:
    """Somebody removes the fleet's pod, and makes one of the same name; its UUID."""
    fleet.agent.apply({"pods": [{"name": "web", "state": "absent"}]})
    fleet.agent.apply({"pods": [pod(**change)]})
    return fleet.pods()["web"]


@pytest.mark.threat("T96")
def test_a_pod_of_the_same_name_that_somebody_made_later_is_not_the_fleets(fleet: Fleet) -> None:
    theirs = by_hand(fleet)
    fleet.publish(6, pod(environment={"A": "1"}))
    assert fleet.refused()["reason"] == "not-ours"
    fleet.publish(7)
    assert fleet.pull()["pods"] == []
    assert fleet.pods() == {"web": theirs}


@pytest.mark.threat("T92")
def test_a_damaged_record_of_a_fleet_stops_its_pulls_and_no_removal(fleet: Fleet) -> None:
    record(fleet, "owned.json").write_text('{"format": 2}')
    fleet.agent.apply({"pods": [{"name": "web", "state": "absent"}]})
    assert fleet.pods() == {}
    assert not list((fleet.agent.data / "named").glob("web*"))
    fleet.publish(6, pod("db"))
    assert "owned.json" in fleet.refused()["message"]


@pytest.mark.threat("T96")
def test_what_a_pull_removes_and_makes_again_is_the_fleets(fleet: Fleet) -> None:
    fleet.publish(6)
    fleet.pull()
    fleet.publish(7, pod())
    fleet.pull()
    assert json.loads(record(fleet, "owned.json").read_text())["pods"] == ["web"]
    fleet.publish(8)
    fleet.pull()
    assert fleet.pods() == {}


@pytest.mark.threat("T96")
@pytest.mark.parametrize("ended", ["failed", "killed"])
def test_a_pod_that_a_pull_did_not_come_to_make_is_not_the_fleets_when_somebody_makes_it(
    fleet: Fleet, ended: str
) -> None:
    fleet.publish(6, pod(), pod("db", image="example.com/nothing"))
    fleet.refused()
    if ended == "killed":  # after it had written what it was about to make
        owned = json.loads(record(fleet, "owned.json").read_text())
        record(fleet, "owned.json").write_text(json.dumps({**owned, "pods": ["db", "web"]}))
    fleet.agent.apply({"pods": [pod("db")]})
    theirs = fleet.pods()["db"]
    fleet.publish(7, pod(), pod("db", environment={"A": "1"}))
    assert fleet.refused()["reason"] == "not-ours"
    fleet.publish(8, pod())
    fleet.pull()
    assert fleet.pods()["db"] == theirs


@pytest.mark.threat("T96")
def test_a_network_of_the_same_name_that_somebody_made_later_is_not_the_fleets(
    fleet: Fleet,
) -> None:
    def network(subnet: str) -> dict[str, Any]:
        ipam = {"type": "host-local", "subnet": subnet}
        return {"name": "back", "config": {"name": "back", "type": "bridge", "ipam": ipam}}

    def state(*networks: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"state": {"pods": [pod()], "networks": list(networks)}}]

    fleet.publish(6, hosts=state(network("10.77.1.0/24")))
    assert fleet.pull()["state"] == "applied"
    (file,) = (fleet.agent.local / "net.d").glob("*back*")
    sound = file.read_bytes()
    file.write_bytes(b"{")
    fleet.agent.apply({"pods": [pod()]})
    file.write_bytes(sound)
    assert fleet.pull("--repair")["error"] is None, (
        "while it could not be read, it was still the fleet's"
    )
    fleet.agent.apply({"networks": [{"name": "back", "state": "absent"}]})
    fleet.agent.apply({"networks": [network("10.77.2.0/24")]})
    (file,) = (fleet.agent.local / "net.d").glob("*back*")
    theirs = file.read_bytes()
    fleet.publish(7, hosts=state(network("10.77.1.0/24")))
    assert fleet.refused()["reason"] == "not-ours"
    fleet.publish(8, hosts=state())
    fleet.pull()
    assert file.read_bytes() == theirs
    assert FLEET not in file.read_text()


def artifact(fleet: Fleet) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest of the served bundle as an artifact of a registry, and its blobs by path."""
    signature = fleet.file.with_name("fleet.json.asc")
    layers, blobs = [], {}
    for kind, file in (
        ("application/vnd.podwright.fleet.v1+json", fleet.file),
        ("application/pgp-signature", signature),
    ):
        data = file.read_bytes()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        layers.append({"mediaType": kind, "digest": digest, "size": len(data)})
        blobs[f"/v2/fleet/blobs/{digest}"] = data
    empty = {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": "sha256:" + 64 * "0",
        "size": 2,
    }
    media = "application/vnd.oci.image.manifest.v1+json"
    return {"schemaVersion": 2, "mediaType": media, "config": empty, "layers": layers}, blobs


MANIFEST = "/v2/fleet/manifests/stable"
OCI = "oci://example.com/fleet:stable"
Body = bytes | tuple[int, str]


def answering(body: Body) -> Callable[[Handler], None]:
    """Send a document, or a status with a Location."""

    def answer(handler: Handler) -> None:
        status, where = (200, "") if isinstance(body, bytes) else body
        data = body if isinstance(body, bytes) else b""
        handler.send_response(status)
        handler.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        handler.send_header("Content-Length", str(len(data)))
        if where:
            handler.send_header("Location", where)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(data)

    return answer


HOSTILE: dict[str, Callable[[dict[str, Any]], Body]] = {
    "nested": lambda _: b'{"layers":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "repeated names": lambda m: json.dumps(m).encode()[:-1] + b',"layers":[]}',
    "a long number": lambda m: json.dumps(m).encode()[:-1] + b',"x":' + b"9" * 5000 + b"}",
    "no number": lambda m: json.dumps(m).encode()[:-1] + b',"x":NaN}',
    "types": lambda m: json.dumps({**m, "layers": {"digest": 1}}).encode(),
    "a digest that is a path": lambda m: json.dumps(
        {
            **m,
            "layers": [
                {**m["layers"][0], "digest": "sha256:../../../../etc/shadow"},
                m["layers"][1],
            ],
        }
    ).encode(),
    "no signature": lambda m: json.dumps({**m, "layers": m["layers"][:1]}).encode(),
    "another size": lambda m: json.dumps(m).encode() + b" " * (5 << 20),
    "a file": lambda _: (302, "file:///etc/shadow"),
    "plain http": lambda _: (302, "http://example.com/v2/fleet/manifests/other"),
    "this host": lambda _: (302, "https://127.0.0.1/latest"),
    "a metadata service": lambda _: (307, "https://169.254.169.254/latest"),
    "itself": lambda _: (301, MANIFEST),
}


@pytest.mark.threat("T26", "T27", "T28", "T33")
def test_a_registry_that_is_hostile_is_refused_in_one_sentence(fleet: Fleet) -> None:
    fleet.publish(6, pod())
    manifest, blobs = artifact(fleet)
    answers = fleet.server.answers
    answers.update({path: answering(data) for path, data in blobs.items()})
    answers["/v2/"] = answering(b"{}")
    before = fleet.memory()
    for what, change in HOSTILE.items():
        answers[MANIFEST] = answering(change(manifest))
        assert fleet.refused(url=OCI)["message"], what
        assert fleet.memory() == before, what
    answers[MANIFEST] = answering(json.dumps(manifest).encode())
    for path, data in blobs.items():
        answers[path] = answering(data[:-1] + b"x")
        assert fleet.refused(url=OCI)["message"]
        answers[path] = answering(data + b" ")
        assert fleet.refused(url=OCI)["message"]
        assert fleet.memory() == before
        answers[path] = answering(data)
    assert fleet.pull(url=OCI)["serial"] == 6, (
        "the control: it is followed when nothing is wrong with it"
    )
