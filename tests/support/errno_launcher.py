# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command whose system calls fail: `python3 errno_launcher.py EIO fsync,read:262144 COMMAND…`.

A seccomp filter answers the errno to the named calls, for the command and everything that it starts. `NAME:N` means
only those whose third argument is N (how many bytes to read, say). `agent ARGUMENTS…` as command runs the agent in this
process, once its modules are loaded, for calls without which Python cannot start.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "agent"))

from podwright import main as agent
from podwright.kernel import process
from podwright.kernel.libseccomp import ALLOW, EQUAL, Library, errno_action


def main(code: str, calls: str, *command: str) -> None:
    """Install the filter and become the command."""
    if command[0] == "agent":
        for module in ("cli.fetch", "cli.image", "stage0.acquire", "stage0.oci.acquire"):
            importlib.import_module(f"podwright.{module}")
    library = Library()
    with library.rules(ALLOW) as rules:
        for call in calls.split(","):
            name, _, third = call.partition(":")
            number = library.number(name)
            assert number is not None and number >= 0, name
            compare = (2, EQUAL, int(third), 0) if third else None
            rules.add(errno_action(getattr(errno, code)), number, compare)
        program = rules.export()
    process.no_new_privileges()
    process.install_filter(program)
    if command[0] == "agent":
        sys.exit(agent.main(list(command[1:])))
    os.execv(command[0], command)


main(*sys.argv[1:])
