# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odd but legal archives, which must come out as GNU tar makes them (threats.md T24, bar B1).

`LEGAL` holds, by name, functions from a writer to a whole archive. `t` is what the root's paths begin with.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.hostile.shapes_members import CAPABILITY_2
from tests.hostile.tarwriter import (
    GNU_MAGIC,
    MANIFEST,
    TIME,
    Writer,
    base256,
    gnu_long,
    header,
    padded,
    pax,
)
from tests.unit.stage0.rawtar import directory, file, hardlink, raw_pax, symlink

Members = Callable[[bytes], list[bytes]]

MEMBERS: dict[str, Members] = {
    "nothing but the root": lambda t: [],
    "directory after its files": lambda t: [
        file(t + b"d/x", b"1"), directory(t + b"d/", mode=0o555, mtime=9), directory(t + b"e/")],
    "files below a closed directory": lambda t: [directory(t + b"d/", mode=0o555, mtime=9), file(t + b"d/x", b"1")],
    "directories that nobody names": lambda t: [file(t + b"a/b/c/d/x", b"1")],
    "ustar prefix": lambda t: [file(b"name", b"1", prefix=t + b"p" * 140)],
    "ustar prefix of 155 bytes": lambda t: [file(b"n" * 100, b"1", prefix=(t + b"p/" * 155)[:155].rstrip(b"/"))],
    "GNU long name": lambda t: [gnu_long(t + b"n" * 200) + file(t + b"short", b"1")],
    "GNU long link": lambda t: [gnu_long(b"/t" * 100, b"K") + symlink(t + b"l", b"short")],
    "GNU long name and link": lambda t: [
        gnu_long(b"/t" * 100, b"K") + gnu_long(t + b"n" * 200) + symlink(t + b"l", b"s")],
    "GNU long directory": lambda t: [
        gnu_long(t + b"n" * 150 + b"/") + header(t + b"short/", b"5", mode=0o700, magic=GNU_MAGIC)],
    "GNU long hard link": lambda t: [
        gnu_long(t + b"n" * 150) + file(t + b"s", b"1"), gnu_long(t + b"n" * 150, b"K") + hardlink(t + b"h", b"x")],
    "GNU magic": lambda t: [file(t + b"x", b"1", magic=GNU_MAGIC)],
    "old header": lambda t: [file(t + b"x", b"1", kind=b"\0", magic=b"")],
    "old directory": lambda t: [header(t + b"d/", b"\0", magic=b"", mode=0o755)],
    "contiguous file": lambda t: [file(t + b"x", b"1", kind=b"7")],
    "signed checksum": lambda t: [file(t + b"\xff\xfe", b"1", signed=True)],
    "spaces around numbers": lambda t: [
        header(t + b"x", mode=b"   644 \0", uid=b"     1 \0", size=b"          0 ")],
    "no NUL behind numbers": lambda t: [header(t + b"x", mode=b"00000644", uid=b"00000001")],
    "global comment": lambda t: [pax((b"comment", b"0123abcd"), kind=b"g") + file(t + b"x", b"1")],
    "PAX times": lambda t: [pax((b"mtime", b"5.5"), (b"atime", b"1"), (b"ctime", b"2.25")) + file(t + b"x")],
    "PAX nanoseconds": lambda t: [pax((b"mtime", b"1700000000.123456789")) + file(t + b"x")],
    "PAX everything": lambda t: [
        pax((b"path", t + b"q" * 180), (b"uid", b"70000"), (b"gid", b"5"), (b"uname", b"u"), (b"gname", b"g"))
        + file(t + b"x", b"abc")],
    "PAX name with =": lambda t: [pax((b"path", t + b"a=b=c")) + file(t + b"x", b"1")],
    "PAX name with a newline": lambda t: [pax((b"path", t + b"a\nb")) + file(t + b"x", b"1")],
    "PAX charset": lambda t: [pax((b"hdrcharset", b"BINARY"), (b"path", t + b"\xff")) + file(t + b"x")],
    "libarchive's records": lambda t: [pax((b"LIBARCHIVE.creationtime", b"1"), (b"SCHILY.dev", b"1")) + file(t + b"x")],
    "empty PAX header": lambda t: [raw_pax(b"") + file(t + b"x", b"1")],
    "PAX size of a small file": lambda t: [pax((b"size", b"3")) + file(t + b"x", b"abc")],
    "mode 0000": lambda t: [file(t + b"x", b"1", mode=0), directory(t + b"d/", mode=0)],
    "sticky and setgid directories": lambda t: [
        directory(t + b"t/", mode=0o1777), directory(t + b"g/", mode=0o2755, gid=7), file(t + b"g/x", gid=0)],
    "setuid and setgid files": lambda t: [
        file(t + b"u", b"1", mode=0o4711, uid=9), file(t + b"g", b"1", mode=0o2711, gid=9)],
    "absolute links": lambda t: [symlink(t + b"l", b"/bin/sh"), symlink(t + b"m", b"../../../x")],
    "dangling link": lambda t: [symlink(t + b"l", b"nowhere")],
    "links in a circle": lambda t: [symlink(t + b"l", b"m"), symlink(t + b"m", b"l")],
    "link to itself": lambda t: [symlink(t + b"l", b"l")],
    "chain of hard links": lambda t: [
        file(t + b"a", b"1"), hardlink(t + b"b", t + b"a"), hardlink(t + b"c", t + b"b")],
    "hard link with ./": lambda t: [file(t + b"a", b"1"), hardlink(b"./" + t + b"b", b"./" + t + b"a")],
    "hard link to setuid": lambda t: [file(t + b"a", b"1", mode=0o4711, uid=9), hardlink(t + b"b", t + b"a")],
    "hard link across directories": lambda t: [
        file(t + b"a/x", b"1"), directory(t + b"b/", mode=0o700, mtime=3), hardlink(t + b"b/y", t + b"a/x")],
    "pipe": lambda t: [header(t + b"p", b"6", mode=0o622, mtime=8)],
    "uid 65535": lambda t: [file(t + b"x", uid=65535, gid=65535)],
    "large owners": lambda t: [header(t + b"x", uid=base256(3_000_000_000, 8), gid=base256(4_000_000_000, 8))],
    "junk in the padding": lambda t: [header(t + b"x", size=3) + b"abc" + b"junk" * 127 + b"j"],
    "512 bytes exactly": lambda t: [file(t + b"x", b"x" * 512)],
    "513 bytes": lambda t: [file(t + b"x", b"x" * 513)],
    "a name part of 255 bytes": lambda t: [gnu_long(t + b"n" * 255) + file(t + b"x")],
    "a name of 100 bytes": lambda t: [file((t + b"n" * 100)[:100])],
    "a path of 200 directories": lambda t: [pax((b"path", t + b"d/" * 200 + b"x")) + file(t + b"x", b"deep")],
    "times 0 and large": lambda t: [file(t + b"a", mtime=0), file(t + b"b", mtime=2**31)],
    "base-256 size": lambda t: [header(t + b"x", size=base256(3, 12)) + padded(b"abc")],
    "names that look like options": lambda t: [file(t + b"-rf", b"1"), file(t + b"--help", b"1")],
    "composed and decomposed names": lambda t: [
        file(t + "\u00e9".encode(), b"1"), file(t + "e\u0301".encode(), b"2")],
    "names with blanks and colons": lambda t: [file(t + b" ", b"1"), file(t + b"ab:c", b"2"), file(t + b"c\\d ", b"3")],
    "user attributes": lambda t: [
        pax((b"SCHILY.xattr.user.a", b"1"), (b"SCHILY.xattr.user.b", b"\0\xff=\n")) + file(t + b"x", b"1"),
        pax((b"SCHILY.xattr.user.d", b"dir")) + directory(t + b"d/")],
    "file capability": lambda t: [
        pax((b"SCHILY.xattr.security.capability", CAPABILITY_2)) + file(t + b"ping", b"1", mode=0o755)],
    "an empty file and an empty directory": lambda t: [file(t + b"e"), directory(t + b"d/")],
    "200 files": lambda t: [file(t + b"%d" % n, b"%d" % n) for n in range(200)],
    "a megabyte": lambda t: [file(t + b"big", bytes(range(256)) * 4096)],
}  # fmt: skip

