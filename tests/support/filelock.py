# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build something once, whoever asks first: pytest-xdist workers, quickstart and Molecule share `.cache`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path` (created if missing, never removed, so that no two holders can differ)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def build_once(target: Path, build: Callable[[Path], None]) -> Path:
    """Return `target`, made by `build(partial)` unless it exists already.

    `build` works on a sibling path that is renamed when complete, so an interrupted build never looks finished; what
    an interrupted one left is removed first.
    """
    if target.exists():
        return target
    with locked(target.parent / f".{target.name}.lock"):
        if not target.exists():
            partial = target.parent / f".{target.name}.partial"
            _remove(partial)
            build(partial)
            partial.rename(target)
    return target


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
