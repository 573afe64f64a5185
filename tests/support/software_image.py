# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image with real software: Debian's redis, nginx, PostgreSQL, Python, gunicorn and busybox in one root."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support import aci
from tests.support.debian import mmdebstrap
from tests.support.filelock import build_once
from tests.support.paths import CACHE

NAME = "example.com/software"
RECIPE = "4"
"""Counts the changes to what is below, since the image is kept between runs."""

PACKAGES = (
    "redis-server",
    "redis-tools",
    "nginx-light",
    "postgresql-15",
    "python3",
    "gunicorn",
    "busybox-static",
    "dash",
    "coreutils",
    "grep",
    "base-passwd",
)
UNUSED = (
    "usr/lib/x86_64-linux-gnu/perl", "usr/lib/x86_64-linux-gnu/perl-base", "usr/share/perl",
    "usr/lib/x86_64-linux-gnu/gconv", "usr/share/i18n", "usr/share/perl5",
    "usr/lib/postgresql/15/lib/bitcode", "usr/lib/postgresql/15/lib/llvmjit.so",
    "var/cache", "var/lib/apt", "var/lib/dpkg",
)  # fmt: skip
"""Not needed to run them: just-in-time compilation, Perl's wrappers, what dpkg knows."""
UNUSED_LIBRARIES = ("libLLVM*", "libz3*", "libperl*")

ACCOUNTS = {"redis": 101, "postgres": 102}
DATA = {"redis": "var/lib/redis", "postgres": "var/lib/postgresql"}
NGINX = """\
user www-data;
worker_processes 2;
pid /run/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  server {
    listen 80;
    location / { return 200 "pid $pid\\n"; }
  }
}
"""


def build() -> Path:
    """Return the cached, unsigned image, made on first use (30 seconds)."""

    def make(partial: Path) -> None:
        print("making the image of real software from Debian's packages (once, 30 s)", flush=True)
        with tempfile.TemporaryDirectory(prefix="software-", dir=partial.parent) as scratch:
            rootfs = Path(scratch) / "debian"
            # Unpacked, not installed: nothing of the packages' own scripts runs.
            mmdebstrap(rootfs, "extract", PACKAGES)
            _trim(rootfs)
            _complete(rootfs)
            manifest = aci.image_manifest(NAME, "1.0", aci.app(["/bin/sh", "-c", "exit 9"]))
            aci.build(rootfs, manifest, partial)

    return build_once(CACHE / "images" / f"software-{RECIPE}.aci", make)


def with_ports(ports: Sequence[Mapping[str, Any]]) -> Path:
    """The same image, whose app declares ports."""
    plain = build()
    manifest = aci.image_manifest(NAME, "1.0", aci.app(["/bin/sh", "-c", "exit 9"], ports=ports))
    data = json.dumps(manifest, sort_keys=True).encode()
    key = hashlib.sha256(data + RECIPE.encode()).hexdigest()[:12]

    def make(partial: Path) -> None:
        with tarfile.open(plain) as old, tarfile.open(partial, "w:gz", compresslevel=1) as new:
            for member in old:
                content = old.extractfile(member) if member.isreg() else None
                if member.name == "manifest":
                    member.size, content = len(data), io.BytesIO(data)
                new.addfile(member, content)

    return build_once(CACHE / "images" / f"software-{key}.aci", make)


def _trim(rootfs: Path) -> None:
    for name in UNUSED:
        path = rootfs / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for pattern in UNUSED_LIBRARIES:
        for path in (rootfs / "usr/lib").rglob(pattern):
            path.unlink()
    for name in ("dev", "proc", "sys"):
        shutil.rmtree(rootfs / name, ignore_errors=True)


def _complete(rootfs: Path) -> None:
    """What the packages' scripts would have done."""
    for kind in ("passwd", "group"):
        shutil.copy(rootfs / f"usr/share/base-passwd/{kind}.master", rootfs / f"etc/{kind}")
    with (rootfs / "etc/passwd").open("a") as passwd, (rootfs / "etc/group").open("a") as group:
        for name, number in ACCOUNTS.items():
            passwd.write(f"{name}:x:{number}:{number}::/{DATA[name]}:/bin/sh\n")
            group.write(f"{name}:x:{number}:\n")
    for name, number in ACCOUNTS.items():
        (rootfs / DATA[name]).mkdir(parents=True, exist_ok=True)
        os.chown(rootfs / DATA[name], number, number)
    for name in ("run", "root", "var/log/nginx", "var/lib/nginx"):
        (rootfs / name).mkdir(parents=True, exist_ok=True)
    if not (rootfs / "bin/sh").exists():
        (rootfs / "bin/sh").symlink_to("dash")
    (rootfs / "etc/nginx/nginx.conf").write_text(NGINX)
