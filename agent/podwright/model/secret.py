# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a pod: files in memory that its apps can read. What is in them is no part of any value here.

A secret is named in the pod manifest with where it comes from and where it appears. Its content
comes with the desired state (`Content`), from a file of the host, or from a systemd credential.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.image import absolute
from podwright.model.names import LETTERS, ac_name, is_hex, made_of
from podwright.model.volume import parse_mode
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

DIRECTORY = "/run/secrets"
"""Where a secret appears when nothing is said."""
LARGEST = 1024 * 1024
"""Bytes of one secret; what systemd takes for a credential."""
DIGEST_LENGTH = 32
_SOURCES = ("content", "file", "credential", "stored")


class Content:
    """What is in a secret. No value: it is never shown, compared or written as JSON."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        return "Content(...)"


@value
class Secret:
    """A secret of a pod as its manifest names it.

    target      absolute path in the app's root
    mode        of the file; uid, gid: None = the app's user and group
    apps        which get it; none named: all
    file, credential   where the content comes from at every start; neither: it came with the
                desired state and lies in the host's memory
    digest      keyed digest of the content as it was last seen, "" where nobody has looked
    """

    name: str
    target: str
    mode: int = 0o400
    uid: Optional[int] = None
    gid: Optional[int] = None
    apps: tuple[str, ...] = ()
    file: str = ""
    credential: str = ""
    digest: str = ""

    @property
    def credential_name(self) -> str:
        """The credential's name below $CREDENTIALS_DIRECTORY."""
        return self.credential.rpartition("/")[2]


@value
class GivenSecret:
    """A secret as the desired state asks for it.

    stored  name of a secret that the host keeps, whose place is then found for it
    """

    secret: Secret
    content: Optional[Content] = None
    stored: str = ""


def parse_secret(fields: Fields) -> Secret:
    """Read a secret of a manifest or a revision."""
    name = ac_name(fields.text("name", ...), fields.at("name"))
    file, credential = fields.text("file"), fields.text("credential")
    if file:
        absolute(file, fields.at("file"))
    digest = fields.text("digest")
    if digest and not is_hex(digest, DIGEST_LENGTH):
        raise UsageError(f"{fields.at('digest')}: is not a digest", object=name)
    secret = Secret(
        name,
        _target(fields, name),
        parse_mode(fields, 0o400),
        fields.optional_integer("uid", 0, 2**32 - 2),
        fields.optional_integer("gid", 0, 2**32 - 2),
        tuple(ac_name(app, fields.at("apps")) for app in fields.texts("apps")),
        file,
        _credential(credential, fields.at("credential")) if credential else "",
        digest,
    )
    if secret.mode & ~0o777:
        raise UsageError(f"{fields.at('mode')}: a secret is no program", "use 0400 or 0440")
    return secret


def _target(fields: Fields, name: str) -> str:
    text = fields.text("target") or f"{DIRECTORY}/{name}"
    parts = [part for part in absolute(text, fields.at("target")).split("/") if part not in "."]
    if not parts or parts[0] in ("proc", "sys", "dev") or text.endswith("/"):
        raise UsageError(
            f"{fields.at('target')}: a secret cannot be at {safe(text, 80)}",
            f"leave it out, and it is {DIRECTORY}/{name}",
            object=name,
        )
    return "/" + "/".join(parts)


def _credential(text: str, where: str) -> str:
    name = absolute(text, where).rpartition("/")[2] if text.startswith("/") else text
    known = LETTERS + "0123456789-_."
    if (
        not made_of(text, known + "/")
        or not made_of(name, known)
        or name in (".", "..")
        or len(name) > 255
    ):
        raise UsageError(
            f"{where}: {safe(text, 80)!r} is not the name of a credential",
            "use letters, digits and - _ . or the path of a file whose name is made of them",
        )
    return text


def parse_given(fields: Fields) -> GivenSecret:
    """Read a secret of the desired state: exactly one of content, file, credential and stored."""
    given = [name for name in _SOURCES if fields.raw(name) is not None]
    if len(given) != 1:
        raise UsageError(
            f"{fields.path}: needs one of content, file, credential and stored",
            "say once where the secret comes from",
        )
    content = None
    encoding = fields.choice("encoding", ("text", "base64"), "text")
    if fields.raw("content") is not None:
        content = Content(_decode(fields.text("content"), encoding, fields.at("content")))
    elif fields.raw("encoding") is not None:
        raise UsageError(f"{fields.at('encoding')}: is for content")
    elif not fields.text(given[0]):
        raise UsageError(f"{fields.at(given[0])}: is empty")
    if fields.raw("digest") is not None:
        raise UsageError(f"{fields.at('digest')}: unknown field", "leave it out")
    stored = fields.text("stored")
    if stored:
        ac_name(stored, fields.at("stored"))
    secret = parse_secret(fields)
    fields.read.discard("digest")
    fields.finish()
    return GivenSecret(secret, content, stored)


def parse_content(fields: Fields) -> Content:
    """What is to be in a secret that the host keeps: `content`, with its `encoding`."""
    encoding = fields.choice("encoding", ("text", "base64"), "text")
    return Content(_decode(fields.text("content", ...), encoding, fields.at("content")))


def _decode(text: str, encoding: str, where: str) -> bytes:
    if encoding == "text":
        data = text.encode("utf-8", "surrogateescape")
    else:
        import base64

        try:
            data = base64.b64decode("".join(text.split()), validate=True)
        except ValueError:
            # Neither the text nor the decoder's words about it.
            raise UsageError(f"{where}: is not base64", "encode it again") from None
    if len(data) > LARGEST:
        raise UsageError(f"{where}: is larger than {LARGEST} bytes", "a secret is a small file")
    return data


def check_all(secrets: tuple[Secret, ...], where: str) -> None:
    """Refuse two secrets of one name, or at one place of one app."""
    for index, secret in enumerate(secrets):
        for other in secrets[:index]:
            if other.name == secret.name:
                raise UsageError(f"{where}: {secret.name} appears twice", object=secret.name)
            shared = not other.apps or not secret.apps or set(other.apps) & set(secret.apps)
            if shared and other.target == secret.target:
                raise UsageError(
                    f"{where}: {other.name} and {secret.name} are both at"
                    f" {safe(secret.target, 80)}",
                    "give one of them another target",
                    object=secret.name,
                )


def dump_secret(secret: Secret) -> dict[str, Any]:
    """The JSON object of a secret, without its content; what is as by default is left out."""
    out: dict[str, Any] = {
        "name": secret.name,
        "target": secret.target,
        "mode": f"{secret.mode:04o}",
    }
    for field, content, default in (
        ("uid", secret.uid, None),
        ("gid", secret.gid, None),
        ("apps", list(secret.apps), []),
        ("file", secret.file, ""),
        ("credential", secret.credential, ""),
        ("digest", secret.digest, ""),
    ):
        if content != default:
            out[field] = content
    return out
