# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pull that is killed, or whose disk is full, at any of its changes: the old bundle or the new one, never half."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.agent.pull_bed import DAY, Fleet, when
from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.webserver import ImageServer

IPAM = {"type": "host-local", "subnet": "10.77.0.0/24"}
NETWORK = {"name": "shop", "config": {"type": "bridge", "bridge": "shop0", "ipam": IPAM}}


@pytest.mark.parametrize("fault", ["kill", "ENOSPC"])
@pytest.mark.threat("T90")
def test_whatever_ends_a_pull_the_next_one_gets_there(
    agent: Agent, https_server: ImageServer, lab: Keys, tmp_path: Path, fault: str
) -> None:
    fleet = Fleet(agent, https_server, lab)
    fleet.publish(1)
    fleet.pull()
    kept, networks = tmp_path / "kept", agent.local / "net.d"
    shutil.copytree(agent.data, kept)
    fleet.publish(2, hosts=[{"state": {"networks": [NETWORK]}}], expires=when(2 * DAY))
    steps = tmp_path / "steps"
    assert fleet.pull(env={"PODWRIGHT_FAULT": f"count@{steps}"})["changed"]
    lines = [line.split() for line in steps.read_text().splitlines()]
    total = max(int(number) for _, number, pid in lines if pid == lines[0][2])
    assert total > 15
    seen = set()
    for number in range(1 + (fault == "kill"), total + 1, 4):
        shutil.rmtree(agent.data)
        shutil.rmtree(networks, ignore_errors=True)
        shutil.copytree(kept, agent.data)
        ended = fleet.run(env={"PODWRIGHT_FAULT": f"{fault}@{number}"})
        assert "Traceback" not in ended.stderr and "internal error" not in ended.stderr, (
            number,
            ended,
        )
        if fault == "kill":
            assert ended.exit in (-9, 137), (number, ended)
        seen.add(_whole(agent))
        told = fleet.pull("--again")
        assert told["serial"] == told["followed"]["serial"] == 2, number
        assert _whole(agent) == 2 and len(list(networks.glob("*shop*"))) == 1
        assert not [one for one in fleet.memory() if one.endswith(".new")], number
    assert seen == {1, 2}
    fleet.publish(3)
    assert fleet.pull()["changed"] and not list(networks.glob("*shop*")), (
        "it knew that the network is the fleet's"
    )


def _whole(agent: Agent) -> int:
    """The serial on disk, whose bundle lies beside it with just the digest that was accepted."""
    (file,) = (agent.data / "pull").glob("*/serial.json")
    known = json.loads(file.read_text())
    data = file.with_name(f"{known['digest']}.json").read_bytes()
    assert hashlib.sha256(data).hexdigest() == known["digest"]
    assert json.loads(data)["serial"] == known["serial"]
    assert file.with_name(f"{known['digest']}.asc").stat().st_size > 0
    return int(known["serial"])
