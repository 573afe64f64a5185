# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers that set a trap for the layers above: nothing is written through what lies below (T02, T03, T06, T08, T09).

What is accepted is rendered, and must be what umoci makes of the same layers.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.rig import check_sentence, make_canary
from tests.hostile.snapshot import snapshot
from tests.hostile.tarwriter import Writer
from tests.support.agent import AGENT_ERROR, Agent
from tests.support.ocilayout import LAYER, Layer, OciLayout

Members = Callable[[Writer, bytes], list[bytes]]
"""(writer, canary) → members of a layer."""

HOSTILE: dict[str, tuple[str, Members, Members]] = {
    "a file through a link below": (
        "T02", lambda w, c: [w.symlink(b"d", c)], lambda w, c: [w.file(b"d/file", b"evil")]),
    "a directory through a link below": (
        "T02", lambda w, c: [w.symlink(b"d", c)], lambda w, c: [w.dir(b"d/sub", 0o777, uid=4242)]),
    "a file through a chain of links": (
        "T02", lambda w, c: [w.symlink(b"a", b"b"), w.symlink(b"b", c)], lambda w, c: [w.file(b"a/file", b"evil")]),
    "a link below to where it is": (
        "T02", lambda w, c: [w.symlink(b"d", b"/proc/self/cwd")], lambda w, c: [w.file(b"d/x", b"evil")]),
    "a hard link through a link below": (
        "T03", lambda w, c: [w.symlink(b"d", c)], lambda w, c: [w.hardlink(b"h", b"d/file")]),
    "a hard link to a link below, then a file": (
        "T03", lambda w, c: [w.symlink(b"l", c + b"/file")],
        lambda w, c: [w.hardlink(b"h", b"l"), w.file(b"h", b"evil")]),
    "a hard link to a directory below": (
        "T03", lambda w, c: [w.dir(b"d")], lambda w, c: [w.hardlink(b"h", b"d")]),
    "metadata for a link below": (
        "T06", lambda w, c: [w.symlink(b"d", c)], lambda w, c: [w.dir(b"d", 0o777, uid=4242, mtime=1)]),
    "a file that was a link below": (
        "T08", lambda w, c: [w.symlink(b"x", c + b"/file")], lambda w, c: [w.file(b"x", b"new")]),
    "a directory that was a link below": (
        "T08", lambda w, c: [w.symlink(b"x", c)], lambda w, c: [w.dir(b"x"), w.file(b"x/file", b"new")]),
    "a directory below as a link, written through": (
        "T08", lambda w, c: [w.dir(b"x"), w.file(b"x/y")],
        lambda w, c: [w.symlink(b"x", c), w.file(b"x/file", b"evil")]),
    "a whiteout through a link below": (
        "T09", lambda w, c: [w.symlink(b"d", c)], lambda w, c: [w.file(b"d/.wh.file", b"")]),
    "an opaque mark through a link below": (
        "T09", lambda w, c: [w.symlink(b"d", c)], lambda w, c: [w.file(b"d/.wh..wh..opq", b"")]),
}  # fmt: skip

