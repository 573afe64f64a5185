# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host answers to `podwright tpm`, read as what it is: a stranger's words.

Only the fields that docs/tpm.md names are looked at, each must be of its type, and all is bounded.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NamedTuple, NoReturn

from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_structures import (
    TpmError,
    whole,
)

LIMIT = 64 * 1024 * 1024
"""Bytes of an answer; a log of 100,000 pods has about that."""

FORMAT = 1
_LONGEST = 2048
_MOST_PODS = 100_000
_MOST_APPS = 10_000


class Pod(NamedTuple):
    """A pod that the host says runs; `apps` are names, and IDs of their images."""

    uuid: str
    name: str
    flavour: str
    apps: tuple[tuple[str, str], ...]


class Evidence(NamedTuple):
    """The answer of `podwright tpm quote`. Nothing of it is verified."""

    quote: bytes
    signature: bytes
    public: bytes
    log: object
    boot_id: str
    mode: str
    pods: tuple[Pod, ...]
    problems: tuple[str, ...]


class Keys(NamedTuple):
    """The answer of `podwright tpm key`: public areas, and the maker's certificate if there is one."""

    attestation: bytes
    endorsement: bytes
    certificate: bytes


def evidence(text: str) -> Evidence:
    """Read a quote. Raises TpmError with reason `bad-answer`."""
    answer = _read(text)
    pods = _list(answer, "pods", _MOST_PODS)
    problems = _list(answer, "problems", 1000)
    return Evidence(
        _bytes(answer, "quote"),
        _bytes(answer, "signature"),
        _bytes(_mapping(answer, "ak"), "public"),
        answer.get("log"),
        _text(answer, "boot_id"),
        _mode(answer),
        tuple(_pod(one) for one in pods),
        tuple(one for one in problems if isinstance(one, str)),
    )


def keys(text: str) -> Keys:
    """Read the keys of a host's TPM. Raises TpmError with reason `bad-answer`."""
    answer = _read(text)
    endorsement = _mapping(answer, "ek")
    return Keys(
        _bytes(_mapping(answer, "ak"), "public"),
        _bytes(endorsement, "public"),
        _bytes(endorsement, "certificate"),
    )


def credential(text: str) -> bytes:
    """Read the secret that a TPM has opened. Raises TpmError with reason `bad-answer`."""
    return _bytes(_read(text), "credential")


def shown(text: str, longest: int = 200) -> str:
    """Text of a host as a sentence can have it: no control characters, of bounded length."""
    cut = text[:longest] + ("…" if len(text) > longest else "")
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in cut)


def _read(text: str) -> dict[str, Any]:
    if len(text) > LIMIT:
        _bad(f"it has {len(text)} characters; {LIMIT} are the most")
    try:
        answer = json.loads(
            text, object_pairs_hook=_pairs, parse_float=_number, parse_constant=_number
        )
        json.dumps(answer, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        _bad("it is not the JSON that an agent writes")
    if not isinstance(answer, dict):
        _bad("it is no object")
    if not whole(answer.get("format")) or answer["format"] != FORMAT:
        _bad("it is of a format that this collection does not know")
    return answer


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) != len(items):
        raise ValueError("a key appears twice")
    return found


def _number(_found: str) -> NoReturn:
    raise ValueError("a fraction")


def _mapping(answer: dict[str, Any], name: str) -> dict[str, Any]:
    found = answer.get(name)
    if not isinstance(found, dict):
        _bad(f"its {name} is no object")
    return found


def _list(answer: dict[str, Any], name: str, most: int) -> list[Any]:
    found = answer.get(name)
    if not isinstance(found, list) or len(found) > most:
        _bad(f"its {name} is no list, or too long")
    return found


def _text(answer: dict[str, Any], name: str) -> str:
    found = answer.get(name)
    if not isinstance(found, str) or len(found) > _LONGEST:
        _bad(f"its {name} is no text, or too long")
    return found


def _mode(answer: dict[str, Any]) -> str:
    found = _text(answer, "mode")
    if found not in ("log", "require"):
        _bad("its mode is none in which pods are measured")
    return found


def _bytes(answer: dict[str, Any], name: str) -> bytes:
    found = answer.get(name)
    if not isinstance(found, str) or len(found) > 32 * _LONGEST:
        _bad(f"its {name} is no text, or too long")
    try:
        return base64.b64decode(found, validate=True)
    except (binascii.Error, ValueError):
        _bad(f"its {name} is not in base64")


def _pod(one: object) -> Pod:
    if not isinstance(one, dict):
        _bad("a pod in it is no object")
    texts = (_text(one, "uuid"), _text(one, "name"), _text(one, "flavour"))
    return Pod(*texts, tuple(map(_app, _list(one, "apps", _MOST_APPS))))


def _app(one: object) -> tuple[str, str]:
    if not isinstance(one, dict):
        _bad("an app in it is no object")
    return _text(one, "name"), _text(one, "image")


def _bad(how: str) -> NoReturn:
    raise TpmError(f"the host's answer cannot be used: {how}", "bad-answer")
