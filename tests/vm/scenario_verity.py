# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest whose ext4 has fs-verity: what changes on the disk below a pod's files, with verity and without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inside import call, podwright, tell

MARK = b"PODWRIGHT-CANARY"
OPTIONS = {"verity": "verity", "without": "^verity"}
FILE = "etc/canary"


class Store:
    """A data directory on a file system of its own, in a file."""

    def __init__(self, name: str, feature: str) -> None:
        self.disk, self.place = Path(f"/srv/{name}.img"), Path(f"/srv/{name}")
        self.place.mkdir()
        with self.disk.open("wb") as file:
            file.truncate(256 * 2**20)
        call("mke2fs", "-q", "-t", "ext4", "-b", "4096", "-O", feature, str(self.disk))
        self.mount()
        self.common = (f"--dir={self.place}/data", "--insecure-options=image")
        self.image = podwright(*self.common, "fetch", "canary.aci").stdout.strip()
        # Files are made when a pod first needs them.
        self.first = self.run()

    def mount(self) -> None:
        done = call("mount", "-o", "loop", str(self.disk), str(self.place))
        assert done.returncode == 0, done.stderr

    def unmount(self) -> None:
        done = call("umount", str(self.place))
        assert done.returncode == 0, done.stderr

    def run(self, script: str = f"head -c 16 /{FILE} && echo && echo read") -> str:
        """What a shell in a pod says; the pod is gone afterwards."""
        app = (self.image, "--exec=/bin/sh", "--", "-c", f"({script}) 2>&1")
        ran = podwright(*self.common, "run", "--net=none", *app)
        podwright(*self.common, "gc", "--grace-period=0s")
        return f"{ran.returncode} {ran.stdout.strip()} {ran.stderr.strip()}"

    def canary(self) -> Path:
        """The rendered file."""
        (found,) = self.place.glob(f"data/cas/tree/*/rootfs/{FILE}")
        return found

    def written(self) -> str:
        """Whether root of the host may write to it."""
        try:
            with self.canary().open("r+b"):
                return "opened for writing"
        except OSError as err:
            return err.strerror or ""

    def spoil(self) -> int:
        """Change a byte of the file on the disk, below the file system; how often it was there."""
        self.unmount()
        content = self.disk.read_bytes()
        with self.disk.open("r+b") as file:
            places = [n for n in range(0, len(content), 4096) if content.startswith(MARK, n)]
            for place in places:
                file.seek(place)
                file.write(b"q")
        self.mount()
        return len(places)

    def end(self) -> None:
        self.unmount()
        self.disk.unlink()
        self.place.rmdir()


for name, feature in OPTIONS.items():
    store = Store(name, feature)
    lists = [path.name for path in store.place.glob("data/cas/tree/*/verity")]
    seen: dict[str, Any] = {"first": store.first, "lists": lists, "written": store.written()}
    seen.update(places=store.spoil(), spoiled=store.run())
    verified = podwright(*store.common, "image", "verify", "--all")
    seen.update(verify=verified.returncode, verified=verified.stdout + verified.stderr)
    tell(**{name: seen})
    store.end()