LEGAL: dict[str, tuple[str, Members, Members]] = {
    "a whiteout": (
        "T09", lambda w, c: [w.file(b"a"), w.file(b"b")], lambda w, c: [w.file(b".wh.a", b"")]),
    "a whiteout of a directory": (
        "T09", lambda w, c: [w.dir(b"d"), w.file(b"d/a"), w.file(b"e/f")], lambda w, c: [w.file(b".wh.d", b"")]),
    "a whiteout and the same name anew": (
        "T09", lambda w, c: [w.dir(b"d"), w.file(b"d/old")], lambda w, c: [
            w.file(b".wh.d", b""), w.dir(b"d"), w.file(b"d/new")]),
    "an opaque directory with siblings": (
        "T09", lambda w, c: [w.dir(b"d"), w.file(b"d/old"), w.file(b"d/both", b"1")], lambda w, c: [
            w.dir(b"d"), w.file(b"d/.wh..wh..opq", b""), w.file(b"d/new"), w.file(b"d/both", b"2")]),
    "an opaque mark after its siblings": (
        "T09", lambda w, c: [w.dir(b"d"), w.file(b"d/old")], lambda w, c: [
            w.dir(b"d"), w.file(b"d/new"), w.file(b"d/.wh..wh..opq", b"")]),
    "a directory that was a file": (
        "T08", lambda w, c: [w.file(b"x", b"1")], lambda w, c: [w.dir(b"x", 0o700), w.file(b"x/y", b"2")]),
    "a file that was a directory": (
        "T08", lambda w, c: [w.dir(b"x"), w.file(b"x/y")], lambda w, c: [w.file(b"x", b"2")]),
    "a hard link to a file below": (
        "T03", lambda w, c: [w.file(b"a", b"1", mode=0o600, uid=5)], lambda w, c: [w.hardlink(b"b", b"a")]),
    "a directory with another mode": (
        "T06", lambda w, c: [w.dir(b"d"), w.file(b"d/x")], lambda w, c: [w.dir(b"d", 0o700, uid=3, gid=4, mtime=5)]),
}  # fmt: skip


def layout(top: Path, lower: Members, upper: Members, canary: Path) -> OciLayout:
    """An image of two layers."""
    made = OciLayout(top)
    layers = []
    for members in (lower, upper):
        w = Writer("gnu", "layer")
        data = w.archive(*members(w, os.fsencode(canary)))
        blob = made.blob(data, LAYER)
        layers.append(Layer(blob, f"sha256:{hashlib.sha256(data).hexdigest()}"))
    made.tag(made.image(layers, {"Cmd": ["/x"]}), "1")
    return made


def cases(named: dict[str, tuple[str, Members, Members]]) -> list[object]:
    """Parameters, marked with their rows."""
    return [
        pytest.param(lower, upper, id=name, marks=pytest.mark.threat(row))
        for name, (row, lower, upper) in named.items()
    ]


@pytest.mark.parametrize(("lower", "upper"), cases(HOSTILE))
def test_a_trap_in_a_lower_layer_catches_nothing_outside(
    agent: Agent, tmp_path: Path, lower: Members, upper: Members
) -> None:
    canary = tmp_path / "canary"
    make_canary(canary)
    before = snapshot(canary)
    made = layout(tmp_path / "layout", lower, upper, canary)
    result = agent("fetch", f"oci:{made.path}:1", "--insecure-options=image")
    if result.exit == 0:
        image = result.stdout.split()[0]
        agent("image", "render", image, tmp_path / "out", "--rootfs-only")
        agent("image", "export", image, tmp_path / "out.aci")
    else:
        assert result.exit == AGENT_ERROR, result
        check_sentence(result.stderr.removesuffix("\n"))
    assert snapshot(canary) == before


@pytest.mark.parametrize(("lower", "upper"), cases(LEGAL))
def test_layers_stack_as_umoci_stacks_them(
    agent: Agent, tmp_path: Path, lower: Members, upper: Members
) -> None:
    made = layout(tmp_path / "layout", lower, upper, tmp_path)
    image = agent.ok("fetch", f"oci:{made.path}:1", "--insecure-options=image").split()[0]
    agent.ok("image", "render", image, tmp_path / "ours", "--rootfs-only")
    theirs = tmp_path / "theirs"
    command = ["umoci", "raw", "unpack", "--image", f"{made.path}:1", str(theirs)]
    subprocess.run(command, check=True, capture_output=True)
    content = (0, 1, 2, 4, 7)  # mode, owner, size, content; times of changed directories differ

    def facts(top: Path) -> dict[bytes, tuple[object, ...]]:
        found = snapshot(top, times=False)
        return {path: tuple(found[path][n] for n in content) for path in found if path != b"."}

    assert facts(tmp_path / "ours") == facts(theirs)
