# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks by names and links: leave the root, write through a link, link to the host (threats.md T01 to T08)."""

from __future__ import annotations

from collections.abc import Sequence

from tests.hostile.shapes import Collection, Make, shown
from tests.hostile.tarwriter import MANIFEST, Writer

COLLECTION = Collection()
_add = COLLECTION.add
UPS = b"../" * 12


def _named(name: bytes, kind: bytes) -> Make:
    def make(w: Writer, canary: bytes) -> bytes:
        full = name.replace(b"CANARY", canary).replace(b"TOP/", w.top)
        data = b"evil" if kind == b"0" else b""
        return w.archive(
            w.member(full, kind, data, link=canary + b"/file" if kind in b"12" else b"")
        )

    return make


def _then(first: Sequence[tuple[bytes, bytes]], member: str, path: bytes) -> Make:
    """Symbolic links (path, target), then a member at `path`, which leads through one of them."""

    def make(w: Writer, canary: bytes) -> bytes:
        links = [w.symlink(at, to.replace(b"CANARY", canary)) for at, to in first]
        last = {
            "file": lambda: w.file(path, b"evil"),
            "dir": lambda: w.dir(path, 0o777, uid=4242),
            "symlink": lambda: w.symlink(path, b"/etc/shadow"),
            "hardlink": lambda: w.hardlink(path, w.top + b"regular"),
            "fifo": lambda: w.member(w.top + path, b"6"),
        }[member]()
        return w.archive(w.file(b"regular", b"x"), w.dir(b"d2"), *links, last)

    return make


for name in (
    b"../canary/file", b"TOP/../canary/file", b"TOP/a/../../canary/file", UPS + b"canary/file", b"..", b"TOP/..", b"",
    b".", b"./../canary/file", b"TOP/\xff/../../x", b"../manifest", b"TOP/a/..",
):  # fmt: skip
    _add("T01", "path leaves the root", shown(name), _named(name, b"0"))
for name in (b"CANARY/file", b"//CANARY/file", b"/", b"//", b"/etc/passwd"):
    below = "contained" if name.strip(b"/") else "refused"  # layers may have /x for x
    _add("T01", "absolute path", shown(name), _named(name, b"0"), layer=below)
for name in (b"TOP/a/./b", b"TOP/a//b", b"TOP/./a", b"TOP//a"):
    _add("T01", "path with empty parts", shown(name), _named(name, b"0"), layer="contained")
for name in (b"../d/", UPS + b"canary/", b"TOP/../d/"):
    _add("T01", "directory leaves the root", shown(name), _named(name, b"5"))
_add("T01", "absolute path", "directory", _named(b"CANARY/", b"5"), layer="contained")
for kind, what in ((b"1", "hard link"), (b"2", "link"), (b"6", "pipe")):
    _add("T01", "other member leaves the root", what, _named(b"../canary/new", kind))

TARGETS = (
    b"CANARY",
    b"..",
    b"/",
    b"../../../..",
    b"/proc/self/root",
    b"/proc/self/cwd",
    b"nowhere",
    b"d2",
)
for target in TARGETS:
    for member in ("file", "dir", "symlink", "hardlink", "fifo"):
        if member in ("file", "dir") or target == b"CANARY":
            _add(
                "T02",
                "through a link",
                f"{member} by {shown(target)}",
                _then([(b"d", target)], member, b"d/file"),
            )
_add(
    "T02",
    "link chain",
    "to the top",
    _then([(b"a", b"b"), (b"b", b"c"), (b"c", b"..")], "file", b"a/canary/file"),
)
_add(
    "T02",
    "link chain",
    "in parts",
    _then([(b"d2/a", b".."), (b"b", b"d2/a/..")], "file", b"b/canary/file"),
)
_add("T02", "link chain", "loop", _then([(b"a", b"b"), (b"b", b"a")], "file", b"a/file"))
_add(
    "T02",
    "link at its own name",
    "file",
    _then([(b"f", b"CANARY/file")], "file", b"f"),
    layer="contained",
)
_add(
    "T02", "link at its own name", "dir", _then([(b"f", b"CANARY")], "dir", b"f"), layer="contained"
)
_add("T06", "metadata through a link", "deep", _then([(b"d", b"CANARY")], "dir", b"d/sub"))
_add(
    "T06",
    "metadata through a link",
    "file",
    _then([(b"l", b"CANARY/file")], "dir", b"l"),
    layer="contained",
)


