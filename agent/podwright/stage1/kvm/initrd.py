# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first file system of a pod's machine: that of the stage1 image, and behind it our own code.

So the code in a guest is always the host's: both halves of a pod are one version. The code is
compiled here, when the guest's interpreter has the same form of compiled files; else it travels as
source. The result is kept by image and code; who prepares another one removes those that no
version needs any more.
"""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.kernel import fs
from podwright.stage1.kvm import cpio
from podwright.stage1.kvm.bundle import open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podwright.stage1.kvm.bundle import Bundle

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
PACKAGE = "podwright"
ENDING = ".initrd"
FOLDERS = ("guest", "kernel", "model", "stage2", "stage1/namespaces", "stage1/kvm")
"""What a guest may import, with what lies directly in the package, in `host` and in `net`."""
FLAT = ("", "host", "net", "stage1")
NOT = ("main.py", "modulecache.py", "slimcode.py")
CHUNK = 1 << 20


def prepare(bundle: Bundle, directory: str, mode: int = 0o600) -> str:
    """The file for a machine of this image, made when it is not there; `directory` is ours alone to write.

    Raises HostError.
    """
    stamps = sources()
    path = f"{directory}/{_name(bundle, stamps)}"
    if os.path.exists(path):
        return path
    try:
        fs.ensure_dir(directory, 0o700 if mode & 0o077 == 0 else 0o711)
        _write(bundle, [name for name, _ in stamps], path, mode)
        _prune(directory, bundle, path)
    except OSError as err:
        raise HostError(
            f"{path} cannot be written: {err.strerror}", "make room and try again", object=path
        ) from None
    return path


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


def _name(bundle: Bundle, stamps: object) -> str:
    from _blake2 import blake2b

    said = repr((TREE, bundle.magic, bundle.python, stamps)).encode()
    return f"{bundle.image_id[:71]}-{blake2b(said, digest_size=8).hexdigest()}{ENDING}"


def _write(bundle: Bundle, names: list[str], path: str, mode: int) -> None:
    temporary = f"{path}.{os.getpid()}.new"
    fs.unlink(temporary)
    fs.write_new(temporary, b"".join(_pieces(bundle, names)), mode, durable=False)
    fs.rename(temporary, path, durable=False)


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


def _prune(directory: str, bundle: Bundle, keep: str) -> None:
    """Remove what was made of the same image and other code; who has it open keeps it."""
    for name in os.listdir(directory):
        if name.startswith(bundle.image_id[:71]) and f"{directory}/{name}" != keep:
            fs.unlink(f"{directory}/{name}")
