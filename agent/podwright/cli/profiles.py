# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""--cpuprofile and --memprofile: where a call's time and memory went."""

from __future__ import annotations

import os

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

        for path, option in ((cpu, "--cpuprofile"), (memory, "--memprofile")):
            if path:
                os.close(_open(path, option))  # refused before anything is done
        profile = cProfile.Profile()
        if memory:
            tracemalloc.start()
        try:
            return profile.runcall(handler, *args) if cpu else handler(*args)
        finally:
            if memory:
                _write(tracemalloc.take_snapshot().dump, memory, "--memprofile")
                tracemalloc.stop()
            if cpu:
                _write(profile.dump_stats, cpu, "--cpuprofile")

    return watched


def _write(dump: Callable[[str], object], path: str, option: str) -> None:
    fd = _open(path, option)
    try:
        dump(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def _open(path: str, option: str) -> int:
    """The file, made when missing, where nobody else has led us (`ownpath`)."""
    from podwright.errors import UsageError
    from podwright.kernel import ownpath
    from podwright.text import safe

    try:
        return ownpath.open_file(os.path.abspath(path), os.O_WRONLY | os.O_CREAT, 0o600)
    except OSError as err:
        raise UsageError(
            f"{option}: {safe(path, 200)} cannot be written: {err.strerror}",
            "choose a path below directories that only you can change",
            object=safe(path, 200),
        ) from None
