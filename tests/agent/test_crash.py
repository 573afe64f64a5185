# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""kill -9 at every state-changing call, and a full disk: a rerun converges and gc leaves no leak."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent
from tests.support.thorough import THOROUGH

Publish = Callable[..., Path]
STRIDE = int(os.environ.get("PODWRIGHT_CRASH_STRIDE", "7" if THOROUGH else "47"))
"""Every how many steps a test is killed; `make crash-tests` sets 1."""
SHARES = 2
STATE = json.dumps(
    {
        "pods": [
            {
                "name": "web",
                "image": "example.com/tiny:1.0",
                "ports": [{"name": "8080-tcp", "host_port": 8080}],
                "ready": {"seconds": 0},
            }
        ]
    }
)
ABSENT = json.dumps({"pods": [{"name": "web", "state": "absent"}]})
LEDGER = """
wc -l < /proc/self/mountinfo
ip -o link | cut -d: -f2 | sort; ip -o addr | sort; ip route | sort
nft list ruleset
"""
PROCESSES = """
import glob, os
for path in sorted(glob.glob("/proc/[0-9]*/cmdline")):
    try:
        line = open(path, "rb").read()
    except OSError:
        continue
    if line and path != f"/proc/{os.getpid()}/cmdline":
        print(line)
"""


def ledger(agent: Agent) -> str:
    """Processes, mounts, links, addresses, routes and firewall rules of the host."""
    processes = agent.host.run(["/usr/bin/python3", "-IS", "-c", PROCESSES]).check().stdout
    return processes + agent.host.run(["/bin/sh", "-c", LEDGER]).check().stdout


def settled(agent: Agent, wanted: str) -> str:
    """The ledger as soon as it is as wanted; the kernel takes a moment to end what was killed."""
    for _ in range(100):
        if ledger(agent) == wanted:
            break
        time.sleep(0.05)
    return ledger(agent)


def leftovers(agent: Agent) -> list[str]:
    """Files that only exist while something is going on, or while there are pods."""
    found = []
    for pattern in ("pods/*/*", "tmp/*", "cas/tmp/*", "named/*"):
        found += [str(path.relative_to(agent.data)) for path in agent.data.glob(pattern)]
    shared = agent.host.run(["/bin/sh", "-c", "find /run/podwright || true"]).stdout.split()
    return [path for path in found if not path.endswith("/lock")] + shared


def clean(agent: Agent) -> None:
    """Remove the pod and collect everything that is old enough, which is everything."""
    agent.ok("apply", stdin=ABSENT)
    agent.ok("gc", "--grace-period=0s", "--expire-prepared=0s")
    agent.ok("gc", "--grace-period=0s", "--expire-prepared=0s")


def steps(agent: Agent, tmp_path: Path, *arguments: str, stdin: str | None = None) -> int:
    """How many state-changing calls a command makes."""
    counted = tmp_path / "steps"
    agent(*arguments, stdin=stdin, env={"PODWRIGHT_FAULT": f"count@{counted}"}).check()
    return len(counted.read_text().splitlines())


def app() -> dict[str, object]:
    """An app that ends at once on SIGTERM, with a port."""
    script = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
    port = {"name": "8080-tcp", "protocol": "tcp", "port": 8080}
    return aci.app(["/bin/sh", "-c", script], ports=[port])


@pytest.mark.threat("T82")
@pytest.mark.parametrize("share", range(SHARES))
def test_apply_killed_anywhere_converges_and_leaks_nothing(
    agent: Agent, published: Publish, lab: Keys, tmp_path: Path, share: int
) -> None:
    published(app=app())
    agent.trust(lab.key, "example.com")
    before = ledger(agent)
    total = steps(agent, tmp_path, "apply", stdin=STATE)
    clean(agent)
    agent.ok("image", "rm", "example.com/tiny")
    assert total > 20
    for number in range(1 + share * STRIDE, total + 1, SHARES * STRIDE):
        killed = agent("apply", stdin=STATE, env={"PODWRIGHT_FAULT": f"kill@{number}"})
        assert killed.exit != 254, killed
        answer = json.loads(agent.ok("apply", stdin=STATE))
        assert answer["pods"][0]["state"] == "running", (number, answer)
        clean(agent)
        agent("image", "rm", "example.com/tiny")
        assert leftovers(agent) == [], number
        assert settled(agent, before) == before, number


@pytest.mark.parametrize("share", range(SHARES))
def test_run_killed_anywhere_leaks_nothing(
    agent: Agent, published: Publish, lab: Keys, tmp_path: Path, share: int
) -> None:
    published(app=aci.app(["/bin/true"]))
    agent.trust(lab.key, "example.com")
    command = ["run", "example.com/tiny:1.0"]
    agent.ok(*command)
    agent.ok("gc", "--grace-period=0s")
    before = ledger(agent)
    total = steps(agent, tmp_path, *command)
    assert total > 20
    for number in range(1 + share * STRIDE, total + 1, SHARES * STRIDE):
        agent(*command, env={"PODWRIGHT_FAULT": f"kill@{number}"})
        assert agent(*command).exit == 0, number
        agent.ok("gc", "--grace-period=0s", "--expire-prepared=0s")
        assert [path for path in leftovers(agent) if "embryo" not in path] == [], number
        assert settled(agent, before) == before, number


@pytest.mark.threat("T84")
def test_a_full_disk_while_fetching_keeps_nothing_and_says_so(
    agent: Agent, published: Publish, lab: Keys
) -> None:
    published()
    agent.trust(lab.key, "example.com")
    agent.data.mkdir(parents=True)
    tmpfs = ["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(agent.data)]
    agent.host.run(["mount", *tmpfs]).check()
    result = agent("fetch", "example.com/tiny:1.0")
    said = [line for line in result.stderr.splitlines() if "fetching" not in line]
    assert result.exit == 254 and len(said) == 1, result
    assert "No space left on device" in said[0] and "Traceback" not in result.stderr
    kept = agent.host.run(["find", str(agent.data), "-type", "f", "-size", "+0"]).stdout.split()
    assert [path for path in kept if "/locks/" not in path and not path.endswith("/version")] == []
    assert agent.ok("image", "list", "--no-legend") == ""
    agent.host.run(["mount", "-o", "remount,size=64m", str(agent.data)]).check()
    assert agent.ok("fetch", "example.com/tiny:1.0").startswith("sha512-")
