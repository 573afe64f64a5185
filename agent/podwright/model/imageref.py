# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image arguments: `name[:version][,label=value...]`, IDs, files and URLs (behaviour.md A4), and
references to OCI images (A7), which `ociref` reads."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.names import DIGITS, HEX, LETTERS, ac_identifier, made_of
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_VALUE = LETTERS + DIGITS + "._~+@-"


@value
class ImageRef:
    """What a user wrote to name an image.

    kind      `id`, `name`, `file`, `url`; `docker`, `oci`, `docker-archive`, `oci-archive`
    text      as written
    name      the image name; for kinds of OCI images the one that it gets here
    labels    the labels asked for, version first; likewise
    location  the ID (whole, or a prefix of it), the path or the URL; for docker
              REGISTRY/REPOSITORY[:TAG][@DIGEST] in full, for the other OCI kinds PATH[:REF]
    """

    kind: str
    text: str
    name: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    location: str = ""

    @property
    def version(self) -> str:
        """The version asked for, or ""."""
        return dict(self.labels).get("version", "")


def parse_ref(text: str, cwd_files: Callable[[str], bool]) -> ImageRef:
    """Read an image argument; `cwd_files` says whether a path is an existing regular file.

    Raises UsageError when it is of none of these kinds.
    """
    if not text or len(text) > 4096 or not text.isprintable():
        raise UsageError(f"image {safe(text, 80)!r}: empty, too long or not printable")
    if text.startswith("sha512-"):
        return _id(text)
    scheme, separator, _ = text.partition("://")
    if separator and made_of(scheme, LETTERS + DIGITS + "+.-") and scheme[0] in LETTERS:
        return _location(text, scheme.lower())
    if text.startswith(("oci:", "docker-archive:", "oci-archive:")):
        return _oci(text)
    if text.startswith(("docker:", "cimd:")):
        return _location(text, text.partition(":")[0])
    if text.startswith("/"):
        return ImageRef("file", text, location=text)
    if cwd_files(text):
        _refuse_ambiguous(text)
        return ImageRef("file", text, location=text)
    if ":" not in text and ("./" in text or text.endswith(".aci")):
        return ImageRef("file", text, location=text)
    return _name(text)


def format_ref(name: str, labels: tuple[tuple[str, str], ...]) -> str:
    """The text that `parse_ref` reads as this name and these labels."""
    version = dict(labels).get("version", "")
    head = f"{name}:{version}" if version else name
    return ",".join([head, *(f"{key}={val}" for key, val in labels if key != "version")])


def _refuse_ambiguous(text: str) -> None:
    """A file that is called like an image must not take its place: whoever can write to the
    directory that we happen to be in would choose what runs."""
    if text.endswith(".aci"):
        return
    try:
        _name(text)
    except UsageError:
        return
    raise UsageError(
        f"image {safe(text, 160)!r}: is an image name, and a file of that name is here too",
        f"write ./{safe(text, 160)} for the file, or go to another directory for the image",
        object=safe(text, 160),
        reason="ambiguous-image",
    )


def _id(text: str) -> ImageRef:
    digits = text[len("sha512-") :]
    if not made_of(digits, HEX) or not 2 <= len(digits) <= 128:
        raise UsageError(
            f"image {safe(text, 160)!r}: not an image ID",
            "an ID is sha512- and 2 to 128 lower-case hexadecimal digits",
        )
    return ImageRef("id", text, location=f"sha512-{digits[:64]}")


def _location(text: str, scheme: str) -> ImageRef:
    if scheme == "docker":
        return _oci(text)
    if scheme not in ("file", "http", "https"):
        raise UsageError(
            f"image {safe(text, 160)!r}: scheme {scheme!r} is not understood",
            "use an image name, or file://, https://, docker://, oci:",
        )
    if not text.endswith(".aci"):
        raise UsageError(f"image {safe(text, 160)!r}: the URL does not end in .aci")
    if scheme != "file":
        return ImageRef("url", text, location=text)
    from urllib.parse import unquote

    host, slash, path = text[len("file://") :].partition("/")
    path = slash + unquote(path)
    if host not in ("", "localhost") or not slash or "\0" in path:
        raise UsageError(f"image {safe(text, 160)!r}: not file:// and an absolute path")
    return ImageRef("file", text, location=path)


def _oci(text: str) -> ImageRef:
    from podwright.model import ociref

    parts = ociref.parse_oci(text)
    return ImageRef(parts.kind, text, parts.name, parts.labels, parts.location)


def _name(text: str) -> ImageRef:
    head, *rest = text.split(",")
    name, colon, version = head.partition(":")
    where = f"image {safe(text, 160)!r}"
    ac_identifier(name, where)
    labels: dict[str, str] = {}
    for key, val in [("version", version)] * bool(colon) + [_label(where, part) for part in rest]:
        ac_identifier(key, f"{where}: label")
        if key == "name" or key in labels:
            raise UsageError(f"{where}: label {key!r} cannot be given" + " twice" * (key in labels))
        if not made_of(val, _VALUE) or len(val) > 128 or val in (".", ".."):
            port = val.partition("/")[0]
            likely = "/" in val and key == "version" and made_of(port, DIGITS)
            raise UsageError(
                f"{where}: {safe(val, 80)!r} cannot be the value of label {key!r}",
                f"did you mean docker://{safe(text, 160)}?"
                if likely
                else "use letters, digits and . _ ~ + @ -",
            )
        labels[key] = val
    return ImageRef("name", text, name, tuple(labels.items()))


def _label(where: str, part: str) -> tuple[str, str]:
    key, equals, val = part.partition("=")
    if not equals:
        raise UsageError(f"{where}: {safe(part, 80)!r} is not label=value")
    return key, val