def _attributes_on_link(w: Writer, canary: bytes) -> bytes:
    marks = w.attributes((b"user.mark", b"evil"))
    return w.archive(marks + w.symlink(b"l", canary + b"/file"))


_add(
    "T06",
    "attributes on a link",
    "user",
    _attributes_on_link,
    aci="contained",
    layer="contained",
    dialects=("ustar",),
)


def _hard(target: bytes) -> Make:
    def make(w: Writer, canary: bytes) -> bytes:
        full = target.replace(b"CANARY", canary).replace(b"TOP/", w.top)
        return w.archive(
            w.symlink(b"link", canary + b"/file"),
            w.dir(b"d2"),
            w.hardlink(b"me", full),
            w.file(b"later"),
            w.file(b"me2"),
        )

    return make


for target in (
    b"CANARY/file", b"../canary/file", UPS + b"canary/file", b"TOP/../canary/file", b"TOP/later", b"TOP/me",
    b"TOP/link",
    b"TOP/d2", b"TOP/link/x", b"TOP/none/x", b"/etc/passwd", b"TOP/d2/../../canary/file", b"",
):  # fmt: skip
    # Layers have hard links to links, which are not followed.
    _add(
        "T03",
        "hard link",
        shown(target),
        _hard(target),
        layer="contained" if target == b"TOP/link" else "refused",
    )
_add("T03", "hard link", "to the manifest", _hard(b"manifest"))
_add("T03", "hard link", "to the record", _hard(b"../image/record.json"))


def _path_max(w: Writer, canary: bytes) -> bytes:
    """CVE-2025-4517: a chain of links that expands to more than PATH_MAX was taken for harmless."""
    part, path, members = b"d" * 247, b"", []
    for letter in b"abcdefghijklmnop":
        members += [w.dir(path + part), w.symlink(path + bytes([letter]), part)]
        path += part + b"/"
    chain = b"/".join(bytes([letter]) for letter in b"abcdefghijklmnop")
    long = chain + b"/" + b"l" * 254
    members += [w.symlink(long, b"../" * 16), w.symlink(b"escape", long + b"/..")]
    return w.archive(*members, w.file(b"escape/canary/file", b"evil"))


def _link_out(w: Writer, canary: bytes) -> bytes:
    """CVE-2025-4330: a hard link to a link that points outside."""
    return w.archive(
        w.symlink(b"l", canary + b"/file"), w.hardlink(b"h", w.top + b"l"), w.file(b"h", b"evil")
    )


def _through_dots(w: Writer, canary: bytes) -> bytes:
    """CVE-2025-4138: `..` in a target after a link to a deep directory."""
    return w.archive(
        w.dir(b"a/b/c"),
        w.symlink(b"deep", b"a/b/c"),
        w.symlink(b"out", b"deep/../../../../canary"),
        w.file(b"out/file", b"evil"),
    )


def _metadata(w: Writer, canary: bytes) -> bytes:
    """CVE-2024-12718: modes and times of what a member's name leads to."""
    return w.archive(w.symlink(b"m", canary), w.dir(b"m/.", 0o777, mtime=1))


def _shallow_hard(w: Writer, canary: bytes) -> bytes:
    """CVE-2026-11940: a hard link nearer to the top to a link whose target was fine further down."""
    return w.archive(
        w.symlink(b"a/b/s", b"../../"),
        w.hardlink(b"h", w.top + b"a/b/s"),
        w.file(b"h/../canary/file", b"evil"),
    )


def _owner_by_link(w: Writer, canary: bytes) -> bytes:
    """CVE-2026-4360: the owner of a file by way of a hard link's header."""
    return w.archive(
        w.file(b"f", b"x", mode=0o4755),
        w.member(w.top + b"g", b"1", link=w.top + b"f", uid=4242, gid=4242, mode=0o777),
    )


