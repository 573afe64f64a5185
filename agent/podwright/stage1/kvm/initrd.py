# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first file system of a pod's machine: that of the stage1 image, and behind it our own code.

So the code in a guest is always the host's: both halves of a pod are one version. The code is
compiled here, when the guest's interpreter has the same form of compiled files; else it travels as
source. The result is kept by image and code, its size in its name, so that one that is damaged is seen
and made anew. Who prepares another one removes those of the same image that nobody has used lately.
"""

from __future__ import annotations

import os
import stat
import time

from podwright.errors import HostError
from podwright.host.lock import HostLock
from podwright.kernel import fs
from podwright.stage1.kvm import cpio
from podwright.stage1.kvm.bundle import open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import Optional

    from podwright.stage1.kvm.bundle import Bundle

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
PACKAGE = "podwright"
ENDING = ".initrd"
FOLDERS = ("guest", "kernel", "model", "stage2", "stage1/namespaces", "stage1/kvm")
"""What a guest may import, with what lies directly in the package, in `host` and in `net`."""
FLAT = ("", "host", "net", "stage1")
NOT = ("main.py", "modulecache.py", "slimcode.py")
LOCK = ".lock"
NEW = ".new"
IDENTITY = 71
"""Characters of an image ID, which names begin with."""
UNUSED = 600.0
"""Seconds after which nobody starts a machine any more with what he was handed."""
PATIENCE = 120.0


def prepare(bundle: Bundle, directory: str, mode: int = 0o600) -> str:
    """The file for a machine of this image, made when it is not there; `directory` is ours alone to write.

    Raises HostError.
    """
    stamps = sources()
    stem = f"{directory}/{_stem(bundle, stamps)}"
    try:
        fs.ensure_dir(directory, 0o700 if mode & 0o077 == 0 else 0o711)
        with _lock(directory):
            path = _kept(directory, stem)
            if path is None:
                path = _write(bundle, [name for name, _ in stamps], stem, mode)
                _prune(directory, bundle, path, stem)
            fs.mark_used(path)
    except OSError as err:
        raise HostError(
            f"{stem}{ENDING} cannot be written: {err.strerror}",
            "make room and try again",
            object=f"{stem}{ENDING}",
        ) from None
    return path


def _lock(directory: str) -> HostLock:
    """What makes, marks or removes files of the directory holds it."""
    return HostLock(f"{directory}/{LOCK}", "preparing a virtual machine", PATIENCE)


def _kept(directory: str, stem: str) -> Optional[str]:
    """The file of that image and code, when it is as long as it was made."""
    prefix = os.path.basename(stem) + "-"
    for name in os.listdir(directory):
        if name.startswith(prefix) and name.endswith(ENDING):
            found = os.lstat(f"{directory}/{name}")
            whole = name[len(prefix) : -len(ENDING)] == str(found.st_size)
            if whole and stat.S_ISREG(found.st_mode):
                return f"{directory}/{name}"
    return None


def sources() -> list[tuple[str, tuple[int, int]]]:
    """The guest's part of our source files, relative to the tree, with sizes and times."""
    out = []
    for folder, deep in (*((name, False) for name in FLAT), *((name, True) for name in FOLDERS)):
        out += list(_folder(f"{PACKAGE}/{folder}".rstrip("/"), deep))
    return sorted(out)


def _folder(folder: str, deep: bool) -> Iterator[tuple[str, tuple[int, int]]]:
    with os.scandir(f"{TREE}/{folder}") as entries:
        for entry in entries:
            path = f"{folder}/{entry.name}"
            if entry.name.endswith(".py") and entry.name not in NOT:
                found = entry.stat()
                yield path, (found.st_size, found.st_mtime_ns)
            elif deep and entry.name != "__pycache__" and entry.is_dir(follow_symlinks=False):
                yield from _folder(path, deep)


