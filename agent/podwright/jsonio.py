# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as we accept and write it.

Reading is strict (threats.md T27): duplicate keys, NaN, infinities, huge integers, deep
nesting, lone surrogates and oversized bodies are refused. Writing is canonical: sorted
keys, no spaces, so that equal values have equal bytes.
"""

from __future__ import annotations

import json

from podwright.errors import UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_DIGITS = 20
"""Of a whole number: all 64-bit numbers fit, and none costs quadratic time to convert."""


class _Refused(ValueError):
    pass


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(items)
    if len(out) != len(items):
        seen: set[str] = set()
        for key, _ in items:
            if key in seen:
                raise _Refused(f"key {key!r} appears twice")
            seen.add(key)
    return out


def _constant(name: str) -> Any:
    raise _Refused(f"{name} is not a JSON number")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _Refused(f"number {text[:20]} is out of range")
    return number


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _Refused(f"number {text[:20]}... is too long")
    return int(text)


def loads(data: Union[bytes, str], what: str, *, limit: int = MAX_BYTES) -> Any:
    """Parse untrusted JSON; `what` names the source in the error.

    Raises UsageError with the reason and, for syntax errors, the line and column.
    """
    if len(data) > limit:
        raise UsageError(f"{what}: {len(data)} bytes of JSON are more than the limit of {limit}")
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        if _depth(text) > MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH} levels")
        decoded = json.loads(
            text,
            object_pairs_hook=_pairs,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
        if "\\u" in text:
            json.dumps(decoded, ensure_ascii=False).encode("utf-8")
        return decoded
    except json.JSONDecodeError as err:
        where = f"line {err.lineno} column {err.colno}"
        raise UsageError(f"{what}: not JSON at {where}: {safe(err.msg)}") from None
    except UnicodeError:
        raise UsageError(f"{what}: not valid UTF-8 text") from None
    except (ValueError, RecursionError) as err:
        raise UsageError(f"{what}: {safe(err)}") from None


def _depth(text: str) -> int:
    """An upper bound of the nesting depth (brackets inside strings are not counted)."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    in_string = escaped = False
    for char in text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                break
        elif char in "]}":
            depth -= 1
    return deepest


def dumps(obj: Any) -> str:
    """Canonical one-line JSON: equal values give equal text."""
    return json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def pretty(obj: Any) -> str:
    """JSON for people and for files that people read: indented, keys sorted."""
    return json.dumps(obj, sort_keys=True, indent=2, ensure_ascii=False)
