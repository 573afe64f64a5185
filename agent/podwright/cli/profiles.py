# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""--cpuprofile and --memprofile: where a call's time and memory went."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from podwright.cli.options import Arguments


def around(handler: Callable[..., int], asked: Arguments) -> Callable[..., int]:
    """The verb's handler, watched; what was seen is written when it returns or fails."""
    cpu, memory = asked.text("cpuprofile"), asked.text("memprofile")

    def watched(*args: Any) -> int:
        import cProfile
        import tracemalloc

        profile = cProfile.Profile()
        if memory:
            tracemalloc.start()
        try:
            return profile.runcall(handler, *args) if cpu else handler(*args)
        finally:
            if memory:
                tracemalloc.take_snapshot().dump(memory)
                tracemalloc.stop()
            if cpu:
                profile.dump_stats(cpu)

    return watched
