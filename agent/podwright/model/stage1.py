# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage1 images: how one is asked for, and what one says of itself (C1). Pure.

The flavours `namespaces` and `fly` are part of the agent. `kvm` and `xen` take the guest's kernel and initramfs
from an image, which may serve both; `image` is any stage1 that keeps the published contract, driven by its annotations.
"""

from __future__ import annotations

from podwright.errors import ImageError, UsageError
from podwright.model.names import DIGITS, is_image_id
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from podwright.model.fields import Fields
    from podwright.model.image import ImageManifest

KVM, XEN, IMAGE = "kvm", "xen", "image"
MACHINES = (KVM, XEN)
"""The flavours whose pods are virtual machines."""
WITH_IMAGE = (*MACHINES, IMAGE)
"""The flavours that take a stage1 image."""
KVM_NAME = "podwright.io/stage1-kvm"
XEN_NAME = "podwright.io/stage1-xen"
KIND = "podwright.io/stage1/kind"
KINDS = "podwright.io/stage1/kinds"
"""Annotation of an image that serves several flavours: all of them, with commas; without it, KIND is the only one."""
PROTOCOL = "podwright.io/stage1/protocol"
RUN = "coreos.com/rkt/stage1/run"
"""Annotation that every stage1 of the published contract has."""
WAYS = ("name", "path", "url", "hash")


def build_hint(stage1: str) -> str:
    """How an image for a flavour is come by."""
    return f"make it with podwright stage1 build {stage1} OUT.aci, and fetch that file"


def kinds(annotations: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The flavours of machines that an image serves; its own one is the first."""
    said = dict(annotations)
    own = said.get(KIND, "")
    told = {own, *said.get(KINDS, own).split(",")}
    return tuple(sorted((one for one in MACHINES if one in told), key=lambda one: one != own))


@value
class GivenStage1:
    """A stage1 image as it was asked for, or what that came to.

    way       one of WAYS; `hash` with a whole ID is what every other way comes to
    text      the name with its version, absolute path, URL or ID
    location  configured, and this is where it is when the store has none of that name: a path or URL
    stored    nothing is fetched for it but from `location`
    """

    way: str
    text: str
    location: str = ""
    stored: bool = False

    @property
    def settled(self) -> bool:
        """Whether it is known which image it is."""
        return self.way == "hash" and is_image_id(self.text)


def flavour_of(annotations: Iterable[tuple[str, str]]) -> str:
    """KVM, XEN, IMAGE, or "" for an image that is no stage1; the first of several flavours."""
    annotations = tuple(annotations)
    for kind in kinds(annotations):
        return kind
    return IMAGE if RUN in dict(annotations) else ""


def check(manifest: ImageManifest, asked: str) -> str:
    """The flavour that an image makes of `asked`, one of WITH_IMAGE. Raises ImageError where it cannot."""
    found = flavour_of(manifest.annotations)
    name = safe(manifest.name, 160)
    if not found and KIND in dict(manifest.annotations):
        kind = safe(dict(manifest.annotations)[KIND], 60)
        raise ImageError(
            f"image {name} is of kind {kind!r}, which this agent does not know",
            f"its annotation {KIND} can be {' or '.join(MACHINES)}",
            object=manifest.name,
            reason="no-stage1",
        )
    if not found:
        raise ImageError(
            f"image {name} is no stage1: it has neither annotation {RUN} nor {KIND}",
            "choose a stage1 image, or name one of the flavours with --stage1-name",
            object=manifest.name,
            reason="no-stage1",
        )
    if asked in MACHINES and asked not in kinds(manifest.annotations):
        raise ImageError(
            f"image {name} is no stage1 for stage1 {asked}: its annotation {KIND} is not {asked}",
            f"{build_hint(asked)}; or leave stage1 {asked} out, and it is run as what it is",
            object=manifest.name,
            reason="no-stage1",
        )
    if found in MACHINES:
        check_protocol(manifest)
    return asked if asked in MACHINES else found


def check_protocol(manifest: ImageManifest) -> None:
    """Refuse a guest that speaks another protocol than this agent."""
    from podwright.stage1.kvm import frames

    said = dict(manifest.annotations).get(PROTOCOL, "")
    if said != str(frames.PROTOCOL):
        raise ImageError(
            f"image {safe(manifest.name, 160)} speaks protocol {safe(said, 20) or '(none)'} with its"
            f" host, this agent speaks {frames.PROTOCOL}",
            "make one with this agent: podwright stage1 build kvm OUT.aci, and fetch that file",
            object=manifest.name,
            reason="stage1-protocol",
        )


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """What versions are sorted by: numbers as numbers, `~` before the end of the text, as Debian does."""
    parts: list[tuple[int, int, str]] = []
    index = 0
    while index < len(version):
        start = index
        digits = version[index] in DIGITS
        while index < len(version) and (version[index] in DIGITS) == digits:
            index += 1
        part = version[start:index]
        if digits:
            plain = part.lstrip("0")  # as text: a number may be longer than Python converts
            parts.append((2, len(plain), plain))
        else:
            parts.append((0 if part[0] == "~" else 1, 0, part))
    return (*parts, (0, 1, ""))


def parse(fields: Fields) -> GivenStage1:
    """`stage1_image` of a desired state: exactly one of name, path, url and hash."""
    said = [(way, fields.text(way)) for way in WAYS if fields.text(way)]
    fields.finish()
    if len(said) != 1:
        raise UsageError(
            f"{fields.path}: needs exactly one of {', '.join(WAYS)}",
            "say which stage1 image is meant",
            object=fields.path,
        )
    way, text = said[0]
    return given(way, text, fields.at(way))


def given(way: str, text: str, where: str, files: Any = None) -> GivenStage1:
    """A stage1 image as it was said at `where`. Raises UsageError for what is none of that kind."""
    from podwright.model.imageref import parse_ref

    kinds = {
        "name": (("name",), "an image name"),
        "path": (("file",), "an absolute path"),
        "url": (("url", "file", "docker"), "a URL"),
        "hash": (("id",), "an image ID, which begins with sha512-"),
    }
    wanted, words = kinds[way]
    if way == "path" and not text.startswith("/"):
        raise UsageError(f"{where}: {safe(text, 160)!r} is not {words}", object=where)
    if way == "url" and "://" not in text:
        raise UsageError(f"{where}: {safe(text, 160)!r} is not {words}", object=where)
    found = parse_ref(text, files or (lambda _path: False))
    if found.kind not in wanted:
        raise UsageError(f"{where}: {safe(text, 160)!r} is not {words}", object=where)
    return GivenStage1(way, text)
