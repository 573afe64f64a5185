# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`--net` by both of its names, and the configuration that is read under the name rkt."""

from __future__ import annotations

import sys

import pytest

from podwright.cli import context, nets, options
from podwright.cli.verbs_pod import START_OPTIONS
from podwright.errors import UsageError


def chosen(*argv: str) -> str:
    args = options.Arguments()
    index = 0
    while index < len(argv):
        index = options.take(list(argv), index, options.table(START_OPTIONS), args)
    return nets.chosen(args, "as it was")


@pytest.mark.parametrize(
    ("argv", "net"),
    [
        ((), "as it was"),
        (("--net=b,a",), "a,b"),
        (("--net", "none"), "none"),
        (("--private-net",), "default"),
        (("--private-net=b,a:K=V",), "a:K=V,b"),
        (("--private-net", "--interactive"), "default"),
    ],
)
def test_what_is_chosen(argv: tuple[str, ...], net: str) -> None:
    assert chosen(*argv) == net


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--net=",), "--net: '' is not a network name"),
        (("--private-net=a,a",), "--net: network a is named twice"),
        (("--net=a", "--private-net"), "--net is given twice"),
        (("--net=a", "--net=b"), "--net is given twice"),
    ],
)
def test_what_is_refused(argv: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(*argv)
    assert caught.value.message == message


@pytest.mark.parametrize(("program", "rkt"), [("/usr/bin/podwright", False), ("bin/rkt", True)])
def test_called_by_the_name_rkt_its_networks_are_read(
    program: str, rkt: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [program, "run"])
    args = options.Arguments()
    args.flags["dir"] = ["/var/lib/podwright"]
    found = context.build(args).layout.net_dirs()
    assert ("/etc/rkt/net.d" in found) == rkt
    assert found[-1] == "/etc/podwright/net.d"