LAYERS_ONLY: dict[str, Members] = {
    "the same file twice": lambda t: [file(b"x", b"1", mode=0o600), file(b"x", b"22", mode=0o640, uid=3)],
    "the same directory twice": lambda t: [
        directory(b"d/", mode=0o700), file(b"d/x", b"1"), directory(b"d/", mode=0o750, uid=5, mtime=77)],
    "a link and then a file": lambda t: [file(b"y", b"y"), symlink(b"x", b"y"), file(b"x", b"1")],
    "a file and then a link": lambda t: [file(b"x", b"1"), symlink(b"x", b"y")],
    "a hard link and then a file": lambda t: [file(b"a", b"1"), hardlink(b"b", b"a"), file(b"b", b"2")],
    "./ in front": lambda t: [directory(b"./", mode=0o755), directory(b"./d/"), file(b"./d/x", b"1")],
    "manifest and rootfs are names like others": lambda t: [file(b"manifest", b"x"), file(b"rootfs", b"y")],
}  # fmt: skip
"""What an ACI may not have, and what docker and buildah write into layers."""


def _whole(members: Members) -> Callable[[Writer], bytes]:
    return lambda w: w.archive(*members(w.top))


def _dot_slash(w: Writer) -> bytes:
    head = file(b"./manifest", MANIFEST) + directory(b"./rootfs/") if w.form == "aci" else b""
    return directory(b"./") + head + file(b"./" + w.top + b"x", b"1") + bytes(1024)


