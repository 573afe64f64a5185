# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that start a pod, in one file: finding and opening a hundred of them takes 3 ms.

The file lies beside the compiled filters, in the data directory's cache, where only root can
write. A module comes from it while its source is still the same file, by size, inode and both
times; everything else is imported as usual. It is written when a start had to import something
that it did not hold.
"""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Optional

    Stamp = tuple[int, int, int, int]
    Entry = tuple[Stamp, bool, int, int]

FORMAT = 2
MOST = 16 << 20
TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGE = __name__.partition(".")[0]


class Cache:
    """Finds and loads modules of `data`, a cache file that was read; put into sys.meta_path.

    complete  nothing of ours was asked for that it does not hold
    """

    def __init__(self, path: str, entries: dict[str, Entry], data: bytes) -> None:
        self.path = path
        self.entries = entries
        self.data = memoryview(data)
        self.complete = True

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> Optional[ModuleSpec]:
        """The module, when it is held and its source has not changed."""
        if not name.startswith(f"{PACKAGE}."):
            return None
        entry = self.entries.get(name)
        if entry is None or entry[0] != _stamp(_source(name, entry[1])):
            self.complete = False
            return None
        source = _source(name, entry[1])
        loader: Any = self
        spec = type(__spec__)(name, loader, origin=source, is_package=entry[1])
        if entry[1]:
            spec.submodule_search_locations = [os.path.dirname(source)]
        spec.has_location = True
        return spec

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        """As Python does it itself."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        _, _, start, end = self.entries[module.__name__]
        exec(marshal.loads(self.data[start:end]), module.__dict__)


def use(directory: str) -> Cache:
    """Import from the cache in `directory` from now on, if there is one."""
    path = f"{directory}/modules.{sys.implementation.cache_tag}"
    entries, data = _read(path)
    cache = Cache(path, entries, data)
    sys.meta_path.insert(0, cache)
    return cache


def done() -> None:
    """All that starts a pod is loaded: let the cache go, and write it anew where it lacked something."""
    for index, finder in enumerate(sys.meta_path):
        if isinstance(finder, Cache):
            del sys.meta_path[index]
            finder.data = memoryview(b"")  # each module that came from it refers to it
            if not finder.complete:
                _write_apart(finder.path)
            return


def _source(name: str, package: bool) -> str:
    return f"{TREE}/{name.replace('.', '/')}" + ("/__init__.py" if package else ".py")


def _stamp(path: str) -> Optional[Stamp]:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def _read(path: str) -> tuple[dict[str, Entry], bytes]:
    """Index and content of a cache file that only we could have written; else nothing."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return {}, b""
    try:
        found = os.fstat(fd)
        if found.st_uid != os.geteuid() or found.st_mode & 0o170077 != 0o100000:
            return {}, b""
        data = os.read(fd, min(found.st_size, MOST))
    finally:
        os.close(fd)
    try:
        form, tree, entries, size = marshal.loads(
            memoryview(data)[8 : 8 + int.from_bytes(data[:8], "little")]
        )
    except (ValueError, EOFError, TypeError):
        return {}, b""
    if (form, tree, size) != (FORMAT, TREE, len(data)):
        return {}, b""
    return entries, data


def _write_apart(path: str) -> None:
    """Write the cache in a child: compiling takes memory, which a pod would keep."""
    try:
        child = os.fork()
    except OSError:
        return
    if child == 0:
        try:
            from podwright.kernel import step

            step.off()  # what is not written is written by the next start
            _write(path)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def _write(path: str) -> None:
    """Write what is imported now; a cache that cannot be written costs time, not the pod."""
    from podwright import slimcode

    codes: list[bytes] = []
    entries: dict[str, Entry] = {}
    at = 0
    for name, module in sorted(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if not name.startswith(f"{PACKAGE}.") or spec is None or not spec.origin:
            continue
        package = spec.submodule_search_locations is not None
        stamp = _stamp(_source(name, package))
        if stamp is not None:
            code = slimcode.of(_source(name, package))
            entries[name] = (stamp, package, at, at + len(code))
            codes.append(code)
            at += len(code)
    _store(path, entries, b"".join(codes))


def _store(path: str, entries: dict[str, Entry], codes: bytes) -> None:
    from podwright.kernel import fs

    def index(base: int, size: int) -> bytes:
        placed = {n: (s, p, base + a, base + b) for n, (s, p, a, b) in entries.items()}
        return marshal.dumps((FORMAT, TREE, placed, size), 2)

    base = 8 + len(index(1 << 24, 1 << 24))
    head: Any = index(base, base + len(codes))
    directory = os.path.dirname(path)
    try:
        fs.ensure_dir(directory, 0o700)
        found = os.lstat(directory)
        if found.st_uid == os.geteuid() and found.st_mode & 0o170022 == 0o040000:
            fs.write_atomic(path, len(head).to_bytes(8, "little") + head + codes, 0o600)
    except OSError:
        return
