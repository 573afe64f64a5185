# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a virtual machine of the test bed at hand, and run commands in it.

    python -m tests.vm.shell start lab --recipe selinux     # builds what is missing, boots, says when it answers
    python -m tests.vm.shell run lab -- podwright --version # the checkout's agent, as it is now
    python -m tests.vm.shell run lab                        # a shell
    ssh -F "$(python -m tests.vm.shell config lab)" guest   # the same with ssh, for scp and Ansible
    python -m tests.vm.shell stop lab

The checkout is at /checkout in the guest, live and read-only. `podwright` there is its agent. The guest's disk is as
new at each start. All of it lies in .cache/vm/guests/NAME: console (what the kernel says), qemu.log, ssh_config.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.vm import images, machine
from tests.vm.recipes import RECIPES

PLACE = images.PLACE / "guests"
LINK = "ln -sf /checkout/agent/bin/podwright /usr/local/bin/podwright"


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, use and stop virtual machines."""
    options = _parser().parse_args(arguments)
    state = PLACE / options.name
    guest = machine.found(state)
    if options.verb == "start":
        return _start(state, guest, options)
    if options.verb == "stop":
        if guest is not None:
            guest.end()
        shutil.rmtree(state, ignore_errors=True)
        return 0
    if guest is None:
        print(f"{options.name} does not run: start it with 'start {options.name}'", file=sys.stderr)
        return 1
    if options.verb == "config":
        print(guest.ssh_config)
        return 0
    return _run(guest, options.command)


def _start(state: Path, guest: machine.Machine | None, options: argparse.Namespace) -> int:
    if guest is not None:
        print(f"{options.name} runs already; 'stop {options.name}' ends it")
        return 0
    disk = images.image(RECIPES[options.recipe])
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    print(f"{options.name}: booting {options.recipe} (half a minute or more)", flush=True)
    begun = time.monotonic()
    devices = shlex.split(options.devices)
    guest = machine.boot(disk, state, append=options.append, devices=devices, detached=True)
    guest.ok("sh", "-c", LINK)
    print(f"{options.name} answers after {time.monotonic() - begun:.0f} s")
    return 0


def _run(guest: machine.Machine, command: Sequence[str]) -> int:
    words = list(command[1:] if command[:1] == ["--"] else command)
    terminal = ["-t"] if not words and sys.stdin.isatty() else []
    line = guest.ssh(*terminal)
    os.execvp(line[0], [*line, *([shlex.join(words)] if words else [])])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.vm.shell",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    start = verbs.add_parser("start", help="boot a machine that goes on until it is stopped")
    start.add_argument("--recipe", choices=list(RECIPES), default="plain", help="which machine")
    start.add_argument("--append", default="", help="further arguments of its kernel")
    start.add_argument("--devices", default="", help="further arguments of QEMU")
    run = verbs.add_parser("run", help="run a command as root, or a shell")
    config = verbs.add_parser("config", help="print the path of the configuration for ssh -F")
    stop = verbs.add_parser("stop", help="end it; nothing of it is left")
    for verb in (start, run, config, stop):
        verb.add_argument("name", help="what the machine is called")
    run.add_argument("command", nargs=argparse.REMAINDER, help="the command, after --")
    return parser


if __name__ == "__main__":
    sys.exit(main())