_add("T04", "CVE-2025-4517", "longer than PATH_MAX", _path_max, dialects=("gnu", "pax"))
_add("T04", "CVE-2025-4330", "hard link to link", _link_out, layer="contained")
_add("T04", "CVE-2025-4138", "dots after a link", _through_dots)
_add("T04", "CVE-2024-12718", "metadata of the target", _metadata, layer="contained")
_add("T05", "CVE-2026-11940", "shallower hard link", _shallow_hard)
_add(
    "T05", "CVE-2026-4360", "owner by hard link", _owner_by_link, aci="contained", layer="contained"
)


def _top(name: bytes, kind: bytes, *, manifest: bool) -> Make:
    """An archive whose `manifest` or `rootfs` is something else."""

    def make(w: Writer, canary: bytes) -> bytes:
        link = canary + b"/file" if kind in b"12" else b""
        data = b"x" if kind == b"0" else b""
        rest = [w.member(b"manifest", b"0", MANIFEST)] if manifest else [w.member(b"rootfs/", b"5")]
        return b"".join([*rest, w.member(name, kind, data, link=link)]) + bytes(1024)

    return make


for kind, what in (
    (b"1", "hard link"),
    (b"2", "link"),
    (b"3", "char"),
    (b"4", "block"),
    (b"6", "pipe"),
    (b"0", "file"),
):
    if kind != b"0":
        _add(
            "T07",
            "manifest is something else",
            what,
            _top(b"manifest", kind, manifest=False),
            layer="",
        )
    _add("T07", "rootfs is something else", what, _top(b"rootfs", kind, manifest=True), layer="")
    _add("T07", "the top is something else", what, _top(b".", kind, manifest=True), layer="")
_add(
    "T07",
    "manifest is something else",
    "directory",
    _top(b"manifest/", b"5", manifest=False),
    layer="",
)
_add(
    "T07",
    "incomplete",
    "two manifests",
    lambda w, c: w.archive(w.member(b"manifest", data=MANIFEST)),
    layer="",
)
_add("T07", "incomplete", "two roots", lambda w, c: w.archive(w.member(b"rootfs/", b"5")), layer="")
_add("T07", "incomplete", "extra file", lambda w, c: w.archive(w.member(b"extra")), layer="")
_add(
    "T07",
    "incomplete",
    "extra directory",
    lambda w, c: w.archive(w.member(b"rootfs2/", b"5")),
    layer="",
)
_add(
    "T07",
    "incomplete",
    "no root",
    lambda w, c: w.member(b"manifest", data=MANIFEST) + bytes(1024),
    layer="",
)
_add(
    "T07",
    "incomplete",
    "no manifest",
    lambda w, c: w.member(b"rootfs/", b"5") + bytes(1024),
    layer="",
)
_add("T07", "incomplete", "nothing", lambda w, c: bytes(10240), layer="contained")


def _flip(*steps: str) -> Make:
    def make(w: Writer, canary: bytes) -> bytes:
        made = {
            "file": lambda: w.file(b"x", b"1"),
            "dir": lambda: w.dir(b"x"),
            "link": lambda: w.symlink(b"x", canary),
            "pipe": lambda: w.member(w.top + b"x", b"6"),
            "below": lambda: w.file(b"x/file", b"evil"),
            "hard": lambda: w.hardlink(b"x", w.top + b"base"),
        }
        return w.archive(w.file(b"base"), *(made[step]() for step in steps))

    return make


for steps in (
    ("dir", "link", "below"), ("file", "dir", "below"), ("link", "dir", "below"), ("dir", "file", "below"),
    ("pipe", "file"), ("link", "file"), ("file", "link"), ("below", "link"), ("below", "link", "below"),
    ("hard", "file"), ("hard", "link", "below"), ("dir", "below", "file"), ("file", "below"),
):  # fmt: skip
    _add("T08", "type flips", " ".join(steps), _flip(*steps), layer="contained")
