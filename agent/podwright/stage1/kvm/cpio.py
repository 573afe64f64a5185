# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives for the kernel's first file system, in the one form that it reads: "newc" (the kernel's
Documentation/driver-api/early-userspace/buffer-format.rst). The same files give the same bytes. Pure.

Several archives may follow each other; a later one adds to what the earlier ones made, so each
ends on a multiple of four bytes.
"""

from __future__ import annotations

import stat

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAGIC = b"070701"
TRAILER = "TRAILER!!!"
ALIGN = 4


@value
class Node:
    """One thing in the archive; everything belongs to root and is as old as the epoch.

    name    relative, without a leading slash
    mode    kind and permissions, as stat(2) has them
    data    of a file, or a symbolic link's target
    device  (major, minor) of a device node
    """

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def file(name: str, data: bytes, mode: int = 0o644) -> Node:
    """A regular file."""
    return Node(name, stat.S_IFREG | mode, data)


def directory(name: str, mode: int = 0o755) -> Node:
    """A directory."""
    return Node(name, stat.S_IFDIR | mode)


def link(name: str, target: str) -> Node:
    """A symbolic link."""
    return Node(name, stat.S_IFLNK | 0o777, target.encode())


def device(name: str, major: int, minor: int, mode: int = 0o600) -> Node:
    """A character device."""
    return Node(name, stat.S_IFCHR | mode, b"", (major, minor))


def with_parents(nodes: Iterable[Node]) -> list[Node]:
    """The nodes in order of their names, and the directories that nobody mentioned before them."""
    known = {node.name: node for node in nodes}
    for name in list(known):
        above = name.rpartition("/")[0]
        while above:
            known.setdefault(above, directory(above))
            above = above.rpartition("/")[0]
    return [known[name] for name in sorted(known)]


def archive(nodes: Iterable[Node]) -> Iterator[bytes]:
    """The bytes of an archive, in pieces; parents must come before what is in them."""
    number = 0
    for number, node in enumerate(nodes, 1):
        yield from _member(node, number)
    yield from _member(Node(TRAILER, 0), 0)


def _member(node: Node, number: int) -> Iterator[bytes]:
    name = node.name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(node.mode) else 1
    fields = (number, node.mode, 0, 0, links, 0, len(node.data), 0, 0, *node.device, len(name), 0)
    head = MAGIC + b"".join(b"%08x" % field for field in fields) + name
    yield head + bytes(-len(head) % ALIGN)
    if node.data:
        yield node.data
        yield bytes(-len(node.data) % ALIGN)
