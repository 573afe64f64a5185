# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our modules in one file of the guest's: finding and opening a hundred of them takes longer than
running them. Also the code that runs before all else there, so nothing of ours is imported here.
"""

from __future__ import annotations

import marshal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Optional

PATH = "/agent/modules"
"""Eight bytes with the length of an index, the index, and the code that it points into."""
BOOT = "/agent/boot"
"""This module's code, for the first process."""


def pack(codes: dict[str, tuple[bool, bytes]]) -> bytes:
    """The file, of modules' names: whether each is a package, and its code, marshalled."""
    index, at = {}, 0
    for name, (package, code) in sorted(codes.items()):
        index[name] = (package, at, at + len(code))
        at += len(code)
    head = marshal.dumps(index, 4)
    body = b"".join(code for _, (_, code) in sorted(codes.items()))
    return len(head).to_bytes(8, "little") + head + body


class Finder:
    """Finds and loads modules of such a file; for sys.meta_path."""

    def __init__(self, data: bytes) -> None:
        start = 8 + int.from_bytes(data[:8], "little")
        self.index: dict[str, tuple[bool, int, int]] = marshal.loads(data[8:start])
        self.body = memoryview(data)[start:]

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> Optional[ModuleSpec]:
        """The module, when it is here."""
        found = self.index.get(name)
        if found is None:
            return None
        make: Any = type(sys.__spec__)
        spec: ModuleSpec = make(name, self, origin=PATH, is_package=found[0])
        return spec

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        """As Python does it itself."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        _, start, end = self.index[module.__name__]
        exec(marshal.loads(self.body[start:end]), module.__dict__)


def begin() -> None:
    """Import ours from the file from now on, and be the guest."""
    with open(PATH, "rb", 0) as file:
        sys.meta_path.insert(0, Finder(file.read()))
    import podwright.guest.init

    podwright.guest.init.main()
