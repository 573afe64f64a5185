# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real redis image: Debian's redis-server with the libraries it is linked to, and nothing else (7 MB).

As a program it prints the path of the image and, on a second line, the version that redis says it has:
`python -m tests.support.redis_image --name localhost/redis`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.support import aci
from tests.support.debian import mmdebstrap
from tests.support.filelock import build_once
from tests.support.paths import CACHE

PROGRAMS = ("usr/bin/redis-server", "usr/bin/redis-cli")
UID = 100
PASSWD = f"root:x:0:0:root:/root:/usr/sbin/nologin\nredis:x:{UID}:{UID}::/var/lib/redis:/usr/sbin/nologin\n"
GROUP = f"root:x:0:\nredis:x:{UID}:\n"
EXEC = ("/usr/bin/redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "")
PORT = 6379


def redis_rootfs() -> Path:
    """Return the root file system, made on first use."""

    def make(partial: Path) -> None:
        print(
            "making the redis image from Debian's redis-server (once, about 15 seconds)", flush=True
        )
        with tempfile.TemporaryDirectory(prefix="redis-", dir=partial.parent) as scratch:
            debian = Path(scratch) / "debian"
            # Unpacked, not installed: nothing of the package's own scripts runs.
            mmdebstrap(debian, "extract", ["redis-server"])
            _copy_closure(debian, partial)
        _add_accounts(partial)

    return build_once(CACHE / "images" / "redis-rootfs", make)


def redis_version() -> str:
    """Return the version that redis-server itself reports, such as `7.0.15`."""
    command = ["chroot", str(redis_rootfs()), "/usr/bin/redis-server", "--version"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    match = re.search(r" v=([0-9.]+) ", output)
    assert match is not None, output
    return match[1]


def build(name: str, version: str | None = None, *, port: int = PORT) -> Path:
    """Return a cached, unsigned image `name:version`; the version is redis's own unless given.

    With another `port` redis still *declares* 6379 and never listens there: an image that never becomes ready.
    """
    label = version if version is not None else redis_version()
    manifest = aci.image_manifest(name, label, _app(port))
    inputs = json.dumps(manifest, sort_keys=True).encode() + redis_version().encode()
    target = CACHE / "images" / f"redis-{hashlib.sha256(inputs).hexdigest()[:16]}.aci"

    def make(partial: Path) -> None:
        aci.build(redis_rootfs(), manifest, partial)

    return build_once(target, make)


def _app(port: int) -> dict[str, Any]:
    return aci.app(
        [*EXEC, "--port", str(port)],
        user="redis",
        group="redis",
        working_directory="/var/lib/redis",
        ports=[{"name": f"{PORT}-tcp", "protocol": "tcp", "port": PORT}],
        mount_points=[{"name": "data", "path": "/var/lib/redis"}],
    )


def _copy_closure(debian: Path, target: Path) -> None:
    """Copy the programs and every library that the loader maps for them."""
    for path in (*PROGRAMS, *_libraries(debian, PROGRAMS)):
        _copy(debian, path, target)


def _libraries(debian: Path, programs: Iterable[str]) -> list[str]:
    loader = next((debian / "lib64").glob("ld-linux-*"))
    found = {f"lib64/{loader.name}"}
    for program in programs:
        command = ["chroot", str(debian), f"/lib64/{loader.name}", "--list", f"/{program}"]
        listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found.update(re.findall(r"=> /(\S+)", listing))
    return sorted(found)


def _copy(debian: Path, path: str, target: Path) -> None:
    """Copy a file under its own name, links on the way to it included."""
    source, destination = debian / path, target / path
    destination.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        link = Path(os.readlink(source))
        destination.unlink(missing_ok=True)
        destination.symlink_to(link)
        relative = link.relative_to("/") if link.is_absolute() else Path(path).parent / link
        _copy(debian, os.path.normpath(relative), target)
    else:
        shutil.copy2(source, destination)


def _add_accounts(rootfs: Path) -> None:
    for directory in ("etc", "tmp", "var/lib/redis"):
        (rootfs / directory).mkdir(parents=True, exist_ok=True)
    (rootfs / "tmp").chmod(0o1777)
    (rootfs / "var/lib/redis").chmod(0o750)
    os.chown(rootfs / "var/lib/redis", UID, UID)
    (rootfs / "etc/passwd").write_text(PASSWD)
    (rootfs / "etc/group").write_text(GROUP)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the image and print where it is and its version."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.redis_image", description=main.__doc__
    )
    parser.add_argument("--name", default="localhost/redis", help="the image's name")
    parser.add_argument("--version", help="the label version (default: redis's own)")
    options = parser.parse_args(arguments)
    print(build(options.name, options.version))
    print(options.version or redis_version())


if __name__ == "__main__":
    main()
