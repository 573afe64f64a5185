# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of an OCI image as one tree, without unpacking: for people who are not root too.

Each layer is read twice. The first time, only names are kept: what a layer adds, replaces and
hides, by the rules of `stage0/render/layer.py`. The second time, the content that is left is handed on in
the order of the layers. A hard link to a file that a later layer replaces keeps its content.
"""

from __future__ import annotations

from podwright.model import convert, ociplatform
from podwright.model.oci import refused
from podwright.model.ociref import PathRef, path_name
from podwright.stage0.build import layout
from podwright.stage0.build.entries import member_of
from podwright.stage0.build.members import Material, Member
from podwright.stage0.platform import host_arch
from podwright.stage0.render import decompress, tarfields, tarread
from podwright.stage0.render.tarread import DIRECTORY, FILE, HARDLINK
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Union

    from podwright.model.oci import Platform
    from podwright.stage0.build.layout import LayoutImage
    from podwright.stage0.build.scan import Rules
    from podwright.stage0.render.tarread import Entry, Source

MAX_ENTRIES = 1_000_000
ARCHITECTURES = ("amd64", "aarch64", "i386", "aarch64_be", "armv7l", "armv6l", "ppc64le")
_AUFS, _OPAQUE, _WHITEOUT = b".wh..wh.", b".wh..wh..opq", b".wh."


def material(path: str, reference: str, rules: Rules, arch: str = "") -> Material:
    """What an image can be built of: an OCI image's converted manifest and its merged tree."""
    image = layout.read(path, reference, arch or host_arch())
    merged = _merge(image)
    return Material(_manifest(image), lambda _warn: _members(image, merged, rules))


def _manifest(image: LayoutImage) -> dict[str, Any]:
    """The appc manifest without a name, which the build must give."""
    where = f"oci:{image.path}"
    labels = [("os", image.config.platform.os), ("arch", appc_arch(image.config.platform, where))]
    if image.tag:
        labels.insert(0, ("version", image.tag))
    origin = convert.Origin(where, image.descriptor.digest, image.config_descriptor.digest)
    name = path_name(PathRef("oci", "image", ""))
    made: dict[str, Any] = convert.convert(image.config, name, tuple(labels), origin).raw
    del made["name"]
    # A path of this host does not belong into an image that is the same wherever it is built.
    made["annotations"] = [
        item for item in made["annotations"] if item["name"] != "appc.io/docker/originalname"
    ]
    return made


def appc_arch(platform: Platform, where: str) -> str:
    """The appc word for a platform's architecture."""
    ranked = [(ociplatform.fits(platform, arch), arch) for arch in ARCHITECTURES]
    fitting = [(rank, arch) for rank, arch in ranked if rank >= 0]
    if not fitting:
        raise refused(where, f"is for {safe(platform.os, 40)}/{safe(platform.architecture, 40)}")
    return min(fitting)[1]


class _Node:
    """Something that is not a directory: the entry of one number in one layer, under its names."""

    __slots__ = ("layer", "number")

    def __init__(self, layer: int, number: int) -> None:
        self.layer, self.number = layer, number


class _Dir:
    """A directory: `meta` None until a member names it, `opaque` hides what lower layers have."""

    __slots__ = ("children", "hidden", "meta", "opaque")

    def __init__(self) -> None:
        self.meta: Member | None = None
        self.children: dict[bytes, Union[_Dir, _Node]] = {}
        self.hidden: set[bytes] = set()
        self.opaque = False

    def below(self, path: bytes) -> _Dir:
        """The directory at a path, made where there is none."""
        found = self
        for part in path.split(b"/") if path else ():
            inner = found.children.get(part)
            if not isinstance(inner, _Dir):
                inner = found.children[part] = _Dir()
            found = inner
        return found

    def find(self, path: bytes) -> Union[_Dir, _Node, None]:
        """What is at a path."""
        found: Union[_Dir, _Node, None] = self
        for part in path.split(b"/"):
            found = found.children.get(part) if isinstance(found, _Dir) else None
        return found

    def put(self, upper: _Dir) -> None:
        """Lay another tree over this one."""
        if upper.opaque:
            self.children.clear()
        self.meta = upper.meta or self.meta
        for name in upper.hidden:
            self.children.pop(name, None)
        for name, new in upper.children.items():
            old = self.children.get(name)
            if isinstance(new, _Dir):
                if not isinstance(old, _Dir):
                    old = self.children[name] = _Dir()
                old.put(new)
            else:
                self.children[name] = new


