# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stage1 is meant: by our names, by those of rkt, by an image of somebody's, or by configuration (A10)."""

from __future__ import annotations

import os

from podwright.errors import UsageError
from podwright.model import stage1 as model
from podwright.model.stage1 import IMAGE, KVM, KVM_NAME, MACHINES, XEN, XEN_NAME, GivenStage1
from podwright.stage0.web.configfiles import documents
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.model.fields import Fields

OWN = ("namespaces", "fly", KVM, XEN)
"""The flavours that have names of their own."""
THEIRS = {
    "coreos": "namespaces",
    "src": "namespaces",
    "host": "namespaces",
    "fly": "fly",
    "kvm": KVM,
}
"""The flavours that rkt shipped, by the last part of their names, and ours that do their work."""
NAMES = {KVM: KVM_NAME, XEN: XEN_NAME}
OUR_PREFIX, THEIR_PREFIX = "podwright.io/stage1-", "coreos.com/rkt/stage1-"
SHIPPED = ("/usr/lib/rkt/", "/usr/libexec/rkt/", "/usr/share/rkt/", "/usr/local/lib/rkt/")


@value
class Choice:
    """A flavour, and the image that it is to be run by where one was said."""

    flavour: str
    image: Optional[GivenStage1] = None


@value
class Configured:
    """What stage1.d says; "" where it says nothing."""

    name: str = ""
    version: str = ""
    location: str = ""
    where: str = ""


def named(name: str, what: str = "--stage1-name") -> Choice:
    """What a name means: a flavour, of any version, or an image. Raises UsageError."""
    head = name.partition(",")[0]
    plain, _, version = head.partition(":")
    for prefix in (OUR_PREFIX, THEIR_PREFIX):
        last = plain[len(prefix) :] if plain.startswith(prefix) else ""
        if last in MACHINES and prefix == OUR_PREFIX and (version or head != name):
            return Choice(last, model.given("name", name, what))
        if last in THEIRS or (last in OWN and prefix == OUR_PREFIX):
            return Choice(THEIRS.get(last, last))
    if plain in OWN or plain in THEIRS:
        return Choice(plain if plain in OWN else THEIRS[plain])
    if "/" not in plain:
        import difflib

        close = difflib.get_close_matches(plain.lower(), OWN, 1, 0.6)
        raise UsageError(
            f"stage1 {safe(name, 60)!r} is not available",
            f"{f'did you mean {close[0]}? ' if close else ''}this version has {', '.join(OWN)};"
            " a stage1 image is named like example.com/stage1",
        )
    return Choice(IMAGE, model.given("name", name, what))


def at_path(path: str, what: str) -> Choice:
    """What a file means: an image, or the flavour of one that rkt shipped, by its name alone."""
    flavour = _shipped(path)
    if flavour:
        return Choice(flavour)
    return Choice(IMAGE, model.given("path", os.path.abspath(path), what))


def at_location(location: str, what: str) -> Choice:
    """What a URL or an absolute path means."""
    if location.startswith("/"):
        return at_path(location, what)
    flavour = ""
    if location.startswith("file://"):
        from urllib.parse import unquote

        flavour = _shipped(unquote(location[len("file://") :]))
    return Choice(flavour) if flavour else Choice(IMAGE, model.given("url", location, what))


def from_directory(layout: Layout, name: str, what: str) -> Choice:
    """What a file in the directory of stage1 images means."""
    if not name or "/" in name or name in (".", ".."):
        raise UsageError(
            f"{what}: {safe(name, 100)!r} is not the name of a file",
            "it lies in the directory alone",
        )
    path = f"{images_directory(layout)}/{name}"
    flavour = _shipped_name(name)
    if flavour and (path.startswith(SHIPPED) or not os.path.lexists(path)):
        return Choice(flavour)
    return Choice(IMAGE, model.given("path", path, what))


def images_directory(layout: Layout) -> str:
    """Where stage1 images lie that are named by their files: `stage1-images` of paths.d, or beside us."""
    found = ""
    for directory in documents(layout, "paths.d", ("paths",), strict=True):
        said = ""
        for fields in directory:
            text = fields.text("stage1-images")
            if text and said:
                raise _twice(fields, "stage1-images")
            if text and not text.startswith("/"):
                raise UsageError(f"{fields.at('stage1-images')}: must be an absolute path")
            said = text or said
        found = said or found
    theirs = "/usr/lib/rkt" if layout.rkt else layout.system_config
    return found.rstrip("/") or f"{theirs}/stage1-images"


def configured(layout: Layout) -> Configured:
    """What stage1.d says; a later directory has the last word, and said twice in one is an error."""
    found = Configured()
    for directory in documents(layout, "stage1.d", ("stage1",), strict=True):
        said = Configured()
        for fields in directory:
            said = _joined(said, fields)
        if said.name:
            found = replace(found, name=said.name, version=said.version, where=said.where)
        if said.location:
            found = replace(found, location=said.location, where=found.where or said.where)
    return found


def _joined(said: Configured, fields: Fields) -> Configured:
    """What a directory says together with another file of it."""
    name, location = fields.text("name"), fields.text("location")
    version = fields.text("version")
    fields.text("rktKind"), fields.text("rktVersion")
    fields.finish()
    if bool(name) != bool(version):
        raise UsageError(f"{fields.path}: name and version stand together", object=fields.path)
    if name and said.name:
        raise _twice(fields, "name")
    if location and said.location:
        raise _twice(fields, "location")
    return Configured(
        name or said.name, version or said.version, location or said.location, fields.path
    )


def _twice(fields: Fields, name: str) -> UsageError:
    directory = os.path.dirname(fields.path)
    return UsageError(
        f"{fields.at(name)}: is already set by another file of {directory}", object=fields.path
    )


def by_configuration(layout: Layout) -> Optional[Choice]:
    """What stage1.d chooses; None where it says nothing."""
    said = configured(layout)
    if not said.name:
        return at_location(said.location, said.where) if said.location else None
    choice = named(f"{said.name}:{said.version}", said.where)
    if choice.image is None:
        return choice
    location = ""
    if said.location:
        elsewhere = at_location(said.location, said.where).image
        location = elsewhere.text if elsewhere is not None else ""
    return replace(choice, image=replace(choice.image, location=location, stored=True))


def of_machines(layout: Layout, flavour: str) -> GivenStage1:
    """The image of pods in machines that nothing is said about: the configured one, or the newest stored."""
    choice = by_configuration(layout)
    if choice is not None and choice.flavour == flavour and choice.image is not None:
        return choice.image
    return GivenStage1("name", NAMES[flavour], stored=True)


def _shipped(path: str) -> str:
    """The flavour of a stage1 image as rkt shipped it; "" for a file that is somebody's own."""
    if path.startswith("/"):
        path = os.path.normpath(path)  # by what it means, whatever detour it takes
    directory, _, name = path.rpartition("/")
    if directory and not f"{directory}/".startswith(SHIPPED):
        return ""
    return "" if not directory and os.path.lexists(name) else _shipped_name(name)


def _shipped_name(name: str) -> str:
    plain = name.partition(".aci")[0]
    return THEIRS.get(plain[len("stage1-") :], "") if plain.startswith("stage1-") else ""
