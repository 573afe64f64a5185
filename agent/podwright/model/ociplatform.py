# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Platforms of container images: their words for ours, and which of an index fits a host."""

from __future__ import annotations

from podwright.model.oci import INDEXES, MANIFESTS, Platform, refused
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.oci import Descriptor, Index

_FITTING: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "amd64": (("amd64", ("", "v1")),),
    "i386": (("386", ("",)),),
    "aarch64": (("arm64", ("", "v8")),),
    "aarch64_be": (("arm64_be", ("", "v8")),),
    "armv7l": (("arm", ("v7", "", "v6", "v5")),),
    "armv6l": (("arm", ("v6", "v5")),),
    "ppc64le": (("ppc64le", ("", "power8")),),
}
"""appc architecture: (Go's word, variants that run there, the best first)."""


def fits(platform: Platform, arch: str) -> int:
    """How well a platform suits a linux host of an appc architecture: 0 is best, -1 not at all."""
    if platform.os != "linux":
        return -1
    rank = 0
    for word, variants in _FITTING.get(arch, ()):
        for variant in variants:
            if (platform.architecture, platform.variant) == (word, variant):
                return rank
            rank += 1
    return -1


def choose(index: Index, arch: str, where: str) -> Descriptor:
    """The entry of an index that suits the host best, the first of equal ones.

    An entry without a platform counts when nothing else is there: the configuration says what it
    is. Raises ImageError naming what there is.
    """
    best, best_rank = None, 1000
    for entry in index.manifests:
        if entry.platform is None or entry.media_type not in INDEXES + MANIFESTS:
            continue
        rank = fits(entry.platform, arch)
        if 0 <= rank < best_rank:
            best, best_rank = entry, rank
    if best is not None:
        return best
    unsaid = [
        entry
        for entry in index.manifests
        if entry.platform is None and entry.media_type in INDEXES + MANIFESTS
    ]
    if len(unsaid) == 1:
        return unsaid[0]
    there = [entry.platform for entry in index.manifests if entry.platform is not None]
    words = ", ".join(
        "/".join(part for part in (each.os, each.architecture, each.variant) if part)
        for each in there
    )
    raise refused(
        where,
        f"is not there for this host (linux {arch}), only for: {safe(words or 'nothing', 200)}",
        "build or choose one for this host",
        "wrong-platform",
    )


def check_host(platform: Platform, arch: str, where: str) -> None:
    """Raise ImageError when an image's own configuration says another platform than the host's."""
    if fits(platform, arch) < 0:
        own = f"{platform.os}/{platform.architecture}/{platform.variant}".rstrip("/")
        raise refused(
            where,
            f"is for {safe(own, 80)}, this host is linux {arch}",
            "fetch the image that was built for this host",
            "wrong-platform",
        )
