# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the host's name servers a pod can use, and the order of lines in a pod's resolv.conf (B7)."""

from __future__ import annotations

import pytest

from podwright.host.resolvconf import SOURCE, Servers, is_reachable, render, usable


def test_the_order_of_lines() -> None:
    text = render(("192.0.2.53", "2001:db8::53"), ("a", "b"), ("ndots:2", "rotate"), "c")
    assert text == (
        "search a b\nnameserver 192.0.2.53\nnameserver 2001:db8::53\noptions ndots:2 rotate\ndomain c\n"
    )
    assert render((), (), (), "") == ""


def test_servers_that_a_pod_cannot_reach_are_left_out() -> None:
    text = "; x\n# y\n\nsearch a  b\nnameserver 127.0.0.1\n nameserver 192.0.2.53 \noptions edns0\n"
    assert usable(text) == Servers(
        SOURCE + "search a b\nnameserver 192.0.2.53\noptions edns0\n", ("127.0.0.1",)
    )


@pytest.mark.parametrize(
    "text",
    ["", "search a\n", "nameserver\n", "nameserver 127.0.0.53\nsearch a\n", "nameserver x\n"],
)
def test_without_any_server_there_is_nothing_to_give(text: str) -> None:
    assert usable(text).text == ""


@pytest.mark.parametrize(
    "server, expected",
    [
        *((ip, True) for ip in ("192.0.2.53", "10.0.0.1", "2001:db8::53", "fd00::1", "::2")),
        *((ip, False) for ip in ("127.0.0.1", "127.0.0.53", "0.0.0.0", "169.254.169.254", "::1")),
        *((ip, False) for ip in ("::", "fe80::1", "febf::1", "fe80::1%eth0", "x", "")),
        ("::ffff:127.0.0.1", False),
        ("::ffff:192.0.2.53", True),
    ],
)
def test_what_can_be_reached(server: str, expected: bool) -> None:
    assert is_reachable(server) is expected
