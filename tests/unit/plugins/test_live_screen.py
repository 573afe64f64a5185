# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The panel on terminals of all sizes."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import threading

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils.live_screen import Screen, harmless


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[0;32mok\x1b[0m", None),
        ("\x1b[mplain\x1b[1;31mred\x1b[38;5;208mx\x1b[38;2;1;2;3my\x1b[22;39m", None),
        ("\x1b[8mhidden\x1b[0m", "\\x1b[8mhidden\x1b[0m"),
        ("\x1b[32;8mhidden", "\\x1b[32;8mhidden"),
        ("\x1b[7mx\x1b[30;40my\x1b[38;5mz", "\\x1b[7mx\\x1b[30;40my\\x1b[38;5mz"),
        ("\x1b[2Jx", "\\x1b[2Jx"),
    ],
)
@pytest.mark.threat("T95")
def test_colours_of_text_are_obeyed_and_nothing_that_hides_it(text: str, shown: str | None) -> None:
    assert harmless(text) == (text if shown is None else shown)


@pytest.mark.parametrize(
    ("size", "drawn"), [((40, 132), (132, 40)), ((0, 0), (80, 24)), ((0, 100), (100, 24))]
)
def test_a_terminal_that_was_never_told_its_size_is_one_of_80_columns(
    size: tuple[int, int], drawn: tuple[int, int]
) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    seen = []

    def picture(columns: int, rows: int) -> list[str]:
        seen.append((columns, rows))
        return ["how far it is"]

    with os.fdopen(slave, "w") as out:
        screen = Screen(out, picture, threading.RLock())
        screen.shows = True
        screen.draw()
        assert b"how far it is" in os.read(master, 4096)
    os.close(master)
    assert seen == [drawn]
