# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's memory of IPv6 connections: only those of one address are forgotten."""

from __future__ import annotations

import json
import subprocess

from tests.support.paths import AGENT

PROGRAM = """
import json, subprocess, sys
from _socket import AF_INET6, SOCK_DGRAM, inet_ntop, socket
sys.path.insert(0, sys.argv[1])
from podwright.kernel import conntrack

def shell(text):
    subprocess.run(["sh", "-ec", text], check=True)

shell("ip link set lo up; for n in 1 2 3; do ip address add fd00::$n/128 dev lo nodad; done")
shell("nft 'table inet t { chain c { type filter hook output priority 0; ct state new accept; }; }'")
LOCAL = "ip -6 route show table local | grep -c '^local fd00::' | grep -qx 3"
shell(f"for n in $(seq 1000); do if {LOCAL}; then exit; fi; sleep 0.01; done; exit 1")
for address in ("fd00::1", "fd00::2"):
    sock = socket(AF_INET6, SOCK_DGRAM)
    sock.bind((address, 0))
    sock.sendto(b"x", ("fd00::3", 9))

def known():
    netlink = conntrack.Socket(
        conntrack.AF_NETLINK, conntrack.SOCK_RAW_CLOEXEC, conntrack.NETLINK_NETFILTER
    )
    netlink.bind((0, 0))
    found = [conntrack._sources(attributes) for _, attributes in conntrack._dump(netlink)]
    return sorted({inet_ntop(AF_INET6, one) for each in found for one in each if len(one) == 16})

out = [known()]
conntrack.forget((), ("fd00::1",), listing=False)
out.append(known())
conntrack.forget((), ("fd00::1",))
out.append(known())
print(json.dumps(out))
"""


def test_connections_of_other_pods_over_ipv6_are_not_forgotten() -> None:
    """The start or end of any pod broke connections of all others: the kernel picks the wrong ones."""
    command = ["unshare", "--net", "/usr/bin/python3", "-IS", "-c", PROGRAM]
    done = subprocess.run(
        [*command, str(AGENT.parent.parent)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    before, early, late = json.loads(done.stdout)
    assert before == ["fd00::1", "fd00::2", "fd00::3"]
    assert "fd00::2" in early, "where nothing is listed, others stay all the more"
    assert late == ["fd00::2", "fd00::3"]
