# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks by what a member is and carries: whiteouts, devices, owners, names, attributes (T09 to T13, T20 to T23)."""

from __future__ import annotations

from tests.hostile.shapes import Collection, given, shown
from tests.hostile.tarwriter import Writer, base256, header, pax

COLLECTION = Collection()
_add = COLLECTION.add
_USTAR, _GNU, _PAX, _LONG = ("ustar",), ("gnu",), ("pax",), ("gnu", "pax")

CAPABILITY_2 = bytes.fromhex("0100000200200000000000000000000000000000")
CAPABILITY_3 = bytes.fromhex("010000030020000000000000000000000000000000000000")


def _files(w: Writer, *paths: bytes) -> bytes:
    return w.archive(*(w.file(path) for path in paths))


WHITEOUTS: tuple[tuple[bytes, ...], ...] = (
    (b".wh.",), (b".wh..",), (b".wh...",), (b"d/.wh.",), (b"d/.wh...",), (b"d/.wh..wh..opq/x",),
    (b".wh..wh..opq", b"a"), (b"d/a", b"d/.wh..wh..opq"), (b"a", b".wh.a"), (b".wh.a", b"a"), (b".wh..wh.plnk/x",),
    (b"d/.wh.\xff\n",),
)  # fmt: skip
for paths in WHITEOUTS:
    label = " ".join(shown(path) for path in paths)
    _add("T09", "whiteout", label, given(_files, *paths), aci="contained", layer="contained")
_add("T09", "whiteout leaves the root", "dots", given(_files, b".wh.a/../../canary"))
_add("T09", "whiteout through a link", "file", lambda w, canary: w.archive(
    w.symlink(b"d", canary), w.file(b"d/.wh.file", b"")))  # fmt: skip
_add("T09", "whiteout through a link", "opaque", lambda w, canary: w.archive(
    w.symlink(b"d", canary), w.file(b"d/.wh..wh..opq", b"")))  # fmt: skip


def _with_attribute(w: Writer, key: bytes, value: bytes, directory: bool) -> bytes:
    name, kind = (b"x/", b"5") if directory else (b"x", b"0")
    return w.archive(w.attributes((key, value)) + header(w.top + name, kind, mode=0o755))


ATTRIBUTES = (
    ("T10", "overlay mark", b"trusted.overlay.redirect", b"/etc", "contained"),
    ("T10", "overlay mark", b"trusted.overlay.opaque", b"y", "contained"),
    ("T10", "overlay mark", b"trusted.overlay.metacopy", b"", "contained"),
    ("T10", "overlay mark", b"trusted.overlay.origin", b"\0" * 30, "contained"),
    ("T10", "overlay mark", b"user.overlay.redirect", b"/etc", "contained"),
    ("T10", "overlay mark", b"user.overlay.opaque", b"y", "contained"),
    ("T12", "file capability", b"security.capability", CAPABILITY_3, "refused"),
    ("T12", "file capability", b"security.capability", CAPABILITY_2[:-1], "refused"),
    ("T12", "file capability", b"security.capability", b"\0" * 20, "refused"),
    ("T23", "attribute", b"security.selinux", b"u:r:t:s0", "contained"),
    ("T23", "attribute", b"security.ima", b"\1" * 20, "contained"),
    ("T23", "attribute", b"system.posix_acl_access", b"\2\0\0\0", "contained"),
    ("T23", "attribute", b"trusted.anything", b"x", "contained"),
    ("T23", "attribute", b"user.x\0y", b"v", "refused"),
    ("T23", "attribute", b"user.long", b"v" * 65537, "refused"),
    ("T23", "attribute", b"user." + b"n" * 255, b"v", "refused"),
    ("T23", "attribute", b"user.", b"v", "contained"),
    ("T23", "attribute", b"nonsense", b"v", "contained"),
    ("T23", "attribute", b"user.\xff", b"\xff", "contained"),
)
for row, kind, key, value, what in ATTRIBUTES:
    for directory in (False, True):
        label = f"{shown(key)} of {'a directory' if directory else 'a file'}"
        make = given(_with_attribute, key, value, directory)
        _add(row, kind, label, make, aci=what, layer=what, dialects=_PAX)


def _device(w: Writer, kind: bytes, path: bytes, major: bytes, minor: bytes) -> bytes:
    whole = bytearray(w.member(w.top + path, kind, mode=0o666))
    at = len(whole) - 512
    whole[at + 329 : at + 345] = major + minor
    whole[at + 148 : at + 156] = b" " * 8
    whole[at + 148 : at + 156] = b"%06o\0 " % sum(whole[at:])
    return w.archive(w.dir(b"dev"), bytes(whole))


