# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""pyroute2 is loaded in the part that is needed, or whole where that part is not enough."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.paths import CHECKOUT

CODE = f"""
import sys
sys.path.insert(0, {str(CHECKOUT / "agent")!r})
from podwright.net import messages
from podwright.net.plan import AddRoute, Veth
{{before}}
made = messages.Messages()
encoded = (
    made.veth(Veth("podwx", "eth0"), 5),
    made.up(3),
    made.route(3, AddRoute(True, "eth0", "0.0.0.0/0", "172.16.28.1", mtu=1400)),
    made.route(3, AddRoute(True, "eth0", "fd00::/64")),
    made.address(3, "172.16.28.2", 24),
    made.address(3, "fd00::2", 64),
)
print(*(message.hex() for message in encoded))
costly = ("pyroute2.config", "pyroute2.ndb", "pyroute2.iproute", "multiprocessing")
print(sorted(name for name in costly if name in sys.modules))
"""


def load(before: str) -> list[str]:
    done = subprocess.run(
        ["/usr/bin/python3", "-IS", "-c", CODE.format(before=before)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_only_the_message_classes_are_loaded() -> None:
    assert load("")[1] == "['pyroute2.config']"


def test_a_version_that_wants_more_is_loaded_whole_and_says_the_same() -> None:
    before = "messages._register_shells = lambda: (_ for _ in ()).throw(AttributeError('more'))"
    small, whole = load(""), load(before)
    assert small[0] == whole[0]
    assert "pyroute2.iproute" in whole[1]


def test_the_bytes_of_a_veth() -> None:
    """Checked against rtnetlink(7): a new link, exclusive, with its peer's name and namespace inside."""
    message = bytes.fromhex(load("")[0].split()[0])
    assert message[:8] == bytes([len(message), 0, 0, 0, 16, 0, 5, 6])
    assert b"podwx\0" in message and b"veth" in message and b"eth0\0" in message
    assert message[-8:] == bytes([8, 0, 28, 0, 5, 0, 0, 0])


@pytest.mark.parametrize("module", ["_register_shells", "_classes"])
def test_a_missing_pyroute2_names_its_package(module: str) -> None:
    before = (
        f"def gone(): raise ImportError('gone')\nmessages.{module} = gone\nmessages._classes = gone"
    )
    done = subprocess.run(
        ["/usr/bin/python3", "-IS", "-c", CODE.format(before=before)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "NetworkError: network: pyroute2 cannot be imported" in done.stderr