def _merge(image: LayoutImage) -> _Dir:
    root = _Dir()
    count = 0
    for index in range(len(image.layers)):
        own = _Dir()
        for number, entry, source in _entries(image, index, check=True):
            count += 1
            if count > MAX_ENTRIES:
                raise tarfields.broken(f"its layers have more than {MAX_ENTRIES} members")
            _take(own, root, entry, index, number)
            if entry.kind == FILE:
                source.skip(entry.size)
        root.put(own)
    return root


def _take(own: _Dir, lower: _Dir, entry: Entry, layer: int, number: int) -> None:
    """Note one member of a layer."""
    if entry.name == b".":
        own.meta = member_of(b"", entry)
        return
    above, _, last = entry.name.rpartition(b"/")
    if _AUFS in entry.name and last != _OPAQUE:
        return
    parent = own.below(above)
    if last == _OPAQUE:
        parent.opaque = True
    elif last.startswith(_WHITEOUT):
        if last[len(_WHITEOUT) :] in (b"", b".", b".."):
            raise tarfields.broken(f"{safe(entry.name, 200)!r} is a whiteout of nothing")
        parent.hidden.add(last[len(_WHITEOUT) :])
    elif entry.kind == DIRECTORY:
        own.below(entry.name).meta = member_of(entry.name, entry)
    elif entry.kind in (tarread.CHAR, tarread.BLOCKDEV):
        if above.partition(b"/")[0] != b"dev":
            raise tarfields.broken(
                f"{safe(entry.name, 200)!r} is a device node, which an image may not bring"
            )
    elif entry.kind == HARDLINK:
        target = own.find(entry.link) or lower.find(entry.link)
        if not isinstance(target, _Node):
            raise tarfields.broken(f"hard link {safe(entry.name, 200)!r} leads to no file")
        parent.children[last] = target
    else:
        parent.children[last] = _Node(layer, number)


def _entries(image: LayoutImage, index: int, *, check: bool) -> Iterator[tuple[int, Entry, Source]]:
    """(number, entry, source of its content) of one layer; the plain bytes are hashed."""
    from hashlib import sha256

    where = f"oci:{image.path}"
    hashed = sha256()

    def plain() -> Iterator[bytes]:
        raw = layout.chunks(image.path, image.layers[index], where)
        for piece in decompress.plain(raw, decompress.Limits()):
            hashed.update(piece)
            yield piece

    source = tarread.Source(plain())
    for number, entry in enumerate(tarread.entries(source, tarfields.clean_layer)):
        yield number, entry, source
    if f"sha256:{hashed.hexdigest()}" != image.config.diff_ids[index]:
        raise refused(
            where,
            f"layer {index} is not the one that its configuration names",
            reason="bad-digest",
        )


def _members(image: LayoutImage, root: _Dir, rules: Rules) -> Iterator[Member]:
    """Directories first, then everything else in the order of the layers."""
    names: dict[tuple[int, int], list[bytes]] = {}
    yield from (_ruled(member, rules) for member in _directories(root, b"", names))
    for index in range(len(image.layers)):
        wanted = sum(layer == index for layer, _ in names)
        if not wanted:
            continue
        for number, entry, source in _entries(image, index, check=False):
            found = names.get((index, number))
            if found is None:
                if entry.kind == FILE:
                    source.skip(entry.size)
                continue
            for member in _named(found, entry, source):
                yield _ruled(member, rules)


def _named(names: list[bytes], entry: Entry, source: Source) -> Iterator[Member]:
    """One entry under all its names; only files are linked to each other in an ACI."""
    first, *others = names
    yield member_of(first, entry, source)
    for other in others:
        member = member_of(other, entry, source)
        if entry.kind == FILE:
            member.kind, member.link = HARDLINK, first
        yield member


def _directories(
    at: _Dir, name: bytes, names: dict[tuple[int, int], list[bytes]]
) -> Iterator[Member]:
    """The directories, parents first; fills `names` with what else there is."""
    meta = at.meta
    if meta is None:
        meta = Member(name, DIRECTORY, 0o755)
    yield meta
    for part in sorted(at.children):
        child, path = at.children[part], name + b"/" + part if name else part
        if isinstance(child, _Dir):
            yield from _directories(child, path, names)
        else:
            names.setdefault((child.layer, child.number), []).append(path)


def _ruled(member: Member, rules: Rules) -> Member:
    if rules.owner is not None:
        member.uid, member.gid = rules.owner
    if rules.latest is not None:
        member.mtime = min(member.mtime, rules.latest)
    return member
