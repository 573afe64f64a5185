# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last output of a terminal is not waited for for ever."""

from __future__ import annotations

import os
import pty
import threading

from podwright.stage1.namespaces.relay import Shown


def test_a_terminal_that_others_write_to_for_ever_was_shown_for_ever() -> None:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    os.set_blocking(slave, False)
    read, write = os.pipe()
    drained = threading.Event()

    def chatter() -> None:
        while not drained.is_set():
            try:
                os.write(slave, b".")
            except BlockingIOError:
                continue

    def sink() -> None:
        while os.read(read, 65536):
            pass

    threads = [threading.Thread(target=one, daemon=True) for one in (chatter, sink)]
    for one in threads:
        one.start()
    shown = Shown(master, (1,))
    shown.output = write
    shown.drain(5.0, 0.2)
    assert shown.open
    drained.set()
    os.close(write)
    for one in threads:
        one.join()
    for fd in (master, slave, read):
        os.close(fd)
