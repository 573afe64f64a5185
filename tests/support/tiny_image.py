# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A 2 MB image for behaviour tests: Debian's static busybox and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support import aci
from tests.support.filelock import build_once
from tests.support.paths import CACHE

NAME = "example.com/tiny"
BUSYBOX = Path("/usr/bin/busybox")
PASSWD = "root:x:0:0:root:/root:/bin/sh\ntiny:x:1000:1000:tiny:/home/tiny:/bin/sh\n"
GROUP = "root:x:0:\ntiny:x:1000:\n"


def build(
    name: str = NAME,
    version: str = "1.0",
    app: Mapping[str, Any] | None = None,
    *,
    files: Mapping[str, str] | None = None,
    **manifest: Any,
) -> Path:
    """Return a cached image with /bin/sh and busybox's other commands (sleep, nc, wget, httpd, id, …).

    The default app sleeps for ever as root. `app` is a section made by `aci.app`; `files` are further files by their
    path in the image; `manifest` goes to `aci.image_manifest`.
    """
    content = aci.image_manifest(name, version, app if app is not None else sleeper(), **manifest)
    inputs = json.dumps([content, dict(files or {}), BUSYBOX.stat().st_size], sort_keys=True)
    target = CACHE / "images" / f"tiny-{hashlib.sha256(inputs.encode()).hexdigest()[:16]}.aci"

    def make(partial: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            rootfs = Path(scratch)
            make_rootfs(rootfs, files or {})
            aci.build(rootfs, content, partial)

    return build_once(target, make)


def sleeper() -> dict[str, Any]:
    """Return an app that sleeps for ever and ends at once on SIGTERM."""
    return aci.app(["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"])


def make_rootfs(rootfs: Path, files: Mapping[str, str]) -> None:
    """Fill `rootfs` with busybox, its command links, /etc/passwd and /etc/group (root; tiny = 1000), and `files`."""
    rootfs.chmod(0o755)
    for directory in ("bin", "etc", "root", "home/tiny", "var/tmp"):
        (rootfs / directory).mkdir(parents=True)
    (rootfs / "tmp").mkdir()
    (rootfs / "tmp").chmod(0o1777)
    shutil.copy(BUSYBOX, rootfs / "bin/busybox")
    for command in subprocess.run(
        [BUSYBOX, "--list"], check=True, capture_output=True, text=True
    ).stdout.split():
        if command != "busybox":
            (rootfs / "bin" / command).symlink_to("busybox")
    os.chown(rootfs / "home/tiny", 1000, 1000)
    for path, text in {"etc/passwd": PASSWD, "etc/group": GROUP, **files}.items():
        target = rootfs / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755 if text.startswith("#!") else 0o644)
