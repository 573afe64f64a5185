# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user at a terminal: `launch_terminal.py STEPS COMMAND…` runs the command in a new terminal.

STEPS is a JSON list of [after, text]: `text` is typed once the output holds `after`. All output is copied to standard
output; the exit status is the command's, or 99 when it does not end within 120 seconds.
"""

from __future__ import annotations

import json
import os
import pty
import select
import sys
import time


def main(steps: list[list[str]], command: list[str]) -> int:
    """Play the user."""
    pid, master = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    deadline = time.monotonic() + 120
    seen = b""
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(master, 4096)
        except OSError:  # nobody has the terminal open any more
            break
        seen += piece
        os.write(1, piece)
        if steps and steps[0][0].encode() in seen:
            seen = seen.split(steps[0][0].encode(), 1)[1]
            os.write(master, steps.pop(0)[1].encode())
    else:
        os.kill(pid, 9)
        return 99
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