def _root_last(w: Writer) -> bytes:
    if w.form == "layer":
        return file(b"d/x", b"1") + directory(b"./", mode=0o711, mtime=4) + bytes(1024)
    last = directory(b"rootfs", mode=0o711, uid=5, mtime=4)
    return file(b"rootfs/d/x", b"1") + file(b"manifest", MANIFEST) + last + bytes(1024)


def _padded_record(w: Writer) -> bytes:
    """As GNU tar writes to a tape: zeros up to 10240 bytes."""
    whole = w.archive(file(w.top + b"x", b"1"))
    return whole + bytes(-len(whole) % 10240)


def _holes(*options: str) -> Callable[[Writer], bytes]:
    """A file with holes, written by GNU tar as sparse."""

    def make(w: Writer) -> bytes:
        with tempfile.TemporaryDirectory() as scratch:
            top = Path(scratch, w.top.decode() or ".")
            top.mkdir(exist_ok=True)
            with (top / "holes").open("wb") as stream:
                for at in (0, 1 << 20, 3 << 20, 5 << 20, 6 << 20, 7 << 20, 8 << 20):
                    stream.seek(at)
                    stream.write(b"data" * 2048)
                stream.truncate(10 << 20)
            os.utime(top / "holes", (TIME, TIME))
            command = [
                "tar",
                "--create",
                "--sparse",
                *options,
                "--owner=0",
                "--group=0",
                "-C",
                scratch,
            ]
            made = subprocess.run(
                [*command, f"{w.top.decode()}holes"], check=True, capture_output=True
            ).stdout
        end = made.rstrip(b"\0")
        return w.archive(made[: len(end) + (-len(end) % 512)])

    return make


LEGAL: dict[str, Callable[[Writer], bytes]] = {
    **{name: _whole(members) for name, members in MEMBERS.items()},
    "every name with ./": _dot_slash,
    "the root at last": _root_last,
    "zeros up to a record": _padded_record,
    "sparse, old GNU": _holes("--format=gnu"),
    "sparse, PAX 0.0": _holes("--format=pax", "--sparse-version=0.0"),
    "sparse, PAX 0.1": _holes("--format=pax", "--sparse-version=0.1"),
    "sparse, PAX 1.0": _holes("--format=pax", "--sparse-version=1.0"),
}
ONLY = {"layer": {name: _whole(members) for name, members in LAYERS_ONLY.items()}, "aci": {}}