def _stem(bundle: Bundle, stamps: object) -> str:
    from _blake2 import blake2b

    said = repr((TREE, bundle.magic, bundle.python, stamps)).encode()
    return f"{bundle.image_id[:IDENTITY]}-{blake2b(said, digest_size=8).hexdigest()}"


def _write(bundle: Bundle, names: list[str], stem: str, mode: int) -> str:
    """Make it, durably: what has its name is whole, also after a loss of power. The lock is held."""
    data = b"".join(_pieces(bundle, names))
    path = f"{stem}-{len(data)}{ENDING}"
    fs.unlink(f"{stem}{NEW}")
    fs.write_new(f"{stem}{NEW}", data, mode)
    if os.path.isdir(path) and not os.path.islink(path):
        fs.remove_tree(path)
    fs.rename(f"{stem}{NEW}", path)
    return path


def _pieces(bundle: Bundle, names: list[str]) -> Iterator[bytes]:
    with open(open_file(bundle, bundle.initramfs), "rb") as file:
        data = file.read()
    yield data
    yield bytes(-len(data) % cpio.ALIGN)
    yield from cpio.archive(cpio.with_parents(nodes(bundle, names)))


def nodes(bundle: Bundle, names: Iterable[str]) -> list[cpio.Node]:
    """Our code and the first program, as files of the guest."""
    if bundle.magic != _magic():
        out = [cpio.file(f"agent/{name}", _source(name)) for name in names]
        return [*out, cpio.file("init", _script(bundle, SOURCES), 0o755)]
    from podwright import slimcode
    from podwright.guest import codefile

    codes = {}
    for name in names:
        package = name.endswith("/__init__.py")
        stem = name[: -len("/__init__.py")] if package else name[:-3]
        codes[stem.replace("/", ".")] = (package, slimcode.of(f"{TREE}/{name}"))
    boot = codes[codefile.__name__][1]
    return [
        cpio.file(codefile.PATH.lstrip("/"), codefile.pack(codes)),
        cpio.file(codefile.BOOT.lstrip("/"), boot),
        cpio.file("init", _script(bundle, COMPILED), 0o755),
    ]


COMPILED = """import marshal
names = {"__name__": "podwright_boot"}
with open("/agent/boot", "rb", 0) as file:
    exec(marshal.loads(file.read()), names)
names["begin"]()
"""
SOURCES = """import sys
sys.path.insert(0, "/agent")
from podwright.guest import init
init.main()
"""


def _script(bundle: Bundle, text: str) -> bytes:
    return f"#!{bundle.python} -ISB\n{text}".encode()


def _magic() -> str:
    from importlib._bootstrap_external import MAGIC_NUMBER

    return MAGIC_NUMBER.hex()


def _source(name: str) -> bytes:
    with open(f"{TREE}/{name}", "rb") as file:
        return file.read()


def _prune(directory: str, bundle: Bundle, keep: str, stem: str) -> None:
    """Remove what is damaged, and what was made of the same image and other code that nobody starts now."""
    for name in os.listdir(directory):
        path = f"{directory}/{name}"
        if path == keep or not name.startswith(bundle.image_id[:IDENTITY]):
            continue
        if path.startswith(stem) or name.endswith(NEW) or _is_old(path):
            fs.remove_tree(path)


def _is_old(path: str) -> bool:
    found = os.lstat(path)
    return max(found.st_atime, found.st_mtime) < time.time() - UNUSED


def sweep(directory: str, stored: Callable[[], Collection[str]]) -> list[str]:
    """Remove what was made of images that the store has no more, and what was never finished; the names."""
    if not os.path.isdir(directory):
        return []
    with _lock(directory):
        images = {image_id[:IDENTITY] for image_id in stored()}
        gone = [
            name
            for name in sorted(os.listdir(directory))
            if name != LOCK and (name[:IDENTITY] not in images or name.endswith(NEW))
        ]
        for name in gone:
            fs.remove_tree(f"{directory}/{name}")
    return gone
