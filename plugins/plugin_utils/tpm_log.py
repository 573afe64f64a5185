# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host's event log: from what it sent to what it says has happened, and the PCR's value after that.

docs/tpm.md has the format. Until the value has been compared with a quote, none of it is to be
believed; and never may a name in it be more than a name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_structures import (
    SIZES,
    TpmError,
    whole,
)

BANKS = ("sha256", "sha384", "sha512")
FORMAT = 1
CONTENT_TYPE = "podwright"
RECORDS = 200_000
"""More than a boot of any host has; what is read at all is bounded by the size of the answer."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_IMAGE = re.compile(r"sha512-[0-9a-f]{32,128}")
_WORD = re.compile(r"[a-z][a-z0-9-]{0,63}")
_LONGEST_NAME = 2048
_MOST_APPS = 10_000


class Record(NamedTuple):
    """One event, and the value of the PCR after it."""

    number: int
    event: str
    content: dict[str, Any]
    value: str


class Log(NamedTuple):
    """A log that adds up in itself.

    value    of the PCR after all of it, in hexadecimal
    foreign  numbers of records which say that somebody else has changed the PCR before them
    """

    records: tuple[Record, ...]
    value: str
    foreign: tuple[int, ...]

    @property
    def baseline(self) -> dict[str, Any]:
        """The content of the first record."""
        return self.records[0].content


class LogError(TpmError):
    """A log that is none; `record` is the number of the record that it breaks at, -1 if at none."""

    def __init__(self, message: str, record: int = -1) -> None:
        super().__init__(message, "bad-log")
        self.record = record


def canonical(content: dict[str, Any]) -> bytes:
    """The bytes of a record's content that are hashed."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def read(records: object, pcr: int, bank: str) -> Log:
    """The log in an answer. Raises LogError if it does not add up, or has what no agent writes."""
    if not isinstance(records, list) or not records:
        raise LogError("the event log has no records")
    if len(records) > RECORDS:
        raise LogError(f"the event log has {len(records)} records; {RECORDS} are the most")
    zeros = "00" * SIZES[bank]
    value, found, foreign = zeros, [], []
    for number, raw in enumerate(records):
        content, digest = _record(raw, number, pcr, bank)
        event = content["event"]
        _check_place(event, number)
        _check_content(event, content, number)
        if event in ("baseline", "mismatch"):
            value = content["value"]
            if event == "mismatch" or value != zeros:
                foreign.append(number)
        value = hashlib.new(bank, bytes.fromhex(value) + bytes.fromhex(digest)).hexdigest()
        found.append(Record(number, event, content, value))
    return Log(tuple(found), value, tuple(foreign))


def _record(raw: object, number: int, pcr: int, bank: str) -> tuple[dict[str, Any], str]:
    """Content and digest of a record, which is one of this number, PCR and bank."""
    fields = ["content", "content_type", "digests", "pcr", "recnum"]
    if not isinstance(raw, dict) or sorted(raw, key=str) != fields:
        raise _wrong(number, "is none of the Canonical Event Log format")
    if not whole(raw["recnum"]) or raw["recnum"] != number:
        raise _wrong(number, "does not have this number: records are missing or out of order")
    if not whole(raw["pcr"]) or raw["pcr"] != pcr:
        raise _wrong(number, f"is not of PCR {pcr}")
    if raw["content_type"] != CONTENT_TYPE:
        raise _wrong(number, "is not podwright's")
    content = raw["content"]
    if not isinstance(content, dict) or not isinstance(content.get("event"), str):
        raise _wrong(number, "has no event")
    try:
        expected = hashlib.new(bank, canonical(content)).hexdigest()
    except (UnicodeError, ValueError, RecursionError):
        raise _wrong(number, "has content that no agent writes") from None
    if raw["digests"] != [{"hashAlg": bank, "digest": expected}]:
        raise _wrong(number, f"was changed: its {bank} digest is not that of its content")
    return content, expected


def _check_place(event: str, number: int) -> None:
    if (event == "baseline") != (number == 0):
        raise _wrong(number, "is a second baseline" if number else "is not the baseline")


def _check_content(event: str, content: dict[str, Any], number: int) -> None:
    """What an event has must be what the format says. More may be there."""
    if event not in _EVENTS:
        raise _wrong(number, "is of an event that this collection does not know")
    for name, good in _EVENTS[event].items():
        if name not in content or not good(content[name]):
            raise _wrong(number, f"has no {name} as an agent writes it")


def _wrong(number: int, how: str) -> LogError:
    return LogError(f"record {number} of the event log {how}", number)


def _matches(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda found: isinstance(found, str) and pattern.fullmatch(found) is not None


def _text(found: object) -> bool:
    return isinstance(found, str) and len(found) <= _LONGEST_NAME


def _format(found: object) -> bool:
    return whole(found) and found == FORMAT


def _agent(found: object) -> bool:
    return isinstance(found, dict) and _text(found.get("version")) and _digest(found.get("code"))


def _stage1(found: object) -> bool:
    if found is None:
        return True
    return (
        isinstance(found, dict)
        and _text(found.get("name"))
        and _image(found.get("image"))
        and _digest(found.get("root"))
    )


def _app(found: object) -> bool:
    return (
        isinstance(found, dict)
        and _text(found.get("name"))
        and _image(found.get("image"))
        and _text(found.get("image_name"))
        and _digest(found.get("root"))
        and _word(found.get("verdict"))
        and _keys(found.get("keys"))
    )


def _keys(found: object) -> bool:
    return isinstance(found, list) and len(found) <= 1000 and all(map(_text, found))


def _apps(found: object) -> bool:
    return isinstance(found, list) and len(found) <= _MOST_APPS and all(map(_app, found))


def _policy(found: object) -> bool:
    return found == "none" or _digest(found)


def _words(found: object) -> bool:
    return isinstance(found, list) and len(found) <= 64 and all(map(_matches(_WORD), found))


def _status(found: object) -> bool:
    return found is None or whole(found)


_uuid, _digest, _image, _word = map(_matches, (_UUID, _DIGEST, _IMAGE, _WORD))
_value = _matches(re.compile(r"([0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})"))

_EVENTS: dict[str, dict[str, Callable[[object], bool]]] = {
    "baseline": {
        "format": _format,
        "boot_id": _uuid,
        "agent": _text,
        "value": _value,
        "time": _text,
    },
    "pod-start": {
        "format": _format,
        "uuid": _uuid,
        "name": _text,
        "time": _text,
        "flavour": _word,
        "agent": _agent,
        "stage1": _stage1,
        "manifest": _digest,
        "apps": _apps,
        "policy": _policy,
        "insecure": _words,
    },
    "pod-end": {"uuid": _uuid, "time": _text, "status": _status, "reason": _text},
    "app-add": {
        "uuid": _uuid,
        "time": _text,
        "app": _app,
        "manifest": _digest,
        "policy": _policy,
        "insecure": _words,
    },
    "app-rm": {"uuid": _uuid, "time": _text, "app": _text, "manifest": _digest},
    "missed": {"uuid": _uuid, "time": _text, "app": _text},
    "mismatch": {"time": _text, "value": _value, "expected": _value},
}
