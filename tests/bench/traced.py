# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the agent with a stamp before and after each of its phases; run by the system's Python, -IS.

    traced.py AGENT-TREE STAMPS-FILE ARGUMENTS...

Each line of the file: seconds (CLOCK_MONOTONIC), process (agent, or init for the pod's PID 1), event.
The modules are loaded in three steps, to see what each costs; a plain run loads the same ones in between.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HIGH = 200
"""Above all that the agent has open, so that closing the rest can leave it out."""
tree, target = sys.argv[1:3]
os.dup2(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND), HIGH, inheritable=False)
FIRST = os.getpid()


def stamp(event: str) -> None:
    """Write one line; the descriptor outlives the pod's change of root."""
    who = "agent" if os.getpid() == FIRST else "init"
    os.write(HIGH, f"{time.monotonic():.6f} {who} {event}\n".encode())


def wrap(module: Any, name: str, phase: str) -> None:
    """Replace module.name by itself with stamps around it."""
    inner = getattr(module, name)

    def outer(*args: Any, **kwargs: Any) -> Any:
        stamp(f"+{phase}")
        try:
            return inner(*args, **kwargs)
        finally:
            stamp(f"-{phase}")

    setattr(module, name, outer)


def main() -> None:
    """Load, wrap, run."""
    stamp("interpreter started")
    sys.path.insert(0, tree)
    from podwright import main as program
    from podwright import modulecache

    data = next(word[6:] for word in sys.argv if word.startswith("--dir="))
    cache = modulecache.use(f"{data}/cache")
    modulecache.use = lambda directory: cache
    stamp("loaded: main")
    from podwright.stage0 import intact, prepare, start

    stamp("loaded: command line, stage0")
    from podwright.host import cgroups
    from podwright.kernel import process
    from podwright.stage1.namespaces import launch, roots
    from podwright.stage2 import app, init, supervise

    stamp("loaded: stage1, stage2")
    closing = process.close_all_but
    process.close_all_but = lambda keep: closing(keep | {HIGH})
    for owner, name, phase in (
        (prepare, "resolve_images", "images: resolve and admit"),
        (prepare, "prepare", "prepare"),
        (intact, "check", "images: as they were stored"),
        (start, "run", "start"),
        (launch, "compile_pod", "plan"),
        (launch, "_filters", "filters"),
        (cgroups, "plan", "cgroups: plan"),
        (cgroups.PodCgroup, "make", "cgroups: make"),
        (cgroups.PodCgroup, "remove", "cgroups: remove"),
        (init, "_settle_in", "namespaces"),
        (roots, "build", "roots"),
        (app, "spawn", "fork of the app"),
        (supervise.Supervisor, "run", "apps"),
        (start, "record_end", "record of the end"),
    ):
        wrap(owner, name, phase)
    leave = program.leave
    status = program.main(sys.argv[3:])
    stamp("end")
    leave(status)


main()
