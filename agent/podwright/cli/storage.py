# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes, mounts and secrets as they are written on the command line: `NAME,key=value,…` (B2)."""

from __future__ import annotations

from podwright.cli import options
from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.image import absolute
from podwright.model.volume import parse_mount, parse_volume
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.model.secret import GivenSecret
    from podwright.model.volume import Mount, Volume

SWITCHES = ("readOnly", "recursive", "idmap", "noexec", "followLinks", "copyUp")


def number(text: str, what: str) -> int:
    """A user or group number."""
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) >= 2**32 - 1:
        raise UsageError(f"{what}: {safe(text, 40)!r} is not a user or group number")
    return int(text)


def _switch(text: str, what: str) -> bool:
    if text not in ("true", "false"):
        raise UsageError(f"{what} is true or false")
    return text == "true"


def _named(text: str, flag: str, hint: tuple[str, str]) -> tuple[str, dict[str, Any]]:
    """The name before the first comma, and the rest by key."""
    name, _, rest = text.partition(",")
    if not rest:
        raise UsageError(
            f"{flag}: {safe(text, 80)!r} {hint[0]}", f"write {safe(name, 40)}{hint[1]}"
        )
    raw: dict[str, Any] = dict(options.split(rest, flag))
    if raw.setdefault("name", name) != name:
        raise UsageError(f"{flag} {safe(name, 40)}: name is given twice")
    for key in ("uid", "gid"):
        if key in raw:
            raw[key] = number(raw[key], f"{flag} {safe(name, 40)}: {key}")
    return name, raw


def volume(text: str) -> Volume:
    """`NAME,kind=host|empty|tmpfs|device[,source=/path][,…]`."""
    source, colon, target = text.partition(":")
    if colon and "," not in source and "=" not in source:
        raise UsageError(
            f"--volume: {safe(text, 80)!r} is not NAME,kind=KIND",
            f"write --volume=data,kind=host,source={_example(source)} and, after the image,"
            f" --mount=volume=data,target={_example(target.partition(':')[0])}",
        )
    hint = ("does not say its kind", ",kind=empty or NAME,kind=host,source=/path")
    name, raw = _named(text, "--volume", hint)
    for flag in SWITCHES:
        if flag in raw:
            raw[flag] = _switch(raw[flag], f"--volume {safe(name, 40)}: {flag}")
    return parse_volume(Fields(raw, f"--volume {safe(name, 40)}"))


def _example(path: str) -> str:
    return safe(path, 80) if path.startswith("/") else "/path"


def mount(text: str) -> Mount:
    """`volume=NAME,target=/path[,readOnly=true]`."""
    words: dict[str, Any] = dict(options.split(text, "--mount"))
    if set(words) - {"readOnly"} != {"volume", "target"}:
        raise UsageError(
            f"--mount: {safe(text, 80)!r} is not volume=NAME,target=/path[,readOnly=true]"
        )
    if "readOnly" in words:
        words["readOnly"] = _switch(words["readOnly"], "--mount: readOnly")
    absolute(words["target"], "--mount")
    words["path"] = words.pop("target")
    return parse_mount(Fields(words, "--mount"))


def secret(text: str) -> GivenSecret:
    """`NAME,file=/path|credential=NAME[,target=/path][,mode=0400][,uid=][,gid=][,apps=A:B]`."""
    from podwright.model.secret import parse_given

    hint = ("does not say where it comes from", ",file=/path or NAME,credential=NAME")
    name, raw = _named(text, "--secret", hint)
    if "content" in raw:
        # The text holds it, so none of it is said again.
        raise UsageError(
            f"--secret {safe(name, 40)}: the content is no argument, since all users see arguments",
            "write it to a file that only root can read, and say file=/path",
        )
    if "apps" in raw:
        raw["apps"] = raw["apps"].split(":")
    return parse_given(Fields(raw, f"--secret {safe(name, 40)}"))


def secrets(texts: list[str]) -> tuple[GivenSecret, ...]:
    """All secrets of a command line; two of one name or place are refused."""
    from podwright.model.secret import check_all

    given = tuple(secret(text) for text in texts)
    check_all(tuple(one.secret for one in given), "--secret")
    return given
