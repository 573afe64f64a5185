# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last of what a machine's kernel has written to its console, for who asks why it has ended."""

from __future__ import annotations

import os

from podwright.text import safe

KEPT = 1 << 14
PIECE = 4096


class Console:
    """Our end of it. What is written is a stranger's word, and is only ever shown escaped."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.kept = b""
        os.set_blocking(fd, False)

    def read(self) -> bool:
        """Take what there is; False at its end."""
        try:
            data = os.read(self.fd, PIECE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.kept = (self.kept + data)[-KEPT:]
        return bool(data)

    def last(self) -> str:
        """The last line that says something, escaped; "" when there is none."""
        return last_line(self.kept)


def last_line(data: bytes) -> str:
    """The last line with letters in it, escaped and cut."""
    text = data.decode("utf-8", "replace").replace("\r", "\n")
    lines = [line.strip() for line in text.split("\n")]
    return next((safe(line, 200) for line in reversed(lines) if any(map(str.isalnum, line))), "")
