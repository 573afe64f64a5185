# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody deletes or flushes our nftables tables: pods end, gc works, and the next start mends it for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.network_bed import OUTSIDE, Bed, Pod, ask, refused, serving

IPAM = {"type": "host-local", "subnet": "10.20.0.0/24"}
LOSSES = [
    f"{verb} table {family} podwright"
    for verb in ("delete", "flush")
    for family in ("inet", "bridge")
]
LIMIT = {"type": "bandwidth", "egressRate": 8000000, "egressBurst": 8000000}


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    """A host with a network that has a bridge."""
    with Bed(tmp_path) as made:
        made.network("shop", {"type": "bridge", "bridge": "shop0", "isGateway": True, "ipam": IPAM})
        ptp = {"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.21.0.0/24"}}
        made.network("slow", ptp, LIMIT)
        yield made


def start(bed: Bed, net: str = "default") -> Pod:
    """A pod whose network must come up."""
    pod = bed.launch("", net=net)
    assert pod.up, pod.answer
    return pod


def rules(bed: Bed) -> list[str]:
    """All tables, in no order: elements have none."""
    return sorted(bed.host.run("nft", "list", "ruleset").splitlines())


@pytest.mark.parametrize("loss", [*LOSSES, "flush ruleset"])
def test_the_next_start_of_any_pod_makes_lost_rules_again_for_all(bed: Bed, loss: str) -> None:
    """Flushed tables were never mended, and a pod on no bridge did not mend the bridge's."""
    pods = [start(bed, "shop"), start(bed), start(bed, "slow")]
    whole = rules(bed)
    bed.host.run("nft", *loss.split())
    assert rules(bed) != whole
    start(bed).down()
    assert rules(bed) == whole
    for pod in pods:
        assert "error" not in pod.down()
    assert bed.reclaim() == []


@pytest.mark.parametrize("loss", [*LOSSES, "flush ruleset"])
def test_a_pod_ends_and_others_start_after_a_table_is_lost(bed: Bed, loss: str) -> None:
    """Without the bridge's table a pod could not end, gc failed, and nothing started any more."""
    pods = [start(bed, net) for net in ("shop", "shop", "default", "slow")]
    pods.append(bed.launch("", net="default", allow=[{"from": "pod web"}, {"to": "host"}]))
    bed.host.run("nft", *loss.split())
    assert "error" not in pods[0].down()
    pods[1].kill()
    pods[1].process.wait()
    assert len(bed.reclaim()) == 1
    start(bed).down()
    start(bed, "shop").down()
    for pod in pods[2:]:
        assert "error" not in pod.down()
    assert bed.reclaim() == []
    assert not bed.net.exists()
    assert "podwright" not in bed.host.run("nft", "list", "ruleset")


def test_a_start_after_a_flush_has_its_firewall(bed: Bed) -> None:
    """It ended 0 without one: the fixed rules were gone, and elements could still be added."""
    start(bed, "default")
    bed.host.run("nft", "flush", "table", "inet", "podwright")
    pod = bed.pod("web", "8080:80")
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, "192.0.2.1", 8080) == OUTSIDE
        assert refused(bed.outside.pid, pod.ip, 80), "past the published port"
        bed.host.run("nft", "flush", "table", "inet", "podwright")
        assert ask(bed.outside.pid, pod.ip, 80) == OUTSIDE


def test_tables_that_have_lost_nothing_are_left_alone(bed: Bed) -> None:
    """Building them again costs some milliseconds and a grace period of the kernel."""

    def handles() -> str:
        return bed.host.run("nft", "-a", "list", "tables")

    for net in ("default", "shop", "slow"):
        start(bed, net)
    before = handles()
    pods = [start(bed, net) for net in ("default", "shop", "slow")]
    assert handles() == before
    for pod in pods:
        pod.down()
    assert handles() == before


def test_the_kernel_is_blamed_only_where_nothing_else_can_be_the_reason(bed: Bed) -> None:
    code = """if True:
        from podwright.errors import NetworkError
        from podwright.kernel.nft import KERNEL, Nft
        for text, hint in (
            ("add element inet podwright links { lo }", ""),
            ("add table inet x\\nadd chain inet x y { type route hook forward priority 0; }", KERNEL),
            ("nonsense", KERNEL),
        ):
            try:
                Nft().run(text, hint)
            except NetworkError as err:
                print([err.hint])
    """
    assert bed.agent(code).splitlines() == [
        "['']",
        "['the kernel needs nf_tables with nat and fib']",
        "['']",
    ]
