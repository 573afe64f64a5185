# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reaches what, as golden tables (threats.md T74): whoever changes one changes what pods of every host can do.

`PODWRIGHT_GOLDEN=write` writes them; read the difference before you commit it. DENIED is what is reached as soon as
our rules are gone, and not before: each is its own control. `-` has no way at all, and the host's own column shows that
the service is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.agent.reachability_bed import GATEWAYS, World, differences, read, written
from tests.agent.spoofing_bed import spoofing
from tests.conftest import Keys
from tests.support.network_lab import wait_until

GOLDEN = Path(__file__).parent / "golden"
HEAD = "# SPDX-FileCopyrightText: 2026 The podwright authors\n# SPDX-License-Identifier: GPL-3.0-or-later\n"
NOTE = (
    HEAD
    + """\
# Who reaches what. yes: reached, as oneself; as host: reached, and seen as the host; DENIED: by our rules, reached
# without them; -: there is no way; BY ROUTE: reached once the pod has given itself a default route, which its network
# does not. Sources: a pod on each network (back is a bridge, the others are ptp), a pod without network, a pod with the
# host's, and a neighbour of the host that has routes to the networks of pods.
"""
)
LIES = (
    HEAD
    + """\
# What comes of frames that a pod has forged, by raw packets. WORKS: it has its effect; DENIED: not with our rules, but
# without them; -: nobody is there to believe it.
"""
)


@pytest.fixture
def world(tmp_path: Path, lab: Keys) -> Iterator[World]:
    made = World(tmp_path, lab.key)
    yield made
    made.close()


def compare(name: str, note: str, found: Mapping[tuple[str, str], str]) -> None:
    """Compare with a golden file, cell by cell."""
    path = GOLDEN / name
    if os.environ.get("PODWRIGHT_GOLDEN") == "write":
        path.write_text(written(found, note))
    wrong = differences(read(path.read_text()), found)
    assert not wrong, "\n".join([f"{path.name} says otherwise:", *wrong, written(found, "")])


@pytest.mark.threat("T74")
def test_who_reaches_what(world: World) -> None:
    path = GOLDEN / "reachability.txt"
    known = read(path.read_text()) if path.exists() else {}
    compare(path.name, NOTE, world.table(known))


@pytest.mark.threat("T74")
def test_what_comes_of_lies(world: World) -> None:
    path = GOLDEN / "spoofing.txt"
    known = read(path.read_text()) if path.exists() else {}
    compare(path.name, LIES, spoofing(world, ("default", "back"), known))


@pytest.mark.threat("T74")
def test_an_app_with_raw_packets_cannot_pass_for_the_gateway(world: World) -> None:
    host, victim = world.host, world.peers["back"]
    gateway = GATEWAYS["back"][0]
    claim = f"busybox arping -A -c 1 -I eth0 {gateway} >/dev/null; echo sent $?"
    poor = host.run("poor", claim, "--net=back")
    assert poor.process.stdout is not None
    assert "sent 0" not in poor.process.stdout.read(), "without the capability: no such socket"
    victim.says("sh", "-c", "echo 0 >/proc/sys/net/ipv4/neigh/eth0/locktime")
    victim.says("busybox", "ping", "-c1", gateway)
    # arping itself insists on an address of its own, unless the pod's kernel settings say otherwise.
    options = ("--net=back", "--sysctl=net.ipv4.ip_nonlocal_bind=1")
    script = f"while :; do {claim}; done"
    liar = host.run("liar", script, *options, app=("--caps-retain=CAP_NET_RAW",))
    mac = next(str(link["address"]) for link in liar.links() if link["ifname"] == "eth0")

    def believed() -> bool:
        return mac in victim.says("ip", "neighbour", "show", gateway)

    assert liar.process.stdout is not None
    assert [liar.process.stdout.readline() for _ in range(3)] == ["sent 0\n"] * 3
    assert not believed()
    host.says("nft", "delete", "table", "bridge", "podwright")
    wait_until(believed, "the control: without our rule it works")
