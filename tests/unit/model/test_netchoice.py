# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `--net` says (behaviour.md D1)."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model import netchoice
from podwright.model.fields import Fields
from podwright.model.netchoice import NetChoice, Wanted


@pytest.mark.parametrize(
    ("text", "choice", "canonical"),
    [
        ("default", NetChoice("", (Wanted("default"),)), "default"),
        ("host", NetChoice("host"), "host"),
        ("none", NetChoice("none"), "none"),
        ("all", NetChoice("all"), "all"),
        (
            "b:IP=10.0.0.5;A=x=y,a",
            NetChoice("", (Wanted("a"), Wanted("b", (("A", "x=y"), ("IP", "10.0.0.5"))))),
            "a,b:A=x=y;IP=10.0.0.5",
        ),
        (
            "rkt.kubernetes.io:IP=fd00::5",
            NetChoice("", (Wanted("rkt.kubernetes.io", (("IP", "fd00::5"),)),)),
            "rkt.kubernetes.io:IP=fd00::5",
        ),
        ("x" * 64, NetChoice("", (Wanted("x" * 64),)), "x" * 64),
    ],
)
def test_a_choice_has_one_form(text: str, choice: NetChoice, canonical: str) -> None:
    assert netchoice.parse(text) == choice
    assert choice.text() == canonical
    assert netchoice.parse(canonical) == choice


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--net: '' is not a network name"),
        ("a,", "--net: '' is not a network name"),
        ("a b", "--net: 'a b' is not a network name"),
        ("../x", "--net: '../x' is not a network name"),
        (".x", "--net: '.x' is not a network name"),
        ("-x", "--net: '-x' is not a network name"),
        ("a\n", "--net: 'a\\x0a' is not a network name"),
        ("\u00b2", "--net: '\u00b2' is not a network name"),
        ("x" * 65, "is not a network name"),
        ("a,b,a", "--net: network a is named twice"),
        ("a,a:IP=10.0.0.5", "--net: network a is named twice"),
        ("host,a", "--net: host cannot stand beside other networks"),
        ("a,none", "--net: none cannot stand beside other networks"),
        ("all,all", "--net: all cannot stand beside other networks"),
        ("host:A=b", "--net: host takes no arguments"),
        ("none:", "--net: none takes no arguments"),
        ("all:IP=10.0.0.5", "--net: all takes no arguments"),
        ("a:", "--net: network a: '' is not KEY=VALUE"),
        ("a:IP", "--net: network a: 'IP' is not KEY=VALUE"),
        ("a:IP=", "--net: network a: 'IP=' is not KEY=VALUE"),
        ("a:IP=x;", "--net: network a: '' is not KEY=VALUE"),
        ("a:=x", "--net: network a: '' is not the name of an argument"),
        ("a:A B=x", "--net: network a: 'A B' is not the name of an argument"),
        ("a:A=\x1b[0m", "is not KEY=VALUE"),
        ("a:A=1;A=2", "--net: network a: argument A is given twice"),
        ("a:A=" + "x" * 4100, "--net: network a: its arguments are longer than 4096"),
        (",".join(f"n{i}" for i in range(17)), "--net: names more than 16 networks"),
    ],
)
def test_what_cannot_be_understood_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        netchoice.parse(text)
    assert message in caught.value.message
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        (None, "default"),
        ("none", "none"),
        ("b,a", "a,b"),
        (["host"], "host"),
        (["b:IP=10.0.0.5;K=V", "a"], "a,b:IP=10.0.0.5;K=V"),
    ],
)
def test_text_and_list_are_the_same_choice(raw: Any, canonical: str) -> None:
    assert netchoice.of_field(Fields({"net": raw}, ""), "net", "default") == canonical


def test_who_has_a_network_of_its_own() -> None:
    own = [net for net in ("default", "a,b", "all", "host", "none") if netchoice.can_publish(net)]
    assert own == ["default", "a,b", "all"]
    assert [net for net in netchoice.WORDS if netchoice.has_own_network(net)] == ["all"]
