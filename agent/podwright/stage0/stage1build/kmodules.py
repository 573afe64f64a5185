# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of a kernel: which ones are needed for a name, in the order in which they must be loaded."""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.stage0.stage1build import elf
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SUFFIXES = (".ko", ".ko.gz", ".ko.xz", ".ko.zst")


@value
class Module:
    """One file, decompressed: its name, and those that it needs, in the order of the file."""

    name: str
    data: bytes
    depends: tuple[str, ...]


def information(data: bytes) -> dict[str, str]:
    """What `.modinfo` says; of what it says several times, the last."""
    lines = elf.section(data, b".modinfo").split(b"\0")
    pairs = (line.decode("utf-8", "replace").partition("=") for line in lines if line)
    return {key: text for key, _, text in pairs}


def parse(name: str, data: bytes) -> Module:
    """A module's file. Raises UsageError."""
    said = information(data).get("depends", "")
    return Module(name, data, tuple(plain(one) for one in said.split(",") if one))


def plain(name: str) -> str:
    """A module's name as the kernel has it."""
    return name.replace("-", "_")


def ordered(
    wanted: Iterable[str], load: Callable[[str], Module | None], built_in: Iterable[str]
) -> list[Module]:
    """The modules that are wanted and those below them, each after what it needs.

    load      a module by its name, None when there is no such file
    built_in  what the kernel has in itself

    Raises HostError when one that others need is missing; a wanted one that is missing is left out.
    """
    out: dict[str, Module] = {}
    inside = set(built_in)

    def visit(name: str, user: str) -> None:
        if name in out or name in inside:
            return
        module = load(name)
        if module is None:
            if not user:
                return
            raise HostError(f"kernel module {safe(name, 80)}, which {user} needs, is missing")
        for below in module.depends:
            visit(below, name)
        out[name] = module

    for name in wanted:
        visit(name, "")
    return list(out.values())


def index(modules: Iterable[Module]) -> bytes:
    """A line for each module, in order: its name, its file, what it needs."""
    lines = (" ".join((one.name, f"{one.name}.ko", *one.depends)) for one in modules)
    return "".join(f"{line}\n" for line in lines).encode()


class Folder:
    """The modules of one kernel in a directory like /lib/modules/RELEASE."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._files: dict[str, str] = {}
        for directory, _, names in os.walk(path):
            for name in names:
                stem, dot, rest = name.partition(".")
                if dot + rest in SUFFIXES:
                    self._files[plain(stem)] = f"{directory}/{name}"
        if not self._files:
            raise HostError(
                f"{safe(path, 300)} holds no kernel modules",
                "name the directory of one kernel: /lib/modules/RELEASE",
                object=safe(path, 300),
            )

    def load(self, name: str) -> Module | None:
        """One of them."""
        path = self._files.get(name)
        return None if path is None else parse(name, decompressed(path))

    def built_in(self) -> set[str]:
        """Names of what is no module but part of the kernel."""
        try:
            with open(f"{self.path}/modules.builtin", encoding="utf-8") as file:
                return {plain(os.path.basename(line.strip())[:-3]) for line in file}
        except OSError:
            return set()

    def release(self) -> str:
        """Of which kernel they are, as uname -r says it."""
        name = next(iter(self._files))
        module = self.load(name)
        assert module is not None
        return information(module.data).get("vermagic", "").partition(" ")[0]


def decompressed(path: str) -> bytes:
    """A module's file as the kernel wants it. Raises HostError."""
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".xz"):
        import lzma

        return lzma.decompress(data)
    if path.endswith(".gz"):
        import gzip

        return gzip.decompress(data)
    return _zstd(data) if path.endswith(".zst") else data


def _zstd(data: bytes) -> bytes:
    from podwright.host import distpackages

    distpackages.enable()
    try:
        import zstandard
    except ImportError:
        raise HostError(
            "this kernel's modules are compressed by zstd", "install python3-zstandard"
        ) from None
    plain: bytes = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return plain
