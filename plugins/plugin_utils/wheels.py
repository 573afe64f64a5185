# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read wheels on the controller, for hosts whose distribution has no packages of the agent's libraries.

Only wheels that are nothing but Python source for one directory are taken, since they are
unpacked and not installed: the format is in the binary distribution format of packaging.python.org.
"""

from __future__ import annotations

import email.parser
import hashlib
import io
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Container, Iterable

LIMIT = 64 * 1024 * 1024
"""Bytes that one wheel may have, unpacked; pyroute2 has 2 MiB."""

_NAME = re.compile(
    r"(?P<project>[A-Za-z0-9._]+)-(?P<version>[A-Za-z0-9._+!]+)(-[0-9][A-Za-z0-9._]*)?"
    r"-(?P<python>[a-z0-9_.]+)-(?P<abi>[a-z0-9_.]+)-(?P<platform>[a-z0-9_.]+)\.whl"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PIN = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_COMPILED = re.compile(r".*\.(so|pyd|dll|dylib|pyc|pyo)(\.[0-9.]+)?", re.IGNORECASE)
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OverflowError,
    RuntimeError,  # encrypted, or compressed in a way that this Python does not know
    ValueError,
)


class WheelError(ValueError):
    """A wheel that is not taken, and why, in one sentence."""


def checksums(given: Iterable[object], pins: str) -> frozenset[str]:
    """The SHA-256 checksums that wheels may have: those given, and those of a list as pip reads it.

    Raises WheelError for what is none.
    """
    known = set()
    for one in given:
        text = str(one).lower().removeprefix("sha256:")
        if not _SHA256.fullmatch(text):
            raise WheelError(f"{str(one)!r} is not a SHA-256 checksum; give 64 hexadecimal digits")
        known.add(text)
    with open(pins, encoding="utf-8") as stream:
        known.update(_PIN.findall(stream.read()))
    return frozenset(known)


def read(paths: Iterable[str], known: Container[str]) -> dict[str, bytes]:
    """The files of all wheels by their names below the directory that they are unpacked into.

    Raises WheelError for a file that is not a pure-Python wheel, for one whose checksum is not
    `known`, and for wheels that contradict each other.
    """
    found: dict[str, bytes] = {}
    origin: dict[str, str] = {}
    for path in paths:
        wheel = os.path.basename(path)
        for name, content in _one(path, known).items():
            if name in found:
                raise WheelError(
                    f"wheels {origin[name]!r} and {wheel!r} both have {name!r}; list one of them"
                )
            found[name], origin[name] = content, wheel
    for name in found:
        for parent in _parents(name):
            if parent in found:
                raise WheelError(
                    f"wheel {origin[name]!r} has {name!r}, but {parent!r} in wheel"
                    f" {origin[parent]!r} is a file; list one of them"
                )
    return found


def _bytes(path: str, known: Container[str]) -> bytes:
    """What is in a file, once and for all: it is the bytes with the checksum that are unpacked."""
    with open(path, "rb") as stream:
        data = stream.read(LIMIT + 1)
    found = hashlib.sha256(data).hexdigest()
    if found not in known:
        raise WheelError(
            f"wheel {os.path.basename(path)!r} has the SHA-256 checksum {found}, which nobody vouches"
            " for; download it with 'ansible-playbook podwright.fleet.wheels -e wheels_dir=DIR', or"
            " compare the checksum with its project's and list it in podwright_agent_wheel_checksums"
        )
    return data


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _one(path: str, known: Container[str]) -> dict[str, bytes]:
    wheel = os.path.basename(path)
    match = _NAME.fullmatch(wheel)
    if match is None:
        raise WheelError(
            f"{wheel!r} is not named like a wheel; list files that 'pip download --no-deps' wrote"
        )
    if "py3" not in match["python"].split(".") or (match["abi"], match["platform"]) != (
        "none",
        "any",
    ):
        raise WheelError(
            f"wheel {wheel!r} is not pure Python; list one whose name ends in py3-none-any.whl"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(_bytes(path, known))) as archive:
            files = _contents(archive, wheel)
    except WheelError:
        raise
    except OSError as error:
        raise WheelError(f"wheel {wheel!r} cannot be read: {error.strerror or error}") from None
    except _UNREADABLE as error:
        raise WheelError(
            f"wheel {wheel!r} is not a valid zip archive ({error}); download it again"
        ) from None
    _check_metadata(files, wheel, f"{match['project']}-{match['version']}.dist-info")
    return files


def _contents(archive: zipfile.ZipFile, wheel: str) -> dict[str, bytes]:
    members = archive.infolist()
    if sum(member.file_size for member in members) > LIMIT:
        raise WheelError(f"wheel {wheel!r} has more than {LIMIT >> 20} MiB; list a smaller one")
    files: dict[str, bytes] = {}
    for member in members:
        _check_member(member, wheel)
        if member.is_dir():
            continue
        if member.filename in files:
            raise WheelError(f"wheel {wheel!r} has {member.filename!r} twice; download it again")
        files[member.filename] = archive.read(member)
    return files


def _check_member(member: zipfile.ZipInfo, wheel: str) -> None:
    name = member.orig_filename
    parts = name.removesuffix("/").split("/")
    if {"", ".", ".."} & set(parts) or "\\" in name or not (name.isascii() and name.isprintable()):
        raise WheelError(
            f"wheel {wheel!r} has {name!r}, which is not a path below its directory; do not use it"
        )
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise WheelError(f"wheel {wheel!r} has {name!r}, which is no regular file; do not use it")
    if _COMPILED.fullmatch(parts[-1]) or "__pycache__" in parts:
        raise WheelError(
            f"wheel {wheel!r} is not pure Python: it has {name!r}; list one with source only"
        )
    if parts[0].endswith(".data"):
        raise WheelError(
            f"wheel {wheel!r} has {name!r}, which belongs elsewhere on the host, and wheels are"
            f" only unpacked; list one without {parts[0]!r}"
        )


def _check_metadata(files: dict[str, bytes], wheel: str, wanted: str) -> None:
    """What the wheel says of itself must be what its name says."""
    name = next((name for name in files if _is_metadata(name, wanted)), None)
    if name is None:
        raise WheelError(f"wheel {wheel!r} has no {wanted}/WHEEL; download it again")
    text = files[name].decode("utf-8", "replace")
    said = email.parser.Parser().parsestr(text, headersonly=True)
    pure = str(said.get("Root-Is-Purelib", "")).strip().lower() == "true"
    if not pure or "py3-none-any" not in [str(tag).strip() for tag in said.get_all("Tag", [])]:
        raise WheelError(
            f"wheel {wheel!r} is not pure Python, as {name} says; list one that is tagged"
            " py3-none-any"
        )


def _is_metadata(name: str, folder: str) -> bool:
    return name.endswith("/WHEEL") and _normal(name[: -len("/WHEEL")]) == _normal(folder)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
