# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall's commands, and that nftables understands them."""

from __future__ import annotations

import os
import subprocess

import pytest

from podwright.net import firewall
from podwright.net.plan import Lease, PortMap

LEASE = Lease(
    "172.16.28.2",
    "0123abcd-89ab-4def-8123-456789abcdef",
    "web",
    "boot",
    "podw0123abcd89",
    "/srv/pods/run",
    (PortMap("tcp", "", 8080, 80), PortMap("udp", "192.0.2.1", 53, 5353)),
)


def test_the_elements_of_a_pod() -> None:
    assert firewall.elements((LEASE,)) == {
        "sources": ['"podw0123abcd89" . 172.16.28.2'],
        "pods": ["172.16.28.2"],
        "selves": ["172.16.28.2 . 172.16.28.2"],
        "ports": ["udp . 192.0.2.1 . 53 : 172.16.28.2 . 5353"],
        "any_ports": ["tcp . 8080 : 172.16.28.2 . 80"],
    }


def test_every_command_names_our_table_only() -> None:
    text = firewall.whole((LEASE,), ("eth0", "eth1"))
    for line in text.splitlines():
        if line.startswith(("add", "delete", "table", "flush")):
            assert "inet podwright" in line


@pytest.mark.parametrize("links", [(), ("eth0", "br-lan")])
def test_nftables_takes_the_whole_table(links: tuple[str, ...]) -> None:
    if os.geteuid() != 0:
        pytest.fail("nft --check reads the kernel's ruleset: run as root")
    command = ["unshare", "--net", "nft", "--check", "--file", "-"]
    done = subprocess.run(
        command, input=firewall.whole((LEASE,), links), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
