# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives for a kernel's first file system: what cpio(1) reads in them, and that they never differ."""

from __future__ import annotations

import subprocess
from pathlib import Path

from podwright.stage1.kvm import cpio

NODES = [
    cpio.file("etc/deep/motd", b"hello\n"),
    cpio.file("init", b"#!/bin/sh\n", 0o755),
    cpio.file("empty", b""),
    cpio.link("bin", "usr/bin"),
    cpio.device("dev/console", 5, 1),
    cpio.directory("tmp", 0o1777),
]


def packed(nodes: list[cpio.Node]) -> bytes:
    """The archive in one piece."""
    return b"".join(cpio.archive(cpio.with_parents(nodes)))


def listed(data: bytes) -> list[str]:
    """What cpio says is in it: mode, size or device, name."""
    done = subprocess.run(
        ["cpio", "--quiet", "-itv", "--numeric-uid-gid"],
        input=data,
        capture_output=True,
        check=True,
        env={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
    )
    assert done.stderr == b""
    return [" ".join(line.split()) for line in done.stdout.decode().splitlines()]


def test_cpio_lists_what_was_put_in_with_parents_before_what_is_in_them() -> None:
    assert listed(packed(NODES)) == [
        "lrwxrwxrwx 1 0 0 7 Jan 1 1970 bin -> usr/bin",
        "drwxr-xr-x 2 0 0 0 Jan 1 1970 dev",
        "crw------- 1 0 0 5, 1 Jan 1 1970 dev/console",
        "-rw-r--r-- 1 0 0 0 Jan 1 1970 empty",
        "drwxr-xr-x 2 0 0 0 Jan 1 1970 etc",
        "drwxr-xr-x 2 0 0 0 Jan 1 1970 etc/deep",
        "-rw-r--r-- 1 0 0 6 Jan 1 1970 etc/deep/motd",
        "-rwxr-xr-x 1 0 0 10 Jan 1 1970 init",
        "drwxrwxrwt 2 0 0 0 Jan 1 1970 tmp",
    ]


def test_content_comes_out_as_it_went_in(tmp_path: Path) -> None:
    data = packed([cpio.file("a/b", bytes(range(256)) * 33), cpio.link("c", "a/b")])
    subprocess.run(["cpio", "--quiet", "-id"], input=data, cwd=tmp_path, check=True)
    assert (tmp_path / "c").read_bytes() == bytes(range(256)) * 33


def test_the_order_in_which_things_are_given_does_not_matter() -> None:
    assert packed(NODES) == packed(NODES[::-1])


def test_another_archive_may_follow_at_once() -> None:
    for length in range(9):
        assert len(packed([cpio.file("x" * (length + 1), b"y" * length)])) % cpio.ALIGN == 0
