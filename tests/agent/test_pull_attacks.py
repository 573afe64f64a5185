# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attacks on pull mode that its refusals (`test_pull_refused.py`) do not name: secrets told, clocks, whose a pod is."""

from __future__ import annotations

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
