# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where hostile input is tried: a worker with the agent's code, on a machine it can write to in one place only.

The worker lives in a mount namespace of its own in which everything is read-only but one directory. In that lie the
store, the trees, and next to them the canary that attacks aim at; it is compared in full after every one.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.hostile.snapshot import snapshot
from tests.support.paths import CHECKOUT

SECONDS = 10.0
"""Of processor time that any hostile input may take (bar B1), since the machine may have other work too."""
PATIENCE = 120.0
"""Seconds after which the worker hangs."""
RSS = 256 * 1024
"""Nor make the agent larger, in KiB."""

_CLOSED = """
set -e
mount --bind "$0" "$0"
awk '{ print $5 }' /proc/self/mountinfo | sort -u | while read -r at; do
  case "$at" in "$0"|"$0"/*|/proc*|/sys*|/dev*) continue ;; esac
  mount -o remount,bind,ro "$(printf %b "$at")" 2>/dev/null || true
done
! touch /read-only-proof 2>/dev/null
cd "$0"
PATH="${WORKER_PATH:-$PATH}" exec "$@"
"""


def closed(base: Path, script: str, *arguments: str) -> list[str]:
    """The command line of one of our scripts, on a machine that it can write to below `base` only."""
    apart = ["unshare", "--mount", "--net", "--ipc", "--kill-child", "--fork"]
    python = ["/usr/bin/python3", "-IS", str(CHECKOUT / "tests/hostile" / script), str(CHECKOUT)]
    return [*apart, "sh", "-c", _CLOSED, str(base), *python, *arguments]


ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


class Hang(AssertionError):
    """The worker did not answer in time."""


class Rig:
    """`try_aci(bytes)`, `try_layer(bytes)`, `read(reader, bytes)`: each checks all that must hold whatever comes."""

    def __init__(self, base: Path, path: Path | None = None) -> None:
        """Start the worker; `path` is its PATH, when not the usual one."""
        self.base = base
        self.canary = base / "canary"
        self.place = base / "place"
        self._input = base / "input"
        make_canary(self.canary)
        self._input.touch()
        self._environment = (
            ENVIRONMENT if path is None else {**ENVIRONMENT, "WORKER_PATH": str(path)}
        )
        self.refresh()
        self._worker = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            closed(self.base, "worker.py"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
        )

    def refresh(self) -> None:
        """Take the canary as it is now for what it has to stay."""
        self._before = snapshot(self.canary)

    def close(self) -> None:
        """End the worker."""
        self._worker.kill()
        self._worker.wait()
        for stream in (self._worker.stdin, self._worker.stdout):
            if stream is not None:
                stream.close()

    def read(self, reader: str, data: bytes, seconds: float = SECONDS) -> dict[str, Any]:
        """Have one input read (see `readers`) in an empty `place`; check the answer, and that all else is as before."""
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(mode=0o700)
        self._input.write_bytes(data)
        request = {"reader": reader, "file": str(self._input), "place": str(self.place)}
        replies = self._worker.stdout
        assert replies is not None
        print(json.dumps(request), file=self._worker.stdin, flush=True)
        if not select.select([replies], [], [], PATIENCE)[0]:
            self.close()
            self._worker = self._start()
            raise Hang(f"no answer within {PATIENCE} seconds")
        reply = replies.readline()
        assert reply, "the worker is gone"
        answer: dict[str, Any] = json.loads(reply)
        assert "crash" not in answer, answer["crash"]
        assert answer["rss"] <= RSS and answer["seconds"] <= seconds, answer
        if "refusal" in answer:
            check_sentence(answer["refusal"])
        assert snapshot(self.canary) == self._before
        assert sorted(os.listdir(self.base)) == ["canary", "input", "place"]
        return answer

    def try_aci(self, data: bytes) -> dict[str, Any]:
        """Fetch as an image. A refusal leaves an empty store; `tree` is the rendered root otherwise."""
        answer = self.read("aci", data)
        if "refusal" in answer:
            left = stored(self.place / "data")
            assert left == [], left
        else:
            answer["tree"] = self.place / "data/cas/tree" / answer["value"] / "rootfs"
            check_tree(answer["tree"], layer=False)
        return answer

    def try_layer(self, data: bytes) -> dict[str, Any]:
        """Unpack as a layer."""
        answer = self.read("layer", data)
        if "value" in answer:
            answer["tree"] = self.place / "tree/rootfs"
            check_tree(answer["tree"], layer=True)
        return answer

    def try_form(self, form: str, data: bytes) -> dict[str, Any]:
        """`try_aci` or `try_layer`."""
        return self.try_aci(data) if form == "aci" else self.try_layer(data)


def make_canary(top: Path) -> None:
    """A small tree that attacks aim at."""
    for name in ("sub", "bin"):
        (top / name).mkdir(parents=True)
    for path, text in (("file", "untouched"), ("sub/file", "also"), ("tool", "#!/bin/sh\n")):
        (top / path).write_text(text)
    (top / "tool").chmod(0o755)
    os.setxattr(top / "file", "user.mark", b"ours")
    os.chown(top / "sub/file", 1234, 1234)


@contextmanager
def rig(base: Path) -> Iterator[Rig]:
    """A rig that ends with the block."""
    made = Rig(base)
    try:
        yield made
    finally:
        made.close()


def stored(data: Path) -> list[Path]:
    """What a store holds of images, trees, names and unfinished work."""
    parts = ("cas/image", "cas/tree", "cas/ref/name", "cas/ref/url", "tmp")
    return [path for part in parts for path in (data / part).glob("*")]


def check_sentence(sentence: str) -> None:
    """A refusal is one printable line that says something, and no traceback."""
    assert sentence.isprintable(), ascii(sentence)
    assert 10 < len(sentence) <= 1000, sentence
    assert "Traceback" not in sentence and "internal error" not in sentence, sentence


def check_tree(top: Path, *, layer: bool) -> None:
    """Nothing in an unpacked tree can do harm: no devices (but whiteouts), no foreign attributes, all on one disk."""
    device = top.stat().st_dev
    for directory, names, files in os.walk(os.fsencode(top)):
        for name in (*names, *files):
            path = os.path.join(directory, name)
            info = os.lstat(path)
            assert info.st_dev == device, path
            if stat.S_ISCHR(info.st_mode):
                assert layer and info.st_rdev == 0, path
            assert not stat.S_ISBLK(info.st_mode) and not stat.S_ISSOCK(info.st_mode), path
            for attribute in os.listxattr(path, follow_symlinks=False):
                value = os.getxattr(path, attribute, follow_symlinks=False)
                mine = attribute.startswith("user.") and not attribute.startswith("user.overlay.")
                capability = attribute == "security.capability" and value[3] == 2
                opaque = layer and (attribute, value) == ("trusted.overlay.opaque", b"y")
                assert mine or capability or opaque, (path, attribute, value)