_MEM, _ZERO, _LARGE = (
    (b"0000001\0", b"0000001\0"),
    (b"0000000\0",) * 2,
    (base256(2**40, 8), b"0000001\0"),
)
for flag, label in ((b"3", "char"), (b"4", "block")):
    _add("T11", "device", f"{label} anywhere", given(_device, flag, b"sda", *_MEM))
    _add(
        "T11",
        "device",
        f"{label} below dev",
        given(_device, flag, b"dev/deep/sda", *_MEM),
        layer="contained",
    )
    _add("T11", "device", f"{label} large major", given(_device, flag, b"x", *_LARGE))
    make = given(_device, flag, b"dev/sda", *_MEM)
    _add("T11", "device in dev", label, make, aci="contained", layer="contained")
_add("T10", "char 0:0", "anywhere", given(_device, b"3", b"x", *_ZERO), layer="contained")
make = given(_device, b"3", b"dev/x", *_ZERO)
_add("T10", "char 0:0", "in dev", make, aci="contained", layer="contained")


def _typed(w: Writer, flag: bytes) -> bytes:
    return w.archive(w.member(w.top + b"x", flag))


for flag in (b"s", b"D", b"M", b"N", b"V", b"X", b"A", b"8", b"\xff"):
    _add("T11", "unknown type", shown(flag), given(_typed, flag))
_add("T11", "pipe", "plain", given(_typed, b"6"), aci="contained", layer="contained")


def _moded(w: Writer, mode: int) -> bytes:
    return w.archive(w.file(b"x", b"#!/bin/sh\n", mode=mode))


for mode in (0o4755, 0o6777, 0o2755, 0o7777, 0o37777):
    _add(
        "T12",
        "privilege bits",
        f"{mode:o}",
        given(_moded, mode),
        aci="contained",
        layer="contained",
    )


def _owned(w: Writer, field: str, value: bytes) -> bytes:
    return w.archive(header(w.top + b"x", **{field: value}))  # type: ignore[arg-type]


def _recorded(w: Writer, field: bytes, value: bytes) -> bytes:
    return w.archive(pax((field, value)) + header(w.top + b"x"))


for number in (-1, -(2**31), 2**32 - 1, 2**32, 2**40, 2**55):
    for field in ("uid", "gid"):
        _add(
            "T13",
            "owner",
            f"{field} {number}",
            given(_owned, field, base256(number, 8)),
            dialects=_GNU,
        )
for text in (
    b"-1\0\0\0\0\0\0",
    b"root\0\0\0\0",
    b"0x10\0\0\0\0",
    b"1_0\0\0\0\0\0",
    b"\xc0\0\0\0\0\0\0\1",
):
    _add("T13", "owner", f"field {shown(text)}", given(_owned, "uid", text), dialects=_USTAR)
for text in (
    b"-1",
    b"4294967295",
    b"4294967296",
    b"root",
    b"1e3",
    b"1.5",
    b" 1",
    b"",
    b"1\n2",
    b"9" * 4000,
):
    _add("T13", "owner", f"record {shown(text)}", given(_recorded, b"uid", text), dialects=_PAX)


def _outside(w: Writer, name: bytes) -> bytes:
    return w.archive(w.member(b"../" + name + b"/x"))


NAMES = (
    b"\xff\xfe", b"new\nline", b"\x1b[2J\x1b]0;owned\x07", b"\xe2\x80\xaegnp.exe", b"p" * 255, b"trailing ", b"-rf",
    b"\r\n\r\npodwright: fine", b"\x80\x9b31m",
)  # fmt: skip
for text in NAMES:
    _add(
        "T21",
        "name",
        shown(text),
        given(_files, text),
        aci="contained",
        layer="contained",
        dialects=_LONG,
    )
    _add("T21", "name in a refusal", shown(text), given(_outside, text), dialects=_LONG)
_add(
    "T21",
    "name with NUL",
    "record",
    lambda w, c: _recorded(w, b"path", w.top + b"a\0b"),
    dialects=_PAX,
)

_add("T20", "too deep", "300", given(_files, b"d/" * 300 + b"x"), dialects=_LONG)
_add("T20", "too deep", "10000", given(_files, b"d/" * 10_000 + b"x"), dialects=_LONG)
_add("T20", "too long", "path", given(_files, b"/".join([b"p" * 255] * 17)), dialects=_LONG)
_add("T20", "too long", "part", given(_files, b"p" * 256), dialects=_LONG)
_add("T20", "too long", "only one part", given(_files, b"p" * 100_000), dialects=_LONG)
_add(
    "T20",
    "too long",
    "target",
    lambda w, c: w.archive(w.symlink(b"l", b"t" * 5000)),
    dialects=_LONG,
)

for number in (-1, -(2**62), 2**63, 2**62, 2**87):
    make = given(_owned, "mtime", base256(number, 12))
    _add("T22", "time", f"{number}", make, aci="contained", layer="contained", dialects=_GNU)
TIMES = (
    b"1e400", b"nan", b"inf", b"1" * 20, b"-1.5", b"0.", b".5", b"1.2.3", b"", b"99999999999.999999999999999999",
    b"-999999999999",
)  # fmt: skip
for text in TIMES:
    make = given(_recorded, b"mtime", text)
    _add(
        "T22",
        "time",
        f"record {shown(text)}",
        make,
        aci="contained",
        layer="contained",
        dialects=_PAX,
    )
