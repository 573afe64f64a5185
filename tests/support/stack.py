# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signed images that are built on each other, served for discovery.

`Stack(server, key, scratch)` makes them: `stack.base()` is busybox; `stack.serve("example.com/top", files={...},
dependencies=["example.com/base"])` holds just these files. A dependency is a name or an object as the appc spec has it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support import aci, webserver
from tests.support import tiny_image as tiny
from tests.support.gpglab import Key
from tests.support.webserver import ImageServer

BASE = "example.com/base"
NO_ARCH = {"os": "", "arch": ""}


class Stack:
    """A maker of images below `scratch`, served by `server`, signed by `key`."""

    def __init__(self, server: ImageServer, key: Key, scratch: Path) -> None:
        self._server, self._key, self._scratch = server, key, scratch
        self._numbers = itertools.count()

    def base(self, name: str = BASE, version: str = "1.0", **options: Any) -> Path:
        """Serve an image with busybox in it, under its version and as the latest."""
        image = self._copy(tiny.build(name=name, version=version, **options))
        return self._publish(image, name, version, self._key)

    def serve(
        self,
        name: str,
        files: Mapping[str, str] | None = None,
        *,
        version: str = "1.0",
        dependencies: Sequence[str | Mapping[str, Any]] = (),
        whitelist: Sequence[str] = (),
        links: Mapping[str, str] | None = None,
        directories: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        key: Key | None = None,
        app: Mapping[str, Any] | None = None,
    ) -> Path:
        """Serve an image with only these files; `labels` with an empty value are left out."""
        rootfs = self._scratch / f"root-{next(self._numbers)}"
        rootfs.mkdir(parents=True)
        for path in directories:
            (rootfs / path).mkdir(parents=True, exist_ok=True)
        for path, text in (files or {}).items():
            (rootfs / path).parent.mkdir(parents=True, exist_ok=True)
            (rootfs / path).write_text(text)
        for path, target in (links or {}).items():
            (rootfs / path).parent.mkdir(parents=True, exist_ok=True)
            os.symlink(target, rootfs / path)
        manifest = self._manifest(name, version, dependencies, whitelist, labels or {}, app)
        image = self._scratch / f"image-{next(self._numbers)}.aci"
        aci.build(rootfs, manifest, image)
        return self._publish(image, name, version, key or self._key)

    def _manifest(
        self,
        name: str,
        version: str,
        dependencies: Sequence[str | Mapping[str, Any]],
        whitelist: Sequence[str],
        labels: Mapping[str, str],
        app: Mapping[str, Any] | None,
    ) -> aci.Manifest:
        extra: dict[str, Any] = {}
        if dependencies:
            extra["dependencies"] = [
                {"imageName": one} if isinstance(one, str) else dict(one) for one in dependencies
            ]
        if whitelist:
            extra["pathWhitelist"] = list(whitelist)
        made = aci.image_manifest(
            name, version, app or aci.app(["/bin/sh", "-c", "true"]), labels=labels, **extra
        )
        made["labels"] = [label for label in made["labels"] if label["value"]]
        return made

    def _copy(self, image: Path) -> Path:
        copy = self._scratch / f"image-{next(self._numbers)}.aci"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(image.read_bytes())
        return copy

    def _publish(self, image: Path, name: str, version: str, key: Key) -> Path:
        signature = key.sign(image)
        served = webserver.publish(
            self._server.root, name, image, version, aci.host_arch(), signature
        )
        webserver.publish(self._server.root, name, image, "latest", aci.host_arch(), signature)
        return served


def labels(**texts: str) -> list[dict[str, str]]:
    """Labels as a dependency has them."""
    return [{"name": name, "value": text} for name, text in texts.items()]
