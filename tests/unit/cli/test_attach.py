# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to attach to, and the keys to go away."""

from __future__ import annotations

import pytest

from podwright.cli.attach import chosen, keys
from podwright.errors import PodwrightError
from podwright.stage1.namespaces.attach import Keys

ALL = ("stdin", "stdout", "stderr")
TTY = ("tty-in", "tty-out")


def test_modes() -> None:
    assert chosen("auto", "a", ALL) == ALL
    assert chosen("stdout,stdin", "a", ALL) == ("stdout", "stdin")
    assert chosen("tty", "a", TTY) == TTY
    assert chosen("tty", "a", ("tty-out",)) == ("tty-out",)


@pytest.mark.parametrize(
    ("mode", "offered"),
    [("auto", ()), ("tty", ALL), ("all", ALL), ("stdin,stdin", ALL), ("stdin", TTY), ("", ALL)],
)
def test_modes_that_cannot_be(mode: str, offered: tuple[str, ...]) -> None:
    with pytest.raises(PodwrightError):
        chosen(mode, "a", offered)


def test_names_of_keys() -> None:
    assert keys("ctrl-p,ctrl-q") == b"\x10\x11"
    assert keys("~,.") == b"~." and keys("") == b""
    for wrong in ("F1", "ctrl-", "ctrl-é", "a,,b"):
        with pytest.raises(PodwrightError):
            keys(wrong)


def test_keys_are_found_wherever_what_is_typed_is_cut() -> None:
    for cut in range(6):
        found = Keys(b"\x10\x11")
        typed = b"a\x10\x10\x11b"
        out, left = found.pass_on(typed[:cut])
        if not left:
            more, left = found.pass_on(typed[cut:])
            out += more
        assert (out, left) == (b"a\x10", True), cut
    assert Keys(b"").pass_on(b"abc") == (b"abc", False)
    assert Keys(b"\x10\x11").pass_on(b"\x10x") == (b"\x10x", False)
