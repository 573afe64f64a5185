# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cut the power under a fetch, again and again: run on a private host by `test_power_loss`.

Reads one task as JSON from standard input: {disk, mount, options, place, image, command, cuts, seed}. The file system
in the file `disk` is mounted at `place`; a fetch runs; at a random moment FS_IOC_SHUTDOWN throws away whatever has not
reached the disk, as if the machine had lost its power; then it is mounted again and looked at. Prints the numbers of
images that were there after each cut, as JSON.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
BUSY_SECONDS = 20.0


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever that is."""
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def must(*command: str) -> str:
    """The output of a command that has to work."""
    done = run(*command)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.returncode}: {done.stdout} {done.stderr}")
    return done.stdout


def mount(task: Mapping[str, Any]) -> None:
    """Mount the disk; the journal is replayed here."""
    must("mount", "-o", task["options"], task["disk"], task["place"])


def unmount(place: str) -> None:
    """Unmount as soon as nobody uses it."""
    end = time.monotonic() + BUSY_SECONDS
    while (done := run("umount", place)).returncode:
        if time.monotonic() > end:
            raise RuntimeError(done.stderr)
        time.sleep(0.02)


def cut(place: str) -> None:
    """Throw away what has not reached the disk."""
    fd = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    finally:
        os.close(fd)


class Store:
    """The agent, with its data on the disk."""

    def __init__(self, command: Sequence[str], image: str) -> None:
        self.command = tuple(command)
        self.fetching = (*self.command, "fetch", image)

    def listed(self) -> int:
        """How many images it lists, each of which must be whole."""
        images = json.loads(must(*self.command, "image", "list", "--format=json"))
        if images:
            must(*self.command, "image", "verify", "--all")
        return len(images)

    def empty(self) -> None:
        """Forget every image and all work in progress."""
        for image in json.loads(must(*self.command, "image", "list", "--format=json")):
            must(*self.command, "image", "rm", image["id"])
        must(*self.command, "gc", "--grace-period=0s")


def one_cut(task: Mapping[str, Any], store: Store, after: float) -> int:
    """A fetch whose disk loses its power `after` seconds; how many images there were then."""
    mount(task)
    fetch = subprocess.Popen(store.fetching, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after)
    cut(task["place"])
    fetch.wait(60)
    unmount(task["place"])
    mount(task)
    survived = store.listed()
    must(*store.fetching)
    if store.listed() != 1:
        raise RuntimeError("fetching again did not repair the store")
    store.empty()
    unmount(task["place"])
    return survived


def main() -> None:
    """Do what the task says."""
    task = json.load(sys.stdin)
    store = Store(task["command"], task["image"])
    mount(task)
    began = time.monotonic()
    must(*store.fetching)
    whole = time.monotonic() - began
    store.empty()
    unmount(task["place"])
    moments = random.Random(task["seed"])
    survived = [one_cut(task, store, moments.uniform(0, 1.3 * whole)) for _ in range(task["cuts"])]
    json.dump({"seconds": whole, "survived": survived}, sys.stdout)


if __name__ == "__main__":
    main()
