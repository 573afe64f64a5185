# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The appc names of this host's system and architecture (behaviour.md A2)."""

from __future__ import annotations

import os

from podwright.errors import ImageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.image import ImageManifest

OS = "linux"
_ARCH = {
    "x86_64": "amd64",
    "i386": "i386",
    "i486": "i386",
    "i586": "i386",
    "i686": "i386",
    "aarch64": "aarch64",
    "aarch64_be": "aarch64_be",
    "armv6l": "armv6l",
    "armv7l": "armv7l",
    "armv7b": "armv7b",
    "ppc64le": "ppc64le",
}


def host_arch() -> str:
    """The value that the label `arch` of a runnable image has here; uname's word when unknown."""
    machine = os.uname().machine
    return _ARCH.get(machine, machine)


def check_runnable(manifest: ImageManifest) -> None:
    """Raise ImageError unless the labels `os` and `arch` are there and are this host's."""
    for label, wanted in (("os", OS), ("arch", host_arch())):
        found = manifest.label(label)
        if found != wanted:
            says = f"is for {label} {safe(found, 40)!r}" if found else f"has no label {label!r}"
            raise ImageError(
                f"image {manifest.name} {says}, this host is {wanted!r}",
                "fetch the image that was built for this host",
                object=manifest.name,
                reason="wrong-platform",
            )
